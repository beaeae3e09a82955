// SPDX-License-Identifier: MIT
/*
 * Memory of devices by the library's public interface, on a simulator:
 * transfers in every way that they go, allocations, limits, registrations,
 * compaction.
 */
#include "vgpu_test.h"

#include <vgpu/vgpu.h>

#include "device_util.h"

#define MIB	(1ull << 20)

/* Each size goes another way: staged small, staged large, mapped. */
VGPU_TEST(transfers)
{
	static const uint32_t sizes[] = {
		4, 8, 508, 512, 516, 4096, 8192, 8196, 65532, 65536, 65540,
		300000, 2 << 20,
	};
	struct vgpu_device *dev = device_start(0, 64 * MIB, 0);
	uint8_t *from = malloc(2 * MIB + 8), *to = malloc(2 * MIB + 8);
	uint64_t address;
	uint32_t i, shift;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_alloc(dev, 4 * MIB, 0, &address));
	for (shift = 0; shift < 4; shift += 3) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			uint32_t n = sizes[i];
			uint64_t at = address + 4 * i;

			fill_pattern(from, n + 8, i + shift);
			memset(to, 0xee, n + 8);
			ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_to(
						at, from + shift, n)));
			ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(
						to + shift, at, n)));
			EXPECT_EQ(0, memcmp(from + shift, to + shift, n));
			EXPECT_EQ(0xee, to[n + shift]);
			if (shift)
				EXPECT_EQ(0xee, to[shift - 1]);
		}
	}
	vgpu_device_close(dev);
	free(from);
	free(to);
}

/* The source of an upload is free when its submission has returned. */
VGPU_TEST(source_is_free)
{
	struct vgpu_device *dev = device_start(0, 64 * MIB, 0);
	uint8_t *from = malloc(MIB), *to = malloc(MIB), *want = malloc(MIB);
	struct vgpu_command cmd;
	uint64_t address, counter, ticket;
	uint32_t n;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &address));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &counter));
	for (n = 1024; n <= MIB; n *= 1024) {
		uint64_t value = n;

		/* The upload cannot start before we say so. */
		cmd = vgpu_command_wait(counter, value);
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
		fill_pattern(from, n, n);
		memcpy(want, from, n);
		cmd = vgpu_command_transfer_to(address, from, n);
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &ticket));
		memset(from, 0, n);
		EXPECT_EQ(-ETIMEDOUT, vgpu_device_wait(dev, ticket, 0, NULL));
		ASSERT_EQ(0, vgpu_device_counter_signal(dev, counter, value));
		EXPECT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
		ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(
					to, address, n)));
		EXPECT_EQ(0, memcmp(want, to, n));
	}
	vgpu_device_close(dev);
	free(from);
	free(to);
	free(want);
}

VGPU_TEST(memory)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_device_stats stats;
	uint64_t a, b, address;
	uint8_t *p, *q;
	int i;

	ASSERT_NE(NULL, dev);
	EXPECT_EQ(-EINVAL, vgpu_device_alloc(dev, 0, 0, &a));
	EXPECT_EQ(-EINVAL, vgpu_device_alloc(dev, 1ull << 40, 0, &a));
	EXPECT_SAYS(dev, "1099511627776 bytes");
	EXPECT_EQ(-EINVAL, vgpu_device_alloc(dev, 256, 3, &a));
	EXPECT_SAYS(dev, "alignment 3");
	EXPECT_EQ(-ENOMEM, vgpu_device_alloc(dev, 17 * MIB, 0, &a)) {
		TH_LOG("%s", device_message(dev));
	}
	ASSERT_EQ(0, vgpu_device_alloc(dev, 1000, 65536, &a));
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &b));
	EXPECT_EQ(0, a % 4096);
	ASSERT_EQ(0, vgpu_device_map(dev, a + 8, 100, (void **)&p));
	EXPECT_EQ(0, (uintptr_t)(p - 8) % 4096);
	EXPECT_EQ(0, p[0]);
	memset(p, 0x5a, 100);
	ASSERT_EQ(0, vgpu_device_map(dev, a, 1024, (void **)&q));
	EXPECT_EQ(p, q + 8);
	EXPECT_EQ(-EBUSY, vgpu_device_free(dev, a));
	EXPECT_SAYS(dev, "unmap it first");
	EXPECT_EQ(-EFAULT, vgpu_device_map(dev, a, 1025, (void **)&p));
	EXPECT_EQ(-EINVAL, vgpu_device_map(dev, a, 0, (void **)&p));
	ASSERT_EQ(0, vgpu_device_unmap(dev, a + 5));
	ASSERT_EQ(0, vgpu_device_unmap(dev, a));
	EXPECT_EQ(-ENOENT, vgpu_device_unmap(dev, a));
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	EXPECT_EQ(MIB + device_block_bytes(1000), stats.memory_used);
	EXPECT_EQ(2, stats.allocations);
	EXPECT_EQ(-ENOENT, vgpu_device_free(dev, a + 256));
	EXPECT_EQ(0, vgpu_device_free(dev, a));
	EXPECT_EQ(0, vgpu_device_free(dev, b));
	EXPECT_EQ(-ENOENT, vgpu_device_free(dev, b));
	ASSERT_EQ(0, device_stats_used(dev, &stats, 0));
	EXPECT_EQ(0, stats.memory_used);
	EXPECT_EQ(0, stats.allocations);
	EXPECT_EQ(16 * MIB, stats.memory_largest);
	/* Memory is zero when it is handed out, however much there was. */
	for (i = 0; i < 32; i++) {
		uint64_t n = i & 1 ? 65536 : 2 * MIB, k;

		ASSERT_EQ(0, vgpu_device_alloc(dev, n, 0, &address));
		ASSERT_EQ(0, vgpu_device_map(dev, address, n, (void **)&p));
		for (k = 0; k < n; k++)
			if (p[k])
				break;
		EXPECT_EQ(n, k);
		memset(p, 0xff, n);
		ASSERT_EQ(0, vgpu_device_unmap(dev, address));
		ASSERT_EQ(0, vgpu_device_free(dev, address));
	}
	vgpu_device_close(dev);
}

VGPU_TEST(limit)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_device_info info;
	uint64_t a;

	ASSERT_NE(NULL, dev);
	EXPECT_EQ(-EINVAL, vgpu_device_set_limit(dev, 17 * MIB));
	EXPECT_SAYS(dev, "17825792");
	ASSERT_EQ(0, vgpu_device_set_limit(dev, MIB));
	EXPECT_EQ(-ENOSPC, vgpu_device_alloc(dev, MIB + 1, 0, &a));
	EXPECT_SAYS(dev, "over the limit");
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &a));
	EXPECT_EQ(-ENOSPC, vgpu_device_alloc(dev, 1, 0, &a));
	ASSERT_EQ(0, vgpu_device_get_info(dev, &info));
	EXPECT_EQ(0, info.available_memory);
	ASSERT_EQ(0, vgpu_device_set_limit(dev, 16 * MIB));
	ASSERT_EQ(0, vgpu_device_alloc(dev, 15 * MIB, 0, &a));
	vgpu_device_close(dev);
}

VGPU_TEST(registered_too_often)
{
	struct vgpu_device *dev = device_start(0, MIB, 0);
	static char bytes[65536];
	uint32_t n = 0;
	int ret = 0;

	ASSERT_NE(NULL, dev);
	while (n < sizeof(bytes)) {
		ret = vgpu_device_register(dev, bytes + n, 1, NULL);
		if (ret)
			break;
		n++;
	}
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_SAYS(dev, "too much is registered or allocated");
	EXPECT_LT(0, n);
	ASSERT_EQ(0, vgpu_device_unregister(dev, bytes));
	EXPECT_EQ(0, vgpu_device_register(dev, bytes, 1, NULL));
	vgpu_device_close(dev);
}

VGPU_TEST(registered)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	uint8_t *p = malloc(MIB), *q = malloc(MIB);
	struct vgpu_command cmd;
	uint64_t address, at, counter, ticket;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &address));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &counter));
	EXPECT_EQ(-EINVAL, vgpu_device_register(dev, NULL, 4, &at));
	EXPECT_EQ(-EINVAL, vgpu_device_register(dev, p, 0, &at));
	EXPECT_EQ(-EINVAL, vgpu_device_register(dev, p, UINT64_MAX, &at));
	ASSERT_EQ(0, vgpu_device_register(dev, p, MIB, &at));
	EXPECT_EQ(-EEXIST, vgpu_device_register(dev, p + 4096, 4, &at));
	EXPECT_SAYS(dev, "registered");
	/* It is read when the command runs, not when it is submitted. */
	cmd = vgpu_command_wait(counter, 1);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
	cmd = vgpu_command_transfer_to(address, p, MIB);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	fill_pattern(p, MIB, 3);
	ASSERT_EQ(0, vgpu_device_counter_signal(dev, counter, 1));
	ASSERT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(q, address,
							       MIB)));
	EXPECT_EQ(0, memcmp(p, q, MIB));
	/* Partly outside, and not aligned: as if it were not registered. */
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_to(address, p + 3,
							     4096)));
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(q, address,
							       4096)));
	EXPECT_EQ(0, memcmp(p + 3, q, 4096));
	/* Commands that had not started fail when it is gone. */
	cmd = vgpu_command_wait(counter, 2);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
	cmd = vgpu_command_transfer_to(address, p, MIB);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	EXPECT_EQ(-ENOENT, vgpu_device_unregister(dev, p + 1));
	ASSERT_EQ(0, vgpu_device_unregister(dev, p));
	EXPECT_EQ(-ENOENT, vgpu_device_unregister(dev, p));
	ASSERT_EQ(0, vgpu_device_counter_signal(dev, counter, 2));
	EXPECT_EQ(-EFAULT, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	vgpu_device_close(dev);
	free(p);
	free(q);
}

VGPU_TEST(compaction)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_device_block block;
	struct vgpu_device_stats stats;
	uint64_t addresses[64], moved, end = 0, a;
	static uint8_t want[256 << 10], got[256 << 10];
	void *pinned;
	uint8_t *p;
	int i, blocks = 0;

	ASSERT_NE(NULL, dev);
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(0, vgpu_device_alloc(dev, 256 << 10, 0,
					       &addresses[i]));
		fill_pattern(want, sizeof(want), i);
		ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_to(
					addresses[i], want, sizeof(want))));
	}
	EXPECT_EQ(-ENOMEM, vgpu_device_alloc(dev, 256, 0, &a));
	for (i = 0; i < 64; i += 2)
		ASSERT_EQ(0, vgpu_device_free(dev, addresses[i]));
	EXPECT_EQ(-ENOMEM, vgpu_device_alloc(dev, MIB, 0, &a));
	ASSERT_EQ(0, vgpu_device_map(dev, addresses[1], 4, &pinned));
	ASSERT_EQ(0, vgpu_device_compact(dev, MIB, &moved));
	EXPECT_LE(MIB, moved);
	EXPECT_GT(2 * MIB, moved);
	ASSERT_EQ(0, vgpu_device_compact(dev, 0, &moved));
	EXPECT_LT(0, moved);
	ASSERT_EQ(0, device_stats_used(dev, &stats, 8 * MIB));
	EXPECT_EQ(8 * MIB, stats.memory_used);
	EXPECT_LE(8 * MIB - (256 << 10), stats.memory_largest);
	/* Addresses stay valid, and what they hold; the mapping, too. */
	for (i = 1; i < 64; i += 2) {
		fill_pattern(want, sizeof(want), i);
		ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(
					got, addresses[i], sizeof(got))));
		EXPECT_EQ(0, memcmp(want, got, sizeof(got)));
		if (i == 1)
			EXPECT_EQ(0, memcmp(want, pinned, 4));
	}
	while (!vgpu_device_next_block(dev, end, &block)) {
		EXPECT_EQ(block.address == addresses[1], block.pinned);
		EXPECT_NE(0, block.address);
		EXPECT_EQ(256 << 10, block.bytes);
		end = block.offset + block.bytes;
		blocks++;
	}
	EXPECT_EQ(32, blocks);
	/* What blocks left behind is zero. */
	ASSERT_EQ(0, vgpu_device_alloc(dev, 7 * MIB, 0, &a));
	ASSERT_EQ(0, vgpu_device_map(dev, a, 7 * MIB, (void **)&p));
	for (i = 0; i < (int)(7 * MIB); i++)
		if (p[i])
			break;
	EXPECT_EQ(7 * MIB, i);
	vgpu_device_close(dev);
}

/*
 * A command that runs over the end of its block faults: it does not reach the
 * memory of a transfer that is waiting.
 */
VGPU_TEST(overrun)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 16);
	struct vgpu_device_ring *ring;
	struct vgpu_command cmd;
	uint64_t a, t, late, counter;
	char *to = calloc(1, MIB);

	ASSERT_NE(NULL, dev);
	ASSERT_NE(NULL, to);
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &a));
	ASSERT_EQ(0, vgpu_device_ring_create(dev, NULL, &ring));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &counter));
	cmd = vgpu_command_wait(counter, 1);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
	cmd = vgpu_command_transfer_from(to, a, MIB);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &late));
	cmd = vgpu_command_clear(a, MIB + 4096, 0x41414141);
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &t));
	EXPECT_EQ(-EFAULT, vgpu_device_wait(dev, t, VGPU_FOREVER, NULL));
	EXPECT_EQ(0, to[0]);
	ASSERT_EQ(0, vgpu_device_counter_signal(dev, counter, 1));
	EXPECT_EQ(0, vgpu_device_wait(dev, late, VGPU_FOREVER, NULL));
	vgpu_device_close(dev);
	free(to);
}

/* A copy that was made of a source is freed once, however its command ends. */
VGPU_TEST(bounces)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 16);
	char *from = calloc(1, MIB);
	struct vgpu_command cmd;
	uint64_t a, counter;
	int i;

	ASSERT_NE(NULL, dev);
	ASSERT_NE(NULL, from);
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &a));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &counter));
	for (i = 1; i <= 8; i++) {
		cmd = vgpu_command_wait(counter, (uint64_t)i);
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
		cmd = vgpu_command_transfer_to(a, from, MIB);
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
		if (i % 4 == 0) {
			ASSERT_EQ(0, vgpu_device_reset(dev));
			ASSERT_EQ(0, vgpu_device_start(dev));
			ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &a));
			ASSERT_EQ(0, vgpu_device_counter_create(dev, 0,
								&counter));
		} else {
			ASSERT_EQ(0, vgpu_device_counter_signal(dev, counter,
								(uint64_t)i));
			ASSERT_EQ(0, vgpu_device_wait_idle(dev, VGPU_FOREVER));
		}
	}
	cmd = vgpu_command_wait(counter, 99);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
	cmd = vgpu_command_transfer_to(a, from, MIB);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
	/* Closed with it outstanding: the leak check sees what is left. */
	vgpu_device_close(dev);
	free(from);
}

TEST_HARNESS_MAIN
