from __future__ import annotations

from .bed import Bed


def test_boots(bed: Bed) -> None:
    host = bed.host(
        "one",
        {
            "ignition": {"version": "3.3.0"},
            "passwd": {"users": [{"name": "core", "sshAuthorizedKeys": ["ssh-ed25519 AAAA x"]}]},
            "systemd": {"units": [{"name": "podman-auto-update.timer", "enabled": True}]},
        },
        data=bed.folder("one"),
    )
    log = host.provision()
    host.boot()
    print(host.wait_booted())
    print(
        host.failed_units(),
        host.run(
            "systemctl is-system-running; podman images; id core; cat /home/core/.ssh/authorized_keys.d/*; systemctl is-enabled podman-auto-update.timer; ls -la / /var/srv; touch /usr/x; systemd-analyze; systemd-analyze critical-chain; hostname; cat /etc/machine-id",
            check=False,
        ).stdout,
    )
    host.reboot()
    print(host.wait_booted())
    host.poweroff()
