# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For scripts that look for what the kernel's modules leave behind, where the kernel
# has kmemleak: source this, and what came before is forgotten.
leaks=/sys/kernel/debug/kmemleak
if [ -w $leaks ] && echo scan >$leaks 2>/dev/null; then
	echo clear >$leaks
else
	leaks=''
fi

# no_leaks: or they are printed, and forgotten.
no_leaks()
{
	local found

	[ -n "$leaks" ] || return 0
	# What is younger than 5 s is not reported, nor what changed since the scan
	# before.
	sleep 6
	echo scan >$leaks
	echo scan >$leaks
	found=$(head -n 100 $leaks)
	[ -n "$found" ] || return 0
	echo "$found"
	echo clear >$leaks
	return 1
}
