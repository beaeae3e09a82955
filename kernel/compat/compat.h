/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What differs between the kernels that the module builds for, by what they
 * have and not by their version: probes.sh compiles a few lines for each
 * question, and writes the answers to probed.h.
 */
#ifndef VGPU_COMPAT_H
#define VGPU_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/vfio.h>

#include "probed.h"

#ifdef VGPU_HAVE_IMPORT_NS_BARE
#define VGPU_IMPORT_DMA_BUF	MODULE_IMPORT_NS(DMA_BUF)
#else
#define VGPU_IMPORT_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
#endif

static inline void vgpu_eventfd_signal(struct eventfd_ctx *ctx)
{
#ifdef VGPU_HAVE_EVENTFD_SIGNAL_ONE
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* For a VMA that nobody else sees yet. */
static inline void vgpu_vma_flags(struct vm_area_struct *vma, unsigned long set,
				  unsigned long clear)
{
#ifdef VGPU_HAVE_VM_FLAGS_MOD
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

static inline int vgpu_dma_buf_vmap(struct dma_buf *buf, struct iosys_map *map)
{
#ifdef VGPU_HAVE_DMA_BUF_UNLOCKED
	return dma_buf_vmap_unlocked(buf, map);
#else
	return dma_buf_vmap(buf, map);
#endif
}

static inline void vgpu_dma_buf_vunmap(struct dma_buf *buf,
				       struct iosys_map *map)
{
#ifdef VGPU_HAVE_DMA_BUF_UNLOCKED
	dma_buf_vunmap_unlocked(buf, map);
#else
	dma_buf_vunmap(buf, map);
#endif
}

#if IS_ENABLED(CONFIG_VFIO_MDEV)
static inline void vgpu_vfio_free(struct vfio_device *vdev)
{
#ifdef VGPU_HAVE_VFIO_FREE_DEVICE
	vfio_free_device(vdev);
#endif
}

/* Functions of struct vfio_device_ops by which iommufd can be used. */
#ifdef VGPU_HAVE_VFIO_IOMMUFD_DETACH
#define VGPU_VFIO_IOMMUFD_DETACH					\
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
#else
#define VGPU_VFIO_IOMMUFD_DETACH
#endif
#ifdef VGPU_HAVE_VFIO_IOMMUFD
#define VGPU_VFIO_IOMMUFD						\
	.bind_iommufd = vfio_iommufd_emulated_bind,			\
	.unbind_iommufd = vfio_iommufd_emulated_unbind,			\
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,		\
	VGPU_VFIO_IOMMUFD_DETACH
#else
#define VGPU_VFIO_IOMMUFD
#endif
#endif

#endif /* VGPU_COMPAT_H */
