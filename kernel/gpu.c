// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The PCI driver: a GPU for each function of ours.
 */
#include <linux/cpumask.h>
#include <linux/dma-mapping.h>
#include <linux/pci.h>
#include <drm/drm_drv.h>

#include "drm.h"
#include "gpu.h"
#include "instance.h"
#include "stats.h"
#include "uapi/vgpu_device.h"

static int vgpu_gpu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vgpu_gpu *gpu;
	u64 vram_bytes;
	u32 number;
	int ret;

	ret = vgpu_host_find(pdev, &number, &vram_bytes);
	if (ret)
		return ret;
	gpu = devm_drm_dev_alloc(&pdev->dev, &vgpu_drm_driver, struct vgpu_gpu,
				 drm);
	if (IS_ERR(gpu))
		return PTR_ERR(gpu);
	gpu->number = number;
	gpu->vram_bytes = vram_bytes;
	vgpu_account_init(&gpu->account, vram_bytes, NULL);
	mutex_init(&gpu->tenants_lock);
	INIT_LIST_HEAD(&gpu->tenants);
	vgpu_turns_init(&gpu->turns, num_online_cpus());
	/* Importers of our buffers ask for it. */
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	pci_set_drvdata(pdev, gpu);
	ret = drm_dev_register(&gpu->drm, 0);
	if (ret)
		return ret;
	ret = vgpu_mdev_add(gpu, &pdev->dev);
	if (ret) {
		drm_dev_unplug(&gpu->drm);
		return ret;
	}
	dev_info(&pdev->dev, "GPU %u with %llu MiB\n", number,
		 vram_bytes >> 20);
	return 0;
}

static void vgpu_gpu_remove(struct pci_dev *pdev)
{
	struct vgpu_gpu *gpu = pci_get_drvdata(pdev);

	/* Waits until no instance is open. */
	vgpu_mdev_remove(gpu);
	/* Files that are open keep the structure; their calls end with ENODEV. */
	drm_dev_unplug(&gpu->drm);
}

static const struct pci_device_id vgpu_gpu_ids[] = {
	{ PCI_DEVICE_SUB(VGPU_PCI_VENDOR, VGPU_PCI_DEVICE, VGPU_PCI_SUBVENDOR,
			 VGPU_PCI_SUBDEVICE_GPU) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vgpu_gpu_ids);

static struct pci_driver vgpu_gpu_driver = {
	.name = "vgpu",
	.id_table = vgpu_gpu_ids,
	.probe = vgpu_gpu_probe,
	.remove = vgpu_gpu_remove,
	.dev_groups = vgpu_gpu_groups,
};

int vgpu_gpu_register(void)
{
	return pci_register_driver(&vgpu_gpu_driver);
}

void vgpu_gpu_unregister(void)
{
	pci_unregister_driver(&vgpu_gpu_driver);
}
