// SPDX-License-Identifier: MIT
/*
 * vgpuctl run: what happened: for people, as JSON, and as a trace in the Chrome
 * trace event format, which Perfetto and chrome://tracing show.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vgpuctl_run.h"

/* Rows of the trace, as threads of one process. */
enum row {
	ROW_QUEUE = 1,
	ROW_TRANSFER,
	ROW_LAUNCH,
	ROW_WAIT,
};

static const char *const rows[] = {
	[ROW_QUEUE] = "queue",
	[ROW_TRANSFER] = "transfer",
	[ROW_LAUNCH] = "launch",
	[ROW_WAIT] = "wait",
};

static void trace_name(struct ctl_out *out, const char *what, uint32_t row,
		       const char *name)
{
	ctl_out_section(out, NULL, NULL);
	ctl_out_string(out, "ph", "", "M");
	ctl_out_string(out, "name", "", what);
	ctl_out_number(out, "pid", "", 1, "");
	ctl_out_number(out, "tid", "", row, "");
	ctl_out_section(out, "args", NULL);
	ctl_out_string(out, "name", "", name);
	ctl_out_end(out);
	ctl_out_end(out);
}

static void trace_span(struct ctl_out *out, const struct run_event *e,
		       enum row row, uint64_t zero, uint64_t from, uint64_t to)
{
	/* A start is rounded down, maybe to before what came before it. */
	if (from < zero)
		from = zero;
	if (to < from)
		to = from;
	ctl_out_section(out, NULL, NULL);
	ctl_out_string(out, "ph", "", "X");
	ctl_out_string(out, "name", "", e->name);
	ctl_out_string(out, "cat", "", rows[row]);
	ctl_out_number(out, "pid", "", 1, "");
	ctl_out_number(out, "tid", "", row, "");
	ctl_out_us(out, "ts", from - zero);
	ctl_out_us(out, "dur", to - from);
	ctl_out_section(out, "args", NULL);
	if (e->buffer >= 0) {
		ctl_out_number(out, "buffer", "", (uint64_t)e->buffer, "");
		ctl_out_number(out, "bytes", "", e->bytes, "");
	}
	ctl_out_end(out);
	ctl_out_end(out);
}

static void trace_events(struct ctl_out *out, const struct run *r)
{
	uint64_t zero = r->events[0].submit_ns;
	const struct run_event *e;
	enum row row;
	size_t i;

	for (i = 0; i < r->n_events; i++) {
		e = &r->events[i];
		row = e->buffer < 0 ? ROW_LAUNCH : ROW_TRANSFER;
		trace_span(out, e, ROW_QUEUE, zero, e->submit_ns, e->start_ns);
		trace_span(out, e, row, zero, e->start_ns, e->end_ns);
		trace_span(out, e, ROW_WAIT, zero, e->wait_from_ns,
			   e->wait_to_ns);
	}
}

int run_write_trace(struct run *r)
{
	char title[300];
	struct ctl_out out;
	FILE *file;
	uint32_t i;
	int ret;

	ret = ctl_out_open(&out, true, "run");
	if (ret)
		return ret;
	snprintf(title, sizeof(title), "vgpuctl run %.200s", r->path);
	ctl_out_string(&out, "displayTimeUnit", "", "ns");
	ctl_out_list(&out, "traceEvents");
	trace_name(&out, "process_name", 0, title);
	for (i = ROW_QUEUE; i < ARRAY_SIZE(rows); i++)
		trace_name(&out, "thread_name", i, rows[i]);
	trace_events(&out, r);
	ctl_out_end(&out);
	/* The file's own fd is closed when it is committed. */
	file = fdopen(dup(r->trace.fd), "w");
	if (!file) {
		ctl_out_discard(&out);
		return ctl_fail(CTL_FAILED, "cannot write the trace: %m");
	}
	ret = ctl_out_write(&out, file) ? CTL_OK :
	      ctl_fail(CTL_FAILED, "cannot write the trace: %m");
	fclose(file);
	return ret ? ret : run_output_commit(&r->trace);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/**
 * struct spread - of the times of the launches
 */
struct spread {
	uint64_t min;
	uint64_t median;
	uint64_t max;
};

static int spread(const struct run *r, struct spread *s)
{
	uint64_t n = r->repeat, *sorted = malloc(n * sizeof(*sorted));

	if (!sorted)
		return ctl_fail(CTL_FAILED, "memory is short");
	memcpy(sorted, r->launch_ns, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	s->min = sorted[0];
	s->max = sorted[n - 1];
	s->median = n % 2 ? sorted[n / 2] :
			    (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
	free(sorted);
	return CTL_OK;
}

static const char *format_name(const struct run *r)
{
	return r->options.format == VGPU_KERNEL_FORMAT_WGSL ? "WGSL" : "SPIR-V";
}

static void out_numbers(struct ctl_out *out, const char *key,
			const uint32_t *values, uint32_t n)
{
	uint32_t i;

	ctl_out_list(out, key);
	for (i = 0; i < n; i++)
		ctl_out_number(out, NULL, "", values[i], "");
	ctl_out_end(out);
}

static void json_kernel(struct ctl_out *out, const struct run *r)
{
	ctl_out_section(out, "kernel", NULL);
	ctl_out_string(out, "file", "", r->path);
	ctl_out_string(out, "format", "", format_name(r));
	ctl_out_string(out, "entry", "", r->options.entry);
	out_numbers(out, "workgroup", r->usage.group, 3);
	ctl_out_number(out, "push_bytes", "", r->usage.const_bytes, "");
	ctl_out_end(out);
	out_numbers(out, "groups", r->groups, 3);
}

static void json_buffers(struct ctl_out *out, const struct run *r)
{
	const struct run_buffer *b;
	uint32_t i;

	ctl_out_list(out, "buffers");
	for (i = 0; i < r->n_buffers; i++) {
		b = &r->buffers[i];
		ctl_out_section(out, NULL, NULL);
		ctl_out_bytes(out, "bytes", "", b->bytes);
		ctl_out_string(out, "file", "", b->in ? b->in : "");
		ctl_out_string(out, "out", "", b->out ? b->out : "");
		ctl_out_bool(out, "used", r->usage.used & 1u << i);
		ctl_out_bool(out, "written", r->usage.written & 1u << i);
		ctl_out_end(out);
	}
	ctl_out_end(out);
}

static void json_times(struct ctl_out *out, const struct run *r,
		       const struct spread *s)
{
	uint64_t i;

	ctl_out_section(out, "times_us", NULL);
	ctl_out_us(out, "open", r->open_ns);
	ctl_out_us(out, "kernel", r->kernel_ns);
	ctl_out_us(out, "upload", r->upload_ns);
	ctl_out_list(out, "launches");
	for (i = 0; i < r->repeat; i++)
		ctl_out_us(out, NULL, r->launch_ns[i]);
	ctl_out_end(out);
	ctl_out_us(out, "launch_median", s->median);
	ctl_out_us(out, "download", r->download_ns);
	ctl_out_end(out);
	ctl_out_bytes(out, "uploaded_bytes", "", r->upload_bytes);
	ctl_out_bytes(out, "downloaded_bytes", "", r->download_bytes);
}

static void text_step(struct ctl_out *out, const char *step, uint64_t ns,
		      uint64_t bytes)
{
	char size[32];

	ctl_out_text(out, "  %-10s %10.3f ms", step, (double)ns / 1e6);
	if (bytes)
		ctl_out_text(out, "   %s, %.2f GiB/s",
			     ctl_size_text(bytes, size),
			     (double)bytes / (double)(1 << 30) /
			     ((double)ns / 1e9));
	ctl_out_text(out, "\n");
}

static void text_report(struct ctl_out *out, const struct run *r,
			const struct spread *s,
			const struct vgpu_device_info *info)
{
	const uint32_t *w = r->usage.group, *g = r->groups;

	ctl_out_text(out, "driver %s\n",
		     info->driver[0] ? info->driver : "unknown");
	if (info->notice[0])
		ctl_out_text(out, "note %s\n", info->notice);
	ctl_out_text(out,
		     "kernel %s: %s, entry %s, %u x %u x %u groups of %u x %u x %u, %u %s\n",
		     r->path, format_name(r), r->options.entry, g[0], g[1],
		     g[2], w[0], w[1], w[2], r->n_buffers,
		     r->n_buffers == 1 ? "buffer" : "buffers");
	text_step(out, "open", r->open_ns, 0);
	text_step(out, "kernel", r->kernel_ns, 0);
	text_step(out, "upload", r->upload_ns, r->upload_bytes);
	ctl_out_text(out, "  %-10s %10.3f ms", "launch",
		     (double)s->median / 1e6);
	if (r->repeat > 1)
		ctl_out_text(out, "   median of %llu, %.3f to %.3f",
			     (unsigned long long)r->repeat,
			     (double)s->min / 1e6, (double)s->max / 1e6);
	ctl_out_text(out, "\n");
	text_step(out, "download", r->download_ns, r->download_bytes);
}

int run_report(struct run *r)
{
	struct vgpu_device_info info;
	struct ctl_out out;
	struct spread s = { 0 };
	int ret;

	ret = spread(r, &s);
	if (!ret)
		ret = ctl_out_open(&out, r->o->json, "run");
	if (ret)
		return ret;
	vgpu_device_get_info(r->dev, &info);
	ctl_out_device(&out, r->dev, r->backend);
	if (out.json) {
		ctl_out_string(&out, "choice", "", r->reason);
		ctl_out_string(&out, "driver", "", info.driver);
		ctl_out_string(&out, "notice", "", info.notice);
		json_kernel(&out, r);
		json_buffers(&out, r);
		json_times(&out, r, &s);
	} else {
		text_report(&out, r, &s, &info);
	}
	return ctl_out_finish(&out);
}
