# SPDX-License-Identifier: LGPL-2.1-or-later
# tap.sh - sourced by system tests that are shell scripts: lines of TAP

n=0

# check DESCRIPTION STATUS
check() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
}
# is DESCRIPTION FOUND EXPECTED
is() {
	[ "$2" = "$3" ]
	check "$1" $?
	[ "$2" = "$3" ] || printf '# got:  %s\n# want: %s\n' "$2" "$3"
}
plan() {
	echo "1..$n"
}
