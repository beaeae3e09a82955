#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo: it checks all bytes by itself; here, that it says so, and that its
# picture is one.
#
#	DEMO=build/demo selftests/cli/demo.sh
set -u
# shellcheck source=../tap.sh
. "$(dirname "$0")/../tap.sh"
: "${DEMO:=build/demo}"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

runs()
{
	timeout -k 5 120 "$DEMO" "$dir/map.png" >"$dir/out" 2>"$dir/err" ||
		{ cat "$dir/out" "$dir/err"; return 1; }
	[ ! -s "$dir/err" ]
}

says()
{
	grep -E -e "$1" "$dir/out" || { cat "$dir/out"; return 1; }
}

bytes()
{
	od -A n -t x1 -j "$1" -N "$2" "$dir/map.png" | tr -d ' \n'
}

# The signature, a first chunk IHDR, and IEND at the end.
is_png()
{
	local size

	size=$(stat -c %s "$dir/map.png") || return
	[ "$(bytes 0 8)" = 89504e470d0a1a0a ] &&
	[ "$(bytes 12 4)" = 49484452 ] &&
	[ "$(bytes $((size - 8)) 4)" = 49454e44 ]
}

# fails PATTERN ARGUMENTS...
fails()
{
	local pattern=$1 err

	shift
	err=$(timeout -k 5 120 "$DEMO" "$@" 2>&1 >/dev/null) && return 1
	echo "$err"
	[ "$(wc -l <<<"$err")" -eq 1 ] && grep -q "^demo: $pattern" <<<"$err"
}

check "the demo" runs
check "every byte is right" says '^checked [1-9][0-9]{8,} bytes, 0 wrong$'
check "statistics of the queue" says 'submitted 11520, completed 11520, failed 0'
check "of the device" says 'completed [0-9]+, failed 0, launches 1920'
check "of memory" says 'total 256.0 MiB, used [0-9.]+ MiB in [0-9]+ blocks'
check "compaction brought something" says 'did not fit before, and fits now'
check "where the picture is" says "^picture of the memory: $dir/map.png\$"
check "the picture" is_png
check "a picture that cannot be written" \
	fails 'cannot write .*/missing/map.png: No such file' \
	"$dir/missing/map.png"
check "too many arguments" fails 'too many arguments' a b
tap_exit
