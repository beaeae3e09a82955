/* SPDX-License-Identifier: MIT */
/* Moving bytes within a memfd, for compaction. */
#ifndef VGPU_LIB_MEMORY_MOVE_H
#define VGPU_LIB_MEMORY_MOVE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes read and written at a time. */
#define MEMORY_MOVE_PIECE	65536u

/*
 * Make [to, to + size) hold what [from, from + size) holds; the ranges may
 * overlap.  All are multiples of the page size.  On an error the source is as
 * it was, and the target, apart from what is in the source, holds anything.
 */
int memory_move(int fd, uint64_t from, uint64_t to, uint64_t size);

/* Give a range's pages back; it reads as zero from then on. */
int memory_clear(int fd, uint64_t offset, uint64_t size);

#endif /* VGPU_LIB_MEMORY_MOVE_H */
