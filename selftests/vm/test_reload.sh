#!/bin/bash
# SPDX-License-Identifier: MIT
# The module is loaded and removed 100 times (20 where the kernel looks for
# everything), with GPUs of different number and size.  In between, two programs
# work at once, on the first GPU and on the last; in two rounds of three the last
# has an instance for a virtual machine as well, which is removed before the module,
# or with it.  And the module is not removed while it is in use.
# vm: unloaded
set -u
here=$(cd "$(dirname "$0")/.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/tap.sh"

module=$(basename "$VGPU_MODULE" .ko)
times=$((100 * ${VGPU_TEST_SCALE:-1}))
[ "${VGPU_TEST_PATIENCE:-1}" -eq 1 ] || times=$((times / 5))

# What it depends on.
# shellcheck disable=SC2046 # a list
modprobe -a $(modinfo -F depends "$VGPU_MODULE" | tr ',' ' ')

nodes()
{
	local n=0 d

	for d in /sys/class/drm/renderD*; do
		[ "$(readlink -f "$d/device/driver")" != \
			/sys/bus/pci/drivers/vgpu ] || n=$((n + 1))
	done
	echo $n
}

# A file of the first of our nodes, on 3.
open_node()
{
	local d

	for d in /sys/class/drm/renderD*; do
		if [ "$(readlink -f "$d/device/driver")" = \
		     /sys/bus/pci/drivers/vgpu ]; then
			exec 3<>"/dev/dri/${d##*/}"
			return
		fi
	done
	return 1
}

# work NUMBER: commands on this GPU, which says that they took time.
work()
{
	local functions=(/sys/bus/pci/drivers/vgpu/*:*)

	"$here/../build/vgpuctl" stats -b mdev -d "gpu$1" --run 100 || return
	[ "$(cat "${functions[$1]}/vgpu/busy_ns")" -gt 0 ] ||
		{ echo "GPU $1 had no work"; return 1; }
}

# instance create|remove NUMBER
instance()
{
	local parents=(/sys/class/mdev_bus/*) types
	local uuid=7e57ab1e-0000-4000-8000-0000000000cc

	if [ "$1" = remove ]; then
		echo 1 >/sys/bus/mdev/devices/$uuid/remove
		return
	fi
	types=("${parents[$2]}"/mdev_supported_types/*)
	echo $uuid >"${types[0]}/create" && [ -e /sys/bus/mdev/devices/$uuid ]
}

# round NUMBER: what is done with the module between insmod and rmmod.
round()
{
	local gpus=$(($1 % 4 + 1)) last=$(($1 % 4)) pid

	[ "$(nodes)" = $gpus ] || { echo "$(nodes) nodes, not $gpus"; return 1; }
	work 0 &
	pid=$!
	work $last && wait $pid || return
	[ $(($1 % 3)) -eq 0 ] || instance create $last || return
	[ $(($1 % 3)) -ne 1 ] || instance remove
}

failed=0
seconds=$SECONDS
for ((i = 0; i < times; i++)); do
	insmod "$VGPU_MODULE" gpus=$((i % 4 + 1)) vram=$((16 << (i % 3)))M || break
	if ! out=$(round $i 2>&1); then
		echo "# round $i:"
		sed 's/^/# /' <<<"$out"
		failed=1
	fi
	open_node || failed=1
	if rmmod "$module" 2>/dev/null; then
		echo "# it was removed while in use"
		failed=1
		exec 3>&-
		continue
	fi
	exec 3>&-
	rmmod "$module" || break
done
echo "# $i rounds in $((SECONDS - seconds)) s"
if [ $i -eq $times ] && [ $failed -eq 0 ]; then
	ok "loaded and removed $times times"
else
	not_ok "loaded and removed $times times: $i"
	rmmod "$module" 2>/dev/null
fi

for p in gpus=-2 gpus=17 gpus=x vram=15M vram=1 vram= vram=2T vram=16M1 \
	 vram=1000000000; do
	if insmod "$VGPU_MODULE" "$p" 2>/dev/null; then
		not_ok "refuses $p"
		rmmod "$module"
	else
		ok "refuses $p"
	fi
done

# Nothing is left of a GPU that was not wanted.
if insmod "$VGPU_MODULE" gpus=0 && [ "$(nodes)" = 0 ] && rmmod "$module"; then
	ok 'without a GPU'
else
	not_ok 'without a GPU'
fi
tap_exit
