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

#include <linux/types.h>

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

#endif /* VGPU_RING_H */
