#!/bin/bash
# SPDX-License-Identifier: MIT
# Compile the device model as part of a module, against the headers of each
# supported kernel, with W=1 and sparse; no warning is allowed in our files.
#
#	selftests/check-kbuild.sh DIRECTORY
#
# The objects are asked for by name (make -C KDIR M=... kernel/model/x.o): kbuild
# then compiles them with the module's flags and names, and neither links a
# module nor runs modpost.
set -u
cd "$(dirname "$0")/.." || exit
. selftests/tap.sh
. tools/kernels.sh
dir=$1

compile()
{
	local kdir=$1 farm=$2 log=$2/log f rc=0
	local objects=()

	for f in kernel/model/*.c; do
		objects+=("${f%.c}.o")
	done

	# All objects anew: a warning shows only when its file is compiled.
	rm -rf "$farm"
	mkdir -p "$farm"
	tools/build-module.sh "$kdir" "$farm" W=1 C=2 CF=-D__CHECK_ENDIAN__ \
		"${objects[@]}" >"$log" 2>&1 || rc=$?

	# The kernel's own headers (by absolute or relative path) may warn.
	if grep -E '(warning|error):' "$log" |
	   grep -vE '^(/usr/src/|/lib/modules/|\./|include/|arch/)' ||
	   [ "$rc" -ne 0 ]; then
		cat "$log"
		return 1
	fi
	for f in "${objects[@]}"; do
		[ -s "$farm/$f" ] || { echo "$f was not built"; return 1; }
		echo "compiled and checked $f"
	done
}

if ! compgen -G 'kernel/model/*.c' >/dev/null; then
	not_ok "no kernel/model/*.c"
	tap_exit
fi
command -v sparse >/dev/null || not_ok "sparse is missing: run make deps"
for version in 6.1 6.12; do
	kdir=$(kernel_headers "$version")
	if [ -z "$kdir" ]; then
		not_ok "headers of $version are missing: run make deps"
		continue
	fi
	check "model in $kdir" compile "$kdir" "$dir/kbuild-$version"
done
tap_exit
