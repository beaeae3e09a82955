/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the two render nodes have in common: that of a host's GPU (drm.h), where
 * each client has a device, and that of a function in a virtual machine
 * (function/function.h), which its clients share.  Arguments are looked at in
 * the same way.
 */
#ifndef VGPU_DRM_COMMON_H
#define VGPU_DRM_COMMON_H

#include <linux/ktime.h>
#include <linux/types.h>

#include "uapi/vgpu_drm.h"

struct drm_file;
struct drm_ioctl_desc;
struct drm_printer;
struct vm_area_struct;

/* Longest time that the kernel looks at a ring. */
#define VGPU_MAX_POLL_US	(VGPU_MAX_POLL_NS / 1000)

/*
 * DRM fills up a structure that is shorter than ours, and drops what a longer
 * one has: that has to be zero, or a newer program asks for what we have not.
 * @arg is of user space.
 */
int vgpu_check_tail(const struct drm_ioctl_desc *ioctls, unsigned int n,
		    unsigned int cmd, unsigned long arg);

/* What drm_show_fdinfo() says first, where there is none. */
void vgpu_fdinfo_head(struct drm_printer *p, struct drm_file *file, u32 client);

/* Until when a call waits, as time from now on; 0: it has come. */
ktime_t vgpu_time_left(s64 deadline_ns);

/* The end of a query: what fits of the @bytes of an answer goes to the caller. */
int vgpu_query_reply(struct drm_vgpu_query *args, const void *answer,
		     u32 bytes);

/* What is wrong with arguments without looking at the device: 0 or an errno. */
int vgpu_register_check(const struct drm_vgpu_register *args);
int vgpu_ring_create_check(const struct drm_vgpu_ring_create *args);
/* The vectors from @first to @last are meant. */
int vgpu_event_check(const struct drm_vgpu_event *args, u32 *first, u32 *last);

/* Map the client page, which lives as long as the file. */
int vgpu_client_page_mmap(struct drm_vgpu_client_page *page,
			  struct vm_area_struct *vma);

/* Of the shmem helper's buffers, whose pages are there from the start. */
extern const struct vm_operations_struct vgpu_shmem_vm_ops;

#endif /* VGPU_DRM_COMMON_H */
