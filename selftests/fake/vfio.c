// SPDX-License-Identifier: MIT
/*
 * The stand-in for VFIO: containers, groups with a function each, and the calls.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include "passthrough.h"
#include "vfio.h"
#include "vfio_device.h"

#define FAKE_FDS		1024
#define FAKE_REGION_SHIFT	40

enum { FAKE_NONE, FAKE_CONTAINER, FAKE_GROUP, FAKE_DEVICE };

/* What a descriptor is: a group has no device before it has a container. */
static struct {
	int kind;
	unsigned int mib;
	struct fake_device *d;
} fds[FAKE_FDS];
static pthread_mutex_t fds_lock = PTHREAD_MUTEX_INITIALIZER;

static const unsigned int sizes[] = { 1, 16, 64 };

struct fake_vfio fake_vfio;

static int fail(int error)
{
	errno = error;
	return -1;
}

/* A call that may fail: whether it does. */
static bool fails(void)
{
	unsigned int n = __atomic_add_fetch(&fake_vfio.calls, 1,
					    __ATOMIC_RELAXED);

	if (n != fake_vfio.fail)
		return false;
	errno = fake_vfio.error;
	return true;
}

static int new_fd(int kind, unsigned int mib, struct fake_device *d)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || fd >= FAKE_FDS)
		return fail(EMFILE);
	fds[fd].kind = kind;
	fds[fd].mib = mib;
	fds[fd].d = d;
	return fd;
}

static int open_container(void)
{
	struct fake_device *d = calloc(1, sizeof(*d));

	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->cond, NULL);
	return new_fd(FAKE_CONTAINER, 0, d);
}

static int open_group(unsigned int mib)
{
	int i;

	for (i = 0; i < FAKE_FDS; i++)
		if (fds[i].kind == FAKE_GROUP && fds[i].mib == mib)
			return fail(EBUSY);
	return new_fd(FAKE_GROUP, mib, NULL);
}

static int fake_open(const char *path, int flags)
{
	unsigned int mib;
	int fd;

	(void)flags;
	if (fails())
		return -1;
	pthread_mutex_lock(&fds_lock);
	if (!strcmp(path, "/dev/vfio/vfio"))
		fd = open_container();
	else if (sscanf(path, "/dev/vfio/%u", &mib) == 1)
		fd = open_group(mib);
	else
		fd = fail(ENOENT);
	pthread_mutex_unlock(&fds_lock);
	return fd;
}

static int fake_close(int fd)
{
	struct fake_device *d = fds[fd].d;

	if (fds[fd].kind == FAKE_DEVICE)
		fake_device_stop(d);
	if (fds[fd].kind == FAKE_CONTAINER) {
		free(d->dma);
		pthread_cond_destroy(&d->cond);
		pthread_mutex_destroy(&d->lock);
		free(d);
	}
	pthread_mutex_lock(&fds_lock);
	fds[fd].kind = FAKE_NONE;
	pthread_mutex_unlock(&fds_lock);
	return close(fd);
}

static int get_device(int fd)
{
	struct fake_device *d = fds[fd].d;
	int ret = fake_device_start(d, (u64)fds[fd].mib << 20);

	if (ret)
		return fail(-ret);
	pthread_mutex_lock(&fds_lock);
	ret = new_fd(FAKE_DEVICE, fds[fd].mib, d);
	pthread_mutex_unlock(&fds_lock);
	return ret;
}

static int region_info(const struct fake_device *d,
		       struct vfio_region_info *info)
{
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info->offset = (u64)info->index << FAKE_REGION_SHIFT;
	switch (info->index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		info->size = 4096;
		return 0;
	case VFIO_PCI_BAR0_REGION_INDEX:
		info->size = VGPU_BAR0_BYTES;
		return 0;
	case VFIO_PCI_BAR2_REGION_INDEX:
		info->size = d->vram_bytes;
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
		return 0;
	default:
		return fail(EINVAL);
	}
}

static int irq_info(struct vfio_irq_info *info)
{
	info->count = info->index == VFIO_PCI_MSIX_IRQ_INDEX ?
		      VGPU_MSIX_VECTORS : 0;
	return 0;
}

static int device_reset(struct fake_device *d)
{
	pthread_mutex_lock(&d->lock);
	vgpu_model_reset(d->m);
	pthread_cond_signal(&d->cond);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static int set_irqs(struct fake_device *d, const struct vfio_irq_set *set)
{
	if (set->index != VFIO_PCI_MSIX_IRQ_INDEX || set->start ||
	    set->count != VGPU_MSIX_VECTORS)
		return fail(EINVAL);
	pthread_mutex_lock(&d->lock);
	memcpy(d->irq_fds, set->data, sizeof(d->irq_fds));
	vgpu_model_vectors(d->m, ~0u);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static int dma_map(struct fake_device *d,
		   const struct vfio_iommu_type1_dma_map *map)
{
	int ret;

	pthread_mutex_lock(&d->lock);
	ret = fake_device_map(d, map->iova, map->size,
			      (char *)(uintptr_t)map->vaddr);
	pthread_mutex_unlock(&d->lock);
	return ret ? fail(-ret) : 0;
}

static int dma_unmap(struct fake_device *d,
		     const struct vfio_iommu_type1_dma_unmap *unmap)
{
	int ret;

	pthread_mutex_lock(&d->lock);
	ret = fake_device_unmap(d, unmap->iova, unmap->size);
	pthread_mutex_unlock(&d->lock);
	/* A VMM that unmaps what it has not mapped is wrong. */
	if (ret)
		abort();
	return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	struct fake_device *d = fds[fd].d;
	struct vfio_group_status *status = arg;

	/* To unmap what is mapped cannot fail. */
	if (request != VFIO_IOMMU_UNMAP_DMA && fails())
		return -1;
	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		status->flags = VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		fds[fd].d = fds[*(int *)arg].d;
		return 0;
	case VFIO_SET_IOMMU:
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		return get_device(fd);
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(d, arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return irq_info(arg);
	case VFIO_DEVICE_RESET:
		return device_reset(d);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(d, arg);
	case VFIO_IOMMU_MAP_DMA:
		return dma_map(d, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return dma_unmap(d, arg);
	default:
		return fail(ENOTTY);
	}
}

static ssize_t fake_pread(int fd, void *to, size_t bytes, off_t offset)
{
	u64 at = (u64)offset & ((1ull << FAKE_REGION_SHIFT) - 1), value;
	struct fake_device *d = fds[fd].d;

	pthread_mutex_lock(&d->lock);
	if (offset >> FAKE_REGION_SHIFT == VFIO_PCI_CONFIG_REGION_INDEX)
		value = vgpu_model_config_read(d->m, (u32)at, (u32)bytes);
	else
		value = vgpu_model_bar0_read(d->m, at, (u32)bytes,
					     vgpu_now_ns());
	pthread_mutex_unlock(&d->lock);
	memcpy(to, &value, bytes);
	return (ssize_t)bytes;
}

static ssize_t fake_pwrite(int fd, const void *from, size_t bytes, off_t offset)
{
	u64 at = (u64)offset & ((1ull << FAKE_REGION_SHIFT) - 1), value = 0;
	struct fake_device *d = fds[fd].d;

	memcpy(&value, from, bytes);
	pthread_mutex_lock(&d->lock);
	if (offset >> FAKE_REGION_SHIFT == VFIO_PCI_CONFIG_REGION_INDEX)
		vgpu_model_config_write(d->m, (u32)at, (u32)bytes, (u32)value);
	else
		vgpu_model_bar0_write(d->m, at, (u32)bytes, value);
	pthread_cond_signal(&d->cond);
	pthread_mutex_unlock(&d->lock);
	return (ssize_t)bytes;
}

static void *fake_mmap(size_t bytes, int fd, off_t offset)
{
	(void)offset;
	if (fails())
		return MAP_FAILED;
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		    fds[fd].d->vram_fd, 0);
}

static int fake_find(struct vgpu_function **list, uint32_t *n)
{
	struct vgpu_function *f;
	size_t i;

	if (fails())
		return -errno;
	f = calloc(ARRAY_SIZE(sizes), sizeof(*f));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(f[i].name, sizeof(f[i].name), "fake-%u", sizes[i]);
		snprintf(f[i].group, sizeof(f[i].group), "%u", sizes[i]);
		snprintf(f[i].driver, sizeof(f[i].driver), "vfio-pci");
	}
	*list = f;
	*n = ARRAY_SIZE(sizes);
	return 0;
}

static const struct vgpu_vfio_calls fake_calls = {
	.root = "",
	.find = fake_find,
	.open = fake_open,
	.close = fake_close,
	.ioctl = fake_ioctl,
	.pread = fake_pread,
	.pwrite = fake_pwrite,
	.mmap = fake_mmap,
	.munmap = munmap,
};

void fake_vfio_install(void)
{
	vgpu_vfio_calls = &fake_calls;
}
