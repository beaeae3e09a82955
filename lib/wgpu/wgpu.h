/* SPDX-License-Identifier: MIT */
/*
 * The WebGPU executor's insides.
 *
 * DOC: Order and threads
 *
 * Commands wait in a ring of jobs and are handed to the provider's queue in
 * order, which keeps it.  One that has to wait (see job.c) holds up those
 * behind it.  Neither provider is called by two threads at once: @lock is held
 * around every call, and no call waits for the GPU.  Who waits polls: a short
 * while without a pause, then with pauses that grow with the time that the
 * oldest command has taken, so that it costs little and the end of a command is
 * noticed late by a few percent of its time at most.
 *
 * DOC: Errors
 *
 * An error scope lies around everything that is made or encoded, and what
 * reported an error is not submitted.  What no scope catches fails the command
 * that is being handed over, or else the executor as a whole, since nobody can
 * say which command it harmed.
 */
#ifndef LIBVGPU_INTERNAL_WGPU_H
#define LIBVGPU_INTERNAL_WGPU_H

#include <pthread.h>
#include <time.h>

#include "executor/executor.h"
#include "wgpu/api.h"

/* Bytes that a FLUSH moves at a time. */
#define VGPU_WGPU_STEP_BYTES	(16u << 20)
/* Bytes of the buffer that copies within a bank, and patterns, go through. */
#define VGPU_WGPU_BOUNCE_BYTES	(4u << 20)
/* Bytes that a kernel sees of its push constants. */
#define VGPU_WGPU_CONST_BYTES	128u
/* Ranges of a launch, and the push constants. */
#define VGPU_WGPU_BINDINGS	17u
#define VGPU_WGPU_BUCKETS	64u
/* Staging buffers that are kept, by size: 4 KiB to 16 MiB. */
#define VGPU_WGPU_STAGING	13u

/**
 * struct vgpu_wgpu_kernel - a compiled kernel
 * @next: in its bucket
 * @id: its number
 * @refs: the table's, and each job's that is not issued
 * @bindings: those of @layout, a bit each
 * @pipeline: with an automatic layout
 * @layout: its bind group 0; NULL: no bindings
 * @group: the bind group of the last launch, NULL: none
 * @ranges: what @group binds
 */
struct vgpu_wgpu_kernel {
	struct vgpu_wgpu_kernel *next;
	uint32_t id;
	uint32_t refs;
	uint32_t bindings;
	WGPUComputePipeline pipeline;
	WGPUBindGroupLayout layout;
	WGPUBindGroup group;
	struct vgpu_range ranges[16];
};

enum vgpu_wgpu_state {
	VGPU_WGPU_QUEUED,
	VGPU_WGPU_ISSUED,	/* the provider has it, or a step of it */
	VGPU_WGPU_DONE,
};

/**
 * struct vgpu_wgpu_job - a command
 * @e: executor
 * @state: see there
 * @fired: the provider has called back
 * @failed: and said that it failed
 * @status: if DONE
 * @cmd: the command
 * @slot: of a launch
 * @kernel: of a launch, referenced until it is issued; NULL: unknown
 * @at: bytes of a FLUSH that are done
 * @step: bytes that are issued
 * @staging: where a FLUSH to the mapping arrives
 * @staging_class: which size it has
 * @start_ns: when it was issued
 * @run_ns: how long it took
 */
struct vgpu_wgpu_job {
	struct vgpu_wgpu *e;
	enum vgpu_wgpu_state state;
	bool fired;
	bool failed;
	int status;
	struct vgpu_engine_cmd cmd;
	struct vgpu_engine_slot slot;
	struct vgpu_wgpu_kernel *kernel;
	uint64_t at;
	uint64_t step;
	WGPUBuffer staging;
	uint32_t staging_class;
	uint64_t start_ns;
	uint64_t run_ns;
};

/**
 * struct vgpu_wgpu - an open executor
 * @api: provider
 * @info: what it is
 * @vram: mapping, of @vram_bytes, in banks of 1 << @bank_shift
 * @lock: protects the provider and everything below
 * @cond: work came, or vgpu_wgpu_wake() was called
 * @woken: it was
 * @lost: the device is gone
 * @stray: an error that no scope caught
 * @fired: callbacks since jobs were looked at
 * @banks: @n_banks, made when first used
 * @consts: push constants of the launch that is next in the queue
 * @bounce: see VGPU_WGPU_BOUNCE_BYTES; made when first used
 * @staging: kept for the next FLUSH, by size
 * @kernels: by number
 * @jobs: @head is the oldest, @next the first that is not wholly issued
 * @last_ns: when the last job was done
 */
struct vgpu_wgpu {
	struct vgpu_wgpu_api api;
	struct vgpu_engine_info info;
	void *vram;
	uint64_t vram_bytes;
	uint32_t bank_shift;

	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken;
	bool lost;
	bool stray;
	uint32_t fired;
	WGPUInstance instance;
	WGPUAdapter adapter;
	WGPUDevice device;
	WGPUQueue queue;
	WGPUBuffer *banks;
	uint32_t n_banks;
	WGPUBuffer consts;
	WGPUBuffer bounce;
	WGPUBuffer staging[VGPU_WGPU_STAGING];
	struct vgpu_wgpu_kernel *kernels[VGPU_WGPU_BUCKETS];
	uint32_t head;
	uint32_t next;
	uint32_t tail;
	uint64_t last_ns;
	struct vgpu_wgpu_job jobs[VGPU_EXECUTOR_DEPTH];
};

static inline uint64_t vgpu_wgpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* device.c: from an instance to a device, and errors. */
int vgpu_wgpu_device_open(struct vgpu_wgpu *e,
			  const struct vgpu_executor_options *options,
			  struct vgpu_message *msg);
void vgpu_wgpu_device_close(struct vgpu_wgpu *e);
/* Let the provider call back what is due. */
void vgpu_wgpu_poll(struct vgpu_wgpu *e);

/* error.c: error scopes. */
/* One line of a provider's message, in plain characters. */
void vgpu_wgpu_line(WGPUStringView from, char *line, size_t bytes);
void vgpu_wgpu_push(struct vgpu_wgpu *e);
/* @line: gets what was wrong.  0, -EINVAL, -ENOMEM or -EIO. */
int vgpu_wgpu_pop(struct vgpu_wgpu *e, char *line, size_t bytes);

/* memory.c: buffers. */
/* NULL: no memory. */
WGPUBuffer vgpu_wgpu_buffer(struct vgpu_wgpu *e, uint64_t bytes,
			    WGPUBufferUsage usage);
/* The bank of @offset, made if need be; @in_bank: where in it; NULL: no memory */
WGPUBuffer vgpu_wgpu_bank(struct vgpu_wgpu *e, uint64_t offset,
			  uint64_t *in_bank);
/* Bytes from @offset to the end of its bank, @bytes at most. */
uint64_t vgpu_wgpu_in_bank(const struct vgpu_wgpu *e, uint64_t offset,
			   uint64_t bytes);
void vgpu_wgpu_memory_close(struct vgpu_wgpu *e);
/* Issue a command: 0, or why it failed. */
int vgpu_wgpu_copy(struct vgpu_wgpu *e, const struct vgpu_wgpu_job *job);
int vgpu_wgpu_clear(struct vgpu_wgpu *e, const struct vgpu_wgpu_job *job);
/* One step of a FLUSH, of @job->step bytes. */
int vgpu_wgpu_flush(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job);
/* What it left to do when the provider has done its part. */
int vgpu_wgpu_flush_end(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job);

/* kernel.c: kernels. */
int vgpu_wgpu_build(void *ptr, uint32_t id, const void *desc, size_t bytes,
		    struct vgpu_engine_built *built);
void vgpu_wgpu_drop(void *ptr, uint32_t id);
/* NULL: there is none. */
struct vgpu_wgpu_kernel *vgpu_wgpu_kernel_get(struct vgpu_wgpu *e, uint32_t id);
void vgpu_wgpu_kernel_put(struct vgpu_wgpu *e, struct vgpu_wgpu_kernel *k);
void vgpu_wgpu_kernels_close(struct vgpu_wgpu *e);

/* launch.c */
int vgpu_wgpu_launch(struct vgpu_wgpu *e, const struct vgpu_wgpu_job *job);

/* wgsl.c: see there.  NULL: no memory. */
char *vgpu_wgpu_wgsl(const char *code, size_t bytes);
/* The number that the bits of a value are, by the type of its override. */
double vgpu_wgpu_override(const char *code, size_t bytes,
			  const struct vgpu_kernel_spec *spec);

/* job.c: the ring of jobs. */
void vgpu_wgpu_map_done(WGPUMapAsyncStatus status, WGPUStringView message,
			void *a, void *b);
/* Ask for the end of what is submitted. */
void vgpu_wgpu_when_done(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job);
/* Go on as far as can be. */
void vgpu_wgpu_advance(struct vgpu_wgpu *e);

#endif /* LIBVGPU_INTERNAL_WGPU_H */
