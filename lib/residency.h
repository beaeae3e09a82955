/* SPDX-License-Identifier: MIT */
/*
 * Where the newest bytes of VRAM are, if kernels have memory of their own: in
 * the mapping that the CPU uses, in the engine's memory, or the same in both.
 */
#ifndef LIBVGPU_INTERNAL_RESIDENCY_H
#define LIBVGPU_INTERNAL_RESIDENCY_H

#include <stdbool.h>
#include <stdint.h>

#define VGPU_RESIDENT_SAME	(1u << 0)	/* both have them */
#define VGPU_RESIDENT_HOST	(1u << 1)	/* the mapping */
#define VGPU_RESIDENT_ZERO	(1u << 2)	/* the mapping, and all are 0 */
#define VGPU_RESIDENT_ENGINE	(1u << 3)	/* the engine */

/**
 * struct vgpu_segment - bytes of one state, up to the next segment's start
 * @start: offset in VRAM
 * @state: one VGPU_RESIDENT_*
 */
struct vgpu_segment {
	uint64_t start;
	uint32_t state;
};

/**
 * struct vgpu_residency - all of VRAM
 * @segments: sorted; the first starts at 0; neighbours differ in state
 * @count: how many
 * @room: for how many there is memory
 * @bytes: of VRAM
 *
 * The owner locks.
 */
struct vgpu_residency {
	struct vgpu_segment *segments;
	uint32_t count;
	uint32_t room;
	uint64_t bytes;
};

/* All is ZERO.  0 or -ENOMEM. */
int vgpu_residency_init(struct vgpu_residency *r, uint64_t bytes);
void vgpu_residency_fini(struct vgpu_residency *r);

/* Memory for @sets calls of vgpu_residency_set().  0 or -ENOMEM. */
int vgpu_residency_reserve(struct vgpu_residency *r, uint32_t sets);

/* Needs memory from vgpu_residency_reserve(). */
void vgpu_residency_set(struct vgpu_residency *r, uint64_t start,
			uint64_t bytes, uint32_t state);

/**
 * vgpu_residency_next() - find bytes of some states
 * @r: where
 * @start: from here on; moves to where they start
 * @end: up to here
 * @states: VGPU_RESIDENT_*, any of them
 * @bytes: gets how many there are, of one state
 *
 * Return: that state, or 0 if there are no such bytes.
 */
uint32_t vgpu_residency_next(const struct vgpu_residency *r, uint64_t *start,
			     uint64_t end, uint32_t states, uint64_t *bytes);

#endif /* LIBVGPU_INTERNAL_RESIDENCY_H */
