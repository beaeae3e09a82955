// SPDX-License-Identifier: MIT
/*
 * The allocator of device memory: compaction.  The model says what to move
 * where; here the bytes are copied within the memfd, and a mapping of the
 * block is put in front of the new place.  The device is locked for one move
 * at a time.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "memory_move.h"
#include "memory_state.h"

/*
 * Carry out one move on a locked device.  The new mapping is made beforehand,
 * somewhere; putting it into the old one's place is one step for threads
 * that look at the address.
 */
static int move_block(struct device *d, const struct vgpu_vram_move *m)
{
	struct block *block = &d->blocks[vgpu_vram_slot(d->vram, m->handle)];
	uint64_t size = m->size;
	uint64_t end = m->from < m->to + size ? m->from : m->to + size;
	void *p = NULL;
	int err;

	if (block->cpu) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd,
			 (off_t)m->to);
		if (p == MAP_FAILED)
			return -errno;
	}
	err = memory_move(d->fd, m->from, m->to, size);
	if (!err && p &&
	    mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
		   block->cpu) == MAP_FAILED) {
		err = -errno;
		/* Back into pages that exist. */
		if (end < m->to + size)
			vgpu_assert(!memory_move(d->fd, m->to, m->from, size));
	}
	if (err && p)
		munmap(p, size);
	/* What is free again has to be a hole; clearing needs no memory. */
	if (err)
		vgpu_assert(!memory_clear(d->fd, m->to, end - m->to));
	else if (end < m->to + size)
		vgpu_assert(!memory_clear(d->fd, m->to + size,
					  m->from - m->to));
	else
		vgpu_assert(!memory_clear(d->fd, m->from, size));
	return err;
}

static int compact_device(struct vgpu_allocator *a, struct device *d,
			  uint64_t budget, struct vgpu_compact_result *sum)
{
	struct vgpu_vram_cursor c = { 0 };
	struct vgpu_vram_move m;
	uint64_t bytes = 0;
	int err = 0;
	int next;

	do {
		if (budget && bytes >= budget) {
			sum->finished = 0;
			return 0;
		}
		pthread_mutex_lock(&d->lock);
		next = vgpu_vram_compact_next(d->vram, &c, &m);
		if (next == 1) {
			err = move_block(d, &m);
			vgpu_vram_move_done(d->vram, m.handle, !err);
		}
		pthread_mutex_unlock(&d->lock);
		if (next == 1 && !err) {
			sum->moves++;
			sum->bytes += m.size;
			bytes += m.size;
		}
	} while (next && !err);
	if (err)
		memory_fail(a, err, "device %s: cannot move %llu bytes: %s",
		     d->id, m.size, strerror(-err));
	return err;
}

int vgpu_allocator_compact(struct vgpu_allocator *a, const char *device_id,
			   uint64_t budget, struct vgpu_compact_result *result)
{
	struct vgpu_compact_result sum = { .finished = 1 };
	struct device *d;
	uint64_t n;
	int err = 0;

	if (result && !memory_result_fits(result))
		return memory_fail(a, -EINVAL, "result: size is not set");
	if (device_id) {
		d = memory_device_find(a, device_id);
		if (!d)
			return -ENOENT;
		err = compact_device(a, d, budget, &sum);
	}
	for (n = 0; !device_id && !err && (d = memory_device_at(a, n)); n++)
		err = compact_device(a, d, budget, &sum);
	if (err)
		sum.finished = 0;
	if (result)
		memory_copy_result(result, &sum, sizeof(sum));
	return err;
}
