/* SPDX-License-Identifier: MIT */
/*
 * Tests of kernels: how they and the engine below come to an end, and what is
 * there afterwards.
 */
#ifndef VGPU_KERNELS_LIFE_H
#define VGPU_KERNELS_LIFE_H

#include <pthread.h>
#include <stdatomic.h>

#include "kernels_util.h"

/* Launches that are out keep the kernel that they name. */
static inline void destroyed(struct __test_metadata *_metadata,
			     const struct column *column)
{
	struct vgpu_device *dev = kernels_open(column, 16 * MIB, 0);
	uint64_t kernel, at, tickets[40];
	struct vgpu_launch_args args;
	struct vgpu_command cmd;
	uint32_t i, out = 0;

	ASSERT_EQ(0, vgpu_device_alloc(dev, 4096, 0, &at));
	ASSERT_EQ(0, kernels_make(dev, code_add, sizeof(code_add), &kernel));
	cmd = kernels_add(kernel, at, 64, 1, &args);
	for (i = 0; i < 40; i++)
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &tickets[i]));
	vgpu_device_process(dev, 1);
	ASSERT_EQ(0, vgpu_kernel_destroy(dev, kernel));
	/* Those that had started run, the others are told. */
	for (i = 0; i < 40; i++) {
		int ret = vgpu_device_wait(dev, tickets[i],
					   vgpu_deadline_after_ms(20000),
					   NULL);

		EXPECT_TRUE(!ret || ret == -ENOENT || ret == -EINVAL) {
			TH_LOG("launch %u: %d", i, ret);
		}
		out += !ret;
	}
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(&i, at, 4)));
	EXPECT_EQ(out, i);
	EXPECT_GOOD(dev);
	/* A reset takes kernels along; another device does not have them. */
	ASSERT_EQ(0, kernels_make(dev, code_add, sizeof(code_add), &kernel));
	ASSERT_EQ(0, vgpu_device_reset(dev));
	ASSERT_EQ(0, vgpu_device_start(dev));
	EXPECT_EQ(-ENOENT, vgpu_kernel_destroy(dev, kernel));
	EXPECT_EQ(-EINVAL, device_do(dev, cmd));
	EXPECT_GOOD(dev);
	vgpu_device_close(dev);
}

static inline void thousand(struct __test_metadata *_metadata,
			    const struct column *column)
{
	struct vgpu_device *dev = kernels_open(column, 16 * MIB, 0);
	const struct vgpu_kernel_options good = {
		.size = sizeof(good), .format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = code_add, .code_bytes = sizeof(code_add),
	};
	struct vgpu_device_stats stats;
	uint64_t kernel[8];
	int i, fds;

	EXPECT_GOOD(dev);
	fds = vgpu_test_fds();
	for (i = 0; i < 1000 / KERNELS_LESS; i++) {
		if (i >= 8)
			ASSERT_EQ(0, vgpu_kernel_destroy(dev, kernel[i % 8]));
		ASSERT_EQ(0, vgpu_kernel_create(dev, &good, &kernel[i % 8])) {
			TH_LOG("kernel %d: %s", i, device_message(dev));
		}
	}
	/* They go when the device runs. */
	vgpu_device_process(dev, 0);
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	EXPECT_EQ(8, stats.kernels);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, vgpu_kernel_destroy(dev, kernel[i]));
	vgpu_device_process(dev, 0);
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	EXPECT_EQ(0, stats.kernels);
	EXPECT_EQ(fds, vgpu_test_fds());
	EXPECT_GOOD(dev);
	vgpu_device_close(dev);
}

/* There only in programs linked with LeakSanitizer. */
#pragma weak __lsan_disable
void __lsan_disable(void);

/* What runs too long ends, is told from what did not run, and costs the engine. */
static inline void timeouts(struct __test_metadata *_metadata,
			    const struct column *column)
{
	struct vgpu_device *dev;
	struct vgpu_completion_info info;
	struct vgpu_launch_args args;
	uint64_t kernel, at, tickets[3];
	/* A driver that is left behind here keeps a thread of its few busy. */
	int round, rounds = kernels_in_worker(column) ? 3 : 1, i, ret;
	struct vgpu_command cmd;

	/* It and its memory are left behind on purpose. */
	if (!kernels_in_worker(column) && __lsan_disable)
		__lsan_disable();
	dev = kernels_open(column, 16 * MIB, 300);
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, vgpu_device_alloc(dev, 4096, 0, &at));
		ASSERT_EQ(0, kernels_make(dev, code_endless,
					  sizeof(code_endless), &kernel)) {
			TH_LOG("%s", device_message(dev));
		}
		vgpu_launch_args_init(&args);
		vgpu_launch_args_range(&args, at, 256, VGPU_LAUNCH_READ |
						       VGPU_LAUNCH_WRITE);
		cmd = vgpu_command_launch_args(kernel, 1, 1, 1, &args);
		for (i = 0; i < 3; i++)
			ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd,
							&tickets[i]));
		EXPECT_EQ(-ETIMEDOUT,
			  vgpu_device_wait(dev, tickets[0],
					   vgpu_deadline_after_ms(20000),
					   &info));
		EXPECT_EQ(1, info.ended);
		/* Those behind it never run. */
		for (i = 1; i < 3; i++) {
			ret = vgpu_device_wait(dev, tickets[i],
					       vgpu_deadline_after_ms(20000),
					       &info);
			EXPECT_EQ(1, info.ended);
			EXPECT_TRUE(ret == -EIO || ret == -ETIMEDOUT) {
				TH_LOG("launch %d: %d", i, ret);
			}
		}
		EXPECT_GT(0, device_do(dev, cmd));
		/* Memory commands need no engine. */
		EXPECT_EQ(0, device_do(dev, vgpu_command_clear(at, 256, 1)));
		ASSERT_EQ(0, vgpu_device_reset(dev)) {
			TH_LOG("%s", device_message(dev));
		}
		ASSERT_EQ(0, vgpu_device_start(dev));
		if (kernels_in_worker(column)) {
			EXPECT_GOOD(dev);
			continue;
		}
		/*
		 * In process the driver goes on with the endless kernel, on one
		 * of its few threads or on all.  The device itself works.
		 */
		ASSERT_EQ(0, vgpu_device_alloc(dev, 4096, 0, &at));
		EXPECT_EQ(0, device_do(dev, vgpu_command_clear(at, 256, 1)));
	}
	vgpu_device_close(dev);
}

/* The workers that this process has, at most one; 0: none. */
static inline pid_t find_worker(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	pid_t found = 0;

	while (dir && (e = readdir(dir))) {
		char path[300], text[300] = "", *end;
		FILE *f;
		int parent;

		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		f = fopen(path, "r");
		if (!f)
			continue;
		if (!fgets(text, sizeof(text), f))
			text[0] = 0;
		fclose(f);
		end = strrchr(text, ')');
		if (end && strstr(text, "(vgpu-worker)") &&
		    sscanf(end + 1, " %*c %d", &parent) == 1 &&
		    parent == getpid() && end[2] != 'Z')
			found = atoi(e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

struct killer {
	pid_t worker;
	uint32_t after_us;
};

static inline void *kill_worker(void *data)
{
	struct killer *k = data;

	usleep(k->after_us);
	kill(k->worker, SIGKILL);
	return NULL;
}

#define KILL_LAUNCHES	120

/*
 * The worker dies while launches are out, at a moment that nobody knows.  Each
 * ends once, with 0 or EIO; none after one that was lost has run; and after a
 * reset all is as before.
 */
static inline void kill_rounds(struct __test_metadata *_metadata,
			       const struct column *column, uint32_t rounds)
{
	struct vgpu_device *dev = kernels_open(column, 16 * MIB, 0);
	uint64_t kernel, at, tickets[KILL_LAUNCHES];
	uint32_t round, i, seed = 3, ran = 0, lost = 0, idle = 0;
	uint32_t span_us = 6000;
	struct vgpu_device_stats before, after;
	struct vgpu_completion_info info;
	struct vgpu_launch_args args;
	struct vgpu_command cmd;
	bool apart = kernels_apart(dev);
	struct killer killer;
	pthread_t thread;

	/* Some more on a machine that is so slow that none has met the other. */
	for (round = 0; round < rounds ||
			(round < rounds + 20 && !(ran && lost)); round++) {
		uint32_t ended = 0, out = 0, seen = 0;

		ASSERT_EQ(0, vgpu_device_alloc(dev, 65536, 0, &at));
		ASSERT_EQ(0, kernels_make(dev, code_add, sizeof(code_add),
					  &kernel)) {
			TH_LOG("round %u: %s", round, device_message(dev));
		}
		cmd = kernels_add(kernel, at, 4096, 1, &args);
		ASSERT_EQ(0, vgpu_device_get_stats(dev, &before));
		killer.worker = find_worker();
		ASSERT_LT(0, killer.worker);
		/* Within what the launches take, more or less. */
		killer.after_us = suite_random(&seed) % span_us;
		ASSERT_EQ(0, pthread_create(&thread, NULL, kill_worker,
					    &killer));
		for (i = 0; i < KILL_LAUNCHES; i++) {
			cmd.user_data = i;
			if (vgpu_device_submit(dev, NULL, &cmd,
					       &tickets[out]))
				break;
			out++;
		}
		for (i = 0; i < out; i++) {
			int ret = vgpu_device_wait(dev, tickets[i],
						   vgpu_deadline_after_ms(60000),
						   &info);

			EXPECT_TRUE(info.ended &&
				    (!ret || ret == -EIO)) {
				TH_LOG("round %u, launch %u: %d", round, i,
				       ret);
			}
			EXPECT_EQ(i, info.user_data);
			/* In order: nothing runs behind one that is lost. */
			if (!ret)
				EXPECT_EQ(i, ended);
			ended += !ret;
		}
		pthread_join(thread, NULL);
		ASSERT_EQ(0, vgpu_device_get_stats(dev, &after));
		EXPECT_EQ(out, after.submitted - before.submitted);
		EXPECT_EQ(ended, after.completed - before.completed);
		EXPECT_EQ(out - ended, after.failed - before.failed);
		EXPECT_EQ(0, after.outstanding);
		/* What ended has run; the one that was lost may have, too. */
		if (!apart) {
			ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(
						&seen, at, 4)));
			EXPECT_LE(ended, seen);
			EXPECT_LE(seen, out);
		}
		/* Killed while it slept: somebody has to notice. */
		while (ended == out && !device_do(dev, cmd))
			;
		ran += ended;
		lost += out - ended;
		idle += ended == out;
		if (!ran)
			span_us *= 2;
		else if (!lost)
			span_us = span_us / 2 + 1;
		ASSERT_EQ(0, vgpu_device_reset(dev)) {
			TH_LOG("round %u: %s", round, device_message(dev));
		}
		ASSERT_EQ(0, vgpu_device_start(dev));
		EXPECT_GOOD(dev);
	}
	TH_LOG("%s: killed %u times, %u launches ran, %u were lost, %u kills came too late",
	       column->name, round, ran, lost, idle);
	EXPECT_LT(0, lost);
	EXPECT_LT(0, ran);
	vgpu_device_close(dev);
	EXPECT_EQ(0, find_worker());
}

static inline void killed(struct __test_metadata *_metadata,
			  const struct column *column)
{
	kill_rounds(_metadata, column, 20 / KERNELS_LESS);
}

static inline void killed_often(struct __test_metadata *_metadata,
				const struct column *column)
{
	kill_rounds(_metadata, column, 200 / KERNELS_LESS);
}

#endif /* VGPU_KERNELS_LIFE_H */
