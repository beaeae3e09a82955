// SPDX-License-Identifier: MIT
/*
 * The model's primitives as user space has them (kernel/model/os.h): each
 * returns what its namesake in the kernel returns, at the edges too.
 */
#include "vgpu_test.h"
#include "os.h"

VGPU_TEST(cmpxchg_returns_what_it_found)
{
	u32 v = 5;

	EXPECT_EQ(5, vgpu_cmpxchg(&v, 5, 7));
	EXPECT_EQ(7, v);
	EXPECT_EQ(7, vgpu_cmpxchg(&v, 5, 9));
	EXPECT_EQ(7, v);
}

VGPU_TEST(cmpxchg_compares_all_of_64_bits)
{
	u64 v = 1ull << 32;

	EXPECT_EQ(1ull << 32, vgpu_cmpxchg(&v, 0, 9));
	EXPECT_EQ(1ull << 32, v);
	EXPECT_EQ(1ull << 32, vgpu_cmpxchg(&v, 1ull << 32, U64_MAX));
	EXPECT_EQ(U64_MAX, v);
}

VGPU_TEST(xchg_returns_the_old_value)
{
	u32 v = 1;

	EXPECT_EQ(1, vgpu_xchg(&v, U32_MAX));
	EXPECT_EQ(U32_MAX, vgpu_xchg(&v, 0));
	EXPECT_EQ(0, v);
}

VGPU_TEST(fetch_add_returns_the_old_value_and_wraps)
{
	u64 v = U64_MAX - 1;

	EXPECT_EQ(U64_MAX - 1, vgpu_fetch_add64(&v, 3));
	EXPECT_EQ(1, v);
	EXPECT_EQ(1, vgpu_fetch_add64(&v, (u64)-1));
	EXPECT_EQ(0, v);
}

VGPU_TEST(load_and_store)
{
	u64 v = 0;

	vgpu_store_release(&v, 3);
	EXPECT_EQ(3, vgpu_load_acquire(&v));
	WRITE_ONCE(v, 4);
	EXPECT_EQ(4, READ_ONCE(v));
}

VGPU_TEST(min_max_evaluate_once)
{
	int calls = 0;

	EXPECT_EQ(1, min_t(int, ++calls, 5));
	EXPECT_EQ(1, calls);
	EXPECT_EQ(5, max_t(int, ++calls, 5));
	EXPECT_EQ(2, calls);
	/* The type decides: as u32, -1 is the greatest. */
	EXPECT_EQ(1, min_t(u32, -1, 1));
	EXPECT_EQ(-1, min_t(s32, -1, 1));
}

VGPU_TEST(powers_of_two)
{
	unsigned int bit;

	EXPECT_FALSE(is_power_of_2(0));
	EXPECT_FALSE(is_power_of_2(3));
	EXPECT_FALSE(is_power_of_2(~0ul));
	for (bit = 0; bit < 64; bit++)
		EXPECT_TRUE(is_power_of_2(1ul << bit));
}

VGPU_TEST(overflow_is_seen_and_the_sum_wraps)
{
	u64 sum;
	u32 product;

	EXPECT_FALSE(check_add_overflow(U64_MAX - 1, (u64)1, &sum));
	EXPECT_EQ(U64_MAX, sum);
	EXPECT_TRUE(check_add_overflow(U64_MAX, (u64)1, &sum));
	EXPECT_EQ(0, sum);
	EXPECT_FALSE(check_mul_overflow(65535u, 65537u, &product));
	EXPECT_EQ(U32_MAX, product);
	EXPECT_TRUE(check_mul_overflow(65536u, 65536u, &product));
}

VGPU_TEST(assert_passes_what_holds)
{
	EXPECT_TRUE(vgpu_assert(1 + 1 == 2));
}

/* In a child: the harness takes SIGABRT for a failed test whatever one says. */
VGPU_TEST(assert_stops_at_what_does_not)
{
	int status = 0;
	pid_t pid = fork();

	ASSERT_NE(-1, pid);
	if (!pid) {
		fclose(stderr);
		vgpu_assert(1 + 1 == 3);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGABRT, WTERMSIG(status));
}

TEST_HARNESS_MAIN
