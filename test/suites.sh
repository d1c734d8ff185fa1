#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Read by scripts/test and .ci/run: runs suites one after the other and sums up what they counted.

own_results=
if [ -z "${RKT_TEST_RESULTS:-}" ]; then
	RKT_TEST_RESULTS=$(mktemp)
	export RKT_TEST_RESULTS
	own_results=1
fi

# seen_by_all PROGRAM: tests run as an ordinary user too. If the clone lies where that user cannot go, runs PROGRAM of this
# repository once more below a directory where the clone is mounted for it alone, and ends with its status.
seen_by_all() {
	[ "$(id -u)" = 0 ] || return 0
	setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$PWD/package.json" && return
	place=$(mktemp -d "/tmp/rkt-clone.XXXXXX")
	chmod 755 "$place"
	if [ -n "$own_results" ]; then
		rm -f "$RKT_TEST_RESULTS"
		unset RKT_TEST_RESULTS
	fi
	# shellcheck disable=SC2016
	RKT_KEEP_DIST=1 unshare --mount --propagation=private sh -c 'mount --bind "$1" "$2" && cd "$2" && exec "$3"' \
		sh "$PWD" "$place" "$1"
	seen=$?
	rmdir "$place"
	exit $seen
}

# The longest that a suite may take, in seconds.
SUITE_SECONDS=${SUITE_SECONDS:-600}

# record PASSED FAILED SKIPPED
record() {
	echo "$*" >>"$RKT_TEST_RESULTS"
}

# suite_command NAME COMMAND [ARG]...: one test, which passes if the command ends with 0; its output is shown if not.
suite_command() {
	name=$1
	shift
	output=$(mktemp)
	begun=$(date +%s)
	if timeout --kill-after=10 "$SUITE_SECONDS" "$@" >"$output" 2>&1 </dev/null; then
		record 1 0 0
		result=passed
	else
		result="failed ($?)"
		record 0 1 0
	fi
	printf '== %-40s %s, %s s\n' "$name" "$result" $(($(date +%s) - begun))
	[ "$result" = passed ] || sed 's/^/    /' "$output" | tail -n 60
	rm -f "$output"
}

# suite_node NAME FILE...: the tests in the files; a name without files is an unmatched pattern and no suite.
suite_node() {
	name=$1
	shift
	[ -e "$1" ] || return 0
	printf '== %s\n' "$name"
	lines=$(wc -l <"$RKT_TEST_RESULTS")
	timeout --kill-after=10 "$SUITE_SECONDS" scripts/node --test --test-timeout=300000 --test-concurrency=2 \
		--test-reporter=./test/reporter.ts "$@" </dev/null
	status=$?
	# A runner that was killed, or that failed outside of any test, has counted nothing.
	if [ "$(wc -l <"$RKT_TEST_RESULTS")" = "$lines" ]; then
		echo "  failed: $name ended with status $status before it counted"
		record 0 1 0
	fi
}

# finish: prints the total, unless a caller does, and ends.
finish() {
	total=$(awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped", p, f, s }' "$RKT_TEST_RESULTS")
	failed=$(awk '{ f += $2 } END { print f + 0 }' "$RKT_TEST_RESULTS")
	if [ -n "$own_results" ]; then
		rm -f "$RKT_TEST_RESULTS"
		echo "$total"
	fi
	[ "$failed" -eq 0 ]
	exit
}
