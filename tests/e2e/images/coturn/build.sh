# coturn of Debian 13, arranged like the official image: nobody runs it, and the program may bind to any port.
apt-get install --yes coturn libcap2-bin
rm -rf /etc/turnserver.conf /etc/coturn /var/lib/turn
setcap CAP_NET_BIND_SERVICE=+ep /usr/bin/turnserver
install -d -o nobody -g nogroup /var/lib/coturn
