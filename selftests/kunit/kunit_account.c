// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Accounting: limits, levels, what must not happen, and two threads at once. */
#include "account.h"
#include "vgpu_kunit.h"

static void limits(struct kunit *test)
{
	struct vgpu_account a;

	VGPU_EQ(test, 0, vgpu_account_init(&a, 100, NULL));
	VGPU_EQ(test, 0, vgpu_account_reserve(&a, 60));
	VGPU_EQ(test, -ENOSPC, vgpu_account_reserve(&a, 41));
	VGPU_EQ(test, -ENOSPC, vgpu_account_reserve(&a, U64_MAX));
	VGPU_EQ(test, 60, vgpu_account_current(&a));
	VGPU_EQ(test, 0, vgpu_account_reserve(&a, 40));
	/* Below what is there: only what is new fails. */
	vgpu_account_set_limit(&a, 10);
	VGPU_EQ(test, 10, vgpu_account_limit(&a));
	VGPU_EQ(test, 100, vgpu_account_current(&a));
	VGPU_EQ(test, -ENOSPC, vgpu_account_reserve(&a, 1));
	vgpu_account_refund(&a, 95);
	VGPU_EQ(test, 0, vgpu_account_reserve(&a, 5));
	vgpu_account_refund(&a, 10);
	VGPU_EQ(test, 0, vgpu_account_current(&a));
	VGPU_EQ(test, 100, vgpu_account_peak(&a));
	vgpu_account_set_limit(&a, U64_MAX);
	VGPU_EQ(test, 0, vgpu_account_reserve(&a, U64_MAX));
	VGPU_EQ(test, -ENOSPC, vgpu_account_reserve(&a, 1));
}

static void levels(struct kunit *test)
{
	struct vgpu_account a[VGPU_ACCOUNT_LEVELS + 1];
	u32 i;

	for (i = 0; i < VGPU_ACCOUNT_LEVELS; i++)
		VGPU_EQ(test, 0, vgpu_account_init(&a[i], 1000 - 100 * i,
						   i ? &a[i - 1] : NULL));
	VGPU_EQ(test, -EINVAL, vgpu_account_init(&a[i], 1, &a[i - 1]));

	VGPU_EQ(test, 0, vgpu_account_reserve(&a[3], 700));
	VGPU_EQ(test, -ENOSPC, vgpu_account_reserve(&a[3], 1));
	VGPU_EQ(test, 0, vgpu_account_reserve(&a[0], 250));
	/* Room in the two lower levels, none in the highest. */
	VGPU_EQ(test, -ENOSPC, vgpu_account_reserve(&a[2], 51));
	VGPU_EQ(test, 700, vgpu_account_current(&a[2]));
	VGPU_EQ(test, 700, vgpu_account_current(&a[1]));
	VGPU_EQ(test, 950, vgpu_account_current(&a[0]));
	VGPU_EQ(test, 700, vgpu_account_peak(&a[2]));
	vgpu_account_refund(&a[0], 250);
	vgpu_account_refund(&a[3], 700);
	for (i = 0; i < VGPU_ACCOUNT_LEVELS; i++)
		VGPU_EQ(test, 0, vgpu_account_current(&a[i]));
}

/* It is asserted, and the account stays as it is. */
static void underflow(struct kunit *test)
{
	struct vgpu_account parent, a;

	VGPU_EQ(test, 0, vgpu_account_init(&parent, 100, NULL));
	VGPU_EQ(test, 0, vgpu_account_init(&a, 100, &parent));
	VGPU_EQ(test, 0, vgpu_account_reserve(&a, 10));
	vgpu_kunit_expect_asserts(2);
	vgpu_account_refund(&a, 11);
	VGPU_EQ(test, 0, vgpu_kunit_missed_asserts());
	VGPU_EQ(test, 10, vgpu_account_current(&a));
	VGPU_EQ(test, 10, vgpu_account_current(&parent));
	vgpu_account_refund(&a, 10);
	VGPU_EQ(test, 0, vgpu_account_current(&parent));
}

#define ROUNDS	20000u

/* Reserves, keeps at most 8 for a while, and refunds all. */
static int reserve(void *arg)
{
	struct vgpu_account *a = arg;
	u64 held[8] = { 0 };
	u64 seed = (uintptr_t)arg;
	u32 i, k, passed = 0;

	for (i = 0; i < ROUNDS; i++) {
		k = vgpu_kunit_rnd(&seed) % 8;
		vgpu_account_refund(a, held[k]);
		held[k] = vgpu_kunit_rnd(&seed) % 100;
		if (vgpu_account_reserve(a, held[k]))
			held[k] = 0;
		passed += vgpu_account_current(a->parent) > 500;
		if (i % 1024 == 0)
			cond_resched();
	}
	for (k = 0; k < 8; k++)
		vgpu_account_refund(a, held[k]);
	return passed;
}

static void two_at_once(struct kunit *test)
{
	struct vgpu_kunit_thread *t;
	struct vgpu_account *a;
	u32 i;

	t = kunit_kcalloc(test, 2, sizeof(*t), GFP_KERNEL);
	a = kunit_kcalloc(test, 3, sizeof(*a), GFP_KERNEL);
	VGPU_OK(test, t && a);
	vgpu_account_init(&a[2], 500, NULL);
	for (i = 0; i < 2; i++) {
		vgpu_account_init(&a[i], 300, &a[2]);
		vgpu_kunit_start(test, &t[i], reserve, &a[i]);
	}
	for (i = 0; i < 2; i++)
		VGPU_EQ(test, 0, vgpu_kunit_join(&t[i]));
	for (i = 0; i < 3; i++)
		VGPU_EQ(test, 0, vgpu_account_current(&a[i]));
	VGPU_OK(test, vgpu_account_peak(&a[2]) <= 500);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(limits),
	KUNIT_CASE(levels),
	KUNIT_CASE(underflow),
	KUNIT_CASE(two_at_once),
	{}
};

struct kunit_suite vgpu_account_suite = {
	.name = "vgpu_account",
	.test_cases = cases,
};
