#!/bin/bash
# SPDX-License-Identifier: MIT
# Run the parts of `make check` (each a target check-PART), and sum them up.
#
#	selftests/check.sh DIRECTORY PART[+PART...]...
#
# Those with + between them run at the same time: what they build in common has
# been built before.  Each part's output goes to DIRECTORY/PART.log, where every
# line "ok" or "not ok" is one result.  A part that fails without one, or that has
# no result at all, counts as one failure; skipped tests are counted and named.
set -u

dir=$1
shift
mkdir -p "$dir"
passed=0 failed=0 skipped=0
start=$EPOCHREALTIME

seconds_since()
{
	awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}

# run PART: its exit status goes to DIRECTORY/PART.rc, and its seconds.
run()
{
	local t=$EPOCHREALTIME

	${CHECK_MAKE:-make} --no-print-directory "check-$1" >"$dir/$1.log" 2>&1 </dev/null
	echo $? "$(seconds_since "$t")" >"$dir/$1.rc"
}

# report PART
report()
{
	local log=$dir/$1.log rc seconds p f s

	read -r rc seconds <"$dir/$1.rc"
	rm "$dir/$1.rc"
	s=$(grep -cE '^ok .*# (SKIP|XFAIL|XPASS)' "$log")
	p=$(($(grep -c '^ok ' "$log") - s))
	f=$(grep -c '^not ok ' "$log")
	[ $((p + f)) -gt 0 ] || f=1
	[ "$rc" -eq 0 ] || [ "$f" -gt 0 ] || f=1

	printf '%-14s %7d %7d %7d %8s\n' "$1" "$p" "$f" "$s" "$seconds"
	if [ "$f" -gt 0 ]; then
		if grep -q '^not ok ' "$log"; then
			grep -B 15 '^not ok ' "$log" | grep -v '^ok ' |
				head -n 150
		else
			tail -n 40 "$log"
		fi | sed 's/^/    /'
		echo "    (all of it: $log)"
	fi
	grep -E '^ok .*# (SKIP|XFAIL|XPASS)' "$log" | sed 's/^ok /    skipped: /'
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
}

printf '%-14s %7s %7s %7s %8s\n' part passed failed skipped seconds
for parts; do
	for part in ${parts//+/ }; do
		run "$part" &
	done
	wait
	for part in ${parts//+/ }; do
		report "$part"
	done
done

echo "took $(seconds_since "$start") s"
echo "$passed passed, $failed failed$([ $skipped -eq 0 ] ||
	echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
