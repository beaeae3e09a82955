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
 *         then as many struct vgpu_engine_mark.  The worker maps the slots
 *         read-only, the marks (on pages of their own) writable
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

#include "vgpu_device.h"

#define VGPU_ENGINE_VERSION	0

/*
 * &vgpu_engine_cmd.opcode, and operands
 *
 *  NOP     an answer, and nothing else
 *  BUILD   [0] kernel id, [1] offset and [2] bytes of descriptor and code in
 *          the control channel's memory
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

/**
 * struct vgpu_engine_mark - the worker's word that it started a command
 * @tag: that of the command
 * @reserved: 0
 */
struct vgpu_engine_mark {
	__u64 tag;
	__u64 reserved;
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

#endif /* VGPU_ENGINE_H */
