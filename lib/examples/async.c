// SPDX-License-Identifier: MIT
/*
 * A background thread takes commands from a queue and carries them out.
 */
#include <errno.h>
#include <pthread.h>

#include <vgpu/device.h>
#include <vgpu/queue.h>

#include "example.h"

#define N	1000

static void execute_command(const struct vgpu_command *command,
			    uint64_t *done)
{
	*done += command->user_data;
}

static void *background(void *arg)
{
	struct vgpu_queue *queue = arg;
	static uint64_t done;
	struct vgpu_command command;
	int ret;

	for (;;) {
		/* Deadlines are absolute: this one is 100 ms from now. */
		ret = vgpu_queue_dequeue(queue, &command,
					 vgpu_deadline_after_ms(100));
		if (ret == -ETIMEDOUT)
			continue;
		if (ret)
			break;
		execute_command(&command, &done);
		/* Not every command was stamped; then this says "unknown". */
		vgpu_queue_mark_completed(queue, vgpu_queue_wait_ns(&command));
	}
	EXPECT(ret == -EPIPE); /* closed, and nothing is left */
	vgpu_queue_unref(queue);
	return &done;
}

int main(void)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = 64,
	};
	struct vgpu_queue_stats stats = { .size = sizeof(stats) };
	struct vgpu_command command;
	struct vgpu_queue *queue;
	pthread_t thread;
	uint64_t i, sum = 0;
	void *done;
	int ret;

	MUST(vgpu_queue_create(&opts, &queue));
	MUST(vgpu_queue_start(queue));

	/* The thread gets a reference of its own. */
	ret = pthread_create(&thread, NULL, background, vgpu_queue_ref(queue));
	EXPECT(!ret);
	for (i = 0; i < N; i++) {
		command = vgpu_command_synchronize();
		command.user_data = i;
		sum += i;
		do {
			ret = vgpu_queue_submit(queue, &command);
		} while (ret == -EAGAIN); /* full: the thread is at it */
		MUST(ret);
	}

	vgpu_queue_close(queue);
	pthread_join(thread, &done);
	EXPECT(*(uint64_t *)done == sum);
	MUST(vgpu_queue_get_stats(queue, &stats));
	EXPECT(stats.completed == N);
	printf("%" PRIu64 " completed, waited %" PRIu64 " us on average\n",
	       stats.completed, stats.avg_wait_us);
	vgpu_queue_unref(queue);
	return 0;
}
