#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
# Ask a kernel's headers what they have: each file probes/NAME.c that compiles
# gives a "#define VGPU_HAVE_NAME".  Two probes guard the others: one that has
# to compile, and one that must not, so that broken flags are no answer.
#
#	probes.sh DIRECTORY OUTPUT COMPILER FLAG...
set -eu

dir=$1
out=$2
shift 2

compiles()
{
	"$@" -Werror -fsyntax-only
}

if ! compiles "$@" "$dir/must_pass.c"; then
	echo "vgpu: the compiler does not take this kernel's headers" >&2
	exit 1
fi
if compiles "$@" "$dir/must_fail.c" 2>/dev/null; then
	echo "vgpu: the compiler takes what no kernel has: no probe can be believed" >&2
	exit 1
fi

{
	echo "/* SPDX-License-Identifier: GPL-2.0 OR MIT */"
	for probe in "$dir"/*.c; do
		name=$(basename "$probe" .c)
		case $name in
		must_*) continue ;;
		esac
		if compiles "$@" "$probe" 2>/dev/null; then
			echo "#define VGPU_HAVE_$(echo "$name" | tr a-z A-Z)"
		fi
	done
} >"$out"
