#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: run.sh [--file SRC:DEST]... [--program SRC:DEST]... [--memory MIB] [--timeout SECONDS]
#               [--cgroups v1|v2] [--console] -- COMMAND...
# Runs a command as root in a virtual machine with Debian's kernel, cgroups of one version, and busybox; see README.md.
# Ends with the status of the command, 124 if the time is over, 125 if the machine does not report a status.
set -eu

usage() {
	echo "run.sh: $*" >&2
	sed -n '/^# Usage: /,/ COMMAND/s/^# //p' "$0" >&2
	exit 64
}

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
root=$work/root
mkdir "$root"

# A directory of the new root. What was copied may have links, and a link must not lead out, to the same path of the host.
directory() {
	case $(realpath -m "$root$1")/ in "$root"/*) mkdir -p "$root$1" ;; *) usage "a link leads out of $1" ;; esac
}

# Copies SRC:DEST with everything that is below it. A directory that is there already is filled, not replaced.
place() {
	source=${1%%:*} destination=${1#*:}
	case $1 in *:/*) ;; *) usage "wanted SRC:DEST with an absolute DEST, not $1" ;; esac
	[ -e "$source" ] || usage "no such file: $source"
	if [ -d "$source" ]; then
		directory "$destination"
		cp -a --remove-destination "$source/." "$root$destination"
	else
		directory "$(dirname "$destination")"
		cp -aL --remove-destination "$source" "$root$destination"
	fi
}

memory=1024 timeout=120 cgroups=v2 console=
while [ $# -gt 0 ]; do
	case $1 in
	--) shift && break ;;
	--console) console=yes && shift && continue ;;
	--file | --program | --memory | --timeout | --cgroups) [ $# -ge 2 ] || usage "$1 wants a value" ;;
	*) usage "unknown option $1" ;;
	esac
	case $1 in
	--file) place "$2" ;;
	--program)
		place "$2"
		for library in $(ldd "${2%%:*}" | grep -o '/[^ ]*'); do place "$library:$library"; done
		;;
	--memory) memory=$2 ;;
	--timeout) timeout=$2 ;;
	--cgroups) cgroups=$2 ;;
	esac
	shift 2
done
[ $# -gt 0 ] || usage 'wanted a command'
case $cgroups in
v1) append='cgroups=v1' ;;
v2) append='cgroups=v2 cgroup_no_v1=all' ;;
*) usage "unknown version of cgroups $cgroups" ;;
esac
kernel=$("$here/kernel.sh")

quote() {
	printf '%s' "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/"
}
# An empty argument has no line that sed could quote.
{
	printf exec
	for word in "$@"; do
		if [ -n "$word" ]; then printf ' %s' "$(quote "$word")"; else printf " ''"; fi
	done
	echo
} >"$root/command"

for name in bin sbin usr/bin usr/sbin etc root proc sys dev run tmp var/tmp; do
	directory "/$name"
done
# What was given is kept, but for the two programs that the machine starts with.
busybox --list-full | while read -r applet; do
	[ -e "$root/$applet" ] || [ -L "$root/$applet" ] || ln -s /bin/busybox "$root/$applet"
done
cp --remove-destination "$(command -v busybox)" "$root/bin/busybox"
cp --remove-destination "$here/init" "$root/sbin/init"
chmod 755 "$root/sbin/init" "$root"
[ -e "$root/etc/passwd" ] || printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
[ -e "$root/etc/group" ] || printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
truncate -s "$(($(du -sm "$root" | cut -f 1) * 5 / 4 + 1024))M" "$work/disk"
mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1 -d "$root" "$work/disk"
rm -rf "$root"

mkdir -p "$work/initramfs/bin"
cp "$(command -v busybox)" "$work/initramfs/bin/busybox"
cp "$here/initramfs-init" "$work/initramfs/init"
chmod 755 "$work/initramfs/init"
cp "$kernel/modules" "$work/initramfs/modules"
cp -r "$kernel/root/lib" "$work/initramfs/lib"
(cd "$work/initramfs" && find . | cpio -o -H newc --quiet) >"$work/initrd"

: >"$work/status"
code=0
# Emulated unless RKT_VM_ACCEL says otherwise: a /dev/kvm that is there does not always work, and a guest that hangs in
# it cannot be told from a slow one.
timeout -k 5 "$timeout" qemu-system-x86_64 -machine pc -cpu max -accel "${RKT_VM_ACCEL:-tcg}" -m "$memory" \
	-nodefaults -no-user-config -display none -no-reboot \
	-kernel "$kernel/vmlinuz" -initrd "$work/initrd" \
	-append "console=ttyS0 panic=-1 edd=off mitigations=off nokaslr $append" \
	-drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" \
	-serial "file:$work/console" -serial "file:$work/stdout" -serial "file:$work/stderr" -serial "file:$work/status" \
	</dev/null >"$work/qemu" 2>&1 &
machine=$!
trap 'kill $machine; exit 143' TERM HUP
trap 'kill $machine; exit 130' INT
wait "$machine" || code=$?
cat "$work/stdout" 2>/dev/null || :
cat "$work/stderr" >&2 2>/dev/null || :
[ -z "$console" ] || tr -d '\r' <"$work/console" >&2

status=$(cat "$work/status")
[ -z "$status" ] || exit "$status"
[ "$code" -ne 124 ] || { echo "run.sh: the time is over: $timeout s" >&2 && exit 124; }
echo "run.sh: the machine reports no status:" >&2
cat "$work/qemu" >&2
[ -n "$console" ] || [ ! -e "$work/console" ] || tail -n 120 "$work/console" | tr -d '\r' >&2
exit 125
