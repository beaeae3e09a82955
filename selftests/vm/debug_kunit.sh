#!/bin/bash
# SPDX-License-Identifier: MIT
# The model's KUnit tests, which run when their module is loaded: a result for
# each case, from debugfs, and the kernel's log of a suite in which one failed.
# vm: unloaded
set -u
here=$(cd "$(dirname "$0")/.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/tap.sh"

module=$(dirname "$VGPU_MODULE")/selftests/kunit/vgpu_kunit.ko
results=/sys/kernel/debug/kunit
# As kunit_main.c has them.
suites="vgpu_account vgpu_vram vgpu_ring vgpu_model vgpu_hostile vgpu_turn"

if [ ! -f "$module" ]; then
	not_ok "there is no $module"
	tap_exit
fi

# suite NAME: its results as they are in the file, but without numbers.
suite()
{
	local file=$results/$1/results line name plan='' n=0 bad=0

	if [ ! -r "$file" ]; then
		not_ok "$1 did not run"
		return
	fi
	while IFS= read -r line; do
		line=${line#"${line%%[! ]*}"}
		case $line in
		1..*)
			plan=${line#1..}
			;;
		"ok "*" $1"|"not ok "*" $1")
			# All of it; its cases are counted.
			;;
		"ok "*)
			name=${line#ok [0-9]* }
			ok "$1.$name"
			n=$((n + 1))
			;;
		"not ok "*)
			name=${line#not ok [0-9]* }
			not_ok "$1.$name"
			n=$((n + 1))
			bad=1
			;;
		esac
	done <"$file"
	[ "$n" = "$plan" ] || not_ok "$1: $n of ${plan:-?} results"
	[ $bad -eq 0 ] || sed 's/^/# /' "$file"
}

if insmod "$module"; then
	for s in $suites; do
		suite "$s"
	done
	n=$(find $results -maxdepth 1 -name 'vgpu_*' | wc -l)
	[ "$n" -eq "$(wc -w <<<"$suites")" ] || not_ok "there are $n suites"
	check "vgpu_kunit is removed" rmmod vgpu_kunit
else
	dmesg | tail -n 20 | sed 's/^/# /'
	not_ok "vgpu_kunit cannot be loaded"
fi
tap_exit
