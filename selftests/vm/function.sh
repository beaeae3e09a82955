#!/bin/bash
# SPDX-License-Identifier: MIT
# Inside a virtual machine that has a vGPU: load the module and run tests on its
# function, which has to be the only GPU.
#
#	selftests/vm/function.sh MODULE PROGRAM...
#
# Those of the render node say themselves what a device that all clients share
# has not got; those of the library are run on its backend mdev.  At the end the
# module is removed, and has left nothing that kmemleak finds, where that is.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
cd "$here" || exit
. selftests/tap.sh
. selftests/vm/kernel-leaks.sh
module=$1
shift

mark="vgpu-test: begin guest"
echo "<6>$mark" >/dev/kmsg
depends=$(modinfo -F depends "$module" | tr ',' ' ')
# shellcheck disable=SC2086 # a list
[ -z "$depends" ] || modprobe -a $depends
check "the module is loaded" insmod "$module"
nodes()
{
	local n

	n=$(readlink -f /sys/class/drm/renderD*/device/driver | grep -c '/vgpu')
	[ "$n" -eq 1 ] || { echo "$n render nodes"; dmesg | tail -n 20; return 1; }
}
check "it makes no software GPU" nodes
for program; do
	case $program in
	*/unit/*) count < <(selftests/check-backends.sh --only mdev-guest "$program") ;;
	# The files are the host's: they do not survive a suspend.
	*/test_gone) count < <(selftests/run-tests.sh -a '-T asleep' "$program") ;;
	*) count < <(selftests/run-tests.sh "$program") ;;
	esac
done
info()
{
	build/vgpuctl list && build/vgpuctl info -b mdev
}
stats()
{
	build/vgpuctl stats -b mdev --run 100 --json
}
check "vgpuctl list, info" info
check "vgpuctl stats" stats
check "the module is removed" rmmod vgpu
check "nothing leaks" no_leaks
log()
{
	dmesg | selftests/vm/kernel-log.sh "$mark"
}
check "the kernel's log" log
tap_exit
