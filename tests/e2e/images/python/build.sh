# Python of Debian 13, in place of the official image that podhost's own stands on.
apt-get install --yes python3
