#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo on the module, in a virtual machine: load it, look at the GPUs, let
# several threads use one, and draw its memory.  Then the whole way: mdevctl makes
# an instance, QEMU with KVM gives it to a virtual machine inside, the module drives
# it there, and the same threads and the tests of the library use it.
#
#	selftests/vm/demo.sh KERNEL
set -eu
cd "$(dirname "$0")/../.."
. tools/kernels.sh

release=$(kernel_release "$1")
if [ -z "$release" ]; then
	echo "demo: kernel $1 is not installed: run make deps" >&2
	exit 1
fi
mkdir -p build/vm/log
echo
echo "The module, in a virtual machine with Linux $release"
tools/build-module.sh "$release" build/modules/RELEASE >build/vm/log/demo.build 2>&1 ||
	{ tail -n 20 build/vm/log/demo.build >&2; exit 1; }
# In the machine, with the time of each step.
# shellcheck disable=SC2016 # for the shell there
step='step()
	{
		local start=$EPOCHREALTIME
		"$@" || exit
		awk -v a="$start" -v b="$EPOCHREALTIME" -v what="$*" \
			"BEGIN { printf \"%8.2f s  %s\n\", b - a, what }"
	}
	depends()
	{
		echo "<6>vgpu-demo" >/dev/kmsg
		modprobe -a $(modinfo -F depends "$1" | tr "," " ")
	}'
module=build/modules/$release/vgpu.ko
# shellcheck disable=SC2016
selftests/vm/boot.sh -k "$release" -w build -l build/vm/log/demo.console \
	bash -euo pipefail -c "$step"'
	step depends "$1"
	step insmod "$1" gpus=2 vram=1G
	step build/vgpuctl list
	step build/demo -b mdev build/memory-map-module.png
	grep -H . /sys/bus/pci/drivers/vgpu/*/vgpu/{vram_peak,vram_used,busy_ns} |
		sed "s|.*/vgpu/\(.*\)/vgpu/|  \1 |"
	step rmmod vgpu
	dmesg | selftests/vm/kernel-log.sh vgpu-demo
	' demo "$module"

echo
echo "A virtual machine with a vGPU, in a host that is one itself"
# shellcheck disable=SC2016
selftests/vm/boot.sh -n -k "$release" -t 1200 \
	-l build/vm/log/demo-host.console env STEP="$step" bash -euo pipefail -c "$step"'
	uuid=7e57ab1e-0000-4000-8000-0000000000de
	modprobe kvm_amd 2>/dev/null || modprobe kvm_intel
	modprobe vfio_iommu_type1
	step depends "$1"
	step insmod "$1" vram=1G
	# No larger than the memory that the clients want: a block shall not fit.
	step mdevctl start -u $uuid -p 7670:00:00.0 -t vgpu-256m
	step build/vgpuctl instance list
	guest()
	{
		selftests/vm/boot.sh -v -k "$(uname -r)" -a kvm -m 640 -c 1 -t 900 \
			-p "mitigations=off no_timer_check cryptomgr.notests" \
			-d "vfio-pci,sysfsdev=/sys/bus/mdev/devices/$uuid" \
			bash -euo pipefail -c "$STEP"'\''
			step depends "$1"
			step insmod "$1"
			step build/vgpuctl list
			step build/vgpuctl info -b mdev
			step build/demo -b mdev /tmp/memory-map-guest.png
			tests="selftests/check-backends.sh --only mdev-guest"
			for t in device device_memory device_mt; do
				step $tests build/plain/selftests/unit/test_$t
			done
			step rmmod vgpu
			dmesg | selftests/vm/kernel-log.sh vgpu-demo
			'\'' guest "$1" 2>&1 | sed -u "s/^/  guest: /"
	}
	step guest "$1"
	step build/vgpuctl instance show $uuid
	step mdevctl stop -u $uuid
	grep -H . /sys/bus/pci/drivers/vgpu/*/vgpu/vram_used | sed "s|.*/vgpu/\(.*\)/vgpu/|  \1 |"
	step rmmod vgpu
	dmesg | selftests/vm/kernel-log.sh vgpu-demo
	' host "$module"
