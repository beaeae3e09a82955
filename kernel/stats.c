// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Figures for operators, see stats.h.
 */
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/sysfs.h>
#include <drm/drm_debugfs.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "drm.h"
#include "gpu.h"
#include "stats.h"
#include "tenant.h"

static struct vgpu_gpu *vgpu_dev_gpu(struct device *dev)
{
	return pci_get_drvdata(to_pci_dev(dev));
}

/*
 * vram_bytes, vram_used, vram_peak: bytes.  vram_limit: bytes that may be
 * allocated by all together, written by root; may be below what is.
 */
static ssize_t vram_bytes_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", vgpu_dev_gpu(dev)->vram_bytes);
}
static DEVICE_ATTR_RO(vram_bytes);

static ssize_t vram_used_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  vgpu_account_current(&vgpu_dev_gpu(dev)->account));
}
static DEVICE_ATTR_RO(vram_used);

static ssize_t vram_peak_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  vgpu_account_peak(&vgpu_dev_gpu(dev)->account));
}
static DEVICE_ATTR_RO(vram_peak);

static ssize_t vram_limit_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  vgpu_account_limit(&vgpu_dev_gpu(dev)->account));
}

static ssize_t vram_limit_store(struct device *dev,
				struct device_attribute *attr, const char *buf,
				size_t count)
{
	struct vgpu_gpu *gpu = vgpu_dev_gpu(dev);
	u64 bytes;
	int ret;

	ret = kstrtou64(buf, 0, &bytes);
	if (ret)
		return ret;
	if (bytes > gpu->vram_bytes)
		return -ERANGE;
	vgpu_account_set_limit(&gpu->account, bytes);
	return count;
}
static DEVICE_ATTR_RW(vram_limit);

/* Bytes of processes' memory that is pinned for this GPU. */
static ssize_t registered_bytes_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  (u64)atomic64_read(&vgpu_dev_gpu(dev)->registered));
}
static DEVICE_ATTR_RO(registered_bytes);

/* Time that commands have run, in nanoseconds, of all slots. */
static ssize_t busy_ns_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  vgpu_turns_busy_ns(&vgpu_dev_gpu(dev)->turns));
}
static DEVICE_ATTR_RO(busy_ns);

/* Tenants that may run at the same time. */
static ssize_t slots_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%u\n", vgpu_dev_gpu(dev)->turns.slots);
}
static DEVICE_ATTR_RO(slots);

static ssize_t tenants_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct vgpu_gpu *gpu = vgpu_dev_gpu(dev);
	struct list_head *node;
	u32 n = 0;

	mutex_lock(&gpu->tenants_lock);
	list_for_each(node, &gpu->tenants)
		n++;
	mutex_unlock(&gpu->tenants_lock);
	return sysfs_emit(buf, "%u\n", n);
}
static DEVICE_ATTR_RO(tenants);

static struct attribute *vgpu_gpu_attrs[] = {
	&dev_attr_vram_bytes.attr,
	&dev_attr_vram_used.attr,
	&dev_attr_vram_peak.attr,
	&dev_attr_vram_limit.attr,
	&dev_attr_registered_bytes.attr,
	&dev_attr_busy_ns.attr,
	&dev_attr_slots.attr,
	&dev_attr_tenants.attr,
	NULL
};

static const struct attribute_group vgpu_gpu_group = {
	.name = "vgpu",
	.attrs = vgpu_gpu_attrs,
};

const struct attribute_group *vgpu_gpu_groups[] = {
	&vgpu_gpu_group,
	NULL
};

void vgpu_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct vgpu_client *client = file->driver_priv;
	struct vgpu_tenant *t = vgpu_client_peek(client);
	struct vgpu_model_stats s = { .vram_limit = client->gpu->vram_bytes };
	u64 busy_ns = 0, resident = 0;

	if (t) {
		mutex_lock(&t->lock);
		vgpu_model_stats(t->m, &s);
		vgpu_tenant_unlock(t);
		busy_ns = vgpu_turn_busy_ns(&t->turn);
		resident = (u64)atomic_long_read(&t->store.resident)
			   << PAGE_SHIFT;
	}
	drm_printf(p, "drm-engine-copy:\t%llu ns\n", busy_ns);
	drm_printf(p, "drm-engine-capacity-copy:\t%u\n",
		   client->gpu->turns.slots);
	drm_printf(p, "drm-total-vram:\t%llu KiB\n", s.vram_used >> 10);
	drm_printf(p, "drm-resident-vram:\t%llu KiB\n", resident >> 10);
	drm_printf(p, "vgpu-limit-vram:\t%llu KiB\n", s.vram_limit >> 10);
	drm_printf(p, "vgpu-peak-vram:\t%llu KiB\n", s.vram_peak >> 10);
	drm_printf(p, "vgpu-commands:\t%llu\n", s.queued);
	drm_printf(p, "vgpu-failed:\t%llu\n", s.failed);
}

static int vgpu_debugfs_tenants(struct seq_file *m, void *unused)
{
	struct drm_info_node *node = m->private;
	struct vgpu_gpu *gpu = to_vgpu_gpu(node->minor->dev);
	struct vgpu_model_stats s;
	struct vgpu_tenant *t;

	seq_puts(m, "tenant     pid command          vram_used vram_peak  resident contexts  rings  commands  failed in_flight        busy_ns  wakeups\n");
	mutex_lock(&gpu->tenants_lock);
	list_for_each_entry(t, &gpu->tenants, node) {
		mutex_lock(&t->lock);
		vgpu_model_stats(t->m, &s);
		seq_printf(m, "%6u %7d %-16s %9llu %9llu %9llu %8u %6u %9llu %7llu %9llu %14llu %8llu\n",
			   t->number, t->pid, t->comm, s.vram_used, s.vram_peak,
			   (u64)atomic_long_read(&t->store.resident)
				   << PAGE_SHIFT,
			   s.contexts, s.rings, s.queued, s.failed,
			   s.in_flight, vgpu_turn_busy_ns(&t->turn),
			   t->stats.wakeups);
		vgpu_tenant_unlock(t);
	}
	mutex_unlock(&gpu->tenants_lock);
	return 0;
}

static const struct drm_info_list vgpu_debugfs_files[] = {
	{ "tenants", vgpu_debugfs_tenants },
};

void vgpu_debugfs_init(struct drm_minor *minor)
{
	drm_debugfs_create_files(vgpu_debugfs_files,
				 ARRAY_SIZE(vgpu_debugfs_files),
				 minor->debugfs_root, minor);
}
