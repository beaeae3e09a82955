#!/bin/bash
# SPDX-License-Identifier: MIT
# The backend passthrough: the tests of the library's interface, which are the
# same for every backend, and vgpuctl, on instances of the module.
# vm: fresh vram=256M
set -u
cd "$(dirname "$0")/../.." || exit
. selftests/tap.sh

ctl=build/vgpuctl
unit=build/plain/selftests/unit
parent=/sys/class/mdev_bus/7670:00:00.0/mdev_supported_types
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# instance MIB TYPE: the device of that size, see unit/device_util.h.
instance()
{
	local uuid

	printf -v uuid '7e57ab1e-0000-4000-8000-%012d' "$1"
	export "VGPU_TEST_DEVICE_$1=$uuid"
	echo "$uuid" >"$parent/vgpu-$2/create"
}

destroy()
{
	local d rc=0

	for d in /sys/bus/mdev/devices/*/remove; do
		echo 1 >"$d" || rc=1
	done
	[ "$(cat $parent/vgpu-256m/available_instances)" = 1 ] && return $rc
	echo "memory is missing"
	return 1
}

# fails STATUS PATTERN COMMAND...: with one line that says so.
fails()
{
	local status=$1 pattern=$2 rc=0

	shift 2
	"$@" >"$log" 2>&1 || rc=$?
	cat "$log"
	[ $rc -eq "$status" ] && [ "$(wc -l <"$log")" -eq 1 ] &&
		grep -q "$pattern" "$log"
}

says()
{
	local pattern=$1

	shift
	"$@" >"$log" 2>&1 || { cat "$log"; return 1; }
	cat "$log"
	grep -q "$pattern" "$log"
}

modprobe vfio_iommu_type1
check "without a function it says so" \
	fails 3 'no vGPU function is bound to vfio-pci: this host has none' \
	$ctl info -b passthrough
instance 1 16m
instance 16 16m
instance 64 64m
count < <(selftests/check-backends.sh --only passthrough $unit/test_device \
	$unit/test_device_memory $unit/test_sim $unit/test_device_mt)
check "vgpuctl info" says '"total_memory_bytes": 67108864' \
	$ctl info -b passthrough -d "$VGPU_TEST_DEVICE_64" --json
check "vgpuctl stats" says '"completed": *[1-9]' \
	$ctl stats -b passthrough --run 100 --json
check "vgpuctl bench" \
	$ctl bench -b passthrough --entries 256 --batch 32 --repeat 3 --bytes 1M
check "instances are not taken for other backends' devices" \
	says 'passthrough *no .* 3 for virtual machines' $ctl list
check "vgpuctl refuses a function that is not there" \
	fails 3 'there is no function "gpu7"' $ctl info -b passthrough -d gpu7
check "all instances go, and with them their memory" destroy
tap_exit
