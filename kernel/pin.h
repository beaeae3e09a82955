/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Memory of a process that is pinned for a device, and counted for the user.
 */
#ifndef VGPU_PIN_H
#define VGPU_PIN_H

#include <linux/types.h>

struct cred;
struct page;

/**
 * struct vgpu_pinned - pages of a process
 * @pages: the pages; NULL: none
 * @n_pages: how many
 * @read_only: nobody writes to them
 * @cred: of who pinned them: RLIMIT_MEMLOCK is of the user
 */
struct vgpu_pinned {
	struct page **pages;
	unsigned long n_pages;
	bool read_only;
	const struct cred *cred;
};

/*
 * Pin memory of the caller: EINVAL, not whole pages; EFAULT; ENOSPC,
 * RLIMIT_MEMLOCK; ENOMEM; EINTR.
 */
int vgpu_pin(struct vgpu_pinned *p, u64 pointer, u64 bytes, bool read_only);
void vgpu_unpin(struct vgpu_pinned *p);

#endif /* VGPU_PIN_H */
