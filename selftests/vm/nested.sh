# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For scripts that start virtual machines of their own, to be sourced after tap.sh:
# KVM and VFIO are there, or the test is skipped.  And small guests: busybox,
# programs and modules, and a shell that does what comes in by the second serial
# port, which several at a time may do.
# shellcheck source=../../tools/kernels.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../tools/kernels.sh"

for m in kvm_amd kvm_intel; do
	modprobe $m 2>/dev/null
done
if [ ! -w /dev/kvm ]; then
	echo "# no KVM in here"
	exit 4
fi
modprobe vfio_iommu_type1

guests=$(mktemp -d) || exit
declare -A guest_pid=() guest_in=()
# shellcheck disable=SC2317 # called by the trap
guests_end()
{
	[ ${#guest_pid[@]} -eq 0 ] || kill -KILL "${guest_pid[@]}" 2>/dev/null
	rm -rf "$guests"
}
trap guests_end EXIT

# What every guest is told: it is the machine around it that is tested here.
guest_append="console=ttyS0 quiet panic=-1 watchdog_thresh=60 mitigations=off no_timer_check cryptomgr.notests"

# mdev NUMBER: the UUID of an instance
mdev()
{
	printf '7e57ab1e-0000-4000-8000-%012d' "$1"
}

# guest_modules NAME|FILE...: what the guest's command `load` loads, in this order,
# each after what it needs.
guest_modules()
{
	local n=100 m f

	mkdir -p "$guests/root/modules"
	for m; do
		if [ -f "$m" ]; then
			modinfo -F depends "$m" | tr ',' '\n' |
				xargs -n 1 modprobe --ignore-install --show-depends
			echo "insmod $m"
		else
			modprobe --show-depends "$m"
		fi
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
		while read -r f; do
			n=$((n + 1))
			case $f in
			*.xz) xz -dc "$f" ;;
			*) cat "$f" ;;
			esac >"$guests/root/modules/$n.ko"
		done
}

# guest_make PROGRAM...: what guests start with, after guest_modules.  The kernel is
# ours.
guest_make()
{
	local root=$guests/root f

	guest_kernel=/boot/vmlinuz-$(uname -r)
	if kernel_vmlinux "$guest_kernel" "$guests/vmlinux"; then
		guest_kernel=$guests/vmlinux
	fi

	mkdir -p "$root"/{bin,dev,proc,run,sys,tmp}
	cp "$(command -v busybox)" "$@" "$root/bin"
	for f in $(ldd "$@" | awk '/=> \// { print $3 } /^\t\// { print $1 }' |
			sort -u); do
		mkdir -p "$root/$(dirname "$f")"
		cp -L "$f" "$root/$f"
	done
	cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
stty -F /dev/ttyS1 raw -echo
exec <"${commands:-/dev/ttyS1}" >/dev/ttyS1 2>&1
echo up
while read -r command; do
	sh -c "$command"
	echo "end $?"
done
INIT
	cat >"$root/bin/load" <<'LOAD'
#!/bin/sh -e
echo "vgpu-test: begin guest" >/dev/kmsg
for m in /modules/*; do
	insmod $m
done
LOAD
	chmod +x "$root/init" "$root/bin/load"
	(cd "$root" && find . | cpio --quiet -o -H newc) >"$guests/initramfs"
}

# guest NAME ARGUMENT...: start one, of 256 MiB, with these arguments for QEMU.
guest()
{
	local name=$1 dir=$guests/$1 fd

	shift
	rm -rf "$dir"
	mkdir "$dir" && mkfifo "$dir/in" || return
	: >"$dir/out"
	qemu-system-x86_64 -nodefaults -no-user-config -display none \
		-M q35 -accel kvm -cpu host -m 256 \
		-kernel "$guest_kernel" -initrd "$guests/initramfs" \
		-append "$guest_append" -serial "file:$dir/console" \
		-chardev stdio,id=c,signal=off -serial chardev:c "$@" \
		<"$dir/in" >>"$dir/out" 2>"$dir/qemu" &
	guest_pid[$name]=$!
	exec {fd}>"$dir/in"
	guest_in[$name]=$fd
}

# said NAME SECONDS LINE: wait for it, an extended regular expression.
said()
{
	local end=$((SECONDS + $2)) dir=$guests/$1

	until tr -d '\r' <"$dir/out" | grep -qxE -e "$3"; do
		if [ $SECONDS -ge $end ] || [ ! -d "/proc/${guest_pid[$1]}" ]; then
			echo "no '$3' from the guest $1"
			cat "$dir/qemu"
			tail -n 20 "$dir/console" "$dir/out"
			return 1
		fi
		sleep 0.1
	done
}

# send NAME LINE
send()
{
	# One that is gone does not answer.
	(trap '' PIPE && echo "$2" >&"${guest_in[$1]}")
}

# tell NAME COMMAND: what the guest said before is forgotten.
tell()
{
	: >"$guests/$1/out"
	send "$1" "$2"
}

# answered NAME SECONDS: what it was told last has ended well.
answered()
{
	said "$1" "$2" 'end [0-9]+' &&
		tr -d '\r' <"$guests/$1/out" | grep -qx 'end 0'
}

# ask NAME SECONDS COMMAND: have the guest do that, and print what it says.
ask()
{
	tell "$1" "$3"
	answered "$1" "$2"
	set -- "$1" $?
	tr -d '\r' <"$guests/$1/out"
	return "$2"
}

# results NAME SECONDS: it was told to run programs of tests; theirs are ours, up to
# the end of that command.
results()
{
	check "the tests in guest $1 end" answered "$1" "$2"
	count < <(tr -d '\r' <"$guests/$1/out" | sed -E \
		-e '/^end /Q' -e '/^(TAP version|[0-9]+\.\.|# +(Starting|RUN|OK))/d' \
		-e "s/^((not )?ok) [0-9]*/\1 $1:/; t" -e 's/^(# ?)?/# /')
}

# guest_log NAME: nothing in its kernel's log since it was told to load.
guest_log()
{
	local log

	log=$(ask "$1" 60 dmesg) || { tail -n 20 <<<"$log"; return 1; }
	"$(dirname "${BASH_SOURCE[0]}")/kernel-log.sh" "vgpu-test: begin guest" <<<"$log"
}

# gone NAME: its QEMU has ended, whatever ended it.
gone()
{
	local fd=${guest_in[$1]}

	exec {fd}>&-
	wait "${guest_pid[$1]}" 2>/dev/null
	unset "guest_pid[$1]" "guest_in[$1]"
}

# guest_kill NAME
guest_kill()
{
	kill -KILL "${guest_pid[$1]}"
	gone "$1"
}

# is FILE VALUE
is()
{
	local got

	got=$(cat "$1") || return
	[ "$got" = "$2" ] || { echo "$1: $got, not $2"; return 1; }
}

# soon COMMAND...: it works within half a minute.
soon()
{
	local i

	for ((i = 0; i < 300; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	"$@"
}
