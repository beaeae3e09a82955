#!/bin/bash
# SPDX-License-Identifier: MIT
# README and manual pages against what there is: the README's program compiles
# and runs, its make targets exist, the pages name only functions that exist,
# and vgpuctl's page has every option that vgpuctl knows.
#
#	VGPUCTL=build/vgpuctl selftests/cli/documents.sh
set -u
here=$(cd "$(dirname "$0")/../.." && pwd) || exit
# shellcheck source=../tap.sh
. "$here/selftests/tap.sh"
: "${VGPUCTL:=build/vgpuctl}"
VGPUCTL=$(realpath "$VGPUCTL")
cd "$here" || exit

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The first block of C in the README.
program()
{
	sed -n '/^```c$/,/^```$/p' README.md | sed '1d; /^```$/,$d' \
		>"$dir/readme.c"
	[ -s "$dir/readme.c" ] &&
	"${CC:-cc}" -Wall -Werror -Ilib/include -o "$dir/readme" \
		"$dir/readme.c" -L"${VGPUCTL%/*}" -lvgpu &&
	LD_LIBRARY_PATH=${VGPUCTL%/*} "$dir/readme"
}

# A block of the README, by its language and its number: block glsl 1.
block()
{
	awk -v start='```'"$1" -v number="$2" '
		$0 == "```" { on = 0 }
		on { print }
		$0 == start && ++n == number { on = 1 }' README.md
}

# The README's kernel: by its commands, and by its program.
kernel()
{
	local out

	block glsl 1 >"$dir/double.comp"
	block console 1 | sed -n 's/^\$ //p' >"$dir/commands"
	block c 2 >"$dir/double.c"
	grep -q 'vgpuctl run' "$dir/commands" &&
	(cd "$dir" && PATH=${VGPUCTL%/*}:$PATH bash -e commands) &&
	[ "$(od -A n -t x1 "$dir/out.bin" | tr -d ' \n')" = \
		c2c2c2c2c4c4c4c4c6c6c6c6 ] &&
	"${CC:-cc}" -Wall -Werror -Ilib/include -o "$dir/double" \
		"$dir/double.c" -L"${VGPUCTL%/*}" -lvgpu || return
	out=$(cd "$dir" && LD_LIBRARY_PATH=${VGPUCTL%/*} ./double)
	echo "$out"
	[ "$out" = "2 4 6" ]
}

targets()
{
	local t n=0

	for t in $(grep -oE '(^|`)make( [a-z][a-z-]*)?' README.md |
		   sed 's/.*make *//' | sort -u); do
		grep -qE "^$t:" Makefile || { echo "make $t"; return 1; }
		n=$((n + 1))
	done
	[ "$n" -ge 4 ]
}

# The tests that the README runs alone exist.
tests()
{
	local t file n=0

	for t in $(grep -oE '\bT=[a-z_.]+' README.md | sed 's/T=//' | sort -u); do
		file=selftests/unit/${t%%.*}.c
		[ -f "$file" ] || { echo "$file"; return 1; }
		case $t in
		*.*) grep -q "^VGPU_TEST(${t#*.})" "$file" ||
			{ echo "$t"; return 1; } ;;
		esac
		n=$((n + 1))
	done
	[ "$n" -ge 2 ]
}

# Files and directories that are linked exist.
links()
{
	local f n=0

	for f in $(grep -oE '\]\([^):]+\)' README.md | tr -d ']()'); do
		[ -e "${f%%#*}" ] || { echo "$f"; return 1; }
		n=$((n + 1))
	done
	[ "$n" -gt 0 ]
}

functions()
{
	local f n=0

	for f in $(grep -hoE '\bFn vgpu_[a-z_0-9]+' lib/man/* |
		   sed 's/Fn //' | sort -u); do
		grep -qrwE "$f" lib/include/vgpu || { echo "$f"; return 1; }
		n=$((n + 1))
	done
	[ "$n" -gt 0 ]
}

# Synopses say what the headers say, but for white space.
prototypes()
{
	local page header p n=0

	for page in lib/man/*.3; do
		header=lib/include/$(sed -n 's/^\.In //p' "$page" | head -n 1)
		tr -d ' \t\n' <"$header" >"$dir/header"
		awk '/^\.Sh / { on = $2 == "SYNOPSIS" }
		     on && /^\.Ft / { type = substr($0, 5) }
		     on && /^\.Fn [^(]/ {
			sub(/^\.Fn /, "")
			name = $1
			sub(/^[^ ]+ /, "")
			gsub(/" "/, ","); gsub(/"/, ""); gsub(/ /, "")
			gsub(/ /, "", type)
			print type name "(" $0 ")"
		     }' "$page" >"$dir/prototypes"
		while read -r p; do
			grep -qF -e "$p" "$dir/header" ||
				{ echo "$page: not in $header: $p"; return 1; }
			n=$((n + 1))
		done <"$dir/prototypes"
	done
	[ "$n" -gt 0 ]
}

# Every function of the library has a manual page, with its prototype.
complete()
{
	local f missing=0

	while read -r f; do
		grep -qE "^\.Nm $f( |$)" lib/man/*.3 ||
			{ echo "$f has no manual page"; missing=1; }
		grep -qE "^\.Fn $f (\"|void)" lib/man/*.3 ||
			{ echo "$f has no synopsis"; missing=1; }
	done < <(grep -o 'vgpu_[a-z0-9_]*' lib/libvgpu.symbols)
	[ "$missing" -eq 0 ] && [ -s lib/libvgpu.symbols ]
}

# Every page about functions says which threads may call them.
threads()
{
	local odd

	odd=$(grep -LE '\bthreads?\b' lib/man/*.3)
	[ -z "$odd" ] || { echo "$odd"; return 1; }
}

# Variables that the library or its tools ask for.
variables()
{
	local v n=0

	for v in $(grep -rhoE 'getenv\("VGPU_[A-Z_]+' lib tools |
		   sed 's/.*"//' | sort -u) VGPU_WORKER VGPU_WGPU_LIB; do
		grep -qE "^\.It Ev $v" lib/man/vgpu.7 ||
			{ echo "$v"; return 1; }
		n=$((n + 1))
	done
	[ "$n" -gt 0 ]
}

options()
{
	local o n=0

	for o in $({ "$VGPUCTL" --help
		     for c in list info stats bench run; do
			"$VGPUCTL" help $c
		     done; } | grep -oE '(^| )--[a-z]+' | sort -u); do
		grep -qE "Fl -${o#--}( |$)" lib/man/vgpuctl.1 ||
			{ echo "$o"; return 1; }
		n=$((n + 1))
	done
	[ "$n" -ge 10 ]
}

# Nothing that a formatter complains about.
clean()
{
	local out

	if [ "$format" = mandoc ]; then
		out=$(mandoc -T lint -W warning "$1" 2>&1)
	else
		out=$(groff -mandoc -ww -Tutf8 "$1" 2>&1 >/dev/null)
	fi
	[ -z "$out" ] || { echo "$out"; return 1; }
}

check "the README's program" program
check "the README's kernel" kernel
check "the README's make targets" targets
check "the README's tests" tests
check "the README's links" links
check "functions named in manual pages" functions
check "synopses of manual pages" prototypes
check "a manual page for each function" complete
check "threads in manual pages" threads
check "vgpuctl's options in vgpuctl(1)" options
format=
for f in mandoc groff; do
	[ -n "$format" ] || ! command -v $f >/dev/null || format=$f
done
# Each variable that is looked at.
check "environment variables in vgpu(7)" variables
for page in lib/man/*.[0-9]; do
	if [ -n "$format" ]; then
		check "$page" clean "$page"
	else
		ok "$page # SKIP neither mandoc nor groff"
	fi
done
tap_exit
