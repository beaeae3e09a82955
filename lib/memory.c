// SPDX-License-Identifier: MIT
/*
 * Allocator of device memory over one or more devices.
 *
 * A device is a sparse memfd as large as its memory, an allocator of the
 * device model that says what is where in it, and an array of what else is
 * known about each block.  Free memory is always a hole in the memfd: that
 * makes a block zero when it is handed out, and free memory cost nothing.
 *
 * Locks: each device's lock protects all of the device but its id and
 * account; the allocator's lock protects the list of devices, which only
 * grows, and the text of the last error.  The latter is taken inside of the
 * former, never the other way round.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory_move.h"
#include "memory_state.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

int memory_fail(struct vgpu_allocator *a, int err, const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&a->lock);
	va_start(args, fmt);
	vsnprintf(a->message, sizeof(a->message), fmt, args);
	va_end(args);
	pthread_mutex_unlock(&a->lock);
	return err;
}

bool memory_copy_opts(void *ours, size_t our_size, const void *theirs)
{
	size_t size = 0;
	size_t i;

	memset(ours, 0, our_size);
	if (!theirs)
		return true;
	memcpy(&size, theirs, sizeof(size));
	if (size < sizeof(size) || size > 4096)
		return false;
	for (i = our_size; i < size; i++)
		if (((const char *)theirs)[i])
			return false;
	memcpy(ours, theirs, size < our_size ? size : our_size);
	return true;
}

void memory_copy_result(void *theirs, const void *ours, size_t our_size)
{
	size_t size;

	memcpy(&size, theirs, sizeof(size));
	memcpy((char *)theirs + sizeof(size),
	       (const char *)ours + sizeof(size),
	       (size < our_size ? size : our_size) - sizeof(size));
}

bool memory_result_fits(const void *theirs)
{
	size_t size;

	memcpy(&size, theirs, sizeof(size));
	return size >= sizeof(size);
}

int vgpu_allocator_create(const struct vgpu_allocator_options *opts,
			  struct vgpu_allocator **allocator)
{
	struct vgpu_allocator_options o;
	struct vgpu_allocator *a;
	const char *why = NULL;

	*allocator = NULL;
	if (!memory_copy_opts(&o, sizeof(o), opts))
		return -EINVAL;
	if (!o.bank_bytes)
		o.bank_bytes = 1ull << VGPU_VRAM_MAX_BANK;
	if (!o.max_blocks)
		o.max_blocks = DEFAULT_BLOCKS;
	if (!is_power_of_2(o.bank_bytes) ||
	    o.bank_bytes < 1ull << VGPU_VRAM_MIN_BANK ||
	    o.bank_bytes > 1ull << VGPU_VRAM_MAX_BANK)
		why = "bank_bytes must be a power of two from 4096 to 1 GiB";
	else if (o.bank_bytes < (uint64_t)sysconf(_SC_PAGESIZE))
		why = "bank_bytes must be a page at least";
	else if (o.max_blocks > VGPU_VRAM_MAX_BLOCKS)
		why = "max_blocks must be at most 262144";
	if (why) {
		if (o.message && o.message_bytes)
			snprintf(o.message, o.message_bytes, "%s", why);
		return -EINVAL;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	pthread_mutex_init(&a->lock, NULL);
	a->page = (uint64_t)sysconf(_SC_PAGESIZE);
	a->max_blocks = o.max_blocks;
	a->bank_shift = (uint32_t)__builtin_ctzll(o.bank_bytes);
	vgpu_account_init(&a->account,
			  o.limit_bytes ? o.limit_bytes : UINT64_MAX, NULL);
	*allocator = a;
	return 0;
}

static uint64_t round_up(const struct vgpu_allocator *a, uint64_t size)
{
	return (size + a->page - 1) & ~(a->page - 1);
}

static void device_free(struct device *d)
{
	struct vgpu_vram_cursor c = { 0 };
	struct vgpu_vram_extent_info x;

	if (!d)
		return;
	while (d->vram && d->blocks && vgpu_vram_walk(d->vram, &c, &x)) {
		void *cpu;

		if (!x.handle)
			continue;
		cpu = d->blocks[vgpu_vram_slot(d->vram, x.handle)].cpu;
		if (cpu)
			munmap(cpu, x.size);
	}
	if (d->fd >= 0)
		close(d->fd);
	free(d->vram);
	free(d->blocks);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void vgpu_allocator_destroy(struct vgpu_allocator *a)
{
	size_t i;

	if (!a)
		return;
	for (i = 0; i < a->count; i++)
		device_free(a->devices[i]);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static int device_create(struct vgpu_allocator *a,
			 const struct vgpu_memory_device *m,
			 struct device **device)
{
	uint64_t state;
	struct device *d;
	int err;

	if (!m->id || !*m->id || strnlen(m->id, ID_BYTES) == ID_BYTES)
		return memory_fail(a, -EINVAL,
			    "device id: must have 1 to %d characters",
			    ID_BYTES - 1);
	if (!m->total_bytes || m->total_bytes > VGPU_VRAM_MAX_SIZE ||
	    m->total_bytes % VGPU_VRAM_SIZE_STEP || m->total_bytes % a->page)
		return memory_fail(a, -EINVAL,
			    "device %s: %" PRIu64 " bytes of memory; must be 4096 to 1 TiB and a multiple of 4096 and of a page",
			    m->id, m->total_bytes);
	if (m->available_bytes > m->total_bytes)
		return memory_fail(a, -EINVAL,
			    "device %s: %" PRIu64 " bytes available of only %" PRIu64,
			    m->id, m->available_bytes, m->total_bytes);
	state = vgpu_vram_bytes(m->total_bytes, a->bank_shift, a->max_blocks);
	if (!state)
		return memory_fail(a, -EINVAL,
			    "device %s: %" PRIu64 " bytes of memory in banks of %llu; at most %u banks",
			    m->id, m->total_bytes, 1ull << a->bank_shift,
			    VGPU_VRAM_MAX_BANKS);
	d = calloc(1, sizeof(*d));
	if (!d)
		return memory_fail(a, -ENOMEM, "device %s: out of memory", m->id);
	memcpy(d->id, m->id, strlen(m->id));
	pthread_mutex_init(&d->lock, NULL);
	vgpu_account_init(&d->account, m->available_bytes, &a->account);
	d->fd = memfd_create("vgpu-memory", MFD_CLOEXEC);
	if (d->fd < 0 || ftruncate(d->fd, (off_t)m->total_bytes)) {
		err = -errno;
		memory_fail(a, err, "device %s: cannot make %" PRIu64 " bytes of memory: %s",
		     m->id, m->total_bytes, strerror(-err));
		goto free_device;
	}
	err = -ENOMEM;
	d->vram = calloc(1, state);
	if (d->vram)
		err = vgpu_vram_init(d->vram, state, m->total_bytes,
				     a->bank_shift, a->max_blocks,
				     a->max_blocks);
	if (!err)
		d->blocks = calloc(vgpu_vram_slots(d->vram),
				   sizeof(*d->blocks));
	if (!d->blocks) {
		err = memory_fail(a, -ENOMEM, "device %s: out of memory", m->id);
		goto free_device;
	}
	*device = d;
	return 0;

free_device:
	device_free(d);
	return err;
}

/* Add devices that were made, all or none, to those that are there. */
static int devices_append(struct vgpu_allocator *a, struct device **devices,
			  size_t count)
{
	const char *twice = NULL;
	size_t i, k;

	pthread_mutex_lock(&a->lock);
	for (i = 0; i < count; i++) {
		for (k = 0; k < a->count; k++)
			if (!strcmp(devices[i]->id, a->devices[k]->id))
				twice = devices[i]->id;
		for (k = 0; k < i; k++)
			if (!strcmp(devices[i]->id, devices[k]->id))
				twice = devices[i]->id;
	}
	if (!twice && count <= VGPU_MEMORY_MAX_DEVICES - a->count) {
		for (i = 0; i < count; i++) {
			devices[i]->number = a->count;
			a->devices[a->count++] = devices[i];
		}
		pthread_mutex_unlock(&a->lock);
		return 0;
	}
	pthread_mutex_unlock(&a->lock);
	if (twice)
		return memory_fail(a, -EEXIST, "device %s: is there already", twice);
	return memory_fail(a, -ENOSPC, "more than %u devices",
		    VGPU_MEMORY_MAX_DEVICES);
}

int vgpu_allocator_init(struct vgpu_allocator *a,
			const struct vgpu_memory_device *devices, size_t count)
{
	struct device **made;
	size_t n = 0;
	int err = 0;

	if (!devices || !count)
		return memory_fail(a, -EINVAL, "no devices in the list");
	if (count > VGPU_MEMORY_MAX_DEVICES)
		return memory_fail(a, -ENOSPC, "%zu devices, at most %u", count,
			    VGPU_MEMORY_MAX_DEVICES);
	made = calloc(count, sizeof(struct device *));
	if (!made)
		return memory_fail(a, -ENOMEM, "out of memory");
	while (n < count && !err) {
		err = device_create(a, &devices[n], &made[n]);
		n += !err;
	}
	if (!err)
		err = devices_append(a, made, count);
	while (err && n)
		device_free(made[--n]);
	free(made);
	return err;
}

int vgpu_allocator_add_device(struct vgpu_allocator *a,
			      const struct vgpu_memory_device *device)
{
	return vgpu_allocator_init(a, device, 1);
}

struct device *memory_device_at(struct vgpu_allocator *a, uint64_t n)
{
	struct device *d = NULL;

	pthread_mutex_lock(&a->lock);
	if (n < a->count)
		d = a->devices[n];
	pthread_mutex_unlock(&a->lock);
	return d;
}

struct device *memory_device_find(struct vgpu_allocator *a, const char *id)
{
	struct device *d;
	uint64_t n;

	for (n = 0; id && (d = memory_device_at(a, n)); n++)
		if (!strcmp(d->id, id))
			return d;
	memory_fail(a, -ENOENT, "device %.*s: there is none of this id",
	     ID_BYTES, id ? id : "(null)");
	return NULL;
}

/* Look up a block and lock its device; NULL, with the error set, if none. */
static struct device *block_lock(struct vgpu_allocator *a, uint64_t id,
				 uint32_t *handle, uint32_t *slot)
{
	struct device *d = memory_device_at(a, id >> ID_DEVICE_SHIFT);

	*handle = (uint32_t)id;
	if (d) {
		pthread_mutex_lock(&d->lock);
		*slot = vgpu_vram_slot(d->vram, *handle);
		if (*slot)
			return d;
		pthread_mutex_unlock(&d->lock);
	}
	memory_fail(a, -ENOENT, "block %#" PRIx64 ": there is none of this id", id);
	return NULL;
}

static void describe(const struct vgpu_allocator *a, const struct device *d,
		     uint32_t handle, struct vgpu_memory_block *block)
{
	uint32_t slot = vgpu_vram_slot(d->vram, handle);
	struct vgpu_vram_block b;

	vgpu_vram_info(d->vram, handle, &b);
	block->id = d->number << ID_DEVICE_SHIFT | handle;
	block->device_id = d->id;
	block->gpu_address = d->number << GPU_DEVICE_SHIFT |
			     (uint64_t)slot << a->bank_shift;
	block->size = d->blocks[slot].size;
	block->cpu_address = d->blocks[slot].cpu;
}

/* Map a block that is not mapped.  The device is locked. */
static int map_block(struct vgpu_allocator *a, struct device *d,
		     uint32_t handle, void *cpu)
{
	struct block *block = &d->blocks[vgpu_vram_slot(d->vram, handle)];
	struct vgpu_vram_block b;
	uint64_t size;
	void *p;
	int err;

	vgpu_vram_info(d->vram, handle, &b);
	size = b.size;
	if ((uintptr_t)cpu % a->page)
		return memory_fail(a, -EINVAL,
			    "CPU address %p: must be a multiple of %" PRIu64,
			    cpu, a->page);
	if ((uintptr_t)cpu > UINTPTR_MAX / 2 - size)
		return memory_fail(a, -EINVAL,
			    "CPU address %p: beyond the address space", cpu);
	p = mmap(cpu, size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | (cpu ? MAP_FIXED_NOREPLACE : 0), d->fd,
		 (off_t)b.offset);
	if (p != MAP_FAILED && cpu && p != cpu) {
		/* A kernel that takes the address for a hint: it is taken. */
		munmap(p, size);
		p = MAP_FAILED;
		errno = EEXIST;
	}
	if (p == MAP_FAILED) {
		err = -errno;
		if (err == -EEXIST)
			return memory_fail(a, err,
				    "CPU address %p: something is mapped in the %" PRIu64 " bytes from there",
				    cpu, size);
		return memory_fail(a, err, "CPU address %p: cannot map %" PRIu64 " bytes: %s",
			    cpu, size, strerror(-err));
	}
	block->cpu = p;
	return 0;
}

/* Allocate on a locked device. */
static int allocate(struct vgpu_allocator *a, struct device *d, uint64_t size,
		    uint64_t align, uint32_t *handle)
{
	uint64_t rounded = round_up(a, size);
	struct vgpu_vram_stats s;
	uint32_t shift, max;
	u64 total;
	int err;

	vgpu_vram_geometry(d->vram, &total, &shift, &max);
	if (size > total)
		return memory_fail(a, -ENOSPC,
			    "device %s: %" PRIu64 " bytes asked for, its memory has %llu",
			    d->id, size, total);
	if (size > 1ull << shift)
		return memory_fail(a, -EINVAL,
			    "device %s: %" PRIu64 " bytes asked for, a block has at most %llu",
			    d->id, size, 1ull << shift);
	if (!is_power_of_2(align) || align > 1ull << shift)
		return memory_fail(a, -EINVAL,
			    "device %s: alignment %" PRIu64 ", must be a power of two up to %llu",
			    d->id, align, 1ull << shift);
	err = vgpu_account_reserve(&d->account, rounded);
	if (err)
		return memory_fail(a, err,
			    "device %s: %" PRIu64 " bytes asked for, %llu of its limit of %llu are allocated, %llu of %llu on all devices",
			    d->id, rounded, vgpu_account_current(&d->account),
			    vgpu_account_limit(&d->account),
			    vgpu_account_current(&a->account),
			    vgpu_account_limit(&a->account));
	err = vgpu_vram_alloc(d->vram, rounded, align, 0, handle);
	if (!err) {
		struct block *b = &d->blocks[vgpu_vram_slot(d->vram, *handle)];

		b->cpu = NULL;
		b->size = size;
		return 0;
	}
	vgpu_account_refund(&d->account, rounded);
	vgpu_vram_stats(d->vram, &s);
	if (s.count == max)
		return memory_fail(a, err, "device %s: there are %u blocks, no more are possible",
			    d->id, max);
	return memory_fail(a, err,
		    "device %s: %" PRIu64 " bytes asked for, the largest free piece has %llu of %llu that are free",
		    d->id, rounded, s.largest_free, s.free);
}

/* Free a block of a locked device that is not mapped and not pinned. */
static int release(struct vgpu_allocator *a, struct device *d, uint32_t handle)
{
	struct vgpu_vram_block b;
	int err;

	vgpu_vram_info(d->vram, handle, &b);
	err = memory_clear(d->fd, b.offset, b.size);
	if (err)
		return memory_fail(a, err, "device %s: cannot give back %llu bytes: %s",
			    d->id, b.size, strerror(-err));
	vgpu_vram_free(d->vram, handle);
	vgpu_account_refund(&d->account, b.size);
	return 0;
}

static int allocate_block(struct vgpu_allocator *a, const char *device_id,
			  uint64_t size, void *cpu, bool map,
			  const struct vgpu_allocate_options *opts,
			  struct vgpu_memory_block *block)
{
	struct vgpu_allocate_options o;
	struct device *d;
	uint32_t handle;
	int err;

	memset(block, 0, sizeof(*block));
	if (!memory_copy_opts(&o, sizeof(o), opts))
		return memory_fail(a, -EINVAL, "options: a size or an option that is not known");
	if (!size)
		return memory_fail(a, -EINVAL, "0 bytes asked for, must be at least 1");
	if (o.alignment < a->page && (!o.alignment || is_power_of_2(o.alignment)))
		o.alignment = a->page;
	d = memory_device_find(a, device_id);
	if (!d)
		return -ENOENT;
	pthread_mutex_lock(&d->lock);
	err = allocate(a, d, size, o.alignment, &handle);
	if (err)
		goto unlock;
	if (map)
		err = map_block(a, d, handle, cpu);
	if (err)
		release(a, d, handle);
	else
		describe(a, d, handle, block);
unlock:
	pthread_mutex_unlock(&d->lock);
	return err;
}

int vgpu_allocator_allocate(struct vgpu_allocator *a, const char *device_id,
			    uint64_t size, const struct vgpu_allocate_options *opts,
			    struct vgpu_memory_block *block)
{
	return allocate_block(a, device_id, size, NULL, false, opts, block);
}

int vgpu_allocator_allocate_mapped(struct vgpu_allocator *a,
				   const char *device_id, uint64_t size,
				   void *cpu_address,
				   const struct vgpu_allocate_options *opts,
				   struct vgpu_memory_block *block)
{
	return allocate_block(a, device_id, size, cpu_address, true, opts,
			      block);
}

static void unmap_block(struct device *d, uint32_t handle)
{
	struct block *block = &d->blocks[vgpu_vram_slot(d->vram, handle)];
	struct vgpu_vram_block b;

	if (!block->cpu)
		return;
	vgpu_vram_info(d->vram, handle, &b);
	munmap(block->cpu, b.size);
	block->cpu = NULL;
}

int vgpu_allocator_free(struct vgpu_allocator *a, uint64_t id)
{
	struct vgpu_vram_block b;
	uint32_t handle, slot;
	struct device *d;
	int err;

	d = block_lock(a, id, &handle, &slot);
	if (!d)
		return -ENOENT;
	vgpu_vram_info(d->vram, handle, &b);
	if (b.pins) {
		err = memory_fail(a, -EBUSY, "block %#" PRIx64 ": is pinned", id);
	} else {
		unmap_block(d, handle);
		err = release(a, d, handle);
	}
	pthread_mutex_unlock(&d->lock);
	return err;
}

int vgpu_allocator_map(struct vgpu_allocator *a, uint64_t id, void *cpu_address,
		       void **mapped)
{
	uint32_t handle, slot;
	struct device *d;
	int err;

	d = block_lock(a, id, &handle, &slot);
	if (!d)
		return -ENOENT;
	if (d->blocks[slot].cpu)
		err = memory_fail(a, -EBUSY, "block %#" PRIx64 ": is mapped at %p", id,
			   d->blocks[slot].cpu);
	else
		err = map_block(a, d, handle, cpu_address);
	if (!err && mapped)
		*mapped = d->blocks[slot].cpu;
	pthread_mutex_unlock(&d->lock);
	return err;
}

int vgpu_allocator_unmap(struct vgpu_allocator *a, uint64_t id)
{
	uint32_t handle, slot;
	struct device *d;
	int err = 0;

	d = block_lock(a, id, &handle, &slot);
	if (!d)
		return -ENOENT;
	if (d->blocks[slot].cpu)
		unmap_block(d, handle);
	else
		err = memory_fail(a, -EINVAL, "block %#" PRIx64 ": is not mapped", id);
	pthread_mutex_unlock(&d->lock);
	return err;
}

int vgpu_allocator_pin(struct vgpu_allocator *a, uint64_t id)
{
	uint32_t handle, slot;
	struct device *d;
	int err;

	d = block_lock(a, id, &handle, &slot);
	if (!d)
		return -ENOENT;
	err = vgpu_vram_pin(d->vram, handle);
	if (err)
		memory_fail(a, err, "block %#" PRIx64 ": has too many pins", id);
	pthread_mutex_unlock(&d->lock);
	return err;
}

int vgpu_allocator_unpin(struct vgpu_allocator *a, uint64_t id)
{
	uint32_t handle, slot;
	struct device *d;
	int err;

	d = block_lock(a, id, &handle, &slot);
	if (!d)
		return -ENOENT;
	err = vgpu_vram_unpin(d->vram, handle);
	if (err)
		memory_fail(a, err, "block %#" PRIx64 ": is not pinned", id);
	pthread_mutex_unlock(&d->lock);
	return err;
}

int vgpu_allocator_block(struct vgpu_allocator *a, uint64_t id,
			 struct vgpu_memory_block *block)
{
	uint32_t handle, slot;
	struct device *d;

	d = block_lock(a, id, &handle, &slot);
	if (!d)
		return -ENOENT;
	describe(a, d, handle, block);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

int vgpu_allocator_error(struct vgpu_allocator *a, char *buf, size_t bytes)
{
	int n;

	pthread_mutex_lock(&a->lock);
	n = snprintf(buf, bytes, "%s", a->message);
	pthread_mutex_unlock(&a->lock);
	return n;
}
