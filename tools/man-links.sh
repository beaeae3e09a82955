#!/bin/sh
# SPDX-License-Identifier: MIT
# For each function that a manual page is about, a page of its own that leads
# there: `man vgpu_kernel_create` shows vgpu_kernel(3).
#
#	tools/man-links.sh install|uninstall MANDIR PAGE...
set -eu
action=$1
dir=$2
shift 2

for page; do
	file=${page##*/}
	section=${file##*.}
	names=$(sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([^ ]*\).*/\1/p' "$page")
	for name in $names; do
		link=$dir/man$section/$name.$section
		[ "$name.$section" != "$file" ] || continue
		if [ "$action" = install ]; then
			echo ".so man$section/$file" >"$link"
			chmod 644 "$link"
		else
			rm -f "$link"
		fi
	done
done
