#!/bin/sh
# SPDX-License-Identifier: MIT
# What mdevctl(8) does not know of instances of vgpu.ko: which settings a running
# one has (get attributes: for list -v, and define of one that runs), and how to
# change them (live modify).  It is installed among mdevctl's call-outs.
#
#	-t TYPE -e EVENT -a ACTION -s STATE -u UUID -p PARENT <CONFIGURATION
#
# Exits with 2 if the instance is not one of vgpu.ko, so that mdevctl goes on to
# the next script.
set -f
settings='vram_limit weight priority cap'

fail()
{
	echo "$*" >&2
	exit 1
}

# Attributes in the order in which they are written, as mdevctl keeps them.
attributes()
{
	list=''
	for name in $settings; do
		value=$(cat "$device/$name") || exit 1
		list="$list${list:+,}{\"$name\":\"$value\"}"
	done
	printf '[%s]' "$list"
}

# From the configuration: "attrs":[{"weight":"300"},{"cap":"20"}]
modify()
{
	attrs=$(tr -d '[:space:]')
	case $attrs in
	*'"attrs":['*) ;;
	*) return ;;
	esac
	attrs=${attrs#*'"attrs":['}
	attrs=${attrs%%']'*}
	for attr in $(printf '%s' "$attrs" | sed 's/},{/} {/g'); do
		name=${attr#'{"'}
		name=${name%%'"'*}
		value=${attr#*'":"'}
		value=${value%'"}'}
		case " $settings " in
		*" $name "*) ;;
		*) fail "$name cannot be set while an instance exists" ;;
		esac
		# The shell's own message would name a line of this script.
		(echo "$value" >"$device/$name") 2>/dev/null ||
			fail "$name=$value is refused: see /sys/bus/mdev and kernel/ABI.rst"
	done
}

while getopts t:e:a:s:u:p: option; do
	case $option in
	t) type=$OPTARG ;;
	e) event=$OPTARG ;;
	a) action=$OPTARG ;;
	u) device=/sys/bus/mdev/devices/$OPTARG ;;
	s|p) ;;
	*) exit 2 ;;
	esac
done
case $type in
vgpu-*) ;;
*) exit 2 ;;
esac

# A configuration that is not read would be mdevctl's error.
case $event-$action in
get-capabilities)
	cat >/dev/null
	cat <<-END
	{"supports":{"version":2,
	"actions":["start","stop","define","undefine","modify","attributes","capabilities"],
	"events":["pre","post","get","live"]}}
	END
	;;
get-attributes)
	attributes
	;;
live-modify)
	modify
	;;
*)
	cat >/dev/null
	;;
esac
