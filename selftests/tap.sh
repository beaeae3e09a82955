# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For the scripts that check something: each result is a line "ok NAME" or
# "not ok NAME" (what check.sh counts), anything else a comment.

tap_passed=0
tap_failed=0

ok()
{
	echo "ok $*"
	tap_passed=$((tap_passed + 1))
}

not_ok()
{
	echo "not ok $*"
	tap_failed=$((tap_failed + 1))
}

# check NAME COMMAND...: passes when the command exits with 0.
check()
{
	local name=$1 out rc=0

	shift
	out=$("$@" 2>&1 </dev/null) || rc=$?
	[ -z "$out" ] || sed 's/^/# /' <<<"$out"
	if [ "$rc" -eq 0 ]; then
		ok "$name"
	else
		echo "# exit $rc: $*"
		not_ok "$name"
	fi
}

# count: copies a script's results from stdin, and counts them as ours.
count()
{
	local line

	while IFS= read -r line; do
		printf '%s\n' "$line"
		case $line in
		"ok "*) tap_passed=$((tap_passed + 1)) ;;
		"not ok "*) tap_failed=$((tap_failed + 1)) ;;
		esac
	done
}

# Ends a script: it passed when something was checked and nothing failed.
tap_exit()
{
	[ $((tap_passed + tap_failed)) -gt 0 ] || not_ok "$0: nothing to check"
	[ "$tap_failed" -eq 0 ]
	exit
}
