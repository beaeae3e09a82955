/* SPDX-License-Identifier: MIT */
/*
 * What a backend does for the device front end: it is a vgpu device, that is
 * admin commands, rings and memory as uapi/vgpu_device.h has them, in whatever
 * way this one is reached.
 */
#ifndef LIBVGPU_INTERNAL_BACKEND_H
#define LIBVGPU_INTERNAL_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include <vgpu/device.h>
#include <vgpu/kernel.h>

#include "message.h"
#include "os.h"
#include "vgpu_device.h"

#define VGPU_DEVICE_FLAGS						\
	(VGPU_DEVICE_BACKGROUND | VGPU_DEVICE_WORKER | VGPU_DEVICE_DISCRETE |	\
	 VGPU_DEVICE_SHARED)

/**
 * struct vgpu_backend_ring - how to make a ring
 * @context: context id
 * @entries: submission entries, and completion entries
 * @flags: VGPU_RING_F_*
 * @priority: VGPU_PRIORITY_*
 * @vector: interrupt
 */
struct vgpu_backend_ring {
	uint32_t context;
	uint32_t entries;
	uint32_t flags;
	uint32_t priority;
	uint32_t vector;
};

/**
 * struct vgpu_backend_system - memory of this process as an object
 * @cpu: its first byte, as this process sees it
 * @bytes: how long it is
 * @object: the object
 * @skip: where in the object it begins
 * @read_only: commands cannot write to it: it has to be mapped so
 */
struct vgpu_backend_system {
	void *cpu;
	uint64_t bytes;
	uint32_t object;
	uint32_t skip;
	bool read_only;
};

/**
 * struct vgpu_backend_ops - a backend
 *
 * Guarantees of every operation: 0 or a negative errno unless it says
 * otherwise; it may be called from any thread, at the same time as any other,
 * except @open and @close; it holds no lock of its own while it runs a native
 * kernel; it never calls the front end.  Options were
 * checked by the front end as far as vgpu/device.h says, other arguments are
 * the front end's own and right.
 *
 * @name: as in vgpu_backend_name()
 * @open: make a device from options whose @backend is resolved; a failure
 *	leaves a line in @msg
 * @close: end it, whatever is going on in it, native kernels excepted, for
 *	which it waits; @b is gone
 * @info: everything of it
 * @enable: bring a fresh device, or one after @reset, up to where @admin works
 * @reset: throw away everything; when it returns, the device touches no memory
 *	that it was given, and runs no kernel
 * @admin: an admin command, done when it returns; -EAGAIN is dealt with inside
 * @ring_create: a ring that is idle; @mem gets its memory, which stays until
 *	@ring_free, even over a reset
 * @ring_destroy: the device has let go of the memory when it returns
 * @ring_free: free what @ring_create gave; after @ring_destroy or @reset
 * @doorbell: look at that ring
 * @system_create: an object made of memory of this process, any alignment.
 *	@source: commands only read it, so that it need not be writable.
 *	-EFAULT: it is no memory that commands could use
 * @system_alloc: an object made of new memory, for commands that this process
 *	may know too little about to say when the last one has ended: it stays
 *	until none uses it any more, also after @system_destroy, and is not to
 *	be touched after that or a reset
 * @system_destroy: end either, whose mappings are gone.  With @wait no command
 *	uses memory of this process when it returns; else it is the caller that
 *	knows that none does
 * @pool: an object made of memory that stays where it is until @close, over
 *	resets, which end the object; once after each @enable, always as long
 * @map: CPU address of a block of VRAM, for the caller to read and write while
 *	commands go on, until @unmap or a reset; it does not move meanwhile, and
 *	is not mapped twice
 * @limits: what launches may ask for; -EOPNOTSUPP and a line: nothing runs them
 * @events: a number that changes after everything that @run or another thread
 *	brought about
 * @run: let the device work in this thread, up to @max work items; returns
 *	how many, 0: nothing to do, or it has a thread of its own, or another
 *	one is at it
 * @wait: until @events is not @seen any more; -ETIMEDOUT
 * @native_add: a kernel that is a function; @id gets its kernel id
 * @kernel_add: a kernel from code: @desc is a struct vgpu_kernel_desc, specs
 *	and code; an error leaves a line in @msg
 * @kernel_remove: end either; a native one's function is not running when it
 *	returns
 * @kernel_usage: of either; -ENOENT
 * @compact: as vgpu_device_compact()
 * @pins: what @system_create gets is pinned, and counted in RLIMIT_MEMLOCK
 * @timeouts: launches have to say themselves how long they may run
 */
struct vgpu_backend_ops {
	const char *name;
	bool pins;
	bool timeouts;
	int (*open)(const struct vgpu_device_options *options,
		    struct vgpu_message *msg, void **b);
	void (*close)(void *b);
	int (*info)(void *b, struct vgpu_device_info *info);
	int (*enable)(void *b);
	int (*reset)(void *b);
	int (*admin)(void *b, const struct vgpu_cmd *cmd, u64 result[2]);
	int (*ring_create)(void *b, const struct vgpu_backend_ring *ring,
			   uint32_t *id, void **mem);
	void (*ring_destroy)(void *b, uint32_t id);
	void (*ring_free)(void *b, void *mem, uint32_t entries);
	void (*doorbell)(void *b, uint32_t ring);
	int (*system_create)(void *b, void *ptr, uint64_t bytes, bool source,
			     struct vgpu_backend_system *sys);
	int (*system_alloc)(void *b, uint64_t bytes,
			    struct vgpu_backend_system *sys);
	void (*system_destroy)(void *b, uint32_t object, bool wait);
	int (*pool)(void *b, uint64_t bytes, struct vgpu_backend_system *sys);
	int (*map)(void *b, uint32_t object, uint64_t bytes, void **cpu);
	void (*unmap)(void *b, uint32_t object, void *cpu, uint64_t bytes);
	int (*limits)(void *b, struct vgpu_device_limits *limits,
		      struct vgpu_message *msg);
	uint64_t (*events)(void *b);
	uint32_t (*run)(void *b, uint32_t max);
	int (*wait)(void *b, uint64_t seen, uint64_t deadline_ns);
	int (*read_register)(void *b, uint64_t offset, uint32_t bytes,
			     uint64_t *value);
	int (*write_register)(void *b, uint64_t offset, uint32_t bytes,
			      uint64_t value);
	int (*interrupt_fd)(void *b);
	int (*native_add)(void *b, uint32_t context,
			  const struct vgpu_native_options *options,
			  uint64_t address, uint32_t *id);
	int (*kernel_add)(void *b, uint32_t context, const void *desc,
			  size_t bytes, struct vgpu_message *msg, uint32_t *id);
	int (*kernel_remove)(void *b, uint32_t id);
	int (*kernel_usage)(void *b, uint32_t id,
			    struct vgpu_kernel_usage *usage);
	int (*set_limit)(void *b, uint64_t bytes);
	int (*compact)(void *b, uint64_t max_bytes, uint64_t *moved);
	int (*stats)(void *b, struct vgpu_device_stats *stats);
	bool (*next_block)(void *b, uint64_t offset, uint32_t *object,
			   struct vgpu_device_block *block);
};

extern const struct vgpu_backend_ops vgpu_sim_ops;
extern const struct vgpu_backend_ops vgpu_vulkan_ops;
extern const struct vgpu_backend_ops vgpu_wgpu_ops;
extern const struct vgpu_backend_ops vgpu_mdev_ops;
extern const struct vgpu_backend_ops vgpu_passthrough_ops;

/* The operations of a backend that was resolved. */
const struct vgpu_backend_ops *vgpu_backend_find(uint32_t backend);

/**
 * struct vgpu_probe - what there is of a backend on this host
 * @devices: how many
 * @gpus: how many of those are more than the CPU
 * @reason: one line about why its devices can be opened, or why not
 */
struct vgpu_probe {
	uint32_t devices;
	uint32_t gpus;
	char reason[176];
};

/* Whether a device of that backend can be opened. */
bool vgpu_backend_probe(uint32_t backend, struct vgpu_probe *probe);

/*
 * The backends from best to worst where both have a GPU.  One that has none
 * comes after the simulator.
 */
extern const uint32_t vgpu_backend_ranks[VGPU_BACKENDS];

#endif /* LIBVGPU_INTERNAL_BACKEND_H */
