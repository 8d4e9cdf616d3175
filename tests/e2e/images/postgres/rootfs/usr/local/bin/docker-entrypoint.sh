#!/bin/bash
# The contract of the official image's entrypoint: https://hub.docker.com/_/postgres
# An empty PGDATA is initialised from the POSTGRES_* variables and /docker-entrypoint-initdb.d, then the server runs as uid 999.
set -euo pipefail

# The value of VARIABLE, or what the file that VARIABLE_FILE names holds, or a default.
value_of() {
  local file=$1_FILE
  if [ -n "${!1:-}" ] && [ -n "${!file:-}" ]; then
    echo "$1 and $file are both set" >&2
    exit 1
  fi
  if [ -n "${!file:-}" ]; then cat "${!file}"; else echo "${!1:-${2:-}}"; fi
}

case ${1:-postgres} in -*) set -- postgres "$@" ;; esac
[ "$1" = postgres ] || exec "$@"

mkdir -p "$PGDATA"
chmod 0700 "$PGDATA" || true
if [ "$(id -u)" = 0 ]; then
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
[ -s "$PGDATA/PG_VERSION" ] && exec "$@"

user=$(value_of POSTGRES_USER postgres)
database=$(value_of POSTGRES_DB "$user")
password=$(value_of POSTGRES_PASSWORD)
initdb_arguments=$(value_of POSTGRES_INITDB_ARGS)
if [ -z "$password" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
  echo 'POSTGRES_PASSWORD is empty: no database is made' >&2
  exit 1
fi
eval "initdb --username='$user' --pwfile=<(printf '%s\n' \"\$password\") $initdb_arguments"
echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}" >> "$PGDATA/pg_hba.conf"

# The server that runs the scripts is on its socket only, and must not tell systemd that the service is ready.
NOTIFY_SOCKET='' pg_ctl -o "-c listen_addresses=''" -w start
export PGPASSWORD=$password
run_sql() { psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$user" --dbname "$@"; }
if [ "$database" != postgres ]; then
  run_sql postgres --set db="$database" <<< 'CREATE DATABASE :"db";'
fi
for script in /docker-entrypoint-initdb.d/*; do
  case $script in
    *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
    *.sql) run_sql "$database" --file "$script" ;;
    *.sql.gz) gunzip --stdout "$script" | run_sql "$database" ;;
  esac
done
NOTIFY_SOCKET='' pg_ctl -m fast -w stop
unset PGPASSWORD
exec "$@"
