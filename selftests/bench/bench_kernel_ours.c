// SPDX-License-Identifier: MIT
/*
 * bench_kernel's side that is the library, as a program uses it.
 */
#include <stdio.h>
#include <stdlib.h>

#include <vgpu/vgpu.h>

#include "bench_kernel.h"

struct ours {
	struct vgpu_device *dev;
	uint64_t data;
	uint64_t params;
	uint64_t kernels[BENCH_KERNELS];
	struct vgpu_launch_args args[BENCH_KERNELS];
};

static void die(struct ours *o, const char *what, int error)
{
	char text[256];

	vgpu_device_error(o->dev, text, sizeof(text));
	bench_die("%s: %s (%s)", what, vgpu_strerror(error), text);
}

static void make_kernels(struct ours *o)
{
	uint32_t k;

	for (k = 0; k < BENCH_KERNELS; k++) {
		struct vgpu_kernel_options ko = {
			.size = sizeof(ko),
			.format = VGPU_KERNEL_FORMAT_SPIRV,
			.code = bench_codes[k].words,
			.code_bytes = bench_codes[k].bytes,
		};
		int ret = vgpu_kernel_create(o->dev, &ko, &o->kernels[k]);

		if (ret)
			die(o, "kernel", ret);
		vgpu_launch_args_init(&o->args[k]);
		if (bench_data_bytes(k))
			vgpu_launch_args_range(&o->args[k], o->data,
					       bench_data_bytes(k),
					       VGPU_LAUNCH_READ |
					       VGPU_LAUNCH_WRITE);
	}
	/* Written, as far as anybody knows: it is not declared readonly. */
	vgpu_launch_args_range(&o->args[BENCH_LOOP], o->params,
			       BENCH_PARAMS_BYTES,
			       VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE);
}

static void *ours_open(struct bench_options *options, char *what,
		       size_t bytes)
{
	struct vgpu_device_options d = {
		.size = sizeof(d),
		.backend = options->flags & BENCH_WGPU ? VGPU_BACKEND_WGPU :
							 VGPU_BACKEND_VULKAN,
		.device = options->device,
		.vram_bytes = BENCH_BYTES,
		.message = what,
		.message_bytes = bytes,
	};
	struct ours *o = calloc(1, sizeof(*o));
	struct vgpu_device_info info;
	int ret;

	if (!o)
		bench_die("no memory");
	if (options->flags & BENCH_OWN_MEMORY)
		d.flags |= VGPU_DEVICE_DISCRETE;
	if (options->flags & BENCH_WORKER)
		d.flags |= VGPU_DEVICE_WORKER;
	if (vgpu_device_open(&d, &o->dev)) {
		free(o);
		return NULL;
	}
	ret = vgpu_device_initialize(o->dev);
	if (!ret)
		ret = vgpu_device_start(o->dev);
	if (!ret)
		ret = vgpu_device_alloc(o->dev, BENCH_DATA_BYTES, 0, &o->data);
	if (!ret)
		ret = vgpu_device_alloc(o->dev, BENCH_PARAMS_BYTES, 0,
					&o->params);
	if (ret)
		die(o, "setup", ret);
	make_kernels(o);
	vgpu_device_get_info(o->dev, &info);
	snprintf(what, bytes, "%s, %s%s%s", info.name, info.driver,
		 *info.notice ? "; " : "", info.notice);
	return o;
}

static void ours_close(void *s)
{
	struct ours *o = s;

	vgpu_device_close(o->dev);
	free(o);
}

static void ended(struct ours *o, uint64_t ticket)
{
	int ret = vgpu_device_wait(o->dev, ticket, VGPU_FOREVER, NULL);

	if (ret)
		die(o, "command", ret);
}

static void ours_launch(void *s, enum bench_kernel kernel, uint32_t n,
			bool relaxed)
{
	struct vgpu_command cmds[BENCH_MAX_BATCH];
	struct ours *o = s;
	uint64_t ticket;
	uint32_t i;

	cmds[0] = vgpu_command_launch_args(o->kernels[kernel],
					   bench_groups(kernel), 1, 1,
					   kernel == BENCH_EMPTY ? NULL :
					   &o->args[kernel]);
	if (relaxed)
		cmds[0].flags |= VGPU_COMMAND_RELAXED;
	for (i = 1; i < n; i++)
		cmds[i] = cmds[0];
	if (n == 1) {
		int ret = vgpu_device_submit(o->dev, NULL, cmds, &ticket);

		if (ret)
			die(o, "submit", ret);
		ended(o, ticket);
		return;
	}
	if (vgpu_device_submit_batch(o->dev, NULL, cmds, n, VGPU_SUBMIT_ALL,
				     &ticket) != n)
		die(o, "submit", 0);
	/* The last one ends last only if they are in order. */
	for (i = relaxed ? 0 : n - 1; i < n; i++)
		ended(o, ticket + i);
}

static void run(struct ours *o, struct vgpu_command cmd)
{
	uint64_t ticket;
	int ret;

	ret = vgpu_device_submit(o->dev, NULL, &cmd, &ticket);
	if (ret)
		die(o, "submit", ret);
	ended(o, ticket);
}

static void ours_upload(void *s, uint32_t to, const void *from, uint32_t bytes)
{
	struct ours *o = s;
	uint64_t target = to < BENCH_DATA_BYTES ? o->data + to : o->params;

	run(o, vgpu_command_transfer_to(target, from, bytes));
}

static void ours_download(void *s, void *to, uint32_t bytes)
{
	struct ours *o = s;

	run(o, vgpu_command_transfer_from(to, o->data, bytes));
}

static void ours_moved(void *s, uint64_t *in, uint64_t *out)
{
	struct vgpu_device_stats stats;
	struct ours *o = s;

	vgpu_device_get_stats(o->dev, &stats);
	*in = stats.bytes_to_engine;
	*out = stats.bytes_from_engine;
}

const struct bench_side_ops bench_ours = {
	.open = ours_open,
	.close = ours_close,
	.launch = ours_launch,
	.upload = ours_upload,
	.download = ours_download,
	.moved = ours_moved,
};
