// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * An instance as a VFIO device that looks like a PCI function: opening, closing,
 * and the ioctls.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "compat/compat.h"
#include "drm.h"
#include "gpu.h"
#include "instance.h"
#include "tenant.h"

static s32 vgpu_instance_guest(struct vgpu_tenant *t, const struct vgpu_work *w)
{
	struct vgpu_instance *inst = t->owner;

	return vgpu_guest_item(&inst->guest, w);
}

static const struct vgpu_tenant_ops vgpu_instance_ops = {
	.guest = vgpu_instance_guest,
	.rung = vgpu_doorbells_rung,
};

static int vgpu_vfio_init(struct vfio_device *vdev)
{
	struct vgpu_instance *inst = to_vgpu_instance(vdev);

	mutex_init(&inst->lock);
	mutex_init(&inst->irq_lock);
	mutex_init(&inst->doorbell_lock);
	vgpu_guest_init(&inst->guest, vdev);
	return 0;
}

static void vgpu_vfio_release(struct vfio_device *vdev)
{
	struct vgpu_instance *inst = to_vgpu_instance(vdev);

	mutex_destroy(&inst->lock);
	mutex_destroy(&inst->irq_lock);
	mutex_destroy(&inst->doorbell_lock);
	mutex_destroy(&inst->guest.lock);
	vgpu_vfio_free(vdev);
}

static int vgpu_vfio_open(struct vfio_device *vdev)
{
	struct vgpu_instance *inst = to_vgpu_instance(vdev);
	struct vgpu_model_config config = vgpu_client_config;
	struct vgpu_tenant *t;

	config.subdevice = VGPU_PCI_SUBDEVICE_VGPU;
	config.features |= VGPU_FEATURE_POLL;
	config.vram_bytes = inst->vram_bytes;
	/* The GPU's account has it already, all of it. */
	config.account = NULL;
	t = vgpu_tenant_create(inst->gpu, &config, NULL);
	if (IS_ERR(t))
		return PTR_ERR(t);
	t->ops = &vgpu_instance_ops;
	t->owner = inst;
	mutex_lock(&t->lock);
	vgpu_model_vectors(t->m, 0);
	vgpu_tenant_unlock(t);
	vgpu_guest_set_tenant(&inst->guest, t);
	vgpu_instance_attach(inst, t);
	return 0;
}

static void vgpu_vfio_close(struct vfio_device *vdev)
{
	struct vgpu_instance *inst = to_vgpu_instance(vdev);
	struct vgpu_tenant *t = inst->tenant;

	vgpu_vfio_doorbells_off(inst);
	/* Copies stop, and faults of mappings end with SIGBUS. */
	WRITE_ONCE(t->closing, true);
	mutex_lock(&t->lock);
	vgpu_model_reset(t->m);
	vgpu_tenant_run(t);
	vgpu_tenant_unlock(t);
	vgpu_vfio_irqs_off(inst);
	kref_get(&t->ref);
	vgpu_tenant_close(t);
	/* All pages, whoever has them mapped. */
	vgpu_store_zero(&t->store, 0, t->store.bytes);
	vgpu_guest_set_tenant(&inst->guest, NULL);
	vgpu_instance_detach(inst);
	vgpu_tenant_put(t);
}

static int vgpu_vfio_reset(struct vgpu_instance *inst)
{
	struct vgpu_tenant *t = inst->tenant;

	mutex_lock(&t->lock);
	vgpu_model_reset(t->m);
	vgpu_tenant_unlock(t);
	return vgpu_tenant_settle(t, vgpu_tenant_idle, 0, true);
}

/* Copy a structure whose first @bytes a user has, as @argsz in it says. */
static int vgpu_vfio_get(void *to, const void __user *from, size_t bytes)
{
	u32 argsz;

	if (copy_from_user(to, from, bytes))
		return -EFAULT;
	memcpy(&argsz, to, sizeof(argsz));
	return argsz < bytes ? -EINVAL : 0;
}

static int vgpu_vfio_put(void __user *to, const void *from, size_t bytes)
{
	return copy_to_user(to, from, bytes) ? -EFAULT : 0;
}

static int vgpu_vfio_get_info(void __user *arg)
{
	const size_t bytes = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info = { 0 };
	int ret = vgpu_vfio_get(&info, arg, bytes);

	if (ret)
		return ret;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return vgpu_vfio_put(arg, &info, bytes);
}

static int vgpu_vfio_get_region_info(struct vgpu_instance *inst,
				     void __user *arg)
{
	const size_t bytes = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info = { 0 };
	struct vfio_info_cap caps = { 0 };
	int ret = vgpu_vfio_get(&info, arg, bytes);

	if (!ret)
		ret = vgpu_vfio_region_info(inst, &info, &caps);
	if (ret)
		return ret;
	if (caps.size) {
		info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		info.cap_offset = 0;
		if (info.argsz < sizeof(info) + caps.size) {
			info.argsz = sizeof(info) + caps.size;
		} else {
			vfio_info_cap_shift(&caps, sizeof(info));
			ret = vgpu_vfio_put(arg + sizeof(info), caps.buf,
					    caps.size);
			info.cap_offset = sizeof(info);
		}
	}
	kfree(caps.buf);
	return ret ? ret : vgpu_vfio_put(arg, &info, bytes);
}

static int vgpu_vfio_get_irq_info(void __user *arg)
{
	const size_t bytes = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info = { 0 };
	int ret = vgpu_vfio_get(&info, arg, bytes);

	if (!ret)
		ret = vgpu_vfio_irq_info(&info);
	return ret ? ret : vgpu_vfio_put(arg, &info, bytes);
}

static int vgpu_vfio_irqs_ioctl(struct vgpu_instance *inst, void __user *arg)
{
	const size_t bytes = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_set set;
	void *data = NULL;
	size_t size;
	int ret = vgpu_vfio_get(&set, arg, bytes);

	if (!ret)
		ret = vfio_set_irqs_validate_and_prepare(&set,
				vgpu_vfio_irqs(set.index), VFIO_PCI_NUM_IRQS,
				&size);
	if (ret)
		return ret;
	if (size) {
		data = memdup_user(arg + bytes, size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	ret = vgpu_vfio_set_irqs(inst, &set, data);
	kfree(data);
	return ret;
}

static int vgpu_vfio_ioeventfd_ioctl(struct vgpu_instance *inst,
				     void __user *arg)
{
	const size_t bytes = offsetofend(struct vfio_device_ioeventfd, fd);
	struct vfio_device_ioeventfd args;
	int ret = vgpu_vfio_get(&args, arg, bytes);

	return ret ? ret : vgpu_vfio_ioeventfd(inst, &args);
}

static long vgpu_vfio_ioctl(struct vfio_device *vdev, unsigned int cmd,
			    unsigned long arg)
{
	struct vgpu_instance *inst = to_vgpu_instance(vdev);
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return vgpu_vfio_get_info(user);
	case VFIO_DEVICE_GET_REGION_INFO:
		return vgpu_vfio_get_region_info(inst, user);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return vgpu_vfio_get_irq_info(user);
	case VFIO_DEVICE_SET_IRQS:
		return vgpu_vfio_irqs_ioctl(inst, user);
	case VFIO_DEVICE_IOEVENTFD:
		return vgpu_vfio_ioeventfd_ioctl(inst, user);
	case VFIO_DEVICE_RESET:
		return vgpu_vfio_reset(inst);
	default:
		return -ENOTTY;
	}
}

static void vgpu_vfio_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	vgpu_guest_unmap(&to_vgpu_instance(vdev)->guest, iova, length);
}

const struct vfio_device_ops vgpu_vfio_ops = {
	.name = "vgpu",
	.init = vgpu_vfio_init,
	.release = vgpu_vfio_release,
	VGPU_VFIO_IOMMUFD
	.open_device = vgpu_vfio_open,
	.close_device = vgpu_vfio_close,
	.read = vgpu_vfio_read,
	.write = vgpu_vfio_write,
	.ioctl = vgpu_vfio_ioctl,
	.mmap = vgpu_vfio_mmap,
	.request = vgpu_vfio_request,
	.dma_unmap = vgpu_vfio_dma_unmap,
};
