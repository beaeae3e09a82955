#!/bin/bash
# SPDX-License-Identifier: MIT
# Style and housekeeping: the kernel's checkpatch on every C file, the right
# licence line in every source file, and nothing generated outside of build/.
#
#	selftests/check-style.sh CHECKPATCH
set -u
cd "$(dirname "$0")/.." || exit
. selftests/tap.sh
checkpatch=$1

# SPDX_LICENSE_TAG: knows the kernel's licences only; checked below.
# MACRO_WITH_FLOW_CONTROL: an invariant that does not hold ends its check.
ignore=SPDX_LICENSE_TAG,MACRO_WITH_FLOW_CONTROL

# In user space there is no <linux/compiler.h> with __aligned() and the like,
# no ARRAY_SIZE() and no kstrtoul().  COMPLEX_MACRO takes attributes in a macro
# for an expression.
user=$ignore,PREFER_DEFINED_ATTRIBUTE_MACRO,CONSIDER_KSTRTO,SSCANF_TO_KSTRTO
user=$user,ARRAY_SIZE,COMPLEX_MACRO

# Attributes behind a declarator look like code to it, and a cast like a sum.
bench=$user,LINE_SPACING,SPACING,UNNECESSARY_ELSE,MULTISTATEMENT_MACRO_USE_DO_WHILE

checkpatch()
{
	perl "$checkpatch" --no-tree --file --terse --show-types --quiet --no-summary \
		--max-line-length=100 --ignore "$1" "$2"
}

# The second line of a script, the first of anything else.
has_licence()
{
	local file=$1 licence=$2 line

	line=$(head -n 2 "$file" | grep -m 1 'SPDX-License-Identifier: ') ||
		line=
	line=${line#*SPDX-License-Identifier: }
	[ "${line% \*/}" = "$licence" ] || echo "$file: not '$licence'"
}

# licence NAME LICENCE DIRECTORY...: every source file has the licence.
licence()
{
	local name=$1 licence=$2 files f odd

	shift 2
	files=$(find "$@" -type f \( -name '*.[chS]' -o -name '*.cc' -o \
		-name '*.sh' -o -name '*.pml' -o -name 'Makefile' -o \
		-name 'Kbuild' -o -name '*.map' -o -name '*.rs' -o \
		-name '*.py' -o -name '*.[1-8]' -o -path '.ci/*' -o \
		-path 'selftests/spin/*' \) |
		grep -v '^selftests/fuzz/corpus/')
	# A kernel module among the tests is licensed like the other one.
	[ "$licence" != MIT ] ||
		files=$(grep -vE '^selftests/kunit/' <<<"$files")
	[ -n "$files" ] || { echo "no files"; return 1; }
	odd=$(for f in $files; do has_licence "$f" "$licence"; done)
	[ -z "$odd" ] || { echo "$odd"; return 1; }
}

nothing_generated()
{
	! find . \( -path ./build -o -path ./.git \) -prune -o \
		\( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o \
		   -name '*.mod.c' -o -name '*.cmd' -o -name '*.a' -o \
		   -name '*.d' -o -name '*.so*' -o -name 'crash-*' -o \
		   -name 'pan.*' -o -name '*.trail' \) -type f -print | grep .
}

for f in $(find kernel selftests/kunit -name '*.[ch]' | sort); do
	check "checkpatch $f" checkpatch "$ignore" "$f"
done
for f in $(find uapi lib tools selftests -name '*.[ch]' | sort); do
	case $f in
	selftests/kunit/*) ;;
	selftests/bench/*) check "checkpatch $f" checkpatch "$bench" "$f" ;;
	*) check "checkpatch $f" checkpatch "$user" "$f" ;;
	esac
done

check "licences: kernel" licence kernel 'GPL-2.0 OR MIT' kernel Kbuild \
	selftests/kunit
check "licences: uapi" licence uapi \
	'(GPL-2.0 WITH Linux-syscall-note) OR MIT' uapi
for d in lib tools selftests; do
	check "licences: $d" licence $d MIT $d
done
check "licences: top" licence top MIT Makefile .ci
check "nothing generated in the source tree" nothing_generated
tap_exit
