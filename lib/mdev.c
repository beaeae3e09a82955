// SPDX-License-Identifier: MIT
/*
 * The backend mdev: opening a client of vgpu.ko, what it is, what it has done,
 * registers and interrupts.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wait.h"
#include "mdev.h"

/* Kernels with those need an engine. */
#define VGPU_MDEV_ENGINE						\
	(VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL | VGPU_FEATURE_INT16 |	\
	 VGPU_FEATURE_INT64 | VGPU_FEATURE_FLOAT16 | VGPU_FEATURE_FLOAT64)

static int check_flags(const struct vgpu_device_options *o,
		       struct vgpu_message *msg)
{
	/*
	 * The kernel runs the device, and kernels run in another process, asked
	 * for or not: BACKGROUND and WORKER.
	 */
	if (o->flags & (VGPU_DEVICE_DISCRETE | VGPU_DEVICE_SHARED))
		return vgpu_message_set(msg, -EOPNOTSUPP,
					"backend mdev: where kernels have their memory is up to the engine of the GPU, which all its clients share: leave out %s",
					o->flags & VGPU_DEVICE_DISCRETE ?
						"DISCRETE" : "SHARED");
	return 0;
}

/* A size of VRAM of its own; else the kernel makes the device when it must. */
static int client_init(struct vgpu_mdev *d, uint64_t bytes,
		       struct vgpu_message *msg)
{
	struct drm_vgpu_client_init init = { .vram_bytes = bytes };
	struct drm_vgpu_memory memory = { 0 };
	int ret;

	if (!bytes)
		return 0;
	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_CLIENT_INIT, &init);
	if (ret != -EINVAL)
		return ret ? vgpu_message_set(msg, ret,
					      "backend mdev: no device with %llu bytes of memory: %s",
					      (unsigned long long)bytes,
					      strerror(-ret)) : 0;
	vgpu_mdev_query(d, DRM_VGPU_QUERY_MEMORY, &memory, sizeof(memory));
	return vgpu_message_set(msg, ret,
				"backend mdev: a device with %llu bytes of memory: must be a multiple of %u up to the %llu of the GPU",
				(unsigned long long)bytes, VGPU_PAGE_BYTES,
				(unsigned long long)memory.gpu_bytes);
}

static int map_page(struct vgpu_mdev *d, struct vgpu_message *msg)
{
	void *p;

	p = vgpu_mdev_calls->mmap(NULL, VGPU_PAGE_BYTES, PROT_READ, d->fd,
				  DRM_VGPU_MMAP_CLIENT);
	if (p == MAP_FAILED)
		return vgpu_message_set(msg, -errno,
					"backend mdev: the client page cannot be mapped: %s",
					strerror(errno));
	d->page = p;
	return 0;
}

/* What the node has, if it says so. */
static uint64_t node_features(struct vgpu_mdev *d)
{
	struct drm_vgpu_features features = { 0 };

	if (vgpu_mdev_query(d, DRM_VGPU_QUERY_FEATURES, &features,
			    sizeof(features)))
		return 0;
	return features.drm;
}

static void mdev_close(void *b)
{
	struct vgpu_mdev *d = b;

	vgpu_mdev_bos_end(d);
	if (d->pool)
		vgpu_mdev_calls->munmap(d->pool, d->pool_bytes);
	if (d->doorbell)
		vgpu_mdev_calls->munmap(d->doorbell, VGPU_PAGE_BYTES);
	if (d->page)
		vgpu_mdev_calls->munmap((void *)d->page, VGPU_PAGE_BYTES);
	if (d->event_fd >= 0)
		close(d->event_fd);
	vgpu_mdev_calls->close(d->fd);
	pthread_rwlock_destroy(&d->register_lock);
	pthread_mutex_destroy(&d->lock);
	free(d->bos);
	free(d);
}

static int mdev_open(const struct vgpu_device_options *o,
		     struct vgpu_message *msg, void **b)
{
	struct vgpu_mdev *d;
	int ret;

	ret = check_flags(o, msg);
	if (ret)
		return ret;
	d = calloc(1, sizeof(*d));
	if (!d)
		return vgpu_message_set(msg, -ENOMEM, "memory is short");
	d->fd = vgpu_mdev_node_open(o->device, &d->info, msg);
	if (d->fd < 0) {
		ret = d->fd;
		free(d);
		return ret;
	}
	d->event_fd = -1;
	d->features = node_features(d);
	pthread_mutex_init(&d->lock, NULL);
	vgpu_rwlock_init(&d->register_lock);
	ret = client_init(d, o->vram_bytes, msg);
	if (!ret)
		ret = map_page(d, msg);
	if (ret) {
		mdev_close(d);
		return ret;
	}
	*b = d;
	return 0;
}

/* A register, or VGPU_UNKNOWN. */
static uint64_t look(struct vgpu_mdev *d, uint32_t offset)
{
	struct drm_vgpu_register r = { .offset = offset, .bytes = 4 };

	if (vgpu_mdev_call(d, DRM_IOCTL_VGPU_REGISTER, &r))
		return VGPU_UNKNOWN;
	return r.value;
}

static int64_t known(uint64_t value)
{
	return (uint32_t)value == VGPU_UNKNOWN ? VGPU_INFO_UNKNOWN :
						 (int32_t)(uint32_t)value;
}

static uint64_t left(uint64_t limit, uint64_t used)
{
	return limit > used ? limit - used : 0;
}

static int mdev_info(void *b, struct vgpu_device_info *info)
{
	struct drm_vgpu_memory memory;
	struct drm_vgpu_info gpu;
	struct vgpu_mdev *d = b;
	int ret;

	*info = d->info;
	ret = vgpu_mdev_query(d, DRM_VGPU_QUERY_INFO, &gpu, sizeof(gpu));
	if (!ret)
		ret = vgpu_mdev_query(d, DRM_VGPU_QUERY_MEMORY, &memory,
				      sizeof(memory));
	if (ret)
		return ret;
	info->total_memory = gpu.vram_bytes;
	info->available_memory =
		min_t(uint64_t,
		      left(memory.client_limit, memory.client_used),
		      left(memory.gpu_limit, memory.gpu_used));
	info->features = gpu.features & ~VGPU_FEATURE_NATIVE;
	if (!(gpu.status & VGPU_STATUS_ENGINE)) {
		info->features &= ~VGPU_MDEV_ENGINE;
		snprintf(info->notice, sizeof(info->notice),
			 "nothing runs kernels on this GPU now: it has no engine");
	}
	info->temperature_mc = known(look(d, VGPU_REG_TEMPERATURE));
	info->power_limit_mw = known(look(d, VGPU_REG_POWER_LIMIT));
	return 0;
}

/* The client is a device from the start. */
static int mdev_enable(void *b)
{
	(void)b;
	return 0;
}

static int mdev_reset(void *b)
{
	struct drm_vgpu_client_reset reset = { 0 };
	struct vgpu_mdev *d = b;
	int ret;

	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_CLIENT_RESET, &reset);
	/* The kernel leaves buffers alone. */
	vgpu_mdev_bos_end(d);
	return ret;
}

static int mdev_read_register(void *b, uint64_t offset, uint32_t bytes,
			      uint64_t *value)
{
	struct drm_vgpu_register r = {
		.offset = (uint32_t)offset,
		.bytes = bytes,
	};
	int ret;

	ret = vgpu_mdev_call(b, DRM_IOCTL_VGPU_REGISTER, &r);
	if (!ret)
		*value = r.value;
	return ret;
}

static int mdev_write_register(void *b, uint64_t offset, uint32_t bytes,
			       uint64_t value)
{
	struct drm_vgpu_register r = {
		.offset = (uint32_t)offset,
		.bytes = bytes,
		.flags = DRM_VGPU_REGISTER_WRITE,
		.value = value,
	};

	return vgpu_mdev_call(b, DRM_IOCTL_VGPU_REGISTER, &r);
}

/* With the lock: who never asks for it costs the kernel nothing. */
static int event_fd(struct vgpu_mdev *d)
{
	struct drm_vgpu_event event = { .vector = DRM_VGPU_EVENT_ALL };
	int ret;

	event.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event.fd < 0)
		return -errno;
	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_EVENT, &event);
	if (ret) {
		close(event.fd);
		return ret;
	}
	d->event_fd = event.fd;
	return event.fd;
}

static int mdev_interrupt_fd(void *b)
{
	struct vgpu_mdev *d = b;
	int fd;

	pthread_mutex_lock(&d->lock);
	fd = d->event_fd >= 0 ? d->event_fd : event_fd(d);
	pthread_mutex_unlock(&d->lock);
	return fd;
}

static int mdev_set_limit(void *b, uint64_t bytes)
{
	struct drm_vgpu_client_limit limit = { .bytes = bytes };
	struct drm_vgpu_info gpu;
	int ret;

	ret = vgpu_mdev_query(b, DRM_VGPU_QUERY_INFO, &gpu, sizeof(gpu));
	if (ret)
		return ret;
	if (bytes > gpu.vram_bytes)
		return -EINVAL;
	return vgpu_mdev_call(b, DRM_IOCTL_VGPU_CLIENT_LIMIT, &limit);
}

static int mdev_stats(void *b, struct vgpu_device_stats *stats)
{
	struct drm_vgpu_statistics s;
	struct drm_vgpu_memory memory;
	struct drm_vgpu_info gpu;
	int ret;

	ret = vgpu_mdev_query(b, DRM_VGPU_QUERY_STATISTICS, &s, sizeof(s));
	if (!ret)
		ret = vgpu_mdev_query(b, DRM_VGPU_QUERY_MEMORY, &memory,
				      sizeof(memory));
	if (!ret)
		ret = vgpu_mdev_query(b, DRM_VGPU_QUERY_INFO, &gpu,
				      sizeof(gpu));
	if (ret)
		return ret;
	stats->bytes_copied = s.bytes_copied;
	stats->bytes_cleared = s.bytes_cleared;
	stats->launches = s.launches;
	stats->busy_ns = s.busy_ns;
	stats->memory_total = gpu.vram_bytes;
	stats->memory_limit = memory.client_limit;
	stats->memory_used = memory.client_used;
	stats->memory_peak = memory.client_peak;
	stats->memory_largest = memory.client_largest;
	stats->rings = s.rings;
	stats->counters = s.counters;
	stats->kernels = s.kernels;
	return 0;
}

const struct vgpu_backend_ops vgpu_mdev_ops = {
	.name = "mdev",
	.pins = true,
	.timeouts = true,
	.open = mdev_open,
	.close = mdev_close,
	.info = mdev_info,
	.enable = mdev_enable,
	.reset = mdev_reset,
	.admin = vgpu_mdev_admin,
	.ring_create = vgpu_mdev_ring_create,
	.ring_destroy = vgpu_mdev_ring_destroy,
	.ring_free = vgpu_mdev_ring_free,
	.doorbell = vgpu_mdev_doorbell,
	.system_create = vgpu_mdev_system_create,
	.system_alloc = vgpu_mdev_system_alloc,
	.system_destroy = vgpu_mdev_system_destroy,
	.pool = vgpu_mdev_pool,
	.map = vgpu_mdev_map,
	.unmap = vgpu_mdev_unmap,
	.limits = vgpu_mdev_limits,
	.events = vgpu_mdev_events,
	.run = vgpu_mdev_run,
	.wait = vgpu_mdev_wait,
	.read_register = mdev_read_register,
	.write_register = mdev_write_register,
	.interrupt_fd = mdev_interrupt_fd,
	.native_add = vgpu_mdev_native_add,
	.kernel_add = vgpu_mdev_kernel_add,
	.kernel_remove = vgpu_mdev_kernel_remove,
	.kernel_usage = vgpu_mdev_kernel_usage,
	.set_limit = mdev_set_limit,
	.compact = vgpu_mdev_compact,
	.stats = mdev_stats,
	.next_block = vgpu_mdev_next_block,
};
