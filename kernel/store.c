// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The memory behind a tenant's VRAM, see store.h.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include "store.h"

static unsigned long vgpu_store_chunks(const struct vgpu_store *s)
{
	return DIV_ROUND_UP(s->bytes, PAGE_SIZE * VGPU_CHUNK_PAGES);
}

static const struct file_operations vgpu_store_map_fops = {
	.owner = THIS_MODULE,
};

int vgpu_store_init(struct vgpu_store *s, u64 bytes)
{
	struct address_space *mapping;
	int ret;

	s->bytes = bytes;
	mutex_init(&s->lock);
	atomic_long_set(&s->resident, 0);
	s->chunks = kvcalloc(vgpu_store_chunks(s), sizeof(*s->chunks),
			     GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!s->chunks)
		return -ENOMEM;
	s->file = shmem_file_setup("vgpu", bytes, VM_NORESERVE);
	if (IS_ERR(s->file)) {
		ret = PTR_ERR(s->file);
		goto err_chunks;
	}
	s->map_file = anon_inode_getfile("vgpu", &vgpu_store_map_fops, NULL,
					 O_RDWR);
	if (IS_ERR(s->map_file)) {
		ret = PTR_ERR(s->map_file);
		goto err_file;
	}
	mapping = s->file->f_mapping;
	s->map_file->f_mapping = mapping;
	/* Held for long: not from where memory may be unplugged. */
	mapping_set_gfp_mask(mapping, GFP_HIGHUSER);
	mapping_set_unevictable(mapping);
	s->memcg = get_mem_cgroup_from_mm(current->mm);
	return 0;

err_file:
	fput(s->file);
err_chunks:
	kvfree(s->chunks);
	return ret;
}

void vgpu_store_fini(struct vgpu_store *s)
{
	unsigned long i, k;

	for (i = 0; i < vgpu_store_chunks(s); i++) {
		struct page **chunk = s->chunks[i];

		for (k = 0; chunk && k < VGPU_CHUNK_PAGES; k++)
			if (chunk[k])
				put_page(chunk[k]);
		kfree(chunk);
	}
	kvfree(s->chunks);
	fput(s->map_file);
	fput(s->file);
	mem_cgroup_put(s->memcg);
}

static struct page *vgpu_store_take(struct vgpu_store *s, pgoff_t index,
				    gfp_t gfp)
{
	struct page ***slot = &s->chunks[index >> VGPU_CHUNK_SHIFT];
	struct page **chunk = *slot, *page;
	struct mem_cgroup *old;

	page = vgpu_store_peek(s, index);
	if (page)
		return page;
	/* A tenant that takes too much shall hear of it, not be killed. */
	gfp |= __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	old = set_active_memcg(s->memcg);
	if (!chunk) {
		chunk = kcalloc(VGPU_CHUNK_PAGES, sizeof(*chunk),
				gfp | __GFP_ACCOUNT);
		if (chunk)
			/* Pairs with the acquire in vgpu_store_peek(). */
			smp_store_release(slot, chunk);
	}
	page = chunk ? shmem_read_mapping_page_gfp(s->file->f_mapping, index,
						   gfp) : ERR_PTR(-ENOMEM);
	set_active_memcg(old);
	if (IS_ERR(page))
		return ERR_PTR(-ENOMEM);
	atomic_long_inc(&s->resident);
	/* Pairs with the acquire in vgpu_store_peek(). */
	smp_store_release(&chunk[index & (VGPU_CHUNK_PAGES - 1)], page);
	return page;
}

struct page *vgpu_store_page(struct vgpu_store *s, pgoff_t index, gfp_t gfp)
{
	struct page *page = vgpu_store_peek(s, index);

	if (page)
		return page;
	mutex_lock(&s->lock);
	page = vgpu_store_take(s, index, gfp);
	mutex_unlock(&s->lock);
	return page;
}

struct page *vgpu_store_get_page(struct vgpu_store *s, pgoff_t index)
{
	struct page *page;

	/* Against vgpu_store_punch(). */
	mutex_lock(&s->lock);
	page = vgpu_store_take(s, index, GFP_KERNEL);
	if (!IS_ERR(page))
		get_page(page);
	mutex_unlock(&s->lock);
	return page;
}

int vgpu_store_populate(struct vgpu_store *s, u64 offset, u64 bytes, gfp_t gfp)
{
	pgoff_t i, end = DIV_ROUND_UP(offset + bytes, PAGE_SIZE);
	struct page *page;

	for (i = offset >> PAGE_SHIFT; i < end; i++) {
		page = vgpu_store_page(s, i, gfp);
		if (IS_ERR(page))
			return PTR_ERR(page);
		cond_resched();
	}
	return 0;
}

/* Of one page. */
static void vgpu_store_clear(struct vgpu_store *s, u64 offset, u64 bytes)
{
	struct page *page;

	/* Where nothing is to do there may be no store any more. */
	if (!bytes)
		return;
	page = vgpu_store_peek(s, offset >> PAGE_SHIFT);
	if (page)
		memzero_page(page, offset_in_page(offset), bytes);
}

static void vgpu_store_punch(struct vgpu_store *s, pgoff_t first, pgoff_t end)
{
	struct page **chunk, *page;
	pgoff_t i = first;

	/* Takes them out of all page tables, too. */
	shmem_truncate_range(file_inode(s->file), (loff_t)first << PAGE_SHIFT,
			     ((loff_t)end << PAGE_SHIFT) - 1);
	while (i < end) {
		chunk = READ_ONCE(s->chunks[i >> VGPU_CHUNK_SHIFT]);
		if (!chunk) {
			i = ALIGN(i + 1, VGPU_CHUNK_PAGES);
			continue;
		}
		page = xchg(&chunk[i++ & (VGPU_CHUNK_PAGES - 1)], NULL);
		if (!page)
			continue;
		put_page(page);
		atomic_long_dec(&s->resident);
		cond_resched();
	}
}

void vgpu_store_zero(struct vgpu_store *s, u64 offset, u64 bytes)
{
	u64 end = offset + bytes;
	u64 first = ALIGN(offset, PAGE_SIZE), last = ALIGN_DOWN(end, PAGE_SIZE);

	if (first > last) {
		vgpu_store_clear(s, offset, bytes);
		return;
	}
	vgpu_store_clear(s, offset, first - offset);
	vgpu_store_clear(s, last, end - last);
	if (first == last)
		return;
	/* An engine may be about to map one of them. */
	mutex_lock(&s->lock);
	vgpu_store_punch(s, first >> PAGE_SHIFT, last >> PAGE_SHIFT);
	mutex_unlock(&s->lock);
}
