#!/bin/bash
# SPDX-License-Identifier: MIT
# The module is loaded and removed many times, with work in between, with GPUs
# of different number and size; and it is not removed while it is in use.
# vm: unloaded
set -u
here=$(cd "$(dirname "$0")/.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/tap.sh"

module=$(basename "$VGPU_MODULE" .ko)
times=$((20 * ${VGPU_TEST_SCALE:-1}))

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

failed=0
for ((i = 0; i < times; i++)); do
	gpus=$((i % 4 + 1))
	insmod "$VGPU_MODULE" gpus=$gpus vram=$((16 << (i % 3)))M || break
	[ "$(nodes)" = $gpus ] || { echo "# $(nodes) nodes, not $gpus"; failed=1; }
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
