/* SPDX-License-Identifier: MIT */
/*
 * Devices: open one, give it memory, rings, commands and kernels, and wait for
 * what it did.
 *
 * DOC: Life of a device
 *
 * vgpu_device_open() makes a handle; vgpu_device_initialize() brings the device
 * up, with an address space and a ring of its own; vgpu_device_start() lets it
 * take commands.  vgpu_device_stop() lets it finish what was submitted and
 * takes nothing more, until the next start.  vgpu_device_reset() throws away
 * everything: outstanding commands end with ENODEV or ECANCELED, memory,
 * registrations, kernels, counters and rings are gone, and the device is as
 * after vgpu_device_initialize().  vgpu_device_close() ends it.
 *
 * DOC: Who does the work
 *
 * A simulator runs in the threads that call vgpu_device_process(),
 * vgpu_device_wait(), vgpu_device_wait_idle() and
 * vgpu_device_counter_wait(), in a submission that finds its ring full, and in
 * calls that wait for the device to let go of something.  With
 * VGPU_DEVICE_BACKGROUND a thread of the library runs it as soon as there is
 * something to do.  A device of mdev is run by the kernel, and so is one of
 * passthrough, by that of its host.
 *
 * DOC: Addresses
 *
 * Device addresses are 64-bit numbers in an address space of the device's own:
 * vgpu_device_alloc() and vgpu_device_register() give them, and they stay the
 * same when memory moves.  CPU memory in a transfer is given by pointer.  If
 * it was registered, the device reads or writes it directly and it belongs to
 * the device until the command has ended; what cannot be written can only be a
 * source (EACCES else).  If not, the library sees to it: the
 * source of a transfer to the device is free when the submission returns, and
 * the target of a transfer from the device is filled when a wait for it has
 * returned (and belongs to the library until then).  A source of more than 64
 * KiB that is not registered is transferred within the submission if nothing
 * that was submitted to the ring before is outstanding; else it is copied.
 *
 * DOC: Threads
 *
 * Everything here may be called from several threads at once, except that
 * nobody may use a handle while it is closed or destroyed, or after that.
 * Submissions to one ring do not wait for each other.
 *
 * After fork() only the process that opened a device may use its handle or
 * close it: a simulator's memory is shared with the child, and what the child
 * did, closing included, would be done to the parent's data.
 */
#ifndef LIBVGPU_DEVICE_H
#define LIBVGPU_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vgpu_device;
struct vgpu_device_ring;

enum vgpu_device_type {
	VGPU_DEVICE_TYPE_OTHER,
	VGPU_DEVICE_TYPE_NVIDIA,
	VGPU_DEVICE_TYPE_AMD,
	VGPU_DEVICE_TYPE_INTEL,
	VGPU_DEVICE_TYPE_SOFTWARE,
};

/* The name of a type, a constant string such as "nvidia"; "unknown". */
const char *vgpu_device_type_name(uint32_t type);

/* A number of struct vgpu_device_info that nobody knows. */
#define VGPU_INFO_UNKNOWN	INT64_MIN

#define VGPU_INFO_APIS		8
#define VGPU_INFO_API_BYTES	16

/*
 * What a device can do: &vgpu_device_info.features.  The numbers are those of
 * the hardware interface.
 */
#define VGPU_CAN_TIMES		(1ull << 0)	/* completions carry times */
#define VGPU_CAN_SPIRV		(1ull << 1)	/* kernels in SPIR-V */
#define VGPU_CAN_WGSL		(1ull << 2)	/* kernels in WGSL */
#define VGPU_CAN_NATIVE		(1ull << 3)	/* functions of this process */
#define VGPU_CAN_ALIAS		(1ull << 4)	/* ranges of a launch overlap */
#define VGPU_CAN_COMPACT	(1ull << 5)	/* vgpu_device_compact() */
#define VGPU_CAN_DEVICE_VRAM	(1ull << 6)	/* memory in an engine */
#define VGPU_CAN_IDEMPOTENT	(1ull << 7)	/* VGPU_COMMAND_IDEMPOTENT */
#define VGPU_CAN_INT16		(1ull << 16)	/* types in kernels */
#define VGPU_CAN_INT64		(1ull << 17)
#define VGPU_CAN_FLOAT16	(1ull << 18)
#define VGPU_CAN_FLOAT64	(1ull << 19)

/**
 * struct vgpu_device_info - what a device is
 * @id: short and stable, such as "gpu0" or a PCI address
 * @name: for people
 * @driver: what drives it; empty if not known
 * @compute_capability: of its vendor's counting, such as "8.0"; empty if not
 *	known
 * @type: enum vgpu_device_type
 * @n_apis: how many @apis
 * @apis: names of APIs that it supports, such as "CUDA"
 * @total_memory: bytes, 0 if not known
 * @available_memory: bytes that may still be allocated
 * @power_limit_mw: milliwatt, or VGPU_INFO_UNKNOWN
 * @temperature_mc: 1/1000 degree Celsius, or VGPU_INFO_UNKNOWN
 * @features: VGPU_CAN_*
 * @vendor_id: of PCI; 0 if not known
 * @device_id: of PCI; 0 if not known
 * @pci_address: such as "0000:01:00.0"; empty if not known
 * @notice: what a user should know, one line; empty: nothing
 *
 * Strings are zero-terminated within their array.
 */
struct vgpu_device_info {
	char id[64];
	char name[128];
	char driver[64];
	char compute_capability[16];
	uint32_t type;
	uint32_t n_apis;
	char apis[VGPU_INFO_APIS][VGPU_INFO_API_BYTES];
	uint64_t total_memory;
	uint64_t available_memory;
	int64_t power_limit_mw;
	int64_t temperature_mc;
	uint64_t features;
	uint32_t vendor_id;
	uint32_t device_id;
	char pci_address[16];
	char notice[192];
};

/* An info in which nothing is known. */
void vgpu_device_info_init(struct vgpu_device_info *info);

/* Is a number of an info known? */
static inline bool vgpu_info_known(int64_t value)
{
	return value != VGPU_INFO_UNKNOWN;
}

/**
 * vgpu_device_info_text() - an info for people, a line each
 * @info: info
 * @buf: where to; always terminated if @bytes is not 0
 * @bytes: room
 *
 * Return: the length of the whole text, as snprintf().
 */
int vgpu_device_info_text(const struct vgpu_device_info *info, char *buf,
			  size_t bytes);

enum vgpu_backend {
	VGPU_BACKEND_DEFAULT,	/* the simulator */
	VGPU_BACKEND_PASSTHROUGH,
	VGPU_BACKEND_MDEV,
	VGPU_BACKEND_WGPU,
	VGPU_BACKEND_VULKAN,
	VGPU_BACKEND_SIMULATOR,
	/* vulkan if this host has a GPU for it, else the simulator */
	VGPU_BACKEND_AUTO,
};

#define VGPU_BACKENDS		5

/* The name of a backend, a constant string such as "mdev"; "unknown". */
const char *vgpu_backend_name(uint32_t backend);
/* The backend of that name; -EINVAL, @backend unchanged. */
int vgpu_backend_from_name(const char *name, uint32_t *backend);

/*
 * The library runs the device in a thread of its own; mdev's and passthrough's
 * are run by a kernel, with this flag or without.
 */
#define VGPU_DEVICE_BACKGROUND	(1u << 0)
/* Kernels run in a process of their own, which may die; wgpu's and mdev's do. */
#define VGPU_DEVICE_WORKER	(1u << 1)
/*
 * Kernels have memory of their own, to which data is copied when it is needed,
 * also where the driver could share that of this process.
 */
#define VGPU_DEVICE_DISCRETE	(1u << 2)
/*
 * Kernels work on the memory of this process wherever the driver can, on a GPU
 * with memory of its own too, where that is slow.  Without either flag: on the
 * CPU and on GPUs that share its memory.  For mdev and passthrough neither can
 * be chosen.
 */
#define VGPU_DEVICE_SHARED	(1u << 3)

/**
 * struct vgpu_device_options - how to open a device; zero is the default
 * @size: sizeof(struct vgpu_device_options)
 * @backend: enum vgpu_backend
 * @flags: VGPU_DEVICE_*
 * @backend_name: if not NULL, the backend by name instead
 * @device: which device of the backend, an id or a path; NULL: the first.  Of
 *	mdev "gpu0", a PCI address as "7670:00:00.0", or the path of a node; of
 *	passthrough the PCI address of a function that is bound to vfio-pci, or
 *	the UUID of an instance of vgpu.ko, alone or as the end of a path; NULL:
 *	the first such function, or the first instance that is not in use
 * @info: for a simulator: what it says that it is; copied, may be NULL.
 *	Its @total_memory is the size of its memory, its @available_memory (if
 *	not 0) what may be allocated of it, and its @features only take effect
 *	where the simulator has them; 0 there means all that it has
 * @vram_bytes: for a simulator: bytes of its memory, a multiple of 4096, up to
 *	1 TiB, taken from the system as it is used; 0: as @info, or 256 MiB.
 *	For mdev likewise what this client may address, at most what the GPU
 *	has; 0: that.  For passthrough what may be allocated, at most what the
 *	function has; 0: that
 * @entries: entries of the device's own ring, a power of two, 8 to 65536; 0:
 *	1024
 * @launch_timeout_ms: longest run of a launch; past it the launch ends with
 *	ETIMEDOUT, and the engine is lost until a reset; 0: no limit
 * @message: where a failure to open is explained, or NULL
 * @message_bytes: room there
 */
struct vgpu_device_options {
	size_t size;
	uint32_t backend;
	uint32_t flags;
	const char *backend_name;
	const char *device;
	const struct vgpu_device_info *info;
	uint64_t vram_bytes;
	uint32_t entries;
	uint32_t launch_timeout_ms;
	char *message;
	size_t message_bytes;
};

/**
 * vgpu_device_open() - open a device
 * @options: see there; NULL: a simulator
 * @dev: gets the handle, to be given to vgpu_device_close()
 *
 * Return: 0; -EINVAL; -ENOENT, no such device; -ENODEV, the backend has no
 * device or no driver here; -EBUSY, passthrough: somebody has the function; -EACCES, this process may not open the device's
 * node; -EIO, the driver or worker failed; -ENOMEM, memory
 * or threads are short; -EMFILE, -ENFILE; -EOPNOTSUPP, the device cannot be used
 * like that.
 * Nothing is left behind.
 */
int vgpu_device_open(const struct vgpu_device_options *options,
		     struct vgpu_device **dev);

/**
 * vgpu_device_close() - end a device
 * @dev: device or NULL
 *
 * Outstanding commands are thrown away; everything that was made on the device
 * goes, rings too.  Nobody may use the handle any more.
 */
void vgpu_device_close(struct vgpu_device *dev);

/**
 * vgpu_device_initialize() - bring a device up
 *
 * Return: 0; -EBUSY if it was done already; -ENOMEM or -ENOSPC, and then the
 * device has to be closed: all else is -ENODEV.
 */
int vgpu_device_initialize(struct vgpu_device *dev);

/**
 * vgpu_device_start() - let a device take commands
 *
 * All rings that have not been paused by vgpu_device_ring_pause() run.
 * Return: 0, also if it runs already; -ENODEV if it was not initialized.
 */
int vgpu_device_start(struct vgpu_device *dev);

/**
 * vgpu_device_stop() - let a device finish, and take no more commands
 * @dev: device
 * @deadline_ns: until when to wait for what was submitted, CLOCK_MONOTONIC
 *
 * Return: 0; -ETIMEDOUT: no command is taken any more, but some submitted ones
 * have not ended; -ENODEV if it was not initialized.
 */
int vgpu_device_stop(struct vgpu_device *dev, uint64_t deadline_ns);

/**
 * vgpu_device_reset() - throw away everything, see "Life of a device"
 *
 * Waits for a native kernel that is running.  Rings that the caller made stay
 * as handles that can only be destroyed.
 * Return: 0; -ENODEV if it was not initialized; -ENOMEM, and then the device
 * has to be closed.
 */
int vgpu_device_reset(struct vgpu_device *dev);

/* What the device is, with its figures as of now.  Return: 0. */
int vgpu_device_get_info(struct vgpu_device *dev, struct vgpu_device_info *info);

/**
 * struct vgpu_device_limits - what launches may ask for
 * @max_groups: workgroups in x, y, z
 * @max_group: invocations of a workgroup in x, y, z
 * @max_invocations: of a workgroup
 * @max_shared_bytes: workgroup memory
 * @max_ranges: bindings of a kernel, 16 at most
 * @max_const_bytes: push constants
 * @shared: 1: kernels work on the memory of this process; 0: on a copy
 * @reserved: 0
 * @max_range_bytes: of one range
 */
struct vgpu_device_limits {
	uint32_t max_groups[3];
	uint32_t max_group[3];
	uint32_t max_invocations;
	uint32_t max_shared_bytes;
	uint32_t max_ranges;
	uint32_t max_const_bytes;
	uint32_t shared;
	uint32_t reserved;
	uint64_t max_range_bytes;
};

/*
 * What launches may ask for.  A simulator looks for the driver of its kernels
 * when it is asked this, or for its first kernel.  0, or -EOPNOTSUPP if there
 * is none: vgpu_device_error() says what to install; -EIO, the engine is lost.
 */
int vgpu_device_get_limits(struct vgpu_device *dev,
			   struct vgpu_device_limits *limits);

/**
 * vgpu_device_error() - one line about the last call on a device that failed
 * @dev: device
 * @buf: where to; always terminated if @bytes is not 0
 * @bytes: room
 *
 * "The last" is that of all threads.  Empty if none failed.  Being full
 * (EAGAIN), being late (ETIMEDOUT), and a command that ended with an errno
 * leave no message: what is there then is older.
 * Return: the length of the whole line, as snprintf().
 */
int vgpu_device_error(struct vgpu_device *dev, char *buf, size_t bytes);

/*
 * DOC: Tickets
 *
 * A submission gives each command a ticket, a number that is never 0, unique
 * among the rings of its device; that of a ring that was destroyed may come
 * back when 1000 more have been made.  The tickets of a batch are consecutive: that of the first is
 * given.  All about a command is kept until four times the ring's entries, and
 * at least 1024, have been submitted after it.  After that its status is known
 * and the rest of &struct vgpu_completion_info is 0; and if more than 256
 * commands of the ring have failed since, waiting may give ESTALE.  Nobody has
 * to wait for a ticket.
 */

/**
 * struct vgpu_completion_info - how a command ended
 * @ended: 1 if it has ended, else nothing below is known
 * @status: 0 or a negative errno
 * @user_data: of the command
 * @submit_ns: CLOCK_MONOTONIC when it was submitted
 * @start_ns: when it started
 * @end_ns: when it ended
 *
 * Times are 0 on a ring without them, and in units of 64 ns: @start_ns is
 * rounded down.
 */
struct vgpu_completion_info {
	uint32_t ended;
	int32_t status;
	uint64_t user_data;
	uint64_t submit_ns;
	uint64_t start_ns;
	uint64_t end_ns;
};

/**
 * vgpu_device_submit() - submit a command
 * @dev: device that runs
 * @ring: one of its rings, or NULL: the device's own
 * @cmd: command, copied
 * @ticket: gets the ticket, or NULL
 *
 * What a command says is checked here as far as the library knows; the rest by
 * the device when it is run, and comes as the command's status.
 * Return: 0; -EAGAIN, the ring or the memory for staging is full;
 * -ECANCELED, the device or the ring does not run; -EINVAL; -ENOENT, no such
 * kernel; -EOPNOTSUPP, a launch beyond what vgpu_device_get_limits() says;
 * -ENODEV.
 */
int vgpu_device_submit(struct vgpu_device *dev, struct vgpu_device_ring *ring,
		       const struct vgpu_command *cmd, uint64_t *ticket);

/* vgpu_device_submit_batch(): all or nothing. */
#define VGPU_SUBMIT_ALL		(1u << 0)

/**
 * vgpu_device_submit_batch() - submit several commands, in order
 * @dev: device that runs
 * @ring: one of its rings, or NULL: the device's own
 * @cmds: commands, copied
 * @count: how many, 1 or more; with VGPU_SUBMIT_ALL at most the ring's entries
 * @flags: VGPU_SUBMIT_ALL, or 0: as many as fit
 * @ticket: gets the first ticket, or NULL
 *
 * Return: how many were submitted, the first ones; or, if none was, an error
 * as of vgpu_device_submit().  A command that is refused ends the batch before
 * it.  With VGPU_SUBMIT_ALL either @count or an error; EAGAIN will not go away
 * if @count is more than the memory for staging ever holds: 4416 launches with
 * arguments and transfers of up to 64 KiB of memory that is not registered; 320
 * of more than 512 bytes, 64 of more than 8 KiB.
 */
int64_t vgpu_device_submit_batch(struct vgpu_device *dev,
				 struct vgpu_device_ring *ring,
				 const struct vgpu_command *cmds, size_t count,
				 uint32_t flags, uint64_t *ticket);

/**
 * vgpu_device_process() - run what can be run, in this thread
 * @dev: device
 * @max: stop after about that many commands; 0: no limit
 *
 * Does not wait for what cannot run yet.
 * Return: how many commands were seen to have ended (in whatever thread they
 * ran: each is counted by one call only); -ENODEV.
 */
int64_t vgpu_device_process(struct vgpu_device *dev, uint32_t max);

/**
 * vgpu_device_wait() - wait for a command to end
 * @dev: device
 * @ticket: of that command
 * @deadline_ns: CLOCK_MONOTONIC
 * @info: gets how it ended, or NULL
 *
 * Return: the status of the command if it has ended (&info->ended is 1): 0 or
 * a negative errno.  Else -ETIMEDOUT; -ESTALE, it ended before 256 others
 * failed, and nobody knows how; -EINVAL, not a ticket; -ENODEV, the GPU is gone;
 * &info->ended is 0 for those.
 */
int vgpu_device_wait(struct vgpu_device *dev, uint64_t ticket,
		     uint64_t deadline_ns, struct vgpu_completion_info *info);

/**
 * vgpu_device_wait_idle() - wait for everything that was submitted
 * @dev: device
 * @deadline_ns: CLOCK_MONOTONIC
 *
 * Return: 0; -ETIMEDOUT; -ENODEV.
 */
int vgpu_device_wait_idle(struct vgpu_device *dev, uint64_t deadline_ns);

/*
 * DOC: Rings
 *
 * Commands of one ring start in order and, unless they are RELAXED, end in
 * order.  Rings go on beside each other; where several have something to do,
 * higher priorities come first.
 */
enum vgpu_device_priority {
	VGPU_DEVICE_PRIORITY_DEFAULT,	/* NORMAL */
	VGPU_DEVICE_PRIORITY_LOW,
	VGPU_DEVICE_PRIORITY_NORMAL,
	VGPU_DEVICE_PRIORITY_HIGH,
	VGPU_DEVICE_PRIORITY_URGENT,
};

/* Leave out the times of commands. */
#define VGPU_DEVICE_RING_NO_TIMES	(1u << 0)

/**
 * struct vgpu_device_ring_options - a ring; zero is the default
 * @size: sizeof(struct vgpu_device_ring_options)
 * @entries: a power of two, 8 to 65536; 0: 1024
 * @priority: enum vgpu_device_priority
 * @flags: VGPU_DEVICE_RING_*
 * @vector: of its interrupt, 0 to 31
 */
struct vgpu_device_ring_options {
	size_t size;
	uint32_t entries;
	uint32_t priority;
	uint32_t flags;
	uint32_t vector;
};

enum vgpu_device_ring_state {
	VGPU_DEVICE_RING_IDLE,
	VGPU_DEVICE_RING_RUNNING,
	VGPU_DEVICE_RING_PAUSED,
	VGPU_DEVICE_RING_ERROR,
	VGPU_DEVICE_RING_LOST,	/* the device was reset: destroy it */
};

/* The name of a state, a constant string such as "running"; "unknown". */
const char *vgpu_device_ring_state_name(uint32_t state);

/**
 * struct vgpu_device_ring_stats - what a ring has done
 * @submitted: commands
 * @completed: of those, ended with 0, as far as seen by process and wait
 * @failed: ended with an errno
 * @overflows: submissions that found it full
 * @entries: how many commands it holds
 * @state: enum vgpu_device_ring_state
 * @error: 0 or the errno that put it into the error state
 */
struct vgpu_device_ring_stats {
	uint64_t submitted;
	uint64_t completed;
	uint64_t failed;
	uint64_t overflows;
	uint32_t entries;
	uint32_t state;
	int32_t error;
	uint32_t reserved;
};

/**
 * vgpu_device_ring_create() - make a ring
 * @dev: initialized device
 * @options: see there; NULL: defaults
 * @ring: gets the handle; it goes with vgpu_device_ring_destroy() or the device
 *
 * It runs if the device does.
 * Return: 0; -EINVAL; -ENOMEM; -ENOSPC, too many; -ENODEV.
 */
int vgpu_device_ring_create(struct vgpu_device *dev,
			    const struct vgpu_device_ring_options *options,
			    struct vgpu_device_ring **ring);

/*
 * End a ring, which may be NULL.  Commands that have not ended are thrown away;
 * their tickets are not known any more.
 */
void vgpu_device_ring_destroy(struct vgpu_device_ring *ring);

/* Let a ring run, if its device does.  0 or -ENODEV. */
int vgpu_device_ring_start(struct vgpu_device_ring *ring);

/*
 * Refuse new commands (ECANCELED); those submitted still run.  0, or -ENODEV,
 * or -ECANCELED if it is idle, -EIO if it is in error.
 */
int vgpu_device_ring_pause(struct vgpu_device_ring *ring);

/*
 * Throw away what has not ended (ECANCELED, or ENODEV if it had started); the
 * ring is idle then.  0; -ENODEV, also if it was in error, that is its memory
 * had been overwritten: it is lost then.
 */
int vgpu_device_ring_reset(struct vgpu_device_ring *ring);

int vgpu_device_ring_get_stats(struct vgpu_device_ring *ring,
			   struct vgpu_device_ring_stats *stats);

/*
 * DOC: Memory
 */

/**
 * vgpu_device_alloc() - allocate memory of the device
 * @dev: initialized device
 * @bytes: rounded up to a multiple of 256; at most 1 GiB
 * @alignment: of its place in the device's memory, a power of two up to 1 GiB;
 *	0: 256
 * @address: gets its device address, a multiple of 4096
 *
 * The memory is zero.
 * Return: 0; -EINVAL; -ENOMEM, no hole is large enough; -ENOSPC, over the
 * limit or too many; -ENODEV.
 */
int vgpu_device_alloc(struct vgpu_device *dev, uint64_t bytes,
		      uint64_t alignment, uint64_t *address);

/**
 * vgpu_device_free() - free memory of the device
 * @dev: device
 * @address: as vgpu_device_alloc() gave it
 *
 * Commands that are running on it finish; those that have not started fail
 * with EFAULT.
 * Return: 0; -ENOENT, no such memory; -EBUSY, the CPU has it mapped.
 */
int vgpu_device_free(struct vgpu_device *dev, uint64_t address);

/**
 * vgpu_device_map() - let the CPU see memory of the device
 * @dev: device
 * @address: anywhere inside memory from vgpu_device_alloc()
 * @bytes: as much as is needed, within that memory
 * @cpu: gets a pointer
 *
 * Coherent with what commands do.  Mappings are counted, and memory that is
 * mapped does not move: unmap it to let compaction have it.
 * Return: 0; -EFAULT, not one allocation; -EINVAL; -ENODEV.
 */
int vgpu_device_map(struct vgpu_device *dev, uint64_t address, uint64_t bytes,
		    void **cpu);

/* Ends one vgpu_device_map() of the memory at @address.  0 or -ENOENT. */
int vgpu_device_unmap(struct vgpu_device *dev, uint64_t address);

/**
 * vgpu_device_register() - let the device see memory of the CPU
 * @dev: initialized device
 * @ptr: memory, valid until vgpu_device_unregister()
 * @bytes: its size, not 0
 * @address: gets its device address, or NULL
 *
 * Transfers that name pointers inside need no copy in between.  Memory may be
 * registered once at a time.  With mdev and passthrough its pages are pinned, and
 * counted in RLIMIT_MEMLOCK; with passthrough they have to be writable.
 * Return: 0; -EINVAL; -EEXIST, overlaps what is registered; -EFAULT, it
 * cannot be pinned; -ENOSPC, also RLIMIT_MEMLOCK; -ENODEV.
 */
int vgpu_device_register(struct vgpu_device *dev, void *ptr, uint64_t bytes,
			 uint64_t *address);

/*
 * Waits for commands that are running on it; those that have not started fail
 * with EFAULT.  0 or -ENOENT, not what was registered.
 */
int vgpu_device_unregister(struct vgpu_device *dev, void *ptr);

/*
 * What may be allocated, bytes, up to the device's memory; 0: all of it.  What
 * is allocated already stays.  0 or -EINVAL.
 */
int vgpu_device_set_limit(struct vgpu_device *dev, uint64_t bytes);

/**
 * vgpu_device_compact() - move memory together
 * @dev: device
 * @max_bytes: move no more than about that; 0: no limit
 * @moved: gets the bytes moved, or NULL
 *
 * Addresses stay valid.  Commands wait where they have to.
 * Return: 0; -EBUSY, somebody is at it; -EOPNOTSUPP; -ENODEV.
 */
int vgpu_device_compact(struct vgpu_device *dev, uint64_t max_bytes,
			uint64_t *moved);

/**
 * struct vgpu_device_block - a piece of device memory that is allocated
 * @offset: where it lies in the device's memory now, bytes
 * @bytes: how much
 * @address: its device address; 0 if the library uses it itself
 * @pinned: 1 if it cannot move now
 */
struct vgpu_device_block {
	uint64_t offset;
	uint64_t bytes;
	uint64_t address;
	uint32_t pinned;
	uint32_t reserved;
};

/*
 * The first piece at or after @offset, for a picture of the memory.  0, or
 * -ENOENT if there is none.
 */
int vgpu_device_next_block(struct vgpu_device *dev, uint64_t offset,
			   struct vgpu_device_block *block);

/*
 * DOC: Registers and interrupts
 *
 * Registers are those of uapi/vgpu_device.h.  @bytes is 4 or 8 and @offset a
 * multiple of that.  Those that drive the device (control, admin queue,
 * features) belong to the library: writing them is EACCES.
 */
int vgpu_device_read_register(struct vgpu_device *dev, uint64_t offset,
			      uint32_t bytes, uint64_t *value);
int vgpu_device_write_register(struct vgpu_device *dev, uint64_t offset,
			       uint32_t bytes, uint64_t value);

/* A bit for each of 32 vectors that has fired since it was cleared. */
int vgpu_device_interrupt_status(struct vgpu_device *dev, uint32_t *status);
int vgpu_device_interrupt_clear(struct vgpu_device *dev, uint32_t vectors);
/* Vectors set in @mask only set their status bit. */
int vgpu_device_interrupt_mask(struct vgpu_device *dev, uint32_t mask);

/*
 * An eventfd that becomes readable with each interrupt; with passthrough also
 * with those for which the library has asked, to wait for a command.  It belongs
 * to the device: do not close it.  Return: the fd or a negative errno.
 */
int vgpu_device_interrupt_fd(struct vgpu_device *dev);

/*
 * DOC: Counters
 *
 * A counter is a 64-bit number that only rises.  Commands wait for it and
 * signal it, on any ring; so does the CPU.
 */
int vgpu_device_counter_create(struct vgpu_device *dev, uint64_t value,
			       uint64_t *counter);
/* 0; -ENOENT; -EBUSY while a ring waits for it. */
int vgpu_device_counter_destroy(struct vgpu_device *dev, uint64_t counter);
int vgpu_device_counter_read(struct vgpu_device *dev, uint64_t counter,
			     uint64_t *value);
/* 0; -ENOENT; -EINVAL if @value is less than what it is. */
int vgpu_device_counter_signal(struct vgpu_device *dev, uint64_t counter,
			       uint64_t value);
/* Waits until it is at least @value.  0; -ETIMEDOUT; -ENOENT; -ENODEV. */
int vgpu_device_counter_wait(struct vgpu_device *dev, uint64_t counter,
			     uint64_t value, uint64_t deadline_ns);

/**
 * struct vgpu_device_stats - what a device has done since it was opened
 * @submitted: commands
 * @completed: of those, ended with 0
 * @failed: ended with an errno
 * @outstanding: not yet ended, or not yet seen to have ended
 * @outstanding_bytes: to be moved or filled by those
 * @bytes_copied: by transfers and copies; passthrough: 0, the device does not
 *	tell
 * @bytes_cleared: by clears, likewise
 * @launches: kernels run
 * @busy_ns: time that commands ran
 * @bytes_to_engine: copied for kernels, to memory of their own; 0 where they
 *	share this process's
 * @bytes_from_engine: copied back
 * @memory_total: bytes of the device
 * @memory_limit: bytes that may be allocated
 * @memory_used: bytes allocated
 * @memory_peak: the most that ever was
 * @memory_largest: the largest block that could be allocated now
 * @rings: how many there are, the device's own included
 * @counters: how many there are
 * @kernels: how many there are
 * @allocations: from vgpu_device_alloc()
 * @registrations: from vgpu_device_register()
 */
struct vgpu_device_stats {
	uint64_t submitted;
	uint64_t completed;
	uint64_t failed;
	uint64_t outstanding;
	uint64_t outstanding_bytes;
	uint64_t bytes_copied;
	uint64_t bytes_cleared;
	uint64_t launches;
	uint64_t busy_ns;
	uint64_t bytes_to_engine;
	uint64_t bytes_from_engine;
	uint64_t memory_total;
	uint64_t memory_limit;
	uint64_t memory_used;
	uint64_t memory_peak;
	uint64_t memory_largest;
	uint32_t rings;
	uint32_t counters;
	uint32_t kernels;
	uint32_t allocations;
	uint32_t registrations;
	uint32_t reserved;
};

int vgpu_device_get_stats(struct vgpu_device *dev, struct vgpu_device_stats *stats);

/* Statistics for people, a line each; as vgpu_device_info_text(). */
int vgpu_device_stats_text(const struct vgpu_device_stats *stats, char *buf,
			   size_t bytes);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_DEVICE_H */
