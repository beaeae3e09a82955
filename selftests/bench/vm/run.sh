#!/bin/bash
# SPDX-License-Identifier: MIT
# Benchmarks of the module, in a virtual machine: each twice, for time and for
# instructions.
#
#	selftests/bench/vm/run.sh KERNEL DIRECTORY PROGRAM...
#
# KERNEL is a version; the JSON goes to DIRECTORY/vm-NAME-time.json and
# vm-NAME-instructions.json.  No time fails here; what does not run does.
# BENCH_ARGS in the environment are more arguments for the programs.
#
# Time is that of an emulated processor where KVM does not work.  Its costs are
# not those of a real one: what leaves the code that was translated (system
# calls, interrupts, atomic operations) is dearer, memory is cheaper.  So the
# second machine counts instructions: its clocks advance by one nanosecond for
# each instruction that it executes (QEMU's -icount), its processors take turns,
# and the kernel's counting is exact, apart from timer ticks.
set -u
cd "$(dirname "$0")/../../.." || exit
. tools/kernels.sh

# Inside.
if [ "${1-}" = --inside ]; then
	dir=$2 how=$3 module=$4 peers=$5
	shift 5
	# shellcheck disable=SC2046 # a list
	modprobe -a $(modinfo -F depends "$module" | tr ',' ' ') vgem \
		vfio_iommu_type1 || exit
	insmod "$module" || exit
	insmod "$peers/vgpu_bench_memcpy.ko" || exit
	insmod "$peers/mtty.ko" || exit
	rc=0
	for p; do
		name=${p##*/bench_}
		args=(--json "$dir/vm-$name-$how.json")
		[ "$how" = time ] || args+=(--count)
		# shellcheck disable=SC2086 # a list
		"$p" "${args[@]}" ${BENCH_ARGS-} || rc=1
	done
	exit $rc
fi

kernel=$1 dir=$2
shift 2
release=$(kernel_release "$kernel")
[ -n "$release" ] || { echo "bench-vm: no kernel $kernel: run make deps" >&2; exit 1; }
mkdir -p "$dir"
peers=$dir/peers-$release
sample=samples/vfio-mdev/mtty.c
build()
{
	tools/build-module.sh "$release" build/modules/RELEASE || return
	[ -f "$peers/$sample" ] || tools/kernel-source.sh \
		"$(sed 's/^\([0-9]*\.[0-9]*\).*/\1/' <<<"$release")" "$peers" \
		"$sample" || return
	cp -u selftests/bench/vm/peers/* "$peers/$sample" "$peers" &&
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make \
		-C "$(kernel_headers "$kernel")" M="$(realpath "$peers")"
}
if ! build >"$dir/vm.build" 2>&1; then
	cat "$dir/vm.build" >&2
	exit 1
fi

# run HOW ACCELERATOR [OPTION...]
run()
{
	local how=$1 accel=$2

	shift 2
	selftests/vm/boot.sh -k "$release" -t 900 -w "$dir" -l "$dir/vm-$how.console" \
		-a "$accel" "$@" env ${BENCH_ARGS:+BENCH_ARGS="$BENCH_ARGS"} \
		selftests/bench/vm/run.sh --inside "$dir" "$how" \
		"build/modules/$release/vgpu.ko" "$peers" "${programs[@]}"
}

programs=("$@")
rc=0
run time auto || rc=1
# The idle loop shall not be counted.
run instructions icount -p idle=halt || rc=1
exit $rc
