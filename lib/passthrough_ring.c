// SPDX-License-Identifier: MIT
/*
 * The backend passthrough: rings, and waiting for what the device does.
 *
 * The device interrupts for a completion whose slot is marked.  So whoever waits
 * for anything marks, in each ring, the slot of the next completion; what is
 * there by then is what has happened meanwhile.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wait.h"
#include "passthrough.h"

/* Between two looks at something of which no interrupt tells. */
#define VGPU_PASS_POLL_NS	1000000u
/* How long a waiting thread looks before it asks for an interrupt. */
#define VGPU_PASS_SPIN_NS	20000u

static uint64_t ring_bytes(uint32_t entries)
{
	uint64_t bytes = VGPU_RING_BYTES(entries, entries);

	return (bytes + VGPU_PAGE_BYTES - 1) & ~(uint64_t)(VGPU_PAGE_BYTES - 1);
}

static void ring_add(struct vgpu_pass *d, const struct vgpu_backend_ring *how,
		     uint32_t id, uint32_t object, void *mem)
{
	struct vgpu_pass_ring *r = &d->rings[id & 0xffff];

	pthread_mutex_lock(&d->lock);
	vgpu_ring_attach(&r->ring, mem, how->entries, how->entries);
	r->frontier = how->entries;
	r->object = object;
	r->settling = false;
	WRITE_ONCE(r->context, how->context);
	r->id = id;
	d->n_rings++;
	pthread_mutex_unlock(&d->lock);
}

/* With @lock.  What was counted of it stays counted. */
static void ring_remove(struct vgpu_pass *d, struct vgpu_pass_ring *r)
{
	d->events += r->frontier;
	d->n_rings--;
	r->id = 0;
}

int vgpu_pass_ring_create(void *b, const struct vgpu_backend_ring *ring,
			  uint32_t *id, void **mem)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_RING_CREATE,
		.op = {
			ring->context, 0,
			ring->entries | (uint64_t)ring->entries << 32,
			ring->flags | (uint64_t)ring->priority << 32 |
				(uint64_t)ring->vector << 40,
		},
	};
	uint64_t bytes = ring_bytes(ring->entries);
	struct vgpu_pass *d = b;
	uint32_t object;
	u64 result[2];
	int ret;

	/* Its doorbell is in BAR0, whatever the device has said. */
	if ((ring->context & 0xffff) >= VGPU_DOORBELL_PAGES)
		return -EPROTO;
	*mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*mem == MAP_FAILED)
		return -ENOMEM;
	ret = vgpu_pass_system(d, *mem, bytes, NULL, &object);
	if (ret)
		goto err_mem;
	cmd.op[1] = object;
	ret = vgpu_pass_do(d, &cmd, result);
	if (ret)
		goto err_object;
	*id = (uint32_t)result[0];
	if ((*id & 0xffff) < d->n_ids) {
		ring_add(d, ring, *id, object, *mem);
		return 0;
	}
	/* The device has given an id that it cannot have. */
	vgpu_pass_do1(d, VGPU_ADMIN_RING_DESTROY, *id, 0, result);
	ret = -EPROTO;

err_object:
	vgpu_pass_object_end(d, object);
err_mem:
	munmap(*mem, bytes);
	return ret;
}

void vgpu_pass_ring_destroy(void *b, uint32_t id)
{
	struct vgpu_pass *d = b;
	struct vgpu_pass_ring *r = &d->rings[id & 0xffff];
	uint32_t object;
	u64 result[2];

	pthread_mutex_lock(&d->lock);
	object = r->object;
	ring_remove(d, r);
	pthread_mutex_unlock(&d->lock);
	vgpu_pass_do1(d, VGPU_ADMIN_RING_DESTROY, id, 0, result);
	/* It is the ring's until no command of it is under way. */
	vgpu_pass_object_end(d, object);
}

void vgpu_pass_ring_free(void *b, void *mem, uint32_t entries)
{
	(void)b;
	munmap(mem, ring_bytes(entries));
}

/* The device was reset, and knows none any more. */
void vgpu_pass_rings_end(struct vgpu_pass *d)
{
	uint32_t i;

	pthread_mutex_lock(&d->lock);
	for (i = 0; d->n_rings; i++)
		if (d->rings[i].id)
			ring_remove(d, &d->rings[i]);
	pthread_mutex_unlock(&d->lock);
}

void vgpu_pass_settling(struct vgpu_pass *d, uint32_t ring, bool settling)
{
	pthread_mutex_lock(&d->lock);
	d->rings[ring & 0xffff].settling = settling;
	pthread_mutex_unlock(&d->lock);
}

void vgpu_pass_doorbell(void *b, uint32_t ring)
{
	struct vgpu_pass *d = b;
	uint32_t context = READ_ONCE(d->rings[ring & 0xffff].context);

	vgpu_vfio_write(&d->vfio, VGPU_BAR0_DOORBELLS +
			(context & 0xffff) * VGPU_DOORBELL_PAGE, ring);
}

/* With @lock: something that somebody may wait for has happened. */
static void changed(struct vgpu_pass *d)
{
	d->events++;
	if (d->waiters)
		pthread_cond_broadcast(&d->cond);
}

void vgpu_pass_changed(struct vgpu_pass *d)
{
	pthread_mutex_lock(&d->lock);
	changed(d);
	pthread_mutex_unlock(&d->lock);
}

/*
 * With @lock: how far completions are published.  Whoever reaps them may do so
 * at the same time, and the device write the next into their slots.
 */
static uint64_t ring_advance(struct vgpu_pass_ring *r)
{
	uint64_t read = vgpu_ring_load(&r->ring.hdr->cq_head) &
			~VGPU_RING_CQ_STALLED;

	if ((int64_t)(read - r->frontier) > 0)
		r->frontier = read;
	/* Pairs with the exchange in vgpu_ring_complete(). */
	while (vgpu_ring_load_acquire(&vgpu_ring_cslot(&r->ring,
						       r->frontier)->seq) ==
	       vgpu_ring_seq(r->frontier))
		r->frontier++;
	return r->frontier;
}

/*
 * With @lock: mark the slot at the frontier; false: it is published by now.  It
 * is marked only if it says what it said before, one turn of the ring ago:
 * anything else has been written since.
 */
static bool ring_mark(struct vgpu_pass_ring *r)
{
	uint64_t pos = r->frontier, entries = r->ring.cq_entries;
	uint32_t before = pos < 2 * entries ? 0 : vgpu_ring_seq(pos - entries);
	uint32_t old;

	/* As in vgpu_ring_mark_seq(). */
	old = vgpu_ring_cmpxchg(&vgpu_ring_cslot(&r->ring, pos)->seq, before,
				VGPU_RING_SEQ_WAIT);
	return old == before || old & VGPU_RING_SEQ_WAIT;
}

/* With @lock. */
static uint64_t events(struct vgpu_pass *d)
{
	uint64_t sum = d->events;
	uint32_t i, n;

	for (i = 0, n = d->n_rings; n; i++) {
		if (!d->rings[i].id)
			continue;
		sum += ring_advance(&d->rings[i]);
		n--;
	}
	return sum;
}

/*
 * With @lock: ask for interrupts.  False: something has happened.  @poll: there
 * is something that none will tell of.
 */
static bool mark_all(struct vgpu_pass *d, bool *poll)
{
	struct vgpu_pass_ring *r;
	uint32_t i, n;

	*poll = d->irq_mask;
	for (i = 0, n = d->n_rings; n; i++) {
		r = &d->rings[i];
		if (!r->id)
			continue;
		n--;
		if (r->settling)
			*poll = true;
		if (!ring_mark(r))
			return false;
	}
	return true;
}

uint64_t vgpu_pass_events(void *b)
{
	struct vgpu_pass *d = b;
	uint64_t sum;

	pthread_mutex_lock(&d->lock);
	sum = events(d);
	pthread_mutex_unlock(&d->lock);
	return sum;
}

/* The device runs by itself. */
uint32_t vgpu_pass_run(void *b, uint32_t max)
{
	(void)b;
	(void)max;
	return 0;
}

/* Most commands end sooner than a thread falls asleep. */
static bool spin(struct vgpu_pass *d, uint64_t seen, uint64_t deadline_ns)
{
	uint64_t end_ns = min_t(uint64_t, deadline_ns,
				vgpu_deadline_after_ns(VGPU_PASS_SPIN_NS));

	do {
		if (vgpu_pass_events(d) != seen)
			return true;
		sched_yield();
	} while (vgpu_now_ns() < end_ns);
	return false;
}

/* With @lock. */
static int sleep_once(struct vgpu_pass *d, uint64_t deadline_ns, bool poll)
{
	uint64_t until_ns = deadline_ns;
	int ret;

	if (poll)
		until_ns = min_t(uint64_t, until_ns,
				 vgpu_deadline_after_ns(VGPU_PASS_POLL_NS));
	d->waiters++;
	ret = vgpu_cond_wait(&d->cond, &d->lock, until_ns);
	d->waiters--;
	/* It may have happened: the caller is to look. */
	if (ret && poll && vgpu_now_ns() < deadline_ns) {
		d->events++;
		return 0;
	}
	return ret;
}

int vgpu_pass_wait(void *b, uint64_t seen, uint64_t deadline_ns)
{
	struct vgpu_pass *d = b;
	bool poll;
	int ret = 0;

	if (spin(d, seen, deadline_ns))
		return 0;
	pthread_mutex_lock(&d->lock);
	while (!ret && events(d) == seen && mark_all(d, &poll))
		ret = sleep_once(d, deadline_ns, poll);
	pthread_mutex_unlock(&d->lock);
	return ret;
}

/* Takes interrupts, until the device is closed. */
void *vgpu_pass_thread(void *b)
{
	struct vgpu_pass *d = b;
	bool quit = false;
	int fd;
	uint64_t n;

	while (!quit && read(d->vfio.irq_fd, &n, sizeof(n)) == sizeof(n)) {
		pthread_mutex_lock(&d->lock);
		changed(d);
		quit = d->quit;
		fd = d->user_fd;
		pthread_mutex_unlock(&d->lock);
		/* Full only after 2^64 - 2 interrupts that nobody read. */
		if (fd >= 0 && write(fd, &n, sizeof(n)) < 0)
			continue;
	}
	return NULL;
}
