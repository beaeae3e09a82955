// SPDX-License-Identifier: MIT
/*
 * Binding a PCI function to vfio-pci, and giving it back.
 *
 * What it was is written down before anything is changed, in a file that lives
 * until it has been given back: so whoever comes later, a process that was
 * killed in between included, can do that.  One lock serialises all of it.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "passthrough_pci.h"

#define STATE_DIR	"/run/vgpu/passthrough"
#define VFIO_PCI	"vfio-pci"

/* Where a failure is explained. */
struct say {
	char *message;
	size_t bytes;
};

static int __attribute__((format(printf, 3, 4)))
fail(const struct say *say, int error, const char *format, ...)
{
	va_list args;

	if (say->message && say->bytes) {
		va_start(args, format);
		vsnprintf(say->message, say->bytes, format, args);
		va_end(args);
	}
	return error;
}

/* What was. */

static void state_path(char path[VGPU_SYSFS_PATH], const char *address)
{
	snprintf(path, VGPU_SYSFS_PATH, "%s" STATE_DIR "/%.15s",
		 vgpu_vfio_calls->root, address);
}

static void take_line(const char **text, char *to, size_t bytes)
{
	size_t n = strcspn(*text, "\n");

	snprintf(to, bytes, "%.*s", (int)n, *text);
	*text += n + ((*text)[n] == '\n');
}

int vgpu_bind_state_read(const char *address, struct vgpu_bind_state *state)
{
	char path[VGPU_SYSFS_PATH], text[256];
	const char *at = text;

	state_path(path, address);
	if (vgpu_sysfs_read(path, text, sizeof(text)) < 0)
		return -ENOENT;
	take_line(&at, state->driver, sizeof(state->driver));
	take_line(&at, state->override, sizeof(state->override));
	return 0;
}

/* Under another name first: it is there as a whole or not at all. */
static int state_write(const char *address, const struct vgpu_bind_state *state)
{
	char path[VGPU_SYSFS_PATH], new[VGPU_SYSFS_PATH + 8];
	FILE *f;
	int ret = 0;

	state_path(path, address);
	snprintf(new, sizeof(new), "%s.new", path);
	f = fopen(new, "we");
	if (!f)
		return -errno;
	if (fprintf(f, "%s\n%s\n", state->driver, state->override) < 0)
		ret = -EIO;
	if (fclose(f) || (!ret && rename(new, path)))
		ret = -errno;
	return ret;
}

static void state_remove(const char *address)
{
	char path[VGPU_SYSFS_PATH];

	state_path(path, address);
	unlink(path);
}

/* The lock of all that bind: an fd to be closed, or an error. */
static int lock(void)
{
	static const char *const dirs[] = { "/run/vgpu", STATE_DIR };
	char path[VGPU_SYSFS_PATH];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s%s", vgpu_vfio_calls->root,
			 dirs[i]);
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX)) {
		if (errno != EINTR) {
			close(fd);
			return -EIO;
		}
	}
	return fd;
}

/* What is. */

static int set(const char *address, const char *file, const char *text)
{
	char path[VGPU_SYSFS_PATH];

	vgpu_sysfs_path(path, "pci", address, file);
	return vgpu_vfio_calls->write_file(path, text);
}

static bool is_bound(const char *address, const char *driver)
{
	char name[VGPU_PASSTHROUGH_NAME_BYTES];

	vgpu_sysfs_link("pci", address, "driver", name, sizeof(name));
	return !strcmp(name, driver);
}

static bool has_driver(const char *driver)
{
	char path[VGPU_SYSFS_PATH];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/drivers/%.31s",
		 vgpu_vfio_calls->root, driver);
	return !access(path, F_OK);
}

static int bus_write(const char *file, const char *text)
{
	char path[VGPU_SYSFS_PATH];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/%.64s",
		 vgpu_vfio_calls->root, file);
	return vgpu_vfio_calls->write_file(path, text);
}

/*
 * From what it is bound to, to @driver; empty: to none.  @override is what the
 * function is left with.
 */
static int rebind(const char *address, const char *driver, const char *override)
{
	char file[64], line[VGPU_PASSTHROUGH_NAME_BYTES + 1];
	int ret;

	snprintf(line, sizeof(line), "%s\n", override);
	ret = set(address, "driver_override", line);
	if (ret)
		return ret;
	if (is_bound(address, driver))
		return 0;
	ret = set(address, "driver/unbind", address);
	/* It had none, or somebody else was faster. */
	if (ret && ret != -ENOENT && ret != -ENODEV)
		return ret;
	if (!driver[0])
		return 0;
	snprintf(file, sizeof(file), "drivers/%.31s/bind", driver);
	ret = bus_write(file, address);
	return is_bound(address, driver) ? 0 : ret ? ret : -EIO;
}

/* Whether a process has a node open: its id, or 0. */
static int opened_in(int proc, const char *pid, const char *node)
{
	char path[64], target[VGPU_SYSFS_PATH];
	struct dirent *e;
	int fd, found = 0;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "%.16s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (!found && (e = readdir(d))) {
		n = readlinkat(fd, e->d_name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = 0;
		if (!strcmp(target, node))
			found = atoi(pid);
	}
	closedir(d);
	return found;
}

/* Who has a node open: a process's id, or 0. */
static int opened_by(const char *node)
{
	char path[VGPU_SYSFS_PATH];
	struct dirent *e;
	int found = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/proc", vgpu_vfio_calls->root);
	d = opendir(path);
	if (!d)
		return 0;
	while (!found && (e = readdir(d))) {
		if (isdigit((unsigned char)e->d_name[0]))
			found = opened_in(dirfd(d), e->d_name, node);
	}
	closedir(d);
	return found;
}

/* All its nodes, that for displays too. */
static int in_use(const struct vgpu_passthrough_info *info,
		  const struct say *say)
{
	char path[VGPU_SYSFS_PATH], node[64];
	struct dirent *e;
	int pid = 0;
	DIR *d;

	if (info->console)
		return fail(say, -EBUSY,
			    "%s drives the boot console: --force takes it away",
			    info->address);
	vgpu_sysfs_path(path, "pci", info->address, "drm");
	d = opendir(path);
	if (!d)
		return 0;
	while (!pid && (e = readdir(d))) {
		snprintf(node, sizeof(node), "/dev/dri/%.31s", e->d_name);
		pid = opened_by(node);
		if (pid)
			fail(say, -EBUSY,
			     "process %d has %s of %s open: end it, or --force takes the GPU away",
			     pid, node, info->address);
	}
	closedir(d);
	return pid ? -EBUSY : 0;
}

/* Why a function cannot be prepared. */
static int check(const struct vgpu_passthrough_info *info, uint32_t flags,
		 const struct say *say)
{
	if (vgpu_pci_is_bridge(info))
		return fail(say, -EOPNOTSUPP,
			    "%s is a bridge, which is not handed over",
			    info->address);
	if (!info->group[0])
		return fail(say, -ENODEV, "%s: %s", info->address,
			    info->reason);
	if (!has_driver(VFIO_PCI))
		return fail(say, -ENODEV,
			    "there is no driver vfio-pci: modprobe vfio-pci");
	return flags & VGPU_PASSTHROUGH_FORCE ? 0 : in_use(info, say);
}

static int failed(const struct say *say, const char *address,
		  const char *driver, int error)
{
	if (error == -EACCES || error == -EPERM)
		return fail(say, -EACCES,
			    "no permission to bind %s: root may", address);
	return fail(say, -EIO, "%s cannot be bound to %s: %s", address,
		    driver[0] ? driver : "no driver", strerror(-error));
}

static int prepare(const struct vgpu_passthrough_info *info,
		   const struct say *say)
{
	struct vgpu_bind_state state;
	char path[VGPU_SYSFS_PATH];
	int ret;

	/* What a preparation that was broken off has written stays true. */
	if (vgpu_bind_state_read(info->address, &state)) {
		memcpy(state.driver, info->driver, sizeof(state.driver));
		vgpu_sysfs_path(path, "pci", info->address, "driver_override");
		vgpu_sysfs_read(path, state.override,
				   sizeof(state.override));
		if (!strcmp(state.override, "(null)"))
			state.override[0] = 0;
		ret = state_write(info->address, &state);
		if (ret)
			return failed(say, info->address, VFIO_PCI, ret);
	}
	ret = rebind(info->address, VFIO_PCI, VFIO_PCI);
	if (!ret)
		return 0;
	failed(say, info->address, VFIO_PCI, ret);
	if (!rebind(info->address, state.driver, state.override))
		state_remove(info->address);
	return ret == -EACCES || ret == -EPERM ? -EACCES : -EIO;
}

/* With the lock: what a function is now. */
static int look(const char *address, struct vgpu_passthrough_info *info,
		const struct say *say)
{
	int ret;

	info->size = sizeof(*info);
	ret = vgpu_passthrough_get(address, info);
	if (ret == -EINVAL)
		return fail(say, ret,
			    "\"%.32s\" is no PCI address such as 0000:01:00.0",
			    address);
	if (ret)
		return fail(say, ret, "there is no PCI function %s", address);
	return 0;
}

int vgpu_passthrough_prepare(const char *address, uint32_t flags, char *message,
			     size_t bytes)
{
	const struct say say = { message, bytes };
	struct vgpu_passthrough_info info;
	int fd, ret;

	if (flags & ~VGPU_PASSTHROUGH_FORCE)
		return fail(&say, -EINVAL, "unknown flags 0x%x", flags);
	ret = look(address, &info, &say);
	if (ret || !strcmp(info.driver, VFIO_PCI))
		return ret;
	fd = lock();
	if (fd < 0)
		return failed(&say, address, VFIO_PCI, fd);
	ret = look(address, &info, &say);
	if (!ret && strcmp(info.driver, VFIO_PCI)) {
		ret = check(&info, flags, &say);
		if (!ret)
			ret = prepare(&info, &say);
	}
	close(fd);
	return ret;
}

/* The kernel would wait for the end of a virtual machine that has it. */
static int vm_has_it(const struct vgpu_passthrough_info *info,
		     const struct say *say)
{
	char node[64];
	int pid;

	if (strcmp(info->driver, VFIO_PCI))
		return 0;
	snprintf(node, sizeof(node), "/dev/vfio/%.31s", info->group);
	pid = opened_by(node);
	return pid ? fail(say, -EBUSY,
			  "process %d has %s, the group of %s, open: end it first",
			  pid, node, info->address) : 0;
}

static int restore(const struct vgpu_passthrough_info *info,
		   const struct say *say)
{
	struct vgpu_bind_state state;
	int ret;

	if (vgpu_bind_state_read(info->address, &state))
		return 0;
	ret = vm_has_it(info, say);
	if (ret)
		return ret;
	/* Somebody else's binding is left alone. */
	if (info->driver[0] && strcmp(info->driver, VFIO_PCI) &&
	    strcmp(info->driver, state.driver))
		return fail(say, -EBUSY,
			    "%s is bound to %s, which was not done by prepare: unbind it first",
			    info->address, info->driver);
	if (state.driver[0] && !has_driver(state.driver))
		return fail(say, -ENODEV,
			    "%s had driver %s, which is not loaded: modprobe it, and try again",
			    info->address, state.driver);
	ret = rebind(info->address, state.driver, state.override);
	if (ret)
		return failed(say, info->address, state.driver, ret);
	state_remove(info->address);
	return 0;
}

int vgpu_passthrough_restore(const char *address, char *message, size_t bytes)
{
	const struct say say = { message, bytes };
	struct vgpu_passthrough_info info;
	int fd, ret;

	ret = look(address, &info, &say);
	if (ret || !info.prepared)
		return ret;
	fd = lock();
	if (fd < 0)
		return failed(&say, address, info.previous, fd);
	ret = look(address, &info, &say);
	if (!ret)
		ret = restore(&info, &say);
	close(fd);
	return ret;
}
