# What a machine needs and a container does not: a kernel, GRUB, SELinux, and an initramfs that runs Ignition.
# Runs in the root before the build script of the hosts of tests/e2e, which lays the root out like Fedora CoreOS.
export INITRD=No # finish.sh makes the only one that is used
apt-get install --yes \
  linux-image-cloud-amd64 grub-pc-bin grub-common dracut dracut-network ignition \
  selinux-policy-default policycoreutils selinux-utils semodule-utils auditd \
  e2fsprogs xfsprogs fdisk gdisk dosfstools netbase
# The hosts' build script empties /boot; Fedora CoreOS, too, has the kernel beside its modules.
mv /boot/vmlinuz-* "/lib/modules/$(ls /lib/modules)/vmlinuz"
