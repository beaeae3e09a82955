// SPDX-License-Identifier: MIT
/*
 * Devices of a bus as sysfs has them: files with a line, and links.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "passthrough.h"

void vgpu_sysfs_path(char path[VGPU_SYSFS_PATH], const char *bus,
		     const char *name, const char *file)
{
	snprintf(path, VGPU_SYSFS_PATH, "%s/sys/bus/%s/devices/%.64s/%.64s",
		 vgpu_vfio_calls->root, bus, name, file);
}

/* A line; its length without the end, or an error. */
int vgpu_sysfs_read(const char *path, char *text, size_t bytes)
{
	ssize_t n;
	int fd;

	text[0] = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, bytes - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = 0;
	if (n && text[n - 1] == '\n')
		text[--n] = 0;
	return (int)n;
}

/* A number; 0: there is none. */
uint32_t vgpu_sysfs_number(const char *bus, const char *name, const char *file)
{
	char path[VGPU_SYSFS_PATH], text[32];

	vgpu_sysfs_path(path, bus, name, file);
	vgpu_sysfs_read(path, text, sizeof(text));
	return (uint32_t)strtoul(text, NULL, 0);
}

/* The name of what a link points to; empty: there is none. */
void vgpu_sysfs_link(const char *bus, const char *name, const char *file,
		     char *to, size_t bytes)
{
	char path[VGPU_SYSFS_PATH], target[VGPU_SYSFS_PATH], *last;
	ssize_t n;

	to[0] = 0;
	vgpu_sysfs_path(path, bus, name, file);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = 0;
	last = strrchr(target, '/');
	snprintf(to, bytes, "%.*s", (int)bytes - 1, last ? last + 1 : target);
}
