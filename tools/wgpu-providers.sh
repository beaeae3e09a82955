#!/bin/bash
# SPDX-License-Identifier: MIT
# Fetch WebGPU: its C header, which lib/wgpu is compiled with, and the two
# providers that tests run on, wgpu-native and Dawn.  All three come in packages
# of npm's registry; none is part of this tree.
#
#	tools/wgpu-providers.sh DIRECTORY
#
# leaves DIRECTORY/include/webgpu/{webgpu,wgpu}.h, libwgpu_native.so and
# libwebgpu_dawn.so.  A package whose SHA-512 differs from the one below is
# refused.  The files appear all at once or not at all; when they are there
# already, nothing is fetched.
set -eu

if [ $# -ne 1 ]; then
	echo "usage: $0 DIRECTORY" >&2
	exit 2
fi
dest=$1

native=wgpu-polyfill-0.1.0
native_sha512=6da48cfae5676dab4a032b987011a60029311150e00d518088439115e0a9a7a62643c11d3789178f626c73972a1b24b0f03239c63e81a538ac51badfdef33d15
dawn=bun-webgpu-linux-x64-0.1.7
dawn_sha512=5043fb519744871f68b6f9197338ecb332fc65596b38300d42f825f82f3cfdb3559b10e8162ef0d5f5b31a2d6c6726a48844e39ad143ab6ff108b85b499c63ab

# What was fetched, so that a change above fetches anew.
stamp="$native_sha512 $dawn_sha512"
if [ -e "$dest/stamp" ] && [ "$(cat "$dest/stamp")" = "$stamp" ]; then
	# Newer than this script, so that make is content.
	touch "$dest/include/webgpu/webgpu.h"
	exit 0
fi

if ! command -v npm >/dev/null; then
	echo "wgpu-providers: no npm: install the package npm" >&2
	exit 1
fi

mkdir -p "$(dirname "$dest")"
part=$(mktemp -d "$dest.XXXXXX")
trap 'rm -rf "$part"' EXIT

# fetch NAME-VERSION SHA512
fetch()
{
	local package=${1%-*}@${1##*-}

	# For a registry's package, npm pack runs none of its scripts.
	if ! (cd "$part" && npm pack --silent --ignore-scripts "$package" \
			>npm.log 2>&1); then
		cat "$part/npm.log" >&2
		echo "wgpu-providers: npm pack $package failed" >&2
		exit 1
	fi
	if ! echo "$2  $part/$1.tgz" | sha512sum --check --status; then
		echo "wgpu-providers: $package is not what it was: SHA-512 of" \
			"the package differs" >&2
		exit 1
	fi
}

# take NAME-VERSION FILE AS
take()
{
	tar -xzOf "$part/$1.tgz" "package/$2" >"$part/new/$3"
}

mkdir -p "$part/new/include/webgpu"
fetch $native $native_sha512
fetch $dawn $dawn_sha512
for header in webgpu.h wgpu.h; do
	take $native lib/linux-x64/include/webgpu/$header include/webgpu/$header
done
take $native lib/linux-x64/lib/libwgpu_native.so libwgpu_native.so
take $dawn libwebgpu_wrapper.so libwebgpu_dawn.so
echo "$stamp" >"$part/new/stamp"

rm -rf "$dest"
mv "$part/new" "$dest"
