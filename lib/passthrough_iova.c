// SPDX-License-Identifier: MIT
/*
 * The backend passthrough: which addresses a device sees memory by.
 */
#include "passthrough.h"

void vgpu_iova_init(struct vgpu_iova *v, uint64_t first, uint64_t end)
{
	memset(v, 0, sizeof(*v));
	v->first = first;
	v->end = end;
	v->next = first;
}

void vgpu_iova_fini(struct vgpu_iova *v)
{
	free(v->used);
}

/* The number of the first range that ends behind @iova. */
static uint32_t find(const struct vgpu_iova *v, uint64_t iova)
{
	uint32_t low = 0, high = v->n, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (v->used[middle].start + v->used[middle].bytes <= iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A hole of @bytes from @from on, before range @i; false: there is none. */
static bool hole(const struct vgpu_iova *v, uint64_t from, uint64_t bytes,
		 uint64_t *iova, uint32_t *i)
{
	uint64_t end;

	for (*i = find(v, from); ; ++*i) {
		end = *i < v->n ? v->used[*i].start : v->end;
		if (end > from && end - from >= bytes) {
			*iova = from;
			return true;
		}
		if (*i == v->n)
			return false;
		from = v->used[*i].start + v->used[*i].bytes;
	}
}

static int grow(struct vgpu_iova *v)
{
	uint32_t room = v->room ? 2 * v->room : 64;
	void *p;

	if (v->n < v->room)
		return 0;
	p = realloc(v->used, room * sizeof(v->used[0]));
	if (!p)
		return -ENOMEM;
	v->used = p;
	v->room = room;
	return 0;
}

int vgpu_iova_take(struct vgpu_iova *v, uint64_t bytes, uint64_t *iova)
{
	uint32_t i;

	if (grow(v))
		return -ENOMEM;
	if (!hole(v, v->next, bytes, iova, &i) &&
	    !hole(v, v->first, bytes, iova, &i))
		return -ENOSPC;
	memmove(&v->used[i + 1], &v->used[i],
		(v->n - i) * sizeof(v->used[0]));
	v->used[i].start = *iova;
	v->used[i].bytes = bytes;
	v->n++;
	v->next = *iova + bytes;
	return 0;
}

void vgpu_iova_give(struct vgpu_iova *v, uint64_t iova)
{
	uint32_t i = find(v, iova);

	vgpu_assert(i < v->n && v->used[i].start == iova);
	memmove(&v->used[i], &v->used[i + 1],
		(v->n - i - 1) * sizeof(v->used[0]));
	v->n--;
}
