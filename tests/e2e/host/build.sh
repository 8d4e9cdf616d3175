# The root of a test host: Debian 13 with podman and Quadlet, laid out like Fedora CoreOS.
# README.md lists each difference that a test could meet, with its reason.
apt-get install --yes \
  systemd systemd-sysv systemd-resolved udev dbus kmod \
  podman crun netavark aardvark-dns catatonit nftables iproute2 \
  openssh-server sudo openssl curl ca-certificates

# Ignition enables units through presets, so the root's own policy is Fedora's: what no preset names stays off.
systemctl disable apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  podman.socket podman.service podman-restart.service podman-auto-update.timer podman-clean-transient.service \
  netavark-dhcp-proxy.socket netavark-dhcp-proxy.service
systemctl enable systemd-networkd.service systemd-networkd-wait-online.service systemd-resolved.service ssh.service
systemctl mask systemd-firstboot.service
mkdir -p /usr/lib/systemd/system-preset
echo 'disable *' > /usr/lib/systemd/system-preset/99-default-disable.preset
groupadd --system wheel

# Ignition asks for these when it relabels; no SELinux is in the kernel of a container.
mkdir -p /etc/selinux/default/contexts/files
printf 'SELINUX=disabled\nSELINUXTYPE=default\n' > /etc/selinux/config
touch /etc/selinux/default/contexts/files/file_contexts

# /usr is read-only; what a host may write is below /etc and /var.
umount -R /mnt
rm -rf /var/cache/apt /var/lib/apt \
  /home /srv /opt /mnt /media /boot/* \
  /var/lib/dpkg /var/lib/systemd/random-seed /var/log/*
mkdir -p /var/home /var/srv /var/opt /var/mnt /run/media
mv /root /var/roothome
mv /usr/local /var/usrlocal
for link in home:var/home srv:var/srv opt:var/opt mnt:var/mnt media:run/media root:var/roothome usr/local:../var/usrlocal; do
  ln -s "${link#*:}" "/${link%%:*}"
done
rm -f /etc/machine-id /var/lib/dbus/machine-id /etc/hostname
# Nothing is left to do for a /usr that changed (systemd-update-done.service(8)).
touch /etc/.updated /var/.updated
