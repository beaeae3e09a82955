/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Instances: mediated devices of a GPU, which VFIO hands to a virtual machine.
 *
 * DOC: Lives
 *
 * An instance is there from its creation on, and its VRAM is reserved on the
 * GPU as long as it is.  Its device (struct vgpu_tenant) is made when the VFIO
 * device is opened, in the cgroups of whoever does that, and ends when it is
 * closed: nothing of one virtual machine is left for the next, but what the
 * operator has set, and how much it has used.  Mappings of BAR2 outlive that;
 * they hold the tenant, and give SIGBUS.
 */
#ifndef VGPU_INSTANCE_H
#define VGPU_INSTANCE_H

#include <linux/kconfig.h>

struct attribute_group;
struct device;
struct vgpu_gpu;

#if IS_ENABLED(CONFIG_VFIO_MDEV)

#include <linux/mutex.h>
#include <linux/vfio.h>

#include "guest_memory.h"
#include "turn.h"

struct vgpu_tenant;

/* Where a region begins in the device's file. */
#define VGPU_REGION_SHIFT	40
#define VGPU_REGION_MASK	((1ull << VGPU_REGION_SHIFT) - 1)

/* Doorbells that eventfds ring: a bit each in &vgpu_tenant.rung. */
#define VGPU_DOORBELLS		BITS_PER_LONG

/**
 * struct vgpu_doorbell - a doorbell that an eventfd rings
 * @offset: of its page in BAR0
 * @ring: what is written there
 * @used: there is one; changed under the tenant's lock
 * @virqfd: VFIO's part, NULL when the eventfd has been closed
 */
struct vgpu_doorbell {
	u64 offset;
	u32 ring;
	bool used;
	struct virqfd *virqfd;
};

/**
 * struct vgpu_usage - what has been used
 * @busy_ns: time that commands ran
 * @commands: how many have ended
 * @failed: with an error
 */
struct vgpu_usage {
	u64 busy_ns;
	u64 commands;
	u64 failed;
};

/**
 * struct vgpu_instance - an instance
 * @vdev: first: VFIO allocates it
 * @gpu: its GPU
 * @vram_bytes: of its type
 * @lock: protects @vram_limit, @share and @past, and keeps @tenant; before the
 *	tenant's
 * @vram_limit: bytes that may be allocated
 * @share: of the GPU's time
 * @past: used by devices that have been closed
 * @tenant: its device, while it is open
 * @guest: memory of the guest
 * @irq_lock: protects @vectors, @request
 * @vectors: of MSI-X, that are connected to something
 * @request: who is asked to let go of the device, or NULL
 * @doorbell_lock: protects @doorbells
 * @doorbells: that eventfds ring
 */
struct vgpu_instance {
	struct vfio_device vdev;
	struct vgpu_gpu *gpu;
	u64 vram_bytes;
	struct mutex lock;
	u64 vram_limit;
	struct vgpu_share share;
	struct vgpu_usage past;
	struct vgpu_tenant *tenant;
	struct vgpu_guest guest;
	struct mutex irq_lock;
	u32 vectors;
	struct eventfd_ctx *request;
	struct mutex doorbell_lock;
	struct vgpu_doorbell doorbells[VGPU_DOORBELLS];
};

static inline struct vgpu_instance *to_vgpu_instance(struct vfio_device *vdev)
{
	return container_of(vdev, struct vgpu_instance, vdev);
}

/* mdev.c: the driver of mediated devices, and a GPU as their parent */
int vgpu_mdev_register(void);
void vgpu_mdev_unregister(void);
int vgpu_mdev_add(struct vgpu_gpu *gpu, struct device *dev);
void vgpu_mdev_remove(struct vgpu_gpu *gpu);

/* instance.c: settings and figures, and the attributes that they are */
extern const struct attribute_group *vgpu_instance_groups[];

void vgpu_instance_init(struct vgpu_instance *inst, struct vgpu_gpu *gpu,
			u64 vram_bytes);
/* It is open from now on; until now, and no attribute uses the device any more. */
void vgpu_instance_attach(struct vgpu_instance *inst, struct vgpu_tenant *t);
void vgpu_instance_detach(struct vgpu_instance *inst);

/* vfio.c */
extern const struct vfio_device_ops vgpu_vfio_ops;

/* vfio_regions.c */
int vgpu_vfio_region_info(struct vgpu_instance *inst,
			  struct vfio_region_info *info,
			  struct vfio_info_cap *caps);
ssize_t vgpu_vfio_read(struct vfio_device *vdev, char __user *buf, size_t count,
		       loff_t *ppos);
ssize_t vgpu_vfio_write(struct vfio_device *vdev, const char __user *buf,
			size_t count, loff_t *ppos);
int vgpu_vfio_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);

/* vfio_irq.c */
int vgpu_vfio_irq_info(struct vfio_irq_info *info);
/* @data: as the header says, copied from the user */
int vgpu_vfio_set_irqs(struct vgpu_instance *inst,
		       const struct vfio_irq_set *set, const void *data);
/* How many interrupts an index has. */
u32 vgpu_vfio_irqs(u32 index);
/* Nobody is told of anything any more. */
void vgpu_vfio_irqs_off(struct vgpu_instance *inst);
void vgpu_vfio_request(struct vfio_device *vdev, unsigned int count);

/* vfio_doorbell.c, where VFIO has what it needs */
#if IS_ENABLED(CONFIG_VFIO_VIRQFD)
int vgpu_vfio_ioeventfd(struct vgpu_instance *inst,
			const struct vfio_device_ioeventfd *args);
/* Nobody rings any more. */
void vgpu_vfio_doorbells_off(struct vgpu_instance *inst);
void vgpu_doorbells_rung(struct vgpu_tenant *t, unsigned long rung);
#else
static inline int vgpu_vfio_ioeventfd(struct vgpu_instance *inst,
				      const struct vfio_device_ioeventfd *args)
{
	return -ENOTTY;
}

static inline void vgpu_vfio_doorbells_off(struct vgpu_instance *inst)
{
}

static inline void vgpu_doorbells_rung(struct vgpu_tenant *t,
				       unsigned long rung)
{
}
#endif

#else /* a kernel without mediated devices has GPUs for its processes alone */

static inline int vgpu_mdev_register(void)
{
	return 0;
}

static inline void vgpu_mdev_unregister(void)
{
}

static inline int vgpu_mdev_add(struct vgpu_gpu *gpu, struct device *dev)
{
	return 0;
}

static inline void vgpu_mdev_remove(struct vgpu_gpu *gpu)
{
}

#endif

#endif /* VGPU_INSTANCE_H */
