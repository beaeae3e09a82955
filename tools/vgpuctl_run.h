/* SPDX-License-Identifier: MIT */
/*
 * vgpuctl run: what its files share.  vgpuctl_run_args.c reads what the options
 * say, vgpuctl_run_files.c opens and replaces files, vgpuctl_run_data.c moves
 * data, vgpuctl_run_report.c says what happened, and vgpuctl_run.c is the order
 * of it all.
 */
#ifndef VGPUCTL_RUN_H
#define VGPUCTL_RUN_H

#include "vgpuctl.h"

/**
 * struct run_output - a file that is written
 * @path: what it will be; NULL: nothing to write
 * @temp: what it is until then, beside @path; NULL: @path is written directly,
 *	as it is no regular file
 * @fd: open for writing
 */
struct run_output {
	char *path;
	char *temp;
	int fd;
};

/**
 * struct run_buffer - a buffer
 * @in: the file that is read into it, or NULL
 * @out: the file that gets it, or NULL
 * @bytes: what the user says that it has; the device has up to 3 more
 * @fill: what is in it without a file
 * @address: of the device
 * @in_fd: @in, open for reading
 * @output: @out
 */
struct run_buffer {
	const char *in;
	const char *out;
	uint64_t bytes;
	uint8_t fill;
	uint64_t address;
	int in_fd;
	struct run_output output;
};

/* What the device has of a buffer: sizes there are multiples of 4. */
static inline uint64_t run_device_bytes(const struct run_buffer *b)
{
	return (b->bytes + 3) & ~3ull;
}

/* A command that has ended, or a wait; all times CLOCK_MONOTONIC. */
struct run_event {
	const char *name;	/* of the command */
	int buffer;		/* which, or -1 */
	uint64_t bytes;
	uint64_t submit_ns;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t wait_from_ns;	/* when this program began to wait for it */
	uint64_t wait_to_ns;
};

/**
 * struct run - everything about a run
 * @o: the command line
 * @path: the kernel's file
 * @options: the kernel as vgpu_kernel_create() takes it
 * @constants: its specialization constants
 * @groups: of a launch
 * @args: of a launch; ranges once buffers have addresses
 * @buffers: those
 * @trace: where the trace goes
 * @dev: the device
 * @backend: its backend, enum vgpu_backend
 * @reason: why it is this backend
 * @kernel: the kernel
 * @usage: what the kernel needs
 * @events: what ran
 * @repeat: how often to launch
 * @launch_ns: how long each launch ran
 * @staging: where data passes through
 */
struct run {
	const struct ctl_options *o;
	const char *path;
	struct vgpu_kernel_options options;
	struct vgpu_kernel_constant constants[CTL_MAX_SPECS];
	uint32_t groups[3];
	struct vgpu_launch_args args;
	struct run_buffer buffers[CTL_MAX_BUFFERS];
	uint32_t n_buffers;
	struct run_output trace;
	struct vgpu_device *dev;
	uint32_t backend;
	char reason[256];
	uint64_t kernel;
	struct vgpu_kernel_usage usage;
	struct run_event *events;
	size_t n_events;
	uint64_t repeat;
	uint64_t *launch_ns;
	uint8_t *staging;
	uint64_t open_ns;
	uint64_t kernel_ns;
	uint64_t upload_ns;
	uint64_t upload_bytes;
	uint64_t download_ns;
	uint64_t download_bytes;
};

/*
 * All of these: CTL_OK, or something else after a line on stderr.
 */

/* What the options say; opens nothing. */
int run_parse(struct run *r);

/* Read the kernel, and open every file; an output is not there yet. */
int run_files_open(struct run *r);
/* All outputs become what they shall be. */
int run_files_commit(struct run *r);
int run_output_commit(struct run_output *f);
/* Close and remove what is left, the code too. */
void run_files_close(struct run *r);
/* Exactly @bytes. */
int run_read(int fd, const char *path, void *buf, size_t bytes);

/* Memory for all buffers, and what they hold. */
int run_upload(struct run *r);
int run_download(struct run *r);
/*
 * Submit and wait for a command on buffer @buffer (or -1) that moves @bytes;
 * what it did is the last of the events then.
 */
int run_submit(struct run *r, const struct vgpu_command *cmd, int buffer,
	       uint64_t bytes, uint64_t *ticket);
int run_wait(struct run *r, uint64_t ticket);

/* On a terminal, a line that comes and goes. */
void run_progress(const char *step, uint64_t done, uint64_t all);
void run_progress_end(void);

int run_write_trace(struct run *r);
int run_report(struct run *r);

#endif /* VGPUCTL_RUN_H */
