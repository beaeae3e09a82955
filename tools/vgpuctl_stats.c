// SPDX-License-Identifier: MIT
/*
 * vgpuctl stats: what a device has done, the state of its memory, and its error
 * record.  The counters of a simulator begin with the command, as the
 * simulator does; with --run there is something to count: commands that go
 * through a vgpu_queue to the device, whose statistics are shown, too.
 */
#include <errno.h>
#include <stdlib.h>

#include "vgpuctl.h"
#include "vgpu_device.h"

#define RUN_BYTES	(64u << 10)	/* of each command */
#define RUN_ENTRIES	1024u
#define RUN_LIMIT_MS	60000u

/* What --run works on. */
struct run {
	struct vgpu_device *dev;
	struct vgpu_queue *queue;
	uint64_t a, b;
	void *to, *from;
};

static struct vgpu_command run_command(const struct run *r, uint64_t i)
{
	switch (i % 4) {
	case 0:
		return vgpu_command_transfer_to(r->a, r->to, RUN_BYTES);
	case 1:
		return vgpu_command_copy(r->b, r->a, RUN_BYTES);
	case 2:
		return vgpu_command_clear(r->a, RUN_BYTES, (uint32_t)i);
	default:
		return vgpu_command_transfer_from(r->from, r->b, RUN_BYTES);
	}
}

/* The queue's handler: on to the device, which may have to make room. */
static int run_one(const struct vgpu_command *cmd, void *ctx)
{
	struct run *r = ctx;
	uint64_t ticket;
	int ret;

	do {
		ret = vgpu_device_submit(r->dev, NULL, cmd, &ticket);
	} while (ret == -EAGAIN && vgpu_device_process(r->dev, 0) >= 0);
	if (ret)
		return ret;
	return vgpu_device_wait(r->dev, ticket,
				vgpu_deadline_after_ms(RUN_LIMIT_MS), NULL);
}

static int run_all(struct run *r, uint64_t n)
{
	struct vgpu_command cmd;
	uint64_t i;
	int ret;

	for (i = 0; i < n; i++) {
		cmd = run_command(r, i);
		ret = vgpu_queue_submit(r->queue, &cmd);
		if (ret)
			return ctl_fail(CTL_FAILED, "the queue refuses: %s",
					vgpu_strerror(ret));
		if ((i + 1) % RUN_ENTRIES && i + 1 < n)
			continue;
		ret = vgpu_queue_process(r->queue, run_one, r, RUN_ENTRIES);
		if (ret < 0)
			return ctl_fail(CTL_FAILED, "the queue refuses: %s",
					vgpu_strerror(ret));
	}
	return CTL_OK;
}

static int run_setup(struct run *r)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = RUN_ENTRIES,
		.name = "vgpuctl",
	};
	int ret;

	ret = vgpu_queue_create(&opts, &r->queue);
	if (ret)
		return ctl_fail(CTL_FAILED, "no queue: %s",
				vgpu_strerror(ret));
	vgpu_queue_start(r->queue);
	ret = vgpu_device_alloc(r->dev, RUN_BYTES, 0, &r->a);
	if (!ret)
		ret = vgpu_device_alloc(r->dev, RUN_BYTES, 0, &r->b);
	if (ret)
		return ctl_device_failed(r->dev, "memory for --run", ret);
	r->to = calloc(2, RUN_BYTES);
	if (!r->to)
		return ctl_fail(CTL_FAILED, "memory is short");
	r->from = (char *)r->to + RUN_BYTES;
	return CTL_OK;
}

static void out_counts(struct ctl_out *out, const struct vgpu_device_stats *s)
{
	ctl_out_section(out, "commands", "commands");
	ctl_out_number(out, "submitted", "submitted", s->submitted, "");
	ctl_out_number(out, "completed", "completed", s->completed, "");
	ctl_out_number(out, "failed", "failed", s->failed, "");
	ctl_out_number(out, "outstanding", "outstanding", s->outstanding, "");
	ctl_out_bytes(out, "outstanding_bytes", "outstanding bytes",
		      s->outstanding_bytes);
	ctl_out_bytes(out, "copied_bytes", "copied", s->bytes_copied);
	ctl_out_bytes(out, "cleared_bytes", "cleared", s->bytes_cleared);
	ctl_out_number(out, "launches", "launches", s->launches, "");
	ctl_out_number(out, "busy_ns", "busy", s->busy_ns, "ns");
	ctl_out_end(out);

	ctl_out_section(out, "objects", "objects");
	ctl_out_number(out, "rings", "rings", s->rings, "");
	ctl_out_number(out, "counters", "counters", s->counters, "");
	ctl_out_number(out, "kernels", "kernels", s->kernels, "");
	ctl_out_number(out, "allocations", "allocations", s->allocations, "");
	ctl_out_number(out, "registrations", "registrations",
		       s->registrations, "");
	ctl_out_end(out);
}

/*
 * In thousandths: how much of what is free is not in the largest piece.  A
 * piece is never larger than a bank.
 */
static int64_t fragmentation(const struct vgpu_device_stats *s, uint64_t bank)
{
	uint64_t left = s->memory_total - s->memory_used;

	if (left > bank)
		left = bank;
	return left ? 1000 - (int64_t)((double)s->memory_largest * 1000 /
				       (double)left) : 0;
}

static int out_memory(struct ctl_out *out, struct vgpu_device *dev,
		      const struct vgpu_device_stats *s)
{
	int64_t fragmented;
	uint64_t shift;
	int ret;

	ret = vgpu_device_read_register(dev, VGPU_REG_BANK_SHIFT, 4, &shift);
	if (ret)
		return ctl_device_failed(dev, "bytes of a bank", ret);
	fragmented = fragmentation(s, 1ull << (shift & 63));
	ctl_out_section(out, "memory", "memory");
	ctl_out_bytes(out, "total_bytes", "total", s->memory_total);
	ctl_out_bytes(out, "limit_bytes", "limit", s->memory_limit);
	ctl_out_bytes(out, "used_bytes", "used", s->memory_used);
	ctl_out_bytes(out, "peak_bytes", "peak", s->memory_peak);
	ctl_out_bytes(out, "largest_free_bytes", "largest free",
		      s->memory_largest);
	if (out->json)
		ctl_out_milli(out, "fragmentation", "", fragmented, "");
	else
		ctl_out_milli(out, "", "fragmentation", fragmented * 100, "%");
	ctl_out_end(out);
	return CTL_OK;
}

static int out_errors(struct ctl_out *out, struct vgpu_device *dev)
{
	static const struct {
		uint64_t offset;
		const char *key;
		const char *label;
	} rows[] = {
		{ VGPU_REG_ERR_COUNT, "count", "errors" },
		{ VGPU_REG_ERR_STATUS, "errno", "last errno" },
		{ VGPU_REG_ERR_OPCODE, "opcode", "last opcode" },
		{ VGPU_REG_ERR_SOURCE, "source", "last source" },
	};
	uint64_t value;
	size_t i;
	int ret;

	ctl_out_section(out, "errors", "error record");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ret = vgpu_device_read_register(dev, rows[i].offset, 4,
						&value);
		if (ret)
			return ctl_device_failed(dev, "the error record", ret);
		ctl_out_number(out, rows[i].key, rows[i].label, value, "");
		if (!i && !value && !out->json)
			break;
	}
	ctl_out_end(out);
	return CTL_OK;
}

static void out_queue(struct ctl_out *out, const struct vgpu_queue *queue)
{
	struct vgpu_queue_stats s = { .size = sizeof(s) };

	vgpu_queue_get_stats(queue, &s);
	ctl_out_section(out, "queue", "queue");
	ctl_out_string(out, "state", "state", vgpu_queue_state_name(s.state));
	ctl_out_number(out, "entries", "entries", s.entries, "");
	ctl_out_number(out, "depth", "in use", s.depth, "");
	ctl_out_number(out, "max_depth", "most in use", s.max_depth, "");
	ctl_out_number(out, "submitted", "submitted", s.submitted, "");
	ctl_out_number(out, "completed", "completed", s.completed, "");
	ctl_out_number(out, "failed", "failed", s.failed, "");
	ctl_out_number(out, "overflows", "overflows", s.overflows, "");
	ctl_out_number(out, "average_wait_ns", "average wait", s.avg_wait_ns,
		       "ns");
	ctl_out_number(out, "waits_measured", "waits measured", s.waits, "");
	ctl_out_end(out);
}

static int report(const struct ctl_options *o, struct vgpu_device *dev,
		  uint32_t backend, const struct vgpu_queue *queue)
{
	struct vgpu_device_stats stats;
	struct ctl_out out;
	int ret;

	ret = vgpu_device_get_stats(dev, &stats);
	if (ret)
		return ctl_device_failed(dev, "statistics", ret);
	ret = ctl_out_open(&out, o->json, "stats");
	if (ret)
		return ret;
	ctl_out_device(&out, dev, backend);
	if (!queue && backend == VGPU_BACKEND_SIMULATOR)
		ctl_out_text(&out,
			     "It began with this command; --run N gives it something to count.\n");
	if (queue)
		out_queue(&out, queue);
	out_counts(&out, &stats);
	ret = out_memory(&out, dev, &stats);
	if (!ret)
		ret = out_errors(&out, dev);
	if (!ret)
		return ctl_out_finish(&out);
	ctl_out_discard(&out);
	return ret;
}

int ctl_stats(const struct ctl_options *o)
{
	struct run r = { 0 };
	char reason[256];
	uint32_t backend;
	int ret;

	if (o->run)
		ret = ctl_open_running(o, &r.dev, &backend, reason);
	else
		ret = ctl_open(o, &r.dev, &backend, reason);
	if (ret)
		return ret;
	if (o->run)
		ret = run_setup(&r);
	if (!ret && o->run)
		ret = run_all(&r, o->run);
	if (!ret)
		ret = report(o, r.dev, backend, r.queue);
	vgpu_device_close(r.dev);
	vgpu_queue_unref(r.queue);
	free(r.to);
	return ret;
}
