/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The VRAM allocator's state, shared by the files that allocate, compact and
 * validate.  Everything is an index or a number in fixed-width fields, so
 * that a copy of the bytes is the serialised form.
 *
 * The memory is a row of extents per bank, linked in address order; no two
 * neighbours are free.  Lengths are in granules.  A free extent is in two
 * sets of bins: by its length, and by the length left when its start is
 * rounded up to 64 KiB, so that for both common alignments the first bin
 * above the one looked for holds only extents that fit.
 */
#ifndef VGPU_MODEL_VRAM_STATE_H
#define VGPU_MODEL_VRAM_STATE_H

#include "vram.h"

#define VRAM_MAGIC		0x3230766d61727676ull	/* "vvramv02" */

/* Bits of an index of the most extents that there can be. */
#define VRAM_MAX_INDEX_SHIFT	20

/* 64 KiB, the alignment that the second set of bins is for. */
#define VRAM_COARSE_SHIFT	16
#define VRAM_COARSE		(1u << (VRAM_COARSE_SHIFT - \
					VGPU_VRAM_GRANULE_SHIFT))

/* 32 bins to a doubling; lengths below 64 granules have one each. */
#define VRAM_SUB_SHIFT		5
#define VRAM_SUB		(1u << VRAM_SUB_SHIFT)
#define VRAM_MAX_LEN_SHIFT	(VGPU_VRAM_MAX_BANK - VGPU_VRAM_GRANULE_SHIFT)
#define VRAM_BINS		\
	(((VRAM_MAX_LEN_SHIFT - VRAM_SUB_SHIFT + 1) << VRAM_SUB_SHIFT) + 1)
#define VRAM_BIN_WORDS		((VRAM_BINS + 63) / 64)

enum { VRAM_BY_LEN, VRAM_BY_COARSE_LEN, VRAM_SETS };

enum { EXT_UNUSED, EXT_FREE, EXT_USED, EXT_TARGET };

/*
 * Index 0 stands for none: never in use, without length, and its links hold
 * anything.  An unused extent is linked by next.
 */
struct vram_extent {
	u32 start;
	u32 len;
	u32 prev;		/* in address order within the bank */
	u32 next;
	u32 gen;		/* of the handle that it has, or has next */
	u8 state;
	u8 align_shift;		/* used */
	u8 slack;		/* used: bytes not asked for in the last granule */
	u8 flags;		/* used */
	union {
		struct {
			u32 prev[VRAM_SETS];
			u32 next[VRAM_SETS];
		} bin;		/* free */
		u32 pins;	/* used */
	};
};

struct vram_bins {
	u64 words;		/* which words of map are not 0 */
	u64 map[VRAM_BIN_WORDS];
	u32 head[VRAM_BINS];
	u32 pad;
};

/*
 * The move in progress.  If it overlaps, its block's extent spans source and
 * target; otherwise target is an extent of its own.
 */
struct vram_move {
	u32 block;		/* 0: none */
	u32 target;		/* 0: overlapping */
	u32 from;
	u32 to;
	u32 len;
	u32 pad;
};

struct vgpu_vram {
	u64 magic;
	u64 size;
	u32 bank_shift;
	u32 max_blocks;
	u32 banks;
	u32 extents;		/* index 0 included */
	u32 index_shift;	/* bits of a handle that are the index: as many
				 * as it will need, grown as far as it may be
				 */
	u32 unused;		/* first unused extent of those below fresh */
	u32 fresh;		/* from here on none was ever used */
	u32 count;
	u64 free_len;
	u64 used_len;
	u64 peak_len;
	u64 slack;		/* bytes */
	struct vram_move move;
	struct vram_bins bins[VRAM_SETS];
	struct vram_extent ext[];
	/* u32 first extent of each bank, behind the extents */
};

static inline u32 vram_ctz(u64 x)
{
	return (u32)__builtin_ctzll(x);
}

static inline u32 vram_log2(u64 x)
{
	return 63 - (u32)__builtin_clzll(x);
}

static inline u32 *vram_bank_first(const struct vgpu_vram *v)
{
	return (u32 *)&v->ext[v->extents];
}

static inline u32 vram_bank_of(const struct vgpu_vram *v, u32 start)
{
	return start >> (v->bank_shift - VGPU_VRAM_GRANULE_SHIFT);
}

static inline u32 vram_bin(u32 len)
{
	u32 e = vram_log2(len | VRAM_SUB) - VRAM_SUB_SHIFT;

	return (e << VRAM_SUB_SHIFT) + (len >> e);
}

/* Length left of [start, start + len) from the next multiple of 64 KiB on. */
static inline u32 vram_coarse_len(u32 start, u32 len)
{
	u32 lead = -start & (VRAM_COARSE - 1);

	return len > lead ? len - lead : 0;
}

/* Bits that an index below @extents has. */
static inline u32 vram_index_shift(u32 extents)
{
	return vram_log2(extents - 1) + 1;
}

static inline u32 vram_gen_max(const struct vgpu_vram *v)
{
	return U32_MAX >> v->index_shift;
}

static inline u32 vram_handle(const struct vgpu_vram *v, u32 i)
{
	return v->ext[i].gen << v->index_shift | i;
}

/* First extent of the first bank that is at or behind bank; 0 if none. */
static inline u32 vram_next_in_order(const struct vgpu_vram *v, u32 i)
{
	u32 bank;

	if (v->ext[i].next)
		return v->ext[i].next;
	bank = vram_bank_of(v, v->ext[i].start) + 1;
	return bank < v->banks ? vram_bank_first(v)[bank] : 0;
}

static inline u64 vram_end(const struct vgpu_vram *v, u32 i)
{
	return (u64)v->ext[i].start + v->ext[i].len;
}

/* Rounded up to a multiple of 2^shift granules. */
static inline u64 vram_round_up(u64 pos, u32 shift)
{
	return (pos + (1ull << shift) - 1) >> shift << shift;
}

/* Whether the move's source or target, as an extent of its own, is i. */
static inline bool vram_moving(const struct vgpu_vram *v, u32 i)
{
	return v->move.block == i;
}

u32 vram_lookup(const struct vgpu_vram *v, u32 handle);
u32 vram_at(const struct vgpu_vram *v, const struct vgpu_vram_cursor *c);
u32 vram_carve(struct vgpu_vram *v, u32 hole, u32 start, u32 len, u8 state);
void vram_release(struct vgpu_vram *v, u32 i);
void vram_trim(struct vgpu_vram *v, u32 i, u32 start, u32 len);
void vram_extend_down(struct vgpu_vram *v, u32 i, u32 start);
void vram_exchange(struct vgpu_vram *v, u32 a, u32 b);

#endif /* VGPU_MODEL_VRAM_STATE_H */
