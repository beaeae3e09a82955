// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The DRM driver: the table of its ioctls, and the functions of its files.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "bo.h"
#include "compat/compat.h"
#include "drm.h"
#include "stats.h"
#include "tenant.h"

#define VGPU_IOCTL_DEF(nr, name)					\
	DRM_IOCTL_DEF_DRV(VGPU_##nr, vgpu_ioctl_##name, DRM_RENDER_ALLOW)

static const struct drm_ioctl_desc vgpu_ioctls[] = {
	VGPU_IOCTL_DEF(QUERY, query),
	VGPU_IOCTL_DEF(CLIENT_INIT, client_init),
	VGPU_IOCTL_DEF(CLIENT_LIMIT, client_limit),
	VGPU_IOCTL_DEF(CLIENT_RESET, client_reset),
	VGPU_IOCTL_DEF(REGISTER, register),
	VGPU_IOCTL_DEF(EVENT, event),
	VGPU_IOCTL_DEF(WAIT, wait),
	VGPU_IOCTL_DEF(BO_CREATE, bo_create),
	VGPU_IOCTL_DEF(BO_REGISTER, bo_register),
	VGPU_IOCTL_DEF(BO_INFO, bo_info),
	VGPU_IOCTL_DEF(COMPACT, compact),
	VGPU_IOCTL_DEF(CONTEXT_CREATE, context_create),
	VGPU_IOCTL_DEF(CONTEXT_DESTROY, context_destroy),
	VGPU_IOCTL_DEF(MAP, map),
	VGPU_IOCTL_DEF(UNMAP, unmap),
	VGPU_IOCTL_DEF(RING_CREATE, ring_create),
	VGPU_IOCTL_DEF(RING_DESTROY, ring_destroy),
	VGPU_IOCTL_DEF(RING_CONTROL, ring_control),
	VGPU_IOCTL_DEF(RING_INFO, ring_info),
	VGPU_IOCTL_DEF(KICK, kick),
	VGPU_IOCTL_DEF(COUNTER_CREATE, counter_create),
	VGPU_IOCTL_DEF(COUNTER_DESTROY, counter_destroy),
	VGPU_IOCTL_DEF(COUNTER_SIGNAL, counter_signal),
	VGPU_IOCTL_DEF(COUNTER_READ, counter_read),
	VGPU_IOCTL_DEF(SUBMIT, submit),
	VGPU_IOCTL_DEF(KERNEL_CREATE, kernel_create),
	VGPU_IOCTL_DEF(KERNEL_DESTROY, kernel_destroy),
	VGPU_IOCTL_DEF(KERNEL_INFO, kernel_info),
	VGPU_IOCTL_DEF(ENGINE_ATTACH, engine_attach),
};

/*
 * A doorbell, without what DRM does for all calls: that costs more than an empty
 * command.  Any client may ring its own.
 */
static long vgpu_drm_kick(struct file *filp, void __user *arg)
{
	struct drm_file *file = filp->private_data;
	struct drm_device *dev = file->minor->dev;
	struct drm_vgpu_kick args;
	long ret;

	/* A hint, as for all calls: what is used here stays as long as the file. */
	if (READ_ONCE(dev->unplugged))
		return -ENODEV;
	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	ret = vgpu_ioctl_kick(dev, &args, file);
	if (args.flags && copy_to_user(arg, &args, sizeof(args)))
		return -EFAULT;
	return ret;
}

static long vgpu_drm_ioctl(struct file *filp, unsigned int cmd,
			   unsigned long arg)
{
	if (cmd == DRM_IOCTL_VGPU_KICK)
		return vgpu_drm_kick(filp, (void __user *)arg);
	return vgpu_check_tail(vgpu_ioctls, ARRAY_SIZE(vgpu_ioctls), cmd,
			       arg) ?: drm_ioctl(filp, cmd, arg);
}

#ifdef CONFIG_COMPAT
static long vgpu_drm_compat_ioctl(struct file *filp, unsigned int cmd,
				  unsigned long arg)
{
	return vgpu_check_tail(vgpu_ioctls, ARRAY_SIZE(vgpu_ioctls), cmd,
			       (unsigned long)compat_ptr(arg)) ?:
	       drm_compat_ioctl(filp, cmd, arg);
}
#else
#define vgpu_drm_compat_ioctl	NULL
#endif

/* The client page, or a buffer by its fake offset. */
static int vgpu_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct drm_file *file = filp->private_data;
	struct vgpu_client *client = file->driver_priv;

	if (vma->vm_pgoff != DRM_VGPU_MMAP_CLIENT >> PAGE_SHIFT)
		return drm_gem_mmap(filp, vma);
	return vgpu_client_page_mmap(client->page, vma);
}

#ifdef VGPU_HAVE_DRM_SHOW_FDINFO
#define VGPU_SHOW_FDINFO	drm_show_fdinfo
#else
#define VGPU_SHOW_FDINFO	vgpu_file_show_fdinfo

/* With what DRM says first, from 6.5 on. */
static void vgpu_file_show_fdinfo(struct seq_file *m, struct file *filp)
{
	struct drm_file *file = filp->private_data;
	struct vgpu_client *client = file->driver_priv;
	struct drm_printer p = drm_seq_file_printer(m);

	vgpu_fdinfo_head(&p, file, client->number);
	vgpu_show_fdinfo(&p, file);
}
#endif

/* As DRM_GEM_FOPS, but for mmap and fdinfo. */
static const struct file_operations vgpu_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = vgpu_drm_ioctl,
	.compat_ioctl = vgpu_drm_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = vgpu_mmap,
	.show_fdinfo = VGPU_SHOW_FDINFO,
#ifdef FOP_UNSIGNED_OFFSET
	.fop_flags = FOP_UNSIGNED_OFFSET,
#endif
};

const struct drm_driver vgpu_drm_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE,
	.open = vgpu_client_open,
	.postclose = vgpu_client_close,
#ifdef VGPU_HAVE_DRM_SHOW_FDINFO
	.show_fdinfo = vgpu_show_fdinfo,
#endif
#ifdef CONFIG_DEBUG_FS
	.debugfs_init = vgpu_debugfs_init,
#endif
	.prime_handle_to_fd = drm_gem_prime_handle_to_fd,
	.prime_fd_to_handle = drm_gem_prime_fd_to_handle,
	.gem_prime_import = vgpu_bo_import,
#ifdef VGPU_HAVE_GEM_PRIME_MMAP
	.gem_prime_mmap = drm_gem_prime_mmap,
#endif
	.gem_create_object = vgpu_bo_create_system,
	.ioctls = vgpu_ioctls,
	.num_ioctls = ARRAY_SIZE(vgpu_ioctls),
	.fops = &vgpu_fops,
	.name = "vgpu",
	.desc = "vgpu software GPU",
	.date = "20261124",
	.major = 0,
	.minor = 1,
};
