/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Accounting of bytes with a limit, in levels (client, instance, GPU): what
 * is reserved at one level is reserved at each level above, or nowhere.
 * Reserve before allocating, refund on every way out.
 *
 * Lock-free, since the level of a GPU is shared by instances that hold
 * different locks.  An account's parent is set once and outlives it.
 */
#ifndef VGPU_MODEL_ACCOUNT_H
#define VGPU_MODEL_ACCOUNT_H

#include "os.h"

#define VGPU_ACCOUNT_LEVELS	4

struct vgpu_account {
	u64 reserved;
	u64 peak;
	u64 limit;
	struct vgpu_account *parent;
};

/* -EINVAL if that makes more than VGPU_ACCOUNT_LEVELS levels. */
int vgpu_account_init(struct vgpu_account *a, u64 limit,
		      struct vgpu_account *parent);

/* -ENOSPC: a limit here or above would be passed; then nothing is reserved. */
int vgpu_account_reserve(struct vgpu_account *a, u64 bytes);

/*
 * Give back what was reserved.  More than is reserved is a bug of the
 * caller's: it is asserted, and the account stays as it is.
 */
void vgpu_account_refund(struct vgpu_account *a, u64 bytes);

/* May be below what is reserved: then only new reservations fail. */
void vgpu_account_set_limit(struct vgpu_account *a, u64 limit);

u64 vgpu_account_current(const struct vgpu_account *a);
u64 vgpu_account_peak(const struct vgpu_account *a);
u64 vgpu_account_limit(const struct vgpu_account *a);

#endif /* VGPU_MODEL_ACCOUNT_H */
