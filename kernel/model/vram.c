// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VRAM allocator: finding a hole, cutting blocks out of it and putting them
 * back.  vram_state.h describes the state.
 *
 * The search is a bounded best fit: of the first extents of the lowest bin
 * that may fit, the one that leaves least.  Freeing coalesces at once.  So
 * nothing here depends on the number of blocks, but for the last try of an
 * allocation that otherwise fails, and for largest_free in statistics, which
 * looks through one bin.
 */
#include "vram_state.h"

/* Extents looked at in a search, and in the last try before -ENOMEM. */
#define VRAM_PROBES		8u
#define VRAM_LAST_PROBES	256u

/* A hole of 1 MiB or more is a large one. */
#define VRAM_LARGE		(1u << (20 - VGPU_VRAM_GRANULE_SHIFT))

/*
 * Adding and removing are free of branches that depend on chance: what has
 * no neighbour writes to extent 0, and the bits are computed.
 */
static void bin_add(struct vgpu_vram *v, u32 set, u32 len, u32 i)
{
	struct vram_bins *bins = &v->bins[set];
	u32 b = vram_bin(len);
	u32 head = bins->head[b];

	v->ext[i].bin.prev[set] = 0;
	v->ext[i].bin.next[set] = head;
	v->ext[head].bin.prev[set] = i;
	bins->head[b] = i;
	bins->map[b / 64] |= 1ull << (b % 64);
	bins->words |= 1ull << (b / 64);
}

static void bin_del(struct vgpu_vram *v, u32 set, u32 len, u32 i)
{
	struct vram_bins *bins = &v->bins[set];
	u32 prev = v->ext[i].bin.prev[set];
	u32 next = v->ext[i].bin.next[set];
	u32 b = vram_bin(len);
	u32 *to_i = prev ? &v->ext[prev].bin.next[set] : &bins->head[b];
	u64 map;

	*to_i = next;
	v->ext[next].bin.prev[set] = prev;
	map = bins->map[b / 64] & ~(1ull << (b % 64));
	map |= (u64)!!bins->head[b] << (b % 64);
	bins->map[b / 64] = map;
	bins->words = (bins->words & ~(1ull << (b / 64))) |
		      (u64)!!map << (b / 64);
}

static void bins_add(struct vgpu_vram *v, u32 i)
{
	const struct vram_extent *x = &v->ext[i];
	u32 coarse = vram_coarse_len(x->start, x->len);

	bin_add(v, VRAM_BY_LEN, x->len, i);
	if (coarse)
		bin_add(v, VRAM_BY_COARSE_LEN, coarse, i);
}

static void bins_del(struct vgpu_vram *v, u32 i)
{
	const struct vram_extent *x = &v->ext[i];
	u32 coarse = vram_coarse_len(x->start, x->len);

	bin_del(v, VRAM_BY_LEN, x->len, i);
	if (coarse)
		bin_del(v, VRAM_BY_COARSE_LEN, coarse, i);
}

/* First bin at or above b that is not empty; VRAM_BINS if none. */
static u32 bin_from(const struct vram_bins *bins, u32 b)
{
	u32 w = b / 64;
	u64 bits;

	if (b >= VRAM_BINS)
		return VRAM_BINS;
	bits = bins->map[w] >> (b % 64);
	if (bits)
		return b + vram_ctz(bits);
	bits = bins->words >> w >> 1;
	if (!bits)
		return VRAM_BINS;
	w += 1 + vram_ctz(bits);
	return w * 64 + vram_ctz(bins->map[w]);
}

static u32 ext_take_unused(struct vgpu_vram *v)
{
	u32 i = v->unused;

	if (i) {
		v->unused = v->ext[i].next;
		return i;
	}
	i = v->fresh++;
	v->ext[i].gen = 1;
	return i;
}

static void ext_put_unused(struct vgpu_vram *v, u32 i)
{
	v->ext[i].state = EXT_UNUSED;
	v->ext[i].next = v->unused;
	v->unused = i;
}

/* Link i in address order behind prev, of the same bank. */
static void ext_link(struct vgpu_vram *v, u32 i, u32 prev)
{
	u32 next = v->ext[prev].next;

	v->ext[i].prev = prev;
	v->ext[i].next = next;
	v->ext[prev].next = i;
	v->ext[next].prev = i;
}

/* Make an extent's neighbours, or its bank, point to it. */
static void ext_relink(struct vgpu_vram *v, u32 i)
{
	const struct vram_extent *x = &v->ext[i];

	if (x->prev)
		v->ext[x->prev].next = i;
	else
		vram_bank_first(v)[vram_bank_of(v, x->start)] = i;
	v->ext[x->next].prev = i;
}

static void ext_unlink(struct vgpu_vram *v, u32 i)
{
	u32 prev = v->ext[i].prev;
	u32 next = v->ext[i].next;

	if (prev)
		v->ext[prev].next = next;
	else
		vram_bank_first(v)[vram_bank_of(v, v->ext[i].start)] = next;
	v->ext[next].prev = prev;
}

static void ext_set_free(struct vgpu_vram *v, u32 i, u32 start, u32 len)
{
	v->ext[i].start = start;
	v->ext[i].len = len;
	v->ext[i].state = EXT_FREE;
	bins_add(v, i);
	v->free_len += len;
}

static void ext_unset_free(struct vgpu_vram *v, u32 i)
{
	bins_del(v, i);
	v->free_len -= v->ext[i].len;
}

/* Cut [start, start + len) out of a free extent; what is left stays free. */
u32 vram_carve(struct vgpu_vram *v, u32 hole, u32 start, u32 len, u8 state)
{
	u32 lead = start - v->ext[hole].start;
	u32 tail = v->ext[hole].len - lead - len;
	u32 i = hole;
	u32 t;

	ext_unset_free(v, hole);
	if (lead) {
		ext_set_free(v, hole, v->ext[hole].start, lead);
		i = ext_take_unused(v);
		ext_link(v, i, hole);
	}
	v->ext[i].start = start;
	v->ext[i].len = len;
	v->ext[i].state = state;
	if (tail) {
		t = ext_take_unused(v);
		ext_link(v, t, i);
		ext_set_free(v, t, start + len, tail);
	}
	return i;
}

/* Turn an extent into free memory, one with its free neighbours. */
void vram_release(struct vgpu_vram *v, u32 i)
{
	u32 start = v->ext[i].start;
	u32 len = v->ext[i].len;
	u32 prev = v->ext[i].prev;
	u32 next = v->ext[i].next;

	if (v->ext[next].state == EXT_FREE) {
		ext_unset_free(v, next);
		len += v->ext[next].len;
		ext_unlink(v, next);
		ext_put_unused(v, next);
	}
	if (v->ext[prev].state == EXT_FREE) {
		ext_unset_free(v, prev);
		start = v->ext[prev].start;
		len += v->ext[prev].len;
		ext_unlink(v, i);
		ext_put_unused(v, i);
		i = prev;
	}
	ext_set_free(v, i, start, len);
}

/* Let a used extent reach down to start, inside of the hole before it. */
void vram_extend_down(struct vgpu_vram *v, u32 i, u32 start)
{
	u32 hole = v->ext[i].prev;
	u32 hole_start = v->ext[hole].start;

	ext_unset_free(v, hole);
	v->ext[i].len += v->ext[i].start - start;
	if (start > hole_start) {
		v->ext[i].start = start;
		ext_set_free(v, hole, hole_start, start - hole_start);
		return;
	}
	ext_unlink(v, hole);
	ext_put_unused(v, hole);
	v->ext[i].start = start;
}

/* Shrink a used extent to [start, start + len), which it holds now. */
void vram_trim(struct vgpu_vram *v, u32 i, u32 start, u32 len)
{
	u32 old = v->ext[i].start;
	u32 tail = v->ext[i].len - (start - old) - len;
	u32 cut;

	v->ext[i].start = start;
	v->ext[i].len = len;
	if (start > old) {
		/* The piece in front takes i's place, and i follows it. */
		cut = ext_take_unused(v);
		v->ext[cut].start = old;
		v->ext[cut].len = start - old;
		v->ext[cut].state = EXT_TARGET;
		v->ext[cut].prev = v->ext[i].prev;
		v->ext[cut].next = v->ext[i].next;
		ext_relink(v, cut);
		ext_link(v, i, cut);
		vram_release(v, cut);
	}
	if (tail) {
		cut = ext_take_unused(v);
		v->ext[cut].start = start + len;
		v->ext[cut].len = tail;
		v->ext[cut].state = EXT_TARGET;
		ext_link(v, cut, i);
		vram_release(v, cut);
	}
}

/* Let two extents of one length change places. */
void vram_exchange(struct vgpu_vram *v, u32 a, u32 b)
{
	struct vram_extent *x = &v->ext[a];
	struct vram_extent *y = &v->ext[b];
	u32 start = x->start;
	u32 prev = x->prev;
	u32 next = x->next;

	x->start = y->start;
	x->prev = y->prev == a ? b : y->prev;
	x->next = y->next == a ? b : y->next;
	y->start = start;
	y->prev = prev == b ? a : prev;
	y->next = next == b ? a : next;
	ext_relink(v, a);
	ext_relink(v, b);
}

u32 vram_lookup(const struct vgpu_vram *v, u32 handle)
{
	u32 i = handle & ((1u << v->index_shift) - 1);

	if (i >= v->extents)
		return 0;
	i = array_index_nospec(i, v->extents);
	if (v->ext[i].state != EXT_USED ||
	    v->ext[i].gen != handle >> v->index_shift)
		return 0;
	return i;
}

u64 vgpu_vram_bytes(u64 size, u32 bank_shift, u32 max_blocks)
{
	u64 banks;

	if (!size || size > VGPU_VRAM_MAX_SIZE || size % VGPU_VRAM_SIZE_STEP ||
	    bank_shift < VGPU_VRAM_MIN_BANK ||
	    bank_shift > VGPU_VRAM_MAX_BANK ||
	    !max_blocks || max_blocks > VGPU_VRAM_MAX_BLOCKS)
		return 0;
	banks = (size + (1ull << bank_shift) - 1) >> bank_shift;
	if (banks > VGPU_VRAM_MAX_BANKS)
		return 0;
	/*
	 * Index 0, max_blocks blocks, a move's target, and as many free
	 * extents: each lies behind one of these or begins a bank.
	 */
	return sizeof(struct vgpu_vram) +
	       (1 + 2 * ((u64)max_blocks + 1) + banks) *
			sizeof(struct vram_extent) +
	       ((banks * sizeof(u32) + 7) & ~7ull);
}

static u32 vram_extents(u32 banks, u32 max_blocks)
{
	return 1 + 2 * (max_blocks + 1) + banks;
}

int vgpu_vram_init(void *mem, u64 bytes, u64 size, u32 bank_shift,
		   u32 max_blocks, u32 most_blocks)
{
	u64 need = vgpu_vram_bytes(size, bank_shift, max_blocks);
	struct vgpu_vram *v = mem;
	u64 bank_len;
	u64 total;
	u32 i;

	if (!need || bytes < need || (unsigned long)mem % 8 ||
	    most_blocks < max_blocks || most_blocks > VGPU_VRAM_MAX_BLOCKS)
		return -EINVAL;
	bank_len = 1ull << (bank_shift - VGPU_VRAM_GRANULE_SHIFT);
	total = size >> VGPU_VRAM_GRANULE_SHIFT;
	v->magic = VRAM_MAGIC;
	v->size = size;
	v->bank_shift = bank_shift;
	v->max_blocks = max_blocks;
	v->banks = (u32)((total + bank_len - 1) / (u32)bank_len);
	v->extents = vram_extents(v->banks, max_blocks);
	v->index_shift = vram_index_shift(vram_extents(v->banks, most_blocks));
	v->fresh = 1;
	for (i = 0; i < v->banks; i++) {
		u64 start = i * bank_len;
		u32 x = ext_take_unused(v);

		v->ext[x].next = 0;
		vram_bank_first(v)[i] = x;
		ext_set_free(v, x, (u32)start,
			     (u32)min_t(u64, bank_len, total - start));
	}
	return 0;
}

int vgpu_vram_grow(const struct vgpu_vram *v, void *mem, u64 bytes,
		   u32 max_blocks)
{
	u64 need = vgpu_vram_bytes(v->size, v->bank_shift, max_blocks);
	u32 extents = vram_extents(v->banks, max_blocks);
	struct vgpu_vram *to = mem;

	if (!need || bytes < need || (unsigned long)mem % 8 ||
	    max_blocks < v->max_blocks ||
	    vram_index_shift(extents) > v->index_shift)
		return -EINVAL;
	memcpy(to, v, offsetof(struct vgpu_vram, ext) +
	       v->fresh * sizeof(v->ext[0]));
	to->max_blocks = max_blocks;
	to->extents = extents;
	memcpy(vram_bank_first(to), vram_bank_first(v),
	       v->banks * sizeof(u32));
	return 0;
}

void vgpu_vram_geometry(const struct vgpu_vram *v, u64 *size, u32 *bank_shift,
			u32 *max_blocks)
{
	*size = v->size;
	*bank_shift = v->bank_shift;
	*max_blocks = v->max_blocks;
}

struct vram_want {
	u32 len;
	u32 align_shift;	/* in granules */
	u32 set;
	u32 sure;		/* an extent this long in the set always fits */
};

/* Whether a block fits into a free extent, and what of it is then left. */
static bool fits(const struct vgpu_vram *v, u32 i, const struct vram_want *w,
		 u32 *left)
{
	const struct vram_extent *x = &v->ext[i];
	u64 start = vram_round_up(x->start, w->align_shift);
	u64 end = (u64)x->start + x->len;

	if (start + w->len > end)
		return false;
	*left = (u32)(end - start - w->len);
	return true;
}

static u32 search(const struct vgpu_vram *v, const struct vram_want *w,
		  u32 probes)
{
	const struct vram_bins *bins = &v->bins[w->set];
	u32 least = U32_MAX;
	u32 best = 0;
	u32 left;
	u32 b;
	u32 i;

	for (b = bin_from(bins, vram_bin(w->len)); b < VRAM_BINS && probes;
	     b = bin_from(bins, b + 1)) {
		for (i = bins->head[b]; i && probes; probes--) {
			if (fits(v, i, w, &left) && left < least) {
				least = left;
				best = i;
				if (!left)
					return i;
			}
			i = v->ext[i].bin.next[w->set];
		}
		if (best)
			return best;
	}
	b = bin_from(bins, vram_bin(w->sure - 1) + 1);
	return b < VRAM_BINS ? bins->head[b] : 0;
}

/*
 * Where to put a block in its hole: at the front, unless that is a multiple
 * of 64 KiB and the block needs none; then at the end, so that the front
 * stays good for one that does.  Large holes have room for both, and are
 * filled from the front, where compaction packs blocks, too.
 */
static u32 place(const struct vgpu_vram *v, u32 hole, const struct vram_want *w)
{
	const struct vram_extent *x = &v->ext[hole];
	u32 shift = w->align_shift;

	if (w->set == VRAM_BY_LEN && !(x->start & (VRAM_COARSE - 1)) &&
	    x->len < VRAM_LARGE)
		return (u32)((vram_end(v, hole) - w->len) >> shift << shift);
	return (u32)vram_round_up(x->start, shift);
}

int vgpu_vram_alloc(struct vgpu_vram *v, u64 size, u64 align, u32 flags,
		    u32 *handle)
{
	struct vram_want w;
	struct vram_extent *x;
	u32 hole;
	u32 i;

	if (!size || size > 1ull << v->bank_shift || !is_power_of_2(align) ||
	    align < VGPU_VRAM_GRANULE || align > 1ull << v->bank_shift ||
	    flags & ~VGPU_VRAM_FLAGS)
		return -EINVAL;
	if (v->count == v->max_blocks)
		return -ENOMEM;
	w.len = (u32)((size + VGPU_VRAM_GRANULE - 1) >> VGPU_VRAM_GRANULE_SHIFT);
	w.align_shift = vram_log2(align) - VGPU_VRAM_GRANULE_SHIFT;
	w.set = VRAM_BY_LEN;
	w.sure = w.len + (1u << w.align_shift) - 1;
	if (align >= 1u << VRAM_COARSE_SHIFT) {
		w.set = VRAM_BY_COARSE_LEN;
		w.sure = w.len + (1u << w.align_shift) - VRAM_COARSE;
	}
	hole = search(v, &w, VRAM_PROBES);
	if (!hole)
		hole = search(v, &w, VRAM_LAST_PROBES);
	if (!hole)
		return -ENOMEM;
	i = vram_carve(v, hole, place(v, hole, &w), w.len, EXT_USED);
	x = &v->ext[i];
	x->align_shift = (u8)(w.align_shift + VGPU_VRAM_GRANULE_SHIFT);
	x->slack = (u8)(-size & (VGPU_VRAM_GRANULE - 1));
	x->flags = (u8)flags;
	x->pins = 0;
	v->count++;
	v->slack += x->slack;
	v->used_len += w.len;
	if (v->peak_len < v->used_len)
		v->peak_len = v->used_len;
	*handle = vram_handle(v, i);
	return 0;
}

int vgpu_vram_free(struct vgpu_vram *v, u32 handle)
{
	u32 i = vram_lookup(v, handle);
	struct vram_extent *x = &v->ext[i];

	if (!i)
		return -ENOENT;
	if (x->pins || vram_moving(v, i))
		return -EBUSY;
	x->gen = x->gen == vram_gen_max(v) ? 1 : x->gen + 1;
	v->count--;
	v->slack -= x->slack;
	v->used_len -= x->len;
	vram_release(v, i);
	return 0;
}

int vgpu_vram_pin(struct vgpu_vram *v, u32 handle)
{
	u32 i = vram_lookup(v, handle);

	if (!i)
		return -ENOENT;
	if (vram_moving(v, i))
		return -EBUSY;
	if (v->ext[i].pins == U32_MAX)
		return -EOVERFLOW;
	v->ext[i].pins++;
	return 0;
}

int vgpu_vram_unpin(struct vgpu_vram *v, u32 handle)
{
	u32 i = vram_lookup(v, handle);

	if (!i)
		return -ENOENT;
	if (!v->ext[i].pins)
		return -EINVAL;
	v->ext[i].pins--;
	return 0;
}

int vgpu_vram_info(const struct vgpu_vram *v, u32 handle,
		   struct vgpu_vram_block *b)
{
	u32 i = vram_lookup(v, handle);
	const struct vram_extent *x = &v->ext[i];
	u32 start = x->start;
	u32 len = x->len;

	if (!i)
		return -ENOENT;
	if (vram_moving(v, i)) {
		start = v->move.from;
		len = v->move.len;
	}
	b->offset = (u64)start << VGPU_VRAM_GRANULE_SHIFT;
	b->reserved = (u64)len << VGPU_VRAM_GRANULE_SHIFT;
	b->size = b->reserved - x->slack;
	b->align = 1ull << x->align_shift;
	b->pins = x->pins;
	b->flags = x->flags;
	return 0;
}

u32 vgpu_vram_slot(const struct vgpu_vram *v, u32 handle)
{
	return vram_lookup(v, handle);
}

u32 vgpu_vram_slots(const struct vgpu_vram *v)
{
	return v->extents;
}

static u32 largest_free(const struct vgpu_vram *v)
{
	const struct vram_bins *bins = &v->bins[VRAM_BY_LEN];
	u32 max = 0;
	u32 w;
	u32 i;

	if (!bins->words)
		return 0;
	w = vram_log2(bins->words);
	i = bins->head[w * 64 + vram_log2(bins->map[w])];
	for (; i; i = v->ext[i].bin.next[VRAM_BY_LEN])
		max = max_t(u32, max, v->ext[i].len);
	return max;
}

void vgpu_vram_stats(const struct vgpu_vram *v, struct vgpu_vram_stats *s)
{
	u64 largest = largest_free(v);

	s->total = v->size;
	s->allocated = v->used_len << VGPU_VRAM_GRANULE_SHIFT;
	s->requested = s->allocated - v->slack;
	s->free = v->free_len << VGPU_VRAM_GRANULE_SHIFT;
	s->peak = v->peak_len << VGPU_VRAM_GRANULE_SHIFT;
	s->largest_free = largest << VGPU_VRAM_GRANULE_SHIFT;
	s->count = v->count;
	s->fragmentation = 0;
	if (v->free_len)
		s->fragmentation = 1000 - (u32)div64_u64(largest * 1000,
							 v->free_len);
}

/* The extent that holds the cursor's position; 0 behind the end. */
u32 vram_at(const struct vgpu_vram *v, const struct vgpu_vram_cursor *c)
{
	u64 pos = c->pos >> VGPU_VRAM_GRANULE_SHIFT;
	u32 i = c->hint;

	if (c->pos >= v->size)
		return 0;
	/* The hint is right after every call but those that changed it. */
	if (i && i < v->extents && v->ext[i].state != EXT_UNUSED &&
	    v->ext[i].start <= pos &&
	    vram_bank_of(v, v->ext[i].start) == vram_bank_of(v, (u32)pos)) {
		if (pos == vram_end(v, i))
			i = v->ext[i].next;
		if (pos < vram_end(v, i))
			return i;
	}
	i = vram_bank_first(v)[vram_bank_of(v, (u32)pos)];
	while (pos >= vram_end(v, i))
		i = v->ext[i].next;
	return i;
}

int vgpu_vram_walk(const struct vgpu_vram *v, struct vgpu_vram_cursor *c,
		   struct vgpu_vram_extent_info *x)
{
	static const u8 states[] = {
		[EXT_FREE] = VGPU_VRAM_FREE,
		[EXT_USED] = VGPU_VRAM_USED,
		[EXT_TARGET] = VGPU_VRAM_TARGET,
	};
	u32 i = vram_at(v, c);
	u64 end;

	if (!i)
		return 0;
	end = vram_end(v, i) << VGPU_VRAM_GRANULE_SHIFT;
	x->offset = c->pos;
	x->size = end - c->pos;
	x->state = states[v->ext[i].state];
	x->handle = 0;
	if (v->ext[i].state == EXT_USED) {
		x->handle = vram_handle(v, i);
		if (vram_moving(v, i))
			x->state = VGPU_VRAM_MOVING;
		else if (v->ext[i].pins)
			x->state = VGPU_VRAM_PINNED;
	}
	c->pos = end;
	c->hint = vram_next_in_order(v, i);
	return 1;
}
