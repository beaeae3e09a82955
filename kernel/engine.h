/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The engine channel: launches of a tenant go to a worker process, and come
 * back; see uapi/vgpu_engine.h.
 *
 * DOC: Who does what
 *
 * engine_attach.c    the supervisor's file: an engine for a GPU
 * engine_channel.c   a worker's file: memory, doorbells, and their end
 * engine_ring.c      commands to a worker, and its answers
 * engine.c           a tenant's launches, their limits, and lost workers
 * engine_code.c      kernels: their code, and having it built
 *
 * All that a tenant has out is in struct vgpu_engine_tenant, under the tenant's
 * lock, and never in memory that a worker sees.  A worker's doorbell does
 * nothing but wake the tenant's thread: nothing of the tenant runs in a worker,
 * and nobody waits for one but by looking at the clock.
 *
 * DOC: Locks
 *
 * &vgpu_gpu.tenants_lock, &vgpu_tenant.lock, &vgpu_channel.map_lock (which the
 * fault handler takes, below mmap_lock; then &vgpu_store.lock and a page's),
 * &vgpu_engine.lock.
 */
#ifndef VGPU_ENGINE_SHELL_H
#define VGPU_ENGINE_SHELL_H

#include <linux/completion.h>
#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "model/model.h"
#include "uapi/vgpu_engine.h"

struct file;
struct vgpu_gpu;
struct vgpu_tenant;

/* Entries of a worker's ring, and slots; fewer commands are out. */
#define VGPU_CHANNEL_ENTRIES	256u
#define VGPU_CHANNEL_OUT	(VGPU_CHANNEL_ENTRIES - 1)

/* Of a kernel's descriptor, constants and code, a multiple of a page. */
#define VGPU_CODE_BYTES							\
	PAGE_ALIGN(sizeof(struct vgpu_kernel_desc) + VGPU_MAX_CODE_BYTES +	\
		   VGPU_MAX_SPECS * sizeof(struct vgpu_kernel_spec))

/* How long launches wait for a worker. */
#define VGPU_WORKER_NS		(10 * NSEC_PER_SEC)
/* How long a worker may take to build a kernel, its own start included. */
#define VGPU_BUILD_NS		(60 * NSEC_PER_SEC)
/* How late a launch may be after CANCEL, and any other answer. */
#define VGPU_GRACE_NS		(1 * NSEC_PER_SEC)
#define VGPU_ANSWER_NS		(10 * NSEC_PER_SEC)
/* How often a launch or a build is given to a worker that dies with it. */
#define VGPU_ENGINE_TRIES	3u

/**
 * struct vgpu_engine - what is attached to a GPU
 * @gpu: the GPU
 * @info: what runs launches; valid if @ready
 * @ready: INFO was called; under &vgpu_gpu.tenants_lock
 * @lock: protects @wanting and its nodes; innermost
 * @wanting: struct vgpu_engine_tenant that want a worker
 * @wait: for one to be there
 */
struct vgpu_engine {
	struct vgpu_gpu *gpu;
	struct vgpu_engine_info info;
	bool ready;
	spinlock_t lock;
	struct list_head wanting;
	wait_queue_head_t wait;
};

/**
 * struct vgpu_sent - a command that a worker has
 * @tag: its tag, 0: none
 * @opcode: VGPU_ENGINE_*
 * @job: of a LAUNCH: which
 */
struct vgpu_sent {
	u64 tag;
	u16 opcode;
	u16 job;
};

/**
 * struct vgpu_channel - a worker
 * @ref: the file, the tenant as long as it is its worker, each mapping of VRAM
 * @tenant: whose; holds a reference
 * @map_lock: pages are mapped under it, shared
 * @dead: nothing is mapped any more; written under @map_lock and the tenant's
 *	lock, looked at without a lock by whoever waits
 * @mem: ring, slots, marks and the answer of BUILD, one after the other
 * @ring: in @mem; we submit
 * @reaper: of its completions
 * @slots: in @mem
 * @marks: in @mem
 * @built: in @mem
 * @code: control memory from its second page on
 * @control_bytes: size of control memory
 * @bank_shift: for the worker
 * @sq_tail: where the next command goes
 * @sent: by slot
 * @free: slots that have no command
 * @n_free: how many
 * @others: commands out that are no launches
 * @answer_ns: when an answer came last, or was first waited for
 * @bell: how often the worker was rung since it looked
 * @wait: the worker, for that
 */
struct vgpu_channel {
	struct kref ref;
	struct vgpu_tenant *tenant;
	struct rw_semaphore map_lock;
	bool dead;
	void *mem;
	struct vgpu_ring ring;
	struct vgpu_ring_reaper reaper;
	struct vgpu_engine_slot *slots;
	struct vgpu_engine_mark *marks;
	struct vgpu_engine_built *built;
	struct file *code;
	u64 control_bytes;
	u32 bank_shift;
	u64 sq_tail;
	struct vgpu_sent sent[VGPU_CHANNEL_ENTRIES];
	u16 free[VGPU_CHANNEL_ENTRIES];
	u32 n_free;
	u32 others;
	u64 answer_ns;
	atomic64_t bell;
	wait_queue_head_t wait;
};

/**
 * enum vgpu_code_state - of a kernel's code
 * @VGPU_CODE_IDLE: nobody waits for it
 * @VGPU_CODE_QUEUED: KERNEL_CREATE waits for it to be built
 * @VGPU_CODE_ENDED: and has its answer
 */
enum vgpu_code_state {
	VGPU_CODE_IDLE,
	VGPU_CODE_QUEUED,
	VGPU_CODE_ENDED,
};

/**
 * struct vgpu_code - a kernel
 * @ref: the model, KERNEL_CREATE, and the worker that builds it
 * @number: what workers call it; the lower 16 bits say where its code is
 * @id: the model's
 * @bytes: descriptor, constants and code
 * @state: enum vgpu_code_state
 * @dead: the model, or KERNEL_CREATE, has no use for it any more
 * @status: how building ended
 * @info: what it uses, if that was 0
 * @broken: workers do not agree about it
 * @tries: how often in a row a worker died when it had to build it
 * @builder: where it is built, or is being built; not to be looked into
 * @done: KERNEL_CREATE waits
 * @built: the worker's words
 * @node: in &vgpu_engine_tenant.codes
 * @wait_node: in &vgpu_engine_tenant.builds or .drops
 */
struct vgpu_code {
	struct kref ref;
	u32 number;
	u32 id;
	u32 bytes;
	u32 state;
	bool dead;
	s32 status;
	struct vgpu_kernel_info info;
	bool broken;
	u32 tries;
	const struct vgpu_channel *builder;
	struct completion done;
	struct vgpu_engine_built built;
	struct list_head node;
	struct list_head wait_node;
};

/**
 * struct vgpu_started - a launch that the model gave out
 * @id: its work id; 0: none
 * @slot: where it is in @channel
 * @out: a worker has it
 * @cancelled: it has ended for its ring
 * @late: its time is over
 * @tries: how often it was the oldest when a worker died
 * @tag: of the command
 * @start_ns: when it was
 * @limit_ns: when something has to be done about it; U64_MAX: never, or it is
 *	not its turn yet
 * @launch: the model's; valid until it is reported
 * @node: in &vgpu_engine_tenant.pending or .out
 */
struct vgpu_started {
	u32 id;
	u16 slot;
	bool out;
	bool cancelled;
	bool late;
	u32 tries;
	u64 tag;
	u64 start_ns;
	u64 limit_ns;
	const struct vgpu_launch *launch;
	struct list_head node;
};

/**
 * struct vgpu_engine_tenant - a tenant's side; under its lock
 * @engine: its GPU's, if that is ready
 * @channel: its worker, or NULL
 * @epoch: rises when the engine goes: launches given out before are lost
 * @closed: for good
 * @serial: of tags
 * @pending: launches that no worker has, in order
 * @out: those that one has
 * @builds: kernels that wait to be built
 * @drops: kernels that the worker has and is to forget
 * @building: the one that is being built, or NULL
 * @build_ns: when it has to have been
 * @want_ns: until when a worker is waited for; 0: none is
 * @want_node: in &vgpu_engine.wanting; under that lock
 * @end_ns: when a launch ended last
 * @work: wakes the thread when something is late
 * @code: control memory but its first page; NULL: no kernel yet
 * @codes: struct vgpu_code
 * @numbers: where code is in @code
 * @generation: upper bits of the last kernel's number
 * @max_codes: how many can be
 * @offers: the device's features are the host's and the engine's
 * @features: the host's
 * @lost: workers
 * @dropped: answers that belonged to nothing
 * @max_jobs: length of @jobs
 * @jobs: by the lower 16 bits of work ids
 */
struct vgpu_engine_tenant {
	struct vgpu_engine *engine;
	struct vgpu_channel *channel;
	u64 epoch;
	bool closed;
	u64 serial;
	struct list_head pending;
	struct list_head out;
	struct list_head builds;
	struct list_head drops;
	struct vgpu_code *building;
	u64 build_ns;
	u64 want_ns;
	struct list_head want_node;
	u64 end_ns;
	struct delayed_work work;
	struct file *code;
	struct list_head codes;
	struct ida numbers;
	u32 generation;
	u32 max_codes;
	bool offers;
	u64 features;
	u64 lost;
	u64 dropped;
	u32 max_jobs;
	struct vgpu_started *jobs;
};

/* engine.c: what tenant.c and run.c call */
int vgpu_engine_init(struct vgpu_tenant *t,
		     const struct vgpu_model_config *config);
void vgpu_engine_fini(struct vgpu_tenant *t);
/* The tenant is closing: nothing is out any more. */
void vgpu_engine_close(struct vgpu_tenant *t);
/* Execute a LAUNCH, CANCEL, BUILD or DROP.  Without the lock. */
void vgpu_engine_item(struct vgpu_tenant *t, const struct vgpu_work *w);
/* Hear answers, see to what is late, and send what can be.  Under the lock. */
void vgpu_engine_step(struct vgpu_tenant *t);
/* Launches can run from now on, or no more.  Under the lock. */
void vgpu_engine_set(struct vgpu_tenant *t, struct vgpu_engine *engine);
/* The worker is given up, or has gone.  Under the lock. */
void vgpu_engine_lose(struct vgpu_tenant *t);
/* An answer, by the slot of its command.  Under the lock. */
void vgpu_engine_ended(struct vgpu_tenant *t, const struct vgpu_sent *sent,
		       s32 status);
/* Have a worker come, and one has.  Under the lock. */
void vgpu_engine_want(struct vgpu_tenant *t);
void vgpu_engine_met(struct vgpu_tenant *t);
/* The longest launch that there may be. */
u64 vgpu_launch_timeout_ns(void);

/* engine_ring.c; under the tenant's lock */
void vgpu_channel_setup(struct vgpu_channel *c);
/* There is room for one more command. */
bool vgpu_channel_room(const struct vgpu_channel *c);
/* Send a command, to which @slot belongs if it is a LAUNCH. */
struct vgpu_sent *vgpu_channel_send(struct vgpu_channel *c,
				    struct vgpu_engine_cmd *cmd,
				    struct vgpu_engine_slot *slot);
/* Take answers; whether there may be more at once. */
bool vgpu_channel_reap(struct vgpu_channel *c);
/* Whether the worker says that it started a launch. */
bool vgpu_channel_started(const struct vgpu_channel *c,
			  const struct vgpu_started *s);

/* engine_channel.c */
/* A channel for a tenant, as a file; or an ERR_PTR().  Under the lock. */
struct file *vgpu_channel_create(struct vgpu_tenant *t);
/* No page is mapped any more, and none will be.  Under the lock. */
void vgpu_channel_kill(struct vgpu_channel *c);
void vgpu_channel_put(struct vgpu_channel *c);
void vgpu_channel_ring(struct vgpu_channel *c);

/* engine_code.c; under the lock */
/* Begin to build something; whether @code can be used by the worker. */
bool vgpu_code_ready(struct vgpu_tenant *t, struct vgpu_code *code);
/* The file that all code of a tenant is in, made if need be: 0 or -errno. */
int vgpu_code_file(struct vgpu_tenant *t);
void vgpu_code_next(struct vgpu_tenant *t);
void vgpu_code_built(struct vgpu_tenant *t, s32 status);
/* The worker has gone, and what it was building is not. */
void vgpu_code_lost(struct vgpu_tenant *t);
/* Nobody will build what waits. */
void vgpu_code_fail(struct vgpu_tenant *t, s32 status);
/* The model has no use for it any more.  Without the lock. */
void vgpu_code_drop(struct vgpu_tenant *t, struct vgpu_code *code);
u64 vgpu_code_control_bytes(const struct vgpu_tenant *t);

/* engine_attach.c */
/* What an engine adds to the features of a device; 0: there is none. */
u64 vgpu_engine_features(struct vgpu_gpu *gpu, struct vgpu_engine_info *info);
/* A new tenant.  Under &vgpu_gpu.tenants_lock. */
void vgpu_engine_join(struct vgpu_tenant *t);

#endif /* VGPU_ENGINE_SHELL_H */
