#!/bin/sh
# As Fedora CoreOS does: say it, show Ignition's log, and be no host. Units stop meanwhile, so no unit is asked for its log.
timeout 10 journalctl --sync
# A journal that is growing at this moment is taken for one that was cut short, and has no entries then.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    log=$(journalctl --quiet --boot --no-pager --output=short-monotonic --identifier=ignition)
    [ -z "$log" ] || break
    sleep 1
done
echo '------'
echo 'Ignition has failed.'
echo '------'
echo "$log"
