/* SPDX-License-Identifier: MIT */
/*
 * A naive model of a VRAM allocator, which knows the owner and a content of
 * each granule, beside a real one: every operation is done on both and what
 * the real one answers is held against the model.  For unit tests and the
 * fuzzer; a difference aborts.
 */
#ifndef VGPU_TEST_VRAM_REF_H
#define VGPU_TEST_VRAM_REF_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vram.h"

#define REF_CHECK(cond)							\
do {									\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__,	\
			__LINE__, #cond);				\
		abort();						\
	}								\
} while (0)

/* Below so many free extents a search is exhaustive. */
#define REF_SURE_HOLES	200u

struct ref_block {
	u32 handle;		/* 0: none */
	u32 pins;
	u32 flags;
	u64 offset;
	u64 size;
	u64 align;
	u32 seed;		/* of its content */
};

struct ref {
	struct vgpu_vram *v;
	u64 bytes;
	u64 size;
	u64 bank;
	u32 max_blocks;
	u32 granules;
	u32 *content;		/* a granule's content; 0 where nothing is */
	u8 *taken;		/* granules of blocks and of a move's target */
	struct ref_block *blocks;
	u32 count;
	u32 last_stale;		/* a handle that was freed */
	u32 seeds;
	u64 peak;
	struct vgpu_vram_cursor cursor;
	struct vgpu_vram_move move;
	bool moving;
};

static inline void ref_init(struct ref *r, u64 size, u32 bank_shift,
			    u32 max_blocks)
{
	memset(r, 0, sizeof(*r));
	r->size = size;
	r->bank = 1ull << bank_shift;
	r->max_blocks = max_blocks;
	r->granules = (u32)(size / VGPU_VRAM_GRANULE);
	r->bytes = vgpu_vram_bytes(size, bank_shift, max_blocks);
	REF_CHECK(r->bytes);
	r->v = calloc(1, r->bytes);
	r->content = calloc(r->granules, sizeof(*r->content));
	r->taken = calloc(r->granules, 1);
	r->blocks = calloc(max_blocks, sizeof(*r->blocks));
	REF_CHECK(r->v && r->content && r->taken && r->blocks);
	REF_CHECK(!vgpu_vram_init(r->v, r->bytes, size, bank_shift,
				  max_blocks, max_blocks));
}

static inline void ref_exit(struct ref *r)
{
	free(r->v);
	free(r->content);
	free(r->taken);
	free(r->blocks);
}

static inline u32 ref_len(u64 size)
{
	return (u32)((size + VGPU_VRAM_GRANULE - 1) / VGPU_VRAM_GRANULE);
}

static inline void ref_mark(struct ref *r, u64 offset, u64 size, u8 taken)
{
	u32 at = (u32)(offset / VGPU_VRAM_GRANULE);
	u32 i;

	for (i = 0; i < ref_len(size); i++) {
		REF_CHECK(at + i < r->granules);
		REF_CHECK(r->taken[at + i] != taken);
		r->taken[at + i] = taken;
	}
}

static inline void ref_fill(struct ref *r, const struct ref_block *b)
{
	u32 at = (u32)(b->offset / VGPU_VRAM_GRANULE);
	u32 i;

	for (i = 0; i < ref_len(b->size); i++)
		r->content[at + i] = b->seed + i;
}

/* Whether a block would fit anywhere, looking at every granule. */
static inline bool ref_has_hole(const struct ref *r, u64 size, u64 align)
{
	u64 step = align / VGPU_VRAM_GRANULE;
	u32 len = ref_len(size);
	u64 at;

	for (at = 0; at + len <= r->granules; at += step) {
		u64 first = at * VGPU_VRAM_GRANULE;
		u32 i = 0;

		if (first / r->bank !=
		    (first + (u64)len * VGPU_VRAM_GRANULE - 1) / r->bank)
			continue;
		while (i < len && !r->taken[at + i])
			i++;
		if (i == len)
			return true;
	}
	return false;
}

/* Everything the real one says, against the model. */
static inline void ref_verify(const struct ref *r)
{
	struct vgpu_vram_stats s, t = { 0 };
	struct vgpu_vram_cursor c = { 0 };
	struct vgpu_vram_extent_info x;
	struct vgpu_vram_block info;
	u64 pos = 0, run = 0;
	u32 last = VGPU_VRAM_USED;
	u32 seen = 0;
	u32 i, g;

	REF_CHECK(!vgpu_vram_validate(r->v, r->bytes));
	t.total = r->size;
	t.peak = r->peak;
	for (i = 0; i < r->max_blocks; i++) {
		const struct ref_block *b = &r->blocks[i];

		if (!b->handle)
			continue;
		REF_CHECK(!vgpu_vram_info(r->v, b->handle, &info));
		REF_CHECK(info.offset == b->offset && info.size == b->size);
		REF_CHECK(info.reserved ==
			  (u64)ref_len(b->size) * VGPU_VRAM_GRANULE);
		REF_CHECK(info.align == b->align && info.pins == b->pins);
		REF_CHECK(info.flags == b->flags);
		REF_CHECK(b->offset % b->align == 0);
		REF_CHECK(b->offset / r->bank ==
			  (b->offset + b->size - 1) / r->bank);
		g = (u32)(b->offset / VGPU_VRAM_GRANULE);
		for (u32 k = 0; k < ref_len(b->size); k++)
			REF_CHECK(r->content[g + k] == b->seed + k);
		t.allocated += info.reserved;
		t.requested += b->size;
		t.count++;
	}
	for (g = 0; g < r->granules; g++) {
		u64 at = (u64)g * VGPU_VRAM_GRANULE;

		if (at % r->bank == 0)
			run = 0;
		run = r->taken[g] ? 0 : run + VGPU_VRAM_GRANULE;
		t.free += r->taken[g] ? 0 : VGPU_VRAM_GRANULE;
		if (run > t.largest_free)
			t.largest_free = run;
	}
	if (t.free)
		t.fragmentation = 1000 -
				  (u32)(t.largest_free * 1000 / t.free);
	memset(&s, 0xff, sizeof(s));
	vgpu_vram_stats(r->v, &s);
	REF_CHECK(s.total == t.total && s.allocated == t.allocated);
	REF_CHECK(s.requested == t.requested && s.free == t.free);
	REF_CHECK(s.largest_free == t.largest_free && s.count == t.count);
	REF_CHECK(s.fragmentation == t.fragmentation && s.peak == t.peak);
	REF_CHECK(s.count == r->count);

	while (vgpu_vram_walk(r->v, &c, &x)) {
		REF_CHECK(x.offset == pos && x.size);
		g = (u32)(pos / VGPU_VRAM_GRANULE);
		pos += x.size;
		if (x.state == VGPU_VRAM_FREE) {
			REF_CHECK(!x.handle);
			REF_CHECK(last != VGPU_VRAM_FREE ||
				  x.offset % r->bank == 0);
		}
		for (u32 k = 0; k < ref_len(x.size); k++)
			REF_CHECK(!r->taken[g + k] ==
				  (x.state == VGPU_VRAM_FREE));
		seen += x.handle != 0;
		last = x.state;
	}
	REF_CHECK(pos == r->size && seen == r->count);
}

static inline struct ref_block *ref_alloc(struct ref *r, u64 size, u64 align,
					  u32 flags)
{
	struct ref_block *b = r->blocks;
	u32 handle = 0xdeadbeef;
	struct vgpu_vram_block info;
	struct vgpu_vram_stats s;
	int err;

	err = vgpu_vram_alloc(r->v, size, align, flags, &handle);
	if (!size || size > r->bank || align < 256 || align > r->bank ||
	    align & (align - 1) || flags > 255) {
		REF_CHECK(err == -EINVAL && handle == 0xdeadbeef);
		return NULL;
	}
	if (err) {
		REF_CHECK(err == -ENOMEM && handle == 0xdeadbeef);
		if (r->count < r->max_blocks && r->count < REF_SURE_HOLES)
			REF_CHECK(!ref_has_hole(r, size, align));
		return NULL;
	}
	REF_CHECK(handle && r->count < r->max_blocks);
	while (b->handle)
		b++;
	REF_CHECK(!vgpu_vram_info(r->v, handle, &info));
	b->handle = handle;
	b->offset = info.offset;
	b->size = size;
	b->align = align;
	b->flags = flags;
	b->pins = 0;
	b->seed = (r->seeds += 0x100001) | 1;
	r->count++;
	ref_mark(r, b->offset, size, 1);
	ref_fill(r, b);
	vgpu_vram_stats(r->v, &s);
	if (s.allocated > r->peak)
		r->peak = s.allocated;
	return b;
}

static inline void ref_free(struct ref *r, struct ref_block *b)
{
	int err = vgpu_vram_free(r->v, b->handle);

	if (b->pins || (r->moving && r->move.handle == b->handle)) {
		REF_CHECK(err == -EBUSY);
		return;
	}
	REF_CHECK(!err);
	REF_CHECK(vgpu_vram_free(r->v, b->handle) == -ENOENT);
	REF_CHECK(vgpu_vram_pin(r->v, b->handle) == -ENOENT);
	REF_CHECK(vgpu_vram_unpin(r->v, b->handle) == -ENOENT);
	REF_CHECK(!vgpu_vram_slot(r->v, b->handle));
	ref_mark(r, b->offset, b->size, 0);
	r->last_stale = b->handle;
	b->handle = 0;
	r->count--;
}

static inline void ref_pin(struct ref *r, struct ref_block *b)
{
	int err = vgpu_vram_pin(r->v, b->handle);

	if (r->moving && r->move.handle == b->handle) {
		REF_CHECK(err == -EBUSY);
		return;
	}
	REF_CHECK(!err);
	b->pins++;
}

static inline void ref_unpin(struct ref *r, struct ref_block *b)
{
	int err = vgpu_vram_unpin(r->v, b->handle);

	REF_CHECK(err == (b->pins ? 0 : -EINVAL));
	b->pins -= !err;
}

static inline struct ref_block *ref_find(const struct ref *r, u32 handle)
{
	struct ref_block *b = r->blocks;

	while (b->handle != handle)
		REF_CHECK(++b < r->blocks + r->max_blocks);
	return b;
}

/* What a move holds beside its block: as much of the target as is free. */
static inline void ref_mark_target(struct ref *r, u8 taken)
{
	u64 end = r->move.to + r->move.size;

	if (end > r->move.from)
		end = r->move.from;
	ref_mark(r, r->move.to, end - r->move.to, taken);
}

/* 1: a move began; 0: finished; -EAGAIN. */
static inline int ref_move_begin(struct ref *r)
{
	struct ref_block *b;
	int ret = vgpu_vram_compact_next(r->v, &r->cursor, &r->move);

	if (r->moving) {
		REF_CHECK(ret == -EBUSY);
		return ret;
	}
	if (ret == 0)
		memset(&r->cursor, 0, sizeof(r->cursor));
	if (ret != 1) {
		REF_CHECK(ret == 0 || ret == -EAGAIN);
		return ret;
	}
	b = ref_find(r, r->move.handle);
	REF_CHECK(!b->pins && r->move.from == b->offset);
	REF_CHECK(r->move.to < r->move.from && r->move.to % b->align == 0);
	REF_CHECK(r->move.size == (u64)ref_len(b->size) * VGPU_VRAM_GRANULE);
	r->moving = true;
	ref_mark_target(r, 1);
	return 1;
}

static inline void ref_move_done(struct ref *r, bool ok)
{
	u32 from = (u32)(r->move.from / VGPU_VRAM_GRANULE);
	u32 to = (u32)(r->move.to / VGPU_VRAM_GRANULE);
	struct ref_block *b;

	if (!r->moving) {
		REF_CHECK(vgpu_vram_move_done(r->v, r->last_stale, ok) ==
			  -EINVAL);
		return;
	}
	REF_CHECK(!vgpu_vram_move_done(r->v, r->move.handle, ok));
	b = ref_find(r, r->move.handle);
	r->moving = false;
	ref_mark_target(r, 0);
	if (!ok)
		return;
	ref_mark(r, b->offset, b->size, 0);
	memmove(&r->content[to], &r->content[from],
		ref_len(b->size) * sizeof(*r->content));
	b->offset = r->move.to;
	ref_mark(r, b->offset, b->size, 1);
}

/* The n-th live block, counting around. */
static inline struct ref_block *ref_pick(const struct ref *r, u32 n)
{
	u32 i;

	if (!r->count)
		return NULL;
	for (i = n % r->max_blocks; !r->blocks[i].handle;)
		i = (i + 1) % r->max_blocks;
	return &r->blocks[i];
}

/* End with nothing allocated, and everything back at zero. */
static inline void ref_drain(struct ref *r)
{
	struct vgpu_vram_stats s;
	struct ref_block *b;
	u64 whole = r->size < r->bank ? r->size : r->bank;

	if (r->moving)
		ref_move_done(r, true);
	while ((b = ref_pick(r, 0))) {
		while (b->pins)
			ref_unpin(r, b);
		ref_free(r, b);
	}
	ref_verify(r);
	vgpu_vram_stats(r->v, &s);
	REF_CHECK(!s.allocated && !s.requested && !s.count);
	REF_CHECK(s.free == r->size && s.largest_free == whole);
}

#endif /* VGPU_TEST_VRAM_REF_H */
