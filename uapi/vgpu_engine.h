/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The engine channel: how launches of one tenant reach the worker process that
 * runs them, and how the answers come back.  The same in both places where it
 * is used: between vgpu.ko and a worker of vgpud, and between libvgpu and a
 * vgpu-worker of its own.
 *
 * THIS IS VERSION 0, see vgpu_device.h, whose rules for changes hold here.
 *
 * The side that dispatches is called the host here, the other one the worker.
 * The host does not trust the worker: it keeps its own record of what is out,
 * and an answer that does not belong to it is dropped and counted.
 *
 * DOC: Memory
 *
 * Three pieces, each a file descriptor to map:
 *
 *  ring   a ring as in vgpu_ring.h; the host submits struct vgpu_engine_cmd and
 *         the worker completes with struct vgpu_engine_completion
 *  slots  struct vgpu_engine_slot, as many as the ring has submission entries,
 *         then, from the next page on, as many struct vgpu_engine_mark.  The
 *         worker maps the slots read-only, the marks writable
 *  VRAM   the tenant's, offset 0 to its size, in banks
 *
 * DOC: Marks
 *
 * Before it hands a launch to its driver, a worker writes the command's @tag to
 * the slot's mark (release).  When a worker dies, the host reads the marks
 * (acquire): a command whose tag is not in its mark has not been started, and
 * is dispatched again to the next worker; one that has been started fails with
 * EIO, unless it is idempotent and the operator allows it.  A worker that lies
 * here harms its own tenant only.
 */
#ifndef VGPU_ENGINE_H
#define VGPU_ENGINE_H

#include <linux/ioctl.h>

#include "vgpu_device.h"

#define VGPU_ENGINE_VERSION	0

/*
 * &vgpu_engine_cmd.opcode, and operands
 *
 *  NOP     an answer, and nothing else
 *  BUILD   [0] kernel id, whose lower 16 bits no other kernel has, [1] offset
 *          and [2] bytes of descriptor and code in the control memory, [3]
 *          offset of a struct vgpu_engine_built there, which the worker writes;
 *          offsets are multiples of 8.  One at a time, else EAGAIN
 *  DROP    [0] kernel id
 *  LAUNCH  [0] slot
 *  COPY    [0] to, [1] from, [2] bytes; VRAM that lives in the engine
 *  CLEAR   [0] to, [1] bytes, [2] pattern; likewise
 *  FLUSH   [0] offset, [1] bytes, [2] 1: engine to mapping, 2: mapping to
 *          engine
 *  CANCEL  [0] tag; best effort
 */
#define VGPU_ENGINE_NOP		0
#define VGPU_ENGINE_BUILD	1
#define VGPU_ENGINE_DROP	2
#define VGPU_ENGINE_LAUNCH	3
#define VGPU_ENGINE_COPY	4
#define VGPU_ENGINE_CLEAR	5
#define VGPU_ENGINE_FLUSH	6
#define VGPU_ENGINE_CANCEL	7

/**
 * struct vgpu_engine_cmd - a submission entry, in the place of struct vgpu_cmd
 * @opcode: VGPU_ENGINE_*
 * @flags: 0
 * @seq: sequence number, see vgpu_ring.h
 * @tag: comes back in the completion; unique among what is out
 * @op: operands by opcode
 */
struct vgpu_engine_cmd {
	__u16 opcode;
	__u16 flags;
	__u32 seq;
	__u64 tag;
	__u64 op[6];
} __attribute__((aligned(64)));

/**
 * struct vgpu_engine_completion - in the place of struct vgpu_completion
 * @tag: that of the command
 * @status: 0 or a negative errno of vgpu_device.h
 * @seq: sequence number
 * @value: by opcode
 * @run_ns: how long it ran by the worker's clock; a hint, never charged
 */
struct vgpu_engine_completion {
	__u64 tag;
	__s32 status;
	__u32 seq;
	__u64 value;
	__u64 run_ns;
} __attribute__((aligned(32)));

/**
 * struct vgpu_engine_slot - a launch, resolved
 * @tag: that of the command, so that a slot is not taken for another's
 * @timeout_ns: how long it may run; 0: no limit
 * @kernel: kernel id
 * @flags: 0
 * @grid: workgroups in x, y, z; none is 0
 * @n_ranges: 0 to 16
 * @const_bytes: 0 to 128, a multiple of 4
 * @ranges: address is an offset in VRAM; size 0: the binding is left out
 * @consts: push constants
 */
struct vgpu_engine_slot {
	__u64 tag;
	__u64 timeout_ns;
	__u32 kernel;
	__u32 flags;
	__u32 grid[3];
	__u32 n_ranges;
	__u32 const_bytes;
	__u32 reserved0;
	__u64 reserved1[2];
	struct vgpu_range ranges[16];
	__u8 consts[128];
	__u8 reserved2[64];
};

/*
 * &vgpu_engine_info.capabilities: what code may use beyond the types of
 * VGPU_FEATURE_*, by the names of SPIR-V's capabilities
 */
#define VGPU_ENGINE_CAP_INT8		(1ull << 0)
#define VGPU_ENGINE_CAP_STORAGE8	(1ull << 1)  /* 8 bits in storage buffers */
#define VGPU_ENGINE_CAP_STORAGE16	(1ull << 2)  /* 16 bits there */
#define VGPU_ENGINE_CAP_PUSH8		(1ull << 3)  /* 8 bits in push constants */
#define VGPU_ENGINE_CAP_PUSH16		(1ull << 4)  /* 16 bits there */
#define VGPU_ENGINE_CAP_ATOMIC64	(1ull << 5)  /* Int64Atomics, in buffers */
#define VGPU_ENGINE_CAP_VARIABLE_POINTERS (1ull << 6)
#define VGPU_ENGINE_CAP_MEMORY_MODEL	(1ull << 7)  /* VulkanMemoryModel */
#define VGPU_ENGINE_CAP_FLOAT_CONTROLS	(1ull << 8)
#define VGPU_ENGINE_CAP_DOT_PRODUCT	(1ull << 9)
#define VGPU_ENGINE_CAP_SUBGROUP	(1ull << 16) /* GroupNonUniform */
#define VGPU_ENGINE_CAP_SUBGROUP_VOTE	(1ull << 17)
#define VGPU_ENGINE_CAP_SUBGROUP_ARITHMETIC (1ull << 18)
#define VGPU_ENGINE_CAP_SUBGROUP_BALLOT	(1ull << 19)
#define VGPU_ENGINE_CAP_SUBGROUP_SHUFFLE (1ull << 20)
#define VGPU_ENGINE_CAP_SUBGROUP_SHUFFLE_RELATIVE (1ull << 21)
#define VGPU_ENGINE_CAP_SUBGROUP_CLUSTERED (1ull << 22)
#define VGPU_ENGINE_CAP_SUBGROUP_QUAD	(1ull << 23)
#define VGPU_ENGINE_CAP_ALL		(0x3ffull | 0xffull << 16)

/* &vgpu_engine_info.type */
#define VGPU_ENGINE_OTHER		0
#define VGPU_ENGINE_INTEGRATED		1
#define VGPU_ENGINE_DISCRETE		2
#define VGPU_ENGINE_VIRTUAL		3
#define VGPU_ENGINE_CPU			4

/**
 * struct vgpu_engine_info - what an engine is and can
 * @name: of the device, for people
 * @driver: its name and version
 * @notice: what a user should know, one line; empty: nothing
 * @features: of VGPU_FEATURE_*: code formats, ALIAS, types; to vgpu.ko also
 *	IDEMPOTENT: the operator allows to run launches that say so again
 * @capabilities: VGPU_ENGINE_CAP_*
 * @memory_bytes: of its own memory; 0: not known
 * @max_range_bytes: of a range
 * @max_bank_bytes: of a bank
 * @max_grid: workgroups in x, y, z
 * @max_workgroup: invocations of a workgroup in x, y, z
 * @max_invocations: of a workgroup
 * @max_shared_bytes: workgroup memory
 * @max_ranges: bindings of a kernel
 * @type: VGPU_ENGINE_OTHER to VGPU_ENGINE_CPU
 * @shared: 1: VRAM's mapping and the engine's memory are the same
 * @api_version: of Vulkan, major << 22 | minor << 12; 0: another API
 * @vendor_id: PCI's; 0: not known
 * @device_id: PCI's
 *
 * Strings are zero-terminated.
 */
struct vgpu_engine_info {
	char name[128];
	char driver[64];
	char notice[192];
	__u64 features;
	__u64 capabilities;
	__u64 memory_bytes;
	__u64 max_range_bytes;
	__u64 max_bank_bytes;
	__u32 max_grid[3];
	__u32 max_workgroup[3];
	__u32 max_invocations;
	__u32 max_shared_bytes;
	__u32 max_ranges;
	__u32 type;
	__u32 shared;
	__u32 api_version;
	__u32 vendor_id;
	__u32 device_id;
};

/**
 * struct vgpu_engine_built - how a BUILD ended
 * @info: what the kernel uses, if it ended with 0
 * @message: else one line about why, zero-terminated
 */
struct vgpu_engine_built {
	struct vgpu_kernel_info info;
	char message[224];
};

/*
 * DOC: A worker of the library
 *
 * Its standard input is one end of a SOCK_SEQPACKET pair.  The host sends one
 * struct vgpu_engine_hello with the file descriptors that follow it in the
 * order of VGPU_ENGINE_FD_*; the worker answers with one struct
 * vgpu_engine_ready.  After that a packet of one byte, whatever it is, is a
 * doorbell: the host rings when the ring says so (vgpu_ring.h), for commands
 * and for room, and the worker for completions.  (Not by eventfds: whether one
 * blocks is decided for all who hold it, so a worker could make its host wait.)
 * End of file, on either side, is the end of the other.
 *
 * The host lets fewer commands be out than the ring has entries.
 */
#define VGPU_ENGINE_MAGIC	0x45555056u	/* "VPUE" */

#define VGPU_ENGINE_FD_RING	0
#define VGPU_ENGINE_FD_SLOTS	1
#define VGPU_ENGINE_FD_CONTROL	2	/* control memory */
#define VGPU_ENGINE_FD_VRAM	3	/* left out if there is none */
#define VGPU_ENGINE_FDS		4

/**
 * struct vgpu_engine_hello - what the worker is to be
 * @magic: VGPU_ENGINE_MAGIC
 * @version: VGPU_ENGINE_VERSION
 * @kind: "vulkan" or "wgpu"
 * @device: which device, see the executor; empty: the best
 * @flags: executor's flags
 * @bank_shift: log2 of the bytes of a bank
 * @vram_bytes: size of VRAM; 0: none, to look at the engine's info
 * @control_bytes: size of control memory
 * @entries: of the ring, submission and completion
 * @reserved: 0
 */
struct vgpu_engine_hello {
	__u32 magic;
	__u32 version;
	char kind[16];
	char device[128];
	__u32 flags;
	__u32 bank_shift;
	__u64 vram_bytes;
	__u64 control_bytes;
	__u32 entries;
	__u32 reserved;
};

/**
 * struct vgpu_engine_ready - what came of it
 * @magic: VGPU_ENGINE_MAGIC
 * @version: VGPU_ENGINE_VERSION
 * @status: 0, or a negative errno, and then the worker ends
 * @reserved: 0
 * @message: one line about an error, zero-terminated
 * @info: of the engine
 */
struct vgpu_engine_ready {
	__u32 magic;
	__u32 version;
	__s32 status;
	__u32 reserved;
	char message[256];
	struct vgpu_engine_info info;
};

/**
 * struct vgpu_engine_mark - the worker's word that it started a command
 * @tag: that of the command
 * @reserved: 0
 */
struct vgpu_engine_mark {
	__u64 tag;
	__u64 reserved;
};

/*
 * DOC: A worker of vgpu.ko
 *
 * Here the module is the host.  Two kinds of file descriptors, both close on
 * exec:
 *
 *  The supervisor's, from DRM_IOCTL_VGPU_ENGINE_ATTACH.  INFO says once what
 *  will run launches: from then on the GPU has an engine, and kernels can be
 *  made.  NEXT tells which tenant wants a worker, OPEN makes the channel of one.
 *  When the last descriptor of it is closed the GPU has no engine any more, and
 *  all channels are closed.
 *
 *  A tenant's channel, from OPEN, to be handed to a worker process and to be
 *  closed by the supervisor then: the worker is dead when its last descriptor,
 *  and the last mapping of RING, SLOTS, MARKS and the answer, are gone.  Memory
 *  is mapped at VGPU_ENGINE_MMAP_*, shared; it is not inherited by a fork().
 *  read() of 8 bytes or more sleeps until the host has rung, and gives a __u64,
 *  how often; poll() says POLLIN then.  DOORBELL rings the host, as vgpu_ring.h
 *  says, for completions and for room.
 *
 * A channel is closed by the host when its worker does not answer (it is late
 * with a launch, and then with CANCEL), when the tenant or the engine has gone.
 * read() gives 0 then, poll() POLLHUP, and VRAM is SIGBUS; such a worker is to
 * be killed.
 *
 * The host dispatches launches of a tenant in order, and expects them to end in
 * that order.  Kernels are built in a new worker when a launch needs them.  The
 * code of a kernel stays where BUILD said until DROP.
 *
 * Errors of ioctls: EINVAL, malformed, or a bit that is not known; EFAULT;
 * EBUSY, INFO has been called, or the tenant has a worker; ENODATA, OPEN before
 * INFO; ENOENT, no such tenant; EAGAIN, NEXT would have to wait, of a
 * descriptor with O_NONBLOCK; EINTR; ENOMEM; ENODEV, the channel was closed.
 */
#define VGPU_ENGINE_IOC		0xe7

#define VGPU_ENGINE_IOCTL_INFO	\
	_IOW(VGPU_ENGINE_IOC, 0x00, struct vgpu_engine_info)
#define VGPU_ENGINE_IOCTL_NEXT	\
	_IOR(VGPU_ENGINE_IOC, 0x01, struct vgpu_engine_next)
#define VGPU_ENGINE_IOCTL_OPEN	\
	_IOWR(VGPU_ENGINE_IOC, 0x02, struct vgpu_engine_open)
#define VGPU_ENGINE_IOCTL_LAYOUT	\
	_IOR(VGPU_ENGINE_IOC, 0x10, struct vgpu_engine_layout)
#define VGPU_ENGINE_IOCTL_DOORBELL	\
	_IO(VGPU_ENGINE_IOC, 0x11)

/*
 * Offsets of mmap() on a channel
 *
 *  RING     VGPU_RING_BYTES(entries, entries)
 *  SLOTS    read-only
 *  MARKS
 *  CONTROL  control memory: its first page, for answers of BUILD; and from the
 *           next page on, read-only and of another mapping, descriptors and code
 *  VRAM
 */
#define VGPU_ENGINE_MMAP_RING		0ull
#define VGPU_ENGINE_MMAP_SLOTS		(1ull << 28)
#define VGPU_ENGINE_MMAP_MARKS		(2ull << 28)
#define VGPU_ENGINE_MMAP_CONTROL	(1ull << 40)
#define VGPU_ENGINE_MMAP_VRAM		(1ull << 42)

/**
 * struct vgpu_engine_next - VGPU_ENGINE_IOCTL_NEXT: who wants a worker
 * @tenant: number of the tenant, never 0
 * @pid: process that opened the device, as the host's first namespace has it;
 *	it may have ended
 *
 * A tenant is named once each time that it begins to want one, and waits for
 * some seconds; then its launches fail with EIO.
 */
struct vgpu_engine_next {
	__u32 tenant;
	__u32 pid;
};

/**
 * struct vgpu_engine_open - VGPU_ENGINE_IOCTL_OPEN: the channel of a tenant
 * @tenant: its number
 * @flags: 0
 * @fd: gets the channel
 * @pad: 0
 */
struct vgpu_engine_open {
	__u32 tenant;
	__u32 flags;
	__s32 fd;
	__u32 pad;
};

/**
 * struct vgpu_engine_layout - VGPU_ENGINE_IOCTL_LAYOUT: what a channel has
 * @version: VGPU_ENGINE_VERSION
 * @entries: of the ring, submission and completion; slots and marks are as many
 * @bank_shift: log2 of the bytes of a bank
 * @pad: 0
 * @vram_bytes: size of VRAM
 * @control_bytes: size of control memory; most of it is never used
 */
struct vgpu_engine_layout {
	__u32 version;
	__u32 entries;
	__u32 bank_shift;
	__u32 pad;
	__u64 vram_bytes;
	__u64 control_bytes;
};

VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_cmd) == 64);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_completion) == 32);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_cmd, seq) == 4);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_cmd, op) == 16);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_completion, seq) == 12);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_completion, value) == 16);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_slot) == 512);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_slot, kernel) == 16);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_slot, grid) == 24);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_slot, n_ranges) == 36);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_slot, ranges) == 64);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_slot, consts) == 320);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_mark) == 16);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_info) == 480);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_info, features) == 384);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_info, max_grid) == 424);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_info, type) == 460);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_built) == 256);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_hello) == 184);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_hello, vram_bytes) == 160);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_ready) == 752);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_ready, info) == 272);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_next) == 8);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_open) == 16);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_engine_layout) == 32);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_engine_layout, vram_bytes) == 16);

#endif /* VGPU_ENGINE_H */
