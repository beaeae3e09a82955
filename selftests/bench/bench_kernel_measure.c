// SPDX-License-Identifier: MIT
/*
 * bench_kernel: measuring a group.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench_kernel_measure.h"

const struct bench_case bench_cases[BENCH_CASES] = {
	{ "empty", BENCH_EMPTY, 0, 1, 200, false, true },
	{ "empty, batch of 64", BENCH_EMPTY, 0, 64, 4, false, true },
	{ "empty, 64 unordered", BENCH_EMPTY, 0, 64, 4, true, true },
	{ "2 buffers", BENCH_LOOP, 0, 1, 100, false, true },
	{ "2 buffers, batch of 64", BENCH_LOOP, 0, 64, 4, false, true },
	{ "2 buffers, 64 unordered", BENCH_LOOP, 0, 64, 4, true, true },
	{ "0.1 ms", BENCH_LOOP, 100, 1, 20, false, false },
	{ "0.1 ms, batch of 16", BENCH_LOOP, 100, 16, 2, false, false },
	{ "1 ms", BENCH_LOOP, 1000, 1, 5, false, false },
	{ "1 ms, batch of 8", BENCH_LOOP, 1000, 8, 1, false, false },
	{ "1 ms, 8 unordered", BENCH_LOOP, 1000, 8, 1, true, false },
	{ "10 ms", BENCH_LOOP, 10000, 1, 2, false, false },
	{ "10 ms, batch of 4", BENCH_LOOP, 10000, 4, 1, false, false },
};

/* The most that count can be, so that an index never overflows. */
#define MAX_COUNT	(1u << 26)

struct open_side {
	const struct bench_side_ops *ops;
	void *s;
};

/* Readings of all clocks. */
struct reading {
	uint64_t figure[BENCH_FIGURES];
};

static int perf_fd = -1;
static clockid_t worker_clocks[16];
static uint32_t n_workers;

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* User instructions of this thread, where the kernel lets us count. */
static void open_perf(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	perf_fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

/* Children of this process are workers of its sides. */
static void find_workers(void)
{
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	if (!f)
		return;
	while (n_workers < 16 && fscanf(f, "%d", &pid) == 1)
		if (!clock_getcpuclockid(pid, &worker_clocks[n_workers]))
			n_workers++;
	fclose(f);
}

static void take(struct reading *r)
{
	uint32_t i;

	r->figure[BENCH_INSTRUCTIONS] = 0;
	if (perf_fd >= 0 &&
	    read(perf_fd, &r->figure[BENCH_INSTRUCTIONS], 8) != 8)
		bench_die("the counter of instructions cannot be read");
	r->figure[BENCH_PROCESS] = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	for (i = 0; i < n_workers; i++)
		r->figure[BENCH_PROCESS] += read_clock(worker_clocks[i]);
	r->figure[BENCH_THREAD] = read_clock(CLOCK_THREAD_CPUTIME_ID);
	r->figure[BENCH_WALL] = read_clock(CLOCK_MONOTONIC);
}

static void set_count(const struct open_side *o, uint32_t count)
{
	o->ops->upload(o->s, BENCH_DATA_BYTES, &count, sizeof(count));
}

static uint64_t time_loop(const struct open_side *o, uint32_t count)
{
	uint64_t t, best = UINT64_MAX;
	int i;

	set_count(o, count);
	for (i = 0; i < 3; i++) {
		t = read_clock(CLOCK_MONOTONIC);
		o->ops->launch(o->s, BENCH_LOOP, 1, false);
		t = read_clock(CLOCK_MONOTONIC) - t;
		best = t < best ? t : best;
	}
	return best;
}

/* Iterations that take about so long, beyond what a launch takes anyway. */
static uint32_t calibrate(const struct open_side *o, uint32_t us)
{
	uint64_t want = us * 1000ull, base, t;
	double count = 64;

	base = time_loop(o, 0);
	/* What is too short to be told from a launch is too short to divide. */
	for (;;) {
		t = time_loop(o, (uint32_t)count);
		if (t > 2 * base + 50000 || count >= MAX_COUNT / 4.0)
			break;
		count *= 4;
	}
	count *= (double)want / (double)(t > base ? t - base : 1);
	if (count < 1)
		return 1;
	return count < MAX_COUNT ? (uint32_t)count : MAX_COUNT;
}

static uint32_t loop(uint32_t i, uint32_t count)
{
	uint32_t x = i;

	while (count--) {
		x = x * 1664525u + 1013904223u;
		x ^= x >> 13;
	}
	return x;
}

/* Does a side run kernels at all? */
static void verify(const struct open_side *o, const char *name, uint32_t *data)
{
	uint32_t i;

	set_count(o, 100);
	o->ops->launch(o->s, BENCH_LOOP, 2, false);
	o->ops->download(o->s, data, BENCH_LOOP_WORDS * 4);
	for (i = 0; i < BENCH_LOOP_WORDS; i++)
		if (data[i] != loop(i, 100))
			bench_die("%s: word %u is %#x and should be %#x", name,
				  i, data[i], loop(i, 100));
}

static void measure_case(const struct open_side *o, const struct bench_case *c,
			 double figure[][BENCH_MAX_REPS], uint32_t rep)
{
	struct reading from, to;
	uint32_t i;

	o->ops->launch(o->s, c->kernel, c->batch, c->relaxed);
	take(&from);
	for (i = 0; i < c->rounds; i++)
		o->ops->launch(o->s, c->kernel, c->batch, c->relaxed);
	take(&to);
	for (i = 0; i < BENCH_FIGURES; i++)
		figure[i][rep] = (double)(to.figure[i] - from.figure[i]) /
				 (c->rounds * c->batch);
}

static void measure_step(const struct open_side *o, enum bench_step step,
			 uint32_t *data)
{
	switch (step) {
	case BENCH_UPLOAD:
		o->ops->upload(o->s, 0, data, BENCH_DATA_BYTES);
		break;
	case BENCH_DOWNLOAD:
		o->ops->download(o->s, data, BENCH_DATA_BYTES);
		break;
	default:
		o->ops->launch(o->s, BENCH_TOUCH, 1, false);
	}
}

static void moved(const struct open_side *o, uint64_t *in, uint64_t *out)
{
	*in = 0;
	*out = 0;
	if (o->ops->moved)
		o->ops->moved(o->s, in, out);
}

/* 64 MiB to the device, two launches on all of it, and back. */
static void measure_data(const struct open_side *o, struct bench_results *r,
			 uint32_t side, uint32_t rep, uint32_t *data)
{
	uint32_t i, n = BENCH_DATA_BYTES / 4, want;
	uint64_t t, in, out, in2, out2;
	enum bench_step step;

	for (i = 0; i < n; i++)
		data[i] = i + rep;
	for (step = 0; step < BENCH_STEPS; step++) {
		moved(o, &in, &out);
		t = read_clock(CLOCK_MONOTONIC);
		measure_step(o, step, data);
		r->step_ns[side][step][rep] =
			(double)(read_clock(CLOCK_MONOTONIC) - t);
		moved(o, &in2, &out2);
		r->in[side][step] = in2 - in;
		r->out_bytes[side][step] = out2 - out;
	}
	for (i = 0; i < n; i++) {
		want = ((i + rep) * 3 + 1) * 3 + 1;
		if (data[i] != want)
			bench_die("%s: word %u is %#x and should be %#x",
				  r->what[side], i, data[i], want);
	}
}

static void open_sides(const struct bench_group *g, struct bench_results *r,
		       const char *device, struct open_side *open)
{
	struct bench_options options = { .device = device, .like = "" };
	char name[256];
	uint32_t i;

	/* Ours chooses; the others take the device of that name, the peer last. */
	for (i = 1; i <= g->n_sides; i++) {
		uint32_t side = i % g->n_sides;

		options.flags = g->sides[side].flags;
		open[side].ops = g->sides[side].ops;
		open[side].s = open[side].ops->open(&options, r->what[side],
						    sizeof(r->what[side]));
		r->out[side] = !open[side].s;
		if (i > 1 || r->out[side])
			continue;
		options.like = r->what[side];
		snprintf(name, sizeof(name), "%s", r->what[side]);
		name[strcspn(name, ",")] = 0;
		options.device = name;
	}
}

static uint64_t after_ms(uint32_t ms)
{
	return read_clock(CLOCK_MONOTONIC) + ms * 1000000ull;
}

/* Whether to begin repetition @rep. */
static bool another(uint32_t rep, uint64_t end)
{
	return rep < BENCH_MIN_REPS || (rep < BENCH_MAX_REPS &&
					read_clock(CLOCK_MONOTONIC) < end);
}

static void measure_cases(const struct bench_group *g, struct bench_results *r,
			  const struct open_side *open, uint32_t case_ms)
{
	uint32_t rep, i, c, side;
	uint64_t end;

	for (c = 0; c < BENCH_CASES; c++) {
		const struct bench_case *p = &bench_cases[c];

		if (g->stub && !p->stub)
			continue;
		if (p->us)
			r->count[c] = calibrate(&open[0], p->us);
		for (i = 0; i < g->n_sides; i++)
			if (open[i].s)
				set_count(&open[i], r->count[c]);
		end = after_ms(case_ms);
		for (rep = 0; another(rep, end); rep++) {
			for (i = 0; i < g->n_sides; i++) {
				side = (i + rep) % g->n_sides;
				if (open[side].s)
					measure_case(&open[side], p,
						     r->figure[c][side], rep);
			}
		}
		r->reps[c] = rep;
	}
}

void bench_measure(const struct bench_group *g, struct bench_results *r,
		   uint32_t case_ms, const char *device, const char *stub)
{
	struct open_side open[BENCH_MAX_SIDES];
	uint32_t *data = malloc(BENCH_DATA_BYTES);
	uint64_t end;
	uint32_t rep, i;

	if (!data)
		bench_die("no memory");
	/* By its soname it is what anybody gets who loads libvulkan.so.1. */
	if (*stub) {
		if (!dlopen(stub, RTLD_NOW | RTLD_LOCAL))
			bench_die("%s", dlerror());
		/* In workers too. */
		setenv("LD_PRELOAD", stub, 1);
	}
	open_sides(g, r, device, open);
	if (!open[0].s) {
		snprintf(r->why, sizeof(r->why), "%s", r->what[0]);
		return;
	}
	find_workers();
	open_perf();
	r->counted = perf_fd >= 0;
	for (i = 0; i < g->n_sides && !g->stub; i++)
		if (open[i].s)
			verify(&open[i], g->sides[i].name, data);
	measure_cases(g, r, open, case_ms);
	end = after_ms(3 * case_ms);
	for (rep = 0; !g->stub && another(rep, end); rep++)
		for (i = 0; i < g->n_sides; i++)
			if (open[i].s)
				measure_data(&open[i], r, i, rep, data);
	r->data_reps = rep;
	for (i = 0; i < g->n_sides; i++) {
		r->counts[i] = open[i].ops->moved;
		if (open[i].s)
			open[i].ops->close(open[i].s);
	}
	free(data);
	r->measured = true;
}
