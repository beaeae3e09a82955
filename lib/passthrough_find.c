// SPDX-License-Identifier: MIT
/*
 * The backend passthrough: which functions of vGPUs there are.
 *
 * On a host those are instances of vgpu.ko, in a guest the PCI function that its
 * VMM has given it.  Instances wait for virtual machines, mostly: they are opened
 * by who asks for this backend, and count as no device of it otherwise.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "passthrough.h"

static void path_of(char path[512], const char *dir, const char *name,
		    const char *file)
{
	snprintf(path, 512, "%s%s/%.64s/%s", vgpu_vfio_calls->root, dir, name,
		 file);
}

/* A number in hexadecimal, or 0. */
static uint32_t read_id(const char *dir, const char *name, const char *file)
{
	char path[512], text[32];
	ssize_t n;
	int fd;

	path_of(path, dir, name, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	return (uint32_t)strtoul(text, NULL, 16);
}

/* The last part of what a link points to; empty: there is none. */
static void read_target(const char *dir, const char *name, const char *file,
			char *to, size_t bytes)
{
	char path[512], target[512], *last;
	ssize_t n;

	to[0] = 0;
	path_of(path, dir, name, file);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = 0;
	last = strrchr(target, '/');
	snprintf(to, bytes, "%.*s", (int)bytes - 1, last ? last + 1 : target);
}

static bool is_ours(const char *dir, const char *name, const char *up,
		    uint32_t subdevice)
{
	char file[64];

	snprintf(file, sizeof(file), "%svendor", up);
	if (read_id(dir, name, file) != VGPU_PCI_VENDOR)
		return false;
	snprintf(file, sizeof(file), "%sdevice", up);
	if (read_id(dir, name, file) != VGPU_PCI_DEVICE)
		return false;
	snprintf(file, sizeof(file), "%ssubsystem_device", up);
	return read_id(dir, name, file) == subdevice;
}

static int add(struct vgpu_function **list, uint32_t *n, const char *dir,
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
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->instance = instance;
	read_target(dir, name, "driver", f->driver, sizeof(f->driver));
	read_target(dir, name, "iommu_group", f->group, sizeof(f->group));
	return 0;
}

/* @instance: mediated devices, whose parent says what they are. */
static int find_in(const char *dir, bool instance, struct vgpu_function **list,
		   uint32_t *n)
{
	struct dirent *e;
	char path[512];
	int ret = 0;
	DIR *d;

	path_of(path, dir, "", "");
	d = opendir(path);
	if (!d)
		return 0;
	while (!ret && (e = readdir(d))) {
		if (e->d_name[0] == '.' ||
		    strlen(e->d_name) >= VGPU_FUNCTION_NAME ||
		    !is_ours(dir, e->d_name, instance ? "../" : "",
			     instance ? VGPU_PCI_SUBDEVICE_GPU :
					VGPU_PCI_SUBDEVICE_VGPU))
			continue;
		ret = add(list, n, dir, e->d_name, instance);
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
	ret = find_in("/sys/bus/pci/devices", false, list, n);
	if (!ret)
		ret = find_in("/sys/bus/mdev/devices", true, list, n);
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

void vgpu_passthrough_count(struct vgpu_probe *p)
{
	const struct vgpu_function *other = NULL, *first = NULL;
	uint32_t i, n, instances = 0;
	struct vgpu_function *list;

	if (vgpu_functions_find(&list, &n))
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
