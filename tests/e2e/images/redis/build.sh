# Redis 8 of Debian 13, arranged like the official image: user redis is 999, and there is a folder /data.
groupadd --system --gid 999 redis
useradd --system --gid redis --uid 999 --home-dir /data --no-create-home --shell /bin/false redis
apt-get install --yes redis-server
rm -rf /etc/redis /var/lib/redis /var/log/redis
install -d -o redis -g redis /data
