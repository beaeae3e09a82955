// SPDX-License-Identifier: MIT
/* Accounting with limits: levels, failures, and misuse. */
#include "vgpu_test.h"
#include "account.h"

VGPU_TEST(reserve_and_refund)
{
	struct vgpu_account a;

	ASSERT_EQ(0, vgpu_account_init(&a, 100, NULL));
	EXPECT_EQ(0, vgpu_account_reserve(&a, 60));
	EXPECT_EQ(0, vgpu_account_reserve(&a, 40));
	EXPECT_EQ(100, vgpu_account_current(&a));
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&a, 1));
	EXPECT_EQ(0, vgpu_account_reserve(&a, 0));
	vgpu_account_refund(&a, 60);
	EXPECT_EQ(40, vgpu_account_current(&a));
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&a, 61));
	EXPECT_EQ(0, vgpu_account_reserve(&a, 1));
	vgpu_account_refund(&a, 41);
	EXPECT_EQ(0, vgpu_account_current(&a));
	EXPECT_EQ(100, vgpu_account_peak(&a));
}

VGPU_TEST(hostile_sizes)
{
	struct vgpu_account a;

	ASSERT_EQ(0, vgpu_account_init(&a, UINT64_MAX, NULL));
	EXPECT_EQ(0, vgpu_account_reserve(&a, UINT64_MAX));
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&a, 1));
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&a, UINT64_MAX));
	vgpu_account_refund(&a, UINT64_MAX);
	EXPECT_EQ(0, vgpu_account_current(&a));
	vgpu_account_set_limit(&a, 4096);
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&a, UINT64_MAX));
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&a, UINT64_MAX - 4095));
	EXPECT_EQ(0, vgpu_account_current(&a));
}

VGPU_TEST(levels)
{
	struct vgpu_account gpu, one, two, client;

	ASSERT_EQ(0, vgpu_account_init(&gpu, 100, NULL));
	ASSERT_EQ(0, vgpu_account_init(&one, 80, &gpu));
	ASSERT_EQ(0, vgpu_account_init(&two, 80, &gpu));
	ASSERT_EQ(0, vgpu_account_init(&client, UINT64_MAX, &one));
	EXPECT_EQ(0, vgpu_account_reserve(&client, 70));
	EXPECT_EQ(70, vgpu_account_current(&one));
	EXPECT_EQ(70, vgpu_account_current(&gpu));
	/* The instance's limit. */
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&client, 11));
	/* The GPU's limit. */
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&two, 31));
	EXPECT_EQ(0, vgpu_account_current(&two));
	EXPECT_EQ(70, vgpu_account_current(&client));
	/* What failed is in no peak. */
	EXPECT_EQ(70, vgpu_account_peak(&client));
	EXPECT_EQ(0, vgpu_account_peak(&two));
	EXPECT_EQ(0, vgpu_account_reserve(&two, 30));
	EXPECT_EQ(100, vgpu_account_peak(&gpu));
	vgpu_account_refund(&client, 70);
	vgpu_account_refund(&two, 30);
	EXPECT_EQ(0, vgpu_account_current(&client));
	EXPECT_EQ(0, vgpu_account_current(&one));
	EXPECT_EQ(0, vgpu_account_current(&two));
	EXPECT_EQ(0, vgpu_account_current(&gpu));
}

VGPU_TEST(too_many_levels)
{
	struct vgpu_account a[VGPU_ACCOUNT_LEVELS + 1];
	int i;

	for (i = 0; i < VGPU_ACCOUNT_LEVELS; i++)
		ASSERT_EQ(0, vgpu_account_init(&a[i], 1, i ? &a[i - 1] : NULL));
	EXPECT_EQ(-EINVAL, vgpu_account_init(&a[i], 1, &a[i - 1]));
	EXPECT_EQ(0, vgpu_account_reserve(&a[i - 1], 1));
	EXPECT_EQ(1, vgpu_account_current(&a[0]));
}

VGPU_TEST(limit_below_current)
{
	struct vgpu_account a;

	ASSERT_EQ(0, vgpu_account_init(&a, 100, NULL));
	EXPECT_EQ(0, vgpu_account_reserve(&a, 100));
	vgpu_account_set_limit(&a, 50);
	EXPECT_EQ(50, vgpu_account_limit(&a));
	EXPECT_EQ(100, vgpu_account_current(&a));
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&a, 1));
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&a, 0));
	vgpu_account_refund(&a, 60);
	EXPECT_EQ(0, vgpu_account_reserve(&a, 10));
	EXPECT_EQ(-ENOSPC, vgpu_account_reserve(&a, 1));
	vgpu_account_refund(&a, 50);
	EXPECT_EQ(0, vgpu_account_current(&a));
}

/* The assertion of a refund that was never reserved ends the process. */
VGPU_TEST(refund_too_much)
{
	struct vgpu_account a;
	int status;
	pid_t pid;

	ASSERT_EQ(0, vgpu_account_init(&a, 100, NULL));
	ASSERT_EQ(0, vgpu_account_reserve(&a, 10));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		vgpu_account_refund(&a, 11);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGABRT, WTERMSIG(status));
	vgpu_account_refund(&a, 10);
	EXPECT_EQ(0, vgpu_account_current(&a));
}

TEST_HARNESS_MAIN
