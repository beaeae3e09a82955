/* SPDX-License-Identifier: MIT */
/*
 * What tests of devices share: a device that runs, and its last message.
 *
 * It is a simulator, unless the environment says VGPU_TEST_BACKEND=vulkan or
 * another backend's name; VGPU_TEST_FLAGS=discrete,worker adds those flags, and
 * fake takes the stand-ins for vgpu.ko and for VFIO (selftests/fake/drm.h, vfio.h)
 * in place of theirs, and guest says that mdev is a function in a virtual machine.
 */
#ifndef VGPU_DEVICE_UTIL_H
#define VGPU_DEVICE_UTIL_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vgpu/vgpu.h>

/*
 * The Vulkan drivers that tests use, those of build/deps that are there, unless
 * the environment names others.  To be called before a device is opened.
 */
static inline void device_drivers(void)
{
	static const char *const files[] = {
		"build/deps/vulkan/swiftshader_icd.json",
		"build/deps/vulkan/lavapipe25_icd.json",
	};
	char list[256] = "";
	unsigned int i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (access(files[i], R_OK))
			continue;
		if (list[0])
			strcat(list, ":");
		strcat(list, files[i]);
	}
	if (list[0] && !getenv("VK_ICD_FILENAMES"))
		setenv("VK_DRIVER_FILES", list, 0);
}

/* In programs that are linked with it. */
#pragma weak fake_drm_install
void fake_drm_install(void);
#pragma weak fake_vfio_install
void fake_vfio_install(void);

static inline bool device_flag(const char *name)
{
	const char *flags = getenv("VGPU_TEST_FLAGS");

	return flags && strstr(flags, name);
}

/*
 * A function has the memory that it has: where devices are functions, the
 * environment names one for each size that tests want, as VGPU_TEST_DEVICE_16
 * for 16 MiB.
 */
static inline const char *device_of_size(uint64_t bytes)
{
	char name[40];

	snprintf(name, sizeof(name), "VGPU_TEST_DEVICE_%llu",
		 (unsigned long long)bytes >> 20);
	return getenv(name);
}

/* A device that was opened, initialized and started, or NULL. */
static inline struct vgpu_device *device_start(uint32_t flags, uint64_t bytes,
					       uint32_t entries)
{
	struct vgpu_device_options o = {
		.size = sizeof(o),
		.flags = flags,
		.vram_bytes = bytes,
		.entries = entries,
		.backend_name = getenv("VGPU_TEST_BACKEND"),
		.device = device_of_size(bytes),
	};
	struct vgpu_device *dev;

	device_drivers();
	if (device_flag("fake")) {
		fake_drm_install();
		fake_vfio_install();
	}
	if (device_flag("discrete"))
		o.flags |= VGPU_DEVICE_DISCRETE;
	if (device_flag("worker"))
		o.flags |= VGPU_DEVICE_WORKER;
	if (vgpu_device_open(&o, &dev))
		return NULL;
	if (vgpu_device_initialize(dev) || vgpu_device_start(dev)) {
		vgpu_device_close(dev);
		return NULL;
	}
	return dev;
}

/* What a block of @bytes takes: whole pages where clients share a device. */
static inline uint64_t device_block_bytes(uint64_t bytes)
{
	uint64_t granule = device_flag("guest") ? 4096 : 256;

	return (bytes + granule - 1) & ~(granule - 1);
}

/* Whether it gets on by itself, and not in the calls of this program. */
static inline bool device_runs_itself(void)
{
	const char *backend = getenv("VGPU_TEST_BACKEND");

	return backend && (!strcmp(backend, "mdev") ||
			   !strcmp(backend, "passthrough"));
}

/* Statistics, once what was freed is zeroed, so that @used bytes are in use. */
static inline int device_stats_used(struct vgpu_device *dev,
				    struct vgpu_device_stats *stats,
				    uint64_t used)
{
	int i, ret;

	for (i = 0; i < 5000; i++) {
		ret = vgpu_device_get_stats(dev, stats);
		if (ret || stats->memory_used == used)
			return ret;
		usleep(1000);
	}
	return 0;
}

/* The message of the last failure; valid until the next call. */
static inline const char *device_message(struct vgpu_device *dev)
{
	static char text[256];

	vgpu_device_error(dev, text, sizeof(text));
	return text;
}

/* The message is one line that contains @part. */
#define EXPECT_SAYS(dev, part)						\
do {									\
	const char *say_ = device_message(dev);				\
									\
	EXPECT_NE(NULL, strstr(say_, part)) {				\
		TH_LOG("\"%s\" does not say \"%s\"", say_, part);	\
	}								\
	EXPECT_EQ(NULL, strchr(say_, '\n'));				\
} while (0)

/* Submit and wait: the command's status, or that of the submission. */
static inline int device_do(struct vgpu_device *dev, struct vgpu_command cmd)
{
	uint64_t ticket;
	int ret;

	ret = vgpu_device_submit(dev, NULL, &cmd, &ticket);
	if (ret)
		return ret;
	return vgpu_device_wait(dev, ticket, vgpu_deadline_after_ms(20000),
				NULL);
}

/* Bytes that tell where they belong. */
static inline void fill_pattern(void *p, size_t bytes, uint32_t seed)
{
	uint8_t *b = p;
	size_t i;

	for (i = 0; i < bytes; i++) {
		seed = seed * 1664525 + 1013904223;
		b[i] = seed >> 24;
	}
}

#endif /* VGPU_DEVICE_UTIL_H */
