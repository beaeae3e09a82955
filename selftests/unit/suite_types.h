/* SPDX-License-Identifier: MIT */
/*
 * Cases of the shader suite: types that not every device has.
 */
#ifndef VGPU_SUITE_TYPES_H
#define VGPU_SUITE_TYPES_H

#include "suite.h"

static const uint32_t code_double[] =
#include "s_double.inc"
;
static const uint32_t code_int64[] =
#include "s_int64.inc"
;
static const uint32_t code_int16[] =
#include "s_int16.inc"
;
static const uint32_t code_half[] =
#include "s_half.inc"
;
static const uint32_t code_store16[] =
#include "s_store16.inc"
;
static const uint32_t code_store8[] =
#include "s_store8.inc"
;
static const uint32_t code_int8[] =
#include "s_int8.inc"
;
static const uint32_t code_spec64[] =
#include "s_spec64.inc"
;

#define TYPES	500u

static inline int run_double(struct suite *s)
{
	static double in[TYPES][2], out[TYPES][4];
	uint32_t i, seed = 1;
	int ret;

	for (i = 0; i < TYPES; i++) {
		in[i][0] = suite_real(&seed, 1000) * 1.000000000001;
		in[i][1] = suite_real(&seed, 1) * 3.000000000001;
		if (fabs(in[i][1]) < 1e-6)
			in[i][1] = 1;
	}
	ret = suite_map(s, code_double, sizeof(code_double), in, sizeof(in),
			out, sizeof(out), TYPES);
	for (i = 0; i < TYPES && !ret; i++) {
		double x = in[i][0], y = in[i][1];
		double want[2] = { x + y, x * y };

		ret = suite_same(s, "sum and product", out[i], want, 16, 8);
		if (!ret)
			ret = suite_near(s, "quotient", i, out[i][2], x / y,
					 1e-15, 0);
		if (!ret)
			ret = suite_near(s, "root", i, out[i][3],
					 sqrt(fabs(x)), 1e-15, 0);
	}
	return ret;
}

static inline int run_int64(struct suite *s)
{
	static uint64_t in[TYPES][2], out[TYPES][4], want[TYPES][4];
	uint32_t i, seed = 2;
	int ret;

	for (i = 0; i < TYPES; i++) {
		uint64_t x = (uint64_t)suite_random(&seed) << 32 |
			     suite_random(&seed);
		uint64_t y = (uint64_t)suite_random(&seed) << 32 |
			     suite_random(&seed);
		int64_t sx, sy;
		unsigned int shift;

		if (i & 1)
			y >>= 40;
		if (i % 5 == 0)
			x = (uint32_t)y;
		in[i][0] = x;
		in[i][1] = y;
		sx = x;
		sy = y;
		shift = y & 63;
		want[i][0] = x * y + (x ^ y);
		want[i][1] = (x << shift) + (x >> (63 - shift));
		want[i][2] = x / (y | 1) + x % (y | 1) +
			     (uint64_t)(sx / 1000003);
		want[i][3] = (sx < sy) + (x < y ? 2 : 0) + (uint64_t)(sx >> 7);
	}
	ret = suite_map(s, code_int64, sizeof(code_int64), in, sizeof(in),
			out, sizeof(out), TYPES);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 8);
}

static inline int run_int16(struct suite *s)
{
	static uint16_t in[TYPES][2], out[TYPES][4], want[TYPES][4];
	uint32_t i, seed = 3;
	int ret;

	for (i = 0; i < TYPES; i++) {
		uint16_t x = suite_random(&seed), y = suite_random(&seed);

		if (i & 1)
			y &= 0xff;
		in[i][0] = x;
		in[i][1] = y;
		want[i][0] = (uint32_t)x * y + x;
		want[i][1] = x << (y & 15) ^ x >> 3;
		want[i][2] = ((int16_t)x >> 2) + x / (y | 1);
		want[i][3] = (int16_t)x < (int16_t)y ? 1 : 2;
	}
	ret = suite_map(s, code_int16, sizeof(code_int16), in, sizeof(in),
			out, sizeof(out), TYPES);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 2);
}

/* Of a normal number. */
static inline double half_value(uint16_t h)
{
	double m = ldexp(1024 + (h & 1023), (h >> 10 & 31) - 25);

	return h & 0x8000 ? -m : m;
}

/* A normal one, from 1/32 to 32. */
static inline uint16_t half_random(uint32_t *seed)
{
	uint32_t r = suite_random(seed);

	return (r & 0x83ff) | (10 + (r >> 16) % 10) << 10;
}

static inline int run_half(struct suite *s)
{
	static uint16_t in[TYPES][2], out[TYPES][4];
	uint32_t i, k, seed = 4;
	int ret;

	for (i = 0; i < TYPES; i++) {
		in[i][0] = half_random(&seed);
		in[i][1] = half_random(&seed);
	}
	ret = suite_map(s, code_half, sizeof(code_half), in, sizeof(in), out,
			sizeof(out), TYPES);
	for (i = 0; i < TYPES && !ret; i++) {
		double x = half_value(in[i][0]), y = half_value(in[i][1]);
		double want[4] = { x + y, x * y, x - y, x > y ? x : y };

		/* Results are normal, or a zero. */
		for (k = 0; k < 4 && !ret; k++)
			ret = suite_near(s, "out", 4 * i + k,
					 out[i][k] & 0x7c00 ?
					 half_value(out[i][k]) : 0, want[k],
					 k == 3 ? 0 : 0x1p-10, 0x1p-14);
	}
	return ret;
}

static inline int run_store16(struct suite *s)
{
	static uint16_t in[TYPES], out[TYPES], want[TYPES];
	uint32_t i;
	int ret;

	/* Multiples of 1/4 from 1 to 15.75: exact. */
	for (i = 0; i < TYPES; i++) {
		uint32_t quarters = 4 + i % 60, top = top_bit(quarters);

		in[i] = (13 + top) << 10 | (quarters << (10 - top) & 1023);
		want[i] = quarters * 3;
	}
	ret = suite_map(s, code_store16, sizeof(code_store16), in, sizeof(in),
			out, sizeof(out), TYPES);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 2);
}

static inline int run_store8(struct suite *s)
{
	static uint8_t in[TYPES], out[TYPES], want[TYPES];
	uint32_t i, seed = 5;
	int ret;

	for (i = 0; i < TYPES; i++)
		in[i] = suite_random(&seed);
	for (i = 0; i < TYPES; i++)
		want[i] = in[i] * 3 + in[(i + 1) % TYPES];
	ret = suite_map(s, code_store8, sizeof(code_store8), in, sizeof(in),
			out, sizeof(out), TYPES);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 1);
}

static inline int run_int8(struct suite *s)
{
	static uint32_t in[TYPES], out[TYPES], want[TYPES];
	uint32_t i, seed = 6;
	int ret;

	for (i = 0; i < TYPES; i++) {
		uint8_t x, y;

		in[i] = suite_random(&seed);
		x = in[i];
		y = in[i] >> 8;
		want[i] = (uint8_t)(x * y + 7) |
			  (uint32_t)(uint8_t)((int8_t)x >> 1) << 8;
	}
	ret = suite_map(s, code_int8, sizeof(code_int8), in, sizeof(in), out,
			sizeof(out), TYPES);
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 4);
}

/* Given, and left to what the module says. */
static inline int run_spec64(struct suite *s)
{
	const double real = 1234.5678;
	struct vgpu_kernel_constant constants[3] = {
		{ 3, 8, 0x123456789abcdef0 },
		{ 4, 8, (uint64_t)-0x100000001 },
		{ 5, 8, 0 },
	};
	struct vgpu_kernel_options o = {
		.size = sizeof(o), .format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = code_spec64, .code_bytes = sizeof(code_spec64),
		.constants = constants,
	};
	struct vgpu_launch_args args;
	uint64_t at, out[4], want[4];
	double d;
	int ret;

	memcpy(&constants[2].value, &real, 8);
	for (o.n_constants = 0; o.n_constants <= 3; o.n_constants += 3) {
		bool given = o.n_constants;

		want[0] = given ? constants[0].value : 5;
		want[1] = given ? constants[1].value : -1ull;
		want[2] = want[0] + want[1];
		d = given ? real * 2 : 0.5;
		memcpy(&want[3], &d, 8);
		ret = suite_kernel_of(s, &o);
		if (!ret)
			ret = suite_alloc(s, sizeof(out), &at);
		if (ret)
			return ret;
		vgpu_launch_args_init(&args);
		suite_range(&args, at, sizeof(out), "rw");
		ret = suite_launch(s, 1, 1, 1, &args);
		if (!ret)
			ret = suite_get(s, out, at, sizeof(out));
		if (!ret)
			ret = suite_same(s, given ? "given" : "not given", out,
					 want, sizeof(out), 8);
		if (ret)
			return ret;
	}
	return 0;
}

#endif /* VGPU_SUITE_TYPES_H */
