/* SPDX-License-Identifier: MIT */
/*
 * Cases of the shader suite: arithmetic on 32 bits, branches and loops, one
 * element an invocation.
 */
#ifndef VGPU_SUITE_NUMBERS_H
#define VGPU_SUITE_NUMBERS_H

#include "suite.h"

static const uint32_t code_int[] =
#include "s_int.inc"
;
static const uint32_t code_divmod[] =
#include "s_divmod.inc"
;
static const uint32_t code_float[] =
#include "s_float.inc"
;
static const uint32_t code_math[] =
#include "s_math.inc"
;
static const uint32_t code_bits[] =
#include "s_bits.inc"
;
static const uint32_t code_carry[] =
#include "s_carry.inc"
;
static const uint32_t code_fallthrough[] =
#include "s_fallthrough.inc"
;
static const uint32_t code_pack[] =
#include "s_pack.inc"
;
static const uint32_t code_branch[] =
#include "s_branch.inc"
;
static const uint32_t code_loops[] =
#include "s_loops.inc"
;
static const uint32_t code_mandel[] =
#include "s_mandel.inc"
;

#define NUMBERS	1001u

static inline int run_int(struct suite *s)
{
	static uint32_t in[NUMBERS][2], out[NUMBERS][4], want[NUMBERS][4];
	uint32_t i, k, seed = 1;
	int ret;

	for (i = 0; i < NUMBERS; i++) {
		uint32_t x = suite_random(&seed), y = suite_random(&seed);
		int32_t sx, sy;
		uint32_t h = 2166136261u;

		if (i % 10 == 0)
			y = x;
		if (i % 10 == 1)
			x = i & 16 ? 0x80000000 : 0x7fffffff;
		in[i][0] = x;
		in[i][1] = y;
		sx = x;
		sy = y;
		for (k = 0; k < 4; k++)
			h = (h ^ (x >> 8 * k & 255)) * 16777619u;
		want[i][0] = x * y + (x ^ ~y) - (x | y);
		want[i][1] = (x << (y & 31)) + (x >> (y & 31)) +
			     (uint32_t)(sx >> (y & 31));
		want[i][2] = h;
		want[i][3] = (uint32_t)(sx < sy ? sx : sy) +
			     3 * (uint32_t)(sx > sy ? sx : sy) +
			     (uint32_t)abs(sx >> 1) + (x < y ? x : y) +
			     (sx < sy) + (x < y ? 2 : 0);
	}
	ret = suite_map(s, code_int, sizeof(code_int), in, sizeof(in), out,
			sizeof(out), NUMBERS);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 4);
}

static inline int run_divmod(struct suite *s)
{
	static int32_t in[NUMBERS][2], out[NUMBERS][4], want[NUMBERS][4];
	uint32_t i, seed = 2;
	int ret;

	for (i = 0; i < NUMBERS; i++) {
		int32_t x = suite_random(&seed), y = suite_random(&seed);

		if (i & 1)
			y %= 100;
		if (i & 2)
			x %= 1000;
		if (!y)
			y = -7;
		if (x == INT32_MIN)
			x++;
		in[i][0] = x;
		in[i][1] = y;
		want[i][0] = x / y;
		want[i][1] = x % y;
		want[i][2] = x % y && (x % y < 0) != (y < 0) ? x % y + y :
							       x % y;
		want[i][3] = (uint32_t)x % (uint32_t)y +
			     (uint32_t)x / (uint32_t)y;
	}
	ret = suite_map(s, code_divmod, sizeof(code_divmod), in, sizeof(in),
			out, sizeof(out), NUMBERS);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 4);
}

static inline int run_float(struct suite *s)
{
	static float in[NUMBERS][2], out[NUMBERS][4];
	uint32_t i, seed = 3;
	int ret;

	for (i = 0; i < NUMBERS; i++) {
		in[i][0] = suite_real(&seed, 1000);
		in[i][1] = suite_real(&seed, i & 1 ? 1 : 100000);
		if (fabsf(in[i][1]) < 1e-6f)
			in[i][1] = 1;
	}
	ret = suite_map(s, code_float, sizeof(code_float), in, sizeof(in),
			out, sizeof(out), NUMBERS);
	for (i = 0; i < NUMBERS && !ret; i++) {
		float x = in[i][0], y = in[i][1];
		float want[2] = { x + y, x * y };

		ret = suite_same(s, "sum and product", out[i], want, 8, 4);
		if (!ret)
			ret = suite_near(s, "quotient", i, out[i][2],
					 (double)x / y, 4e-7, 0);
		/* Parts that nearly cancel: measured by the greatest. */
		if (!ret)
			ret = suite_near(s, "root", i, out[i][3],
					 sqrt(fabs(x)) + floor(y) -
					 (y - floor(y)), 4e-7,
					 4e-7 * (fabs(y) + sqrt(fabs(x)) + 1));
	}
	return ret;
}

static inline int run_math(struct suite *s)
{
	static const char *const names[8] = {
		"sin", "cos", "exp", "log", "pow", "atan", "exp2",
		"inversesqrt",
	};
	static float in[NUMBERS], out[NUMBERS][8];
	uint32_t i, k, seed = 4;
	int ret;

	for (i = 0; i < NUMBERS; i++)
		in[i] = suite_real(&seed, 3.1415926f);
	ret = suite_map(s, code_math, sizeof(code_math), in, sizeof(in), out,
			sizeof(out), NUMBERS);
	for (i = 0; i < NUMBERS && !ret; i++) {
		double x = in[i];
		double want[8] = {
			sin(x), cos(x), exp(x), log(fabs(x) + 0.5),
			pow(fabs(x) + 0.25, 1.5), atan2(x, 2), exp2(x),
			1 / sqrt(fabs(x) + 0.125),
		};

		for (k = 0; k < 8 && !ret; k++)
			ret = suite_near(s, names[k], i, out[i][k], want[k],
					 k < 2 ? 0 : 0x1p-11, 0x1p-11);
	}
	return ret;
}

static inline int run_bits(struct suite *s)
{
	static uint32_t in[NUMBERS][2], out[NUMBERS][5], want[NUMBERS][5];
	uint32_t i, k, seed = 5;
	int ret;

	for (i = 0; i < NUMBERS; i++) {
		uint32_t x = suite_random(&seed), y = suite_random(&seed);
		uint32_t at, bits, mask, field, turned = 0;

		x >>= i % 33 < 32 ? i % 33 : 0;
		if (i == 7)
			x = 0;
		if (i % 3 == 0)
			x = ~x;
		in[i][0] = x;
		in[i][1] = y;
		at = y & 15;
		bits = y >> 4 & 15;
		mask = (1u << bits) - 1;
		field = x >> at & mask;
		for (k = 0; k < 32; k++)
			turned |= (x >> k & 1) << (31 - k);
		want[i][0] = __builtin_popcount(x) |
			     (top_bit(x) & 255) << 8 |
			     ((__builtin_ffs(x) - 1) & 255) << 16 |
			     (uint32_t)top_bit((int32_t)x < 0 ? ~x : x) << 24;
		want[i][1] = field;
		want[i][2] = bits && field >> (bits - 1) ? field | ~mask :
							   field;
		want[i][3] = (x & ~(mask << at)) | (y & mask) << at;
		want[i][4] = turned;
	}
	ret = suite_map(s, code_bits, sizeof(code_bits), in, sizeof(in), out,
			sizeof(out), NUMBERS);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 4);
}

static inline int run_carry(struct suite *s)
{
	static uint32_t in[NUMBERS][2], out[NUMBERS][3], want[NUMBERS][3];
	uint32_t i, seed = 9;
	int ret;

	for (i = 0; i < NUMBERS; i++) {
		uint32_t x = suite_random(&seed), y = suite_random(&seed);
		uint64_t wide = (uint64_t)x * y;

		in[i][0] = x;
		in[i][1] = y;
		want[i][0] = x + y + (x + y < x);
		want[i][1] = (x - y) ^ (x < y);
		want[i][2] = (uint32_t)(wide >> 32) ^ (uint32_t)wide * 3;
	}
	ret = suite_map(s, code_carry, sizeof(code_carry), in, sizeof(in), out,
			sizeof(out), NUMBERS);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 4);
}

static inline int run_pack(struct suite *s)
{
	static uint32_t in[NUMBERS][2], out[NUMBERS][2], want[NUMBERS][2];
	uint32_t i, k, seed = 6;
	int ret;

	for (i = 0; i < NUMBERS; i++) {
		uint32_t p = suite_random(&seed), q = suite_random(&seed);
		uint32_t alpha = q >> 24, mixed = 0, grey, c[3];

		in[i][0] = p;
		in[i][1] = q;
		for (k = 0; k < 3; k++) {
			c[k] = ((q >> 8 * k & 255) * alpha +
				(p >> 8 * k & 255) * (255 - alpha) + 127) / 255;
			mixed |= c[k] << 8 * k;
		}
		grey = (c[0] * 77 + c[1] * 150 + c[2] * 29) >> 8;
		want[i][0] = mixed | (p & 0xff000000);
		want[i][1] = grey * 0x01010101;
	}
	ret = suite_map(s, code_pack, sizeof(code_pack), in, sizeof(in), out,
			sizeof(out), NUMBERS);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 4);
}

static inline uint32_t classify(uint32_t x)
{
	if (!x)
		return 1000;
	switch (x % 7) {
	case 0:
		return x / 7;
	case 1:
	case 2:
		return (x + 5) * 3;
	case 3:
		return x * 3;
	case 5:
		return x & 8 ? 5 : ~x;
	default:
		return x ^ 0x55;
	}
}

static inline int run_branch(struct suite *s)
{
	static uint32_t in[NUMBERS], out[NUMBERS], want[NUMBERS];
	uint32_t i, seed = 7;
	int ret;

	for (i = 0; i < NUMBERS; i++) {
		uint32_t x, steps = 0, odd = 0;

		in[i] = i & 1 ? i / 2 : suite_random(&seed);
		x = in[i] % 10000;
		if (x < 100) {
			want[i] = classify(x);
			continue;
		}
		for (; x != 1; x = x & 1 ? odd++, 3 * x + 1 : x / 2)
			if (++steps > 120)
				break;
		want[i] = classify(in[i]) + steps * 65536 + odd;
	}
	ret = suite_map(s, code_branch, sizeof(code_branch), in, sizeof(in),
			out, sizeof(out), NUMBERS);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 4);
}

static inline int run_fallthrough(struct suite *s)
{
	static uint32_t in[NUMBERS], out[NUMBERS], want[NUMBERS];
	uint32_t i, seed = 10;
	int ret;

	for (i = 0; i < NUMBERS; i++) {
		uint32_t x = in[i] = suite_random(&seed);

		switch (x & 3) {
		case 0:
			x += 7;
			/* fall through */
		case 1:
			x *= 3;
			/* fall through */
		case 2:
			x ^= 0x1234;
			break;
		default:
			x = ~x;
		}
		want[i] = x;
	}
	ret = suite_map(s, code_fallthrough, sizeof(code_fallthrough), in,
			sizeof(in), out, sizeof(out), NUMBERS);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 4);
}

#define LOOPS	37u

static inline int run_loops(struct suite *s)
{
	static uint32_t in[LOOPS], out[LOOPS][2], want[LOOPS][2];
	uint32_t i, k, m, seed = 8;
	int ret;

	for (i = 0; i < LOOPS; i++) {
		uint32_t x = in[i] = suite_random(&seed), sum = 0;

		for (k = 0; k < 200000 + i; k++)
			x = x * 1664525 + 1013904223;
		for (k = 0; k < 300; k++)
			for (m = 0; m < 400; m++)
				if (!((x ^ k * m) & 3))
					sum += k;
		want[i][0] = x;
		want[i][1] = sum;
	}
	ret = suite_map(s, code_loops, sizeof(code_loops), in, sizeof(in),
			out, sizeof(out), LOOPS);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 4);
}

#define MANDEL_W	211u
#define MANDEL_H	157u
#define MANDEL_MOST	200u

static inline int run_mandel(struct suite *s)
{
	static uint32_t out[MANDEL_W * MANDEL_H];
	const uint32_t points = MANDEL_W * MANDEL_H;
	const float left = -2.1f, top = -1.2f, step = 0.0153f;
	const struct {
		uint32_t n, width, most;
		float left, top, step;
	} consts = {
		points, MANDEL_W, MANDEL_MOST, left, top, step,
	};
	uint32_t i, k, differ = 0, reached = 0;
	struct vgpu_launch_args args;
	uint64_t at;
	int ret;

	ret = suite_spirv(s, code_mandel, sizeof(code_mandel));
	if (!ret)
		ret = suite_alloc(s, sizeof(out), &at);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at, sizeof(out), "w");
	vgpu_launch_args_consts(&args, &consts, sizeof(consts));
	ret = suite_launch(s, (consts.n + 63) / 64, 1, 1, &args);
	if (!ret)
		ret = suite_get(s, out, at, sizeof(out));
	if (ret)
		return ret;
	for (i = 0; i < consts.n; i++) {
		float cx = left + step * (float)(i % MANDEL_W);
		float cy = top + step * (float)(i / MANDEL_W);
		float x = 0, y = 0, xx = 0, yy = 0, xy;

		for (k = 0; k < MANDEL_MOST && xx + yy <= 4; k++) {
			xy = x * y;
			x = xx - yy + cx;
			y = xy + xy + cy;
			xx = x * x;
			yy = y * y;
		}
		differ += k != out[i];
		reached += k == MANDEL_MOST;
	}
	if (!reached || differ > consts.n / 200)
		return suite_wrong(s, "%u of %u points differ", differ,
				   consts.n);
	return 0;
}

#endif /* VGPU_SUITE_NUMBERS_H */
