// SPDX-License-Identifier: MIT
/*
 * Submitting empty commands and taking their completions, with a call and
 * without, against io_uring's NOP, with a call and by its polling thread.
 *
 * Instructions of a thread that polls cannot be told from those that it spends
 * looking, which is what io_uring's does without a pause; so, beside the whole
 * for ours, the part of the submitting thread is counted for both: submission
 * and taking, without waiting.
 */
#include <liburing.h>
#include <sys/syscall.h>

#include "bench_vm.h"

#define MAX_BATCH	128u
#define POLL_US		10000u
#define SQ_IDLE_MS	10u

static const uint32_t batches[] = { 1, 8, 32, 128 };

static struct vgpu_cmd nops[MAX_BATCH];
static struct ring called, polled;
static struct io_uring uring, uring_polled;

static uint32_t loops(uint32_t batch)
{
	uint32_t commands = bench_count ? 512 : 2048;

	return commands / batch > 64 ? commands / batch : 64;
}

/* A machine with few processors shall not take minutes where two are needed. */
static bool late(uint64_t start)
{
	return !bench_count && bench_now() - start > 30000000;
}

/* Submit, ring the doorbell; the call has run it all, or the thread will. */
static double ours_called(uint32_t batch, bool wait)
{
	uint32_t i, n = loops(batch);
	struct ring *r = &called;
	uint64_t t = bench_now();
	bool doorbell;

	for (i = 0; i < n; i++) {
		vgpu_ring_submit(&r->r, nops, batch, batch, &doorbell);
		r->submitted += batch;
		if (wait)
			bench_ok("kick", ring_finish(r));
		else if (doorbell)
			bench_ok("kick", ring_kick(r, 0, 0, 0));
		bench_reap(r, batch);
	}
	return (double)(bench_now() - t) / n / batch;
}

/* Whether the last of a batch has been completed. */
/* @own gets the part of this thread. */
static double ours_polled(uint32_t batch, double *own)
{
	uint32_t i, n = loops(batch);
	struct ring *r = &polled;
	uint64_t start, t, mine;
	struct bench_own parts = { .n = 0 };
	bool doorbell;

	/* Awake. */
	bench_ok("submit", ring_submit(r, nops, 1));
	bench_reap(r, 1);
	start = bench_now();
	for (i = 0; i < n && !late(start); i++) {
		t = __rdtsc();
		vgpu_ring_submit(&r->r, nops, batch, batch, &doorbell);
		r->submitted += batch;
		if (doorbell)
			bench_ok("kick", ring_kick(r, 0, 0, 0));
		mine = __rdtsc() - t;
		bench_await(r, batch);
		t = __rdtsc();
		bench_reap(r, batch);
		mine += __rdtsc() - t;
		bench_own_put(&parts, (double)mine / batch);
	}
	*own = bench_own_median(&parts);
	return (double)(bench_now() - start) / i / batch;
}

static void uring_fill(struct io_uring *u, uint32_t batch)
{
	struct io_uring_sqe *sqe;

	while (batch--) {
		sqe = io_uring_get_sqe(u);
		if (!sqe)
			bench_die("io_uring_get_sqe", ENOSPC);
		io_uring_prep_nop(sqe);
	}
}

static void uring_reap(struct io_uring *u, uint32_t batch)
{
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;

	io_uring_for_each_cqe(u, head, cqe) {
		bench_ok("NOP", cqe->res);
		n++;
	}
	if (n != batch)
		bench_die("completions of io_uring", EIO);
	io_uring_cq_advance(u, n);
}

static double uring_called(uint32_t batch)
{
	uint32_t i, n = loops(batch);
	uint64_t t = bench_now();

	for (i = 0; i < n; i++) {
		uring_fill(&uring, batch);
		bench_ok("io_uring", io_uring_submit_and_wait(&uring, batch));
		uring_reap(&uring, batch);
	}
	return (double)(bench_now() - t) / n / batch;
}

static double uring_by_thread(uint32_t batch, double *own)
{
	struct io_uring *u = &uring_polled;
	uint32_t i, n = loops(batch);
	uint64_t start, t, mine;
	struct bench_own parts = { .n = 0 };
	unsigned int spins;

	uring_fill(u, 1);
	bench_ok("io_uring", io_uring_submit_and_wait(u, 1));
	uring_reap(u, 1);
	start = bench_now();
	for (i = 0; i < n && !late(start); i++) {
		t = __rdtsc();
		uring_fill(u, batch);
		bench_ok("io_uring", io_uring_submit(u));
		mine = __rdtsc() - t;
		spins = 0;
		while (io_uring_cq_ready(u) < batch)
			bench_back_off(&spins);
		t = __rdtsc();
		uring_reap(u, batch);
		mine += __rdtsc() - t;
		bench_own_put(&parts, (double)mine / batch);
	}
	*own = bench_own_median(&parts);
	return (double)(bench_now() - start) / i / batch;
}

static void measure_called(uint32_t batch)
{
	double uring_ns = uring_called(batch), ours, waited;
	int peer;

	ours = ours_called(batch, false);
	waited = ours_called(batch, true);
	peer = bench_figure(-1, "time", uring_ns, "io_uring NOP, batch %u",
			    batch);
	bench_figure(peer, "time", ours, "KICK, batch %u", batch);
	bench_figure(peer, "time", waited, "KICK and wait, batch %u", batch);
}

static void measure_polled(uint32_t batch)
{
	double whole[2], own[2];
	int peer = -1;

	whole[0] = uring_by_thread(batch, &own[0]);
	whole[1] = ours_polled(batch, &own[1]);
	if (!bench_count) {
		peer = bench_figure(-1, "time", whole[0],
				    "io_uring SQPOLL, batch %u", batch);
		bench_figure(peer, "time", whole[1], "polled, batch %u", batch);
		return;
	}
	peer = bench_figure(-1, "time", own[0],
			    "io_uring SQPOLL, own part, batch %u", batch);
	bench_figure(peer, "time", own[1], "polled, own part, batch %u", batch);
	bench_figure(-1, "time", whole[1], "polled, whole, batch %u", batch);
}

/* For the scale. */
static void measure_calls(void)
{
	struct drm_vgpu_kick args = { .ring = called.id };
	uint32_t i, n = bench_count ? 500 : 2000;
	uint64_t t[4];
	int null, fails;

	t[0] = bench_now();
	for (i = 0; i < n; i++)
		syscall(SYS_getppid);
	t[1] = bench_now();
	for (i = 0; i < n; i++) {
		args.flags = ~0u;
		ioctl(called.fd, DRM_IOCTL_VGPU_KICK, &args);
	}
	t[2] = bench_now();
	args.flags = 0;
	for (i = 0; i < n; i++)
		ioctl(called.fd, DRM_IOCTL_VGPU_KICK, &args);
	t[3] = bench_now();
	null = bench_figure(-1, "time", (double)(t[1] - t[0]) / n,
			    "null system call");
	fails = bench_figure(null, "time", (double)(t[2] - t[1]) / n,
			     "KICK that fails at once");
	bench_figure(fails, "time", (double)(t[3] - t[2]) / n,
		     "KICK of an empty ring");
}

static void measure(void)
{
	uint32_t i, n = sizeof(batches) / sizeof(*batches);

	/* Let threads that poll go to sleep. */
	usleep(30000);
	measure_calls();
	for (i = 0; i < n; i++)
		measure_called(batches[i]);
	for (i = 0; i < n; i++)
		measure_polled(batches[i]);
}

int main(int argc, char **argv)
{
	struct io_uring_params params = {
		/* Not beside us: it would inherit our processor. */
		.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF,
		.sq_thread_cpu = 1,
		.sq_thread_idle = SQ_IDLE_MS,
	};

	bench_begin(argc, argv, "submit", 21, 5);
	bench_pin(0);
	bench_client(256, 0, &called);
	bench_client(256, POLL_US, &polled);
	bench_ok("io_uring", io_uring_queue_init(256, &uring, 0));
	bench_ok("SQPOLL", io_uring_queue_init_params(256, &uring_polled,
						      &params));
	bench_repeat(measure);
	return bench_end();
}
