// SPDX-License-Identifier: MIT
/*
 * The backend passthrough: which functions of vGPUs there are.
 *
 * On a host those are instances of vgpu.ko, in a guest the PCI function that its
 * VMM has given it.  Instances wait for virtual machines, mostly: they are opened
 * by who asks for this backend, and count as no device of it otherwise.
 */
#include <dirent.h>

#include "passthrough.h"

static bool is_ours(const char *bus, const char *name, const char *up,
		    uint32_t subdevice)
{
	char file[64];

	snprintf(file, sizeof(file), "%svendor", up);
	if (vgpu_sysfs_number(bus, name, file) != VGPU_PCI_VENDOR)
		return false;
	snprintf(file, sizeof(file), "%sdevice", up);
	if (vgpu_sysfs_number(bus, name, file) != VGPU_PCI_DEVICE)
		return false;
	snprintf(file, sizeof(file), "%ssubsystem_device", up);
	return vgpu_sysfs_number(bus, name, file) == subdevice;
}

static int add(struct vgpu_function **list, uint32_t *n, const char *bus,
	       const char *name, bool instance)
{
	struct vgpu_function *f;
	void *p;

	p = realloc(*list, (*n + 1) * sizeof(*f));
	if (!p)
		return -ENOMEM;
	*list = p;
	f = &(*list)[(*n)++];
	memset(f, 0, sizeof(*f));
	snprintf(f->name, sizeof(f->name), "%.39s", name);
	f->instance = instance;
	vgpu_sysfs_link(bus, name, "driver", f->driver, sizeof(f->driver));
	vgpu_sysfs_link(bus, name, "iommu_group", f->group, sizeof(f->group));
	return 0;
}

/* @instance: mediated devices, whose parent says what they are. */
static int find_in(const char *bus, bool instance, struct vgpu_function **list,
		   uint32_t *n)
{
	struct dirent *e;
	char path[VGPU_SYSFS_PATH];
	int ret = 0;
	DIR *d;

	vgpu_sysfs_path(path, bus, "", "");
	d = opendir(path);
	if (!d)
		return 0;
	while (!ret && (e = readdir(d))) {
		if (e->d_name[0] == '.' ||
		    strlen(e->d_name) >= VGPU_FUNCTION_NAME ||
		    !is_ours(bus, e->d_name, instance ? "../" : "",
			     instance ? VGPU_PCI_SUBDEVICE_GPU :
					VGPU_PCI_SUBDEVICE_VGPU))
			continue;
		ret = add(list, n, bus, e->d_name, instance);
	}
	closedir(d);
	return ret;
}

static int by_name(const void *a, const void *b)
{
	const struct vgpu_function *x = a, *y = b;

	if (x->instance != y->instance)
		return x->instance ? 1 : -1;
	return strcmp(x->name, y->name);
}

int vgpu_functions_find(struct vgpu_function **list, uint32_t *n)
{
	int ret;

	*list = NULL;
	*n = 0;
	ret = find_in("pci", false, list, n);
	if (!ret)
		ret = find_in("mdev", true, list, n);
	if (ret) {
		free(*list);
		return ret;
	}
	if (*n)
		qsort(*list, *n, sizeof(**list), by_name);
	return 0;
}

bool vgpu_function_usable(const struct vgpu_function *f)
{
	return f->group[0] && (f->instance || !strcmp(f->driver, "vfio-pci"));
}

/* Another PCI function, of which the name is right. */
bool vgpu_function_is_foreign(const char *device)
{
	const char *last = strrchr(device, '/');

	return vgpu_sysfs_number("pci", last ? last + 1 : device, "vendor");
}

void vgpu_passthrough_count(struct vgpu_probe *p)
{
	const struct vgpu_function *other = NULL, *first = NULL;
	uint32_t i, n, instances = 0;
	struct vgpu_function *list;

	if (vgpu_vfio_calls->find(&list, &n))
		n = 0;
	for (i = 0; i < n; i++) {
		if (list[i].instance)
			instances++;
		else if (!vgpu_function_usable(&list[i]))
			other = &list[i];
		else if (!p->devices++)
			first = &list[i];
	}
	if (first)
		snprintf(p->reason, sizeof(p->reason),
			 "vGPU function at %s, by vfio-pci", first->name);
	else if (other)
		snprintf(p->reason, sizeof(p->reason),
			 "no vGPU function is bound to vfio-pci: %.15s is bound to %s: vgpuctl passthrough prepare %.15s",
			 other->name,
			 other->driver[0] ? other->driver : "no driver",
			 other->name);
	else if (instances)
		snprintf(p->reason, sizeof(p->reason),
			 "no vGPU function is bound to vfio-pci: %u for virtual machines can be asked for by UUID",
			 instances);
	else
		snprintf(p->reason, sizeof(p->reason),
			 "no vGPU function is bound to vfio-pci: this host has none");
	if (n)
		free(list);
}
