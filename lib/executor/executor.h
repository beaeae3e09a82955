/* SPDX-License-Identifier: MIT */
/*
 * Executors: what runs kernel launches.  One drives Vulkan, one WebGPU, one
 * talks to a worker process that hosts either of them.
 *
 * DOC: Messages
 *
 * An executor takes the commands of uapi/vgpu_engine.h and answers each once,
 * by its tag.  Commands take effect in the order in which they were submitted:
 * each sees what the earlier ones wrote.  What comes in has been validated (by
 * the device model, or by the worker that takes it from a ring), except that a
 * kernel's code is anybody's.
 *
 * DOC: Memory
 *
 * VRAM is one mapping of a file, in banks of 1 << @bank_shift bytes; the last
 * one may be shorter.  An executor either shares it (&vgpu_executor_info.shared:
 * kernels and the mapping are the same bytes whenever no launch is running), or
 * keeps memory of its own, and bytes move by FLUSH only.  Memory of its own is
 * made when a bank is first used and has no defined content.
 *
 * DOC: Threads
 *
 * @submit, @build and @drop may be called from any thread, beside each other
 * and beside @wait; one thread at a time is in @wait.  @wake may be called from
 * anywhere.  @close is called when no other call is going on.
 */
#ifndef LIBVGPU_INTERNAL_EXECUTOR_H
#define LIBVGPU_INTERNAL_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"
#include "os.h"
#include "vgpu_engine.h"

/* Only a device that runs on the CPU; what the simulator wants. */
#define VGPU_EXECUTOR_CPU	(1u << 0)
/* Never import VRAM: keep memory of its own, as a discrete GPU does. */
#define VGPU_EXECUTOR_DISCRETE	(1u << 1)
/* No device that runs on the CPU. */
#define VGPU_EXECUTOR_GPU	(1u << 2)
/* Import VRAM wherever the driver can, on a discrete GPU too. */
#define VGPU_EXECUTOR_IMPORT	(1u << 3)
#define VGPU_EXECUTOR_FLAGS	0xfu

/**
 * struct vgpu_executor_options - how to open one
 * @kind: "vulkan" or "wgpu", for those who choose by name
 * @device: which of its devices: a number, or a part of its name, case
 *	ignored; NULL: the best
 * @flags: VGPU_EXECUTOR_*
 * @bank_shift: log2 of the bytes of a bank, 16 to 30
 * @vram: all of VRAM, mapped, page-aligned; stays until @close has succeeded
 * @vram_bytes: its size, a multiple of 4096; 0: no memory (to look at info)
 * @vram_fd: the file, for who needs to hand it on; not to be closed
 */
struct vgpu_executor_options {
	const char *kind;
	const char *device;
	uint32_t flags;
	uint32_t bank_shift;
	void *vram;
	uint64_t vram_bytes;
	int vram_fd;
};

/* The info is struct vgpu_engine_info: it crosses from a worker as it is. */

/**
 * struct vgpu_executor_ops - an executor
 * @name: "vulkan", "wgpu", "worker"
 * @open: 0, or a negative errno and one line in @msg: ENODEV, no such device or
 *	no driver (the line names what to install); EINVAL; ENOMEM; EIO, the
 *	driver failed.  Leaves nothing behind on an error
 * @close: waits for what is running until @deadline_ns.  0: everything is gone.
 *	-EBUSY: the driver hangs; it, its threads and what it may still touch
 *	(VRAM and its file) are left behind for ever, @e must not be used again.
 *	A worker is killed instead
 * @info: constant while it is open
 * @build: admit and compile a kernel, and call it @kernel, which is not in
 *	use.  @desc: struct vgpu_kernel_desc, specs and code, private and
 *	@bytes long, but not trusted.  @built: info, or why not.  0; EINVAL, the
 *	code or the descriptor; EOPNOTSUPP, it needs what the device lacks;
 *	ENOMEM; EIO.  May take seconds
 * @drop: forget a kernel; launches that were submitted still run
 * @submit: a command (NOP, LAUNCH, COPY, CLEAR, FLUSH) with a tag that is not
 *	out; @slot: of a LAUNCH, else NULL; both are copied.  0; -EAGAIN, full:
 *	wait for something; -EIO, the executor is lost.  A refusal of the
 *	command itself comes as its completion
 * @wait: take completions, up to @max; their number; 0: @deadline_ns has passed
 *	or @wake was called; -EIO: lost, nothing that is out will complete, and
 *	nothing will run any more (a driver that lost its device, or a worker
 *	that died)
 * @wake: makes the running @wait, or the next one, return
 * @abort: end everything at once, beside any other call but @close: all of them
 *	return -EIO.  NULL: there is no way
 */
struct vgpu_executor_ops {
	const char *name;
	int (*open)(const struct vgpu_executor_options *options,
		    struct vgpu_message *msg, void **e);
	int (*close)(void *e, uint64_t deadline_ns);
	const struct vgpu_engine_info *(*info)(void *e);
	int (*build)(void *e, uint32_t kernel, const void *desc, size_t bytes,
		     struct vgpu_engine_built *built);
	void (*drop)(void *e, uint32_t kernel);
	int (*submit)(void *e, const struct vgpu_engine_cmd *cmd,
		      const struct vgpu_engine_slot *slot);
	int (*wait)(void *e, struct vgpu_engine_completion *done, uint32_t max,
		    uint64_t deadline_ns);
	void (*wake)(void *e);
	void (*abort)(void *e);
};

/* Commands that may be out at once; more is -EAGAIN. */
#define VGPU_EXECUTOR_DEPTH	256u

/*
 * How many devices Vulkan has on this host, how many of those are not the CPU,
 * and one line about them, or about why there is none.
 */
void vgpu_vulkan_count(uint32_t *devices, uint32_t *gpus, char *line,
		       size_t bytes);

extern const struct vgpu_executor_ops vgpu_vulkan_executor;
extern const struct vgpu_executor_ops vgpu_worker_executor;

/*
 * Once @wait of a worker said -EIO: whether it may have started the command
 * with this tag, which was out.  If not, a launch that it had not come to, it
 * may be given to the next worker.
 */
bool vgpu_worker_started(void *e, uint64_t tag);

/* In the worker only (and in tests): lib/wgpu. */
extern const struct vgpu_executor_ops vgpu_wgpu_executor;

#endif /* LIBVGPU_INTERNAL_EXECUTOR_H */
