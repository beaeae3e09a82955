// SPDX-License-Identifier: MIT
/*
 * Kernels from code, in an executor that can be made to fail in every way: what
 * the device does with them and with the memory that they work on.
 */
#include "vgpu_test.h"
#include "device_util.h"
#include "fake_executor.h"

#define WORDS		1024u
#define BYTES		(WORDS * 4)

static struct vgpu_device *start(uint32_t flags, uint32_t timeout_ms)
{
	struct vgpu_device_options o = {
		.size = sizeof(o),
		.backend = VGPU_BACKEND_VULKAN,
		.flags = flags,
		.vram_bytes = 8 << 20,
		.launch_timeout_ms = timeout_ms,
	};
	struct vgpu_device *dev;

	if (vgpu_device_open(&o, &dev))
		return NULL;
	if (vgpu_device_initialize(dev) || vgpu_device_start(dev)) {
		vgpu_device_close(dev);
		return NULL;
	}
	return dev;
}

static int kernel(struct vgpu_device *dev, uint32_t code, uint64_t *k)
{
	const struct vgpu_kernel_options o = {
		.size = sizeof(o),
		.format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = &code,
		.code_bytes = 4,
	};

	return vgpu_kernel_create(dev, &o, k);
}

static struct vgpu_command launch_of(uint64_t k, struct vgpu_launch_args *args,
				     uint64_t to, uint64_t from, uint32_t add)
{
	vgpu_launch_args_init(args);
	vgpu_launch_args_range(args, to, BYTES,
			       VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE);
	if (from)
		vgpu_launch_args_range(args, from, BYTES, VGPU_LAUNCH_READ);
	vgpu_launch_args_consts(args, &add, 4);
	return vgpu_command_launch_args(k, 1, 1, 1, args);
}

static int run(struct vgpu_device *dev, uint64_t k, uint64_t to, uint64_t from,
	       uint32_t add)
{
	struct vgpu_launch_args args;

	return device_do(dev, launch_of(k, &args, to, from, add));
}

static int get(struct vgpu_device *dev, uint64_t address, uint32_t *words)
{
	return device_do(dev, vgpu_command_transfer_from(words, address, BYTES));
}

/* Data that kernels, commands and the CPU touch in turn. */
static void coherence(struct __test_metadata *_metadata, bool shared)
{
	uint32_t in[WORDS], got[WORDS], *cpu, i, round;
	struct vgpu_device_stats stats;
	uint64_t add, copy, a, b, c;
	struct vgpu_device *dev;

	fake_mode.shared = shared;
	dev = start(0, 0);
	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, kernel(dev, FAKE_ADD, &add));
	ASSERT_EQ(0, kernel(dev, FAKE_COPY, &copy));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &a));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &b));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &c));
	/* Memory that nobody has written is zero for kernels too. */
	ASSERT_EQ(0, run(dev, copy, a, b, 0));
	ASSERT_EQ(0, get(dev, a, got));
	for (i = 0; i < WORDS; i++)
		ASSERT_EQ(0, got[i]);
	for (round = 1; round < 4; round++) {
		for (i = 0; i < WORDS; i++)
			in[i] = i * round;
		ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_to(a, in, BYTES)));
		ASSERT_EQ(0, run(dev, add, a, 0, 5));
		ASSERT_EQ(0, run(dev, copy, b, a, 0));
		ASSERT_EQ(0, run(dev, add, b, 0, 7));
		/* A copy within the engine, and a part of one. */
		ASSERT_EQ(0, device_do(dev, vgpu_command_copy(c, b, BYTES)));
		ASSERT_EQ(0, device_do(dev, vgpu_command_copy(c + 64, a, 64)));
		ASSERT_EQ(0, device_do(dev, vgpu_command_clear(c + 256, 64, 9)));
		ASSERT_EQ(0, run(dev, add, c, 0, 1));
		ASSERT_EQ(0, get(dev, c, got));
		for (i = 0; i < WORDS; i++) {
			uint32_t want = i * round + 13;

			if (i >= 16 && i < 32)
				want = (i - 16) * round + 6;
			if (i >= 64 && i < 80)
				want = 10;
			ASSERT_EQ(want, got[i]);
		}
		/* The CPU sees it while kernels go on. */
		ASSERT_EQ(0, vgpu_device_map(dev, c, BYTES, (void **)&cpu));
		ASSERT_EQ(0, memcmp(cpu, got, BYTES));
		cpu[3] = 1000;
		ASSERT_EQ(0, run(dev, add, c, 0, 1));
		ASSERT_EQ(1001, cpu[3]);
		ASSERT_EQ(got[4] + 1, cpu[4]);
		cpu[3] = 5;
		ASSERT_EQ(0, vgpu_device_unmap(dev, c));
		ASSERT_EQ(0, run(dev, add, c, 0, 1));
		ASSERT_EQ(0, get(dev, c, got));
		ASSERT_EQ(6, got[3]);
	}
	/* It moves, and is what it was. */
	ASSERT_EQ(0, run(dev, add, c, 0, 100));
	ASSERT_EQ(0, vgpu_device_free(dev, a));
	ASSERT_EQ(0, vgpu_device_compact(dev, 0, NULL));
	ASSERT_EQ(0, run(dev, add, c, 0, 100));
	ASSERT_EQ(0, get(dev, c, got));
	ASSERT_EQ(206, got[3]);
	/* What is freed is zero when it is given out again. */
	ASSERT_EQ(0, vgpu_device_free(dev, c));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &c));
	ASSERT_EQ(0, run(dev, copy, b, c, 0));
	ASSERT_EQ(0, get(dev, b, got));
	for (i = 0; i < WORDS; i++)
		ASSERT_EQ(0, got[i]);
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	if (shared) {
		EXPECT_EQ(0, stats.bytes_to_engine);
		EXPECT_EQ(0, stats.bytes_from_engine);
	} else {
		EXPECT_LT(0, stats.bytes_to_engine);
		EXPECT_LT(0, stats.bytes_from_engine);
	}
	vgpu_device_close(dev);
	EXPECT_EQ(fake_count.opened, fake_count.closed);
	EXPECT_EQ(fake_count.built, fake_count.dropped);
}

VGPU_TEST(shared)
{
	coherence(_metadata, true);
}

VGPU_TEST(own_memory)
{
	coherence(_metadata, false);
}

/* Only what somebody needs is moved. */
VGPU_TEST(moves_little)
{
	uint32_t in[WORDS] = { 1 }, got[WORDS];
	struct vgpu_device_stats stats;
	struct vgpu_device *dev;
	uint64_t add, a;
	int i;

	dev = start(0, 0);
	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, kernel(dev, FAKE_ADD, &add));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &a));
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_to(a, in, BYTES)));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, run(dev, add, a, 0, 1));
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	EXPECT_EQ(BYTES, stats.bytes_to_engine);
	EXPECT_EQ(0, stats.bytes_from_engine);
	ASSERT_EQ(0, get(dev, a, got));
	ASSERT_EQ(0, get(dev, a, got));
	EXPECT_EQ(101, got[0]);
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	EXPECT_EQ(BYTES, stats.bytes_to_engine);
	EXPECT_EQ(BYTES, stats.bytes_from_engine);
	EXPECT_EQ(100, stats.launches);
	vgpu_device_close(dev);
}

/* More than the executor takes at once. */
VGPU_TEST(many)
{
	struct vgpu_launch_args args;
	struct vgpu_command cmd;
	uint32_t got[WORDS];
	struct vgpu_device *dev;
	uint64_t add, a, t;
	int i, ret;

	dev = start(VGPU_DEVICE_BACKGROUND, 0);
	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, kernel(dev, FAKE_ADD, &add));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &a));
	cmd = launch_of(add, &args, a, 0, 1);
	cmd.flags = VGPU_COMMAND_RELAXED;
	for (i = 0; i < 2000; ) {
		ret = vgpu_device_submit(dev, NULL, &cmd, &t);
		ASSERT_EQ(true, !ret || ret == -EAGAIN);
		i += !ret;
	}
	ASSERT_EQ(0, vgpu_device_wait_idle(dev, vgpu_deadline_after_ms(20000)));
	ASSERT_EQ(0, get(dev, a, got));
	EXPECT_EQ(2000, got[WORDS - 1]);
	vgpu_device_close(dev);
}

VGPU_TEST(refused)
{
	struct vgpu_launch_args args;
	struct vgpu_command cmd;
	struct vgpu_device_limits limits;
	struct vgpu_kernel_usage usage;
	struct vgpu_device *dev;
	uint64_t k, big, a;

	fake_mode.open = -ENODEV;
	EXPECT_EQ(NULL, start(0, 0));
	fake_mode.open = 0;
	dev = start(0, 0);
	ASSERT_NE(NULL, dev);
	EXPECT_EQ(-EINVAL, kernel(dev, 77, &k));
	EXPECT_SAYS(dev, "no such fake");
	ASSERT_EQ(0, kernel(dev, FAKE_ADD, &k));
	ASSERT_EQ(0, vgpu_kernel_get_usage(dev, k, &usage));
	EXPECT_EQ(1, usage.used);
	EXPECT_EQ(1, usage.written);
	EXPECT_EQ(4, usage.const_bytes);
	EXPECT_EQ(-ENOENT, vgpu_kernel_get_usage(dev, k + 1, &usage));
	ASSERT_EQ(0, vgpu_device_get_limits(dev, &limits));
	EXPECT_EQ(1000, limits.max_groups[1]);
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &a));
	cmd = launch_of(k, &args, a, 0, 1);
	cmd.param[2] = 1001;
	EXPECT_EQ(-EOPNOTSUPP, device_do(dev, cmd));
	EXPECT_SAYS(dev, "1001 workgroups in y: this device takes at most 1000");
	cmd.param[2] = 1;
	ASSERT_EQ(0, vgpu_device_alloc(dev, 2 << 20, 0, &big));
	args.ranges[0].address = big;
	args.ranges[0].bytes = (1 << 20) + 4;
	EXPECT_EQ(-EOPNOTSUPP, device_do(dev, cmd));
	EXPECT_SAYS(dev, "at binding 0: this device takes at most 1048576");
	EXPECT_EQ(0, run(dev, k, a, 0, 1));
	EXPECT_EQ(0, vgpu_kernel_destroy(dev, k));
	EXPECT_EQ(-ENOENT, vgpu_kernel_destroy(dev, k));
	EXPECT_EQ(-EINVAL, run(dev, k, a, 0, 1));
	vgpu_device_close(dev);
}

/* One launch fails, and no other. */
VGPU_TEST(fails)
{
	struct vgpu_device *dev = start(0, 0);
	uint64_t fail, add, a;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, kernel(dev, FAKE_FAIL, &fail));
	ASSERT_EQ(0, kernel(dev, FAKE_ADD, &add));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &a));
	EXPECT_EQ(-EIO, run(dev, fail, a, 0, 0));
	EXPECT_EQ(0, run(dev, add, a, 0, 1));
	vgpu_device_close(dev);
}

static int nothing(const struct vgpu_native_call *call)
{
	return 0;
}

/*
 * The executor is lost while commands are in flight: each ends once; the rest
 * of the device works; a reset brings another.
 */
static void lose(struct __test_metadata *_metadata, uint32_t code,
		 uint32_t timeout_ms, int first, bool killable)
{
	struct vgpu_native_options native = { .size = sizeof(native),
					      .fn = nothing };
	struct vgpu_launch_args args, last;
	struct vgpu_command cmd[2];
	uint64_t bad, add, a, t, nat;
	struct vgpu_device_info info;
	uint32_t got[WORDS];
	struct vgpu_device *dev;

	fake_mode.killable = killable;
	dev = start(0, timeout_ms);
	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, kernel(dev, code, &bad));
	ASSERT_EQ(0, kernel(dev, FAKE_ADD, &add));
	ASSERT_EQ(0, vgpu_kernel_register_native(dev, &native, &nat));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &a));
	cmd[0] = launch_of(bad, &args, a, 0, 0);
	cmd[1] = launch_of(add, &last, a, 0, 1);
	cmd[1].flags = VGPU_COMMAND_RELAXED;
	ASSERT_EQ(2, vgpu_device_submit_batch(dev, NULL, cmd, 2, 0, &t));
	EXPECT_EQ(first, vgpu_device_wait(dev, t, vgpu_deadline_after_ms(20000),
					  NULL));
	EXPECT_EQ(-EIO, vgpu_device_wait(dev, t + 1,
					 vgpu_deadline_after_ms(20000), NULL));
	EXPECT_EQ(-EIO, run(dev, add, a, 0, 1));
	EXPECT_EQ(-EIO, kernel(dev, FAKE_ADD, &add));
	EXPECT_SAYS(dev, "reset the device");
	ASSERT_EQ(0, vgpu_device_get_info(dev, &info));
	EXPECT_NE(NULL, strstr(info.notice, "lost"));
	EXPECT_EQ(0, device_do(dev, vgpu_command_launch(nat, 1, 1, 1)));
	ASSERT_EQ(0, vgpu_device_reset(dev));
	ASSERT_EQ(0, vgpu_device_start(dev));
	ASSERT_EQ(0, kernel(dev, FAKE_ADD, &add));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &a));
	EXPECT_EQ(0, run(dev, add, a, 0, 3));
	ASSERT_EQ(0, get(dev, a, got));
	EXPECT_EQ(3, got[7]);
	vgpu_device_close(dev);
}

VGPU_TEST(dies)
{
	lose(_metadata, FAKE_DIE, 0, -EIO, true);
	EXPECT_EQ(fake_count.opened, fake_count.closed);
}

VGPU_TEST(hangs_and_is_killed)
{
	lose(_metadata, FAKE_HANG, 100, -ETIMEDOUT, true);
	EXPECT_EQ(fake_count.opened, fake_count.closed);
}

/* It leaks what is left behind, so not a VGPU_TEST. */
TEST(hangs_and_is_left)
{
	lose(_metadata, FAKE_HANG, 100, -ETIMEDOUT, false);
	EXPECT_EQ(fake_count.opened, fake_count.closed + 1);
}

/* With nothing that would stop it. */
VGPU_TEST(reset_while_it_hangs)
{
	struct vgpu_launch_args args;
	struct vgpu_command cmd;
	struct vgpu_device *dev;
	uint64_t bad, a, t;

	fake_mode.killable = true;
	dev = start(VGPU_DEVICE_BACKGROUND, 0);
	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, kernel(dev, FAKE_HANG, &bad));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &a));
	cmd = launch_of(bad, &args, a, 0, 0);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &t));
	usleep(20000);
	ASSERT_EQ(0, vgpu_device_reset(dev));
	EXPECT_EQ(-ENODEV, vgpu_device_wait(dev, t, 0, NULL));
	ASSERT_EQ(0, vgpu_device_start(dev));
	ASSERT_EQ(0, kernel(dev, FAKE_HANG, &bad));
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &a));
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &t));
	vgpu_device_close(dev);
	EXPECT_EQ(fake_count.opened, fake_count.closed);
}

/* A simulator opens it for its first kernel, or says what is missing. */
VGPU_TEST(simulator)
{
	uint32_t in[WORDS] = { 4 }, got[WORDS];
	struct vgpu_device *dev;
	uint64_t k, a;

	fake_mode.open = -ENODEV;
	dev = device_start(0, 1 << 20, 0);
	ASSERT_NE(NULL, dev);
	EXPECT_EQ(-EOPNOTSUPP, kernel(dev, FAKE_ADD, &k));
	EXPECT_SAYS(dev, "install fake");
	fake_mode.open = 0;
	ASSERT_EQ(0, vgpu_device_alloc(dev, BYTES, 0, &a));
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_to(a, in, BYTES)));
	EXPECT_EQ(0, fake_count.opened);
	ASSERT_EQ(0, kernel(dev, FAKE_ADD, &k));
	EXPECT_EQ(1, fake_count.opened);
	ASSERT_EQ(0, run(dev, k, a, 0, 1));
	ASSERT_EQ(0, get(dev, a, got));
	EXPECT_EQ(5, got[0]);
	vgpu_device_close(dev);
}

TEST_HARNESS_MAIN
