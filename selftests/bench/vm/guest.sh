#!/bin/bash
# SPDX-License-Identifier: MIT
# The benchmark of a vGPU in a virtual machine: on the host, which is a virtual
# machine itself, and then in a guest of it; twice, as run.sh has it.
#
#	selftests/bench/vm/guest.sh KERNEL DIRECTORY PROGRAM
#
# The JSON goes to DIRECTORY/vm-guest-time.json and vm-guest-instructions.json;
# that of the host's part to vm-guest-host-*.json.  BENCH_ARGS in the environment
# are more arguments for the program.
set -u
cd "$(dirname "$0")/../../.." || exit
. tools/kernels.sh

load()
{
	# shellcheck disable=SC2046 # a list
	modprobe -a $(modinfo -F depends "$1" | tr ',' ' ') && insmod "$1"
}

bench()
{
	local json=$1 how=$2 program=$3 args=()

	[ "$how" = time ] || args=(--count)
	# shellcheck disable=SC2086 # a list
	"$program" --json "$json" ${args[@]+"${args[@]}"} ${BENCH_ARGS-}
}

# In the guest.
if [ "${1-}" = --guest ]; then
	json=$2 how=$3 module=$4 program=$5
	modprobe virtio_blk && load "$module" || exit
	for d in /sys/bus/virtio/devices/*; do
		[ "$(cat "$d/device")" != 0x0004 ] || rng=$(realpath "$d/..")
	done
	echo "${rng##*/}" >/sys/bus/pci/drivers/virtio-pci/unbind || exit
	echo 1 >"$rng/enable" || exit
	export VIRTIO_NOTIFY_PCI=$rng
	bench "$json" "$how" "$program"
	exit
fi

# The second processor, if this machine was not to begin with it: boot.sh says why.
# While nothing is patched, as when guests run that have started, there may be two.
second()
{
	grep -q maxcpus=1 /proc/cmdline || return 0
	echo "$1" >/sys/devices/system/cpu/cpu1/online
}

# What KVM has counted so far: exits, and those to the VMM for memory of devices.
exits()
{
	cat /sys/kernel/debug/kvm/{exits,mmio_exits}
}

# Copy the output, and append to JSON what was counted in each phase of it.
count_phases()
{
	local json=$1 line what rows='' before after

	while IFS= read -r line; do
		case $line in
		"bench begin")
			second 1
			;;
		"bench end")
			second 0
			;;
		"phase begin "*)
			what=${line#phase begin }
			mapfile -t before < <(exits)
			;;
		"phase end "*)
			mapfile -t after < <(exits)
			rows+=$(awk -v n="${line##* }" -v what="$what" \
				-v e=$((after[0] - before[0])) \
				-v m=$((after[1] - before[1])) 'BEGIN {
				f = ",\n {\"name\": \"exits a command, %s\", \"unit\": \"exits\", \"repetitions\": 1, \"median\": %.4f, \"mmio\": %.4f}"
				printf f, what, e / n, m / n }')
			echo "  exits, $what: $((after[0] - before[0]))," \
				"$((after[1] - before[1])) of them MMIO," \
				"for ${line##* } commands"
			;;
		*)
			printf '%s\n' "$line"
			;;
		esac
	done
	[ -n "$rows" ] || return
	sed -i '$d' "$json"
	printf '%s\n]}\n' "$rows" >>"$json"
}

# In the host's machine.
if [ "${1-}" = --host ]; then
	dir=$2 how=$3 module=$4 program=$5
	uuid=7e57ab1e-0000-4000-8000-0000000000be
	modprobe -a vfio_iommu_type1 kvm_amd 2>/dev/null || modprobe kvm_intel || exit
	second 1 && load "$module" || exit
	bench "$dir/vm-guest-host-$how.json" "$how" "$program" || exit
	second 0
	parent=$(basename /sys/class/mdev_bus/*)
	mdevctl start -u $uuid -p "$parent" -t vgpu-512m || exit
	selftests/vm/boot.sh -k "$(uname -r)" -a kvm -m 640 -c 1 -b 600 -t 3000 \
		-p "mitigations=off no_timer_check cryptomgr.notests" -w "$dir" \
		-q -blockdev -q driver=null-co,node-name=null0,read-zeroes=on \
		-q -blockdev -q driver=null-co,node-name=null1,read-zeroes=on \
		-d virtio-blk-pci,drive=null0,ioeventfd=off \
		-d virtio-blk-pci,drive=null1,ioeventfd=on \
		-d virtio-rng-pci \
		-d "vfio-pci,sysfsdev=/sys/bus/mdev/devices/$uuid" \
		env BENCH_HOST="$dir/vm-guest-host-$how.json" \
		${BENCH_ARGS:+BENCH_ARGS="$BENCH_ARGS"} \
		selftests/bench/vm/guest.sh --guest "$dir/vm-guest-$how.json" \
		"$how" "$module" "$program" |
		count_phases "$dir/vm-guest-$how.json"
	rc=${PIPESTATUS[0]}
	mdevctl stop -u $uuid
	exit "$rc"
fi

kernel=$1 dir=$2 program=$3
release=$(kernel_release "$kernel")
[ -n "$release" ] || { echo "bench-vm: no kernel $kernel: run make deps" >&2; exit 1; }
mkdir -p "$dir"
if ! tools/build-module.sh "$release" build/modules/RELEASE >"$dir/vm.build" 2>&1; then
	cat "$dir/vm.build" >&2
	exit 1
fi

# run HOW ACCELERATOR [OPTION...]
run()
{
	local how=$1 accel=$2

	shift 2
	selftests/vm/boot.sh -n -k "$release" -t 3600 -w "$dir" \
		-l "$dir/vm-guest-$how.console" -a "$accel" "$@" \
		env ${BENCH_ARGS:+BENCH_ARGS="$BENCH_ARGS"} \
		selftests/bench/vm/guest.sh --host "$(realpath "$dir")" "$how" \
		"build/modules/$release/vgpu.ko" "$program"
}

rc=0
run time auto || rc=1
# One processor: two would take turns that are too long for a guest.
run instructions icount -c 1 -p idle=halt || rc=1
exit $rc
