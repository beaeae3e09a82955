#!/bin/bash
# SPDX-License-Identifier: MIT
# Two guests on one GPU, of which one is hostile (hostile.c): the other one's tests,
# of the render node and of the library, find no wrong byte meanwhile, the host's
# kernel has nothing to say, and nothing is left of either.
# vm: fresh vram=1G
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/selftests/tap.sh"
# shellcheck source=nested.sh
. "$here/selftests/vm/nested.sh"

gpu=7670:00:00.0
types=/sys/class/mdev_bus/$gpu/mdev_supported_types
mdevs=/sys/bus/mdev/devices
pci=/sys/bus/pci/devices

check "an instance for the good one" eval "mdev 1 >$types/vgpu-512m/create"
check "one for the hostile one" eval "mdev 2 >$types/vgpu-64m/create"
guest_modules "$VGPU_MODULE"
guest_make "$here/build/vm/selftests/drm/test_ring" \
	"$here/build/vm/selftests/vm/hostile" \
	"$here/build/plain/selftests/unit/test_device_memory"
# Registering 16,000 times would take minutes for two on one processor.
args="$("$here/selftests/check-backends.sh" --arguments mdev guest) -T registered_too_often"

# The hostile one's program has not ended, and its device still gets commands.
at_work()
{
	local commands from

	commands=$mdevs/$(mdev 2)/commands
	from=$(cat "$commands") || return
	soon eval "[ \$(cat $commands) -gt $from ]" ||
		{ echo "no more than $from commands"; return 1; }
	echo "$from commands, and then $(cat "$commands")"
	[ -d "/proc/${guest_pid[hostile]}" ] && ! grep '^end ' "$guests/hostile/out"
}

guest good -m 512 -device "vfio-pci,sysfsdev=$mdevs/$(mdev 1)"
guest hostile -device "vfio-pci,sysfsdev=$mdevs/$(mdev 2),addr=0x10"
check "both guests start" eval "said good 180 up && said hostile 180 up"
check "the good one loads the module" ask good 60 load
mark="vgpu-test: two guests"
echo "<6>$mark" >/dev/kmsg
tell hostile "echo 1 >/proc/sys/vm/nr_hugepages && hostile $pci/0000:00:10.0"
tell good "test_ring && \
	VGPU_TEST_BACKEND=mdev VGPU_TEST_FLAGS=guest test_device_memory$args"
results good 600
check "the other one is still at it" at_work
send hostile stop
results hostile 60
check "the good one's kernel log" guest_log good

# A guest's doing is nothing for the host's log, be it an error or not.
silent()
{
	local said

	said=$(dmesg | sed "1,/$mark/d" | grep -i vgpu)
	[ -z "$said" ] || { head -n 20 <<<"$said"; return 1; }
}
check "the host's kernel says nothing of it" silent
check "commands of the hostile one failed" test \
	"$(cat "$mdevs/$(mdev 2)/failed")" -gt 0
guest_kill hostile
guest_kill good
for i in 1 2; do
	check "nobody has instance $i open" soon is "$mdevs/$(mdev $i)/pid" 0
	check "nothing of instance $i is used" is "$mdevs/$(mdev $i)/vram_used" 0
	check "instance $i goes" eval "echo 1 >$mdevs/$(mdev $i)/remove"
done
check "the GPU's memory is free" is $pci/$gpu/vgpu/vram_used 0
check "nobody uses the GPU" is $pci/$gpu/vgpu/tenants 0
tap_exit
