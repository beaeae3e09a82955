#!/bin/bash
# SPDX-License-Identifier: MIT
# Run fuzzers, two at a time, each for some seconds, from its corpus in the
# tree.  What they find goes to build/fuzz/NAME/: new inputs to corpus/, one
# that fails to crash-... or the like, whose path is printed.
#
#	selftests/check-fuzz.sh SECONDS PROGRAM...
set -u
cd "$(dirname "$0")/.." || exit
. selftests/tap.sh

seconds=$1
shift

# Fuzzers that are called fuzz_x have their corpus in corpus/x or /fuzz_x.
corpus_of()
{
	local d

	for d in "selftests/fuzz/corpus/${1#fuzz_}" "selftests/fuzz/corpus/$1"
	do
		[ -d "$d" ] && echo "$d" && return
	done
}

run_one()
{
	local program=$1 name dir corpus runs rc=0

	name=$(basename "$program")
	dir=build/fuzz/$name
	corpus=$(corpus_of "$name")
	mkdir -p "$dir/corpus"
	# More than it should ever take, so that a hang ends and is a failure.
	timeout -k 10 $((seconds * 2 + 120)) "$program" -timeout=25 \
		-rss_limit_mb=2048 -max_total_time="$seconds" \
		-artifact_prefix="$dir/" -print_final_stats=1 \
		"$dir/corpus" ${corpus:+"$corpus"} >"$dir/log" 2>&1 </dev/null ||
		rc=$?

	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/log")
	if [ "$rc" -ne 0 ]; then
		tail -n 60 "$dir/log" | sed 's/^/# /'
		sed -n 's/.*Test unit written to /# failing input: /p' \
			"$dir/log"
		echo "not ok $name: exit $rc"
	elif [ -z "$corpus" ] || [ -z "$(ls -A "$corpus")" ]; then
		echo "not ok $name: no corpus in selftests/fuzz/corpus/"
	elif [ "${runs:-0}" -eq 0 ]; then
		echo "not ok $name: it ran nothing"
	else
		echo "# $name: $runs runs, from $(ls "$corpus" | wc -l) inputs"
		echo "ok $name"
	fi
}

for program; do
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
		wait -n
	done
	mkdir -p "build/fuzz/$(basename "$program")"
	run_one "$program" >"build/fuzz/$(basename "$program")/result" &
done
wait
for program; do
	result=build/fuzz/$(basename "$program")/result
	cat "$result"
	tap_passed=$((tap_passed + $(grep -c '^ok ' "$result")))
	tap_failed=$((tap_failed + $(grep -c '^not ok ' "$result")))
done
tap_exit
