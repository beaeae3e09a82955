/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A table of slots with ids that go stale.
 *
 * An id is a generation (upper 16 bits) and an index (lower 16 bits, never 0).
 * Free slots wait in line, so that a slot, and 65,536 uses later an id, comes
 * round as late as possible.
 */
#ifndef VGPU_MODEL_TABLE_H
#define VGPU_MODEL_TABLE_H

#include "os.h"

#define VGPU_TABLE_USED		0xffffffffu

struct vgpu_table {
	u32 *link;	/* next free slot, or VGPU_TABLE_USED; max + 1 of them */
	u16 *gen;	/* likewise */
	u32 max;
	u32 count;
	u32 first;	/* free slots that were used, first to last */
	u32 last;
	u32 fresh;	/* from here on none was ever used */
};

/*
 * A table begins, all zero but for this, or goes on with no fewer slots.  @link
 * and @gen are zero; they are not touched beyond what is used.
 */
static inline void vgpu_table_move(struct vgpu_table *t, u32 *link, u16 *gen,
				   u32 max)
{
	if (t->link) {
		memcpy(link, t->link, t->fresh * sizeof(*link));
		memcpy(gen, t->gen, t->fresh * sizeof(*gen));
	} else {
		t->fresh = 1;
	}
	t->link = link;
	t->gen = gen;
	t->max = max;
}

static inline u32 vgpu_table_id(const struct vgpu_table *t, u32 index)
{
	return (u32)t->gen[index] << 16 | index;
}

static inline bool vgpu_table_used(const struct vgpu_table *t, u32 index)
{
	return t->link[index] == VGPU_TABLE_USED;
}

/* The slot of an id that somebody else gave, or 0. */
static inline u32 vgpu_table_find(const struct vgpu_table *t, u64 id)
{
	u32 index = id & 0xffff;

	if (id > U32_MAX || !index || index > t->max)
		return 0;
	index = array_index_nospec(index, t->max + 1);
	if (!vgpu_table_used(t, index) || t->gen[index] != id >> 16)
		return 0;
	return index;
}

/* A slot, or 0 if all are taken. */
static inline u32 vgpu_table_take(struct vgpu_table *t)
{
	u32 index = t->first;

	if (t->fresh <= t->max) {
		index = t->fresh++;
	} else {
		if (!index)
			return 0;
		t->first = t->link[index];
		if (!t->first)
			t->last = 0;
	}
	t->link[index] = VGPU_TABLE_USED;
	t->count++;
	return index;
}

/* Put a slot at the end of the line. */
static inline void vgpu_table_line_up(struct vgpu_table *t, u32 index)
{
	t->link[index] = 0;
	if (t->last)
		t->link[t->last] = index;
	else
		t->first = index;
	t->last = index;
}

/* That very slot with that generation, for a state that is loaded. */
static inline bool vgpu_table_take_id(struct vgpu_table *t, u32 id)
{
	u32 index = id & 0xffff, i, before = 0;

	if (!index || index > t->max || vgpu_table_used(t, index))
		return false;
	while (t->fresh <= index)
		vgpu_table_line_up(t, t->fresh++);
	for (i = t->first; i && i != index; i = t->link[i])
		before = i;
	if (before)
		t->link[before] = t->link[index];
	else
		t->first = t->link[index];
	if (t->last == index)
		t->last = before;
	t->link[index] = VGPU_TABLE_USED;
	t->gen[index] = id >> 16;
	t->count++;
	return true;
}

/*
 * The same in constant time, for many: nothing may be taken or dropped until
 * vgpu_table_relink() has lined up the free slots anew.
 */
static inline bool vgpu_table_claim(struct vgpu_table *t, u32 id)
{
	u32 index = id & 0xffff;

	if (!index || index > t->max || vgpu_table_used(t, index))
		return false;
	t->link[index] = VGPU_TABLE_USED;
	t->gen[index] = id >> 16;
	t->count++;
	return true;
}

static inline void vgpu_table_relink(struct vgpu_table *t)
{
	u32 i;

	t->first = 0;
	t->last = 0;
	t->fresh = t->max + 1;
	for (i = 1; i <= t->max; i++)
		if (!vgpu_table_used(t, i))
			vgpu_table_line_up(t, i);
}

static inline void vgpu_table_drop(struct vgpu_table *t, u32 index)
{
	t->gen[index]++;
	vgpu_table_line_up(t, index);
	t->count--;
}

#endif /* VGPU_MODEL_TABLE_H */
