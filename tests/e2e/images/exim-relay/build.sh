# Exim of Debian 13, arranged like the image: the user exim is 100 and its group 101, nothing is setuid, the configuration is in /etc/exim.
# Debian's program has these under names of its own.
groupadd --system --gid 101 exim
useradd --system --gid exim --uid 100 --home-dir /var/spool/exim --no-create-home --shell /bin/false exim
groupadd --system --non-unique --gid 101 Debian-exim
useradd --system --non-unique --gid Debian-exim --uid 100 --home-dir /var/spool/exim --no-create-home --shell /bin/false Debian-exim
apt-get install --yes exim4-daemon-light tini
chmod 0755 /usr/sbin/exim4
ln -sf exim4 /usr/sbin/exim
ln -s ../bin/tini /usr/sbin/tini
rm -rf /etc/exim4 /var/lib/exim4 /var/spool/exim4 /var/log/exim4
mkdir -p /etc/exim /etc/exim4 /var/log/exim
ln -s ../exim/exim.conf /etc/exim4/exim4.conf
ln -s /dev/stdout /var/log/exim/mainlog
mkdir -m 777 /var/spool/exim
