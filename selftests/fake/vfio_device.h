/* SPDX-License-Identifier: MIT */
/*
 * The stand-in for VFIO, as its files share it: vfio.c has the calls,
 * vfio_device.c a device.
 */
#ifndef VGPU_FAKE_VFIO_DEVICE_H
#define VGPU_FAKE_VFIO_DEVICE_H

#include <pthread.h>

#include "model.h"

/* Memory that was mapped. */
struct fake_dma {
	u64 iova;
	u64 bytes;
	char *at;
};

/* An object of system memory. */
struct fake_object {
	u32 id;			/* 0: none */
	u64 n;
	u64 *iova;		/* of each page */
	char **page;
};

/**
 * struct fake_device - a function, and the memory that it sees
 * @lock: protects all of it
 * @cond: there is something to run
 * @dma: memory, sorted by address
 * @objects: by the lower 16 bits of their ids
 * @admin: address of the admin queue, and how long it is; 0: none
 * @irq_fds: what vectors are connected to, or -1
 */
struct fake_device {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	pthread_t thread;
	bool running;
	bool quit;
	struct vgpu_model *m;
	u64 vram_bytes;
	char *vram;
	int vram_fd;
	struct fake_dma *dma;
	u32 n_dma;
	u32 room;
	struct fake_object *objects;
	u64 admin;
	u64 admin_bytes;
	int irq_fds[VGPU_MSIX_VECTORS];
};

int fake_device_start(struct fake_device *d, u64 vram_bytes);
void fake_device_stop(struct fake_device *d);
/* With the lock. */
int fake_device_map(struct fake_device *d, u64 iova, u64 bytes, char *at);
int fake_device_unmap(struct fake_device *d, u64 iova, u64 bytes);

#endif /* VGPU_FAKE_VFIO_DEVICE_H */
