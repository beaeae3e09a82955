/* SPDX-License-Identifier: MIT */
/*
 * Tests of kernels: memory that they share with transfers, with the CPU and
 * with other rings, and what of it is copied.
 */
#ifndef VGPU_KERNELS_MEMORY_H
#define VGPU_KERNELS_MEMORY_H

#include "kernels_util.h"

#define COPIES	(32 * MIB)

/* 64 MiB given to a launch: nothing is copied, or exactly what has to be. */
static inline void copies(struct __test_metadata *_metadata,
			  const struct column *column)
{
	struct vgpu_device *dev = kernels_open(column, 128 * MIB, 0);
	static float in[COPIES / 4], out[COPIES / 4];
	struct vgpu_device_stats stats;
	struct vgpu_launch_args args;
	uint32_t i, round, n = 64000;
	uint64_t kernel, a, b;
	float want = 0;

	ASSERT_EQ(0, vgpu_device_alloc(dev, COPIES, 0, &a));
	ASSERT_EQ(0, vgpu_device_alloc(dev, COPIES, 0, &b));
	ASSERT_EQ(0, kernels_make(dev, code_odd, sizeof(code_odd), &kernel));
	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, a, COPIES, VGPU_LAUNCH_READ);
	vgpu_launch_args_range(&args, b, COPIES,
			       VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE);
	for (round = 1; round <= 3; round++) {
		for (i = 0; i < n; i++)
			in[i] = round;
		want += 4 * round;
		ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_to(a, in,
								     COPIES)));
		/* Twice: the second finds everything where it is. */
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, device_do(dev, vgpu_command_launch_args(
						kernel, n / 64, 1, 1, &args)));
		ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(
					out, b, COPIES)));
		for (i = 0; i < COPIES / 4; i++)
			if (out[i] != (i < n ? want : 0))
				break;
		EXPECT_EQ(COPIES / 4, i);
		ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
		/* The second is zero at first, and stays in the engine. */
		EXPECT_EQ(kernels_apart(dev) ? round * COPIES : 0,
			  stats.bytes_to_engine);
		EXPECT_EQ(kernels_apart(dev) ? round * COPIES : 0,
			  stats.bytes_from_engine);
	}
	EXPECT_GOOD(dev);
	vgpu_device_close(dev);
}

/* What the CPU writes into a mapping kernels see, and the other way round. */
static inline void mapped(struct __test_metadata *_metadata,
			  const struct column *column)
{
	struct vgpu_device *dev = kernels_open(column, 16 * MIB, 0);
	struct vgpu_launch_args args;
	uint64_t kernel, at;
	uint32_t *words, i, round;
	void *cpu;

	ASSERT_EQ(0, vgpu_device_alloc(dev, 65536, 0, &at));
	ASSERT_EQ(0, kernels_make(dev, code_add, sizeof(code_add), &kernel));
	ASSERT_EQ(0, vgpu_device_map(dev, at, 65536, &cpu));
	words = cpu;
	for (i = 0; i < 16384; i++)
		words[i] = i;
	for (round = 0; round < 10; round++) {
		ASSERT_EQ(0, device_do(dev, kernels_add(kernel, at, 16000,
							round, &args)));
		for (i = 0; i < 16384; i++) {
			uint32_t want = i + round * i +
					(i < 16000 ? round : 0);

			ASSERT_EQ(want, words[i]) {
				TH_LOG("round %u, word %u", round, i);
			}
			words[i] = i + (round + 1) * i;
		}
	}
	ASSERT_EQ(0, vgpu_device_unmap(dev, at));
	/* Mapped only after the launch. */
	ASSERT_EQ(0, device_do(dev, kernels_add(kernel, at, 16000, 7, &args)));
	ASSERT_EQ(0, vgpu_device_map(dev, at, 65536, &cpu));
	words = cpu;
	for (i = 0; i < 16384; i++)
		ASSERT_EQ(i + 10 * i + (i < 16000 ? 7 : 0), words[i]);
	ASSERT_EQ(0, vgpu_device_unmap(dev, at));
	EXPECT_GOOD(dev);
	vgpu_device_close(dev);
}

#define PIECES	24

/* Memory moves between launches, and while they are out. */
static inline void compacted(struct __test_metadata *_metadata,
			     const struct column *column)
{
	struct vgpu_device *dev = kernels_open(column, 16 * MIB, 0);
	uint64_t kernel, at[PIECES], moved, total = 0, ticket;
	struct vgpu_launch_args args;
	struct vgpu_command cmd;
	uint32_t i, round, word;
	int ret;

	ASSERT_EQ(0, kernels_make(dev, code_add, sizeof(code_add), &kernel));
	for (i = 0; i < PIECES; i++) {
		ASSERT_EQ(0, vgpu_device_alloc(dev, 100000 + 4096 * i, 0,
					       &at[i]));
		ASSERT_EQ(0, device_do(dev, vgpu_command_clear(at[i], 4096,
							       1000 * i)));
	}
	for (round = 1; round <= 6; round++) {
		for (i = 0; i < PIECES; i++) {
			cmd = kernels_add(kernel, at[i], 1024, 1, &args);
			ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd,
							&ticket));
		}
		/* Holes for the next ones to move into. */
		i = round * 3 % PIECES;
		ASSERT_EQ(0, vgpu_device_wait(dev, ticket,
					      vgpu_deadline_after_ms(20000),
					      NULL));
		ASSERT_EQ(0, vgpu_device_free(dev, at[i]));
		ASSERT_EQ(0, vgpu_device_alloc(dev, 4096, 0, &at[i]));
		ASSERT_EQ(0, device_do(dev, vgpu_command_clear(
					at[i], 4096, 1000 * i + round)));
		for (i = 0; i < 4; i++) {
			cmd = kernels_add(kernel, at[PIECES - 1 - i], 1024, 0,
					  &args);
			ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd,
							NULL));
		}
		ret = vgpu_device_compact(dev, 0, &moved);
		ASSERT_TRUE(!ret || ret == -EBUSY);
		total += ret ? 0 : moved;
		ASSERT_EQ(0, vgpu_device_wait_idle(
				dev, vgpu_deadline_after_ms(20000)));
	}
	EXPECT_LT(0, total);
	for (i = 0; i < PIECES; i++) {
		ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(
					&word, at[i] + 4092, 4)));
		EXPECT_EQ(1000 * i + 6, word) {
			TH_LOG("piece %u", i);
		}
	}
	EXPECT_GOOD(dev);
	vgpu_device_close(dev);
}

#define RINGS	4
#define STEPS	40

/* Each ring has its words, and order among its own commands. */
static inline void rings(struct __test_metadata *_metadata,
			 const struct column *column)
{
	struct vgpu_device *dev = kernels_open(column, 16 * MIB, 0);
	struct vgpu_device_ring *ring[RINGS];
	uint64_t kernel, at[RINGS], counter, ticket[RINGS];
	static uint32_t words[RINGS][1024];
	struct vgpu_launch_args args;
	struct vgpu_command cmd;
	uint32_t i, k;

	ASSERT_EQ(0, kernels_make(dev, code_add, sizeof(code_add), &kernel));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &counter));
	for (k = 0; k < RINGS; k++) {
		ASSERT_EQ(0, vgpu_device_ring_create(dev, NULL, &ring[k]));
		ASSERT_EQ(0, vgpu_device_alloc(dev, 4096, 0, &at[k]));
		cmd = vgpu_command_wait(counter, 1);
		ASSERT_EQ(0, vgpu_device_submit(dev, ring[k], &cmd, NULL));
	}
	for (i = 0; i < STEPS; i++)
		for (k = 0; k < RINGS; k++) {
			cmd = kernels_add(kernel, at[k], 1024, k + 1, &args);
			ASSERT_EQ(0, vgpu_device_submit(dev, ring[k], &cmd,
							NULL));
			/* What a launch wrote is there for the next. */
			if (i == STEPS / 2) {
				cmd = vgpu_command_clear(at[k], 2048, 500);
				ASSERT_EQ(0, vgpu_device_submit(dev, ring[k],
								&cmd, NULL));
			}
		}
	for (k = 0; k < RINGS; k++) {
		cmd = vgpu_command_transfer_from(words[k], at[k], 4096);
		ASSERT_EQ(0, vgpu_device_submit(dev, ring[k], &cmd,
						&ticket[k]));
	}
	ASSERT_EQ(0, vgpu_device_counter_signal(dev, counter, 1));
	for (k = 0; k < RINGS; k++)
		ASSERT_EQ(0, vgpu_device_wait(dev, ticket[k],
					      vgpu_deadline_after_ms(60000),
					      NULL));
	for (k = 0; k < RINGS; k++)
		for (i = 0; i < 1024; i++)
			ASSERT_EQ(i < 512 ? 500 + (STEPS - STEPS / 2 - 1) *
					    (k + 1) : STEPS * (k + 1),
				  words[k][i]) {
				TH_LOG("ring %u, word %u", k, i);
			}
	for (k = 0; k < RINGS; k++)
		vgpu_device_ring_destroy(ring[k]);
	EXPECT_GOOD(dev);
	vgpu_device_close(dev);
}

#endif /* VGPU_KERNELS_MEMORY_H */
