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
# shellcheck source=../../tools/kernels.sh
. "$here/tools/kernels.sh"
# shellcheck source=nested.sh
. "$here/selftests/vm/nested.sh"

unit=$here/build/plain/selftests/unit
types=''
for d in /sys/class/mdev_bus/*/mdev_supported_types; do
	types=$d
done
dir=$(mktemp -d) || exit
trap 'rm -rf "$dir"' EXIT

# instance NUMBER TYPE
instance()
{
	printf '7e57ab1e-0000-4000-8000-%012d' "$1" >"$types/vgpu-$2/create"
}

# The guest: programs with their libraries, and modules in their order.
# ---------------------------------------------------------------------
root=$dir/root
mkdir -p "$root"/{dev,proc,sys,tmp,run,modules,bin}
cp "$(command -v busybox)" "$root/busybox"
for m in vfio_pci vfio_iommu_type1 bochs; do
	modprobe --show-depends $m
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
	modules_to "$root/modules"
cp "$unit"/test_device{,_memory,_mt} "$unit/test_sim" "$here/build/vgpuctl" \
	"$here/build/libvgpu.so.0" "$root/bin"
for f in $(ldd "$root"/bin/* | awk '/=> \// { print $3 } /^\t\// { print $1 }' |
		sort -u); do
	mkdir -p "$root/$(dirname "$f")"
	cp -L "$f" "$root/$f"
done
cat >"$root/init" <<'INIT'
#!/busybox sh
b=/busybox
$b mount -t devtmpfs devtmpfs /dev
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b stty -F /dev/ttyS1 raw -echo
exec </dev/ttyS1 >/dev/ttyS1 2>&1
for f in /modules/*; do
	$b insmod $f
done
for d in 10 11 12; do
	echo vfio-pci >/sys/bus/pci/devices/0000:00:$d.0/driver_override
	echo 0000:00:$d.0 >/sys/bus/pci/drivers_probe
done
echo "up"
while read -r command; do
	$b sh -c "$command"
	echo "end of $command"
done
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc) >"$dir/initramfs"

kernel=/boot/vmlinuz-$(uname -r)
if kernel_vmlinux "$kernel" "$dir/vmlinux"; then
	kernel=$dir/vmlinux
fi

# The functions of 1, 16 and 64 MiB, as unit/device_util.h wants them.
devices=() env=VGPU_TEST_BACKEND=passthrough
slot=10
for i in "1 16m" "16 16m" "64 64m"; do
	# shellcheck disable=SC2086 # two words
	instance $i
	printf -v uuid '7e57ab1e-0000-4000-8000-%012d' "${i% *}"
	devices+=(-device "vfio-pci,sysfsdev=/sys/bus/mdev/devices/$uuid,addr=0x$slot")
	env+=" VGPU_TEST_DEVICE_${i% *}=0000:00:$slot.0"
	slot=$((slot + 1))
done

mkfifo "$dir/in"
: >"$dir/out"
# Messages are remapped by the virtual IOMMU as well: VFIO wants that.
qemu-system-x86_64 -nodefaults -no-user-config -display none \
	-M q35,kernel-irqchip=split -accel kvm -cpu host -m 512 \
	-device intel-iommu,intremap=on,caching-mode=on \
	-kernel "$kernel" -initrd "$dir/initramfs" \
	-append "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check cryptomgr.notests intel_iommu=on" \
	-serial "file:$dir/console" -chardev stdio,id=c,signal=off \
	-serial chardev:c "${devices[@]}" -device bochs-display,addr=0x13 \
	<"$dir/in" >>"$dir/out" 2>"$dir/qemu" &
qemu=$!
trap 'kill -KILL $qemu 2>/dev/null; rm -rf "$dir"' EXIT
exec 5>"$dir/in"

# Wait for the line $1 in what the guest said, up to $2 seconds.
said()
{
	local i

	for ((i = 0; i < $2 * 10; i++)); do
		tr -d '\r' <"$dir/out" | grep -qxF "$1" && return
		[ -d "/proc/$qemu" ] || break
		sleep 0.1
	done
	echo "no '$1' from the guest"
	cat "$dir/qemu"
	tail -n 20 "$dir/console"
	tail -n 20 "$dir/out"
	return 1
}

# Run a program of tests in the guest; its results are ours.
guest_test()
{
	local line args

	args=$(selftests/check-backends.sh --arguments passthrough)
	# 16,000 mappings, each made by the guest, by QEMU and by its host.
	args+=" -T registered_too_often"
	: >"$dir/out"
	echo "$env /bin/$1$args; echo done $1" >&5
	check "$1 ends" said "done $1" 300
	while read -r line; do
		case $line in
		"ok "*) ok "$1: ${line#ok * }" ;;
		"not ok "*) not_ok "$1: ${line#not ok * }" ;;
		*) echo "# $line" ;;
		esac
	done < <(tr -d '\r' <"$dir/out")
}

# says PATTERN COMMAND: what the command prints in the guest has such a line.
says()
{
	: >"$dir/out"
	echo "$2; echo ran" >&5
	said ran 60 || return
	tr -d '\r' <"$dir/out"
	grep -q "$1" "$dir/out"
}

cd "$here" || exit
seconds=$SECONDS
check "the guest starts, and binds its functions" said up 120
echo "# after $((SECONDS - seconds)) s"
for t in test_device test_device_memory test_sim test_device_mt; do
	guest_test $t
	echo "# after $((SECONDS - seconds)) s"
done

# The library's tool, with the function and with a GPU of somebody else.
check "vgpuctl list" says '0000:00:10.0 *passthrough' "/bin/vgpuctl list"
check "vgpuctl info" says '"pci_address": "0000:00:12.0"' \
	"/bin/vgpuctl info -b passthrough -d 0000:00:12.0 --json"
gpu=0000:00:13.0
check "passthrough show" says 'driver *bochs' \
	"/bin/vgpuctl passthrough show $gpu"
check "prepare refuses a GPU that a process has open" \
	says "process [0-9]* has /dev/dri/card0 of $gpu open" \
	"/bin/vgpuctl passthrough prepare $gpu 9</dev/dri/card0"
check "passthrough prepare" says "device vfio-pci,host=$gpu" \
	"/bin/vgpuctl passthrough prepare $gpu"
check "VFIO knows its interrupts" says 'INTx  *[0-9]' \
	"/bin/vgpuctl passthrough show $gpu"
check "and those of a vGPU" says 'MSI-X  *32' \
	"/bin/vgpuctl passthrough show 0000:00:12.0"
check "prepare again" says 'goes back to *bochs' \
	"/bin/vgpuctl passthrough prepare $gpu"
check "it has no commands for us" says 'is not the function of a vGPU' \
	"/bin/vgpuctl info -b passthrough -d $gpu"
check "passthrough restore" says 'driver *bochs' \
	"/bin/vgpuctl passthrough restore $gpu"
check "restore again" says 'prepared *no' "/bin/vgpuctl passthrough restore $gpu"
check "its node is there again" says 'card0' "/busybox ls /dev/dri"

kill -KILL "$qemu"
wait "$qemu" 2>/dev/null
qemu=''
for d in /sys/bus/mdev/devices/*/remove; do
	check "an instance goes" eval "echo 1 >$d"
done
tap_exit
