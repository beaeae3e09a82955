#!/bin/bash
# SPDX-License-Identifier: MIT
# A virtual machine inside: mdevctl makes an instance, stock QEMU with KVM gives
# it to a guest of the same kernel, and the module in there drives it.  Then the
# guest restarts, and is killed in the middle of work.  That takes two to three
# minutes where the outer machine is emulated.  (test_function.sh has all the
# tests of the driver.)
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/selftests/tap.sh"
# shellcheck source=../../tools/kernels.sh
. "$here/tools/kernels.sh"
# shellcheck source=nested.sh
. "$here/selftests/vm/nested.sh"

uuid=7e57ab1e-0000-4000-8000-0000000000aa
parent=0000:00:00.0
for d in /sys/class/mdev_bus/*; do
	parent=$(basename "$d")
done
dir=$(mktemp -d) || exit
qemu=''
# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	[ -z "$qemu" ] || kill -KILL "$qemu" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

# mdevctl.
# --------
mdevctl types --parent "$parent" >"$dir/types"
mdevctl start -u $uuid -p "$parent" -t vgpu-512m
mdevctl list >"$dir/list"
check "mdevctl types" grep -q vgpu-512m "$dir/types"
check "mdevctl start, list" grep -q "$uuid.*vgpu-512m" "$dir/list"

# The guest: a shell that does what comes in by its second serial port.
# ---------------------------------------------------------------------
mkdir -p "$dir/root/dev" "$dir/root/proc" "$dir/root/sys" "$dir/root/modules"
cp "$(command -v busybox)" "$dir/root/busybox"
tests=("$here"/build/vm/selftests/drm/test_{ring,doorbell,gone})
cp "${tests[@]}" "$dir/root"
ldd "${tests[@]}" | grep -v ':$' | grep -o '/[^ ]*' | sort -u |
	(cd / && cpio --quiet -pdL "$dir/root")
# What the module needs, in the order in which it is loaded.
{
	modinfo -F depends "$VGPU_MODULE" | tr ',' '\n' |
		xargs -n 1 modprobe --ignore-install --show-depends |
		awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
	echo "$VGPU_MODULE"
} | modules_to "$dir/root/modules"
cat >"$dir/root/init" <<'INIT'
#!/busybox sh
b=/busybox
$b mount -t devtmpfs devtmpfs /dev
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b stty -F /dev/ttyS1 raw -echo
exec </dev/ttyS1 >/dev/ttyS1 2>&1
echo "up"
while read -r command; do
	case $command in
	test)
		echo "vgpu-test: begin" >/dev/kmsg
		for m in /modules/*; do
			$b insmod $m
		done
		/test_ring
		/test_doorbell
		;;
	gone)
		/test_gone
		;;
	log)
		$b dmesg | $b sed 's/^/log: /'
		;;
	work)
		while :; do
			/test_ring -t round_trip
		done >/dev/null 2>&1 &
		;;
	restart) $b reboot -f ;;
	esac
	echo "end of $command"
done
INIT
chmod +x "$dir/root/init"
(cd "$dir/root" && find . | cpio --quiet -o -H newc) >"$dir/initramfs"

kernel=/boot/vmlinuz-$(uname -r)
if kernel_vmlinux "$kernel" "$dir/vmlinux"; then
	kernel=$dir/vmlinux
fi
start()
{
	rm -f "$dir/in"
	mkfifo "$dir/in"
	: >"$dir/out"
	qemu-system-x86_64 -nodefaults -no-user-config -display none \
		-M q35 -accel kvm -cpu host -m 256 \
		-kernel "$kernel" -initrd "$dir/initramfs" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check cryptomgr.notests" \
		-serial "file:$dir/console" -chardev stdio,id=c,signal=off \
		-serial chardev:c \
		-device vfio-pci,sysfsdev=/sys/bus/mdev/devices/$uuid \
		<"$dir/in" >"$dir/out" 2>"$dir/qemu" &
	qemu=$!
	exec 5>"$dir/in"
}

# Wait for the line $1 in what the guest said, $2 times.
said()
{
	local i

	for ((i = 0; i < 1200; i++)); do
		[ "$(tr -d '\r' <"$dir/out" | grep -cxF "$1")" -ge "${2-1}" ] &&
			return
		[ -d "/proc/$qemu" ] || break
		sleep 0.1
	done
	echo "no '$1' from the guest"
	cat "$dir/qemu"
	tail -n 20 "$dir/console"
	tail -n 20 "$dir/out"
	return 1
}

# Results of the tests, as ours.
results()
{
	count < <(tr -d '\r' <"$dir/out" | sed -n \
		-e 's/^\(ok\|not ok\) [0-9]* /\1 guest: /p' -e '/^# .*rung for/p')
}

# So many programs.
passed()
{
	local n

	n=$(grep -c '^# PASSED' "$dir/out")
	[ "$n" -eq "$1" ] || { echo "$n programs passed"; return 1; }
}

seconds=$SECONDS
start
check "the guest starts" said up
echo "# after $((SECONDS - seconds)) s"
echo "test" >&5
check "the module is tested" said "end of test"
echo "restart" >&5
check "the guest restarts" said up 2
echo "test" >&5
check "the module is tested again" said "end of test" 2
results
check "it passes, before and after a restart" passed 4
echo "work" >&5
check "the guest works" said "end of work"
echo "# after $((SECONDS - seconds)) s"

# Killed while it works.
# ----------------------
sleep 1
kill -KILL "$qemu"
wait "$qemu" 2>/dev/null
exec 5>&-
qemu=''

drained()
{
	local i

	for ((i = 0; i < 100; i++)); do
		# Whoever has it open holds its driver.
		[ -z "$(fuser /dev/vfio/* 2>/dev/null)" ] && return
		sleep 0.1
	done
	return 1
}
check "nobody has it open" drained
group=$(readlink /sys/bus/mdev/devices/$uuid/iommu_group)
check "its group is there" test -e "/dev/vfio/${group##*/}"

start
check "another guest starts on it" said up
echo "test" >&5
check "and tests it" said "end of test"
echo "gone" >&5
check "takes it away" said "end of gone"
results
check "it passes" passed 3
echo "log" >&5
check "it says what its kernel did" said "end of log"
log()
{
	tr -d '\r' <"$dir/out" | sed -n 's/^log: //p' |
		"$here/selftests/vm/kernel-log.sh" "vgpu-test: begin"
}
check "the guest's kernel log" log
kill -KILL "$qemu"
wait "$qemu" 2>/dev/null
qemu=''

check "mdevctl stop" mdevctl stop -u $uuid
available()
{
	local n

	n=$(cat "/sys/class/mdev_bus/$parent/mdev_supported_types/vgpu-4g/available_instances")
	[ "$n" -eq 1 ] || { echo "$n are available"; return 1; }
}
check "all of the GPU's memory is free" available
echo "# after $((SECONDS - seconds)) s"
tap_exit
