#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo on the module: in a virtual machine, load it, look at the GPUs, let
# several threads use one, and draw its memory.
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
selftests/vm/boot.sh -k "$release" -w build -l build/vm/log/demo.console \
	bash -euc '
	step()
	{
		local start=$EPOCHREALTIME
		"$@" || exit
		awk -v a="$start" -v b="$EPOCHREALTIME" -v what="$*" \
			"BEGIN { printf \"%8.2f s  %s\n\", b - a, what }"
	}
	step modprobe drm_shmem_helper
	step insmod "$1" gpus=2 vram=1G
	step build/vgpuctl list
	step build/demo -b mdev build/memory-map-module.png
	grep -H . /sys/bus/pci/drivers/vgpu/*/vgpu/{vram_peak,vram_used,busy_ns} |
		sed "s|.*/vgpu/\(.*\)/vgpu/|  \1 |"
	step rmmod vgpu
	! dmesg | grep -E "WARNING|BUG|Oops"
	' demo "build/modules/$release/vgpu.ko"
