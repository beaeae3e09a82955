#!/bin/bash
# SPDX-License-Identifier: MIT
# Build the kernel that vgpu.ko is tested on, from Debian's source package and
# selftests/vm/debug.config.
#
#	tools/debug-kernel.sh DIRECTORY
#
# leaves DIRECTORY/debug-kernel-HASH, with bzImage, vmlinux, and all that
# make -C ... M=... needs for a module; DIRECTORY/debug-kernel is a link to it.
# Prints the path of the image, and says everything else on stderr.  The hash is
# of what the kernel is made of: the configuration, the version of the source
# package, and how they are built.  When it is there already, nothing is done;
# kernels by other hashes are removed when it is done.  A build that was stopped
# goes on where it was.
set -euo pipefail

if [ $# -ne 1 ]; then
	echo "usage: ${0##*/} DIRECTORY" >&2
	exit 2
fi
mkdir -p "$1"
dir=$1
config=$(dirname "$0")/../selftests/vm/debug.config
package=linux-source-6.12
tarball=/usr/src/$package.tar.xz
# The lines that building prints, by which progress is shown.
steps=2150
ccache=$(command -v ccache) || ccache=

say()
{
	echo "debug-kernel: $*" >&2
}

# The kernel's own make: nothing of ours (flags, jobserver) shall reach it.
kernel_make()
{
	env -i PATH="$PATH" HOME="${HOME-}" LC_ALL=C nice -n 10 \
		make -C "$part" LOCALVERSION= KBUILD_BUILD_USER=vgpu \
		KBUILD_BUILD_HOST=vgpu ${ccache:+CC='ccache gcc'} "$@"
}

# Without half a gigabyte of register definitions.
unpack()
{
	tar -xJf "$tarball" -C "$part" --strip-components=1 --no-same-owner \
		--exclude="$package/drivers/gpu/drm/amd/*.h"
}

# Nothing is on but what the configuration says, and what that needs.
configure()
{
	kernel_make -s KCONFIG_ALLCONFIG="$(realpath "$config")" allnoconfig
}

build()
{
	kernel_make -j"$(nproc)" bzImage modules
}

# What boots, and what modules are built with, into "$1".
take()
{
	local files

	mkdir -p "$1"
	files=$(cd "$part" && ls -d Makefile .config Module.symvers System.map \
		vmlinux include scripts arch/x86/Makefile* arch/x86/include \
		tools/objtool/objtool samples/vfio-mdev/*.ko)
	# shellcheck disable=SC2086 # names without blanks
	tar -c -C "$part" $files | tar -x -C "$1"
	cp "$part/arch/x86/boot/bzImage" "$1/"
}

# Print what the configuration asks for and did not get.
missing()
{
	local name value

	while IFS='=' read -r name value; do
		case $value in
		n) grep -q "^$name=" "$part/.config" ;;
		*) ! grep -qxF "$name=$value" "$part/.config" ;;
		esac && echo "$name=$value"
	done < <(settings)
	return 0
}

settings()
{
	grep '^CONFIG_' "$config"
}

# Show lines that come in as progress, where somebody looks.
progress()
{
	local line n percent

	if [ ! -t 2 ]; then
		cat >/dev/null
		return
	fi
	n=$(find "$part" -name "*.o.cmd" | wc -l)
	while read -r line; do
		n=$((n + 1))
		percent=$((n * 100 / steps))
		printf '\rdebug-kernel: %2d%% %-60.60s' \
			$((percent < 99 ? percent : 99)) "$line" >&2
	done
	printf '\r%-80s\r' '' >&2
}

# The line of the log that says why something failed.
reason()
{
	grep -m 1 -E 'error: |not found|\*\*\* ' "$log" || tail -n 1 "$log"
}

if ! version=$(dpkg-query -W -f '${Version}' $package 2>/dev/null) ||
   [ ! -r "$tarball" ]; then
	say "no $tarball: install $package (make deps-debug)"
	exit 1
fi
# declare -f prints functions without comments.
hash=$({ echo "$version"; settings
	 declare -f kernel_make unpack configure build take; } | sha256sum)
dest=$dir/debug-kernel-${hash:0:12}
part=$dir/debug-kernel.part
log=$part/build.log

finish()
{
	ln -sfn "${dest##*/}" "$dir/debug-kernel"
	echo "$dest/bzImage"
	exit
}

[ -e "$dest" ] && finish
exec 9>"$dir/debug-kernel.lock"
if ! flock -n 9; then
	say "being built already; waiting"
	flock 9
	[ -e "$dest" ] && finish
fi

# The next call goes on.
trap 'echo >&2; say "stopped"; exit 130' INT
SECONDS=0
source="$version $(declare -f unpack | sha256sum)"
if [ "$(cat "$part/unpacked" 2>/dev/null)" != "$source" ]; then
	say "unpacking $package $version"
	rm -rf "$part"
	mkdir "$part"
	unpack || { say "cannot unpack $tarball"; exit 1; }
	echo "$source" >"$part/unpacked"
fi

if ! configure >"$log" 2>&1; then
	say "configuring failed: $(reason): see $log"
	exit 1
fi
mapfile -t missing < <(missing)
if [ ${#missing[@]} -gt 0 ]; then
	say "the kernel's configuration has not: ${missing[*]}"
	exit 1
fi

say "building $dest, which takes some minutes"
if ! build 2>&1 | tee "$log" | progress; then
	say "building failed: $(reason): see $log"
	exit 1
fi

rm -rf "$part/taken"
take "$part/taken"
rm -rf "$dir"/debug-kernel-*
mv "$part/taken" "$dest"
rm -rf "$part"
say "built in $SECONDS s, $(du -sh "$dest" | cut -f 1)"
finish
