#!/bin/bash
# SPDX-License-Identifier: MIT
# Run the tests of the library's interface, which are a simulator's by default,
# on the other backends, and in the other forms of each.
#
#	selftests/check-backends.sh [--only NAME] PROGRAM...
#
# NAME is one of those below; mdev, a GPU of the module that is loaded, and
# mdev-guest, the same in a virtual machine, are run only if they are named,
# mdev-fake has a stand-in for the module.
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

# In a virtual machine one device has all clients: its VRAM is more than a client
# asks for, so that blocks of one client leave no holes to be moved together, and
# an interrupt may be one that the kernel has asked for, or another client's.
not_guest="compaction interrupts"

only=
if [ "${1-}" = --only ]; then
	only=$2
	shift 2
fi

# on NAME BACKEND FLAGS PROGRAM...: the programs, on this backend.
on()
{
	local name=$1 backend=$2 flags=$3 args='' out rc program t

	shift 3
	[ "$only" = "$name" ] || [ -z "$only" ] || return 0
	found=1
	for t in $not_here; do
		args+=" -T $t"
	done
	if [ "$backend" = mdev ]; then
		for t in $not_mdev; do
			args+=" -T $t"
		done
	fi
	if [ "$flags" = guest ]; then
		for t in $not_guest; do
			args+=" -T $t"
		done
	fi
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
[ "$only" != mdev ] || on mdev mdev '' "$@"
[ "$only" != mdev-guest ] || on mdev-guest mdev guest "$@"
if [ -z "$found" ]; then
	echo "check-backends: nothing is called '$only'" >&2
	exit 2
fi
tap_exit
