/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The user ring of a vgpu device: layout, protocol and inline helpers.
 *
 * A ring is one contiguous piece of memory: a header page, the submission
 * entries (64 bytes each), the completion entries (32 bytes each).  Programs
 * that nobody trusts write submissions; the device consumes them and writes
 * completions.  Neither side believes anything in this memory that it could
 * have kept to itself: the device's indices are private to it, and what it
 * publishes here are hints.
 *
 * DOC: Positions and sequence numbers
 *
 * A position counts entries from the creation of the ring and never wraps
 * (64 bits).  Entry number p lies in slot p & (entries - 1).  Positions start
 * at @entries, not at 0, so that zeroed memory reads as "not published": the
 * sequence number of position p is its low 31 bits, a slot that was never
 * written says 0, and the one before in the same slot said p - entries.
 *
 * DOC: Publishing and sleeping
 *
 * The sequence number is the last word of an entry to be written (release),
 * and the first to be read (acquire).  A consumer that is about to sleep puts
 * VGPU_RING_SEQ_WAIT into the very slot that it waits for, by a compare and
 * exchange against the value that it found there; a producer publishes the
 * first entry of a batch by an exchange.  Both are read-modify-writes of one
 * word, so they have one order: either the consumer's comes second, fails, and
 * it consumes the entry; or the producer's comes second, returns the mark, and
 * the producer rings the doorbell.  There is no third case, no flag in a line
 * of its own, and no fence.  The entries of a batch are published from the
 * last to the first, so that one exchange a batch is enough: nobody can wait
 * for the second entry before the first has been consumed.
 *
 * The same holds in the other direction: a program that waits for a completion
 * marks the completion's slot, and the device raises the ring's interrupt when
 * its exchange returns the mark.
 *
 * DOC: Room
 *
 * Producers reserve positions [t, t + n) by one compare and exchange of
 * @sq_tail, after they have seen that t + n - @sq_head <= entries.  They never
 * wait for each other; an entry reserved and not yet published reads as empty.
 * @sq_head is published by the device now and then, and always before it
 * sleeps.
 *
 * The device takes a command only when its completion has room, that is when
 * completions written and commands in flight, less @cq_head, are fewer than
 * the completion entries.  If it stops for that reason it sets
 * VGPU_RING_CQ_STALLED in @cq_head by a compare and exchange; whoever consumes
 * completions advances @cq_head by an exchange, and rings the doorbell when
 * that returns the mark.
 *
 * Rules for changing this file: see vgpu_device.h.
 */
#ifndef VGPU_RING_H
#define VGPU_RING_H

#include <linux/errno.h>
#include <linux/types.h>

#ifdef __KERNEL__
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/prefetch.h>
#include <linux/stddef.h>
#else
#include <stddef.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif
#endif

#define VGPU_RING_HEADER_BYTES	4096u
#define VGPU_RING_MIN_ENTRIES	8u
#define VGPU_RING_MAX_ENTRIES	65536u

/* The mark of a sleeping consumer in an entry's sequence number. */
#define VGPU_RING_SEQ_WAIT	0x80000000u
#define VGPU_RING_SEQ_MASK	0x7fffffffu

/* The mark of a stalled device in &vgpu_ring_header.cq_head. */
#define VGPU_RING_CQ_STALLED	(1ull << 63)

/**
 * struct vgpu_ring_header - the first page of a ring
 * @sq_entries: submission entries, a power of two.  Written when the ring is
 *	made; the device keeps its own copy and never reads this one.
 * @cq_entries: completion entries, a power of two, likewise.
 * @sq_tail: the next position that a producer may reserve; producers only
 * @sq_head_seen: the last @sq_head that a producer looked at; producers only
 * @sq_head: everything before this position may be overwritten; device only
 * @state: enum vgpu_ring_state as of the last change; device only, a hint
 * @error: the negative errno that put the ring into the error state, else 0;
 *	device only, a hint
 * @cq_head: everything before this position was consumed, and the mark
 *	VGPU_RING_CQ_STALLED; programs by exchange, device by compare and
 *	exchange
 *
 * Each group of fields with one writer has 128 bytes of its own, because
 * processors fetch lines in pairs.
 */
struct vgpu_ring_header {
	__u32 sq_entries;
	__u32 cq_entries;
	__u8 pad0[120];

	__u64 sq_tail;
	__u64 sq_head_seen;
	__u8 pad1[112];

	__u64 sq_head;
	__u32 state;
	__s32 error;
	__u8 pad2[112];

	__u64 cq_head;
	__u8 pad3[120];

	__u8 pad4[3584];
};

/**
 * struct vgpu_cmd - a submission entry, 64 bytes
 * @opcode: VGPU_CMD_*
 * @flags: VGPU_CMD_F_*
 * @seq: sequence number; written last
 * @user_data: comes back in the completion
 * @op: operands by opcode, see vgpu_device.h; those not used are zero
 */
struct vgpu_cmd {
	__u16 opcode;
	__u16 flags;
	__u32 seq;
	__u64 user_data;
	__u64 op[6];
} __attribute__((aligned(64)));

/**
 * struct vgpu_completion - a completion entry, 32 bytes
 * @user_data: that of the command
 * @status: 0 or a negative errno, see vgpu_device.h
 * @seq: sequence number; written last
 * @end_ns: device clock when the command ended; 0 without VGPU_RING_F_TIMES
 * @wait: from consumption to start, in units of 64 ns, saturating
 * @run: from start to end, in units of 64 ns, saturating
 */
struct vgpu_completion {
	__u64 user_data;
	__s32 status;
	__u32 seq;
	__u64 end_ns;
	__u32 wait;
	__u32 run;
} __attribute__((aligned(32)));

/* Bytes of a ring with @sq and @cq entries, before rounding up to a page. */
#define VGPU_RING_BYTES(sq, cq)						\
	(VGPU_RING_HEADER_BYTES + (__u64)(sq) * 64 + (__u64)(cq) * 32)


#ifdef __cplusplus
#define vgpu_ring_static_assert(cond)	static_assert(cond, #cond)
#else
#define vgpu_ring_static_assert(cond)	_Static_assert(cond, #cond)
#endif
#define vgpu_ring_offset(type, field)	__builtin_offsetof(struct type, field)

vgpu_ring_static_assert(sizeof(struct vgpu_ring_header) ==
			VGPU_RING_HEADER_BYTES);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_ring_header, sq_tail) == 128);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_ring_header, sq_head_seen) == 136);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_ring_header, sq_head) == 256);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_ring_header, state) == 264);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_ring_header, error) == 268);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_ring_header, cq_head) == 384);
vgpu_ring_static_assert(sizeof(struct vgpu_cmd) == 64);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_cmd, seq) == 4);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_cmd, user_data) == 8);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_cmd, op) == 16);
vgpu_ring_static_assert(sizeof(struct vgpu_completion) == 32);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_completion, status) == 8);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_completion, seq) == 12);
vgpu_ring_static_assert(vgpu_ring_offset(vgpu_completion, end_ns) == 16);

/*
 * Memory ordering, resolved at compile time.  A full-barrier read-modify-write
 * is what the protocol needs and what both worlds give.
 */
#ifdef __KERNEL__
#define vgpu_ring_load(p)		READ_ONCE(*(p))
#define vgpu_ring_store(p, v)		WRITE_ONCE(*(p), v)
/* Each use names its partner. */
#define vgpu_ring_load_acquire(p)	smp_load_acquire(p)
/* Likewise. */
#define vgpu_ring_store_release(p, v)	smp_store_release(p, v)
#define vgpu_ring_xchg(p, v)		xchg(p, v)
#define vgpu_ring_cmpxchg(p, o, n)	cmpxchg(p, o, n)
#define vgpu_ring_prefetchw(p)		prefetchw(p)
#define vgpu_ring_barrier()		barrier()
#define VGPU_RING_INLINE		static __always_inline
#else
#define vgpu_ring_load(p)		__atomic_load_n((p), __ATOMIC_RELAXED)
#define vgpu_ring_store(p, v)	\
	__atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define vgpu_ring_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define vgpu_ring_store_release(p, v)	\
	__atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define vgpu_ring_xchg(p, v)	\
	__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define vgpu_ring_cmpxchg(p, o, n)					\
__extension__({								\
	__typeof__(*(p)) vgpu_ring_old_ = (o);				\
									\
	__atomic_compare_exchange_n((p), &vgpu_ring_old_, (n), 0,	\
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);	\
	vgpu_ring_old_;							\
})
#ifdef __x86_64__
/* The builtin asks for a shared copy unless -mprfchw; we want to own it. */
#define vgpu_ring_prefetchw(p)	\
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)(p)))
#else
#define vgpu_ring_prefetchw(p)		__builtin_prefetch((p), 1)
#endif
#define vgpu_ring_barrier()		__asm__ volatile("" : : : "memory")
#define VGPU_RING_INLINE	\
	static inline __attribute__((always_inline, unused))
#endif

/*
 * How far ahead of a single entry the next lines are asked for: far enough that
 * they come in time, near enough that they do not leave again with the
 * consumer's processor, which fetches ahead as well.  Measured.
 */
#define VGPU_RING_PREFETCH		3u

/**
 * struct vgpu_ring - where one side has mapped a ring, and its sizes
 * @hdr: header page
 * @sq: submission entries
 * @cq: completion entries
 * @sq_entries: as the ring was made, not as ring memory says
 * @cq_entries: likewise
 *
 * Private to the side that holds it.  Every access to ring memory goes through
 * an address made of these and a masked position, whatever the memory says.
 */
struct vgpu_ring {
	struct vgpu_ring_header *hdr;
	struct vgpu_cmd *sq;
	struct vgpu_completion *cq;
	__u32 sq_entries;
	__u32 cq_entries;
};

/**
 * struct vgpu_ring_consumer - the device's own indices of a ring
 * @ring: where it is
 * @sq_head: the position to be consumed next
 * @sq_published: what &vgpu_ring_header.sq_head says
 * @cq_tail: the position of the completion to be written next
 * @cq_seen: the last @cq_head that was read and believed
 *
 * Every command consumed has exactly one completion, so the commands in flight
 * are the difference of @sq_head and @cq_tail, each less its ring's entries.
 */
struct vgpu_ring_consumer {
	struct vgpu_ring ring;
	__u64 sq_head;
	__u64 sq_published;
	__u64 cq_tail;
	__u64 cq_seen;
};

/**
 * struct vgpu_ring_reaper - a program's own indices of the completions
 * @ring: where the ring is
 * @head: the completion to be read next
 * @published: what &vgpu_ring_header.cq_head says, without the mark
 *
 * One thread at a time may use it.
 */
struct vgpu_ring_reaper {
	struct vgpu_ring ring;
	__u64 head;
	__u64 published;
};

VGPU_RING_INLINE bool vgpu_ring_entries_valid(__u64 n)
{
	return n >= VGPU_RING_MIN_ENTRIES && n <= VGPU_RING_MAX_ENTRIES &&
	       !(n & (n - 1));
}

VGPU_RING_INLINE __u32 vgpu_ring_seq(__u64 pos)
{
	return (__u32)pos & VGPU_RING_SEQ_MASK;
}

VGPU_RING_INLINE struct vgpu_cmd *vgpu_ring_slot(const struct vgpu_ring *r,
						 __u64 pos)
{
	return &r->sq[pos & (r->sq_entries - 1)];
}

VGPU_RING_INLINE struct vgpu_completion *
vgpu_ring_cslot(const struct vgpu_ring *r, __u64 pos)
{
	return &r->cq[pos & (r->cq_entries - 1)];
}

/* Say where a ring lies; @mem is page aligned, of VGPU_RING_BYTES or more. */
VGPU_RING_INLINE void vgpu_ring_attach(struct vgpu_ring *r, void *mem,
				       __u32 sq_entries, __u32 cq_entries)
{
	char *base = (char *)mem;

	r->hdr = (struct vgpu_ring_header *)base;
	r->sq = (struct vgpu_cmd *)(base + VGPU_RING_HEADER_BYTES);
	r->cq = (struct vgpu_completion *)(r->sq + sq_entries);
	r->sq_entries = sq_entries;
	r->cq_entries = cq_entries;
}

/* Write the memory of a ring that nobody uses yet, or nobody any more. */
VGPU_RING_INLINE void vgpu_ring_format(const struct vgpu_ring *r)
{
	__builtin_memset((void *)r->hdr, 0,
			 VGPU_RING_BYTES(r->sq_entries, r->cq_entries));
	r->hdr->sq_entries = r->sq_entries;
	r->hdr->cq_entries = r->cq_entries;
	r->hdr->sq_tail = r->sq_entries;
	r->hdr->sq_head_seen = r->sq_entries;
	r->hdr->sq_head = r->sq_entries;
	r->hdr->cq_head = r->cq_entries;
}

/*
 * DOC: Producers
 *
 * reserve, write the slots, commit; or submit, which does the three.
 */

/*
 * Reserve at most @max and at least @min positions.  Returns how many, from
 * *@pos on, or 0 if fewer than @min are free.  @depth, if it is not NULL, is
 * raised to the depth of the ring after the reservation whenever that had to
 * be found out, which is so at least when it exceeds @limit.  @limit is at
 * most @capacity, and that at most the entries.  @single: no other producer is
 * active.
 */
VGPU_RING_INLINE __u32 vgpu_ring_reserve_within(const struct vgpu_ring *r,
						bool single, __u64 limit,
						__u64 capacity, __u32 min,
						__u32 max, __u64 *pos,
						__u64 *depth)
{
	struct vgpu_ring_header *h = r->hdr;
	__u64 tail = vgpu_ring_load(&h->sq_tail);
	__u64 head, used, old;
	__u32 n;

	for (;;) {
		bool fresh = false;

		/* Pairs with ring.seen.publish: the slots were read before. */
		head = vgpu_ring_load_acquire(&h->sq_head_seen);
		used = tail - head;
		/*
		 * A tail that others have left behind makes @used negative,
		 * that is huge; so does one with marks in its upper bits.
		 */
		if (__builtin_expect(used > limit || limit - used < max, 0)) {
			/* Pairs with ring.head.publish. spin: ring.reserve.head */
			head = vgpu_ring_load_acquire(&h->sq_head);
			/* ring.seen.publish, pairs with the acquire above. */
			vgpu_ring_store_release(&h->sq_head_seen, head);
			used = tail - head;
			fresh = true;
			if (used > capacity) {
				old = vgpu_ring_load(&h->sq_tail);
				if (old == tail)
					return 0;
				tail = old;
				continue;
			}
		}
		n = capacity - used < max ? (__u32)(capacity - used) : max;
		if (n < min || !n)
			return 0;
		if (single) {
			vgpu_ring_store(&h->sq_tail, tail + n);
			break;
		}
		/*
		 * Orders nothing but the tail itself: the slots are ordered by
		 * @sq_head before and by their sequence numbers after.
		 * spin: ring.reserve.cas
		 */
		old = vgpu_ring_cmpxchg(&h->sq_tail, tail, tail + n);
		if (old == tail) {
			if (fresh && depth && *depth < used + n)
				*depth = used + n;
			break;
		}
		tail = old;
	}
	*pos = tail;
	return n;
}

/**
 * vgpu_ring_reserve() - reserve positions, many producers
 * @r: ring
 * @min: reserve nothing if fewer are free; @max for all or nothing
 * @max: as many as this
 * @pos: where they start
 *
 * Never waits.  What was reserved must be committed.
 *
 * Return: the number of positions, 0 if there is no room.
 */
VGPU_RING_INLINE __u32 vgpu_ring_reserve(const struct vgpu_ring *r, __u32 min,
					 __u32 max, __u64 *pos)
{
	return vgpu_ring_reserve_within(r, false, r->sq_entries, r->sq_entries,
					min, max, pos, NULL);
}

/* The same for a ring that has one producer. */
VGPU_RING_INLINE __u32 vgpu_ring_reserve_single(const struct vgpu_ring *r,
						__u32 min, __u32 max,
						__u64 *pos)
{
	return vgpu_ring_reserve_within(r, true, r->sq_entries, r->sq_entries,
					min, max, pos, NULL);
}

/*
 * Write a reserved slot.  The sequence number is left alone: a consumer's mark
 * may be put there at any time until commit.
 */
VGPU_RING_INLINE void vgpu_ring_fill(struct vgpu_cmd *slot,
				     const struct vgpu_cmd *cmd)
{
	__builtin_memcpy((char *)slot, (const char *)cmd, 4);
	__builtin_memcpy((char *)slot + 8, (const char *)cmd + 8, 56);
}

/*
 * Publish the entries of a reservation but the first, from the last on, so
 * that the first one publishes all.
 */
VGPU_RING_INLINE void vgpu_ring_commit_rest(const struct vgpu_ring *r,
					    __u64 pos, __u32 n)
{
	while (n-- > 1) {
		/* Pairs with ring.consume.seq. spin: ring.commit.rest */
		vgpu_ring_store_release(&vgpu_ring_slot(r, pos + n)->seq,
					vgpu_ring_seq(pos + n));
	}
}

/* Publish the first entry.  Returns whether a consumer sleeps on it. */
VGPU_RING_INLINE bool vgpu_ring_commit_first(const struct vgpu_ring *r,
					     __u64 pos)
{
	/*
	 * Pairs with ring.consume.seq (the data), and with ring.sleep.mark:
	 * whichever of the two comes second sees the first.
	 * spin: ring.commit.first
	 */
	return vgpu_ring_xchg(&vgpu_ring_slot(r, pos)->seq,
			      vgpu_ring_seq(pos)) & VGPU_RING_SEQ_WAIT;
}

/**
 * vgpu_ring_commit() - publish a reservation whose slots were written
 * @r: ring
 * @pos: from reserve
 * @n: from reserve, not 0
 *
 * Return: whether the doorbell must be rung.
 */
VGPU_RING_INLINE bool vgpu_ring_commit(const struct vgpu_ring *r, __u64 pos,
				       __u32 n)
{
	vgpu_ring_commit_rest(r, pos, n);
	return vgpu_ring_commit_first(r, pos);
}

/*
 * Ask for the slots that will be written next, so that the exchange of the
 * next commit does not wait for the line.
 */
VGPU_RING_INLINE void vgpu_ring_prefetch_slots(const struct vgpu_ring *r,
					       __u64 pos, __u32 n)
{
	if (n == 1) {
		vgpu_ring_prefetchw(vgpu_ring_slot(r, pos + VGPU_RING_PREFETCH));
		return;
	}
	while (n--)
		vgpu_ring_prefetchw(vgpu_ring_slot(r, pos + n));
}

VGPU_RING_INLINE __u32 vgpu_ring_submit_as(const struct vgpu_ring *r,
					   bool single,
					   const struct vgpu_cmd *cmds,
					   __u32 min, __u32 n, bool *doorbell)
{
	__u64 pos;
	__u32 i;

	n = vgpu_ring_reserve_within(r, single, r->sq_entries, r->sq_entries,
				     min, n, &pos, NULL);
	*doorbell = false;
	if (!n)
		return 0;
	vgpu_ring_prefetch_slots(r, pos + (n > 1 ? n : 0), n);
	for (i = 0; i < n; i++)
		vgpu_ring_fill(vgpu_ring_slot(r, pos + i), &cmds[i]);
	*doorbell = vgpu_ring_commit(r, pos, n);
	return n;
}

/**
 * vgpu_ring_submit() - copy commands into the ring, many producers
 * @r: ring
 * @cmds: commands; their @seq is not looked at
 * @min: submit nothing if there is room for fewer; @n for all or nothing
 * @n: how many
 * @doorbell: set to whether the doorbell must be rung
 *
 * Return: the number submitted, 0 if there is no room.
 */
VGPU_RING_INLINE __u32 vgpu_ring_submit(const struct vgpu_ring *r,
					const struct vgpu_cmd *cmds, __u32 min,
					__u32 n, bool *doorbell)
{
	return vgpu_ring_submit_as(r, false, cmds, min, n, doorbell);
}

/* The same for a ring that has one producer. */
VGPU_RING_INLINE __u32 vgpu_ring_submit_single(const struct vgpu_ring *r,
					       const struct vgpu_cmd *cmds,
					       __u32 min, __u32 n,
					       bool *doorbell)
{
	return vgpu_ring_submit_as(r, true, cmds, min, n, doorbell);
}

/*
 * DOC: The device's side
 *
 * One consumer, whose calls the caller serialises.  Ring memory may hold
 * anything and change at any time: a call reads or writes only slots of the
 * ring, ends after as many steps as its arguments say, and returns commands
 * copied to private memory, which are then to be validated there.
 */

/* Start with a ring that was just formatted. */
VGPU_RING_INLINE void vgpu_ring_consumer_init(struct vgpu_ring_consumer *c,
					      const struct vgpu_ring *r)
{
	c->ring = *r;
	c->sq_head = r->sq_entries;
	c->sq_published = r->sq_entries;
	c->cq_tail = r->cq_entries;
	c->cq_seen = r->cq_entries;
}

/* Whether position @pos is published; if so, its slot may be copied. */
VGPU_RING_INLINE bool vgpu_ring_published(const struct vgpu_ring *r, __u64 pos)
{
	/*
	 * ring.consume.seq: pairs with both stores of a commit.
	 * spin: ring.consume.seq
	 */
	return vgpu_ring_load_acquire(&vgpu_ring_slot(r, pos)->seq) ==
	       vgpu_ring_seq(pos);
}

/*
 * Put the mark of a sleeper into the slot of @pos.  Returns whether it is
 * there, and was before the position was published.
 */
VGPU_RING_INLINE bool vgpu_ring_mark_seq(__u32 *seq, __u64 pos)
{
	/* Pairs with the commit, as ring.consume.seq does. */
	__u32 old = vgpu_ring_load_acquire(seq);

	if (old == vgpu_ring_seq(pos))
		return false;
	if (old & VGPU_RING_SEQ_WAIT)
		return true;
	/*
	 * ring.sleep.mark: pairs with ring.commit.first; for completions with
	 * the exchange in vgpu_ring_complete().
	 * spin: ring.sleep.mark
	 */
	return vgpu_ring_cmpxchg(seq, old, VGPU_RING_SEQ_WAIT) == old;
}

/* Let producers have what was consumed. */
VGPU_RING_INLINE void vgpu_ring_publish_head(struct vgpu_ring_consumer *c)
{
	if (c->sq_published == c->sq_head)
		return;
	c->sq_published = c->sq_head;
	/*
	 * ring.head.publish: pairs with ring.reserve.head; our copies of the
	 * slots come before it.  spin: ring.head.publish
	 */
	vgpu_ring_store_release(&c->ring.hdr->sq_head, c->sq_head);
}

/**
 * vgpu_ring_consume() - copy published commands out of the ring
 * @c: consumer
 * @out: private memory for @max commands; their @seq means nothing
 * @max: no more than this, and no more than vgpu_ring_cq_room() said
 *
 * Return: how many were copied, 0 if the next one is not published.
 */
VGPU_RING_INLINE __u32 vgpu_ring_consume(struct vgpu_ring_consumer *c,
					 struct vgpu_cmd *out, __u32 max)
{
	const struct vgpu_ring *r = &c->ring;
	__u64 head = c->sq_head;
	__u32 n;

	for (n = 0; n < max && vgpu_ring_published(r, head + n); n++)
		__builtin_memcpy((char *)&out[n],
				 (const char *)vgpu_ring_slot(r, head + n),
				 sizeof(*out));
	/* From here on the copy is what counts: never read the slot again. */
	vgpu_ring_barrier();
	c->sq_head = head + n;
	if (n < max || c->sq_head - c->sq_published >= r->sq_entries / 4)
		vgpu_ring_publish_head(c);
	return n;
}

/**
 * vgpu_ring_prepare_sleep() - ask the next producer for a doorbell
 * @c: consumer
 *
 * Return: true if the caller may wait for the doorbell; false if there is a
 * command, or may be: look again.
 */
VGPU_RING_INLINE bool vgpu_ring_prepare_sleep(struct vgpu_ring_consumer *c)
{
	vgpu_ring_publish_head(c);
	return vgpu_ring_mark_seq(&vgpu_ring_slot(&c->ring, c->sq_head)->seq,
				  c->sq_head);
}

/*
 * Believe @raw as the program's cq_head: it lies between what was believed
 * before and what was written, or the program is broken.
 */
VGPU_RING_INLINE int vgpu_ring_believe_cq_head(struct vgpu_ring_consumer *c,
					       __u64 raw)
{
	__u64 head = raw & ~VGPU_RING_CQ_STALLED;

	if (head - c->cq_seen > c->cq_tail - c->cq_seen)
		return -EINVAL;
	c->cq_seen = head;
	return 0;
}

/* Completion entries that are neither unread nor promised to a command. */
VGPU_RING_INLINE __u32 vgpu_ring_cq_free(const struct vgpu_ring_consumer *c)
{
	return (__u32)(c->ring.sq_entries - c->sq_head + c->cq_seen);
}

/**
 * vgpu_ring_cq_room() - how many commands may be taken
 * @c: consumer
 * @want: look at ring memory only if fewer are known of
 *
 * Return: the number of commands whose completions have room, at most @want,
 * or -EINVAL if @cq_head is out of range: the ring is to be put into the error
 * state.
 */
VGPU_RING_INLINE int vgpu_ring_cq_room(struct vgpu_ring_consumer *c, __u32 want)
{
	if (vgpu_ring_cq_free(c) < want) {
		/* Pairs with ring.reap.head. spin: ring.cq.room */
		__u64 raw = vgpu_ring_load_acquire(&c->ring.hdr->cq_head);

		if (vgpu_ring_believe_cq_head(c, raw))
			return -EINVAL;
	}
	return (int)(vgpu_ring_cq_free(c) < want ? vgpu_ring_cq_free(c) : want);
}

/**
 * vgpu_ring_mark_stalled() - ask for a doorbell when completions are consumed
 * @c: consumer
 *
 * Return: 1 if there is no room and the caller may wait for the doorbell, 0 if
 * there is room, or may be: look again; -EINVAL as vgpu_ring_cq_room().
 */
VGPU_RING_INLINE int vgpu_ring_mark_stalled(struct vgpu_ring_consumer *c)
{
	/* Pairs with ring.reap.head. */
	__u64 raw = vgpu_ring_load_acquire(&c->ring.hdr->cq_head);

	if (vgpu_ring_believe_cq_head(c, raw))
		return -EINVAL;
	if (vgpu_ring_cq_free(c))
		return 0;
	vgpu_ring_publish_head(c);
	if (raw & VGPU_RING_CQ_STALLED)
		return 1;
	/*
	 * Pairs with ring.reap.head: whichever comes second sees the first.
	 * spin: ring.cq.stall
	 */
	return vgpu_ring_cmpxchg(&c->ring.hdr->cq_head, raw,
				 raw | VGPU_RING_CQ_STALLED) == raw;
}

/**
 * vgpu_ring_complete() - write the next completion
 * @c: consumer, with a command in flight
 * @done: completion; its @seq is not looked at
 *
 * Return: whether a program waits for it: raise the ring's interrupt.
 */
VGPU_RING_INLINE bool vgpu_ring_complete(struct vgpu_ring_consumer *c,
					 const struct vgpu_completion *done)
{
	__u64 pos = c->cq_tail++;
	struct vgpu_completion *slot = vgpu_ring_cslot(&c->ring, pos);

	/* All but the sequence number, which may get a mark meanwhile. */
	__builtin_memcpy((char *)slot, (const char *)done, 12);
	__builtin_memcpy((char *)slot + 16, (const char *)done + 16, 16);
	/*
	 * Pairs with ring.reap.seq (the data) and ring.sleep.mark.
	 * spin: ring.complete
	 */
	return vgpu_ring_xchg(&slot->seq, vgpu_ring_seq(pos)) &
	       VGPU_RING_SEQ_WAIT;
}

/*
 * DOC: The program's side of completions
 *
 * reap until it returns less than was asked for, then release; before waiting,
 * prepare_wait.  A release comes before every wait.
 */

/* Start with a ring that was just formatted. */
VGPU_RING_INLINE void vgpu_ring_reaper_init(struct vgpu_ring_reaper *p,
					    const struct vgpu_ring *r)
{
	p->ring = *r;
	p->head = r->cq_entries;
	p->published = r->cq_entries;
}

/**
 * vgpu_ring_reap() - copy completions out of the ring
 * @p: reaper
 * @out: memory for @max completions
 * @max: no more than this
 *
 * Return: how many were copied.
 */
VGPU_RING_INLINE __u32 vgpu_ring_reap(struct vgpu_ring_reaper *p,
				      struct vgpu_completion *out, __u32 max)
{
	struct vgpu_completion *slot;
	__u32 n;

	for (n = 0; n < max; n++) {
		slot = vgpu_ring_cslot(&p->ring, p->head);
		/*
		 * ring.reap.seq: pairs with the exchange in
		 * vgpu_ring_complete().  spin: ring.reap.seq
		 */
		if (vgpu_ring_load_acquire(&slot->seq) !=
		    vgpu_ring_seq(p->head))
			break;
		__builtin_memcpy((char *)&out[n], (const char *)slot,
				 sizeof(*out));
		p->head++;
	}
	vgpu_ring_barrier();
	return n;
}

/**
 * vgpu_ring_reap_release() - let the device have the completions reaped
 * @p: reaper
 *
 * Return: whether the doorbell must be rung.
 */
VGPU_RING_INLINE bool vgpu_ring_reap_release(struct vgpu_ring_reaper *p)
{
	if (p->published == p->head)
		return false;
	p->published = p->head;
	/*
	 * ring.reap.head: pairs with vgpu_ring_cq_room() (our copies come
	 * before it) and with the mark in vgpu_ring_mark_stalled().
	 * spin: ring.reap.head
	 */
	return (vgpu_ring_xchg(&p->ring.hdr->cq_head, p->head) &
		VGPU_RING_CQ_STALLED) != 0;
}

/**
 * vgpu_ring_prepare_wait() - ask for an interrupt at the next completion
 * @p: reaper, released
 *
 * Return: true if the caller may wait for the interrupt, false if there is a
 * completion, or may be: look again.
 */
VGPU_RING_INLINE bool vgpu_ring_prepare_wait(struct vgpu_ring_reaper *p)
{
	return vgpu_ring_mark_seq(&vgpu_ring_cslot(&p->ring, p->head)->seq,
				  p->head);
}

#endif /* VGPU_RING_H */
