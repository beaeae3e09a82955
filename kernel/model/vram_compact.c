// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Compaction of VRAM: one move at a time, each towards offset 0.
 *
 * A front goes up through the memory; what lies below it is packed.  At a
 * hole it takes, out of the next blocks in address order (of this bank or of
 * later ones), the one that wastes least there.  Sliding blocks down in their
 * order would not do: with blocks at multiples of 64 KiB between others, each
 * of the former costs half of 64 KiB.  So blocks with a coarse and with a
 * fine alignment take turns, and of the fine ones that one is taken whose end
 * is just below the next multiple.  Of what has passed the front nothing is
 * touched again, so a compaction copies every block once at most.
 */
#include "vram_state.h"

/* Extents passed, and candidates looked at, in one call. */
#define VRAM_STEPS		1024u
#define VRAM_WINDOW		512u

/*
 * Taking blocks from ahead leaves holes there and uses up the one at the
 * front, which is to stay large for there to be a choice.  So candidates come
 * from within twice its length, or from the next few extents.
 */
#define VRAM_REACH		2u
#define VRAM_NEAR		16u

/* A block slides only into a hole of more than 1/256 of its size. */
#define VRAM_SLIDE_SHIFT	8

struct vram_pick {
	u32 block;
	u32 to;
	u32 waste;
};

static void pick(struct vram_pick *p, u32 block, u64 to, u64 waste)
{
	if (waste < p->waste) {
		p->block = block;
		p->to = (u32)to;
		p->waste = (u32)waste;
	}
}

/*
 * The block to put into the hole at or behind pos.  Only the block right
 * behind the hole may overlap with where it comes from.
 */
static struct vram_pick choose(const struct vgpu_vram *v, u32 hole, u64 pos)
{
	struct vram_pick coarse = { .waste = U32_MAX };
	struct vram_pick fine = { .waste = U32_MAX };
	struct vram_pick any = { .waste = U32_MAX };
	struct vram_pick full = { .waste = U32_MAX };
	u32 neighbour = v->ext[hole].next;
	u64 end = vram_end(v, hole);
	bool last = true;
	u32 longest = 0;
	u64 reach;
	u32 n = 0;
	u32 i;

	reach = end + VRAM_REACH * (end - pos);
	for (i = vram_next_in_order(v, hole);
	     i && n < VRAM_WINDOW && (n < VRAM_NEAR || v->ext[i].start < reach);
	     i = vram_next_in_order(v, i), n++) {
		const struct vram_extent *x = &v->ext[i];
		u64 to, stop, lead;

		if (x->state != EXT_USED || x->pins)
			continue;
		to = vram_round_up(pos, x->align_shift -
				   VGPU_VRAM_GRANULE_SHIFT);
		stop = to + x->len;
		lead = to - pos;
		if (i == neighbour) {
			if (to >= x->start || x->start - to <=
			    x->len >> VRAM_SLIDE_SHIFT)
				continue;
			last = false;
		} else if (stop > end) {
			continue;
		}
		longest = max_t(u32, longest, x->len);
		if (stop <= end)
			pick(&full, i, to, end - stop + lead);
		if (x->align_shift >= VRAM_COARSE_SHIFT) {
			pick(&coarse, i, to, lead);
			continue;
		}
		pick(&any, i, to, lead);
		pick(&fine, i, to, lead + (-stop & (VRAM_COARSE - 1)));
	}
	/* A hole that will not move up with the front is to be filled up. */
	if (last && full.block && end - pos < 4 * (u64)longest)
		return full;
	if (!coarse.block)
		return any;
	if (!fine.block || coarse.waste <= fine.waste)
		return coarse;
	return fine;
}

static void begin(struct vgpu_vram *v, u32 hole, const struct vram_pick *p)
{
	u32 from = v->ext[p->block].start;
	u32 len = v->ext[p->block].len;

	v->move.block = p->block;
	v->move.from = from;
	v->move.to = p->to;
	v->move.len = len;
	v->move.target = 0;
	if (p->to + len > from)
		vram_extend_down(v, p->block, p->to);
	else
		v->move.target = vram_carve(v, hole, p->to, len, EXT_TARGET);
}

int vgpu_vram_compact_next(struct vgpu_vram *v, struct vgpu_vram_cursor *c,
			   struct vgpu_vram_move *m)
{
	u32 steps;
	u32 i;

	if (v->move.block)
		return -EBUSY;
	i = vram_at(v, c);
	for (steps = 0; i && steps < VRAM_STEPS; steps++) {
		struct vram_pick p = { 0 };

		if (v->ext[i].state == EXT_FREE) {
			p = choose(v, i, c->pos >> VGPU_VRAM_GRANULE_SHIFT);
			steps += VRAM_WINDOW / 4;
		}
		if (p.block) {
			begin(v, i, &p);
			m->handle = vram_handle(v, p.block);
			m->from = (u64)v->move.from << VGPU_VRAM_GRANULE_SHIFT;
			m->to = (u64)v->move.to << VGPU_VRAM_GRANULE_SHIFT;
			m->size = (u64)v->move.len << VGPU_VRAM_GRANULE_SHIFT;
			m->pad = 0;
			/* On, even if the move fails: so it ends. */
			c->pos = m->to + m->size;
			c->hint = p.block;
			return 1;
		}
		c->pos = vram_end(v, i) << VGPU_VRAM_GRANULE_SHIFT;
		i = vram_next_in_order(v, i);
		c->hint = i;
	}
	return i ? -EAGAIN : 0;
}

int vgpu_vram_move_done(struct vgpu_vram *v, u32 handle, bool ok)
{
	u32 i = vram_lookup(v, handle);
	struct vram_move m = v->move;

	if (!i || m.block != i)
		return -EINVAL;
	memset(&v->move, 0, sizeof(v->move));
	if (!m.target) {
		vram_trim(v, i, ok ? m.to : m.from, m.len);
		return 0;
	}
	if (ok)
		vram_exchange(v, i, m.target);
	vram_release(v, m.target);
	return 0;
}
