/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Moving bytes between VRAM and system memory.
 */
#ifndef VGPU_COPY_H
#define VGPU_COPY_H

#include <linux/types.h>

struct vgpu_store;
struct vgpu_sysmem;
struct vgpu_turn;

/**
 * struct vgpu_place - where bytes are
 * @store: VRAM, or NULL
 * @mem: else system memory
 * @offset: in it; the caller knows that what it asks for is there
 */
struct vgpu_place {
	struct vgpu_store *store;
	struct vgpu_sysmem *mem;
	u64 offset;
};

/**
 * struct vgpu_pace - how something long is done
 * @fences: how many fences are out that must not wait for memory
 * @stop: looked at every mebibyte
 * @turn: given to others every mebibyte, if they should have it; or NULL
 */
struct vgpu_pace {
	const u32 *fences;
	const bool *stop;
	struct vgpu_turn *turn;
};

/*
 * 0; -ENOMEM: a page of @to could not be had; -EFAULT: memory of a guest has gone;
 * -ECANCELED: they were stopped.  Then some bytes may have been written.  They
 * may sleep.
 */
int vgpu_copy(const struct vgpu_place *to, const struct vgpu_place *from,
	      u64 bytes, const struct vgpu_pace *pace);
int vgpu_fill(const struct vgpu_place *to, u64 bytes, u32 pattern,
	      const struct vgpu_pace *pace);
int vgpu_read(void *to, const struct vgpu_place *from, u64 bytes);

/*
 * Move @bytes of VRAM down or to where nothing overlaps, and leave zeroes.
 * -ENOMEM: everything is as it was.
 */
int vgpu_move(struct vgpu_store *s, u64 to, u64 from, u64 bytes,
	      const struct vgpu_pace *pace);

#endif /* VGPU_COPY_H */
