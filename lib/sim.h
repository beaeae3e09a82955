/* SPDX-License-Identifier: MIT */
/*
 * The simulator, as its files share it: a shell around the device model, in
 * this process.
 */
#ifndef LIBVGPU_INTERNAL_SIM_H
#define LIBVGPU_INTERNAL_SIM_H

#include <pthread.h>

#include "backend.h"
#include "model.h"

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
	(VGPU_FEATURE_TIMES | VGPU_FEATURE_NATIVE | VGPU_FEATURE_ALIAS |	\
	 VGPU_FEATURE_COMPACT | VGPU_FEATURE_IDEMPOTENT)

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
 * struct vgpu_sim_native - a function as a kernel; the model's token
 * @address: what launches name it by
 */
struct vgpu_sim_native {
	vgpu_native_fn fn;
	void *user;
	uint64_t address;
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
 * @native: by the lower 16 bits of kernel ids; NULL: the model has let go
 * @vram: VRAM, one shared mapping of @vram_fd
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
	struct vgpu_sim_native *native[VGPU_SIM_KERNELS + 1];
	char *vram;
	uint64_t vram_bytes;
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
void *vgpu_sim_vram(void *b, uint64_t offset);
int vgpu_sim_system_create(void *b, void *ptr, uint64_t bytes, bool own,
			   uint32_t *object);
void vgpu_sim_system_destroy(void *b, uint32_t object, bool wait);
int vgpu_sim_ring_create(void *b, const struct vgpu_backend_ring *ring,
			 uint32_t *id, void **mem);
void vgpu_sim_ring_destroy(void *b, uint32_t id);
void vgpu_sim_ring_free(void *b, void *mem, uint32_t entries);

/* sim_native.c */
int vgpu_sim_launch(struct vgpu_sim *s, const struct vgpu_launch *launch);
void vgpu_sim_dropped(struct vgpu_sim *s, uint32_t kernel, uint64_t token);
int vgpu_sim_native_add(void *b, uint32_t context,
			const struct vgpu_native_options *options,
			uint64_t address, uint32_t *id);
int vgpu_sim_native_remove(void *b, uint32_t id);

#endif /* LIBVGPU_INTERNAL_SIM_H */
