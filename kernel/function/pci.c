// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The PCI driver of vgpu functions: finding out what a function is, and its
 * comings and goings.
 */
#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/workqueue.h>
#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "bo.h"
#include "function.h"
#include "kernel/gpu.h"
#include "kernel/submit.h"

#define VGPU_FN_FEATURES						\
	(VGPU_FEATURE_TIMES | VGPU_FEATURE_COMPACT | VGPU_FEATURE_POLL)

static DEFINE_IDA(vgpu_fn_numbers);

/* What the registers say, as far as it makes sense. */
static int vgpu_fn_identify(struct vgpu_function *fn)
{
	u32 version = readl(fn->bar0 + VGPU_REG_VERSION);
	struct drm_vgpu_limits *l = &fn->limits;

	if (readl(fn->bar0 + VGPU_REG_ID) != VGPU_ID) {
		dev_err(&fn->pdev->dev, "this is no vgpu device\n");
		return -ENODEV;
	}
	if (version >> 16 != VGPU_VERSION_MAJOR) {
		dev_err(&fn->pdev->dev,
			"the device has version %u.%u, the driver is for %u\n",
			version >> 16, version & 0xffff, VGPU_VERSION_MAJOR);
		return -ENODEV;
	}
	fn->vram_bytes = vgpu_fn_read64(fn, VGPU_REG_VRAM_LO);
	fn->bank_shift = readl(fn->bar0 + VGPU_REG_BANK_SHIFT);
	if (!fn->vram_bytes || !PAGE_ALIGNED(fn->vram_bytes) ||
	    fn->vram_bytes > pci_resource_len(fn->pdev, 2) ||
	    fn->bank_shift < PAGE_SHIFT || fn->bank_shift > 40) {
		dev_err(&fn->pdev->dev, "%llu bytes of VRAM in banks of 2^%u\n",
			fn->vram_bytes, fn->bank_shift);
		return -ENODEV;
	}
	fn->features = vgpu_fn_read64(fn, VGPU_REG_FEATURES_LO) &
		       VGPU_FN_FEATURES;
	l->max_contexts = readl(fn->bar0 + VGPU_REG_MAX_CONTEXTS);
	l->max_objects = readl(fn->bar0 + VGPU_REG_MAX_OBJECTS);
	l->max_mappings = readl(fn->bar0 + VGPU_REG_MAX_MAPPINGS);
	l->max_rings = readl(fn->bar0 + VGPU_REG_MAX_RINGS);
	l->max_counters = readl(fn->bar0 + VGPU_REG_MAX_COUNTERS);
	l->max_kernels = readl(fn->bar0 + VGPU_REG_MAX_KERNELS);
	l->max_entries = readl(fn->bar0 + VGPU_REG_MAX_ENTRIES);
	l->launch_timeout_ms = readl(fn->bar0 + VGPU_REG_TIMEOUT);
	if (fn->features & VGPU_FEATURE_POLL)
		l->max_poll_us = VGPU_MAX_POLL_US;
	l->max_submit = VGPU_MAX_SUBMIT;
	l->max_syncs = VGPU_MAX_SYNCS;
	return 0;
}

/* BAR0 to be used here, BAR2 and the doorbells by processes. */
static int vgpu_fn_map(struct vgpu_function *fn)
{
	struct pci_dev *pdev = fn->pdev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(0), "vgpu");
	if (ret)
		return ret;
	if (pci_resource_len(pdev, 0) < VGPU_BAR0_BYTES)
		return -ENODEV;
	fn->bar0 = pcim_iomap_table(pdev)[0];
	fn->bar0_start = pci_resource_start(pdev, 0);
	fn->bar2_start = pci_resource_start(pdev, 2);
	/*
	 * VRAM of this device is memory of the host's.  Nobody uses this
	 * mapping: it says that it is cached, for processes' mappings as well.
	 */
	return PTR_ERR_OR_ZERO(devm_memremap(&pdev->dev, fn->bar2_start,
					     pci_resource_len(pdev, 2),
					     MEMREMAP_WB));
}

static int vgpu_fn_dma(struct vgpu_function *fn)
{
	struct device *dev = &fn->pdev->dev;
	int ret;

	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	dma_set_max_seg_size(dev, UINT_MAX);
	pci_set_master(fn->pdev);
	return 0;
}

static void vgpu_fn_release(struct drm_device *drm, void *arg)
{
	struct vgpu_function *fn = to_vgpu_function(drm);

	cancel_work_sync(&fn->error_work);
	vgpu_fn_submit_fini(fn);
	if (fn->wq)
		destroy_workqueue(fn->wq);
	ida_free(&vgpu_fn_numbers, fn->id);
}

static int vgpu_fn_init(struct vgpu_function *fn)
{
	int ret;

	fn->id = ida_alloc(&vgpu_fn_numbers, GFP_KERNEL);
	if (fn->id < 0)
		return fn->id;
	/* Those that this machine makes itself come first. */
	fn->number = vgpu_host_count() + fn->id;
	vgpu_fn_error_init(fn);
	mutex_init(&fn->bos_lock);
	INIT_LIST_HEAD(&fn->bos);
	fn->wq = alloc_workqueue("vgpu-free", WQ_UNBOUND, VGPU_FN_ENDS);
	ret = drmm_add_action_or_reset(&fn->drm, vgpu_fn_release, NULL);
	if (ret)
		return ret;
	return fn->wq ? vgpu_fn_submit_init(fn) : -ENOMEM;
}

static int vgpu_function_probe(struct pci_dev *pdev,
			       const struct pci_device_id *id)
{
	struct vgpu_function *fn;
	int ret;

	fn = devm_drm_dev_alloc(&pdev->dev, &vgpu_function_driver,
				struct vgpu_function, drm);
	if (IS_ERR(fn))
		return PTR_ERR(fn);
	fn->pdev = pdev;
	pci_set_drvdata(pdev, fn);
	ret = vgpu_fn_init(fn);
	if (!ret)
		ret = vgpu_fn_map(fn);
	if (!ret)
		ret = vgpu_fn_dma(fn);
	if (!ret)
		ret = vgpu_fn_identify(fn);
	if (!ret)
		ret = vgpu_account_init(&fn->account, fn->vram_bytes, NULL);
	if (!ret)
		ret = vgpu_fn_admin_init(fn);
	if (!ret)
		ret = vgpu_fn_irqs_init(fn);
	if (!ret)
		ret = vgpu_fn_start(fn);
	if (ret)
		return ret;
	ret = drm_dev_register(&fn->drm, 0);
	if (ret) {
		vgpu_fn_stop(fn);
		return ret;
	}
	dev_info(&pdev->dev, "GPU %u with %llu MiB of its host\n", fn->number,
		 fn->vram_bytes >> 20);
	return 0;
}

/* Also for a function that has been pulled out. */
static void vgpu_function_remove(struct pci_dev *pdev)
{
	struct vgpu_function *fn = pci_get_drvdata(pdev);

	/* Calls that wait for the device end, and then those that are left. */
	vgpu_fn_stop(fn);
	drm_dev_unplug(&fn->drm);
	vgpu_fn_bos_detach(fn);
}

/*
 * D3hot resets the device: what clients have is lost, and they are told so.
 */
static int vgpu_function_suspend(struct device *dev)
{
	struct vgpu_function *fn = dev_get_drvdata(dev);

	vgpu_fn_stop(fn);
	vgpu_fn_bos_detach(fn);
	return 0;
}

static int vgpu_function_resume(struct device *dev)
{
	return vgpu_fn_start(dev_get_drvdata(dev));
}

static DEFINE_SIMPLE_DEV_PM_OPS(vgpu_function_pm, vgpu_function_suspend,
				vgpu_function_resume);

/* A reset that somebody asks for by sysfs. */
static void vgpu_function_reset_prepare(struct pci_dev *pdev)
{
	vgpu_function_suspend(&pdev->dev);
}

static void vgpu_function_reset_done(struct pci_dev *pdev)
{
	int ret = vgpu_fn_start(pci_get_drvdata(pdev));

	if (ret)
		dev_err(&pdev->dev, "no device after its reset: %d\n", ret);
}

static const struct pci_error_handlers vgpu_function_errors = {
	.reset_prepare = vgpu_function_reset_prepare,
	.reset_done = vgpu_function_reset_done,
};

static void vgpu_function_shutdown(struct pci_dev *pdev)
{
	vgpu_fn_stop(pci_get_drvdata(pdev));
}

static const struct pci_device_id vgpu_function_ids[] = {
	{ PCI_DEVICE_SUB(VGPU_PCI_VENDOR, VGPU_PCI_DEVICE, VGPU_PCI_SUBVENDOR,
			 VGPU_PCI_SUBDEVICE_VGPU) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vgpu_function_ids);

static struct pci_driver vgpu_function_pci_driver = {
	.name = "vgpu_function",
	.id_table = vgpu_function_ids,
	.probe = vgpu_function_probe,
	.remove = vgpu_function_remove,
	.shutdown = vgpu_function_shutdown,
	.err_handler = &vgpu_function_errors,
	.driver.pm = pm_sleep_ptr(&vgpu_function_pm),
};

int vgpu_function_register(void)
{
	return pci_register_driver(&vgpu_function_pci_driver);
}

void vgpu_function_unregister(void)
{
	pci_unregister_driver(&vgpu_function_pci_driver);
}
