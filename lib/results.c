// SPDX-License-Identifier: MIT
/*
 * Results: what became of the commands of a ring, by ticket.
 *
 * A ring has room for the results of several times its entries.  A submission
 * takes the place of one that is as much older; whoever finds completions in
 * ring memory writes them down here.  Waiting for a ticket reads its place, and
 * knows from @state, before and after, that nobody has taken it meanwhile.  If
 * somebody has, the command has ended, and well unless it is among the failures
 * that the ring remembers.
 *
 * Exactly once: a position ends when its completion is reaped, or when its ring
 * is lost; both happen under @reap_lock, and only in state "submitted".
 */
#include <sched.h>

#include "device.h"

#define VGPU_REAP_BATCH		32u

static struct vgpu_result *result_at(struct vgpu_device_ring *ring,
				     uint64_t pos)
{
	return &ring->results[pos & ring->mask];
}

/* A position that was reserved is about to be committed. */
void vgpu_result_begin(struct vgpu_device_ring *ring, uint64_t pos,
		       const struct vgpu_command *cmd, uint64_t submit_ns,
		       uint64_t bytes, const struct vgpu_stage *stage)
{
	struct vgpu_result *res = result_at(ring, pos);

	/*
	 * The place is free unless others have overtaken us since we looked;
	 * then what is in it runs, and nothing that we hold keeps it from
	 * ending.  Pairs with the release of @low in advance().
	 */
	while (pos - vgpu_load_acquire(&ring->low) > ring->mask) {
		ring->dev->ops->run(ring->dev->backend, VGPU_REAP_BATCH);
		vgpu_results_reap(ring);
		sched_yield();
	}
	/*
	 * Nobody who reads what follows may still find the old state: pairs
	 * with the read-modify-write in vgpu_device_wait().
	 */
	vgpu_xchg(&res->state, (uint64_t)0);
	WRITE_ONCE(res->user_data, cmd->user_data);
	WRITE_ONCE(res->submit_ns, submit_ns);
	res->bytes = bytes;
	res->stage = *stage;
	/* Pairs with the acquire in end(), when the ring is lost. */
	vgpu_store_release(&res->state, 2 * pos);
}

/* The caller holds @reap_lock. */
static void remember_failure(struct vgpu_device_ring *ring, uint64_t pos,
			     int32_t status)
{
	struct vgpu_failure *f = &ring->failures[ring->failed % VGPU_FAILURES];

	if (f->pos > ring->forgotten)
		ring->forgotten = f->pos;
	f->pos = pos;
	f->status = status;
	WRITE_ONCE(ring->failed, ring->failed + 1);
}

/* Ends a position, if it was submitted and has not ended. */
static bool end(struct vgpu_device_ring *ring, uint64_t pos, int32_t status,
		uint64_t start_ns, uint64_t end_ns)
{
	struct vgpu_result *res = result_at(ring, pos);

	if (vgpu_load_acquire(&res->state) != 2 * pos)
		return false;
	status = vgpu_stage_end(ring->dev, &res->stage, status);
	WRITE_ONCE(res->status, status);
	WRITE_ONCE(res->start_ns, start_ns);
	WRITE_ONCE(res->end_ns, end_ns);
	__atomic_fetch_sub(&ring->dev->outstanding_bytes, res->bytes,
			   __ATOMIC_RELAXED);
	if (status)
		remember_failure(ring, pos, status);
	else
		WRITE_ONCE(ring->completed, ring->completed + 1);
	/* Pairs with the acquire in result_read(). */
	vgpu_store_release(&res->state, 2 * pos + 1);
	return true;
}

/* What has ended in one piece from the start on. */
static void advance(struct vgpu_device_ring *ring)
{
	uint64_t low = ring->low;

	while (READ_ONCE(result_at(ring, low)->state) == 2 * low + 1)
		low++;
	/* Pairs with vgpu_result_begin(): those places may be taken. */
	vgpu_store_release(&ring->low, low);
}

static bool end_completion(struct vgpu_device_ring *ring,
			   const struct vgpu_completion *c)
{
	uint64_t start_ns = 0;

	if (ring->times)
		start_ns = c->end_ns - (uint64_t)c->run * 64;
	return end(ring, c->user_data, c->status, start_ns, c->end_ns);
}

/* Writes down what has completed.  Returns how many commands that were. */
uint64_t vgpu_results_reap(struct vgpu_device_ring *ring)
{
	struct vgpu_completion batch[VGPU_REAP_BATCH];
	bool doorbell = false;
	uint64_t ended = 0;
	uint32_t i, n;

	pthread_mutex_lock(&ring->reap_lock);
	do {
		n = vgpu_ring_reap(&ring->reaper, batch, VGPU_REAP_BATCH);
		for (i = 0; i < n; i++)
			ended += end_completion(ring, &batch[i]);
	} while (n == VGPU_REAP_BATCH);
	if (ended) {
		advance(ring);
		doorbell = vgpu_ring_reap_release(&ring->reaper);
	}
	pthread_mutex_unlock(&ring->reap_lock);
	if (doorbell && !vgpu_load_acquire(&ring->lost))
		ring->dev->ops->doorbell(ring->dev->backend, ring->id);
	if (vgpu_load_acquire(&ring->lost)) {
		/* Until the reset is over, the device may use their memory. */
		pthread_rwlock_rdlock(&ring->dev->epoch_lock);
		pthread_rwlock_unlock(&ring->dev->epoch_lock);
		vgpu_results_lose(ring);
	}
	return ended;
}

/* The device has forgotten the ring: what has not ended never will. */
void vgpu_results_lose(struct vgpu_device_ring *ring)
{
	uint64_t pos, head, tail;

	pthread_mutex_lock(&ring->reap_lock);
	head = READ_ONCE(ring->ring.hdr->sq_head);
	tail = READ_ONCE(ring->ring.hdr->sq_tail);
	for (pos = ring->low; pos < tail; pos++)
		end(ring, pos, pos < head ? -ENODEV : -ECANCELED, 0, 0);
	advance(ring);
	pthread_mutex_unlock(&ring->reap_lock);
}

/* Whether everything that was submitted has ended, and was seen to. */
bool vgpu_results_idle(const struct vgpu_device_ring *ring)
{
	return vgpu_load_acquire(&ring->low) ==
	       READ_ONCE(ring->ring.hdr->sq_tail);
}

uint64_t vgpu_results_reap_all(struct vgpu_device *dev)
{
	uint64_t ended = 0;
	uint32_t i, n;

	pthread_rwlock_rdlock(&dev->rings_lock);
	for (i = 0, n = dev->n_rings; i < VGPU_DEVICE_RINGS && n; i++) {
		if (!dev->rings[i])
			continue;
		ended += vgpu_results_reap(dev->rings[i]);
		n--;
	}
	pthread_rwlock_unlock(&dev->rings_lock);
	return ended;
}

static bool all_idle(struct vgpu_device *dev)
{
	bool idle = true;
	uint32_t i;

	pthread_rwlock_rdlock(&dev->rings_lock);
	for (i = 0; i < VGPU_DEVICE_RINGS && idle; i++)
		idle = !dev->rings[i] || vgpu_results_idle(dev->rings[i]);
	pthread_rwlock_unlock(&dev->rings_lock);
	return idle;
}

int64_t vgpu_device_process(struct vgpu_device *dev, uint32_t max)
{
	int64_t ended = 0;
	uint32_t ran, budget;

	if (vgpu_device_check_up(dev))
		return -ENODEV;
	do {
		budget = VGPU_REAP_BATCH;
		if (max && max - ended < budget)
			budget = max - ended;
		ran = dev->ops->run(dev->backend, budget);
		ended += (int64_t)vgpu_results_reap_all(dev);
	} while (ran && (!max || ended < max));
	return ended;
}

/*
 * What the place of @pos says.  1: ended, and @info tells; 0: not yet; -ESTALE.
 */
static int result_read(struct vgpu_device_ring *ring, uint64_t pos,
		       struct vgpu_completion_info *info)
{
	struct vgpu_result *res = result_at(ring, pos);
	/* Pairs with the releases in end() and vgpu_result_begin(). */
	uint64_t state = vgpu_load_acquire(&res->state);

	if (state == 2 * pos)
		return 0;
	if (state != 2 * pos + 1)
		return -ESTALE;
	info->status = READ_ONCE(res->status);
	info->user_data = READ_ONCE(res->user_data);
	info->submit_ns = READ_ONCE(res->submit_ns);
	info->start_ns = READ_ONCE(res->start_ns);
	info->end_ns = READ_ONCE(res->end_ns);
	/*
	 * A read-modify-write keeps the reads above before it; pairs with the
	 * exchange in vgpu_result_begin().
	 */
	if (__atomic_fetch_add(&res->state, 0, __ATOMIC_ACQ_REL) != state)
		return -ESTALE;
	info->ended = 1;
	return 1;
}

/*
 * @pos has ended, and its place was taken: 1, with its status, or -ESTALE if
 * too many have failed since to know.
 */
static int recall(struct vgpu_device_ring *ring, uint64_t pos,
		  struct vgpu_completion_info *info)
{
	int ret = 1;
	uint32_t i;

	memset(info, 0, sizeof(*info));
	pthread_mutex_lock(&ring->reap_lock);
	for (i = 0; i < VGPU_FAILURES; i++)
		if (ring->failures[i].pos == pos)
			break;
	if (i < VGPU_FAILURES)
		info->status = ring->failures[i].status;
	else if (pos <= ring->forgotten)
		ret = -ESTALE;
	pthread_mutex_unlock(&ring->reap_lock);
	info->ended = ret == 1;
	return ret;
}

static int look(struct vgpu_device_ring *ring, uint64_t pos,
		struct vgpu_completion_info *info)
{
	int ret = result_read(ring, pos, info);

	if (ret)
		return ret;
	vgpu_results_reap(ring);
	return result_read(ring, pos, info);
}

static int wait_ring(struct vgpu_device_ring *ring, uint64_t pos,
		     uint64_t deadline_ns, struct vgpu_completion_info *info)
{
	struct vgpu_device *dev = ring->dev;
	uint64_t seen;
	int ret;

	for (;;) {
		/* Before looking: what comes later changes it. */
		seen = dev->ops->events(dev->backend);
		ret = look(ring, pos, info);
		if (ret)
			return ret;
		if (dev->ops->run(dev->backend, VGPU_REAP_BATCH)) {
			ret = look(ring, pos, info);
			if (ret)
				return ret;
			if (deadline_ns != VGPU_FOREVER &&
			    vgpu_now_ns() >= deadline_ns)
				return -ETIMEDOUT;
			continue;
		}
		ret = look(ring, pos, info);
		if (ret)
			return ret;
		ret = dev->ops->wait(dev->backend, seen, deadline_ns);
		if (ret)
			return ret;
	}
}

int vgpu_device_wait(struct vgpu_device *dev, uint64_t ticket,
		     uint64_t deadline_ns, struct vgpu_completion_info *info)
{
	struct vgpu_completion_info local;
	uint64_t pos = ticket & VGPU_TICKET_MASK;
	struct vgpu_device_ring *ring;
	int ret;

	if (!info)
		info = &local;
	memset(info, 0, sizeof(*info));
	ring = vgpu_rings_get(dev, ticket >> VGPU_TICKET_SHIFT);
	if (!ring || pos < ring->ring.sq_entries ||
	    pos >= READ_ONCE(ring->ring.hdr->sq_tail)) {
		if (ring)
			vgpu_rings_put(ring);
		return vgpu_message_set(&dev->msg, -EINVAL,
					"ticket 0x%llx was not given by a ring of this device that still exists",
					(unsigned long long)ticket);
	}
	ret = wait_ring(ring, pos, deadline_ns, info);
	if (ret == -ESTALE)
		ret = recall(ring, pos, info);
	vgpu_rings_put(ring);
	if (ret == 1)
		return info->status;
	memset(info, 0, sizeof(*info));
	if (ret == -ESTALE)
		vgpu_message_set(&dev->msg, ret,
				 "ticket 0x%llx has ended, but more than %u commands of its ring have failed since, and nobody knows whether it had: wait sooner",
				 (unsigned long long)ticket, VGPU_FAILURES);
	return ret;
}

int vgpu_device_wait_idle(struct vgpu_device *dev, uint64_t deadline_ns)
{
	uint64_t seen;
	int ret;

	if (vgpu_device_check_up(dev))
		return -ENODEV;
	for (;;) {
		seen = dev->ops->events(dev->backend);
		vgpu_results_reap_all(dev);
		if (all_idle(dev))
			return 0;
		if (dev->ops->run(dev->backend, VGPU_REAP_BATCH)) {
			if (deadline_ns != VGPU_FOREVER &&
			    vgpu_now_ns() >= deadline_ns)
				return -ETIMEDOUT;
			continue;
		}
		vgpu_results_reap_all(dev);
		if (all_idle(dev))
			return 0;
		ret = dev->ops->wait(dev->backend, seen, deadline_ns);
		if (ret)
			return ret;
	}
}
