/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the files of the device model share: the structures of a device, and
 * what each file does for the others.
 *
 * Everything refers to everything else by index, 0 meaning none; the only
 * pointers are those into the device's own memory and to ring memory.
 *
 * DOC: Lifetimes
 *
 * A command that was taken is a job until it has ended.  A job holds the
 * objects that it touches (@busy): not their mappings, which may go at once.
 * An object that is destroyed while jobs hold it loses its id for everybody and
 * its memory when the last job ends; VRAM is scrubbed before it is anybody's
 * again, and counts as used until then.  A job whose ring or device was reset
 * is an orphan: it completes nowhere, and holds its objects until the shell
 * has reported it.
 */
#ifndef VGPU_MODEL_INTERNAL_H
#define VGPU_MODEL_INTERNAL_H

#include "model.h"
#include "account.h"
#include "table.h"
#include "vram.h"

struct vgpu_context {
	struct vgpu_account account;
	u64 hole;		/* where to look for room next */
	u32 objects;		/* that it owns, those being scrubbed included */
	bool dead;		/* waits for its objects */
};

/* Of an object by its driver: a reset undoes them one by one. */
#define VGPU_MAX_PINS		65535u

enum vgpu_object_kind {
	VGPU_OBJECT_VRAM,
	VGPU_OBJECT_SYSTEM,
};

enum vgpu_object_state {
	VGPU_OBJECT_LIVE,
	VGPU_OBJECT_DYING,	/* destroyed, jobs still hold it */
	VGPU_OBJECT_TODO,	/* in the todo line: SCRUB or UNPIN */
	VGPU_OBJECT_SCRUB,	/* SCRUB is out */
};

struct vgpu_object {
	u64 bytes;
	u32 owner;		/* context, or 0 */
	u32 block;		/* VRAM: handle in the allocator */
	u32 pages;		/* system: pages given so far */
	u32 maps;		/* mappings of it */
	u32 pins;		/* by the driver */
	u32 rings;		/* rings whose memory it is */
	u32 busy;		/* jobs, builds and dying rings that hold it */
	u8 kind;
	u8 state;
	bool moving;		/* MOVE is out: it cannot be held */
	bool gone;		/* system: its pages are going away */
	bool closed;		/* destroyed as soon as nobody maps or has it */
	bool pinning;		/* PIN is out, and holds it */
	bool answer;		/* the admin queue waits for its end */
	u64 user_data;		/* of that OBJECT_DESTROY */
};

struct vgpu_mapping {
	u64 bytes;
	u64 offset;		/* in the object */
	u32 object;
	u32 flags;		/* VGPU_MAP_F_READ_ONLY */
};

struct vgpu_counter {
	u64 value;
	u32 context;
	u32 waiters;		/* list of rings */
	u32 users;		/* rings whose counter it is */
	u32 watch;		/* 1 + vector to be raised by a change, or 0 */
};

enum vgpu_kernel_state {
	VGPU_KERNEL_BUILDING,
	VGPU_KERNEL_READY,
	VGPU_KERNEL_DYING,
};

struct vgpu_kernel {
	struct vgpu_kernel_info info;
	u64 token;
	u64 user_data;		/* of KERNEL_CREATE, while it is built */
	u32 context;
	u64 offset;		/* of descriptor and code in @object */
	u64 bytes;
	u32 object;		/* system memory, held while it is built */
	u32 busy;		/* launches, and the build */
	u8 state;
	bool out;		/* BUILD is out */
	bool answer;		/* the admin queue waits for the build */
};

enum vgpu_ring_block {
	VGPU_BLOCK_NONE,
	VGPU_BLOCK_JOBS,	/* until one of its own jobs ends */
	VGPU_BLOCK_COUNTER,	/* until a counter is high enough */
	VGPU_BLOCK_POOL,	/* until any job ends */
	VGPU_BLOCK_MOVE,	/* until a block has been moved */
};

struct vgpu_uring {
	struct vgpu_ring_consumer dev;	/* memory and private indices */
	struct vgpu_cmd cmd;	/* taken, cannot start yet; valid if @parked */
	u64 parked_ns;
	u64 stop;		/* paused: take nothing from this position on */
	u64 taken;
	u64 completed;
	u64 wait_value;
	u32 context;
	u32 object;
	u32 counter;
	u32 wait_counter;
	u32 wait_next;
	u32 first;		/* its jobs, in the order of commands */
	u32 last;
	u32 running;		/* those that have not ended */
	u32 launches;		/* those of them that are launches */
	u32 next;		/* line of its level, or of the pool */
	u32 flags;
	u32 poll_ns;		/* how long the shell is to look after a command */
	u8 state;		/* enum vgpu_ring_state */
	u8 blocked;		/* enum vgpu_ring_block */
	u8 priority;
	u8 vector;
	bool parked;
	bool queued;		/* in the line of its level */
	bool flushing;		/* a reset is under way */
	bool dying;		/* waits for its DETACH */
	bool attaching;		/* RING_ATTACH is to do or out: no DETACH yet */
	bool answer;		/* the admin queue waits for its ATTACH */
	bool polled;		/* the shell looks: nobody needs a doorbell */
	bool favoured;		/* has jobs kept for it */
};

enum vgpu_job_state {
	VGPU_JOB_READY,		/* has items to hand out, is in the ready line */
	VGPU_JOB_OUT,		/* all handed out, waits for reports */
	VGPU_JOB_DONE,		/* ended, waits for earlier ones to signal */
};

/* A contiguous piece of what a command names. */
struct vgpu_extent {
	u64 offset;		/* in the object */
	u64 bytes;
	u32 object;
	u32 reserved;
};

struct vgpu_job {
	u64 user_data;
	u64 signal;		/* value for the ring's counter */
	u64 taken_ns;
	u64 start_ns;
	u64 deadline_ns;	/* of a launch that runs, or U64_MAX */
	u32 ring;		/* 0: orphan */
	u32 context;
	u32 prev;		/* jobs of the same ring */
	u32 next;
	u32 next_ready;
	u32 out;		/* items handed out and not reported */
	u32 kernel;		/* held by a launch */
	u32 pattern;
	s32 status;
	u16 flags;
	u8 opcode;
	u8 state;
	bool fetching;		/* a launch that waits for its arguments */
	bool cancel;		/* to be cancelled: in the todo line */
	bool retry;		/* a launch that waits for a block being moved */
	u8 n_held;
	u8 n_to;
	u8 n_from;
	u8 at_to;		/* pieces handed out so far */
	u8 at_from;
	u64 at_to_bytes;
	u64 at_from_bytes;
	struct vgpu_extent to[VGPU_MAX_EXTENTS];
	struct vgpu_extent from[VGPU_MAX_EXTENTS];
	u32 held[2 * VGPU_MAX_EXTENTS];
	struct vgpu_args args;	/* as fetched */
	struct vgpu_launch launch;
};

enum vgpu_todo_kind {
	VGPU_TODO_SCRUB,
	VGPU_TODO_UNPIN,
	VGPU_TODO_DROP,
	VGPU_TODO_DETACH,
	VGPU_TODO_ATTACH,
	VGPU_TODO_CANCEL,
	VGPU_TODO_BUILD,
};

struct vgpu_todo {
	u16 kind;
	u16 index;
};

/* What the admin queue waits for; it executes nothing else meanwhile. */
enum vgpu_admin_wait {
	VGPU_ADMIN_WAIT_NONE,
	VGPU_ADMIN_WAIT_PIN,
	VGPU_ADMIN_WAIT_RING,
	VGPU_ADMIN_WAIT_COMPACT,
	VGPU_ADMIN_WAIT_MEMORY,
};

struct vgpu_admin {
	struct vgpu_ring_consumer dev;
	struct vgpu_cmd cmd;	/* the one that waits */
	u32 wait;		/* enum vgpu_admin_wait */
	u32 index;		/* what it waits for */
	u32 builds;		/* KERNEL_CREATEs without an answer yet */
	u32 attach_id;		/* of the ADMIN_ATTACH that is out */
	bool attach_todo;	/* ADMIN_ATTACH is to be handed out */
	bool detach_todo;
	bool attaching;		/* ADMIN_ATTACH is to do or out */
	bool attached;
	bool rung;		/* doorbell */
	bool pin_todo;		/* the PIN item is to be handed out */
	bool broken;		/* its memory made no sense */
	bool resume;		/* its ring was carried along by a load */
};

struct vgpu_compact {
	struct vgpu_vram_cursor cursor;
	struct vgpu_vram_move move;
	u64 budget;
	u64 moved;
	u32 object;		/* being moved, or 0 */
	u32 id;			/* of the MOVE that is out */
	bool active;
	bool out;		/* MOVE is out */
	bool more;
};

struct vgpu_error_record {
	u64 address;
	u64 user_data;
	u32 status;
	u32 source;
	u32 opcode;
	u32 context;
	u32 count;
};

struct vgpu_level {
	u64 vtime;		/* ns of run time over weight */
	u32 first;
	u32 last;
};

/* Jobs lie in leaves of so many: work items point into them. */
#define VGPU_JOBS_LEAF		8u
/* Jobs that only favoured rings get; fewer while there are few. */
#define VGPU_JOBS_KEPT		8u

struct vgpu_model {
	struct vgpu_model_config config;

	/* Memory, see memory.c. */
	struct vgpu_model_config room;	/* what there is memory for */
	void *tables;
	void *first_tables;	/* in the piece that this is in */
	size_t tables_bytes;
	struct vgpu_job **jobs;	/* leaves */
	u32 leaves;
	u32 first_leaves;	/* likewise */

	/* What follows is zero in a new device. */
	struct vgpu_account account;

	struct vgpu_table contexts_table;
	struct vgpu_table objects_table;
	struct vgpu_table rings_table;
	struct vgpu_table counters_table;
	struct vgpu_table kernels_table;
	struct vgpu_table jobs_table;

	struct vgpu_context *contexts;
	struct vgpu_object *objects;
	u32 *block_objects;	/* by vgpu_vram_slot() */
	struct vgpu_uring *rings;
	struct vgpu_counter *counters;
	struct vgpu_kernel *kernels;
	struct vgpu_vram *vram;

	/* Mappings, sorted by context and address. */
	u64 *map_keys;
	u32 *map_index;
	struct vgpu_mapping *maps;
	struct vgpu_table maps_table;

	struct vgpu_todo *todo;
	u32 todo_size;
	u32 todo_head;
	u32 todo_count;

	u32 ready_first;	/* jobs with items to hand out */
	u32 ready_last;
	u32 pool_first;		/* rings that wait for a job */
	u32 pool_last;

	struct vgpu_level levels[VGPU_PRIORITIES];
	u32 lines;		/* a bit for each level that has rings */
	u64 vtime;		/* of the level that was picked last */

	struct vgpu_admin admin;
	struct vgpu_compact compact;
	struct vgpu_error_record error;
	struct vgpu_model_stats stats;

	u64 now_ns;
	u64 accepted;
	u64 admin_address;
	u32 admin_entries;
	u32 status;
	u32 status_seen;	/* what the register says of it */
	u32 clock_hi;
	u32 irq_status;
	u32 irq_mask;
	u32 irq_out;		/* vectors whose message is to be sent */
	u32 temperature;
	u32 power;
	u32 power_limit;
	u32 scratch;
	u32 id;
	u32 version;
	u32 timeout_ms;
	u32 scrubs;		/* blocks that wait to be zeroed */
	u32 serial;		/* of work ids */
	u32 jobs_kept;		/* for favoured rings, once there was one */
	bool jobs_short;	/* a ring waits for one that there could be */
	u32 grow_id;		/* of the GROW that is out, or 0 */
	u32 grow_what;

	u8 pci[256];		/* configuration space as the guest reads it */
	u32 msix[VGPU_MSIX_VECTORS * 4];
	u32 msix_pending;
	u32 vectors;		/* that the shell delivers, if it says so */
	bool vectors_given;	/* it does */
};

/*
 * Work ids: what is waited for, part of its generation, its index.  Ids of one
 * kind are checked by the file that hands them out.
 */
#define VGPU_WORK_CLASS_SHIFT	28
#define VGPU_WORK_JOB		1u
#define VGPU_WORK_ADMIN		2u
#define VGPU_WORK_OBJECT	3u
#define VGPU_WORK_COMPACT	4u
#define VGPU_WORK_KERNEL	5u
#define VGPU_WORK_RING		6u
#define VGPU_WORK_ENABLE	7u
#define VGPU_WORK_MEMORY	8u

static inline u32 vgpu_work_id(u32 class, u32 gen, u32 index)
{
	return class << VGPU_WORK_CLASS_SHIFT | (gen & 0xfff) << 16 | index;
}

/* The slot of table @t that work id @id is about, or 0. */
static inline u32 vgpu_work_find(const struct vgpu_table *t, u32 id)
{
	u32 index = id & 0xffff;

	if (!index || index > t->max)
		return 0;
	index = array_index_nospec(index, t->max + 1);
	if (!vgpu_table_used(t, index) ||
	    (t->gen[index] & 0xfff) != (id >> 16 & 0xfff))
		return 0;
	return index;
}

/* What a shell or a worker says went wrong: an errno, or else it is EIO. */
static inline s32 vgpu_believe_status(s32 status)
{
	return status < 0 && status >= -4095 ? status : -EIO;
}

/*
 * What a copy or clear writes at most, and when all those of one call are enough:
 * whoever executes them comes back to the model after that, and a reset and the
 * admin queue wait no longer.
 */
#define VGPU_OUT_BYTES		(64ull << 20)

/* A writer of work items with a limit, and what copies and clears write. */
struct vgpu_out {
	struct vgpu_work *work;
	u32 n;
	u32 max;
	u64 bytes;
};

static inline bool vgpu_out_full(const struct vgpu_out *out)
{
	return out->n == out->max;
}

/* No more commands now. */
static inline bool vgpu_out_enough(const struct vgpu_out *out)
{
	return vgpu_out_full(out) || out->bytes >= VGPU_OUT_BYTES;
}

static inline struct vgpu_work *vgpu_out_add(struct vgpu_out *out, u32 kind)
{
	struct vgpu_work *w = &out->work[out->n++];

	memset(w, 0, sizeof(*w));
	w->kind = kind;
	return w;
}

/*
 * What an id from outside names, if it is alive; 0 otherwise.
 */
static inline u32 vgpu_find_context(const struct vgpu_model *m, u64 id)
{
	u32 i = vgpu_table_find(&m->contexts_table, id);

	return i && !m->contexts[i].dead ? i : 0;
}

static inline u32 vgpu_find_object(const struct vgpu_model *m, u64 id)
{
	u32 i = vgpu_table_find(&m->objects_table, id);

	return i && m->objects[i].state == VGPU_OBJECT_LIVE ? i : 0;
}

static inline u32 vgpu_find_ring(const struct vgpu_model *m, u64 id)
{
	u32 i = vgpu_table_find(&m->rings_table, id);

	return i && !m->rings[i].dying ? i : 0;
}

static inline u32 vgpu_find_counter(const struct vgpu_model *m, u64 id)
{
	return vgpu_table_find(&m->counters_table, id);
}

static inline u32 vgpu_find_kernel(const struct vgpu_model *m, u64 id)
{
	u32 i = vgpu_table_find(&m->kernels_table, id);

	return i && m->kernels[i].state == VGPU_KERNEL_READY ? i : 0;
}

/* What the driver may use: a shell that is its own driver may use all. */
static inline u64 vgpu_features(const struct vgpu_model *m)
{
	return m->status & VGPU_STATUS_ENABLED ? m->accepted :
						 m->config.features;
}

/* A work id for what there is one of at a time. */
static inline u32 vgpu_serial_id(struct vgpu_model *m, u32 class)
{
	return class << VGPU_WORK_CLASS_SHIFT |
	       (++m->serial & ((1u << VGPU_WORK_CLASS_SHIFT) - 1));
}

/* A ring whose memory is not there: nothing may be added to a null pointer. */
static inline void vgpu_ring_absent(struct vgpu_ring *r, u32 sq, u32 cq)
{
	r->hdr = NULL;
	r->sq = NULL;
	r->cq = NULL;
	r->sq_entries = sq;
	r->cq_entries = cq;
}

static inline struct vgpu_job *vgpu_job(const struct vgpu_model *m, u32 job)
{
	return &m->jobs[job / VGPU_JOBS_LEAF][job % VGPU_JOBS_LEAF];
}

/* memory.c */
int vgpu_memory_init(struct vgpu_model *m, size_t bytes,
		     const struct vgpu_model_config *config);
void vgpu_memory_clear(struct vgpu_model *m);
size_t vgpu_grow_bytes(const struct vgpu_model *m, u32 what);
/* Somebody waits for memory that has not been asked for.  Often looked at. */
static inline bool vgpu_grow_pending(const struct vgpu_model *m)
{
	return (m->jobs_short || m->admin.wait == VGPU_ADMIN_WAIT_MEMORY) &&
	       !m->grow_id;
}

/* If so. */
void vgpu_grow_step(struct vgpu_model *m, struct vgpu_out *out);
int vgpu_grow_done(struct vgpu_model *m, u32 id, s32 status);

/* model.c */
int vgpu_model_begin(struct vgpu_model *m);
void vgpu_todo_add(struct vgpu_model *m, enum vgpu_todo_kind kind, u32 index);

void vgpu_model_refresh(struct vgpu_model *m);

/* pci.c */
void vgpu_pci_reset(struct vgpu_model *m);
void vgpu_pci_load(struct vgpu_model *m, const u8 *pci, const u8 *msix);
bool vgpu_pci_asleep(const struct vgpu_model *m);
bool vgpu_msix_open(const struct vgpu_model *m, u32 vector);

/* regs.c */
bool vgpu_bar_access(const struct vgpu_model *m, u64 offset, u32 size,
		     u64 bytes);

/* irq.c */
void vgpu_irq_raise(struct vgpu_model *m, u32 vector);
void vgpu_irq_set_mask(struct vgpu_model *m, u32 mask);
void vgpu_error_note(struct vgpu_model *m, u32 source, s32 status, u32 opcode,
		     u32 context, u64 address, u64 user_data);

/* context.c */
int vgpu_context_create(struct vgpu_model *m, u64 limit, u32 *ctx);
void vgpu_context_destroy(struct vgpu_model *m, u32 ctx);
void vgpu_context_put(struct vgpu_model *m, u32 ctx);

/* object.c */
int vgpu_block_create(struct vgpu_model *m, u64 bytes, u64 align, u32 owner,
		      u64 flags, u32 *object);
int vgpu_system_create(struct vgpu_model *m, u64 bytes, u32 owner, u32 *object);
int vgpu_object_destroy(struct vgpu_model *m, u32 object);
void vgpu_object_unused(struct vgpu_model *m, u32 object);
void vgpu_object_kill(struct vgpu_model *m, u32 object);
int vgpu_object_pin(struct vgpu_model *m, u32 object, bool pin);
u64 vgpu_object_offset(const struct vgpu_model *m, u32 object);
bool vgpu_object_ready(const struct vgpu_model *m, u32 object);
int vgpu_object_hold(struct vgpu_model *m, u32 object);
void vgpu_object_put(struct vgpu_model *m, u32 object);
void vgpu_object_move(struct vgpu_model *m, u32 object, bool moving);
void vgpu_object_todo(struct vgpu_model *m, u32 object, struct vgpu_work *w);
int vgpu_object_scrubbed(struct vgpu_model *m, u32 id, s32 status);

/* map.c */
int vgpu_map(struct vgpu_model *m, u32 ctx, u32 object, u64 *address,
	     u64 offset, u64 bytes, u64 flags);
int vgpu_unmap(struct vgpu_model *m, u32 ctx, u64 address);
void vgpu_unmap_all(struct vgpu_model *m, u32 ctx);
int vgpu_resolve(const struct vgpu_model *m, u32 ctx, u64 address, u64 bytes,
		 bool write, struct vgpu_extent *extents, u32 max, u64 *fault);

/* counter.c */
int vgpu_counter_create(struct vgpu_model *m, u32 ctx, u64 value, u32 *counter);
int vgpu_counter_destroy(struct vgpu_model *m, u32 counter);
int vgpu_counter_signal(struct vgpu_model *m, u32 counter, u64 value);
void vgpu_counter_wait(struct vgpu_model *m, u32 counter, u32 ring, u64 value);
void vgpu_counter_leave(struct vgpu_model *m, u32 ring);

/* kernel.c */
int vgpu_kernel_make(struct vgpu_model *m, const struct vgpu_cmd *cmd,
		     u32 *kernel);
void vgpu_kernel_kill(struct vgpu_model *m, u32 kernel);
void vgpu_kernel_put(struct vgpu_model *m, u32 kernel);
bool vgpu_kernel_info_valid(const struct vgpu_model *m,
			    const struct vgpu_kernel_info *i);
bool vgpu_kernel_build(struct vgpu_model *m, u32 kernel, struct vgpu_work *w);

/* uring.c */
int vgpu_uring_create(struct vgpu_model *m, u32 ctx, u32 object, u64 entries,
		      u64 flags, u32 counter, u64 poll_ns, u32 *ring);
bool vgpu_uring_rename(struct vgpu_model *m, u32 *ring, u32 id);
void vgpu_uring_memory(struct vgpu_model *m, u32 ring, void *mem);
void vgpu_uring_resume(struct vgpu_model *m, u32 ring, void *mem);
void vgpu_uring_gone(struct vgpu_model *m, u32 ring);
void vgpu_uring_fail(struct vgpu_model *m, u32 ring, s32 status);
int vgpu_uring_control(struct vgpu_model *m, u32 ring, u64 what);
void vgpu_uring_destroy(struct vgpu_model *m, u32 ring);
void vgpu_uring_free(struct vgpu_model *m, u32 ring);
void vgpu_uring_step(struct vgpu_model *m, u32 ring, u32 *budget);
void vgpu_uring_complete(struct vgpu_model *m, struct vgpu_uring *r,
			 u64 user_data, s32 status, u16 flags, u64 taken_ns,
			 u64 start_ns);
void vgpu_uring_wake(struct vgpu_model *m, u32 ring, enum vgpu_ring_block why);

/* command.c */
int vgpu_command_start(struct vgpu_model *m, u32 ring);

/* job.c */
bool vgpu_job_free_for(const struct vgpu_model *m, u32 ring);
u32 vgpu_job_take(struct vgpu_model *m, u32 ring, const struct vgpu_cmd *cmd);
void vgpu_job_link(struct vgpu_model *m, u32 job);
void vgpu_job_ready(struct vgpu_model *m, u32 job);
void vgpu_job_hand_out(struct vgpu_model *m, struct vgpu_out *out);
int vgpu_job_hold(struct vgpu_model *m, u32 job, u32 object);
void vgpu_job_free(struct vgpu_model *m, u32 job);
void vgpu_job_end(struct vgpu_model *m, u32 job, s32 status);
void vgpu_job_abort(struct vgpu_model *m, u32 job, s32 status);
void vgpu_job_give_up(struct vgpu_model *m, u32 job, s32 status);
int vgpu_job_stop(struct vgpu_model *m, u32 id, s32 status);
void vgpu_job_tick(struct vgpu_model *m, u32 job);
void vgpu_job_lost(struct vgpu_model *m, u32 job);
void vgpu_job_retry(struct vgpu_model *m, u32 job);
bool vgpu_job_cancel_item(struct vgpu_model *m, u32 job, struct vgpu_work *w);
int vgpu_job_done(struct vgpu_model *m, u32 id, s32 status, u64 run_ns);

/* launch.c */
int vgpu_launch_prepare(struct vgpu_model *m, u32 job,
			const struct vgpu_cmd *cmd, u64 *fault);
int vgpu_launch_args(struct vgpu_model *m, u32 job, u64 *fault);

/* sched.c */
void vgpu_sched_add(struct vgpu_model *m, u32 ring);
void vgpu_sched_remove(struct vgpu_model *m, u32 ring);
u32 vgpu_sched_pick(struct vgpu_model *m);
/* Weights are powers of four, because each command is charged. */
static inline void vgpu_sched_charge(struct vgpu_model *m, u32 ring, u64 run_ns)
{
	u32 priority = m->rings[ring].priority;

	m->levels[priority].vtime += run_ns >> 2 * priority;
}
void vgpu_sched_starve(struct vgpu_model *m, u32 ring);
void vgpu_sched_feed(struct vgpu_model *m);

/* compact.c */
void vgpu_compact_step(struct vgpu_model *m, struct vgpu_out *out);
int vgpu_compact_done(struct vgpu_model *m, u32 id, s32 status);

/* admin.c */
void vgpu_admin_enable(struct vgpu_model *m);
void vgpu_admin_disable(struct vgpu_model *m);
void vgpu_admin_step(struct vgpu_model *m, struct vgpu_out *out);
void vgpu_admin_answer(struct vgpu_model *m, u64 user_data, s32 status, u64 r0,
		       u64 r1);
void vgpu_admin_wake(struct vgpu_model *m, enum vgpu_admin_wait what, u32 index,
		     s32 status, u64 r0, u64 r1);
int vgpu_admin_done(struct vgpu_model *m, u32 id, s32 status);
void vgpu_admin_grown(struct vgpu_model *m, u32 what, s32 status);

#endif /* VGPU_MODEL_INTERNAL_H */
