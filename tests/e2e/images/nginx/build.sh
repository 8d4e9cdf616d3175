# nginx of Debian 13, arranged like the official image: user nginx is 101, logs go to the container's output,
# temporary files below /var/cache/nginx, sites in /etc/nginx/conf.d.
groupadd --system --gid 101 nginx
useradd --system --gid nginx --uid 101 --home-dir /nonexistent --no-create-home --shell /bin/false nginx
apt-get install --yes nginx gettext-base openssl curl
rm -rf /etc/nginx/sites-* /etc/nginx/modules-* /etc/nginx/snippets /var/www /var/lib/nginx
mkdir -p /var/cache/nginx /docker-entrypoint.d
ln -s /var/cache/nginx /var/lib/nginx  # Debian's paths are compiled in
ln -sf /dev/stdout /var/log/nginx/access.log
ln -sf /dev/stderr /var/log/nginx/error.log
