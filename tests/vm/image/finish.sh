# Runs in the root after the build script of the hosts of tests/e2e: SELinux, the initramfs, GRUB.
# Debian's policy knows containers, but not all of podman: netavark and aardvark-dns have no label,
# and the engine would be denied what Fedora's policy allows it. The containers stay confined.
cat > /tmp/podhost.cil <<'CIL'
(typepermissive podman_t)
(typepermissive container_engine_t)
(typepermissive podman_conmon_t)
; How a container tells systemd that it is ready; Fedora's policy allows it, and Debian's denies it without a word.
(allow container_t podman_conmon_t (unix_dgram_socket (sendto)))
(allow container_t podman_t (unix_dgram_socket (sendto)))
; Capabilities that podman has left to a container; Fedora's policy leaves them to it (virt_sandbox_use_all_caps, which is on).
(allow container_t self (capability (chown dac_override dac_read_search fowner fsetid)))
; What Fedora's policy says of the folder of containers' data.
(filecon "/var/srv/containers(/.*)?" any (system_u object_r container_file_t ((s0) (s0))))
(filecon "/usr/lib/podman/netavark" file (system_u object_r bin_t ((s0) (s0))))
(filecon "/usr/lib/podman/aardvark-dns" file (system_u object_r bin_t ((s0) (s0))))
CIL
semodule --noreload --install=/tmp/podhost.cil
rm /tmp/podhost.cil
printf 'SELINUX=enforcing\nSELINUXTYPE=default\n' > /etc/selinux/config
rm -f /usr/lib/systemd/system-generators/selinux-autorelabel-generator.sh
systemctl mask selinux-autorelabel.service selinux-autorelabel-mark.service

install -d -m 0700 /var/log/audit
systemctl enable auditd.service
# Of no use here, and denied by Debian's policy or looking for what this root has not.
systemctl mask systemd-network-generator.service grub-common.service
# Fedora CoreOS enables the serial console's login, and mounts /boot.
systemctl enable --quiet serial-getty@ttyS0.service ignition-firstboot-complete.service

version=$(ls /lib/modules)
dracut --quiet --force --no-hostonly --no-hostonly-cmdline --kver "$version" /boot/initramfs.img
mv "/lib/modules/$version/vmlinuz" /boot/vmlinuz
mkdir -p /boot/grub
grub-mkimage --format=i386-pc --prefix='(hd0,gpt2)/grub' --output=/boot/core.img \
  biosdisk part_gpt ext2 normal configfile test echo linux serial terminal
cp /usr/lib/grub/i386-pc/boot.img /boot/boot.img
rm -rf /usr/lib/grub /usr/lib/dracut /var/cache/* /var/tmp/*
rm -f /etc/machine-id
