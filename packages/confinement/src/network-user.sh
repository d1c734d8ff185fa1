#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The part of a launcher that decides whom root becomes to use the network; launcher.sh has set root, lib and dir.
# shellcheck disable=SC2034,SC2154

# The system user of an installation: only root can become it. A person of this name has a home.
uid=
gid=
name=
home=
if [ -n "$root" ] && [ -r /etc/passwd ]; then
	while IFS=: read -r name _ uid gid _ home _; do
		[ "$name" != rkt ] || break
	done </etc/passwd
fi
case $name:$uid:$gid:$home in
rkt:[1-9]*:[1-9]*:/nonexistent) ;;
*) uid= ;;
esac
case $uid$gid in *[!0-9]*) uid= ;; esac
become=
[ -z "$uid" ] || become="setgroups $gid"

# Prints the path of a directory without links.
real() {
	(CDPATH='' cd -P -- "$1" 2>/dev/null && pwd -P)
}

# Prints mode, links, owner and group of a directory and of all that lead to it. No name is looked up for that.
way() {
	at=$1
	set --
	while set -- "$at" "$@" && [ "$at" != / ]; do
		at=${at%/*}
		at=${at:-/}
	done
	ls -ldn -- "$@"
}

# True if everybody can go there.
is_open() {
	listed=$(way "$1") || return 1
	while read -r mode _; do
		case $mode in
		d????????[xt]*) ;;
		*) return 1 ;;
		esac
	done <<-END
		$listed
	END
}

# True if nobody but root can put something else there.
is_roots() {
	listed=$(way "$1") || return 1
	while read -r mode _ owner _; do
		case $mode,$owner in
		d????-??-?*,0 | d????????[tT]*,0) ;;
		*) return 1 ;;
		esac
	done <<-END
		$listed
	END
}

# Lines that give the directories of a store to the user, the lowest first: what lies above is still root's then.
# What others can exchange already is passed over: it was given before, and chmod(2) goes wherever a name leads.
# Files keep their owner: another name of one may lie where root wants it unchanged.
give_store() {
	for path in "$store/blobs/sha256" "$store/blobs" "$store/partial" "$store/referrers/sha256" "$store/referrers" \
		"$store/remote" "$store"; do
		if [ -h "$path" ] || ! [ -d "$path" ] || ! is_roots "$path"; then continue; fi
		quote "$path"
		line "lchown $quoted $uid $gid"
		line "chmod $quoted 2775"
	done
}

# Says something in one line, whatever is in it.
say() {
	printf '%s\n' "@name@: $1" | tr -d '\001-\011\013-\037\177' >&2
}

fail() {
	say "$2"
	exit "$1"
}

# Says why root stays what it is. By the group it can write into a store that is the user's already.
stay() {
	say "staying root, without capabilities: $1"
	uid=
}

# What is only copied from one place of this machine to another needs no network, and may be readable for root alone.
filter=offline
previous=
repair=
for word; do
	# As parseReference() of @rkt/names tells them apart; linux/* is the value of --platform, and what has neither dot nor
	# slash is the value of an option if one stands before it.
	case $word in
	--check*) repair=$repair-check ;;
	-* | linux/* | oci:* | oci-archive:* | docker-archive:* | file:///* | aci:file:///* | /* | ./* | ../*) ;;
	*://* | docker:* | cimd:*) filter=client ;;
	aci:* | */./* | */../* | */. | */..) ;;
	*[:,]*.aci) filter=client ;;
	*.aci) ;;
	*[./]*) filter=client ;;
	sha256[:-]* | sha512-*) repair=$repair-id ;;
	*) case $previous in '' | -- | --*=* | [!-]*) filter=client ;; esac ;;
	esac
	previous=$word
done
# What the store has under an id is repaired from where it came from, be that what it may.
case $repair in *-check*-id* | *-id*-check*) filter=client ;; esac

store=
if [ -n "$uid" ]; then
	store=$(real "$dir/store") || stay "no store in \"$dir\""
fi
if [ -n "$uid" ] && ! is_open "$(real "$lib")"; then
	stay "user rkt cannot enter \"$lib\""
fi
if [ -n "$uid" ] && ! is_open "${store%/*}/"; then
	stay "user rkt cannot enter \"$dir\""
fi
# What root says of registries for itself alone may be what forbids one.
config=${XDG_CONFIG_HOME:-${HOME:-}/.config}/containers
for path in "$config/registries.conf" "$config/registries.conf.d" "$config/registries.d" "$config/certs.d"; do
	[ -z "$uid" ] || [ $filter = offline ] || ! [ -e "$path" ] || stay "user rkt does not read \"$path\": wanted /etc/containers"
done
if [ -n "$uid" ]; then
	read -r store_mode _ owner group _ <<-END
		$(ls -ldn -- "$store")
	END
	case $owner,$group,$store_mode in
	0,"$gid",d????w*) ;;
	0,*,d????-??-*) is_roots "${store%/*}/" && give_store ;;
	0,*) false ;;
	esac || stay "others can write \"$store\" or a directory above it"
fi

[ -n "$uid" ] || filter=client

# The user cannot read root's credentials: root opens the file, the command reads it as its standard input. A file that is
# named counts before auth.d, as --authfile does, and one that is found in its place after it, as $REGISTRY_AUTH_FILE does.
if [ -n "$uid" ] && [ $filter = client ]; then
	become="setgroups
setresgid $gid $gid $gid
setresuid $uid $uid $uid"
	file=
	state=options
	count=$#
	while [ "$count" -gt 0 ]; do
		word=$1
		shift
		count=$((count - 1))
		case $state,$word in
		value,?*)
			file=$word
			state=options
			continue
			;;
		value,)
			set -- "$@" --authfile=
			state=options
			continue
			;;
		options,--) state=operands ;;
		options,--authfile)
			state=value
			continue
			;;
		options,--authfile=?*)
			file=${word#*=}
			continue
			;;
		esac
		set -- "$@" "$word"
	done
	[ $state != value ] || set -- "$@" --authfile
	if [ -n "$file" ] && [ "$file" != - ]; then
		[ -e "$file" ] || fail 66 "cannot read credentials \"$file\": no such file"
		[ ! -d "$file" ] || fail 78 "cannot read credentials \"$file\": not a file"
	fi
	if [ -n "$file" ]; then
		set -- --authfile=- "$@"
	elif [ "${REGISTRY_AUTH_FILE:-}" = - ]; then
		file=-
	fi
	runtime=/run/containers/0
	[ -z "${XDG_RUNTIME_DIR:-}" ] || runtime=$XDG_RUNTIME_DIR/containers
	for candidate in "${REGISTRY_AUTH_FILE:-}" "$runtime/auth.json" \
		"${XDG_CONFIG_HOME:-${HOME:-}/.config}/containers/auth.json" "${DOCKER_CONFIG:-${HOME:-}/.docker}/config.json" \
		"${HOME:-}/.dockercfg"; do
		[ -n "$file" ] || ! [ -f "$candidate" ] || {
			file=$candidate
			REGISTRY_AUTH_FILE=-
			export REGISTRY_AUTH_FILE
		}
	done
	[ -z "$file" ] || [ "$file" = - ] || exec <"$file"
	# Its home is not root's.
	unset HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR
	set -- --dir="$dir" "$@"
fi
