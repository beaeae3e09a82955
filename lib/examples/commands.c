// SPDX-License-Identifier: MIT
/*
 * Submit commands of every type to a device, and process them.
 */
#include <string.h>

#include <vgpu/command.h>
#include <vgpu/device.h>
#include <vgpu/kernel.h>

#include "example.h"

#define WORDS	1024u
#define BYTES	(WORDS * 4)

/* y[i] += x[i], one word a workgroup: a kernel loops over its grid itself. */
static int add(const struct vgpu_native_call *call)
{
	const uint32_t *x = call->ranges[0].data;
	uint32_t *y = call->ranges[1].data;
	uint32_t i;

	for (i = 0; i < call->grid[0]; i++)
		y[i] += x[i];
	return 0;
}

/* A launch that says no more than where: {kernel, x, y, z}. */
static int greet(const struct vgpu_native_call *call)
{
	printf("hello from a grid of %" PRIu32 " x %" PRIu32 " x %" PRIu32 "\n",
	       call->grid[0], call->grid[1], call->grid[2]);
	return 0;
}

int main(void)
{
	struct vgpu_native_options greet_options = {
		.size = sizeof(greet_options),
		.address = 0x1000,
		.fn = greet,
	};
	struct vgpu_native_options add_options = {
		.size = sizeof(add_options),
		.fn = add,
		.used = 1 << 0 | 1 << 1,
		.written = 1 << 1,
	};
	uint64_t kernel_addr, add_kernel, counter, x, y, ticket;
	uint32_t ones[WORDS], result[WORDS];
	struct vgpu_completion_info how;
	struct vgpu_launch_args args;
	struct vgpu_command command;
	struct vgpu_device *device;
	int64_t processed;
	uint32_t i;

	MUST(vgpu_device_open(NULL, &device)); /* a simulator */
	MUST(vgpu_device_initialize(device));
	MUST(vgpu_device_start(device));
	MUST(vgpu_kernel_register_native(device, &greet_options,
					 &kernel_addr));
	MUST(vgpu_kernel_register_native(device, &add_options, &add_kernel));

	/* A command is a type and parameters. */
	command = vgpu_command_make(VGPU_COMMAND_LAUNCH, kernel_addr, 4, 2, 1,
				    0);
	MUST(vgpu_device_submit(device, NULL, &command, NULL));

	/* A simulator runs when somebody lets it: here and now. */
	processed = MUST(vgpu_device_process(device, 0));
	printf("processed %" PRId64 " commands\n", processed);
	EXPECT(processed == 1);

	/* Memory of the device, and all the other types, by their helpers. */
	MUST(vgpu_device_alloc(device, BYTES, 0, &x));
	MUST(vgpu_device_alloc(device, BYTES, 0, &y));
	MUST(vgpu_device_counter_create(device, 0, &counter));
	for (i = 0; i < WORDS; i++)
		ones[i] = 1;

	command = vgpu_command_transfer_to(x, ones, BYTES);
	MUST(vgpu_device_submit(device, NULL, &command, NULL));
	command = vgpu_command_clear(y, BYTES, 40);
	MUST(vgpu_device_submit(device, NULL, &command, NULL));

	/* y += x, twice; the second time x comes by way of a copy of y's. */
	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, x, BYTES, VGPU_LAUNCH_READ);
	vgpu_launch_args_range(&args, y, BYTES,
			       VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE);
	command = vgpu_command_launch_args(add_kernel, WORDS, 1, 1, &args);
	MUST(vgpu_device_submit(device, NULL, &command, NULL));
	command = vgpu_command_copy(x, y, BYTES);
	MUST(vgpu_device_submit(device, NULL, &command, NULL));
	command = vgpu_command_launch_args(add_kernel, WORDS, 1, 1, &args);
	MUST(vgpu_device_submit(device, NULL, &command, NULL));

	/* Everything before has ended when these do. */
	command = vgpu_command_synchronize();
	MUST(vgpu_device_submit(device, NULL, &command, NULL));
	command = vgpu_command_signal(counter, 7);
	MUST(vgpu_device_submit(device, NULL, &command, NULL));
	command = vgpu_command_wait(counter, 7);
	MUST(vgpu_device_submit(device, NULL, &command, NULL));

	command = vgpu_command_transfer_from(result, y, BYTES);
	command.user_data = 0xfeed; /* comes back with the completion */
	MUST(vgpu_device_submit(device, NULL, &command, &ticket));
	MUST(vgpu_device_wait(device, ticket, vgpu_deadline_after_ms(10000),
			      &how));
	EXPECT(how.ended && how.user_data == 0xfeed);
	for (i = 0; i < WORDS; i++)
		EXPECT(result[i] == 82);
	MUST(vgpu_device_counter_read(device, counter, &x));
	EXPECT(x == 7);
	printf("every word is 82\n");

	vgpu_device_close(device);
	return 0;
}
