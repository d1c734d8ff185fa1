#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Read by the recipes of the Debian images: installing packages below a directory, and taking away what differs each time.
# shellcheck disable=SC2016,SC2154 # expanded by apt-get and by the shell inside; cache comes from scripts/images

suite=bookworm
# The time of everything that the recipes make themselves.
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH

# The Debian mirror that this machine's own apt uses for the suite.
mirror() {
	found=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v suite="$suite" '$1 == suite && $2 == "main" { print $3; exit }')
	found=${RKT_TEST_MIRROR:-$found}
	if [ -z "$found" ]; then
		echo "images: cannot find a mirror of Debian $suite: apt has none: set RKT_TEST_MIRROR" >&2
		return 1
	fi
	echo "$found"
}

# install_below ROOT PACKAGE...: the machine's apt downloads and decides, dpkg runs inside ROOT, with no proc and no network of its own.
install_below() {
	below=$1
	shift
	printf '#!/bin/sh\nexit 101\n' >"$below/usr/sbin/policy-rc.d"
	chmod 755 "$below/usr/sbin/policy-rc.d"
	# Post-installation scripts want these two; a chroot without /dev/null writes a file of that name.
	unshare --mount --pid --fork -- sh -eu -c '
		below=$1
		shift
		mount -t proc proc "$below/proc"
		mount -t tmpfs -o mode=755 tmpfs "$below/dev"
		for node in null:3 zero:5 random:8 urandom:9; do
			mknod -m 666 "$below/dev/${node%:*}" c 1 "${node#*:}"
		done
		exec env DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin apt-get -qq -y \
			-o Dpkg::Use-Pty=0 -o DPkg::Chroot-Directory="$below" \
			-o Dir::State::status="$below/var/lib/dpkg/status" -o Dir::State::extended_states="$below/var/lib/apt/extended_states" \
			-o Dir::Cache::archives="$below/var/cache/apt/archives" -o APT::Sandbox::User=root -o APT::Update::Post-Invoke= \
			-o DPkg::Post-Invoke= -o DPkg::Pre-Install-Pkgs= -o Dir::Log="$below/var/log/apt" \
			--no-install-recommends install "$@" </dev/null
	' sh "$below" "$@"
	rm -f "$below/usr/sbin/policy-rc.d"
	forget "$below"
}

# forget ROOT: removes caches, logs and whatever else two builds of one recipe would have differently.
forget() {
	find "$1/var/log" "$1/var/cache/apt" "$1/var/cache/debconf" "$1/var/lib/apt/lists" -type f -delete
	rm -f "$1/var/cache/ldconfig/aux-cache" "$1/etc/machine-id" "$1/var/lib/dbus/machine-id" "$1"/var/lib/dpkg/*-old \
		"$1"/etc/passwd- "$1"/etc/group- "$1"/etc/shadow- "$1"/etc/gshadow- "$1/etc/resolv.conf" "$1/etc/hostname"
	rm -rf "$1/run"/* "$1/tmp"/*
	find "$1" -xdev -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

# unpack_debian LAYOUT WORK: a copy of the Debian image's layout, and its files in WORK/bundle.
unpack_debian() {
	cp -a "$cache/debian/." "$1"
	rm -f "$1/recipe"
	umoci unpack --image "$1:latest" "$2/bundle" >"$2/log" 2>&1 || {
		tail -n 5 "$2/log" >&2
		return 1
	}
}

# finish LAYOUT WORK CONFIG-OPTION...: what changed becomes a layer, the options the configuration.
finish() {
	to=$1:latest
	bundle=$2/bundle
	shift 2
	date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
	umoci repack --refresh-bundle --history.created "$date" --image "$to" "$bundle" >&2
	umoci config --clear config.cmd --clear config.entrypoint --created "$date" --history.created "$date" --image "$to" "$@"
	umoci gc --layout "${to%:latest}" >/dev/null 2>&1
}
