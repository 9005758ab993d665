# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The root that the programs of over-daemon run in: Debian packages unpacked into a
# directory of the cache by mmdebstrap, so that none of them is ever installed on this
# machine (connman, avahi or wpa_supplicant would take its network over).
#
# apps_root sets APPS_ROOT, making it if need be. Needs tools/lib/common.sh.

APPS_PACKAGES=${BASH_SOURCE[0]%/*}/packages

# Raise it when apps_make changes what it makes: part of the cache's key.
APPS_RECIPE=2

apps_list() { sed -e 's/[[:space:]]*#.*//' -e '/^$/d' -e 's/[[:space:]].*//' "$APPS_PACKAGES"; }

apps_root() {
	local version key
	# The library to compare with must be the one that this machine tests against.
	version=$(dpkg-query -W -f='${Version}' libdbus-1-3) || dg_die "no libdbus here: run tools/setup"
	key=$({ echo "$APPS_RECIPE $version"; apps_list; } | sha256sum | cut -c1-12)
	APPS_ROOT=$DG_CACHE/apps-$key
	[ -e "$APPS_ROOT/done" ] || dg_locked apps-root apps_make || exit
	APPS_ROOT=$APPS_ROOT/root
}

# This machine's own apt sources, one line each, whatever format they are written in.
apps_sources() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		sed 's/^/deb /' | sort -u
}

apps_make() (
	[ ! -e "$APPS_ROOT/done" ] || exit 0
	start=$SECONDS
	new=$APPS_ROOT.new
	dg_say "unpacking the programs of compat-tests/apps, once: about a minute"
	rm -rf --one-file-system "$new"
	mkdir -p "$new"
	apps_sources >"$new/sources.list"
	apps_mmdebstrap "$new" >"$new/log" 2>&1 &
	pid=$!
	# shellcheck disable=SC2064 # this pid
	trap "kill $pid 2>/dev/null" EXIT
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		[ $(((SECONDS - start) % 15)) -ne 0 ] ||
			dg_say "$((SECONDS - start)) s: $(tail -n 1 "$new/log" | cut -c1-100)"
	done
	if ! wait "$pid"; then
		tail -n 30 "$new/log" >&2
		dg_die "mmdebstrap failed: see $new/log"
	fi
	trap - EXIT
	touch "$new/done"
	rm -rf --one-file-system "$APPS_ROOT"
	mv "$new" "$APPS_ROOT" || dg_die "could not keep $APPS_ROOT"
	dg_say "$(du -sh "$APPS_ROOT" | cut -f1) in $((SECONDS - start)) s"
)

# Unpacked only, essential packages too: configuring five hundred packages takes minutes,
# and of what their scripts do these programs need what apps_configure does.
apps_mmdebstrap() {
	# shellcheck disable=SC2016 # mmdebstrap's $1
	mmdebstrap --mode=root --format=directory --variant=extract \
		--include="$(apps_list | paste -sd,)" \
		--aptopt='APT::Install-Recommends "false"' \
		--setup-hook='for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done' \
		bookworm "$1/root" "$1/sources.list" &&
		apps_configure "$1/root"
}

apps_configure() (
	set -e
	cd "$1"
	echo "users, caches, compiled Python"
	rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/icons usr/lib/udev
	cp usr/share/base-passwd/passwd.master etc/passwd
	cp usr/share/base-passwd/group.master etc/group
	local id=200 user
	for user in messagebus avahi rtkit; do
		id=$((id + 1))
		echo "$user:x:$id:$id::/nonexistent:/usr/sbin/nologin" >>etc/passwd
		echo "$user:x:$id:" >>etc/group
	done
	printf 'passwd: files\ngroup: files\nhosts: files\n' >etc/nsswitch.conf
	echo '127.0.0.1 localhost' >etc/hosts
	mkdir -p proc sys dev run tmp root opt
	cp usr/share/gconf/default.path etc/gconf/2/path
	chroot . /sbin/ldconfig
	chroot . /usr/lib/x86_64-linux-gnu/glib-2.0/glib-compile-schemas /usr/share/glib-2.0/schemas
	# The rest of the library is nothing that these programs import.
	(cd usr/lib/python3.11 && rm -rf test pydoc_data distutils idlelib)
	chroot . /usr/bin/python3 -m compileall -q -o 0 /usr/lib/python3.11 /usr/lib/python3/dist-packages
)
