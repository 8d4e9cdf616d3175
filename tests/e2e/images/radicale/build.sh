# Radicale of Debian 13, where the official image has its own: a Python environment below /app, and the user 1000.
apt-get install --yes radicale
groupadd --gid 1000 radicale-image
useradd --uid 1000 --gid 1000 --home-dir /var/lib/radicale --no-create-home --shell /usr/sbin/nologin radicale-image
rm -rf /etc/radicale /var/lib/radicale
install -d -o 1000 -g 1000 /var/lib/radicale
mkdir -p /app/bin
ln -s /usr/bin/python3 /app/bin/python
ln -s /usr/bin/radicale /app/bin/radicale
