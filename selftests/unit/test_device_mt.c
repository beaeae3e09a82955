// SPDX-License-Identifier: MIT
/*
 * One device and many threads: submissions to one ring and to several, waits,
 * memory that comes and goes, resets in the midst, with the device run by its
 * callers and by a thread of its own.
 */
#include "vgpu_test.h"

#include <pthread.h>

#include <vgpu/vgpu.h>

#include "device_util.h"

#define MIB		(1ull << 20)
#define THREADS		4
#define SLOT		8192

struct worker {
	struct vgpu_device *dev;
	struct vgpu_device_ring *ring;
	pthread_t thread;
	uint64_t address;
	uint64_t kernel;
	uint64_t counter;
	uint32_t index;
	uint32_t rounds;
	uint32_t bad;
	uint64_t submitted;
	uint64_t ended;
};

static int submit(struct worker *w, struct vgpu_command cmd, uint64_t *ticket)
{
	int ret;

	do {
		ret = vgpu_device_submit(w->dev, w->ring, &cmd, ticket);
		if (ret == -EAGAIN)
			vgpu_device_process(w->dev, 0);
	} while (ret == -EAGAIN);
	if (!ret)
		w->submitted++;
	return ret;
}

static int increment(const struct vgpu_native_call *call)
{
	uint32_t *p = call->ranges[0].data, i;

	for (i = 0; i < call->grid[0]; i++)
		p[i]++;
	return 0;
}

/* Up, copied, changed, down, compared, each round with other bytes. */
static void *round_trips(void *arg)
{
	struct worker *w = arg;
	uint64_t a = w->address, b = a + SLOT, t[4];
	struct vgpu_launch_args args;
	uint32_t up[SLOT / 4], down[SLOT / 4], i, k;

	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, b, SLOT,
			       VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE);
	for (i = 0; i < w->rounds; i++) {
		uint32_t n = 4 << i % 12;

		fill_pattern(up, n, i * THREADS + w->index);
		if (submit(w, vgpu_command_transfer_to(a, up, n), &t[0]) ||
		    submit(w, vgpu_command_copy(b, a, n), &t[1]) ||
		    submit(w, vgpu_command_launch_args(w->kernel, n / 4, 1, 1,
						       &args), &t[2]) ||
		    submit(w, vgpu_command_transfer_from(down, b, n), &t[3])) {
			w->bad++;
			break;
		}
		if (vgpu_device_wait(w->dev, t[3], vgpu_deadline_after_ms(30000),
				     NULL))
			w->bad++;
		for (k = 0; k < n / 4; k++)
			if (down[k] != up[k] + 1)
				break;
		if (k != n / 4)
			w->bad++;
	}
	return NULL;
}

static void start(struct worker *w, int n, void *(*fn)(void *))
{
	int i;

	for (i = 0; i < n; i++)
		pthread_create(&w[i].thread, NULL, fn, &w[i]);
	for (i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
}

static void run_round_trips(struct __test_metadata *_metadata, uint32_t flags,
			    bool rings)
{
	struct vgpu_native_options o = {
		.size = sizeof(o), .fn = increment, .used = 1, .written = 1,
	};
	struct vgpu_device *dev = device_start(flags, 16 * MIB, 16);
	struct worker w[THREADS] = { { 0 } };
	struct vgpu_device_stats stats;
	uint64_t submitted = 0;
	int i;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_kernel_register_native(dev, &o, &w[0].kernel));
	for (i = 0; i < THREADS; i++) {
		w[i].dev = dev;
		w[i].index = i;
		w[i].rounds = 150 * vgpu_test_scale();
		w[i].kernel = w[0].kernel;
		ASSERT_EQ(0, vgpu_device_alloc(dev, 2 * SLOT, 0,
					       &w[i].address));
		if (rings)
			ASSERT_EQ(0, vgpu_device_ring_create(dev, NULL,
							     &w[i].ring));
	}
	start(w, THREADS, round_trips);
	for (i = 0; i < THREADS; i++) {
		EXPECT_EQ(0, w[i].bad);
		submitted += w[i].submitted;
		ASSERT_EQ(0, vgpu_device_free(dev, w[i].address));
	}
	EXPECT_EQ(0, vgpu_device_wait_idle(dev, VGPU_FOREVER));
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	EXPECT_EQ(submitted, stats.submitted);
	EXPECT_EQ(submitted, stats.completed);
	EXPECT_EQ(0, stats.failed);
	EXPECT_EQ(0, stats.outstanding_bytes);
	vgpu_device_close(dev);
}

VGPU_TEST(one_ring)
{
	run_round_trips(_metadata, 0, false);
}

VGPU_TEST(one_ring_background)
{
	run_round_trips(_metadata, VGPU_DEVICE_BACKGROUND, false);
}

VGPU_TEST(several_rings)
{
	run_round_trips(_metadata, 0, true);
}

VGPU_TEST(several_rings_background)
{
	run_round_trips(_metadata, VGPU_DEVICE_BACKGROUND, true);
}

/* Everybody waits for the tickets of others. */
struct board {
	uint64_t tickets[THREADS][256];
	uint32_t count[THREADS];
};

static struct board board;

static void *submit_and_look(void *arg)
{
	struct vgpu_command cmd = vgpu_command_synchronize();
	struct vgpu_completion_info info;
	struct worker *w = arg;
	uint32_t i, other, n;
	int ret;

	for (i = 0; i < 256; i++) {
		cmd.user_data = (uint64_t)w->index << 32 | i;
		if (submit(w, cmd, &board.tickets[w->index][i])) {
			w->bad++;
			break;
		}
		__atomic_store_n(&board.count[w->index], i + 1,
				 __ATOMIC_RELEASE);
		other = (w->index + i) % THREADS;
		n = __atomic_load_n(&board.count[other], __ATOMIC_ACQUIRE);
		if (!n)
			continue;
		ret = vgpu_device_wait(w->dev, board.tickets[other][n - 1],
				       vgpu_deadline_after_ms(30000), &info);
		if (ret)
			w->bad++;
		/* If it is long ago, only the status is known. */
		if (!ret && info.submit_ns &&
		    info.user_data != ((uint64_t)other << 32 | (n - 1)))
			w->bad++;
		w->ended += !ret;
	}
	return NULL;
}

static void run_look(struct __test_metadata *_metadata, uint32_t flags)
{
	struct vgpu_device *dev = device_start(flags, MIB, 8);
	struct worker w[THREADS] = { { 0 } };
	uint64_t ended = 0;
	int i;

	ASSERT_NE(NULL, dev);
	memset(&board, 0, sizeof(board));
	for (i = 0; i < THREADS; i++) {
		w[i].dev = dev;
		w[i].index = i;
	}
	start(w, THREADS, submit_and_look);
	for (i = 0; i < THREADS; i++) {
		EXPECT_EQ(0, w[i].bad);
		ended += w[i].ended;
	}
	EXPECT_LT(0, ended);
	vgpu_device_close(dev);
}

VGPU_TEST(tickets_of_others)
{
	run_look(_metadata, 0);
}

VGPU_TEST(tickets_of_others_background)
{
	run_look(_metadata, VGPU_DEVICE_BACKGROUND);
}

/* A chain over threads and rings: each waits for the one before. */
static void *chain(void *arg)
{
	struct worker *w = arg;
	uint64_t ticket;
	uint32_t i;

	for (i = 0; i < 50; i++) {
		uint64_t turn = (uint64_t)i * THREADS + w->index;

		if (submit(w, vgpu_command_wait(w->counter, turn), NULL) ||
		    submit(w, vgpu_command_signal(w->counter, turn + 1),
			   &ticket)) {
			w->bad++;
			break;
		}
		if (i % 8)
			continue;
		if (vgpu_device_wait(w->dev, ticket,
				     vgpu_deadline_after_ms(30000), NULL) ||
		    vgpu_device_counter_wait(w->dev, w->counter, turn + 1,
					     vgpu_deadline_after_ms(30000)))
			w->bad++;
	}
	return NULL;
}

static void run_chain(struct __test_metadata *_metadata, uint32_t flags)
{
	struct vgpu_device *dev = device_start(flags, MIB, 0);
	struct worker w[THREADS] = { { 0 } };
	uint64_t value;
	int i;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &w[0].counter));
	for (i = 0; i < THREADS; i++) {
		w[i].dev = dev;
		w[i].index = i;
		w[i].counter = w[0].counter;
		ASSERT_EQ(0, vgpu_device_ring_create(dev, NULL, &w[i].ring));
	}
	start(w, THREADS, chain);
	for (i = 0; i < THREADS; i++)
		EXPECT_EQ(0, w[i].bad);
	EXPECT_EQ(0, vgpu_device_wait_idle(dev, VGPU_FOREVER));
	ASSERT_EQ(0, vgpu_device_counter_read(dev, w[0].counter, &value));
	EXPECT_EQ(50 * THREADS, value);
	vgpu_device_close(dev);
}

VGPU_TEST(dependencies)
{
	run_chain(_metadata, 0);
}

VGPU_TEST(dependencies_background)
{
	run_chain(_metadata, VGPU_DEVICE_BACKGROUND);
}

/* Memory comes and goes, moves, and is mapped, while commands run on it. */
static void *churn(void *arg)
{
	struct worker *w = arg;
	static const uint32_t sizes[] = { 256, 4096, 65536, 300000 };
	uint64_t a, moved, t;
	uint32_t i, k, n;
	uint32_t *p;
	char mine[4096];
	int ret;

	for (i = 0; i < w->rounds; i++) {
		n = sizes[(i + w->index) % 4];
		if (vgpu_device_alloc(w->dev, n, 0, &a)) {
			w->bad++;
			continue;
		}
		if (submit(w, vgpu_command_clear(a, n, i + 1), &t))
			w->bad++;
		if (i % 16 == w->index) {
			ret = vgpu_device_compact(w->dev, 0, &moved);
			if (ret && ret != -EBUSY)
				w->bad++;
		}
		if (vgpu_device_wait(w->dev, t, vgpu_deadline_after_ms(30000),
				     NULL))
			w->bad++;
		if (vgpu_device_map(w->dev, a, n, (void **)&p)) {
			w->bad++;
			continue;
		}
		for (k = 0; k < n / 4; k++)
			if (p[k] != i + 1)
				break;
		if (k != n / 4)
			w->bad++;
		if (vgpu_device_unmap(w->dev, a))
			w->bad++;
		if (vgpu_device_register(w->dev, mine, sizeof(mine), NULL) ||
		    submit(w, vgpu_command_transfer_from(mine, a, 256), &t))
			w->bad++;
		if (i & 1 && vgpu_device_wait(w->dev, t,
					      vgpu_deadline_after_ms(30000),
					      NULL))
			w->bad++;
		if (vgpu_device_unregister(w->dev, mine) ||
		    vgpu_device_free(w->dev, a))
			w->bad++;
	}
	return NULL;
}

static void run_churn(struct __test_metadata *_metadata, uint32_t flags)
{
	struct vgpu_device *dev = device_start(flags, 16 * MIB, 0);
	struct worker w[THREADS] = { { 0 } };
	struct vgpu_device_stats stats;
	int i;

	ASSERT_NE(NULL, dev);
	for (i = 0; i < THREADS; i++) {
		w[i].dev = dev;
		w[i].index = i;
		w[i].rounds = 100 * vgpu_test_scale();
		ASSERT_EQ(0, vgpu_device_ring_create(dev, NULL, &w[i].ring));
	}
	start(w, THREADS, churn);
	for (i = 0; i < THREADS; i++)
		EXPECT_EQ(0, w[i].bad);
	EXPECT_EQ(0, vgpu_device_wait_idle(dev, VGPU_FOREVER));
	vgpu_device_process(dev, 0);
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	EXPECT_EQ(0, stats.allocations);
	EXPECT_EQ(0, stats.registrations);
	for (i = 0; i < 1000 && stats.memory_used; i++) {
		usleep(1000);
		vgpu_device_get_stats(dev, &stats);
	}
	EXPECT_EQ(0, stats.memory_used);
	vgpu_device_close(dev);
}

VGPU_TEST(memory)
{
	run_churn(_metadata, 0);
}

VGPU_TEST(memory_background)
{
	run_churn(_metadata, VGPU_DEVICE_BACKGROUND);
}

/* Resets, while everybody submits and waits: each ticket ends once. */
static bool quit;

static void *defy_resets(void *arg)
{
	struct worker *w = arg;
	struct vgpu_completion_info info;
	struct vgpu_command cmd;
	uint8_t buffer[1024], *big = malloc(200000);
	uint64_t a = 0, t;
	uint32_t i = 0;
	int ret;

	memset(buffer, 1, sizeof(buffer));
	memset(big, 1, 200000);
	while (!__atomic_load_n(&quit, __ATOMIC_RELAXED)) {
		if (!a || vgpu_device_free(w->dev, a))
			a = 0;
		if (vgpu_device_alloc(w->dev, 200000 & ~3u, 0, &a))
			a = 0x10000;
		switch (i++ % 4) {
		case 0:
			cmd = vgpu_command_transfer_to(a, buffer, 1024);
			break;
		case 1:
			cmd = vgpu_command_transfer_to(a, big, 200000);
			break;
		case 2:
			cmd = vgpu_command_transfer_from(big, a, 200000);
			break;
		default:
			cmd = vgpu_command_synchronize();
		}
		cmd.user_data = i;
		ret = vgpu_device_submit(w->dev, NULL, &cmd, &t);
		if (ret)
			continue;
		w->submitted++;
		ret = vgpu_device_wait(w->dev, t, vgpu_deadline_after_ms(30000),
				       &info);
		if (info.ended) {
			w->ended++;
			if (info.submit_ns && info.user_data != i)
				w->bad++;
		} else if (ret != -EINVAL && ret != -ESTALE) {
			/* Late, its ring is gone, or what became of it. */
			w->bad++;
		}
	}
	free(big);
	return NULL;
}

static void run_resets(struct __test_metadata *_metadata, uint32_t flags)
{
	struct vgpu_device *dev = device_start(flags, 16 * MIB, 16);
	struct worker w[THREADS] = { { 0 } };
	struct vgpu_device_stats stats;
	uint64_t ended = 0, submitted = 0;
	int i;

	ASSERT_NE(NULL, dev);
	quit = false;
	for (i = 0; i < THREADS; i++) {
		w[i].dev = dev;
		w[i].index = i;
		pthread_create(&w[i].thread, NULL, defy_resets, &w[i]);
	}
	for (i = 0; i < 50 * (int)vgpu_test_scale(); i++) {
		usleep(2000);
		EXPECT_EQ(0, vgpu_device_reset(dev));
		EXPECT_EQ(0, vgpu_device_start(dev));
	}
	usleep(2000);
	__atomic_store_n(&quit, true, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].bad);
		ended += w[i].ended;
		submitted += w[i].submitted;
	}
	EXPECT_LT(0, ended);
	EXPECT_EQ(0, vgpu_device_wait_idle(dev, VGPU_FOREVER));
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	EXPECT_EQ(submitted, stats.submitted);
	EXPECT_EQ(submitted, stats.completed + stats.failed);
	EXPECT_EQ(0, stats.outstanding_bytes);
	vgpu_device_close(dev);
}

VGPU_TEST(resets)
{
	run_resets(_metadata, 0);
}

VGPU_TEST(resets_background)
{
	run_resets(_metadata, VGPU_DEVICE_BACKGROUND);
}

TEST_HARNESS_MAIN
