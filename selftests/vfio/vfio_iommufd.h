/* SPDX-License-Identifier: MIT */
/*
 * The calls of iommufd that a VMM needs, and those by which a VFIO device uses
 * it.  Debian 12's headers are from before that: what is used is written down
 * here.
 */
#ifndef VGPU_VFIO_IOMMUFD_H
#define VGPU_VFIO_IOMMUFD_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct iommufd_ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_ioas_id;
};

struct iommufd_ioas_map {
	uint32_t size;
	uint32_t flags;		/* fixed address, writable, readable */
	uint32_t ioas_id;
	uint32_t reserved;
	uint64_t user_va;
	uint64_t length;
	uint64_t iova;
};

struct iommufd_ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length;
};

struct iommufd_bind {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
};

struct iommufd_attach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
};

struct iommufd_detach {
	uint32_t argsz;
	uint32_t flags;
};

#define IOMMUFD_IOAS_ALLOC	_IO(';', 0x81)
#define IOMMUFD_IOAS_MAP	_IO(';', 0x85)
#define IOMMUFD_IOAS_UNMAP	_IO(';', 0x86)
#define IOMMUFD_VFIO_BIND	_IO(VFIO_TYPE, VFIO_BASE + 18)
#define IOMMUFD_VFIO_ATTACH	_IO(VFIO_TYPE, VFIO_BASE + 19)
#define IOMMUFD_VFIO_DETACH	_IO(VFIO_TYPE, VFIO_BASE + 20)

#define IOMMUFD_PATH		"/dev/iommu"

static inline int iommufd_ioas_alloc(int fd, uint32_t *ioas)
{
	struct iommufd_ioas_alloc args = { .size = sizeof(args) };

	if (ioctl(fd, IOMMUFD_IOAS_ALLOC, &args))
		return -errno;
	*ioas = args.out_ioas_id;
	return 0;
}

static inline int iommufd_map(int fd, uint32_t ioas, void *at, uint64_t iova,
			      uint64_t bytes)
{
	struct iommufd_ioas_map args = {
		.size = sizeof(args),
		.flags = 7,
		.ioas_id = ioas,
		.user_va = (uintptr_t)at,
		.length = bytes,
		.iova = iova,
	};

	return ioctl(fd, IOMMUFD_IOAS_MAP, &args) ? -errno : 0;
}

static inline int iommufd_unmap(int fd, uint32_t ioas, uint64_t iova,
				uint64_t bytes)
{
	struct iommufd_ioas_unmap args = {
		.size = sizeof(args),
		.ioas_id = ioas,
		.iova = iova,
		.length = bytes,
	};

	if (ioctl(fd, IOMMUFD_IOAS_UNMAP, &args))
		return -errno;
	return args.length == bytes ? 0 : -ERANGE;
}

/* The device of an instance, opened and bound: its file, or -errno. */
static inline int iommufd_open_device(const char *uuid, int iommufd)
{
	struct iommufd_bind bind = { .argsz = sizeof(bind), .iommufd = iommufd };
	char path[320];
	struct dirent *d;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/vfio-dev", uuid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	do {
		errno = ENODEV;
		d = readdir(dir);
	} while (d && d->d_name[0] == '.');
	fd = -errno;
	if (d) {
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", d->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	closedir(dir);
	if (fd >= 0 && ioctl(fd, IOMMUFD_VFIO_BIND, &bind)) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

static inline int iommufd_attach(int device, uint32_t ioas)
{
	struct iommufd_attach args = { .argsz = sizeof(args), .pt_id = ioas };

	return ioctl(device, IOMMUFD_VFIO_ATTACH, &args) ? -errno : 0;
}

static inline int iommufd_detach(int device)
{
	struct iommufd_detach args = { .argsz = sizeof(args) };

	return ioctl(device, IOMMUFD_VFIO_DETACH, &args) ? -errno : 0;
}

#endif /* VGPU_VFIO_IOMMUFD_H */
