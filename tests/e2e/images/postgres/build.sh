# PostgreSQL of Debian 13, which is built with systemd's notification, as the official image's is.
groupadd --system --gid 999 postgres
useradd --system --gid postgres --uid 999 --home-dir /var/lib/postgresql --shell /bin/bash postgres
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
apt-get install --yes locales postgresql-17
localedef --inputfile=en_US --charmap=UTF-8 --alias-file=/usr/share/locale/locale.alias en_US.UTF-8 || [ $? = 1 ]
# The just-in-time compiler is 130 MB that no test of a host needs; PostgreSQL runs without it where its library is missing.
rm -f /usr/lib/postgresql/17/lib/llvmjit.so /usr/lib/*/libLLVM*.so*
rm -rf /usr/lib/postgresql/17/lib/bitcode /usr/share/i18n
sed -i "s/^#*listen_addresses .*/listen_addresses = '*'/" /usr/share/postgresql/17/postgresql.conf.sample
mkdir -p /docker-entrypoint-initdb.d
install -d -o postgres -g postgres -m 3777 /var/run/postgresql
install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data
