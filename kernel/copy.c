// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Moving bytes between VRAM and system memory.
 *
 * Everything that is touched here is resident and stays so: pages of a store
 * are held by it, those of system memory are pinned.  x86-64 sees all of it in
 * its direct map.
 */
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "copy.h"
#include "store.h"
#include "sysmem.h"
#include "turn.h"

/* Let others run after so much. */
#define VGPU_COPY_CHUNK		(1u << 20)

/* How hard to try for the next page. */
static gfp_t vgpu_pace_gfp(const struct vgpu_pace *pace)
{
	return READ_ONCE(*pace->fences) ? GFP_NOWAIT : GFP_KERNEL;
}

/* The page of a place at @offset; NULL: VRAM that nobody wrote. */
static __always_inline struct page *
vgpu_place_page(const struct vgpu_place *p, u64 offset,
		const struct vgpu_pace *take)
{
	struct vgpu_store *s = p->store;
	struct page *page;
	pgoff_t index;

	if (!s && p->mem->pages)
		return p->mem->pages[offset >> PAGE_SHIFT];
	if (!s) {
		s = p->mem->store;
		offset += p->mem->offset;
	}
	index = offset >> PAGE_SHIFT;
	page = vgpu_store_peek(s, index);
	if (page || !take)
		return page;
	return vgpu_store_page(s, index, vgpu_pace_gfp(take));
}

/**
 * vgpu_place_at() - the kernel's address of the next piece of a place
 * @p: place
 * @done: how far it is done
 * @bytes: how much is wanted; gets how much there is in one piece
 * @take: pages that are not there are taken from the system, at this pace; or
 *	NULL
 *
 * It is inline because a page is soon copied: a call for each end of it, with
 * what is known here in registers, would be a twentieth on top.
 *
 * Return: an address; NULL: zeroes; or an ERR_PTR().
 */
static __always_inline void *vgpu_place_at(const struct vgpu_place *p, u64 done,
					   u64 *bytes,
					   const struct vgpu_pace *take)
{
	u64 offset = p->offset + done;
	struct page *page;

	if (!p->store && p->mem->vaddr)
		return p->mem->vaddr + offset;
	/* Looking whether the next page lies behind it costs more than it saves. */
	*bytes = min_t(u64, *bytes, PAGE_SIZE - offset_in_page(offset));
	page = vgpu_place_page(p, offset, take);
	return IS_ERR_OR_NULL(page) ? ERR_CAST(page) :
				      page_address(page) + offset_in_page(offset);
}

/*
 * A guest's memory is there from here to vgpu_leave(), which is for one chunk at
 * most.  -EFAULT: it has gone.  What one copy touches is of one guest.
 */
static int vgpu_enter(const struct vgpu_place *a, const struct vgpu_place *b,
		      struct mutex **guard)
{
	const struct vgpu_sysmem *m = a->mem, *n = b ? b->mem : NULL;

	*guard = m && m->guard ? m->guard : n ? n->guard : NULL;
	if (!*guard)
		return 0;
	mutex_lock(*guard);
	if (!(m && m->gone) && !(n && n->gone))
		return 0;
	mutex_unlock(*guard);
	return -EFAULT;
}

static void vgpu_leave(struct mutex *guard)
{
	if (guard)
		mutex_unlock(guard);
}

/* Between two chunks: whether to go on. */
static bool vgpu_breathe(const struct vgpu_pace *pace)
{
	cond_resched();
	if (READ_ONCE(*pace->stop))
		return false;
	if (pace->turn && vgpu_turn_over(pace->turn))
		vgpu_turn_yield(pace->turn);
	return true;
}

/* How much to do next: up to the end of a chunk. */
static u64 vgpu_next(u64 done, u64 bytes)
{
	return min_t(u64, bytes - done,
		     VGPU_COPY_CHUNK - (done & (VGPU_COPY_CHUNK - 1)));
}

/* Copy @bytes from one piece, or zeroes, to @to, @done into it. */
static int vgpu_copy_piece(const struct vgpu_place *to, u64 done,
			   const void *src, u64 bytes,
			   const struct vgpu_pace *pace)
{
	u64 at, n;
	void *dst;

	for (at = 0; at < bytes; at += n) {
		n = bytes - at;
		dst = vgpu_place_at(to, done + at, &n, pace);
		if (IS_ERR(dst))
			return PTR_ERR(dst);
		if (src)
			memcpy(dst, src + at, n);
		else
			memset(dst, 0, n);
	}
	return 0;
}

int vgpu_copy(const struct vgpu_place *to, const struct vgpu_place *from,
	      u64 bytes, const struct vgpu_pace *pace)
{
	u64 done = 0, end, n;
	struct mutex *guard;
	void *src;
	int ret;

	while (done < bytes) {
		end = done + vgpu_next(done, bytes);
		ret = vgpu_enter(to, from, &guard);
		if (ret)
			return ret;
		for (; done < end && !ret; done += n) {
			n = end - done;
			src = vgpu_place_at(from, done, &n, NULL);
			ret = vgpu_copy_piece(to, done, src, n, pace);
		}
		vgpu_leave(guard);
		if (ret)
			return ret;
		if (done < bytes && !vgpu_breathe(pace))
			return -ECANCELED;
	}
	return 0;
}

int vgpu_fill(const struct vgpu_place *to, u64 bytes, u32 pattern,
	      const struct vgpu_pace *pace)
{
	u64 done = 0, end, n;
	struct mutex *guard;
	void *dst;
	int ret;

	while (done < bytes) {
		end = done + vgpu_next(done, bytes);
		ret = vgpu_enter(to, NULL, &guard);
		if (ret)
			return ret;
		for (; done < end && !ret; done += n) {
			n = end - done;
			/* What is not there is zero already. */
			dst = vgpu_place_at(to, done, &n,
					    pattern ? pace : NULL);
			ret = PTR_ERR_OR_ZERO(dst);
			if (dst && !ret)
				memset32(dst, pattern, n / sizeof(pattern));
		}
		vgpu_leave(guard);
		if (ret)
			return ret;
		if (done < bytes && !vgpu_breathe(pace))
			return -ECANCELED;
	}
	return 0;
}

int vgpu_read(void *to, const struct vgpu_place *from, u64 bytes)
{
	struct mutex *guard;
	u64 done = 0, n;
	void *src;
	int ret;

	while (done < bytes) {
		n = bytes - done;
		ret = vgpu_enter(from, NULL, &guard);
		if (ret)
			return ret;
		src = vgpu_place_at(from, done, &n, NULL);
		if (src)
			memcpy(to + done, src, n);
		else
			memset(to + done, 0, n);
		vgpu_leave(guard);
		done += n;
	}
	return 0;
}

/* Take from the system what a move writes to; zeroes are not written. */
static int vgpu_move_prepare(struct vgpu_store *s, const struct vgpu_place *src,
			     u64 to, u64 bytes,
			     const struct vgpu_pace *pace)
{
	u64 done = 0, n;
	int ret;

	while (done < bytes) {
		n = vgpu_next(done, bytes);
		if (vgpu_place_at(src, done, &n, NULL)) {
			ret = vgpu_store_populate(s, to + done, n,
						  vgpu_pace_gfp(pace));
			if (ret)
				return ret;
		}
		done += n;
	}
	return 0;
}

int vgpu_move(struct vgpu_store *s, u64 to, u64 from, u64 bytes,
	      const struct vgpu_pace *pace)
{
	struct vgpu_place dst = { .store = s, .offset = to };
	struct vgpu_place src = { .store = s, .offset = from };
	bool overlap = to < from && from - to < bytes;
	u64 left = overlap ? to + bytes : from;
	u64 done = 0, n;
	void *a, *b;
	int ret;

	ret = vgpu_move_prepare(s, &src, to, bytes, pace);
	if (ret) {
		vgpu_store_zero(s, to, overlap ? from - to : bytes);
		return ret;
	}
	/* From here on nothing can fail. */
	while (done < bytes) {
		n = vgpu_next(done, bytes);
		b = vgpu_place_at(&src, done, &n, NULL);
		a = vgpu_place_at(&dst, done, &n, NULL);
		if (a && b)
			memmove(a, b, n);
		else if (a)
			memset(a, 0, n);
		done += n;
		cond_resched();
	}
	vgpu_store_zero(s, left, from + bytes - left);
	return 0;
}
