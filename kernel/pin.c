// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of a process.  What is pinned is counted for the user, as io_uring
 * does it, and not for the address space: a buffer may end in a thread of the
 * kernel's, for which others wait with mmap_lock held, or in munmap().
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pin.h"
#include "uapi/vgpu_device.h"

/* Pages pinned in one go. */
#define VGPU_PIN_PAGES		512ul

static int vgpu_pin_charge(struct vgpu_pinned *p)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = current_user();
	long old = atomic_long_read(&user->locked_vm);

	do {
		if (old + p->n_pages > limit && !capable(CAP_IPC_LOCK))
			return -ENOSPC;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old,
					  old + p->n_pages));
	p->cred = get_current_cred();
	return 0;
}

static void vgpu_pin_refund(struct vgpu_pinned *p)
{
	atomic_long_sub(p->n_pages, &p->cred->user->locked_vm);
	put_cred(p->cred);
}

/* Unpin the first @n. */
static void vgpu_unpin_some(struct vgpu_pinned *p, unsigned long n)
{
	unpin_user_pages_dirty_lock(p->pages, n, !p->read_only);
	kvfree(p->pages);
	p->pages = NULL;
	vgpu_pin_refund(p);
}

void vgpu_unpin(struct vgpu_pinned *p)
{
	vgpu_unpin_some(p, p->n_pages);
}

static int vgpu_pin_pages(struct vgpu_pinned *p, u64 pointer)
{
	unsigned int flags = FOLL_LONGTERM | (p->read_only ? 0 : FOLL_WRITE);
	unsigned long done = 0;
	long n;

	while (done < p->n_pages) {
		n = pin_user_pages_fast(pointer + done * PAGE_SIZE,
					min(p->n_pages - done, VGPU_PIN_PAGES),
					flags, p->pages + done);
		if (n <= 0) {
			vgpu_unpin_some(p, done);
			return n == -ENOMEM || n == -EINTR ? n : -EFAULT;
		}
		done += n;
		if (fatal_signal_pending(current)) {
			vgpu_unpin_some(p, done);
			return -EINTR;
		}
	}
	return 0;
}

int vgpu_pin(struct vgpu_pinned *p, u64 pointer, u64 bytes, bool read_only)
{
	int ret;

	if (!bytes || !PAGE_ALIGNED(bytes) || !PAGE_ALIGNED(pointer) ||
	    pointer + bytes < pointer || bytes > 1ull << VGPU_ADDRESS_BITS)
		return -EINVAL;
	if (!access_ok(u64_to_user_ptr(pointer), bytes))
		return -EFAULT;
	p->n_pages = bytes >> PAGE_SHIFT;
	p->read_only = read_only;
	ret = vgpu_pin_charge(p);
	if (ret)
		return ret;
	/* More than could ever be there is no reason to complain in the log. */
	p->pages = kvmalloc_array(p->n_pages, sizeof(*p->pages),
				  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!p->pages) {
		vgpu_pin_refund(p);
		return -ENOMEM;
	}
	return vgpu_pin_pages(p, pointer);
}
