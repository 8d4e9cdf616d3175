#!/bin/sh
# The contract of the official image's entrypoint: an option or a configuration file alone is one of redis-server's,
# which runs as the user redis if started as root.
set -e
case $1 in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid=redis --regid=redis --clear-groups -- "$0" "$@"
fi
exec "$@"
