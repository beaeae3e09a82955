/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The render node of vgpu.ko: what a process does with a GPU.
 *
 * Each file description that is opened is a client.  A client has a vgpu device
 * of its own, as vgpu_device.h specifies it: VRAM, contexts, rings, counters,
 * kernels.  Ids of those are the client's own, and mean nothing to another one.
 * Clients share the GPU: its memory, which is accounted, and its time, which is
 * scheduled.
 *
 * THIS IS VERSION 0, see vgpu_device.h.  From version 1 on these rules hold.
 *
 * DOC: In a virtual machine
 *
 * There the GPU is a function of the host's, one device that all clients share,
 * and says so by DRM_VGPU_FEATURE_SHARED.  Everything works as above but that:
 *
 *  -  ids are unique among clients, and still mean nothing to another one;
 *  -  buffers in VRAM take, and count as, whole pages;
 *  -  a dma-buf of another client's VRAM is VRAM: COPY it, not UPLOAD;
 *  -  vectors are names for eventfds: an event may be another ring's;
 *  -  what the device counts for all clients is 0 in the statistics, and
 *     @completed includes commands that failed;
 *  -  after a reset of the function, which a suspend includes, clients that were
 *     there before get ENODEV from everything, and SIGBUS from mapped VRAM.
 *
 * DOC: Rules for changing this interface
 *
 *  1. Numbers (ioctls, flags, queries) are only appended, and never change
 *     their meaning.
 *  2. Structures grow at their end, in multiples of 8 bytes.  A shorter one
 *     from an older program is filled up with zeroes; of a longer one from a
 *     newer program the rest has to be zero.  Zero means "as before".
 *  3. What is reserved (padding, flags that are not named) is zero, or the
 *     call fails with EINVAL and has done nothing.
 *  4. Users find out what there is by DRM_VGPU_QUERY_FEATURES, not by trying
 *     and not by the version.
 *  5. Fields are of fixed width and naturally aligned; pointers are __u64.
 *     Sizes are in bytes; times are CLOCK_MONOTONIC, absolute, and end in _ns.
 *
 * DOC: Errors
 *
 * The same everywhere.  A call that fails has changed nothing, unless it says
 * otherwise.
 *
 *  EINVAL      malformed: a reserved field or an unknown flag set, a size or
 *              address that is not a multiple of what it must be, out of range
 *  EFAULT      memory of the process that cannot be read or written; for MAP
 *              and RING_CREATE a buffer whose pages are gone; for UNMAP an
 *              address at which no mapping starts
 *  ENOENT      no such buffer, context, ring, counter, kernel, syncobj
 *  EACCES      a write to what is read-only; a right that is lacking
 *  EEXIST      the address range is taken
 *  EBUSY       in use; too late for that
 *  ENOSPC      a limit: memory of the client or of the GPU, a table that is
 *              full, RLIMIT_MEMLOCK
 *  ENOMEM      memory is short: no hole in VRAM is large enough, or the host
 *              has none
 *  ETIME       the deadline has passed
 *  EINTR       a signal came; the call can be made again (and is, with
 *              SA_RESTART)
 *  EOPNOTSUPP  the GPU, or this kernel, has not got that; a launch, or a
 *              kernel, without an engine
 *  ENODEV      the GPU is gone, or the ring is broken; nothing but closing
 *              helps, for a ring a reset
 *  EIO         the engine was lost
 */
#ifndef VGPU_DRM_H
#define VGPU_DRM_H

#ifdef __KERNEL__
#include <drm/drm.h>
#else
#include <drm.h>	/* of libdrm: pkg-config --cflags libdrm */
#endif

#include "vgpu_device.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DRM_VGPU_QUERY			0x00
#define DRM_VGPU_CLIENT_INIT		0x01
#define DRM_VGPU_CLIENT_LIMIT		0x02
#define DRM_VGPU_CLIENT_RESET		0x03
#define DRM_VGPU_REGISTER		0x04
#define DRM_VGPU_EVENT			0x05
#define DRM_VGPU_WAIT			0x06
#define DRM_VGPU_BO_CREATE		0x10
#define DRM_VGPU_BO_REGISTER		0x11
#define DRM_VGPU_BO_INFO		0x12
#define DRM_VGPU_COMPACT		0x13
#define DRM_VGPU_CONTEXT_CREATE		0x18
#define DRM_VGPU_CONTEXT_DESTROY	0x19
#define DRM_VGPU_MAP			0x1a
#define DRM_VGPU_UNMAP			0x1b
#define DRM_VGPU_RING_CREATE		0x20
#define DRM_VGPU_RING_DESTROY		0x21
#define DRM_VGPU_RING_CONTROL		0x22
#define DRM_VGPU_RING_INFO		0x23
#define DRM_VGPU_KICK			0x24
#define DRM_VGPU_COUNTER_CREATE		0x28
#define DRM_VGPU_COUNTER_DESTROY	0x29
#define DRM_VGPU_COUNTER_SIGNAL		0x2a
#define DRM_VGPU_COUNTER_READ		0x2b
#define DRM_VGPU_SUBMIT			0x30
#define DRM_VGPU_KERNEL_CREATE		0x38
#define DRM_VGPU_KERNEL_DESTROY		0x39
#define DRM_VGPU_KERNEL_INFO		0x3a
#define DRM_VGPU_ENGINE_ATTACH		0x3f

/* &drm_vgpu_query.what */
#define DRM_VGPU_QUERY_INFO		0	/* struct drm_vgpu_info */
#define DRM_VGPU_QUERY_MEMORY		1	/* struct drm_vgpu_memory */
#define DRM_VGPU_QUERY_LIMITS		2	/* struct drm_vgpu_limits */
#define DRM_VGPU_QUERY_FEATURES		3	/* struct drm_vgpu_features */
#define DRM_VGPU_QUERY_STATISTICS	4	/* struct drm_vgpu_statistics */
#define DRM_VGPU_QUERY_ENGINE		5	/* struct vgpu_engine_info */

#define DRM_VGPU_QUERY_MAX		65536

/**
 * struct drm_vgpu_query - DRM_IOCTL_VGPU_QUERY: ask for figures
 * @what: DRM_VGPU_QUERY_*
 * @size: bytes at @pointer, up to DRM_VGPU_QUERY_MAX; gets the size of the
 *	structure as this kernel has it
 * @pointer: where to; NULL: only tell the size
 *
 * As many bytes are written as both know; what is left of @size is zeroed.
 * Before CLIENT_INIT, or what implies it, a client's own figures are those that
 * it would get.  Without an engine struct vgpu_engine_info (vgpu_engine.h) is
 * zero.
 *
 * EINVAL, no such @what, or a larger @size; EFAULT.
 */
struct drm_vgpu_query {
	__u32 what;
	__u32 size;
	__u64 pointer;
};

/**
 * struct drm_vgpu_info - what this is
 * @version: VGPU_VERSION of the device
 * @gpu: number of the GPU on this host, from 0
 * @features: VGPU_FEATURE_* of the device
 * @vram_bytes: size of the client's VRAM
 * @bank_shift: log2 of the bytes of a bank, which no buffer crosses
 * @status: VGPU_STATUS_ENGINE
 * @device_clock_ns: the device's clock now, which is CLOCK_MONOTONIC; that of
 *	the host with DRM_VGPU_FEATURE_SHARED
 */
struct drm_vgpu_info {
	__u32 version;
	__u32 gpu;
	__u64 features;
	__u64 vram_bytes;
	__u32 bank_shift;
	__u32 status;
	__u64 device_clock_ns;
};

/**
 * struct drm_vgpu_memory - bytes, of the GPU and of this client
 * @gpu_bytes: VRAM of the GPU
 * @gpu_limit: what may be allocated of it, by all
 * @gpu_used: allocated
 * @gpu_peak: the most that ever was
 * @client_limit: what this client may allocate
 * @client_used: what it has, including what is being zeroed
 * @client_peak: the most that it ever had
 * @client_largest: the largest buffer that it could get now
 * @client_resident: host memory behind its VRAM
 * @registered: the client's own memory that it registered, until no handle, no
 *	mapping and no command has it any more
 */
struct drm_vgpu_memory {
	__u64 gpu_bytes;
	__u64 gpu_limit;
	__u64 gpu_used;
	__u64 gpu_peak;
	__u64 client_limit;
	__u64 client_used;
	__u64 client_peak;
	__u64 client_largest;
	__u64 client_resident;
	__u64 registered;
};

/**
 * struct drm_vgpu_limits - how much of each there can be, for a client
 * @max_contexts: contexts
 * @max_objects: buffers, those included that are mapped and have no handle
 * @max_mappings: mappings
 * @max_rings: rings
 * @max_counters: counters
 * @max_kernels: kernels
 * @max_entries: entries of a ring
 * @max_jobs: commands that were started and have not ended
 * @max_poll_us: of &drm_vgpu_ring_create.poll_us
 * @max_submit: commands of a SUBMIT
 * @max_syncs: of a SUBMIT, each way
 * @launch_timeout_ms: longest run of a launch; 0: no limit
 */
struct drm_vgpu_limits {
	__u32 max_contexts;
	__u32 max_objects;
	__u32 max_mappings;
	__u32 max_rings;
	__u32 max_counters;
	__u32 max_kernels;
	__u32 max_entries;
	__u32 max_jobs;
	__u32 max_poll_us;
	__u32 max_submit;
	__u32 max_syncs;
	__u32 launch_timeout_ms;
};

/* &drm_vgpu_features.drm: what this kernel's interface has */
#define DRM_VGPU_FEATURE_REGISTER	(1ull << 0)	/* BO_REGISTER */
#define DRM_VGPU_FEATURE_POLLING	(1ull << 1)	/* @poll_us */
#define DRM_VGPU_FEATURE_SUBMIT		(1ull << 2)	/* SUBMIT */
#define DRM_VGPU_FEATURE_ENGINE		(1ull << 3)	/* ENGINE_ATTACH */
#define DRM_VGPU_FEATURE_DOORBELL	(1ull << 4)	/* MMAP_DOORBELLS */
#define DRM_VGPU_FEATURE_SHARED		(1ull << 5)	/* one device for all */

/**
 * struct drm_vgpu_features - what there is
 * @device: VGPU_FEATURE_* of the device
 * @drm: DRM_VGPU_FEATURE_*
 */
struct drm_vgpu_features {
	__u64 device;
	__u64 drm;
};

/**
 * struct drm_vgpu_statistics - what this client's device has done
 * @queued: commands taken from rings
 * @completed: ended with 0
 * @failed: ended with an errno
 * @in_flight: taken and not ended
 * @bytes_copied: by UPLOAD, DOWNLOAD and COPY
 * @bytes_cleared: by CLEAR
 * @launches: kernels run
 * @busy_ns: time that commands ran
 * @kicks: calls of KICK
 * @kicks_inline: those that ran everything themselves
 * @wakeups: of the client's thread
 * @polls: commands taken while that thread polled
 * @gpu_busy_ns: time that commands of all clients ran
 * @contexts: how many there are
 * @objects: likewise
 * @mappings: likewise
 * @rings: likewise
 * @counters: likewise
 * @kernels: likewise
 * @workers_lost: worker processes that ended, or were given up
 * @engine_dropped: answers of theirs that belonged to nothing
 */
struct drm_vgpu_statistics {
	__u64 queued;
	__u64 completed;
	__u64 failed;
	__u64 in_flight;
	__u64 bytes_copied;
	__u64 bytes_cleared;
	__u64 launches;
	__u64 busy_ns;
	__u64 kicks;
	__u64 kicks_inline;
	__u64 wakeups;
	__u64 polls;
	__u64 gpu_busy_ns;
	__u32 contexts;
	__u32 objects;
	__u32 mappings;
	__u32 rings;
	__u32 counters;
	__u32 kernels;
	__u64 workers_lost;
	__u64 engine_dropped;
};

/**
 * struct drm_vgpu_client_init - DRM_IOCTL_VGPU_CLIENT_INIT: make the device
 * @vram_bytes: size of the client's VRAM, a multiple of 4096, at most that of
 *	the GPU; 0: that of the GPU
 * @flags: 0
 *
 * A client that does not call this gets a device with the defaults as soon as
 * it needs one.  VRAM is an address range: memory is taken as it is allocated,
 * and then as it is used.
 *
 * EINVAL; EBUSY, there is a device already; ENOMEM.
 */
struct drm_vgpu_client_init {
	__u64 vram_bytes;
	__u64 flags;
};

/**
 * struct drm_vgpu_client_limit - DRM_IOCTL_VGPU_CLIENT_LIMIT: take less
 * @bytes: of VRAM that may be allocated from now on; 0: no limit but VRAM's
 *	size and that of the GPU.  May be below what is allocated
 */
struct drm_vgpu_client_limit {
	__u64 bytes;
};

/**
 * struct drm_vgpu_client_reset - DRM_IOCTL_VGPU_CLIENT_RESET: start anew
 * @flags: 0
 *
 * Commands that have not ended end nowhere; contexts, mappings, rings, counters
 * and kernels are gone when the call returns, and so is what they held.
 * Buffers stay, with their content, and so do events, limits and figures.
 */
struct drm_vgpu_client_reset {
	__u64 flags;
};

#define DRM_VGPU_REGISTER_WRITE		(1u << 0)

/**
 * struct drm_vgpu_register - DRM_IOCTL_VGPU_REGISTER: a register of the device
 * @offset: VGPU_REG_*, a multiple of @bytes, below VGPU_REG_END
 * @bytes: 4 or 8
 * @flags: DRM_VGPU_REGISTER_WRITE
 * @pad: 0
 * @value: written, or read
 *
 * Any register may be read.  ERR_CLEAR, IRQ_ACK, IRQ_MASK and SCRATCH may be
 * written; the others are the driver's.
 *
 * EINVAL; EACCES, the register may not be written.
 */
struct drm_vgpu_register {
	__u32 offset;
	__u32 bytes;
	__u32 flags;
	__u32 pad;
	__u64 value;
};

#define DRM_VGPU_EVENT_ALL		0xffffffffu

/**
 * struct drm_vgpu_event - DRM_IOCTL_VGPU_EVENT: interrupts by eventfd
 * @vector: 0 to VGPU_MSIX_VECTORS - 1, or DRM_VGPU_EVENT_ALL
 * @fd: an eventfd, to which 1 is added for each interrupt; -1: none any more
 *
 * EINVAL; EBADF; ENOMEM.
 */
struct drm_vgpu_event {
	__u32 vector;
	__s32 fd;
};

/**
 * struct drm_vgpu_wait - DRM_IOCTL_VGPU_WAIT: until something has happened
 * @events: of the client page, as it was when the caller saw that it has to
 *	wait; gets what it is now
 * @deadline_ns: until when; in the past: do not wait
 *
 * ETIME; EINTR; ENODEV.
 */
struct drm_vgpu_wait {
	__u64 events;
	__s64 deadline_ns;
};

/*
 * Offset of mmap() for the client page, one page, read-only: struct
 * drm_vgpu_client_page.
 */
#define DRM_VGPU_MMAP_CLIENT		0ull

/*
 * Offset of mmap() for doorbells, with DRM_VGPU_FEATURE_DOORBELL: the page of
 * a context, whose id has c in its lower 16 bits, is one page at
 * DRM_VGPU_MMAP_DOORBELLS + c * VGPU_DOORBELL_PAGE; ENOENT, no such context.
 * Writing the id of one of its rings, 32 bits, to its first word is a KICK
 * without a call.  When the context is gone, what is written there goes nowhere.
 * A child of the process does not have it.
 */
#define DRM_VGPU_MMAP_DOORBELLS		(1ull << 28)

/**
 * struct drm_vgpu_client_page - what a client may look at without a call
 * @events: rises with everything that may have changed what a call or a ring
 *	says (release; read it with acquire)
 */
struct drm_vgpu_client_page {
	__u64 events;
};

/* &drm_vgpu_bo_create.domain and &drm_vgpu_bo_info.domain */
#define DRM_VGPU_DOMAIN_VRAM		1	/* the client's VRAM */
#define DRM_VGPU_DOMAIN_SYSTEM		2	/* host memory */
#define DRM_VGPU_DOMAIN_REGISTERED	3	/* of a process: BO_REGISTER */
#define DRM_VGPU_DOMAIN_IMPORTED	4	/* a dma-buf of somebody else */

/**
 * struct drm_vgpu_bo_create - DRM_IOCTL_VGPU_BO_CREATE: get a buffer
 * @bytes: of VRAM: up to a bank, taken in units of 256; of system memory a
 *	multiple of 4096
 * @align: of VRAM: a power of two from 256 to a bank, 0: 256; else 0
 * @domain: DRM_VGPU_DOMAIN_VRAM or _SYSTEM
 * @flags: 0
 * @handle: gets the handle; DRM_IOCTL_GEM_CLOSE closes it
 * @pad: 0
 *
 * The memory is zero.  It lives as long as a handle, a mapping in a context, a
 * ring on it, a command that started, an mmap() or a dma-buf needs it.  Buffers
 * of a multiple of 4096 bytes at a multiple of 4096 can be exported, but (EBUSY)
 * not while they are being moved.
 *
 * EINVAL; ENOSPC; ENOMEM.
 */
struct drm_vgpu_bo_create {
	__u64 bytes;
	__u64 align;
	__u32 domain;
	__u32 flags;
	__u32 handle;
	__u32 pad;
};

#define DRM_VGPU_BO_READ_ONLY		(1u << 0)

/**
 * struct drm_vgpu_bo_register - DRM_IOCTL_VGPU_BO_REGISTER: the caller's memory
 * @pointer: a multiple of 4096
 * @bytes: a multiple of 4096
 * @flags: DRM_VGPU_BO_READ_ONLY: commands do not write to it
 * @handle: gets the handle
 *
 * The pages are pinned, and counted for the user, whose RLIMIT_MEMLOCK all of
 * them together keep (without CAP_IPC_LOCK), as long as the buffer lives.  It
 * cannot be exported, nor mmap()ed.
 *
 * EINVAL; EFAULT, not the caller's memory, or not writable; ENOSPC,
 * RLIMIT_MEMLOCK or a full table; ENOMEM.
 */
struct drm_vgpu_bo_register {
	__u64 pointer;
	__u64 bytes;
	__u32 flags;
	__u32 handle;
};

#define DRM_VGPU_BO_PINNED		(1u << 1)	/* does not move now */

/**
 * struct drm_vgpu_bo_info - DRM_IOCTL_VGPU_BO_INFO: what a buffer is
 * @handle: handle
 * @domain: DRM_VGPU_DOMAIN_*
 * @flags: DRM_VGPU_BO_*
 * @pad: 0
 * @bytes: as it was created
 * @offset: in VRAM, now; other domains: 0
 * @mmap_offset: offset for mmap() of the node, from which on it does not move
 *	any more; 0: it cannot be mapped
 * @mmap_bytes: how much: all pages that have a part of it
 * @mmap_skip: where it begins in these, below 4096
 *
 * ENOENT.
 */
struct drm_vgpu_bo_info {
	__u32 handle;
	__u32 domain;
	__u32 flags;
	__u32 pad;
	__u64 bytes;
	__u64 offset;
	__u64 mmap_offset;
	__u64 mmap_bytes;
	__u64 mmap_skip;
};

/**
 * struct drm_vgpu_compact - DRM_IOCTL_VGPU_COMPACT: move buffers together
 * @bytes: stop when so many have been moved; gets how many were
 * @more: gets 1 if there is more to do
 * @flags: 0
 *
 * Moves what lies in the client's VRAM and is not pinned by an mmap(), a
 * dma-buf or a command.  Addresses in contexts stay; offsets change.
 *
 * EBUSY, it is going on; EINTR, the process is being killed, and what was moved
 * stays so.
 */
struct drm_vgpu_compact {
	__u64 bytes;
	__u32 more;
	__u32 flags;
};

/**
 * struct drm_vgpu_context_create - DRM_IOCTL_VGPU_CONTEXT_CREATE: address space
 * @flags: 0
 * @context: gets its id, never 0
 */
struct drm_vgpu_context_create {
	__u32 flags;
	__u32 context;
};

/**
 * struct drm_vgpu_context_destroy - DRM_IOCTL_VGPU_CONTEXT_DESTROY
 * @context: its mappings, rings, counters and kernels go with it
 * @pad: 0
 */
struct drm_vgpu_context_destroy {
	__u32 context;
	__u32 pad;
};

/**
 * struct drm_vgpu_map - DRM_IOCTL_VGPU_MAP: give a buffer addresses
 * @context: context id
 * @handle: buffer
 * @address: a multiple of 256 from VGPU_ADDRESS_MIN on, or 0 with
 *	VGPU_MAP_F_ANYWHERE; gets the address
 * @offset: in the buffer, a multiple of 256
 * @bytes: a multiple of 256
 * @flags: VGPU_MAP_F_*
 * @pad: 0
 *
 * EINVAL; ENOENT; EEXIST; EACCES, a buffer registered as read-only without
 * VGPU_MAP_F_READ_ONLY; EFAULT; ENOSPC; ENOMEM.
 */
struct drm_vgpu_map {
	__u32 context;
	__u32 handle;
	__u64 address;
	__u64 offset;
	__u64 bytes;
	__u32 flags;
	__u32 pad;
};

/**
 * struct drm_vgpu_unmap - DRM_IOCTL_VGPU_UNMAP: take a mapping away
 * @context: context id
 * @pad: 0
 * @address: that MAP gave
 *
 * Commands that run on it go on.  ENOENT; EINVAL; EFAULT.
 */
struct drm_vgpu_unmap {
	__u32 context;
	__u32 pad;
	__u64 address;
};

/**
 * struct drm_vgpu_ring_create - DRM_IOCTL_VGPU_RING_CREATE: get a ring
 * @context: context id, whose addresses commands name
 * @handle: buffer of system memory, of VGPU_RING_BYTES() or more; it is
 *	formatted, and can be another ring's only when this one is gone
 * @sq_entries: submission entries, a power of two from 8 to the limit
 * @cq_entries: completion entries, likewise
 * @flags: VGPU_RING_F_*
 * @priority: VGPU_PRIORITY_*, among the client's rings
 * @vector: of its interrupts
 * @counter: id of a counter for VGPU_CMD_F_SIGNAL, or 0
 * @poll_us: after a command the client's thread looks for the next one for so
 *	long before it sleeps; meanwhile nobody has to KICK.  It may stop earlier
 *	when other rings of the client are busy and this one is not.  0: no thread
 *	looks
 * @ring: gets its id
 *
 * The ring is idle.  Map its memory by mmap() of the buffer, and use the
 * helpers of vgpu_ring.h.
 *
 * EINVAL; ENOENT; EACCES, a buffer registered as read-only; EBUSY, the buffer is
 * a ring's already; EFAULT; EOPNOTSUPP; ENOSPC; ENOMEM.
 */
struct drm_vgpu_ring_create {
	__u32 context;
	__u32 handle;
	__u32 sq_entries;
	__u32 cq_entries;
	__u32 flags;
	__u32 priority;
	__u32 vector;
	__u32 counter;
	__u32 poll_us;
	__u32 ring;
};

/**
 * struct drm_vgpu_ring_destroy - DRM_IOCTL_VGPU_RING_DESTROY
 * @ring: ring id.  When the call returns nothing is written to its memory any
 *	more
 * @pad: 0
 */
struct drm_vgpu_ring_destroy {
	__u32 ring;
	__u32 pad;
};

/**
 * struct drm_vgpu_ring_control - DRM_IOCTL_VGPU_RING_CONTROL
 * @ring: ring id
 * @what: VGPU_RING_START (or resume), VGPU_RING_PAUSE, VGPU_RING_RESET
 *
 * Returns at once: the ring's header says when it has got there.
 *
 * EINVAL; ENOENT; EBUSY, not in this state.
 */
struct drm_vgpu_ring_control {
	__u32 ring;
	__u32 what;
};

/**
 * struct drm_vgpu_ring_info - DRM_IOCTL_VGPU_RING_INFO
 * @ring: ring id
 * @state: enum vgpu_ring_state
 * @taken: commands taken since it was made
 * @completed: of those, completed
 */
struct drm_vgpu_ring_info {
	__u32 ring;
	__u32 state;
	__u64 taken;
	__u64 completed;
};

#define DRM_VGPU_KICK_WAIT		(1u << 0)

/**
 * struct drm_vgpu_kick - DRM_IOCTL_VGPU_KICK: ring the doorbell, and wait
 * @ring: ring id
 * @flags: DRM_VGPU_KICK_WAIT
 * @completed: with WAIT: until &drm_vgpu_ring_info.completed is at least this;
 *	gets what it is
 * @deadline_ns: with WAIT: until when
 *
 * Cheap commands are run before the call returns, if nobody else is at it and
 * it is this client's turn on the GPU; the client's thread does the rest.
 *
 * EINVAL; ENOENT; with WAIT: ETIME, EINTR, and ENODEV: the ring is in the error
 * state, or was destroyed.
 */
struct drm_vgpu_kick {
	__u32 ring;
	__u32 flags;
	__u64 completed;
	__s64 deadline_ns;
};

/**
 * struct drm_vgpu_counter_create - DRM_IOCTL_VGPU_COUNTER_CREATE
 * @context: context id
 * @counter: gets its id
 * @value: to start with
 */
struct drm_vgpu_counter_create {
	__u32 context;
	__u32 counter;
	__u64 value;
};

/**
 * struct drm_vgpu_counter - DRM_IOCTL_VGPU_COUNTER_DESTROY, _SIGNAL and _READ
 * @counter: counter id
 * @pad: 0
 * @value: SIGNAL: raise it to this; READ: gets it; DESTROY: 0
 *
 * ENOENT; SIGNAL: EINVAL, it is higher already; DESTROY: EBUSY, a ring waits
 * for it or has it.
 */
struct drm_vgpu_counter {
	__u32 counter;
	__u32 pad;
	__u64 value;
};

/**
 * struct drm_vgpu_sync - a point of a syncobj
 * @handle: syncobj
 * @flags: 0
 * @point: of its timeline; 0: it is a binary one
 */
struct drm_vgpu_sync {
	__u32 handle;
	__u32 flags;
	__u64 point;
};

/**
 * struct drm_vgpu_submit - DRM_IOCTL_VGPU_SUBMIT: commands with fences
 * @context: context id
 * @flags: 0
 * @n_commands: 1 to the limit
 * @stride: bytes from one command to the next, 64 to 4096, a multiple of 8
 * @commands: array of struct vgpu_cmd; @seq is 0, flags are 0 or
 *	VGPU_CMD_F_BARRIER.  UPLOAD, DOWNLOAD, COPY and CLEAR
 * @n_in: points to wait for, before the first command starts
 * @n_out: points to signal, when the last one has ended
 * @in: array of struct drm_vgpu_sync
 * @out: likewise
 *
 * Submissions of a context are run in order.  What they name is made resident
 * here, so that their fences depend on nothing but other fences.  If a command
 * fails, the others are run all the same, and the fences carry its error.
 * Points to wait for have to have been submitted.
 * What is malformed in another way ends with an error in the fence.
 *
 * EINVAL, also for a point that was not submitted; EFAULT, also for a target
 * that is not mapped; EOPNOTSUPP, a command of another kind: a fence must not
 * wait for a program; ENOENT; EACCES; ENOSPC; ENOMEM; EINTR.
 */
struct drm_vgpu_submit {
	__u32 context;
	__u32 flags;
	__u32 n_commands;
	__u32 stride;
	__u64 commands;
	__u32 n_in;
	__u32 n_out;
	__u64 in;
	__u64 out;
};

/**
 * struct drm_vgpu_kernel_create - DRM_IOCTL_VGPU_KERNEL_CREATE: compile
 * @context: context id
 * @bytes: of descriptor, specialization constants and code
 * @pointer: struct vgpu_kernel_desc and what follows it
 * @message: where to write one line about a failure, zero-terminated, or NULL
 * @message_bytes: room there
 * @kernel: gets its id
 *
 * EINVAL; ENOENT; EOPNOTSUPP, no engine, or it cannot run that; EIO; EFAULT,
 * also for @message; ENOSPC; ENOMEM; EINTR.
 */
struct drm_vgpu_kernel_create {
	__u32 context;
	__u32 bytes;
	__u64 pointer;
	__u64 message;
	__u32 message_bytes;
	__u32 kernel;
};

/**
 * struct drm_vgpu_kernel_destroy - DRM_IOCTL_VGPU_KERNEL_DESTROY
 * @kernel: kernel id.  Launches that run keep it until they end
 * @pad: 0
 */
struct drm_vgpu_kernel_destroy {
	__u32 kernel;
	__u32 pad;
};

/**
 * struct drm_vgpu_kernel_info - DRM_IOCTL_VGPU_KERNEL_INFO
 * @kernel: kernel id
 * @pad: 0
 * @info: what it uses
 */
struct drm_vgpu_kernel_info {
	__u32 kernel;
	__u32 pad;
	struct vgpu_kernel_info info;
};

/**
 * struct drm_vgpu_engine_attach - DRM_IOCTL_VGPU_ENGINE_ATTACH: run launches
 * @flags: 0
 * @fd: 0; gets the engine channel, see vgpu_engine.h
 *
 * Needs CAP_SYS_ADMIN: EACCES.  EINVAL; EBUSY, the GPU has an engine; ENOMEM;
 * EMFILE.
 */
struct drm_vgpu_engine_attach {
	__u32 flags;
	__s32 fd;
};

#define DRM_VGPU_IOWR(nr, type)						\
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VGPU_##nr, struct drm_vgpu_##type)

#define DRM_IOCTL_VGPU_QUERY		DRM_VGPU_IOWR(QUERY, query)
#define DRM_IOCTL_VGPU_CLIENT_INIT	DRM_VGPU_IOWR(CLIENT_INIT, client_init)
#define DRM_IOCTL_VGPU_CLIENT_LIMIT	DRM_VGPU_IOWR(CLIENT_LIMIT, client_limit)
#define DRM_IOCTL_VGPU_CLIENT_RESET	DRM_VGPU_IOWR(CLIENT_RESET, client_reset)
#define DRM_IOCTL_VGPU_REGISTER		DRM_VGPU_IOWR(REGISTER, register)
#define DRM_IOCTL_VGPU_EVENT		DRM_VGPU_IOWR(EVENT, event)
#define DRM_IOCTL_VGPU_WAIT		DRM_VGPU_IOWR(WAIT, wait)
#define DRM_IOCTL_VGPU_BO_CREATE	DRM_VGPU_IOWR(BO_CREATE, bo_create)
#define DRM_IOCTL_VGPU_BO_REGISTER	DRM_VGPU_IOWR(BO_REGISTER, bo_register)
#define DRM_IOCTL_VGPU_BO_INFO		DRM_VGPU_IOWR(BO_INFO, bo_info)
#define DRM_IOCTL_VGPU_COMPACT		DRM_VGPU_IOWR(COMPACT, compact)
#define DRM_IOCTL_VGPU_CONTEXT_CREATE	DRM_VGPU_IOWR(CONTEXT_CREATE, context_create)
#define DRM_IOCTL_VGPU_CONTEXT_DESTROY	DRM_VGPU_IOWR(CONTEXT_DESTROY, context_destroy)
#define DRM_IOCTL_VGPU_MAP		DRM_VGPU_IOWR(MAP, map)
#define DRM_IOCTL_VGPU_UNMAP		DRM_VGPU_IOWR(UNMAP, unmap)
#define DRM_IOCTL_VGPU_RING_CREATE	DRM_VGPU_IOWR(RING_CREATE, ring_create)
#define DRM_IOCTL_VGPU_RING_DESTROY	DRM_VGPU_IOWR(RING_DESTROY, ring_destroy)
#define DRM_IOCTL_VGPU_RING_CONTROL	DRM_VGPU_IOWR(RING_CONTROL, ring_control)
#define DRM_IOCTL_VGPU_RING_INFO	DRM_VGPU_IOWR(RING_INFO, ring_info)
#define DRM_IOCTL_VGPU_KICK		DRM_VGPU_IOWR(KICK, kick)
#define DRM_IOCTL_VGPU_COUNTER_CREATE	DRM_VGPU_IOWR(COUNTER_CREATE, counter_create)
#define DRM_IOCTL_VGPU_COUNTER_DESTROY	DRM_VGPU_IOWR(COUNTER_DESTROY, counter)
#define DRM_IOCTL_VGPU_COUNTER_SIGNAL	DRM_VGPU_IOWR(COUNTER_SIGNAL, counter)
#define DRM_IOCTL_VGPU_COUNTER_READ	DRM_VGPU_IOWR(COUNTER_READ, counter)
#define DRM_IOCTL_VGPU_SUBMIT		DRM_VGPU_IOWR(SUBMIT, submit)
#define DRM_IOCTL_VGPU_KERNEL_CREATE	DRM_VGPU_IOWR(KERNEL_CREATE, kernel_create)
#define DRM_IOCTL_VGPU_KERNEL_DESTROY	DRM_VGPU_IOWR(KERNEL_DESTROY, kernel_destroy)
#define DRM_IOCTL_VGPU_KERNEL_INFO	DRM_VGPU_IOWR(KERNEL_INFO, kernel_info)
#define DRM_IOCTL_VGPU_ENGINE_ATTACH	DRM_VGPU_IOWR(ENGINE_ATTACH, engine_attach)

VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_query) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_info) == 40);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_memory) == 80);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_limits) == 48);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_features) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_statistics) == 144);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_client_init) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_client_limit) == 8);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_client_reset) == 8);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_register) == 24);
VGPU_STATIC_ASSERT(vgpu_ring_offset(drm_vgpu_register, value) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_event) == 8);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_wait) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_client_page) == 8);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_bo_create) == 32);
VGPU_STATIC_ASSERT(vgpu_ring_offset(drm_vgpu_bo_create, handle) == 24);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_bo_register) == 24);
VGPU_STATIC_ASSERT(vgpu_ring_offset(drm_vgpu_bo_register, handle) == 20);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_bo_info) == 56);
VGPU_STATIC_ASSERT(vgpu_ring_offset(drm_vgpu_bo_info, bytes) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_compact) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_context_create) == 8);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_context_destroy) == 8);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_map) == 40);
VGPU_STATIC_ASSERT(vgpu_ring_offset(drm_vgpu_map, flags) == 32);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_unmap) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_ring_create) == 40);
VGPU_STATIC_ASSERT(vgpu_ring_offset(drm_vgpu_ring_create, ring) == 36);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_ring_destroy) == 8);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_ring_control) == 8);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_ring_info) == 24);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_kick) == 24);
VGPU_STATIC_ASSERT(vgpu_ring_offset(drm_vgpu_kick, deadline_ns) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_counter_create) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_counter) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_sync) == 16);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_submit) == 48);
VGPU_STATIC_ASSERT(vgpu_ring_offset(drm_vgpu_submit, n_in) == 24);
VGPU_STATIC_ASSERT(vgpu_ring_offset(drm_vgpu_submit, in) == 32);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_kernel_create) == 32);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_kernel_destroy) == 8);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_kernel_info) == 40);
VGPU_STATIC_ASSERT(sizeof(struct drm_vgpu_engine_attach) == 8);

#ifdef __cplusplus
}
#endif

#endif /* VGPU_DRM_H */
