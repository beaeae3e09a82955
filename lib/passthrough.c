// SPDX-License-Identifier: MIT
/*
 * The backend passthrough: opening a function, what it is, registers and
 * interrupts.
 */
#define _GNU_SOURCE
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wait.h"
#include "passthrough.h"

/* Kernels with those need an engine. */
#define VGPU_PASS_ENGINE						\
	(VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL | VGPU_FEATURE_INT16 |	\
	 VGPU_FEATURE_INT64 | VGPU_FEATURE_FLOAT16 | VGPU_FEATURE_FLOAT64)

static int check_flags(const struct vgpu_device_options *o,
		       struct vgpu_message *msg)
{
	if (o->flags & (VGPU_DEVICE_DISCRETE | VGPU_DEVICE_SHARED))
		return vgpu_message_set(msg, -EOPNOTSUPP,
					"backend passthrough: where kernels have their memory is up to the host of the function: leave out %s",
					o->flags & VGPU_DEVICE_DISCRETE ?
						"DISCRETE" : "SHARED");
	return 0;
}

/* By the last part of a path, which may be a name alone. */
static bool is_named(const struct vgpu_function *f, const char *device)
{
	const char *last = device ? strrchr(device, '/') : NULL;

	return !device || !strcmp(f->name, last ? last + 1 : device);
}

/* Opens the first of those that @device means, and that are free. */
static int open_function(struct vgpu_pass *d, const char *device,
			 struct vgpu_message *msg, struct vgpu_function *f)
{
	struct vgpu_function *list;
	struct vgpu_probe probe;
	bool named = false;
	uint32_t i, n;
	int ret;

	ret = vgpu_vfio_calls->find(&list, &n);
	if (ret)
		return vgpu_message_set(msg, ret, "memory is short");
	ret = -ENODEV;
	for (i = 0; i < n && ret; i++) {
		*f = list[i];
		if (!is_named(f, device))
			continue;
		named = true;
		if (vgpu_function_usable(f))
			ret = vgpu_vfio_open(&d->vfio, f, msg);
		else if (device)
			ret = vgpu_message_set(msg, -ENODEV,
					       "backend passthrough: %s is bound to %s, not to vfio-pci: vgpuctl passthrough prepare %s",
					       f->name, f->driver[0] ?
						       f->driver : "no driver",
					       f->name);
	}
	free(list);
	if (device && !named && vgpu_function_is_foreign(device))
		return vgpu_message_set(msg, -EOPNOTSUPP,
					"backend passthrough: %.64s is not the function of a vGPU: only its own driver knows its commands",
					device);
	if (device && !named)
		return vgpu_message_set(msg, -ENOENT,
					"backend passthrough: there is no function \"%.64s\": name it by its PCI address, or an instance by its UUID",
					device);
	if (ret == -ENODEV && !device) {
		memset(&probe, 0, sizeof(probe));
		vgpu_passthrough_count(&probe);
		return vgpu_message_set(msg, ret, "backend passthrough: %s",
					probe.reason);
	}
	return ret;
}

static int check_function(struct vgpu_pass *d,
			  const struct vgpu_device_options *o,
			  const struct vgpu_function *f,
			  struct vgpu_message *msg)
{
	struct vgpu_device_info *info = &d->info;
	uint32_t version = vgpu_vfio_read(&d->vfio, VGPU_REG_VERSION);

	if (version >> 16 != VGPU_VERSION_MAJOR)
		return vgpu_message_set(msg, -EOPNOTSUPP,
					"backend passthrough: the device at %s has another version of the interface than this library, %u: update the older one",
					f->name, VGPU_VERSION_MAJOR);
	vgpu_device_info_init(info);
	snprintf(info->id, sizeof(info->id), "%s", f->name);
	snprintf(info->name, sizeof(info->name), "vGPU");
	snprintf(info->driver, sizeof(info->driver), "%s",
		 f->instance ? "vfio, by vgpu.ko" : f->driver);
	if (!f->instance)
		snprintf(info->pci_address, sizeof(info->pci_address),
			 "%.15s", f->name);
	info->type = VGPU_DEVICE_TYPE_SOFTWARE;
	info->vendor_id = VGPU_PCI_VENDOR;
	info->device_id = VGPU_PCI_DEVICE;
	info->total_memory = vgpu_vfio_read8(&d->vfio, VGPU_REG_VRAM_LO);
	if (o->vram_bytes > info->total_memory)
		return vgpu_message_set(msg, -EINVAL,
					"backend passthrough: %llu bytes of memory: the function has %llu",
					(unsigned long long)o->vram_bytes,
					(unsigned long long)info->total_memory);
	d->limit = o->vram_bytes < info->total_memory ? o->vram_bytes : 0;
	return 0;
}

static int make_tables(struct vgpu_pass *d)
{
	d->n_objects = vgpu_vfio_read(&d->vfio, VGPU_REG_MAX_OBJECTS) + 1;
	d->n_ids = vgpu_vfio_read(&d->vfio, VGPU_REG_MAX_RINGS) + 1;
	/* Their numbers have 16 bits. */
	if (d->n_objects > 0x10000 || d->n_ids > 0x10000)
		return -EPROTO;
	d->objects = calloc(d->n_objects, sizeof(d->objects[0]));
	d->rings = calloc(d->n_ids, sizeof(d->rings[0]));
	return d->objects && d->rings ? 0 : -ENOMEM;
}

static void quit_thread(struct vgpu_pass *d)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&d->lock);
	d->quit = true;
	pthread_mutex_unlock(&d->lock);
	while (write(d->vfio.irq_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(d->thread, NULL);
}

static void pass_free(struct vgpu_pass *d)
{
	pthread_cond_destroy(&d->cond);
	pthread_mutex_destroy(&d->lock);
	free(d->objects);
	free(d->rings);
	free(d);
}

static int pass_start(struct vgpu_pass *d)
{
	int ret;

	ret = make_tables(d);
	if (ret)
		return ret;
	ret = vgpu_pass_admin_init(d);
	if (ret)
		return ret;
	/* EAGAIN there, which means something else here. */
	if (!pthread_create(&d->thread, NULL, vgpu_pass_thread, d))
		return 0;
	vgpu_pass_admin_fini(d);
	return -ENOMEM;
}

static int pass_open(const struct vgpu_device_options *o,
		     struct vgpu_message *msg, void **b)
{
	struct vgpu_function f;
	struct vgpu_pass *d;
	int ret;

	ret = check_flags(o, msg);
	if (ret)
		return ret;
	d = calloc(1, sizeof(*d));
	if (!d)
		return vgpu_message_set(msg, -ENOMEM, "memory is short");
	pthread_mutex_init(&d->lock, NULL);
	vgpu_cond_init(&d->cond);
	d->user_fd = -1;
	ret = open_function(d, o->device, msg, &f);
	if (ret)
		goto err_free;
	ret = check_function(d, o, &f, msg);
	if (ret)
		goto err_close;
	ret = pass_start(d);
	if (!ret) {
		*b = d;
		return 0;
	}
	vgpu_message_set(msg, ret, "backend passthrough: cannot use %s: %s",
			 f.name, strerror(-ret));
err_close:
	vgpu_vfio_close(&d->vfio);
err_free:
	pass_free(d);
	return ret;
}

/*
 * Memory that was unmapped is not touched any more; the pool stays, until what the
 * reset ended has let go of it.
 */
static int pass_reset(void *b)
{
	struct vgpu_pass *d = b;

	vgpu_vfio_write(&d->vfio, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
	vgpu_pass_rings_end(d);
	vgpu_pass_objects_end(d);
	vgpu_pass_disable(d);
	vgpu_pass_settled(d);
	pthread_mutex_lock(&d->lock);
	d->used = 0;
	d->counters = 0;
	d->irq_mask = 0;
	pthread_mutex_unlock(&d->lock);
	vgpu_pass_changed(d);
	return 0;
}

static void pass_close(void *b)
{
	struct vgpu_pass *d = b;

	pass_reset(d);
	quit_thread(d);
	vgpu_pass_admin_fini(d);
	vgpu_vfio_close(&d->vfio);
	if (d->pool)
		munmap(d->pool, d->pool_bytes);
	if (d->user_fd >= 0)
		close(d->user_fd);
	pass_free(d);
}

static int64_t known(uint32_t value)
{
	return value == VGPU_UNKNOWN ? VGPU_INFO_UNKNOWN : (int32_t)value;
}

/* Bytes that may be allocated. */
static uint64_t memory_limit(struct vgpu_pass *d)
{
	uint64_t limit = vgpu_vfio_read8(&d->vfio, VGPU_REG_LIMIT_LO);

	pthread_mutex_lock(&d->lock);
	if (d->limit)
		limit = min_t(uint64_t, limit, d->limit);
	pthread_mutex_unlock(&d->lock);
	return limit;
}

static int pass_info(void *b, struct vgpu_device_info *info)
{
	struct vgpu_pass *d = b;
	struct vgpu_vfio *v = &d->vfio;
	uint64_t limit = memory_limit(d);
	uint64_t used = vgpu_vfio_read8(v, VGPU_REG_USED_LO);

	*info = d->info;
	info->available_memory = limit > used ? limit - used : 0;
	info->features = vgpu_vfio_read8(v, VGPU_REG_FEATURES_LO) &
			 ~(VGPU_FEATURE_NATIVE | VGPU_FEATURE_POLL);
	/* Its host does not compile for it. */
	info->features &= ~VGPU_PASS_ENGINE;
	info->temperature_mc = known(vgpu_vfio_read(v, VGPU_REG_TEMPERATURE));
	info->power_limit_mw = known(vgpu_vfio_read(v, VGPU_REG_POWER_LIMIT));
	snprintf(info->notice, sizeof(info->notice),
		 "nothing runs kernels on a vGPU yet");
	return 0;
}

static int pass_read_register(void *b, uint64_t offset, uint32_t bytes,
			      uint64_t *value)
{
	struct vgpu_pass *d = b;

	*value = bytes == 8 ? vgpu_vfio_read8(&d->vfio, (uint32_t)offset) :
			      vgpu_vfio_read(&d->vfio, (uint32_t)offset);
	return 0;
}

static int pass_write_register(void *b, uint64_t offset, uint32_t bytes,
			       uint64_t value)
{
	struct vgpu_pass *d = b;

	(void)bytes;
	if (offset == VGPU_REG_IRQ_MASK) {
		pthread_mutex_lock(&d->lock);
		d->irq_mask = (uint32_t)value;
		pthread_mutex_unlock(&d->lock);
		/* Those that sleep have to look by themselves from now on. */
		vgpu_pass_changed(d);
	}
	vgpu_vfio_write(&d->vfio, (uint32_t)offset, (uint32_t)value);
	return 0;
}

static int pass_interrupt_fd(void *b)
{
	struct vgpu_pass *d = b;
	int fd;

	pthread_mutex_lock(&d->lock);
	if (d->user_fd < 0)
		d->user_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fd = d->user_fd < 0 ? -errno : d->user_fd;
	pthread_mutex_unlock(&d->lock);
	return fd;
}

static int pass_limits(void *b, struct vgpu_device_limits *limits,
		       struct vgpu_message *msg)
{
	(void)b;
	memset(limits, 0, sizeof(*limits));
	return vgpu_message_set(msg, -EOPNOTSUPP,
				"backend passthrough: nothing runs kernels on a vGPU: it has no engine");
}

static int pass_native_add(void *b, uint32_t context,
			   const struct vgpu_native_options *options,
			   uint64_t address, uint32_t *id)
{
	(void)b;
	(void)context;
	(void)options;
	(void)address;
	(void)id;
	return -EOPNOTSUPP;
}

static int pass_kernel_add(void *b, uint32_t context, const void *desc,
			   size_t bytes, struct vgpu_message *msg, uint32_t *id)
{
	(void)b;
	(void)context;
	(void)desc;
	(void)bytes;
	(void)id;
	return vgpu_message_set(msg, -EOPNOTSUPP,
				"backend passthrough: nothing compiles kernels for a vGPU: it has no engine");
}

static int pass_kernel_remove(void *b, uint32_t id)
{
	(void)b;
	(void)id;
	return -ENOENT;
}

static int pass_kernel_usage(void *b, uint32_t id,
			     struct vgpu_kernel_usage *usage)
{
	(void)b;
	(void)id;
	(void)usage;
	return -ENOENT;
}

static int pass_set_limit(void *b, uint64_t bytes)
{
	struct vgpu_pass *d = b;

	if (bytes > d->info.total_memory)
		return -EINVAL;
	pthread_mutex_lock(&d->lock);
	d->limit = bytes;
	pthread_mutex_unlock(&d->lock);
	return 0;
}

/* The device does not tell what it has copied. */
static int pass_stats(void *b, struct vgpu_device_stats *stats)
{
	struct vgpu_pass *d = b;
	struct vgpu_vfio *v = &d->vfio;

	stats->busy_ns = vgpu_vfio_read8(v, VGPU_REG_BUSY_LO);
	stats->memory_total = d->info.total_memory;
	stats->memory_limit = memory_limit(d);
	stats->memory_used = vgpu_vfio_read8(v, VGPU_REG_USED_LO);
	stats->memory_peak = vgpu_vfio_read8(v, VGPU_REG_PEAK_LO);
	stats->memory_largest = vgpu_pass_largest(d);
	pthread_mutex_lock(&d->lock);
	stats->rings = d->n_rings;
	stats->counters = d->counters;
	pthread_mutex_unlock(&d->lock);
	return 0;
}

const struct vgpu_backend_ops vgpu_passthrough_ops = {
	.name = "passthrough",
	.pins = true,
	.open = pass_open,
	.close = pass_close,
	.info = pass_info,
	.enable = vgpu_pass_enable,
	.reset = pass_reset,
	.admin = vgpu_pass_admin,
	.ring_create = vgpu_pass_ring_create,
	.ring_destroy = vgpu_pass_ring_destroy,
	.ring_free = vgpu_pass_ring_free,
	.doorbell = vgpu_pass_doorbell,
	.system_create = vgpu_pass_system_create,
	.system_alloc = vgpu_pass_system_alloc,
	.system_destroy = vgpu_pass_system_destroy,
	.pool = vgpu_pass_pool,
	.map = vgpu_pass_map,
	.unmap = vgpu_pass_unmap,
	.limits = pass_limits,
	.events = vgpu_pass_events,
	.run = vgpu_pass_run,
	.wait = vgpu_pass_wait,
	.read_register = pass_read_register,
	.write_register = pass_write_register,
	.interrupt_fd = pass_interrupt_fd,
	.native_add = pass_native_add,
	.kernel_add = pass_kernel_add,
	.kernel_remove = pass_kernel_remove,
	.kernel_usage = pass_kernel_usage,
	.set_limit = pass_set_limit,
	.compact = vgpu_pass_compact,
	.stats = pass_stats,
	.next_block = vgpu_pass_next_block,
};
