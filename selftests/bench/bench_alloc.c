// SPDX-License-Identifier: MIT
/*
 * Benchmark of the VRAM allocator against the kernel's drm_mm and drm_buddy.
 *
 * A trace: sizes log-uniform, half of the blocks aligned to 256 bytes and half
 * to 64 KiB, in a heap of 4 GiB.  Below 70 % full an operation allocates with
 * probability .75, above 90 % with .25, between as it last was; frees are
 * uniform random.  Then it only allocates, until the first failure, and says
 * how full the heap is.  The trace is made beforehand, for an allocator that
 * never fails; each allocator runs the same.  One pass gives the CPU time of
 * the whole trace, another times each operation by itself for the p99.9.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_alloc.h"
#include "vram.h"

#ifndef BENCH_FLAGS
#define BENCH_FLAGS "unknown"
#endif

#define HEAP		(4ull << 30)
#define BANK_SHIFT	30
#define OPS		200000u
#define MAX_FILL	2000000u
/* The first failure's time varies more the larger blocks are. */
#define SEEDS_A		31
#define SEEDS_B		7
#define SEEDS		SEEDS_A
#define KIB		1024.0
#define MIB		(1024.0 * KIB)

struct op {
	uint32_t block;
	uint32_t align;		/* 0: free */
	uint64_t size;
};

struct trace {
	struct op *ops;
	uint32_t n;
	struct op *fill;
	uint32_t fills;
	uint32_t blocks;	/* block numbers used */
	double perfect;		/* utilisation that no rounding allows more of */
};

struct ours {
	struct vgpu_vram *v;
	uint32_t handles[];
};

static void *ours_create(uint64_t heap, uint32_t blocks)
{
	uint32_t max = blocks < VGPU_VRAM_MAX_BLOCKS ? blocks :
		       VGPU_VRAM_MAX_BLOCKS;
	uint64_t bytes = vgpu_vram_bytes(heap, BANK_SHIFT, max);
	struct ours *o = calloc(1, sizeof(*o) + blocks * sizeof(uint32_t));

	if (!o)
		return NULL;
	o->v = aligned_alloc(64, (bytes + 63) & ~63ull);
	if (!o->v)
		exit(1);
	memset(o->v, 0, bytes);
	if (vgpu_vram_init(o->v, bytes, heap, BANK_SHIFT, max, max))
		exit(1);
	return o;
}

static int ours_alloc(void *h, uint32_t i, uint64_t size, uint64_t align)
{
	struct ours *o = h;

	return vgpu_vram_alloc(o->v, size, align, 0, &o->handles[i]);
}

static void ours_free(void *h, uint32_t i)
{
	struct ours *o = h;

	if (vgpu_vram_free(o->v, o->handles[i]))
		abort();
}

static void ours_destroy(void *h)
{
	struct ours *o = h;

	free(o->v);
	free(o);
}

static const struct peer peer_ours = {
	.name = "vgpu_vram",
	.create = ours_create,
	.alloc = ours_alloc,
	.free = ours_free,
	.destroy = ours_destroy,
};

static uint64_t rng_state;

static uint64_t rng(void)
{
	uint64_t z = rng_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static double rng_unit(void)
{
	return (double)(rng() >> 11) / 9007199254740992.0;
}

static void *must(void *p)
{
	if (p)
		return p;
	fprintf(stderr, "bench_alloc: out of memory\n");
	exit(1);
}

static struct op random_alloc(double lo, double hi)
{
	struct op op = {
		.size = (uint64_t)(lo * pow(hi / lo, rng_unit())),
	};

	op.align = rng() & 1 ? 65536 : 256;
	return op;
}

static void trace_make(struct trace *t, uint64_t seed, uint32_t ops, double lo,
		       double hi)
{
	uint32_t *live = must(malloc(ops * sizeof(*live)));
	uint64_t *sizes = must(malloc(ops * sizeof(*sizes)));
	uint32_t *spare = must(malloc(ops * sizeof(*spare)));
	uint32_t nlive = 0, nspare = 0, next = 0, i;
	double fill = .75;
	uint64_t used = 0;

	rng_state = seed;
	t->n = ops;
	t->ops = must(malloc(ops * sizeof(*t->ops)));
	for (i = 0; i < ops; i++) {
		struct op *op = &t->ops[i];
		uint32_t k;

		if (used < .7 * HEAP)
			fill = .75;
		else if (used > .9 * HEAP)
			fill = .25;
		if (!nlive || rng_unit() < fill) {
			*op = random_alloc(lo, hi);
			op->block = nspare ? spare[--nspare] : next++;
			live[nlive++] = op->block;
			sizes[op->block] = op->size;
			used += op->size;
			continue;
		}
		k = (uint32_t)(rng() % nlive);
		op->align = 0;
		op->block = live[k];
		live[k] = live[--nlive];
		used -= sizes[op->block];
		spare[nspare++] = op->block;
	}
	/* Enough to fill the heap from what the trace may have left empty. */
	t->fills = 0;
	t->fill = must(malloc(MAX_FILL * sizeof(*t->fill)));
	t->perfect = 0;
	while (t->fills < MAX_FILL && used <= 2 * HEAP) {
		struct op op = random_alloc(lo, hi);

		op.block = next++;
		if (!t->perfect && used + op.size > HEAP)
			t->perfect = (double)used / HEAP;
		used += op.size;
		t->fill[t->fills++] = op;
	}
	t->blocks = next;
	free(live);
	free(sizes);
	free(spare);
}

static void trace_free(struct trace *t)
{
	free(t->ops);
	free(t->fill);
}

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct result {
	double pair_ns;
	double p999_ns;
	double util;
	uint32_t failed;	/* allocations of the trace */
};

struct compaction {
	double util;		/* at the first failure after it */
	double of_perfect;
	double of_bound;	/* of what the alignments allow */
	double largest;		/* of min(all free, a bank) */
	double largest_bound;	/* of what of it alignments allow */
	double moved;		/* bytes copied, of the bytes in use */
	double ns;		/* bookkeeping a move */
	uint32_t moves;
};

static uint64_t run_op(const struct peer *p, void *h, const struct op *op,
		       bool *have, struct result *r)
{
	if (op->align) {
		have[op->block] = !p->alloc(h, op->block, op->size, op->align);
		r->failed += !have[op->block];
		return have[op->block] ? op->size : 0;
	}
	if (!have[op->block])
		return 0;
	have[op->block] = false;
	p->free(h, op->block);
	return 0;
}

static int by_time(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Allocate from fill[*at] on until the first failure; bytes allocated. */
static uint64_t fill_up(const struct peer *p, void *h, const struct trace *t,
			uint32_t *at)
{
	uint64_t sum = 0;

	for (; *at < t->fills; (*at)++) {
		const struct op *op = &t->fill[*at];

		if (p->alloc(h, op->block, op->size, op->align))
			break;
		sum += op->size;
	}
	return sum;
}

/*
 * How much of the heap any arrangement of its blocks must waste.  A block
 * aligned to 64 KiB and what lies between it and the next such block fill a
 * multiple of 64 KiB.  What the aligned block leaves of its last 64 KiB can
 * be filled by the others' sizes modulo 64 KiB at best; the rest is lost.
 */
static double aligned_waste(const struct vgpu_vram *v)
{
	struct vgpu_vram_cursor cur = { 0 };
	struct vgpu_vram_extent_info x;
	struct vgpu_vram_block b;
	int64_t waste = 0;

	while (vgpu_vram_walk(v, &cur, &x)) {
		if (!x.handle || vgpu_vram_info(v, x.handle, &b))
			continue;
		if (b.align >= 65536)
			waste += -b.reserved & 65535;
		else
			waste -= b.reserved & 65535;
	}
	return waste > 0 ? (double)waste : 0;
}

static void compact(struct vgpu_vram *v, uint64_t used, struct compaction *c)
{
	struct vgpu_vram_cursor cur = { 0 };
	struct vgpu_vram_stats s;
	struct vgpu_vram_move m;
	double bank = (double)(1ull << BANK_SHIFT), limit, bound;
	uint64_t bytes = 0;
	uint64_t t0 = now(CLOCK_THREAD_CPUTIME_ID);
	int ret;

	c->moves = 0;
	while ((ret = vgpu_vram_compact_next(v, &cur, &m))) {
		if (ret == -EAGAIN)
			continue;
		bytes += m.size;
		c->moves++;
		if (vgpu_vram_move_done(v, m.handle, true))
			abort();
	}
	c->ns = (double)(now(CLOCK_THREAD_CPUTIME_ID) - t0) /
		(c->moves ? c->moves : 1);
	c->moved = (double)bytes / (double)used;
	vgpu_vram_stats(v, &s);
	limit = (double)s.free < bank ? (double)s.free : bank;
	bound = (double)s.free - aligned_waste(v);
	bound = bound < bank ? bound : bank;
	c->largest = (double)s.largest_free / limit;
	c->largest_bound = (double)s.largest_free / bound;
}

static void run(const struct peer *p, const struct trace *t, struct result *r,
		struct compaction *c)
{
	bool *have = must(calloc(t->blocks, 1));
	uint32_t *times = must(malloc(t->n * sizeof(*times)));
	uint64_t used = 0, t0;
	void *h = must(p->create(HEAP, t->blocks));
	uint32_t i, at = 0;

	memset(r, 0, sizeof(*r));
	t0 = now(CLOCK_THREAD_CPUTIME_ID);
	for (i = 0; i < t->n; i++)
		run_op(p, h, &t->ops[i], have, r);
	r->pair_ns = 2.0 * (double)(now(CLOCK_THREAD_CPUTIME_ID) - t0) / t->n;
	p->destroy(h);

	memset(have, 0, t->blocks);
	h = must(p->create(HEAP, t->blocks));
	r->failed = 0;
	for (i = 0; i < t->n; i++) {
		t0 = now(CLOCK_MONOTONIC);
		run_op(p, h, &t->ops[i], have, r);
		times[i] = (uint32_t)(now(CLOCK_MONOTONIC) - t0);
	}
	qsort(times, t->n, sizeof(*times), by_time);
	r->p999_ns = times[t->n - 1 - t->n / 1000];

	/* What is alive now, by the last allocation of each number. */
	for (i = t->n; i--;) {
		if (!have[t->ops[i].block])
			continue;
		have[t->ops[i].block] = false;
		used += t->ops[i].size;
	}
	used += fill_up(p, h, t, &at);
	r->util = (double)used / HEAP;
	if (c) {
		compact(((struct ours *)h)->v, used, c);
		used += fill_up(p, h, t, &at);
		c->util = (double)used / HEAP;
		c->of_perfect = c->util / t->perfect;
		c->of_bound = (double)used /
			(HEAP - aligned_waste(((struct ours *)h)->v));
	}
	p->destroy(h);
	free(times);
	free(have);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *x, int n)
{
	qsort(x, (size_t)n, sizeof(*x), by_value);
	return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static const struct peer *const peers[] = {
	&peer_drm_mm_best, &peer_ours, &peer_drm_mm_low, &peer_drm_buddy,
};

#define PEERS	ARRAY_SIZE(peers)

static void bench(const char *name, double hi, int seeds, uint32_t ops,
		  FILE *json, const char *sep)
{
	double pair[PEERS][SEEDS], ratio[PEERS][SEEDS], p999[PEERS][SEEDS];
	double util[PEERS][SEEDS], fails[PEERS][SEEDS];
	double cutil[SEEDS], cperf[SEEDS], cbound[SEEDS], clarge[SEEDS], cmoved[SEEDS];
	double cns[SEEDS], perfect[SEEDS], clbound[SEEDS];
	int s;

	for (s = 0; s < seeds; s++) {
		struct compaction c = { 0 };
		struct result r;
		struct trace t;
		size_t i;

		trace_make(&t, (uint64_t)s + 1, ops, 4 * KIB, hi);
		for (i = 0; i < PEERS; i++) {
			if (s && peers[i]->slow)
				continue;
			run(peers[i], &t, &r,
			    peers[i] == &peer_ours ? &c : NULL);
			pair[i][s] = r.pair_ns;
			ratio[i][s] = r.pair_ns / pair[0][s];
			p999[i][s] = r.p999_ns;
			util[i][s] = 100 * r.util;
			fails[i][s] = r.failed;
		}
		cutil[s] = 100 * c.util;
		cperf[s] = c.of_perfect;
		cbound[s] = c.of_bound;
		clarge[s] = c.largest;
		clbound[s] = c.largest_bound;
		cmoved[s] = c.moved;
		cns[s] = c.ns;
		perfect[s] = 100 * t.perfect;
		trace_free(&t);
	}
	for (size_t i = 0; i < PEERS; i++) {
		int n = peers[i]->slow ? 1 : seeds;
		double ns = median(pair[i], n), q = median(ratio[i], n);
		double tail = median(p999[i], n);
		double u = median(util[i], n), f = median(fails[i], n);

		if (json)
			fprintf(json, "%s\n  {\"trace\":\"%s\",\"allocator\":\"%s\",\"pair_ns\":%.1f,\"ratio\":%.4f,\"p999_ns\":%.0f,\"utilisation\":%.2f,\"failed\":%.0f}",
			       i ? "," : sep, name, peers[i]->name, ns, q,
			       tail, u, f);
		printf("%s  %-22s %9.0f %8.3f %10.0f %7.1f %7.0f\n", name,
		       peers[i]->name, ns, q, tail, u, f);
	}
	if (json)
		fprintf(json, ",\n  {\"trace\":\"%s\",\"allocator\":\"vgpu_vram compacted\",\"utilisation\":%.2f,\"perfect\":%.2f,\"of_perfect\":%.4f,\"of_bound\":%.4f,\"largest_free\":%.4f,\"largest_free_of_bound\":%.4f,\"copied\":%.3f,\"move_ns\":%.0f}",
		       name, median(cutil, seeds), median(perfect, seeds),
		       median(cperf, seeds), median(cbound, seeds),
		       median(clarge, seeds), median(clbound, seeds),
		       median(cmoved, seeds), median(cns, seeds));
	printf("%s  after compaction: %.1f %% full at the next failure, perfect is %.1f (ratio %.4f), ratio to what alignments allow %.4f; largest free %.3f of min(free, bank), %.3f of what alignments allow; copied %.2f of what is in use, %.0f ns a move to decide\n",
	       name, median(cutil, seeds), median(perfect, seeds),
	       median(cperf, seeds), median(cbound, seeds),
	       median(clarge, seeds), median(clbound, seeds),
	       median(cmoved, seeds), median(cns, seeds));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	FILE *json = NULL;
	bool quick = false;
	uint32_t ops;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json") && i + 1 < argc) {
			json = fopen(argv[++i], "w");
			if (!json) {
				perror(argv[i]);
				return 1;
			}
		} else if (!strcmp(argv[i], "--quick")) {
			quick = true;
		} else {
			fprintf(stderr, "bench_alloc: %s: unknown option (--json FILE, --quick)\n",
				argv[i]);
			return 2;
		}
	}
	ops = quick ? OPS / 4 : OPS;
	if (json)
		fprintf(json, "{\"bench\":\"alloc\",\"flags\":\"%s\",\"heap\":%llu,\"ops\":%u,\"results\":[",
		       BENCH_FLAGS, HEAP, ops);
	printf("VRAM allocator, heap 4 GiB, %u operations, flags %s\nA: 4 KiB to 64 MiB, median of %d seeds; B: 4 KiB to 1 MiB, %d seeds; drm_buddy one\n   %-22s %9s %8s %10s %7s %7s\n",
	       ops, BENCH_FLAGS, quick ? 1 : SEEDS_A, quick ? 1 : SEEDS_B, "",
	       "pair ns", "ratio", "p99.9 ns", "util %", "failed");
	bench("A", 64 * MIB, quick ? 1 : SEEDS_A, ops, json, "");
	bench("B", MIB, quick ? 1 : SEEDS_B, ops, json, ",");
	if (!json)
		return 0;
	fprintf(json, "]}\n");
	if (fclose(json)) {
		perror("bench_alloc: --json");
		return 1;
	}
	return 0;
}
