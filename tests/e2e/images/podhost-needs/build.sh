# What podhost depends on, as the Containerfile installs it.
python3 -c 'import tomllib; print(*tomllib.load(open("/mnt/source/pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' >/tmp/needs
PYTHONPATH=/mnt python3 -m pip install --quiet --root-user-action=ignore --no-cache-dir --no-compile --only-binary=:all: \
  --target /opt/podhost --requirement /tmp/needs
rm -r /opt/podhost/bin /opt/podhost/pygments* /tmp/needs
