#!/bin/bash
# SPDX-License-Identifier: MIT
# The library exports what lib/libvgpu.symbols lists, and nothing else; it
# needs libc, what admission is made of, and libdrm, and no GPU's API.
#
#	selftests/check-symbols.sh [--update] LIBRARY.so ARCHIVE.a
#
# --update writes the list anew.
set -u
export LC_ALL=C
. "$(dirname "$0")/tap.sh"
list=$(dirname "$0")/../lib/libvgpu.symbols

exported()
{
	nm --dynamic --defined-only --format=posix "$1" |
		sed -e '/ A /d' -e 's/ .*//' -e 's/@.*//' | sort
}

# Global symbols of the static library, which has no version script.
archived()
{
	nm --extern-only --defined-only --format=posix "$1" |
		sed -n 's/ [A-Z] .*//p' | sort
}

same_as_list()
{
	diff <(cat "$list") <("$1" "$2") | sed -n \
		's/^< \(.*\)/listed, not exported: \1/p
		 s/^> \(.*\)/exported, not listed: \1/p'
	cmp -s "$list" <("$1" "$2")
}

no_cplusplus()
{
	! nm --dynamic --defined-only "$1" | grep ' _Z'
}

needs_little()
{
	local odd known='libc|libpthread|librt|libdl|libm|ld-linux.*'

	known+='|libgcc_s|libstdc\+\+|libspirv-cross-c-shared|libdrm'
	odd=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
	      grep -vE "^($known)\.so")
	[ -z "$odd" ] || { echo "needs $odd"; false; }
}

if [ "$1" = --update ]; then
	exported "$2" >"$list"
	exit
fi
check "list is sorted" sort -cu "$list"
check "shared library exports the list" same_as_list exported "$1"
check "static library exports the list" same_as_list archived "$2"
check "no C++ symbol" no_cplusplus "$1"
check "needs no API of a GPU" needs_little "$1"
tap_exit
