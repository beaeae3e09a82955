#!/bin/bash
# SPDX-License-Identifier: MIT
# Instances as libvirt sees and makes them, and a domain that has one, whose kernel
# loads the module and runs tests of the library on it; when the domain has ended the
# instance is as it was.
# vm: fresh vram=1G
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/selftests/tap.sh"
# shellcheck source=nested.sh
. "$here/selftests/vm/nested.sh"

parent=pci_7670_00_00_0
uuid=7e57ab1e-0000-4000-8000-0000000000bb
instance=/sys/bus/mdev/devices/$uuid
device=mdev_${uuid//-/_}_7670_00_00_0
dir=$guests
libvirtd=''
# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	[ -z "$libvirtd" ] || kill "$libvirtd" 2>/dev/null
	udevadm control --exit
	guests_end
}
trap cleanup EXIT

virsh()
{
	timeout 60 virsh -c qemu:///system "$@"
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
	for t in 1g 512m 256m 128m 64m; do
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
    <type id='vgpu-512m'/>
    <uuid>$uuid</uuid>
    <attr name='weight' value='300'/>
    <attr name='vram_limit' value='268435456'/>
  </capability>
</device>
END

create()
{
	virsh nodedev-create "$dir/device" &&
		is $instance/weight 300 && is $instance/vram_limit 268435456 &&
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

# What its first program is to do.
mkdir -p "$guests"/{root,domain}
cat >"$guests/root/commands" <<END
load && VGPU_TEST_BACKEND=mdev VGPU_TEST_FLAGS=guest test_device$("$here/selftests/check-backends.sh" --arguments mdev guest)
dmesg
sleep 1000000
END
guest_modules "$VGPU_MODULE"
guest_make "$here/build/plain/selftests/unit/test_device"

cat >"$dir/domain.xml" <<END
<domain type='kvm'>
  <name>vgpu</name>
  <memory unit='MiB'>256</memory>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>$guest_kernel</kernel>
    <initrd>$guests/initramfs</initrd>
    <cmdline>$guest_append commands=/commands</cmdline>
  </os>
  <cpu mode='host-passthrough'/>
  <devices>
    <serial type='file'><source path='$guests/domain/console'/></serial>
    <serial type='file'>
      <source path='$guests/domain/out' append='on'/>
      <target port='1'/>
    </serial>
    <hostdev mode='subsystem' type='mdev' model='vfio-pci' managed='no'>
      <source><address uuid='$uuid'/></source>
    </hostdev>
    <memballoon model='none'/>
  </devices>
</domain>
END

domain()
{
	virsh create "$dir/domain.xml" || { tail /var/log/libvirt/qemu/vgpu.log; return 1; }
	[ "$(virsh domstate vgpu | head -n 1)" = running ] &&
		is "/proc/$(cat $instance/pid)/comm" qemu-system-x86
}

# What the second of its commands prints.
log()
{
	local mark="vgpu-test: begin guest" out=$guests/domain/out

	wait_for eval "[ \$(grep -c '^end 0' '$out') -eq 2 ]" &&
		grep -q "$mark" "$out" || return
	"$here/selftests/vm/kernel-log.sh" "$mark" <"$out"
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
guest_pid[domain]=$(cat $instance/pid)
check "its kernel starts" said domain 120 up
results domain 300
check "its kernel log" log
# The process is libvirt's.
unset "guest_pid[domain]"
check "the domain ends" ended
check "nothing is left" gone
tap_exit
