#!/bin/bash
# SPDX-License-Identifier: MIT
# Build the module for a kernel and run tests of it in a virtual machine.
#
#	selftests/vm/check.sh [-a 'ARGUMENTS'] KERNEL DIRECTORY TEST...
#
# KERNEL is a version (6.12: the newest one that is installed), a release, or
# "debug": the kernel that tools/debug-kernel.sh builds.
# The module's build, the console, and the kernel's log go to DIRECTORY, to
# vm-KERNEL.build, .console and .dmesg.  MODULE in the environment is another
# module (RELEASE in its path stands for the kernel's), VM_LIMIT the time limit
# for all tests in seconds, VM_NESTED=y for tests that start virtual machines of
# their own, VM_GUEST another KERNEL for those of test_function.sh, VM_NAME a suffix
# for those files.  VGPU_VFIO=iommufd has a VMM use that and not a container of
# type1; VGPU_LOG_ALLOW names a file with more that the kernel's log may have.
set -u
cd "$(dirname "$0")/../.." || exit
. selftests/tap.sh
. tools/kernels.sh

args=()
if [ "${1-}" = -a ]; then
	args=(-a "$2")
	shift 2
fi
kernel=$1 dir=$2
shift 2
mkdir -p "$dir"
log=$dir/vm-$kernel${VM_NESTED:+-nested}${VM_NAME:+-$VM_NAME}

# kernel KERNEL: set $image, as boot.sh has it, and $module, which is built.
kernel()
{
	local kernel=$1 kdir release more=()

	if [ "$kernel" = debug ]; then
		image=$(tools/debug-kernel.sh build/deps) && kdir=$(dirname "$image") &&
			release=$(headers_release "$kdir") || release=''
		# The model's KUnit tests, for selftests/vm/debug_kunit.sh.
		more=(VGPU_KUNIT=m)
		VGPU_TEST_PATIENCE=${VGPU_TEST_PATIENCE:-10}
	else
		release=$(kernel_release "$kernel")
		kdir=$release image=$release
	fi
	if [ -z "$release" ]; then
		not_ok "vm: kernel $kernel is not installed: run make deps"
		tap_exit
	fi
	module=${MODULE-}
	module=${module//RELEASE/$release}
	[ -z "$module" ] || return 0
	module=build/modules/$release/vgpu.ko
	if ! tools/build-module.sh "$kdir" build/modules/RELEASE \
	     ${more[@]+"${more[@]}"} >"$log.build" 2>&1; then
		grep -vE '^ +[A-Z]+ ' "$log.build" | sed 's/^/# /'
		not_ok "vm: vgpu.ko for $release was not built"
		tap_exit
	fi
}

[ $# -gt 0 ] || tap_exit
pass=(VGPU_DMESG="$log.dmesg")
memory=2048
if [ -n "${VM_GUEST-}" ]; then
	kernel "$VM_GUEST"
	pass+=(VGPU_GUEST="$image" VGPU_GUEST_MODULE="$module")
	memory=4096
fi
kernel "$kernel"
[ "$kernel" != debug ] || memory=6144

# What the tests may be told, which boot.sh does not hand over.
for v in TEST_LIMIT TEST_WRAPPER VGPU_TEST_SCALE VGPU_TEST_PATIENCE VGPU_FUZZ_S \
	 VGPU_VFIO VGPU_LOG_ALLOW; do
	[ -z "${!v-}" ] || pass+=("$v=${!v}")
done
selftests/vm/boot.sh -v ${VM_NESTED:+-n} -k "$image" -m $memory -t "${VM_LIMIT:-1800}" \
	-w "$dir" -l "$log.console" env "${pass[@]}" selftests/vm/run.sh \
	${args[@]+"${args[@]}"} "$module" "$@" 2> >(sed 's/^/# /')
rc=$?
case $rc in
124) not_ok "vm: the tests did not end in time" ;;
125) not_ok "vm: there was no machine, or no longer" ;;
esac
exit $rc
