#!/bin/bash
# SPDX-License-Identifier: MIT
# Run the tests of the library's interface, which are a simulator's by default,
# on the other backends, and in the other forms of each.
#
#	selftests/check-backends.sh PROGRAM...
#
# Left out is what is about the simulator itself: functions of this process as
# kernels, devices that are made up, a thousand of them, a terabyte of memory.
set -u
cd "$(dirname "$0")/.." || exit
. selftests/tap.sh

not_here="not_brought_up info_of_the_caller bad_options bad_info descriptors
	no_descriptors_left bad_kernels no_engine memory_is_given_back"

args=
for t in $not_here; do
	args+=" -T $t"
done

# on NAME BACKEND FLAGS PROGRAM...: the programs, on this backend.
on()
{
	local name=$1 backend=$2 flags=$3 out rc program

	shift 3
	for program; do
		out=$(VGPU_TEST_BACKEND=$backend VGPU_TEST_FLAGS=$flags \
			selftests/run-tests.sh -a "$args" "$program")
		rc=$?
		sed "s|^\(ok\|not ok\) |&$name: |" <<<"$out"
		tap_passed=$((tap_passed + $(grep -c '^ok ' <<<"$out")))
		[ $rc -eq 0 ] || tap_failed=$((tap_failed + 1))
	done
}

on simulator-worker simulator worker "$@"
on vulkan vulkan '' "$@"
on vulkan-discrete vulkan discrete "$@"
on vulkan-worker vulkan worker "$@"
on wgpu wgpu '' "$@"
tap_exit
