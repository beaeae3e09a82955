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

VGPU_TEST(load_and_store)
{
	u64 v = 0;

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
