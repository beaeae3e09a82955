#!/bin/bash
# SPDX-License-Identifier: MIT
# vgpuctl run on every backend that this host has: results are compared byte by
# byte with what Perl calculates; then traces, bad input, and what is left when
# a run ends early.
#
#	VGPUCTL=build/vgpuctl SHADERS=build/shaders selftests/cli/run.sh
set -u
# shellcheck source=../tap.sh
. "$(dirname "$0")/../tap.sh"
: "${VGPUCTL:=build/vgpuctl}" "${SHADERS:=build/shaders}"
VGPUCTL=$(realpath "$VGPUCTL")
SHADERS=$(realpath "$SHADERS")

dir=$(mktemp -d)
# Without it, a library below wgpu-native writes to standard error.
export XDG_RUNTIME_DIR=$dir
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit

complain()
{
	echo "# $1; exit $status, stdout and stderr:"
	cat -v out err | sed 's/^/#   /'
	echo "# (end)"
}

vgpu_run()
{
	status=0
	env --default-signal=INT,TERM timeout -k 5 "${LIMIT:-120}" \
		"$VGPUCTL" run "$@" >out 2>all </dev/null || status=$?
	# The library may have to say something about a driver.
	grep -v '^libvgpu: ' all >err
}

# The run succeeds, and says nothing on standard error.
good()
{
	vgpu_run "$@"
	[ "$status" -eq 0 ] && [ ! -s err ] && return
	complain "not good: vgpuctl run $*"
	return 1
}

# bad STATUS PATTERN ARGUMENTS...: fails with the status and one line, and
# leaves no file that was not there.
bad()
{
	local want=$1 pattern=$2 before name

	shift 2
	name="$want: run ${*//[^ -~]/?}"
	name=${name//$SHADERS\//}
	name=${name:0:120}
	before=$(ls -A)
	vgpu_run "$@"
	if [ "$status" -eq "$want" ] && [ ! -s out ] &&
	   [ "$(wc -l <err)" -eq 1 ] &&
	   grep -qE -e "^vgpuctl: .*$pattern" err &&
	   [ "$before" = "$(ls -A)" ]; then
		ok "$name"
	else
		complain "expected exit $want and one line like: $pattern"
		diff <(echo "$before") <(ls -A) | sed 's/^/# /'
		not_ok "$name"
	fi
}

# json FILE TEST: a JSON object for which the Perl expression is true.
json()
{
	perl -MJSON::PP -e '
		local $/; open my $f, "<", $ARGV[0] or die;
		my $o = JSON::PP->new->utf8->decode(<$f>);
		ref $o eq "HASH" or die "not an object\n";
		eval $ARGV[1] or die "not so: $ARGV[1] $@\n"' "$1" "$2"
}

same()
{
	cmp "$1" "$2" && [ "$(stat -c %s "$1")" -gt 0 ]
}

# u32s ARGUMENTS...: little-endian words.
u32s()
{
	perl -e 'print pack "V*", map { $_ & 0xffffffff } @ARGV' -- "$@"
}

# Words of two files, added up.
perl_add()
{
	perl -e 'local $/; my @s;
		for (@ARGV) { open my $f, "<:raw", $_ or die;
			      my $d = <$f>;
			      $d .= "\0" x (-length($d) % 4);
			      push @s, [ unpack "V*", $d ]; }
		print pack "V*", map { ($s[0][$_] + $s[1][$_]) & 0xffffffff }
			0 .. $#{$s[0]}' "$1" "$2"
}

touch all err out
head -c 40000 /dev/urandom >a
head -c 40000 /dev/urandom >b
head -c 40001 /dev/urandom >odd
head -c 104857603 /dev/urandom >big

adds()
{
	good "$@" "$SHADERS/cli_add.spv" --groups 157 --buffer file=a \
		--buffer file=b --buffer size=40000,out=c &&
	perl_add a b >want && same want c
}

# Neither input nor output is a multiple of 4.
odd_sizes()
{
	good "$@" "$SHADERS/cli_add.spv" --groups 157 --buffer file=odd \
		--buffer size=40003,fill=0xff --buffer size=40001,out=c &&
	perl -e 'print "\xff" x 40004' >fill &&
	perl_add odd fill | head -c 40001 >want && same want c
}

# One file is read and then replaced; it keeps its mode, the link stays a link.
in_place()
{
	cp big big2 && chmod 640 big2 && ln -sf big2 link &&
	good "$@" "$SHADERS/cli_xor.spv" --groups 512 --push 5a5a5a5a \
		--buffer file=link,out=link &&
	perl -e 'local $/; open my $f, "<:raw", "big" or die;
		my $d = <$f>; print $d ^ ("\x5a" x length $d)' >want &&
	same want big2 && [ -L link ] &&
	[ "$(stat -c %a big2)" = 640 ] && rm big2 link want
}

constants()
{
	good "$@" "$SHADERS/cli_spec.spv" --groups 3,4,5 \
		--spec 0=0x10 --spec 1=-9 --spec 5=-1.5 --spec 9=true \
		--buffer size=28,out=c &&
	u32s 16 -9 3217031168 1 3 4 5 >want && same want c
}

# Even number of launches: nothing has changed.
repeats()
{
	good "$@" "$SHADERS/cli_xor.spv" --groups 4 --push 01020304 \
		--repeat 4 --buffer file=a,out=c --json &&
	same a c &&
	json out '@{$o->{times_us}{launches}} == 4 and
		!grep { $_ < 0 } @{$o->{times_us}{launches}} and
		$o->{buffers}[0]{bytes} == 40000 and
		$o->{buffers}[0]{written} and $o->{uploaded_bytes} == 40000 and
		$o->{downloaded_bytes} == 40000 and
		$o->{kernel}{workgroup}[0] == 64 and
		$o->{kernel}{push_bytes} == 4 and
		$o->{device}{name} ne "" and $o->{driver} ne ""'
}

says_where()
{
	good "$@" "$SHADERS/cli_xor.spv" --groups 4 --push 01020304 \
		--repeat 3 --buffer file=a || return
	grep -qE '^device .*, backend [a-z]+$' out &&
	grep -qE '^driver .' out &&
	grep -qE '^kernel .*: SPIR-V, entry main, 4 x 1 x 1 groups of 64 x 1 x 1, 1 buffer$' out &&
	grep -qE '^  launch +[0-9.]+ ms   median of 3, [0-9.]+ to [0-9.]+$' out ||
		{ complain "says where"; return 1; }
}

# Rows; each command in each of them; nothing before what came before it.
traces()
{
	rm -f t.json
	good "$@" "$SHADERS/cli_add.spv" --groups 157 --buffer file=a \
		--buffer file=b --buffer size=40000,fill=7,out=c --repeat 2 \
		--trace t.json || return
	json t.json 'my @e = @{$o->{traceEvents}};
		my %row = map { $_->{tid} => $_->{args}{name} }
			grep { $_->{ph} eq "M" and
			       $_->{name} eq "thread_name" } @e;
		join(" ", map { $row{$_} } sort keys %row) eq
			"queue transfer launch wait" or die "rows\n";
		my (%n, %end);
		for (grep { $_->{ph} eq "X" } @e) {
			my $r = $row{$_->{tid}} // die "no row\n";
			$_->{cat} eq $r or die "category\n";
			$n{"$r $_->{name}"}++;
			$_->{ts} >= 0 and $_->{dur} >= 0 or die "times\n";
			$r eq "wait" or $_->{ts} + 0.1 >= ($end{$r} // 0) or
				die "$r overlaps\n";
			$end{$r} = $_->{ts} + $_->{dur};
		}
		my %want = ("transfer-to" => 2, "transfer-from" => 1,
			    "clear" => 1, "launch" => 2);
		for my $c (keys %want) {
			my $r = $c eq "launch" ? $c : "transfer";
			for ("queue", $r, "wait") {
				($n{"$_ $c"} // 0) == $want{$c} or
					die "$_ $c\n";
			}
		}
		1'
}

cat >double.wgsl <<'END'
@group(0) @binding(0) var<storage, read_write> data: array<u32>;

@compute @workgroup_size(64)
fn twice(@builtin(global_invocation_id) id: vec3u) {
	if (id.x < arrayLength(&data)) {
		data[id.x] = data[id.x] * 2u;
	}
}
END

wgsl()
{
	good "$@" double.wgsl --entry twice --groups 157 \
		--buffer file=a,out=c && perl_add a a >want && same want c &&
	grep -q ': WGSL, entry twice,' out
}

# What a run does on the backend of the arguments, which have to be options.
backend()
{
	check "add files: $*" adds "$@"
	check "odd sizes: $*" odd_sizes "$@"
	check "100 MiB and 3 bytes, in place: $*" in_place "$@"
	check "constants and grid: $*" constants "$@"
	check "repeats, as JSON: $*" repeats "$@"
	check "where it ran, how long: $*" says_where "$@"
	check "trace: $*" traces "$@"
	bad 1 'cli_add.spv: .*nosuch' "$@" "$SHADERS/cli_add.spv" \
		--entry nosuch --groups 1 --buffer size=4 --buffer size=4 \
		--buffer size=4
	bad 1 'bad.spv: ' "$@" bad.spv --groups 1 --buffer size=4
	bad 1 'cli_spec.spv: .*77' "$@" "$SHADERS/cli_spec.spv" --groups 1 \
		--spec 77=1 --buffer size=28
	bad 1 'cli_spec.spv: ' "$@" "$SHADERS/cli_spec.spv" --groups 1 \
		--spec 0=5u64 --buffer size=28
	bad 1 'cannot submit: .*4294967295' "$@" "$SHADERS/cli_xor.spv" \
		--groups 1,4294967295 --push 00000000 --buffer size=4
	bad 2 'uses binding 2, and there are 2 --buffer' "$@" \
		"$SHADERS/cli_add.spv" --groups 1 --buffer size=4 \
		--buffer size=4
	bad 2 'takes 4 bytes of push constants, and --push has 0' "$@" \
		"$SHADERS/cli_xor.spv" --groups 1 --buffer size=4
}

# A module whose end is missing.
head -c 200 "$SHADERS/cli_add.spv" >bad.spv

available()
{
	"$VGPUCTL" list | grep -qE "^ +$1 +yes "
}

# each NAME OPTIONS...
each()
{
	local name=$1

	shift
	if available "$name"; then
		backend -b "$name" "$@"
	else
		ok "run -b $name $* # SKIP $("$VGPUCTL" list | grep "^ *$name ")"
	fi
}

each simulator
each simulator --worker
each vulkan
each vulkan --discrete
each vulkan --worker
each wgpu
if available wgpu; then
	check "WGSL: -b wgpu" wgsl -b wgpu
else
	ok "WGSL # SKIP no wgpu"
fi
bad 1 'double.wgsl: .*WGSL' -b simulator double.wgsl --entry twice \
	--groups 1 --buffer size=4
check "the best backend" adds -b auto
check "no backend named" adds

# Bad command lines, and files: nothing is run.
k=$SHADERS/cli_xor.spv
: >empty.spv
: >empty
head -c 203 "$SHADERS/cli_add.spv" >odd.spv
head -c 64 /dev/urandom >random.spv
head -c 17000000 /dev/zero >huge.spv
mkdir -p folder
bad 2 'no kernel: give a file'
bad 2 'unexpected argument "extra" after run' "$k" extra
bad 2 '--groups is missing' "$k"
for g in 0 1,0 1,1,0 -1 x 1, ,1 1,2,3,4 1x1 4294967296 '' ' 1' 1.5 \
	99999999999999999999; do
	bad 2 '--groups ".*": must be one to three numbers from 1' \
		"$k" --groups "$g"
done
for p in 0 00 0000000 000000000 0000 ''; do
	bad 2 '--push has [0-9]+ hexadecimal digits: must be 8 for each 4' \
		"$k" --groups 1 --push "$p"
done
bad 2 '--push has 264 hexadecimal digits: .* up to 128 bytes' \
	"$k" --groups 1 --push "$(printf '%0264d' 0)"
bad 2 '--push ".*": "x" is no hexadecimal digit' \
	"$k" --groups 1 --push 0x000000
bad 2 '--push ".*": "g" is no hexadecimal digit' \
	"$k" --groups 1 --push 0000000g
for s in 5 =5 x=5 -1=5 4294967296=5 ''; do
	bad 2 '--spec ".*": must be ID=VALUE' "$k" --groups 1 --spec "$s"
done
for s in '' x 5x 1.5.5 --5 0x 0xg 5u32x true1 inf nan 1.5u64 -5u 1e 5u8; do
	bad 2 '--spec "0=.*": must be true, false, or a number' \
		"$k" --groups 1 --spec "0=$s"
done
for s in 4294967296 -2147483649 -5u32 2147483648i32 1e39 \
	18446744073709551616u64 9223372036854775808i64 -1u64; do
	bad 2 '--spec "0=.*": does not fit into [48] bytes' \
		"$k" --groups 1 --spec "0=$s"
done
bad 2 '--spec 3 is given twice' "$k" --groups 1 --spec 3=1 --spec 3=2
for b in '' x file= size= out= size=4,file=a file=a,fill=1 out=c fill=1 \
	size=4,size=4 file=a,file=b size=0 size=2G size=1.5 size=-4 size=4X \
	size=4,fill=256 size=4,fill=-1 size=4,fill=x size=4,fill= \
	size=4,colour=red; do
	bad 2 '--buffer' "$k" --groups 1 --buffer "$b"
done
many=()
for _ in {1..17}; do
	many+=(--buffer size=4)
done
bad 2 'more than 16 --buffer' "$k" --groups 1 "${many[@]}"
bad 2 '--timeout "0": must be a number' "$k" --groups 1 --timeout 0
bad 2 '--repeat "0": must be a number' "$k" --groups 1 --repeat 0
bad 2 "kernel's name must end in .spv or .wgsl" a --groups 1
bad 1 'cannot read missing.spv: No such file' missing.spv --groups 1
bad 1 'empty.spv is empty' empty.spv --groups 1
bad 1 'odd.spv has 203 bytes: SPIR-V has a multiple of 4' odd.spv --groups 1
bad 1 'random.spv is not SPIR-V' random.spv --groups 1
bad 1 'huge.spv has 17000000 bytes: a kernel has at most' huge.spv --groups 1
bad 1 'cannot read missing: No such file' "$k" --groups 1 --buffer file=missing
bad 1 'empty is empty' "$k" --groups 1 --buffer file=empty
bad 1 'cannot read folder: Is a directory' "$k" --groups 1 \
	--buffer file=folder
bad 1 'cannot read /dev/zero: its size is not known' "$k" --groups 1 \
	--buffer file=/dev/zero
bad 1 'cannot write folder: Is a directory' "$k" --groups 1 \
	--buffer size=4,out=folder
bad 1 'cannot write missing/c: No such file' "$k" --groups 1 \
	--buffer size=4,out=missing/c
bad 1 'cannot write missing/t: No such file' "$k" --groups 1 --trace missing/t
bad 2 'c would be written twice' "$k" --groups 1 --buffer size=4,out=c \
	--buffer size=8,out=c
bad 3 'backend mdev: ' "$k" -b mdev -d gpu4095 --groups 1 \
	--buffer file=a,out=c

# An output that is no regular file is written as it is.
to_pipe()
{
	"$VGPUCTL" run "$SHADERS/cli_xor.spv" --groups 4 --push 00000000 \
		--buffer file=a,out=/dev/fd/3 3> >(cat >piped) >/dev/null 2>&1 &&
	[ -e /dev/null ] && sleep 0.2 && same a piped
}
check "into a pipe" to_pipe

# Ends a long run by the signal: the old file is there, and nothing else new.
ended_by()
{
	local before

	echo old >result
	before=$(ls -A; cat result)
	status=0
	env --default-signal=INT,TERM timeout -s "$1" -k 30 2 "$VGPUCTL" run \
		"$SHADERS/cli_spin.spv" --groups 64 --push 0000001000001000 \
		--buffer size=4,out=result --trace trace >/dev/null 2>&1 ||
		status=$?
	[ "$status" -eq 124 ] || { echo "exit $status"; return 1; }
	[ "$before" = "$(ls -A; cat result)" ] || { ls -A; return 1; }
}
check "interrupted" ended_by INT
check "terminated" ended_by TERM

# The launch ends; so do the program, and what it made.
timed_out()
{
	echo old >result
	LIMIT=60 vgpu_run -b simulator --worker "$SHADERS/cli_spin.spv" \
		--groups 64 --push 0000001000001000 --timeout 300 \
		--buffer size=4,out=result
	[ "$status" -eq 1 ] && [ "$(cat result)" = old ] &&
	grep -q 'launch: it ran longer than --timeout 300 ms' err &&
	! ls result.* 2>/dev/null ||
		{ complain "no timeout"; return 1; }
}
check "longer than its timeout" timed_out

progress()
{
	script -qec "'$VGPUCTL' run '$k' --groups 512 --push 00000000 \
		--buffer file=big,out=big2" /dev/null >typed || return
	grep -q 'upload: [0-9]* %' typed && grep -q 'download: ' typed
}
if command -v script >/dev/null; then
	check "progress on a terminal" progress
else
	ok "progress on a terminal # SKIP no script(1)"
fi
tap_exit
