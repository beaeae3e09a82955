#!/bin/bash
# SPDX-License-Identifier: MIT
# A virtual machine inside: mdevctl makes an instance, stock QEMU with KVM gives
# it to a guest of the same kernel, and the module in there drives it, also after a
# restart of the guest, and until it is taken away.  (test_function.sh has all the
# tests of the driver, test_crash.sh guests that end in the middle of work.)
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/selftests/tap.sh"
# shellcheck source=nested.sh
. "$here/selftests/vm/nested.sh"

uuid=$(mdev 1)
instance=/sys/bus/mdev/devices/$uuid
trace=/sys/kernel/tracing
device=(-device "vfio-pci,sysfsdev=$instance")
parent=0000:00:00.0
for d in /sys/class/mdev_bus/*; do
	parent=$(basename "$d")
done

mdevctl types --parent "$parent" >"$guests/types"
mdevctl start -u "$uuid" -p "$parent" -t vgpu-512m
mdevctl list >"$guests/list"
check "mdevctl types" grep -q vgpu-512m "$guests/types"
check "mdevctl start, list" grep -q "$uuid.*vgpu-512m" "$guests/list"

guest_modules "$VGPU_MODULE"
guest_make "$here"/build/vm/selftests/drm/test_{ring,doorbell,gone}

seconds=$SECONDS
guest guest "${device[@]}"
check "the guest starts" said guest 120 up
echo "# after $((SECONDS - seconds)) s"
echo 1 >$trace/events/vgpu/vgpu_submit/enable
tell guest "load && test_ring && test_doorbell"
results guest 120
echo 0 >$trace/events/vgpu/vgpu_submit/enable
check "what it submits is traced" grep -q -m 1 "vgpu_submit:" $trace/trace
tell guest "reboot -f"
check "the guest restarts" said guest 120 up
tell guest "load && test_ring && test_doorbell && test_gone"
results guest 120
check "the guest's kernel log" guest_log guest
guest_kill guest

check "mdevctl stop" mdevctl stop -u "$uuid"
check "all of the GPU's memory is free" is \
	"/sys/class/mdev_bus/$parent/mdev_supported_types/vgpu-4g/available_instances" 1
echo "# after $((SECONDS - seconds)) s"
tap_exit
