/* SPDX-License-Identifier: MIT */
/*
 * What tests of devices share: a device that runs, and its last message.
 *
 * It is a simulator, unless the environment says VGPU_TEST_BACKEND=vulkan or
 * another backend's name; VGPU_TEST_FLAGS=discrete,worker adds those flags.
 */
#ifndef VGPU_DEVICE_UTIL_H
#define VGPU_DEVICE_UTIL_H

#include <stdlib.h>
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

static inline bool device_flag(const char *name)
{
	const char *flags = getenv("VGPU_TEST_FLAGS");

	return flags && strstr(flags, name);
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
	};
	struct vgpu_device *dev;

	device_drivers();
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
