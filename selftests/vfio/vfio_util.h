/* SPDX-License-Identifier: MIT */
/*
 * A small VMM without a guest: an instance of its own, memory that it gives to
 * the device through VFIO, and a driver that does what one in a guest would do.
 */
#ifndef VGPU_VFIO_UTIL_H
#define VGPU_VFIO_UTIL_H

#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "../drm/drm_util.h"
#include "vfio_iommufd.h"
#include "vgpu_device.h"

#define VMM_UUID	"7e57ab1e-0000-4000-8000-0000000000%02x"
/* A test may want another one. */
#ifndef VMM_TYPE
#define VMM_TYPE	"vgpu-512m"
#define VMM_VRAM	(512 * MIB)
#endif
#define VMM_PARENT	"/sys/class/mdev_bus/7670:00:00.0/mdev_supported_types/"

/* Memory: what the driver needs, and behind it what comes and goes. */
#define VMM_BASE	0x40000000ull
#define VMM_ADMIN	0x0000u		/* admin queue */
#define VMM_LIST	0x8000u		/* a list of page addresses, one a thread */
#define VMM_RING	0x10000u
#define VMM_BUFFER	0x100000u	/* 8 MiB of data */
#define VMM_FIXED	(16 * MIB)
#define VMM_RAM		(64 * MIB)

#define VMM_ENTRIES	64u

/**
 * struct vmm - an instance, and its driver
 * @uuid: of the instance
 * @container: of type1, with @group; or -1
 * @iommufd: what is used instead, with @ioas; or -1
 * @events: what vectors 0 and 1 are connected to
 * @ram: memory, VMM_BASE as the device sees it
 * @lock: serialises the admin queue
 * @doorbells: of the ring, that were rung
 * @submitted: commands
 */
struct vmm {
	char uuid[40];
	int container;
	int group;
	int iommufd;
	uint32_t ioas;
	int device;
	int events[2];
	uint64_t at[VFIO_PCI_NUM_REGIONS];
	uint64_t size[VFIO_PCI_NUM_REGIONS];
	char *ram;
	pthread_mutex_t lock;
	struct vgpu_ring admin;
	struct vgpu_ring_reaper admin_reaper;
	uint64_t context;
	uint64_t ring;
	struct vgpu_ring view;
	struct vgpu_ring_reaper reaper;
	uint64_t poll_ns;
	uint64_t doorbells;
	uint64_t submitted;
};

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static inline int read_file(const char *path, char *text, size_t bytes)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, bytes - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = 0;
	return 0;
}

/* Memory that is pinned for this process, by type1 or iommufd, in KiB; or -1. */
static inline long locked_kib(void)
{
	char line[128];
	long kib, sum = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld", &kib) == 1 ||
		    sscanf(line, "VmPin: %ld", &kib) == 1)
			sum = sum < 0 ? kib : sum + kib;
	if (f)
		fclose(f);
	return sum;
}

static inline int instance_create(const char *type, const char *uuid)
{
	char path[256];

	snprintf(path, sizeof(path), VMM_PARENT "%s/create", type);
	return write_file(path, uuid);
}

static inline int instance_remove(const char *uuid)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/remove", uuid);
	return write_file(path, "1");
}

static inline int instances_available(const char *type)
{
	char path[256], text[32];

	snprintf(path, sizeof(path), VMM_PARENT "%s/available_instances", type);
	return read_file(path, text, sizeof(text)) ? -1 : atoi(text);
}

static inline int vmm_dma_map(struct vmm *v, uint64_t offset, uint64_t bytes)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)v->ram + offset,
		.iova = VMM_BASE + offset,
		.size = bytes,
	};

	if (v->iommufd >= 0)
		return iommufd_map(v->iommufd, v->ioas, v->ram + offset,
				   map.iova, bytes);
	return ioctl(v->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static inline int vmm_dma_unmap(struct vmm *v, uint64_t offset, uint64_t bytes)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = VMM_BASE + offset,
		.size = bytes,
	};

	if (v->iommufd >= 0)
		return iommufd_unmap(v->iommufd, v->ioas, unmap.iova, bytes);
	if (ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return -errno;
	return unmap.size == bytes ? 0 : -ERANGE;
}

static inline uint64_t vmm_read(struct vmm *v, uint32_t region, uint64_t offset,
				uint32_t bytes)
{
	uint64_t value = 0;

	if (pread(v->device, &value, bytes, v->at[region] + offset) != bytes)
		return 0xbad0bad0bad0bad0;
	return value;
}

static inline int vmm_write(struct vmm *v, uint32_t region, uint64_t offset,
			    uint64_t value, uint32_t bytes)
{
	return pwrite(v->device, &value, bytes, v->at[region] + offset) ==
	       bytes ? 0 : -errno;
}

static inline uint32_t vmm_reg(struct vmm *v, uint32_t offset)
{
	return vmm_read(v, VFIO_PCI_BAR0_REGION_INDEX, offset, 4);
}

static inline int vmm_set(struct vmm *v, uint32_t offset, uint32_t value)
{
	return vmm_write(v, VFIO_PCI_BAR0_REGION_INDEX, offset, value, 4);
}

static inline int vmm_irqs(struct vmm *v, uint32_t index, uint32_t start,
			   const int *fds, uint32_t n)
{
	char buf[sizeof(struct vfio_irq_set) + 32 * 4] = { 0 };
	struct vfio_irq_set *set = (struct vfio_irq_set *)buf;

	set->argsz = sizeof(*set) + n * 4;
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
		     (n ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
	set->index = index;
	set->start = start;
	set->count = n;
	if (n)
		memcpy(set->data, fds, n * 4);
	return ioctl(v->device, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
}

/* How often an event came, waiting for the first; 0: it did not. */
static inline uint64_t event_wait(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	if (poll(&p, 1, ms) == 1 && read(fd, &n, 8) != 8)
		n = 0;
	return n;
}

static inline void vmm_close_device(struct vmm *v)
{
	close(v->device);
	v->device = -1;
}

static inline int vmm_open_device(struct vmm *v)
{
	struct vfio_region_info info;
	uint32_t i;
	int ret;

	if (v->iommufd >= 0) {
		v->device = iommufd_open_device(v->uuid, v->iommufd);
		if (v->device < 0)
			return v->device;
		ret = iommufd_attach(v->device, v->ioas);
		if (ret)
			return ret;
	} else {
		v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, v->uuid);
		if (v->device < 0)
			return -errno;
	}
	for (i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		memset(&info, 0, sizeof(info));
		info.argsz = sizeof(info);
		info.index = i;
		if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &info))
			return -errno;
		v->at[i] = info.offset;
		v->size[i] = info.size;
	}
	return vmm_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, 0, v->events, 2);
}

static inline int vmm_open_group(struct vmm *v)
{
	char path[256], link[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/iommu_group",
		 v->uuid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	v->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	v->group = open(path, O_RDWR | O_CLOEXEC);
	if (v->container < 0 || v->group < 0)
		return -errno;
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container) ||
	    ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -errno;
	return 0;
}

/* Let go of the device, and of what it was opened by. */
static inline void vmm_let_go(struct vmm *v)
{
	int *fds[] = { &v->device, &v->group, &v->container, &v->iommufd };
	unsigned int i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* What VGPU_VFIO says: iommufd, or a container of type1. */
static inline int vmm_open_iommu(struct vmm *v)
{
	const char *how = getenv("VGPU_VFIO");

	if (!how || strcmp(how, "iommufd"))
		return vmm_open_group(v);
	v->iommufd = open(IOMMUFD_PATH, O_RDWR | O_CLOEXEC);
	return v->iommufd < 0 ? -errno :
				iommufd_ioas_alloc(v->iommufd, &v->ioas);
}

/* An instance of VMM_TYPE, opened, with memory. */
static inline int vmm_open(struct vmm *v, int number)
{
	int ret;

	memset(v, 0, sizeof(*v));
	v->container = v->group = v->iommufd = v->device = -1;
	snprintf(v->uuid, sizeof(v->uuid), VMM_UUID, number);
	pthread_mutex_init(&v->lock, NULL);
	/* It may be built in. */
	ret = system("modprobe vfio_iommu_type1 2>/dev/null");
	/* What a test has left that was broken off. */
	instance_remove(v->uuid);
	ret = instance_create(VMM_TYPE, v->uuid);
	if (ret)
		return ret;
	v->ram = mmap(NULL, VMM_RAM, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (v->ram == MAP_FAILED)
		return -ENOMEM;
	v->events[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	v->events[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = vmm_open_iommu(v);
	if (!ret)
		ret = vmm_dma_map(v, 0, VMM_FIXED);
	return ret ? ret : vmm_open_device(v);
}

static inline int vmm_close(struct vmm *v)
{
	vmm_let_go(v);
	close(v->events[0]);
	close(v->events[1]);
	munmap(v->ram, VMM_RAM);
	return instance_remove(v->uuid);
}

/* The driver.  */

static inline int vmm_enable(struct vmm *v)
{
	int i;

	vmm_set(v, VGPU_REG_ACCEPTED_LO, ~0u);
	vmm_write(v, VFIO_PCI_BAR0_REGION_INDEX, VGPU_REG_ADMIN_LO,
		  VMM_BASE + VMM_ADMIN, 8);
	vmm_set(v, VGPU_REG_ADMIN_ENTRIES, VMM_ENTRIES | VMM_ENTRIES << 16);
	vmm_set(v, VGPU_REG_CONTROL, VGPU_CONTROL_ENABLE);
	for (i = 0; i < 50 && vmm_reg(v, VGPU_REG_STATUS) & VGPU_STATUS_BUSY; i++)
		event_wait(v->events[0], 100);
	if (vmm_reg(v, VGPU_REG_STATUS) != VGPU_STATUS_ENABLED)
		return -EIO;
	vgpu_ring_attach(&v->admin, v->ram + VMM_ADMIN, VMM_ENTRIES, VMM_ENTRIES);
	vgpu_ring_reaper_init(&v->admin_reaper, &v->admin);
	return 0;
}

/* One admin command: its status. */
static inline int vmm_admin(struct vmm *v, uint16_t opcode, uint64_t r[2],
			    uint64_t a, uint64_t b, uint64_t c, uint64_t d,
			    uint64_t e, uint64_t f)
{
	struct vgpu_cmd cmd = { .opcode = opcode, .op = { a, b, c, d, e, f } };
	struct vgpu_admin_completion done = { .status = -ETIME };
	bool doorbell;
	int i;

	pthread_mutex_lock(&v->lock);
	if (!vgpu_ring_submit(&v->admin, &cmd, 1, 1, &doorbell)) {
		pthread_mutex_unlock(&v->lock);
		return -ENOBUFS;
	}
	if (doorbell)
		vmm_set(v, VGPU_REG_ADMIN_DOORBELL, 1);
	for (i = 0; i < 20; i++) {
		if (vgpu_ring_reap(&v->admin_reaper,
				   (struct vgpu_completion *)&done, 1))
			break;
		if (vgpu_ring_prepare_wait(&v->admin_reaper))
			event_wait(v->events[0], 1000);
	}
	if (vgpu_ring_reap_release(&v->admin_reaper))
		vmm_set(v, VGPU_REG_ADMIN_DOORBELL, 1);
	pthread_mutex_unlock(&v->lock);
	if (r) {
		r[0] = done.result[0];
		r[1] = done.result[1];
	}
	return done.status;
}

/* Make an object of memory at @offset; its pages in reverse with @reverse. */
static inline int vmm_system(struct vmm *v, uint64_t offset, uint64_t bytes,
			     uint32_t list, bool reverse, uint64_t *object)
{
	uint64_t r[2], i, k, n, pages = bytes / 4096;
	uint64_t *at = (uint64_t *)(v->ram + VMM_LIST + list * 4096);
	int ret;

	ret = vmm_admin(v, VGPU_ADMIN_SYSTEM_CREATE, r, bytes, 0, v->context, 0,
			0, 0);
	if (ret)
		return ret;
	*object = r[0];
	for (i = 0; i < pages && !ret; i += n) {
		n = pages - i < 512 ? pages - i : 512;
		for (k = 0; k < n; k++)
			at[k] = VMM_BASE + offset + 4096 *
				(reverse ? pages - 1 - i - k : i + k);
		ret = vmm_admin(v, VGPU_ADMIN_SYSTEM_PAGES, NULL, *object, i, n,
				VMM_BASE + VMM_LIST + list * 4096, 0, 0);
	}
	if (ret)
		vmm_admin(v, VGPU_ADMIN_OBJECT_DESTROY, NULL, *object, 0, 0, 0,
			  0, 0);
	return ret;
}

static inline int vmm_map(struct vmm *v, uint64_t object, uint64_t bytes,
			  uint64_t *address)
{
	uint64_t r[2];
	int ret = vmm_admin(v, VGPU_ADMIN_MAP, r, v->context, object, 0, 0,
			    bytes, VGPU_MAP_F_ANYWHERE);

	*address = r[0];
	return ret;
}

static inline int vmm_block(struct vmm *v, uint64_t bytes, uint64_t *offset,
			    uint64_t *address)
{
	uint64_t r[2];
	int ret = vmm_admin(v, VGPU_ADMIN_BLOCK_CREATE, r, bytes, 4096,
			    v->context, 0, 0, 0);

	*offset = r[1];
	return ret ? ret : vmm_map(v, r[0], bytes, address);
}

/* A context with a ring that runs, its memory at VMM_BASE + @offset. */
static inline int vmm_ring(struct vmm *v, uint64_t offset)
{
	const uint64_t bytes = (VGPU_RING_BYTES(VMM_ENTRIES, VMM_ENTRIES) +
				4095) & ~4095ull;
	uint64_t r[2], object;
	int ret;

	ret = vmm_admin(v, VGPU_ADMIN_CONTEXT_CREATE, r, 0, 0, 0, 0, 0, 0);
	if (ret)
		return ret;
	v->context = r[0];
	ret = vmm_system(v, offset, bytes, 0, false, &object);
	if (ret)
		return ret;
	ret = vmm_admin(v, VGPU_ADMIN_RING_CREATE, r, v->context, object,
			VMM_ENTRIES | (uint64_t)VMM_ENTRIES << 32,
			1ull << 32 | 1ull << 40, 0, v->poll_ns);
	if (ret)
		return ret;
	v->ring = r[0];
	vgpu_ring_attach(&v->view, v->ram + offset, VMM_ENTRIES, VMM_ENTRIES);
	vgpu_ring_reaper_init(&v->reaper, &v->view);
	return vmm_admin(v, VGPU_ADMIN_RING_CONTROL, NULL, v->ring,
			 VGPU_RING_START, 0, 0, 0, 0);
}

static inline void vmm_doorbell(struct vmm *v)
{
	v->doorbells++;
	vmm_set(v, VGPU_BAR0_DOORBELLS + (v->context & 0xffff) *
		   VGPU_DOORBELL_PAGE, v->ring);
}

static inline int vmm_submit(struct vmm *v, const struct vgpu_cmd *cmds,
			     uint32_t n)
{
	bool doorbell;

	if (!vgpu_ring_submit(&v->view, cmds, n, n, &doorbell))
		return -ENOBUFS;
	v->submitted += n;
	if (doorbell)
		vmm_doorbell(v);
	return 0;
}

/* Wait for a completion, by an interrupt. */
static inline int vmm_reap(struct vmm *v, struct vgpu_completion *done)
{
	int i, n = 0;

	for (i = 0; i < 100 && !n; i++) {
		n = vgpu_ring_reap(&v->reaper, done, 1);
		if (!n && vgpu_ring_prepare_wait(&v->reaper))
			event_wait(v->events[1], 200);
	}
	if (vgpu_ring_reap_release(&v->reaper))
		vmm_doorbell(v);
	return n ? 0 : -ETIME;
}

/* One command: its status. */
static inline int vmm_do(struct vmm *v, uint16_t opcode, uint64_t a, uint64_t b,
			 uint64_t c)
{
	struct vgpu_cmd cmd = { .opcode = opcode, .op = { a, b, c } };
	struct vgpu_completion done;
	int ret = vmm_submit(v, &cmd, 1);

	if (!ret)
		ret = vmm_reap(v, &done);
	return ret ? ret : done.status;
}

#endif /* VGPU_VFIO_UTIL_H */
