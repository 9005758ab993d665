# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The kernels that the module is built for and tested on, kept in DG_CACHE:
#   debian  Debian's own linux-image of the installed headers, unpacked, not installed
#   debug   Debian's linux-source built with compat-tests/vm/debug.config
#   kcsan   the same with compat-tests/vm/kcsan.config over it
#   5.10, 6.12, 7.3   those of other Debian releases: kernel_series.sh
#
# dg_kernel NAME makes it (once) and sets
#   DG_KDIR     the kernel's directory in the cache
#   DG_KIMAGE   what qemu boots
#   DG_KRELEASE its uname -r
#   DG_KBUILD   where modules for it are built (make -C)
#   DG_KINITRD  initramfs that finds the host's root over 9p
#   DG_KCHROOT  root to build in, or nothing
#
# shellcheck disable=SC2034
#
# Needs common.sh. Steps end in "|| dg_die": set -e has no effect inside a function
# whose status is looked at.

# Modules that Debian's kernel needs before it can see the host's root, with the
# virtio-serial ports that carry the command's output.
DG_BOOT_MODULES="virtio_pci virtio_console 9pnet_virtio 9p overlay"

# Raise one when dg_make_debian or dg_make_built changes what it makes: part of the
# cache's key, with the version and the configuration.
DG_DEBIAN_RECIPE=2
DG_BUILT_RECIPE=1

# Number of steps of a full build, for the progress lines.
DG_BUILT_STEPS=1900

. "$(dirname "${BASH_SOURCE[0]}")/kernel_series.sh"

dg_kernel() {
	DG_KCHROOT=
	case $1 in
	debian) dg_kernel_debian ;;
	debug | kcsan) dg_kernel_built "$1" ;;
	5.10 | 6.12 | 7.3) dg_kernel_series "$1" ;;
	*) dg_die "there is no kernel '$1': debian, debug, kcsan, 5.10, 6.12 or 7.3" ;;
	esac
}

# Fetches a package's .deb of exactly that version into the current directory. The
# index may be older than the archive, which drops superseded versions: renew it once.
dg_fetch() {
	local pkg=$1
	apt-get -q download "$pkg" >fetch.log 2>&1 && return 0
	dg_say "renewing the package lists for $pkg"
	apt-get -o DPkg::Lock::Timeout=300 -q update >>fetch.log 2>&1
	apt-get -q download "$pkg" >>fetch.log 2>&1 && return 0
	cat fetch.log >&2
	dg_die "could not download $pkg"
}

# An empty directory beside the final one, so that a killed run leaves nothing that
# looks complete.
dg_fresh() {
	rm -rf "$1"
	mkdir -p "$1"
	cd "$1" || dg_die "no directory $1"
}

# --- debian ------------------------------------------------------------------------

# The newest headers that are installed (neither cloud's nor rt's) name the kernel: what
# is booted is what the module was built against.
dg_debian_release() {
	find /usr/src -maxdepth 1 -name 'linux-headers-*' -printf '%f\n' |
		sed -nE 's/^linux-headers-([0-9.]+-[0-9]+-amd64)$/\1/p' | sort -V | tail -n 1
}

dg_kernel_debian() {
	local release
	release=$(dg_debian_release)
	[ -n "$release" ] || dg_die "no kernel headers: run tools/setup"
	DG_KRELEASE=$release
	DG_KBUILD=/usr/src/linux-headers-$release
	DG_KDIR=$DG_CACHE/debian-$release-r$DG_DEBIAN_RECIPE
	DG_KIMAGE=$DG_KDIR/vmlinux
	[ -e "$DG_KDIR/done" ] || dg_locked kernel-debian dg_make_debian || exit
	dg_initrd
}

dg_make_debian() (
	[ ! -e "$DG_KDIR/done" ] || exit 0
	dg_say "fetching Debian's kernel $DG_KRELEASE"
	dg_fresh "$DG_KDIR.new"
	dg_fetch "linux-image-$DG_KRELEASE"
	dpkg-deb -x linux-image-*.deb . || dg_die "could not unpack the kernel"
	# Nothing of these is of use in the guest.
	rm -rf linux-image-*.deb usr/share
	dg_trim "lib/modules/$DG_KRELEASE/kernel"
	# modprobe's tables are made by the package's postinst, which did not run.
	depmod -b . "$DG_KRELEASE" || dg_die "depmod failed"
	# TCG starts an uncompressed vmlinux by its PVH entry in half the time.
	dg_unpack_vmlinux "boot/vmlinuz-$DG_KRELEASE" vmlinux
	rm -rf "$DG_KDIR"
	touch "done"
	mv "$DG_KDIR.new" "$DG_KDIR" || dg_die "could not keep $DG_KDIR"
)

# Hardware that the guest has not: depmod, which DKMS runs, reads every module there is,
# and 350 MB over 9p take minutes.
dg_trim() (
	cd "$1" || exit
	rm -rf sound
	find drivers -mindepth 1 -maxdepth 1 ! -name virtio ! -name char ! -name net -exec rm -rf {} +
	find drivers/char drivers/net -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
	find fs -mindepth 1 -maxdepth 1 ! -name 9p ! -name netfs ! -name fscache ! -name overlayfs \
		! -name fuse -exec rm -rf {} +
)

# The ELF kernel out of an xz-compressed bzImage: the payload starts at xz's magic and
# is followed by its length, which xz takes for trailing garbage.
dg_unpack_vmlinux() {
	local offset
	for offset in $(LC_ALL=C grep -obUaP '\xFD7zXZ\x00' "$1" | cut -d: -f1); do
		tail -c "+$((offset + 1))" "$1" | xz -dc --single-stream >"$2" 2>/dev/null || true
		[ "$(head -c 4 "$2" | tail -c 3)" = ELF ] && return 0
	done
	dg_die "no kernel found inside $1"
}

# --- debug, kcsan ------------------------------------------------------------------

# The configuration of a built kernel, on stdout: kcsan's is debug's with the options that
# its own file names taken out, and that file.
dg_config() {
	local dir=$DG_SRC/compat-tests/vm
	case $1 in
	debug) cat "$dir/debug.config" ;;
	kcsan)
		awk '
			{ option = $0; sub(/^# /, "", option); sub(/[= ].*/, "", option) }
			option !~ /^CONFIG_/ { if (FILENAME ~ /kcsan/) print; next }
			FILENAME ~ /kcsan/ { print; own[option] = 1; next }
			!own[option]' "$dir/kcsan.config" "$dir/debug.config"
		;;
	esac
}

dg_kernel_built() {
	local name=$1 version key
	version=$(apt-cache policy linux-source-6.1 2>/dev/null | sed -n 's/^ *Candidate: //p')
	if [ -z "$version" ] || [ "$version" = "(none)" ]; then
		# Lists without it: take what the cache has, or renew them.
		apt-get -o DPkg::Lock::Timeout=300 -q update >/dev/null 2>&1
		version=$(apt-cache policy linux-source-6.1 | sed -n 's/^ *Candidate: //p')
		[ -n "$version" ] || dg_die "apt knows no linux-source-6.1"
	fi
	key=$version-$({ echo "$DG_BUILT_RECIPE"; dg_config "$name"; } | sha256sum | cut -c1-12)
	DG_KDIR=$DG_CACHE/$name-$key
	DG_KBUILD=$DG_KDIR/build
	DG_KIMAGE=$DG_KDIR/bzImage
	[ -e "$DG_KDIR/done" ] || dg_locked "kernel-$name" dg_make_built "$name" || exit
	DG_KRELEASE=$(cat "$DG_KBUILD/include/config/kernel.release")
	dg_initrd
}

dg_make_built() (
	[ ! -e "$DG_KDIR/done" ] || exit 0
	local name=$1 config
	dg_say "building the $name kernel, once: about 10 minutes on two processors"
	dg_fresh "$DG_KDIR"
	dg_fetch linux-source-6.1
	dpkg-deb --fsys-tarfile linux-source-6.1_*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz |
		tar -xJ --one-top-level=source --strip-components=1 || dg_die "could not unpack the source"
	rm -f linux-source-6.1_*.deb
	# 6.1 still refuses the stack filter on x86-64, for the days when the unwinder
	# could not be trusted there; with frame pointers it can.
	sed -i '/^config FAULT_INJECTION_STACKTRACE_FILTER/,/help/{/depends on !X86_64/d}' \
		source/lib/Kconfig.debug
	[ "$name" != kcsan ] || dg_kcsan_scope
	mkdir build
	config=$PWD/$name.config
	dg_config "$name" >"$config"
	KCONFIG_ALLCONFIG=$config make -s -C source O="$PWD/build" allnoconfig >build.log 2>&1 ||
		dg_die "allnoconfig failed: see $PWD/build.log"
	dg_check_config "$config" build/.config
	dg_build "$name"
	cp build/arch/x86/boot/bzImage . || dg_die "the build made no bzImage"
	[ -s build/Module.symvers ] || dg_die "the build made no Module.symvers"
	dg_prune
	touch "done"
	dg_say "the $name kernel is built"
)

# What kcsan.config calls its scope is instrumented, and modules are. The rest keeps its
# barriers known, or order made there would be taken for a race here.
dg_kcsan_scope() {
	local scope
	scope=$(sed -n 's/^#scope //p' "$DG_SRC/compat-tests/vm/kcsan.config")
	sed -i "s#^\t\$(CFLAGS_KCSAN))\$#\t\$(if \$(KBUILD_EXTMOD)\$(filter $scope,\$(obj)/\$(basetarget).o),\$(CFLAGS_KCSAN),-D__KCSAN_INSTRUMENT_BARRIERS__))#" \
		source/scripts/Makefile.lib
	grep -q 'KBUILD_EXTMOD.*CFLAGS_KCSAN' source/scripts/Makefile.lib ||
		dg_die "KCSAN's flags are not where they were in scripts/Makefile.lib"
}

# Every line of the fragment must have survived Kconfig.
dg_check_config() {
	local line lost=0
	while read -r line; do
		case $line in
		CONFIG_* | "# CONFIG_"*" is not set")
			grep -qxF -- "$line" "$2" && continue
			# One that could not even be asked for is not set either.
			[ "${line#"#"}" = "$line" ] || grep -q "${line//[^A-Z0-9_]/}[= ]" "$2" || continue
			dg_say "Kconfig dropped: $line"
			lost=1
			;;
		esac
	done <"$1"
	[ "$lost" = 0 ] || dg_die "$1 does not hold for this source"
}

dg_build() {
	local pid
	make -j"$(nproc)" -C source O="$PWD/build" bzImage modules modules_prepare \
		</dev/null >>build.log 2>&1 &
	pid=$!
	# shellcheck disable=SC2064 # this pid
	trap "kill $pid 2>/dev/null" EXIT
	dg_progress build.log "$DG_BUILT_STEPS" "$1 kernel" "$pid"
	if ! wait "$pid"; then
		tail -n 30 build.log >&2
		dg_die "the $1 kernel did not build: see $PWD/build.log"
	fi
	trap - EXIT
}

# Modules need the headers, the scripts and Module.symvers: 3 GB of the rest go.
dg_prune() {
	rm -f build/vmlinux* build/.tmp_* build/System.map
	find build -name '*.o' -o -name '*.a' -o -name '.*.cmd' | grep -vE '/(scripts|tools)/' |
		tr '\n' '\0' | xargs -0 rm -f
	(
		cd source || exit
		rm -rf Documentation LICENSES block certs crypto drivers fs init io_uring ipc kernel \
			lib mm net rust samples security sound usr virt debian
		find arch -mindepth 1 -maxdepth 1 ! -name x86 ! -name Kconfig -exec rm -rf {} +
		find arch/x86 tools -name '*.[cS]' -delete
	)
}

# --- initramfs ---------------------------------------------------------------------

# busybox, the boot modules in the order in which they depend on each other, and
# compat-tests/vm/init. Not compressed: the guest would spend longer on unpacking.
dg_initrd() {
	local init=$DG_SRC/compat-tests/vm/init
	DG_KINITRD=$DG_KDIR/initrd-$(sha256sum "$init" | cut -c1-12).cpio
	[ -e "$DG_KINITRD" ] || dg_locked initrd dg_make_initrd "$init" || exit
}

dg_make_initrd() (
	[ ! -e "$DG_KINITRD" ] || exit 0
	tree=$(mktemp -d)
	trap 'rm -rf "$tree"' EXIT
	mkdir -p "$tree"/{bin,modules,proc,sys,dev,lower,upper,root}
	cp /bin/busybox "$tree/bin/busybox" || dg_die "no busybox: run tools/setup"
	ln -s busybox "$tree/bin/sh"
	install -m 755 "$1" "$tree/init"
	: >"$tree/modules/order"
	if [ -d "$DG_KDIR/lib/modules" ]; then
		# shellcheck disable=SC2086 # a list of names
		modprobe -d "$DG_KDIR" -S "$DG_KRELEASE" -a --show-depends $DG_BOOT_MODULES |
			sed -n 's/^insmod //p' | awk '!seen[$1]++ { print $1 }' |
			while read -r ko; do
				cp "$ko" "$tree/modules/" || dg_die "no $ko"
				basename "$ko" >>"$tree/modules/order"
			done
	fi
	(cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc --quiet) >"$DG_KINITRD.new" ||
		dg_die "could not make the initramfs"
	mv "$DG_KINITRD.new" "$DG_KINITRD"
)
