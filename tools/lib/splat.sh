# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Finds in a guest's console what a healthy kernel never says.

# Case matters: "Warning: unable to open an initial console" is no bug. The boot of an
# unmitigated kernel mentions Spectre with a "WARNING".
DG_SPLAT='BUG:|kernel BUG at|WARNING:|Oops|KASAN|UBSAN:|general protection fault'
DG_SPLAT+='|unreferenced object|Kernel panic|INFO: task .* blocked for more than'
DG_SPLAT+='|INFO: trying to register non-static key|DEBUG_LOCKS_WARN_ON|refcount_t:'
DG_SPLAT+='|ODEBUG:|list_(add|del) corruption|dbus-genl-vm: boot failed'

# dg_splats CONSOLE CTL: prints what is wrong, with context; false if anything is.
dg_splats() {
	local console=$1 ctl=$2 first bad=0 faults
	first=$(grep -nE "$DG_SPLAT" "$console" 2>/dev/null | grep -vE 'Spectre|KernelAddressSanitizer initialized' |
		head -n 1 | cut -d: -f1)
	if [ -n "$first" ]; then
		bad=1
		echo "--- the guest's kernel reports:"
		sed -n "$((first > 5 ? first - 5 : 1)),$((first + 90))p" "$console"
		echo "--- (--log FILE keeps all of it)"
	fi
	faults=$(sed -n 's/^fault //p' "$ctl" 2>/dev/null)
	if [ -n "$faults" ]; then
		bad=1
		echo "--- fault: $faults"
	fi
	return "$bad"
}
