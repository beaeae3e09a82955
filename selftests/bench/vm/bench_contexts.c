// SPDX-License-Identifier: MIT
/*
 * Many contexts: 1,000 with a ring each in one client, and 100 clients with one
 * each.  What each takes of the kernel's memory, the rate of all together, and
 * what a command costs with idle ones beside it.
 */
#include <sys/resource.h>

#include "bench_memory.h"

#define CONTEXTS	1000u
#define CLIENTS		100u
#define ENTRIES		8u

static struct ring rings[CONTEXTS], polled[CONTEXTS];
static struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP };

static void add(int fd, uint32_t poll_us, struct ring *ring)
{
	struct drm_vgpu_ring_create how = { .poll_us = poll_us };
	uint32_t context;

	bench_ok("context", context_create(fd, &context));
	bench_ok("ring", ring_create(fd, context, ENTRIES, &how, ring));
}

static double one_by_one(struct ring *r, uint32_t n)
{
	uint64_t t = bench_now();
	uint32_t i;

	for (i = 0; i < n; i++) {
		bench_ok("submit", ring_submit(r, &nop, 1));
		bench_reap(r, 1);
	}
	return (double)(bench_now() - t) / n;
}

/* One command in each ring, and then all of the completions. */
static double all(struct ring *r, uint32_t n, uint32_t rounds)
{
	uint64_t t = bench_now();
	uint32_t i, k;

	for (k = 0; k < rounds; k++) {
		for (i = 0; i < n; i++)
			bench_ok("submit", ring_submit(&r[i], &nop, 1));
		for (i = 0; i < n; i++)
			bench_reap(&r[i], 1);
	}
	return (double)(bench_now() - t) / n / rounds;
}

static void measure_kick(uint32_t beside, const char *what, int peer)
{
	uint32_t n = bench_count ? 200 : 500;
	int r;

	one_by_one(&rings[0], n);
	for (r = 0; r < bench_reps; r++)
		bench_figure(peer, "time", one_by_one(&rings[0], n),
			     "KICK, %u idle %s beside", beside, what);
}

/*
 * All of them were used, and looked at then; and those beside have been idle for
 * some commands, as such rings are.
 */
static void measure_polled(struct ring *r, uint32_t n, int peer)
{
	uint32_t i, k;

	for (k = 0; k < (uint32_t)bench_reps; k++) {
		for (i = 0; i < n; i++)
			bench_ok("submit", ring_submit(&r[i], &nop, 1));
		for (i = 0; i < n; i++)
			bench_reap(&r[i], 1);
		one_by_one(&r[0], 100);
		bench_figure(peer, "time", one_by_one(&r[0], 100),
			     "polled, %u idle polled rings beside", n - 1);
	}
}

static int in_one_client(void)
{
	struct memory before = memory_now();
	uint32_t i;
	int fd = node_open(0), r, peer;

	if (fd < 0)
		bench_die("no render node of vgpu", ENODEV);
	add(fd, 0, &rings[0]);
	memory_report(&before, 1, "the first context and ring, with the client");
	before = memory_now();
	measure_kick(0, "rings", -1);
	peer = bench_row("KICK, 0 idle rings beside", "time", -1);
	for (i = 1; i < CONTEXTS; i++) {
		add(fd, 0, &rings[i]);
		if (i == 100)
			measure_kick(100, "rings", peer);
	}
	memory_report(&before, CONTEXTS - 1, "another context and ring");
	measure_kick(CONTEXTS - 1, "rings", peer);
	for (r = 0; r < bench_reps; r++)
		bench_figure(peer, "time", all(rings, CONTEXTS, 1),
			     "KICK, %u rings in turn", CONTEXTS);
	close(fd);
	return peer;
}

static void in_one_client_polled(void)
{
	int fd = node_open(0), peer;
	uint32_t i;

	add(fd, 100000, &polled[0]);
	measure_polled(polled, 1, -1);
	peer = bench_row("polled, 0 idle polled rings beside", "time", -1);
	for (i = 1; i < CONTEXTS; i++)
		add(fd, 100000, &polled[i]);
	measure_polled(polled, 101, peer);
	measure_polled(polled, CONTEXTS, peer);
	close(fd);
}

static void in_many_clients(int peer)
{
	struct memory before;
	int fds[CLIENTS], r;
	uint32_t i;

	before = memory_now();
	for (i = 0; i < CLIENTS; i++) {
		fds[i] = node_open(0);
		if (fds[i] < 0)
			bench_die("client", errno);
		add(fds[i], 0, &rings[i]);
	}
	memory_report(&before, CLIENTS, "a client with a context and a ring");
	measure_kick(CLIENTS - 1, "clients", peer);
	for (r = 0; r < bench_reps; r++)
		bench_figure(peer, "time", all(rings, CLIENTS, 10),
			     "KICK, %u clients in turn", CLIENTS);
	for (i = 0; i < CLIENTS; i++)
		close(fds[i]);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 4096, 4096 };
	int peer;

	bench_begin(argc, argv, "contexts", 15, 3);
	bench_pin(0);
	setrlimit(RLIMIT_NOFILE, &files);
	memory_begin("bench_contexts");
	peer = in_one_client();
	in_one_client_polled();
	in_many_clients(peer);
	return bench_end();
}
