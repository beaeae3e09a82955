// SPDX-License-Identifier: MIT
/*
 * Two threads that submit to one ring without a lock, against one thread: the
 * rate, and how often a compare and exchange of the tail failed.
 */
#include "bench_vm.h"

/* The helpers' exchange of the tail, counted. */
static __thread uint64_t tried, failed;

static uint32_t reserve(const struct vgpu_ring *r, uint32_t n, uint64_t *pos)
{
	struct vgpu_ring_header *h = r->hdr;
	uint64_t tail = vgpu_ring_load(&h->sq_tail), old;

	/* vgpu_ring_reserve(), for all or nothing. */
	for (;;) {
		uint64_t head = vgpu_ring_load_acquire(&h->sq_head_seen);

		if (tail - head + n > r->sq_entries) {
			head = vgpu_ring_load_acquire(&h->sq_head);
			vgpu_ring_store_release(&h->sq_head_seen, head);
			if (tail - head + n > r->sq_entries) {
				old = vgpu_ring_load(&h->sq_tail);
				if (old == tail)
					return 0;
				tail = old;
				continue;
			}
		}
		tried++;
		old = vgpu_ring_cmpxchg(&h->sq_tail, tail, tail + n);
		if (old == tail)
			break;
		failed++;
		tail = old;
	}
	*pos = tail;
	return n;
}

#define ENTRIES		1024u
#define MAX_BATCH	32u

static struct vgpu_cmd nops[MAX_BATCH];
static struct ring rings[2];	/* called, polled */
static pthread_mutex_t reaping = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static uint64_t reaped;

struct job {
	struct ring *ring;
	uint32_t batch;
	uint32_t n;
	int cpu;
	uint64_t tried;
	uint64_t failed;
};

/* Whoever gets there first takes completions, for both. */
static void take(struct ring *r)
{
	struct vgpu_completion done[64];
	uint32_t n;
	bool doorbell;

	if (pthread_mutex_trylock(&reaping))
		return;
	do {
		n = vgpu_ring_reap(&r->reaper, done, 64);
		__atomic_add_fetch(&reaped, n, __ATOMIC_RELAXED);
	} while (n == 64);
	doorbell = vgpu_ring_reap_release(&r->reaper);
	pthread_mutex_unlock(&reaping);
	if (doorbell)
		bench_ok("kick", ring_kick(r, 0, 0, 0));
}

static void *produce(void *arg)
{
	struct job *j = arg;
	struct ring *r = j->ring;
	unsigned int spins = 0;
	uint32_t i, k;
	uint64_t pos;

	bench_pin(j->cpu);
	tried = 0;
	failed = 0;
	pthread_barrier_wait(&barrier);
	for (i = 0; i < j->n; i += j->batch) {
		while (!reserve(&r->r, j->batch, &pos)) {
			take(r);
			bench_back_off(&spins);
		}
		for (k = 0; k < j->batch; k++)
			vgpu_ring_fill(vgpu_ring_slot(&r->r, pos + k),
				       &nops[k]);
		if (vgpu_ring_commit(&r->r, pos, j->batch))
			bench_ok("kick", ring_kick(r, 0, 0, 0));
		if (i % 256 < j->batch)
			take(r);
	}
	j->tried = tried;
	j->failed = failed;
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* Figures a command: time, exchanges that failed. */
static void run(struct ring *r, int threads, uint32_t batch, double figures[2])
{
	uint32_t each = (bench_count ? 4096 : 16384) / threads;
	struct job jobs[2] = { 0 };
	unsigned int spins = 0;
	pthread_t thread[2];
	uint64_t t, total;
	int i;

	total = (uint64_t)each * threads;
	reaped = 0;
	pthread_barrier_init(&barrier, NULL, threads + 1);
	for (i = 0; i < threads; i++) {
		jobs[i] = (struct job) {
			.ring = r, .batch = batch, .n = each, .cpu = i,
		};
		if (pthread_create(&thread[i], NULL, produce, &jobs[i]))
			bench_die("thread", EAGAIN);
	}
	pthread_barrier_wait(&barrier);
	t = bench_now();
	pthread_barrier_wait(&barrier);
	while (__atomic_load_n(&reaped, __ATOMIC_RELAXED) < total) {
		take(r);
		bench_back_off(&spins);
	}
	t = bench_now() - t;
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&barrier);
	figures[0] = (double)t / total;
	figures[1] = (double)(jobs[0].failed + jobs[1].failed) / total;
}

static void measure(void)
{
	static const char *const how[] = { "KICK", "polled" };
	static const uint32_t batches[] = { 1, 32 };
	double one[2], two[2];
	int i, k, peer;

	for (i = 0; i < 2; i++) {
		for (k = 0; k < 2; k++) {
			run(&rings[i], 1, batches[k], one);
			run(&rings[i], 2, batches[k], two);
			peer = bench_figure(-1, "time", one[0],
					    "1 thread, %s, batch %u", how[i],
					    batches[k]);
			bench_figure(peer, "time", two[0],
				     "2 threads, %s, batch %u", how[i],
				     batches[k]);
			bench_figure(-1, "a 1000", 1000 * two[1],
				     "2 threads, %s, batch %u, exchanges failed",
				     how[i], batches[k]);
		}
	}
}

int main(int argc, char **argv)
{
	bench_begin(argc, argv, "producers", 15, 3);
	bench_client(ENTRIES, 0, &rings[0]);
	bench_client(ENTRIES, 10000, &rings[1]);
	bench_repeat(measure);
	return bench_end();
}
