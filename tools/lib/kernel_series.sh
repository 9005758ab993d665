# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Kernels of other Debian releases, by series: the newest that the archive has of 5.10,
# 6.12 or 7.3 when it is first asked for. Taken by package through an apt configuration
# of its own, so that this machine's stays as it is, and kept in DG_CACHE/series-SERIES:
# delete that to have a newer one. Sourced by kernel.sh.
#
# shellcheck disable=SC2034

# Raise it when what is made changes.
DG_SERIES_RECIPE=1

# Every series with the suite that has it.
dg_series_suite() {
	case $1 in
	5.10) echo bullseye-security ;;
	6.12) echo bookworm-security ;;
	7.3) echo trixie-backports ;;
	*) return 1 ;;
	esac
}

dg_kernel_series() {
	DG_KDIR=$DG_CACHE/series-$1-r$DG_SERIES_RECIPE
	[ -e "$DG_KDIR/done" ] || dg_locked "kernel-$1" dg_make_series "$1" || exit
	DG_KRELEASE=$(cat "$DG_KDIR/release")
	DG_KIMAGE=$DG_KDIR/vmlinuz
	DG_KBUILD=$DG_KDIR/root/usr/src/linux-headers-$DG_KRELEASE
	# The tools of newer kernels need a newer C library than this machine's.
	DG_KCHROOT=
	[ ! -e "$DG_KDIR/root/bin/sh" ] || DG_KCHROOT=$DG_KDIR/root
	dg_initrd
}

dg_make_series() (
	[ ! -e "$DG_KDIR/done" ] || exit 0
	dg_say "fetching Debian's kernel $1"
	dg_fresh "$DG_KDIR.new"
	mkdir root
	dg_series_lists "$1"
	release=$(dg_series_apt apt-cache search --names-only "^linux-headers-$1\\.[^ ]*-amd64\$" |
		sed -nE 's/^linux-headers-([0-9.]+(-[0-9]+|\+deb[0-9]+)-amd64) .*/\1/p' | sort -V | tail -n 1)
	[ -n "$release" ] || dg_die "the archive has no kernel $1"
	[ "$1" != 7.3 ] || dg_series_toolchain trixie
	dg_series_unpack "$release"
	mv root/boot/vmlinuz-* vmlinuz 2>/dev/null || mv "root/usr/lib/modules/$release/vmlinuz" vmlinuz ||
		dg_die "no kernel in the packages"
	mkdir -p lib
	mv root/lib/modules lib/ 2>/dev/null || mv root/usr/lib/modules lib/ || dg_die "no modules in the packages"
	dg_trim "lib/modules/$release/kernel"
	# busybox's insmod reads none that is compressed.
	find lib -name '*.ko.xz' -exec xz -d {} +
	depmod -b . "$release" || dg_die "depmod failed"
	echo "$release" >release
	rm -rf "$DG_KDIR" apt fetch.log
	touch "done"
	mv "$DG_KDIR.new" "$DG_KDIR" || dg_die "could not keep $DG_KDIR"
)

# This machine's archives, with the suite that has the series and its lists.
dg_series_lists() {
	local main security suite
	suite=$(dg_series_suite "$1")
	main=$(dg_archive 'Label: Debian')
	security=$(dg_archive 'Label: Debian-Security')
	[ -n "$main" ] && [ -n "$security" ] || dg_die "apt knows no archive of Debian: run apt-get update"
	mkdir -p apt/state/lists/partial apt/cache/archives/partial
	case $suite in
	*-security) echo "deb [signed-by=$DG_KEYRING] $security $suite main" ;;
	*) printf "deb [signed-by=$DG_KEYRING] $main %s main\n" "$suite" "${suite%-backports}" ;;
	esac >apt/sources.list
	dg_series_apt apt-get update >fetch.log 2>&1 || {
		cat fetch.log >&2
		dg_die "could not read the lists of $suite"
	}
	DG_SERIES_MAIN=$main
}

DG_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

dg_archive() {
	apt-get indextargets --format '$(REPO_URI)' "$1" 'Created-By: Packages' | sort -u | head -n 1
}

dg_series_apt() {
	"$1" -q -o "Dir::Etc::sourcelist=$PWD/apt/sources.list" -o Dir::Etc::sourceparts=- \
		-o "Dir::State=$PWD/apt/state" -o Dir::State::status=/var/lib/dpkg/status \
		-o "Dir::Cache=$PWD/apt/cache" -o APT::Sandbox::User=root "${@:2}"
}

# root: a compiler of another release and what the kernel's tools are linked with.
dg_series_toolchain() {
	mmdebstrap --mode=root --variant=minbase \
		--include=make,gcc-14,libc6-dev,pahole,kmod,libelf1t64,libssl3t64,zlib1g,libdw1t64 \
		"$1" root "deb [signed-by=$DG_KEYRING] $DG_SERIES_MAIN $1 main" >toolchain.log 2>&1 || {
		tail -n 20 toolchain.log >&2
		dg_die "could not make a root of $1 to build in"
	}
	rm -rf root/var/cache/apt root/var/lib/apt/lists root/usr/share/doc root/usr/share/locale
}

# Headers, Kbuild and kernel of a release, unpacked in root. Newer ones are in more packages.
dg_series_unpack() {
	local packages
	packages=$(
		echo "linux-headers-$1"
		dg_series_apt apt-cache depends "linux-headers-$1" |
			sed -nE 's/^ *Depends: (linux-(headers|kbuild)-.*)/\1/p'
		dg_series_apt apt-cache pkgnames "linux-binary-$1" | grep -qx "linux-binary-$1" &&
			echo "linux-binary-$1 linux-modules-$1 linux-base-$1" || echo "linux-image-$1"
	)
	mkdir debs
	# shellcheck disable=SC2086 # a list
	(cd debs && PWD=${PWD%/debs} dg_series_apt apt-get download $packages) >>fetch.log 2>&1 || {
		cat fetch.log >&2
		dg_die "could not download the packages of $1"
	}
	local deb
	for deb in debs/*.deb; do
		dpkg-deb -x "$deb" root || dg_die "could not unpack $deb"
	done
	rm -rf debs root/usr/share/doc
	[ -e root/bin/sh ] ||
		sed -i "s#/usr/src#$DG_KDIR/root/usr/src#" "root/usr/src/linux-headers-$1/Makefile"
}

# make in the chroot of the kernel, where the copy of kmod/ is mounted for as long.
dg_series_make() {
	mkdir -p "$DG_KCHROOT/kmod"
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m --propagation private sh -c 'mount --bind "$1" "$2/kmod" && mount -t proc proc "$2/proc" && shift &&
		chroot=$1 headers=$2 && shift 2 && exec chroot "$chroot" make -C "$headers" M=/kmod "$@"' \
		sh "$DG_KMOD" "$DG_KCHROOT" "/usr/src/linux-headers-$DG_KRELEASE" "$@"
}
