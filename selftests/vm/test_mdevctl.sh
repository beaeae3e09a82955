#!/bin/bash
# SPDX-License-Identifier: MIT
# Instances as an operator makes them: mdevctl with its call-out script and its
# udev rule, vgpuctl instance, and the kernel's own files; what they may be told,
# and that nothing is left of them.
# vm: fresh gpus=2 vram=64M
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/selftests/tap.sh"

gpu=7670:00:00.0
other=7671:00:00.0
types=/sys/class/mdev_bus/$gpu/mdev_supported_types
instances=/sys/bus/mdev/devices
callout=/etc/mdevctl.d/scripts.d/callouts/vgpu
ctl=$here/build/vgpuctl
uuid=7e57ab1e-0000-4000-8000-0000000000aa
dir=$(mktemp -d) || exit
trap 'rm -rf "$dir"' EXIT

# uuid NUMBER
uuid()
{
	printf '7e57ab1e-0000-4000-8000-%012x' "$1"
}

# is FILE VALUE
is()
{
	local got

	got=$(cat "$1") || return
	[ "$got" = "$2" ] || { echo "$1: $got, not $2"; return 1; }
}

# json TEST COMMAND...: its output, decoded as $o, is as the Perl expression says.
json()
{
	local test=$1

	shift
	"$@" >"$dir/json" || return
	perl -MJSON::PP -e '
		local $/; my $o = JSON::PP->new->utf8->decode(<STDIN>);
		eval $ARGV[0] or die "not so: $ARGV[0] $@\n"' "$test" \
		<"$dir/json" || { cat "$dir/json"; return 1; }
}

# fails PATTERN COMMAND...: with a message like that.
fails()
{
	local pattern=$1

	shift
	! "$@" >"$dir/out" 2>&1 && grep -qE -e "$pattern" "$dir/out" ||
		{ cat "$dir/out"; return 1; }
}

# All of the GPU's memory is free, and nobody has an instance.
nothing()
{
	local g

	for g in $gpu $other; do
		is /sys/bus/pci/devices/$g/vgpu/vram_used 0 &&
			is /sys/bus/pci/devices/$g/vgpu/tenants 0 || return
	done
	[ -z "$(ls $instances)" ] || { ls $instances; return 1; }
}

# available TYPE NUMBER...: how many of each type there can be.
available()
{
	while [ $# -gt 0 ]; do
		is "$types/vgpu-$1/available_instances" "$2" || return
		shift 2
	done
}

# Types.
# ------
mdevctl_types()
{
	json '
		my ($t) = map { $_->{"'$gpu'"} } @$o;
		my %n = map { %$_ } @$t;
		join(" ", sort keys %n) eq
			"vgpu-16m vgpu-32m vgpu-4m vgpu-64m vgpu-8m" and
		$n{"vgpu-8m"}{available_instances} == 8 and
		$n{"vgpu-8m"}{device_api} eq "vfio-pci" and
		$n{"vgpu-8m"}{description} =~ /framebuffer=8M, .*max_instance=8$/' \
		mdevctl types --parent $gpu --dumpjson
}

# One takes one; of the others as much as there is no room for any more.
mixed()
{
	available 64m 1 32m 2 16m 4 8m 8 4m 16 &&
		uuid 1 >$types/vgpu-4m/create &&
		available 64m 0 32m 1 16m 3 8m 7 4m 15 &&
		uuid 2 >$types/vgpu-32m/create &&
		available 64m 0 32m 0 16m 1 8m 3 4m 7 &&
		uuid 3 >$types/vgpu-16m/create &&
		available 64m 0 32m 0 16m 0 8m 1 4m 3 || return
	uuid 4 2>/dev/null >$types/vgpu-16m/create && return 1
	uuid 1 2>/dev/null >$types/vgpu-4m/create && return 1
	echo 5 2>/dev/null >$types/vgpu-4m/create && return 1
	is /sys/bus/pci/devices/$gpu/vgpu/vram_used $((52 << 20)) &&
		is /sys/bus/pci/devices/$other/vgpu/vram_used 0 || return
	for i in 1 2 3; do
		echo 1 >"$instances/$(uuid $i)/remove" || return
	done
	available 64m 1 32m 2 16m 4 8m 8 4m 16 && nothing
}

# What an operator leaves to all counts, too.
limited()
{
	local limit=/sys/bus/pci/devices/$gpu/vgpu/vram_limit

	echo $((20 << 20)) >$limit || return
	available 64m 0 16m 1 4m 5 || return
	uuid 1 >$types/vgpu-16m/create || return
	echo 4096 >$limit
	available 64m 0 16m 0 4m 0 || return
	echo 1 >"$instances/$(uuid 1)/remove"
	echo $((64 << 20)) >$limit
	available 64m 1 && nothing
}

sixteen()
{
	local i k

	for k in 1 2 3; do
		for ((i = 1; i <= 16; i++)); do
			available 4m $((17 - i)) || return
			uuid "$i" >$types/vgpu-4m/create || return
		done
		available 4m 0 64m 0 || return
		uuid 17 2>/dev/null >$types/vgpu-4m/create && return 1
		[ "$(ls $instances | wc -l)" -eq 16 ] || return
		for ((i = 1; i <= 16; i++)); do
			echo 1 >"$instances/$(uuid $(((i * 7 + k) % 16 + 1)))/remove" ||
				return
		done
		nothing || return
	done
}

check "types" mdevctl_types
check "types may be mixed" mixed
check "the GPU's limit counts" limited
check "sixteen instances, three times" sixteen

# mdevctl.
# --------
mkdir -p "${callout%/*}"
cp "$here/tools/mdevctl-callout.sh" $callout

define()
{
	mdevctl define -u $uuid -p $gpu -t vgpu-8m &&
		mdevctl modify -u $uuid --addattr=weight --value=300 &&
		mdevctl modify -u $uuid --addattr=cap --value=50 &&
		mdevctl start -u $uuid || return
	is $instances/$uuid/weight 300 && is $instances/$uuid/cap 50 &&
		is $instances/$uuid/priority 0 &&
		is $instances/$uuid/vram_limit $((8 << 20))
}

# What runs has all settings, whoever made it, and can be defined as it is.
list()
{
	local a

	mdevctl undefine -u $uuid && mdevctl list -v >"$dir/list" || return
	cat "$dir/list"
	grep -q "^$uuid $gpu vgpu-8m" "$dir/list" || return
	for a in '"vram_limit":"8388608"' '"weight":"300"' '"priority":"0"' \
		 '"cap":"50"'; do
		grep -qF "{$a}" "$dir/list" || { echo "no $a"; return 1; }
	done
	mdevctl define -u $uuid &&
		json '@{$o->{attrs}} == 4 and $o->{attrs}[1]{weight} eq "300"' \
			cat "/etc/mdevctl.d/$gpu/$uuid"
}

# As mdevctl calls it, whatever its version can do.
call()
{
	$callout -t "${type-vgpu-8m}" -e "$1" -a "$2" -s none -u $uuid -p $gpu
}

# attrs LIST
attrs()
{
	printf '{"attrs":[%s],"mdev_type":"vgpu-8m","start":"manual"}' "$1"
}

live()
{
	json '$o->{supports}{version} == 2 and
	      grep { $_ eq "live" } @{$o->{supports}{events}}' \
		call get capabilities || return
	attrs '{"weight":"7"},{"vram_limit":"4096"}' | call live modify || return
	is $instances/$uuid/weight 7 &&
		is $instances/$uuid/vram_limit 4096 &&
		is $instances/$uuid/cap 50 || return
	attrs '' | call live modify || return
	attrs '{"weight":"0"}' | fails 'weight=0 is refused' call live modify &&
		attrs '{"remove":"1"}' |
			fails 'remove cannot be set' call live modify || return
	is $instances/$uuid/weight 7 || return
	attrs '' | call pre start && attrs '' | call post stop || return
	type=nvidia-35 call get attributes
	[ $? -eq 2 ] || return
	if mdevctl modify --help | grep -q -- --live; then
		mdevctl modify -u $uuid --live --addattr=weight --value=9 &&
			is $instances/$uuid/weight 9
	fi
}

stop()
{
	mdevctl stop -u $uuid && mdevctl undefine -u $uuid && nothing
}

# What the kernel refuses is no instance.
refused()
{
	mdevctl define -u $uuid -p $gpu -t vgpu-8m &&
		mdevctl modify -u $uuid --addattr=weight --value=10001 || return
	fails . mdevctl start -u $uuid || return
	mdevctl undefine -u $uuid && nothing
}

check "mdevctl define, modify, start" define
check "mdevctl list -v" list
check "the call-out script changes what runs" live
check "mdevctl stop" stop
check "mdevctl start with a bad attribute" refused

# vgpuctl.
# --------
ctl_types()
{
	$ctl instance types | grep -qE "^vgpu-16m +$gpu +16 MiB +4$" &&
		json '@{$o->{types}} == 10 and
		      $o->{types}[0]{type} eq "vgpu-64m" and
		      $o->{types}[4]{memory_bytes} == 4 << 20 and
		      $o->{types}[5]{gpu} eq "'$other'"' \
			$ctl instance types --json &&
		json '@{$o->{types}} == 5' \
			$ctl instance types --gpu $other --json
}

ctl_create()
{
	local made

	made=$($ctl instance create vgpu-32m) || return
	is "$instances/$made/weight" 100 || return
	# Where there is room.
	$ctl instance create vgpu-64m --uuid "${uuid^^}" --attr weight=5 \
		--attr cap=10 || return
	is $instances/$uuid/weight 5 && is $instances/$uuid/cap 10 &&
		is /sys/bus/pci/devices/$other/vgpu/vram_used $((64 << 20)) ||
		return
	fails 'no room' $ctl instance create vgpu-64m &&
		fails 'no room for another vgpu-4m on '$other \
			$ctl instance create vgpu-4m --gpu $other &&
		fails 'already' $ctl instance create vgpu-4m --uuid $uuid &&
		fails 'no type "vgpu-1g"' $ctl instance create vgpu-1g &&
		fails 'cap=101": .*percent, 1 to 100' \
			$ctl instance create vgpu-4m --attr cap=101 || return
	$ctl instance list
	json '@{$o->{instances}} == 2' $ctl instance list --json &&
		json '@{$o->{instances}} == 1' \
			$ctl instance list --gpu $other --json &&
		json 'my $i = $o->{instance}; $i->{uuid} eq "'$uuid'" and
		      $i->{weight} == 5 and $i->{pid} == 0 and
		      $i->{vram_bytes} == 64 << 20 and $i->{vram_used} == 0 and
		      $i->{engine} eq "none" and $i->{type} eq "vgpu-64m"' \
			$ctl instance show $uuid --json &&
		$ctl instance show $uuid | grep -qE '^  weight +5$' &&
		$ctl instance destroy "$made" &&
		$ctl instance destroy $uuid &&
		fails 'no instance' $ctl instance destroy $uuid &&
		nothing
}

# Opens the device of an instance, says so, and waits for the end of its input.
hold()
{
	perl -e '
		my ($group, $uuid) = @ARGV;
		open(my $c, "+<", "/dev/vfio/vfio") or die "container: $!";
		open(my $g, "+<", "/dev/vfio/$group") or die "group: $!";
		# VFIO_GROUP_SET_CONTAINER, VFIO_SET_IOMMU to type 1 v2,
		# VFIO_GROUP_GET_DEVICE_FD
		ioctl($g, 0x3b68, pack("i", fileno($c))) or die "join: $!";
		ioctl($c, 0x3b66, 3) or die "iommu: $!";
		ioctl($g, 0x3b6a, "$uuid\0") or die "device: $!";
		$| = 1;
		print "open\n";
		<STDIN>' "$1" "$2"
}

# Who has it open is named, and not waited for.
ctl_busy()
{
	local group pid

	modprobe vfio_iommu_type1
	$ctl instance create vgpu-8m --uuid $uuid || return
	group=$(readlink $instances/$uuid/iommu_group)
	coproc HOLD { hold "${group##*/}" $uuid; }
	read -r _ <&"${HOLD[0]}" || return
	pid=$(cat $instances/$uuid/pid)
	[ "$(cat "/proc/$pid/comm")" = perl ] || return
	$ctl instance list
	json '$o->{instance}{pid} == '"$pid" $ctl instance show $uuid --json &&
		fails "is in use by process $pid;" \
			$ctl instance destroy $uuid || return
	eval "exec ${HOLD[1]}>&-"
	wait
	is $instances/$uuid/pid 0 && $ctl instance destroy $uuid && nothing
}

check "vgpuctl instance types" ctl_types
check "vgpuctl instance create, list, show, destroy" ctl_create
check "vgpuctl instance destroy of one that is used" ctl_busy

# Memory that cannot be divided.
# ------------------------------
odd()
{
	local sum

	rmmod vgpu && insmod "$VGPU_MODULE" vram=17M || return
	[ "$(cd $types && echo *)" = \
	  "vgpu-17m vgpu-1m vgpu-2m vgpu-4m vgpu-8m" ] || return
	available 17m 1 8m 2 4m 4 2m 8 1m 17 || return
	sum=$(cat $types/*/name | sort -u | wc -l)
	[ "$sum" -eq 5 ] || return
	uuid 1 >$types/vgpu-8m/create &&
		available 17m 0 8m 1 4m 2 2m 4 1m 9
	echo 1 >"$instances/$(uuid 1)/remove"
}
check "memory that cannot be divided" odd

# After a boot.
# -------------
# udev is told of the GPU and has systemd start a unit, which there is none of
# here: its command is run as it would be.
udev()
{
	local i unit command

	cp "$here/tools/60-vgpu-instances.rules" /etc/udev/rules.d/
	mdevctl define -u $uuid -p $gpu -t vgpu-8m --auto &&
		mdevctl modify -u $uuid --addattr=weight --value=77 || return
	# Only ours.
	ln -s /dev/null /etc/udev/rules.d/60-mdevctl.rules
	/lib/systemd/systemd-udevd --daemon || return
	rmmod vgpu && insmod "$VGPU_MODULE" vram=64M || return
	for ((i = 0; i < 100; i++)); do
		unit=$(udevadm info -q property -p /sys/bus/pci/devices/$gpu |
			sed -n 's/^SYSTEMD_WANTS=//p')
		[ -z "$unit" ] || break
		sleep 0.2
	done
	udevadm control --exit
	[ "$unit" = "vgpu-instances@$gpu.service" ] ||
		{ echo "it wants '$unit'"; return 1; }
	command=$(sed -n "s/^ExecStart=//p" "$here/tools/vgpu-instances@.service")
	${command//%i/$gpu} || return
	is $instances/$uuid/weight 77 || return
	# As mdevctl's own rule may do.
	${command//%i/$gpu}
	is $instances/$uuid/weight 77
}
check "an instance comes back with its GPU" udev
check "and can be stopped" mdevctl stop -u $uuid
tap_exit
