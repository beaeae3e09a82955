// SPDX-License-Identifier: MIT
/*
 * The backend passthrough: a function as VFIO has it, that is its regions, its
 * interrupts, and the memory of this process that it may reach.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "passthrough.h"

/* Without a virtual IOMMU that knows better: what most of them can do. */
#define VGPU_IOVA_FIRST		(4ull << 30)
#define VGPU_IOVA_END		(1ull << 39)
/* Room for what the kernel says of an IOMMU or a region. */
#define VGPU_VFIO_INFO_BYTES	4096u

static int real_open(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC);
}

static int real_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

static void *real_mmap(size_t bytes, int fd, off_t offset)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    offset);
}

static int real_write_file(const char *path, const char *text)
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

static const struct vgpu_vfio_calls real_calls = {
	.root = "",
	.find = vgpu_functions_find,
	.open = real_open,
	.close = close,
	.ioctl = real_ioctl,
	.pread = pread,
	.pwrite = pwrite,
	.mmap = real_mmap,
	.munmap = munmap,
	.write_file = real_write_file,
};

const struct vgpu_vfio_calls *vgpu_vfio_calls = &real_calls;

int vgpu_vfio_call(int fd, unsigned long request, void *arg)
{
	int ret = vgpu_vfio_calls->ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/* A capability of an info that has room for VGPU_VFIO_INFO_BYTES, or NULL. */
static const void *capability(const void *info, uint32_t offset, uint16_t id)
{
	const struct vfio_info_cap_header *h;

	while (offset && offset <= VGPU_VFIO_INFO_BYTES - sizeof(*h)) {
		h = (const void *)((const char *)info + offset);
		if (h->id == id)
			return h;
		offset = h->next;
	}
	return NULL;
}

/* Memory. */

/* The longest range of addresses that the IOMMU knows. */
static void iova_range(struct vgpu_vfio *v, uint64_t *first, uint64_t *end)
{
	union {
		struct vfio_iommu_type1_info info;
		char room[VGPU_VFIO_INFO_BYTES];
	} u = { .info = { .argsz = sizeof(u) } };
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	uint64_t best = 0;
	uint32_t i;

	*first = VGPU_IOVA_FIRST;
	*end = VGPU_IOVA_END;
	if (vgpu_vfio_call(v->container, VFIO_IOMMU_GET_INFO, &u) ||
	    !(u.info.flags & VFIO_IOMMU_INFO_CAPS))
		return;
	cap = capability(&u, u.info.cap_offset,
			 VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	for (i = 0; cap && i < cap->nr_iovas; i++) {
		uint64_t from = max_t(uint64_t, cap->iova_ranges[i].start,
				      VGPU_PAGE_BYTES);
		uint64_t to = min_t(uint64_t, cap->iova_ranges[i].end,
				    INT64_MAX);

		if (to < from || to - from <= best)
			continue;
		best = to - from;
		*first = from;
		*end = to + 1;
	}
}

/* Whole pages, which the device sees at @iova then. */
int vgpu_vfio_map(struct vgpu_vfio *v, void *p, uint64_t bytes, uint64_t *iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)p,
		.size = bytes,
	};
	int ret;

	pthread_mutex_lock(&v->lock);
	ret = vgpu_iova_take(&v->iova, bytes, iova);
	pthread_mutex_unlock(&v->lock);
	if (ret)
		return ret;
	map.iova = *iova;
	ret = vgpu_vfio_call(v->container, VFIO_IOMMU_MAP_DMA, &map);
	if (!ret)
		return 0;
	pthread_mutex_lock(&v->lock);
	vgpu_iova_give(&v->iova, *iova);
	pthread_mutex_unlock(&v->lock);
	/* As far as the kernel pins now, RLIMIT_MEMLOCK is what is short. */
	return ret == -ENOMEM ? -ENOSPC : ret;
}

/* When it returns, the device does not reach that memory any more. */
void vgpu_vfio_unmap(struct vgpu_vfio *v, uint64_t iova, uint64_t bytes)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = bytes,
	};

	vgpu_vfio_call(v->container, VFIO_IOMMU_UNMAP_DMA, &unmap);
	pthread_mutex_lock(&v->lock);
	vgpu_iova_give(&v->iova, iova);
	pthread_mutex_unlock(&v->lock);
}

/* Registers. */

static uint32_t *bar0_word(struct vgpu_vfio *v, uint32_t offset)
{
	return (uint32_t *)((char *)v->bar0.map + offset);
}

uint32_t vgpu_vfio_read(struct vgpu_vfio *v, uint32_t offset)
{
	uint32_t value = ~0u;

	if (v->bar0.map)
		return READ_ONCE(*bar0_word(v, offset));
	if (vgpu_vfio_calls->pread(v->device, &value, sizeof(value),
				   (off_t)(v->bar0.at + offset)) !=
	    sizeof(value))
		return ~0u;
	return value;
}

/* A pair of registers, the lower one first. */
uint64_t vgpu_vfio_read8(struct vgpu_vfio *v, uint32_t offset)
{
	uint64_t low = vgpu_vfio_read(v, offset);

	return low | (uint64_t)vgpu_vfio_read(v, offset + 4) << 32;
}

void vgpu_vfio_write(struct vgpu_vfio *v, uint32_t offset, uint32_t value)
{
	if (v->bar0.map) {
		/* Behind a doorbell there is what was written to memory before. */
		vgpu_store_release(bar0_word(v, offset), value);
		return;
	}
	/* A device that has gone hears of nothing. */
	if (vgpu_vfio_calls->pwrite(v->device, &value, sizeof(value),
				    (off_t)(v->bar0.at + offset)) < 0)
		return;
}

/* Opening. */

/* Map a region as far as it can be, from its start on. */
static int region_map(struct vgpu_vfio *v, struct vgpu_vfio_region *r,
		      const struct vfio_region_info *info)
{
	const struct vfio_region_info_cap_sparse_mmap *sparse = NULL;

	r->mapped = r->bytes;
	if (info->flags & VFIO_REGION_INFO_FLAG_CAPS)
		sparse = capability(info, info->cap_offset,
				    VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	if (sparse)
		r->mapped = sparse->nr_areas && !sparse->areas[0].offset ?
			    sparse->areas[0].size : 0;
	if (!r->mapped)
		return -EOPNOTSUPP;
	r->map = vgpu_vfio_calls->mmap(r->mapped, v->device, (off_t)r->at);
	if (r->map != MAP_FAILED)
		return 0;
	r->map = NULL;
	return -errno;
}

static int region_open(struct vgpu_vfio *v, uint32_t index,
		       struct vgpu_vfio_region *r)
{
	union {
		struct vfio_region_info info;
		char room[VGPU_VFIO_INFO_BYTES];
	} u = { .info = { .argsz = sizeof(u), .index = index } };
	int ret;

	ret = vgpu_vfio_call(v->device, VFIO_DEVICE_GET_REGION_INFO, &u);
	if (ret)
		return ret;
	r->at = u.info.offset;
	r->bytes = u.info.size;
	if (!(u.info.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;
	return region_map(v, r, &u.info);
}

static void region_close(struct vgpu_vfio_region *r)
{
	if (r->map)
		vgpu_vfio_calls->munmap(r->map, r->mapped);
}

/* Memory accesses of both kinds, and with them messages. */
static int bus_master(struct vgpu_vfio *v)
{
	const off_t at = (off_t)v->config.at + PCI_COMMAND;
	uint16_t command;

	if (vgpu_vfio_calls->pread(v->device, &command, 2, at) != 2)
		return -EIO;
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (vgpu_vfio_calls->pwrite(v->device, &command, 2, at) != 2)
		return -EIO;
	return 0;
}

/* All vectors to one eventfd. */
static int connect_vectors(struct vgpu_vfio *v)
{
	union {
		struct vfio_irq_set set;
		char bytes[sizeof(struct vfio_irq_set) +
			   VGPU_MSIX_VECTORS * sizeof(int32_t)];
	} u = {
		.set = {
			.argsz = sizeof(u),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSIX_IRQ_INDEX,
			.count = VGPU_MSIX_VECTORS,
		},
	};
	uint32_t i;

	for (i = 0; i < VGPU_MSIX_VECTORS; i++)
		memcpy(u.set.data + i * sizeof(v->irq_fd), &v->irq_fd,
		       sizeof(v->irq_fd));
	return vgpu_vfio_call(v->device, VFIO_DEVICE_SET_IRQS, &u);
}

static int open_regions(struct vgpu_vfio *v)
{
	int ret;

	ret = region_open(v, VFIO_PCI_CONFIG_REGION_INDEX, &v->config);
	if (!ret)
		ret = region_open(v, VFIO_PCI_BAR0_REGION_INDEX, &v->bar0);
	if (!ret)
		ret = region_open(v, VFIO_PCI_BAR2_REGION_INDEX, &v->vram);
	if (!ret)
		ret = bus_master(v);
	if (!ret && (!v->vram.map || v->bar0.bytes < VGPU_BAR0_BYTES ||
		     (v->bar0.map && v->bar0.mapped < VGPU_BAR0_BYTES)))
		ret = -EPROTO;
	if (!ret && vgpu_vfio_read(v, VGPU_REG_ID) != VGPU_ID)
		ret = -EPROTO;
	return ret;
}

static int open_node(const char *name, struct vgpu_message *msg)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/dev/vfio/%s", vgpu_vfio_calls->root,
		 name);
	fd = vgpu_vfio_calls->open(path, O_RDWR);
	if (fd >= 0)
		return fd;
	switch (errno) {
	case EACCES:
	case EPERM:
		return vgpu_message_set(msg, -EACCES,
					"backend passthrough: no permission to open %s",
					path);
	case EBUSY:
		return vgpu_message_set(msg, -EBUSY,
					"backend passthrough: the function of %s is in use, by a virtual machine perhaps",
					path);
	case ENOENT:
	case ENODEV:
		return vgpu_message_set(msg, -ENODEV,
					"backend passthrough: there is no %s: modprobe vfio_iommu_type1",
					path);
	default:
		return vgpu_message_set(msg, -errno,
					"backend passthrough: cannot open %s: %s",
					path, strerror(errno));
	}
}

/* A container of its own, with the group of the function in it. */
static int open_container(struct vgpu_vfio *v, const struct vgpu_function *f,
			  struct vgpu_message *msg)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	uint64_t first, end;
	int ret;

	v->container = open_node("vfio", msg);
	if (v->container < 0)
		return v->container;
	v->group = open_node(f->group, msg);
	if (v->group < 0)
		return v->group;
	ret = vgpu_vfio_call(v->group, VFIO_GROUP_GET_STATUS, &status);
	if (!ret && !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return vgpu_message_set(msg, -EBUSY,
					"backend passthrough: group %s of %s is not viable: vgpuctl passthrough show %s says what keeps it",
					f->group, f->name, f->name);
	if (!ret)
		ret = vgpu_vfio_call(v->group, VFIO_GROUP_SET_CONTAINER, &v->container);
	if (!ret)
		ret = vgpu_vfio_call(v->container, VFIO_SET_IOMMU,
			   (void *)VFIO_TYPE1v2_IOMMU);
	if (ret)
		return vgpu_message_set(msg, ret,
					"backend passthrough: no IOMMU for group %s: %s",
					f->group, strerror(-ret));
	iova_range(v, &first, &end);
	vgpu_iova_init(&v->iova, first, end);
	return 0;
}

/* Its file, and nothing more. */
int vgpu_vfio_attach(struct vgpu_vfio *v, const struct vgpu_function *f,
		     struct vgpu_message *msg)
{
	int ret;

	memset(v, 0, sizeof(*v));
	v->container = -1;
	v->group = -1;
	v->device = -1;
	v->irq_fd = -1;
	pthread_mutex_init(&v->lock, NULL);
	ret = open_container(v, f, msg);
	if (!ret) {
		v->device = vgpu_vfio_call(v->group, VFIO_GROUP_GET_DEVICE_FD,
					   (void *)f->name);
		if (v->device < 0)
			ret = vgpu_message_set(msg, v->device,
					       "backend passthrough: cannot open %s: %s",
					       f->name, strerror(-v->device));
	}
	if (ret)
		vgpu_vfio_close(v);
	return ret;
}

static int open_device(struct vgpu_vfio *v, const struct vgpu_function *f,
		       struct vgpu_message *msg)
{
	int ret;

	ret = open_regions(v);
	if (ret == -EPROTO)
		return vgpu_message_set(msg, -EOPNOTSUPP,
					"backend passthrough: %s is not the function of a vGPU",
					f->name);
	v->irq_fd = eventfd(0, EFD_CLOEXEC);
	if (!ret && v->irq_fd < 0)
		ret = -errno;
	if (!ret)
		ret = connect_vectors(v);
	if (ret)
		return vgpu_message_set(msg, ret,
					"backend passthrough: cannot use %s: %s",
					f->name, strerror(-ret));
	return 0;
}

int vgpu_vfio_open(struct vgpu_vfio *v, const struct vgpu_function *f,
		   struct vgpu_message *msg)
{
	int ret;

	ret = vgpu_vfio_attach(v, f, msg);
	if (ret)
		return ret;
	ret = open_device(v, f, msg);
	if (ret)
		vgpu_vfio_close(v);
	return ret;
}

void vgpu_vfio_close(struct vgpu_vfio *v)
{
	region_close(&v->vram);
	region_close(&v->bar0);
	region_close(&v->config);
	if (v->device >= 0)
		vgpu_vfio_calls->close(v->device);
	if (v->group >= 0)
		vgpu_vfio_calls->close(v->group);
	if (v->container >= 0)
		vgpu_vfio_calls->close(v->container);
	if (v->irq_fd >= 0)
		close(v->irq_fd);
	vgpu_iova_fini(&v->iova);
	pthread_mutex_destroy(&v->lock);
}
