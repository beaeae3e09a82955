// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The DRM driver of a function: the table of its ioctls, and the functions of
 * its files.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "bo.h"
#include "function.h"
#include "kernel/compat/compat.h"

#define VGPU_FN_IOCTL_DEF(nr, name)					\
	DRM_IOCTL_DEF_DRV(VGPU_##nr, vgpu_fn_ioctl_##name, DRM_RENDER_ALLOW)

/* What the device or this driver has not got, yet. */
static int vgpu_fn_ioctl_none(struct drm_device *dev, void *data,
			      struct drm_file *file)
{
	return -EOPNOTSUPP;
}

static const struct drm_ioctl_desc vgpu_fn_ioctls[] = {
	VGPU_FN_IOCTL_DEF(QUERY, query),
	VGPU_FN_IOCTL_DEF(CLIENT_INIT, client_init),
	VGPU_FN_IOCTL_DEF(CLIENT_LIMIT, client_limit),
	VGPU_FN_IOCTL_DEF(CLIENT_RESET, client_reset),
	VGPU_FN_IOCTL_DEF(REGISTER, register),
	VGPU_FN_IOCTL_DEF(EVENT, event),
	VGPU_FN_IOCTL_DEF(WAIT, wait),
	VGPU_FN_IOCTL_DEF(BO_CREATE, bo_create),
	VGPU_FN_IOCTL_DEF(BO_REGISTER, bo_register),
	VGPU_FN_IOCTL_DEF(BO_INFO, bo_info),
	VGPU_FN_IOCTL_DEF(COMPACT, compact),
	VGPU_FN_IOCTL_DEF(CONTEXT_CREATE, context_create),
	VGPU_FN_IOCTL_DEF(CONTEXT_DESTROY, context_destroy),
	VGPU_FN_IOCTL_DEF(MAP, map),
	VGPU_FN_IOCTL_DEF(UNMAP, unmap),
	VGPU_FN_IOCTL_DEF(RING_CREATE, ring_create),
	VGPU_FN_IOCTL_DEF(RING_DESTROY, ring_destroy),
	VGPU_FN_IOCTL_DEF(RING_CONTROL, ring_control),
	VGPU_FN_IOCTL_DEF(RING_INFO, ring_info),
	VGPU_FN_IOCTL_DEF(KICK, kick),
	VGPU_FN_IOCTL_DEF(COUNTER_CREATE, counter_create),
	VGPU_FN_IOCTL_DEF(COUNTER_DESTROY, counter_destroy),
	VGPU_FN_IOCTL_DEF(COUNTER_SIGNAL, counter_signal),
	VGPU_FN_IOCTL_DEF(COUNTER_READ, counter_read),
	VGPU_FN_IOCTL_DEF(SUBMIT, submit),
	VGPU_FN_IOCTL_DEF(KERNEL_CREATE, none),
	VGPU_FN_IOCTL_DEF(KERNEL_DESTROY, none),
	VGPU_FN_IOCTL_DEF(KERNEL_INFO, none),
	VGPU_FN_IOCTL_DEF(ENGINE_ATTACH, none),
};

/* Before DRM has a look: 0 or a negative errno. */
static int vgpu_fn_check(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct drm_file *file = filp->private_data;
	struct vgpu_fn_client *c = file->driver_priv;

	/* DRM's own calls go on: buffers can be closed. */
	if (_IOC_NR(cmd) >= DRM_COMMAND_BASE && _IOC_NR(cmd) < DRM_COMMAND_END &&
	    vgpu_fn_lost(c))
		return -ENODEV;
	return vgpu_check_tail(vgpu_fn_ioctls, ARRAY_SIZE(vgpu_fn_ioctls), cmd,
			       arg);
}

static long vgpu_fn_ioctl(struct file *filp, unsigned int cmd,
			  unsigned long arg)
{
	return vgpu_fn_check(filp, cmd, arg) ?: drm_ioctl(filp, cmd, arg);
}

#ifdef CONFIG_COMPAT
static long vgpu_fn_compat_ioctl(struct file *filp, unsigned int cmd,
				 unsigned long arg)
{
	return vgpu_fn_check(filp, cmd, (unsigned long)compat_ptr(arg)) ?:
	       drm_compat_ioctl(filp, cmd, arg);
}
#else
#define vgpu_fn_compat_ioctl	NULL
#endif

static int vgpu_fn_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct drm_file *file = filp->private_data;
	struct vgpu_fn_client *c = file->driver_priv;

	if (vma->vm_pgoff == DRM_VGPU_MMAP_CLIENT >> PAGE_SHIFT)
		return vgpu_client_page_mmap(c->page, vma);
	if (vgpu_fn_lost(c))
		return -ENODEV;
	if (vma->vm_pgoff >= DRM_VGPU_MMAP_DOORBELLS >> PAGE_SHIFT &&
	    vma->vm_pgoff - (DRM_VGPU_MMAP_DOORBELLS >> PAGE_SHIFT) <
	    VGPU_DOORBELL_PAGES)
		return vgpu_fn_doorbell_mmap(c, vma);
	return drm_gem_mmap(filp, vma);
}

/* Keys as in Documentation/gpu/drm-usage-stats.rst. */
static void vgpu_fn_show(struct drm_printer *p, struct drm_file *file)
{
	struct vgpu_fn_client *c = file->driver_priv;

	drm_printf(p, "drm-memory-vram:\t%llu KiB\n",
		   vgpu_account_current(&c->account) >> 10);
}

#ifdef VGPU_HAVE_DRM_SHOW_FDINFO
#define VGPU_FN_SHOW_FDINFO	drm_show_fdinfo
#else
#define VGPU_FN_SHOW_FDINFO	vgpu_fn_show_fdinfo

/* With what DRM says first, from 6.5 on. */
static void vgpu_fn_show_fdinfo(struct seq_file *m, struct file *filp)
{
	struct drm_file *file = filp->private_data;
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_printer p = drm_seq_file_printer(m);

	vgpu_fdinfo_head(&p, file, c->number);
	vgpu_fn_show(&p, file);
}
#endif

static const struct file_operations vgpu_fn_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = vgpu_fn_ioctl,
	.compat_ioctl = vgpu_fn_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = vgpu_fn_mmap,
	.show_fdinfo = VGPU_FN_SHOW_FDINFO,
#ifdef FOP_UNSIGNED_OFFSET
	.fop_flags = FOP_UNSIGNED_OFFSET,
#endif
};

const struct drm_driver vgpu_function_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE,
	.open = vgpu_fn_open,
	.postclose = vgpu_fn_close,
#ifdef VGPU_HAVE_DRM_SHOW_FDINFO
	.show_fdinfo = vgpu_fn_show,
#endif
	.prime_handle_to_fd = drm_gem_prime_handle_to_fd,
	.prime_fd_to_handle = drm_gem_prime_fd_to_handle,
	.gem_prime_import_sg_table = vgpu_fn_bo_import,
#ifdef VGPU_HAVE_GEM_PRIME_MMAP
	.gem_prime_mmap = drm_gem_prime_mmap,
#endif
	.gem_create_object = vgpu_fn_bo_create_system,
	.ioctls = vgpu_fn_ioctls,
	.num_ioctls = ARRAY_SIZE(vgpu_fn_ioctls),
	.fops = &vgpu_fn_fops,
	.name = "vgpu",
	.desc = "vgpu of a virtual machine",
	.date = "20261124",
	.major = 0,
	.minor = 1,
};
