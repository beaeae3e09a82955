#!/bin/bash
# SPDX-License-Identifier: MIT
# Build the module for each supported kernel, with W=1 and sparse: no warning is
# allowed in our files.  Also as its users do: in a copy of the tree by the
# kernel's own make, and by DKMS.
#
#	selftests/check-kbuild.sh DIRECTORY
set -u
cd "$(dirname "$0")/.." || exit
. selftests/tap.sh
. tools/kernels.sh
dir=$1

# Ours are those that are not the kernel's own headers, by absolute or relative
# path.
our_warnings()
{
	grep -E '(warning|error):|^(ERROR|WARNING)' "$1" |
		grep -vE '^(/usr/src/|/lib/modules/|\./|include/|arch/)'
}

compile()
{
	local kdir=$1 farm=$2 log=$2/log f rc=0

	# All objects anew: a warning shows only when its file is compiled.
	rm -rf "$farm"
	mkdir -p "$farm"
	tools/build-module.sh "$kdir" "$farm" W=1 C=2 CF=-D__CHECK_ENDIAN__ \
		>"$log" 2>&1 || rc=$?
	if our_warnings "$log" || [ "$rc" -ne 0 ]; then
		cat "$log"
		return 1
	fi
	for f in kernel/*.c kernel/model/*.c kernel/function/*.c; do
		[ -s "$farm/${f%.c}.o" ] || { echo "$f was not built"; return 1; }
	done
	[ -s "$farm/vgpu.ko" ] && modinfo "$farm/vgpu.ko"
}

copy_tree()
{
	rm -rf "$1"
	mkdir -p "$1"
	tar -c --exclude=./build --exclude=./.git . | tar -x -C "$1"
}

in_tree()
{
	local kdir=$1 copy=$2

	copy_tree "$copy"
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CFLAGS -u CPPFLAGS -u WERROR \
		make -j2 -C "$kdir" M="$PWD/$copy" || return
	[ -s "$copy/vgpu.ko" ] || return
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
		make -C "$kdir" M="$PWD/$copy" clean || return
	! find "$copy" -name '*.o' -o -name '*.ko' -o -name probed.h | grep .
}

by_dkms()
{
	local release=$1 root=$2 version

	version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
	[ "$version" = "$(sed -n 's/^VERSION := //p' Makefile)" ] ||
		{ echo "dkms.conf and Makefile differ in version"; return 1; }
	copy_tree "$root/src/vgpu-$version"
	rm -rf "$root/tree"
	mkdir -p "$root/tree"
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u WERROR \
		dkms build -m vgpu -v "$version" -k "$release" \
		--dkmstree "$PWD/$root/tree" --sourcetree "$PWD/$root/src" \
		</dev/null || { cat "$root"/tree/vgpu/"$version"/build/make.log; return 1; }
	find "$root/tree" -name 'vgpu.ko*' | grep .
}

command -v sparse >/dev/null || not_ok "sparse is missing: run make deps"
for version in 6.1 6.12; do
	kdir=$(kernel_headers "$version")
	if [ -z "$kdir" ]; then
		not_ok "headers of $version are missing: run make deps"
		continue
	fi
	check "module for $version" compile "$kdir" "$dir/kbuild-$version"
	check "module for $version in the tree" in_tree "$kdir" \
		"$dir/kbuild-in-tree"
	check "module for $version by DKMS" by_dkms "$(headers_release "$kdir")" \
		"$dir/kbuild-dkms-$version"
done
tap_exit
