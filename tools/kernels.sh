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

# The release of the kernel whose build directory is $1.  Not by
# include/config/kernel.release, which differs in Debian's headers.
headers_release()
{
	sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' \
		"$1/include/generated/utsrelease.h" | grep .
}

# A number of $3 bytes at $2 in the header of the bzImage $1.
kernel_header()
{
	od -An -v -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

# Write the kernel in the bzImage $1 to the file $2, as an ELF file that QEMU can
# start.  It starts one if that has a note of where (CONFIG_PVH); fails without.
kernel_vmlinux()
{
	local image=$1 to=$2 at magic

	at=$((($(kernel_header "$image" 0x1f1 1) + 1) * 512 +
	      $(kernel_header "$image" 0x248 4)))
	# Its uncompressed size follows, which xz and zstd take for rubbish.
	tail -c +$((at + 1)) "$image" |
		head -c $(($(kernel_header "$image" 0x24c 4) - 4)) >"$to.payload"
	magic=$(od -An -v -t x1 -N 4 "$to.payload" | tr -d ' ')
	case $magic in
	fd377a58) xz -dc ;;
	28b52ffd) zstd -dc ;;
	1f8b*) gzip -dc ;;
	esac 2>/dev/null <"$to.payload" >"$to"
	rm "$to.payload"
	readelf -n "$to" 2>/dev/null | grep -q 'Xen .*0x00000012)' && return
	rm "$to"
	return 1
}
