#!/bin/bash
# SPDX-License-Identifier: MIT
# Take files out of Debian's kernel source package: what the project uses of
# the kernel's tree (test harness, checkpatch, peers of the benchmarks) is
# not copied into its own.
#
#	tools/kernel-source.sh VERSION DIRECTORY FILE...
#
# FILEs keep their path below DIRECTORY.  Decompressing takes ten seconds or
# so; the files appear all at once or not at all.
set -eu

version=$1
dest=$2
shift 2

tarball=/usr/src/linux-source-$version.tar.xz
if [ ! -r "$tarball" ]; then
	echo "kernel-source: no $tarball: install linux-source-$version" >&2
	exit 1
fi

part=$dest.part
rm -rf "$part"
mkdir -p "$part"
trap 'rm -rf "$part"' EXIT
# --occurrence=1: stop reading after the last file that is wanted.
tar -xJf "$tarball" -C "$part" --occurrence=1 --strip-components=1 \
	--no-same-owner "${@/#/linux-source-$version/}"
# A file's time is its extraction's, so that make sees it as new.
find "$part" -type f -exec touch {} +
rm -rf "$dest"
mv "$part" "$dest"
