"""The table of providers: what each takes, with the source of every limit, and how a machine is started there.

In the commands, words in capitals are for the administrator to fill in.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

# What one argument of a command may have, with its final NUL (execve(2), MAX_ARG_STRLEN), less the name before the value.
ARGUMENT = 128 * 1024 - 1 - 64


class Encoding(Enum):
    """How the user data are written in the file."""

    PLAIN = "plain"
    BASE64 = "base64"
    GZIP_BASE64 = "gzip+base64"


class Provider(NamedTuple):
    """One provider: `limit` in bytes of the user data as `encoding` writes them, None for none, with its `source`.

    `tool` reads configs itself, and only up to `newest_spec`.
    """

    title: str
    limit: int | None
    source: str
    commands: str
    encoding: Encoding = Encoding.PLAIN
    tool: str = ""
    newest_spec: str = ""


_DOCS = "https://docs.fedoraproject.org/en-US/fedora-coreos"

PROVIDERS: dict[str, Provider] = {
    "aws": Provider(
        "AWS EC2",
        16 * 1024,
        "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html: 16 KB, before base64",
        """\
image=$(curl -s https://builds.coreos.fedoraproject.org/streams/stable.json | jq -r '.architectures.x86_64.images.aws.regions["REGION"].image')
aws ec2 run-instances --region REGION --instance-type t3.medium --image-id "$image" \\
  --security-group-ids GROUP --user-data file://{file} \\
  --tag-specifications 'ResourceType=instance,Tags=[{{Key=Name,Value={name}}}]'
""",
    ),
    "azure": Provider(
        "Azure",
        65535,
        "https://learn.microsoft.com/en-us/rest/api/compute/virtual-machines/create-or-update, OSProfile.customData: 65535 bytes, decoded",
        """\
# once: upload the image (DOCS/provisioning-azure/)
az vm create --resource-group GROUP --name {name} --image IMAGE --size Standard_B2s \\
  --admin-username core --ssh-key-values KEY.pub --custom-data {file}
""".replace("DOCS", _DOCS),
    ),
    "gcp": Provider(
        "Google Cloud",
        256 * 1024,
        "https://cloud.google.com/compute/docs/metadata/setting-custom-metadata#limitations: 256 KB for one value",
        """\
gcloud compute instances create {name} --zone ZONE --machine-type e2-medium \\
  --image-project fedora-coreos-cloud --image-family fedora-coreos-stable --metadata-from-file user-data={file}
""",
    ),
    "openstack": Provider(
        "OpenStack",
        65535 // 4 * 3,
        "https://docs.openstack.org/nova/latest/user/metadata.html#user-data: 65535 bytes, after base64",
        """\
# once: upload the image
coreos-installer download -s stable -p openstack -f qcow2.xz --decompress
openstack image create --disk-format qcow2 --container-format bare --file fedora-coreos-*-openstack.x86_64.qcow2 fedora-coreos
# each machine
openstack server create --image fedora-coreos --flavor FLAVOR --network NETWORK --user-data {file} {name}
""",
    ),
    "digitalocean": Provider(
        "DigitalOcean",
        64 * 1024,
        "https://docs.digitalocean.com/reference/api/digitalocean/#tag/Droplets, user_data: 64 KiB",
        """\
# once: upload the image (DOCS/provisioning-digitalocean/)
doctl compute droplet create {name} --image IMAGE_ID --region REGION --size s-2vcpu-4gb --ssh-keys KEY_ID \\
  --user-data-file {file} --wait
""".replace("DOCS", _DOCS),
    ),
    "vultr": Provider(
        "Vultr",
        ARGUMENT,
        "execve(2): vultr-cli takes it as an argument, 128 KiB; Vultr names no limit of its own",
        """\
# once: upload the image (DOCS/provisioning-vultr/)
vultr-cli instance create --region REGION --plan vc2-2c-4gb --snapshot SNAPSHOT_ID --label {name} --host {name} \\
  --userdata "$(cat {file})"
""".replace("DOCS", _DOCS),
    ),
    "hetzner": Provider(
        "Hetzner Cloud",
        32 * 1024,
        "https://docs.hetzner.cloud/reference/cloud#servers-create-a-server, user_data: 32 KiB",
        """\
# once: upload the image (DOCS/provisioning-hetzner/)
hcloud server create --name {name} --type cx22 --image IMAGE_ID --ssh-key KEY --user-data-from-file {file}
""".replace("DOCS", _DOCS),
    ),
    "vmware": Provider(
        "VMware",
        ARGUMENT,
        "execve(2): govc takes it as an argument, 128 KiB",
        """\
# once: upload the image
coreos-installer download -s stable -p vmware -f ova
govc import.ova -name fedora-coreos fedora-coreos-*-vmware.x86_64.ova
# each machine
govc vm.clone -vm fedora-coreos -on=false {name}
govc vm.change -vm {name} -e guestinfo.ignition.config.data.encoding=gzip+base64 \\
  -e "guestinfo.ignition.config.data=$(cat {file})"
govc vm.power -on {name}
""",
        Encoding.GZIP_BASE64,
    ),
    "proxmox": Provider(
        "Proxmox VE",
        1024 * 1024,
        "https://git.proxmox.com/?p=qemu-server.git, Cloudinit.pm: snippets are read up to 1 MiB",
        """\
# on the node, with a storage that may hold snippets
coreos-installer download -s stable -p proxmoxve -f qcow2.xz --decompress
cp {file} /var/lib/vz/snippets/{name}.ign
qm create VMID --name {name} --cores 2 --memory 4096 --net0 virtio,bridge=vmbr0 --scsihw virtio-scsi-pci
qm set VMID --scsi0 STORAGE:0,import-from="$(ls "$PWD"/fedora-coreos-*-proxmoxve.x86_64.qcow2)"
qm set VMID --ide2 STORAGE:cloudinit --boot order=scsi0 --cicustom vendor=local:snippets/{name}.ign
qm start VMID
""",
    ),
    "libvirt": Provider(
        "libvirt",
        None,
        "https://www.qemu.org/docs/master/specs/fw_cfg.html: a file of any size",
        """\
coreos-installer download -s stable -p qemu -f qcow2.xz --decompress
virt-install --name {name} --import --memory 4096 --vcpus 2 --osinfo fedora-coreos-stable,require=off \\
  --disk size=20,backing_store="$(ls "$PWD"/fedora-coreos-*-qemu.x86_64.qcow2)" --network network=default \\
  --graphics none --noautoconsole --qemu-commandline="-fw_cfg name=opt/com.coreos/config,file=$(realpath {file})"
""",
    ),
    "metal": Provider(
        "bare metal",
        None,
        "https://coreos.github.io/coreos-installer/customizing-install/: the config is appended to the initramfs",
        """\
# from a USB stick or a CD
coreos-installer download -s stable -p metal -f iso
coreos-installer iso customize --dest-device /dev/DISK --dest-ignition {file} -o {name}.iso fedora-coreos-*-live*.x86_64.iso
# or over the network, with PXE
coreos-installer download -s stable -p metal -f pxe
coreos-installer pxe customize --dest-device /dev/DISK --dest-ignition {file} -o {name}-initramfs.img fedora-coreos-*-live-initramfs.x86_64.img
""",
        tool="coreos-installer 0.26",
        newest_spec="3.5.0",
    ),
}
