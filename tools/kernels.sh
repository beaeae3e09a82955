# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For scripts that look for the kernels which are installed.

# The newest installed headers of kernel version $1 (6.1), as a build directory.
kernel_headers()
{
	local d

	for d in /usr/src/linux-headers-"$1".*-amd64 /lib/modules/"$1".*/build
	do
		[ -e "$d/Makefile" ] && [ -e "$d/include/generated/autoconf.h" ] &&
			echo "$d"
	done | sort -V | tail -n 1
}

# The newest installed kernel of version $1 (6.1, or a whole release), as its
# release.  Its modules must be there too.
kernel_release()
{
	local f r

	for f in /boot/vmlinuz-"$1" /boot/vmlinuz-"$1"[.-]*; do
		r=${f#/boot/vmlinuz-}
		[ -e "$f" ] && [ -d "/lib/modules/$r/kernel" ] && echo "$r"
	done | sort -uV | tail -n 1
}
