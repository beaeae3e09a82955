// SPDX-License-Identifier: MIT
/*
 * A device's life, and what is simply passed on to its backend: registers,
 * interrupts, counters, statistics.
 */
#include <stdarg.h>

#include <vgpu/error.h>

#include "wait.h"
#include "device.h"

int vgpu_device_check_up(struct vgpu_device *dev)
{
	switch (vgpu_load_acquire(&dev->state)) {
	case VGPU_DEVICE_STOPPED:
	case VGPU_DEVICE_RUNNING:
		return 0;
	case VGPU_DEVICE_OPENED:
		return vgpu_message_set(&dev->msg, -ENODEV,
					"the device is not initialized: call vgpu_device_initialize()");
	default:
		return vgpu_message_set(&dev->msg, -ENODEV,
					"the device could not be brought up: close it");
	}
}

static int __attribute__((format(printf, 3, 4)))
refuse(const struct vgpu_device_options *o, int error, const char *format, ...)
{
	va_list args;

	if (o->message && o->message_bytes) {
		va_start(args, format);
		vsnprintf(o->message, o->message_bytes, format, args);
		va_end(args);
	}
	return error;
}

static int check_options(struct vgpu_device_options *o)
{
	uint32_t backend;

	if (o->size != sizeof(*o))
		return -EINVAL;
	if (o->flags & ~VGPU_DEVICE_FLAGS)
		return refuse(o, -EINVAL, "unknown device flags 0x%x",
			      o->flags & ~VGPU_DEVICE_FLAGS);
	if (o->flags & VGPU_DEVICE_DISCRETE && o->flags & VGPU_DEVICE_SHARED)
		return refuse(o, -EINVAL,
			      "a device cannot be both DISCRETE and SHARED");
	if (o->entries && !vgpu_ring_entries_valid(o->entries))
		return refuse(o, -EINVAL,
			      "a ring of %u entries: must be a power of two from %u to %u",
			      o->entries, VGPU_RING_MIN_ENTRIES,
			      VGPU_RING_MAX_ENTRIES);
	if (o->backend_name) {
		if (vgpu_backend_from_name(o->backend_name, &backend))
			return refuse(o, -EINVAL,
				      "unknown backend \"%.32s\": must be passthrough, mdev, wgpu, vulkan, simulator or auto",
				      o->backend_name);
		o->backend = backend;
	}
	if (o->backend == VGPU_BACKEND_DEFAULT)
		o->backend = VGPU_BACKEND_SIMULATOR;
	if (o->backend > VGPU_BACKEND_AUTO)
		return refuse(o, -EINVAL, "unknown backend %u", o->backend);
	return 0;
}

static struct vgpu_device *device_new(const struct vgpu_device_options *o)
{
	struct vgpu_device *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	dev->entries = o->entries ? o->entries : VGPU_DEVICE_ENTRIES;
	dev->next_number = 1;
	vgpu_message_init(&dev->msg);
	pthread_mutex_init(&dev->control, NULL);
	vgpu_rwlock_init(&dev->rings_lock);
	vgpu_rwlock_init(&dev->epoch_lock);
	vgpu_rwlock_init(&dev->names_lock);
	vgpu_spans_init(&dev->allocations);
	vgpu_spans_init(&dev->registrations);
	return dev;
}

static void device_free(struct vgpu_device *dev)
{
	vgpu_spans_fini(&dev->registrations);
	vgpu_spans_fini(&dev->allocations);
	free(dev->names);
	vgpu_staging_fini(dev);
	pthread_rwlock_destroy(&dev->names_lock);
	pthread_rwlock_destroy(&dev->epoch_lock);
	pthread_rwlock_destroy(&dev->rings_lock);
	pthread_mutex_destroy(&dev->control);
	vgpu_message_fini(&dev->msg);
	free(dev);
}

int vgpu_device_open(const struct vgpu_device_options *options,
		     struct vgpu_device **dev)
{
	struct vgpu_device_options o = { .size = sizeof(o) };
	const struct vgpu_backend_ops *ops;
	struct vgpu_device *d;
	struct vgpu_probe probe;
	int ret;

	if (options && options->size != sizeof(o))
		return -EINVAL;
	if (options)
		o = *options;
	ret = check_options(&o);
	if (ret)
		return ret;
	if (o.backend == VGPU_BACKEND_AUTO) {
		vgpu_backend_probe(VGPU_BACKEND_VULKAN, &probe);
		o.backend = probe.gpus ? VGPU_BACKEND_VULKAN :
					 VGPU_BACKEND_SIMULATOR;
	}
	ops = vgpu_backend_find(o.backend);
	d = device_new(&o);
	if (!d)
		return refuse(&o, -ENOMEM, "memory is short");
	d->ops = ops;
	if (ops->timeouts)
		d->launch_timeout_ns = o.launch_timeout_ms * 1000000ull;
	ret = vgpu_staging_init(d);
	if (ret) {
		device_free(d);
		return refuse(&o, ret, "memory is short");
	}
	ret = ops->open(&o, &d->msg, &d->backend);
	if (ret) {
		refuse(&o, ret, "%s", d->msg.text);
		device_free(d);
		return ret;
	}
	*dev = d;
	return 0;
}

/* The device has forgotten everything: so does the front end. */
static void device_forget(struct vgpu_device *dev)
{
	pthread_rwlock_wrlock(&dev->allocations.lock);
	vgpu_spans_clear(&dev->allocations);
	pthread_rwlock_unlock(&dev->allocations.lock);
	pthread_rwlock_wrlock(&dev->registrations.lock);
	vgpu_spans_clear(&dev->registrations);
	pthread_rwlock_unlock(&dev->registrations.lock);
	vgpu_kernels_clear(dev);
}

/*
 * No submission is taken any more, and no ring will hear of the device.  With
 * @control held, without which no ring comes or goes.
 */
static void device_lose_rings(struct vgpu_device *dev)
{
	uint32_t i;

	for (i = 0; i < VGPU_DEVICE_RINGS; i++) {
		if (!dev->rings[i])
			continue;
		vgpu_store_release(&dev->rings[i]->accepting, 0);
		vgpu_store_release(&dev->rings[i]->lost, 1);
	}
}

void vgpu_device_close(struct vgpu_device *dev)
{
	if (!dev)
		return;
	device_lose_rings(dev);
	dev->ops->reset(dev->backend);
	dev->epoch++;
	device_forget(dev);
	vgpu_rings_free_all(dev);
	dev->ops->close(dev->backend);
	device_free(dev);
}

/* With @control held: from a fresh device to one that is stopped. */
static int device_bring_up(struct vgpu_device *dev)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_ADMIN_CONTEXT_CREATE };
	struct vgpu_device_ring *ring;
	u64 result[2];
	int ret;

	ret = dev->ops->enable(dev->backend);
	if (ret)
		return ret;
	ret = vgpu_device_admin(dev, &cmd, result);
	if (ret)
		return ret;
	dev->context = (uint32_t)result[0];
	ret = vgpu_staging_attach(dev);
	if (ret)
		return ret;
	ret = vgpu_rings_make(dev, dev->entries, VGPU_DEVICE_PRIORITY_DEFAULT,
			      0, true, &ring);
	if (ret)
		return ret;
	vgpu_store_release(&dev->own, ring);
	vgpu_store_release(&dev->state, VGPU_DEVICE_STOPPED);
	return 0;
}

int vgpu_device_initialize(struct vgpu_device *dev)
{
	int ret;

	pthread_mutex_lock(&dev->control);
	if (dev->state == VGPU_DEVICE_BROKEN) {
		ret = vgpu_device_check_up(dev);
		goto out;
	}
	if (dev->state != VGPU_DEVICE_OPENED) {
		ret = vgpu_message_set(&dev->msg, -EBUSY,
				       "the device is initialized already");
		goto out;
	}
	ret = device_bring_up(dev);
	if (ret) {
		vgpu_message_set(&dev->msg, ret,
				 "the device could not be brought up: %s",
				 vgpu_strerror(ret));
		vgpu_store_release(&dev->state, VGPU_DEVICE_BROKEN);
	}
out:
	pthread_mutex_unlock(&dev->control);
	return ret;
}

int vgpu_device_start(struct vgpu_device *dev)
{
	uint32_t i;
	int ret;

	pthread_mutex_lock(&dev->control);
	ret = vgpu_device_check_up(dev);
	if (ret)
		goto out;
	vgpu_store_release(&dev->state, VGPU_DEVICE_RUNNING);
	for (i = 0; i < VGPU_DEVICE_RINGS; i++) {
		struct vgpu_device_ring *ring = dev->rings[i];

		if (!ring || ring->paused || ring->lost)
			continue;
		ret = vgpu_rings_control(ring, VGPU_RING_START);
		if (ret)
			break;
		vgpu_store_release(&ring->accepting, 1);
	}
	if (ret)
		vgpu_message_set(&dev->msg, ret, "a ring did not start: %s",
				 vgpu_strerror(ret));
out:
	pthread_mutex_unlock(&dev->control);
	return ret;
}

int vgpu_device_stop(struct vgpu_device *dev, uint64_t deadline_ns)
{
	uint32_t i;
	int ret;

	pthread_mutex_lock(&dev->control);
	ret = vgpu_device_check_up(dev);
	if (ret)
		goto out;
	for (i = 0; i < VGPU_DEVICE_RINGS; i++) {
		if (dev->rings[i])
			vgpu_store_release(&dev->rings[i]->accepting, 0);
	}
	ret = vgpu_device_wait_idle(dev, deadline_ns);
	/* What is left is drained by a pause, whenever it can be. */
	for (i = 0; i < VGPU_DEVICE_RINGS; i++) {
		struct vgpu_device_ring *ring = dev->rings[i];

		if (ring && !ring->lost &&
		    READ_ONCE(ring->ring.hdr->state) == VGPU_RING_RUNNING)
			vgpu_rings_control(ring, VGPU_RING_PAUSE);
	}
	vgpu_store_release(&dev->state, VGPU_DEVICE_STOPPED);
out:
	pthread_mutex_unlock(&dev->control);
	return ret;
}

/* The device's own ring is lost; keep it for its tickets, drop an old one. */
static void device_retire_own(struct vgpu_device *dev)
{
	struct vgpu_device_ring **slot = &dev->retired[dev->next_retired];
	struct vgpu_device_ring *old = *slot;

	*slot = dev->own;
	dev->next_retired = (dev->next_retired + 1) % VGPU_DEVICE_RETIRED;
	if (old)
		vgpu_rings_drop(old);
}

int vgpu_device_reset(struct vgpu_device *dev)
{
	int ret;

	pthread_mutex_lock(&dev->control);
	ret = vgpu_device_check_up(dev);
	if (ret)
		goto out;
	/* Who finds a ring lost waits for this: see vgpu_results_reap(). */
	pthread_rwlock_wrlock(&dev->epoch_lock);
	device_lose_rings(dev);
	vgpu_store_release(&dev->state, VGPU_DEVICE_OPENED);
	ret = dev->ops->reset(dev->backend);
	dev->epoch++;
	device_forget(dev);
	pthread_rwlock_unlock(&dev->epoch_lock);
	vgpu_results_reap_all(dev);
	device_retire_own(dev);
	if (!ret)
		ret = device_bring_up(dev);
	if (ret) {
		vgpu_store_release(&dev->state, VGPU_DEVICE_BROKEN);
		vgpu_message_set(&dev->msg, ret,
				 "the device did not come back from a reset: %s",
				 vgpu_strerror(ret));
	}
out:
	pthread_mutex_unlock(&dev->control);
	return ret;
}

int vgpu_device_get_info(struct vgpu_device *dev, struct vgpu_device_info *info)
{
	return dev->ops->info(dev->backend, info);
}

int vgpu_device_get_limits(struct vgpu_device *dev,
			   struct vgpu_device_limits *limits)
{
	return dev->ops->limits(dev->backend, limits, &dev->msg);
}

int vgpu_device_error(struct vgpu_device *dev, char *buf, size_t bytes)
{
	return vgpu_message_get(&dev->msg, buf, bytes);
}

/*
 * Registers and interrupts.
 */
static int check_register(struct vgpu_device *dev, uint64_t offset,
			  uint32_t bytes)
{
	if ((bytes == 4 || bytes == 8) && !(offset % bytes) &&
	    offset < VGPU_REG_END && bytes <= VGPU_REG_END - offset)
		return 0;
	return vgpu_message_set(&dev->msg, -EINVAL,
				"no register of %u bytes at 0x%llx: 4 or 8 bytes at a multiple of that below 0x%x",
				bytes, (unsigned long long)offset,
				VGPU_REG_END);
}

int vgpu_device_read_register(struct vgpu_device *dev, uint64_t offset,
			      uint32_t bytes, uint64_t *value)
{
	int ret = check_register(dev, offset, bytes);

	if (ret)
		return ret;
	return dev->ops->read_register(dev->backend, offset, bytes, value);
}

int vgpu_device_write_register(struct vgpu_device *dev, uint64_t offset,
			       uint32_t bytes, uint64_t value)
{
	int ret = check_register(dev, offset, bytes);

	if (ret)
		return ret;
	if (bytes == 4) {
		switch (offset) {
		case VGPU_REG_IRQ_MASK:
		case VGPU_REG_IRQ_ACK:
		case VGPU_REG_ERR_CLEAR:
		case VGPU_REG_SCRATCH:
			if (value > UINT32_MAX)
				return vgpu_message_set(&dev->msg, -EINVAL,
							"0x%llx does not fit into 4 bytes",
							(unsigned long long)value);
			return dev->ops->write_register(dev->backend, offset,
							bytes, value);
		}
	}
	return vgpu_message_set(&dev->msg, -EACCES,
				"register 0x%llx is read-only or the library's own",
				(unsigned long long)offset);
}

int vgpu_device_interrupt_status(struct vgpu_device *dev, uint32_t *status)
{
	uint64_t value = 0;
	int ret;

	ret = vgpu_device_read_register(dev, VGPU_REG_IRQ_STATUS, 4, &value);
	if (!ret)
		*status = (uint32_t)value;
	return ret;
}

int vgpu_device_interrupt_clear(struct vgpu_device *dev, uint32_t vectors)
{
	return vgpu_device_write_register(dev, VGPU_REG_IRQ_ACK, 4, vectors);
}

int vgpu_device_interrupt_mask(struct vgpu_device *dev, uint32_t mask)
{
	return vgpu_device_write_register(dev, VGPU_REG_IRQ_MASK, 4, mask);
}

int vgpu_device_interrupt_fd(struct vgpu_device *dev)
{
	return dev->ops->interrupt_fd(dev->backend);
}

/*
 * Counters.
 */
static int counter_admin(struct vgpu_device *dev, const struct vgpu_cmd *cmd,
			 u64 result[2])
{
	int ret;

	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (!ret)
		ret = vgpu_device_admin(dev, cmd, result);
	pthread_rwlock_unlock(&dev->epoch_lock);
	return ret;
}

static int counter_failed(struct vgpu_device *dev, int ret, uint64_t counter)
{
	switch (ret) {
	case -ENOENT:
		return vgpu_message_set(&dev->msg, ret, "no counter has id %llu",
					(unsigned long long)counter);
	case -EBUSY:
		return vgpu_message_set(&dev->msg, ret,
					"counter %llu is in use by a ring",
					(unsigned long long)counter);
	case -EINVAL:
		return vgpu_message_set(&dev->msg, ret,
					"counter %llu is higher than that already: it only rises",
					(unsigned long long)counter);
	default:
		return ret;
	}
}

int vgpu_device_counter_create(struct vgpu_device *dev, uint64_t value,
			       uint64_t *counter)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_ADMIN_COUNTER_CREATE };
	u64 result[2];
	int ret;

	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (!ret) {
		cmd.op[0] = dev->context;
		cmd.op[1] = value;
		ret = vgpu_device_admin(dev, &cmd, result);
	}
	pthread_rwlock_unlock(&dev->epoch_lock);
	if (ret == -ENOSPC)
		vgpu_message_set(&dev->msg, ret, "there are too many counters");
	if (!ret)
		*counter = result[0];
	return ret;
}

int vgpu_device_counter_destroy(struct vgpu_device *dev, uint64_t counter)
{
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_COUNTER_DESTROY,
					     counter, 0, 0);
	u64 result[2];

	return counter_failed(dev, counter_admin(dev, &cmd, result), counter);
}

int vgpu_device_counter_read(struct vgpu_device *dev, uint64_t counter,
			     uint64_t *value)
{
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_COUNTER_READ, counter,
					     0, 0);
	u64 result[2];
	int ret;

	ret = counter_failed(dev, counter_admin(dev, &cmd, result), counter);
	if (!ret)
		*value = result[0];
	return ret;
}

int vgpu_device_counter_signal(struct vgpu_device *dev, uint64_t counter,
			       uint64_t value)
{
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_COUNTER_SIGNAL,
					     counter, value, 0);
	u64 result[2];

	return counter_failed(dev, counter_admin(dev, &cmd, result), counter);
}

int vgpu_device_counter_wait(struct vgpu_device *dev, uint64_t counter,
			     uint64_t value, uint64_t deadline_ns)
{
	uint64_t seen, now;
	int ret;

	for (;;) {
		seen = dev->ops->events(dev->backend);
		ret = vgpu_device_counter_read(dev, counter, &now);
		if (ret || now >= value)
			return ret;
		if (dev->ops->run(dev->backend, 1)) {
			vgpu_results_reap_all(dev);
			if (deadline_ns == VGPU_FOREVER ||
			    vgpu_now_ns() < deadline_ns)
				continue;
			seen = dev->ops->events(dev->backend);
		}
		/* What ran last may have been it. */
		ret = vgpu_device_counter_read(dev, counter, &now);
		if (ret || now >= value)
			return ret;
		ret = dev->ops->wait(dev->backend, seen, deadline_ns);
		if (ret)
			return ret;
	}
}

int vgpu_device_set_limit(struct vgpu_device *dev, uint64_t bytes)
{
	int ret = dev->ops->set_limit(dev->backend, bytes);

	if (ret)
		vgpu_message_set(&dev->msg, ret,
				 "a limit of %llu bytes is more than the device has",
				 (unsigned long long)bytes);
	return ret;
}

int vgpu_device_get_stats(struct vgpu_device *dev, struct vgpu_device_stats *stats)
{
	uint32_t i;
	int ret;

	memset(stats, 0, sizeof(*stats));
	ret = dev->ops->stats(dev->backend, stats);
	if (ret)
		return ret;
	vgpu_results_reap_all(dev);
	pthread_rwlock_rdlock(&dev->rings_lock);
	stats->submitted = dev->submitted;
	stats->completed = dev->completed;
	stats->failed = dev->failed;
	for (i = 0; i < VGPU_DEVICE_RINGS; i++) {
		struct vgpu_device_ring *ring = dev->rings[i];

		if (!ring)
			continue;
		/* Ends first, so that there are never more of those. */
		stats->completed += READ_ONCE(ring->completed);
		stats->failed += READ_ONCE(ring->failed);
		stats->submitted += READ_ONCE(ring->ring.hdr->sq_tail) -
				    ring->ring.sq_entries;
	}
	pthread_rwlock_unlock(&dev->rings_lock);
	stats->outstanding = stats->submitted - stats->completed -
			     stats->failed;
	stats->outstanding_bytes = READ_ONCE(dev->outstanding_bytes);
	stats->allocations = READ_ONCE(dev->allocations.count);
	stats->registrations = READ_ONCE(dev->registrations.count);
	return 0;
}
