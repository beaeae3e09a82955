#!/bin/bash
# SPDX-License-Identifier: MIT
# Build the kernel module for a kernel, away from the source tree: kbuild
# writes its objects beside the sources, so it gets a directory of symbolic
# links.  What was built there before is used again.
#
#	tools/build-module.sh KERNEL DIRECTORY [ARGUMENT...]
#
# KERNEL is a kernel's build directory, a release, or a version (6.12: the
# newest one whose headers are installed); the module is DIRECTORY/vgpu.ko.
# DIRECTORY may have RELEASE in it for the kernel's release.  ARGUMENTs are for
# make; with a target among them that is made instead of the module.
set -u
here=$(cd "$(dirname "$0")/.." && pwd -P) || exit
# shellcheck source=kernels.sh
. "$here/tools/kernels.sh"

if [ $# -lt 2 ]; then
	sed -n '/^#	/s/^#	/usage: /p' "$0" >&2
	exit 1
fi
kdir=$1 dir=$2
shift 2
[ -d "$kdir" ] || [ ! -d "/lib/modules/$kdir/build" ] ||
	kdir=/lib/modules/$kdir/build
[ -d "$kdir" ] || kdir=$(kernel_headers "$kdir")
if [ ! -e "$kdir/Makefile" ]; then
	echo "build-module: no headers of ${kdir:-that kernel}: run make deps" >&2
	exit 1
fi
kdir=$(realpath "$kdir")

if [ "${dir/RELEASE/}" != "$dir" ]; then
	release=$(headers_release "$kdir") || exit
	dir=${dir/RELEASE/$release}
fi
mkdir -p "$dir" && dir=$(realpath "$dir") || exit
# One at a time.
exec 9>"$dir/.lock" && flock 9 || exit

# Links for sources that are new, and none for those that are gone.
find "$dir" -xtype l -delete
(cd "$here" && find Kbuild kernel selftests/kunit uapi -type f \
	\( -name Kbuild -o -name '*.[chS]' -o -name '*.sh' \) ! -name probed.h) |
while read -r f; do
	[ -L "$dir/$f" ] && continue
	mkdir -p "$dir/$(dirname "$f")" && ln -s "$here/$f" "$dir/$f" || exit
done

target=modules
for a; do
	case $a in
	*=*|-*) ;;
	*) target='' ;;
	esac
done
# Its own make: nothing of ours (flags, jobserver) shall reach it.
env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CFLAGS -u CPPFLAGS -u LDFLAGS \
	-u WERROR -u CC -u CXX \
	make -j"$(nproc)" -C "$kdir" M="$dir" "$@" $target 9>&- || exit
[ -z "$target" ] || echo "$dir/vgpu.ko"
