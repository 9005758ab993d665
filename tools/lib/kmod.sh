# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Builds kmod/ for one of the kernels, in a copy, so that several kernels' objects
# never meet and the checkout stays clean. Needs common.sh and kernel.sh.

# Copies what changed of kmod/ to build-kmod/KERNEL and sets DG_KMOD to it.
dg_kmod_copy() {
	DG_KMOD=$DG_SRC/build-kmod/$1
	mkdir -p "$DG_KMOD"
	# By content, and what is copied gets the time of now: a change that brings an old
	# time along (tar, cp -p) is newer than its object too. Objects stay.
	rsync -rlp --checksum --delete --filter='P *.o' --filter='P *.gcno' --filter='P *.ko' --filter='P *.mod' \
		--filter='P *.mod.c' --filter='P .*.cmd' --filter='P Module.symvers' \
		--filter='P modules.order' --filter='P build.log' --filter='P .module-common.o' \
		"$DG_SRC/kmod/" "$DG_KMOD/"
}

# dg_kmod_make KERNEL ARG…: make with the kernel's Kbuild. UBSAN of the debug kernel is
# for the module alone.
dg_kmod_make() {
	local kernel=$1
	shift
	[ "$kernel" != debug ] || set -- UBSAN_SANITIZE=y "$@"
	set -- "$@" modules
	if [ -n "$DG_KCHROOT" ]; then
		dg_series_make "$@" </dev/null
	else
		# 5.10's headers ask for a compiler that this release has no more.
		[ "$kernel" != 5.10 ] || set -- CC=gcc "$@"
		make -C "$DG_KBUILD" M="$DG_KMOD" "$@" </dev/null
	fi
}

dg_kmod_quick() {
	dg_kmod_copy "$1"
	dg_kmod_make "$1" -j"$(nproc)" -s W=1 >"$DG_KMOD/build.log" 2>&1 && return 0
	cat "$DG_KMOD/build.log" >&2
	return 1
}

# dg_kmod KERNEL: builds it if need be, after dg_kernel KERNEL; sets DG_KO.
dg_kmod() {
	dg_locked "kmod-$(sha256sum <<<"$DG_SRC" | cut -c1-12)-$1" dg_kmod_quick "$1" || return 1
	DG_KMOD=$DG_SRC/build-kmod/$1
	DG_KO=$DG_KMOD/dbus_genl.ko
	[ -e "$DG_KO" ]
}
