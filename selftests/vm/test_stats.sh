#!/bin/bash
# SPDX-License-Identifier: MIT
# What an operator sees of GPUs and clients: sysfs, fdinfo, debugfs, traces.
# vm: fresh gpus=2 vram=64M
set -u
cd "$(dirname "$0")/../.." || exit
. selftests/tap.sh

gpus=(/sys/bus/pci/drivers/vgpu/*:*)
programs=build/vm/selftests/drm

# is FILE VALUE
is()
{
	local got

	got=$(cat "$1") || return
	[ "$got" = "$2" ] || { echo "$1: $got, not $2"; return 1; }
}

names_are_stable()
{
	[ "${gpus[*]##*/}" = "7670:00:00.0 7671:00:00.0" ] ||
		{ echo "${gpus[*]}"; return 1; }
	for g in "${gpus[@]}"; do
		is "$g/vendor" 0x1af4 && is "$g/device" 0x10f5 &&
			is "$g/class" 0x030200 &&
			is "$g/subsystem_device" 0x0001 || return
	done
}

figures()
{
	for g in "${gpus[@]}"; do
		is "$g/vgpu/vram_bytes" $((64 << 20)) &&
			is "$g/vgpu/vram_limit" $((64 << 20)) &&
			is "$g/vgpu/vram_used" 0 &&
			is "$g/vgpu/registered_bytes" 0 &&
			is "$g/vgpu/tenants" 0 || return
	done
}

limit()
{
	local g=${gpus[0]}

	! echo $((65 << 20)) 2>/dev/null >"$g/vgpu/vram_limit" || return
	! echo many 2>/dev/null >"$g/vgpu/vram_limit" || return
	echo $((1 << 20)) >"$g/vgpu/vram_limit" || return
	is "$g/vgpu/vram_limit" $((1 << 20)) || return
	is "${gpus[1]}/vgpu/vram_limit" $((64 << 20)) || return
	# Two megabytes each are too much for the first GPU.
	! $programs/test_submit -t binary >/dev/null 2>&1 || return
	echo 0x4000000 >"$g/vgpu/vram_limit" &&
		$programs/test_submit -t binary >/dev/null
}

busy()
{
	local before

	before=$(cat "${gpus[0]}/vgpu/busy_ns")
	$programs/test_ring >/dev/null || return
	[ "$(cat "${gpus[0]}/vgpu/busy_ns")" -gt "$before" ] &&
		[ "$(cat "${gpus[0]}/vgpu/vram_peak")" -gt 4000000 ] &&
		is "${gpus[1]}/vgpu/vram_peak" 0 || return
	# What was freed is used until it is zero.
	for _ in {1..100}; do
		is "${gpus[0]}/vgpu/vram_used" 0 && return
		sleep 0.1
	done
	return 1
}

# key=regular expression of its value
fdinfo()
{
	local text key nodes=("${gpus[0]}"/drm/renderD*)

	exec 9<>"/dev/dri/${nodes[0]##*/}"
	text=$(cat /proc/self/fdinfo/9)
	exec 9>&-
	echo "$text"
	for key in 'drm-driver:.vgpu' 'drm-client-id:.[0-9]+' \
		   'drm-pdev:.7670:00:00.0' 'drm-engine-copy:.[0-9]+ ns' \
		   'drm-engine-capacity-copy:.[1-9]' \
		   'drm-total-vram:.[0-9]+ KiB' \
		   'drm-resident-vram:.[0-9]+ KiB' 'vgpu-commands:.[0-9]+'; do
		grep -qE "^$key\$" <<<"$text" || { echo "no $key"; return 1; }
		[ "$(grep -cE "^${key%%:*}:" <<<"$text")" -eq 1 ] ||
			{ echo "${key%%:*} twice"; return 1; }
	done
}

tenants()
{
	local dir=/sys/kernel/debug/dri pid row busy

	dir=$(dirname "$(grep -l 'vgpu.*7670' $dir/*/name | head -n 1)")
	[ -e "$dir/tenants" ] || { echo "no $dir/tenants"; return 1; }
	# One run may be over between two looks.
	busy=$(mktemp)
	while [ -e "$busy" ]; do
		$programs/test_ring >/dev/null
	done &
	pid=$!
	for _ in {1..600}; do
		row=$(grep test_ring "$dir/tenants") && break
		sleep 0.02
	done
	rm "$busy"
	wait $pid
	cat "$dir/tenants"
	[ -n "$row" ]
}

# traced 'EVENT...' PROGRAM [ARGUMENT...]: it has them
traced()
{
	local t=/sys/kernel/tracing e events=$1

	shift
	[ -e $t/events ] || mount -t tracefs tracefs $t || return
	echo >$t/trace
	echo 1 >$t/events/vgpu/enable || return
	"$@" >/dev/null
	echo 0 >$t/events/vgpu/enable
	for e in $events; do
		grep -m 2 "vgpu_$e:" $t/trace || { echo "no vgpu_$e"; return 1; }
	done
}

traces()
{
	local t=/sys/kernel/tracing

	traced 'submit start end alloc free' $programs/test_ring -t round_trip &&
		grep -q 'vgpu_end: gpu=0 .* copy .*status=0' $t/trace
}

traces_of_submit()
{
	local t=/sys/kernel/tracing

	traced 'submit start error' $programs/test_submit -t failing_command &&
		grep -q 'vgpu_error: gpu=0 .*status=-14' $t/trace
}

check "GPUs are PCI functions with stable names" names_are_stable
check "figures of idle GPUs" figures
check "limit of a GPU" limit
check "busy time, peak, and nothing left" busy
check "fdinfo" fdinfo
check "debugfs lists tenants" tenants
check "tracepoints" traces
check "tracepoints of SUBMIT" traces_of_submit
tap_exit
