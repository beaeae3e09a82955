// SPDX-License-Identifier: MIT
/*
 * Where the newest bytes of VRAM are: a sorted array of segments, whose number
 * is about that of the buffers in use.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os.h"
#include "residency.h"

#define VGPU_RESIDENCY_ROOM	64u

int vgpu_residency_init(struct vgpu_residency *r, uint64_t bytes)
{
	r->segments = malloc(VGPU_RESIDENCY_ROOM * sizeof(r->segments[0]));
	if (!r->segments)
		return -ENOMEM;
	r->room = VGPU_RESIDENCY_ROOM;
	r->bytes = bytes;
	r->count = 1;
	r->segments[0].start = 0;
	r->segments[0].state = VGPU_RESIDENT_ZERO;
	return 0;
}

void vgpu_residency_fini(struct vgpu_residency *r)
{
	free(r->segments);
	r->segments = NULL;
}

/* A set splits at most two segments. */
int vgpu_residency_reserve(struct vgpu_residency *r, uint32_t sets)
{
	uint32_t need = r->count + 2 * sets;
	void *p;

	if (need <= r->room)
		return 0;
	p = realloc(r->segments, 2 * (size_t)need * sizeof(r->segments[0]));
	if (!p)
		return -ENOMEM;
	r->segments = p;
	r->room = 2 * need;
	return 0;
}

/* The segment that @offset lies in. */
static uint32_t find(const struct vgpu_residency *r, uint64_t offset)
{
	uint32_t low = 0, high = r->count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (r->segments[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* A segment starts at @offset from now on, unless that is the end. */
static uint32_t split(struct vgpu_residency *r, uint64_t offset)
{
	uint32_t i;

	if (offset >= r->bytes)
		return r->count;
	i = find(r, offset);
	if (r->segments[i].start == offset)
		return i;
	vgpu_assert(r->count < r->room);
	memmove(&r->segments[i + 2], &r->segments[i + 1],
		(r->count - i - 1) * sizeof(r->segments[0]));
	r->segments[i + 1].start = offset;
	r->segments[i + 1].state = r->segments[i].state;
	r->count++;
	return i + 1;
}

/* Segments @first up to before @last go. */
static void cut(struct vgpu_residency *r, uint32_t first, uint32_t last)
{
	memmove(&r->segments[first], &r->segments[last],
		(r->count - last) * sizeof(r->segments[0]));
	r->count -= last - first;
}

void vgpu_residency_set(struct vgpu_residency *r, uint64_t start,
			uint64_t bytes, uint32_t state)
{
	uint32_t first, last;

	if (!bytes)
		return;
	first = split(r, start);
	last = split(r, start + bytes);
	r->segments[first].state = state;
	cut(r, first + 1, last);
	if (first + 1 < r->count && r->segments[first + 1].state == state)
		cut(r, first + 1, first + 2);
	if (first && r->segments[first - 1].state == state)
		cut(r, first, first + 1);
}

uint32_t vgpu_residency_next(const struct vgpu_residency *r, uint64_t *start,
			     uint64_t end, uint32_t states, uint64_t *bytes)
{
	uint32_t i;

	if (*start >= end)
		return 0;
	for (i = find(r, *start); i < r->count; i++) {
		uint64_t from = r->segments[i].start;
		uint64_t to = i + 1 < r->count ? r->segments[i + 1].start :
						 r->bytes;

		if (from >= end)
			return 0;
		if (!(r->segments[i].state & states))
			continue;
		if (*start < from)
			*start = from;
		*bytes = (to < end ? to : end) - *start;
		return r->segments[i].state;
	}
	return 0;
}
