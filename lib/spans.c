// SPDX-License-Identifier: MIT
/*
 * What is allocated or registered, by where it starts: a sorted array, because
 * submissions look things up and only the caller's own calls change it.
 *
 * The caller holds the lock: for reading to find, for writing to change.
 */
#include "wait.h"
#include "device.h"

void vgpu_spans_init(struct vgpu_spans *spans)
{
	memset(spans, 0, sizeof(*spans));
	vgpu_rwlock_init(&spans->lock);
}

void vgpu_spans_clear(struct vgpu_spans *spans)
{
	uint32_t i;

	for (i = 0; i < spans->count; i++)
		free(spans->spans[i]);
	WRITE_ONCE(spans->count, 0);
}

void vgpu_spans_fini(struct vgpu_spans *spans)
{
	vgpu_spans_clear(spans);
	free(spans->spans);
	pthread_rwlock_destroy(&spans->lock);
}

/* The number of spans that start at or before @start. */
static uint32_t rank(const struct vgpu_spans *spans, uint64_t start)
{
	uint32_t low = 0, high = spans->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (spans->spans[mid]->start <= start)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int grow(struct vgpu_spans *spans)
{
	uint32_t room = spans->room ? spans->room * 2 : 16;
	void *p;

	if (spans->count < spans->room)
		return 0;
	p = realloc(spans->spans, room * sizeof(spans->spans[0]));
	if (!p)
		return -ENOMEM;
	spans->spans = p;
	spans->room = room;
	return 0;
}

/* Takes a copy.  -EEXIST if it overlaps another, -ENOMEM. */
int vgpu_spans_add(struct vgpu_spans *spans, const struct vgpu_span *span)
{
	uint32_t at = rank(spans, span->start);
	struct vgpu_span *copy;

	if (at && span->start - spans->spans[at - 1]->start <
		  spans->spans[at - 1]->bytes)
		return -EEXIST;
	if (at < spans->count &&
	    spans->spans[at]->start - span->start < span->bytes)
		return -EEXIST;
	if (grow(spans))
		return -ENOMEM;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *span;
	memmove(&spans->spans[at + 1], &spans->spans[at],
		(spans->count - at) * sizeof(spans->spans[0]));
	spans->spans[at] = copy;
	WRITE_ONCE(spans->count, spans->count + 1);
	return 0;
}

/* The span that has all of [start, start + bytes), or NULL. */
struct vgpu_span *vgpu_spans_find(struct vgpu_spans *spans, uint64_t start,
				  uint64_t bytes)
{
	uint32_t at = rank(spans, start);
	struct vgpu_span *span;

	if (!at)
		return NULL;
	span = spans->spans[at - 1];
	if (start - span->start >= span->bytes ||
	    bytes > span->bytes - (start - span->start))
		return NULL;
	return span;
}

void vgpu_spans_remove(struct vgpu_spans *spans, struct vgpu_span *span)
{
	uint32_t at = rank(spans, span->start) - 1;

	memmove(&spans->spans[at], &spans->spans[at + 1],
		(spans->count - at - 1) * sizeof(spans->spans[0]));
	WRITE_ONCE(spans->count, spans->count - 1);
	free(span);
}
