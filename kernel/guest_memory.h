/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Memory of a guest: pages that its driver has given to the device.
 *
 * DOC: Memory that may go
 *
 * Pages are pinned when the driver names them, a piece at a time of at most
 * VGPU_PIN_MAX, and each piece is unpinned as it was pinned.  The VMM may take
 * memory away at any time (dma_unmap): whatever has a page of it is dead from
 * then on, commands on it fail with EFAULT, rings in it need a reset, and the
 * pages are unpinned before dma_unmap returns.
 *
 * That waits for nobody but a pin under way, which the thread that unmaps could
 * not overtake anyway (VFIO's own lock is held for it), and the chunk that is
 * being copied: &vgpu_guest.lock is held for one chunk, never while pages are
 * pinned or user space is copied from.  VFIO's locks come after it, and mmap_lock
 * after those; so the tenant's lock, which DRM's mmap takes, is neither held
 * outside of it nor inside.
 *
 * New pins in a range that has just been unmapped are refused with EAGAIN for a
 * while, because VFIO looks ten times for pages that are left and then gives up,
 * the whole machine with it.  The while doubles each time, so that a guest which
 * never stops pinning cannot win.
 */
#ifndef VGPU_GUEST_MEMORY_H
#define VGPU_GUEST_MEMORY_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>

struct vfio_device;
struct vgpu_guest_object;
struct vgpu_tenant;
struct vgpu_work;

/* Pages of one call; more is what VFIO refuses. */
#define VGPU_PIN_MAX		512u
/* Pages that a guest may have pinned, each as often as it was. */
#define VGPU_GUEST_PAGES	(16ull << 30 >> 12)

#define VGPU_REFUSALS		8u

/**
 * struct vgpu_refusal - a range that is not to be pinned for a while
 * @first: address of its first byte
 * @last: of its last
 * @until: jiffies
 * @length: of the while, in jiffies; 0: none
 */
struct vgpu_refusal {
	u64 first;
	u64 last;
	unsigned long until;
	unsigned long length;
};

/**
 * struct vgpu_guest - memory of a guest that an instance uses
 * @vdev: by which it is pinned
 * @lock: protects all of this, and what objects have; see "Memory that may go"
 * @tenant: whose model knows the objects; NULL: none
 * @objects: all struct vgpu_guest_object; under the tenant's lock
 * @pins: all struct vgpu_pin
 * @admin: the admin queue's memory; under the tenant's lock
 * @refused: ranges that are not to be pinned now
 * @pages: how many are pinned
 * @pinned: the number of pins that have ended; read without the lock by those
 *	that wait
 * @wait: for @pinned
 */
struct vgpu_guest {
	struct vfio_device *vdev;
	struct mutex lock;
	struct vgpu_tenant *tenant;
	struct list_head objects;
	struct list_head pins;
	struct vgpu_guest_object *admin;
	struct vgpu_refusal refused[VGPU_REFUSALS];
	u64 pages;
	u32 pinned;
	wait_queue_head_t wait;
};

void vgpu_guest_init(struct vgpu_guest *g, struct vfio_device *vdev);
/* @t's objects are this guest's; NULL: there are none any more. */
void vgpu_guest_set_tenant(struct vgpu_guest *g, struct vgpu_tenant *t);
/* &vgpu_tenant_ops.guest */
s32 vgpu_guest_item(struct vgpu_guest *g, const struct vgpu_work *w);
/* &vfio_device_ops.dma_unmap */
void vgpu_guest_unmap(struct vgpu_guest *g, u64 iova, u64 length);

#endif /* VGPU_GUEST_MEMORY_H */
