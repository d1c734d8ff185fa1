#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# nginx.sh LAYOUT WORK: the Debian image with the package nginx-light as a further layer, made by umoci.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=test/images/chroot.sh
. "$here/chroot.sh"

unpack_debian "$1" "$2"
install_below "$2/bundle/rootfs" nginx-light >"$2/log" 2>&1 || {
	tail -n 15 "$2/log" >&2
	exit 1
}
site=$2/bundle/rootfs/etc/nginx/sites-available/default
# A port that nobody else has, since a pod may share the host's network.
sed -i 's/listen 80 default_server/listen 127.0.0.1:18080 default_server/; /listen \[::\]/d' "$site"
echo 'nginx in a pod' >"$2/bundle/rootfs/var/www/html/index.html"
# The package's own log files become links to where a container's output goes.
ln -sf /dev/stdout "$2/bundle/rootfs/var/log/nginx/access.log"
ln -sf /dev/stderr "$2/bundle/rootfs/var/log/nginx/error.log"
finish "$1" "$2" --config.entrypoint nginx --config.cmd -g --config.cmd 'daemon off;' \
	--config.exposedports 18080/tcp --config.stopsignal SIGQUIT --config.volume /var/cache/nginx \
	--config.workingdir /var/www/html --config.label org.example.image=nginx
