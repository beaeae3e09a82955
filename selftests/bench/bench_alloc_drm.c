// SPDX-License-Identifier: MIT
/*
 * The kernel's drm_mm and drm_buddy as peers in bench_alloc.  Apart from it
 * because the kernel's list and tree headers are in scope here.
 */
#include "drm_shim.h"
#include <drm/drm_buddy.h>
#include <drm/drm_mm.h>
#include "bench_alloc.h"

struct mm {
	struct drm_mm mm;
	enum drm_mm_insert_mode mode;
	struct drm_mm_node nodes[];
};

static void *mm_create(uint64_t heap, uint32_t blocks,
		       enum drm_mm_insert_mode mode)
{
	struct mm *m = calloc(1, sizeof(*m) + blocks * sizeof(*m->nodes));

	if (!m)
		return NULL;
	drm_mm_init(&m->mm, 0, heap);
	m->mode = mode;
	return m;
}

static void *mm_create_best(uint64_t heap, uint32_t blocks)
{
	return mm_create(heap, blocks, DRM_MM_INSERT_BEST);
}

static void *mm_create_low(uint64_t heap, uint32_t blocks)
{
	return mm_create(heap, blocks, DRM_MM_INSERT_LOW);
}

static int mm_alloc(void *h, uint32_t i, uint64_t size, uint64_t align)
{
	struct mm *m = h;

	size = (size + 255) & ~255ull;
	return drm_mm_insert_node_generic(&m->mm, &m->nodes[i], size, align, 0,
					  m->mode);
}

static void mm_free(void *h, uint32_t i)
{
	struct mm *m = h;

	drm_mm_remove_node(&m->nodes[i]);
}

static void mm_destroy(void *h)
{
	free(h);
}

const struct peer peer_drm_mm_best = {
	.name = "drm_mm best (6.1)",
	.create = mm_create_best,
	.alloc = mm_alloc,
	.free = mm_free,
	.destroy = mm_destroy,
};

const struct peer peer_drm_mm_low = {
	.name = "drm_mm low (6.1)",
	.create = mm_create_low,
	.alloc = mm_alloc,
	.free = mm_free,
	.destroy = mm_destroy,
};

struct buddy {
	struct drm_buddy mm;
	uint32_t n;
	struct list_head blocks[];
};

static void *buddy_create(uint64_t heap, uint32_t blocks)
{
	struct buddy *b = calloc(1, sizeof(*b) + blocks * sizeof(*b->blocks));

	if (b && drm_buddy_init(&b->mm, heap, PAGE_SIZE)) {
		free(b);
		return NULL;
	}
	if (b)
		b->n = blocks;
	return b;
}

/* One power of two, trimmed: what its users do for contiguous memory. */
static int buddy_alloc(void *h, uint32_t i, uint64_t size, uint64_t align)
{
	struct buddy *b = h;
	uint64_t whole = PAGE_SIZE;
	int err;

	size = round_up(size, PAGE_SIZE);
	while (whole < size || whole < align)
		whole *= 2;
	INIT_LIST_HEAD(&b->blocks[i]);
	err = drm_buddy_alloc_blocks(&b->mm, 0, b->mm.size, whole, whole,
				     &b->blocks[i], 0);
	if (err || size == whole)
		return err;
	return drm_buddy_block_trim(&b->mm, size, &b->blocks[i]);
}

static void buddy_free(void *h, uint32_t i)
{
	struct buddy *b = h;

	drm_buddy_free_list(&b->mm, &b->blocks[i]);
}

static void buddy_destroy(void *h)
{
	struct buddy *b = h;
	uint32_t i;

	for (i = 0; i < b->n; i++)
		if (b->blocks[i].next)
			drm_buddy_free_list(&b->mm, &b->blocks[i]);
	drm_buddy_fini(&b->mm);
	free(b);
}

const struct peer peer_drm_buddy = {
	.name = "drm_buddy trim (6.1)",
	.slow = 1,
	.create = buddy_create,
	.alloc = buddy_alloc,
	.free = buddy_free,
	.destroy = buddy_destroy,
};
