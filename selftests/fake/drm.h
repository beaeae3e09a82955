/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for vgpu.ko and its render nodes, in this process: each client is
 * a simulator with a thread of its own, driven by the ioctls of vgpu_drm.h.  It
 * holds the library to what that file says; it is not a model of the kernel's
 * timing.
 */
#ifndef VGPU_FAKE_DRM_H
#define VGPU_FAKE_DRM_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_DRM_NODES		4

/**
 * struct fake_drm_node - a render node
 * @path: of it; empty: there is none
 * @pci: its PCI address
 * @driver: its driver's name
 * @gpu: number of the GPU
 * @version: of its interface, VGPU_VERSION if it is 0
 * @open_error: errno of opening it
 */
struct fake_drm_node {
	const char *path;
	const char *pci;
	const char *driver;
	uint32_t gpu;
	uint32_t version;
	int open_error;
};

/**
 * struct fake_drm - what the stand-in is like
 * @nodes: by default one, of GPU 0
 * @memlock: bytes that can be registered; 0: no limit
 * @fail: number (DRM_VGPU_*) of a call that fails, with @error; so often as
 *	@fail_times says
 * @interrupt_every: so many calls end with EINTR first; 0: none
 * @clients: how many there are now
 * @buffers: of all clients, those included that live without a handle
 * @engine: launches can be run
 */
struct fake_drm {
	struct fake_drm_node nodes[FAKE_DRM_NODES];
	uint64_t memlock;
	uint32_t fail;
	int error;
	uint32_t fail_times;
	uint32_t interrupt_every;
	uint32_t clients;
	uint32_t buffers;
	bool engine;
};

extern struct fake_drm fake_drm;

/* From now on devices of mdev are these. */
void fake_drm_install(void);

#endif /* VGPU_FAKE_DRM_H */
