// SPDX-License-Identifier: MIT
/*
 * The library's allocator of device memory from several threads, with
 * compactions going on: pinned blocks are used all the time, others between.
 */
#include "vgpu_test.h"

#include <pthread.h>

#include <vgpu/memory.h>

#define THREADS	3
#define HELD	16
#define KIB	1024ull
#define MIB	(1024 * KIB)

static struct vgpu_allocator *a;
static int stop;

struct user {
	pthread_t thread;
	uint32_t seed;
	unsigned int rounds;
	unsigned int wrong;
	unsigned int allocated;
};

static bool holds(const struct vgpu_memory_block *b, char value)
{
	const char *p = b->cpu_address;

	return p[0] == value && p[b->size / 2] == value &&
	       p[b->size - 1] == value;
}

static void *user(void *arg)
{
	struct vgpu_memory_block b[HELD] = { 0 };
	struct vgpu_memory_block now;
	struct user *u = arg;
	unsigned int i;

	for (i = 0; i < u->rounds; i++) {
		unsigned int k = i % HELD;
		bool mapped = k % 2;

		u->seed = u->seed * 1664525 + 1013904223;
		if (b[k].id) {
			if (mapped && !holds(&b[k], (char)b[k].id))
				u->wrong++;
			if (vgpu_allocator_block(a, b[k].id, &now) ||
			    memcmp(&now, &b[k], sizeof(now)))
				u->wrong++;
			if (mapped && vgpu_allocator_unpin(a, b[k].id))
				u->wrong++;
			if (vgpu_allocator_free(a, b[k].id))
				u->wrong++;
			b[k].id = 0;
		}
		if (!mapped) {
			u->allocated += !vgpu_allocator_allocate(a, "gpu0",
						1 + (u->seed >> 8) % (64 * KIB),
						NULL, &b[k]);
			continue;
		}
		if (vgpu_allocator_allocate_mapped(a, "gpu0",
						   1 + (u->seed >> 8) % (64 * KIB),
						   NULL, NULL, &b[k])) {
			b[k].id = 0;
			continue;
		}
		/* Used by this thread only after it was pinned. */
		if (vgpu_allocator_pin(a, b[k].id))
			u->wrong++;
		if (!holds(&b[k], 0))
			u->wrong++;
		memset(b[k].cpu_address, (char)b[k].id, b[k].size);
		u->allocated++;
	}
	for (i = 0; i < HELD; i++) {
		if (!b[i].id)
			continue;
		if (i % 2 && vgpu_allocator_unpin(a, b[i].id))
			u->wrong++;
		if (vgpu_allocator_free(a, b[i].id))
			u->wrong++;
	}
	return NULL;
}

static void *compactor(void *arg)
{
	struct vgpu_compact_result r = { .size = sizeof(r) };
	uint64_t *moves = arg;
	char line[100];

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (vgpu_allocator_compact(a, "gpu0", 256 * KIB, &r))
			abort();
		*moves += r.moves;
		vgpu_allocator_error(a, line, sizeof(line));
	}
	return NULL;
}

VGPU_TEST(users_and_compactors)
{
	const struct vgpu_memory_device device = {
		.id = "gpu0", .total_bytes = 2 * MIB, .available_bytes = 2 * MIB,
	};
	struct vgpu_memory_stats s = { .size = sizeof(s) };
	struct user users[THREADS] = { 0 };
	uint64_t moves[2] = { 0 };
	pthread_t compactors[2];
	int i;

	ASSERT_EQ(0, vgpu_allocator_create(NULL, &a));
	ASSERT_EQ(0, vgpu_allocator_add_device(a, &device));
	for (i = 0; i < THREADS; i++) {
		users[i].seed = i + 1;
		users[i].rounds = 3000 * vgpu_test_scale();
		ASSERT_EQ(0, pthread_create(&users[i].thread, NULL, user,
					    &users[i]));
	}
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&compactors[i], NULL, compactor,
					    &moves[i]));
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(users[i].thread, NULL));
		EXPECT_EQ(0, users[i].wrong);
		EXPECT_LT(users[i].rounds / 4, users[i].allocated);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(compactors[i], NULL));
	EXPECT_LT(0, moves[0] + moves[1]);
	ASSERT_EQ(0, vgpu_allocator_get_stats(a, NULL, &s));
	EXPECT_EQ(0, s.allocated);
	EXPECT_EQ(0, s.count);
	EXPECT_EQ(2 * MIB, s.largest_free);
	vgpu_allocator_destroy(a);
}

/* Devices are added while others are in use. */
static void *adder(void *arg)
{
	struct vgpu_memory_device d = {
		.total_bytes = 4096, .available_bytes = 4096,
	};
	unsigned int *failed = arg;
	char id[16];
	int i;

	for (i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "gpu%d", i + 1);
		d.id = id;
		*failed += vgpu_allocator_add_device(a, &d) != 0;
	}
	return NULL;
}

VGPU_TEST(devices_come_while_in_use)
{
	const struct vgpu_memory_device device = {
		.id = "gpu0", .total_bytes = 2 * MIB, .available_bytes = 2 * MIB,
	};
	struct user u = { .rounds = 500, .seed = 3 };
	struct vgpu_allocator_options o = { .size = sizeof(o), .max_blocks = 64 };
	struct vgpu_memory_stats s = { .size = sizeof(s) };
	unsigned int failed = 0;
	pthread_t thread;

	ASSERT_EQ(0, vgpu_allocator_create(&o, &a));
	ASSERT_EQ(0, vgpu_allocator_add_device(a, &device));
	ASSERT_EQ(0, pthread_create(&u.thread, NULL, user, &u));
	ASSERT_EQ(0, pthread_create(&thread, NULL, adder, &failed));
	do {
		ASSERT_EQ(0, vgpu_allocator_get_stats(a, NULL, &s));
	} while (s.devices < 51);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, pthread_join(u.thread, NULL));
	EXPECT_EQ(0, failed);
	EXPECT_EQ(0, u.wrong);
	vgpu_allocator_destroy(a);
}

TEST_HARNESS_MAIN
