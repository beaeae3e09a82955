// SPDX-License-Identifier: MIT
/*
 * The WebGPU executor, on both providers, and on one that fails.
 */
#include "wgpu_rig.h"

static const uint32_t add_spirv[] =
#include "wg_add.inc"
;
static const uint32_t spec_spirv[] =
#include "wg_spec.inc"
;
static const uint32_t int16_spirv[] =
#include "wg_int16.inc"
;

static const char add_wgsl[] =
	"struct P { count: u32, scale: u32, }\n"
	"/* var<storage, read> /* nested */ in a comment */\n"
	"@group(0) @binding(0) var<storage, read> a: array<u32>;\n"
	"@group(0) @binding(1) var<storage> b: array<u32>;\n"
	"@group(0) @binding(2) var < storage , read_write > c: array<u32>;\n"
	"@group(0) @binding(16) var<storage, read> p: P;\n"
	"@compute @workgroup_size(64)\n"
	"fn main(@builtin(global_invocation_id) g: vec3<u32>) {\n"
	"	if (g.x < p.count) { c[g.x] = a[g.x] + b[g.x] * p.scale; }\n"
	"}\n";

static const char spec_wgsl[] =
	"@id(0) override u: u32 = 1;\n"
	"@id(1) override f = 1.5;\n"
	"@id(2) override i: i32 = -1;\n"
	"@id(3) override b: bool = false;\n"
	"@group(0) @binding(0) var<storage, read_write> o: array<i32>;\n"
	"@compute @workgroup_size(1) fn main() {\n"
	"	o[0] = i32(u); o[1] = i32(f * 4.0); o[2] = i * 2;\n"
	"	o[3] = select(0, 1, b);\n"
	"}\n";

/* A test on either real provider. */
#define PROVIDER_TEST(name)						\
	static void name(struct __test_metadata *_metadata,		\
			 enum rig_provider provider);			\
	VGPU_TEST(name##_native)					\
	{								\
		name(_metadata, RIG_NATIVE);				\
	}								\
	VGPU_TEST(name##_dawn)						\
	{								\
		name(_metadata, RIG_DAWN);				\
	}								\
	static void name(struct __test_metadata *_metadata,		\
			 enum rig_provider provider)

/* c = a + b * scale over @count numbers: a at 0, b at @b, c at @c. */
static struct vgpu_engine_slot add_slot(uint32_t kernel, uint32_t count,
					uint32_t scale, uint64_t b, uint64_t c)
{
	struct vgpu_engine_slot slot = {
		.kernel = kernel,
		.grid = { (count + 63) / 64, 1, 1 },
		.n_ranges = 3,
		.const_bytes = 8,
		.ranges = {
			{ 0, count * 4, VGPU_RANGE_READ },
			{ b, count * 4, VGPU_RANGE_READ },
			{ c, count * 4, VGPU_RANGE_WRITE },
		},
	};

	memcpy(slot.consts, &count, 4);
	memcpy(slot.consts + 4, &scale, 4);
	return slot;
}

static void add(struct __test_metadata *_metadata, enum rig_provider provider,
		uint32_t format, const void *code, size_t bytes)
{
	struct vgpu_engine_built built;
	struct vgpu_engine_slot slot;
	uint32_t i, *n;
	struct rig r;

	ASSERT_EQ(0, rig_open(&r, provider, 1 << 20, 20))
		TH_LOG("%s", r.msg.text);
	n = r.vram;
	for (i = 0; i < 4096; i++)
		n[i] = i * i;
	ASSERT_EQ(0, rig_in(&r));
	ASSERT_EQ(0, rig_build(&r, 7, format, code, bytes, NULL, 0, &built));
	ASSERT_EQ(7, built.info.used);
	ASSERT_EQ(4, built.info.written);
	ASSERT_EQ(8, built.info.const_bytes);
	slot = add_slot(7, 1000, 3, 4096, 8192);
	ASSERT_EQ(0, rig_launch(&r, &slot));
	ASSERT_EQ(0, rig_out(&r));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(n[2048 + i], n[i] + n[1024 + i] * 3);
	ASSERT_EQ(3048 * 3048, n[3048]);

	/* Both operands are one range: such bindings overlap. */
	slot = add_slot(7, 1000, 1, 0, 8192);
	ASSERT_EQ(0, rig_launch(&r, &slot));
	/* And in part. */
	slot = add_slot(7, 100, 5, 256, 16384);
	ASSERT_EQ(0, rig_launch(&r, &slot));
	ASSERT_EQ(0, rig_out(&r));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(n[2048 + i], n[i] * 2);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(n[4096 + i], n[i] + n[64 + i] * 5);
	ASSERT_EQ(0, rig_close(&r));
}

PROVIDER_TEST(vector_spirv)
{
	add(_metadata, provider, VGPU_KERNEL_SPIRV, add_spirv,
	    sizeof(add_spirv));
}

PROVIDER_TEST(vector_wgsl)
{
	add(_metadata, provider, VGPU_KERNEL_WGSL, add_wgsl,
	    sizeof(add_wgsl) - 1);
}

static void specs(struct __test_metadata *_metadata, enum rig_provider provider,
		  uint32_t format, const void *code, size_t bytes)
{
	static const struct vgpu_kernel_spec values[] = {
		{ 0, 4, 77 }, { 1, 4, 0x40100000 /* 2.25 */ },
		{ 2, 4, (uint32_t)-21 }, { 3, 4, 1 },
	};
	struct vgpu_engine_slot slot = {
		.grid = { 1, 1, 1 }, .n_ranges = 1,
		.ranges = { { 0, 256, VGPU_RANGE_WRITE } },
	};
	struct vgpu_engine_built built;
	struct rig r;
	int32_t *n;

	ASSERT_EQ(0, rig_open(&r, provider, 65536, 16));
	n = r.vram;
	slot.kernel = 1;
	ASSERT_EQ(0, rig_build(&r, 1, format, code, bytes, values, 4, &built));
	ASSERT_EQ(0, rig_launch(&r, &slot));
	ASSERT_EQ(0, rig_out(&r));
	ASSERT_EQ(77, n[0]);
	ASSERT_EQ(9, n[1]);
	ASSERT_EQ(-42, n[2]);
	ASSERT_EQ(1, n[3]);
	/* Without values: those of the code. */
	slot.kernel = 2;
	ASSERT_EQ(0, rig_build(&r, 2, format, code, bytes, NULL, 0, &built));
	ASSERT_EQ(0, rig_launch(&r, &slot));
	ASSERT_EQ(0, rig_out(&r));
	ASSERT_EQ(1, n[0]);
	ASSERT_EQ(6, n[1]);
	ASSERT_EQ(-2, n[2]);
	ASSERT_EQ(0, n[3]);
	ASSERT_EQ(0, rig_close(&r));
}

PROVIDER_TEST(specs_spirv)
{
	specs(_metadata, provider, VGPU_KERNEL_SPIRV, spec_spirv,
	      sizeof(spec_spirv));
}

PROVIDER_TEST(specs_wgsl)
{
	specs(_metadata, provider, VGPU_KERNEL_WGSL, spec_wgsl,
	      sizeof(spec_wgsl) - 1);
}

/* Each launch reads what the one before wrote, with other constants. */
PROVIDER_TEST(chain)
{
	struct vgpu_engine_built built;
	struct vgpu_engine_slot slot;
	uint32_t i, *n, sum = 0;
	struct rig r;

	ASSERT_EQ(0, rig_open(&r, provider, 1 << 20, 20));
	n = r.vram;
	n[64] = 1;
	ASSERT_EQ(0, rig_build(&r, 3, VGPU_KERNEL_SPIRV, add_spirv,
			       sizeof(add_spirv), NULL, 0, &built));
	ASSERT_EQ(0, rig_submit(&r, VGPU_ENGINE_FLUSH, 0, 4096, 2));
	for (i = 0; i < 100; i++) {
		slot = add_slot(3, 1, i, 256, 512);
		ASSERT_EQ(0, rig_submit_launch(&r, &slot));
		ASSERT_EQ(0, rig_submit(&r, VGPU_ENGINE_COPY, 0, 512, 4));
		sum += i;
	}
	/* Launches that are out keep their kernel. */
	rig_ops->drop(r.e, 3);
	ASSERT_EQ(0, rig_submit(&r, VGPU_ENGINE_FLUSH, 0, 4096, 1));
	ASSERT_EQ(0, rig_drain(&r, 1));
	ASSERT_EQ(sum, n[0]);
	ASSERT_EQ(-EINVAL, rig_launch(&r, &slot));
	ASSERT_EQ(0, rig_close(&r));
}

/* Bytes read from the mapping are those that an earlier FLUSH put there. */
PROVIDER_TEST(flush_order)
{
	struct rig r;
	uint32_t *n;

	ASSERT_EQ(0, rig_open(&r, provider, 65536, 16));
	n = r.vram;
	ASSERT_EQ(0, rig_submit(&r, VGPU_ENGINE_CLEAR, 0, 65536, 0x11223344));
	ASSERT_EQ(0, rig_submit(&r, VGPU_ENGINE_FLUSH, 0, 65536, 1));
	ASSERT_EQ(0, rig_submit(&r, VGPU_ENGINE_CLEAR, 0, 65536, 0));
	ASSERT_EQ(0, rig_submit(&r, VGPU_ENGINE_FLUSH, 4096, 4096, 2));
	ASSERT_EQ(0, rig_drain(&r, 1));
	ASSERT_EQ(0x11223344, n[0]);
	ASSERT_EQ(0, rig_out(&r));
	ASSERT_EQ(0, n[1023]);
	ASSERT_EQ(0x11223344, n[1024]);
	ASSERT_EQ(0x11223344, n[2047]);
	ASSERT_EQ(0, n[2048]);
	ASSERT_EQ(0, rig_close(&r));
}

/* More than a step, over several banks, of which the last is short. */
PROVIDER_TEST(flush_large)
{
	size_t i, words = (40 << 20) / 4 + 1024;
	struct rig r;
	uint32_t *n;

	ASSERT_EQ(0, rig_open(&r, provider, words * 4, 25));
	n = r.vram;
	for (i = 0; i < words; i++)
		n[i] = i * 2654435761u;
	ASSERT_EQ(0, rig_in(&r));
	memset(n, 0, words * 4);
	ASSERT_EQ(0, rig_out(&r));
	for (i = 0; i < words; i++)
		if (n[i] != (uint32_t)i * 2654435761u)
			break;
	ASSERT_EQ(words, i);
	ASSERT_EQ(0, rig_close(&r));
}

/* Against memmove() and a loop: within a bank, over banks, overlapping. */
PROVIDER_TEST(copy_clear)
{
	static const struct {
		uint64_t to, from, bytes;
	} copies[] = {
		{ 0, 4096, 4096 }, { 65536 * 3, 0, 4096 },
		{ 100, 60, 200000 }, { 60, 100, 200000 },
		{ 65532, 8, 12 }, { 4, 65536 * 4, 65536 * 4 - 4 },
		{ 65536 * 2 - 8, 65536 * 5 + 4, 65536 + 16 },
	};
	size_t i, k, bytes = 65536 * 8;
	uint32_t *n, *want;
	struct rig r;

	ASSERT_EQ(0, rig_open(&r, provider, bytes, 16));
	n = r.vram;
	want = malloc(bytes);
	for (i = 0; i < bytes / 4; i++)
		want[i] = n[i] = i;
	ASSERT_EQ(0, rig_in(&r));
	for (k = 0; k < ARRAY_SIZE(copies); k++) {
		memmove((char *)want + copies[k].to,
			(char *)want + copies[k].from, copies[k].bytes);
		ASSERT_EQ(0, rig_run(&r, VGPU_ENGINE_COPY, copies[k].to,
				     copies[k].from, copies[k].bytes));
	}
	memset((char *)want + 65536 - 4, 0, 65536 * 2);
	ASSERT_EQ(0, rig_run(&r, VGPU_ENGINE_CLEAR, 65536 - 4, 65536 * 2, 0));
	for (i = 65536 * 5 / 4 - 1; i < 65536 * 7 / 4; i++)
		want[i] = 0xdeadbeef;
	ASSERT_EQ(0, rig_run(&r, VGPU_ENGINE_CLEAR, 65536 * 5 - 4,
			     65536 * 2 + 4, 0xdeadbeef));
	ASSERT_EQ(0, rig_out(&r));
	EXPECT_EQ(0, memcmp(n, want, bytes));
	free(want);
	ASSERT_EQ(0, rig_close(&r));
}

/* 4 MiB is what a copy within a bank goes through at a time. */
PROVIDER_TEST(copy_large)
{
	size_t i, bytes = 16 << 20, half = bytes / 4 / 2;
	struct rig r;
	uint32_t *n;

	ASSERT_EQ(0, rig_open(&r, provider, bytes, 24));
	n = r.vram;
	for (i = 0; i < bytes / 4; i++)
		n[i] = i;
	ASSERT_EQ(0, rig_in(&r));
	ASSERT_EQ(0, rig_run(&r, VGPU_ENGINE_COPY, 64, 0, bytes / 2));
	ASSERT_EQ(0, rig_out(&r));
	for (i = 0; i < half; i++)
		if (n[16 + i] != i)
			break;
	ASSERT_EQ(half, i);
	ASSERT_EQ(half + 16, n[half + 16]);
	ASSERT_EQ(0, rig_close(&r));
}

/* What the device cannot do, or nobody may ask for: refused, and no harm. */
PROVIDER_TEST(refused)
{
	struct vgpu_engine_slot good = add_slot(7, 64, 1, 4096, 8192), slot;
	struct vgpu_engine_built built;
	struct rig r;
	uint32_t i;

	ASSERT_EQ(0, rig_open(&r, provider, 1 << 20, 16));
	ASSERT_EQ(0, rig_build(&r, 7, VGPU_KERNEL_SPIRV, add_spirv,
			       sizeof(add_spirv), NULL, 0, &built));
	/* A number is given once. */
	ASSERT_EQ(-EINVAL, rig_build(&r, 7, VGPU_KERNEL_SPIRV, add_spirv,
				     sizeof(add_spirv), NULL, 0, &built));
	for (i = 0; i < 3; i++) {
		slot = good;
		slot.grid[i] = r.info->max_grid[i] + 1;
		ASSERT_EQ(-EOPNOTSUPP, rig_launch(&r, &slot));
		slot.grid[i] = 0;
		ASSERT_EQ(-EINVAL, rig_launch(&r, &slot));
		slot = good;
		slot.ranges[i].address += 4;
		ASSERT_EQ(-EINVAL, rig_launch(&r, &slot));
		slot = good;
		slot.ranges[i].bytes = 0;
		ASSERT_EQ(-EINVAL, rig_launch(&r, &slot));
		/* Out of its bank. */
		slot.ranges[i].bytes = 65536 + 4;
		ASSERT_EQ(-EINVAL, rig_launch(&r, &slot));
		slot.ranges[i].address = 1 << 20;
		ASSERT_EQ(-EINVAL, rig_launch(&r, &slot));
	}
	slot = good;
	slot.n_ranges = 2;
	ASSERT_EQ(-EINVAL, rig_launch(&r, &slot));
	slot = good;
	slot.const_bytes = 132;
	ASSERT_EQ(-EINVAL, rig_launch(&r, &slot));
	slot = good;
	slot.ranges[2].address = 4096;
	ASSERT_EQ(-EINVAL, rig_launch(&r, &slot));
	slot = good;
	slot.kernel = 8;
	ASSERT_EQ(-EINVAL, rig_launch(&r, &slot));
	ASSERT_EQ(-EOPNOTSUPP, rig_run(&r, 99, 0, 0, 0));
	ASSERT_EQ(-EINVAL, rig_run(&r, VGPU_ENGINE_COPY, 0, 1 << 20, 4));
	ASSERT_EQ(-EINVAL, rig_run(&r, VGPU_ENGINE_COPY, 2, 8, 4));
	ASSERT_EQ(-EINVAL, rig_run(&r, VGPU_ENGINE_CLEAR, 0, 2 << 20, 0));
	ASSERT_EQ(-EINVAL, rig_run(&r, VGPU_ENGINE_FLUSH, 0, 0, 1));
	ASSERT_EQ(-EINVAL, rig_run(&r, VGPU_ENGINE_FLUSH, 0, 4096, 3));
	ASSERT_EQ(0, rig_launch(&r, &good));
	ASSERT_EQ(0, rig_close(&r));
}

/* wgpu-native on lavapipe binds 128 MiB at most. */
VGPU_TEST(range_limit)
{
	struct vgpu_engine_slot slot = add_slot(1, 64, 1, 4096, 8192);
	struct vgpu_engine_built built;
	struct rig r;

	ASSERT_EQ(0, rig_open(&r, RIG_NATIVE, 256 << 20, 28));
	ASSERT_LT(r.info->max_range_bytes, 255 << 20);
	ASSERT_EQ(0, rig_build(&r, 1, VGPU_KERNEL_SPIRV, add_spirv,
			       sizeof(add_spirv), NULL, 0, &built));
	slot.ranges[2].bytes = r.info->max_range_bytes;
	ASSERT_EQ(0, rig_launch(&r, &slot));
	slot.ranges[2].bytes += 4;
	ASSERT_EQ(-EOPNOTSUPP, rig_launch(&r, &slot));
	ASSERT_EQ(0, rig_close(&r));
}

/* One line about code that nobody can run. */
PROVIDER_TEST(bad_code)
{
	static const char wgsl[] =
		"@compute @workgroup_size(1) fn main() { nonsense(; }\n";
	static const char types[] =
		"@group(0) @binding(0) var<storage, read_write> o: array<u32>;\n"
		"@compute @workgroup_size(1) fn main() { o[0] = 1.5f; }\n";
	struct vgpu_engine_built built;
	struct rig r;

	ASSERT_EQ(0, rig_open(&r, provider, 65536, 16));
	ASSERT_EQ(-EINVAL, rig_build(&r, 1, VGPU_KERNEL_WGSL, wgsl,
				     sizeof(wgsl) - 1, NULL, 0, &built));
	EXPECT_NE(0, built.message[0]);
	EXPECT_EQ(NULL, strchr(built.message, '\n'));
	ASSERT_EQ(-EINVAL, rig_build(&r, 1, VGPU_KERNEL_WGSL, types,
				     sizeof(types) - 1, NULL, 0, &built));
	EXPECT_NE(NULL, strstr(built.message, "WebGPU refuses the kernel: "));
	EXPECT_EQ(NULL, strchr(built.message, '\n'));
	ASSERT_EQ(-EINVAL, rig_build(&r, 1, VGPU_KERNEL_SPIRV, add_spirv,
				     sizeof(add_spirv) / 2 & ~3u, NULL, 0,
				     &built));
	EXPECT_NE(0, built.message[0]);
	ASSERT_EQ(-EOPNOTSUPP, rig_build(&r, 1, VGPU_KERNEL_SPIRV, int16_spirv,
					 sizeof(int16_spirv), NULL, 0,
					 &built));
	EXPECT_NE(NULL, strstr(built.message, "16"));
	ASSERT_EQ(0, rig_run(&r, VGPU_ENGINE_NOP, 0, 0, 0));
	ASSERT_EQ(0, rig_close(&r));
}

/* As many commands as may be out, and what ends a wait. */
PROVIDER_TEST(depth)
{
	struct vgpu_engine_completion done[1];
	struct rig r;
	uint32_t i;

	ASSERT_EQ(0, rig_open(&r, provider, 65536, 16));
	EXPECT_EQ(0, rig_ops->wait(r.e, done, 1, 0));
	rig_ops->wake(r.e);
	EXPECT_EQ(0, rig_ops->wait(r.e, done, 1, rig_now() + 60 * RIG_SECOND));
	for (i = 0; i < VGPU_EXECUTOR_DEPTH; i++)
		ASSERT_EQ(0, rig_submit(&r, VGPU_ENGINE_NOP, 0, 0, 0));
	ASSERT_EQ(-EAGAIN, rig_submit(&r, VGPU_ENGINE_NOP, 0, 0, 0));
	r.tag--;
	ASSERT_EQ(0, rig_drain(&r, 1));
	ASSERT_EQ(0, rig_close(&r));
}

/* A close waits for what is out. */
PROVIDER_TEST(close_waits)
{
	struct vgpu_engine_built built;
	struct vgpu_engine_slot slot;
	struct rig r;
	uint32_t i;

	ASSERT_EQ(0, rig_open(&r, provider, 1 << 20, 20));
	ASSERT_EQ(0, rig_build(&r, 1, VGPU_KERNEL_SPIRV, add_spirv,
			       sizeof(add_spirv), NULL, 0, &built));
	slot = add_slot(1, 60000, 1, 240128, 480256);
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, rig_submit_launch(&r, &slot));
	ASSERT_EQ(0, rig_close(&r));
}

PROVIDER_TEST(info)
{
	struct rig r;

	ASSERT_EQ(0, rig_open(&r, provider, 65536, 16));
	TH_LOG("%s; %s; %u ranges of %llu bytes", r.info->name, r.info->driver,
	       r.info->max_ranges, r.info->max_range_bytes);
	EXPECT_NE(0, r.info->name[0]);
	EXPECT_EQ(VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL,
		  r.info->features & (VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL |
				      VGPU_FEATURE_ALIAS | VGPU_FEATURE_INT16));
	EXPECT_EQ(0, r.info->shared);
	EXPECT_EQ(65535, r.info->max_grid[2]);
	EXPECT_EQ(VGPU_ENGINE_CPU, r.info->type);
	EXPECT_GE(16, r.info->max_ranges);
	EXPECT_LE(7, r.info->max_ranges);
	EXPECT_EQ(0, r.info->max_bank_bytes & (r.info->max_bank_bytes - 1));
	ASSERT_EQ(0, rig_close(&r));
}

/* Devices by number and name, and what there is not. */
PROVIDER_TEST(choose)
{
	static const struct {
		const char *device;
		uint32_t flags;
		int error;
	} choices[] = {
		{ "0", 0, 0 }, { "e", VGPU_EXECUTOR_CPU, 0 },
		{ "12", 0, -ENODEV }, { "no such GPU", 0, -ENODEV },
		{ NULL, VGPU_EXECUTOR_GPU, -ENODEV }, { NULL, 1u << 30, -EINVAL },
	};
	struct vgpu_executor_options options = { .bank_shift = 20 };
	struct vgpu_message msg;
	uint32_t i;
	void *e;

	vgpu_message_init(&msg);
	rig_use(provider);
	for (i = 0; i < ARRAY_SIZE(choices); i++) {
		options.device = choices[i].device;
		options.flags = choices[i].flags;
		msg.text[0] = 0;
		ASSERT_EQ(choices[i].error, rig_ops->open(&options, &msg, &e))
			TH_LOG("%u: %s", i, msg.text);
		EXPECT_EQ(!choices[i].error, !msg.text[0]);
		if (!choices[i].error)
			ASSERT_EQ(0, rig_ops->close(e, rig_now() + RIG_SECOND));
	}
	options.flags = 0;
	options.device = NULL;
	options.bank_shift = 31;
	ASSERT_EQ(-EINVAL, rig_ops->open(&options, &msg, &e));
}

VGPU_TEST(no_provider)
{
	struct vgpu_executor_options options = { .bank_shift = 20 };
	struct vgpu_message msg;
	void *e;

	vgpu_message_init(&msg);
	setenv("VGPU_WGPU_LIB", "/nonexistent.so", 1);
	ASSERT_EQ(-ENODEV, rig_ops->open(&options, &msg, &e));
	EXPECT_NE(NULL, strstr(msg.text, "VGPU_WGPU_LIB"));
	/* A library that is something else. */
	setenv("VGPU_WGPU_LIB", "libm.so.6", 1);
	ASSERT_EQ(-ENODEV, rig_ops->open(&options, &msg, &e));
	EXPECT_NE(NULL, strstr(msg.text, "wgpu"));
}

/* The fake one, with a kernel that is there. */
static void fake_open(struct __test_metadata *_metadata, struct rig *r,
		      const char *mode)
{
	struct vgpu_engine_built built;

	setenv("VGPU_FAKE", mode, 1);
	ASSERT_EQ(0, rig_open(r, RIG_FAKE, 65536, 16))
		TH_LOG("%s", r->msg.text);
	ASSERT_EQ(0, rig_build(r, 1, VGPU_KERNEL_SPIRV, add_spirv,
			       sizeof(add_spirv), NULL, 0, &built));
}

VGPU_TEST(fake_works)
{
	struct vgpu_engine_slot slot = add_slot(1, 64, 1, 4096, 8192);
	struct rig r;

	fake_open(_metadata, &r, "");
	ASSERT_EQ(0, rig_launch(&r, &slot));
	ASSERT_EQ(0, rig_close(&r));
}

VGPU_TEST(fake_badinfo)
{
	struct rig r;

	setenv("VGPU_FAKE", "badinfo", 1);
	ASSERT_EQ(-EIO, rig_open(&r, RIG_FAKE, 65536, 16));
	EXPECT_NE(NULL, strstr(r.msg.text, "impossible limits"));
}

VGPU_TEST(fake_refuse)
{
	struct vgpu_engine_built built;
	struct rig r;

	setenv("VGPU_FAKE", "refuse", 1);
	ASSERT_EQ(0, rig_open(&r, RIG_FAKE, 65536, 16));
	ASSERT_EQ(-EINVAL, rig_build(&r, 1, VGPU_KERNEL_SPIRV, add_spirv,
				     sizeof(add_spirv), NULL, 0, &built));
	EXPECT_STREQ("WebGPU refuses the kernel: no such thing 1 | x ^",
		     built.message);
	ASSERT_EQ(0, rig_close(&r));
}

VGPU_TEST(fake_oom)
{
	struct vgpu_engine_slot slot = add_slot(1, 64, 1, 4096, 8192);
	struct rig r;

	fake_open(_metadata, &r, "oom");
	EXPECT_EQ(-ENOMEM, rig_launch(&r, &slot));
	EXPECT_EQ(-ENOMEM, rig_run(&r, VGPU_ENGINE_CLEAR, 0, 64, 1));
	EXPECT_EQ(-ENOMEM, rig_run(&r, VGPU_ENGINE_CLEAR, 0, 64, 0));
	EXPECT_EQ(-ENOMEM, rig_run(&r, VGPU_ENGINE_COPY, 0, 64, 64));
	EXPECT_EQ(-ENOMEM, rig_in(&r));
	EXPECT_EQ(-ENOMEM, rig_out(&r));
	EXPECT_EQ(0, rig_run(&r, VGPU_ENGINE_NOP, 0, 0, 0));
	ASSERT_EQ(0, rig_close(&r));
}

/* An error that no scope caught fails its command, and no other. */
VGPU_TEST(fake_error)
{
	struct vgpu_engine_slot slot = add_slot(1, 64, 1, 4096, 8192);
	struct rig r;

	fake_open(_metadata, &r, "error");
	EXPECT_EQ(-EIO, rig_launch(&r, &slot));
	EXPECT_EQ(0, rig_run(&r, VGPU_ENGINE_NOP, 0, 0, 0));
	EXPECT_EQ(-EIO, rig_launch(&r, &slot));
	ASSERT_EQ(0, rig_close(&r));
}

VGPU_TEST(fake_lost)
{
	struct vgpu_engine_slot slot = add_slot(1, 64, 1, 4096, 8192);
	struct vgpu_engine_completion done[1];
	struct vgpu_engine_built built;
	struct rig r;

	fake_open(_metadata, &r, "lost");
	ASSERT_EQ(0, rig_submit_launch(&r, &slot));
	ASSERT_EQ(0, rig_submit_launch(&r, &slot));
	EXPECT_EQ(-EIO, rig_ops->wait(r.e, done, 1, rig_now() + RIG_SECOND));
	EXPECT_EQ(-EIO, rig_submit_launch(&r, &slot));
	EXPECT_EQ(-EIO, rig_build(&r, 2, VGPU_KERNEL_SPIRV, add_spirv,
				  sizeof(add_spirv), NULL, 0, &built));
	EXPECT_STREQ("WebGPU refuses the kernel: the WebGPU device is lost",
		     built.message);
	ASSERT_EQ(0, rig_close(&r));
}

/* What never ends is left behind; a test of leaks would find it. */
static void hung(struct __test_metadata *_metadata, const char *mode)
{
	struct vgpu_engine_slot slot = add_slot(1, 64, 1, 4096, 8192);
	struct rig r;

	fake_open(_metadata, &r, mode);
	ASSERT_EQ(0, rig_submit_launch(&r, &slot));
	EXPECT_EQ(-EBUSY, rig_ops->close(r.e, rig_now() + RIG_SECOND / 10));
}

TEST(fake_stall)
{
	hung(_metadata, "stall");
}

TEST(fake_hang)
{
	hung(_metadata, "hang");
}

/* What only a process of its own survives. */
VGPU_TEST(fake_abort)
{
	struct vgpu_engine_slot slot = add_slot(1, 64, 1, 4096, 8192);
	struct rig r;
	int status;
	pid_t pid;

	fake_open(_metadata, &r, "abort");
	pid = fork();
	if (!pid) {
		rig_submit_launch(&r, &slot);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ASSERT_EQ(0, rig_close(&r));
}

TEST_HARNESS_MAIN
