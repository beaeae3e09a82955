#!/bin/bash
# SPDX-License-Identifier: MIT
# Install below a directory, build every example against what was installed,
# found through pkg-config, run it, and uninstall again.
#
#	selftests/check-install.sh DIRECTORY
set -u
cd "$(dirname "$0")/.." || exit
. selftests/tap.sh

dest=$PWD/$1
rm -rf "$dest"

# Without what is for the installed library below.
make_target()
{
	env -u PKG_CONFIG_PATH -u PKG_CONFIG_SYSROOT_DIR ${CHECK_MAKE:-make} --no-print-directory "$1" DESTDIR="$dest" PREFIX=/usr
}

# As on a system: the prefix in vgpu.pc is /usr, the files are below $dest.
export PKG_CONFIG_PATH=$dest/usr/lib/pkgconfig
export PKG_CONFIG_SYSROOT_DIR=$dest
export LD_LIBRARY_PATH=$dest/usr/lib

build_and_run()
{
	local example=$1 program=$dest/example

	shift
	"${CC:-cc}" -Wall -Werror -Ibuild/shaders "$example" -o "$program" \
		"$@" -lpng || return
	# Where it may leave pictures.
	(cd "$dest" && timeout -k 10 300 "$program")
}

# The archive by name, so that libc may stay shared.
static_flags()
{
	pkg-config --static --cflags --libs vgpu |
		sed 's/-lvgpu/-l:libvgpu.a/'
}

all_headers()
{
	local h drm

	# Of the system, not below $dest.
	drm=$(env -u PKG_CONFIG_SYSROOT_DIR pkg-config --cflags libdrm)
	cd "$dest/usr/include" || return
	for h in vgpu/*.h vgpu/uapi/*.h; do
		echo "#include <$h>"
	done | "${CC:-cc}" -std=c11 -Wall -Werror -fsyntax-only -x c \
		$(pkg-config --cflags vgpu) $drm -
}

same_files()
{
	local there

	there=$(cd lib/include && echo vgpu/*.h)
	[ "$there" = "$(cd "$dest/usr/include" && echo vgpu/*.h)" ] &&
	[ "$(cd uapi && echo *.h)" = \
	  "$(cd "$dest/usr/include/vgpu/uapi" && echo *.h)" ]
}

# `man FUNCTION` shows a page that names it, for every function.
manual()
{
	local f n=0

	cd "$dest/usr/share/man" || return
	while read -r f; do
		mandoc -T ascii "man3/$f.3" | col -b | grep -q "$f" ||
			{ echo "$f"; return 1; }
		n=$((n + 1))
	done < <(grep -o 'vgpu_[a-z0-9_]*' "$OLDPWD/lib/libvgpu.symbols")
	[ "$n" -gt 0 ]
}

no_run_path()
{
	! readelf -d "$1" | grep -E 'RPATH|RUNPATH'
}

# By both names that mdevctl may look for; for a type of somebody else's it says so.
callout()
{
	local script=lib/mdevctl/scripts.d/callouts/vgpu

	[ "$(readlink "$dest/etc/mdevctl.d/scripts.d/callouts/vgpu")" = \
	  "/usr/$script" ] || return
	"$dest/usr/$script" -t vgpu-1g -e get -a capabilities -s none -u x \
		-p y </dev/null | grep -q '"live"' || return
	"$dest/usr/$script" -t nvidia-35 -e get -a capabilities -s none -u x \
		-p y </dev/null
	[ $? -eq 2 ]
}

# What brings instances back after a restart: the rule names the unit.
unit()
{
	local lib=$dest/usr/lib name

	name=$(grep -o 'vgpu-instances@' \
		"$lib/udev/rules.d/60-vgpu-instances.rules" | head -n 1)
	[ -e "$lib/systemd/system/$name.service" ] || return
	! command -v systemd-analyze >/dev/null ||
		systemd-analyze verify "$lib/systemd/system/$name.service"
}

nothing_left()
{
	rm -f "$dest/example" "$dest"/*.png
	! find "$dest" ! -type d | grep .
}

check "install" make_target install
check "every header is installed" same_files
check "installed headers compile together" all_headers
check "soname is libvgpu.so.0" eval \
	"readelf -d '$dest/usr/lib/libvgpu.so' | grep -q 'SONAME.*libvgpu.so.0'"
check "no build directory in vgpuctl" no_run_path "$dest/usr/bin/vgpuctl"
check "a manual page for each function" manual
check "mdevctl's call-out script" callout
check "udev rule and systemd unit" unit
check "vgpuctl runs" "$dest/usr/bin/vgpuctl" --help
shopt -s nullglob
for e in lib/examples/*.c; do
	check "$e, shared" build_and_run "$e" \
		$(pkg-config --cflags --libs vgpu)
	check "$e, static" build_and_run "$e" $(static_flags)
done
check "uninstall" make_target uninstall
check "nothing is left" nothing_left
tap_exit
