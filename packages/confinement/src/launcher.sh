#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Starts @name@ inside what its privileges.json declares: see rkt-@page@, PRIVILEGES. Made by packages/confinement.
here=${0%/*}
[ ! -h "$0" ] || here=$(dirname "$(readlink -f -- "$0")")
lib=$here/../lib/rkt
node=${RKT_NODE:-$lib/node}
if ! [ -x "$node" ]; then
	node=$(command -v node) && "$node" -e 'process.exit(Number(parseInt(process.versions.node) < 24))' || {
		echo "@name@: cannot start: no Node of version 24 or newer: set RKT_NODE" >&2
		exit 78
	}
fi
root=
[ ! -O /proc/1 ] || root=yes

# The data directory, as the command is going to find it.
dir=
previous=
for word; do
	[ "$previous" != --dir ] || dir=$word
	case $word in
	--) break ;;
	--dir=*) dir=${word#*=} ;;
	esac
	previous=$word
done
if [ -z "$dir" ]; then
	dir=${XDG_DATA_HOME:-${HOME:-}/.local/share}/rkt
	[ -z "$root" ] || dir=/var/lib/rkt
fi

# Sets $quoted to the path as a plan writes it.
quote() {
	quoted=$1
	case $1 in
	*[[:cntrl:][:space:]\\]*)
		quoted=$(printf %s "$1" | od -An -v -tx1 -w1 | while read -r byte; do printf '\\%03o' "0x$byte"; done)
		;;
	esac
}

# may RIGHTS PATH...: a rule for each path that is there.
may() {
	rights=$1
	shift
	for path; do
		[ -e "$path" ] || continue
		quote "$path"
		plan="${plan}landlock_add_rule 3 $rights $quoted
"
	done
}

# Lines of a plan, see rkt-plan(5).
line() {
	plan="$plan$*
"
}
# What follows below is made from the declaration, and uses some of these.
# shellcheck disable=SC2034
read=LANDLOCK_ACCESS_FS_READ_FILE\|LANDLOCK_ACCESS_FS_READ_DIR
# shellcheck disable=SC2034
run=$read\|LANDLOCK_ACCESS_FS_EXECUTE
# shellcheck disable=SC2034
change=$read@change@
plan=

@body@
quote "$node"
program=$quoted
quote "$lib"
@filter@line "exec $program node @flags@--disable-warning=ExperimentalWarning $quoted/start.js $quoted/@name@.js"
confine=--confine
[ "${RKT_CONFINE:-}" != require ] || confine=--confine-strictly
exec "$lib/stage1" $confine "$lib" "$plan" "$@"
