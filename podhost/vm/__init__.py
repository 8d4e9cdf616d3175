"""Running a rendered host in a virtual machine on this computer: images of Fedora CoreOS, and QEMU."""
