/* SPDX-License-Identifier: MIT */
/*
 * What bench_alloc drives: an allocator with blocks named by the caller, so
 * that ours and the peers do the same work.
 */
#ifndef VGPU_BENCH_ALLOC_H
#define VGPU_BENCH_ALLOC_H

#include <stdint.h>

struct peer {
	const char *name;
	int slow;		/* measured with one seed only */
	void *(*create)(uint64_t heap, uint32_t blocks);
	int (*alloc)(void *h, uint32_t i, uint64_t size, uint64_t align);
	void (*free)(void *h, uint32_t i);
	void (*destroy)(void *h);
};

extern const struct peer peer_drm_mm_best;
extern const struct peer peer_drm_mm_low;
extern const struct peer peer_drm_buddy;

#endif /* VGPU_BENCH_ALLOC_H */
