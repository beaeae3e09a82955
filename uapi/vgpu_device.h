/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The vgpu device: its hardware interface, as a data sheet would give it.
 *
 * The software GPU of a host, the PCI function that a virtual machine sees and
 * the simulator inside a process are this one device.
 *
 * THIS IS VERSION 0.  It changes without notice until a virtual machine runs on
 * it; from version 1 on the rules below hold.
 *
 * DOC: Rules for changing the device's interface
 *
 *  1. Nothing that was specified is removed or changes its meaning.  Numbers
 *     (opcodes, flags, registers, feature bits) are only appended.
 *  2. What is reserved is written as zero and refused otherwise: a reserved
 *     bit or field that is set makes a command EINVAL, so that zero can mean
 *     "as before" when it gets a meaning.  Reserved registers read as zero and
 *     ignore writes.
 *  3. New behaviour comes with a feature bit.  A driver accepts features
 *     before it enables the device; what it has not accepted stays off.
 *  4. VGPU_VERSION_MAJOR changes only if a driver of the old version could not
 *     drive the device; a driver refuses a major version that it does not know.
 *  5. All fields are little-endian, naturally aligned, of fixed width, without
 *     implicit padding; structures are a multiple of 8 bytes.  The assertions
 *     at the end of this file freeze their layout.
 *  6. Sizes are in bytes, times in nanoseconds of the device clock, unless the
 *     name says otherwise.
 *
 * DOC: Errors
 *
 * A command, of a user ring or of the admin queue, completes with 0 or with one
 * of these, negative.  The numbers are Linux's.
 *
 *  EINVAL      malformed: a reserved bit or field set, a size or an address
 *              that is not a multiple of what it must be, an operand out of
 *              range, an object of the wrong kind
 *  ENOENT      admin queue: no object, context, ring, counter or kernel has
 *              this id
 *  EFAULT      an address that is not mapped, or whose memory has gone
 *  EACCES      a write to a read-only mapping
 *  EEXIST      admin queue: the address range is taken
 *  EBUSY       admin queue: the object is in use
 *  ENOSPC      a quota or a table of fixed size is full
 *  ENOMEM      memory is short: no hole in VRAM is large enough, or the host
 *              has none
 *  ETIMEDOUT   a launch ran longer than it may
 *  EIO         the engine was lost while it ran the command
 *  ENODEV      the command was running when its ring or the device was reset
 *  ECANCELED   the command had not started when its ring was reset
 *  EOPNOTSUPP  an opcode that the device does not know or has not been given
 *              the feature for; a launch without an engine; a range of a launch
 *              in system memory
 *  EAGAIN      try again: memory is being moved or unmapped
 */
#ifndef VGPU_DEVICE_H
#define VGPU_DEVICE_H

#include "vgpu_ring.h"

#define VGPU_VERSION_MAJOR	0
#define VGPU_VERSION_MINOR	1
#define VGPU_VERSION		((VGPU_VERSION_MAJOR << 16) | VGPU_VERSION_MINOR)

/*
 * DOC: PCI function
 *
 * A type 0 function of class 3D controller.  Capabilities: power management
 * (D0 and D3hot, which resets), PCI Express (endpoint, function-level reset)
 * and MSI-X.  In D3hot the BARs read as all ones and ignore writes.
 *
 * BAR0, 64-bit: registers at 0, doorbell pages from VGPU_BAR0_DOORBELLS on.
 * BAR2, 64-bit, prefetchable: VRAM; its size is that of VRAM, rounded up to a
 *	power of two.  What lies beyond VRAM reads as all ones.
 * BAR4, 32-bit: the MSI-X table at 0, its pending bits at VGPU_BAR4_PBA.
 */
#define VGPU_PCI_VENDOR		0x1af4
#define VGPU_PCI_DEVICE		0x10f5
#define VGPU_PCI_CLASS		0x030200
#define VGPU_PCI_SUBVENDOR	0x1af4
#define VGPU_PCI_SUBDEVICE_GPU	0x0001	/* a host's software GPU, mdev parent */
#define VGPU_PCI_SUBDEVICE_VGPU	0x0002	/* a function with all of this */

#define VGPU_BAR0_BYTES		(8u << 20)
#define VGPU_BAR0_DOORBELLS	(4u << 20)
#define VGPU_DOORBELL_PAGE	4096u
#define VGPU_DOORBELL_PAGES	\
	((VGPU_BAR0_BYTES - VGPU_BAR0_DOORBELLS) / VGPU_DOORBELL_PAGE)
#define VGPU_BAR4_BYTES		4096u
#define VGPU_BAR4_PBA		2048u
#define VGPU_MSIX_VECTORS	32u

#define VGPU_PAGE_BYTES		4096u

/*
 * DOC: Registers
 *
 * An access is 4 bytes at a multiple of 4, or 8 bytes at a multiple of 8 within
 * BAR0; an 8-byte access is two of 4 bytes, the lower first, except that a
 * register pair named *_LO is then read and written as one.  Any other access
 * reads as all ones and writes nothing.  Reading the low half of CLOCK alone
 * latches the high half.
 */
#define VGPU_REG_ID		0x000	/* r   VGPU_ID */
#define VGPU_REG_VERSION	0x004	/* r   VGPU_VERSION */
#define VGPU_REG_FEATURES_LO	0x008	/* r   VGPU_FEATURE_* offered */
#define VGPU_REG_FEATURES_HI	0x00c
#define VGPU_REG_ACCEPTED_LO	0x010	/* rw  accepted; frozen while enabled */
#define VGPU_REG_ACCEPTED_HI	0x014
#define VGPU_REG_STATUS		0x018	/* r   VGPU_STATUS_* */
#define VGPU_REG_CONTROL	0x01c	/* w   VGPU_CONTROL_* */
#define VGPU_REG_VRAM_LO	0x020	/* r   bytes of VRAM */
#define VGPU_REG_VRAM_HI	0x024
#define VGPU_REG_BANK_SHIFT	0x028	/* r   log2 of the bytes of a bank */
#define VGPU_REG_MAX_CONTEXTS	0x02c	/* r   limits: how many there can be */
#define VGPU_REG_MAX_OBJECTS	0x030
#define VGPU_REG_MAX_MAPPINGS	0x034
#define VGPU_REG_MAX_RINGS	0x038
#define VGPU_REG_MAX_COUNTERS	0x03c
#define VGPU_REG_MAX_KERNELS	0x040
#define VGPU_REG_MAX_ENTRIES	0x044	/* r   entries of a ring */
#define VGPU_REG_IRQ_STATUS	0x050	/* r   a bit for each vector, sticky */
#define VGPU_REG_IRQ_MASK	0x054	/* rw  1: status only, no interrupt */
#define VGPU_REG_IRQ_ACK	0x058	/* w   1: clear the status bit */
#define VGPU_REG_ADMIN_LO	0x060	/* rw  address of the admin queue's ring */
#define VGPU_REG_ADMIN_HI	0x064
#define VGPU_REG_ADMIN_ENTRIES	0x068	/* rw  submission | completion << 16 */
#define VGPU_REG_ADMIN_DOORBELL	0x06c	/* w   any value */
#define VGPU_REG_CLOCK_LO	0x080	/* r   device clock, ns */
#define VGPU_REG_CLOCK_HI	0x084
#define VGPU_REG_BUSY_LO	0x088	/* r   ns that commands have run */
#define VGPU_REG_BUSY_HI	0x08c
#define VGPU_REG_TEMPERATURE	0x090	/* r   1/1000 C, signed, or unknown */
#define VGPU_REG_POWER		0x094	/* r   milliwatt, or unknown */
#define VGPU_REG_POWER_LIMIT	0x098	/* r   milliwatt, or unknown */
#define VGPU_REG_ERR_STATUS	0x0a0	/* r   errno of the record, 0: none */
#define VGPU_REG_ERR_SOURCE	0x0a4	/* r   ring id, or VGPU_SOURCE_* */
#define VGPU_REG_ERR_OPCODE	0x0a8	/* r   opcode of the command */
#define VGPU_REG_ERR_CONTEXT	0x0ac	/* r   context id */
#define VGPU_REG_ERR_ADDRESS_LO	0x0b0	/* r   address or operand at fault */
#define VGPU_REG_ERR_ADDRESS_HI	0x0b4
#define VGPU_REG_ERR_DATA_LO	0x0b8	/* r   user_data of the command */
#define VGPU_REG_ERR_DATA_HI	0x0bc
#define VGPU_REG_ERR_COUNT	0x0c0	/* r   errors since the last clear */
#define VGPU_REG_ERR_CLEAR	0x0c4	/* w   any value */
#define VGPU_REG_USED_LO	0x0d0	/* r   bytes of VRAM allocated */
#define VGPU_REG_USED_HI	0x0d4
#define VGPU_REG_PEAK_LO	0x0d8	/* r   the most that ever was */
#define VGPU_REG_PEAK_HI	0x0dc
#define VGPU_REG_LIMIT_LO	0x0e0	/* r   bytes that may be allocated */
#define VGPU_REG_LIMIT_HI	0x0e4
#define VGPU_REG_TIMEOUT	0x0e8	/* r   longest launch, ms; 0: no limit */
#define VGPU_REG_SCRATCH	0x0f0	/* rw  the driver's own, no effect */
#define VGPU_REG_END		0x100

#define VGPU_ID			0x55504756u	/* "VGPU" */
#define VGPU_UNKNOWN		0x80000000u

/* VGPU_REG_STATUS */
#define VGPU_STATUS_ENABLED	(1u << 0)	/* the admin queue runs */
#define VGPU_STATUS_ERROR	(1u << 1)	/* admin queue broken; needs a reset */
#define VGPU_STATUS_ENGINE	(1u << 2)	/* launches can run */
#define VGPU_STATUS_BUSY	(1u << 3)	/* see below */

/*
 * BUSY: an enable is under way; or, after a reset, commands that it ended may
 * still use memory.
 */

/* VGPU_REG_CONTROL; with both bits a reset comes first */
#define VGPU_CONTROL_ENABLE	(1u << 0)
#define VGPU_CONTROL_RESET	(1u << 1)

/* VGPU_REG_ERR_SOURCE */
#define VGPU_SOURCE_ADMIN	0xffffffffu
#define VGPU_SOURCE_DEVICE	0xfffffffeu

/*
 * DOC: Features
 *
 * A bit that is not offered cannot be accepted: the write drops it.
 */
#define VGPU_FEATURE_TIMES	(1ull << 0)	/* completions carry times */
#define VGPU_FEATURE_SPIRV	(1ull << 1)	/* kernels in SPIR-V */
#define VGPU_FEATURE_WGSL	(1ull << 2)	/* kernels in WGSL */
#define VGPU_FEATURE_NATIVE	(1ull << 3)	/* kernels that are functions */
#define VGPU_FEATURE_ALIAS	(1ull << 4)	/* ranges of a launch may overlap */
#define VGPU_FEATURE_COMPACT	(1ull << 5)	/* VGPU_ADMIN_COMPACT */
#define VGPU_FEATURE_DEVICE_VRAM (1ull << 6)	/* VRAM may live in an engine */
#define VGPU_FEATURE_IDEMPOTENT	(1ull << 7)	/* VGPU_CMD_F_IDEMPOTENT */
#define VGPU_FEATURE_POLL	(1ull << 8)	/* rings are polled */
#define VGPU_FEATURE_INT16	(1ull << 16)	/* types that kernels may use */
#define VGPU_FEATURE_INT64	(1ull << 17)
#define VGPU_FEATURE_FLOAT16	(1ull << 18)
#define VGPU_FEATURE_FLOAT64	(1ull << 19)
#define VGPU_FEATURE_ALL	(0x1ffull | 0xfull << 16)

/*
 * DOC: Interrupts
 *
 * Vector 0 is the device's: an admin completion that is waited for, an error,
 * the end of an enable.  A ring names its vector (0 is allowed), and raises it
 * for completions, for the error state, and when a reset of it has ended.  An
 * event sets the status bit and, unless masked, sends the message; unmasking a
 * vector whose status bit is set sends one.  The messages are edges: nobody has
 * to acknowledge to get the next one.
 *
 * In a virtual machine the VMM keeps the MSI-X table: what a driver writes there
 * need not reach the device, and what it connected outlives a reset.
 *
 * DOC: Doorbells
 *
 * The page at VGPU_BAR0_DOORBELLS + c * VGPU_DOORBELL_PAGE belongs to the
 * context whose id has c, which is below VGPU_DOORBELL_PAGES, in its lower 16
 * bits, and may be mapped into the process that owns it.  Writing the id of a
 * ring of that context to its first 4 bytes makes the device look at that ring.
 * Other ids and offsets are ignored.  Reads give zero.
 */

/*
 * DOC: Admin queue
 *
 * A ring as in vgpu_ring.h, in system memory that is contiguous as the device
 * addresses it, page-aligned, given by ADMIN_LO/HI and ADMIN_ENTRIES before
 * VGPU_CONTROL_ENABLE.  Entries are struct vgpu_cmd with opcodes VGPU_ADMIN_*;
 * completions are struct vgpu_admin_completion.  Commands are executed in
 * order, one at a time.
 *
 * Objects are memory: a block of VRAM, or pages of system memory.  Contexts are
 * address spaces.  Ids are never 0, and one that was destroyed is not given out
 * again soon.
 */
struct vgpu_admin_completion {
	__u64 user_data;
	__s32 status;
	__u32 seq;
	__u64 result[2];
} __attribute__((aligned(32)));

/* op[0]..op[5] of each command; op not named is zero; "->" what result[] is */

/* Nothing. */
#define VGPU_ADMIN_NOP			0x100

/* [0] limit: bytes of VRAM its objects may take, 0: no limit of its own
 * -> [0] context id
 */
#define VGPU_ADMIN_CONTEXT_CREATE	0x101

/* [0] context.  Its rings are reset and destroyed, as by RING_DESTROY; its
 * mappings, counters, kernels and the objects it owns go with it, as soon as
 * nothing runs on them.
 */
#define VGPU_ADMIN_CONTEXT_DESTROY	0x102

/* [0] bytes, [1] alignment (0: 256), [2] owner's context id or 0,
 * [3] VGPU_BLOCK_F_* -> [0] object id, [1] offset in VRAM.  It is zeroed.
 */
#define VGPU_ADMIN_BLOCK_CREATE		0x110

/* [0] bytes, a multiple of 4096, [2] owner's context id or 0 -> [0] object id
 * The pages are given by SYSTEM_PAGES, in order, before it can be mapped.
 */
#define VGPU_ADMIN_SYSTEM_CREATE	0x111

/* [0] object, [1] first page, [2] pages (1 to 512), [3] address of a list of
 * 64-bit page addresses that lies within one page.  EAGAIN: the memory was taken
 * away a moment ago; nothing was added, and the same may work in a while.
 *
 * Memory that a VMM takes away is gone for good, even if it comes back: commands
 * that name it are EFAULT, a ring in it is in the error state and is destroyed,
 * and if it was the admin queue's the device needs a reset.
 */
#define VGPU_ADMIN_SYSTEM_PAGES		0x112

/* [0] object.  EBUSY while it is mapped, pinned or a ring's memory.  Commands
 * that run on it keep its memory until they end.  For system memory the answer
 * comes when the last one has ended, and the memory is the driver's again; the
 * queue goes on meanwhile.
 */
#define VGPU_ADMIN_OBJECT_DESTROY	0x113

/* [0] object -> [0] offset in VRAM, [1] bytes */
#define VGPU_ADMIN_OBJECT_INFO		0x114

/* [0] object, [1] 1: pin, it keeps its offset; 0: unpin.  Pins are counted. */
#define VGPU_ADMIN_OBJECT_PIN		0x115

/* [0] context, [1] object, [2] address (a multiple of 256; 0 with
 * VGPU_MAP_F_ANYWHERE), [3] offset in the object (a multiple of 256), [4] bytes
 * (a multiple of 256), [5] VGPU_MAP_F_* -> [0] address
 */
#define VGPU_ADMIN_MAP			0x120

/* [0] context, [1] address that MAP gave.  Commands that run on it go on. */
#define VGPU_ADMIN_UNMAP		0x121

/* [0] context, [1] object (system memory, VGPU_RING_BYTES long at least),
 * [2] submission entries | completion entries << 32, [3] VGPU_RING_F_* |
 * priority << 32 | vector << 40, [4] counter id or 0, [5] 0, or with
 * VGPU_FEATURE_POLL up to VGPU_MAX_POLL_NS -> [0] ring id
 * The memory is initialised by the device; the ring is idle.
 *
 * A ring is polled for [5] ns after each of its commands: meanwhile the device
 * sees the next one by itself, and the ring asks for no doorbell.
 */
#define VGPU_ADMIN_RING_CREATE		0x130

/*
 * [0] ring.  Its commands end with ENODEV.  When this is answered nothing of them
 * but launches touches memory any more, and nothing is written to the ring's.
 */
#define VGPU_ADMIN_RING_DESTROY		0x131

/*
 * [0] ring, [1] VGPU_RING_START, _PAUSE or _RESET.  A reset ends launches at
 * once (ENODEV), commands that touch memory when they do so no more (ENODEV),
 * and then what has not started (ECANCELED); the ring is idle after that.
 */
#define VGPU_ADMIN_RING_CONTROL		0x132

/* [0] ring -> [0] submitted, that is taken, [1] completed */
#define VGPU_ADMIN_RING_INFO		0x133

/* [0] context, [1] first value -> [0] counter id */
#define VGPU_ADMIN_COUNTER_CREATE	0x140
/* [0] counter.  EBUSY while a ring waits for it or signals it. */
#define VGPU_ADMIN_COUNTER_DESTROY	0x141
/* [0] counter, [1] value.  A counter never goes back: EINVAL. */
#define VGPU_ADMIN_COUNTER_SIGNAL	0x142
/* [0] counter, [1] 0, or 1 + a vector that is raised once by the next change
 * -> [0] value
 */
#define VGPU_ADMIN_COUNTER_READ		0x143

/* [0] context, [1] object (system memory), [2] offset of a struct
 * vgpu_kernel_desc in it, a multiple of 8, [3] bytes of descriptor and code
 * -> [0] kernel id
 */
#define VGPU_ADMIN_KERNEL_CREATE	0x150
/* [0] kernel.  Launches that run keep it until they end. */
#define VGPU_ADMIN_KERNEL_DESTROY	0x151
/* [0] kernel -> [0] bindings used | bindings written << 32, [1] argument bytes
 */
#define VGPU_ADMIN_KERNEL_INFO		0x152

/* [0] bytes to move, rounded up to a block -> [0] bytes moved, [1] 1 if there is more to do.
 * The driver has zapped its CPU mappings; offsets change, addresses do not.
 */
#define VGPU_ADMIN_COMPACT		0x160

/* VGPU_ADMIN_BLOCK_CREATE */
#define VGPU_BLOCK_F_DEVICE	(1u << 0)	/* VGPU_FEATURE_DEVICE_VRAM */

/* VGPU_ADMIN_MAP */
#define VGPU_MAP_F_READ_ONLY	(1u << 0)
/* The device chooses a multiple of 4096, and leaves a page free around it. */
#define VGPU_MAP_F_ANYWHERE	(1u << 1)

#define VGPU_ADDRESS_BITS	47
#define VGPU_ADDRESS_MIN	0x10000ull	/* nothing is mapped below */
#define VGPU_MAP_GRANULE	256u

/* VGPU_ADMIN_RING_CREATE */
#define VGPU_RING_F_TIMES	(1u << 0)	/* completions carry times */

#define VGPU_MAX_POLL_NS	1000000000u

#define VGPU_PRIORITY_LOW	0
#define VGPU_PRIORITY_NORMAL	1
#define VGPU_PRIORITY_HIGH	2
#define VGPU_PRIORITY_URGENT	3
#define VGPU_PRIORITIES		4

/* VGPU_ADMIN_RING_CONTROL */
#define VGPU_RING_START		1
#define VGPU_RING_PAUSE		2
#define VGPU_RING_RESET		3

/**
 * enum vgpu_ring_state - what &vgpu_ring_header.state says
 * @VGPU_RING_IDLE: made or reset; consumes nothing
 * @VGPU_RING_RUNNING: consumes
 * @VGPU_RING_PAUSED: consumes up to the tail as it was when it was paused
 * @VGPU_RING_ERROR: its memory made no sense; needs a reset
 */
enum vgpu_ring_state {
	VGPU_RING_IDLE,
	VGPU_RING_RUNNING,
	VGPU_RING_PAUSED,
	VGPU_RING_ERROR,
};

/*
 * DOC: Commands of a user ring
 *
 * Commands start in order.  One may start before earlier ones have ended,
 * unless it has VGPU_CMD_F_BARRIER; SYNC and SIGNAL wait for all earlier ones
 * by themselves.  Addresses and sizes of memory commands are multiples of 4; a
 * size of 0 is EINVAL, and so is a copy whose ranges overlap.  A range may run
 * over up to VGPU_MAX_EXTENTS mappings without a gap.
 */
#define VGPU_CMD_NOP		0
#define VGPU_CMD_SYNC		1
#define VGPU_CMD_UPLOAD		2	/* [0] VRAM, [1] system, [2] bytes */
#define VGPU_CMD_DOWNLOAD	3	/* [0] system, [1] VRAM, [2] bytes */
#define VGPU_CMD_COPY		4	/* [0] to, [1] from, [2] bytes */
#define VGPU_CMD_CLEAR		5	/* [0] to, [1] bytes, [2] 32-bit pattern */
/*
 * LAUNCH: [0] kernel, [1] workgroups in x | in y << 32, [2] in z, [3] address
 * of a struct vgpu_args (a multiple of 16) or 0: none, [4] longest run in ns,
 * or 0: the device's limit
 */
#define VGPU_CMD_LAUNCH		6
#define VGPU_CMD_WAIT		7	/* [0] counter, [1] value to wait for */
#define VGPU_CMD_SIGNAL		8	/* [0] counter, [1] value */
#define VGPU_CMD_OPCODES	9

/* Once this and all earlier commands ended, raise the ring's counter to op[5]. */
#define VGPU_CMD_F_SIGNAL	(1u << 0)
#define VGPU_CMD_F_INTERRUPT	(1u << 1)	/* interrupt on completion */
#define VGPU_CMD_F_BARRIER	(1u << 2)	/* start when all earlier ended */
#define VGPU_CMD_F_IDEMPOTENT	(1u << 3)	/* a launch that may run again */
#define VGPU_CMD_F_ALL		0xfu

#define VGPU_MAX_EXTENTS	16u
#define VGPU_MAX_GRID_X		0x7fffffffu
#define VGPU_MAX_GRID_YZ	65535u

/*
 * DOC: Kernel launches
 *
 * The argument block is copied once and validated.  Range i is bound as storage
 * buffer to set 0, binding i; @consts are the push constants.  A range lies in
 * one mapping of one block of VRAM.  EINVAL: an address that is not a multiple
 * of VGPU_RANGE_ALIGN, a size of 0 or not a multiple of 4, ranges that overlap
 * where one is written and the device lacks VGPU_FEATURE_ALIAS, a binding that
 * the kernel uses and the block does not give (a range with size 0 and no
 * flags), or that it writes and the block gives without VGPU_RANGE_WRITE.
 */
#define VGPU_MAX_RANGES		16u
#define VGPU_MAX_CONST_BYTES	128u
#define VGPU_RANGE_ALIGN	256u

#define VGPU_RANGE_READ		(1u << 0)
#define VGPU_RANGE_WRITE	(1u << 1)
#define VGPU_RANGE_ALL		0x3u

struct vgpu_range {
	__u64 address;
	__u32 bytes;
	__u32 flags;
};

struct vgpu_args {
	__u32 n_ranges;
	__u32 const_bytes;	/* a multiple of 4 */
	__u64 reserved;
	struct vgpu_range ranges[16];
	__u8 consts[128];
};

/*
 * DOC: Kernel objects
 *
 * A descriptor, then @n_specs struct vgpu_kernel_spec, then @code_bytes of
 * code, copied once into memory that no tenant maps.  Whoever compiles the code
 * tells the device what it uses (struct vgpu_kernel_info); a launch is checked
 * against that.
 */
#define VGPU_KERNEL_SPIRV	1
#define VGPU_KERNEL_WGSL	2
#define VGPU_KERNEL_NATIVE	3	/* a function of the same process */

#define VGPU_MAX_CODE_BYTES	(16u << 20)
#define VGPU_MAX_SPECS		64u
#define VGPU_ENTRY_BYTES	64u

struct vgpu_kernel_desc {
	__u32 format;
	__u32 flags;		/* none yet */
	__u32 code_bytes;
	__u32 n_specs;
	char entry[64];		/* zero-terminated */
};

struct vgpu_kernel_spec {
	__u32 id;
	__u32 bytes;		/* 4 or 8 */
	__u64 value;
};

struct vgpu_kernel_info {
	__u32 used;		/* a bit for each binding */
	__u32 written;		/* a subset of @used */
	__u32 const_bytes;	/* that it reads, 0 to 128 */
	__u32 workgroup[3];
	__u64 features;		/* VGPU_FEATURE_* that it needs */
};

#ifdef __cplusplus
#define VGPU_STATIC_ASSERT(c)	static_assert(c, #c)
#else
#define VGPU_STATIC_ASSERT(c)	_Static_assert(c, #c)
#endif

VGPU_STATIC_ASSERT(sizeof(struct vgpu_admin_completion) == 32);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_admin_completion, status) == 8);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_admin_completion, seq) == 12);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_admin_completion, result) == 16);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_range) == 16);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_range, bytes) == 8);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_range, flags) == 12);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_args) == 400);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_args, const_bytes) == 4);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_args, ranges) == 16);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_args, consts) == 272);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_kernel_desc) == 80);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_kernel_desc, code_bytes) == 8);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_kernel_desc, n_specs) == 12);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_kernel_desc, entry) == 16);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_kernel_spec) == 16);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_kernel_spec, value) == 8);
VGPU_STATIC_ASSERT(sizeof(struct vgpu_kernel_info) == 32);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_kernel_info, const_bytes) == 8);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_kernel_info, workgroup) == 12);
VGPU_STATIC_ASSERT(vgpu_ring_offset(vgpu_kernel_info, features) == 24);

#endif /* VGPU_DEVICE_H */
