/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Allocator of a tenant's VRAM: offsets 0 to size, in banks that no block
 * crosses.  It only keeps the books; nobody reads or writes VRAM here.
 *
 * The state is one piece of memory given by the caller, without a pointer in
 * it: copying the piece serialises it, and vgpu_vram_validate() decides
 * whether a copy from somewhere else may be used.  The caller serialises all
 * calls on one allocator.
 */
#ifndef VGPU_MODEL_VRAM_H
#define VGPU_MODEL_VRAM_H

#include "os.h"

#define VGPU_VRAM_GRANULE_SHIFT	8
#define VGPU_VRAM_GRANULE	(1u << VGPU_VRAM_GRANULE_SHIFT)
#define VGPU_VRAM_SIZE_STEP	4096u		/* size is a multiple of it */
#define VGPU_VRAM_MAX_SIZE	(1ull << 40)
#define VGPU_VRAM_MIN_BANK	12
#define VGPU_VRAM_MAX_BANK	30
#define VGPU_VRAM_MAX_BANKS	(1u << 16)
#define VGPU_VRAM_MAX_BLOCKS	(1u << 18)
#define VGPU_VRAM_FLAGS		0xffu		/* flags a block may carry */

struct vgpu_vram;

/* A block: what the caller asked for, and where it is now. */
struct vgpu_vram_block {
	u64 offset;
	u64 size;		/* bytes asked for */
	u64 reserved;		/* bytes taken: size rounded up to granules */
	u64 align;
	u32 pins;
	u32 flags;		/* as given to vgpu_vram_alloc() */
};

/* All in bytes, but for count and fragmentation. */
struct vgpu_vram_stats {
	u64 total;
	u64 allocated;		/* sum of what blocks take, rounding included */
	u64 requested;		/* sum of what was asked for */
	u64 free;		/* total, less allocated, less a move's target */
	u64 peak;		/* largest allocated so far */
	u64 largest_free;	/* largest extent that is free in one piece */
	u32 count;		/* blocks */
	u32 fragmentation;	/* 1000 * (1 - largest_free / free), 0 if none */
};

enum vgpu_vram_state {
	VGPU_VRAM_FREE,
	VGPU_VRAM_USED,
	VGPU_VRAM_PINNED,
	VGPU_VRAM_MOVING,	/* source, and for an overlapping move target */
	VGPU_VRAM_TARGET,	/* target of a move that does not overlap */
};

/* A stretch of memory in a walk in address order. */
struct vgpu_vram_extent_info {
	u64 offset;
	u64 size;
	u32 handle;		/* 0 unless a block */
	u32 state;		/* enum vgpu_vram_state */
};

/*
 * A place in address order, for walks and compaction.  Starts as all zeroes;
 * stays usable whatever happens to the blocks between two calls.
 */
struct vgpu_vram_cursor {
	u64 pos;
	u32 hint;
	u32 pad;
};

/*
 * One step of a compaction: copy size bytes from one offset to the other.
 * The ranges may overlap, to is always below from: copy in ascending order,
 * in pieces of which each is read before any of it is written.
 */
struct vgpu_vram_move {
	u64 from;
	u64 to;
	u64 size;
	u32 handle;
	u32 pad;
};

/*
 * Bytes of state for an allocator, a multiple of 8; 0 if it cannot exist.
 * size: 4096 to 1 TiB, a multiple of 4096.  bank_shift: 12 to 30, at most
 * 65,536 banks; the last one may be partial.  max_blocks: 1 to 262,144.
 */
u64 vgpu_vram_bytes(u64 size, u32 bank_shift, u32 max_blocks);

/*
 * Build an empty allocator in mem, which is zero and 8-byte aligned; -EINVAL as
 * above.  What is not in use yet is not touched.  It may grow to most_blocks:
 * handles have room for as many.
 */
int vgpu_vram_init(void *mem, u64 bytes, u64 size, u32 bank_shift,
		   u32 max_blocks, u32 most_blocks);

/*
 * Make a copy of v with room for more blocks, max_blocks, in mem, which is as
 * above.  Handles and slots stay what they are.  -EINVAL.
 */
int vgpu_vram_grow(const struct vgpu_vram *v, void *mem, u64 bytes,
		   u32 max_blocks);

/*
 * Whether bytes at mem, 8-byte aligned, are a state that this file could
 * have produced: 0 or -EINVAL.  mem may hold anything; nothing outside of it
 * is touched and the time is linear in bytes.  The geometry is the state's
 * own: compare it with vgpu_vram_geometry() before use.
 */
int vgpu_vram_validate(const void *mem, u64 bytes);

void vgpu_vram_geometry(const struct vgpu_vram *v, u64 *size, u32 *bank_shift,
			u32 *max_blocks);

/*
 * Allocate size bytes at a multiple of align, a power of two from 256 to the
 * bank's size.  flags are kept with the block and mean nothing here.
 * -EINVAL: size 0 or above a bank, bad align, unknown flags.  -ENOMEM: no
 * hole found, or max_blocks reached.  The search is bounded: where several
 * hundred holes are of nearly the size asked for, one that fits may be missed.
 */
int vgpu_vram_alloc(struct vgpu_vram *v, u64 size, u64 align, u32 flags,
		    u32 *handle);

/* -ENOENT: no such block.  -EBUSY: pinned, or being moved. */
int vgpu_vram_free(struct vgpu_vram *v, u32 handle);

/*
 * A block with pins neither moves nor goes.  -ENOENT; pin: -EBUSY while being
 * moved, -EOVERFLOW; unpin: -EINVAL if it has no pin.
 */
int vgpu_vram_pin(struct vgpu_vram *v, u32 handle);
int vgpu_vram_unpin(struct vgpu_vram *v, u32 handle);

/* -ENOENT.  While a block is being moved, offset is where it comes from. */
int vgpu_vram_info(const struct vgpu_vram *v, u32 handle,
		   struct vgpu_vram_block *b);

/*
 * A number for a live block, from 1 to below vgpu_vram_slots(), that no other
 * live block has, so that a caller can keep an array beside the blocks; 0 if
 * the handle is stale.
 */
u32 vgpu_vram_slot(const struct vgpu_vram *v, u32 handle);
u32 vgpu_vram_slots(const struct vgpu_vram *v);

void vgpu_vram_stats(const struct vgpu_vram *v, struct vgpu_vram_stats *s);

/* Next extent in address order: 1, or 0 behind the last. */
int vgpu_vram_walk(const struct vgpu_vram *v, struct vgpu_vram_cursor *c,
		   struct vgpu_vram_extent_info *x);

/*
 * Begin the next move of a compaction that packs blocks towards offset 0:
 * 1: m says what to copy, vgpu_vram_move_done() must follow; 0: finished;
 * -EAGAIN: looked at enough for one call, call again; -EBUSY: the last move
 * is not done.  Work a call is bounded, and every call gets further, so that
 * a caller stops whenever its budget is spent and goes on with the same
 * cursor.  Allocating and freeing in between is allowed.
 */
int vgpu_vram_compact_next(struct vgpu_vram *v, struct vgpu_vram_cursor *c,
			   struct vgpu_vram_move *m);

/*
 * End a move.  ok: the bytes are at m->to; otherwise the block stays at
 * m->from, so a mover that fails must leave the source as it was (fail before
 * the first write if the ranges overlap).  -EINVAL: not the block on move.
 */
int vgpu_vram_move_done(struct vgpu_vram *v, u32 handle, bool ok);

#endif /* VGPU_MODEL_VRAM_H */
