// SPDX-License-Identifier: MIT
/*
 * The WebGPU executor from many threads: on the provider that is made for
 * tests, since the real ones' drivers are not built for TSan.
 */
#include "wgpu_rig.h"

#include <pthread.h>
#include <sched.h>

#define SUBMITTERS	3
#define COMMANDS	2000u

static const uint32_t add_spirv[] =
#include "wg_add.inc"
;

/**
 * struct submitter - a thread that submits
 * @r: executor
 * @thread: its number, the upper half of its tags
 * @failed: a call failed
 */
struct submitter {
	struct rig *r;
	uint64_t thread;
	bool failed;
};

static void *submit(void *ptr)
{
	struct submitter *s = ptr;
	struct vgpu_engine_slot slot = {
		.kernel = 1, .grid = { 1, 1, 1 }, .n_ranges = 3,
		.const_bytes = 8,
		.ranges = {
			{ 0, 256, VGPU_RANGE_READ },
			{ 4096, 256, VGPU_RANGE_READ },
			{ 8192, 256, VGPU_RANGE_WRITE },
		},
	};
	struct vgpu_engine_cmd cmd;
	uint32_t i;
	int error;

	for (i = 0; i < COMMANDS; i++) {
		cmd = (struct vgpu_engine_cmd){
			.opcode = i % 2 ? VGPU_ENGINE_LAUNCH : VGPU_ENGINE_NOP,
			.tag = s->thread << 32 | i,
		};
		while ((error = rig_ops->submit(s->r->e, &cmd, &slot)) ==
		       -EAGAIN)
			sched_yield();
		s->failed |= error != 0;
	}
	return NULL;
}

/* Kernels come and go meanwhile. */
static void *build(void *ptr)
{
	struct submitter *s = ptr;
	struct vgpu_engine_built built;
	uint32_t i;

	for (i = 0; i < 100; i++) {
		s->failed |= rig_build(s->r, 2 + i % 3, VGPU_KERNEL_SPIRV,
				       add_spirv, sizeof(add_spirv), NULL, 0,
				       &built) != 0;
		rig_ops->drop(s->r->e, 2 + i % 3);
		rig_ops->wake(s->r->e);
	}
	return NULL;
}

/* Each thread's commands are answered once, in its order, with success. */
VGPU_TEST(threads)
{
	struct vgpu_engine_completion done[16];
	struct submitter s[SUBMITTERS + 1];
	pthread_t threads[SUBMITTERS + 1];
	uint32_t next[SUBMITTERS] = { 0 };
	struct vgpu_engine_built built;
	uint32_t i, out = SUBMITTERS * COMMANDS;
	struct rig r;
	int n, k;

	ASSERT_EQ(0, rig_open(&r, RIG_FAKE, 65536, 16));
	ASSERT_EQ(0, rig_build(&r, 1, VGPU_KERNEL_SPIRV, add_spirv,
			       sizeof(add_spirv), NULL, 0, &built));
	for (i = 0; i <= SUBMITTERS; i++) {
		s[i] = (struct submitter){ .r = &r, .thread = i };
		pthread_create(&threads[i], NULL,
			       i < SUBMITTERS ? submit : build, &s[i]);
	}
	while (out) {
		n = rig_ops->wait(r.e, done, 16, rig_now() + 30 * RIG_SECOND);
		ASSERT_LE(0, n);
		for (k = 0; k < n; k++) {
			i = done[k].tag >> 32;
			ASSERT_LT(i, SUBMITTERS);
			ASSERT_EQ(next[i]++, (uint32_t)done[k].tag);
			ASSERT_EQ(0, done[k].status);
		}
		out -= n;
	}
	for (i = 0; i <= SUBMITTERS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_FALSE(s[i].failed);
	}
	ASSERT_EQ(0, rig_close(&r));
}

TEST_HARNESS_MAIN
