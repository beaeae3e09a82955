#!/bin/bash
# SPDX-License-Identifier: MIT
# The backend passthrough in a guest: behind QEMU's virtual IOMMU, on instances
# of the module outside of it.  The guest, in a virtual machine inside as in
# test_mdev.sh, binds them to vfio-pci and runs the tests of the library there; and
# prepares a foreign GPU for a virtual machine, and takes it back.
# vm: fresh vram=256M
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/selftests/tap.sh"
# shellcheck source=nested.sh
. "$here/selftests/vm/nested.sh"

unit=$here/build/plain/selftests/unit
types=''
for d in /sys/class/mdev_bus/*/mdev_supported_types; do
	types=$d
done

guest_modules vfio_pci vfio_iommu_type1 bochs
guest_make "$unit"/test_device{,_memory,_mt} "$unit/test_sim" "$here/build/vgpuctl" \
	"$here/build/vm/selftests/vm/foreign" "$here/build/libvgpu.so.0"

# The functions of 1, 16 and 64 MiB, as unit/device_util.h wants them.
devices=() env=VGPU_TEST_BACKEND=passthrough
slot=10
for i in "1 16m" "16 16m" "64 64m"; do
	uuid=$(mdev "${i% *}")
	echo "$uuid" >"$types/vgpu-${i#* }/create"
	devices+=(-device "vfio-pci,sysfsdev=/sys/bus/mdev/devices/$uuid,addr=0x$slot")
	env+=" VGPU_TEST_DEVICE_${i% *}=0000:00:$slot.0"
	slot=$((slot + 1))
done

# Messages are remapped by the virtual IOMMU as well: VFIO wants that.
guest guest -M kernel-irqchip=split -m 512 \
	-device intel-iommu,intremap=on,caching-mode=on \
	-append "$guest_append intel_iommu=on" \
	"${devices[@]}" -device bochs-display,addr=0x13

functions()
{
	ask guest 60 "load && cd /sys/bus/pci && for d in 10 11 12; do \
		echo vfio-pci >devices/0000:00:\$d.0/driver_override && \
		echo 0000:00:\$d.0 >drivers_probe || exit; done"
}

# 16,000 mappings, each made by the guest, by QEMU and by its host, take too long.
args="$("$here/selftests/check-backends.sh" --arguments passthrough) -T registered_too_often"

# says PATTERN COMMAND: what the command prints in the guest has such a line.
says()
{
	ask guest 60 "$2; :" >"$guests/says"
	cat "$guests/says"
	grep -q "$1" "$guests/says"
}

seconds=$SECONDS
check "the guest starts" said guest 120 up
check "it binds its functions" functions
echo "# after $((SECONDS - seconds)) s"
for t in test_device test_device_memory test_sim test_device_mt; do
	tell guest "$env $t$args"
	results guest 300
	echo "# after $((SECONDS - seconds)) s"
done

# The library's tool, with the function and with a GPU of somebody else.
check "vgpuctl list" says '0000:00:10.0 *passthrough' "vgpuctl list"
check "vgpuctl info" says '"pci_address": "0000:00:12.0"' \
	"vgpuctl info -b passthrough -d 0000:00:12.0 --json"
gpu=0000:00:13.0
check "passthrough show" says 'driver *bochs' \
	"vgpuctl passthrough show $gpu"
check "prepare refuses a GPU that a process has open" \
	says "process [0-9]* has /dev/dri/card0 of $gpu open" \
	"vgpuctl passthrough prepare $gpu 9</dev/dri/card0"
check "passthrough prepare" says "device vfio-pci,host=$gpu" \
	"vgpuctl passthrough prepare $gpu"
check "VFIO knows its interrupts" says 'INTx  *[0-9]' \
	"vgpuctl passthrough show $gpu"
tell guest "VGPU_TEST_GPU=$gpu foreign"
results guest 60
check "and those of a vGPU" says 'MSI-X  *32' \
	"vgpuctl passthrough show 0000:00:12.0"
check "prepare again" says 'goes back to *bochs' \
	"vgpuctl passthrough prepare $gpu"
check "it has no commands for us" says 'is not the function of a vGPU' \
	"vgpuctl info -b passthrough -d $gpu"
check "passthrough restore" says 'driver *bochs' \
	"vgpuctl passthrough restore $gpu"
check "restore again" says 'prepared *no' "vgpuctl passthrough restore $gpu"
check "its node is there again" says 'card0' "ls /dev/dri"

check "the guest's kernel log" guest_log guest
guest_kill guest
for d in /sys/bus/mdev/devices/*/remove; do
	check "an instance goes" eval "echo 1 >$d"
done
tap_exit
