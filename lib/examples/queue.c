// SPDX-License-Identifier: MIT
/*
 * A command queue on its own, with no device: whoever processes it carries the
 * commands out.
 */
#include <errno.h>
#include <string.h>

#include <vgpu/queue.h>

#include "example.h"

/* Here, a "device" whose memory is an array. */
static char memory[4096];

static int execute_gpu_command(const struct vgpu_command *command, void *ctx)
{
	unsigned int *executed = ctx;

	if (command->type != VGPU_COMMAND_TRANSFER_TO)
		return -EOPNOTSUPP; /* counts as failed */
	memcpy(memory + command->param[1],
	       (const void *)(uintptr_t)command->param[0], command->param[2]);
	(*executed)++;
	return 0;
}

int main(void)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = 1000,
	};
	static const char text[64] = "from the CPU to the GPU";
	struct vgpu_command command, commands[100];
	struct vgpu_queue *queue;
	unsigned int executed = 0;
	int processed, i;

	MUST(vgpu_queue_create(&opts, &queue));

	/* It is idle, and accepts nothing, until it is started. */
	EXPECT(vgpu_queue_state(queue) == VGPU_QUEUE_IDLE);
	command = vgpu_command_transfer_to(0, text, sizeof(text));
	EXPECT(vgpu_queue_submit(queue, &command) == -ECANCELED);
	MUST(vgpu_queue_start(queue));

	MUST(vgpu_queue_submit(queue, &command));

	/* Several at once: all of them, or as many as fit. */
	for (i = 0; i < 32; i++)
		commands[i] = vgpu_command_transfer_to(64 * (uint64_t)i, text,
						       sizeof(text));
	i = (int)MUST(vgpu_queue_submit_batch(queue, commands, 32,
					      VGPU_QUEUE_ALL));
	EXPECT(i == 32);

	/* Paused, it accepts nothing new, but what it has can be processed. */
	MUST(vgpu_queue_pause(queue));
	EXPECT(vgpu_queue_submit(queue, &command) == -ECANCELED);
	processed = (int)MUST(vgpu_queue_process(queue, execute_gpu_command,
						 &executed, UINT32_MAX));
	printf("processed %d commands in state %s\n", processed,
	       vgpu_queue_state_name(vgpu_queue_state(queue)));
	EXPECT(processed == 33 && executed == 33);
	EXPECT(!memcmp(memory + 31 * 64, text, sizeof(text)));

	/* An error stops it; a reset drops what it has and makes it idle. */
	MUST(vgpu_queue_start(queue));
	MUST(vgpu_queue_submit(queue, &command));
	MUST(vgpu_queue_set_error(queue, -EIO, "the example says so"));
	EXPECT(vgpu_queue_submit(queue, &command) == -EIO);
	EXPECT(vgpu_queue_dequeue(queue, &command, VGPU_NO_WAIT) == -EIO);
	MUST(vgpu_queue_reset(queue));
	EXPECT(vgpu_queue_state(queue) == VGPU_QUEUE_IDLE);

	vgpu_queue_unref(queue);
	return 0;
}
