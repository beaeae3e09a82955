// SPDX-License-Identifier: MIT
/*
 * Devices by the library's public interface, on a simulator: their life,
 * commands, rings, counters, registers, and everything that may be
 * wrong with a call.
 */
#include "vgpu_test.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <vgpu/vgpu.h>

#include "device.h"
#include "device_util.h"
#include "vgpu_device.h"

#define MIB	(1ull << 20)

VGPU_TEST(life)
{
	struct vgpu_command cmd = vgpu_command_synchronize();
	struct vgpu_device_info info;
	struct vgpu_device *dev;
	uint64_t ticket;

	ASSERT_EQ(0, vgpu_device_open(NULL, &dev));
	EXPECT_EQ(-ENODEV, vgpu_device_start(dev));
	EXPECT_SAYS(dev, "vgpu_device_initialize()");
	EXPECT_EQ(-ECANCELED, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	EXPECT_SAYS(dev, "not initialized");
	EXPECT_EQ(-ENODEV, vgpu_device_process(dev, 0));
	EXPECT_EQ(-ENODEV, vgpu_device_reset(dev));
	EXPECT_EQ(-ENODEV, vgpu_device_alloc(dev, 4096, 0, &ticket));
	ASSERT_EQ(0, vgpu_device_initialize(dev));
	EXPECT_EQ(-EBUSY, vgpu_device_initialize(dev));
	EXPECT_EQ(-ECANCELED, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	EXPECT_SAYS(dev, "does not run");
	ASSERT_EQ(0, vgpu_device_start(dev));
	ASSERT_EQ(0, vgpu_device_start(dev));
	EXPECT_EQ(0, device_do(dev, cmd));
	EXPECT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	ASSERT_EQ(0, vgpu_device_stop(dev, vgpu_deadline_after_ms(1000)));
	EXPECT_EQ(0, vgpu_device_wait(dev, ticket, 0, NULL));
	EXPECT_EQ(-ECANCELED, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	ASSERT_EQ(0, vgpu_device_start(dev));
	EXPECT_EQ(0, device_do(dev, cmd));
	ASSERT_EQ(0, vgpu_device_get_info(dev, &info));
	EXPECT_STREQ("sim0", info.id);
	EXPECT_EQ(VGPU_DEVICE_TYPE_SOFTWARE, info.type);
	EXPECT_EQ(256 * MIB, info.total_memory);
	EXPECT_EQ(256 * MIB, info.available_memory);
	EXPECT_FALSE(vgpu_info_known(info.power_limit_mw));
	EXPECT_FALSE(vgpu_info_known(info.temperature_mc));
	vgpu_device_close(dev);
	vgpu_device_close(NULL);
}

/* A device whose ring cannot be made: it says so, and can only be closed. */
VGPU_TEST(not_brought_up)
{
	struct vgpu_command cmd = vgpu_command_synchronize();
	struct vgpu_device *dev;
	uint64_t address;

	ASSERT_EQ(0, vgpu_device_open(NULL, &dev));
	dev->entries = 3;
	EXPECT_EQ(-EINVAL, vgpu_device_initialize(dev));
	EXPECT_SAYS(dev, "could not be brought up");
	dev->entries = 8;
	EXPECT_EQ(-ENODEV, vgpu_device_initialize(dev));
	EXPECT_SAYS(dev, "could not be brought up: close it");
	EXPECT_EQ(-ENODEV, vgpu_device_start(dev));
	EXPECT_EQ(-ENODEV, vgpu_device_reset(dev));
	EXPECT_EQ(-ENODEV, vgpu_device_alloc(dev, 4, 0, &address));
	EXPECT_EQ(-ECANCELED, vgpu_device_submit(dev, NULL, &cmd, NULL));
	vgpu_device_close(dev);
}

VGPU_TEST(info_of_the_caller)
{
	struct vgpu_device_info info, got;
	struct vgpu_device_options o = { .size = sizeof(o), .info = &info };
	struct vgpu_device *dev;
	uint64_t address;
	char text[1024];

	vgpu_device_info_init(&info);
	snprintf(info.id, sizeof(info.id), "gpu0");
	snprintf(info.name, sizeof(info.name), "Test GPU");
	info.type = VGPU_DEVICE_TYPE_NVIDIA;
	info.total_memory = 4096 * MIB;
	info.available_memory = 3072 * MIB;
	snprintf(info.compute_capability, sizeof(info.compute_capability), "8.0");
	snprintf(info.apis[0], sizeof(info.apis[0]), "CUDA");
	snprintf(info.apis[1], sizeof(info.apis[1]), "OpenCL");
	info.n_apis = 2;
	info.power_limit_mw = 250000;
	info.temperature_mc = -1500;
	ASSERT_EQ(0, vgpu_device_open(&o, &dev));
	ASSERT_EQ(0, vgpu_device_initialize(dev));
	ASSERT_EQ(0, vgpu_device_get_info(dev, &got));
	EXPECT_STREQ("gpu0", got.id);
	EXPECT_STREQ("Test GPU", got.name);
	EXPECT_STREQ("8.0", got.compute_capability);
	EXPECT_EQ(2, got.n_apis);
	EXPECT_STREQ("OpenCL", got.apis[1]);
	EXPECT_EQ(4096 * MIB, got.total_memory);
	EXPECT_EQ(3072 * MIB, got.available_memory);
	EXPECT_EQ(250000, got.power_limit_mw);
	EXPECT_EQ(-1500, got.temperature_mc);
	/* What is available is a limit. */
	ASSERT_EQ(0, vgpu_device_alloc(dev, 1024 * MIB, 0, &address));
	ASSERT_EQ(0, vgpu_device_alloc(dev, 1024 * MIB, 0, &address));
	ASSERT_EQ(0, vgpu_device_alloc(dev, 1024 * MIB, 0, &address));
	EXPECT_EQ(-ENOSPC, vgpu_device_alloc(dev, 256, 0, &address));
	EXPECT_SAYS(dev, "limit");
	ASSERT_EQ(0, vgpu_device_get_info(dev, &got));
	EXPECT_EQ(0, got.available_memory);
	EXPECT_LT(100, vgpu_device_info_text(&got, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "-1.500 C"));
	EXPECT_NE(NULL, strstr(text, "250.000 W"));
	EXPECT_NE(NULL, strstr(text, "CUDA, OpenCL"));
	EXPECT_EQ((int)strlen(text), vgpu_device_info_text(&got, NULL, 0));
	vgpu_device_info_init(&got);
	vgpu_device_info_text(&got, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "temperature:        unknown"));
	vgpu_device_close(dev);
}

VGPU_TEST(bad_options)
{
	static const struct {
		struct vgpu_device_options o;
		int error;
		const char *says;
	} rows[] = {
		{ { .size = 1 }, -EINVAL, "" },
		{ { .flags = 16 }, -EINVAL, "unknown device flags 0x10" },
		{ { .flags = VGPU_DEVICE_DISCRETE | VGPU_DEVICE_SHARED },
		  -EINVAL, "both" },
		{ { .backend = 7 }, -EINVAL, "unknown backend 7" },
		{ { .backend_name = "cuda" }, -EINVAL,
		  "unknown backend \"cuda\"" },
		{ { .backend_name = "mdev", .flags = VGPU_DEVICE_DISCRETE },
		  -EOPNOTSUPP, "backend mdev" },
		{ { .backend_name = "mdev", .device = "/dev/nonexistent" },
		  -ENOENT, "no node /dev/nonexistent" },
		{ { .backend = VGPU_BACKEND_PASSTHROUGH,
		    .flags = VGPU_DEVICE_SHARED }, -EOPNOTSUPP,
		  "backend passthrough" },
		{ { .backend = VGPU_BACKEND_PASSTHROUGH, .device = "gpu7" },
		  -ENOENT, "no function \"gpu7\"" },
		{ { .backend = VGPU_BACKEND_VULKAN }, -ENODEV,
		  "mesa-vulkan-drivers" },
		{ { .device = "gpu7" }, -ENOENT, "no simulator \"gpu7\"" },
		{ { .entries = 1 }, -EINVAL, "ring of 1 entries" },
		{ { .entries = 1000 }, -EINVAL, "ring of 1000 entries" },
		{ { .entries = 1u << 31 }, -EINVAL, "entries" },
		{ { .vram_bytes = 100 }, -EINVAL, "100 bytes of memory" },
		{ { .vram_bytes = 1ull << 41 }, -EINVAL, "bytes of memory" },
		{ { .vram_bytes = UINT64_MAX }, -EINVAL, "bytes of memory" },
	};
	struct vgpu_device *dev;
	char text[256];
	size_t i;

	setenv("VK_DRIVER_FILES", "/nonexistent", 1);
	setenv("VK_ICD_FILENAMES", "/nonexistent", 1);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vgpu_device_options o = rows[i].o;

		if (!o.size)
			o.size = sizeof(o);
		text[0] = 0;
		o.message = text;
		o.message_bytes = sizeof(text);
		EXPECT_EQ(rows[i].error, vgpu_device_open(&o, &dev)) {
			TH_LOG("row %zu", i);
		}
		EXPECT_NE(NULL, strstr(text, rows[i].says)) {
			TH_LOG("row %zu: %s", i, text);
		}
	}
}

VGPU_TEST(bad_info)
{
	struct vgpu_device_info info;
	struct vgpu_device_options o = { .size = sizeof(o), .info = &info };
	struct vgpu_device *dev;

	vgpu_device_info_init(&info);
	info.n_apis = VGPU_INFO_APIS + 1;
	EXPECT_EQ(-EINVAL, vgpu_device_open(&o, &dev));
	vgpu_device_info_init(&info);
	info.type = VGPU_DEVICE_TYPE_SOFTWARE + 1;
	EXPECT_EQ(-EINVAL, vgpu_device_open(&o, &dev));
	vgpu_device_info_init(&info);
	memset(info.name, 'x', sizeof(info.name));
	EXPECT_EQ(-EINVAL, vgpu_device_open(&o, &dev));
	vgpu_device_info_init(&info);
	memset(info.apis[0], 'x', sizeof(info.apis[0]));
	info.n_apis = 1;
	EXPECT_EQ(-EINVAL, vgpu_device_open(&o, &dev));
	vgpu_device_info_init(&info);
	info.total_memory = 12345;
	EXPECT_EQ(-EINVAL, vgpu_device_open(&o, &dev));
}

VGPU_TEST(copy_clear)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	uint32_t words[1024], i;
	uint64_t a, b;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_alloc(dev, 4096, 0, &a));
	ASSERT_EQ(0, vgpu_device_alloc(dev, 4096, 0, &b));
	ASSERT_EQ(0, device_do(dev, vgpu_command_clear(a, 4096, 0xdeadbeef)));
	ASSERT_EQ(0, device_do(dev, vgpu_command_clear(a + 8, 4, 0x01010101)));
	ASSERT_EQ(0, device_do(dev, vgpu_command_copy(b + 4, a, 4092)));
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(words, b,
							       4096)));
	EXPECT_EQ(0, words[0]);
	for (i = 1; i < 1024; i++)
		EXPECT_EQ(i == 3 ? 0x01010101 : 0xdeadbeef, words[i]);
	/* Overlapping. */
	EXPECT_EQ(-EINVAL, device_do(dev, vgpu_command_copy(a + 4, a, 8)));
	/* Beyond the end, and nowhere. */
	EXPECT_EQ(-EFAULT, device_do(dev, vgpu_command_clear(a, 4 * MIB, 0)));
	EXPECT_EQ(-EFAULT, device_do(dev, vgpu_command_clear(0x1000, 4, 0)));
	EXPECT_EQ(-EFAULT, device_do(dev, vgpu_command_transfer_from(
					words, UINT64_MAX - 3, 4)));
	vgpu_device_close(dev);
}

VGPU_TEST(bad_commands)
{
	struct vgpu_launch_args args;
	struct vgpu_device *dev = device_start(0, 16 * MIB, 8);
	struct {
		struct vgpu_command cmd;
		const char *says;
	} rows[] = {
		{ vgpu_command_make(0, 0, 0, 0, 0, 0), "type 0" },
		{ vgpu_command_make(9, 0, 0, 0, 0, 0), "type 9" },
		{ vgpu_command_clear(0x10001, 4, 0), "multiple of 4" },
		{ vgpu_command_clear(0x10000, 0, 0), "size 0" },
		{ vgpu_command_clear(0x10000, 6, 0), "size 6" },
		{ vgpu_command_make(VGPU_COMMAND_CLEAR, 0x10000, 4, 1ull << 32,
				    0, 0), "more than 32 bits" },
		{ vgpu_command_make(VGPU_COMMAND_COPY, 0x10000, 0x20000, 4, 1,
				    0), "parameter 3" },
		{ vgpu_command_transfer_to(0x10000, NULL, 4), "pointer 0x0" },
		{ vgpu_command_transfer_to(0x10002, &args, 4), "target" },
		{ vgpu_command_transfer_from(&args, 0x10002, 4), "source" },
		{ vgpu_command_transfer_from(&args, 0x10000, ~3ull),
		  "no memory" },
		{ vgpu_command_launch(1, 0, 1, 1), "grid x" },
		{ vgpu_command_launch(1, 1, 65536, 1), "grid y" },
		{ vgpu_command_launch(1, 1, 1, 1), "no kernel" },
		{ vgpu_command_launch_args(1, 1, 1, 1, &args), "17 ranges" },
		{ vgpu_command_make(VGPU_COMMAND_SYNCHRONIZE, 1, 0, 0, 0, 0),
		  "parameter 0" },
		{ vgpu_command_make(VGPU_COMMAND_SIGNAL, 1, 1, 1, 0, 0),
		  "parameter 2" },
	};
	struct vgpu_device_stats stats;
	struct vgpu_command cmd;
	uint64_t ticket;
	size_t i;

	ASSERT_NE(NULL, dev);
	vgpu_launch_args_init(&args);
	args.n_ranges = 17;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_GT(0, vgpu_device_submit(dev, NULL, &rows[i].cmd,
						&ticket)) {
			TH_LOG("row %zu", i);
		}
		EXPECT_SAYS(dev, rows[i].says);
	}
	cmd = vgpu_command_synchronize();
	cmd.flags = 1u << 3;
	EXPECT_EQ(-EINVAL, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	EXPECT_SAYS(dev, "unknown flags 0x8");
	cmd.flags = VGPU_COMMAND_IDEMPOTENT;
	EXPECT_EQ(-EINVAL, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	EXPECT_EQ(-EINVAL, vgpu_device_submit_batch(dev, NULL, &cmd, 0, 0,
						    &ticket));
	EXPECT_EQ(-EINVAL, vgpu_device_submit_batch(dev, NULL, &cmd, 1, 2,
						    &ticket));
	EXPECT_EQ(-EINVAL, vgpu_device_submit_batch(dev, NULL, &cmd, 9,
						    VGPU_SUBMIT_ALL, &ticket));
	EXPECT_EQ(-EINVAL, vgpu_device_wait(dev, 0, 0, NULL));
	EXPECT_EQ(-EINVAL, vgpu_device_wait(dev, UINT64_MAX, 0, NULL));
	EXPECT_SAYS(dev, "ticket 0xffffffffffffffff");
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	EXPECT_EQ(0, stats.submitted);
	vgpu_device_close(dev);
}

/* One that gets on by itself takes a batch when it has. */
static int64_t submit_more(struct vgpu_device *dev,
			   const struct vgpu_command *cmds, size_t n,
			   uint32_t flags)
{
	int64_t ret;

	do {
		ret = vgpu_device_submit_batch(dev, NULL, cmds, n, flags, NULL);
	} while (ret == -EAGAIN && device_runs_itself());
	return ret;
}

VGPU_TEST(batches)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 64);
	struct vgpu_completion_info info;
	struct vgpu_command cmds[200];
	uint32_t words[200];
	uint64_t address, ticket;
	int64_t n;
	int i;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_alloc(dev, 4096, 0, &address));
	for (i = 0; i < 200; i++) {
		cmds[i] = vgpu_command_clear(address + 4 * i, 4, i);
		cmds[i].user_data = 1000 + i;
	}
	n = vgpu_device_submit_batch(dev, NULL, cmds, 64, VGPU_SUBMIT_ALL,
				     &ticket);
	ASSERT_EQ(64, n);
	/* It is full: that makes it run. */
	ASSERT_EQ(64, submit_more(dev, &cmds[64], 64, VGPU_SUBMIT_ALL));
	n = 128;
	while (n < 200) {
		int64_t got = submit_more(dev, &cmds[n], 200 - n, 0);

		ASSERT_LT(0, got);
		n += got;
	}
	for (i = 0; i < 200; i++) {
		EXPECT_EQ(0, vgpu_device_wait(dev, ticket + i, VGPU_FOREVER,
					      &info));
		EXPECT_EQ(1, info.ended);
		EXPECT_EQ(1000 + i, info.user_data);
		EXPECT_NE(0, info.submit_ns);
		EXPECT_LE(info.submit_ns, info.end_ns);
		EXPECT_LE(info.start_ns, info.end_ns);
	}
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(words, address,
							       800)));
	for (i = 0; i < 200; i++)
		EXPECT_EQ(i, words[i]);
	/* A bad one ends the batch before it; or all are refused. */
	cmds[3].param[1] = 3;
	EXPECT_EQ(3, vgpu_device_submit_batch(dev, NULL, cmds, 5, 0, NULL));
	EXPECT_EQ(-EINVAL, vgpu_device_submit_batch(dev, NULL, cmds, 5,
						    VGPU_SUBMIT_ALL, NULL));
	EXPECT_EQ(-EINVAL, vgpu_device_submit_batch(dev, NULL, &cmds[3], 5, 0,
						    NULL));
	EXPECT_EQ(0, vgpu_device_wait_idle(dev, VGPU_FOREVER));
	vgpu_device_close(dev);
}

VGPU_TEST(process_counts)
{
	struct vgpu_command cmd = vgpu_command_synchronize();
	struct vgpu_device *dev = device_start(0, 16 * MIB, 64);
	int i;

	ASSERT_NE(NULL, dev);
	EXPECT_EQ(0, vgpu_device_process(dev, 0));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
	EXPECT_EQ(10, vgpu_device_process(dev, 0));
	EXPECT_EQ(0, vgpu_device_process(dev, 0));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
	EXPECT_EQ(0, vgpu_device_wait_idle(dev, VGPU_FOREVER));
	vgpu_device_close(dev);
}

VGPU_TEST(full)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 8);
	struct vgpu_device_ring_stats stats;
	struct vgpu_device_ring *ring;
	struct vgpu_device_ring_options o = { .size = sizeof(o), .entries = 8 };
	uint64_t counter, first = 0, ticket;
	struct vgpu_command cmd;
	int i, ret = 0;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_ring_create(dev, &o, &ring));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 5, &counter));
	cmd = vgpu_command_wait(counter, 6);
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &first));
	cmd = vgpu_command_synchronize();
	for (i = 0; i < 100; i++) {
		ret = vgpu_device_submit(dev, ring, &cmd, &ticket);
		if (ret)
			break;
	}
	/* One is out of the ring, waiting. */
	EXPECT_EQ(-EAGAIN, ret);
	EXPECT_LE(7, i);
	EXPECT_GE(16, i);
	EXPECT_EQ(-EAGAIN, vgpu_device_submit_batch(dev, ring, &cmd, 1, 0,
						    NULL));
	ASSERT_EQ(0, vgpu_device_ring_get_stats(ring, &stats));
	EXPECT_EQ(2, stats.overflows);
	EXPECT_EQ(i + 1, stats.submitted);
	EXPECT_EQ(0, stats.completed);
	EXPECT_EQ(VGPU_DEVICE_RING_RUNNING, stats.state);
	/* The other ring goes on. */
	EXPECT_EQ(0, device_do(dev, cmd));
	EXPECT_EQ(-ETIMEDOUT, vgpu_device_wait(dev, first,
					       vgpu_deadline_after_ms(5),
					       NULL));
	EXPECT_EQ(-ETIMEDOUT,
		  vgpu_device_wait_idle(dev, vgpu_deadline_after_ms(1)));
	EXPECT_EQ(0, device_do(dev, vgpu_command_signal(counter, 6)));
	EXPECT_EQ(0, vgpu_device_wait(dev, first, VGPU_FOREVER, NULL));
	EXPECT_EQ(0, vgpu_device_wait_idle(dev, VGPU_FOREVER));
	vgpu_device_close(dev);
}

/* Who asks late gets the status still, unless very many others have failed. */
VGPU_TEST(late)
{
	struct vgpu_command cmd = vgpu_command_synchronize();
	struct vgpu_command bad = vgpu_command_clear(4, 4, 0);
	struct vgpu_device *dev = device_start(0, 16 * MIB, 8);
	struct vgpu_completion_info info;
	uint64_t first, failed, ticket;
	int i;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &first));
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &bad, &failed));
	for (i = 0; i < 1022; i++)
		ASSERT_EQ(0, device_do(dev, cmd));
	EXPECT_EQ(0, vgpu_device_wait(dev, first, 0, &info));
	EXPECT_EQ(1, info.ended);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	EXPECT_NE(0, info.submit_ns);
	EXPECT_EQ(0, vgpu_device_wait(dev, first, 0, &info));
	EXPECT_EQ(1, info.ended);
	EXPECT_EQ(0, info.submit_ns);
	EXPECT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	EXPECT_EQ(-EINVAL, vgpu_device_wait(dev, ticket + 1, 0, NULL));
	for (i = 0; i < 1024; i++)
		ASSERT_EQ(0, device_do(dev, cmd));
	EXPECT_EQ(-EFAULT, vgpu_device_wait(dev, failed, 0, &info));
	EXPECT_EQ(1, info.ended);
	for (i = 0; i < 255; i++)
		ASSERT_EQ(-EFAULT, device_do(dev, bad));
	EXPECT_EQ(-EFAULT, vgpu_device_wait(dev, failed, 0, &info));
	ASSERT_EQ(-EFAULT, device_do(dev, bad));
	EXPECT_EQ(-ESTALE, vgpu_device_wait(dev, failed, 0, &info));
	EXPECT_EQ(0, info.ended);
	EXPECT_SAYS(dev, "more than 256 commands");
	EXPECT_EQ(-ESTALE, vgpu_device_wait(dev, first, 0, &info));
	EXPECT_EQ(0, vgpu_device_wait(dev, ticket, 0, &info));
	vgpu_device_close(dev);
}

VGPU_TEST(rings)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_device_ring_options o = { .size = sizeof(o) };
	struct vgpu_command cmd = vgpu_command_synchronize();
	struct vgpu_device_ring_stats stats;
	struct vgpu_completion_info info;
	size_t *size = malloc(sizeof(*size));
	struct vgpu_device_ring *ring;
	uint64_t ticket;

	ASSERT_NE(NULL, dev);
	ASSERT_NE(NULL, size);
	o.entries = 3;
	EXPECT_EQ(-EINVAL, vgpu_device_ring_create(dev, &o, &ring));
	EXPECT_SAYS(dev, "ring of 3 entries");
	o.entries = 131072;
	EXPECT_EQ(-EINVAL, vgpu_device_ring_create(dev, &o, &ring));
	o.entries = 0;
	o.priority = 5;
	EXPECT_EQ(-EINVAL, vgpu_device_ring_create(dev, &o, &ring));
	o.priority = VGPU_DEVICE_PRIORITY_URGENT;
	o.vector = 32;
	EXPECT_EQ(-EINVAL, vgpu_device_ring_create(dev, &o, &ring));
	o.vector = 0;
	o.flags = 2;
	EXPECT_EQ(-EINVAL, vgpu_device_ring_create(dev, &o, &ring));
	o.flags = VGPU_DEVICE_RING_NO_TIMES;
	/* As short as they say: ASan would see more than that being read. */
	*size = sizeof(*size);
	EXPECT_EQ(-EINVAL, vgpu_device_ring_create(dev, (void *)size, &ring));
	EXPECT_SAYS(dev, "ring options have size 8");
	free(size);
	ASSERT_EQ(0, vgpu_device_ring_create(dev, &o, &ring));
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &ticket));
	EXPECT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, &info));
	EXPECT_EQ(0, info.submit_ns);
	EXPECT_EQ(0, info.start_ns);
	EXPECT_EQ(0, info.end_ns);
	/* Paused: what is in it runs, nothing else gets in. */
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &ticket));
	ASSERT_EQ(0, vgpu_device_ring_pause(ring));
	EXPECT_EQ(-ECANCELED, vgpu_device_submit(dev, ring, &cmd, NULL));
	EXPECT_SAYS(dev, "ring does not run");
	EXPECT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	ASSERT_EQ(0, vgpu_device_ring_get_stats(ring, &stats));
	EXPECT_EQ(VGPU_DEVICE_RING_PAUSED, stats.state);
	EXPECT_EQ(2, stats.completed);
	/* A start of the device leaves it paused. */
	ASSERT_EQ(0, vgpu_device_stop(dev, VGPU_FOREVER));
	ASSERT_EQ(0, vgpu_device_start(dev));
	EXPECT_EQ(-ECANCELED, vgpu_device_submit(dev, ring, &cmd, NULL));
	ASSERT_EQ(0, vgpu_device_ring_start(ring));
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &ticket));
	EXPECT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	vgpu_device_ring_destroy(ring);
	EXPECT_EQ(-EINVAL, vgpu_device_wait(dev, ticket, 0, NULL));
	vgpu_device_ring_destroy(NULL);
	vgpu_device_close(dev);
}

VGPU_TEST(ring_reset)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_completion_info info;
	struct vgpu_device_ring_stats stats;
	struct vgpu_device_ring *ring;
	uint64_t counter, tickets[8];
	struct vgpu_command cmd;
	int i;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_ring_create(dev, NULL, &ring));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &counter));
	cmd = vgpu_command_wait(counter, 1);
	for (i = 0; i < 8; i++) {
		cmd.user_data = i;
		ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &tickets[i]));
		cmd = vgpu_command_synchronize();
	}
	EXPECT_EQ(-ETIMEDOUT, vgpu_device_wait(dev, tickets[7], 0, NULL));
	ASSERT_EQ(0, vgpu_device_ring_reset(ring));
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(-ECANCELED, vgpu_device_wait(dev, tickets[i], 0,
						       &info));
		EXPECT_EQ(1, info.ended);
		EXPECT_EQ(i, info.user_data);
	}
	ASSERT_EQ(0, vgpu_device_ring_get_stats(ring, &stats));
	EXPECT_EQ(VGPU_DEVICE_RING_IDLE, stats.state);
	EXPECT_EQ(8, stats.failed);
	EXPECT_EQ(0, stats.completed);
	EXPECT_EQ(-ECANCELED, vgpu_device_submit(dev, ring, &cmd, NULL));
	EXPECT_EQ(-ECANCELED, vgpu_device_ring_pause(ring));
	ASSERT_EQ(0, vgpu_device_ring_start(ring));
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &tickets[0]));
	EXPECT_EQ(0, vgpu_device_wait(dev, tickets[0], VGPU_FOREVER, NULL));
	/* Again and again, idle or not, empty or not. */
	for (i = 0; i < 100; i++) {
		int k;

		ASSERT_EQ(0, vgpu_device_ring_reset(ring));
		if (i % 3)
			ASSERT_EQ(0, vgpu_device_ring_reset(ring));
		ASSERT_EQ(0, vgpu_device_ring_start(ring));
		for (k = 0; k < i; k++)
			ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd,
							&tickets[0]));
	}
	EXPECT_EQ(0, vgpu_device_wait(dev, tickets[0], VGPU_FOREVER, NULL));
	vgpu_device_close(dev);
}

VGPU_TEST(device_reset)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	uint64_t counter, address, own[8], other[8];
	struct vgpu_completion_info info;
	struct vgpu_device_ring_stats ring_stats;
	struct vgpu_device_stats stats;
	struct vgpu_device_ring *ring;
	struct vgpu_command cmd;
	static uint8_t big[256 << 10];
	int i;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_ring_create(dev, NULL, &ring));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 0, &counter));
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &address));
	ASSERT_EQ(0, vgpu_device_register(dev, big, sizeof(big), NULL));
	cmd = vgpu_command_wait(counter, 1);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &own[i]));
		ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &other[i]));
		cmd = vgpu_command_transfer_to(address, big + 8192 * i,
					       i & 1 ? 4096 : 256 << 10);
		if (!(i & 1))
			cmd.param[0] = (uintptr_t)big;
	}
	EXPECT_EQ(-ETIMEDOUT, vgpu_device_wait(dev, own[7], 0, NULL));
	ASSERT_EQ(0, vgpu_device_reset(dev));
	for (i = 0; i < 8; i++) {
		int ret = vgpu_device_wait(dev, own[i], 0, &info);

		EXPECT_TRUE(ret == -ENODEV || ret == -ECANCELED);
		EXPECT_EQ(1, info.ended);
		ret = vgpu_device_wait(dev, other[i], 0, &info);
		EXPECT_TRUE(ret == -ENODEV || ret == -ECANCELED);
		EXPECT_EQ(1, info.ended);
	}
	ASSERT_EQ(0, device_stats_used(dev, &stats, 0));
	EXPECT_EQ(16, stats.failed);
	EXPECT_EQ(0, stats.outstanding);
	EXPECT_EQ(0, stats.outstanding_bytes);
	EXPECT_EQ(0, stats.memory_used);
	EXPECT_EQ(0, stats.allocations);
	EXPECT_EQ(0, stats.registrations);
	EXPECT_EQ(0, stats.counters);
	/* All is gone, and it is stopped. */
	EXPECT_EQ(-ENOENT, vgpu_device_free(dev, address));
	EXPECT_EQ(-ENOENT, vgpu_device_unregister(dev, big));
	EXPECT_EQ(-ECANCELED, vgpu_device_submit(dev, NULL, &cmd, NULL));
	ASSERT_EQ(0, vgpu_device_start(dev));
	EXPECT_EQ(-ENODEV, vgpu_device_submit(dev, ring, &cmd, NULL));
	EXPECT_EQ(-ENODEV, vgpu_device_ring_start(ring));
	EXPECT_EQ(-ENODEV, vgpu_device_ring_pause(ring));
	ASSERT_EQ(0, vgpu_device_ring_get_stats(ring, &ring_stats));
	EXPECT_EQ(VGPU_DEVICE_RING_LOST, ring_stats.state);
	EXPECT_EQ(8, ring_stats.failed);
	vgpu_device_ring_destroy(ring);
	/* And all can be had again. */
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &address));
	fill_pattern(big, sizeof(big), 7);
	ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_to(address, big,
							     sizeof(big))));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, vgpu_device_reset(dev));
	ASSERT_EQ(0, vgpu_device_start(dev));
	EXPECT_EQ(0, device_do(dev, vgpu_command_synchronize()));
	vgpu_device_close(dev);
}

VGPU_TEST(counters)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_device_ring *ring;
	struct vgpu_command cmd;
	uint64_t counter, value, ticket;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_ring_create(dev, NULL, &ring));
	ASSERT_EQ(0, vgpu_device_counter_create(dev, 10, &counter));
	ASSERT_EQ(0, vgpu_device_counter_read(dev, counter, &value));
	EXPECT_EQ(10, value);
	ASSERT_EQ(0, vgpu_device_counter_signal(dev, counter, 20));
	EXPECT_EQ(-EINVAL, vgpu_device_counter_signal(dev, counter, 19));
	EXPECT_SAYS(dev, "only rises");
	EXPECT_EQ(0, vgpu_device_counter_wait(dev, counter, 20, 0));
	EXPECT_EQ(-ETIMEDOUT, vgpu_device_counter_wait(dev, counter, 21, 0));
	EXPECT_EQ(-ETIMEDOUT,
		  vgpu_device_counter_wait(dev, counter, 21,
					   vgpu_deadline_after_ms(2)));
	/* One ring waits, the other signals, the CPU looks on. */
	cmd = vgpu_command_wait(counter, 30);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
	cmd = vgpu_command_signal(counter, 31);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &ticket));
	cmd = vgpu_command_signal(counter, 30);
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, NULL));
	EXPECT_EQ(0, vgpu_device_counter_wait(dev, counter, 31, VGPU_FOREVER));
	EXPECT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	/* In use, and gone. */
	cmd = vgpu_command_wait(counter, 40);
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &ticket));
	EXPECT_EQ(-ETIMEDOUT, vgpu_device_wait(dev, ticket,
					       vgpu_deadline_after_ms(20),
					       NULL));
	EXPECT_EQ(-EBUSY, vgpu_device_counter_destroy(dev, counter));
	ASSERT_EQ(0, vgpu_device_counter_signal(dev, counter, 40));
	EXPECT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	ASSERT_EQ(0, vgpu_device_counter_destroy(dev, counter));
	EXPECT_EQ(-ENOENT, vgpu_device_counter_destroy(dev, counter));
	EXPECT_EQ(-ENOENT, vgpu_device_counter_read(dev, counter, &value));
	EXPECT_EQ(-ENOENT, vgpu_device_counter_wait(dev, counter, 1, 0));
	EXPECT_SAYS(dev, "no counter");
	EXPECT_GT(0, device_do(dev, vgpu_command_signal(counter, 50)));
	vgpu_device_close(dev);
}

VGPU_TEST(registers)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	uint64_t value;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_read_register(dev, VGPU_REG_ID, 4, &value));
	EXPECT_EQ(VGPU_ID, value);
	ASSERT_EQ(0, vgpu_device_read_register(dev, VGPU_REG_VRAM_LO, 8,
					       &value));
	EXPECT_EQ(16 * MIB, value);
	EXPECT_EQ(-EINVAL, vgpu_device_read_register(dev, 2, 4, &value));
	EXPECT_EQ(-EINVAL, vgpu_device_read_register(dev, 0, 2, &value));
	EXPECT_EQ(-EINVAL, vgpu_device_read_register(dev, 4, 8, &value));
	EXPECT_EQ(-EINVAL, vgpu_device_read_register(dev, VGPU_REG_END, 4,
						     &value));
	EXPECT_SAYS(dev, "0x100");
	ASSERT_EQ(0, vgpu_device_write_register(dev, VGPU_REG_SCRATCH, 4, 77));
	ASSERT_EQ(0, vgpu_device_read_register(dev, VGPU_REG_SCRATCH, 4,
					       &value));
	EXPECT_EQ(77, value);
	EXPECT_EQ(-EACCES, vgpu_device_write_register(dev, VGPU_REG_CONTROL, 4,
						      VGPU_CONTROL_RESET));
	EXPECT_EQ(-EACCES, vgpu_device_write_register(dev, VGPU_REG_ADMIN_LO,
						      8, 4096));
	EXPECT_EQ(-EACCES, vgpu_device_write_register(dev, VGPU_REG_ID, 4, 0));
	EXPECT_EQ(-EINVAL, vgpu_device_write_register(dev, VGPU_REG_SCRATCH, 4,
						      1ull << 32));
	/* The error record of a command that failed. */
	EXPECT_EQ(-EFAULT, device_do(dev, vgpu_command_clear(0x1000, 4, 0)));
	ASSERT_EQ(0, vgpu_device_read_register(dev, VGPU_REG_ERR_STATUS, 4,
					       &value));
	EXPECT_EQ(EFAULT, value);
	ASSERT_EQ(0, vgpu_device_read_register(dev, VGPU_REG_ERR_ADDRESS_LO, 8,
					       &value));
	EXPECT_EQ(0x1000, value);
	ASSERT_EQ(0, vgpu_device_write_register(dev, VGPU_REG_ERR_CLEAR, 4, 1));
	ASSERT_EQ(0, vgpu_device_read_register(dev, VGPU_REG_ERR_STATUS, 4,
					       &value));
	EXPECT_EQ(0, value);
	vgpu_device_close(dev);
}

VGPU_TEST(interrupts)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_device_ring_options o = { .size = sizeof(o), .vector = 5 };
	struct vgpu_command cmd = vgpu_command_synchronize();
	struct vgpu_device_ring *ring;
	struct pollfd pfd = { .events = POLLIN };
	eventfd_t count;
	uint64_t ticket;
	uint32_t status;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_ring_create(dev, &o, &ring));
	pfd.fd = vgpu_device_interrupt_fd(dev);
	ASSERT_LE(0, pfd.fd);
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &ticket));
	ASSERT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	cmd.flags = VGPU_COMMAND_INTERRUPT;
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &ticket));
	ASSERT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	vgpu_device_process(dev, 0);
	EXPECT_EQ(1, poll(&pfd, 1, 1000));
	EXPECT_EQ(0, eventfd_read(pfd.fd, &count));
	EXPECT_EQ(1, count);
	ASSERT_EQ(0, vgpu_device_interrupt_status(dev, &status));
	EXPECT_EQ(1u << 5, status & 1u << 5);
	ASSERT_EQ(0, vgpu_device_interrupt_clear(dev, 1u << 5));
	ASSERT_EQ(0, vgpu_device_interrupt_status(dev, &status));
	EXPECT_EQ(0, status & 1u << 5);
	/* Masked: the status only, until it is unmasked. */
	ASSERT_EQ(0, vgpu_device_interrupt_mask(dev, 1u << 5));
	ASSERT_EQ(0, vgpu_device_submit(dev, ring, &cmd, &ticket));
	ASSERT_EQ(0, vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL));
	vgpu_device_process(dev, 0);
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	ASSERT_EQ(0, vgpu_device_interrupt_status(dev, &status));
	EXPECT_EQ(1u << 5, status & 1u << 5);
	ASSERT_EQ(0, vgpu_device_interrupt_mask(dev, 0));
	vgpu_device_process(dev, 0);
	EXPECT_EQ(1, poll(&pfd, 1, 1000));
	vgpu_device_close(dev);
}

VGPU_TEST(statistics)
{
	struct vgpu_device *dev = device_start(0, 16 * MIB, 0);
	struct vgpu_device_stats stats;
	struct vgpu_command cmd;
	uint64_t a;
	char text[2048];

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &a));
	ASSERT_EQ(0, device_do(dev, vgpu_command_clear(a, MIB, 1)));
	ASSERT_EQ(0, device_do(dev, vgpu_command_copy(a + 4096, a, 4096)));
	EXPECT_EQ(-EFAULT, device_do(dev, vgpu_command_clear(0x1000, 4, 0)));
	cmd = vgpu_command_clear(a, 512, 1);
	ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, NULL));
	ASSERT_EQ(0, vgpu_device_get_stats(dev, &stats));
	EXPECT_EQ(4, stats.submitted);
	EXPECT_EQ(2, stats.completed);
	EXPECT_EQ(1, stats.failed);
	EXPECT_EQ(1, stats.outstanding);
	EXPECT_EQ(512, stats.outstanding_bytes);
	EXPECT_EQ(4096, stats.bytes_copied);
	EXPECT_EQ(MIB, stats.bytes_cleared);
	EXPECT_EQ(16 * MIB, stats.memory_total);
	EXPECT_EQ(MIB, stats.memory_used);
	EXPECT_EQ(MIB, stats.memory_peak);
	EXPECT_EQ(1, stats.rings);
	EXPECT_NE(0, stats.busy_ns);
	EXPECT_EQ(vgpu_device_stats_text(&stats, NULL, 0),
		  vgpu_device_stats_text(&stats, text, sizeof(text)));
	EXPECT_EQ(strlen(text), vgpu_device_stats_text(&stats, NULL, 0));
	EXPECT_NE(NULL, strstr(text, "outstanding:         512 bytes\n"));
	vgpu_device_close(dev);
}

VGPU_TEST(descriptors)
{
	int i, before = vgpu_test_fds();
	uint64_t a;

	for (i = 0; i < 1000; i++) {
		struct vgpu_device *dev = device_start(0, MIB, 8);

		ASSERT_NE(NULL, dev);
		ASSERT_EQ(0, vgpu_device_alloc(dev, 4096, 0, &a));
		ASSERT_EQ(0, device_do(dev, vgpu_command_clear(a, 4096, i)));
		if (i & 1)
			ASSERT_EQ(0, vgpu_device_reset(dev));
		vgpu_device_close(dev);
	}
	EXPECT_EQ(before, vgpu_test_fds());
}

/* Whichever descriptor it is that is missing, opening leaves none behind. */
VGPU_TEST(no_descriptors_left)
{
	struct rlimit old, none;
	char text[256];
	struct vgpu_device_options o = {
		.size = sizeof(o),
		.message = text,
		.message_bytes = sizeof(text),
	};
	int i, fd, before = vgpu_test_fds();
	struct vgpu_device *dev;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	fd = dup(0);
	ASSERT_LE(0, fd);
	close(fd);
	for (i = 0; i < 2; i++) {
		none.rlim_cur = fd + i;
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
		text[0] = 0;
		EXPECT_EQ(-EMFILE, vgpu_device_open(&o, &dev));
		EXPECT_NE(NULL, strstr(text, "Too many open files"));
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
		EXPECT_EQ(before, vgpu_test_fds());
	}
	EXPECT_STRNE("unknown error", vgpu_strerror(-EMFILE));
	ASSERT_EQ(0, vgpu_device_open(&o, &dev));
	vgpu_device_close(dev);
}

VGPU_TEST(errors_and_time)
{
	uint64_t now = vgpu_now_ns();

	EXPECT_STREQ("success", vgpu_strerror(0));
	EXPECT_STREQ(vgpu_strerror(EINVAL), vgpu_strerror(-EINVAL));
	EXPECT_STREQ("unknown error", vgpu_strerror(99999));
	EXPECT_LE(now, vgpu_deadline_after_ns(0));
	EXPECT_EQ(VGPU_FOREVER, vgpu_deadline_after_ns(UINT64_MAX));
	EXPECT_EQ(VGPU_FOREVER, vgpu_deadline_after_ms(UINT64_MAX));
	EXPECT_LE(now + 5000000, vgpu_deadline_after_ms(5));
	EXPECT_EQ(LIBVGPU_VERSION, vgpu_version());
	EXPECT_STREQ(LIBVGPU_VERSION_STRING, vgpu_version_string());
}

TEST_HARNESS_MAIN
