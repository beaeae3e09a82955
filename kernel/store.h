/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The memory behind a tenant's VRAM: one shmem file, whose pages are taken from
 * the system when they are first used.
 *
 * A page that is there stays where it is until it is given back: it is
 * referenced here, so that neither swap nor migration takes it away from a
 * thread that copies.
 */
#ifndef VGPU_STORE_H
#define VGPU_STORE_H

#include <linux/mutex.h>
#include <linux/types.h>

struct file;
struct mem_cgroup;
struct page;

/* Pages that an entry of the upper level stands for. */
#define VGPU_CHUNK_SHIFT	9
#define VGPU_CHUNK_PAGES	(1ul << VGPU_CHUNK_SHIFT)

/**
 * struct vgpu_store - content of VRAM, offset 0 to @bytes
 * @file: owns the pages
 * @map_file: the vm_file of all their mappings: of this module, so that it is
 *	there as long as one of those, and with the address space of @file, so
 *	that taking a page away reaches all of them
 * @memcg: the opener's, charged for them
 * @bytes: a multiple of PAGE_SIZE
 * @lock: serialises the taking of pages; innermost but for shmem's own locks
 * @chunks: two-level table of the pages that are there.  Read without a lock;
 *	written under @lock, or by vgpu_store_zero() for pages that nobody else
 *	uses
 * @resident: pages that are there
 */
struct vgpu_store {
	struct file *file;
	struct file *map_file;
	struct mem_cgroup *memcg;
	u64 bytes;
	struct mutex lock;
	struct page ***chunks;
	atomic_long_t resident;
};

int vgpu_store_init(struct vgpu_store *s, u64 bytes);
void vgpu_store_fini(struct vgpu_store *s);

/**
 * vgpu_store_page() - the page at an index, taken from the system if need be
 * @s: store
 * @index: below @bytes / PAGE_SIZE
 * @gfp: how hard to try
 *
 * Return: the page, which the store holds, or an ERR_PTR(): -ENOMEM.  May sleep.
 */
struct page *vgpu_store_page(struct vgpu_store *s, pgoff_t index, gfp_t gfp);

/*
 * The same for somebody who uses the page beside the tenant's commands: with a
 * reference of the caller's own.  A page fault that gets none ends with SIGBUS:
 * the cgroup is full, and VM_FAULT_OOM would have it come again for ever, since
 * nobody was killed for this page.
 */
struct page *vgpu_store_get_page(struct vgpu_store *s, pgoff_t index);

/* The page at an index if it is there, else NULL: it is all zeroes. */
static inline struct page *vgpu_store_peek(const struct vgpu_store *s,
					   pgoff_t index)
{
	struct page **chunk;

	/* Pairs with the release in vgpu_store_take(): the chunk is zeroed. */
	chunk = smp_load_acquire(&s->chunks[index >> VGPU_CHUNK_SHIFT]);
	if (!chunk)
		return NULL;
	/* Likewise: the page is. */
	return smp_load_acquire(&chunk[index & (VGPU_CHUNK_PAGES - 1)]);
}

/* Make a range zero that nobody uses, and give its whole pages back. */
void vgpu_store_zero(struct vgpu_store *s, u64 offset, u64 bytes);

/* Take all pages of a range from the system: 0 or -ENOMEM. */
int vgpu_store_populate(struct vgpu_store *s, u64 offset, u64 bytes, gfp_t gfp);

#endif /* VGPU_STORE_H */
