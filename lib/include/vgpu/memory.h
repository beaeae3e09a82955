/* SPDX-License-Identifier: MIT */
/*
 * libvgpu: allocator of device memory, usable on its own, over one or more
 * devices that are named by id.  Its memory is this process's: pages come
 * into being when they are first touched.
 *
 * A block has a GPU address and, if it is mapped, a CPU address.  Both stay
 * as they are until the block is freed or unmapped; compaction moves only the
 * place behind them.  A block's memory is zero when it is handed out.
 *
 * Threads: all calls on one allocator may come from any thread; there is a
 * lock for each device.  vgpu_allocator_destroy() must be the last call.
 * After fork() only the process that made an allocator may use or destroy it:
 * the memory is shared with the child.
 *
 * Errors: 0 or a negative errno; vgpu_allocator_error() has a line about the
 * last failure.
 */
#ifndef LIBVGPU_MEMORY_H
#define LIBVGPU_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define VGPU_MEMORY_MAX_DEVICES	256u

struct vgpu_allocator;

/**
 * struct vgpu_memory_device - a device whose memory is to be managed
 * @id: its name, unique in the allocator, 1 to 63 characters; copied
 * @total_bytes: 4096 to 1 TiB, a multiple of 4096
 * @available_bytes: how much of it may be allocated, at most @total_bytes
 */
struct vgpu_memory_device {
	const char *id;
	uint64_t total_bytes;
	uint64_t available_bytes;
};

/**
 * struct vgpu_allocator_options - how to make an allocator
 * @size: sizeof(struct vgpu_allocator_options)
 * @bank_bytes: no block is larger or crosses a multiple of it: a power of
 *	two, 4096 to 1 GiB; 0: 1 GiB
 * @max_blocks: blocks on each device, up to 262,144; 0: 16,384
 * @limit_bytes: how much may be allocated on all devices; 0: no limit
 * @message: where to put a line that says why creation failed, or NULL
 * @message_bytes: bytes at @message
 */
struct vgpu_allocator_options {
	size_t size;
	uint64_t bank_bytes;
	uint32_t max_blocks;
	uint64_t limit_bytes;
	char *message;
	size_t message_bytes;
};

/**
 * struct vgpu_allocate_options - how to allocate a block
 * @size: sizeof(struct vgpu_allocate_options)
 * @alignment: of its place in the device's memory, a power of two up to the
 *	bank; 0, and whatever is less: a page
 */
struct vgpu_allocate_options {
	size_t size;
	uint64_t alignment;
};

/**
 * struct vgpu_memory_block - a block, as of now
 * @id: names it in other calls; never 0
 * @device_id: valid as long as the allocator
 * @gpu_address: a multiple of the bank's size; never 0
 * @size: bytes asked for; mappings are this, rounded up to pages
 * @cpu_address: NULL if it is not mapped
 */
struct vgpu_memory_block {
	uint64_t id;
	const char *device_id;
	uint64_t gpu_address;
	uint64_t size;
	void *cpu_address;
};

/**
 * struct vgpu_memory_stats - of one device, or summed over all
 * @size: sizeof(struct vgpu_memory_stats), set by the caller
 * @devices: how many devices this is about
 * @count: blocks
 * @total: bytes of memory
 * @limit: bytes that may be allocated
 * @allocated: bytes that blocks take, rounded up to pages
 * @available: bytes that may still be allocated: the lesser of what the limit
 *	leaves and what is free
 * @peak: the most that was ever allocated; summed, the sum of the peaks
 * @largest_free: bytes of the largest free piece
 * @fragmentation: in thousandths: 1000 * (1 - @largest_free / free memory);
 *	summed, of the devices' largest free pieces together
 */
struct vgpu_memory_stats {
	size_t size;
	uint32_t devices;
	uint32_t count;
	uint64_t total;
	uint64_t limit;
	uint64_t allocated;
	uint64_t available;
	uint64_t peak;
	uint64_t largest_free;
	uint32_t fragmentation;
};

/**
 * struct vgpu_compact_result - what a compaction did
 * @size: sizeof(struct vgpu_compact_result), set by the caller
 * @moves: blocks moved
 * @bytes: bytes of blocks moved
 * @finished: 1 if there was nothing left to move, 0 if the budget was used up
 */
struct vgpu_compact_result {
	size_t size;
	uint64_t moves;
	uint64_t bytes;
	uint32_t finished;
};

/**
 * vgpu_allocator_create() - make an allocator that has no device yet
 * @opts: or NULL
 * @allocator: where to put it
 *
 * Return: 0; -EINVAL, an option is out of range; -ENOMEM.
 */
int vgpu_allocator_create(const struct vgpu_allocator_options *opts,
			  struct vgpu_allocator **allocator);

/* Free all blocks, end their mappings, and free the allocator; NULL is fine. */
void vgpu_allocator_destroy(struct vgpu_allocator *a);

/**
 * vgpu_allocator_init() - add a list of devices, all of them or none
 * @a: allocator
 * @devices: list
 * @count: its length, at least 1
 *
 * Return: 0; -EINVAL, a device is not as it should be; -EEXIST, an id is there
 * already or twice; -ENOSPC, more than VGPU_MEMORY_MAX_DEVICES; -ENOMEM;
 * errors of memfd_create() and ftruncate().
 */
int vgpu_allocator_init(struct vgpu_allocator *a,
			const struct vgpu_memory_device *devices, size_t count);

/* The same for one device. */
int vgpu_allocator_add_device(struct vgpu_allocator *a,
			      const struct vgpu_memory_device *device);

/**
 * vgpu_allocator_allocate() - allocate a block
 * @a: allocator
 * @device_id: on which device
 * @size: bytes, 1 to the bank's size; rounded up to pages
 * @opts: or NULL
 * @block: where to describe it
 *
 * Return: 0; -EINVAL, a size or an alignment out of range; -ENOENT, no such
 * device; -ENOSPC, beyond the limit; -ENOMEM, no free piece is large enough
 * (compaction may help), or there are max_blocks already.
 */
int vgpu_allocator_allocate(struct vgpu_allocator *a, const char *device_id,
			    uint64_t size, const struct vgpu_allocate_options *opts,
			    struct vgpu_memory_block *block);

/**
 * vgpu_allocator_allocate_mapped() - allocate a block and map it
 * @a: allocator
 * @device_id: on which device
 * @size: bytes
 * @cpu_address: where, a multiple of the page size; NULL: anywhere
 * @opts: or NULL
 * @block: where to describe it
 *
 * Return: as vgpu_allocator_allocate() and vgpu_allocator_map().
 */
int vgpu_allocator_allocate_mapped(struct vgpu_allocator *a,
				   const char *device_id, uint64_t size,
				   void *cpu_address,
				   const struct vgpu_allocate_options *opts,
				   struct vgpu_memory_block *block);

/**
 * vgpu_allocator_free() - free a block and end its mapping
 * @a: allocator
 * @id: block
 *
 * The memory goes back to the system.
 * Return: 0; -ENOENT, no such block (any more); -EBUSY, it is pinned; errors
 * of fallocate(), after which the block is still there.
 */
int vgpu_allocator_free(struct vgpu_allocator *a, uint64_t id);

/**
 * vgpu_allocator_map() - let the CPU see a block
 * @a: allocator
 * @id: block
 * @cpu_address: where, a multiple of the page size; NULL: anywhere
 * @mapped: where to put the address; may be NULL
 *
 * Return: 0; -ENOENT, no such block; -EBUSY, it is mapped; -EINVAL, not a
 * multiple of the page size, or beyond the address space; -EEXIST, something
 * else is mapped there; errors of mmap().
 */
int vgpu_allocator_map(struct vgpu_allocator *a, uint64_t id, void *cpu_address,
		       void **mapped);

/* Return: 0; -ENOENT, no such block; -EINVAL, it is not mapped. */
int vgpu_allocator_unmap(struct vgpu_allocator *a, uint64_t id);

/**
 * vgpu_allocator_pin() - keep a block where it is
 * @a: allocator
 * @id: block
 *
 * Pins are counted; a pinned block is not moved by compaction nor freed.
 * vgpu_allocator_unpin() undoes one.
 *
 * Return: 0; -ENOENT, no such block; -EOVERFLOW; unpin: -EINVAL, no pin.
 */
int vgpu_allocator_pin(struct vgpu_allocator *a, uint64_t id);
int vgpu_allocator_unpin(struct vgpu_allocator *a, uint64_t id);

/* Describe a block.  Return: 0; -ENOENT, no such block. */
int vgpu_allocator_block(struct vgpu_allocator *a, uint64_t id,
			 struct vgpu_memory_block *block);

/**
 * vgpu_allocator_set_limit() - how much may be allocated
 * @a: allocator
 * @device_id: on this device; NULL: on all together
 * @bytes: may be less than is allocated: then only new blocks are refused; 0:
 *	all of them are
 *
 * Return: 0; -ENOENT, no such device; -EINVAL, more than its memory.
 */
int vgpu_allocator_set_limit(struct vgpu_allocator *a, const char *device_id,
			     uint64_t bytes);

/**
 * vgpu_allocator_get_stats() - statistics
 * @a: allocator
 * @device_id: of this device; NULL: summed over all
 * @stats: where to, with its size set
 *
 * Return: 0; -ENOENT, no such device; -EINVAL, @stats->size is not set.
 */
int vgpu_allocator_get_stats(struct vgpu_allocator *a, const char *device_id,
			 struct vgpu_memory_stats *stats);

/**
 * vgpu_memory_stats_text() - statistics as lines of text
 * @stats: statistics
 * @buf: where to; always terminated if @bytes is not 0
 * @bytes: room
 *
 * Return: the length of the whole text, as snprintf().
 */
int vgpu_memory_stats_text(const struct vgpu_memory_stats *stats, char *buf,
			     size_t bytes);

/**
 * vgpu_allocator_compact() - move blocks together, so that free memory is too
 * @a: allocator
 * @device_id: on this device; NULL: on each
 * @budget: stop after moving so many bytes on a device; 0: when finished
 * @result: where to say what was done, with its size set; may be NULL
 *
 * Ids, GPU addresses, CPU addresses and contents stay.  While it runs, no
 * thread may access a mapped block of these devices through its CPU address
 * unless the block is pinned: a write could be lost, and a read see bytes of
 * another place in the block.  Pinned blocks, other devices' blocks, and every
 * call on the allocator are safe at all times; calls wait for one move.
 *
 * Return: 0; -ENOENT, no such device; errors of reading and writing the
 * memory, after which every block is whole and where it was or should be.
 */
int vgpu_allocator_compact(struct vgpu_allocator *a, const char *device_id,
			   uint64_t budget, struct vgpu_compact_result *result);

/**
 * vgpu_allocator_error() - one line about the last call that failed
 * @a: allocator
 * @buf: where to; always terminated if @bytes is not 0
 * @bytes: room
 *
 * "The last" is that of all threads.  Empty if none failed.
 * Return: the length of the whole line, as snprintf().
 */
int vgpu_allocator_error(struct vgpu_allocator *a, char *buf, size_t bytes);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_MEMORY_H */
