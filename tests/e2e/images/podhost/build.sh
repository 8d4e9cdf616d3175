# podhost, as its wheel has it, with the start script of the Containerfile.
cp -r /mnt/source/podhost /opt/podhost/podhost
mkdir /opt/podhost/podhost/data
cp -r /mnt/source/stacks /mnt/source/parts /mnt/source/units /mnt/source/butane /opt/podhost/podhost/data
find /opt/podhost -name __pycache__ -prune -exec rm -r {} +
sed -n "/^COPY .*SCRIPT/,/^SCRIPT/{//!p}" /mnt/source/Containerfile >/usr/local/bin/podhost
chmod 0755 /usr/local/bin/podhost
