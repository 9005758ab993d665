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

# dg_races CONSOLE OTHER: OTHER becomes the console without KCSAN's reports; each with
# a frame of the module in one of its stacks goes to stdout, and of the others their number.
# Such a frame need not be the innermost: a race of netlink, a socket or a buffer counts
# as ours where one side is a call of ours. In the kernel around alone it does not.
dg_races() {
	awk -v other="$2" '
		/====================/ {
			if (!report) { report = $0 "\n"; next }
			report = report $0 "\n"
			if (report !~ /BUG: KCSAN:/) printf "%s", report >other
			else if (report ~ /\[dbus_genl\]/) printf "%s", report
			else foreign++
			report = ""
			next
		}
		report { report = report $0 "\n"; next }
		{ print >other }
		END {
			printf "%s", report >other
			if (foreign) printf "(%d races in which the module has no part)\n", foreign
		}' "$1"
}

# dg_splats CONSOLE CTL: prints what is wrong, with context; false if anything is.
dg_splats() {
	local console=$1 ctl=$2 first bad=0 faults
	if grep -q 'BUG: KCSAN:' "$console" 2>/dev/null; then
		dg_races "$console" "$console.other" >"$console.races"
		if grep -q 'BUG: KCSAN:' "$console.races"; then
			bad=1
			echo "--- data races:"
			sed -n 's/.*BUG: KCSAN: //p' "$console.races" | sort | uniq -c | sort -rn
		fi
		cat "$console.races"
		console=$console.other
	fi
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
