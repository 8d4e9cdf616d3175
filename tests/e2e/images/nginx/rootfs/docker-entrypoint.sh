#!/bin/sh
# The contract of the official image's entrypoint: scripts of /docker-entrypoint.d run in order before nginx.
set -e
case $1 in
  nginx | nginx-debug)
    for script in /docker-entrypoint.d/*; do
      case $script in
        *.envsh) [ ! -x "$script" ] || . "$script" ;;
        *.sh) [ ! -x "$script" ] || "$script" ;;
      esac
    done
    ;;
esac
exec "$@"
