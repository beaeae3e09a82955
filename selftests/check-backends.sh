#!/bin/bash
# SPDX-License-Identifier: MIT
# Run the tests of the library's interface, which are a simulator's by default,
# on the other backends, and in the other forms of each.
#
#	selftests/check-backends.sh [--only NAME] PROGRAM...
#	selftests/check-backends.sh --arguments BACKEND [FLAGS]
#
# The second form prints the arguments with which programs leave out what a
# backend does not have, for those who run them elsewhere.
#
# NAME is one of those below; mdev, a GPU of the module that is loaded,
# mdev-guest, the same in a virtual machine, and passthrough, functions that the
# environment names (unit/device_util.h), are run only if they are named;
# mdev-fake and passthrough-fake have stand-ins.
#
# Left out is what is about the simulator itself: functions of this process as
# kernels, devices that are made up, a thousand of them, a terabyte of memory.
set -u
cd "$(dirname "$0")/.." || exit
. selftests/tap.sh

not_here="not_brought_up info_of_the_caller bad_options bad_info descriptors
	no_descriptors_left bad_kernels no_engine memory_is_given_back"

# The kernel runs no functions of a process as kernels.
not_mdev="launch_by_address arguments program_order bad_arguments thrown_away
	one_ring one_ring_background several_rings several_rings_background"
# It has run a command, most likely, before the next call: what is outstanding
# before a wait, which ring comes first, and who has seen commands end, are
# questions to a device that only runs when it is told to.
not_mdev+=" statistics process_counts priorities"

# Where the device is another thread of the program, and interrupts are how one
# waits for it, it is chance who looks at a broken word first (this one puts it
# right), and whether a wait has asked for an interrupt.
not_a_thread="broken_ring interrupts"

# In a virtual machine one device has all clients: its VRAM is more than a client
# asks for, so that blocks of one client leave no holes to be moved together, and
# an interrupt may be one that the kernel has asked for, or another client's.
not_guest="compaction interrupts"

# arguments BACKEND [FLAGS]
arguments()
{
	local args='' t skip=$not_here

	case $1 in
	mdev | passthrough) skip+=" $not_mdev" ;;
	esac
	[ "$1,${2-}" != passthrough,fake ] || skip+=" $not_a_thread"
	[ "$1,${2-}" != mdev,guest ] || skip+=" $not_guest"
	for t in $skip; do
		args+=" -T $t"
	done
	echo "$args"
}

if [ "${1-}" = --arguments ]; then
	arguments "$2" "${3-}"
	exit
fi

only=
if [ "${1-}" = --only ]; then
	only=$2
	shift 2
fi

# on NAME BACKEND FLAGS PROGRAM...: the programs, on this backend.
on()
{
	local name=$1 backend=$2 flags=$3 args out rc program

	shift 3
	args=$(arguments "$backend" "$flags")
	[ "$only" = "$name" ] || [ -z "$only" ] || return 0
	found=1
	for program; do
		out=$(VGPU_TEST_BACKEND=$backend VGPU_TEST_FLAGS=$flags \
			selftests/run-tests.sh -a "$args" "$program")
		rc=$?
		sed "s/^\(ok\|not ok\) /&$name: /" <<<"$out"
		tap_passed=$((tap_passed + $(grep -c '^ok ' <<<"$out")))
		[ $rc -eq 0 ] || tap_failed=$((tap_failed + 1))
	done
}

found=
on simulator-worker simulator worker "$@"
on vulkan vulkan '' "$@"
on vulkan-discrete vulkan discrete "$@"
on vulkan-worker vulkan worker "$@"
on wgpu wgpu '' "$@"
on mdev-fake mdev fake "$@"
VGPU_TEST_DEVICE_1=fake-1 VGPU_TEST_DEVICE_16=fake-16 \
	VGPU_TEST_DEVICE_64=fake-64 on passthrough-fake passthrough fake "$@"
[ "$only" != mdev ] || on mdev mdev '' "$@"
[ "$only" != mdev-guest ] || on mdev-guest mdev guest "$@"
[ "$only" != passthrough ] || on passthrough passthrough '' "$@"
if [ -z "$found" ]; then
	echo "check-backends: nothing is called '$only'" >&2
	exit 2
fi
tap_exit
