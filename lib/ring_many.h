/* SPDX-License-Identifier: MIT */
/*
 * The consumer's side of a ring for many consumers inside one process.
 *
 * The ring is that of uapi/vgpu_ring.h: the same slots, the same producers, the
 * same mark of a sleeper.  What differs is that the head is shared, and that a
 * consumer claims by advancing it.
 *
 * DOC: Copy, then claim
 *
 * A consumer first copies what is published from the head on, and then
 * advances the head by one compare and exchange.  If that succeeds, nobody
 * else had taken the entries, so no producer could have reserved their slots
 * again, and the copy is good; if it fails the copy is thrown away.  So a
 * consumer owns nothing between two steps: one that is preempted in the middle
 * keeps neither producers nor other consumers from anything, and the head
 * alone says what is free, just as it does with a single consumer.
 *
 * The price is that a copy may be made of memory that a producer is writing.
 * Such a copy is never looked at.  Compilers call it a data race all the same,
 * so under TSan the words are copied one by one, as atomic ones.
 */
#ifndef VGPU_LIB_RING_MANY_H
#define VGPU_LIB_RING_MANY_H

#include <stdint.h>

#include "vgpu_ring.h"

#ifdef __SANITIZE_THREAD__
#define VGPU_RING_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VGPU_RING_TSAN 1
#endif
#endif

VGPU_RING_INLINE void vgpu_ring_many_fill(struct vgpu_cmd *slot,
					  const struct vgpu_cmd *cmd)
{
#ifdef VGPU_RING_TSAN
	const uint64_t *from = (const uint64_t *)cmd;
	uint64_t *to = (uint64_t *)slot;

	__atomic_store_n((uint32_t *)slot, *(const uint32_t *)cmd,
			 __ATOMIC_RELAXED);
	for (int i = 1; i < 8; i++)
		__atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
#else
	vgpu_ring_fill(slot, cmd);
#endif
}

VGPU_RING_INLINE void vgpu_ring_many_copy(void *out,
					  const struct vgpu_cmd *slot)
{
#ifdef VGPU_RING_TSAN
	const uint64_t *from = (const uint64_t *)slot;
	uint64_t *to = (uint64_t *)out;

	to[0] = __atomic_load_n((const uint32_t *)slot, __ATOMIC_RELAXED);
	for (int i = 1; i < 8; i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
#else
	__builtin_memcpy((char *)out, (const char *)slot, sizeof(*slot));
#endif
}

/*
 * Take up to @max commands to @out, 64 bytes each, of which bytes 4 to 7 mean
 * nothing.  Returns how many, and the first one's position in *@pos; 0 if the
 * next one is not published, and then *@pos is that one's.
 */
VGPU_RING_INLINE uint32_t vgpu_ring_take(const struct vgpu_ring *r, void *out,
					 uint32_t max, __u64 *pos)
{
	char *to = (char *)out;
	/*
	 * Pairs with ring.take.cas: entries published together are seen
	 * together.  spin: ring.take.head
	 */
	__u64 head = vgpu_ring_load_acquire(&r->hdr->sq_head);
	uint32_t n, i;
	__u64 old;

	for (;;) {
		for (n = 0; n < max && vgpu_ring_published(r, head + n); n++)
			vgpu_ring_many_copy(to + 64 * (size_t)n,
					    vgpu_ring_slot(r, head + n));
		*pos = head;
		/*
		 * Loads do not pass the exchange below: without this every
		 * call would wait for its first line from the start.
		 */
		if (n == 1)
			__builtin_prefetch(vgpu_ring_slot(r, head + 6));
		else
			for (i = 0; i < n && i < 16; i++)
				__builtin_prefetch(vgpu_ring_slot(r, head + n + i));
		if (!n) {
			old = vgpu_ring_load_acquire(&r->hdr->sq_head);
			if (old == head)
				return 0;
		} else {
			/*
			 * The copies stay before this: it is a release.
			 * Pairs with ring.reserve.head.  spin: ring.take.cas
			 */
			old = vgpu_ring_cmpxchg(&r->hdr->sq_head, head,
						head + n);
			if (old == head)
				return n;
		}
		head = old;
	}
}

/*
 * Put the mark of a sleeper into the slot of @pos, which was the head a moment
 * ago.  Returns whether the head's slot has the mark; false if there is a
 * command, or may be.
 *
 * Others may have moved the head on since @pos was read, even around the ring.
 * So only the value of the lap before is exchanged: while a slot has that,
 * its position is not published, and the head is not beyond it.  A mark that
 * is there already is in the head's slot for the same reason.
 */
VGPU_RING_INLINE bool vgpu_ring_many_mark(const struct vgpu_ring *r, __u64 pos)
{
	__u32 *seq = &vgpu_ring_slot(r, pos)->seq;
	__u32 before = pos < 2 * (__u64)r->sq_entries ?
			       0 : vgpu_ring_seq(pos - r->sq_entries);
	__u32 old;

	/*
	 * Pairs with ring.commit.first, as ring.sleep.mark does.
	 * spin: ring.many.mark
	 */
	old = vgpu_ring_cmpxchg(seq, before, VGPU_RING_SEQ_WAIT);
	return old == before || (old & VGPU_RING_SEQ_WAIT);
}

/* Submit for a ring whose consumers copy before they claim. */
VGPU_RING_INLINE uint32_t vgpu_ring_many_submit(const struct vgpu_ring *r,
						const struct vgpu_cmd *cmds,
						uint32_t min, uint32_t n,
						bool *wake)
{
	uint32_t i;
	__u64 pos;

	*wake = false;
	n = vgpu_ring_reserve(r, min, n, &pos);
	if (!n)
		return 0;
	vgpu_ring_prefetch_slots(r, pos + (n > 1 ? n : 0), n);
	for (i = 0; i < n; i++)
		vgpu_ring_many_fill(vgpu_ring_slot(r, pos + i), &cmds[i]);
	*wake = vgpu_ring_commit(r, pos, n);
	return n;
}

#endif /* VGPU_LIB_RING_MANY_H */
