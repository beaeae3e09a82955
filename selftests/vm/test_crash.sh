#!/bin/bash
# SPDX-License-Identifier: MIT
# Guests that end while commands of theirs run: the kernel crashes, with a QEMU that
# restarts the machine and with one that ends, or QEMU is killed.  The host's
# accounts are back at zero, and the next driver finds a device as it was.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/selftests/tap.sh"
# shellcheck source=nested.sh
. "$here/selftests/vm/nested.sh"

gpu=7670:00:00.0
types=/sys/class/mdev_bus/$gpu/mdev_supported_types
uuid=$(mdev 1)
instance=/sys/bus/mdev/devices/$uuid
device=(-device "vfio-pci,sysfsdev=$instance")

# Memory that is pinned in QEMU for the device, in KiB.
locked()
{
	awk '/^Vm(Lck|Pin):/ { n += $2 } END { print n }' \
		"/proc/${guest_pid[guest]}/status"
}

# A command of 3 MiB runs, or waits for its turn, which it gets for a hundredth of
# the time: it is there when the kernel crashes.
work()
{
	local i from

	echo 1 >"$instance/cap" || return
	from=$(cat "$instance/commands")
	ask guest 120 "load || exit; while :; do test_ring -t round_trip; done >/dev/null 2>&1 &" ||
		return
	for ((i = 0; i < 300; i++)); do
		[ "$(cat "$instance/commands")" -gt "$from" ] &&
			[ "$(cat "$instance/vram_used")" -gt 0 ] &&
			[ "$(locked)" -gt 0 ] && return
		sleep 0.1
	done
	grep . "$instance"/{commands,vram_used}
	return 1
}

# Nothing is used, and nothing runs: neither counts any more.
quiet()
{
	local before

	is "$instance/vram_used" 0 || return
	before=$(cat "$instance"/{commands,failed,busy_ns})
	sleep 2
	[ "$(cat "$instance"/{commands,failed,busy_ns})" = "$before" ] ||
		{ echo "it still works"; return 1; }
}

unpinned()
{
	local kib

	kib=$(locked)
	[ "$kib" -eq 0 ] || { echo "$kib KiB are pinned"; return 1; }
}

ended()
{
	[ ! -d "/proc/${guest_pid[guest]}" ]
}

check "an instance" eval "echo $uuid >$types/vgpu-512m/create"
guest_modules "$VGPU_MODULE"
guest_make "$here/build/vm/selftests/drm/test_ring"

# With a machine that restarts.
# -----------------------------
guest guest "${device[@]}"
check "a guest starts" said guest 120 up
check "it works" work
check "its kernel has nothing to say" guest_log guest
tell guest "echo c >/proc/sysrq-trigger"
check "it crashes, and restarts" said guest 120 up
check "its kernel was crashed" grep -q "sysrq triggered crash" \
	"$guests/guest/console"
check "nothing of the instance is used" quiet
check "no memory is pinned" unpinned
check "its machine has the instance still" is "$instance/pid" \
	"${guest_pid[guest]}"

# Killed.
# -------
check "it works again" work
check "its kernel has nothing to say" guest_log guest
guest_kill guest
check "nobody has the instance open" soon is "$instance/pid" 0
check "nothing of it is used any more" quiet

# With a machine that ends.
# -------------------------
guest guest "${device[@]}" -no-reboot
check "a second guest starts" said guest 120 up
check "it works, too" work
check "its kernel has nothing to say" guest_log guest
tell guest "echo c >/proc/sysrq-trigger"
check "it crashes, and its machine ends" soon ended
gone guest
check "nobody has the instance open then" soon is "$instance/pid" 0
check "nothing of it is left" quiet

# The next driver is in user space.
# ---------------------------------
echo 100 >"$instance/cap"
check "a program drives it" "$here/build/vgpuctl" stats -b passthrough \
	-d "$uuid" --run 100
check "the instance goes" eval "echo 1 >$instance/remove"
check "the GPU's memory is free" is /sys/bus/pci/devices/$gpu/vgpu/vram_used 0
check "nobody uses the GPU" is /sys/bus/pci/devices/$gpu/vgpu/tenants 0
tap_exit
