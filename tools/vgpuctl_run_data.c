// SPDX-License-Identifier: MIT
/*
 * vgpuctl run: commands, and the data that they move.  Files pass through two
 * registered buffers in turn: one is read or written while the device has the
 * other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vgpuctl_run.h"

#define CHUNK		(4u << 20)
#define SHOW_EVERY_MS	100

void run_progress(const char *step, uint64_t done, uint64_t all)
{
	static uint64_t next_ns;
	uint64_t now = vgpu_now_ns();

	if (now < next_ns || !isatty(STDERR_FILENO))
		return;
	next_ns = now + SHOW_EVERY_MS * 1000000ull;
	/* What is printed next, an error for example, begins there again. */
	fprintf(stderr, "\033[K%s: %llu %%\r", step,
		(unsigned long long)(100 * done / all));
	fflush(stderr);
}

void run_progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\033[K", stderr);
}

static struct run_event *add_event(struct run *r)
{
	struct run_event *more;

	/* Room doubles whenever the number is a power of two. */
	if (!(r->n_events & (r->n_events - 1))) {
		more = realloc(r->events, (r->n_events ? 2 * r->n_events : 1) *
					  sizeof(*more));
		if (!more)
			return NULL;
		r->events = more;
	}
	return memset(&r->events[r->n_events++], 0, sizeof(*r->events));
}

int run_submit(struct run *r, const struct vgpu_command *cmd, int buffer,
	       uint64_t bytes, uint64_t *ticket)
{
	struct run_event *e = add_event(r);
	int ret;

	if (!e)
		return ctl_fail(CTL_FAILED, "memory is short");
	e->name = vgpu_command_name(cmd->type);
	e->buffer = buffer;
	e->bytes = bytes;
	ret = vgpu_device_submit(r->dev, NULL, cmd, ticket);
	if (ret)
		return ctl_device_failed(r->dev, "cannot submit", ret);
	return CTL_OK;
}

int run_wait(struct run *r, uint64_t ticket)
{
	struct run_event *e = &r->events[r->n_events - 1];
	struct vgpu_completion_info info;
	int ret;

	e->wait_from_ns = vgpu_now_ns();
	ret = vgpu_device_wait(r->dev, ticket, VGPU_FOREVER, &info);
	e->wait_to_ns = vgpu_now_ns();
	e->submit_ns = info.submit_ns;
	e->start_ns = info.start_ns;
	e->end_ns = info.end_ns;
	if (ret == -ETIMEDOUT && r->o->timeout)
		return ctl_fail(CTL_FAILED,
				"%s: it ran longer than --timeout %llu ms",
				e->name, (unsigned long long)r->o->timeout);
	if (ret)
		return ctl_fail(CTL_FAILED, "%s: %s", e->name,
				vgpu_strerror(ret));
	return CTL_OK;
}

static int staging(struct run *r, uint8_t *half[2])
{
	int ret;

	if (!r->staging) {
		if (posix_memalign((void **)&r->staging, 4096, 2 * CHUNK))
			return ctl_fail(CTL_FAILED, "memory is short");
		ret = vgpu_device_register(r->dev, r->staging, 2 * CHUNK, NULL);
		if (ret)
			return ctl_device_failed(r->dev, "register memory",
						 ret);
	}
	half[0] = r->staging;
	half[1] = r->staging + CHUNK;
	return CTL_OK;
}

static uint64_t uploads(const struct run *r)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < r->n_buffers; i++)
		sum += r->buffers[i].in ? r->buffers[i].bytes : 0;
	return sum;
}

static uint64_t downloads(const struct run *r)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < r->n_buffers; i++)
		sum += r->buffers[i].out ? r->buffers[i].bytes : 0;
	return sum;
}

static int upload_file(struct run *r, int i, uint64_t all)
{
	struct run_buffer *b = &r->buffers[i];
	uint64_t at, n, padded, ticket = 0;
	struct vgpu_command cmd;
	uint8_t *half[2];
	int turn = 0, ret;

	ret = staging(r, half);
	for (at = 0; !ret && at < b->bytes; at += n, turn ^= 1) {
		n = b->bytes - at < CHUNK ? b->bytes - at : CHUNK;
		padded = (n + 3) & ~3ull;
		ret = run_read(b->in_fd, b->in, half[turn], n);
		if (!ret && at)
			ret = run_wait(r, ticket);
		if (ret)
			break;
		memset(half[turn] + n, 0, padded - n);
		cmd = vgpu_command_transfer_to(b->address + at, half[turn],
					       padded);
		ret = run_submit(r, &cmd, i, padded, &ticket);
		r->upload_bytes += n;
		run_progress("upload", r->upload_bytes, all);
	}
	return ret ? ret : run_wait(r, ticket);
}

static int fill(struct run *r, int i)
{
	struct run_buffer *b = &r->buffers[i];
	struct vgpu_command cmd;
	uint64_t ticket;
	int ret;

	/* Memory is zero when it is new. */
	if (!b->fill)
		return CTL_OK;
	cmd = vgpu_command_clear(b->address, run_device_bytes(b),
				 b->fill * 0x01010101u);
	ret = run_submit(r, &cmd, i, run_device_bytes(b), &ticket);
	return ret ? ret : run_wait(r, ticket);
}

int run_upload(struct run *r)
{
	uint64_t start = vgpu_now_ns(), all = uploads(r);
	struct run_buffer *b;
	uint32_t i, flags;
	int ret = CTL_OK;

	for (i = 0; !ret && i < r->n_buffers; i++) {
		b = &r->buffers[i];
		ret = vgpu_device_alloc(r->dev, run_device_bytes(b), 0,
					&b->address);
		if (ret)
			return ctl_device_failed(r->dev, "memory for buffers",
						 ret);
		flags = VGPU_LAUNCH_READ;
		if (r->usage.written & 1u << i)
			flags |= VGPU_LAUNCH_WRITE;
		vgpu_launch_args_range(&r->args, b->address,
				       (uint32_t)run_device_bytes(b), flags);
		ret = b->in ? upload_file(r, (int)i, all) : fill(r, (int)i);
	}
	run_progress_end();
	r->upload_ns = vgpu_now_ns() - start;
	return ret;
}

static int write_all(struct run_output *f, const uint8_t *data, uint64_t bytes)
{
	uint64_t at = 0;
	ssize_t n;

	while (at < bytes) {
		n = write(f->fd, data + at, bytes - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ctl_fail(CTL_FAILED, "cannot write %.200s: %s",
					f->path, strerror(errno));
		at += (uint64_t)n;
	}
	return CTL_OK;
}

/* What was asked for before is written while the next is on its way. */
static int download_file(struct run *r, int i, uint64_t all)
{
	struct run_buffer *b = &r->buffers[i];
	uint64_t at, n, ticket, before = 0;
	struct vgpu_command cmd;
	uint8_t *half[2];
	int turn = 0, ret;

	ret = staging(r, half);
	for (at = 0; !ret && at < b->bytes; at += n, turn ^= 1) {
		n = b->bytes - at < CHUNK ? b->bytes - at : CHUNK;
		cmd = vgpu_command_transfer_from(half[turn], b->address + at,
						 (n + 3) & ~3ull);
		ret = run_submit(r, &cmd, i, (n + 3) & ~3ull, &ticket);
		if (!ret)
			ret = write_all(&b->output, half[!turn], before);
		if (!ret)
			ret = run_wait(r, ticket);
		before = n;
		r->download_bytes += n;
		run_progress("download", r->download_bytes, all);
	}
	return ret ? ret : write_all(&b->output, half[!turn], before);
}

int run_download(struct run *r)
{
	uint64_t start = vgpu_now_ns(), all = downloads(r);
	int ret = CTL_OK;
	uint32_t i;

	for (i = 0; !ret && i < r->n_buffers; i++) {
		if (r->buffers[i].out)
			ret = download_file(r, (int)i, all);
	}
	run_progress_end();
	r->download_ns = vgpu_now_ns() - start;
	return ret;
}
