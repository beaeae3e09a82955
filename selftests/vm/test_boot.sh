#!/bin/bash
# SPDX-License-Identifier: MIT
# Instances come back with a boot: Debian's systemd starts as the first process of a
# machine, as far as a PID namespace is one, and does what it finds: it loads the
# module, its udevd follows our rule, and our unit starts the instances that are
# marked so.
# vm: unloaded
set -u
here=$(cd "$(dirname "$0")/../.." && pwd -P) || exit
# shellcheck source=../tap.sh
. "$here/selftests/tap.sh"

gpu=7670:00:00.0
instances=/sys/bus/mdev/devices
auto=7e57ab1e-0000-4000-8000-000000000001
manual=7e57ab1e-0000-4000-8000-000000000002
unit=vgpu-instances@$gpu.service
module=$(realpath "$VGPU_MODULE") || exit
dir=$(mktemp -d) || exit
# The next test is to find what it would have found before.
trap 'rm -rf "$dir" /etc/mdevctl.d/$gpu /etc/systemd/system/vgpu-instances@.service \
	/etc/udev/rules.d/60-{mdevctl,vgpu-instances}.rules \
	/etc/{modprobe.d,modules-load.d}/vgpu.conf' EXIT

# As an operator does: once, by hand; and from the next boot on.
define()
{
	local depends load="insmod $module vram=64M"

	depends=$(modinfo -F depends "$module" | tr ',' ' ')
	# The kernel may have all of them built in.
	[ -z "$depends" ] || load="modprobe -a $depends && $load"
	eval "$load" &&
		mdevctl define -u $auto -p $gpu -t vgpu-8m --auto &&
		mdevctl modify -u $auto --addattr=weight --value=77 &&
		mdevctl define -u $manual -p $gpu -t vgpu-8m &&
		rmmod vgpu || return
	# It is not where modprobe looks.
	echo "install vgpu $load" >/etc/modprobe.d/vgpu.conf
	echo vgpu >/etc/modules-load.d/vgpu.conf
	# mdevctl's own rule, where it works, does the same: only ours here.
	ln -s /dev/null /etc/udev/rules.d/60-mdevctl.rules &&
		cp "$here/tools/60-vgpu-instances.rules" /etc/udev/rules.d/ &&
		cp "$here/tools/vgpu-instances@.service" /etc/systemd/system/
}

# With nothing in /run and /tmp, which are ours afterwards as they were before.
boot()
{
	: >"$dir/console"
	# shellcheck disable=SC2016 # for the shell there
	unshare --fork --pid --mount --cgroup --mount-proc bash -c '
		mount --bind "$1" /dev/console &&
		mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /tmp &&
		exec env -i container=vgpu PATH="$PATH" /lib/systemd/systemd \
			--unit=basic.target --show-status=no' \
		boot "$dir/console" </dev/null >"$dir/out" 2>&1 &
	boot=$!
}

# inside COMMAND...: with the systemd that was started
inside()
{
	nsenter -t "$(pgrep -P "$boot")" -p -m "$@"
}

# becomes SECONDS COMMAND...
becomes()
{
	local end=$((SECONDS + $1))

	shift
	until "$@" >"$dir/wait" 2>&1; do
		if [ $SECONDS -ge $end ]; then
			tail -n 20 "$dir/wait" "$dir/out" "$dir/console"
			inside systemctl --no-pager status "$unit" systemd-udevd \
				systemd-modules-load
			return 1
		fi
		sleep 0.2
	done
}

# is PROPERTY VALUE: of our unit
is()
{
	local got

	got=$(inside systemctl show -P "$1" "$unit") || return
	[ "$got" = "$2" ] || { echo "$1 is $got"; return 1; }
}

check "instances are defined" define
check "there is none" test ! -e $instances/$auto
seconds=$SECONDS
boot
check "systemd starts" becomes 300 inside systemctl is-active basic.target
echo "# after $((SECONDS - seconds)) s"
check "the module is loaded" becomes 120 test -d /sys/module/vgpu
check "an instance is there" becomes 120 test -e $instances/$auto
check "it has its weight" grep -qx 77 $instances/$auto/weight
check "our unit has started it, and ended" becomes 120 is ActiveState inactive
check "without an error" is Result success
check "one that is not marked is not there" test ! -e $instances/$manual
echo "# after $((SECONDS - seconds)) s"
inside journalctl --no-pager -q -u "$unit" | sed 's/^/# /'

check "systemd ends" inside systemctl poweroff
wait "$boot"
check "the instance has not gone with it" mdevctl stop -u $auto
tap_exit
