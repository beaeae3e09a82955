#!/bin/bash
# SPDX-License-Identifier: MIT
# Instances as libvirt sees and makes them, and a domain that has one: its QEMU
# opens it, and when the domain has ended the instance is as it was.
# vm: fresh vram=64M
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/selftests/tap.sh"

parent=pci_7670_00_00_0
uuid=7e57ab1e-0000-4000-8000-0000000000bb
instance=/sys/bus/mdev/devices/$uuid
device=mdev_${uuid//-/_}_7670_00_00_0
dir=$(mktemp -d) || exit
libvirtd=''
# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	[ -z "$libvirtd" ] || kill "$libvirtd" 2>/dev/null
	udevadm control --exit
	rm -rf "$dir"
}
trap cleanup EXIT

virsh()
{
	timeout 60 virsh -c qemu:///system "$@"
}

# is FILE VALUE
is()
{
	local got

	got=$(cat "$1") || return
	[ "$got" = "$2" ] || { echo "$1: $got, not $2"; return 1; }
}

# wait_for COMMAND...
wait_for()
{
	local end=$((SECONDS + 60))

	while [ $SECONDS -lt $end ]; do
		"$@" >"$dir/wait" 2>&1 && return
		sleep 0.2
	done
	cat "$dir/wait"
	return 1
}

# As root, without what a machine without systemd has not got.  It wants the user
# that its package for such a machine makes, whether it uses him or not.
for f in passwd:x:64055:64055::/: group:x:64055:; do
	grep -q '^libvirt-qemu:' /etc/${f%%:*} ||
		echo "libvirt-qemu:${f#*:}" >>/etc/${f%%:*}
done
mkdir -p /etc/libvirt
cat >/etc/libvirt/qemu.conf <<'END'
user = "root"
group = "root"
dynamic_ownership = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
seccomp_sandbox = 0
stdio_handler = "file"
END
modprobe vfio_iommu_type1 2>/dev/null
start()
{
	local seconds=$SECONDS

	/lib/systemd/systemd-udevd --daemon &&
		udevadm trigger --subsystem-match=pci --settle || return
	echo "udevd: after $((SECONDS - seconds)) s"
	libvirtd >"$dir/log" 2>&1 &
	libvirtd=$!
	wait_for virsh nodedev-list || { tail "$dir/log"; return 1; }
	echo "libvirtd: after $((SECONDS - seconds)) s"
}

types()
{
	virsh nodedev-list --cap mdev_types | grep -q "^$parent\$" || return
	virsh nodedev-dumpxml $parent >"$dir/xml" || return
	for t in 64m 32m 16m 8m 4m; do
		grep -q "<type id='vgpu-$t'>" "$dir/xml" ||
			{ cat "$dir/xml"; return 1; }
	done
	grep -q '<deviceAPI>vfio-pci</deviceAPI>' "$dir/xml" &&
		grep -q '<availableInstances>16</availableInstances>' "$dir/xml"
}

cat >"$dir/device" <<END
<device>
  <parent>$parent</parent>
  <capability type='mdev'>
    <type id='vgpu-32m'/>
    <uuid>$uuid</uuid>
    <attr name='weight' value='300'/>
    <attr name='vram_limit' value='1048576'/>
  </capability>
</device>
END

create()
{
	virsh nodedev-create "$dir/device" &&
		is $instance/weight 300 && is $instance/vram_limit 1048576 &&
		wait_for virsh nodedev-dumpxml $device &&
		virsh nodedev-list --cap mdev | grep -q "^$device\$"
}

destroy()
{
	virsh nodedev-destroy $device && [ ! -e $instance ]
}

define()
{
	virsh nodedev-define "$dir/device" &&
		wait_for virsh nodedev-info $device &&
		virsh nodedev-start $device && is $instance/weight 300
}

cat >"$dir/domain" <<END
<domain type='qemu'>
  <name>vgpu</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <hostdev mode='subsystem' type='mdev' model='vfio-pci' managed='no'>
      <source><address uuid='$uuid'/></source>
    </hostdev>
    <memballoon model='none'/>
  </devices>
</domain>
END

domain()
{
	virsh create "$dir/domain" || { tail /var/log/libvirt/qemu/vgpu.log; return 1; }
	[ "$(virsh domstate vgpu | head -n 1)" = running ] &&
		is "/proc/$(cat $instance/pid)/comm" qemu-system-x86
}

# What firmware finds it makes a PCI function work.
found()
{
	virsh qemu-monitor-command vgpu --hmp 'info pci' >"$dir/pci" || return
	cat "$dir/pci"
	grep -qi '1af4:10f5' "$dir/pci" && grep -q 'BAR0: .* at 0x[0-9a-f]*' "$dir/pci"
}

ended()
{
	virsh destroy vgpu && wait_for is $instance/pid 0 &&
		is $instance/vram_used 0 && is $instance/weight 300
}

gone()
{
	virsh nodedev-destroy $device && virsh nodedev-undefine $device &&
		[ ! -e $instance ] &&
		is /sys/bus/pci/devices/7670:00:00.0/vgpu/vram_used 0
}

# Not in a subshell: it is ended by its number.
start >"$dir/out" 2>&1
rc=$?
sed 's/^/# /' "$dir/out"
if [ $rc -ne 0 ]; then
	not_ok "libvirtd starts"
	tap_exit
fi
ok "libvirtd starts"
check "nodedev-list and its types" types
check "nodedev-create" create
check "nodedev-destroy" destroy
check "nodedev-define, nodedev-start" define
check "a domain starts with it" domain
check "its firmware finds it" wait_for found
check "the domain ends" ended
check "nothing is left" gone
tap_exit
