#!/bin/sh
# As Fedora CoreOS does: the failed units, their log, and no host.
echo '------'
echo 'Ignition has failed.'
echo '------'
for unit in $(systemctl list-units --failed --plain --no-legend | sed 's/ .*//'); do
    echo "Log of the failed unit $unit:"
    journalctl --boot --no-pager --output=short-monotonic --unit="$unit"
done
journalctl --boot --no-pager --output=short-monotonic --identifier=ignition --priority=err
