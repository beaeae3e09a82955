#!/bin/bash
# SPDX-License-Identifier: MIT
# Inside a virtual machine: run tests of the kernel module, one after the other,
# and hold the kernel's log against each of them.
#
#	selftests/vm/run.sh [-a 'ARGUMENTS'] MODULE TEST...
#
# A TEST is a program or a script, run by run-tests.sh (TEST_LIMIT and
# TEST_WRAPPER are its); ARGUMENTS are for the programs.  Each has the module
# loaded anew, and removed after it.  A line in its source says otherwise:
#
#	vm: fresh NAME=VALUE...	with these parameters
#	vm: shared		as it is, loaded if it was not; and it stays
#	vm: unloaded		not loaded: the test loads and removes it,
#				with $VGPU_MODULE
#
# What looks like a defect in the kernel's log since a test began makes a result
# "not ok TEST: kernel log", and a module that cannot be removed one as well.
# All of the log goes to the file VGPU_DMESG, if that is set.
set -u
here=$(cd "$(dirname "$0")/.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/tap.sh"

args=()
if [ "${1-}" = -a ]; then
	args=(-a "$2")
	shift 2
fi
export VGPU_MODULE=${1:?usage: run.sh MODULE TEST...}
shift
module=$(basename "$VGPU_MODULE" .ko)
module=${module//-/_}

comment()
{
	printf '%s\n' "$@" | sed 's/^/# /'
}

loaded()
{
	[ -d "/sys/module/$module" ]
}

# load [PARAMETER...]
load()
{
	local depends

	# Those that a module asks for by name have to be there as well.
	depends=$(modinfo -F depends "$VGPU_MODULE" | tr ',' ' ')
	# shellcheck disable=SC2086 # a list
	[ -z "$depends" ] || modprobe -a $depends || return
	insmod "$VGPU_MODULE" "$@"
}

# Users may be gone a moment later than their processes.  Once it has failed, the
# module and what would have been tested with it are given up.
stuck=''
unload()
{
	for _ in 1 2 3 4 5 6 7 8 9; do
		rmmod "$module" 2>/dev/null && return
		sleep 0.3
	done
	rmmod "$module" && return
	stuck=y
	return 1
}

# remove NAME: a failure to do so is NAME's.
remove()
{
	loaded || return
	unload >"$out" 2>&1 && return
	comment "$(cat "$out")"
	not_ok "$1: the module cannot be removed"
}

# What the test's source says after "vm:".
wish()
{
	local source=$1

	case $source in
	*.sh) ;;
	*) source=$here/${source##*/selftests/}.c ;;
	esac
	sed -n 's/^[ #*\/]*vm: *\(\(fresh\|shared\|unloaded\)\b.*\)/\1/p' \
		"$source" 2>/dev/null |
		sed 's/ *\*\/$//' | head -n 1
}

mark()
{
	mark="vgpu-test: begin $1 ($EPOCHREALTIME)"
	echo "<6>$mark" >/dev/kmsg
	# A warning that comes only once comes once for each test.
	[ ! -w /sys/kernel/debug/clear_warn_once ] ||
		echo 1 >/sys/kernel/debug/clear_warn_once
}

# check_log NAME: fails for what was logged since the mark.
check_log()
{
	if ! no_leaks >"$out"; then
		comment "$(cat "$out")"
		not_ok "$1: kmemleak"
	fi
	if ! dmesg | "$here/vm/kernel-log.sh" "$mark" >"$out"; then
		comment "$(tail -n 200 "$out")"
		not_ok "$1: kernel log"
	fi
}

# run-tests.sh's results are ours.
run()
{
	count < <("$here/run-tests.sh" ${args[@]+"${args[@]}"} "$1")
}

out=$(mktemp)
trap 'rm -f "$out"' EXIT

mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
# Before a test's time limit.
[ ! -w /proc/sys/kernel/hung_task_timeout_secs ] ||
	echo 60 >/proc/sys/kernel/hung_task_timeout_secs

# What the boot left is not for the first test.
# shellcheck source=kernel-leaks.sh
. "$here/vm/kernel-leaks.sh"

if [ ! -f "$VGPU_MODULE" ]; then
	not_ok "there is no $VGPU_MODULE"
	tap_exit
fi

for test; do
	name=${test##*/selftests/}
	name=${name#drm/}
	read -r how parameters <<<"$(wish "$test")"
	mark "$name"
	if [ "$how" != shared ] && [ -z "$stuck" ]; then
		remove "$name"
	fi
	if [ -n "$stuck" ]; then
		not_ok "$name: not run, the module could not be removed before"
		continue
	fi
	if [ "$how" != unloaded ] && ! loaded; then
		# shellcheck disable=SC2086 # a list
		if ! load $parameters >"$out" 2>&1; then
			comment "$(cat "$out")" "$(dmesg | tail -n 20)"
			not_ok "$name: the module cannot be loaded"
			check_log "$name"
			continue
		fi
	fi
	run "$test"
	[ "$how" = shared ] || remove "$name"
	check_log "$name"
done

if [ $# -gt 0 ]; then
	mark 'the end'
	[ -n "$stuck" ] || remove 'the end'
	check_log 'the end'
fi
[ -z "${VGPU_DMESG-}" ] || dmesg >"$VGPU_DMESG"
tap_exit
