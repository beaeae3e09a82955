/* SPDX-License-Identifier: MIT */
/*
 * The simulator, as its files share it: a shell around the device model, in
 * this process.  The backends vulkan and wgpu are the same with another
 * executor for their kernels.
 */
#ifndef LIBVGPU_INTERNAL_SIM_H
#define LIBVGPU_INTERNAL_SIM_H

#include <pthread.h>

#include "backend.h"
#include "executor/executor.h"
#include "model.h"
#include "residency.h"

/* Work items in one call of the model. */
#define VGPU_SIM_BATCH		32u

#define VGPU_SIM_CONTEXTS	8u
#define VGPU_SIM_OBJECTS	16384u
#define VGPU_SIM_MAPPINGS	16384u
#define VGPU_SIM_RINGS		256u
#define VGPU_SIM_COUNTERS	4096u
#define VGPU_SIM_KERNELS	1024u
#define VGPU_SIM_JOBS		1024u

#define VGPU_SIM_FEATURES						\
	(VGPU_FEATURE_TIMES | VGPU_FEATURE_NATIVE | VGPU_FEATURE_COMPACT | \
	 VGPU_FEATURE_IDEMPOTENT | VGPU_FEATURE_SPIRV)
#define VGPU_SIM_TYPES							\
	(VGPU_FEATURE_INT16 | VGPU_FEATURE_INT64 | VGPU_FEATURE_FLOAT16 | \
	 VGPU_FEATURE_FLOAT64)

/**
 * struct vgpu_sim_object - system memory that the model knows by id
 * @id: 0: free
 * @base: its first byte
 * @own: @base was malloc'ed and goes with the object
 */
struct vgpu_sim_object {
	uint32_t id;
	char *base;
	bool own;
};

/**
 * struct vgpu_sim_kernel - a kernel; the model's token
 * @info: what it needs
 * @fn: a native one's function, or NULL
 * @user: its argument
 * @address: what launches name a native one by
 * @number: what the executor calls one that is not native
 */
struct vgpu_sim_kernel {
	struct vgpu_kernel_info info;
	vgpu_native_fn fn;
	void *user;
	uint64_t address;
	uint32_t number;
};

/**
 * struct vgpu_sim_out - something that the executor is doing
 * @work: the model's work id, or 0: who did this waits for @parts
 * @parts: commands of the executor that have not completed, 0: free
 * @status: the first error
 * @number: rises
 * @start_ns: when it was submitted
 * @timeout_ns: of a launch: how long it may run; 0: no limit
 * @deadline_ns: when it has run too long, once it runs
 */
struct vgpu_sim_out {
	uint32_t work;
	uint32_t parts;
	int32_t status;
	uint64_t number;
	uint64_t start_ns;
	uint64_t timeout_ns;
	uint64_t deadline_ns;
};

/* Jobs of the model, and what the thread that runs items waits for. */
#define VGPU_SIM_OUT		(VGPU_SIM_JOBS + 1)

/* A piece of VRAM that the CPU has mapped. */
struct vgpu_sim_mapped {
	uint64_t start;
	uint64_t bytes;
};

/**
 * enum vgpu_sim_engine_state - what there is to run kernels
 * @VGPU_SIM_NONE: nothing yet
 * @VGPU_SIM_OPEN: an executor
 * @VGPU_SIM_LOST: it died or hung; its thread is ending it
 * @VGPU_SIM_GONE: it was lost, and is closed
 * @VGPU_SIM_LEFT: it was lost, and could not be ended: a driver hangs
 */
enum vgpu_sim_engine_state {
	VGPU_SIM_NONE,
	VGPU_SIM_OPEN,
	VGPU_SIM_LOST,
	VGPU_SIM_GONE,
	VGPU_SIM_LEFT,
};

/**
 * struct vgpu_sim_engine - the executor, and what it is doing
 * @open_lock: held to open it; taken before the simulator's lock.  The rest is
 *	protected by the simulator's lock
 * @ops: how kernels are run
 * @options: how to open one
 * @worker: in a process of its own
 * @e: the executor, if @state is OPEN or LOST
 * @info: of it, since it was opened first
 * @known: @info is valid
 * @users: calls of @e without the lock
 * @next_kernel: for its kernels, @next_tag: for commands, @next_out: for @outs
 * @reaper: the thread that takes completions, unless @state is NONE
 * @quit: asks it to end
 * @wait_ns: until when it sleeps
 * @end_ns: when the last command ended
 * @outs: what is out, by number
 * @busy: how many of those; also read without the lock, as a hint
 * @free: numbers that are free, @n_free of them
 * @residency: where bytes are, if the executor does not share VRAM
 * @mapped: what the CPU has mapped, likewise
 * @bytes_in: copied to the engine
 * @bytes_out: copied from it
 * @warned: its notice was printed
 */
struct vgpu_sim_engine {
	pthread_mutex_t open_lock;
	const struct vgpu_executor_ops *ops;
	struct vgpu_executor_options options;
	char device[128];
	bool worker;
	bool known;
	bool quit;
	bool warned;
	uint32_t state;
	void *e;
	struct vgpu_engine_info info;
	uint32_t users;
	uint32_t next_kernel;
	uint32_t next_tag;
	uint64_t next_out;
	pthread_t reaper;
	uint64_t wait_ns;
	uint64_t end_ns;
	struct vgpu_sim_out outs[VGPU_SIM_OUT];
	uint32_t busy;
	uint16_t free[VGPU_SIM_OUT];
	uint32_t n_free;
	struct vgpu_residency residency;
	struct vgpu_sim_mapped *mapped;
	uint32_t n_mapped;
	uint32_t mapped_room;
	uint64_t bytes_in;
	uint64_t bytes_out;
	char notice[160];
};

/**
 * struct vgpu_sim - a simulator
 * @lock: the instance's lock that the model wants; protects everything below
 *	but @events
 * @cond: something has happened, or a doorbell was rung
 * @waiters: threads at @cond
 * @running: a thread runs work items; it is the only one, and drops the lock
 *	for long ones
 * @events: rises with every change; written under @lock, read without
 * @objects: by the lower 16 bits of their ids
 * @rings: objects of ring memory, by the lower 16 bits of the rings' ids; an
 *	id of 0: the model has let go of it
 * @kernels: by the lower 16 bits of kernel ids; NULL: the model has let go
 * @launch_timeout_ns: longest launch of the engine; 0: no limit
 * @vram: VRAM, one shared mapping of @vram_fd
 * @pool: what vgpu_sim_pool() gives, of @pool_bytes; NULL: not yet
 * @irq_fd: written for each interrupt
 * @thread: runs everything, if @background
 * @quit: asks it to end
 */
struct vgpu_sim {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct vgpu_model *m;
	uint32_t waiters;
	bool running;
	bool background;
	bool quit;
	struct vgpu_sim_object objects[VGPU_SIM_OBJECTS + 1];
	uint32_t rings[VGPU_SIM_RINGS + 1];
	uint32_t ring_objects[VGPU_SIM_RINGS + 1];
	struct vgpu_sim_kernel *kernels[VGPU_SIM_KERNELS + 1];
	struct vgpu_sim_engine engine;
	uint64_t launch_timeout_ns;
	char *vram;
	uint64_t vram_bytes;
	void *pool;
	uint64_t pool_bytes;
	int vram_fd;
	int irq_fd;
	struct vgpu_device_info info;
	pthread_t thread;

	uint64_t events __attribute__((aligned(64)));
};

/* sim_run.c: everything with @lock held, unless it says otherwise */
bool vgpu_sim_round(struct vgpu_sim *s, uint32_t max, uint32_t *n);
void vgpu_sim_changed(struct vgpu_sim *s);
void vgpu_sim_step(struct vgpu_sim *s);
void *vgpu_sim_thread(void *sim);
uint64_t vgpu_sim_events(void *b);
uint32_t vgpu_sim_run(void *b, uint32_t max);
int vgpu_sim_wait(void *b, uint64_t seen, uint64_t deadline_ns);
int vgpu_sim_admin_locked(struct vgpu_sim *s, const struct vgpu_cmd *cmd,
			  u64 result[2]);

/* sim_memory.c */
int vgpu_sim_vram_open(struct vgpu_sim *s, uint64_t bytes);
void vgpu_sim_vram_close(struct vgpu_sim *s);
void vgpu_sim_vram_zero(struct vgpu_sim *s, uint64_t offset, uint64_t bytes);
void *vgpu_sim_mem(struct vgpu_sim *s, const struct vgpu_mem *mem);
void vgpu_sim_unpinned(struct vgpu_sim *s, uint32_t object);
void vgpu_sim_detached(struct vgpu_sim *s, uint32_t ring);
int vgpu_sim_system_create(void *b, void *ptr, uint64_t bytes, bool source,
			   struct vgpu_backend_system *sys);
int vgpu_sim_system_alloc(void *b, uint64_t bytes,
			  struct vgpu_backend_system *sys);
int vgpu_sim_pool(void *b, uint64_t bytes, struct vgpu_backend_system *sys);
void vgpu_sim_system_destroy(void *b, uint32_t object, bool wait);
int vgpu_sim_ring_create(void *b, const struct vgpu_backend_ring *ring,
			 uint32_t *id, void **mem);
void vgpu_sim_ring_destroy(void *b, uint32_t id);
void vgpu_sim_ring_free(void *b, void *mem, uint32_t entries);

/* sim_native.c */
int vgpu_sim_native_run(struct vgpu_sim *s, const struct vgpu_launch *launch);
int vgpu_sim_native_add(void *b, uint32_t context,
			const struct vgpu_native_options *options,
			uint64_t address, uint32_t *id);

/* sim_kernel.c */
int vgpu_sim_kernel_insert(struct vgpu_sim *s, uint32_t context,
			   struct vgpu_sim_kernel *kernel, uint32_t *id);
void vgpu_sim_kernel_dropped(struct vgpu_sim *s, uint32_t kernel,
			     uint64_t token);
int vgpu_sim_kernel_add(void *b, uint32_t context, const void *desc,
			size_t bytes, struct vgpu_message *msg, uint32_t *id);
int vgpu_sim_kernel_remove(void *b, uint32_t id);
int vgpu_sim_kernel_usage(void *b, uint32_t id,
			  struct vgpu_kernel_usage *usage);

/* sim_engine.c */
int vgpu_sim_engine_init(struct vgpu_sim *s,
			 const struct vgpu_device_options *o,
			 const char *kind, uint32_t flags);
void vgpu_sim_engine_fini(struct vgpu_sim *s);
int vgpu_sim_engine_open(struct vgpu_sim *s, struct vgpu_message *msg);
bool vgpu_sim_engine_use(struct vgpu_sim *s);
void vgpu_sim_engine_unuse(struct vgpu_sim *s);
void vgpu_sim_engine_lose(struct vgpu_sim *s, const char *why);
bool vgpu_sim_engine_end(struct vgpu_sim *s);
int vgpu_sim_limits(void *b, struct vgpu_device_limits *limits,
		    struct vgpu_message *msg);

bool vgpu_sim_engine_close(struct vgpu_sim *s);

/* sim_launch.c */
bool vgpu_sim_launch(struct vgpu_sim *s, const struct vgpu_work *w,
		     int *status);
int vgpu_sim_host_read(struct vgpu_sim *s, uint64_t offset, uint64_t bytes);
int vgpu_sim_host_write(struct vgpu_sim *s, uint64_t offset, uint64_t bytes,
			bool zero);
bool vgpu_sim_engine_copy(struct vgpu_sim *s, const struct vgpu_work *w,
			  int *status);
int vgpu_sim_map(void *b, uint32_t object, uint64_t bytes, void **cpu);
void vgpu_sim_unmap(void *b, uint32_t object, void *cpu, uint64_t bytes);
bool vgpu_sim_engine_answers(struct vgpu_sim *s, uint64_t deadline_ns);
struct vgpu_sim_out *vgpu_sim_oldest(struct vgpu_sim *s);
void vgpu_sim_completed(struct vgpu_sim *s,
			const struct vgpu_engine_completion *done,
			uint64_t now_ns);

#endif /* LIBVGPU_INTERNAL_SIM_H */
