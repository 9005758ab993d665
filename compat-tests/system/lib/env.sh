# SPDX-License-Identifier: LGPL-2.1-or-later
# env.sh - sourced by the system tests: where things are
#
# tools/vm sets DBUS_GENL_SRC, DBUS_GENL_BUILD and DBUS_GENL_KERNEL; a test that
# is run by hand finds the checkout from its own place.

src=${DBUS_GENL_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${DBUS_GENL_BUILD:-$src/build}
kernel=${DBUS_GENL_KERNEL:-debian}
# Set by some, and would lead programs to other buses.
unset DBUS_STARTER_ADDRESS DBUS_STARTER_BUS_TYPE DBUS_SYSTEM_BUS_ADDRESS

# A program of the build: helper NAME
helper() {
	echo "$build/compat-tests/system/dbus-genl-test-$1"
}

bail() {
	echo "Bail out! $*"
	exit 99
}

work=
own_daemon=
cleanup() {
	[ -z "$own_daemon" ] || kill "$own_daemon" 2>/dev/null
	[ -z "$work" ] || rm -rf "$work"
}
trap cleanup EXIT
work=$(mktemp -d)

# Starts a private dbus-daemon with a configuration, the reference; its address is $reference.
start_reference() {
	rm -f "$work/address" # of another one before
	dbus-daemon --config-file="$1" --nofork --nopidfile --print-address=3 3>"$work/address" 2>"$work/daemon.log" &
	own_daemon=$!
	i=0
	while [ ! -s "$work/address" ]; do
		i=$((i + 1))
		[ $i -le 1200 ] || bail "dbus-daemon doesn't start: $(cat "$work/daemon.log")"
		sleep 0.1
	done
	reference=$(cat "$work/address")
}

stop_reference() {
	kill "$own_daemon"
	wait "$own_daemon" 2>/dev/null
	own_daemon=
}
