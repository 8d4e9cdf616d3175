# nginx's image with brotli, as administrators build one: Debian 14's module, beside Debian 14's nginx.
echo 'deb http://deb.debian.org/debian forky main' >/etc/apt/sources.list.d/forky.list
printf 'Package: *\nPin: release n=forky\nPin-Priority: 100\n' >/etc/apt/preferences.d/forky
apt-get -o Acquire::Check-Valid-Until=false update
cd /tmp
apt-get download libnginx-mod-http-brotli-filter/forky
dpkg-deb --fsys-tarfile libnginx-mod-http-brotli-filter_*.deb | tar --extract --directory=/ --wildcards './usr/lib/nginx/modules/*.so'
apt-get install --yes libbrotli1
rm libnginx-mod-http-brotli-filter_*.deb /etc/apt/sources.list.d/forky.list /etc/apt/preferences.d/forky
