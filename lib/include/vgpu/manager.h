/* SPDX-License-Identifier: MIT */
/*
 * The manager: finds out which backends this host has, chooses one, opens its
 * device, and spreads work over several.
 *
 * Thread-safe, except that nobody may use a manager while it is destroyed.
 */
#ifndef LIBVGPU_MANAGER_H
#define LIBVGPU_MANAGER_H

#include <stddef.h>
#include <stdint.h>

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vgpu_manager;

/**
 * struct vgpu_manager_options - a manager; zero is the default
 * @size: sizeof(struct vgpu_manager_options)
 * @device: options for the devices that it opens (its @backend, @backend_name,
 *	@device and @message are not used); copied with its @info, may be NULL
 */
struct vgpu_manager_options {
	size_t size;
	const struct vgpu_device_options *device;
};

/**
 * struct vgpu_backend_status - what a scan found out about a backend
 * @backend: enum vgpu_backend
 * @available: 1 if a device of it can be opened
 * @devices: how many it has
 * @gpus: how many of those are more than the CPU
 * @name: its name
 * @reason: one line: why it is available, or why not
 */
struct vgpu_backend_status {
	uint32_t backend;
	uint32_t available;
	uint32_t devices;
	uint32_t gpus;
	char name[16];
	char reason[176];
};

/* 0; -EINVAL; -ENOMEM.  @options may be NULL. */
int vgpu_manager_create(const struct vgpu_manager_options *options,
			struct vgpu_manager **manager);
/* Closes the devices that it has opened.  @manager may be NULL. */
void vgpu_manager_destroy(struct vgpu_manager *manager);

/* One line about the last call that failed, as vgpu_device_error(). */
int vgpu_manager_error(struct vgpu_manager *manager, char *buf, size_t bytes);

/**
 * vgpu_manager_scan() - find out which backends there are
 *
 * Can be repeated.  Return: how many are available.
 */
int vgpu_manager_scan(struct vgpu_manager *manager);

/**
 * vgpu_manager_backend() - what the scan said about a backend
 * @manager: manager
 * @index: 0 to VGPU_BACKENDS - 1, in the order of enum vgpu_backend
 * @status: gets it
 *
 * Return: 0; -ENODATA, nothing has been scanned; -ENOENT, no such index.
 */
int vgpu_manager_backend(struct vgpu_manager *manager, uint32_t index,
			 struct vgpu_backend_status *status);

/**
 * vgpu_manager_set_preferred_mode() - what to choose if it is available
 * @manager: manager
 * @backend: enum vgpu_backend; VGPU_BACKEND_DEFAULT: no preference
 *
 * Return: 0; -EINVAL.
 */
int vgpu_manager_set_preferred_mode(struct vgpu_manager *manager,
				    uint32_t backend);

/**
 * vgpu_manager_auto_select() - choose a backend
 * @manager: manager
 * @backend: gets the choice, or NULL
 *
 * The preferred one if it is available, else the first of passthrough, mdev,
 * vulkan and wgpu that has more than the CPU, else the simulator.  Scans if
 * that was not done.
 * Return: 0; -EBUSY if a choice has been initialized; -ENOENT if none is
 * available.
 */
int vgpu_manager_auto_select(struct vgpu_manager *manager, uint32_t *backend);

/**
 * vgpu_manager_reason() - why the choice is what it is, one line
 *
 * Return: the length of the whole line, as snprintf(); -ENODATA before
 * vgpu_manager_auto_select().
 */
int vgpu_manager_reason(struct vgpu_manager *manager, char *buf, size_t bytes);

/**
 * vgpu_manager_initialize_selected() - open, initialize and start a device of
 *	the backend that was chosen
 *
 * It becomes device 0 of the manager, which closes it when it is destroyed.
 * Return: 0; -ENODATA before a choice; -EBUSY if it was done; what opening the
 * device gives.
 */
int vgpu_manager_initialize_selected(struct vgpu_manager *manager);

/**
 * vgpu_manager_add_device() - let a manager spread work over a device, too
 * @manager: manager
 * @dev: device that the caller has opened and goes on owning; it stays open
 *	until the manager was destroyed or the device removed
 *
 * Return: 0; -EEXIST; -ENOSPC, 64 at most.
 */
int vgpu_manager_add_device(struct vgpu_manager *manager,
			    struct vgpu_device *dev);
/* 0; -ENOENT; -EBUSY for a device that the manager has opened itself. */
int vgpu_manager_remove_device(struct vgpu_manager *manager,
			       struct vgpu_device *dev);

/* How many devices there are, and one of them: 0 or -ENOENT. */
uint32_t vgpu_manager_devices(struct vgpu_manager *manager);
int vgpu_manager_device(struct vgpu_manager *manager, uint32_t index,
			struct vgpu_device **dev);

/**
 * vgpu_manager_pick() - the least loaded device
 * @manager: manager
 * @bytes: memory that has to be available on it; 0: any
 * @dev: gets it; it stays whose it was
 *
 * Least loaded is that with the fewest bytes outstanding, then the fewest
 * commands outstanding, then the most memory left, then the one that was
 * picked least recently.
 * Return: 0; -ENODATA, there is no device; -ENOMEM, none has so much memory.
 */
int vgpu_manager_pick(struct vgpu_manager *manager, uint64_t bytes,
		      struct vgpu_device **dev);

/**
 * struct vgpu_manager_stats - all devices together
 * @backend: enum vgpu_backend that was chosen
 * @devices: how many
 * @total: sums of those of the devices; memory_largest is the largest of all
 */
struct vgpu_manager_stats {
	uint32_t backend;
	uint32_t devices;
	struct vgpu_device_stats total;
};

/* 0; -ENODATA before a choice was initialized or a device was added. */
int vgpu_manager_get_stats(struct vgpu_manager *manager,
			   struct vgpu_manager_stats *stats);

/* Statistics for people, a line each; as vgpu_device_info_text(). */
int vgpu_manager_stats_text(const struct vgpu_manager_stats *stats, char *buf,
			    size_t bytes);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_MANAGER_H */
