// SPDX-License-Identifier: MIT
/*
 * The manager: scan, choice and its reason, statistics, and the least loaded of
 * two simulators.
 */
#include "vgpu_test.h"

#include <vgpu/vgpu.h>

#include "device_util.h"

/* No Vulkan: what is tested here does not depend on the host's drivers. */
static void __attribute__((constructor)) no_drivers(void)
{
	setenv("VK_DRIVER_FILES", "/nonexistent", 1);
	setenv("VK_ICD_FILENAMES", "/nonexistent", 1);
	setenv("VGPU_WGPU_LIB", "/nonexistent", 1);
}

#define MIB	(1ull << 20)

static const char *message(struct vgpu_manager *m)
{
	static char text[256];

	vgpu_manager_error(m, text, sizeof(text));
	return text;
}

VGPU_TEST(as_in_the_reference)
{
	struct vgpu_backend_status status;
	struct vgpu_manager_stats stats;
	struct vgpu_manager *m;
	struct vgpu_device *dev;
	uint32_t backend = 0, i, available = 0;
	char text[4096];

	ASSERT_EQ(0, vgpu_manager_create(NULL, &m));
	EXPECT_EQ(-ENODATA, vgpu_manager_get_stats(m, &stats));
	EXPECT_EQ(-ENODATA, vgpu_manager_backend(m, 0, &status));
	EXPECT_EQ(-ENODATA, vgpu_manager_reason(m, text, sizeof(text)));
	EXPECT_EQ(-ENODATA, vgpu_manager_initialize_selected(m));
	EXPECT_NE(NULL, strstr(message(m), "vgpu_manager_auto_select()"));
	EXPECT_EQ(-ENODATA, vgpu_manager_pick(m, 0, &dev));
	EXPECT_LE(1, vgpu_manager_scan(m));
	for (i = 0; i < VGPU_BACKENDS; i++) {
		ASSERT_EQ(0, vgpu_manager_backend(m, i, &status));
		EXPECT_EQ(VGPU_BACKEND_PASSTHROUGH + i, status.backend);
		EXPECT_STREQ(vgpu_backend_name(status.backend), status.name);
		EXPECT_LT(0, strlen(status.reason));
		EXPECT_EQ(NULL, strchr(status.reason, '\n'));
		available += status.available;
		if (status.backend == VGPU_BACKEND_SIMULATOR)
			EXPECT_EQ(1, status.available);
	}
	EXPECT_EQ(vgpu_manager_scan(m), (int)available);
	EXPECT_EQ(-ENOENT, vgpu_manager_backend(m, VGPU_BACKENDS, &status));
	ASSERT_EQ(0, vgpu_manager_set_preferred_mode(
				m, VGPU_BACKEND_PASSTHROUGH));
	ASSERT_EQ(0, vgpu_manager_auto_select(m, &backend));
	EXPECT_EQ(VGPU_BACKEND_SIMULATOR, backend);
	EXPECT_LT(0, vgpu_manager_reason(m, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "passthrough is preferred, but"));
	EXPECT_EQ(-ENODATA, vgpu_manager_get_stats(m, &stats));
	ASSERT_EQ(0, vgpu_manager_initialize_selected(m));
	EXPECT_EQ(-EBUSY, vgpu_manager_initialize_selected(m));
	EXPECT_EQ(-EBUSY, vgpu_manager_auto_select(m, NULL));
	ASSERT_EQ(0, vgpu_manager_device(m, 0, &dev));
	EXPECT_EQ(-ENOENT, vgpu_manager_device(m, 1, &dev));
	EXPECT_EQ(0, device_do(dev, vgpu_command_synchronize()));
	ASSERT_EQ(0, vgpu_manager_get_stats(m, &stats));
	EXPECT_EQ(VGPU_BACKEND_SIMULATOR, stats.backend);
	EXPECT_EQ(1, stats.devices);
	EXPECT_EQ(1, stats.total.completed);
	EXPECT_EQ(vgpu_manager_stats_text(&stats, NULL, 0),
		  vgpu_manager_stats_text(&stats, text, sizeof(text)));
	EXPECT_EQ(strlen(text), vgpu_manager_stats_text(&stats, NULL, 0));
	EXPECT_NE(NULL, strstr(text, "backend:             simulator\n"));
	EXPECT_EQ(-EBUSY, vgpu_manager_remove_device(m, dev));
	vgpu_manager_destroy(m);
	vgpu_manager_destroy(NULL);
}

VGPU_TEST(preference)
{
	struct vgpu_manager *m;
	uint32_t backend;
	char text[256];

	ASSERT_EQ(0, vgpu_manager_create(NULL, &m));
	EXPECT_EQ(-EINVAL, vgpu_manager_set_preferred_mode(m, 6));
	EXPECT_NE(NULL, strstr(message(m), "unknown backend 6"));
	ASSERT_EQ(0, vgpu_manager_set_preferred_mode(m,
						     VGPU_BACKEND_SIMULATOR));
	/* It scans by itself. */
	ASSERT_EQ(0, vgpu_manager_auto_select(m, &backend));
	EXPECT_EQ(VGPU_BACKEND_SIMULATOR, backend);
	vgpu_manager_reason(m, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "preferred, and available"));
	ASSERT_EQ(0, vgpu_manager_set_preferred_mode(m, VGPU_BACKEND_DEFAULT));
	ASSERT_EQ(0, vgpu_manager_auto_select(m, &backend));
	vgpu_manager_reason(m, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "the best that is available"));
	vgpu_manager_destroy(m);
}

VGPU_TEST(options)
{
	struct vgpu_device_info info;
	struct vgpu_device_options d = {
		.size = sizeof(d), .vram_bytes = 8 * MIB, .info = &info,
	};
	struct vgpu_manager_options o = { .size = sizeof(o), .device = &d };
	struct vgpu_manager *m;
	struct vgpu_device *dev;

	o.size = 1;
	EXPECT_EQ(-EINVAL, vgpu_manager_create(&o, &m));
	o.size = sizeof(o);
	d.size = 1;
	EXPECT_EQ(-EINVAL, vgpu_manager_create(&o, &m));
	d.size = sizeof(d);
	vgpu_device_info_init(&info);
	snprintf(info.id, sizeof(info.id), "gpu3");
	ASSERT_EQ(0, vgpu_manager_create(&o, &m));
	memset(&info, 0xff, sizeof(info));
	ASSERT_EQ(0, vgpu_manager_auto_select(m, NULL));
	ASSERT_EQ(0, vgpu_manager_initialize_selected(m));
	ASSERT_EQ(0, vgpu_manager_device(m, 0, &dev));
	ASSERT_EQ(0, vgpu_device_get_info(dev, &info));
	EXPECT_STREQ("gpu3", info.id);
	EXPECT_EQ(8 * MIB, info.total_memory);
	vgpu_manager_destroy(m);
	/* A device that cannot be opened: the manager says why. */
	d.info = NULL;
	d.vram_bytes = 12345;
	ASSERT_EQ(0, vgpu_manager_create(&o, &m));
	ASSERT_EQ(0, vgpu_manager_auto_select(m, NULL));
	EXPECT_EQ(-EINVAL, vgpu_manager_initialize_selected(m));
	EXPECT_NE(NULL, strstr(message(m), "12345 bytes of memory"));
	vgpu_manager_destroy(m);
}

VGPU_TEST(least_loaded)
{
	struct vgpu_device *a = device_start(0, 16 * MIB, 0);
	struct vgpu_device *b = device_start(0, 16 * MIB, 0);
	struct vgpu_device *dev, *last = NULL;
	struct vgpu_manager_stats stats;
	struct vgpu_command cmd;
	struct vgpu_manager *m;
	uint64_t at_a, at_b;
	int i, n_a = 0, n_b = 0;

	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	ASSERT_EQ(0, vgpu_manager_create(NULL, &m));
	EXPECT_EQ(-EINVAL, vgpu_manager_add_device(m, NULL));
	ASSERT_EQ(0, vgpu_manager_add_device(m, a));
	ASSERT_EQ(0, vgpu_manager_add_device(m, b));
	EXPECT_EQ(-EEXIST, vgpu_manager_add_device(m, a));
	EXPECT_EQ(2, vgpu_manager_devices(m));
	/* Alike: they take turns. */
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, vgpu_manager_pick(m, 0, &dev));
		EXPECT_NE(last, dev);
		last = dev;
		n_a += dev == a;
		n_b += dev == b;
	}
	EXPECT_EQ(5, n_a);
	EXPECT_EQ(5, n_b);
	/* Less memory left. */
	ASSERT_EQ(0, vgpu_device_alloc(a, 4 * MIB, 0, &at_a));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, vgpu_manager_pick(m, 0, &dev));
		EXPECT_EQ(b, dev);
	}
	ASSERT_EQ(0, vgpu_device_alloc(b, 8 * MIB, 0, &at_b));
	ASSERT_EQ(0, vgpu_manager_pick(m, 0, &dev));
	EXPECT_EQ(a, dev);
	/* More commands outstanding. */
	cmd = vgpu_command_synchronize();
	ASSERT_EQ(0, vgpu_device_submit(a, NULL, &cmd, NULL));
	ASSERT_EQ(0, vgpu_manager_pick(m, 0, &dev));
	EXPECT_EQ(b, dev);
	/* More bytes outstanding, though fewer commands. */
	cmd = vgpu_command_clear(at_b, 4096, 0);
	ASSERT_EQ(0, vgpu_device_submit(b, NULL, &cmd, NULL));
	cmd = vgpu_command_synchronize();
	ASSERT_EQ(0, vgpu_device_submit(a, NULL, &cmd, NULL));
	ASSERT_EQ(0, vgpu_manager_pick(m, 0, &dev));
	EXPECT_EQ(a, dev);
	ASSERT_EQ(0, vgpu_manager_get_stats(m, &stats));
	EXPECT_EQ(2, stats.devices);
	EXPECT_EQ(0, stats.backend);
	EXPECT_EQ(3, stats.total.outstanding);
	EXPECT_EQ(4096, stats.total.outstanding_bytes);
	EXPECT_EQ(32 * MIB, stats.total.memory_total);
	EXPECT_EQ(12 * MIB, stats.total.memory_used);
	EXPECT_EQ(12 * MIB, stats.total.memory_largest);
	/* Done: back to memory. */
	ASSERT_EQ(0, vgpu_device_wait_idle(a, VGPU_FOREVER));
	ASSERT_EQ(0, vgpu_device_wait_idle(b, VGPU_FOREVER));
	ASSERT_EQ(0, vgpu_manager_pick(m, 9 * MIB, &dev));
	EXPECT_EQ(a, dev);
	EXPECT_EQ(-ENOMEM, vgpu_manager_pick(m, 13 * MIB, &dev));
	EXPECT_NE(NULL, strstr(message(m), "none of 2 devices"));
	ASSERT_EQ(0, vgpu_manager_remove_device(m, a));
	EXPECT_EQ(-ENOENT, vgpu_manager_remove_device(m, a));
	ASSERT_EQ(0, vgpu_manager_pick(m, 0, &dev));
	EXPECT_EQ(b, dev);
	/* One of its own goes before those that were added. */
	ASSERT_EQ(0, vgpu_manager_auto_select(m, NULL));
	ASSERT_EQ(0, vgpu_manager_initialize_selected(m));
	ASSERT_EQ(0, vgpu_manager_device(m, 1, &dev));
	EXPECT_EQ(b, dev);
	vgpu_manager_destroy(m);
	vgpu_device_close(a);
	vgpu_device_close(b);
}

VGPU_TEST(too_many)
{
	struct vgpu_device *dev[65];
	struct vgpu_manager *m;
	int i;

	ASSERT_EQ(0, vgpu_manager_create(NULL, &m));
	for (i = 0; i < 65; i++) {
		ASSERT_EQ(0, vgpu_device_open(NULL, &dev[i]));
		EXPECT_EQ(i < 64 ? 0 : -ENOSPC,
			  vgpu_manager_add_device(m, dev[i]));
	}
	vgpu_manager_destroy(m);
	for (i = 0; i < 65; i++)
		vgpu_device_close(dev[i]);
}

VGPU_TEST(names)
{
	uint32_t backend, i;

	for (i = VGPU_BACKEND_PASSTHROUGH; i <= VGPU_BACKENDS; i++) {
		ASSERT_EQ(0, vgpu_backend_from_name(vgpu_backend_name(i),
						    &backend));
		EXPECT_EQ(i, backend);
	}
	EXPECT_EQ(-EINVAL, vgpu_backend_from_name("", &backend));
	EXPECT_EQ(-EINVAL, vgpu_backend_from_name("Simulator", &backend));
	EXPECT_EQ(-EINVAL, vgpu_backend_from_name("default", &backend));
	EXPECT_STREQ("unknown", vgpu_backend_name(77));
}

TEST_HARNESS_MAIN
