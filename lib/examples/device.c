// SPDX-License-Identifier: MIT
/*
 * Create a device, bring it up, look at it, and end it.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include <vgpu/device.h>

#include "example.h"

int main(void)
{
	/* What the simulator shall say that it is. */
	struct vgpu_device_info info = {
		.id = "gpu0",
		.name = "Test GPU",
		.type = VGPU_DEVICE_TYPE_NVIDIA,
		.total_memory = 4ull << 30,
		.available_memory = 3ull << 30,
		.compute_capability = "8.0",
		.n_apis = 2,
		.apis = { "CUDA", "OpenCL" },
		.power_limit_mw = 250000,
		.temperature_mc = 45000,
	};
	char why[256];
	struct vgpu_device_options options = {
		.size = sizeof(options),
		.backend = VGPU_BACKEND_SIMULATOR,
		.info = &info,
		.message = why,
		.message_bytes = sizeof(why),
	};
	struct vgpu_device *device;
	uint32_t interrupts;
	struct pollfd fd;
	uint64_t ticket;
	uint64_t value;
	char text[1024];
	int ret;

	/* There is no handle yet: the message goes where the options say. */
	options.entries = 1000;
	ret = vgpu_device_open(&options, &device);
	EXPECT(ret == -EINVAL);
	printf("refused: %s\n", why);
	options.entries = 1024;

	MUST(vgpu_device_open(&options, &device));
	MUST(vgpu_device_initialize(device));
	MUST(vgpu_device_start(device));

	/* What it is now: that much may be allocated, for example. */
	MUST(vgpu_device_get_info(device, &info));
	EXPECT(!strcmp(info.id, "gpu0"));
	EXPECT(info.available_memory == 3ull << 30);
	EXPECT(vgpu_info_known(info.temperature_mc));
	vgpu_device_info_text(&info, text, sizeof(text));
	fputs(text, stdout);

	/* Registers: those of the device's data sheet, uapi/vgpu_device.h. */
	MUST(vgpu_device_read_register(device, 0x000, 4, &value));
	EXPECT(value == 0x55504756); /* "VGPU" */
	MUST(vgpu_device_write_register(device, 0x0f0, 4, 42)); /* scratch */
	MUST(vgpu_device_read_register(device, 0x0f0, 4, &value));
	EXPECT(value == 42);

	/* An interrupt, of the device's own ring: vector 0. */
	fd.fd = (int)MUST(vgpu_device_interrupt_fd(device));
	fd.events = POLLIN;
	struct vgpu_command command = vgpu_command_synchronize();

	command.flags = VGPU_COMMAND_INTERRUPT;
	MUST(vgpu_device_submit(device, NULL, &command, &ticket));
	MUST(vgpu_device_wait(device, ticket, VGPU_FOREVER, NULL));
	EXPECT(poll(&fd, 1, 1000) == 1);
	MUST(vgpu_device_interrupt_status(device, &interrupts));
	EXPECT(interrupts & 1);
	MUST(vgpu_device_interrupt_clear(device, interrupts));
	MUST(vgpu_device_interrupt_status(device, &interrupts));
	EXPECT(!interrupts);

	/* Let it finish, for a second at most; then nothing is accepted. */
	MUST(vgpu_device_stop(device, vgpu_deadline_after_ms(1000)));
	ret = vgpu_device_submit(device, NULL, &command, NULL);
	EXPECT(ret == -ECANCELED);
	vgpu_device_close(device);
	return 0;
}
