/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * System memory as a device sees it: a device model's object of system memory
 * has pages, a kernel address, or a piece of another tenant's VRAM behind it.
 */
#ifndef VGPU_SYSMEM_H
#define VGPU_SYSMEM_H

#include <linux/types.h>

struct mutex;
struct page;
struct vgpu_store;

/**
 * struct vgpu_sysmem - what is behind an object of system memory
 * @bytes: how much
 * @pages: its pages, resident and pinned; or NULL
 * @vaddr: else where the kernel sees it, contiguous; or NULL
 * @store: else the other tenant's memory
 * @offset: and where in it
 * @guard: memory of a guest: held while it is used, because it may go at any
 *	time otherwise; or NULL
 * @gone: it did, and is not touched any more; under @guard
 * @release: the device has let go of it; called without any lock of the tenant
 */
struct vgpu_sysmem {
	u64 bytes;
	struct page **pages;
	void *vaddr;
	struct vgpu_store *store;
	u64 offset;
	struct mutex *guard;
	bool gone;
	void (*release)(struct vgpu_sysmem *mem);
};

#endif /* VGPU_SYSMEM_H */
