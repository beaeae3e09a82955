#!/bin/bash
# SPDX-License-Identifier: MIT
# Boot a kernel in QEMU, with this machine's own files, and run a command in it
# as root.  The command's output is this script's, and so is its exit status.
#
#	selftests/vm/boot.sh [OPTION...] COMMAND [ARGUMENT...]
#
#	-k KERNEL	a version (6.12: the newest installed one), a release,
#			or a bzImage, in which 9p, virtio and overlayfs may be
#			built in (default: 6.12)
#	-M DIRECTORY	where lib/modules of a bzImage lies, if it has modules
#	-m MIB		memory (default 2048)
#	-c CPUS		processors (default 2)
#	-t SECONDS	time limit for the command (default 600)
#	-b SECONDS	time limit for the boot (default 180)
#	-p ARGUMENTS	more for the kernel's command line
#	-a ACCELERATOR	auto, kvm, tcg, or icount (default auto); with icount
#			the processors take turns, and a nanosecond of every
#			clock, the TSC's too, is one instruction executed
#	-n		with virtualisation inside, so that KVM works there
#	-d DEVICE	one more device, as QEMU has them; repeatable
#	-q ARGUMENT	one more argument of QEMU's, before those; repeatable
#	-w DIRECTORY	may be written to, and keeps what was written; repeatable
#	-l FILE		where the kernel's console goes (default: nowhere)
#	-v		say how long the boot took
#
# The root directory is this machine's, read-only by 9p, with a layer in memory
# over /etc, /var and /usr/lib/modules, and a fresh /tmp and /run; the source
# tree, the current directory and what -w names lie where they lie here.
#
# Exits with 124 when the command did not end in time, and with 125 when there
# is no machine: it did not boot, or its kernel panicked.  These two say so on
# standard error, with the end of the console.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit 125
# shellcheck source=../../tools/kernels.sh
. "$here/tools/kernels.sh"

kernel=6.12 prefix='' memory=2048 cpus=2 limit=600 boot_limit=180
append='' accel=auto nested='' console='' verbose=''
writable=() arguments=() devices=()

die()
{
	echo "vm: $*" >&2
	exit 125
}

while getopts k:M:m:c:t:b:p:a:nq:d:w:l:v o; do
	case $o in
	k) kernel=$OPTARG ;;
	M) prefix=$(realpath -e "$OPTARG") || exit 125 ;;
	m) memory=$OPTARG ;;
	c) cpus=$OPTARG ;;
	t) limit=$OPTARG ;;
	b) boot_limit=$OPTARG ;;
	p) append=$OPTARG ;;
	a) accel=$OPTARG ;;
	n) nested=y ;;
	q) arguments+=("$OPTARG") ;;
	d) devices+=(-device "$OPTARG") ;;
	w) mkdir -p "$OPTARG" && writable+=("$(realpath "$OPTARG")") || exit 125 ;;
	l) console=$OPTARG ;;
	v) verbose=y ;;
	*) sed -n '/^#	/s/^#	//p' "$0" >&2; exit 125 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || die "no command"
for c in qemu-system-x86_64 busybox cpio setpriv; do
	command -v $c >/dev/null || die "$c is missing: run make deps"
done

# The kernel, and where its modules are.
# --------------------------------------
if [ -f "$kernel" ]; then
	image=$(realpath "$kernel")
	# The header points to the text of the version.
	release=$(tail -c +$(($(kernel_header "$image" 0x20e 2) + 0x200 + 1)) "$image" |
		  head -c 200 | tr '\0' '\n' | head -n 1 | cut -d ' ' -f 1)
else
	release=$(kernel_release "$kernel")
	[ -n "$release" ] || die "kernel $kernel is not installed: run make deps"
	image=/boot/vmlinuz-$release
fi
[ -r "$image" ] || die "$image cannot be read"

dir=$(mktemp -d -t vgpu-vm.XXXXXX) || exit 125
qemu='' cat=''
stop()
{
	[ -n "$qemu" ] || return
	kill -KILL "$qemu"
	wait "$qemu"
	qemu=''
} 2>/dev/null

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	stop
	[ -z "$cat" ] || kill "$cat" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Decompressing takes seconds in an emulated processor, and a moment here.
if kernel_vmlinux "$image" "$dir/vmlinux"; then
	image=$dir/vmlinux
fi

# What is needed to get at the root directory.
# --------------------------------------------
initramfs=$dir/initramfs
root=$initramfs.d
mkdir -p "$root"/{dev,proc,sys,new,keep,modules}
cp "$(command -v busybox)" "$root/busybox"

modules_of()
{
	modprobe ${prefix:+-d "$prefix"} -S "$release" --show-depends "$1" \
		2>/dev/null | awk '$1 == "insmod" { print $2 }'
}

if [ -d "${prefix%/}/lib/modules/$release" ]; then
	n=100
	for f in $(for m in virtio_pci 9p 9pnet_virtio overlay; do
			modules_of $m
		   done | awk '!seen[$0]++'); do
		# Numbered, in the order in which they are loaded.
		n=$((n + 1))
		case $f in
		*.xz) xz -dc "$f" ;;
		*.zst) zstd -dc "$f" ;;
		*.gz) gzip -dc "$f" ;;
		*) cat "$f" ;;
		esac >"$root/modules/$n.ko"
	done
fi

# What the machine shall do, as shell variables.
{
	printf 'release=%q prefix=%q cwd=%q\n' "$release" "$prefix" "$(pwd -P)"
	printf 'keep=('; printf '%q ' "$here" "$(pwd -P)"; echo ')'
	printf 'writable=('
	[ ${#writable[@]} -eq 0 ] || printf '%q ' "${writable[@]}"
	echo ')'
	printf 'command=('; printf '%q ' "$@"; echo ')'
} >"$root/config"
cp "$here/selftests/vm/init" "$root/init"
cp "$here/selftests/vm/start" "$root/start"
(cd "$root" && find . | cpio --quiet -o -H newc) >"$initramfs" || exit 125
rm -rf "$root"

# The machine.
# ------------
case $accel in
auto) accel=$("$here/selftests/vm/accelerator.sh") || exit 125 ;;
esac
# KVM has the kernel patch its own code, which the threads of TCG race with:
# another processor may execute the breakpoint of a patch that is over.  So there
# is one, until somebody wants another one who knows better.
[ -z "$nested" ] || [ "$accel" != tcg ] || append+=' maxcpus=1'
# shellcheck disable=SC2054 # options have commas
args=(-nodefaults -no-user-config -display none -no-reboot
	-m "$memory" -smp "$cpus" -kernel "$image" -initrd "$initramfs")
case $accel in
kvm) args+=(-M q35 -accel kvm -cpu host) ;;
tcg) # shellcheck disable=SC2054
	args+=(-M q35 -accel tcg,thread=multi
		-cpu "max${nested:+,+svm}") ;;
icount) # shellcheck disable=SC2054
	args+=(-M q35 -accel tcg,thread=single -icount shift=0,sleep=off
		-cpu "max${nested:+,+svm}") ;;
*) die "there is no accelerator '$accel'" ;;
esac
# The root directory's file systems may have files of the same number.
# shellcheck disable=SC2054
args+=(-virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap)
i=0
for d in ${writable[@]+"${writable[@]}"}; do
	args+=(-virtfs "local,path=${d//,/,,},mount_tag=writable$i,security_model=none,multidevs=remap")
	i=$((i + 1))
done

args+=(${arguments[@]+"${arguments[@]}"} ${devices[@]+"${devices[@]}"})

[ -n "$console" ] || console=$dir/console
: >"$console" || exit 125
mkfifo "$dir/output"
cat "$dir/output" &
cat=$!
exec 4>"$dir/output"
# shellcheck disable=SC2054
args+=(-serial "file:$console"
	-add-fd fd=4,set=1 -chardev file,id=output,path=/dev/fdset/1,append=on
	-serial chardev:output
	-chardev stdio,id=status,signal=off -serial chardev:status)
# An emulated processor that clears a huge page while its host has other work is
# not locked up before two minutes are over.
args+=(-append "console=ttyS0 quiet panic=-1 printk.devkmsg=on log_buf_len=4M \
watchdog_thresh=60 $append")

# QEMU sets bits of a processor's pending interrupts in two threads without a lock,
# one of them where VMRUN has a virtual interrupt (7.2: helper_vmrun() against
# cpu_interrupt()).  The timer's may get lost so, and then the machine stands still
# until another interrupt comes: this is one, every second.
nudge()
{
	[ -n "$nested" ] && [ "$accel" != kvm ] || return
	while sleep 1; do
		echo
	done
}

mkfifo "$dir/status"
setpriv --pdeathsig KILL qemu-system-x86_64 "${args[@]}" \
	< <(exec 4>&- 2>/dev/null; nudge) >"$dir/status" 2>"$dir/qemu" &
qemu=$!
exec 3<"$dir/status" 4>&-

# The last of what there is to see, after one line that says what is wrong.
gone()
{
	echo "vm: $1" >&2
	sed 's/^/vm: qemu: /' "$dir/qemu" >&2
	tr -d '\r' <"$console" | tail -n 60 | sed 's/^/vm: | /' >&2
}

# Two lines: when the command starts, and when it has ended.
start=$EPOCHREALTIME booted='' status=''
said()
{
	local rc

	read -r -t "$1" word status <&3
	rc=$?
	word=${word%$'\r'}
	[ $rc -le 128 ] || return 2
	return $rc
}

# How long ago $1 was, in seconds.
since()
{
	awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", b - a }'
}

said "$boot_limit"
rc=$?
if [ $rc -eq 0 ]; then
	booted=$EPOCHREALTIME
	[ -z "$verbose" ] ||
		echo "vm: $release by $accel: booted in $(since "$start")" >&2
	said "$limit"
	rc=$?
fi
if [ $rc -eq 0 ]; then
	stop
	wait "$cat"
	cat=''
	exit "$status"
fi

# No machine, or it takes too long.  QEMU ends when the kernel restarts.
stop
wait "$cat"
cat=''
if grep -q 'Kernel panic' "$console"; then
	gone "$release panicked $(since "${booted:-$start}") after its start"
elif [ -z "$booted" ]; then
	gone "$release did not boot by $accel within $(since "$start")"
elif [ $rc -eq 2 ]; then
	gone "$release: no end of the command within $limit s"
	exit 124
else
	gone "$release went down $(since "$booted") after the command's start"
fi
exit 125
