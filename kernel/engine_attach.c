// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The supervisor's file: it says what runs launches, hears which tenants want a
 * worker, and gets their channels.
 */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "drm.h"
#include "engine.h"
#include "gpu.h"
#include "tenant.h"

#define VGPU_ENGINE_FEATURES						\
	(VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL | VGPU_FEATURE_ALIAS |	\
	 VGPU_FEATURE_IDEMPOTENT | VGPU_FEATURE_INT16 | VGPU_FEATURE_INT64 |	\
	 VGPU_FEATURE_FLOAT16 | VGPU_FEATURE_FLOAT64)

u64 vgpu_engine_features(struct vgpu_gpu *gpu, struct vgpu_engine_info *info)
{
	u64 features = 0;

	mutex_lock(&gpu->tenants_lock);
	if (gpu->engine && gpu->engine->ready) {
		features = gpu->engine->info.features;
		if (info)
			*info = gpu->engine->info;
	}
	mutex_unlock(&gpu->tenants_lock);
	return features;
}

void vgpu_engine_join(struct vgpu_tenant *t)
{
	struct vgpu_engine *engine = t->gpu->engine;

	if (!engine || !engine->ready)
		return;
	mutex_lock(&t->lock);
	vgpu_engine_set(t, engine);
	vgpu_tenant_unlock(t);
}

/* Of all tenants.  Under &vgpu_gpu.tenants_lock. */
static void vgpu_engine_tell(struct vgpu_gpu *gpu, struct vgpu_engine *engine)
{
	struct vgpu_tenant *t;

	list_for_each_entry(t, &gpu->tenants, node) {
		mutex_lock(&t->lock);
		vgpu_engine_set(t, engine);
		vgpu_tenant_unlock(t);
	}
}

static int vgpu_engine_release(struct inode *inode, struct file *file)
{
	struct vgpu_engine *engine = file->private_data;
	struct vgpu_gpu *gpu = engine->gpu;

	mutex_lock(&gpu->tenants_lock);
	gpu->engine = NULL;
	if (engine->ready)
		vgpu_engine_tell(gpu, NULL);
	mutex_unlock(&gpu->tenants_lock);
	WARN_ON(!list_empty(&engine->wanting));
	kfree(engine);
	drm_dev_put(&gpu->drm);
	return 0;
}

/* Text for people: it ends, and does nothing to a terminal. */
static bool vgpu_text_valid(const char *text, size_t bytes)
{
	for (; bytes-- && *text; text++)
		if ((u8)*text < ' ' || *text == 0x7f)
			return false;
	return bytes != SIZE_MAX;
}

static bool vgpu_engine_info_valid(const struct vgpu_engine_info *info)
{
	u32 i;

	for (i = 0; i < 3; i++)
		if (!info->max_grid[i] || !info->max_workgroup[i])
			return false;
	return vgpu_text_valid(info->name, sizeof(info->name)) &&
	       vgpu_text_valid(info->driver, sizeof(info->driver)) &&
	       vgpu_text_valid(info->notice, sizeof(info->notice)) &&
	       !(info->features & ~VGPU_ENGINE_FEATURES) &&
	       info->features & (VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL) &&
	       !(info->capabilities & ~VGPU_ENGINE_CAP_ALL) &&
	       info->max_range_bytes && info->max_bank_bytes &&
	       info->max_invocations && info->max_ranges &&
	       info->type <= VGPU_ENGINE_CPU && info->shared <= 1;
}

static long vgpu_engine_set_info(struct vgpu_engine *engine,
				 const void __user *from)
{
	struct vgpu_engine_info *info;
	long ret = 0;

	info = memdup_user(from, sizeof(*info));
	if (IS_ERR(info))
		return PTR_ERR(info);
	mutex_lock(&engine->gpu->tenants_lock);
	if (engine->ready) {
		ret = -EBUSY;
	} else if (!vgpu_engine_info_valid(info)) {
		ret = -EINVAL;
	} else {
		engine->info = *info;
		engine->ready = true;
		vgpu_engine_tell(engine->gpu, engine);
	}
	mutex_unlock(&engine->gpu->tenants_lock);
	kfree(info);
	return ret;
}

/* The one that has waited longest, taken out of the line; or 0. */
static u32 vgpu_engine_pop(struct vgpu_engine *engine, u32 *pid)
{
	struct vgpu_engine_tenant *e;
	struct vgpu_tenant *t;
	u32 number = 0;

	spin_lock(&engine->lock);
	e = list_first_entry_or_null(&engine->wanting,
				     struct vgpu_engine_tenant, want_node);
	if (e) {
		t = container_of(e, struct vgpu_tenant, engine);
		number = t->number;
		*pid = t->pid;
		list_del_init(&e->want_node);
	}
	spin_unlock(&engine->lock);
	return number;
}

static bool vgpu_engine_wanted(struct vgpu_engine *engine)
{
	bool ret;

	spin_lock(&engine->lock);
	ret = !list_empty(&engine->wanting);
	spin_unlock(&engine->lock);
	return ret;
}

static long vgpu_engine_next(struct file *file, void __user *to)
{
	struct vgpu_engine *engine = file->private_data;
	struct vgpu_engine_next next = { 0 };
	int ret;

	/* A tenant that nobody is told of would wait in vain. */
	if (copy_to_user(to, &next, sizeof(next)))
		return -EFAULT;
	for (;;) {
		next.tenant = vgpu_engine_pop(engine, &next.pid);
		if (next.tenant)
			break;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(engine->wait,
					       vgpu_engine_wanted(engine));
		if (ret)
			return ret;
	}
	return copy_to_user(to, &next, sizeof(next)) ? -EFAULT : 0;
}

/* Under &vgpu_gpu.tenants_lock. */
static struct vgpu_tenant *vgpu_engine_find(struct vgpu_gpu *gpu, u32 number)
{
	struct vgpu_tenant *t;

	list_for_each_entry(t, &gpu->tenants, node)
		if (t->number == number)
			return kref_get_unless_zero(&t->ref) ? t : NULL;
	return NULL;
}

static struct file *vgpu_engine_channel(struct vgpu_engine *engine, u32 number)
{
	struct vgpu_engine_tenant *e;
	struct vgpu_tenant *t;
	struct file *file;

	mutex_lock(&engine->gpu->tenants_lock);
	t = engine->ready ? vgpu_engine_find(engine->gpu, number) :
			    ERR_PTR(-ENODATA);
	mutex_unlock(&engine->gpu->tenants_lock);
	if (IS_ERR_OR_NULL(t))
		return t ? ERR_CAST(t) : ERR_PTR(-ENOENT);
	e = &t->engine;
	mutex_lock(&t->lock);
	if (e->closed)
		file = ERR_PTR(-ENOENT);
	else if (e->channel)
		file = ERR_PTR(-EBUSY);
	else
		file = vgpu_channel_create(t);
	if (!IS_ERR(file))
		vgpu_engine_met(t);
	vgpu_tenant_unlock(t);
	vgpu_tenant_put(t);
	return file;
}

static long vgpu_engine_open(struct vgpu_engine *engine, void __user *arg)
{
	struct vgpu_engine_open open;
	struct file *file;
	int fd;

	if (copy_from_user(&open, arg, sizeof(open)))
		return -EFAULT;
	if (open.flags || open.fd || open.pad)
		return -EINVAL;
	/* A channel that nobody is told of is a worker that has died. */
	if (copy_to_user(arg, &open, sizeof(open)))
		return -EFAULT;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = vgpu_engine_channel(engine, open.tenant);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	open.fd = fd;
	if (copy_to_user(arg, &open, sizeof(open))) {
		fput(file);
		put_unused_fd(fd);
		return -EFAULT;
	}
	fd_install(fd, file);
	return 0;
}

static long vgpu_engine_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	struct vgpu_engine *engine = file->private_data;

	switch (cmd) {
	case VGPU_ENGINE_IOCTL_INFO:
		return vgpu_engine_set_info(engine, (void __user *)arg);
	case VGPU_ENGINE_IOCTL_NEXT:
		return vgpu_engine_next(file, (void __user *)arg);
	case VGPU_ENGINE_IOCTL_OPEN:
		return vgpu_engine_open(engine, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static __poll_t vgpu_engine_poll(struct file *file, poll_table *wait)
{
	struct vgpu_engine *engine = file->private_data;

	poll_wait(file, &engine->wait, wait);
	return vgpu_engine_wanted(engine) ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_operations vgpu_engine_fops = {
	.owner = THIS_MODULE,
	.release = vgpu_engine_release,
	.poll = vgpu_engine_poll,
	.unlocked_ioctl = vgpu_engine_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/* The GPU's engine, as a file; the place is taken. */
static struct file *vgpu_engine_create(struct vgpu_gpu *gpu)
{
	struct vgpu_engine *engine = kzalloc(sizeof(*engine), GFP_KERNEL);
	struct file *file;

	if (!engine)
		return ERR_PTR(-ENOMEM);
	engine->gpu = gpu;
	spin_lock_init(&engine->lock);
	INIT_LIST_HEAD(&engine->wanting);
	init_waitqueue_head(&engine->wait);
	mutex_lock(&gpu->tenants_lock);
	file = ERR_PTR(-EBUSY);
	if (!gpu->engine)
		file = anon_inode_getfile("vgpu-engine", &vgpu_engine_fops,
					  engine, O_RDWR);
	if (!IS_ERR(file)) {
		drm_dev_get(&gpu->drm);
		gpu->engine = engine;
	}
	mutex_unlock(&gpu->tenants_lock);
	if (IS_ERR(file))
		kfree(engine);
	return file;
}

VGPU_IOCTL(engine_attach)
{
	struct drm_vgpu_engine_attach *args = data;
	struct file *engine;
	int fd;

	if (args->flags || args->fd)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	engine = vgpu_engine_create(to_vgpu_gpu(dev));
	if (IS_ERR(engine)) {
		put_unused_fd(fd);
		return PTR_ERR(engine);
	}
	fd_install(fd, engine);
	args->fd = fd;
	return 0;
}
