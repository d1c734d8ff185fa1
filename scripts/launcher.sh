#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Starts @name@ with $RKT_NODE, the Node of the installation, or a node on PATH of version 24 or newer.
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
unset @foreign@
exec "$node" @flags@--disable-warning=ExperimentalWarning "$lib/start.js" "$lib/@name@.js" "$@"
