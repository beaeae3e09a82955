// SPDX-License-Identifier: MIT
/*
 * vgpuctl run: a compute shader on real data.  Everything that can be wrong
 * with the command line and the files is found before a device is opened.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vgpuctl_run.h"

#define MIB	((uint64_t)1 << 20)
#define BANK	((uint64_t)1 << 30)

/* Enough device memory for the buffers, where the device makes it. */
static uint64_t vram_for(const struct run *r)
{
	uint64_t sum = 16 * MIB;
	uint32_t i;

	for (i = 0; i < r->n_buffers; i++)
		sum += (r->buffers[i].bytes + 4095) & ~4095ull;
	if (sum <= 256 * MIB)
		return 256 * MIB;
	if (sum <= BANK)
		return sum;
	/* No buffer crosses a bank: each but one is at least half full. */
	return (2 * sum + BANK - 1) & ~(BANK - 1);
}

static int open_device(struct run *r)
{
	struct ctl_options o = *r->o;
	struct vgpu_device_limits limits;
	uint64_t start = vgpu_now_ns();
	int ret;

	if (!(o.given & CTL_OPT_VRAM))
		o.vram = vram_for(r);
	o.flags |= VGPU_DEVICE_BACKGROUND;
	ret = ctl_open_running(&o, &r->dev, &r->backend, r->reason);
	if (ret)
		return ret;
	/* The driver is looked for only now. */
	ret = vgpu_device_get_limits(r->dev, &limits);
	if (ret) {
		ctl_device_failed(r->dev, "kernels do not run here", ret);
		return ret == -EOPNOTSUPP ? CTL_ENVIRONMENT : CTL_FAILED;
	}
	r->open_ns = vgpu_now_ns() - start;
	return CTL_OK;
}

static int check_usage(const struct run *r)
{
	uint32_t i, given = (1u << r->n_buffers) - 1;
	uint32_t missing = r->usage.used & ~given;

	if (missing) {
		for (i = 0; !(missing & 1u << i); i++)
			;
		return ctl_fail(CTL_USAGE,
				"%.200s uses binding %u, and there are %u --buffer: give one for each binding from 0 on",
				r->path, i, r->n_buffers);
	}
	if (r->args.const_bytes < r->usage.const_bytes)
		return ctl_fail(CTL_USAGE,
				"%.200s takes %u bytes of push constants, and --push has %u: give %u hexadecimal digits",
				r->path, r->usage.const_bytes,
				r->args.const_bytes, 2 * r->usage.const_bytes);
	return CTL_OK;
}

static int make_kernel(struct run *r)
{
	uint64_t start = vgpu_now_ns();
	char what[256];
	int ret;

	r->options.size = sizeof(r->options);
	r->options.constants = r->constants;
	ret = vgpu_kernel_create(r->dev, &r->options, &r->kernel);
	if (!ret)
		ret = vgpu_kernel_get_usage(r->dev, r->kernel, &r->usage);
	if (ret) {
		snprintf(what, sizeof(what), "%.200s", r->path);
		return ctl_device_failed(r->dev, what, ret);
	}
	r->kernel_ns = vgpu_now_ns() - start;
	return check_usage(r);
}

static int launch(struct run *r)
{
	struct vgpu_command cmd;
	const struct run_event *e;
	uint64_t i, ticket;
	int ret;

	r->launch_ns = calloc(r->repeat, sizeof(*r->launch_ns));
	if (!r->launch_ns)
		return ctl_fail(CTL_FAILED, "memory is short");
	cmd = vgpu_command_launch_args(r->kernel, r->groups[0], r->groups[1],
				       r->groups[2], &r->args);
	for (i = 0; i < r->repeat; i++) {
		run_progress("launch", i, r->repeat);
		ret = run_submit(r, &cmd, -1, 0, &ticket);
		if (!ret)
			ret = run_wait(r, ticket);
		if (ret)
			return ret;
		e = &r->events[r->n_events - 1];
		r->launch_ns[i] = e->end_ns - e->start_ns;
	}
	run_progress_end();
	return CTL_OK;
}

static int run(struct run *r)
{
	int ret;

	ret = run_parse(r);
	if (!ret)
		ret = run_files_open(r);
	if (!ret)
		ret = open_device(r);
	if (!ret)
		ret = make_kernel(r);
	if (!ret)
		ret = run_upload(r);
	if (!ret)
		ret = launch(r);
	if (!ret)
		ret = run_download(r);
	if (!ret)
		ret = run_files_commit(r);
	if (!ret && r->trace.path)
		ret = run_write_trace(r);
	if (!ret)
		ret = run_report(r);
	return ret;
}

int ctl_run(const struct ctl_options *o)
{
	static struct run r;
	int ret;

	r.o = o;
	r.repeat = o->given & CTL_OPT_REPEAT ? o->repeat : 1;
	r.trace.fd = -1;
	ret = run(&r);
	/* First, as closing a device may take long after a failure. */
	run_files_close(&r);
	vgpu_device_close(r.dev);
	free(r.staging);
	free(r.events);
	free(r.launch_ns);
	return ret;
}
