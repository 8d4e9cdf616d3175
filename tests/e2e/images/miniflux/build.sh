# Miniflux of Debian 13: the program alone, as the official image has it. No unit, no user, no database of Debian's own.
cd /tmp
apt-get download miniflux
dpkg-deb --fsys-tarfile miniflux_*.deb | tar --extract --directory=/ ./usr/bin/miniflux
rm miniflux_*.deb
