// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What stays of an instance while nobody has it open: its settings, and what it
 * has used so far.  Both are attributes of the mediated device, see ABI.rst.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "instance.h"
#include "tenant.h"

/**
 * struct vgpu_figures - of an instance, now
 * @pid: of the process that has it open; 0: none has
 * @vram_used: bytes
 * @engine: what runs its launches
 * @total: since it was created
 */
struct vgpu_figures {
	pid_t pid;
	u64 vram_used;
	const char *engine;
	struct vgpu_usage total;
};

static const char *vgpu_instance_engine(const struct vgpu_tenant *t)
{
	if (!t->engine.engine)
		return "none";
	return t->engine.channel ? "running" : "idle";
}

/* Under the lock. */
static void vgpu_instance_figures(struct vgpu_instance *inst,
				  struct vgpu_figures *f)
{
	struct vgpu_tenant *t = inst->tenant;
	struct vgpu_model_stats s;

	*f = (struct vgpu_figures){ .engine = "none", .total = inst->past };
	if (!t)
		return;
	mutex_lock(&t->lock);
	vgpu_model_stats(t->m, &s);
	f->engine = vgpu_instance_engine(t);
	vgpu_tenant_unlock(t);
	f->pid = t->pid;
	f->vram_used = s.vram_used;
	f->total.busy_ns += vgpu_turn_busy_ns(&t->turn);
	f->total.commands += s.completed + s.failed;
	f->total.failed += s.failed;
}

void vgpu_instance_init(struct vgpu_instance *inst, struct vgpu_gpu *gpu,
			u64 vram_bytes)
{
	inst->gpu = gpu;
	inst->vram_bytes = vram_bytes;
	inst->vram_limit = vram_bytes;
	inst->share = vgpu_share_default;
}

static void vgpu_instance_limit(struct vgpu_instance *inst)
{
	struct vgpu_tenant *t = inst->tenant;

	mutex_lock(&t->lock);
	/* All of it is no limit: then it is VRAM that is short, not a quota. */
	vgpu_model_set_limit(t->m, inst->vram_limit < inst->vram_bytes ?
				   inst->vram_limit : 0);
	vgpu_tenant_unlock(t);
}

void vgpu_instance_attach(struct vgpu_instance *inst, struct vgpu_tenant *t)
{
	mutex_lock(&inst->lock);
	inst->tenant = t;
	vgpu_turn_set(&t->turn, &inst->share);
	vgpu_instance_limit(inst);
	mutex_unlock(&inst->lock);
}

void vgpu_instance_detach(struct vgpu_instance *inst)
{
	struct vgpu_figures f;

	mutex_lock(&inst->lock);
	vgpu_instance_figures(inst, &f);
	inst->past = f.total;
	inst->tenant = NULL;
	mutex_unlock(&inst->lock);
}

/* Settings. */

static ssize_t vram_limit_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct vgpu_instance *inst = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%llu\n", READ_ONCE(inst->vram_limit));
}

static ssize_t vram_limit_store(struct device *dev,
				struct device_attribute *attr, const char *buf,
				size_t count)
{
	struct vgpu_instance *inst = dev_get_drvdata(dev);
	u64 bytes;
	int ret;

	ret = kstrtou64(buf, 0, &bytes);
	if (ret)
		return ret;
	if (!bytes || bytes > inst->vram_bytes)
		return -ERANGE;
	mutex_lock(&inst->lock);
	WRITE_ONCE(inst->vram_limit, bytes);
	if (inst->tenant)
		vgpu_instance_limit(inst);
	mutex_unlock(&inst->lock);
	return count;
}
static DEVICE_ATTR_RW(vram_limit);

/* Set one of &vgpu_instance.share, from @min to @max, to what @buf says. */
static ssize_t vgpu_share_store(struct vgpu_instance *inst, u32 *value, u32 min,
				u32 max, const char *buf, size_t count)
{
	u32 n;
	int ret;

	ret = kstrtou32(buf, 0, &n);
	if (ret)
		return ret;
	if (n < min || n > max)
		return -ERANGE;
	mutex_lock(&inst->lock);
	WRITE_ONCE(*value, n);
	if (inst->tenant)
		vgpu_turn_set(&inst->tenant->turn, &inst->share);
	mutex_unlock(&inst->lock);
	return count;
}

#define VGPU_SHARE_ATTR(name, min, max)					\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	struct vgpu_instance *inst = dev_get_drvdata(dev);		\
									\
	return sysfs_emit(buf, "%u\n", READ_ONCE(inst->share.name));	\
}									\
									\
static ssize_t name##_store(struct device *dev,				\
			    struct device_attribute *attr,		\
			    const char *buf, size_t count)		\
{									\
	struct vgpu_instance *inst = dev_get_drvdata(dev);		\
									\
	return vgpu_share_store(inst, &inst->share.name, min, max, buf,	\
				count);					\
}									\
static DEVICE_ATTR_RW(name)

VGPU_SHARE_ATTR(weight, VGPU_WEIGHT_MIN, VGPU_WEIGHT_MAX);
VGPU_SHARE_ATTR(priority, 0, VGPU_PRIORITY_MAX);
VGPU_SHARE_ATTR(cap, VGPU_CAP_MIN, VGPU_CAP_NONE);

/* Figures. */

static ssize_t vram_bytes_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct vgpu_instance *inst = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%llu\n", inst->vram_bytes);
}
static DEVICE_ATTR_RO(vram_bytes);

#define VGPU_FIGURE_ATTR(name, format, figure)				\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	struct vgpu_instance *inst = dev_get_drvdata(dev);		\
	struct vgpu_figures f;						\
									\
	mutex_lock(&inst->lock);					\
	vgpu_instance_figures(inst, &f);				\
	mutex_unlock(&inst->lock);					\
	return sysfs_emit(buf, format "\n", f.figure);			\
}									\
static DEVICE_ATTR_RO(name)

VGPU_FIGURE_ATTR(vram_used, "%llu", vram_used);
VGPU_FIGURE_ATTR(busy_ns, "%llu", total.busy_ns);
VGPU_FIGURE_ATTR(commands, "%llu", total.commands);
VGPU_FIGURE_ATTR(failed, "%llu", total.failed);
VGPU_FIGURE_ATTR(engine, "%s", engine);
VGPU_FIGURE_ATTR(pid, "%d", pid);

static struct attribute *vgpu_instance_attrs[] = {
	&dev_attr_vram_limit.attr,
	&dev_attr_weight.attr,
	&dev_attr_priority.attr,
	&dev_attr_cap.attr,
	&dev_attr_vram_bytes.attr,
	&dev_attr_vram_used.attr,
	&dev_attr_busy_ns.attr,
	&dev_attr_commands.attr,
	&dev_attr_failed.attr,
	&dev_attr_engine.attr,
	&dev_attr_pid.attr,
	NULL
};

/* Without a name: mdevctl and libvirt set attributes of the device itself. */
static const struct attribute_group vgpu_instance_group = {
	.attrs = vgpu_instance_attrs,
};

const struct attribute_group *vgpu_instance_groups[] = {
	&vgpu_instance_group,
	NULL
};
