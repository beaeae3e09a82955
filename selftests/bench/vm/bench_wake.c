// SPDX-License-Identifier: MIT
/*
 * A command for a device whose thread is asleep: to a ring with a poll time,
 * whose thread has to be woken, and to one without; against a round trip between
 * two threads by futex.
 */
#include <linux/futex.h>
#include <sys/syscall.h>

#include "bench_vm.h"

static struct ring called, slept;
static uint32_t ping, pong;
static bool stop;

static void futex_wait(uint32_t *at, uint32_t value)
{
	while (__atomic_load_n(at, __ATOMIC_ACQUIRE) == value)
		syscall(SYS_futex, at, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_post(uint32_t *at)
{
	__atomic_add_fetch(at, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *answer(void *arg)
{
	uint32_t seen = 0;

	bench_pin(1);
	for (;;) {
		futex_wait(&ping, seen++);
		if (__atomic_load_n(&stop, __ATOMIC_RELAXED))
			return NULL;
		futex_post(&pong);
	}
}

static double futex_round_trip(void)
{
	uint32_t i, n = 50, seen = pong;
	uint64_t t, sum = 0;

	for (i = 0; i < n; i++) {
		usleep(500);
		t = bench_now();
		futex_post(&ping);
		futex_wait(&pong, seen++);
		sum += bench_now() - t;
	}
	return (double)sum / n;
}

/* Its thread polls for a microsecond, so that it sleeps when we come. */
static double thread_round_trip(void)
{
	struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP };
	uint64_t t, sum = 0;
	uint32_t i, n = 50;
	bool doorbell;

	for (i = 0; i < n; i++) {
		usleep(500);
		t = bench_now();
		vgpu_ring_submit(&slept.r, &nop, 1, 1, &doorbell);
		slept.submitted++;
		bench_ok("kick", ring_finish(&slept));
		sum += bench_now() - t;
		bench_reap(&slept, 1);
	}
	return (double)sum / n;
}

static double call_round_trip(void)
{
	struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP };
	uint64_t t, sum = 0;
	uint32_t i, n = 50;

	for (i = 0; i < n; i++) {
		usleep(500);
		t = bench_now();
		bench_ok("submit", ring_submit(&called, &nop, 1));
		bench_reap(&called, 1);
		sum += bench_now() - t;
	}
	return (double)sum / n;
}

static void measure(void)
{
	double peer = futex_round_trip();
	double thread = thread_round_trip(), call = call_round_trip();
	int row = bench_figure(-1, "time", peer, "futex round trip");

	bench_figure(row, "time", thread, "thread asleep: KICK and wait");
	bench_figure(row, "time", call, "after a pause: KICK runs it itself");
}

int main(int argc, char **argv)
{
	pthread_t thread;

	bench_begin(argc, argv, "wake", 21, 5);
	bench_pin(0);
	bench_client(64, 0, &called);
	bench_client(64, 1, &slept);
	if (pthread_create(&thread, NULL, answer, NULL))
		bench_die("thread", EAGAIN);
	bench_repeat(measure);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	futex_post(&ping);
	pthread_join(thread, NULL);
	return bench_end();
}
