// SPDX-License-Identifier: MIT
/*
 * Rings side by side: the device's ring, its many-to-many form, vgpu_queue, and
 * the rings that others use, all with 64-byte elements.
 *
 * A repetition runs every ring once on every workload; ratios are taken inside
 * a repetition, and what is printed are medians over the repetitions, so that
 * a neighbour on the machine moves both sides of a ratio.  Which processors
 * the threads got decides about everything; the round trip of one cache line
 * between them is measured around each repetition, and printed as a class.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include <vgpu/queue.h>

#include "bench_ring.h"
#include "bench_ring_peers.h"
#include "ring_many.h"

#ifndef BENCH_FLAGS
#define BENCH_FLAGS "unknown"
#endif

/* Ours: the device's ring, submissions only. */

struct bench_ours {
	struct vgpu_ring ring;
	struct vgpu_ring_consumer consumer __attribute__((aligned(128)));
	char pad[128];
};

static void *ours_create(void)
{
	struct bench_ours *q = bench_alloc(sizeof(*q));

	vgpu_ring_attach(&q->ring,
			 bench_alloc(VGPU_RING_BYTES(BENCH_ENTRIES, 8)),
			 BENCH_ENTRIES, 8);
	vgpu_ring_format(&q->ring);
	vgpu_ring_consumer_init(&q->consumer, &q->ring);
	return q;
}

static void ours_destroy(void *p)
{
	struct bench_ours *q = p;

	free(q->ring.hdr);
	free(q);
}

BENCH_INLINE uint32_t ours_sp_push(void *p, const struct vgpu_cmd *e,
				   uint32_t n)
{
	struct bench_ours *q = p;
	bool doorbell;

	return vgpu_ring_submit_single(&q->ring, e, 1, n, &doorbell);
}

BENCH_INLINE uint32_t ours_mp_push(void *p, const struct vgpu_cmd *e,
				   uint32_t n)
{
	struct bench_ours *q = p;
	bool doorbell;

	return vgpu_ring_submit(&q->ring, e, 1, n, &doorbell);
}

BENCH_INLINE uint32_t ours_pop(void *p, struct vgpu_cmd *e, uint32_t n)
{
	struct bench_ours *q = p;

	return vgpu_ring_consume(&q->consumer, e, n);
}

BENCH_LOOPS(ours_sp, struct vgpu_cmd, ours_sp_push, ours_pop)
BENCH_LOOPS(ours_mp, struct vgpu_cmd, ours_mp_push, ours_pop)

/* Ours: the same ring with many consumers. */

BENCH_INLINE uint32_t many_push(void *p, const struct vgpu_cmd *e, uint32_t n)
{
	struct bench_ours *q = p;
	bool wake;

	return vgpu_ring_many_submit(&q->ring, e, 1, n, &wake);
}

BENCH_INLINE uint32_t many_pop(void *p, struct vgpu_cmd *e, uint32_t n)
{
	struct bench_ours *q = p;
	__u64 pos;

	return vgpu_ring_take(&q->ring, e, n, &pos);
}

BENCH_LOOPS(many, struct vgpu_cmd, many_push, many_pop)

/* Ours: vgpu_queue as a program sees it. */

static void *queue_create(void)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = BENCH_ENTRIES,
	};
	struct vgpu_queue *q;

	if (vgpu_queue_create(&opts, &q) || vgpu_queue_start(q))
		abort();
	return q;
}

static void queue_destroy(void *p)
{
	vgpu_queue_unref(p);
}

BENCH_INLINE uint32_t queue_push(void *p, const struct vgpu_command *e,
				 uint32_t n)
{
	int got;

	if (n == 1)
		return !vgpu_queue_submit(p, e);
	got = vgpu_queue_submit_batch(p, e, n, VGPU_QUEUE_PARTIAL);
	return got < 0 ? 0 : got;
}

BENCH_INLINE uint32_t queue_pop(void *p, struct vgpu_command *e, uint32_t n)
{
	int got;

	if (n == 1)
		return !vgpu_queue_dequeue(p, e, VGPU_NO_WAIT);
	got = vgpu_queue_dequeue_batch(p, e, n, VGPU_NO_WAIT);
	return got < 0 ? 0 : got;
}

BENCH_LOOPS(queue, struct vgpu_command, queue_push, queue_pop)

enum { RTE_SP, RTE_MP, MUTEX = 5 };

static const struct bench_impl *impls[16];
static unsigned int n_impls;
static bool left_out[16];	/* by --only */

static const struct bench_impl table[] = {
	[RTE_SP] = BENCH_IMPL(rte_sp, "rte_ring SP/SC", 0, rte_sp_create, free,
			      NULL),
	[RTE_MP] = BENCH_IMPL(rte_mp, "rte_ring MP/MC", 1, rte_mp_create, free,
			      NULL),
	BENCH_IMPL(ck_spsc, "ck_ring spsc", 0, ck_create, free, NULL),
	BENCH_IMPL(ck_mpmc, "ck_ring mpmc", 1, ck_create, free, NULL),
	BENCH_IMPL(wfc, "liburcu wfcqueue", 0, wfc_create, wfc_destroy, NULL),
	[MUTEX] = BENCH_IMPL(mutex, "mutex + condvar", 1, mutex_create, free,
			     mutex_finish),
	BENCH_IMPL(vyukov, "Vyukov cells", 1, vyukov_create, free, NULL),
	BENCH_IMPL(ours_sp, "vgpu ring, one producer", 0, ours_create,
		   ours_destroy, NULL),
	BENCH_IMPL(ours_mp, "vgpu ring, many producers", 0, ours_create,
		   ours_destroy, NULL),
	BENCH_IMPL(many, "vgpu many to many", 1, ours_create, ours_destroy,
		   NULL),
	BENCH_IMPL(queue, "vgpu_queue", 1, queue_create, queue_destroy, NULL),
};

enum kind { ONE, PAIR, FOUR, TRIP };

static const struct workload {
	const char *name;
	const char *key;
	enum kind kind;
	uint32_t bulk;
	uint64_t ops;
	unsigned int peer;	/* what ratios are to */
} workloads[] = {
	{ "1 thread b1", "one_thread_bulk1", ONE, 1, 400000, RTE_SP },
	{ "1P1C b1", "pair_bulk1", PAIR, 1, 200000, RTE_SP },
	{ "1P1C b32", "pair_bulk32", PAIR, 32, 640000, RTE_SP },
	{ "2P2C b1", "four_bulk1", FOUR, 1, 200000, RTE_MP },
	{ "2P2C b32", "four_bulk32", FOUR, 32, 640000, RTE_MP },
	{ "trip ns", "round_trip_ns", TRIP, 1, 5000, RTE_SP },
};

#define N_WORKLOADS	(sizeof(workloads) / sizeof(workloads[0]))
#define MAX_REPS	201

static double result[16][N_WORKLOADS][MAX_REPS];
static double probe[MAX_REPS];
static struct bench_elem source[BENCH_SOURCE + BENCH_MAX_BULK];
static int cpu[2];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void pin(int first, int second)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(first, &set);
	CPU_SET(second, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		perror("sched_setaffinity");
}

struct worker {
	pthread_t thread;
	void (*fn)(struct bench_run *r);
	struct bench_run *run;
	pthread_barrier_t *gate;
	int first, second;
	uint64_t start, end;
};

static void *work(void *p)
{
	struct worker *w = p;

	pin(w->first, w->second);
	pthread_barrier_wait(w->gate);
	w->start = now_ns();
	w->fn(w->run);
	w->end = now_ns();
	return NULL;
}

/* Run the functions at once, the first @waited of them joined before finish. */
static double race(struct bench_run *run, const struct bench_impl *impl,
		   unsigned int n, void (*const *fn)(struct bench_run *),
		   bool spread)
{
	struct worker w[4];
	pthread_barrier_t gate;
	uint64_t start = UINT64_MAX, end = 0;
	unsigned int i;

	pthread_barrier_init(&gate, NULL, n);
	for (i = 0; i < n; i++) {
		w[i] = (struct worker){
			.fn = fn[i],
			.run = run,
			.gate = &gate,
			.first = spread ? cpu[0] : cpu[i & 1],
			.second = spread ? cpu[1] : cpu[i & 1],
		};
		if (pthread_create(&w[i].thread, NULL, work, &w[i]))
			abort();
	}
	for (i = 0; i < n; i++) {
		pthread_join(w[i].thread, NULL);
		if (i == n / 2 - 1 && impl && impl->finish)
			impl->finish(run->q);
		if (w[i].start < start)
			start = w[i].start;
		if (w[i].end > end)
			end = w[i].end;
	}
	pthread_barrier_destroy(&gate);
	return (double)(end - start);
}

static uint64_t expected_sum(uint64_t total, uint32_t producers)
{
	uint64_t sum = 0, i;

	for (i = 0; i < total / producers; i++)
		sum += source[i % BENCH_SOURCE].word[1];
	return sum * producers;
}

static double measure(const struct bench_impl *impl, const struct workload *w,
		      uint64_t ops)
{
	void (*pair[2])(struct bench_run *) = { impl->produce, impl->consume };
	void (*four[4])(struct bench_run *) = { impl->produce, impl->produce,
						impl->consume, impl->consume };
	void (*trip[2])(struct bench_run *) = { impl->ping, impl->pong };
	struct bench_run *run = bench_alloc(sizeof(*run));
	double ns = 0, value;

	run->q = impl->create();
	run->back = w->kind == TRIP ? impl->create() : NULL;
	run->src = source;
	run->total = ops;
	run->bulk = w->bulk;
	run->each = ops / (w->kind == FOUR ? 2 : 1);
	run->consumers = w->kind == FOUR ? 2 : 1;
	switch (w->kind) {
	case ONE:
		ns = now_ns();
		impl->one(run);
		ns = now_ns() - ns;
		break;
	case PAIR:
		ns = race(run, impl, 2, pair, false);
		break;
	case FOUR:
		ns = race(run, impl, 4, four, true);
		break;
	case TRIP:
		ns = race(run, NULL, 2, trip, false);
		break;
	}
	if (w->kind != TRIP &&
	    run->sum != expected_sum(ops, w->kind == FOUR ? 2 : 1)) {
		fprintf(stderr, "bench_ring: %s, %s: elements were lost\n",
			impl->name, w->name);
		exit(1);
	}
	value = w->kind == TRIP ? ns / ops : ops * 1e3 / ns;
	impl->destroy(run->q);
	if (run->back)
		impl->destroy(run->back);
	free(run);
	return value;
}

/* One cache line, back and forth. */
static uint64_t line __attribute__((aligned(128)));

#define PROBE_TRIPS	4000u

static void probe_ping(struct bench_run *r)
{
	uint64_t i;

	(void)r;
	for (i = 1; i < 2 * PROBE_TRIPS; i += 2) {
		__atomic_store_n(&line, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(&line, __ATOMIC_ACQUIRE) != i + 1)
			bench_pause();
	}
}

static void probe_pong(struct bench_run *r)
{
	uint64_t i;

	(void)r;
	for (i = 1; i < 2 * PROBE_TRIPS; i += 2) {
		while (__atomic_load_n(&line, __ATOMIC_ACQUIRE) != i)
			bench_pause();
		__atomic_store_n(&line, i + 1, __ATOMIC_RELEASE);
	}
}

static double probe_line(void)
{
	void (*fn[2])(struct bench_run *) = { probe_ping, probe_pong };

	line = 0;
	return race(NULL, NULL, 2, fn, false) / PROBE_TRIPS;
}

static const char *placement(double ns)
{
	return ns < 60 ? "siblings" : ns < 200 ? "near" : "far";
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *v, unsigned int n)
{
	double sorted[MAX_REPS];

	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), by_value);
	return n & 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static double median_ratio(unsigned int i, unsigned int peer, unsigned int w,
			   unsigned int reps)
{
	double ratio[MAX_REPS];
	unsigned int k;

	for (k = 0; k < reps; k++)
		ratio[k] = result[i][w][k] / result[peer][w][k];
	return median(ratio, reps);
}

static double worst(unsigned int i, unsigned int w, unsigned int reps)
{
	double v = result[i][w][0];
	unsigned int k;

	for (k = 1; k < reps; k++)
		if (result[i][w][k] < v)
			v = result[i][w][k];
	return v / median(result[i][w], reps);
}

/* A ring for one producer and one consumer is not run with four threads. */
static bool runs(const struct bench_impl *impl, const struct workload *w)
{
	return impl->many || w->kind != FOUR;
}

/* The round trip's ratio is to the MP/MC ring for those that are its like. */
static unsigned int peer_of(const struct bench_impl *impl,
			    const struct workload *w)
{
	return w->kind == TRIP && impl->many ? RTE_MP : w->peer;
}

static void print_text(unsigned int reps)
{
	unsigned int i, w;

	printf("rings, 64-byte elements, %u entries: million a second and ratio to rte_ring in the same repetition\n"
	       "(SP/SC; MP/MC for 2P2C and for the round trip of many-to-many rings); medians of %u\n"
	       "worst: the worst repetition of 2P2C b1 and b32 to their medians; mutex: ratio to mutex + condvar, 1P1C b1 and b32\n"
	       "flags: %s\nplacement: %s (line round trip %.0f ns, first %.0f ns; processors %d and %d)\n\n%-26s",
	       BENCH_ENTRIES, reps, BENCH_FLAGS, placement(median(probe, reps)),
	       median(probe, reps), probe[0], cpu[0], cpu[1], "");
	for (w = 0; w < N_WORKLOADS; w++)
		printf(" %15s", workloads[w].name);
	printf("  %9s  %s\n", "mutex", "worst");
	for (i = 0; i < n_impls; i++) {
		if (left_out[i])
			continue;
		printf("%-26s", impls[i]->name);
		for (w = 0; w < N_WORKLOADS; w++) {
			if (!runs(impls[i], &workloads[w])) {
				printf(" %15s", "-");
				continue;
			}
			printf(" %7.1f (%5.2f)", median(result[i][w], reps),
			       median_ratio(i, peer_of(impls[i], &workloads[w]),
					    w, reps));
		}
		printf("  %4.1f %4.1f", median_ratio(i, MUTEX, 1, reps),
		       median_ratio(i, MUTEX, 2, reps));
		if (impls[i]->many)
			printf("  %.2f %.2f", worst(i, 3, reps),
			       worst(i, 4, reps));
		printf("\n");
	}
}

static void print_json(unsigned int reps)
{
	unsigned int i, w;

	printf("{\"bench\":\"ring\",\"flags\":\"%s\",\"entries\":%u,\"repetitions\":%u,\"placement\":\"%s\",\"line_round_trip_ns\":%.1f,\"rings\":[",
	       BENCH_FLAGS, BENCH_ENTRIES, reps, placement(median(probe, reps)),
	       median(probe, reps));
	for (i = 0; i < n_impls; i++) {
		if (left_out[i])
			continue;
		printf("%s{\"name\":\"%s\"", i ? "," : "", impls[i]->name);
		for (w = 0; w < N_WORKLOADS; w++) {
			if (!runs(impls[i], &workloads[w]))
				continue;
			printf(",\"%s\":{\"value\":%.3f,\"peer\":\"%s\",\"ratio\":%.3f,\"mutex_ratio\":%.3f,\"worst_to_median\":%.3f}",
			       workloads[w].key, median(result[i][w], reps),
			       impls[peer_of(impls[i], &workloads[w])]->name,
			       median_ratio(i, peer_of(impls[i], &workloads[w]),
					    w, reps),
			       median_ratio(i, MUTEX, w, reps),
			       worst(i, w, reps));
		}
		printf("}");
	}
	printf("]}\n");
}

static void choose_processors(void)
{
	cpu_set_t set;
	int i, n = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		abort();
	for (i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			cpu[n++] = i;
	if (n < 2) {
		fprintf(stderr, "bench_ring: needs two processors\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "quick", no_argument, NULL, 'q' },
		{ "reps", required_argument, NULL, 'r' },
		{ "only", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned int reps = 41, i, w, k, scale = 1;
	const char *only = NULL;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'q':
			reps = 5;
			scale = 4;
			break;
		case 'r':
			reps = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			only = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!reps || reps > MAX_REPS) {
		fprintf(stderr, "bench_ring: --reps takes 1 to %u\n", MAX_REPS);
		return 2;
	}
	choose_processors();
	for (i = 0; i < BENCH_SOURCE + BENCH_MAX_BULK; i++) {
		struct vgpu_command *cmd = (void *)&source[i];

		cmd->type = VGPU_COMMAND_COPY;
		cmd->user_data = i % BENCH_SOURCE;
	}
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		impls[n_impls++] = &table[i];
	impls[n_impls++] = &bench_boost_spsc;
	/* What ratios are taken to is always run. */
	for (i = 0; only && i < n_impls; i++)
		left_out[i] = i != RTE_SP && i != RTE_MP && i != MUTEX &&
			      !strstr(impls[i]->name, only);

	for (k = 0; k < reps; k++) {
		probe[k] = probe_line();
		for (w = 0; w < N_WORKLOADS; w++) {
			for (i = 0; i < n_impls; i++) {
				if (!runs(impls[i], &workloads[w]) ||
				    left_out[i])
					continue;
				result[i][w][k] =
					measure(impls[i], &workloads[w],
						workloads[w].ops / scale);
			}
		}
		probe[k] = fmin(probe[k], probe_line());
	}
	if (json)
		print_json(reps);
	else
		print_text(reps);
	return 0;
}
