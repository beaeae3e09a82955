// SPDX-License-Identifier: MIT
/*
 * The backend passthrough: the admin queue, from enabling the device on.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <time.h>

#include "wait.h"
#include "passthrough.h"

/* Between two looks at something of which no interrupt tells. */
#define VGPU_PASS_LOOK_NS	1000000u
/* A device that has not come up after this never will. */
#define VGPU_PASS_ENABLE_NS	(20 * VGPU_NS_PER_S)
/* How long memory is short, or refused, at most. */
#define VGPU_PASS_AGAIN_NS	(30 * VGPU_NS_PER_S)

#define ADMIN_BYTES							\
	((VGPU_RING_BYTES(VGPU_PASS_ENTRIES, VGPU_PASS_ENTRIES) +	\
	  VGPU_PAGE_BYTES - 1) & ~(uint64_t)(VGPU_PAGE_BYTES - 1))
#define ALL_BYTES	(ADMIN_BYTES + VGPU_PAGE_BYTES)

int vgpu_pass_admin_init(struct vgpu_pass *d)
{
	void *p;

	p = mmap(NULL, ALL_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	d->admin_mem = p;
	pthread_mutex_init(&d->admin_lock, NULL);
	return 0;
}

void vgpu_pass_admin_fini(struct vgpu_pass *d)
{
	pthread_mutex_destroy(&d->admin_lock);
	munmap(d->admin_mem, ALL_BYTES);
}

void vgpu_pass_look_again(void)
{
	const struct timespec t = { .tv_nsec = VGPU_PASS_LOOK_NS };

	nanosleep(&t, NULL);
}

/* Wait until an enable or a reset is over: the status then; ones: it has gone. */
uint32_t vgpu_pass_settled(struct vgpu_pass *d)
{
	uint64_t end_ns = vgpu_deadline_after_ns(VGPU_PASS_ENABLE_NS);
	uint32_t status;

	for (;;) {
		status = vgpu_vfio_read(&d->vfio, VGPU_REG_STATUS);
		if (status == ~0u || !(status & VGPU_STATUS_BUSY))
			return status;
		if (vgpu_now_ns() >= end_ns)
			return ~0u;
		vgpu_pass_look_again();
	}
}

/* The device's answer to an enable. */
static int wait_enabled(struct vgpu_pass *d)
{
	uint32_t status = vgpu_pass_settled(d);

	if ((status & (VGPU_STATUS_ENABLED | VGPU_STATUS_ERROR)) ==
	    VGPU_STATUS_ENABLED)
		return 0;
	/* It could not pin that memory. */
	return status == ~0u ? -ENODEV : -ENOSPC;
}

int vgpu_pass_enable(void *b)
{
	struct vgpu_pass *d = b;
	struct vgpu_vfio *v = &d->vfio;
	uint64_t iova;
	int ret;

	ret = vgpu_vfio_map(v, d->admin_mem, ALL_BYTES, &iova);
	if (ret)
		return ret;
	pthread_mutex_lock(&d->admin_lock);
	vgpu_vfio_write(v, VGPU_REG_ACCEPTED_LO, ~0u);
	vgpu_vfio_write(v, VGPU_REG_ACCEPTED_HI, ~0u);
	vgpu_vfio_write(v, VGPU_REG_ADMIN_LO, (uint32_t)iova);
	vgpu_vfio_write(v, VGPU_REG_ADMIN_HI, (uint32_t)(iova >> 32));
	vgpu_vfio_write(v, VGPU_REG_ADMIN_ENTRIES,
			VGPU_PASS_ENTRIES | VGPU_PASS_ENTRIES << 16);
	vgpu_vfio_write(v, VGPU_REG_CONTROL, VGPU_CONTROL_ENABLE);
	ret = wait_enabled(d);
	if (!ret) {
		vgpu_ring_attach(&d->admin, d->admin_mem, VGPU_PASS_ENTRIES,
				 VGPU_PASS_ENTRIES);
		vgpu_ring_reaper_init(&d->reaper, &d->admin);
		d->admin_iova = iova;
	}
	pthread_mutex_unlock(&d->admin_lock);
	if (ret)
		vgpu_vfio_unmap(v, iova, ALL_BYTES);
	return ret;
}

/* The device was reset: it gets that memory anew. */
void vgpu_pass_disable(struct vgpu_pass *d)
{
	pthread_mutex_lock(&d->admin_lock);
	if (d->admin_iova)
		vgpu_vfio_unmap(&d->vfio, d->admin_iova, ALL_BYTES);
	d->admin_iova = 0;
	pthread_mutex_unlock(&d->admin_lock);
}

/* With @lock: sleep until something has happened; no interrupt may tell. */
static void sleep_seen(struct vgpu_pass *d, uint64_t seen)
{
	uint64_t end_ns = vgpu_deadline_after_ns(d->irq_mask ?
						 VGPU_PASS_LOOK_NS :
						 VGPU_NS_PER_S);
	int ret = 0;

	d->waiters++;
	while (!ret && d->events == seen)
		ret = vgpu_cond_wait(&d->cond, &d->lock, end_ns);
	d->waiters--;
}

/* With @admin_lock: the completion of the one command that is out. */
static int admin_reap(struct vgpu_pass *d, struct vgpu_admin_completion *done)
{
	struct vgpu_completion *c = (struct vgpu_completion *)done;
	uint64_t seen;

	while (!vgpu_ring_reap(&d->reaper, c, 1)) {
		pthread_mutex_lock(&d->lock);
		seen = d->events;
		pthread_mutex_unlock(&d->lock);
		if (!vgpu_ring_prepare_wait(&d->reaper))
			continue;
		if (vgpu_vfio_read(&d->vfio, VGPU_REG_STATUS) &
		    VGPU_STATUS_ERROR)
			return -ENODEV;
		pthread_mutex_lock(&d->lock);
		sleep_seen(d, seen);
		pthread_mutex_unlock(&d->lock);
	}
	vgpu_ring_reap_release(&d->reaper);
	return 0;
}

/* With @admin_lock. */
static int admin_do(struct vgpu_pass *d, const struct vgpu_cmd *cmd,
		    u64 result[2])
{
	struct vgpu_admin_completion done;
	bool doorbell;
	int ret;

	if (!d->admin_iova)
		return -ENODEV;
	/* There is always room: one is out at a time. */
	vgpu_ring_submit_single(&d->admin, cmd, 1, 1, &doorbell);
	if (doorbell)
		vgpu_vfio_write(&d->vfio, VGPU_REG_ADMIN_DOORBELL, 1);
	ret = admin_reap(d, &done);
	if (ret)
		return ret;
	memcpy(result, done.result, sizeof(done.result));
	return done.status;
}

/*
 * An admin command.  "Try again" means that memory is being zeroed or moved, or
 * was taken away a moment ago: it comes, in a while.
 */
int vgpu_pass_do(struct vgpu_pass *d, const struct vgpu_cmd *cmd,
		 u64 result[2])
{
	uint64_t end_ns = 0;
	int ret;

	for (;;) {
		pthread_mutex_lock(&d->admin_lock);
		ret = admin_do(d, cmd, result);
		pthread_mutex_unlock(&d->admin_lock);
		if (ret != -EAGAIN)
			return ret;
		if (!end_ns)
			end_ns = vgpu_deadline_after_ns(VGPU_PASS_AGAIN_NS);
		else if (vgpu_now_ns() >= end_ns)
			return -ENOMEM;
		vgpu_pass_look_again();
	}
}

/* One with two operands at most. */
int vgpu_pass_do1(struct vgpu_pass *d, uint16_t opcode, uint64_t a, uint64_t b,
		  u64 result[2])
{
	struct vgpu_cmd cmd = { .opcode = opcode, .op = { a, b } };

	return vgpu_pass_do(d, &cmd, result);
}

/* One list of pages, that lie one behind the other.  With @admin_lock. */
static int pages_do(struct vgpu_pass *d, uint32_t object, uint64_t iova,
		    uint64_t first, uint64_t pages)
{
	uint64_t *list = (uint64_t *)(d->admin_mem + ADMIN_BYTES);
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_SYSTEM_PAGES,
		.op = { object, first, pages, d->admin_iova + ADMIN_BYTES },
	};
	u64 result[2];
	uint64_t i;

	for (i = 0; i < pages; i++)
		list[i] = iova + (first + i) * VGPU_PAGE_BYTES;
	return admin_do(d, &cmd, result);
}

/* Say where all @pages of an object are: from @iova on. */
int vgpu_pass_pages(struct vgpu_pass *d, uint32_t object, uint64_t iova,
		    uint64_t pages)
{
	uint64_t end_ns = vgpu_deadline_after_ns(VGPU_PASS_AGAIN_NS);
	uint64_t first = 0, n;
	int ret;

	while (first < pages) {
		n = min_t(uint64_t, pages - first, VGPU_PASS_LIST_PAGES);
		pthread_mutex_lock(&d->admin_lock);
		ret = pages_do(d, object, iova, first, n);
		pthread_mutex_unlock(&d->admin_lock);
		if (ret == -EAGAIN && vgpu_now_ns() < end_ns) {
			vgpu_pass_look_again();
			continue;
		}
		if (ret)
			return ret;
		first += n;
	}
	return 0;
}

static int counter_signal(struct vgpu_pass *d, const struct vgpu_cmd *cmd,
			  u64 result[2])
{
	int ret = vgpu_pass_do(d, cmd, result);

	/* For threads of this process that wait for it. */
	if (!ret)
		vgpu_pass_changed(d);
	return ret;
}

static int counter_count(struct vgpu_pass *d, const struct vgpu_cmd *cmd,
			 u64 result[2])
{
	int ret = vgpu_pass_do(d, cmd, result);

	pthread_mutex_lock(&d->lock);
	if (!ret)
		d->counters += cmd->opcode == VGPU_ADMIN_COUNTER_CREATE ? 1 : -1;
	pthread_mutex_unlock(&d->lock);
	return ret;
}

/* Of a change of state that comes by itself no interrupt tells. */
static int ring_control(struct vgpu_pass *d, const struct vgpu_cmd *cmd,
			u64 result[2])
{
	int ret = vgpu_pass_do(d, cmd, result);

	vgpu_pass_settling(d, (uint32_t)cmd->op[0],
			   ret == -EBUSY ||
			   (!ret && cmd->op[1] == VGPU_RING_RESET));
	return ret;
}

int vgpu_pass_admin(void *b, const struct vgpu_cmd *cmd, u64 result[2])
{
	switch (cmd->opcode) {
	case VGPU_ADMIN_BLOCK_CREATE:
		return vgpu_pass_block_create(b, cmd, result);
	case VGPU_ADMIN_OBJECT_DESTROY:
		return vgpu_pass_block_destroy(b, cmd);
	case VGPU_ADMIN_COUNTER_CREATE:
	case VGPU_ADMIN_COUNTER_DESTROY:
		return counter_count(b, cmd, result);
	case VGPU_ADMIN_COUNTER_SIGNAL:
		return counter_signal(b, cmd, result);
	case VGPU_ADMIN_RING_CONTROL:
		return ring_control(b, cmd, result);
	default:
		return vgpu_pass_do(b, cmd, result);
	}
}
