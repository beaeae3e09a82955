// SPDX-License-Identifier: MIT
/*
 * Where the newest bytes are: segments against a byte-wise reference.
 */
#include "vgpu_test.h"
#include "residency.h"

#define BYTES	512u

static uint32_t seed = 1;

static uint32_t pick(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void same(struct __test_metadata *_metadata,
		 const struct vgpu_residency *r, const uint8_t *ref)
{
	uint32_t states = 1u + pick(15), i = pick(BYTES), end, state;
	uint64_t start = i, bytes;

	end = i + pick(BYTES - i + 1);
	while (i < end && !(ref[i] & states))
		i++;
	state = vgpu_residency_next(r, &start, end, states, &bytes);
	if (i == end) {
		ASSERT_EQ(0, state);
		return;
	}
	ASSERT_EQ(ref[i], state);
	ASSERT_EQ(i, start);
	ASSERT_LT(0, bytes);
	ASSERT_LE(start + bytes, end);
	for (; bytes; bytes--)
		ASSERT_EQ(state, ref[i++]);
	if (i < end)
		ASSERT_NE(state, ref[i]);
}

VGPU_TEST(against_reference)
{
	struct vgpu_residency r;
	uint8_t ref[BYTES];
	uint32_t i, k;

	ASSERT_EQ(0, vgpu_residency_init(&r, BYTES));
	memset(ref, VGPU_RESIDENT_ZERO, sizeof(ref));
	for (i = 0; i < 100000; i++) {
		uint32_t start = pick(BYTES), state = 1u << pick(4);
		uint32_t bytes = pick(pick(8) ? 40 : BYTES);

		if (bytes > BYTES - start)
			bytes = BYTES - start;
		ASSERT_EQ(0, vgpu_residency_reserve(&r, 1));
		vgpu_residency_set(&r, start, bytes, state);
		memset(ref + start, (int)state, bytes);
		ASSERT_LE(r.count, r.room);
		for (k = 1; k < r.count; k++) {
			ASSERT_LT(r.segments[k - 1].start, r.segments[k].start);
			ASSERT_NE(r.segments[k - 1].state, r.segments[k].state);
		}
		same(_metadata, &r, ref);
	}
	vgpu_residency_fini(&r);
}

VGPU_TEST(edges)
{
	struct vgpu_residency r;
	uint64_t start = 0, bytes;

	ASSERT_EQ(0, vgpu_residency_init(&r, BYTES));
	EXPECT_EQ(0, vgpu_residency_next(&r, &start, 0, 15, &bytes));
	EXPECT_EQ(VGPU_RESIDENT_ZERO,
		  vgpu_residency_next(&r, &start, BYTES, 15, &bytes));
	EXPECT_EQ(BYTES, bytes);
	vgpu_residency_set(&r, 0, 0, VGPU_RESIDENT_HOST);
	EXPECT_EQ(1, r.count);
	vgpu_residency_set(&r, 0, BYTES, VGPU_RESIDENT_HOST);
	EXPECT_EQ(1, r.count);
	vgpu_residency_set(&r, BYTES - 4, 4, VGPU_RESIDENT_ENGINE);
	start = 0;
	EXPECT_EQ(VGPU_RESIDENT_ENGINE,
		  vgpu_residency_next(&r, &start, BYTES, VGPU_RESIDENT_ENGINE,
				      &bytes));
	EXPECT_EQ(BYTES - 4, start);
	EXPECT_EQ(4, bytes);
	vgpu_residency_fini(&r);
}

TEST_HARNESS_MAIN
