#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Unpack what bench_alloc's peers are built from: drm_mm and drm_buddy out of
# Debian's linux-source-6.1, with a stand-in for each other header they name.
#
# usage: bench_alloc_deps.sh DIRECTORY [TARBALL]
set -eu

dir=${1:?usage: bench_alloc_deps.sh DIRECTORY [TARBALL]}
tarball=${2:-/usr/src/linux-source-6.1.tar.xz}
top=linux-source-6.1

if [ ! -r "$tarball" ]; then
	echo "bench_alloc_deps.sh: $tarball: missing (apt install linux-source-6.1)" >&2
	exit 1
fi
[ -e "$dir/.done" ] && exit 0
mkdir -p "$dir"
tar xJf "$tarball" -C "$dir" --strip-components=1 \
	$top/drivers/gpu/drm/drm_mm.c $top/drivers/gpu/drm/drm_buddy.c \
	$top/include/drm/drm_mm.h $top/include/drm/drm_buddy.h \
	$top/lib/rbtree.c $top/include/linux/rbtree.h \
	$top/include/linux/rbtree_augmented.h \
	$top/include/linux/rbtree_types.h \
	$top/include/linux/interval_tree_generic.h \
	$top/include/linux/list.h
for h in asm/barrier drm/drm_print linux/bitops linux/bug \
	linux/compiler linux/const linux/container_of linux/kernel \
	linux/kmemleak linux/limits linux/mm_types \
	linux/module linux/poison linux/rcupdate linux/sched \
	linux/seq_file linux/sizes linux/slab linux/spinlock \
	linux/stacktrace linux/stddef; do
	mkdir -p "$dir/include/$(dirname $h)"
	echo '#include "drm_shim.h"' > "$dir/include/$h.h"
done
{
	echo '#include "drm_shim.h"'
	echo '#define EXPORT_SYMBOL(x) extern __typeof__(x) x'
	echo '#define EXPORT_SYMBOL_GPL(x) EXPORT_SYMBOL(x)'
} > "$dir/include/linux/export.h"
# <linux/types.h> stays the system's, which the shim itself includes.
touch "$dir/.done"
