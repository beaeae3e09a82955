// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Decides whether a piece of memory is a state that the VRAM allocator could
 * have produced: a migration stream comes from a host that may be hostile.
 *
 * Nothing is followed before it was found to be in range, and every loop ends
 * by itself: the walk of a bank because positions only grow, the list of
 * unused extents because it is counted, a bin because each element's back
 * link is checked, so that an element cannot be met twice.  Once the three
 * counts agree, each extent is in exactly one place.
 */
#include "vram_state.h"

struct vram_sums {
	u32 linked;		/* extents in address order */
	u32 free;
	u32 free_coarse;	/* of them those in the second set of bins */
	u32 used;
	u32 targets;
	u64 free_len;
	u64 used_len;
	u64 slack;
};

static bool check_header(const struct vgpu_vram *v, u64 bytes)
{
	u64 banks;

	if (bytes < sizeof(*v) || v->magic != VRAM_MAGIC ||
	    vgpu_vram_bytes(v->size, v->bank_shift, v->max_blocks) != bytes)
		return false;
	banks = (v->size + (1ull << v->bank_shift) - 1) >> v->bank_shift;
	return v->banks == banks &&
	       v->extents == 1 + 2 * (v->max_blocks + 1) + banks &&
	       v->fresh && v->fresh <= v->extents &&
	       v->index_shift >= vram_index_shift(v->extents) &&
	       v->index_shift <= VRAM_MAX_INDEX_SHIFT;
}

/* What stands for "none" is read now and then: an empty one, not in use. */
static bool check_none(const struct vgpu_vram *v)
{
	const struct vram_extent *x = &v->ext[0];

	return !x->start && !x->len && !x->gen && x->state == EXT_UNUSED;
}

static bool aligned(u32 start, u32 shift)
{
	return !(((u64)start << VGPU_VRAM_GRANULE_SHIFT) &
		 ((1ull << shift) - 1));
}

static bool check_extent(const struct vgpu_vram *v, u32 i, struct vram_sums *s)
{
	const struct vram_extent *x = &v->ext[i];

	if (!x->gen || x->gen > vram_gen_max(v))
		return false;
	switch (x->state) {
	case EXT_FREE:
		s->free++;
		s->free_coarse += !!vram_coarse_len(x->start, x->len);
		s->free_len += x->len;
		return true;
	case EXT_USED:
		if (x->align_shift < VGPU_VRAM_GRANULE_SHIFT ||
		    x->align_shift > v->bank_shift ||
		    !aligned(x->start, x->align_shift))
			return false;
		s->used++;
		/* One on move that spans both places counts once. */
		s->used_len += vram_moving(v, i) ? v->move.len : x->len;
		s->slack += x->slack;
		return true;
	case EXT_TARGET:
		s->targets++;
		return i == v->move.target;
	default:
		return false;
	}
}

static bool check_bank(const struct vgpu_vram *v, u32 bank, struct vram_sums *s)
{
	u64 bank_len = 1ull << (v->bank_shift - VGPU_VRAM_GRANULE_SHIFT);
	u64 total = v->size >> VGPU_VRAM_GRANULE_SHIFT;
	u64 pos = bank * bank_len;
	u64 end = min_t(u64, pos + bank_len, total);
	u32 prev = 0;
	u32 i = vram_bank_first(v)[bank];

	while (i) {
		const struct vram_extent *x;

		if (i >= v->fresh)
			return false;
		x = &v->ext[i];
		if (x->start != pos || !x->len || x->len > end - pos ||
		    x->prev != prev || !check_extent(v, i, s))
			return false;
		if (x->state == EXT_FREE && prev &&
		    v->ext[prev].state == EXT_FREE)
			return false;
		pos += x->len;
		s->linked++;
		prev = i;
		i = x->next;
	}
	return pos == end;
}

static bool check_unused(const struct vgpu_vram *v, u32 expected)
{
	u32 i = v->unused;
	u32 n;

	for (n = 0; i && n < expected; n++) {
		if (i >= v->fresh || v->ext[i].state != EXT_UNUSED ||
		    !v->ext[i].gen || v->ext[i].gen > vram_gen_max(v))
			return false;
		i = v->ext[i].next;
	}
	if (i || n + (v->extents - v->fresh) != expected)
		return false;
	for (i = v->fresh; i < v->extents; i++)
		if (v->ext[i].state != EXT_UNUSED)
			return false;
	return true;
}

static bool check_bins(const struct vgpu_vram *v, u32 set, u32 expected)
{
	const struct vram_bins *bins = &v->bins[set];
	u32 n = 0;
	u32 w;
	u32 b;

	if (bins->pad || bins->words >> VRAM_BIN_WORDS)
		return false;
	for (w = 0; w < VRAM_BIN_WORDS; w++)
		if ((bins->words >> w & 1) != !!bins->map[w])
			return false;
	if (bins->map[VRAM_BIN_WORDS - 1] >> (VRAM_BINS % 64))
		return false;
	for (b = 0; b < VRAM_BINS; b++) {
		u32 prev = 0;
		u32 i = bins->head[b];

		if ((bins->map[b / 64] >> (b % 64) & 1) != !!i)
			return false;
		while (i) {
			const struct vram_extent *x;
			u32 len;

			if (i >= v->extents)
				return false;
			x = &v->ext[i];
			if (x->state != EXT_FREE || x->bin.prev[set] != prev)
				return false;
			len = set == VRAM_BY_LEN ? x->len :
			      vram_coarse_len(x->start, x->len);
			if (!len || vram_bin(len) != b)
				return false;
			n++;
			prev = i;
			i = x->bin.next[set];
		}
	}
	return n == expected;
}

static bool check_move(const struct vgpu_vram *v, const struct vram_sums *s)
{
	const struct vram_move *m = &v->move;
	const struct vram_extent *x;
	const struct vram_extent *t;

	if (m->pad || s->targets != !!m->target)
		return false;
	if (!m->block)
		return !m->target && !m->from && !m->to && !m->len;
	if (m->block >= v->extents || m->target >= v->extents)
		return false;
	x = &v->ext[m->block];
	if (x->state != EXT_USED || x->pins || !m->len || m->to >= m->from ||
	    !aligned(m->from, x->align_shift) ||
	    !aligned(m->to, x->align_shift))
		return false;
	if (!m->target)
		return x->start == m->to && (u64)m->to + m->len > m->from &&
		       vram_end(v, m->block) == (u64)m->from + m->len;
	t = &v->ext[m->target];
	return t->state == EXT_TARGET && t->start == m->to &&
	       t->len == m->len && x->start == m->from && x->len == m->len;
}

int vgpu_vram_validate(const void *mem, u64 bytes)
{
	const struct vgpu_vram *v = mem;
	struct vram_sums s = { 0 };
	u32 bank;

	if ((unsigned long)mem % 8 || !check_header(v, bytes) ||
	    !check_none(v))
		return -EINVAL;
	for (bank = 0; bank < v->banks; bank++)
		if (!check_bank(v, bank, &s))
			return -EINVAL;
	if (s.linked >= v->extents || s.used > v->max_blocks ||
	    !check_unused(v, v->extents - 1 - s.linked) ||
	    !check_bins(v, VRAM_BY_LEN, s.free) ||
	    !check_bins(v, VRAM_BY_COARSE_LEN, s.free_coarse) ||
	    !check_move(v, &s))
		return -EINVAL;
	if (v->count != s.used || v->free_len != s.free_len ||
	    v->used_len != s.used_len || v->slack != s.slack ||
	    v->peak_len < v->used_len ||
	    v->peak_len > v->size >> VGPU_VRAM_GRANULE_SHIFT)
		return -EINVAL;
	return 0;
}
