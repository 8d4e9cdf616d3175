# Element Web's image stands on nginx-unprivileged: everything that nginx writes is below /tmp, and user nginx writes conf.d.
rm -rf /usr/share/nginx/html
ln -s /app /usr/share/nginx/html
rm /etc/nginx/conf.d/default.conf
chown nginx:nginx /etc/nginx/conf.d
