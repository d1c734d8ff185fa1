#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: kernel.sh
# Prints a directory with Debian's kernel for virtual machines: vmlinuz, and root/lib/modules with the modules named here.
# Downloads the package once and unpacks it into .cache/vm; nothing is installed.
set -eu

# In the order of loading; what they need is found by depmod.
modules='virtio_pci virtio_blk overlay loop erofs fuse tun veth bridge'

fail() {
	echo "kernel.sh: $*" >&2
	exit 69
}

cache=$(cd "$(dirname "$0")/../.." && pwd)/.cache/vm
mkdir -p "$cache"
[ "$(uname -m)" = x86_64 ] || fail 'cannot make a virtual machine: wanted an x86_64 host'

# Take what is there: a new kernel every week would be a test of Debian's.
for found in "$cache"/*/vmlinuz; do
	[ -e "$found" ] && [ "$(cat "${found%/*}/modules" 2>/dev/null)" = "$modules" ] && dirname "$found" && exit 0
done

package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
[ -n "$package" ] || fail 'cannot find the package linux-image-cloud-amd64: wanted current lists of apt'
version=${package#linux-image-}

work=$(mktemp -d "$cache/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd "$work" && apt-get -qq download "$package") >"$work/log" 2>&1 || fail "cannot download $package: $(tail -n 1 "$work/log")"
dpkg-deb -x "$work"/linux-image-*.deb "$work/unpacked"

tree=$work/unpacked/lib/modules/$version
kernel=$work/kernel
mkdir -p "$kernel/root/lib/modules/$version"
cp "$work/unpacked/boot/vmlinuz-$version" "$kernel/vmlinuz"
busybox depmod -b "$work/unpacked" "$version"
# modules.dep: "kernel/a.ko: kernel/b.ko kernel/c.ko", every path that the module needs.
for module in $modules; do
	line=$(grep "/$module\.ko:" "$tree/modules.dep") || fail "cannot find module $module of $package"
	for file in $(echo "$line" | tr -d :); do
		mkdir -p "$kernel/root/lib/modules/$version/$(dirname "$file")"
		cp "$tree/$file" "$kernel/root/lib/modules/$version/$file"
	done
done
busybox depmod -b "$kernel/root" "$version"
printf '%s\n' "$modules" >"$kernel/modules"
# Two at the same time: the first wins, both are right.
mv -T "$kernel" "$cache/$version" 2>/dev/null || [ -e "$cache/$version/vmlinuz" ]
echo "$cache/$version"
