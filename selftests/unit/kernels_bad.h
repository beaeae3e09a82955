/* SPDX-License-Identifier: MIT */
/*
 * Tests of kernels: bad code, bad descriptions, bad launches.  Each has its
 * error, and the device works after each.
 */
#ifndef VGPU_KERNELS_BAD_H
#define VGPU_KERNELS_BAD_H

#include "kernels_util.h"

/* The message is one line, and not empty. */
#define EXPECT_ONE_LINE(dev)						\
do {									\
	const char *line_ = device_message(dev);			\
									\
	EXPECT_NE(0, *line_);						\
	EXPECT_EQ(NULL, strchr(line_, '\n'));				\
} while (0)

/* Truncated anywhere, empty, random, and not even words. */
static inline void no_code(struct __test_metadata *_metadata,
			   const struct column *column)
{
	struct vgpu_device *dev = kernels_open(column, 16 * MIB, 0);
	uint32_t words[256], i, k, seed = 1;
	uint64_t kernel;

	for (i = 0; i < sizeof(code_add) / 4; i += 1 + i / 16) {
		EXPECT_EQ(-EINVAL, kernels_make(dev, code_add, 4 * i,
						&kernel)) {
			TH_LOG("the first %u words", i);
		}
		EXPECT_ONE_LINE(dev);
	}
	EXPECT_EQ(-EINVAL, kernels_make(dev, code_add, sizeof(code_add) - 2,
					&kernel));
	EXPECT_EQ(-EINVAL, kernels_make(dev, code_add, (16 << 20) + 4,
					&kernel));
	for (i = 0; i < 32; i++) {
		for (k = 0; k < 256; k++)
			words[k] = suite_random(&seed);
		/* With a header that is right, too. */
		if (i & 1)
			memcpy(words, code_add, 20);
		EXPECT_EQ(-EINVAL, kernels_make(dev, words, sizeof(words),
						&kernel));
		EXPECT_ONE_LINE(dev);
	}
	EXPECT_GOOD(dev);
	vgpu_device_close(dev);
}

/*
 * Modules that differ from good ones in a few bits: most are refused.  One that
 * is not may do anything but harm: in a worker it is run.
 */
static inline void mutants(struct __test_metadata *_metadata,
			   const struct column *column)
{
	static const struct {
		const uint32_t *code;
		size_t bytes;
	} from[] = {
		{ code_add, sizeof(code_add) },
		{ code_alias, sizeof(code_alias) },
		{ code_sort, sizeof(code_sort) },
		{ code_spec, sizeof(code_spec) },
	};
	struct vgpu_device *dev = kernels_open(column, 16 * MIB, 300);
	uint32_t i, k, seed = 2, taken = 0, refused = 0, lost = 0;
	struct column apart = *column;
	struct vgpu_device *first;
	static uint32_t words[4096];
	struct vgpu_launch_args args;
	uint64_t kernel, at;
	int ret;

	/*
	 * A driver may crash on what is valid but odd.  So what a worker's
	 * admission takes stays out of this process.
	 */
	apart.flags |= VGPU_DEVICE_WORKER;
	first = kernels_open(&apart, 16 * MIB, 300);
	for (i = 0; i < 160u / KERNELS_LESS; i++) {
		size_t bytes = from[i % 4].bytes;

		memcpy(words, from[i % 4].code, bytes);
		for (k = 0; k < 1 + i % 3; k++)
			words[5 + suite_random(&seed) % (bytes / 4 - 5)] ^=
				1u << suite_random(&seed) % 32;
		if (!kernels_in_worker(column)) {
			ret = kernels_make(first, words, bytes, &kernel);
			if (ret != -EINVAL && ret != -EOPNOTSUPP) {
				ASSERT_EQ(0, vgpu_device_reset(first));
				taken++;
				continue;
			}
			EXPECT_EQ(ret, kernels_make(dev, words, bytes, &kernel));
			EXPECT_ONE_LINE(dev);
			refused++;
			continue;
		}
		ret = kernels_make(dev, words, bytes, &kernel);
		if (ret == -EINVAL || ret == -EOPNOTSUPP) {
			EXPECT_ONE_LINE(dev);
			refused++;
			continue;
		}
		/* A driver that could not, or died of it, says so. */
		if (ret) {
			EXPECT_EQ(-EIO, ret);
			EXPECT_ONE_LINE(dev);
		} else {
			taken++;
		}
		if (!ret && kernels_in_worker(column) &&
		    !vgpu_device_alloc(dev, 65536, 0, &at)) {
			ret = device_do(dev, kernels_add(kernel, at, 64, 1,
							 &args));
			vgpu_device_free(dev, at);
		}
		if (!ret)
			EXPECT_EQ(0, vgpu_kernel_destroy(dev, kernel));
		if (ret == -EIO || ret == -ETIMEDOUT) {
			lost++;
			ASSERT_EQ(0, vgpu_device_reset(dev));
			ASSERT_EQ(0, vgpu_device_start(dev));
		}
	}
	TH_LOG("%s: %u mutants refused, %u taken, %u cost the engine",
	       column->name, refused, taken, lost);
	EXPECT_LT(0, refused);
	EXPECT_GOOD(dev);
	vgpu_device_close(first);
	vgpu_device_close(dev);
}

/* The module with @from replaced by @to in its decorations of kind @kind. */
static inline void redecorate(uint32_t *words, size_t bytes, uint32_t kind,
			      uint32_t from, uint32_t to)
{
	size_t i;

	for (i = 5; i < bytes / 4; i += words[i] >> 16)
		if ((words[i] & 0xffff) == 71 && words[i + 2] == kind &&
		    words[i + 3] == from)
			words[i + 3] = to;
}

#define SPV_BINDING		33u
#define SPV_DESCRIPTOR_SET	34u

/* Good code, and a description that does not fit it. */
static inline void bad_kernels(struct __test_metadata *_metadata,
			       const struct column *column)
{
	struct vgpu_device *dev = kernels_open(column, 16 * MIB, 0);
	static const char wgsl[] = "@compute @workgroup_size(1) fn main() {}";
	const struct vgpu_kernel_options good = {
		.size = sizeof(good), .format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = code_spec, .code_bytes = sizeof(code_spec),
	};
	struct vgpu_kernel_options o = good;
	struct vgpu_kernel_constant c[3] = {
		{ 10, 4, 8 }, { 11, 4, 8 }, { 99, 4, 1 },
	};
	uint32_t words[sizeof(code_alias) / 4];
	struct vgpu_device_limits limits;
	struct vgpu_device_info info;
	uint64_t kernel;

	ASSERT_EQ(0, vgpu_device_get_limits(dev, &limits));
	ASSERT_EQ(0, vgpu_device_get_info(dev, &info));
	o.entry = "mian";
	EXPECT_EQ(-EINVAL, vgpu_kernel_create(dev, &o, &kernel));
	EXPECT_SAYS(dev, "mian");
	EXPECT_GOOD(dev);
	/* A constant that the module does not have, or not of this size. */
	o = good;
	o.constants = c;
	o.n_constants = 3;
	EXPECT_EQ(-EINVAL, vgpu_kernel_create(dev, &o, &kernel));
	EXPECT_SAYS(dev, "99");
	c[2].id = 0;
	c[2].bytes = 8;
	EXPECT_EQ(-EINVAL, vgpu_kernel_create(dev, &o, &kernel));
	EXPECT_ONE_LINE(dev);
	c[2].bytes = 4;
	EXPECT_EQ(0, vgpu_kernel_create(dev, &o, &kernel)) {
		TH_LOG("%s", device_message(dev));
	}
	EXPECT_EQ(0, vgpu_kernel_destroy(dev, kernel));
	/* A workgroup of more than there may be. */
	c[0].value = limits.max_group[0] + 1ull;
	EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_create(dev, &o, &kernel));
	EXPECT_ONE_LINE(dev);
	c[0].value = limits.max_invocations / 8 + 1ull;
	EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_create(dev, &o, &kernel));
	EXPECT_ONE_LINE(dev);
	/* And of more shared memory. */
	c[0].value = 8;
	c[2].value = limits.max_shared_bytes / 8 + 1;
	EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_create(dev, &o, &kernel));
	EXPECT_ONE_LINE(dev);
	EXPECT_GOOD(dev);
	/* Bindings that launches cannot give. */
	o = good;
	o.code = words;
	o.code_bytes = sizeof(words);
	memcpy(words, code_alias, sizeof(words));
	redecorate(words, sizeof(words), SPV_BINDING, 1, 17);
	EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_create(dev, &o, &kernel));
	EXPECT_SAYS(dev, "17");
	memcpy(words, code_alias, sizeof(words));
	redecorate(words, sizeof(words), SPV_DESCRIPTOR_SET, 0, 3);
	EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_create(dev, &o, &kernel));
	EXPECT_SAYS(dev, "3");
	EXPECT_GOOD(dev);
	o = good;
	o.format = VGPU_KERNEL_FORMAT_WGSL;
	o.code = wgsl;
	o.code_bytes = sizeof(wgsl) - 1;
	if (info.features & VGPU_CAN_WGSL) {
		EXPECT_EQ(0, vgpu_kernel_create(dev, &o, &kernel));
		EXPECT_EQ(0, vgpu_kernel_destroy(dev, kernel));
		o.code_bytes -= 5;
		EXPECT_EQ(-EINVAL, vgpu_kernel_create(dev, &o, &kernel));
	} else {
		EXPECT_EQ(-EOPNOTSUPP, vgpu_kernel_create(dev, &o, &kernel));
		EXPECT_SAYS(dev, "WGSL");
	}
	EXPECT_ONE_LINE(dev);
	EXPECT_GOOD(dev);
	vgpu_device_close(dev);
}

/* Code that is good, launched as it must not be. */
static inline void bad_launches(struct __test_metadata *_metadata,
				const struct column *column)
{
	struct vgpu_device *dev = kernels_open(column, 16 * MIB, 0);
	const uint32_t n = 64, rw = VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE;
	struct vgpu_device_limits limits;
	struct vgpu_device_info info;
	struct vgpu_launch_args args;
	uint64_t kernel, at, end;
	uint32_t i, g[3];

	ASSERT_EQ(0, vgpu_device_get_limits(dev, &limits));
	const struct {
		const char *what;
		int error;
		struct vgpu_launch_range range[2];
		uint32_t n_ranges, const_bytes, x;
	} rows[] = {
		{ "good", 0, { { 0, 256, 1 }, { 4096, 256, 3 } }, 2, 4, 1 },
		{ "no groups", -EINVAL,
		  { { 0, 256, 1 }, { 4096, 256, 3 } }, 2, 4, 0 },
		{ "second binding missing", -EINVAL, { { 0, 256, 1 } }, 1, 4,
		  1 },
		{ "first binding left out", -EINVAL,
		  { { 0, 0, 0 }, { 4096, 256, 3 } }, 2, 4, 1 },
		{ "no ranges", -EINVAL, { }, 0, 4, 1 },
		{ "constants missing", -EINVAL,
		  { { 0, 256, 1 }, { 4096, 256, 3 } }, 2, 0, 1 },
		{ "odd address", -EINVAL,
		  { { 4, 256, 1 }, { 4096, 256, 3 } }, 2, 4, 1 },
		{ "odd size", -EINVAL,
		  { { 0, 255, 1 }, { 4096, 256, 3 } }, 2, 4, 1 },
		{ "not written", -EINVAL,
		  { { 0, 256, 1 }, { 4096, 256, 1 } }, 2, 4, 1 },
		{ "unknown flag", -EINVAL,
		  { { 0, 256, 1 }, { 4096, 256, 7 } }, 2, 4, 1 },
		{ "beyond the end", -EFAULT,
		  { { 0, 256, 1 }, { 65536 - 256, 512, 3 } }, 2, 4, 1 },
		{ "far beyond the end", -EFAULT,
		  { { 0, 256, 1 }, { 1ull << 40, 256, 3 } }, 2, 4, 1 },
		{ "far too large", limits.max_range_bytes < 0xfffffffc ?
				   -EOPNOTSUPP : -EFAULT,
		  { { 0, 0xfffffffc, 1 }, { 4096, 256, 3 } }, 2, 4, 1 },
	};

	ASSERT_EQ(0, vgpu_device_get_info(dev, &info));
	ASSERT_EQ(0, vgpu_device_alloc(dev, 65536, 0, &at));
	ASSERT_EQ(0, vgpu_device_alloc(dev, 65536, 0, &end));
	ASSERT_EQ(0, kernels_make(dev, code_alias, sizeof(code_alias),
				  &kernel)) {
		TH_LOG("%s", device_message(dev));
	}
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		vgpu_launch_args_init(&args);
		args.n_ranges = rows[i].n_ranges;
		memcpy(args.ranges, rows[i].range, sizeof(rows[i].range));
		args.ranges[0].address += at;
		args.ranges[1].address += at;
		if (!args.ranges[0].bytes)
			args.ranges[0].address = 0;
		args.const_bytes = rows[i].const_bytes;
		memcpy(args.consts, &n, 4);
		EXPECT_EQ(rows[i].error,
			  device_do(dev, vgpu_command_launch_args(
					kernel, rows[i].x, 1, 1, &args))) {
			TH_LOG("%s: %s", rows[i].what, device_message(dev));
		}
		if (rows[i].error)
			EXPECT_GOOD(dev);
	}
	/* Overlaps by a part, where one is written. */
	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, at, 512, VGPU_LAUNCH_READ);
	vgpu_launch_args_range(&args, at + 256, 512, rw);
	vgpu_launch_args_consts(&args, &n, 4);
	EXPECT_EQ(info.features & VGPU_CAN_ALIAS ? 0 : -EINVAL,
		  device_do(dev, vgpu_command_launch_args(kernel, 1, 1, 1,
							  &args)));
	/* More workgroups than there may be, in each direction. */
	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, at, 256, VGPU_LAUNCH_READ);
	vgpu_launch_args_range(&args, at + 256, 256, rw);
	vgpu_launch_args_consts(&args, &n, 4);
	for (i = 0; i < 3; i++) {
		g[0] = g[1] = g[2] = 1;
		g[i] = limits.max_groups[i] + 1;
		/* Some devices can all that any launch may ask for. */
		EXPECT_EQ(g[i] > (i ? 65535 : INT32_MAX) ? -EINVAL :
							   -EOPNOTSUPP,
			  device_do(dev, vgpu_command_launch_args(
					kernel, g[0], g[1], g[2], &args)));
		EXPECT_ONE_LINE(dev);
		g[i] = UINT32_MAX;
		EXPECT_EQ(-EINVAL, device_do(dev, vgpu_command_launch_args(
					kernel, g[0], g[1], g[2], &args)));
	}
	EXPECT_GOOD(dev);
	/* Kernels that are not there: 0 is none, others the device looks up. */
	EXPECT_EQ(-ENOENT, device_do(dev, vgpu_command_launch_args(
				0, 1, 1, 1, &args)));
	EXPECT_EQ(-EINVAL, device_do(dev, vgpu_command_launch_args(
				kernel + 12345, 1, 1, 1, &args)));
	ASSERT_EQ(0, vgpu_kernel_destroy(dev, kernel));
	EXPECT_EQ(-EINVAL, device_do(dev, vgpu_command_launch_args(
				kernel, 1, 1, 1, &args)));
	EXPECT_EQ(-ENOENT, vgpu_kernel_destroy(dev, kernel));
	EXPECT_GOOD(dev);
	vgpu_device_close(dev);
}

#endif /* VGPU_KERNELS_BAD_H */
