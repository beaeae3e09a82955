// SPDX-License-Identifier: MIT
/*
 * The simulator: native kernels, what moves and vanishes below commands, and
 * what its memory costs.
 */
#include "vgpu_test.h"

#include <sys/resource.h>

#include <vgpu/vgpu.h>

#include "device.h"
#include "device_util.h"
#include "vgpu_device.h"

#define MIB	(1ull << 20)

struct seen {
	struct vgpu_native_call call;
	uint8_t consts[128];
	int calls;
	int ret;
};

static int look(const struct vgpu_native_call *call)
{
	struct seen *seen = call->user;

	seen->call = *call;
	memcpy(seen->consts, call->consts, call->const_bytes);
	seen->calls++;
	return seen->ret;
}

/* c[i] = a[i] * factor + b[i] */
static int madd(const struct vgpu_native_call *call)
{
	const uint32_t *a = call->ranges[0].data, *b = call->ranges[1].data;
	uint32_t *c = call->ranges[2].data, factor, i;

	memcpy(&factor, call->consts, 4);
	for (i = 0; i < call->grid[0]; i++)
		c[i] = a[i] * factor + b[i];
	return 0;
}

VGPU_TEST(launch_by_address)
{
	struct seen seen = { .ret = 0 };
	struct vgpu_native_options o = {
		.size = sizeof(o), .address = 0x1000, .fn = look, .user = &seen,
	};
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	uint64_t kernel, other;

	ASSERT_NE(NULL, dev);
	EXPECT_EQ(-ENOENT, device_do(dev, vgpu_command_launch(0x1000, 1, 1,
							      1)));
	ASSERT_EQ(0, vgpu_kernel_register_native(dev, &o, &kernel));
	EXPECT_EQ(0x1000, kernel);
	EXPECT_EQ(-EEXIST, vgpu_kernel_register_native(dev, &o, &other));
	EXPECT_EQ(0, device_do(dev, vgpu_command_launch(0x1000, 3, 4, 5)));
	EXPECT_EQ(1, seen.calls);
	EXPECT_EQ(0x1000, seen.call.kernel);
	EXPECT_EQ(3, seen.call.grid[0]);
	EXPECT_EQ(4, seen.call.grid[1]);
	EXPECT_EQ(5, seen.call.grid[2]);
	EXPECT_EQ(0, seen.call.n_ranges);
	EXPECT_EQ(0, seen.call.const_bytes);
	/* What it returns is what the launch ends with. */
	seen.ret = -EDOM;
	EXPECT_GT(0, device_do(dev, vgpu_command_launch(0x1000, 1, 1, 1)));
	seen.ret = 0;
	/* An address of the library's choice. */
	o.address = 0;
	ASSERT_EQ(0, vgpu_kernel_register_native(dev, &o, &other));
	EXPECT_NE(kernel, other);
	EXPECT_EQ(0, device_do(dev, vgpu_command_launch(other, 1, 1, 1)));
	EXPECT_EQ(other, seen.call.kernel);
	ASSERT_EQ(0, vgpu_kernel_destroy(dev, kernel));
	EXPECT_EQ(-ENOENT, vgpu_kernel_destroy(dev, kernel));
	EXPECT_EQ(-ENOENT, device_do(dev, vgpu_command_launch(0x1000, 1, 1,
							      1)));
	ASSERT_EQ(0, vgpu_kernel_destroy(dev, other));
	EXPECT_EQ(-ENOENT, vgpu_kernel_destroy(dev, other));
	EXPECT_GT(0, device_do(dev, vgpu_command_launch(other, 1, 1, 1)));
	EXPECT_EQ(3, seen.calls);
	vgpu_device_close(dev);
}

VGPU_TEST(arguments)
{
	struct vgpu_native_options o = {
		.size = sizeof(o), .fn = madd, .used = 7, .written = 4,
		.const_bytes = 4,
	};
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	uint32_t a[1000], b[1000], c[1000], i, factor = 3;
	uint64_t kernel, at[3], ticket;
	struct vgpu_launch_args args;
	struct vgpu_command cmd;

	ASSERT_NE(NULL, dev);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, vgpu_device_alloc(dev, 4000, 0, &at[i]));
	fill_pattern(a, sizeof(a), 1);
	fill_pattern(b, sizeof(b), 2);
	ASSERT_EQ(0, vgpu_kernel_register_native(dev, &o, &kernel));
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_to(at[0], a, 4000)));
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_to(at[1], b, 4000)));
	vgpu_launch_args_init(&args);
	EXPECT_EQ(0, vgpu_launch_args_range(&args, at[0], 4000,
					    VGPU_LAUNCH_READ));
	EXPECT_EQ(1, vgpu_launch_args_range(&args, at[1], 4000,
					    VGPU_LAUNCH_READ));
	/* A binding that it uses is missing. */
	EXPECT_EQ(0, vgpu_launch_args_consts(&args, &factor, 4));
	EXPECT_EQ(-EINVAL, device_do(dev, vgpu_command_launch_args(
					kernel, 1000, 1, 1, &args)));
	EXPECT_EQ(2, vgpu_launch_args_range(&args, at[2], 4000,
					    VGPU_LAUNCH_READ));
	EXPECT_EQ(-EINVAL, device_do(dev, vgpu_command_launch_args(
					kernel, 1000, 1, 1, &args)));
	args.ranges[2].flags |= VGPU_LAUNCH_WRITE;
	EXPECT_EQ(-1, vgpu_launch_args_consts(&args, &factor, 3));
	EXPECT_EQ(-EINVAL, device_do(dev, vgpu_command_launch(kernel, 1, 1,
							      1)));
	/* They are copied when the launch is submitted. */
	cmd = vgpu_command_launch_args(kernel, 1000, 1, 1, &args);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	memset(&args, 0xff, sizeof(args));
	EXPECT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(c, at[2],
							       4000)));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(a[i] * 3 + b[i], c[i]);
	vgpu_device_close(dev);
}

static int add_one(const struct vgpu_native_call *call)
{
	uint32_t *p = call->ranges[0].data, i;

	for (i = 0; i < call->ranges[0].bytes / 4; i++)
		p[i]++;
	return 0;
}

/* Without a wait in between, a ring keeps program order. */
VGPU_TEST(program_order)
{
	struct vgpu_native_options o = {
		.size = sizeof(o), .fn = add_one, .used = 1, .written = 1,
	};
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	uint32_t words[64], i, round;
	struct vgpu_launch_args args;
	struct vgpu_command cmds[21];
	uint64_t kernel, a, ticket;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_alloc(dev, 512, 0, &a));
	ASSERT_EQ(0, vgpu_kernel_register_native(dev, &o, &kernel));
	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, a, 256,
			       VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE);
	for (round = 0; round < 50; round++) {
		cmds[0] = vgpu_command_clear(a, 512, round);
		for (i = 1; i < 19; i += 3) {
			cmds[i] = vgpu_command_launch_args(kernel, 1, 1, 1,
							   &args);
			cmds[i + 1] = vgpu_command_copy(a + 256, a, 256);
			cmds[i + 2] = vgpu_command_copy(a, a + 256, 256);
		}
		cmds[19] = vgpu_command_launch_args(kernel, 1, 1, 1, &args);
		cmds[20] = vgpu_command_transfer_from(words, a, 256);
		ASSERT_EQ(21, vgpu_device_submit_batch(dev, NULL, cmds, 21,
						       VGPU_SUBMIT_ALL,
						       &ticket));
		ASSERT_EQ(0, vgpu_device_wait(dev, ticket + 20, VGPU_FOREVER,
					      NULL));
		for (i = 0; i < 64; i++)
			ASSERT_EQ(round + 7, words[i]);
	}
	/* Relaxed ones get everything done, too, before a barrier. */
	for (i = 0; i < 20; i++) {
		cmds[i] = vgpu_command_clear(a + 8 * i, 8, 1000 + i);
		cmds[i].flags = VGPU_COMMAND_RELAXED;
	}
	cmds[20] = vgpu_command_transfer_from(words, a, 160);
	ASSERT_EQ(21, vgpu_device_submit_batch(dev, NULL, cmds, 21, 0,
					       &ticket));
	ASSERT_EQ(0, vgpu_device_wait(dev, ticket + 20, VGPU_FOREVER, NULL));
	for (i = 0; i < 40; i++)
		EXPECT_EQ(1000 + i / 2, words[i]);
	vgpu_device_close(dev);
}

VGPU_TEST(bad_arguments)
{
	static const struct {
		uint32_t n, consts;
		struct vgpu_launch_range range;
		int error;
	} rows[] = {
		{ 1, 0, { 0x10001, 4, 1 }, -EINVAL },
		{ 1, 0, { 0x10000, 3, 1 }, -EINVAL },
		{ 1, 0, { 0x10000, 4, 4 }, -EINVAL },
		{ 1, 0, { 0x10000, 0, 1 }, -EINVAL },
		{ 1, 0, { 0x8000, 4, 1 }, -EFAULT },
		{ 1, 0, { 1ull << 46, 4, 1 }, -EFAULT },
		{ 1, 0, { ~255ull, 256, 1 }, -EFAULT },
		{ 0, 2, { 0, 0, 0 }, -EINVAL },
		{ 0, 132, { 0, 0, 0 }, -EINVAL },
		{ 17, 0, { 0, 0, 0 }, -EINVAL },
	};
	struct vgpu_native_options o = { .size = sizeof(o), .fn = look };
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_launch_args args;
	struct seen seen = { 0 };
	static uint8_t mine[4096];
	uint64_t kernel, at;
	uint32_t i;

	ASSERT_NE(NULL, dev);
	o.user = &seen;
	ASSERT_EQ(0, vgpu_kernel_register_native(dev, &o, &kernel));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		vgpu_launch_args_init(&args);
		args.n_ranges = rows[i].n;
		args.const_bytes = rows[i].consts;
		args.ranges[0] = rows[i].range;
		EXPECT_EQ(rows[i].error,
			  device_do(dev, vgpu_command_launch_args(
					  kernel, 1, 1, 1, &args))) {
			TH_LOG("row %u", i);
		}
	}
	/* System memory is for transfers only. */
	ASSERT_EQ(0, vgpu_device_register(dev, mine, sizeof(mine), &at));
	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, at, 256, VGPU_LAUNCH_READ);
	EXPECT_EQ(-EOPNOTSUPP, device_do(dev, vgpu_command_launch_args(
					kernel, 1, 1, 1, &args)));
	vgpu_launch_args_init(&args);
	args.reserved = 1;
	EXPECT_EQ(-EINVAL, device_do(dev, vgpu_command_launch_args(
					kernel, 1, 1, 1, &args)));
	EXPECT_EQ(0, seen.calls);
	vgpu_device_close(dev);
}

VGPU_TEST(bad_kernels)
{
	static const uint32_t spirv[4] = { 0x07230203 };
	struct vgpu_kernel_options k = {
		.size = sizeof(k), .format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = spirv, .code_bytes = sizeof(spirv),
	};
	struct vgpu_native_options good = { .size = sizeof(good), .fn = look };
	struct vgpu_native_options o = good;
	struct vgpu_kernel_constant constant = { .bytes = 3 };
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	uint64_t kernel;

	ASSERT_NE(NULL, dev);
	o.size = 4;
	EXPECT_EQ(-EINVAL, vgpu_kernel_register_native(dev, &o, &kernel));
	o = good;
	o.fn = NULL;
	EXPECT_EQ(-EINVAL, vgpu_kernel_register_native(dev, &o, &kernel));
	o = good;
	o.address = 1ull << 62;
	EXPECT_EQ(-EINVAL, vgpu_kernel_register_native(dev, &o, &kernel));
	o = good;
	o.used = 1u << 16;
	EXPECT_EQ(-EINVAL, vgpu_kernel_register_native(dev, &o, &kernel));
	o = good;
	o.written = 1;
	EXPECT_EQ(-EINVAL, vgpu_kernel_register_native(dev, &o, &kernel));
	o = good;
	o.const_bytes = 130;
	EXPECT_EQ(-EINVAL, vgpu_kernel_register_native(dev, &o, &kernel));
	/* It has no compiler for one, and needs a driver for the other. */
	setenv("VK_DRIVER_FILES", "/nonexistent", 1);
	setenv("VK_ICD_FILENAMES", "/nonexistent", 1);
	EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_create(dev, &k, &kernel));
	EXPECT_NE(NULL, strstr(device_message(dev), "mesa-vulkan-drivers"));
	k.format = VGPU_KERNEL_FORMAT_WGSL;
	EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_create(dev, &k, &kernel));
	EXPECT_NE(NULL, strstr(device_message(dev), "no compiler for WGSL"));
	k.format = VGPU_KERNEL_FORMAT_SPIRV;
	k.code_bytes = 3;
	EXPECT_EQ(-EINVAL, vgpu_kernel_create(dev, &k, &kernel));
	k.code_bytes = 4;
	k.format = 7;
	EXPECT_EQ(-EINVAL, vgpu_kernel_create(dev, &k, &kernel));
	k.format = VGPU_KERNEL_FORMAT_WGSL;
	k.entry = "a-name-that-is-much-longer-than-an-entry-point's-name-may-be-here";
	EXPECT_EQ(-EINVAL, vgpu_kernel_create(dev, &k, &kernel));
	k.entry = NULL;
	k.n_constants = 65;
	EXPECT_EQ(-EINVAL, vgpu_kernel_create(dev, &k, &kernel));
	k.n_constants = 1;
	k.constants = &constant;
	EXPECT_EQ(-EINVAL, vgpu_kernel_create(dev, &k, &kernel));
	constant.bytes = 4;
	EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_create(dev, &k, &kernel));
	vgpu_device_close(dev);
}

VGPU_TEST(no_engine)
{
	struct vgpu_device_info info;
	struct vgpu_device_options o = { .size = sizeof(o), .info = &info };
	struct vgpu_device *dev;
	uint64_t moved;

	vgpu_device_info_init(&info);
	info.features = VGPU_CAN_ALIAS;
	ASSERT_EQ(0, vgpu_device_open(&o, &dev));
	ASSERT_EQ(0, vgpu_device_initialize(dev));
	ASSERT_EQ(0, vgpu_device_start(dev));
	ASSERT_EQ(0, vgpu_device_get_info(dev, &info));
	EXPECT_EQ(VGPU_CAN_ALIAS | VGPU_CAN_TIMES, info.features);
	EXPECT_EQ(-EOPNOTSUPP, vgpu_device_compact(dev, 0, &moved));
	EXPECT_GT(0, device_do(dev, vgpu_command_launch(1ull << 62 | 1, 1, 1,
							1)));
	vgpu_device_close(dev);
}

/* Launches that were never run let go of what they have when they go. */
VGPU_TEST(thrown_away)
{
	struct vgpu_native_options o = {
		.size = sizeof(o), .address = 1, .fn = look,
	};
	struct vgpu_device *dev = device_start(0, 64 * MIB, 0);
	struct vgpu_launch_args args;
	uint64_t kernel, counter, at;
	struct seen seen = { 0 };
	struct vgpu_command cmd;
	static uint8_t buffer[1 << 20];
	int i, round;

	ASSERT_NE(NULL, dev);
	o.user = &seen;
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &at));
		ASSERT_EQ(0, vgpu_kernel_register_native(dev, &o, &kernel));
		ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &counter));
		cmd = vgpu_command_wait(counter, 1);
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
		vgpu_launch_args_init(&args);
		vgpu_launch_args_range(&args, at, 4096, VGPU_LAUNCH_READ);
		for (i = 0; i < 100; i++) {
			cmd = vgpu_command_launch_args(kernel, 1, 1, 1, &args);
			ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd,
							NULL));
			cmd = vgpu_command_transfer_to(at, buffer,
						       i % 2 ? 1024 :
						       i % 4 ? 32768 : 262144);
			ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd,
							NULL));
			cmd = vgpu_command_transfer_from(buffer, at,
							 i % 4 ? 1024 : MIB);
			ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd,
							NULL));
		}
		if (round < 2) {
			ASSERT_EQ(0, vgpu_device_reset(dev));
			ASSERT_EQ(0, vgpu_device_start(dev));
		}
	}
	EXPECT_EQ(0, seen.calls);
	vgpu_device_close(dev);
}

/* All staging memory comes back, whichever way it went. */
VGPU_TEST(staging_runs_out)
{
	struct vgpu_device *dev = device_start(0, 64 * MIB, 8192);
	struct vgpu_command cmd;
	uint64_t at, counter;
	static uint8_t buffer[1 << 16];
	int n, round, first = 0;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &at));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &counter));
	for (round = 1; round <= 3; round++) {
		cmd = vgpu_command_wait(counter, round);
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
		cmd = vgpu_command_transfer_to(at, buffer, sizeof(buffer));
		for (n = 0; n < 8000; n++)
			if (vgpu_device_submit(dev, NULL, &cmd, NULL))
				break;
		EXPECT_EQ(-EAGAIN, vgpu_device_submit(dev, NULL, &cmd, NULL));
		EXPECT_LT(10, n);
		EXPECT_GT(8000, n);
		if (!first)
			first = n;
		EXPECT_EQ(first, n);
		ASSERT_EQ(0, vgpu_device_counter_signal(dev, counter, round));
		ASSERT_EQ(0, vgpu_device_wait_idle(dev, VGPU_FOREVER));
	}
	vgpu_device_close(dev);
}

/* Memory is taken as it is used, and given back. */
VGPU_TEST(memory_is_given_back)
{
	struct vgpu_device *dev = device_start(0, 1ull << 40, 0);
	uint64_t at, n = 64 * MIB;
	struct rusage before, after;
	FILE *f;
	long shared;
	int i;

	ASSERT_NE(NULL, dev);
	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < 16; i++) {
		ASSERT_EQ(0, vgpu_device_alloc(dev, n, 0, &at));
		ASSERT_EQ(0, device_do(dev, vgpu_command_clear(at, n, 1)));
		ASSERT_EQ(0, vgpu_device_free(dev, at));
	}
	getrusage(RUSAGE_SELF, &after);
	/* One block at a time, not sixteen. */
	EXPECT_GT(before.ru_maxrss + 3 * 65536, after.ru_maxrss);
	f = fopen("/proc/self/statm", "r");
	ASSERT_NE(NULL, f);
	ASSERT_EQ(1, fscanf(f, "%*d %*d %ld", &shared));
	fclose(f);
	EXPECT_GT(32 * MIB, shared * 4096ull);
	vgpu_device_close(dev);
}

/* Higher priorities first: what waits longest at the same place comes last. */
VGPU_TEST(priorities)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_device_ring *rings[4];
	struct vgpu_device_ring_options o = { .size = sizeof(o) };
	struct vgpu_completion_info low, urgent;
	uint64_t at, counter, t_low = 0, t_urgent = 0;
	struct vgpu_command cmd;
	int i, k;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &at));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &counter));
	for (i = 0; i < 4; i++) {
		o.priority = VGPU_DEVICE_PRIORITY_LOW + i;
		ASSERT_EQ(0, vgpu_device_ring_create(dev, &o, &rings[i]));
		cmd = vgpu_command_clear(at, 65536, i);
		for (k = 0; k < 200; k++) {
			uint64_t *t = i == 0 ? &t_low : &t_urgent;

			ASSERT_EQ(0, vgpu_device_submit(dev, rings[i], &cmd,
							t));
		}
	}
	ASSERT_EQ(0, vgpu_device_wait_idle(dev, VGPU_FOREVER));
	ASSERT_EQ(0, vgpu_device_wait(dev, t_low, 0, &low));
	ASSERT_EQ(0, vgpu_device_wait(dev, t_urgent, 0, &urgent));
	EXPECT_LT(urgent.end_ns, low.end_ns);
	vgpu_device_close(dev);
}

/* Ring memory that somebody else has written to costs that ring only. */
VGPU_TEST(broken_ring)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_command cmd = vgpu_command_synchronize();
	struct vgpu_device_ring_stats stats;
	struct vgpu_device_ring *ring;
	uint64_t tickets[16];
	int i, ret;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_ring_create(dev, &(struct
			vgpu_device_ring_options){
				.size = sizeof(struct vgpu_device_ring_options),
				.entries = 8 }, &ring));
	ring->ring.hdr->cq_head = 12345;
	for (i = 0; i < 16; i++) {
		ret = vgpu_device_submit(dev, ring, &cmd, &tickets[i]);
		if (ret)
			break;
	}
	ret = 0;
	do {
		vgpu_device_process(dev, 0);
		ASSERT_EQ(0, vgpu_device_ring_get_stats(ring, &stats));
		usleep(1000);
	} while (stats.state == VGPU_DEVICE_RING_RUNNING && ret++ < 1000);
	EXPECT_EQ(VGPU_DEVICE_RING_ERROR, stats.state);
	EXPECT_NE(0, stats.error);
	EXPECT_EQ(-EIO, vgpu_device_ring_pause(ring));
	EXPECT_EQ(-ENODEV, vgpu_device_ring_reset(ring));
	EXPECT_NE(NULL, strstr(device_message(dev), "was overwritten"));
	while (i--) {
		ret = vgpu_device_wait(dev, tickets[i], 0, NULL);
		EXPECT_TRUE(!ret || ret == -ENODEV || ret == -ECANCELED);
	}
	EXPECT_EQ(-ENODEV, vgpu_device_submit(dev, ring, &cmd, NULL));
	EXPECT_EQ(-ENODEV, vgpu_device_ring_reset(ring));
	vgpu_device_ring_destroy(ring);
	EXPECT_EQ(0, device_do(dev, cmd));
	vgpu_device_close(dev);
}

VGPU_TEST(many_blocks)
{
	struct vgpu_device *dev = device_start(0, 64 * MIB, 0);
	struct vgpu_device_stats stats;
	static uint64_t at[20000];
	int i, n = 0, ret = 0;

	ASSERT_NE(NULL, dev);
	for (i = 0; i < 20000; i++) {
		ret = vgpu_device_alloc(dev, 256, 0, &at[i]);
		if (ret)
			break;
		n++;
	}
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_LT(16000, n);
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, vgpu_device_free(dev, at[(i * 7919ull) % n]));
	ASSERT_EQ(0, device_stats_used(dev, &stats, 0));
	EXPECT_EQ(0, stats.memory_used);
	EXPECT_EQ(64 * MIB, stats.memory_largest);
	vgpu_device_close(dev);
}

TEST_HARNESS_MAIN
