# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034
#
# Shared by both halves of the system test dkms.

src=${DBUS_GENL_SRC:?}
# What the host's half leaves for the guest's.
tree=${DBUS_GENL_BUILD:?}/dkms
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$src/kmod/dkms.conf")
package=dbus-genl/$version
count=0 failed=0
log=$(mktemp)
trap 'rm -f "$log" "$log.refused"' EXIT

# check WHAT CMD…: one case, with the command's output when it fails.
check() {
	local what=$1 not=
	shift
	count=$((count + 1))
	"$@" >"$log" 2>&1 || { not='not ' failed=1; }
	echo "${not}ok $count - $what"
	[ -z "$not" ] || tail -n 30 "$log" | sed 's/^/# /'
}

# A plain copy of kmod/, as README says; objects of a build by hand are no part of it.
copy_to() {
	cp -r "$src/kmod" "$1/dbus-genl-$version" &&
		find "$1/dbus-genl-$version" \( -name '*.o' -o -name '*.ko' -o -name '*.mod*' -o -name '*.cmd' \) -delete
}
