#!/bin/bash
# SPDX-License-Identifier: MIT
# libvgpu and vgpuctl on the module: the tests of the library's interface, which
# are the same for every backend, and the tool on two GPUs.
# vm: fresh gpus=2 vram=1G
set -u
cd "$(dirname "$0")/../.." || exit
. selftests/tap.sh

ctl=build/vgpuctl
unit=build/plain/selftests/unit

# Their lines are ours.
suite()
{
	count < <(selftests/check-backends.sh --only mdev $unit/test_device \
		$unit/test_device_memory $unit/test_sim $unit/test_device_mt)
}

lists_both()
{
	$ctl list && $ctl list --json >/tmp/list &&
		grep -q '"gpu0"' /tmp/list && grep -q '"gpu1"' /tmp/list
}

info()
{
	$ctl info -b mdev -d gpu1 && $ctl info -b mdev -d 7671:00:00.0 --json |
		tee /tmp/info
	grep -q '"gpu1"' /tmp/info
}

stats()
{
	$ctl stats -b mdev --run 100 --json | tee /tmp/stats
	grep -q '"completed": *[1-9]' /tmp/stats
}

bench()
{
	$ctl bench -b mdev --entries 256 --batch 32 --repeat 3 --bytes 1M
}

# A device that is not there, and one that says who may open it.
refused()
{
	local rc=0

	$ctl info -b mdev -d gpu7 2>/tmp/err || rc=$?
	cat /tmp/err
	[ $rc -eq 3 ] && [ "$(wc -l </tmp/err)" -eq 1 ]
}

suite
check "vgpuctl list" lists_both
check "vgpuctl info" info
check "vgpuctl stats" stats
check "vgpuctl bench" bench
check "vgpuctl refuses a GPU that is not there" refused
tap_exit
