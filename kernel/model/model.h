/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The device model: one vgpu device as uapi/vgpu_device.h specifies it, without
 * anything that a particular world would do for it.
 *
 * DOC: The boundary
 *
 * The caller is called the shell: vgpu.ko, libvgpu's simulator, a test, a
 * fuzzer.  The model never sleeps, locks, allocates or does I/O.  It sees its
 * own state, in memory that the shell gave it, ring memory that the shell made
 * contiguous, and bytes that the shell copied in.  What has to be done outside
 * comes out of vgpu_model_run() as work items, at most as many as the caller
 * has room for; the shell does them and reports each that carries an id to
 * vgpu_model_done().
 *
 * Every function here is called with the instance's lock held, a lock that the
 * shell owns.  None takes a bounded time that depends on the guest: a call of
 * vgpu_model_run() consumes at most @max work items' worth of commands.
 *
 * The work items of one instance are executed one after the other, in the order
 * in which they came out; only LAUNCH and BUILD may go on beside the others.
 * What UNPIN, RING_DETACH and DROP name is gone from the model once they are
 * out: its id may come again.  A shell whose driver has an admin queue calls
 * vgpu_model_run() when it has executed what came out before: answers mean that.
 *
 * All guest-controlled input arrives through vgpu_model_config_write(),
 * _bar0_write(), _bar4_write() and ring memory; none of it is trusted.  What
 * arrives through the other functions is the shell's word; what a worker says
 * in vgpu_model_done() and vgpu_model_built() is not trusted either: an id that
 * is not out is refused.
 */
#ifndef VGPU_MODEL_H
#define VGPU_MODEL_H

#include "os.h"
#include "../../uapi/vgpu_device.h"

struct vgpu_account;
struct vgpu_model;

/**
 * struct vgpu_model_config - what a device is made with
 * @vram_bytes: size of VRAM, a multiple of 4096, up to 1 TiB
 * @limit_bytes: how much of it may be allocated; 0: all
 * @features: VGPU_FEATURE_* to offer
 * @launch_timeout_ns: longest launch; 0: no limit
 * @account: an account above that of the device (the GPU's), or NULL; it
 *	outlives the model
 * @bank_shift: log2 of the bytes of a bank, 12 to 30
 * @subdevice: VGPU_PCI_SUBDEVICE_*
 * @max_contexts: limits; each from 1 to what is given here
 * @max_objects: 65535
 * @max_mappings: 65535
 * @max_rings: 4095
 * @max_counters: 65535
 * @max_kernels: 65535
 * @max_jobs: commands in flight, 4095
 * @max_entries: entries of a ring, a power of two, 8 to 65536
 *
 * Contexts are at most 1023, because each has a doorbell page.
 */
struct vgpu_model_config {
	u64 vram_bytes;
	u64 limit_bytes;
	u64 features;
	u64 launch_timeout_ns;
	struct vgpu_account *account;
	u32 bank_shift;
	u32 subdevice;
	u32 max_contexts;
	u32 max_objects;
	u32 max_mappings;
	u32 max_rings;
	u32 max_counters;
	u32 max_kernels;
	u32 max_jobs;
	u32 max_entries;
};

/**
 * struct vgpu_mem - a piece of memory in a work item
 * @object: 0: VRAM, @offset counts from its start; else the id of a system
 *	object, @offset counts from its first byte
 * @offset: where
 */
struct vgpu_mem {
	u64 offset;
	u32 object;
	u32 reserved;
};

/**
 * struct vgpu_launch - a validated kernel launch, as the engine gets it
 * @kernel: kernel id; @token: what the shell gave with vgpu_model_built()
 * @grid: workgroups in x, y, z
 * @n_ranges: ranges given; one with @bytes 0 is a binding left out
 * @ranges: address is an offset in VRAM here
 * @idempotent: the command allows a second run
 * @timeout_ns: longest run, 0: none
 */
struct vgpu_launch {
	u64 token;
	u64 timeout_ns;
	u32 kernel;
	u32 grid[3];
	u32 n_ranges;
	u32 const_bytes;
	u32 context;
	u32 idempotent;
	struct vgpu_range ranges[VGPU_MAX_RANGES];
	u8 consts[VGPU_MAX_CONST_BYTES];
};

/**
 * enum vgpu_work_kind - what a work item asks the shell to do
 * @VGPU_WORK_COPY: copy @bytes from @from to @to.  They do not overlap, unless
 *	a guest gave one page to two objects: its own loss
 * @VGPU_WORK_CLEAR: fill @bytes at @to with the 32-bit @pattern
 * @VGPU_WORK_FETCH: copy @bytes from @from to @buffer, in the model
 * @VGPU_WORK_SCRUB: make @bytes of VRAM at @to zero; nobody uses them
 * @VGPU_WORK_MOVE: copy @bytes of VRAM from @from to @to, then make zero what
 *	of @from is not @to: it is free memory from then on.  They may overlap;
 *	if so, @to is lower: copy ascending.  To fail, leave @from as it was and
 *	@to zero
 * @VGPU_WORK_LAUNCH: run @launch, which stays valid until it is reported
 * @VGPU_WORK_CANCEL: stop the launch with work id @arg, and then report that
 * @VGPU_WORK_ADMIN_ATTACH: make @bytes of system memory at the device address
 *	@address contiguous and give them to vgpu_model_admin_attach()
 * @VGPU_WORK_ADMIN_DETACH: that memory is not used any longer
 * @VGPU_WORK_RING_ATTACH: make @bytes of system object @from contiguous and
 *	give them to vgpu_model_ring_attach(), for ring @arg; if @poll_ns is not
 *	0, look at it for so long after each command (vgpu_model_poll())
 * @VGPU_WORK_RING_DETACH: ring @arg's memory is not used any longer
 * @VGPU_WORK_PIN: system object @to gets @arg pages from page @to.offset / 4096
 *	on; their addresses are listed at device address @address
 * @VGPU_WORK_UNPIN: system object @to is gone
 * @VGPU_WORK_BUILD: kernel @arg: @bytes at @from are a descriptor and code;
 *	copy, compile, and say vgpu_model_built()
 * @VGPU_WORK_DROP: kernel @arg, @address its token, is gone
 * @VGPU_WORK_GROW: give @bytes of memory by vgpu_model_grow(), @arg says what
 *	for, and report; with an errno, there is none: who needs it gets ENOMEM,
 *	or waits for a job of those that there are
 * @VGPU_WORK_INTERRUPT: send the message of vector @arg
 */
enum vgpu_work_kind {
	VGPU_WORK_COPY,
	VGPU_WORK_CLEAR,
	VGPU_WORK_FETCH,
	VGPU_WORK_SCRUB,
	VGPU_WORK_MOVE,
	VGPU_WORK_LAUNCH,
	VGPU_WORK_CANCEL,
	VGPU_WORK_ADMIN_ATTACH,
	VGPU_WORK_ADMIN_DETACH,
	VGPU_WORK_RING_ATTACH,
	VGPU_WORK_RING_DETACH,
	VGPU_WORK_PIN,
	VGPU_WORK_UNPIN,
	VGPU_WORK_BUILD,
	VGPU_WORK_DROP,
	VGPU_WORK_GROW,
	VGPU_WORK_INTERRUPT,
};

/**
 * struct vgpu_work - a work item
 * @kind: enum vgpu_work_kind
 * @id: 0, or what to report it with
 * @ring: ring id of the command it belongs to, or 0; for tracing
 * @arg: see @kind
 */
struct vgpu_work {
	u32 kind;
	u32 id;
	u32 ring;
	u32 arg;
	struct vgpu_mem to;
	struct vgpu_mem from;
	u64 bytes;
	u64 address;
	u32 pattern;
	u32 poll_ns;
	void *buffer;
	const struct vgpu_launch *launch;
};

/**
 * struct vgpu_model_stats - what a device has done since it was made
 * @queued: commands taken from rings
 * @completed: ended with 0
 * @failed: ended with an errno
 * @bytes_copied: by COPY, UPLOAD and DOWNLOAD
 * @bytes_cleared: by CLEAR
 * @launches: kernels run
 * @busy_ns: time that commands ran
 * @in_flight: commands taken and not ended
 * @vram_used: bytes of VRAM allocated, as placed
 * @vram_peak: the most that ever was
 * @vram_limit: what may be allocated
 * @vram_largest: largest block that could be allocated now
 * @contexts: how many there are, and so on
 */
struct vgpu_model_stats {
	u64 queued;
	u64 completed;
	u64 failed;
	u64 bytes_copied;
	u64 bytes_cleared;
	u64 launches;
	u64 busy_ns;
	u64 in_flight;
	u64 vram_used;
	u64 vram_peak;
	u64 vram_limit;
	u64 vram_largest;
	u32 contexts;
	u32 objects;
	u32 mappings;
	u32 rings;
	u32 counters;
	u32 kernels;
};

/**
 * struct vgpu_model_error - the error record, as the registers have it
 * @address: address or operand at fault
 * @user_data: of the command
 * @status: negative errno, 0: none
 * @source: ring id, or VGPU_SOURCE_*
 * @opcode: of the command
 * @context: context id
 * @count: errors since it was cleared; the rest is about the first of them
 */
struct vgpu_model_error {
	u64 address;
	u64 user_data;
	s32 status;
	u32 source;
	u32 opcode;
	u32 context;
	u32 count;
	u32 reserved;
};

/* All memory that a shell gives is zero, and aligned to this. */
#define VGPU_MODEL_ALIGN	64u

/*
 * A device, in memory of the caller's: vgpu_model_bytes() for all that it will
 * ever need, of which is not touched what is not in use yet; or any less, from
 * vgpu_model_least_bytes() on, and then its tables grow.
 */
size_t vgpu_model_bytes(const struct vgpu_model_config *config);
size_t vgpu_model_least_bytes(const struct vgpu_model_config *config);
int vgpu_model_init(void *mem, size_t bytes,
		    const struct vgpu_model_config *config);
/* Refunds what the device still holds from @account.  The model is gone. */
void vgpu_model_fini(struct vgpu_model *m);

/**
 * enum vgpu_grow - what memory is for
 * @VGPU_GROW_NONE: nothing
 * @VGPU_GROW_JOBS: more commands in flight; before vgpu_model_favour() by the
 *	shell itself
 * @VGPU_GROW_ALL: the tables as long as they may be, for save and load
 */
enum vgpu_grow {
	VGPU_GROW_NONE,
	VGPU_GROW_CONTEXTS,
	VGPU_GROW_OBJECTS,
	VGPU_GROW_MAPPINGS,
	VGPU_GROW_RINGS,
	VGPU_GROW_COUNTERS,
	VGPU_GROW_KERNELS,
	VGPU_GROW_JOBS,
	VGPU_GROW_ALL,
};

/*
 * For a shell that is its own driver: what an admin command takes a slot of,
 * and how many bytes the device lacks for one more of that; 0: none.
 */
u32 vgpu_model_takes(u16 opcode);
size_t vgpu_model_short(const struct vgpu_model *m, u32 what);

/**
 * vgpu_model_grow() - give a device memory
 * @m: device
 * @what: enum vgpu_grow
 * @mem: memory, the model's from now on
 * @bytes: as vgpu_model_short() or the work item said
 *
 * Return: memory that is the shell's again, or NULL.  It is @mem if that does
 * not help any more, because something else has grown since.
 */
void *vgpu_model_grow(struct vgpu_model *m, u32 what, void *mem, size_t bytes);
/* After vgpu_model_fini(): pieces that vgpu_model_grow() took, until NULL. */
void *vgpu_model_reclaim(struct vgpu_model *m);

/*
 * The guest's side.  @size is 1, 2 or 4 (config), 4 or 8 (BARs).  Reads of
 * anything else give all ones.
 */
u32 vgpu_model_config_read(struct vgpu_model *m, u32 offset, u32 size);
void vgpu_model_config_write(struct vgpu_model *m, u32 offset, u32 size,
			     u32 value);
u64 vgpu_model_bar0_read(struct vgpu_model *m, u64 offset, u32 size,
			 u64 now_ns);
/* The id of the ring whose doorbell that was, or 0. */
u32 vgpu_model_bar0_write(struct vgpu_model *m, u64 offset, u32 size,
			  u64 value);
u64 vgpu_model_bar4_read(struct vgpu_model *m, u64 offset, u32 size);
void vgpu_model_bar4_write(struct vgpu_model *m, u64 offset, u32 size,
			   u64 value);

/*
 * The shell delivers the messages of these vectors, and keeps MSI-X itself from
 * now on.  With VFIO it is so: the VMM shows the guest a table of its own, which
 * never reaches BAR4, and says what each vector is connected to; that outlives
 * resets.  A message of any other vector is pending until it is among them.
 */
void vgpu_model_vectors(struct vgpu_model *m, u32 vectors);
/* A message could not be delivered: its vector was given up meanwhile. */
void vgpu_model_undelivered(struct vgpu_model *m, u32 vector);

/* The shell's side of a doorbell: look at that ring.  -ENOENT. */
int vgpu_model_kick(struct vgpu_model *m, u32 ring);

/*
 * A ring of the shell's own, which others wait for: some jobs are kept for such
 * rings, so that its memory commands never wait for a launch of another ring.
 * -ENOENT.
 */
int vgpu_model_favour(struct vgpu_model *m, u32 ring);

/**
 * vgpu_model_poll() - a thread of the shell looks at a ring from now on, or not
 * @m: device
 * @ring: ring id
 * @on: while it is on, an empty ring does not ask producers for a doorbell.
 *	Completions that have no room still do
 *
 * Return: 0, and the ring is looked at next; -ENOENT.
 */
int vgpu_model_poll(struct vgpu_model *m, u32 ring, bool on);

/*
 * Where to look, and for what: when the word says @seq, kick the ring.  NULL: it
 * has to be run, or waits for something else.  The word is ring memory: valid
 * until RING_DETACH is executed.
 */
const u32 *vgpu_model_poll_slot(const struct vgpu_model *m, u32 ring, u32 *seq);

/**
 * vgpu_model_run() - take commands and say what there is to do
 * @m: device
 * @now_ns: device clock
 * @work: room for @max items
 * @max: at least 1
 *
 * Return: the number of items written; 0 means that there is nothing to do
 * until a doorbell, a report, or an admin call.  (Commands that need no work
 * are completed without an item; a call that used up its budget on those
 * returns 0 too, and vgpu_model_pending() is true.)
 */
u32 vgpu_model_run(struct vgpu_model *m, u64 now_ns, struct vgpu_work *work,
		   u32 max);
bool vgpu_model_pending(const struct vgpu_model *m);

/**
 * vgpu_model_done() - report a work item
 * @m: device
 * @id: &vgpu_work.id
 * @status: 0 or a negative errno
 * @now_ns: device clock
 * @run_ns: how long it ran, as the shell measured it
 *
 * Return: 0, or -ENOENT if no such item is out; nothing has changed then.
 */
int vgpu_model_done(struct vgpu_model *m, u32 id, s32 status, u64 now_ns,
		    u64 run_ns);

/* A BUILD ended: @status, and if that is 0 what the code uses. */
int vgpu_model_built(struct vgpu_model *m, u32 id, s32 status,
		     const struct vgpu_kernel_info *info, u64 token);

/*
 * Memory of the admin queue or of a ring, for a work item *_ATTACH.  @status: 0,
 * or why there is none; a ring's is NULL then.
 */
int vgpu_model_admin_attach(struct vgpu_model *m, u32 id, s32 status,
			    void *mem);
int vgpu_model_ring_attach(struct vgpu_model *m, u32 id, void *mem);

/**
 * vgpu_model_admin() - an admin command from the shell itself
 * @m: device
 * @cmd: as in the admin queue; @seq and @user_data are ignored
 * @result: two words
 *
 * For a shell that is its own driver (the DRM node on a host, the simulator).
 * What makes something is -ENOMEM while vgpu_model_short() says so of what it
 * takes.
 *
 * SYSTEM_CREATE makes an object whose pages are there at once: the shell knows
 * them by the object's id.  RING_CREATE takes ring memory by
 * vgpu_model_ring_memory() afterwards.  SYSTEM_PAGES and KERNEL_CREATE are
 * EOPNOTSUPP here, and COMPACT is vgpu_model_compact().
 *
 * Return: 0 or a negative errno of vgpu_device.h.
 */
int vgpu_model_admin(struct vgpu_model *m, const struct vgpu_cmd *cmd,
		     u64 result[2]);
int vgpu_model_ring_memory(struct vgpu_model *m, u32 ring, void *mem);
/*
 * The shell's driver has no more use for an object: it is destroyed as soon as
 * no mapping, pin or ring has it.  -ENOENT.
 */
int vgpu_model_object_close(struct vgpu_model *m, u32 object);
/* A kernel that the shell has built itself; takes VGPU_GROW_KERNELS. */
int vgpu_model_kernel_add(struct vgpu_model *m, u32 context,
			  const struct vgpu_kernel_info *info, u64 token,
			  u32 *kernel);

/**
 * vgpu_model_compact() - start to compact VRAM
 * @m: device
 * @max_bytes: stop after that many
 *
 * MOVE items come out of vgpu_model_run() until it is over.
 * Return: 0, -EBUSY if it is going on already, -EOPNOTSUPP without the feature.
 */
int vgpu_model_compact(struct vgpu_model *m, u64 max_bytes);
/* The bytes that the last compaction moved; -EAGAIN while it is going on. */
int vgpu_model_compacted(struct vgpu_model *m, u64 *bytes, bool *more);

/*
 * A system object's pages are going away (dma_unmap): commands that start from
 * now on fault.  Returns how many commands in flight still use it.
 */
int vgpu_model_system_gone(struct vgpu_model *m, u32 object);

/*
 * The admin queue's memory is going away: nothing is written to it from now on,
 * and only a reset helps.  If ADMIN_ATTACH is out, answer it with EFAULT instead.
 */
void vgpu_model_admin_gone(struct vgpu_model *m);

/* Completes launches that have run too long with ETIMEDOUT; CANCEL comes out. */
void vgpu_model_tick(struct vgpu_model *m, u64 now_ns);
/* When vgpu_model_tick() is due next; U64_MAX: never. */
u64 vgpu_model_deadline(const struct vgpu_model *m);

/*
 * A launch that is out ends with @status now, for a shell that knows better
 * than the clock; what it holds stays held until it is reported.  -ENOENT.
 */
int vgpu_model_abort(struct vgpu_model *m, u32 id, s32 status, u64 now_ns);

/* An engine is there, or was lost: launches in flight end with EIO. */
void vgpu_model_engine(struct vgpu_model *m, bool present, u64 now_ns);
/*
 * What the device offers from now on, for a shell that is its own driver: an
 * engine brings some of it.
 */
void vgpu_model_offer(struct vgpu_model *m, u64 features);

/* As VGPU_CONTROL_RESET; FLR and D3hot do the same. */
void vgpu_model_reset(struct vgpu_model *m);
/* All contexts go, with what they have; objects that are nobody's stay. */
void vgpu_model_clear(struct vgpu_model *m);
/* Telemetry; VGPU_UNKNOWN for what is not known. */
void vgpu_model_telemetry(struct vgpu_model *m, u32 temperature, u32 power,
			  u32 power_limit);
int vgpu_model_set_limit(struct vgpu_model *m, u64 bytes);

/* For tests, statistics and tools. */
void vgpu_model_stats(const struct vgpu_model *m,
		      struct vgpu_model_stats *stats);
void vgpu_model_error(const struct vgpu_model *m,
		      struct vgpu_model_error *error);
/*
 * The VRAM block at or after @offset: false if there is none.  @pinned: it
 * cannot move now.
 */
bool vgpu_model_next_block(const struct vgpu_model *m, u64 offset, u32 *object,
			   u64 *start, u64 *bytes, bool *pinned);
/**
 * vgpu_model_range() - what backs the first bytes of a range
 * @m: device
 * @context: context id
 * @address: first address
 * @bytes: how many, not 0; gets how many of them @mem has in one piece
 * @write: whether they are to be written
 * @mem: gets where they are, as long as nothing moves
 *
 * Return: 0; -ENOENT, no such context; -EFAULT; -EACCES.
 */
int vgpu_model_range(const struct vgpu_model *m, u32 context, u64 address,
		     u64 *bytes, bool write, struct vgpu_mem *mem);
/* The enum vgpu_ring_state of a ring, or -ENOENT. */
int vgpu_model_ring_state(const struct vgpu_model *m, u32 ring);

/**
 * vgpu_model_save() - write down the state of a device, for migration
 * @m: device; nothing may be in flight
 * @buf: where to, or NULL
 * @bytes: room
 *
 * VRAM's content, guest memory and kernels' code are the shell's to carry.
 * Return: the bytes needed or written; -EBUSY; -ENOSPC; -ENOMEM, as long as
 * there is something to VGPU_GROW_ALL.
 */
s64 vgpu_model_save(const struct vgpu_model *m, void *buf, size_t bytes);

/**
 * vgpu_model_load() - bring a device that was just initialised to a saved state
 * @m: device, from vgpu_model_init() with the same configuration
 * @buf: what vgpu_model_save() wrote; not trusted
 * @bytes: its size
 *
 * RING_ATTACH and ADMIN_ATTACH items come out of vgpu_model_run() for the rings
 * that the state has.  The device clock is the shell's: it goes on from where it
 * stood, if the shell sees to that.  Kernels keep what is known of them; the shell, which
 * carried their code, builds them again and says so by
 * vgpu_model_kernel_token() before it runs the device.
 * Return: 0 or -EINVAL, and then the device is as after a reset; -ENOMEM as
 * above.
 */
int vgpu_model_load(struct vgpu_model *m, const void *buf, size_t bytes);
int vgpu_model_kernel_token(struct vgpu_model *m, u32 kernel, u64 token);

/* Checks every invariant; for tests.  NULL, or what does not hold. */
const char *vgpu_model_check(const struct vgpu_model *m);

#endif /* VGPU_MODEL_H */
