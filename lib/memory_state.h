/* SPDX-License-Identifier: MIT */
/* The allocator of device memory, as its files share it; see memory.c. */
#ifndef VGPU_LIB_MEMORY_STATE_H
#define VGPU_LIB_MEMORY_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vgpu/memory.h>

#include "account.h"
#include "vram.h"

#define ID_BYTES		64
#define MESSAGE_BYTES		256
#define DEFAULT_BLOCKS		16384u

/*
 * A block's id is its handle and its device's number; its GPU address is the
 * number, and a window of the bank's size for each slot of the device's
 * model.  So addresses need no allocator, and stay when the block moves.
 */
#define ID_DEVICE_SHIFT		32
#define GPU_DEVICE_SHIFT	52

struct block {
	void *cpu;		/* NULL: not mapped */
	uint64_t size;		/* as asked for; the model's is in pages */
};

struct device {
	char id[ID_BYTES];
	uint64_t number;
	int fd;
	struct vgpu_account account;
	pthread_mutex_t lock;
	struct vgpu_vram *vram;
	struct block *blocks;	/* by slot */
};

struct vgpu_allocator {
	pthread_mutex_t lock;
	uint32_t bank_shift;
	uint32_t max_blocks;
	uint64_t page;
	struct vgpu_account account;
	struct device *devices[VGPU_MEMORY_MAX_DEVICES];
	size_t count;
	char message[MESSAGE_BYTES];
};

/* Keep a line about a failure; returns err. */
__attribute__((format(printf, 3, 4)))
int memory_fail(struct vgpu_allocator *a, int err, const char *fmt, ...);

/*
 * Take an options struct of the caller's size: what it lacks is 0, and what
 * it has beyond ours must be.
 */
bool memory_copy_opts(void *ours, size_t our_size, const void *theirs);

/* Whether a result's size is set, and: hand out as much as that. */
bool memory_result_fits(const void *theirs);
void memory_copy_result(void *theirs, const void *ours, size_t our_size);

/* The n-th device, or NULL. */
struct device *memory_device_at(struct vgpu_allocator *a, uint64_t n);
/* The device of that id, or NULL with the error set. */
struct device *memory_device_find(struct vgpu_allocator *a, const char *id);

#endif /* VGPU_LIB_MEMORY_STATE_H */
