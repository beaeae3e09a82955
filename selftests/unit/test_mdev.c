// SPDX-License-Identifier: MIT
/*
 * The backend mdev, on a stand-in for vgpu.ko: finding nodes, and what the
 * kernel may say to each call.  The tests of the interface run on it by
 * check-backends.sh.
 */
#include "vgpu_test.h"

#include <sys/mman.h>

#include <vgpu/vgpu.h>

#include "../fake/drm.h"
#include "device_util.h"
#include "mdev.h"

#define MIB	(1ull << 20)

static int open_mdev(const char *device, uint32_t flags, char text[256],
		     struct vgpu_device **dev)
{
	struct vgpu_device_options o = {
		.size = sizeof(o),
		.backend = VGPU_BACKEND_MDEV,
		.device = device,
		.flags = flags,
		.vram_bytes = 16 * MIB,
		.message = text,
		.message_bytes = 256,
	};

	fake_drm_install();
	text[0] = 0;
	return vgpu_device_open(&o, dev);
}

static struct vgpu_device *start_mdev(void)
{
	struct vgpu_device *dev;
	char text[256];

	if (open_mdev(NULL, 0, text, &dev))
		return NULL;
	if (vgpu_device_initialize(dev) || vgpu_device_start(dev)) {
		vgpu_device_close(dev);
		return NULL;
	}
	return dev;
}

/* Nothing of a client is left. */
#define EXPECT_ALL_GONE()						\
do {									\
	EXPECT_EQ(0, fake_drm.clients);					\
	EXPECT_EQ(0, fake_drm.buffers);					\
} while (0)

VGPU_TEST(found_by_every_name)
{
	static const char *const names[] = {
		NULL, "gpu0", "7670:00:00.0", "/dev/dri/renderD128",
	};
	int before = vgpu_test_fds();
	struct vgpu_device_info info;
	struct vgpu_device *dev;
	char text[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_EQ(0, open_mdev(names[i], VGPU_DEVICE_BACKGROUND |
				       VGPU_DEVICE_WORKER, text, &dev)) {
			TH_LOG("%s", text);
		}
		ASSERT_EQ(0, vgpu_device_get_info(dev, &info));
		EXPECT_STREQ("gpu0", info.id);
		EXPECT_STREQ("fake GPU", info.name);
		EXPECT_STREQ("7670:00:00.0", info.pci_address);
		EXPECT_STREQ("vgpu.ko 0.1.2", info.driver);
		EXPECT_EQ(16 * MIB, info.total_memory);
		EXPECT_EQ(16 * MIB, info.available_memory);
		EXPECT_EQ(0, info.features & (VGPU_CAN_NATIVE | VGPU_CAN_SPIRV));
		EXPECT_EQ(VGPU_CAN_COMPACT, info.features & VGPU_CAN_COMPACT);
		EXPECT_NE(NULL, strstr(info.notice, "no engine"));
		vgpu_device_close(dev);
	}
	EXPECT_ALL_GONE();
	EXPECT_EQ(before, vgpu_test_fds());
}

VGPU_TEST(several_nodes)
{
	struct vgpu_backend_status status;
	struct vgpu_device_info info;
	struct vgpu_manager *m;
	struct vgpu_device *dev;
	char text[256];

	setenv("VK_DRIVER_FILES", "/nonexistent", 1);
	setenv("VK_ICD_FILENAMES", "/nonexistent", 1);
	setenv("VGPU_WGPU_LIB", "/nonexistent", 1);
	fake_drm.nodes[0] = (struct fake_drm_node){
		.path = "/dev/dri/renderD128", .pci = "0000:00:02.0",
		.driver = "i915",
	};
	fake_drm.nodes[1] = (struct fake_drm_node){
		.path = "/dev/dri/renderD129", .pci = "7670:00:00.0",
		.driver = "vgpu", .open_error = EACCES,
	};
	fake_drm.nodes[2] = (struct fake_drm_node){
		.path = "/dev/dri/renderD130", .pci = "7670:00:01.0",
		.driver = "vgpu", .gpu = 1,
	};
	fake_drm.nodes[3] = (struct fake_drm_node){
		.path = "/dev/dri/renderD131", .pci = "7670:00:02.0",
		.driver = "vgpu", .gpu = 2,
	};
	ASSERT_EQ(0, open_mdev(NULL, 0, text, &dev));
	ASSERT_EQ(0, vgpu_device_get_info(dev, &info));
	EXPECT_STREQ("gpu1", info.id);
	vgpu_device_close(dev);
	ASSERT_EQ(0, open_mdev("7670:00:02.0", 0, text, &dev));
	ASSERT_EQ(0, vgpu_device_get_info(dev, &info));
	EXPECT_STREQ("gpu2", info.id);
	vgpu_device_close(dev);
	EXPECT_EQ(-ENOENT, open_mdev("gpu7", 0, text, &dev));
	EXPECT_NE(NULL, strstr(text, "no device \"gpu7\""));
	EXPECT_EQ(-ENOENT, open_mdev("/dev/dri/renderD128", 0, text, &dev));
	EXPECT_NE(NULL, strstr(text, "driver i915"));
	EXPECT_EQ(-EACCES, open_mdev("/dev/dri/renderD129", 0, text, &dev));
	EXPECT_NE(NULL, strstr(text, "render"));
	ASSERT_EQ(0, vgpu_manager_create(NULL, &m));
	EXPECT_LE(1, vgpu_manager_scan(m));
	ASSERT_EQ(0, vgpu_manager_backend(m, VGPU_BACKEND_MDEV - 1, &status));
	EXPECT_EQ(1, status.available);
	EXPECT_EQ(2, status.devices);
	EXPECT_STREQ("fake GPU at 7670:00:01.0, by vgpu.ko 0.1.2",
		     status.reason);
	vgpu_manager_destroy(m);
	EXPECT_ALL_GONE();
}

VGPU_TEST(not_found)
{
	struct vgpu_device *dev;
	struct vgpu_probe probe;
	char text[256];

	fake_drm.nodes[0].open_error = EACCES;
	EXPECT_EQ(-EACCES, open_mdev(NULL, 0, text, &dev));
	EXPECT_NE(NULL, strstr(text, "no permission to open /dev/dri/renderD128"));
	EXPECT_FALSE(vgpu_backend_probe(VGPU_BACKEND_MDEV, &probe));
	EXPECT_EQ(&probe.reason[0], strstr(probe.reason, "no permission"));
	fake_drm.nodes[0].open_error = 0;
	fake_drm.nodes[0].version = (VGPU_VERSION_MAJOR + 1) << 16;
	EXPECT_EQ(-EOPNOTSUPP, open_mdev(NULL, 0, text, &dev));
	EXPECT_NE(NULL, strstr(text, "another version"));
	EXPECT_EQ(-EOPNOTSUPP, open_mdev("/dev/dri/renderD128", 0, text, &dev));
	fake_drm.nodes[0].version = 0;
	fake_drm.nodes[0].driver = "amdgpu";
	EXPECT_EQ(-ENODEV, open_mdev(NULL, 0, text, &dev));
	EXPECT_NE(NULL, strstr(text, "modprobe vgpu"));
	fake_drm.nodes[0].path = NULL;
	EXPECT_EQ(-ENODEV, open_mdev("gpu0", 0, text, &dev));
	EXPECT_NE(NULL, strstr(text, "modprobe vgpu"));
	EXPECT_FALSE(vgpu_backend_probe(VGPU_BACKEND_MDEV, &probe));
	EXPECT_NE(NULL, strstr(probe.reason, "modprobe vgpu"));
	EXPECT_EQ(-EOPNOTSUPP, open_mdev(NULL, VGPU_DEVICE_SHARED, text, &dev));
	EXPECT_NE(NULL, strstr(text, "leave out SHARED"));
	EXPECT_ALL_GONE();
}

VGPU_TEST(too_much_memory)
{
	struct vgpu_device_options o = {
		.size = sizeof(o), .backend = VGPU_BACKEND_MDEV,
		.vram_bytes = 1ull << 40,
	};
	struct vgpu_device *dev;
	char text[256];

	fake_drm_install();
	o.message = text;
	o.message_bytes = sizeof(text);
	EXPECT_EQ(-EINVAL, vgpu_device_open(&o, &dev));
	EXPECT_NE(NULL, strstr(text, "up to the 1073741824 of the GPU"));
	o.vram_bytes = 100;
	EXPECT_EQ(-EINVAL, vgpu_device_open(&o, &dev));
	/* None of its own: as much as the kernel gives. */
	o.vram_bytes = 0;
	ASSERT_EQ(0, vgpu_device_open(&o, &dev));
	vgpu_device_close(dev);
	EXPECT_ALL_GONE();
}

/* What moves through the device, by way of @from and @to. */
static int there_and_back(struct vgpu_device *dev, uint64_t at,
			  const void *from, void *to, uint64_t n)
{
	int ret = device_do(dev, vgpu_command_transfer_to(at, from, n));

	if (!ret)
		ret = device_do(dev, vgpu_command_transfer_from(to, at, n));
	if (!ret && memcmp(from, to, n))
		ret = -EBADMSG;
	return ret;
}

/* Memory that cannot be written is a source like any other. */
VGPU_TEST(constants)
{
	struct vgpu_device *dev = start_mdev();
	uint8_t *from, *to = malloc(MIB);
	uint64_t at, address;

	ASSERT_NE(NULL, dev);
	from = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)from);
	fill_pattern(from, MIB, 5);
	ASSERT_EQ(0, mprotect(from, MIB, PROT_READ));
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &at));
	EXPECT_EQ(0, there_and_back(dev, at, from, to, MIB));
	EXPECT_EQ(0, there_and_back(dev, at, from + 1, to, MIB - 4));
	EXPECT_EQ(0, there_and_back(dev, at, from + 12, to + 1, MIB - 12));
	ASSERT_EQ(0, vgpu_device_register(dev, from + 8, MIB - 8, &address));
	EXPECT_EQ(8, address % 4096);
	EXPECT_EQ(0, there_and_back(dev, at, from + 8, to, MIB - 8));
	/* Only a source. */
	EXPECT_EQ(-EACCES, device_do(dev, vgpu_command_transfer_from(
					from + 8, at, 4096)));
	ASSERT_EQ(0, vgpu_device_unregister(dev, from + 8));
	/* No memory at all. */
	munmap(from, MIB);
	EXPECT_EQ(-EFAULT, vgpu_device_register(dev, from, MIB, NULL));
	EXPECT_SAYS(dev, "not all of it is memory of this process");
	vgpu_device_close(dev);
	free(to);
	EXPECT_ALL_GONE();
}

/* Registered anywhere: what a page's part gives is what commands name. */
VGPU_TEST(registered_anywhere)
{
	struct vgpu_device *dev = start_mdev();
	uint8_t *from = malloc(MIB), *to = malloc(MIB);
	uint64_t at, address;
	uint32_t i;

	ASSERT_NE(NULL, dev);
	ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &at));
	fill_pattern(from, MIB, 6);
	for (i = 0; i < 5000; i += 617) {
		uint64_t n = (MIB - 8192) & ~3ull;

		ASSERT_EQ(0, vgpu_device_register(dev, from + i, n + 8,
						  &address));
		EXPECT_EQ((uintptr_t)(from + i) % 4096, address % 4096);
		ASSERT_EQ(0, vgpu_device_register(dev, to + i, n + 8, NULL));
		EXPECT_EQ(0, there_and_back(dev, at, from + i, to + i, n));
		/* A multiple of 4 in its page, though not in what is registered. */
		EXPECT_EQ(0, there_and_back(dev, at, from + i + (4 - i % 4) % 4,
					    to + i + 1, n));
		ASSERT_EQ(0, vgpu_device_unregister(dev, to + i));
		ASSERT_EQ(0, vgpu_device_unregister(dev, from + i));
	}
	vgpu_device_close(dev);
	free(from);
	free(to);
	EXPECT_ALL_GONE();
}

/* Who may pin little or nothing transfers all the same. */
VGPU_TEST(memlock)
{
	struct vgpu_device *dev = start_mdev();
	uint8_t *from = malloc(2 * MIB), *to = malloc(2 * MIB);
	uint64_t at;

	ASSERT_NE(NULL, dev);
	fake_drm.memlock = 65536;
	ASSERT_EQ(0, vgpu_device_alloc(dev, 2 * MIB, 0, &at));
	fill_pattern(from, 2 * MIB, 7);
	EXPECT_EQ(0, there_and_back(dev, at, from, to, 2 * MIB));
	EXPECT_EQ(-ENOSPC, vgpu_device_register(dev, from, 2 * MIB, NULL));
	EXPECT_SAYS(dev, "ulimit -l");
	EXPECT_EQ(0, vgpu_device_register(dev, from, 4096, NULL));
	/* And where the kernel registers nothing. */
	fake_drm.fail = DRM_VGPU_BO_REGISTER;
	fake_drm.error = EOPNOTSUPP;
	fake_drm.fail_times = 2;
	EXPECT_EQ(0, there_and_back(dev, at, from, to, 2 * MIB));
	vgpu_device_close(dev);
	free(from);
	free(to);
	EXPECT_ALL_GONE();
}

/* What a copy has brought is not there when a reset comes before its end. */
VGPU_TEST(reset_with_copies)
{
	struct vgpu_device *dev = start_mdev();
	uint8_t *to = calloc(1, MIB);
	uint64_t at, ticket;
	struct vgpu_command cmd;
	int i, ret;

	ASSERT_NE(NULL, dev);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, vgpu_device_alloc(dev, MIB, 0, &at));
		ASSERT_EQ(0, device_do(dev, vgpu_command_clear(at, MIB,
							       0x01010101)));
		memset(to, 0, MIB);
		cmd = vgpu_command_transfer_from(to + 1, at, MIB - 4);
		ASSERT_EQ(0, vgpu_device_submit(dev, NULL, &cmd, &ticket));
		ASSERT_EQ(0, vgpu_device_reset(dev));
		ret = vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL);
		EXPECT_TRUE(ret == -ENODEV || ret == -ECANCELED || !ret);
		EXPECT_EQ(ret ? 0 : 1, to[1]);
		ASSERT_EQ(0, vgpu_device_start(dev));
	}
	vgpu_device_close(dev);
	free(to);
	EXPECT_ALL_GONE();
}

/* Blocks begin anywhere in a page; a reset takes mappings along. */
VGPU_TEST(mapped)
{
	struct vgpu_device *dev = start_mdev();
	uint64_t at[20];
	uint32_t i, word;
	uint32_t *p[20];

	ASSERT_NE(NULL, dev);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, vgpu_device_alloc(dev, 256, 0, &at[i]));
		ASSERT_EQ(0, vgpu_device_map(dev, at[i], 256, (void **)&p[i]));
		p[i][63] = i;
	}
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, device_do(dev, vgpu_command_transfer_from(
					&word, at[i] + 252, 4)));
		EXPECT_EQ(i, word);
		if (i & 1)
			ASSERT_EQ(0, vgpu_device_unmap(dev, at[i]));
	}
	ASSERT_EQ(0, vgpu_device_reset(dev));
	/* The pool and the ring of the device, and the ring that was lost. */
	EXPECT_EQ(3, fake_drm.buffers);
	vgpu_device_close(dev);
	EXPECT_ALL_GONE();
}

static int nothing(const struct vgpu_native_call *call)
{
	return 0;
}

VGPU_TEST(no_engine)
{
	static const uint32_t spirv[4] = { 0x07230203 };
	struct vgpu_kernel_options k = {
		.size = sizeof(k), .format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = spirv, .code_bytes = sizeof(spirv),
	};
	struct vgpu_native_options o = { .size = sizeof(o), .fn = nothing };
	struct vgpu_device *dev = start_mdev();
	struct vgpu_device_limits limits;
	uint64_t kernel;

	ASSERT_NE(NULL, dev);
	EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_create(dev, &k, &kernel));
	EXPECT_SAYS(dev, "it has no engine");
	EXPECT_EQ(-EOPNOTSUPP, vgpu_device_get_limits(dev, &limits));
	EXPECT_SAYS(dev, "it has no engine");
	EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_register_native(dev, &o, &kernel));
	EXPECT_SAYS(dev, "no functions of a process");
	EXPECT_EQ(-ENOENT, vgpu_kernel_destroy(dev, 1ull << 62 | 5));
	EXPECT_GT(0, device_do(dev, vgpu_command_launch(1ull << 62 | 1, 1, 1,
							1)));
	vgpu_device_close(dev);
}

/* A bit of everything.  0, or the first error. */
static int everything(void)
{
	struct vgpu_device_ring_options ro = { .size = sizeof(ro) };
	static uint8_t bytes[256 << 10];
	struct vgpu_device_stats stats;
	struct vgpu_device_ring *ring;
	struct vgpu_device_block block;
	uint64_t at, counter, moved;
	struct vgpu_device *dev;
	char text[256];
	void *p;
	int ret;

	ret = open_mdev(NULL, 0, text, &dev);
	if (ret)
		return text[0] ? ret : -EBADMSG;
	ret = vgpu_device_initialize(dev);
	if (!ret)
		ret = vgpu_device_start(dev);
	if (!ret)
		ret = vgpu_device_alloc(dev, MIB, 0, &at);
	if (!ret)
		ret = there_and_back(dev, at, bytes, bytes, sizeof(bytes));
	if (!ret)
		ret = vgpu_device_register(dev, bytes, sizeof(bytes), NULL);
	if (!ret)
		ret = there_and_back(dev, at, bytes, bytes, sizeof(bytes));
	if (!ret)
		ret = vgpu_device_unregister(dev, bytes);
	if (!ret)
		ret = vgpu_device_map(dev, at, MIB, &p);
	if (!ret)
		ret = vgpu_device_next_block(dev, 0, &block);
	if (!ret)
		ret = vgpu_device_unmap(dev, at);
	if (!ret)
		ret = vgpu_device_compact(dev, 0, &moved);
	if (!ret)
		ret = vgpu_device_ring_create(dev, &ro, &ring);
	if (!ret)
		ret = vgpu_device_ring_reset(ring);
	if (!ret)
		ret = vgpu_device_counter_create(dev, 0, &counter);
	if (!ret)
		ret = vgpu_device_counter_signal(dev, counter, 1);
	if (!ret)
		ret = vgpu_device_counter_wait(dev, counter, 1, 0);
	if (!ret)
		ret = vgpu_device_counter_destroy(dev, counter);
	if (!ret)
		ret = vgpu_device_interrupt_fd(dev) < 0 ? -EIO : 0;
	if (!ret)
		ret = vgpu_device_get_stats(dev, &stats);
	if (!ret)
		ret = vgpu_device_set_limit(dev, MIB);
	if (!ret)
		ret = vgpu_device_free(dev, at);
	if (!ret)
		ret = vgpu_device_reset(dev);
	vgpu_device_close(dev);
	return ret;
}

/* Signals come at any time. */
VGPU_TEST(interrupted)
{
	int before = vgpu_test_fds();

	fake_drm.interrupt_every = 2;
	EXPECT_EQ(0, everything());
	fake_drm.interrupt_every = 3;
	EXPECT_EQ(0, everything());
	EXPECT_ALL_GONE();
	EXPECT_EQ(before, vgpu_test_fds());
}

/* Every call may fail, once or for good: nothing hangs, nothing is left. */
VGPU_TEST(failing)
{
	/* Those that end something cannot fail: what would that mean? */
	static const uint32_t numbers[] = {
		DRM_VGPU_QUERY, DRM_VGPU_CLIENT_INIT, DRM_VGPU_CLIENT_LIMIT,
		DRM_VGPU_CLIENT_RESET, DRM_VGPU_EVENT, DRM_VGPU_BO_CREATE,
		DRM_VGPU_BO_REGISTER, DRM_VGPU_BO_INFO, DRM_VGPU_COMPACT,
		DRM_VGPU_CONTEXT_CREATE, DRM_VGPU_MAP, DRM_VGPU_RING_CREATE,
		DRM_VGPU_RING_CONTROL, DRM_VGPU_COUNTER_CREATE,
		DRM_VGPU_COUNTER_SIGNAL, DRM_VGPU_COUNTER_READ,
	};
	static const int errors[] = { ENOMEM, ENOSPC, ENODEV, EFAULT };
	int before = vgpu_test_fds();
	size_t i, k, t;

	for (i = 0; i < ARRAY_SIZE(numbers) * ARRAY_SIZE(errors); i++) {
		k = i / ARRAY_SIZE(errors);
		for (t = 0; t < 2; t++) {
			fake_drm.fail = numbers[k];
			fake_drm.error = errors[i % ARRAY_SIZE(errors)];
			fake_drm.fail_times = t ? UINT32_MAX : 1;
			/* What is registered or not is no error of transfers. */
			EXPECT_GE(0, everything()) {
				TH_LOG("call 0x%x", numbers[k]);
			}
		}
	}
	fake_drm.fail_times = 0;
	EXPECT_EQ(0, everything());
	EXPECT_ALL_GONE();
	EXPECT_EQ(before, vgpu_test_fds());
}

TEST_HARNESS_MAIN
