// SPDX-License-Identifier: MIT
/*
 * What goes wrong, and how one hears of it.
 */
#include <errno.h>

#include <vgpu/device.h>
#include <vgpu/queue.h>

#include "example.h"

static int nothing(const struct vgpu_command *command, void *ctx)
{
	return 0;
}

static void queue_errors(void)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = 2,
	};
	struct vgpu_command command = vgpu_command_synchronize();
	struct vgpu_command invalid = vgpu_command_make(99, 0, 0, 0, 0, 0);
	struct vgpu_queue *queue;
	char text[256];
	int i;

	MUST(vgpu_queue_create(&opts, &queue));
	MUST(vgpu_queue_start(queue));
	for (i = 0; i < 3; i++) {
		switch (vgpu_queue_submit(queue, &command)) {
		case 0:
			printf("command submitted\n");
			break;
		case -EAGAIN:
			printf("queue is full, making room\n");
			EXPECT(i == 2);
			MUST(vgpu_queue_process(queue, nothing, NULL, 1));
			MUST(vgpu_queue_submit(queue, &command));
			break;
		default:
			EXPECT(!"another error");
		}
	}

	/* There is no command of type 99. */
	EXPECT(vgpu_queue_submit(queue, &invalid) == -EINVAL);
	vgpu_queue_error(queue, text, sizeof(text));
	printf("invalid: %s\n", text);

	MUST(vgpu_queue_set_error(queue, -EIO, "the engine is lost"));
	EXPECT(vgpu_queue_submit(queue, &command) == -EIO);
	vgpu_queue_error(queue, text, sizeof(text));
	printf("in error: %s\n", text);

	MUST(vgpu_queue_close(queue));
	EXPECT(vgpu_queue_submit(queue, &command) == -EPIPE);
	vgpu_queue_unref(queue);
}

static void device_errors(void)
{
	struct vgpu_command command;
	struct vgpu_device *device;
	uint64_t ticket, address;
	char text[256];
	int ret;

	MUST(vgpu_device_open(NULL, &device));
	EXPECT(vgpu_device_start(device) == -ENODEV);
	vgpu_device_error(device, text, sizeof(text));
	printf("too early: %s\n", text);
	MUST(vgpu_device_initialize(device));
	MUST(vgpu_device_start(device));

	ret = vgpu_device_alloc(device, 1ull << 30, 0, &address);
	EXPECT(ret == -ENOSPC || ret == -ENOMEM);
	vgpu_device_error(device, text, sizeof(text));
	printf("too much: %s\n", text);

	/*
	 * What only the device can know is the command's status, which is what
	 * a wait for it returns: nothing is mapped at this address.
	 */
	command = vgpu_command_clear(0x123450000, 4096, 0);
	MUST(vgpu_device_submit(device, NULL, &command, &ticket));
	ret = vgpu_device_wait(device, ticket, VGPU_FOREVER, NULL);
	EXPECT(ret == -EFAULT);
	printf("the command: %s\n", vgpu_strerror(ret));

	/* It harmed nothing else. */
	command = vgpu_command_synchronize();
	MUST(vgpu_device_submit(device, NULL, &command, &ticket));
	MUST(vgpu_device_wait(device, ticket, VGPU_FOREVER, NULL));
	vgpu_device_close(device);
}

int main(void)
{
	queue_errors();
	device_errors();
	return 0;
}
