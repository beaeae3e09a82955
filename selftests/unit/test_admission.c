// SPDX-License-Identifier: MIT
/*
 * Admission: what passes and what is said about it, each refusal with its
 * errno and line, and the form that WebGPU gets.
 */
#include "vgpu_test.h"
#include <errno.h>
#include <string.h>
#include <spirv/unified1/spirv.h>
#include "admission/spirv.h"

static const uint32_t all[] =
#include "adm_all.inc"
;
static const uint32_t floats64[] =
#include "adm_double.inc"
;
static const uint32_t uniform[] =
#include "adm_uniform.inc"
;
static const uint32_t push[] =
#include "adm_push.inc"
;
static const uint32_t other_set[] =
#include "adm_set.inc"
;
static const uint32_t array[] =
#include "adm_array.inc"
;
static const uint32_t divide[] =
#include "adm_fold.inc"
;

/* A descriptor with what follows it, and what came of it. */
struct trial {
	struct vgpu_kernel_desc desc;
	struct vgpu_kernel_spec specs[VGPU_MAX_SPECS + 1];
	uint32_t words[4096];
	struct vgpu_engine_info limits;
	struct vgpu_admitted out;
	struct vgpu_message msg;
	uint32_t flags;
	int cut;	/* bytes that are not given */
};

static struct trial t;

static void begin(uint32_t format, const void *code, size_t bytes)
{
	memset(&t, 0, sizeof(t));
	vgpu_message_init(&t.msg);
	t.desc.format = format;
	t.desc.code_bytes = (uint32_t)bytes;
	memcpy(t.desc.entry, "main", sizeof("main"));
	memcpy(t.words, code, bytes);
	t.limits.features = VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL;
	t.limits.max_workgroup[0] = 256;
	t.limits.max_workgroup[1] = 256;
	t.limits.max_workgroup[2] = 64;
	t.limits.max_invocations = 512;
	t.limits.max_shared_bytes = 16384;
	t.limits.max_ranges = VGPU_MAX_RANGES;
	t.limits.api_version = 1u << 22 | 1 << 12;
}

#define spirv(code)	begin(VGPU_KERNEL_SPIRV, code, sizeof(code))
#define wgsl(code)	begin(VGPU_KERNEL_WGSL, code, strlen(code))

static void spec(uint32_t id, uint32_t bytes, uint64_t value)
{
	t.specs[t.desc.n_specs++] = (struct vgpu_kernel_spec){
		.id = id, .bytes = bytes, .value = value,
	};
}

static int admit(void)
{
	size_t specs = t.desc.n_specs * sizeof(*t.specs), bytes;
	uint8_t *flat;
	int rc;

	bytes = sizeof(t.desc) + specs + t.desc.code_bytes;
	flat = malloc(bytes);
	if (!flat)
		return -ENOMEM;
	memcpy(flat, &t.desc, sizeof(t.desc));
	memcpy(flat + sizeof(t.desc), t.specs, specs);
	memcpy(flat + sizeof(t.desc) + specs, t.words,
	       t.desc.code_bytes <= sizeof(t.words) ? t.desc.code_bytes : 0);
	rc = vgpu_admit(flat, bytes - (size_t)t.cut, &t.limits, t.flags, &t.out,
			&t.msg);
	free(flat);
	return rc;
}

/* It is refused so, in one line that says this. */
#define REFUSED(error, says) do {					\
	ASSERT_EQ(-(error), admit());					\
	if (!strstr(t.msg.text, says) || strchr(t.msg.text, '\n'))	\
		TH_LOG("line: %s", t.msg.text);				\
	EXPECT_NE(NULL, strstr(t.msg.text, says));			\
	EXPECT_EQ(NULL, strchr(t.msg.text, '\n'));			\
	EXPECT_EQ(NULL, t.out.code);					\
} while (0)

#define ADMITTED() do {							\
	int rc = admit();						\
	if (rc)								\
		TH_LOG("line: %s", t.msg.text);				\
	ASSERT_EQ(0, rc);						\
} while (0)

/* The first instruction of an opcode in what is to be admitted. */
static uint32_t *find(uint32_t opcode, uint32_t operand, uint32_t value)
{
	uint32_t *in = t.words + VGPU_SPIRV_HEADER;

	for (; in < t.words + t.desc.code_bytes / 4; in += vgpu_spirv_len(in))
		if (vgpu_spirv_op(in) == opcode &&
		    (!operand || in[operand] == value))
			return in;
	return NULL;
}

static bool out_has(uint32_t opcode, uint32_t operand, uint32_t value)
{
	const uint32_t *in = t.out.code, *end = in + t.out.code_bytes / 4;

	for (in += VGPU_SPIRV_HEADER; in < end; in += vgpu_spirv_len(in))
		if (vgpu_spirv_op(in) == opcode &&
		    (!operand || in[operand] == value))
			return true;
	return false;
}

VGPU_TEST(descriptor)
{
	spirv(push);
	t.cut = 1;
	REFUSED(EINVAL, "by its descriptor");
	spirv(push);
	t.cut = (int)(sizeof(push) + 1);
	REFUSED(EINVAL, "descriptor is cut off after 79 bytes");
	spirv(push);
	t.desc.flags = 4;
	REFUSED(EINVAL, "flags are 0x4");
	spirv(push);
	t.desc.format = 9;
	REFUSED(EINVAL, "format is 9");
	spirv(push);
	t.desc.code_bytes = 0;
	REFUSED(EINVAL, "no code");
	spirv(push);
	t.desc.code_bytes = VGPU_MAX_CODE_BYTES + 4;
	REFUSED(EOPNOTSUPP, "code is 16777220 bytes");
	spirv(push);
	t.desc.n_specs = VGPU_MAX_SPECS + 1;
	REFUSED(EOPNOTSUPP, "65 specialization constants");
	spirv(push);
	memset(t.desc.entry, 'x', sizeof(t.desc.entry));
	REFUSED(EINVAL, "no end");
	spirv(push);
	t.desc.entry[0] = 0;
	REFUSED(EINVAL, "name is empty");
}

VGPU_TEST(uses)
{
	spirv(all);
	spec(2, 4, 1);
	ADMITTED();
	EXPECT_EQ(0x2b, t.out.info.used);
	EXPECT_EQ(0x28, t.out.info.written);
	EXPECT_EQ(0x2b, t.out.bindings);
	EXPECT_EQ(28, t.out.info.const_bytes);
	EXPECT_EQ(1, t.out.info.workgroup[0]);
	EXPECT_EQ(2, t.out.info.workgroup[1]);
	EXPECT_EQ(64 * 3 * 4, t.out.shared_bytes);
	EXPECT_EQ(0, t.out.info.features);
	EXPECT_STREQ("main", t.out.entry);
	vgpu_admitted_fini(&t.out);
	EXPECT_EQ(NULL, t.out.code);
}

VGPU_TEST(specialised)
{
	spirv(all);
	spec(0, 4, 64);
	spec(1, 4, 5);
	ADMITTED();
	EXPECT_EQ(64, t.out.info.workgroup[0]);
	EXPECT_EQ(64 * 5 * 4, t.out.shared_bytes);
	EXPECT_EQ(0, t.out.n_specs);
	EXPECT_FALSE(out_has(SpvOpSpecConstant, 0, 0));
	EXPECT_FALSE(out_has(SpvOpSpecConstantOp, 0, 0));
	EXPECT_FALSE(out_has(SpvOpSpecConstantComposite, 0, 0));
	EXPECT_FALSE(out_has(SpvOpDecorate, 2, SpvDecorationSpecId));
	vgpu_admitted_fini(&t.out);

	spirv(all);
	spec(7, 4, 1);
	REFUSED(EINVAL, "no specialization constant 7; it has: 1, 2, 0");
	spirv(all);
	spec(1, 8, 1);
	REFUSED(EINVAL, "constant 1 has 8 bytes: the kernel's constant takes 4");
	spirv(all);
	spec(2, 8, 1);
	REFUSED(EINVAL, "constant 2 has 8 bytes");
	spirv(all);
	spec(1, 5, 1);
	REFUSED(EINVAL, "constant 1 has 5 bytes: 4 or 8");
	spirv(all);
	spec(1, 4, 1ull << 32);
	REFUSED(EINVAL, "more than 32 bits");
	spirv(all);
	spec(1, 4, 1);
	spec(1, 4, 1);
	REFUSED(EINVAL, "constant 1 is given twice");
}

/* What traps on a processor must not do so while constants are folded. */
VGPU_TEST(overflow)
{
	spirv(divide);
	ADMITTED();
	EXPECT_FALSE(out_has(SpvOpSpecConstantOp, 0, 0));
	vgpu_admitted_fini(&t.out);

	spirv(divide);
	spec(0, 4, 0x80000000);
	spec(1, 4, 0xffffffff);
	ADMITTED();
	EXPECT_FALSE(out_has(SpvOpSpecConstantOp, 0, 0));
	vgpu_admitted_fini(&t.out);
	spirv(divide);
	spec(1, 4, 0);
	REFUSED(EINVAL, "divides by 0");
}

VGPU_TEST(limits)
{
	spirv(all);
	spec(0, 4, 257);
	REFUSED(EOPNOTSUPP, "workgroup is 257 x 2 x 1");
	spirv(all);
	spec(0, 4, 0);
	ASSERT_EQ(-EINVAL, admit());
	spirv(all);
	t.limits.max_invocations = 100;
	spec(0, 4, 64);
	REFUSED(EOPNOTSUPP, "more invocations than the 100");
	spirv(all);
	t.limits.max_shared_bytes = 767;
	REFUSED(EOPNOTSUPP, "768 bytes of workgroup memory");
	spirv(all);
	t.limits.max_ranges = 2;
	REFUSED(EOPNOTSUPP, "storage buffers, this device has at most 2");
}

VGPU_TEST(needs)
{
	spirv(floats64);
	REFUSED(EOPNOTSUPP, "capability Float64, which this device does not");
	t.limits.features |= VGPU_FEATURE_FLOAT64;
	ADMITTED();
	EXPECT_EQ(VGPU_FEATURE_FLOAT64, t.out.info.features);
	EXPECT_EQ(4, t.out.info.used);
	EXPECT_EQ(4, t.out.info.written);
	vgpu_admitted_fini(&t.out);

	spirv(push);
	find(SpvOpCapability, 0, 0)[1] = SpvCapabilityGeometry;
	REFUSED(EOPNOTSUPP, "capability Geometry, which no kernel may use");
	spirv(push);
	find(SpvOpCapability, 0, 0)[1] = 0x7fffffff;
	REFUSED(EOPNOTSUPP, "which no kernel may use");
	spirv(push);
	memcpy(find(SpvOpExtInstImport, 0, 0) + 2, "OpenCL.std", 10);
	REFUSED(EOPNOTSUPP, "imports the instructions OpenCL.std");
	spirv(push);
	t.limits.features = VGPU_FEATURE_WGSL;
	REFUSED(EOPNOTSUPP, "is SPIR-V, which this device does not take");
	wgsl("@compute @workgroup_size(1) fn main() {}");
	t.limits.features = VGPU_FEATURE_SPIRV;
	REFUSED(EOPNOTSUPP, "is WGSL, which this device does not take");
}

VGPU_TEST(resources)
{
	spirv(uniform);
	REFUSED(EOPNOTSUPP, "uses a uniform buffer");
	spirv(other_set);
	REFUSED(EOPNOTSUPP, "set 1, binding 0");
	spirv(array);
	REFUSED(EOPNOTSUPP, "array of storage buffers at binding 0");
	spirv(push);
	find(SpvOpDecorate, 2, SpvDecorationBinding)[3] = 16;
	REFUSED(EOPNOTSUPP, "set 0, binding 16");
}

VGPU_TEST(malformed)
{
	uint32_t i;

	spirv(push);
	t.desc.code_bytes -= 2;
	REFUSED(EINVAL, "no multiple of 4");
	spirv(push);
	t.desc.code_bytes -= 4;
	ASSERT_EQ(-EINVAL, admit());
	spirv(push);
	t.desc.code_bytes = 20;
	REFUSED(EINVAL, "cut off after 5 words");
	spirv(push);
	t.words[0] = __builtin_bswap32(t.words[0]);
	REFUSED(EINVAL, "other byte order");
	spirv(push);
	t.words[0] = 1;
	REFUSED(EINVAL, "no SPIR-V: it begins with 0x00000001");
	spirv(push);
	t.words[5] = SpvOpCapability;
	REFUSED(EINVAL, "at word 5 of");
	spirv(push);
	t.words[3] = VGPU_SPIRV_MAX_BOUND + 1;
	REFUSED(EOPNOTSUPP, "ids go up to 4194305");
	spirv(push);
	t.words[3] = 3;
	REFUSED(EINVAL, "against its bound");
	spirv(push);
	find(SpvOpReturn, 0, 0)[0] = 1u << 16 | SpvOpNop;
	ASSERT_EQ(-EINVAL, admit());
	spirv(push);
	memcpy(t.desc.entry, "other", sizeof("other"));
	REFUSED(EINVAL, "no compute entry point 'other'; it has: main");
	/* Wherever it is cut off, it is refused. */
	for (i = 4; i < sizeof(push); i += 4) {
		spirv(push);
		t.desc.code_bytes = i;
		ASSERT_EQ(-EINVAL, admit());
	}
}

/* Types, one in another, before SPIRV-Tools sees them. */
VGPU_TEST(deep)
{
	uint32_t *in, i;

	spirv(push);
	in = t.words + VGPU_SPIRV_HEADER;
	t.words[3] = 200;
	*in++ = 3u << 16 | SpvOpTypeFloat;
	*in++ = 1;
	*in++ = 32;
	for (i = 2; i < 100; i++) {
		*in++ = 3u << 16 | SpvOpTypeRuntimeArray;
		*in++ = i;
		*in++ = i - 1;
	}
	t.desc.code_bytes = (uint32_t)(in - t.words) * 4;
	REFUSED(EOPNOTSUPP, "types nest deeper than 64 levels");
}

VGPU_TEST(webgpu)
{
	struct vgpu_spirv m;
	struct vgpu_admitted again = { .entry = "main" };

	spirv(push);
	ASSERT_NE(NULL, find(SpvOpMemberDecorate, 3, SpvDecorationNonWritable));
	t.flags = VGPU_ADMIT_WEBGPU;
	ADMITTED();
	EXPECT_EQ(3, t.out.info.used);
	EXPECT_EQ(2, t.out.info.written);
	EXPECT_EQ(36, t.out.info.const_bytes);
	EXPECT_EQ(3 | 1u << VGPU_CONST_BINDING, t.out.bindings);
	EXPECT_FALSE(out_has(SpvOpMemberDecorate, 3, SpvDecorationNonWritable));
	EXPECT_FALSE(out_has(SpvOpMemberDecorate, 3, SpvDecorationNonReadable));
	EXPECT_FALSE(out_has(SpvOpVariable, 3, SpvStorageClassPushConstant));
	EXPECT_FALSE(out_has(SpvOpTypePointer, 2, SpvStorageClassPushConstant));
	EXPECT_TRUE(out_has(SpvOpDecorate, 3, VGPU_CONST_BINDING));
	ASSERT_EQ(0, vgpu_spirv_validate(t.out.code, t.out.code_bytes / 4,
					 t.limits.api_version, &t.msg));
	/* Seen again, there is a storage buffer at a binding that is none. */
	ASSERT_EQ(0, vgpu_spirv_index(&m, t.out.code, t.out.code_bytes / 4,
				      &t.msg));
	EXPECT_EQ(-EOPNOTSUPP, vgpu_spirv_reflect(&m, &again, &t.msg));
	EXPECT_NE(NULL, strstr(t.msg.text, "set 0, binding 16"));
	vgpu_spirv_fini(&m);
	vgpu_admitted_fini(&t.out);

	/* Without the flag all stays. */
	spirv(push);
	ADMITTED();
	EXPECT_EQ(3, t.out.bindings);
	EXPECT_TRUE(out_has(SpvOpVariable, 3, SpvStorageClassPushConstant));
	vgpu_admitted_fini(&t.out);
}

static const char good_wgsl[] =
	"enable f16; /* a /* nested */ comment */\n"
	"struct consts { n: u32, v: vec3<f32>, m: array<f32, 4> }\n"
	"@id(3) override side: u32 = 4; const other = 2u;\n"
	"@group(0) @binding(0) var<storage> a: array<u32>;\n"
	"@group(0) @binding(1) var<storage, read_write> b: array<u32>;\n"
	"@group(0) @binding(2) var<storage, read_write> c: array<u32>;\n"
	"// @group(0) @binding(4) var<storage> e: array<u32>;\n"
	"@group(0) @binding(16) var<storage, read> k: consts;\n"
	"@group(1) @binding(0) var t: texture_2d<f32>;\n"
	"fn get(i: u32) -> u32 { return a[i] + k.n; }\n"
	"fn put(i: u32) { let c = get(i); b[i] = c; }\n"
	"@compute @workgroup_size(side, other) fn main(\n"
	"@builtin(global_invocation_id) g: vec3<u32>) {\n"
	"  for (var t = 0u; t < 2u; t++) { put(t + g.x); } }\n";

VGPU_TEST(wgsl_good)
{
	wgsl(good_wgsl);
	t.limits.features |= VGPU_FEATURE_FLOAT16;
	spec(3, 4, 8);
	ADMITTED();
	EXPECT_EQ(3, t.out.info.used);
	EXPECT_EQ(2, t.out.info.written);
	EXPECT_EQ(48, t.out.info.const_bytes);
	EXPECT_EQ(3 | 1u << 16, t.out.bindings);
	EXPECT_EQ(8, t.out.info.workgroup[0]);
	EXPECT_EQ(2, t.out.info.workgroup[1]);
	EXPECT_EQ(1, t.out.info.workgroup[2]);
	EXPECT_EQ(VGPU_FEATURE_FLOAT16, t.out.info.features);
	EXPECT_EQ(1, t.out.n_specs);
	EXPECT_STREQ(good_wgsl, t.out.code);
	vgpu_admitted_fini(&t.out);
}

#define MAIN "@compute @workgroup_size(1) fn main() "

VGPU_TEST(wgsl_refused)
{
	wgsl(good_wgsl);
	REFUSED(EOPNOTSUPP, "uses f16, which this device does not have");
	wgsl("enable subgroups; " MAIN "{}");
	REFUSED(EOPNOTSUPP, "enables 'subgroups'");
	wgsl(MAIN "{ let x = 1lf; let y: f64 = x; }");
	REFUSED(EOPNOTSUPP, "uses f64");
	wgsl("fn main() {}");
	REFUSED(EINVAL, "no function 'main' with @compute");
	wgsl(MAIN "{");
	ASSERT_EQ(0, admit());
	vgpu_admitted_fini(&t.out);
	wgsl("/* " MAIN "{}");
	REFUSED(EINVAL, "comment without an end");
	begin(VGPU_KERNEL_WGSL, MAIN "{}\0", sizeof(MAIN) + 2);
	REFUSED(EINVAL, "zero byte");
	wgsl("const a = 1; const a = 2; " MAIN "{}");
	REFUSED(EINVAL, "declares 'a' twice");
	wgsl("var<storage> a: u32; " MAIN "{ _ = a; }");
	REFUSED(EINVAL, "'a' needs @group and @binding");
	wgsl("@group(0) @binding(1) var<uniform> a: u32; " MAIN "{ _ = a; }");
	REFUSED(EOPNOTSUPP, "uses 'a', which is no var<storage>");
	wgsl("@group(1) @binding(1) var<storage> a: u32; " MAIN "{ _ = a; }");
	REFUSED(EOPNOTSUPP, "group 1, binding 1");
	wgsl("@group(0) @binding(17) var<storage> a: u32; " MAIN "{ _ = a; }");
	REFUSED(EOPNOTSUPP, "group 0, binding 17");
	wgsl("@group(0) @binding(16) var<storage, read_write> a: u32; " MAIN
	     "{ a = 1; }");
	REFUSED(EOPNOTSUPP, "declare it var<storage, read>");
	wgsl("@group(0) @binding(16) var<storage> a: mat4x4<f32>; "
	     "alias m = array<mat4x4f, 3>; " MAIN "{ _ = a; }");
	ADMITTED();
	EXPECT_EQ(64, t.out.info.const_bytes);
	vgpu_admitted_fini(&t.out);
	wgsl("@group(0) @binding(16) var<storage> a: m; "
	     "alias m = array<mat4x4f, 3>; " MAIN "{ _ = a; }");
	REFUSED(EOPNOTSUPP, "192 bytes of constants");
	wgsl("@compute @workgroup_size(1 + 1) fn main() {}");
	REFUSED(EINVAL, "workgroup's size of 'main' is not known");
	wgsl("@compute @workgroup_size(0) fn main() {}");
	REFUSED(EINVAL, "0 x 1 x 1");
	wgsl(MAIN "{}");
	spec(1, 4, 1);
	REFUSED(EINVAL, "no override with @id(1)");
	wgsl("@id(1) override a: u32; " MAIN "{}");
	spec(1, 8, 1);
	REFUSED(EINVAL, "@id(1) has 8 bytes");
	/* A line that ends where only Unicode sees it. */
	wgsl("@group(0) @binding(1) var<storage> a: u32; " MAIN
	     "{ // \xe2\x80\xa8 _ = a;\n }");
	ADMITTED();
	EXPECT_EQ(2, t.out.info.used);
	vgpu_admitted_fini(&t.out);
}

TEST_HARNESS_MAIN
