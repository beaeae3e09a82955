/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks of the module share: rows of figures, each measured once
 * a repetition next to its peers; medians of them, and of the ratio to a peer,
 * which is taken inside a repetition; tables and JSON.
 *
 *	bench_NAME [--json FILE] [--reps N] [--count]
 *
 * With --count, in a virtual machine whose clocks tell the instructions that it
 * executed (selftests/vm/boot.sh -a icount), figures are instructions instead of
 * nanoseconds: of the program and the kernel, on all processors that do
 * something.
 */
#ifndef BENCH_VM_H
#define BENCH_VM_H

#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <x86intrin.h>

#include "drm_util.h"

#ifndef BENCH_FLAGS
#define BENCH_FLAGS	"not known"
#endif

#define BENCH_REPS	101
#define BENCH_ROWS	96

/**
 * struct bench_row - a figure
 * @name: what it is of
 * @unit: "time": ns or instructions; or another one
 * @peer: index of the row that the ratio is to, or -1
 * @n: repetitions that have it
 * @v: by repetition
 */
struct bench_row {
	char name[72];
	const char *unit;
	int peer;
	int n;
	double v[BENCH_REPS];
};

static struct bench_row bench_rows[BENCH_ROWS];
static int bench_n_rows;
static const char *bench_name;
static FILE *bench_json;
static int bench_reps;
static bool bench_count;

static inline void bench_die(const char *what, int error)
{
	fprintf(stderr, "bench_%s: %s: %s\n", bench_name, what,
		strerror(error < 0 ? -error : error));
	exit(1);
}

/* What must not fail: 0 or more, else a negative errno. */
static inline int bench_ok(const char *what, int ret)
{
	if (ret < 0)
		bench_die(what, ret);
	return ret;
}

static inline void bench_begin(int argc, char **argv, const char *name,
			       int reps, int count_reps)
{
	static const struct option options[] = {
		{ "json", required_argument, NULL, 'j' },
		{ "reps", required_argument, NULL, 'r' },
		{ "count", no_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int c, want = 0;

	bench_name = name;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			bench_json = fopen(optarg, "w");
			if (!bench_json)
				bench_die(optarg, errno);
			break;
		case 'r':
			want = atoi(optarg);
			if (want < 1 || want > BENCH_REPS)
				bench_die("--reps", EINVAL);
			break;
		case 'c':
			bench_count = true;
			break;
		default:
			exit(2);
		}
	}
	bench_reps = want ? want : bench_count ? count_reps : reps;
}

/* Nanoseconds, or instructions. */
static inline uint64_t bench_now(void)
{
	return bench_count ? __rdtsc() : (uint64_t)now_ns();
}

/* A row by its name, made when it is first asked for. */
static inline int bench_row(const char *name, const char *unit, int peer)
{
	struct bench_row *r;
	int i;

	for (i = 0; i < bench_n_rows; i++)
		if (!strcmp(bench_rows[i].name, name))
			return i;
	if (i == BENCH_ROWS)
		bench_die("rows", ENOSPC);
	r = &bench_rows[bench_n_rows++];
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->unit = unit;
	r->peer = peer;
	return i;
}

static inline void bench_put(int row, double value)
{
	struct bench_row *r = &bench_rows[row];

	if (r->n < BENCH_REPS)
		r->v[r->n++] = value;
}

/* One figure of this repetition; returns its row, for those it is a peer of. */
static inline int bench_figure(int peer, const char *unit, double value,
			       const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static inline int bench_figure(int peer, const char *unit, double value,
			       const char *format, ...)
{
	char name[72];
	va_list args;
	int row;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	row = bench_row(name, unit, peer);
	bench_put(row, value);
	return row;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static inline double bench_median(const double *v, int n)
{
	double copy[BENCH_REPS];

	memcpy(copy, v, n * sizeof(*v));
	qsort(copy, n, sizeof(*copy), bench_compare);
	return copy[n / 2];
}

static inline double bench_ratio(const struct bench_row *r)
{
	const struct bench_row *p = &bench_rows[r->peer];
	double v[BENCH_REPS];
	int i, n = r->n < p->n ? r->n : p->n;

	for (i = 0; i < n; i++)
		v[i] = p->v[i] ? r->v[i] / p->v[i] : 0;
	return n ? bench_median(v, n) : 0;
}

static inline const char *bench_unit(const struct bench_row *r)
{
	if (strcmp(r->unit, "time"))
		return r->unit;
	return bench_count ? "instructions" : "ns";
}

/* Print all, and end. */
static inline int bench_end(void)
{
	const struct bench_row *r;
	const char *peer;
	int i;

	printf("bench_%s: up to %d repetitions, %s, flags: %s\n", bench_name,
	       bench_reps, bench_count ? "instructions counted" : "time",
	       BENCH_FLAGS);
	if (bench_json)
		fprintf(bench_json, "{\"bench\": \"%s\", \"measure\": \"%s\", \"flags\": \"%s\", \"rows\": [",
			bench_name, bench_count ? "instructions" : "time",
			BENCH_FLAGS);
	for (i = 0; i < bench_n_rows; i++) {
		r = &bench_rows[i];
		peer = r->peer >= 0 ? bench_rows[r->peer].name : NULL;
		printf("  %-58s %12.1f %-12s", r->name,
		       bench_median(r->v, r->n), bench_unit(r));
		if (peer)
			printf(" %7.3f of %s", bench_ratio(r), peer);
		printf("\n");
		if (!bench_json)
			continue;
		fprintf(bench_json, "%s\n {\"name\": \"%s\", \"unit\": \"%s\", \"repetitions\": %d, \"median\": %.3f",
			i ? "," : "", r->name, bench_unit(r), r->n,
			bench_median(r->v, r->n));
		if (peer)
			fprintf(bench_json, ", \"peer\": \"%s\", \"ratio\": %.4f",
				peer, bench_ratio(r));
		fprintf(bench_json, "}");
	}
	if (bench_json) {
		fprintf(bench_json, "\n]}\n");
		if (fclose(bench_json))
			bench_die("--json", errno);
	}
	return 0;
}

/* A repetition to warm up, which does not count, and those that do. */
static inline void bench_repeat(void (*measure)(void))
{
	int i;

	measure();
	for (i = 0; i < bench_n_rows; i++)
		bench_rows[i].n = 0;
	for (i = 0; i < bench_reps; i++)
		measure();
}

static inline void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* The same for all who look again and again. */
static inline void bench_back_off(unsigned int *spins)
{
	if (++*spins < 64) {
		_mm_pause();
		return;
	}
	*spins = 0;
	sched_yield();
}

/* Until @n more completions are there, which are not taken. */
static inline void bench_await(const struct ring *ring, uint32_t n)
{
	uint64_t pos = ring->reaper.head + n - 1;
	unsigned int spins = 0;

	while (__atomic_load_n(&vgpu_ring_cslot(&ring->r, pos)->seq,
			       __ATOMIC_ACQUIRE) != vgpu_ring_seq(pos))
		bench_back_off(&spins);
}

/*
 * What a thread does by itself while it waits for another one: the median of the
 * first repetitions, as where processors take turns the other one's may come in
 * between.
 */
struct bench_own {
	double parts[BENCH_REPS];
	int n;
};

static inline void bench_own_put(struct bench_own *own, double part)
{
	if (own->n < BENCH_REPS)
		own->parts[own->n++] = part;
}

static inline double bench_own_median(const struct bench_own *own)
{
	return bench_median(own->parts, own->n);
}

/* A client with a context, and a ring in it. */
static inline int bench_client(uint32_t entries, uint32_t poll_us,
			       struct ring *ring)
{
	struct drm_vgpu_ring_create how = { .poll_us = poll_us };
	uint32_t context;
	int fd = node_open(0);

	if (fd < 0)
		bench_die("no render node of vgpu", ENODEV);
	bench_ok("context", context_create(fd, &context));
	bench_ok("ring", ring_create(fd, context, entries, &how, ring));
	return fd;
}

/* Take @n completions, which are there or will be. */
static inline void bench_reap(struct ring *ring, uint32_t n)
{
	struct vgpu_completion done[128];
	uint32_t got = 0, i, k;
	unsigned int spins = 0;

	while (got < n) {
		k = vgpu_ring_reap(&ring->reaper, done,
				   n - got < 128 ? n - got : 128);
		for (i = 0; i < k; i++)
			bench_ok("command", done[i].status);
		got += k;
		if (!k)
			bench_back_off(&spins);
	}
	if (vgpu_ring_reap_release(&ring->reaper))
		bench_ok("kick", ring_kick(ring, 0, 0, 0));
}

#endif /* BENCH_VM_H */
