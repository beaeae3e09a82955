#!/bin/bash
# SPDX-License-Identifier: MIT
# Print what a virtual machine shall run by here: "kvm" if that really boots a
# kernel, else "tcg".  A /dev/kvm that can be opened is not enough: there are
# hosts where it starts a machine, which then hangs.  The answer is kept in
# build/vm/, for this host.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
# shellcheck source=../../tools/kernels.sh
. "$here/tools/kernels.sh"
kept=$here/build/vm/accelerator

if ! [ -r /dev/kvm ] || ! [ -w /dev/kvm ]; then
	echo tcg
	exit
fi

host="$(uname -rv), $(cat /etc/machine-id 2>/dev/null), $(stat -c %Z /dev/kvm)"
if [ -r "$kept" ] && [ "$(sed 1d "$kept")" = "$host" ]; then
	head -n 1 "$kept"
	exit
fi

dir=$(mktemp -d -t vgpu-vm.XXXXXX) || exit
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP

# The newest kernel, with a first program that says so and ends it.
release=$(kernel_release 6)
[ -n "$release" ] || { echo "accelerator: no kernel to boot" >&2; exit 1; }
mkdir -p "$dir/root/dev" "$here/build/vm"
cp "$(command -v busybox)" "$dir/root/busybox"
cat >"$dir/root/init" <<'INIT'
#!/busybox sh
/busybox mount -t devtmpfs devtmpfs /dev
echo booted >/dev/ttyS0
/busybox poweroff -f
INIT
chmod +x "$dir/root/init"
(cd "$dir/root" && find . | cpio --quiet -o -H newc) >"$dir/initramfs"

answer=tcg
echo "# does KVM boot $release here?" >&2
# In a shell of its own, which says it if QEMU is aborted.
( timeout -k 1 20 qemu-system-x86_64 -nodefaults -no-user-config \
	-display none -no-reboot -M q35 -accel kvm -cpu host -smp 2 -m 512 \
	-kernel "/boot/vmlinuz-$release" -initrd "$dir/initramfs" \
	-append "console=ttyS0 quiet panic=-1" -serial "file:$dir/console"
  exit $?
) </dev/null >"$dir/qemu" 2>&1 && grep -q booted "$dir/console" && answer=kvm
echo "# it does$([ $answer = kvm ] || echo " not"): $answer" >&2
printf '%s\n' $answer "$host" >"$kept.$$" && mv "$kept.$$" "$kept"
echo $answer
