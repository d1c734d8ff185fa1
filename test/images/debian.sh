#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# debian.sh LAYOUT WORK: a minimal Debian with apt, python3, curl, git and a program with file capabilities.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=test/images/chroot.sh
. "$here/chroot.sh"

layout=$1
work=$2
from=$(mirror)

debootstrap --variant=minbase "$suite" "$work/root" "$from" >"$work/log" 2>&1 || {
	tail -n 5 "$work/log" >&2
	exit 1
}
install_below "$work/root" python3-minimal bash curl git ca-certificates iputils-ping procps >"$work/log" 2>&1 || {
	tail -n 15 "$work/log" >&2
	exit 1
}
getcap "$work/root/usr/bin/ping" | grep -q cap_net_raw || setcap cap_net_raw+ep "$work/root/usr/bin/ping"
# Manuals in other languages and the texts of packages are most of the small files and nothing that a test looks at.
find "$work/root/usr/share/locale" "$work/root/usr/share/man" "$work/root/usr/share/doc" -mindepth 1 -maxdepth 1 \
	-exec rm -rf {} +
# An image brings no devices: whoever runs it makes those that it needs.
tar -C "$work/root" '--exclude=./dev/*' --sort=name --numeric-owner --format=pax --xattrs '--xattrs-include=*' \
	--pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' -cf "$work/layer.tar" .
"$here/../../scripts/node" "$here/layout.ts" "$layout" latest \
	'{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["bash"]}' "$work/layer.tar"
