// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Mediated devices: a GPU's function as their parent, the types that it offers,
 * and the driver that makes instances.
 *
 * Types are halves of the GPU's VRAM, down to a sixteenth.  They may be mixed:
 * an instance takes its VRAM from the GPU's account when it is created, and what
 * is left says how many more of each type there can be.
 */
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/vfio.h>

#include "gpu.h"
#include "instance.h"

#define VGPU_TYPES	5u

/**
 * struct vgpu_mdev_type - a type of instances
 * @type: as the mdev core knows it
 * @gpu: whose
 * @vram_bytes: of an instance
 * @name: for sysfs, such as 512m: also used in file names and INI files
 * @pretty: for people
 */
struct vgpu_mdev_type {
	struct mdev_type type;
	struct vgpu_gpu *gpu;
	u64 vram_bytes;
	char name[16];
	char pretty[32];
};

/**
 * struct vgpu_mdev - a GPU as parent of mediated devices
 * @parent: as the mdev core knows it
 * @types: what it offers
 * @list: the same, for the core
 */
struct vgpu_mdev {
	struct mdev_parent parent;
	struct vgpu_mdev_type types[VGPU_TYPES];
	struct mdev_type *list[VGPU_TYPES];
};

static struct vgpu_mdev_type *to_vgpu_type(struct mdev_type *type)
{
	return container_of(type, struct vgpu_mdev_type, type);
}

static int vgpu_mdev_probe(struct mdev_device *mdev)
{
	struct vgpu_mdev_type *type = to_vgpu_type(mdev->type);
	struct vgpu_gpu *gpu = type->gpu;
	struct vgpu_instance *inst;
	int ret;

	ret = vgpu_account_reserve(&gpu->account, type->vram_bytes);
	if (ret)
		return ret;
	inst = vfio_alloc_device(vgpu_instance, vdev, mdev_dev(mdev),
				 &vgpu_vfio_ops);
	if (IS_ERR(inst)) {
		ret = PTR_ERR(inst);
		goto err_account;
	}
	vgpu_instance_init(inst, gpu, type->vram_bytes);
	dev_set_drvdata(mdev_dev(mdev), inst);
	ret = vfio_register_emulated_iommu_dev(&inst->vdev);
	if (ret)
		goto err_device;
	return 0;

err_device:
	vfio_put_device(&inst->vdev);
err_account:
	vgpu_account_refund(&gpu->account, type->vram_bytes);
	return ret;
}

static void vgpu_mdev_remove_one(struct mdev_device *mdev)
{
	struct vgpu_instance *inst = dev_get_drvdata(mdev_dev(mdev));
	struct vgpu_mdev_type *type = to_vgpu_type(mdev->type);

	/* Waits until it is closed. */
	vfio_unregister_group_dev(&inst->vdev);
	vfio_put_device(&inst->vdev);
	vgpu_account_refund(&type->gpu->account, type->vram_bytes);
}

static unsigned int vgpu_mdev_available(struct mdev_type *mtype)
{
	struct vgpu_mdev_type *type = to_vgpu_type(mtype);
	struct vgpu_account *account = &type->gpu->account;
	u64 limit = vgpu_account_limit(account);
	u64 used = vgpu_account_current(account);

	return used < limit ? div64_u64(limit - used, type->vram_bytes) : 0;
}

/* In the words that scripts know from others. */
static ssize_t vgpu_mdev_description(struct mdev_type *mtype, char *buf)
{
	struct vgpu_mdev_type *type = to_vgpu_type(mtype);

	return sysfs_emit(buf,
			  "num_heads=0, frl_config=0, framebuffer=%lluM, max_resolution=0x0, max_instance=%llu\n",
			  type->vram_bytes >> 20,
			  div64_u64(type->gpu->vram_bytes, type->vram_bytes));
}

static struct mdev_driver vgpu_mdev_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.probe = vgpu_mdev_probe,
	.remove = vgpu_mdev_remove_one,
	.get_available = vgpu_mdev_available,
	.show_description = vgpu_mdev_description,
	.driver = {
		.name = "vgpu_mdev",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
		.dev_groups = vgpu_instance_groups,
	},
};

static void vgpu_type_init(struct vgpu_mdev_type *type, struct vgpu_gpu *gpu,
			   u64 bytes)
{
	type->gpu = gpu;
	type->vram_bytes = bytes;
	if (IS_ALIGNED(bytes, SZ_1G))
		snprintf(type->name, sizeof(type->name), "%llug", bytes >> 30);
	else
		snprintf(type->name, sizeof(type->name), "%llum", bytes >> 20);
	snprintf(type->pretty, sizeof(type->pretty), "vGPU %s", type->name);
	type->type.sysfs_name = type->name;
	type->type.pretty_name = type->pretty;
}

/* Not every kernel says so if one could not be made. */
static bool vgpu_mdev_complete(const struct vgpu_mdev *mdev)
{
	u32 i;

	for (i = 0; i < VGPU_TYPES; i++)
		if (!mdev->types[i].type.kobj.state_in_sysfs)
			return false;
	return true;
}

int vgpu_mdev_add(struct vgpu_gpu *gpu, struct device *dev)
{
	struct vgpu_mdev *mdev = kzalloc(sizeof(*mdev), GFP_KERNEL);
	int ret;
	u32 i;

	if (!mdev)
		return -ENOMEM;
	for (i = 0; i < VGPU_TYPES; i++) {
		vgpu_type_init(&mdev->types[i], gpu,
			       ALIGN_DOWN(gpu->vram_bytes >> i, SZ_1M));
		mdev->list[i] = &mdev->types[i].type;
	}
	ret = mdev_register_parent(&mdev->parent, dev, &vgpu_mdev_driver,
				   mdev->list, VGPU_TYPES);
	if (!ret && !vgpu_mdev_complete(mdev)) {
		mdev_unregister_parent(&mdev->parent);
		ret = -ENOMEM;
	}
	if (ret) {
		kfree(mdev);
		return ret;
	}
	gpu->mdev = mdev;
	return 0;
}

void vgpu_mdev_remove(struct vgpu_gpu *gpu)
{
	mdev_unregister_parent(&gpu->mdev->parent);
	kfree(gpu->mdev);
	gpu->mdev = NULL;
}

int vgpu_mdev_register(void)
{
	return mdev_register_driver(&vgpu_mdev_driver);
}

void vgpu_mdev_unregister(void)
{
	mdev_unregister_driver(&vgpu_mdev_driver);
}
