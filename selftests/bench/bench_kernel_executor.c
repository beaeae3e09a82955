// SPDX-License-Identifier: MIT
/*
 * bench_kernel's side that is an executor alone, in this process, with nothing
 * of the device model around it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vgpu/manager.h>

#include "bench_kernel.h"
#include "executor/executor.h"
#include "wait.h"

struct executor {
	const struct vgpu_executor_ops *ops;
	void *e;
	int fd;
	uint8_t *vram;
	bool shared;
	uint64_t tag;
};

static void build(struct executor *x, uint32_t k)
{
	size_t bytes = sizeof(struct vgpu_kernel_desc) + bench_codes[k].bytes;
	struct vgpu_kernel_desc *desc = calloc(1, bytes);
	struct vgpu_engine_built built;

	if (!desc)
		bench_die("no memory");
	desc->format = VGPU_KERNEL_SPIRV;
	desc->code_bytes = (uint32_t)bench_codes[k].bytes;
	memcpy(desc->entry, "main", sizeof("main"));
	memcpy(desc + 1, bench_codes[k].words, bench_codes[k].bytes);
	if (x->ops->build(x->e, k + 1, desc, bytes, &built))
		bench_die("%s: %s", x->ops->name, built.message);
	free(desc);
}

static void *executor_open(struct bench_options *options, char *what,
			   size_t bytes)
{
	struct vgpu_executor_options o = {
		.kind = options->flags & BENCH_WGPU ? "wgpu" : "vulkan",
		.device = options->device,
		.bank_shift = 30,
		.vram_bytes = BENCH_BYTES,
	};
	struct executor *x = calloc(1, sizeof(*x));
	const struct vgpu_engine_info *info;
	struct vgpu_message msg;
	uint32_t k;
	int ret;

	if (!x)
		bench_die("no memory");
	x->ops = options->flags & BENCH_WGPU ? &vgpu_wgpu_executor :
					       &vgpu_vulkan_executor;
	if (options->flags & BENCH_OWN_MEMORY)
		o.flags |= VGPU_EXECUTOR_DISCRETE;
	x->fd = memfd_create("bench_kernel", MFD_CLOEXEC);
	if (x->fd < 0 || ftruncate(x->fd, BENCH_BYTES))
		bench_die("memfd: %s", strerror(errno));
	x->vram = mmap(NULL, BENCH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		       x->fd, 0);
	if (x->vram == MAP_FAILED)
		bench_die("mmap: %s", strerror(errno));
	o.vram = x->vram;
	o.vram_fd = x->fd;
	vgpu_message_init(&msg);
	ret = x->ops->open(&o, &msg, &x->e);
	if (ret)
		vgpu_message_get(&msg, what, bytes);
	vgpu_message_fini(&msg);
	if (ret) {
		munmap(x->vram, BENCH_BYTES);
		close(x->fd);
		free(x);
		return NULL;
	}
	info = x->ops->info(x->e);
	x->shared = info->shared;
	options->own = !info->shared;
	snprintf(what, bytes, "%s, %s", info->name, info->driver);
	for (k = 0; k < BENCH_KERNELS; k++)
		build(x, k);
	return x;
}

static void executor_close(void *s)
{
	struct executor *x = s;

	if (x->ops->close(x->e, vgpu_now_ns() + VGPU_NS_PER_S))
		bench_die("%s hangs", x->ops->name);
	munmap(x->vram, BENCH_BYTES);
	close(x->fd);
	free(x);
}

static void wait_for(struct executor *x, uint32_t n)
{
	struct vgpu_engine_completion done[BENCH_MAX_BATCH];
	int i, got;

	while (n) {
		got = x->ops->wait(x->e, done, BENCH_MAX_BATCH, VGPU_FOREVER);
		for (i = 0; i < got; i++)
			if (done[i].status)
				bench_die("%s: status %d", x->ops->name,
					  done[i].status);
		if (got < 0)
			bench_die("%s: lost", x->ops->name);
		n -= (uint32_t)got;
	}
}

static void submit(struct executor *x, struct vgpu_engine_cmd *cmd,
		   struct vgpu_engine_slot *slot)
{
	int ret;

	cmd->tag = ++x->tag;
	if (slot)
		slot->tag = cmd->tag;
	ret = x->ops->submit(x->e, cmd, slot);
	if (ret)
		bench_die("%s: full or lost: %s", x->ops->name,
			  strerror(-ret));
}

static void executor_launch(void *s, enum bench_kernel kernel, uint32_t n,
			    bool relaxed)
{
	struct vgpu_engine_cmd cmd = { .opcode = VGPU_ENGINE_LAUNCH };
	struct vgpu_engine_slot slot = {
		.kernel = kernel + 1,
		.grid = { bench_groups(kernel), 1, 1 },
	};
	const uint32_t access = VGPU_RANGE_READ | VGPU_RANGE_WRITE;
	struct executor *x = s;
	uint32_t i;

	if (kernel != BENCH_EMPTY)
		slot.ranges[slot.n_ranges++] = (struct vgpu_range){
			0, bench_data_bytes(kernel), access
		};
	if (kernel == BENCH_LOOP)
		slot.ranges[slot.n_ranges++] = (struct vgpu_range){
			BENCH_DATA_BYTES, BENCH_PARAMS_BYTES, access
		};
	for (i = 0; i < n; i++)
		submit(x, &cmd, &slot);
	wait_for(x, n);
}

static void flush(struct executor *x, uint32_t offset, uint32_t bytes,
		  uint64_t way)
{
	struct vgpu_engine_cmd cmd = {
		.opcode = VGPU_ENGINE_FLUSH,
		.op = { offset, (bytes + 3) & ~3u, way },
	};

	if (x->shared)
		return;
	submit(x, &cmd, NULL);
	wait_for(x, 1);
}

static void executor_upload(void *s, uint32_t to, const void *from,
			    uint32_t bytes)
{
	struct executor *x = s;

	memcpy(x->vram + to, from, bytes);
	flush(x, to, bytes, 2);
}

static void executor_download(void *s, void *to, uint32_t bytes)
{
	struct executor *x = s;

	flush(x, 0, bytes, 1);
	memcpy(to, x->vram, bytes);
}

const struct bench_side_ops bench_executor = {
	.open = executor_open,
	.close = executor_close,
	.launch = executor_launch,
	.upload = executor_upload,
	.download = executor_download,
};
