// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Accounting with limits, lock-free.
 *
 * Why it holds: each level's figure changes only by the two compare-and-swaps
 * below, so its changes have one order.  A reservation's swap happens only
 * from a value v with v + bytes <= limit, so no reservation takes a level
 * past the limit that it read.  A refund's swap happens only from a value
 * that is at least bytes, so no level goes below zero.  A reservation that
 * fails at one level has added its bytes to exactly the levels below, and
 * takes them from exactly these; one that succeeds has added them to all, and
 * so its refund takes them from all: with each reservation refunded, every
 * level is back at zero.
 *
 * From the bottom up: while a reservation that will fail is on its way, only
 * its own levels hold bytes for it that others see, and a client that keeps
 * failing does not disturb the GPU's figure.
 *
 * The swaps order nothing but the figures themselves; whatever the bytes
 * stand for is handed over under the locks of those who own it.
 */
#include "account.h"

int vgpu_account_init(struct vgpu_account *a, u64 limit,
		      struct vgpu_account *parent)
{
	const struct vgpu_account *p;
	u32 levels = 1;

	for (p = parent; p; p = p->parent)
		levels++;
	if (levels > VGPU_ACCOUNT_LEVELS)
		return -EINVAL;
	a->reserved = 0;
	a->peak = 0;
	a->limit = limit;
	a->parent = parent;
	return 0;
}

/* Partner of each swap: the swaps of the same figure, here and in take(). */
static bool add(struct vgpu_account *a, u64 bytes, u64 *result)
{
	u64 limit = READ_ONCE(a->limit);
	u64 old = READ_ONCE(a->reserved);
	u64 seen;

	for (;;) {
		if (bytes > limit || old > limit - bytes)
			return false;
		seen = vgpu_cmpxchg(&a->reserved, old, old + bytes);
		if (seen == old)
			break;
		old = seen;
	}
	*result = old + bytes;
	return true;
}

static void take(struct vgpu_account *a, u64 bytes)
{
	u64 old = READ_ONCE(a->reserved);
	u64 seen;

	for (;;) {
		if (!vgpu_assert(old >= bytes))
			return;
		seen = vgpu_cmpxchg(&a->reserved, old, old - bytes);
		if (seen == old)
			return;
		old = seen;
	}
}

/* Partner of the swap: the swaps of the same figure by other reservations. */
static void raise_peak(struct vgpu_account *a, u64 value)
{
	u64 old = READ_ONCE(a->peak);
	u64 seen;

	while (old < value) {
		seen = vgpu_cmpxchg(&a->peak, old, value);
		if (seen == old)
			return;
		old = seen;
	}
}

int vgpu_account_reserve(struct vgpu_account *a, u64 bytes)
{
	u64 reached[VGPU_ACCOUNT_LEVELS];
	struct vgpu_account *level;
	struct vgpu_account *done;
	u32 n = 0;

	for (level = a; level; level = level->parent, n++) {
		if (add(level, bytes, &reached[n]))
			continue;
		for (done = a; done != level; done = done->parent)
			take(done, bytes);
		return -ENOSPC;
	}
	/* Peaks count reservations that succeeded, not attempts. */
	for (level = a, n = 0; level; level = level->parent, n++)
		raise_peak(level, reached[n]);
	return 0;
}

void vgpu_account_refund(struct vgpu_account *a, u64 bytes)
{
	for (; a; a = a->parent)
		take(a, bytes);
}

void vgpu_account_set_limit(struct vgpu_account *a, u64 limit)
{
	WRITE_ONCE(a->limit, limit);
}

u64 vgpu_account_current(const struct vgpu_account *a)
{
	return READ_ONCE(a->reserved);
}

u64 vgpu_account_peak(const struct vgpu_account *a)
{
	return READ_ONCE(a->peak);
}

u64 vgpu_account_limit(const struct vgpu_account *a)
{
	return READ_ONCE(a->limit);
}
