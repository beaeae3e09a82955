// SPDX-License-Identifier: MIT
/*
 * What a doorbell costs on a real processor, from its parts.
 *
 * make bench-vm measures the call itself, in a virtual machine that is emulated
 * where KVM does not work: its times are not those of a real machine, and
 * instructions say nothing of locked operations and cache misses.  Here is what
 * can be measured without the module: submitting empty commands to a ring, the
 * device model taking and completing them (the module's sources, in this
 * process), and reaping; a call that reaches a file's driver; and what the module
 * does around the model: two reads of the clock and the locked operations of a
 * mutex and two spinlocks.  The sum is an estimate, beside io_uring's NOP on the
 * same kernel.  It leaves out what the security module does in the call, if
 * /dev/null is nothing to it.
 *
 *	bench_kick [--json FILE] [--reps N]
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <liburing.h>

#include "model_client.h"

#ifndef BENCH_FLAGS
#define BENCH_FLAGS	"not known"
#endif

#define MAX_REPS	201u
#define COMMANDS	16384u
#define CALLS		4096u
#define MAX_BATCH	128u
#define N_BATCHES	4
#define LOCKED		6	/* lock and unlock, three times */

static const uint32_t batches[N_BATCHES] = { 1, 8, 32, MAX_BATCH };

static struct shell shell;
static struct client client;
static struct io_uring uring;
static int null;

enum figure { MODEL, URING, CALL, AROUND, SUM, RATIO, N_FIGURES };

static const char *const names[N_FIGURES] = {
	"ring_and_model", "io_uring_nop", "call", "around", "estimate", "ratio",
};

static double figures[N_BATCHES][N_FIGURES][MAX_REPS];

static void die(const char *what, int error)
{
	fprintf(stderr, "bench_kick: %s: %s\n", what,
		strerror(error < 0 ? -error : error));
	exit(1);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* A command, in batches of so many. */
static double measure_model(uint32_t batch)
{
	static struct vgpu_completion done[MAX_BATCH];
	static struct vgpu_cmd nops[MAX_BATCH];
	static struct vgpu_work work[32];
	uint32_t i, n = COMMANDS / batch;
	double start = now_ns();
	bool doorbell;

	for (i = 0; i < n; i++) {
		if (!vgpu_ring_submit(&client.view, nops, batch, batch,
				      &doorbell))
			die("submit", ENOSPC);
		vgpu_model_kick(shell.m, client.ring);
		do
			vgpu_model_run(shell.m, i, work, ARRAY_SIZE(work));
		while (vgpu_model_pending(shell.m));
		if (vgpu_ring_reap(&client.reaper, done, batch) != batch)
			die("completions", EIO);
		if (vgpu_ring_reap_release(&client.reaper))
			vgpu_model_kick(shell.m, client.ring);
	}
	return (now_ns() - start) / n / batch;
}

static double measure_uring(uint32_t batch)
{
	uint32_t i, k, n = COMMANDS / batch;
	struct io_uring_cqe *cqe;
	double start = now_ns();
	unsigned int head, seen;

	for (i = 0; i < n; i++) {
		for (k = 0; k < batch; k++)
			io_uring_prep_nop(io_uring_get_sqe(&uring));
		io_uring_submit_and_wait(&uring, batch);
		seen = 0;
		io_uring_for_each_cqe(&uring, head, cqe)
			seen++;
		if (seen != batch)
			die("completions of io_uring", EIO);
		io_uring_cq_advance(&uring, seen);
	}
	return (now_ns() - start) / n / batch;
}

static double measure_call(void)
{
	double start = now_ns();
	uint32_t i;

	for (i = 0; i < CALLS; i++)
		ioctl(null, _IO('d', 0), 0);
	return (now_ns() - start) / CALLS;
}

static double measure_around(void)
{
	double start = now_ns(), clocks = 0;
	static u32 word;
	uint32_t i, k;

	for (i = 0; i < CALLS; i++) {
		clocks += now_ns() + now_ns();
		for (k = 0; k < LOCKED; k++)
			vgpu_xchg(&word, k);
	}
	/* Used, so that it is not left out. */
	return (now_ns() - start) / CALLS + (clocks < 0);
}

static void measure(uint32_t rep)
{
	uint32_t b;

	for (b = 0; b < N_BATCHES; b++) {
		double f[N_FIGURES];
		int i;

		f[MODEL] = measure_model(batches[b]);
		f[URING] = measure_uring(batches[b]);
		f[CALL] = measure_call();
		f[AROUND] = measure_around();
		f[SUM] = f[MODEL] + (f[CALL] + f[AROUND]) / batches[b];
		f[RATIO] = f[SUM] / f[URING];
		for (i = 0; i < N_FIGURES; i++)
			figures[b][i][rep] = f[i];
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report(FILE *json, uint32_t reps)
{
	double median[N_FIGURES];
	uint32_t b;
	int i;

	printf("bench_kick: %u repetitions, flags: %s\n", reps, BENCH_FLAGS);
	printf("%-6s %15s %9s %9s %17s %13s %9s\n", "batch", "ring and model",
	       "call", "around", "estimate, ns each", "io_uring NOP",
	       "ratio");
	if (json)
		fprintf(json, "{\"bench\": \"kick\", \"flags\": \"%s\", \"repetitions\": %u, \"batches\": [",
			BENCH_FLAGS, reps);
	for (b = 0; b < N_BATCHES; b++) {
		if (json)
			fprintf(json, "%s\n {\"batch\": %u", b ? "," : "",
				batches[b]);
		for (i = 0; i < N_FIGURES; i++) {
			qsort(figures[b][i], reps, sizeof(double), compare);
			median[i] = figures[b][i][reps / 2];
			if (json)
				fprintf(json, ", \"%s\": %.3f", names[i],
					median[i]);
		}
		if (json)
			fputc('}', json);
		printf("%-6u %15.1f %9.1f %9.1f %17.1f %13.1f %9.3f\n",
		       batches[b], median[MODEL], median[CALL], median[AROUND],
		       median[SUM], median[URING], median[RATIO]);
	}
	if (json)
		fprintf(json, "\n]}\n");
}

static void setup(void)
{
	int ret = shell_open(&shell, NULL);

	if (!ret)
		ret = client_open_ring(&client, &shell, 256, 256,
				       VGPU_PRIORITY_NORMAL, 1);
	if (!ret)
		ret = client_control(&client, VGPU_RING_START);
	if (ret)
		die("device model", ret);
	shell_run(&shell);
	ret = io_uring_queue_init(256, &uring, 0);
	if (ret)
		die("io_uring", ret);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		die("/dev/null", errno);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", required_argument, NULL, 'j' },
		{ "reps", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	uint32_t reps = 41, r;
	FILE *json = NULL;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = fopen(optarg, "w");
			if (!json)
				die(optarg, errno);
			break;
		case 'r':
			reps = (uint32_t)strtoul(optarg, &end, 10);
			if (*end || !reps || reps > MAX_REPS) {
				fprintf(stderr, "bench_kick: --reps %s: must be 1 to %u\n",
					optarg, MAX_REPS);
				return 2;
			}
			break;
		default:
			return 2;
		}
	}
	setup();
	for (r = 0; r < reps; r++)
		measure(r);
	report(json, reps);
	if (json && fclose(json))
		die("--json", errno);
	close(null);
	io_uring_queue_exit(&uring);
	shell_close(&shell);
	return 0;
}
