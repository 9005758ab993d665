# SPDX-License-Identifier: LGPL-2.1-or-later
# three-buses.sh - sourced by three-at-once and by its part for the host
#
# three_at_once NAME LIBRARY loop|threads [BUS]: the program of that name between private
# daemons (the session's is left out, if BUS is one in the kernel); its TAP without a plan.

cat >"$work/bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
END

# TAP of several programs: their numbers go on.
n=0
three_at_once() {
	local name=$1 library=$2
	shift 2
	unset DBUS_SESSION_BUS_ADDRESS
	local session_daemon=
	if [ $# = 1 ]; then
		start_reference "$work/bus.conf"
		export DBUS_SESSION_BUS_ADDRESS=$reference
		session_daemon=$own_daemon
	fi
	rm -f "$work/address"
	start_reference "$work/bus.conf"
	local status
	DBUS_SYSTEM_BUS_ADDRESS=$reference LD_PRELOAD=$library "$(helper three_at_once)" "$@" >"$work/tap" </dev/null
	status=$?
	# The program has killed the system's daemon, if all went well.
	stop_reference 2>/dev/null
	own_daemon=$session_daemon
	[ -z "$own_daemon" ] || stop_reference
	rm -f "$work/address"
	awk -v n=$n -v name="$name, $1" '
		/^(not )?ok / { sub(/ok [0-9]+ - /, "ok " ++n " - " name ": ") }
		/^1\.\./ { next }
		{ print }' "$work/tap"
	n=$((n + $(grep -cE '^(not )?ok ' "$work/tap")))
	n=$((n + 1))
	if [ $status = 0 ] && grep -q '^1\.\.' "$work/tap"; then
		echo "ok $n - $name, $1: to its end"
	else
		echo "not ok $n - $name, $1: status $status"
	fi
}
