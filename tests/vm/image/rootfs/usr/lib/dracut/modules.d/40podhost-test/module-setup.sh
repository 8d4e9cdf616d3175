#!/bin/bash
# What Fedora CoreOS adds to Ignition in the initramfs: its base config, the network for configs from elsewhere,
# and a console that says why Ignition failed.

depends() {
    echo ignition systemd-networkd
}

installkernel() {
    instmods qemu_fw_cfg virtio_blk virtio_scsi virtio_net virtio_rng xfs ext4
}

install() {
    inst_multiple journalctl systemctl ip timeout sleep
    inst_simple /usr/lib/ignition/base.d/00-core.json
    inst_simple "$moddir/network.network" /etc/systemd/network/80-ignition.network
    inst_script "$moddir/ignition-failed.sh" /usr/bin/ignition-failed
    inst_simple "$moddir/emergency.service" "$systemdsystemunitdir/emergency.service"
    inst_simple "$moddir/ignition-network.service" "$systemdsystemunitdir/ignition-network.service"
    mkdir -p "$initdir/$systemdsystemunitdir/ignition-complete.target.requires"
    ln_r ../ignition-network.service "$systemdsystemunitdir/ignition-complete.target.requires/ignition-network.service"
}
