#!/bin/bash
# SPDX-License-Identifier: MIT
# Each public header, alone and twice, as C11 and as C++17.
set -u
cd "$(dirname "$0")/.." || exit
. selftests/tap.sh

flags=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only
       -Ilib/include -Iuapi)
# As -isystem: what libdrm's headers look like is not ours to judge.
read -ra drm <<<"$(pkg-config --cflags-only-I libdrm | sed 's/-I/-isystem /g')"
flags+=("${drm[@]}")

compile()
{
	local header=$1

	shift
	printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
		"$@" "${flags[@]}" -
}

shopt -s nullglob
for h in lib/include/vgpu/*.h uapi/*.h; do
	name=${h#lib/include/}
	name=${name#uapi/}
	check "$h C11" compile "$name" "${CC:-cc}" -std=c11 -x c
	check "$h C++17" compile "$name" "${CXX:-c++}" -std=c++17 -x c++
done
tap_exit
