/* SPDX-License-Identifier: MIT */
/*
 * Cases of the shader suite: invocations that work together, by shared memory,
 * barriers and atomics.
 */
#ifndef VGPU_SUITE_GROUPS_H
#define VGPU_SUITE_GROUPS_H

#include "suite.h"

static const uint32_t code_reduce[] =
#include "s_reduce.inc"
;
static const uint32_t code_scan[] =
#include "s_scan.inc"
;
static const uint32_t code_sort[] =
#include "s_sort.inc"
;
static const uint32_t code_atomic[] =
#include "s_atomic.inc"
;
static const uint32_t code_cas[] =
#include "s_cas.inc"
;
static const uint32_t code_histogram[] =
#include "s_histogram.inc"
;
static const uint32_t code_matmul[] =
#include "s_matmul.inc"
;
static const uint32_t code_nbody[] =
#include "s_nbody.inc"
;

#define REDUCE		10007u
#define REDUCE_GROUPS	((REDUCE + 127) / 128)

/* Of a kernel that was made: SPIR-V or WGSL. */
static inline int reduce(struct suite *s)
{
	static uint32_t in[REDUCE], out[REDUCE_GROUPS][2];
	static uint32_t want[REDUCE_GROUPS][2];
	uint32_t i, n = REDUCE, seed = 1;
	struct vgpu_launch_args args;
	uint64_t a, b;
	int ret;

	memset(want, 0, sizeof(want));
	for (i = 0; i < REDUCE; i++) {
		uint32_t *w = want[i / 128];

		in[i] = suite_random(&seed);
		w[0] += in[i];
		if (in[i] > w[1])
			w[1] = in[i];
	}
	ret = suite_buffer(s, in, sizeof(in), &a);
	if (!ret)
		ret = suite_alloc(s, sizeof(out), &b);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, a, sizeof(in), "r");
	suite_range(&args, b, sizeof(out), "rw");
	vgpu_launch_args_consts(&args, &n, 4);
	ret = suite_launch(s, REDUCE_GROUPS, 1, 1, &args);
	if (!ret)
		ret = suite_get(s, out, b, sizeof(out));
	return ret ? ret : suite_same(s, "out", out, want, sizeof(out), 4);
}

static inline int run_reduce(struct suite *s)
{
	int ret = suite_spirv(s, code_reduce, sizeof(code_reduce));

	return ret ? ret : reduce(s);
}

/* A kernel that changes one buffer of @n words; @groups run it. */
static inline int suite_in_place(struct suite *s, const void *code,
				 size_t code_bytes, uint32_t *words,
				 uint32_t n, uint32_t groups)
{
	struct vgpu_launch_args args;
	uint64_t at;
	int ret;

	ret = suite_spirv(s, code, code_bytes);
	if (!ret)
		ret = suite_buffer(s, words, n * 4, &at);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at, n * 4, "rw");
	vgpu_launch_args_consts(&args, &n, 4);
	ret = suite_launch(s, groups, 1, 1, &args);
	return ret ? ret : suite_get(s, words, at, n * 4);
}

#define SCAN	5003u

static inline int run_scan(struct suite *s)
{
	static uint32_t data[SCAN], want[SCAN];
	uint32_t i, sum = 0, seed = 2;
	int ret;

	for (i = 0; i < SCAN; i++) {
		data[i] = suite_random(&seed);
		sum += data[i];
		want[i] = sum;
	}
	ret = suite_in_place(s, code_scan, sizeof(code_scan), data, SCAN, 1);
	return ret ? ret : suite_same(s, "sum", data, want, sizeof(data), 4);
}

static inline int compare_words(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

#define SORT	1000u

static inline int run_sort(struct suite *s)
{
	static uint32_t data[SORT], want[SORT];
	uint32_t i, seed = 3;
	int ret;

	for (i = 0; i < SORT; i++)
		want[i] = data[i] = suite_random(&seed) >> (i & 31);
	for (i = 0; i < SORT; i += 128)
		qsort(want + i, SORT - i < 128 ? SORT - i : 128, 4,
		      compare_words);
	ret = suite_in_place(s, code_sort, sizeof(code_sort), data, SORT,
			     (SORT + 127) / 128);
	return ret ? ret : suite_same(s, "item", data, want, sizeof(data), 4);
}

#define ATOMIC		3001u
#define ATOMIC_HEAD	10u

static inline int run_atomic(struct suite *s)
{
	static uint32_t taken[ATOMIC], want[ATOMIC];
	static const uint32_t first[ATOMIC_HEAD] = {
		0, UINT32_MAX, 0, UINT32_MAX, 0, 0, 0, 0, INT32_MAX,
		0x80000000,
	};
	uint32_t data[ATOMIC_HEAD], head[ATOMIC_HEAD];
	uint32_t i, n = ATOMIC, numbers = 0;
	struct vgpu_launch_args args;
	uint64_t at, taken_at;
	int ret;

	memcpy(data, first, sizeof(first));
	memcpy(head, first, sizeof(first));
	for (i = 0; i < n; i++) {
		uint32_t x = i * 2654435761u;

		want[i] = i + 1;
		numbers += i + 1;
		head[0]++;
		head[1] = x < head[1] ? x : head[1];
		head[2] = x > head[2] ? x : head[2];
		head[3] &= ~(1u << (i & 15));
		head[4] |= 1u << i % 20;
		head[5] ^= x;
		if ((int32_t)x < (int32_t)head[8])
			head[8] = x;
		if ((int32_t)x > (int32_t)head[9])
			head[9] = x;
	}
	ret = suite_spirv(s, code_atomic, sizeof(code_atomic));
	if (!ret)
		ret = suite_buffer(s, data, sizeof(data), &at);
	if (!ret)
		ret = suite_alloc(s, sizeof(taken), &taken_at);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at, sizeof(data), "rw");
	suite_range(&args, taken_at, sizeof(taken), "rw");
	vgpu_launch_args_consts(&args, &n, 4);
	ret = suite_launch(s, (n + 63) / 64, 1, 1, &args);
	if (!ret)
		ret = suite_get(s, data, at, sizeof(data));
	if (!ret)
		ret = suite_get(s, taken, taken_at, sizeof(taken));
	if (ret)
		return ret;
	/* Somebody's token is left; the rest were passed on. */
	head[6] = data[6];
	head[7] = numbers - data[6];
	if (!data[6] || data[6] > n)
		return suite_wrong(s, "token %u", data[6]);
	ret = suite_same(s, "word", data, head, sizeof(head), 4);
	if (ret)
		return ret;
	qsort(taken, n, 4, compare_words);
	return suite_same(s, "taken", taken, want, sizeof(want), 4);
}

static inline int run_cas(struct suite *s)
{
	const uint32_t n = ATOMIC;
	struct vgpu_launch_args args;
	uint32_t i, got, want = 0;
	uint64_t at;
	int ret;

	for (i = 0; i < n; i++)
		want = want * 3 + 1;
	ret = suite_spirv(s, code_cas, sizeof(code_cas));
	if (!ret)
		ret = suite_alloc(s, 256, &at);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at, 4, "rw");
	vgpu_launch_args_consts(&args, &n, 4);
	ret = suite_launch(s, (n + 63) / 64, 1, 1, &args);
	if (!ret)
		ret = suite_get(s, &got, at, 4);
	return ret ? ret : suite_same(s, "word", &got, &want, 4, 4);
}

#define HISTOGRAM	50021u

static inline int run_histogram(struct suite *s)
{
	static uint32_t in[HISTOGRAM];
	uint32_t out[256] = { 0 }, want[256] = { 0 }, i, seed = 4;
	uint32_t n = HISTOGRAM;
	struct vgpu_launch_args args;
	uint64_t a, b;
	int ret;

	for (i = 0; i < n; i++) {
		in[i] = suite_random(&seed);
		if (i & 1)
			in[i] &= 0x07ffffff;
		want[in[i] >> 24]++;
	}
	ret = suite_spirv(s, code_histogram, sizeof(code_histogram));
	if (!ret)
		ret = suite_buffer(s, in, sizeof(in), &a);
	if (!ret)
		ret = suite_buffer(s, out, sizeof(out), &b);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, a, sizeof(in), "r");
	suite_range(&args, b, sizeof(out), "rw");
	vgpu_launch_args_consts(&args, &n, 4);
	ret = suite_launch(s, 23, 1, 1, &args);
	if (!ret)
		ret = suite_get(s, out, b, sizeof(out));
	return ret ? ret : suite_same(s, "count", out, want, sizeof(out), 4);
}

#define ROWS	61u
#define INNER	77u
#define COLUMNS	45u

/* Small integers, so that sums are exact in whatever order. */
static inline int run_matmul(struct suite *s)
{
	static float a[ROWS][INNER], b[INNER][COLUMNS], c[ROWS][COLUMNS];
	static float want[ROWS][COLUMNS];
	const uint32_t consts[3] = { ROWS, INNER, COLUMNS };
	struct vgpu_launch_args args;
	uint32_t i, k, m, seed = 5;
	uint64_t at[3];
	int ret;

	for (i = 0; i < ROWS; i++)
		for (k = 0; k < INNER; k++)
			a[i][k] = (int32_t)suite_random(&seed) >> 24;
	for (i = 0; i < INNER; i++)
		for (k = 0; k < COLUMNS; k++)
			b[i][k] = (int32_t)suite_random(&seed) >> 24;
	memset(want, 0, sizeof(want));
	for (i = 0; i < ROWS; i++)
		for (m = 0; m < INNER; m++)
			for (k = 0; k < COLUMNS; k++)
				want[i][k] += a[i][m] * b[m][k];
	ret = suite_spirv(s, code_matmul, sizeof(code_matmul));
	if (!ret)
		ret = suite_buffer(s, a, sizeof(a), &at[0]);
	if (!ret)
		ret = suite_buffer(s, b, sizeof(b), &at[1]);
	if (!ret)
		ret = suite_alloc(s, sizeof(c), &at[2]);
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, at[0], sizeof(a), "r");
	suite_range(&args, at[1], sizeof(b), "r");
	suite_range(&args, at[2], sizeof(c), "w");
	vgpu_launch_args_consts(&args, consts, sizeof(consts));
	ret = suite_launch(s, (COLUMNS + 7) / 8, (ROWS + 7) / 8, 1, &args);
	if (!ret)
		ret = suite_get(s, c, at[2], sizeof(c));
	return ret ? ret : suite_same(s, "c", c, want, sizeof(c), 4);
}

#define BODIES	333u

static inline int run_nbody(struct suite *s)
{
	static float in[BODIES][4], out[BODIES][4];
	uint32_t i, k, m, seed = 6;
	int ret;

	for (i = 0; i < BODIES; i++) {
		for (k = 0; k < 3; k++)
			in[i][k] = suite_real(&seed, 10);
		in[i][3] = 1 + suite_real(&seed, 0.5f);
	}
	ret = suite_map(s, code_nbody, sizeof(code_nbody), in, sizeof(in),
			out, sizeof(out), BODIES);
	for (i = 0; i < BODIES && !ret; i++) {
		double sum[3] = { 0 }, all = 0, length;

		for (m = 0; m < BODIES; m++) {
			double d[3], r = 0.01, f;

			for (k = 0; k < 3; k++) {
				d[k] = (double)in[m][k] - in[i][k];
				r += d[k] * d[k];
			}
			f = in[m][3] / (r * sqrt(r));
			for (k = 0; k < 3; k++) {
				sum[k] += d[k] * f;
				all += fabs(d[k] * f);
			}
		}
		length = sqrt(sum[0] * sum[0] + sum[1] * sum[1] +
			      sum[2] * sum[2]);
		/* Terms cancel: measured by what was added. */
		for (k = 0; k < 3 && !ret; k++)
			ret = suite_near(s, "force", 4 * i + k, out[i][k],
					 sum[k], 0, 1e-5 * all);
		if (!ret)
			ret = suite_near(s, "length", i, out[i][3], length, 0,
					 1e-5 * all);
	}
	return ret;
}

#endif /* VGPU_SUITE_GROUPS_H */
