#!/bin/bash
# SPDX-License-Identifier: MIT
# Install what building and checking vgpu needs, on Debian and its relatives;
# elsewhere say what is needed.  Quick when nothing is missing.
#
#	tools/deps.sh [bench|debug]
set -u

# What for: the library and tools; the sanitizers and fuzzers; the device
# model in kbuild, for both supported kernels; the kernel's test harness and
# checkpatch (from its source package); the protocol models; the demo; kernels:
# admission, Vulkan, shaders; virtual machines: kernels, what boots them, and
# what the module's tests use there.
packages=(
	gcc g++ libc6-dev make pkg-config binutils
	clang llvm libclang-rt-dev
	linux-headers-amd64 linux-headers-6.12-amd64 bc kmod libelf-dev
	linux-source-6.12 tar xz-utils perl sparse dkms
	spin
	libpng-dev libdrm-dev
	spirv-tools spirv-headers libspirv-cross-c-shared-dev libvulkan-dev libvulkan1 glslc
	mesa-vulkan-drivers
	mandoc git util-linux
	qemu-system-x86 busybox-static kmod cpio zstd
	linux-image-amd64 linux-image-6.12-amd64 libdrm-dev mdevctl systemd udev
	libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients
)
# WebGPU's header and providers come through npm, whoever has installed that.
command -v npm >/dev/null || packages+=(npm)
# What to look for where there is no dpkg.
commands=(npm glslc gcc g++ make pkg-config clang llvm-symbolizer sparse spin perl tar xz
	objcopy readelf setarch mandoc git qemu-system-x86_64 busybox cpio
	zstd mdevctl systemctl udevadm libvirtd virsh)

case ${1-} in
# The peers that the benchmarks are held against.
bench)
	packages+=(libdpdk-dev libck-dev liburcu-dev libboost-dev liburing-dev
		   linux-source-6.1)
	;;
# What the kernel is built with that the module is tested on.
debug)
	packages+=(flex bison)
	commands+=(flex bison bc)
	;;
'')
	;;
*)
	echo "deps: unknown argument '$1' ('bench' and 'debug' are known)" >&2
	exit 1
	;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	missing=()
	for c in "${commands[@]}"; do
		command -v "$c" >/dev/null || missing+=("$c")
	done
	echo "deps: not a Debian system; what is needed, by Debian's names:"
	echo "deps:   ${packages[*]}"
	if [ ${#missing[@]} -gt 0 ]; then
		echo "deps: commands not found: ${missing[*]}" >&2
		exit 1
	fi
	exit 0
fi

# Print those of the packages given that are not installed.
not_installed()
{
	local have

	have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" \
	       2>/dev/null | sed -n 's/^installed //p')
	comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$have")
}

mapfile -t missing < <(not_installed "${packages[@]}")
[ ${#missing[@]} -eq 0 ] && exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "deps: missing: ${missing[*]}; be root, or install sudo" >&2
		exit 1
	fi
	root=(sudo)
fi

install_missing()
{
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "${missing[@]}" \
		</dev/null
}

echo "deps: installing ${missing[*]}"
case " ${missing[*]}" in
*" linux-headers-6.12"*|*" linux-image-"*)
	# Headers of 6.12 depend on it too.
	echo "deps: kernels 6.1 and 6.12, which tests boot in virtual" \
	     "machines, may be offered by the boot loader, or chosen, at the" \
	     "next start"
	;;
esac
# The lists of packages may be old, or absent on a fresh machine.
if ! install_missing; then
	"${root[@]}" apt-get update </dev/null && install_missing
fi

mapfile -t missing < <(not_installed "${packages[@]}")
if [ ${#missing[@]} -gt 0 ]; then
	echo "deps: could not install: ${missing[*]}" >&2
	exit 1
fi
