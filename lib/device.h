/* SPDX-License-Identifier: MIT */
/*
 * The device front end, as its files share it: rings with the results of their
 * commands, staging, what is allocated and registered, kernels.
 */
#ifndef LIBVGPU_INTERNAL_DEVICE_H
#define LIBVGPU_INTERNAL_DEVICE_H

#include <pthread.h>

#include <vgpu/device.h>
#include <vgpu/kernel.h>

#include "backend.h"
#include "message.h"
#include "os.h"

#define VGPU_DEVICE_RINGS	1024u
#define VGPU_DEVICE_ENTRIES	1024u
#define VGPU_DEVICE_RETIRED	8u
#define VGPU_RESULTS_PER_ENTRY	4u
#define VGPU_RESULTS_MIN	1024u
#define VGPU_FAILURES		256u

/* A ticket is a ring's number and a position on it. */
#define VGPU_TICKET_SHIFT	48
#define VGPU_TICKET_MASK	((1ull << VGPU_TICKET_SHIFT) - 1)

/* Transfers of up to so much are copied on their way. */
#define VGPU_STAGE_BYTES	(64u << 10)
#define VGPU_STAGE_CLASSES	3u

/**
 * struct vgpu_stage - memory that a command in flight uses on its way
 * @cpu: where the library sees it; NULL: none
 * @address: where the device does
 * @target: where to copy it to when the command has ended well, or NULL
 * @bytes: how much
 * @class: of the pool it comes from, or VGPU_STAGE_CLASSES for a mapping of its
 *	own
 * @object: of that mapping
 * @epoch: of the device when that was made
 */
struct vgpu_stage {
	void *cpu;
	uint64_t address;
	void *target;
	uint64_t bytes;
	uint32_t class;
	uint32_t object;
	uint32_t epoch;
};

/**
 * struct vgpu_staging - memory for staging: pieces of three sizes
 * @lock: protects the rest
 * @mem: all of it, one object of system memory; NULL: the device was never up
 * @address: where the device sees that
 * @free: for each size the pieces that are free, by number
 * @count: how many of those
 */
struct vgpu_staging {
	pthread_mutex_t lock;
	void *mem;
	uint64_t address;
	uint16_t *free[VGPU_STAGE_CLASSES];
	uint32_t count[VGPU_STAGE_CLASSES];
};

/**
 * struct vgpu_result - a command that was submitted, and how it ended
 * @state: 0: being written; 2 * position: submitted; 2 * position + 1: ended.
 *	Everything else is valid only between two reads that find the same
 * @bytes: that it moves or fills
 * @stage: belongs to the submitter, then to the reaper
 */
struct vgpu_result {
	uint64_t state;
	uint64_t user_data;
	uint64_t submit_ns;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t bytes;
	int32_t status;
	struct vgpu_stage stage;
};

/**
 * struct vgpu_failure - a command that failed, for those who ask late
 * @pos: its position, or 0
 * @status: errno
 */
struct vgpu_failure {
	uint64_t pos;
	int32_t status;
};

/**
 * struct vgpu_device_ring - a ring
 * @dev: its device
 * @ring: its memory, for producers
 * @number: in the device's table
 * @id: the device's
 * @refs: users of the structure: the table, and waits
 * @accepting: 0: submissions are refused; atomic
 * @paused: by the caller, not only by a stopped device; @dev->control
 * @lost: the device was reset; atomic
 * @results: VGPU_RESULTS_PER_ENTRY times the entries, VGPU_RESULTS_MIN at
 *	least
 * @mask: their number, less 1
 * @times: completions carry times
 * @low: everything before this position has ended; atomic
 * @reap_lock: protects what follows, and the advance of @low
 * @reaper: completions
 * @completed: ended with 0
 * @failed: ended with an errno
 * @failures: the last of those, number n in place n % VGPU_FAILURES
 * @forgotten: the last position whose failure is in there no longer
 * @overflows: atomic
 */
struct vgpu_device_ring {
	struct vgpu_device *dev;
	struct vgpu_ring ring;
	void *mem;
	uint32_t number;
	uint32_t id;
	uint32_t refs;
	uint32_t accepting;
	uint32_t lost;
	bool paused;
	bool times;
	struct vgpu_result *results;
	uint64_t mask;
	uint64_t overflows;

	uint64_t low __attribute__((aligned(64)));
	pthread_mutex_t reap_lock;
	struct vgpu_ring_reaper reaper;
	uint64_t completed;
	uint64_t failed;
	struct vgpu_failure failures[VGPU_FAILURES];
	uint64_t forgotten;
};

enum vgpu_device_state {
	VGPU_DEVICE_OPENED,
	VGPU_DEVICE_STOPPED,
	VGPU_DEVICE_RUNNING,
	VGPU_DEVICE_BROKEN,	/* could not be brought up */
};

struct vgpu_span;

/**
 * struct vgpu_spans - allocations or registrations, by where they start
 * @lock: protects the rest
 * @spans: sorted by start, none overlaps another
 * @count: how many; also read without the lock, as a hint that it is 0
 */
struct vgpu_spans {
	pthread_rwlock_t lock;
	struct vgpu_span **spans;
	uint32_t count;
	uint32_t room;
};

/**
 * struct vgpu_span - an allocation or a registration
 * @start: device address, or pointer
 * @bytes: how long it is
 * @address: device address
 * @object: what backs it
 * @maps: vgpu_device_map()s
 * @cpu: valid if @maps
 */
struct vgpu_span {
	uint64_t start;
	uint64_t bytes;
	uint64_t address;
	uint32_t object;
	uint32_t maps;
	char *cpu;
};

/**
 * struct vgpu_kernel_name - a kernel that the caller named
 * @address: what launches say
 * @id: what the device says
 */
struct vgpu_kernel_name {
	uint64_t address;
	uint32_t id;
};

/**
 * struct vgpu_device - a device
 * @control: serialises everything that changes @state or makes and ends rings
 * @state: enum vgpu_device_state; written under @control, atomic
 * @launch_timeout_ns: what launches say, if the backend wants that; 0: nothing
 * @rings_lock: protects @rings; taken after @control
 * @next_number: where to look for a free number
 * @own: the ring that NULL means; atomic
 * @retired: what was that before the last resets: for their tickets, and for
 *	submissions that have not noticed yet
 * @next_retired: the oldest of them
 * @epoch_lock: held for reading by whoever makes or ends things on the device
 *	that a reset ends, for writing by the reset
 * @epoch: resets so far
 * @names_lock: protects @names, which are not sorted; and writing @limits
 * @limited: @limits are known, and do not change any more; atomic
 *
 * Order of locks: @control, @rings_lock, a ring's @reap_lock, @epoch_lock, then
 * those of staging, spans and names, then the backend's.
 */
struct vgpu_device {
	const struct vgpu_backend_ops *ops;
	void *backend;
	struct vgpu_message msg;
	pthread_mutex_t control;
	uint32_t state;
	uint32_t context;
	uint32_t entries;
	uint64_t launch_timeout_ns;

	pthread_rwlock_t rings_lock;
	struct vgpu_device_ring *rings[VGPU_DEVICE_RINGS];
	uint32_t n_rings;
	uint32_t next_number;
	struct vgpu_device_ring *own;
	struct vgpu_device_ring *retired[VGPU_DEVICE_RETIRED];
	uint32_t next_retired;

	pthread_rwlock_t epoch_lock;
	uint32_t epoch;

	struct vgpu_staging staging;
	struct vgpu_spans allocations;
	struct vgpu_spans registrations;

	pthread_rwlock_t names_lock;
	struct vgpu_kernel_name *names;
	uint32_t n_names;
	uint32_t names_room;
	uint32_t limited;
	struct vgpu_device_limits limits;

	uint64_t submitted;	/* of rings that are gone */
	uint64_t completed;
	uint64_t failed;
	uint64_t outstanding_bytes;
};

/*
 * Kernel addresses that the library chose: this, and the device's id; and
 * whether it was made from code, so that the engine's limits hold for it.
 */
#define VGPU_KERNEL_OWN		(1ull << 62)
#define VGPU_KERNEL_CODE	(1ull << 61)

static inline struct vgpu_cmd vgpu_admin_cmd(uint16_t opcode, uint64_t a,
					     uint64_t b, uint64_t c)
{
	struct vgpu_cmd cmd = { .opcode = opcode, .op = { a, b, c } };

	return cmd;
}

static inline int vgpu_device_admin(struct vgpu_device *dev,
				    const struct vgpu_cmd *cmd,
				    u64 result[2])
{
	return dev->ops->admin(dev->backend, cmd, result);
}

/* Whether admin commands make sense; if not, -ENODEV and a line. */
int vgpu_device_check_up(struct vgpu_device *dev);

/* rings.c */
int vgpu_rings_make(struct vgpu_device *dev, uint32_t entries,
		    uint32_t priority, uint32_t vector, bool times,
		    struct vgpu_device_ring **ring);
int vgpu_rings_control(struct vgpu_device_ring *ring, uint64_t what);
void vgpu_rings_drop(struct vgpu_device_ring *ring);
void vgpu_rings_put(struct vgpu_device_ring *ring);
struct vgpu_device_ring *vgpu_rings_get(struct vgpu_device *dev,
					uint32_t number);
void vgpu_rings_free_all(struct vgpu_device *dev);

/* results.c */
void vgpu_result_begin(struct vgpu_device_ring *ring, uint64_t pos,
		       const struct vgpu_command *cmd, uint64_t submit_ns,
		       uint64_t bytes, const struct vgpu_stage *stage);
uint64_t vgpu_results_reap(struct vgpu_device_ring *ring);
void vgpu_results_lose(struct vgpu_device_ring *ring);
bool vgpu_results_idle(const struct vgpu_device_ring *ring);
uint64_t vgpu_results_reap_all(struct vgpu_device *dev);

/* staging.c */
int vgpu_staging_init(struct vgpu_device *dev);
int vgpu_staging_attach(struct vgpu_device *dev);
void vgpu_staging_fini(struct vgpu_device *dev);
int vgpu_stage_take(struct vgpu_device *dev, struct vgpu_stage *stage,
		    uint64_t bytes);
int vgpu_stage_map(struct vgpu_device *dev, struct vgpu_stage *stage,
		   void *ptr, uint64_t bytes, bool source);
int vgpu_stage_bounce(struct vgpu_device *dev, struct vgpu_stage *stage,
		      void *ptr, uint64_t bytes, bool source);
int32_t vgpu_stage_end(struct vgpu_device *dev, struct vgpu_stage *stage,
		       int32_t status);

/* spans.c */
void vgpu_spans_init(struct vgpu_spans *spans);
void vgpu_spans_fini(struct vgpu_spans *spans);
int vgpu_spans_add(struct vgpu_spans *spans, const struct vgpu_span *span);
struct vgpu_span *vgpu_spans_find(struct vgpu_spans *spans, uint64_t start,
				  uint64_t bytes);
void vgpu_spans_remove(struct vgpu_spans *spans, struct vgpu_span *span);
void vgpu_spans_clear(struct vgpu_spans *spans);

/* Whether transfers can name that address of system memory. */
static inline bool vgpu_address_fits(uint64_t address)
{
	return !(address & 3);
}

/* device_memory.c */
int vgpu_map_system(struct vgpu_device *dev,
		    const struct vgpu_backend_system *sys, uint64_t *address);
void vgpu_unmap_object(struct vgpu_device *dev, uint64_t address);
bool vgpu_find_registered(struct vgpu_device *dev, uint64_t ptr,
			  uint64_t bytes, u64 *address);

/* kernel.c */
int vgpu_kernel_find(struct vgpu_device *dev, uint64_t address, u64 *id);
int vgpu_kernel_check_launch(struct vgpu_device *dev,
			     const struct vgpu_command *cmd);
void vgpu_kernels_clear(struct vgpu_device *dev);

#endif /* LIBVGPU_INTERNAL_DEVICE_H */
