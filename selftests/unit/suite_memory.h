/* SPDX-License-Identifier: MIT */
/*
 * Cases of the shader suite: how kernels reach memory: bindings, their bounds,
 * aliases and access, layouts, and results that are the next launch's input.
 */
#ifndef VGPU_SUITE_MEMORY_H
#define VGPU_SUITE_MEMORY_H

#include "suite.h"

static const uint32_t code_access[] =
#include "s_access.inc"
;
static const uint32_t code_coherent[] =
#include "s_coherent.inc"
;
static const uint32_t code_alias[] =
#include "s_alias.inc"
;
static const uint32_t code_bounds[] =
#include "s_bounds.inc"
;
static const uint32_t code_odd[] =
#include "s_odd.inc"
;
static const uint32_t code_stencil[] =
#include "s_stencil.inc"
;
static const uint32_t code_struct[] =
#include "s_struct.inc"
;
static const uint32_t code_many[] =
#include "s_many.inc"
;

#define WORDS	777u

static inline int run_access(struct suite *s)
{
	static uint32_t data[3][WORDS], got[WORDS], want[3][WORDS];
	static const char *const how[3] = { "r", "w", "rw" };
	struct vgpu_launch_args args;
	uint32_t i, k, n = WORDS, seed = 1;
	uint64_t at[3];
	int ret;

	for (k = 0; k < 3; k++)
		for (i = 0; i < WORDS; i++)
			want[k][i] = data[k][i] = suite_random(&seed);
	for (i = 0; i < WORDS; i++) {
		want[1][i] = data[0][i] + 1;
		want[2][i] = data[2][i] * 2 + data[0][i];
	}
	ret = suite_spirv(s, code_access, sizeof(code_access));
	vgpu_launch_args_init(&args);
	for (k = 0; k < 3 && !ret; k++) {
		ret = suite_buffer(s, data[k], sizeof(data[k]), &at[k]);
		suite_range(&args, at[k], sizeof(data[k]), how[k]);
	}
	vgpu_launch_args_consts(&args, &n, 4);
	if (!ret)
		ret = suite_launch(s, (n + 63) / 64, 1, 1, &args);
	for (k = 0; k < 3 && !ret; k++) {
		char name[16];

		snprintf(name, sizeof(name), "buffer %u", k);
		ret = suite_get(s, got, at[k], sizeof(got));
		if (!ret)
			ret = suite_same(s, name, got, want[k], sizeof(got),
					 4);
	}
	return ret;
}

static inline int run_coherent(struct suite *s)
{
	static uint32_t in[WORDS], out[WORDS], want[WORDS];
	uint32_t i, seed = 7;
	int ret;

	for (i = 0; i < WORDS; i++) {
		in[i] = suite_random(&seed);
		want[i] = in[i] + 3;
	}
	ret = suite_map(s, code_coherent, sizeof(code_coherent), in,
			sizeof(in), out, sizeof(out), WORDS);
	return ret ? ret : suite_same(s, "word", out, want, sizeof(out), 4);
}

/* The same memory twice, where the device takes that. */
static inline int run_alias(struct suite *s)
{
	static uint32_t data[WORDS], want[WORDS];
	struct vgpu_launch_args args;
	uint32_t i, n = WORDS, seed = 2;
	uint64_t at;
	int ret;

	for (i = 0; i < WORDS; i++) {
		data[i] = suite_random(&seed);
		want[i] = data[i] * 2 + 1;
	}
	ret = suite_spirv(s, code_alias, sizeof(code_alias));
	if (!ret)
		ret = suite_buffer(s, data, sizeof(data), &at);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at, sizeof(data), "r");
	suite_range(&args, at, sizeof(data), "rw");
	vgpu_launch_args_consts(&args, &n, 4);
	ret = suite_launch(s, (n + 63) / 64, 1, 1, &args);
	if (!ret)
		ret = suite_get(s, data, at, sizeof(data));
	return ret ? ret : suite_same(s, "word", data, want, sizeof(data), 4);
}

#define BOUNDS_BYTES	65536u
#define BOUNDS_AT	4096u

/*
 * What robust access allows: a read beyond a range gives zero or something of
 * the range, and a write goes nowhere or into the range.
 */
static inline int run_bounds(struct suite *s)
{
	static uint32_t before[BOUNDS_BYTES / 4], after[BOUNDS_BYTES / 4];
	uint32_t out[256], i, k, n = 256;
	struct vgpu_launch_args args;
	uint64_t at[3], b;
	int ret;

	for (i = 0; i < ARRAY_SIZE(before); i++)
		before[i] = 0x10000000 + i;
	ret = suite_spirv(s, code_bounds, sizeof(code_bounds));
	for (k = 0; k < 3 && !ret; k++)
		ret = suite_buffer(s, before, sizeof(before), &at[k]);
	if (!ret)
		ret = suite_alloc(s, sizeof(out), &b);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at[1] + BOUNDS_AT, 256, "rw");
	suite_range(&args, b, sizeof(out), "rw");
	vgpu_launch_args_consts(&args, &n, 4);
	ret = suite_launch(s, 4, 1, 1, &args);
	for (k = 0; k < 3 && !ret; k++) {
		char name[24];

		snprintf(name, sizeof(name), "neighbour %u", k);
		ret = suite_get(s, after, at[k], sizeof(after));
		if (!ret && k == 1)
			memcpy(after + BOUNDS_AT / 4, before + BOUNDS_AT / 4,
			       256);
		if (!ret)
			ret = suite_same(s, name, after, before, sizeof(after),
					 4);
	}
	if (!ret)
		ret = suite_get(s, out, b, sizeof(out));
	for (i = 0; i < n && !ret; i++) {
		uint32_t word = out[i] - 0x10000000 - BOUNDS_AT / 4;

		if (out[i] && out[i] != 0xdeadbeef && word >= 64)
			ret = suite_wrong(s, "%#x was read, by invocation %u",
					  out[i], i);
	}
	return ret;
}

/* Sizes around those of a workgroup; the kernel looks at the range's size. */
static inline int run_odd(struct suite *s)
{
	static const uint32_t sizes[] = { 1, 3, 63, 64, 65, 257, 1000 };
	static float a[1024], b[1024], got[1024], want[1024];
	struct vgpu_launch_args args;
	uint32_t i, k, seed = 3;
	uint64_t at[2];
	int ret;

	ret = suite_spirv(s, code_odd, sizeof(code_odd));
	if (!ret)
		ret = suite_alloc(s, sizeof(a), &at[0]);
	if (!ret)
		ret = suite_alloc(s, sizeof(b), &at[1]);
	for (k = 0; k < ARRAY_SIZE(sizes) && !ret; k++) {
		uint32_t n = sizes[k];
		char name[24];

		for (i = 0; i < ARRAY_SIZE(a); i++) {
			a[i] = (int32_t)suite_random(&seed) >> 20;
			b[i] = (int32_t)suite_random(&seed) >> 20;
			want[i] = i < n ? a[i] * 2 + b[i] : b[i];
		}
		ret = suite_put(s, at[0], a, sizeof(a));
		if (!ret)
			ret = suite_put(s, at[1], b, sizeof(b));
		if (ret)
			return ret;
		vgpu_launch_args_init(&args);
		suite_range(&args, at[0], n * 4, "r");
		suite_range(&args, at[1], n * 4, "rw");
		ret = suite_launch(s, (n + 63) / 64, 1, 1, &args);
		if (!ret)
			ret = suite_get(s, got, at[1], sizeof(got));
		snprintf(name, sizeof(name), "size %u: word", n);
		if (!ret)
			ret = suite_same(s, name, got, want, sizeof(got), 4);
	}
	return ret;
}

#define STENCIL_W	67u
#define STENCIL_H	35u
#define STENCIL_STEPS	24u

static inline uint32_t stencil(const uint32_t *a, uint32_t x, uint32_t y)
{
	const uint32_t w = STENCIL_W, h = STENCIL_H;

	return a[y * w + x] * 5 + a[y * w + (x + w - 1) % w] +
	       a[y * w + (x + 1) % w] * 3 + a[(y + h - 1) % h * w + x] * 7 +
	       (a[(y + 1) % h * w + x] >> 1);
}

/* To and fro between two buffers, without a wait in between. */
static inline int run_stencil(struct suite *s)
{
	static uint32_t a[2][STENCIL_W * STENCIL_H];
	static uint32_t got[STENCIL_W * STENCIL_H];
	const uint32_t consts[2] = { STENCIL_W, STENCIL_H };
	struct vgpu_launch_args args;
	uint32_t i, x, y, seed = 4;
	uint64_t at[2];
	int ret;

	for (i = 0; i < ARRAY_SIZE(got); i++)
		a[0][i] = suite_random(&seed);
	ret = suite_spirv(s, code_stencil, sizeof(code_stencil));
	if (!ret)
		ret = suite_buffer(s, a[0], sizeof(a[0]), &at[0]);
	if (!ret)
		ret = suite_alloc(s, sizeof(a[1]), &at[1]);
	if (ret)
		return ret;
	for (i = 0; i < STENCIL_STEPS; i++) {
		struct vgpu_command cmd;

		vgpu_launch_args_init(&args);
		suite_range(&args, at[i & 1], sizeof(got), "r");
		suite_range(&args, at[~i & 1], sizeof(got), "w");
		vgpu_launch_args_consts(&args, consts, sizeof(consts));
		cmd = vgpu_command_launch_args(s->kernel, (STENCIL_W + 7) / 8,
					       (STENCIL_H + 7) / 8, 1, &args);
		ret = vgpu_device_submit(s->dev, NULL, &cmd, NULL);
		if (ret)
			return suite_failed(s, "launch", ret);
		for (y = 0; y < STENCIL_H; y++)
			for (x = 0; x < STENCIL_W; x++)
				a[~i & 1][y * STENCIL_W + x] =
					stencil(a[i & 1], x, y);
	}
	ret = suite_get(s, got, at[STENCIL_STEPS & 1], sizeof(got));
	return ret ? ret : suite_same(s, "cell", got, a[STENCIL_STEPS & 1],
				      sizeof(got), 4);
}

/* As std430 lays it out. */
struct item {
	float v[3];
	uint32_t tag;
	float m[3][4];
	int32_t pair[2][2];
};

#define ITEMS	129u

static inline int run_struct(struct suite *s)
{
	static struct item in[ITEMS], out[ITEMS];
	uint32_t i, k, m, seed = 5;
	int ret;

	_Static_assert(sizeof(struct item) == 80, "std430");
	for (i = 0; i < ITEMS; i++) {
		struct item *a = &in[i];

		a->tag = suite_random(&seed);
		for (k = 0; k < 3; k++) {
			a->v[k] = (int32_t)suite_random(&seed) >> 24;
			for (m = 0; m < 4; m++)
				a->m[k][m] = (int32_t)suite_random(&seed) >> 24;
		}
		for (k = 0; k < 4; k++)
			a->pair[k / 2][k % 2] = suite_random(&seed) >> 1;
	}
	ret = suite_map(s, code_struct, sizeof(code_struct), in, sizeof(in),
			out, sizeof(out), ITEMS);
	for (i = 0; i < ITEMS && !ret; i++) {
		const struct item *a = &in[i];
		struct item want = {
			.tag = a->tag + a->pair[a->tag & 1][1],
			.pair = { { -a->pair[1][1], -a->pair[1][0] },
				  { a->pair[1][0], a->pair[1][1] } },
		};

		for (k = 0; k < 3; k++) {
			for (m = 0; m < 3; m++) {
				want.v[k] += a->m[m][k] * a->v[m];
				want.m[k][m] = a->m[m][k];
			}
			/* Padding is anybody's. */
			out[i].m[k][3] = 0;
		}
		ret = suite_same(s, "word", &out[i], &want, sizeof(want), 4);
	}
	return ret;
}

static inline int run_many(struct suite *s)
{
	static uint32_t data[16][WORDS], got[WORDS], want[4][WORDS];
	struct vgpu_launch_args args;
	uint32_t i, k, n = WORDS, seed = 6;
	uint64_t at[16];
	int ret;

	for (k = 0; k < 16; k++)
		for (i = 0; i < WORDS; i++)
			data[k][i] = suite_random(&seed);
	for (i = 0; i < WORDS; i++) {
		for (k = 0; k < 3; k++)
			want[k][i] = data[4 * k][i] + 2 * data[4 * k + 1][i] +
				     3 * data[4 * k + 2][i] +
				     4 * data[4 * k + 3][i];
		want[3][i] = data[15][i] + (data[0][i] ^ data[11][i]);
	}
	ret = suite_spirv(s, code_many, sizeof(code_many));
	vgpu_launch_args_init(&args);
	for (k = 0; k < 16 && !ret; k++) {
		ret = suite_buffer(s, data[k], sizeof(data[k]), &at[k]);
		suite_range(&args, at[k], sizeof(data[k]),
			    k < 12 ? "r" : k < 15 ? "w" : "rw");
	}
	vgpu_launch_args_consts(&args, &n, 4);
	if (!ret)
		ret = suite_launch(s, (n + 63) / 64, 1, 1, &args);
	for (k = 0; k < 4 && !ret; k++) {
		ret = suite_get(s, got, at[12 + k], sizeof(got));
		if (!ret)
			ret = suite_same(s, "word", got, want[k], sizeof(got),
					 4);
	}
	return ret;
}

#endif /* VGPU_SUITE_MEMORY_H */
