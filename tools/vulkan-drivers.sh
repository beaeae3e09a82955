#!/bin/bash
# SPDX-License-Identifier: MIT
# Get Vulkan drivers that run on the CPU, for tests: SwiftShader, and a lavapipe
# that is newer than Debian 12's.  They are taken out of Debian's packages, and
# nothing is installed.
#
#	tools/vulkan-drivers.sh DIRECTORY
#
# Writes DIRECTORY/swiftshader_icd.json and, where it can be had,
# lavapipe25_icd.json, for VK_DRIVER_FILES; then DIRECTORY/done.
set -eu

if [ $# -ne 1 ]; then
	echo "usage: ${0##*/} DIRECTORY" >&2
	exit 1
fi

# Relative paths are made absolute: the Vulkan loader looks from elsewhere.
mkdir -p "$1"
dest=$(cd "$1" && pwd)
if [ -e "$dest/done" ] && [ "$dest/done" -nt "$0" ]; then
	exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
	echo "vulkan-drivers: not a Debian system: put a" \
	     "$dest/swiftshader_icd.json there by hand" >&2
	exit 1
fi

work=$dest.part
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
trap 'rm -rf "$work"' EXIT
# As root, or apt hands the download to a user who may not write here.
apt=(apt-get -q -o APT::Sandbox::User=root)

# download PACKAGE DIRECTORY [APT]...: unpack a package there.
download()
{
	local package=$1 to=$2

	shift 2
	rm -f "$work/$package"_*.deb
	(cd "$work" && "$@" download "$package" >"$work/log" 2>&1) ||
		return 1
	dpkg-deb -x "$work/$package"_*.deb "$to"
}

# driver NAME LIBRARY VERSION: put it into DIRECTORY if all its libraries are
# there.
driver()
{
	local name=$1 library=$2 missing

	missing=$(ldd "$library" | awk '/not found/ { print $1 }' | xargs)
	if [ -n "$missing" ]; then
		echo "vulkan-drivers: no $name: it needs $missing" \
		     "(mesa-vulkan-drivers, libnss3 bring them)"
		return 1
	fi
	mv "$library" "$dest/"
	cat >"$dest/${name}_icd.json" <<-END
	{
	    "file_format_version": "1.0.0",
	    "ICD": {
	        "library_path": "$dest/${library##*/}",
	        "api_version": "$3"
	    }
	}
	END
}

swiftshader()
{
	# The lists of packages may be old, or absent on a fresh machine.
	if ! download chromium-common "$work/chromium" "${apt[@]}"; then
		"${apt[@]}" update >/dev/null 2>&1 || true
		if ! download chromium-common "$work/chromium" "${apt[@]}"; then
			echo "vulkan-drivers: chromium-common cannot be had:" \
			     "$(tail -n 1 "$work/log")" >&2
			return 1
		fi
	fi
	driver swiftshader \
		"$work/chromium/usr/lib/chromium/libvk_swiftshader.so" 1.1.0
}

# Backports come from where the system has its release from; its lists of
# packages are left alone.
lavapipe()
{
	local codename uri private

	codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	if [ "$codename" != bookworm ]; then
		echo "vulkan-drivers: no lavapipe25: only known for bookworm"
		return
	fi
	uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' \
		'Created-By: Packages' 2>/dev/null |
		awk '$2 == "bookworm" { print $1; exit }')
	if [ -z "$uri" ]; then
		echo "vulkan-drivers: no lavapipe25: no bookworm in apt's sources"
		return
	fi
	echo "deb $uri bookworm-backports main" >"$work/sources.list"
	private=("${apt[@]}" -o "Dir::Etc::sourcelist=$work/sources.list"
		 -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
		 -o "Dir::Cache=$work/cache")
	if ! "${private[@]}" update >"$work/log" 2>&1 ||
	   ! download mesa-vulkan-drivers "$work/mesa" "${private[@]}"; then
		echo "vulkan-drivers: no lavapipe25: backports cannot be had:" \
		     "$(tail -n 1 "$work/log")"
		return
	fi
	driver lavapipe25 \
		"$(find "$work/mesa" -name libvulkan_lvp.so)" 1.1.0 || true
}

rm -f "$dest/"*_icd.json
swiftshader
lavapipe
touch "$dest/done"
