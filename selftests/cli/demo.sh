#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo: it checks all bytes by itself; here, that it says so, and that its
# pictures are some.
#
#	DEMO=build/demo selftests/cli/demo.sh
set -u
# shellcheck source=../tap.sh
. "$(dirname "$0")/../tap.sh"
: "${DEMO:=build/demo}"

dir=$(mktemp -d)
# Without it, a library below wgpu-native writes to standard error.
export XDG_RUNTIME_DIR=$dir
trap 'rm -rf "$dir"' EXIT

runs()
{
	timeout -k 5 120 "$DEMO" "$dir/demo.png" "$dir/map.png" \
		>"$dir/out" 2>"$dir/err" ||
		{ cat "$dir/out" "$dir/err"; return 1; }
	[ ! -s "$dir/err" ]
}

says()
{
	grep -E -e "$1" "$dir/out" || { cat "$dir/out"; return 1; }
}

bytes()
{
	od -A n -t x1 -j "$2" -N "$3" "$dir/$1" | tr -d ' \n'
}

# is_png FILE LEAST: the signature, a first chunk IHDR, and IEND at the end; one
# that shows nothing would be smaller than LEAST.
is_png()
{
	local size

	size=$(stat -c %s "$dir/$1") || return
	[ "$size" -gt "$2" ] &&
	[ "$(bytes "$1" 0 8)" = 89504e470d0a1a0a ] &&
	[ "$(bytes "$1" 12 4)" = 49484452 ] &&
	[ "$(bytes "$1" $((size - 8)) 4)" = 49454e44 ]
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
check "statistics of the queue" says 'submitted 3840, completed 3840, failed 0'
check "of the device" says 'completed [0-9]+, failed 0, launches 640'
check "of memory" says 'total 256.0 MiB, used [0-9.]+ MiB in [0-9]+ blocks'
check "compaction brought something" says 'did not fit before, and fits now'
check "the Mandelbrot set" says '^Mandelbrot set on .+: .+, driver .+$'
check "how long it took" says '[0-9.]+ s in all: 13 launches ran for [0-9.]+ ms'
for p in demo:300000:'Mandelbrot set' map:4000:memory; do
	IFS=: read -r name least what <<<"$p"
	check "where the picture of the $what is" \
		says "^picture of the $what: $dir/$name.png\$"
	check "picture of the $what" is_png "$name.png" "$least"
done
check "a picture that cannot be written" \
	fails 'cannot write .*/missing/demo.png: No such file' \
	"$dir/missing/demo.png"
check "too many arguments" fails 'too many arguments' a b c
tap_exit
