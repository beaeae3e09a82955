/* SPDX-License-Identifier: MIT */
/*
 * vgpuctl: what its files share.  vgpuctl.c has the commands' table and their
 * help, vgpuctl_args.c reads the command line, vgpuctl_open.c finds the device,
 * vgpuctl_out.c writes text or JSON, and each command has a file or several.
 */
#ifndef VGPUCTL_H
#define VGPUCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vgpu/memory.h>
#include <vgpu/vgpu.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Exit statuses, as documented in vgpuctl(1). */
enum ctl_exit {
	CTL_OK,
	CTL_FAILED,
	CTL_USAGE,		/* the command line makes no sense */
	CTL_ENVIRONMENT,	/* this host has no such backend or device */
};

/* Options, as bits: which were given, and which a command takes. */
#define CTL_OPT_BACKEND		(1u << 0)
#define CTL_OPT_DEVICE		(1u << 1)
#define CTL_OPT_VRAM		(1u << 2)
#define CTL_OPT_RUN		(1u << 3)
#define CTL_OPT_ENTRIES		(1u << 4)
#define CTL_OPT_BATCH		(1u << 5)
#define CTL_OPT_THREADS		(1u << 6)
#define CTL_OPT_BYTES		(1u << 7)
#define CTL_OPT_REPEAT		(1u << 8)
#define CTL_OPT_GROUPS		(1u << 9)
#define CTL_OPT_ENTRY		(1u << 10)
#define CTL_OPT_BUFFER		(1u << 11)
#define CTL_OPT_PUSH		(1u << 12)
#define CTL_OPT_SPEC		(1u << 13)
#define CTL_OPT_TRACE		(1u << 14)
#define CTL_OPT_WORKER		(1u << 15)
#define CTL_OPT_DISCRETE	(1u << 16)
#define CTL_OPT_TIMEOUT		(1u << 17)
#define CTL_OPT_GPU		(1u << 18)
#define CTL_OPT_UUID		(1u << 19)
#define CTL_OPT_ATTR		(1u << 20)
#define CTL_OPT_FORCE		(1u << 21)

/* Options that may be given several times. */
#define CTL_MAX_BUFFERS		VGPU_LAUNCH_RANGES
#define CTL_MAX_SPECS		64
#define CTL_MAX_ATTRS		16

/**
 * struct ctl_options - the command line
 * @given: CTL_OPT_*
 * @json: --json
 * @help: --help
 * @version: --version
 * @backend: enum vgpu_backend; VGPU_BACKEND_DEFAULT: choose one
 * @device: id, or NULL
 * @vram: bytes of a simulator's memory, 0: the default
 * @run: commands for stats to run first
 * @entries: of the queue that bench measures
 * @batch: commands at a time
 * @threads: producers, and as many consumers
 * @bytes: of a memory command
 * @repeat: repetitions
 * @timeout: of a launch, milliseconds; 0: none
 * @flags: VGPU_DEVICE_*, how to open the device
 * @groups: of a launch, as it was given, as all below
 * @entry: name of the entry point
 * @push: push constants
 * @trace: where to write the trace
 * @gpu: PCI address
 * @uuid: of an instance
 * @buffers: of a launch, in the order given
 * @specs: specialization constants
 * @attrs: settings of an instance
 * @args: the words that are no options, the command first
 * @n_args: how many
 */
struct ctl_options {
	uint32_t given;
	bool json;
	bool help;
	bool version;
	uint32_t backend;
	const char *device;
	uint64_t vram;
	uint64_t run;
	uint64_t entries;
	uint64_t batch;
	uint64_t threads;
	uint64_t bytes;
	uint64_t repeat;
	uint64_t timeout;
	uint32_t flags;
	const char *groups;
	const char *entry;
	const char *push;
	const char *trace;
	const char *gpu;
	const char *uuid;
	const char *buffers[CTL_MAX_BUFFERS];
	const char *specs[CTL_MAX_SPECS];
	const char *attrs[CTL_MAX_ATTRS];
	uint32_t n_buffers;
	uint32_t n_specs;
	uint32_t n_attrs;
	char **args;
	int n_args;
};

/* One line on stderr, whatever is in the arguments.  Returns @status. */
int __attribute__((format(printf, 2, 3)))
ctl_fail(enum ctl_exit status, const char *format, ...);

/* Fills in @o; CTL_OK, or CTL_USAGE after a line on stderr. */
int ctl_parse(int argc, char **argv, struct ctl_options *o);
/* "4096", "64M": 0, -EINVAL or -ERANGE. */
int ctl_parse_size(const char *text, uint64_t *value);
/* CTL_USAGE, after a line on stderr, if an option is none of @takes. */
int ctl_check_given(const struct ctl_options *o, const char *command,
		    uint32_t takes);

/**
 * ctl_open() - open the device that the options name
 * @o: options
 * @dev: gets it
 * @backend: gets its backend, enum vgpu_backend
 * @reason: gets why it is this backend; 256 bytes
 *
 * Return: CTL_OK or, after a line on stderr, something else.
 */
int ctl_open(const struct ctl_options *o, struct vgpu_device **dev,
	     uint32_t *backend, char *reason);
/* The same, initialized and started. */
int ctl_open_running(const struct ctl_options *o, struct vgpu_device **dev,
		     uint32_t *backend, char *reason);
/* A line on stderr with the device's own message.  Returns CTL_FAILED. */
int ctl_device_failed(struct vgpu_device *dev, const char *what, int error);

#define CTL_OUT_DEPTH	8

/*
 * Output, kept back until ctl_out_finish(): a command that fails prints
 * nothing on stdout.  As text, a value is a line with its label; as JSON, a
 * member with its key.
 */
struct ctl_out {
	FILE *file;
	char *text;
	size_t bytes;
	bool json;
	unsigned int depth;
	bool filled[CTL_OUT_DEPTH];
	char closer[CTL_OUT_DEPTH];
};

int ctl_out_open(struct ctl_out *out, bool json, const char *command);
/* Write it to @to and flush that; false if it failed. */
bool ctl_out_write(struct ctl_out *out, FILE *to);
/* Print it; CTL_OK, or CTL_FAILED if that failed. */
int ctl_out_finish(struct ctl_out *out);
void ctl_out_discard(struct ctl_out *out);

/* Members of an object; a section without a @label has no heading. */
void ctl_out_section(struct ctl_out *out, const char *key, const char *label);
/* A list; its elements are strings, or objects (sections with no key). */
void ctl_out_list(struct ctl_out *out, const char *key);
void ctl_out_end(struct ctl_out *out);

/* Empty: not known. */
void ctl_out_string(struct ctl_out *out, const char *key, const char *label,
		    const char *value);
void ctl_out_number(struct ctl_out *out, const char *key, const char *label,
		    uint64_t value, const char *unit);
void ctl_out_bytes(struct ctl_out *out, const char *key, const char *label,
		   uint64_t value);
/* Thousandths; VGPU_INFO_UNKNOWN: not known. */
void ctl_out_milli(struct ctl_out *out, const char *key, const char *label,
		   int64_t value, const char *unit);
/* For JSON only.  Microseconds with three decimals. */
void ctl_out_us(struct ctl_out *out, const char *key, uint64_t ns);
void ctl_out_real(struct ctl_out *out, const char *key, double value);
void ctl_out_bool(struct ctl_out *out, const char *key, bool value);
/* For text only. */
void __attribute__((format(printf, 2, 3)))
ctl_out_text(struct ctl_out *out, const char *format, ...);

/* "256 MiB"; @buf has 32 bytes and is returned. */
const char *ctl_size_text(uint64_t bytes, char *buf);

/* Which device a report is about. */
void ctl_out_device(struct ctl_out *out, struct vgpu_device *dev,
		    uint32_t backend);

int ctl_list(const struct ctl_options *o);
int ctl_info(const struct ctl_options *o);
int ctl_stats(const struct ctl_options *o);
int ctl_bench(const struct ctl_options *o);
int ctl_run(const struct ctl_options *o);
int ctl_instance(const struct ctl_options *o);
int ctl_passthrough(const struct ctl_options *o);

#endif /* VGPUCTL_H */
