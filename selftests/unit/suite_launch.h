/* SPDX-License-Identifier: MIT */
/*
 * Cases of the shader suite: what comes with a kernel and with a launch:
 * constants of both kinds, entry points, grids, and WGSL.
 */
#ifndef VGPU_SUITE_LAUNCH_H
#define VGPU_SUITE_LAUNCH_H

#include "suite.h"
#include "suite_groups.h"

static const uint32_t code_push[] =
#include "s_push.inc"
;
static const uint32_t code_push_part[] =
#include "s_push_part.inc"
;
static const uint32_t code_spec[] =
#include "s_spec.inc"
;
static const uint32_t code_entries[] =
#include "s_entries.inc"
;
static const uint32_t code_grid[] =
#include "s_grid.inc"
;
static const uint32_t code_cube[] =
#include "s_cube.inc"
;

/* A launch of the kernel of 1 workgroup that fills one buffer of words. */
static inline int suite_fill(struct suite *s, const void *consts,
			     uint32_t const_bytes, uint32_t *out,
			     uint32_t words)
{
	struct vgpu_launch_args args;
	uint64_t at;
	int ret;

	ret = suite_alloc(s, words * 4, &at);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at, words * 4, "rw");
	if (const_bytes)
		vgpu_launch_args_consts(&args, consts, const_bytes);
	ret = suite_launch(s, 1, 1, 1, &args);
	return ret ? ret : suite_get(s, out, at, words * 4);
}

/* Some of them are floats: any that is not a number is kept as it is, too. */
static inline int run_push(struct suite *s)
{
	uint32_t consts[32], out[34], want[34], i, seed = 1;
	int ret;

	for (i = 0; i < 32; i++)
		consts[i] = suite_random(&seed) & 0xbfffffff;
	memcpy(want, consts, sizeof(consts));
	want[32] = consts[consts[30] & 15];
	want[33] = 34;
	ret = suite_spirv(s, code_push, sizeof(code_push));
	if (!ret)
		ret = suite_fill(s, consts, sizeof(consts), out, 34);
	return ret ? ret : suite_same(s, "word", out, want, sizeof(want), 4);
}

static inline int run_push_part(struct suite *s)
{
	const uint32_t consts[10] = { 1, 2, 3, 4, 5, 600, 7, 8, 9000, 10 };
	const uint32_t want[4] = { 600, 9000, 10, 600 * 9000 + 10 };
	struct vgpu_kernel_usage usage;
	uint32_t out[4];
	int ret;

	ret = suite_spirv(s, code_push_part, sizeof(code_push_part));
	if (ret)
		return ret;
	if (vgpu_kernel_get_usage(s->dev, s->kernel, &usage) ||
	    usage.const_bytes != 40)
		return suite_wrong(s, "needs %u bytes of constants, not 40",
				   usage.const_bytes);
	ret = suite_fill(s, consts, sizeof(consts), out, 4);
	return ret ? ret : suite_same(s, "word", out, want, sizeof(want), 4);
}

/* All given, some given, none given: but for the workgroup, which has to be. */
static inline int run_spec(struct suite *s)
{
	static const struct {
		uint32_t n, count;
		int32_t bias;
		float scale;
		uint32_t negate;
	} rounds[] = {
		{ 6, 21, -77, 1.25f, 1 },
		{ 3, 100, -5, 0.5f, 0 },
		{ 2, 3, -5, 0.5f, 0 },
	};
	uint32_t r, i, out[8 + 64], want[8 + 64];
	int ret = 0;

	for (r = 0; r < ARRAY_SIZE(rounds) && !ret; r++) {
		uint32_t count = rounds[r].count, scale;
		struct vgpu_kernel_constant constants[6] = {
			{ 10, 4, 16 }, { 11, 4, 4 },
			{ 0, 4, count },
			{ 7, 4, rounds[r].negate },
			{ 1, 4, (uint32_t)rounds[r].bias },
			{ 2, 4, 0 },
		};
		struct vgpu_kernel_options o = {
			.size = sizeof(o), .format = VGPU_KERNEL_FORMAT_SPIRV,
			.code = code_spec, .code_bytes = sizeof(code_spec),
			.constants = constants, .n_constants = rounds[r].n,
		};
		struct vgpu_kernel_usage usage;

		memcpy(&scale, &rounds[r].scale, 4);
		constants[5].value = scale;
		ret = suite_kernel_of(s, &o);
		if (ret)
			return ret;
		if (vgpu_kernel_get_usage(s->dev, s->kernel, &usage) ||
		    usage.group[0] != 16 || usage.group[1] != 4 ||
		    usage.group[2] != 1)
			return suite_wrong(s, "its workgroup is %ux%ux%u, not 16x4x1",
					   usage.group[0], usage.group[1],
					   usage.group[2]);
		want[0] = count;
		want[1] = rounds[r].bias;
		want[2] = scale;
		want[3] = rounds[r].negate;
		want[4] = count * 2 + 1;
		want[5] = rounds[r].negate ? rounds[r].bias : -rounds[r].bias;
		want[6] = 0;
		for (i = 0; i < want[4]; i++)
			want[6] += i + count;
		want[7] = 64;
		for (i = 0; i < 64; i++)
			want[8 + i] = i % 16 + 256 * (i / 16);
		ret = suite_fill(s, NULL, 0, out, 8 + 64);
		if (!ret)
			ret = suite_same(s, "word", out, want, sizeof(want),
					 4);
	}
	return ret;
}

/* Each entry point has its own bindings and its own workgroup. */
static inline int run_entries(struct suite *s)
{
	struct vgpu_kernel_options o = {
		.size = sizeof(o), .format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = code_entries, .code_bytes = sizeof(code_entries),
		.entry = "first",
	};
	const uint32_t in[4] = { 10, 20, 30, 40 };
	const uint32_t want[4] = { 11, 21, 31, 41 };
	const uint32_t second[4] = { 110, 210, 310, 410 };
	struct vgpu_kernel_usage usage;
	struct vgpu_launch_args args;
	uint32_t out[4];
	uint64_t a, b;
	int ret;

	ret = suite_kernel_of(s, &o);
	if (!ret)
		ret = suite_buffer(s, in, sizeof(in), &a);
	if (!ret)
		ret = suite_alloc(s, sizeof(out), &b);
	if (ret)
		return ret;
	vgpu_kernel_get_usage(s->dev, s->kernel, &usage);
	if (usage.used != 1 || usage.written != 1 || usage.group[0] != 4)
		return suite_wrong(s, "\"first\" uses %#x, writes %#x, by %u",
				   usage.used, usage.written, usage.group[0]);
	vgpu_launch_args_init(&args);
	suite_range(&args, a, 16, "rw");
	ret = suite_launch(s, 1, 1, 1, &args);
	if (!ret)
		ret = suite_get(s, out, a, 16);
	if (!ret)
		ret = suite_same(s, "first", out, want, 16, 4);
	if (ret)
		return ret;
	o.entry = "second";
	ret = suite_kernel_of(s, &o);
	if (ret)
		return ret;
	vgpu_kernel_get_usage(s->dev, s->kernel, &usage);
	if (usage.used != 9 || usage.written != 8 || usage.group[0] != 2)
		return suite_wrong(s, "\"second\" uses %#x, writes %#x, by %u",
				   usage.used, usage.written, usage.group[0]);
	vgpu_launch_args_init(&args);
	suite_range(&args, a, 16, "r");
	suite_range(&args, 0, 0, "");
	suite_range(&args, 0, 0, "");
	suite_range(&args, b, 16, "w");
	ret = suite_launch(s, 2, 1, 1, &args);
	if (!ret)
		ret = suite_get(s, out, b, 16);
	return ret ? ret : suite_same(s, "second", out, second, 16, 4);
}

static inline int grid_once(struct suite *s, uint64_t at, const uint32_t g[3])
{
	struct vgpu_launch_args args;
	uint32_t out[8], want[8] = { 0 }, k;
	uint64_t n[3] = { g[0], g[1], g[2] };
	int ret;

	ret = suite_do(s, "clear", vgpu_command_clear(at, 32, 0));
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at, 32, "rw");
	ret = suite_launch(s, g[0], g[1], g[2], &args);
	if (!ret)
		ret = suite_get(s, out, at, 32);
	if (ret)
		return ret;
	want[0] = n[0] * n[1] * n[2];
	want[1] = n[0] * (n[0] - 1) / 2 * n[1] * n[2] +
		  3 * (n[1] * (n[1] - 1) / 2 * n[0] * n[2]) +
		  7 * (n[2] * (n[2] - 1) / 2 * n[0] * n[1]);
	for (k = 0; k < 3; k++) {
		want[2 + k] = g[k] - 1;
		want[5 + k] = g[k];
	}
	return suite_same(s, "word", out, want, 32, 4);
}

/* Up to what every device has; further, if it has more, or it has to refuse. */
static inline int run_grid(struct suite *s)
{
	static const uint32_t grids[][3] = {
		{ 65535, 1, 1 }, { 1, 65535, 1 }, { 2, 3, 10007 },
		{ 37, 29, 31 },
	};
	uint32_t more[3] = { 1, 1, 1 }, i;
	uint64_t at;
	int ret;

	ret = suite_spirv(s, code_grid, sizeof(code_grid));
	if (!ret)
		ret = suite_alloc(s, 256, &at);
	for (i = 0; i < ARRAY_SIZE(grids) && !ret; i++)
		ret = grid_once(s, at, grids[i]);
	for (i = 0; i < 3 && !ret; i++) {
		/* What no launch may ask for is malformed. */
		bool malformed = i && s->limits.max_groups[i] == 65535;
		char limit[16];

		more[0] = more[1] = more[2] = 1;
		if (!i && s->limits.max_groups[0] > 65535) {
			more[0] = 100003;
			ret = grid_once(s, at, more);
			continue;
		}
		more[i] = s->limits.max_groups[i] + 1;
		snprintf(limit, sizeof(limit), "%u", s->limits.max_groups[i]);
		ret = grid_once(s, at, more);
		if (ret != (malformed ? -EINVAL : -EOPNOTSUPP))
			return suite_wrong(s, "%u workgroups in %c gave %d",
					   more[i], 'x' + i, ret);
		if (!strstr(s->said, limit)) {
			strcat(s->said, ": does not name the limit");
			return SUITE_WRONG;
		}
		ret = 0;
	}
	return ret;
}

static inline int run_cube(struct suite *s)
{
	static const uint32_t group[3] = { 4, 2, 3 }, g[3] = { 5, 7, 3 };
	const uint32_t w = 4 * 5, h = 2 * 7, d = 3 * 3;
	static uint32_t got[20 * 14 * 9], want[20 * 14 * 9];
	struct vgpu_launch_args args;
	uint32_t x, y, z;
	uint64_t at;
	int ret;

	for (z = 0; z < d; z++)
		for (y = 0; y < h; y++)
			for (x = 0; x < w; x++)
				want[(z * h + y) * w + x] =
					x | y << 8 | z << 16 |
					((z % group[2] * group[1] +
					  y % group[1]) * group[0] +
					 x % group[0]) << 24;
	ret = suite_spirv(s, code_cube, sizeof(code_cube));
	if (!ret)
		ret = suite_alloc(s, sizeof(got), &at);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at, sizeof(got), "rw");
	ret = suite_launch(s, g[0], g[1], g[2], &args);
	if (!ret)
		ret = suite_get(s, got, at, sizeof(got));
	return ret ? ret : suite_same(s, "word", got, want, sizeof(got), 4);
}

/* A kernel from a file of WGSL in selftests/shaders. */
static inline int suite_wgsl(struct suite *s, const char *name,
			     const struct vgpu_kernel_constant *constants,
			     uint32_t n_constants)
{
	struct vgpu_kernel_options o = {
		.size = sizeof(o), .format = VGPU_KERNEL_FORMAT_WGSL,
		.constants = constants, .n_constants = n_constants,
	};
	static char text[16384];
	FILE *f;

	f = fopen(name, "r");
	if (!f)
		return suite_wrong(s, "cannot open %s", name);
	o.code = text;
	o.code_bytes = fread(text, 1, sizeof(text), f);
	fclose(f);
	return suite_kernel_of(s, &o);
}

static inline int run_wgsl_add(struct suite *s)
{
	uint32_t data[300], want[300], i;
	const uint32_t consts[2] = { 257, 1000 };
	struct vgpu_launch_args args;
	uint64_t at;
	int ret;

	for (i = 0; i < 300; i++) {
		data[i] = i * i;
		want[i] = data[i] + (i < 257 ? 1000 : 0);
	}
	ret = suite_wgsl(s, "selftests/shaders/s_add.wgsl", NULL, 0);
	if (!ret)
		ret = suite_buffer(s, data, sizeof(data), &at);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at, sizeof(data), "rw");
	vgpu_launch_args_consts(&args, consts, sizeof(consts));
	ret = suite_launch(s, 5, 1, 1, &args);
	if (!ret)
		ret = suite_get(s, data, at, sizeof(data));
	return ret ? ret : suite_same(s, "word", data, want, sizeof(data), 4);
}

static inline int run_wgsl_reduce(struct suite *s)
{
	int ret = suite_wgsl(s, "selftests/shaders/s_reduce.wgsl", NULL, 0);

	return ret ? ret : reduce(s);
}

static inline int run_wgsl_spec(struct suite *s)
{
	struct vgpu_kernel_constant constants[4] = {
		{ 0, 4, 21 }, { 1, 4, (uint32_t)-77 }, { 2, 4, 0x3fa00000 },
		{ 7, 4, 1 },
	};
	const uint32_t want[5] = { 21, (uint32_t)-77, 0x3fa00000, 1, 43 };
	const uint32_t plain[5] = { 3, (uint32_t)-5, 0x3f000000, 0, 7 };
	uint32_t out[5];
	int ret;

	ret = suite_wgsl(s, "selftests/shaders/s_spec.wgsl", constants, 4);
	if (!ret)
		ret = suite_fill(s, NULL, 0, out, 5);
	if (!ret)
		ret = suite_same(s, "given", out, want, sizeof(want), 4);
	if (!ret)
		ret = suite_wgsl(s, "selftests/shaders/s_spec.wgsl", NULL, 0);
	if (!ret)
		ret = suite_fill(s, NULL, 0, out, 5);
	return ret ? ret : suite_same(s, "not given", out, plain,
				      sizeof(plain), 4);
}

#endif /* VGPU_SUITE_LAUNCH_H */
