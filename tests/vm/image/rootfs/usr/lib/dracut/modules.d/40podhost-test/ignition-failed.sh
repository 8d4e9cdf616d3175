#!/bin/sh
# As Fedora CoreOS does: say it, show Ignition's log, and be no host. Units stop meanwhile, so no unit is asked for its log.
timeout 10 journalctl --sync
echo '------'
echo 'Ignition has failed.'
echo '------'
journalctl --boot --no-pager --output=short-monotonic --identifier=ignition
