# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What every script in tools/ shares: where things are, how to speak, how to wait
# for the other one that is doing the same work. Source it; it sets DG_SRC.

# shellcheck disable=SC2034
DG_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Kernels, built modules and package stamps. Outside the checkout, so that a fresh
# clone finds them; losing it costs time and nothing else.
DG_CACHE=${DBUS_GENL_CACHE:-/var/cache/dbus-genl}

# Messages go to stderr: stdout belongs to the command that a tool runs.
dg_say() { printf '%s\n' "${0##*/}: $*" >&2; }

dg_die() {
	dg_say "$*"
	exit 125
}

# dg_locked NAME CMD…: one at a time on this machine, since several checkouts and
# several helpers share the cache.
dg_locked() {
	local name=$1 fd rc=0
	shift
	mkdir -p "$DG_CACHE/locks"
	exec {fd}>"$DG_CACHE/locks/$name"
	if ! flock -n "$fd"; then
		dg_say "waiting for another run that holds $name"
		flock "$fd"
	fi
	# Children must not inherit the lock: a stray daemon would hold it for ever.
	"$@" {fd}>&- || rc=$?
	exec {fd}>&-
	return "$rc"
}

# dg_progress LOG TOTAL LABEL PID: until PID ends, one line now and then with the
# number of objects in LOG. TOTAL is what a full build was seen to need.
dg_progress() {
	local log=$1 total=$2 label=$3 pid=$4 start=$SECONDS n ticks=0
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		ticks=$((ticks + 1))
		[ $((ticks % 20)) -eq 0 ] || continue
		n=$(grep -cE '^  (CC|AS|LD|AR|HOSTCC)' "$log" 2>/dev/null)
		dg_say "$label: $n of about $total steps, $((SECONDS - start)) s"
	done
}
