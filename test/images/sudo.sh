#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sudo.sh LAYOUT WORK: the Debian image with the package sudo as a further layer: the root of a system for tests.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=test/images/chroot.sh
. "$here/chroot.sh"

unpack_debian "$1" "$2"
install_below "$2/bundle/rootfs" sudo >"$2/log" 2>&1 || {
	tail -n 15 "$2/log" >&2
	exit 1
}
finish "$1" "$2" --config.cmd bash
