# restic of Debian 13. The official image is made of Alpine Linux, whose shell is dash's like, and has the same path.
apt-get install --yes restic
