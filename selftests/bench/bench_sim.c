// SPDX-License-Identifier: MIT
/*
 * The simulator: transfers against the C library's memcpy() over the same
 * pages, and what a command costs.
 *
 * Every repetition measures each thing once, with its peer next to it; what is
 * printed are medians over the repetitions, of the time and of the ratio.  All
 * pages are touched before.
 *
 *	bench_sim [--json FILE] [--reps N]
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vgpu/vgpu.h>

#ifndef BENCH_FLAGS
#define BENCH_FLAGS	"not known"
#endif

#define MAX_REPS	201u
#define MAX_BLOCK	(16u << 20)
#define BYTES_A_REP	(64u << 20)
#define MAX_COPIES	512u
#define WARM_UP		4u
#define COMMANDS	2000u
#define N_BLOCKS	4

enum way {
	TO,
	FROM,
	TO_REGISTERED,
	FROM_REGISTERED,
	N_WAYS,
};

static const char *const way_names[] = {
	"to device", "from device", "to device, registered",
	"from device, registered",
};

static const uint32_t blocks[N_BLOCKS] = { 4096, 65536, 1 << 20, 16 << 20 };


enum cost {
	COST_SYNC,
	COST_BATCH,
	COST_LAUNCH,
	COST_ALLOC,
	N_COSTS,
};

static const char *const cost_names[] = {
	"synchronize, submit and wait", "synchronize, batch of 32",
	"launch with arguments, submit and wait", "allocate and free 64 KiB",
};

static struct vgpu_device *dev;
static char *plain, *registered, *mapped;
static uint64_t address, kernel;
static double gbps[N_BLOCKS][N_WAYS][MAX_REPS];
static double ratio[N_BLOCKS][N_WAYS][MAX_REPS];
static double cost[N_COSTS][MAX_REPS];

static void die(const char *what)
{
	char text[256] = "";

	if (dev)
		vgpu_device_error(dev, text, sizeof(text));
	fprintf(stderr, "bench_sim: %s: %s\n", what, text);
	exit(1);
}

static void run(struct vgpu_command cmd)
{
	uint64_t ticket;

	if (vgpu_device_submit(dev, NULL, &cmd, &ticket) ||
	    vgpu_device_wait(dev, ticket, VGPU_FOREVER, NULL))
		die("command");
}

static void transfer(enum way way, uint32_t bytes)
{
	char *mine = way < TO_REGISTERED ? plain : registered;

	if (way == TO || way == TO_REGISTERED)
		run(vgpu_command_transfer_to(address, mine, bytes));
	else
		run(vgpu_command_transfer_from(mine, address, bytes));
}

static void peer(enum way way, uint32_t bytes)
{
	char *mine = way < TO_REGISTERED ? plain : registered;

	if (way == TO || way == TO_REGISTERED)
		memcpy(mapped, mine, bytes);
	else
		memcpy(mine, mapped, bytes);
	/* The compiler may not leave it out. */
	__asm__ volatile("" : : "r"(mine), "r"(mapped) : "memory");
}

static uint64_t timed(void (*fn)(enum way, uint32_t), enum way way,
		      uint32_t bytes)
{
	uint64_t t = vgpu_now_ns();

	fn(way, bytes);
	return vgpu_now_ns() - t;
}

/* Ours and the peer's in turn, so that both see the same machine and caches. */
static void measure_transfer(uint32_t b, enum way way, uint32_t rep)
{
	uint32_t bytes = blocks[b], n = BYTES_A_REP / bytes, i;
	uint64_t ours = 0, theirs = 0;

	if (n > MAX_COPIES)
		n = MAX_COPIES;
	/* It takes some rounds until caches have what they will have. */
	for (i = 0; i < WARM_UP; i++) {
		peer(way, bytes);
		transfer(way, bytes);
	}
	for (i = 0; i < n; i++) {
		if (i & 1)
			theirs += timed(peer, way, bytes);
		ours += timed(transfer, way, bytes);
		if (!(i & 1))
			theirs += timed(peer, way, bytes);
	}
	gbps[b][way][rep] = (double)n * bytes / (double)ours;
	ratio[b][way][rep] = (double)theirs / (double)ours;
}

static int nothing(const struct vgpu_native_call *call)
{
	(void)call;
	return 0;
}

static void measure_costs(uint32_t rep)
{
	struct vgpu_command batch[32];
	struct vgpu_launch_args args;
	uint64_t t, ticket, a;
	uint32_t i;

	t = vgpu_now_ns();
	for (i = 0; i < COMMANDS; i++)
		run(vgpu_command_synchronize());
	cost[COST_SYNC][rep] = (double)(vgpu_now_ns() - t) / COMMANDS;

	for (i = 0; i < 32; i++)
		batch[i] = vgpu_command_synchronize();
	t = vgpu_now_ns();
	for (i = 0; i < COMMANDS; i += 32) {
		if (vgpu_device_submit_batch(dev, NULL, batch, 32,
					     VGPU_SUBMIT_ALL, &ticket) != 32 ||
		    vgpu_device_wait(dev, ticket + 31, VGPU_FOREVER, NULL))
			die("batch");
	}
	cost[COST_BATCH][rep] = (double)(vgpu_now_ns() - t) / i;

	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, address, 4096, VGPU_LAUNCH_READ);
	t = vgpu_now_ns();
	for (i = 0; i < COMMANDS; i++)
		run(vgpu_command_launch_args(kernel, 1, 1, 1, &args));
	cost[COST_LAUNCH][rep] = (double)(vgpu_now_ns() - t) / COMMANDS;

	t = vgpu_now_ns();
	for (i = 0; i < COMMANDS; i++) {
		if (vgpu_device_alloc(dev, 65536, 0, &a) ||
		    vgpu_device_free(dev, a))
			die("allocate");
	}
	cost[COST_ALLOC][rep] = (double)(vgpu_now_ns() - t) / COMMANDS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, uint32_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

static void setup(void)
{
	struct vgpu_device_options o = {
		.size = sizeof(o),
		.vram_bytes = 64 << 20,
	};
	struct vgpu_native_options k = { .size = sizeof(k), .fn = nothing };

	plain = aligned_alloc(4096, MAX_BLOCK);
	registered = aligned_alloc(4096, MAX_BLOCK);
	if (!plain || !registered)
		die("no memory");
	memset(plain, 1, MAX_BLOCK);
	memset(registered, 2, MAX_BLOCK);
	if (vgpu_device_open(&o, &dev) || vgpu_device_initialize(dev) ||
	    vgpu_device_start(dev) ||
	    vgpu_device_alloc(dev, MAX_BLOCK, 0, &address) ||
	    vgpu_device_map(dev, address, MAX_BLOCK, (void **)&mapped) ||
	    vgpu_device_register(dev, registered, MAX_BLOCK, NULL) ||
	    vgpu_kernel_register_native(dev, &k, &kernel))
		die("setup");
	memset(mapped, 3, MAX_BLOCK);
}

static void report(FILE *json, uint32_t reps)
{
	uint32_t b, w, c;

	printf("bench_sim: %u repetitions, flags: %s\n", reps, BENCH_FLAGS);
	printf("%-26s %9s %9s %12s\n", "transfer", "bytes", "GB/s",
	       "of memcpy");
	if (json)
		fprintf(json, "{\"bench\": \"sim\", \"flags\": \"%s\", \"repetitions\": %u, \"transfers\": [",
			BENCH_FLAGS, reps);
	for (b = 0; b < N_BLOCKS; b++) {
		for (w = 0; w < N_WAYS; w++) {
			double g = median(gbps[b][w], reps);
			double r = median(ratio[b][w], reps);

			printf("%-26s %9u %9.2f %12.3f\n", way_names[w],
			       blocks[b], g, r);
			if (json)
				fprintf(json, "%s\n {\"way\": \"%s\", \"bytes\": %u, \"gb_per_s\": %.3f, \"ratio_to_memcpy\": %.4f}",
					b || w ? "," : "", way_names[w],
					blocks[b], g, r);
		}
	}
	printf("%-45s %12s\n", "command", "ns");
	if (json)
		fprintf(json, "\n], \"commands\": [");
	for (c = 0; c < N_COSTS; c++) {
		double ns = median(cost[c], reps);

		printf("%-45s %12.0f\n", cost_names[c], ns);
		if (json)
			fprintf(json, "%s\n {\"command\": \"%s\", \"ns\": %.1f}",
				c ? "," : "", cost_names[c], ns);
	}
	if (json)
		fprintf(json, "\n]}\n");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", required_argument, NULL, 'j' },
		{ "reps", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	uint32_t reps = 41, r, b, w;
	FILE *json = NULL;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = fopen(optarg, "w");
			if (!json) {
				perror(optarg);
				return 1;
			}
			break;
		case 'r':
			reps = (uint32_t)strtoul(optarg, &end, 10);
			if (*end || !reps || reps > MAX_REPS) {
				fprintf(stderr, "bench_sim: --reps %s: must be 1 to %u\n",
					optarg, MAX_REPS);
				return 2;
			}
			break;
		default:
			return 2;
		}
	}
	setup();
	for (r = 0; r < reps; r++) {
		for (b = 0; b < N_BLOCKS; b++)
			for (w = 0; w < N_WAYS; w++)
				measure_transfer(b, (enum way)w, r);
		measure_costs(r);
	}
	report(json, reps);
	if (json && fclose(json)) {
		perror("bench_sim: --json");
		return 1;
	}
	vgpu_device_close(dev);
	free(plain);
	free(registered);
	return 0;
}
