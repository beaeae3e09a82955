#!/bin/bash
# SPDX-License-Identifier: MIT
# The driver in a virtual machine: an instance is given to a guest by stock QEMU with
# KVM, where the module binds it, and the tests of the render node and of the library
# are run on that.  Not those that fill the device's tables: with a trap for each
# entry they would take too long here.  And not the suspend of test_gone, which
# test_mdev.sh has: this guest's files do not survive it.
#
# The guest's kernel is ours, or VGPU_GUEST with the module VGPU_GUEST_MODULE.
set -u
cd "$(dirname "$0")/../.." || exit
. selftests/tap.sh
. selftests/vm/nested.sh

uuid=7e57ab1e-0000-4000-8000-0000000000ab
parent=0000:00:00.0
for d in /sys/class/mdev_bus/*; do
	parent=$(basename "$d")
done

drm=(test_query test_errno test_abi test_bo test_ring test_submit test_life
     test_share test_doorbell test_hostile)
library=(test_device test_device_memory test_sim test_device_mt)
check "an instance" mdevctl start -u $uuid -p "$parent" -t vgpu-512m
# A kernel that looks for everything takes more of everything.
memory=640 limit=1200
[ -z "${VGPU_GUEST-}" ] || memory=1536 limit=3600
count < <(selftests/vm/boot.sh -v -k "${VGPU_GUEST:-$(uname -r)}" -a kvm -m $memory \
	-c 1 -b $((limit / 6)) -t $limit \
	-p "mitigations=off no_timer_check cryptomgr.notests" \
	-d "vfio-pci,sysfsdev=/sys/bus/mdev/devices/$uuid" \
	env TEST_LIMIT=$((limit / 4)) VGPU_TEST_PATIENCE="${VGPU_TEST_PATIENCE:-1}" \
	selftests/vm/function.sh "${VGPU_GUEST_MODULE:-$VGPU_MODULE}" \
	"${drm[@]/#/build/vm/selftests/drm/}" \
	"${library[@]/#/build/plain/selftests/unit/}" \
	build/vm/selftests/drm/test_gone 2> >(sed 's/^/# /'))
check "the instance goes" mdevctl stop -u $uuid
tap_exit
