/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A software GPU of the host: memory and time that tenants share.
 */
#ifndef VGPU_GPU_H
#define VGPU_GPU_H

#include <drm/drm_device.h>

#include "model/account.h"
#include "turn.h"

struct pci_dev;
struct vgpu_engine;
struct vgpu_mdev;

/**
 * struct vgpu_gpu - a GPU
 * @drm: its DRM device, which the structure lives as long as
 * @number: 0, 1, ... on this host
 * @vram_bytes: how much memory it has: a quota, no memory is set aside
 * @account: of that memory; tenants' accounts are below it
 * @turns: whose turn it is
 * @tenants: struct vgpu_tenant, of clients and instances; under @tenants_lock
 * @mdev: mediated devices of it, or NULL
 * @engine: what is attached, or NULL; under @tenants_lock
 * @registered: bytes of processes' memory that are pinned for it
 */
struct vgpu_gpu {
	struct drm_device drm;
	u32 number;
	u64 vram_bytes;
	struct vgpu_account account;
	struct vgpu_turns turns;
	struct mutex tenants_lock;
	struct list_head tenants;
	struct vgpu_mdev *mdev;
	struct vgpu_engine *engine;
	atomic64_t registered;
};

static inline struct vgpu_gpu *to_vgpu_gpu(struct drm_device *drm)
{
	return container_of(drm, struct vgpu_gpu, drm);
}

/* gpu.c: the PCI driver */
int vgpu_gpu_register(void);
void vgpu_gpu_unregister(void);

/* host.c: PCI functions for @count GPUs of @vram_bytes each */
int vgpu_host_create(u32 count, u64 vram_bytes);
void vgpu_host_destroy(void);
u32 vgpu_host_count(void);
/* Which of them a PCI function is, and how much memory it gets; -ENODEV. */
int vgpu_host_find(struct pci_dev *pdev, u32 *number, u64 *vram_bytes);

#endif /* VGPU_GPU_H */
