#!/bin/bash
# SPDX-License-Identifier: MIT
# Run test programs one after the other, each under a time limit, and print
# their results as "ok PROGRAM: case".  Programs that print TAP (those with the
# kernel's harness) are held to their plan: one that ends early has failed.
# The others pass by exit status 0 and are skipped by 4, as in the kernel.
#
#	selftests/run-tests.sh [-a 'ARGUMENTS'] PROGRAM...
#
# TEST_WRAPPER in the environment goes before each program, TEST_LIMIT is the
# limit in seconds for each.
set -u
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

args=()
if [ "${1-}" = -a ]; then
	read -ra args <<<"$2"
	shift 2
fi
read -ra wrapper <<<"${TEST_WRAPPER-}"
limit=${TEST_LIMIT:-600}

counts=$(mktemp)
session=$(mktemp)
trap 'rm -f "$counts" "$session"' EXIT

# Under the time limit.  The harness gives each test a process group of its own,
# which would outlive it, and keep the pipe open: the session has them all.
limited()
{
	local rc=0 stat line sid

	# shellcheck disable=SC2016 # for the inner shell
	setsid -w bash -c 'echo $$ >"$0" && exec "$@"' "$session" \
		timeout -k 10 "$limit" "$@" || rc=$?
	if [ $rc -eq 124 ] || [ $rc -eq 137 ]; then
		for stat in /proc/[0-9]*/stat; do
			# Past the name, which may have spaces: state, parent,
			# group, session.
			read -r line <"$stat" &&
				read -r _ _ _ sid _ <<<"${line##*) }" &&
				[ "$sid" = "$(<"$session")" ] &&
				kill -KILL "$(basename "${stat%/stat}")"
		done 2>/dev/null
	fi
	return $rc
}

for program; do
	name=${program#build/}
	name=${name/selftests\/unit\//}
	name=${name/vm\/selftests\/drm\//}
	start=$EPOCHSECONDS
	echo "# --- $name"
	limited ${wrapper[@]+"${wrapper[@]}"} "$program" \
		${args[@]+"${args[@]}"} </dev/null 2>&1 |
		awk -v name="$name" -v counts="$counts" '
			/^1\.\.[0-9]+$/ { plan = substr($0, 4) + 0 }
			/^not ok( |$)/ { sub(/^not ok *[0-9]* */, "")
				print "not ok " name ": " $0
				failed++; fflush(); next }
			/^ok( |$)/ { sub(/^ok *[0-9]* */, "")
				print "ok " name ": " $0
				passed++; fflush(); next }
			{ print ($0 ~ /^#/ ? "" : "# ") $0; fflush() }
			END { print plan == "" ? "none" : plan,
			      passed + 0, failed + 0 >counts }'
	rc=${PIPESTATUS[0]}
	read -r plan passed failed <"$counts"
	tap_passed=$((tap_passed + passed))
	tap_failed=$((tap_failed + failed))

	if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
		not_ok "$name: no end after $((EPOCHSECONDS - start)) s"
	elif [ "$plan" != none ] && [ "$plan" -ne $((passed + failed)) ]; then
		not_ok "$name: $((passed + failed)) of $plan results, exit $rc"
	elif [ "$plan" = 0 ]; then
		not_ok "$name: no test was run"
	elif [ $((passed + failed)) -eq 0 ]; then
		case $rc in
		0) ok "$name" ;;
		4) ok "$name # SKIP" ;;
		*) not_ok "$name: exit $rc" ;;
		esac
	elif [ "$rc" -ne 0 ] && [ "$failed" -eq 0 ]; then
		not_ok "$name: exit $rc"
	fi
done
tap_exit
