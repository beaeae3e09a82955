# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For scripts that start virtual machines of their own, to be sourced: KVM and
# VFIO are there, or the test is skipped.

for m in kvm_amd kvm_intel; do
	modprobe $m 2>/dev/null
done
if [ ! -w /dev/kvm ]; then
	echo "# no KVM in here"
	exit 4
fi
modprobe vfio_iommu_type1

# modules_to DIRECTORY: copy modules, whose files are the lines of standard input,
# for a guest that loads them in the order of their names.
modules_to()
{
	local n=100 f

	while read -r f; do
		n=$((n + 1))
		case $f in
		*.xz) xz -dc "$f" ;;
		*) cat "$f" ;;
		esac >"$1/$n.ko"
	done
}
