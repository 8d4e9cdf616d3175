#!/bin/sh
# The configuration is served from a copy, to which the official image adds its modules.
set -e
mkdir -p /tmp/element-web-config
cp /app/config*.json /tmp/element-web-config/
