#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# redis.sh LAYOUT WORK: the Debian image with the package redis-server as a further layer, run as its own user.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=test/images/chroot.sh
. "$here/chroot.sh"

unpack_debian "$1" "$2"
install_below "$2/bundle/rootfs" redis-server >"$2/log" 2>&1 || {
	tail -n 15 "$2/log" >&2
	exit 1
}
mkdir -p "$2/bundle/rootfs/data"
chroot "$2/bundle/rootfs" chown redis:redis /data
finish "$1" "$2" --config.entrypoint redis-server --config.cmd --bind --config.cmd 127.0.0.1 --config.cmd --port \
	--config.cmd 16379 --config.exposedports 16379/tcp --config.user redis:redis --config.volume /data \
	--config.workingdir /data --config.stopsignal SIGTERM --config.env REDIS_IN_A_POD=yes
