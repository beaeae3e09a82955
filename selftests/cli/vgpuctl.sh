#!/bin/bash
# SPDX-License-Identifier: MIT
# vgpuctl with good and bad input: exit statuses, one line on standard error,
# nothing on standard output after a failure, and JSON that a parser accepts.
#
#	VGPUCTL=build/vgpuctl selftests/cli/vgpuctl.sh
set -u
# shellcheck source=../tap.sh
. "$(dirname "$0")/../tap.sh"
: "${VGPUCTL:=build/vgpuctl}"

dir=$(mktemp -d)
# Without it, a library below wgpu-native writes to standard error.
export XDG_RUNTIME_DIR=$dir
trap 'rm -rf "$dir"' EXIT

run()
{
	status=0
	timeout -k 5 60 "$VGPUCTL" "$@" >"$dir/out" 2>"$dir/err" </dev/null ||
		status=$?
}

complain()
{
	echo "# $1; exit $status, stdout and stderr:"
	cat -v "$dir/out" "$dir/err" | sed 's/^/#   /'
	echo "# (end)"
}

# good PATTERN ARGUMENTS...: succeeds, and a line of the output matches.
good()
{
	local pattern=$1

	shift
	run "$@"
	if [ "$status" -eq 0 ] && [ ! -s "$dir/err" ] &&
	   grep -qE -e "$pattern" "$dir/out"; then
		ok "vgpuctl $*"
	else
		complain "expected output like: $pattern"
		not_ok "vgpuctl $*"
	fi
}

# bad STATUS PATTERN ARGUMENTS...: fails with the status and one line.
bad()
{
	local want=$1 pattern=$2

	shift 2
	run "$@"
	if [ "$status" -eq "$want" ] && [ ! -s "$dir/out" ] &&
	   [ "$(wc -l <"$dir/err")" -eq 1 ] &&
	   grep -qE -e "^vgpuctl: .*$pattern" "$dir/err"; then
		ok "$want: vgpuctl ${*//[^ -~]/?}"
	else
		complain "expected exit $want and one line like: $pattern"
		not_ok "$want: vgpuctl ${*//[^ -~]/?}"
	fi
}

# json TEST ARGUMENTS...: one JSON object, for which the Perl expression TEST,
# of the decoded object $o, is true.
json()
{
	local test=$1

	shift
	run "$@" --json
	if [ "$status" -eq 0 ] && [ ! -s "$dir/err" ] &&
	   perl -MJSON::PP -e '
		local $/; my $o = JSON::PP->new->utf8->decode(<STDIN>);
		ref $o eq "HASH" or die "not an object\n";
		eval $ARGV[0] or die "not so: $ARGV[0] $@\n"' "$test" \
		<"$dir/out" 2>"$dir/why"; then
		ok "vgpuctl $* --json"
	else
		complain "$(cat "$dir/why")"
		not_ok "vgpuctl $* --json"
	fi
}

good '^ +simulator +yes ' list
good '^ +mdev +(no|yes) ' list
good '^ +sim0 +simulator +software +256 MiB' list
good '^ +name +vgpu simulator$' info
good '^ +temperature +unknown$' info
good '^ +total memory +2 GiB \(2147483648\)$' info --vram 2G
good '^ +total memory +4 KiB ' info --vram 4096
good '^ +total memory +1 TiB ' info --vram 1T
good '^ +choice +simulator: asked for' --backend=simulator info -d sim0
good '^ +spirv +yes ' info
good '^ +entries of a ring +65536$' info
good '^ +submitted +0$' stats
good '^ +completed +5000$' stats --run 5000
good '^ +copied +187.5 MiB \(196608000\)$' stats --run 4000
good '^ +cleared +62.5 MiB ' stats --run 4000
good '^ +errors +0$' stats --run 7
good '^queue: between threads ' bench --repeat 1 --bytes 64K
good 'of 3 repetitions$' bench --repeat 3 --bytes 4K --threads 2 --batch 1
good '^queue of 1, ring of 8, batches of 1,' \
	bench --repeat 1 --bytes 4 --entries 1 --batch 1
good '^queue of 1048576, ring of 65536,' \
	bench --repeat 1 --bytes 4K --entries 1048576 --batch 4096
good '^Usage: vgpuctl COMMAND' --help
good '^Usage: vgpuctl COMMAND' help
good 'Exit status: 0 done; 1 failed; 2 ' -h
good '^Usage: vgpuctl bench' help bench
good '^Usage: vgpuctl run KERNEL' help run
good '^Usage: vgpuctl stats' stats --help
good '^Usage: vgpuctl passthrough' help passthrough
good '^Usage: vgpuctl info' -h info
good '^vgpuctl [0-9.]+, libvgpu [0-9.]+$' --version
good '^vgpuctl [0-9.]+, libvgpu [0-9.]+$' -V

json '@{$o->{backends}} == 5 and $o->{devices}[-1]{id} eq "sim0"' list
json '!$o->{backends}[0]{available} and $o->{backends}[4]{available}' list
json '$o->{device}{total_memory_bytes} == 1 << 40' info --vram 1T
json 'ref $o->{functions} eq "ARRAY"' passthrough
json 'exists $o->{device}{temperature_celsius} and
      !defined $o->{device}{temperature_celsius}' info
json '$o->{features}{native} and $o->{features}{spirv}' info
json '$o->{limits}{ring_entries} == 65536' info
json '$o->{commands}{submitted} == 0 and $o->{memory}{used_bytes} == 0' stats
json '$o->{queue}{completed} == 1000 and $o->{commands}{completed} == 1000 and
      $o->{commands}{copied_bytes} == 750 * 65536' stats --run 1000
json '$o->{parameters}{entries} == 64 and @{$o->{results}} == 13 and
      !grep { $_->{median} <= 0 or $_->{min} > $_->{median} or
	      $_->{max} < $_->{median} } @{$o->{results}}' \
	bench --repeat 2 --entries 64 --batch 8 --threads 2 --bytes 64K

bad 2 'no command'
bad 2 'unknown command "frobnicate": must be list, info' frobnicate
bad 2 'unknown command' help frobnicate
bad 2 'unexpected argument "extra" after info' info extra
bad 2 'unexpected argument' help info extra
bad 2 'unknown option --frobnicate' info --frobnicate
bad 2 'unknown option -x' list -x
bad 2 'unknown option -x' list -xh
bad 2 'takes no value' info --json=yes
bad 2 'value is missing' info -b
bad 2 'value is missing' bench --entries
bad 2 'unknown backend "cuda": must be passthrough, mdev' info -b cuda
bad 2 'unknown backend ""' info -b ''
bad 2 'unknown backend "default"' info -b default
good '^ +name ' -b auto info
bad 3 'backend mdev: ' info -b mdev -d gpu4095
bad 3 'backend passthrough: ' bench --backend passthrough
bad 3 'no function "gpu7"' info --backend passthrough -d gpu7
bad 2 'must be show, prepare or restore' passthrough take
bad 2 'say which function' passthrough prepare
bad 2 'is no PCI address' passthrough show ../x
bad 2 'is no PCI address' passthrough restore 1:0
bad 3 'no PCI function 9999:00:00.0' passthrough prepare 9999:00:00.0
bad 2 'force is for' passthrough show --force
bad 2 'takes no --force' info --force
bad 2 'unexpected argument "b"' passthrough show a b
bad 3 'no simulator "gpu7": .*vgpuctl list' info -d gpu7
for n in 0 1099511627776 1048577 -1 +1 12x 0x10 1.5 1e3 '' ' 1' 4K \
	18446744073709551616 99999999999999999999999; do
	bad 2 '--entries ".*": must be a number from 1 to 1048576' \
		bench --entries "$n"
done
bad 2 '--batch 65: more than fit into --entries 64' \
	bench --entries 64 --batch 65
bad 2 '--batch "0": must be a number' bench --batch 0
bad 2 '--threads "65": must be a number' bench --threads 65
bad 2 '--repeat "no": must be a number' bench --repeat no
bad 2 '--run "0": must be a number' stats --run 0
for s in 0 5 4097 2T 1099511631872 16777216T 1Q 1MM 1MiB M -4096 ''; do
	bad 2 '--vram ".*": must be a size such as .* multiple of 4096' \
		info --vram "$s"
done
bad 2 '--bytes "6": must be a size .* multiple of 4 ' bench --bytes 6
bad 2 '--bytes "2G": must be a size' bench --bytes 2G
bad 2 'two such blocks do not fit into 256 MiB' bench --bytes 200M
bad 2 'list takes no --vram' list --vram 1G
bad 2 'list takes no --backend' list -b simulator
bad 2 'info takes no --entries' info --entries 5
bad 2 'info takes no --groups' info --groups 5
bad 2 'stats takes no --worker' stats --worker
bad 2 'list takes no --buffer' list --buffer size=4
bad 2 'instance: unknown action "": must be types, create' instance
bad 2 'instance: unknown action "frob": must be' instance frob
bad 2 'instance create: a type is missing' instance create
bad 2 'instance destroy: a UUID is missing' instance destroy
bad 2 'unexpected argument "x" after instance types' instance types x
bad 2 'unexpected argument "b" after instance' instance show a b
bad 2 'instance list takes no --uuid; see vgpuctl help instance$' \
	instance list --uuid 7e57ab1e-0000-4000-8000-0000000000aa
bad 2 'instance show takes no --gpu' instance show x --gpu 7670:00:00.0
bad 2 'instance takes no --vram' instance list --vram 1G
bad 2 'list takes no --gpu' list --gpu 7670:00:00.0
for u in '' 5 7e57ab1e-0000-4000-8000-0000000000a 7e57ab1e00004000-8000-0000000000aa00 \
	7e57ab1e-0000-4000-8000-0000000000ag ../../7e57ab1e-0000-4000-8000-000000; do
	bad 2 '".*" is no UUID: must be like' instance show "$u"
	bad 2 '".*" is no UUID: must be like' instance create vgpu-1g --uuid "$u"
done
for a in '' weight weight= =5 weigh=5 vram=5 ../weight=5 Weight=5; do
	bad 2 '--attr ".*": must be vram_limit=, weight=, priority= or cap=' \
		instance create vgpu-1g --attr "$a"
done
good '^Usage: vgpuctl instance' help instance
# What there is on a host without the module.
if [ ! -d /sys/bus/pci/drivers/vgpu ]; then
	bad 3 'no GPU that offers instances: load the module' instance types
	bad 3 'no GPU that offers instances' instance create vgpu-1g
	bad 3 'no instance 7e57ab1e-.*aa; see' \
		instance destroy 7e57AB1E-0000-4000-8000-0000000000aa
	good '^UUID +GPU +TYPE' instance list
	json '@{$o->{instances}} == 0' instance list
fi
bad 2 'unknown command "in\?fo\?"' $'in\nfo\e'

# What cannot be written is a failure, too.
full()
{
	local err

	err=$("$VGPUCTL" info 2>&1 >/dev/full) && return 1
	grep -q '^vgpuctl: cannot write' <<<"$err"
}
check "1: vgpuctl info >/dev/full" full

# Progress is for terminals; `good` has seen that a pipe gets none.
progress()
{
	script -qec "'$VGPUCTL' bench --repeat 1 --bytes 4K" /dev/null |
		grep -q 'repetition 1 of 1'
}
if command -v script >/dev/null; then
	check "progress on a terminal" progress
else
	ok "progress on a terminal # SKIP no script(1)"
fi
tap_exit
