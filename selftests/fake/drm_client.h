/* SPDX-License-Identifier: MIT */
/*
 * The stand-in for vgpu.ko, as its files share it.
 */
#ifndef VGPU_FAKE_DRM_CLIENT_H
#define VGPU_FAKE_DRM_CLIENT_H

#include <pthread.h>

#include "drm.h"
#include "mdev.h"
#include "sim.h"

#define FAKE_HANDLES	32768u

/**
 * struct fake_bo - a buffer
 * @domain: DRM_VGPU_DOMAIN_*
 * @flags: as it was registered
 * @object: of the simulator; 0: none, or a reset has ended it
 * @cpu: of system and registered memory
 * @mapped: what mmap() gave, or NULL
 * @vram: where that is in the simulator's VRAM
 * @ring: a ring is on it
 * @handle: 0: closed
 */
struct fake_bo {
	struct fake_bo *next;
	uint32_t domain;
	uint32_t flags;
	uint32_t object;
	uint32_t handle;
	uint32_t ring;
	uint64_t bytes;
	char *cpu;
	void *mapped;
	void *vram;
};

/**
 * struct fake_client - a file description
 * @lock: protects all but what calls of the simulator do
 * @s: its device, once it needs one
 * @bos: buffers
 * @handles: buffers by handle
 * @page: the client page is mapped
 */
struct fake_client {
	const struct fake_drm_node *node;
	pthread_mutex_t lock;
	struct vgpu_sim *s;
	struct fake_bo *bos;
	struct fake_bo *handles[FAKE_HANDLES];
	bool page;
};

int fake_client_call(struct fake_client *c, unsigned long request, void *arg);
int fake_client_mmap(struct fake_client *c, size_t bytes, int prot,
		     uint64_t offset, void **p);
bool fake_client_munmap(struct fake_client *c, void *p, size_t bytes);
void fake_client_end(struct fake_client *c);
int fake_client_device(struct fake_client *c, uint64_t bytes);
int fake_admin(struct fake_client *c, uint16_t opcode, const u64 op[6],
	       u64 result[2]);

/* drm_bo.c: with the lock */
int fake_bo_create(struct fake_client *c, struct drm_vgpu_bo_create *a);
int fake_bo_register(struct fake_client *c, struct drm_vgpu_bo_register *a);
int fake_bo_info(struct fake_client *c, struct drm_vgpu_bo_info *a);
int fake_bo_close(struct fake_client *c, struct drm_gem_close *a);
int fake_bo_object(struct fake_client *c, uint32_t handle, struct fake_bo **bo);
void fake_bo_put(struct fake_client *c, struct fake_bo *bo);
void fake_bo_end_all(struct fake_client *c);
void fake_bo_reset(struct fake_client *c);
uint64_t fake_bo_registered(struct fake_client *c);

#endif /* VGPU_FAKE_DRM_CLIENT_H */
