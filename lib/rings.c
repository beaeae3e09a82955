// SPDX-License-Identifier: MIT
/*
 * Rings of a device, as handles: made, started, paused, reset and ended.
 */
#include "device.h"

static const uint32_t priorities[] = {
	[VGPU_DEVICE_PRIORITY_DEFAULT] = VGPU_PRIORITY_NORMAL,
	[VGPU_DEVICE_PRIORITY_LOW] = VGPU_PRIORITY_LOW,
	[VGPU_DEVICE_PRIORITY_NORMAL] = VGPU_PRIORITY_NORMAL,
	[VGPU_DEVICE_PRIORITY_HIGH] = VGPU_PRIORITY_HIGH,
	[VGPU_DEVICE_PRIORITY_URGENT] = VGPU_PRIORITY_URGENT,
};

/* A number for the ring, the one that was used least recently. */
static int rings_insert(struct vgpu_device *dev, struct vgpu_device_ring *ring)
{
	uint32_t i, number;

	pthread_rwlock_wrlock(&dev->rings_lock);
	for (i = 0; i < VGPU_DEVICE_RINGS; i++) {
		number = (dev->next_number + i) % VGPU_DEVICE_RINGS;
		/* A ticket is never 0. */
		if (number && !dev->rings[number])
			break;
	}
	if (i == VGPU_DEVICE_RINGS) {
		pthread_rwlock_unlock(&dev->rings_lock);
		return -ENOSPC;
	}
	dev->next_number = number + 1;
	dev->n_rings++;
	ring->number = number;
	dev->rings[number] = ring;
	pthread_rwlock_unlock(&dev->rings_lock);
	return 0;
}

static void rings_remove(struct vgpu_device_ring *ring)
{
	struct vgpu_device *dev = ring->dev;

	pthread_rwlock_wrlock(&dev->rings_lock);
	dev->rings[ring->number] = NULL;
	dev->n_rings--;
	dev->submitted += READ_ONCE(ring->ring.hdr->sq_tail) -
			  ring->ring.sq_entries;
	dev->completed += ring->completed;
	dev->failed += ring->failed;
	pthread_rwlock_unlock(&dev->rings_lock);
}

/* The ring of that number, to be given back with vgpu_rings_put(), or NULL. */
struct vgpu_device_ring *vgpu_rings_get(struct vgpu_device *dev,
					uint32_t number)
{
	struct vgpu_device_ring *ring = NULL;

	if (number >= VGPU_DEVICE_RINGS)
		return NULL;
	pthread_rwlock_rdlock(&dev->rings_lock);
	ring = dev->rings[number];
	if (ring)
		__atomic_fetch_add(&ring->refs, 1, __ATOMIC_RELAXED);
	pthread_rwlock_unlock(&dev->rings_lock);
	return ring;
}

void vgpu_rings_put(struct vgpu_device_ring *ring)
{
	/* Pairs with itself: whoever is last sees what the others did. */
	if (__atomic_fetch_sub(&ring->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	ring->dev->ops->ring_free(ring->dev->backend, ring->mem,
				  ring->ring.sq_entries);
	pthread_mutex_destroy(&ring->reap_lock);
	free(ring->results);
	free(ring);
}

/* With @dev->control held, the device up. */
int vgpu_rings_make(struct vgpu_device *dev, uint32_t entries,
		    uint32_t priority, uint32_t vector, bool times,
		    struct vgpu_device_ring **ring)
{
	struct vgpu_backend_ring how = {
		.context = dev->context,
		.entries = entries,
		.flags = times ? VGPU_RING_F_TIMES : 0,
		.priority = priorities[priority],
		.vector = vector,
	};
	struct vgpu_device_ring *r;
	int ret;

	r = aligned_alloc(64, (sizeof(*r) + 63) & ~63ul);
	if (!r)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	r->dev = dev;
	r->refs = 1;
	r->times = times;
	r->mask = max_t(uint64_t, (uint64_t)entries * VGPU_RESULTS_PER_ENTRY,
			VGPU_RESULTS_MIN) - 1;
	r->results = calloc(r->mask + 1, sizeof(r->results[0]));
	if (!r->results) {
		free(r);
		return -ENOMEM;
	}
	ret = dev->ops->ring_create(dev->backend, &how, &r->id, &r->mem);
	if (ret)
		goto err_free;
	vgpu_ring_attach(&r->ring, r->mem, entries, entries);
	vgpu_ring_reaper_init(&r->reaper, &r->ring);
	r->low = entries;
	pthread_mutex_init(&r->reap_lock, NULL);
	ret = rings_insert(dev, r);
	if (ret) {
		dev->ops->ring_destroy(dev->backend, r->id);
		vgpu_rings_put(r);
		return ret;
	}
	*ring = r;
	return 0;

err_free:
	free(r->results);
	free(r);
	return ret;
}

/* Let the device get on with the ring, or wait until something has changed. */
static int rings_step(struct vgpu_device_ring *ring, uint64_t seen)
{
	struct vgpu_device *dev = ring->dev;

	/* It may need room for completions. */
	vgpu_results_reap(ring);
	if (dev->ops->run(dev->backend, 1))
		return 0;
	return dev->ops->wait(dev->backend, seen, VGPU_FOREVER);
}

/* With @dev->control held.  @what: VGPU_RING_START, _PAUSE or _RESET. */
int vgpu_rings_control(struct vgpu_device_ring *ring, uint64_t what)
{
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_RING_CONTROL, ring->id,
					     what, 0);
	struct vgpu_device *dev = ring->dev;
	u64 result[2];
	uint64_t seen;
	int ret;

	for (;;) {
		seen = dev->ops->events(dev->backend);
		ret = vgpu_device_admin(dev, &cmd, result);
		/* A ring that is being emptied starts when it is empty. */
		if (ret != -EBUSY || what != VGPU_RING_START ||
		    READ_ONCE(ring->ring.hdr->state) == VGPU_RING_ERROR)
			return ret;
		ret = rings_step(ring, seen);
		if (ret)
			return ret;
	}
}

/* With @dev->control held: out of the table, and off the device. */
void vgpu_rings_drop(struct vgpu_device_ring *ring)
{
	struct vgpu_device *dev = ring->dev;

	vgpu_store_release(&ring->accepting, 0);
	if (!READ_ONCE(ring->lost))
		dev->ops->ring_destroy(dev->backend, ring->id);
	vgpu_store_release(&ring->lost, 1);
	vgpu_results_reap(ring);
	rings_remove(ring);
	vgpu_rings_put(ring);
}

/* The device is closed; nobody uses it. */
void vgpu_rings_free_all(struct vgpu_device *dev)
{
	uint32_t i;

	for (i = 0; i < VGPU_DEVICE_RINGS; i++) {
		if (dev->rings[i])
			vgpu_rings_drop(dev->rings[i]);
	}
}

static int check_options(struct vgpu_device *dev,
			 const struct vgpu_device_ring_options *o)
{
	if (o->entries && !vgpu_ring_entries_valid(o->entries))
		return vgpu_message_set(&dev->msg, -EINVAL,
					"a ring of %u entries: must be a power of two from %u to %u",
					o->entries, VGPU_RING_MIN_ENTRIES,
					VGPU_RING_MAX_ENTRIES);
	if (o->priority >= ARRAY_SIZE(priorities))
		return vgpu_message_set(&dev->msg, -EINVAL,
					"priority %u is not one of vgpu_device_priority",
					o->priority);
	if (o->flags & ~VGPU_DEVICE_RING_NO_TIMES)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"unknown ring flags 0x%x",
					o->flags & ~VGPU_DEVICE_RING_NO_TIMES);
	if (o->vector >= VGPU_MSIX_VECTORS)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"interrupt vector %u: must be below %u",
					o->vector, VGPU_MSIX_VECTORS);
	return 0;
}

int vgpu_device_ring_create(struct vgpu_device *dev,
			    const struct vgpu_device_ring_options *options,
			    struct vgpu_device_ring **ring)
{
	struct vgpu_device_ring_options o = { .size = sizeof(o) };
	int ret;

	/* What is shorter cannot be copied whole. */
	if (options && options->size != sizeof(o))
		return vgpu_message_set(&dev->msg, -EINVAL,
					"ring options have size %zu, not %zu: set it to sizeof",
					options->size, sizeof(o));
	if (options)
		o = *options;
	ret = check_options(dev, &o);
	if (ret)
		return ret;
	pthread_mutex_lock(&dev->control);
	ret = vgpu_device_check_up(dev);
	if (!ret) {
		ret = vgpu_rings_make(dev,
				      o.entries ? o.entries :
						  VGPU_DEVICE_ENTRIES,
				      o.priority, o.vector,
				      !(o.flags & VGPU_DEVICE_RING_NO_TIMES),
				      ring);
		if (ret)
			vgpu_message_set(&dev->msg, ret,
					 "no ring could be made: %s",
					 ret == -ENOSPC ?
						 "there are too many" :
						 "memory is short");
	}
	if (!ret && READ_ONCE(dev->state) == VGPU_DEVICE_RUNNING) {
		ret = vgpu_rings_control(*ring, VGPU_RING_START);
		vgpu_store_release(&(*ring)->accepting, 1);
	}
	pthread_mutex_unlock(&dev->control);
	return ret;
}

void vgpu_device_ring_destroy(struct vgpu_device_ring *ring)
{
	struct vgpu_device *dev;

	if (!ring)
		return;
	dev = ring->dev;
	pthread_mutex_lock(&dev->control);
	vgpu_rings_drop(ring);
	pthread_mutex_unlock(&dev->control);
}

static int check_lost(struct vgpu_device_ring *ring)
{
	if (!READ_ONCE(ring->lost))
		return 0;
	return vgpu_message_set(&ring->dev->msg, -ENODEV,
				"the ring was lost when its device was reset: destroy it");
}

int vgpu_device_ring_start(struct vgpu_device_ring *ring)
{
	struct vgpu_device *dev = ring->dev;
	int ret;

	pthread_mutex_lock(&dev->control);
	ret = check_lost(ring);
	if (!ret) {
		ring->paused = false;
		if (READ_ONCE(dev->state) == VGPU_DEVICE_RUNNING) {
			ret = vgpu_rings_control(ring, VGPU_RING_START);
			if (!ret)
				vgpu_store_release(&ring->accepting, 1);
		}
	}
	pthread_mutex_unlock(&dev->control);
	return ret;
}

int vgpu_device_ring_pause(struct vgpu_device_ring *ring)
{
	struct vgpu_device *dev = ring->dev;
	int ret;

	pthread_mutex_lock(&dev->control);
	ret = check_lost(ring);
	if (!ret) {
		switch (READ_ONCE(ring->ring.hdr->state)) {
		case VGPU_RING_IDLE:
			ret = vgpu_message_set(&dev->msg, -ECANCELED,
					       "the ring is idle: start it before pausing it");
			break;
		case VGPU_RING_ERROR:
			ret = vgpu_message_set(&dev->msg, -EIO,
					       "the ring is in error: reset it");
			break;
		default:
			/* What got in before is drained, in that state. */
			vgpu_store_release(&ring->accepting, 0);
			ret = vgpu_rings_control(ring, VGPU_RING_PAUSE);
			ring->paused = true;
		}
	}
	pthread_mutex_unlock(&dev->control);
	return ret;
}

/* Its memory was broken: nothing in it can be believed any more. */
static int give_up(struct vgpu_device_ring *ring)
{
	struct vgpu_device *dev = ring->dev;

	/* In this order: what is lost is not used by the device any more. */
	dev->ops->ring_destroy(dev->backend, ring->id);
	vgpu_store_release(&ring->lost, 1);
	vgpu_results_reap(ring);
	return vgpu_message_set(&dev->msg, -ENODEV,
				"the ring's memory was overwritten: destroy it and make another");
}

static int reset_ring(struct vgpu_device_ring *ring)
{
	struct vgpu_device *dev = ring->dev;
	uint32_t was = READ_ONCE(ring->ring.hdr->state);
	uint64_t seen;
	int ret;

	if (was == VGPU_RING_ERROR)
		return give_up(ring);
	ret = vgpu_rings_control(ring, VGPU_RING_RESET);
	while (!ret && was != VGPU_RING_IDLE) {
		seen = dev->ops->events(dev->backend);
		if (READ_ONCE(ring->ring.hdr->state) == VGPU_RING_IDLE)
			break;
		ret = rings_step(ring, seen);
	}
	vgpu_results_reap(ring);
	return ret;
}

int vgpu_device_ring_reset(struct vgpu_device_ring *ring)
{
	struct vgpu_device *dev = ring->dev;
	int ret;

	pthread_mutex_lock(&dev->control);
	ret = check_lost(ring);
	if (!ret) {
		vgpu_store_release(&ring->accepting, 0);
		ring->paused = true;
		ret = reset_ring(ring);
	}
	pthread_mutex_unlock(&dev->control);
	return ret;
}

int vgpu_device_ring_get_stats(struct vgpu_device_ring *ring,
			   struct vgpu_device_ring_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	vgpu_results_reap(ring);
	stats->entries = ring->ring.sq_entries;
	stats->completed = READ_ONCE(ring->completed);
	stats->failed = READ_ONCE(ring->failed);
	stats->submitted = READ_ONCE(ring->ring.hdr->sq_tail) -
			   ring->ring.sq_entries;
	stats->overflows = READ_ONCE(ring->overflows);
	if (vgpu_load_acquire(&ring->lost)) {
		stats->state = VGPU_DEVICE_RING_LOST;
		return 0;
	}
	stats->state = READ_ONCE(ring->ring.hdr->state);
	stats->error = READ_ONCE(ring->ring.hdr->error);
	return 0;
}

const char *vgpu_device_ring_state_name(uint32_t state)
{
	static const char *const names[] = {
		[VGPU_DEVICE_RING_IDLE] = "idle",
		[VGPU_DEVICE_RING_RUNNING] = "running",
		[VGPU_DEVICE_RING_PAUSED] = "paused",
		[VGPU_DEVICE_RING_ERROR] = "error",
		[VGPU_DEVICE_RING_LOST] = "lost",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}
