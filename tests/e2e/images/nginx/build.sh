# nginx of Debian 14, as new as the official image's, arranged like the official image: user nginx is 101, logs go to the container's output,
# temporary files below /var/cache/nginx, sites in /etc/nginx/conf.d.
groupadd --system --gid 101 nginx
useradd --system --gid nginx --uid 101 --home-dir /nonexistent --no-create-home --shell /bin/false nginx
apt-get install --yes gettext-base openssl curl
echo 'deb http://deb.debian.org/debian forky main' >/etc/apt/sources.list.d/forky.list
printf 'Package: *\nPin: release n=forky\nPin-Priority: 100\n' >/etc/apt/preferences.d/forky
apt-get -o Acquire::Check-Valid-Until=false update  # a mirror may be some weeks behind
apt-get install --yes nginx/forky nginx-common/forky libnginx-mod-stream/forky libpcre2-8-0/forky
rm /etc/apt/sources.list.d/forky.list /etc/apt/preferences.d/forky
rm -rf /etc/nginx/sites-* /etc/nginx/modules-* /etc/nginx/snippets /var/www /var/lib/nginx
mkdir -p /var/cache/nginx /docker-entrypoint.d
ln -s /var/cache/nginx /var/lib/nginx  # Debian's paths are compiled in
ln -sf /dev/stdout /var/log/nginx/access.log
ln -sf /dev/stderr /var/log/nginx/error.log
