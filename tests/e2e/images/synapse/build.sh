# Synapse from PyPI. `pip` is the build machine's own, reached below /mnt.
apt-get install --yes python3 libjemalloc2
ln -s /usr/bin/python3 /usr/local/bin/python
PYTHONPATH=/mnt python3 -m pip install --quiet --root-user-action=ignore --break-system-packages --no-cache-dir --only-binary=:all: \
  "matrix-synapse[redis]==${TAG#v}" psycopg2-binary
install -d -m 0755 /data
