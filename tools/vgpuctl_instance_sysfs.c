// SPDX-License-Identifier: MIT
/*
 * vgpuctl instance: reading and writing sysfs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vgpuctl.h"
#include "vgpuctl_instance.h"

#define PARENTS		"/sys/class/mdev_bus"
#define INSTANCES	"/sys/bus/mdev/devices"

/* A file of one line, without its end: 0 or -errno. */
static int __attribute__((format(printf, 3, 4)))
read_line(char *text, size_t bytes, const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;
	ssize_t n;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, bytes - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return 0;
}

static int write_line(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int read_number(uint64_t *value, const char *directory, const char *name)
{
	char text[32];
	char *end;
	int ret;

	ret = read_line(text, sizeof(text), "%s/%s", directory, name);
	if (ret)
		return ret;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno || end == text || *end ? -EIO : 0;
}

/* A name that is too long is cut off: it is none of ours. */
static void copy_name(char *to, size_t bytes, const char *from)
{
	size_t n = strnlen(from, bytes - 1);

	memcpy(to, from, n);
	to[n] = 0;
}

/* The last part of a path. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The last part of what a link points to. */
static int read_link(char *name, size_t bytes, const char *directory,
		     const char *link)
{
	char path[PATH_MAX], to[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", directory, link);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return -errno;
	to[n] = 0;
	copy_name(name, bytes, base_name(to));
	return 0;
}

static bool has_driver(const char *directory, const char *name)
{
	char driver[64];

	return !read_link(driver, sizeof(driver), directory, "driver") &&
	       !strcmp(driver, name);
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* What is in a directory, in order; nothing if there is none. */
static int entries(const char *directory, struct dirent ***list)
{
	int n = scandir(directory, list, no_dots, alphasort);

	if (n >= 0)
		return n;
	*list = NULL;
	return errno == ENOENT ? 0 : -errno;
}

static void free_entries(struct dirent **list, int n)
{
	while (n > 0)
		free(list[--n]);
	free(list);
}

/* Room for one more behind @n. */
static void *grow(void *list, int n, size_t size)
{
	return reallocarray(list, (size_t)n + 1, size);
}

static int read_type(struct gpu_type *type, const char *gpu, const char *name)
{
	char directory[PATH_MAX], text[256];
	unsigned long long mib;
	const char *at;
	int ret;

	copy_name(type->gpu, sizeof(type->gpu), gpu);
	copy_name(type->name, sizeof(type->name), name);
	snprintf(directory, sizeof(directory),
		 PARENTS "/%s/mdev_supported_types/%s", gpu, name);
	ret = read_line(text, sizeof(text), "%s/description", directory);
	if (ret)
		return ret;
	at = strstr(text, "framebuffer=");
	if (!at || sscanf(at, "framebuffer=%lluM", &mib) != 1)
		return -EIO;
	type->memory = mib << 20;
	return read_number(&type->available, directory, "available_instances");
}

/* Add those of one GPU to the @n that there are. */
static int gpu_types(const char *gpu, struct gpu_type **types, int n)
{
	char path[PATH_MAX];
	struct gpu_type *more;
	struct dirent **list;
	int i, count, ret = n;

	snprintf(path, sizeof(path), PARENTS "/%s/mdev_supported_types", gpu);
	count = entries(path, &list);
	if (count < 0)
		return count;
	for (i = 0; i < count && ret >= 0; i++) {
		more = grow(*types, ret, sizeof(*more));
		if (!more) {
			ret = -ENOMEM;
			break;
		}
		*types = more;
		n = read_type(&more[ret], gpu, list[i]->d_name);
		ret = n ? n : ret + 1;
	}
	free_entries(list, count);
	return ret;
}

/* By GPU, the largest first. */
static int compare_types(const void *a, const void *b)
{
	const struct gpu_type *s = a, *t = b;
	int order = strcmp(s->gpu, t->gpu);

	if (order)
		return order;
	return s->memory < t->memory ? 1 : s->memory > t->memory ? -1 : 0;
}

int sysfs_types(struct gpu_type **types)
{
	char path[PATH_MAX];
	struct dirent **list;
	int i, count, ret = 0;

	*types = NULL;
	count = entries(PARENTS, &list);
	if (count < 0)
		return count;
	for (i = 0; i < count && ret >= 0; i++) {
		snprintf(path, sizeof(path), PARENTS "/%s", list[i]->d_name);
		if (has_driver(path, "vgpu"))
			ret = gpu_types(list[i]->d_name, types, ret);
	}
	free_entries(list, count);
	if (ret < 0) {
		free(*types);
		*types = NULL;
	} else if (ret) {
		qsort(*types, (size_t)ret, sizeof(**types), compare_types);
	}
	return ret;
}

/* The name of the directory that it lies in. */
static int read_parent(char *name, size_t bytes, const char *path)
{
	char real[PATH_MAX];

	if (!realpath(path, real))
		return -errno;
	*strrchr(real, '/') = 0;
	copy_name(name, bytes, base_name(real));
	return 0;
}

static int read_instance(struct instance *in, const char *path, const char *uuid)
{
	const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{ "vram_bytes", &in->vram_bytes },
		{ "vram_limit", &in->vram_limit },
		{ "vram_used", &in->vram_used },
		{ "weight", &in->weight },
		{ "priority", &in->priority },
		{ "cap", &in->cap },
		{ "busy_ns", &in->busy_ns },
		{ "commands", &in->commands },
		{ "failed", &in->failed },
		{ "pid", &in->pid },
	};
	size_t i;
	int ret;

	copy_name(in->uuid, sizeof(in->uuid), uuid);
	ret = read_parent(in->gpu, sizeof(in->gpu), path);
	if (!ret)
		ret = read_link(in->type, sizeof(in->type), path, "mdev_type");
	if (!ret)
		ret = read_line(in->engine, sizeof(in->engine), "%s/engine",
				path);
	for (i = 0; i < ARRAY_SIZE(numbers) && !ret; i++)
		ret = read_number(numbers[i].value, path, numbers[i].name);
	return ret;
}

int sysfs_instances(struct instance **instances)
{
	char path[PATH_MAX];
	struct instance *more;
	struct dirent **list;
	int i, count, n = 0, ret = 0;

	*instances = NULL;
	count = entries(INSTANCES, &list);
	if (count < 0)
		return count;
	for (i = 0; i < count && !ret; i++) {
		snprintf(path, sizeof(path), INSTANCES "/%s", list[i]->d_name);
		if (!has_driver(path, "vgpu_mdev"))
			continue;
		more = grow(*instances, n, sizeof(*more));
		if (!more) {
			ret = -ENOMEM;
			break;
		}
		*instances = more;
		ret = read_instance(&more[n], path, list[i]->d_name);
		/* One that has gone meanwhile is none. */
		if (ret == -ENOENT || ret == -ENODEV)
			ret = 0;
		else
			n++;
	}
	free_entries(list, count);
	if (!ret)
		return n;
	free(*instances);
	*instances = NULL;
	return ret;
}

int sysfs_create(const struct gpu_type *type, const char *uuid)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path),
		 PARENTS "/%s/mdev_supported_types/%s/create", type->gpu,
		 type->name);
	return write_line(path, uuid);
}

int sysfs_set(const char *uuid, const char *attr, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), INSTANCES "/%s/%s", uuid, attr);
	return write_line(path, value);
}

int sysfs_remove(const char *uuid)
{
	return sysfs_set(uuid, "remove", "1");
}

int sysfs_new_uuid(char *uuid)
{
	return read_line(uuid, UUID_BYTES, "/proc/sys/kernel/random/uuid");
}
