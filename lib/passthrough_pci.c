// SPDX-License-Identifier: MIT
/*
 * PCI functions as sysfs has them: GPUs, what each is bound to, and what else is
 * in its IOMMU group.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "passthrough_pci.h"

#define PCI_CLASS_DISPLAY	0x03
#define PCI_CLASS_BRIDGE	0x06

/* "0000:01:00.0" and nothing else: it becomes part of a path. */
bool vgpu_pci_address_valid(const char *address)
{
	static const char form[] = "xxxx:xx:xx.o";
	size_t i;

	for (i = 0; form[i]; i++) {
		if (form[i] == 'x' ? !isxdigit((unsigned char)address[i]) :
		    form[i] == 'o' ? address[i] < '0' || address[i] > '7' :
				     address[i] != form[i])
			return false;
	}
	return !address[i];
}

static uint32_t read_number(const char *address, const char *file)
{
	return vgpu_sysfs_number("pci", address, file);
}

static bool is_bridge(uint32_t class_code)
{
	return class_code >> 16 == PCI_CLASS_BRIDGE;
}

static void add_member(struct vgpu_passthrough_info *info, const char *address)
{
	struct vgpu_passthrough_member *m = &info->members[info->n_members];

	if (info->n_members == VGPU_PASSTHROUGH_MEMBERS)
		return;
	info->n_members++;
	snprintf(m->address, sizeof(m->address), "%.15s", address);
	vgpu_sysfs_link("pci", address, "driver", m->driver, sizeof(m->driver));
	m->bridge = is_bridge(read_number(address, "class"));
}

static int by_address(const void *a, const void *b)
{
	const struct vgpu_passthrough_member *x = a, *y = b;

	return strcmp(x->address, y->address);
}

static void read_members(struct vgpu_passthrough_info *info)
{
	char path[VGPU_SYSFS_PATH];
	struct dirent *e;
	DIR *d;

	add_member(info, info->address);
	vgpu_sysfs_path(path, "pci", info->address, "iommu_group/devices");
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d))) {
		if (vgpu_pci_address_valid(e->d_name) &&
		    strcmp(e->d_name, info->address))
			add_member(info, e->d_name);
	}
	closedir(d);
	qsort(info->members + 1, info->n_members - 1, sizeof(info->members[0]),
	      by_address);
}

/*
 * As VFIO looks at a group: each function is bound to vfio-pci, to nothing, to
 * pci-stub, or is a bridge.  This one shall be bound.
 */
static void judge(struct vgpu_passthrough_info *info)
{
	uint32_t i;

	if (!info->group[0] && info->vendor_id == VGPU_PCI_VENDOR &&
	    info->device_id == VGPU_PCI_DEVICE) {
		snprintf(info->reason, sizeof(info->reason),
			 "a GPU of vgpu.ko is not handed over itself: make an instance of it, by vgpuctl instance create");
		return;
	}
	if (!info->group[0]) {
		snprintf(info->reason, sizeof(info->reason),
			 "no IOMMU group: turn the IOMMU on, in the firmware and by intel_iommu=on or amd_iommu=on");
		return;
	}
	for (i = 1; i < info->n_members; i++) {
		const struct vgpu_passthrough_member *m = &info->members[i];

		if (m->bridge || !m->driver[0] ||
		    !strcmp(m->driver, "vfio-pci") ||
		    !strcmp(m->driver, "pci-stub"))
			continue;
		snprintf(info->reason, sizeof(info->reason),
			 "%s of the same group is bound to %s: prepare it, too",
			 m->address, m->driver);
		return;
	}
	info->viable = 1;
}

/* Lines "start end flags". */
static void read_bars(struct vgpu_passthrough_info *info)
{
	char path[VGPU_SYSFS_PATH], text[2048], *line = text;
	unsigned long long start, end;
	uint32_t i;

	vgpu_sysfs_path(path, "pci", info->address, "resource");
	vgpu_sysfs_read(path, text, sizeof(text));
	for (i = 0; line && i < VGPU_PASSTHROUGH_BARS; i++) {
		if (sscanf(line, "%llx %llx", &start, &end) == 2 && end > start)
			info->bar_bytes[i] = end - start + 1;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
}

/* The render node, or the other one if it has none. */
static void read_node(struct vgpu_passthrough_info *info)
{
	char path[VGPU_SYSFS_PATH];
	struct dirent *e;
	bool render;
	DIR *d;

	vgpu_sysfs_path(path, "pci", info->address, "drm");
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d))) {
		render = !strncmp(e->d_name, "renderD", 7);
		if (render || (!info->node[0] && !strncmp(e->d_name, "card", 4)))
			snprintf(info->node, sizeof(info->node), "%.31s",
				 e->d_name);
	}
	closedir(d);
}

static void read_state(struct vgpu_passthrough_info *info)
{
	struct vgpu_bind_state state;

	if (vgpu_bind_state_read(info->address, &state))
		return;
	info->prepared = 1;
	memcpy(info->previous, state.driver, sizeof(info->previous));
}

int vgpu_passthrough_get(const char *address,
			 struct vgpu_passthrough_info *info)
{
	char path[VGPU_SYSFS_PATH];

	if (info->size != sizeof(*info) || !vgpu_pci_address_valid(address))
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	snprintf(info->address, sizeof(info->address), "%.15s", address);
	vgpu_sysfs_path(path, "pci", address, "vendor");
	if (access(path, F_OK))
		return -ENODEV;
	info->vendor_id = read_number(address, "vendor");
	info->device_id = read_number(address, "device");
	info->class_code = read_number(address, "class");
	info->console = read_number(address, "boot_vga");
	vgpu_sysfs_link("pci", address, "driver", info->driver,
			   sizeof(info->driver));
	vgpu_sysfs_link("pci", address, "iommu_group", info->group,
			   sizeof(info->group));
	read_node(info);
	read_bars(info);
	read_state(info);
	read_members(info);
	judge(info);
	return 0;
}

bool vgpu_pci_is_bridge(const struct vgpu_passthrough_info *info)
{
	return is_bridge(info->class_code);
}

int vgpu_passthrough_next(const char *after, struct vgpu_passthrough_info *info)
{
	char path[VGPU_SYSFS_PATH], best[VGPU_PASSTHROUGH_ADDRESS_BYTES] = "";
	struct dirent *e;
	DIR *d;

	if (info->size != sizeof(*info))
		return -EINVAL;
	vgpu_sysfs_path(path, "pci", "", "");
	d = opendir(path);
	if (!d)
		return -ENOENT;
	while ((e = readdir(d))) {
		if (!vgpu_pci_address_valid(e->d_name) ||
		    (after && strcmp(e->d_name, after) <= 0) ||
		    (best[0] && strcmp(e->d_name, best) >= 0) ||
		    read_number(e->d_name, "class") >> 16 != PCI_CLASS_DISPLAY)
			continue;
		snprintf(best, sizeof(best), "%.15s", e->d_name);
	}
	closedir(d);
	return best[0] ? vgpu_passthrough_get(best, info) : -ENOENT;
}
