// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The module: its parameters, and the order in which its parts come and go.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include "compat/compat.h"
#include "function/function.h"
#include "gpu.h"
#include "instance.h"
#include "uapi/vgpu_device.h"

#define VGPU_GPUS_MAX		16
#define VGPU_VRAM_MAX		(1ull << 40)

static int gpus = -1;
module_param(gpus, int, 0444);
MODULE_PARM_DESC(gpus, "software GPUs, 0 to 16 (default 1; 0 in a virtual machine that has a vGPU)");

static char *vram = "4G";
module_param(vram, charp, 0444);
MODULE_PARM_DESC(vram, "memory of each GPU, such as 512M or 16G, a multiple of 1M from 16M to 1T (default 4G)");

/* Is this a virtual machine that got a GPU from its host? */
static bool vgpu_have_function(void)
{
	struct pci_dev *pdev = pci_get_subsys(VGPU_PCI_VENDOR, VGPU_PCI_DEVICE,
					      VGPU_PCI_SUBVENDOR,
					      VGPU_PCI_SUBDEVICE_VGPU, NULL);

	pci_dev_put(pdev);
	return pdev;
}

static int vgpu_parse_vram(u64 *bytes)
{
	char *end;

	*bytes = memparse(vram, &end);
	if (end != vram && !*end && *bytes >= SZ_16M &&
	    *bytes <= VGPU_VRAM_MAX && IS_ALIGNED(*bytes, SZ_1M))
		return 0;
	pr_err("vram=%s: must be a multiple of 1M from 16M to 1T, such as 4G\n",
	       vram);
	return -EINVAL;
}

static int __init vgpu_init(void)
{
	u64 vram_bytes;
	int ret;

	if (gpus < -1 || gpus > VGPU_GPUS_MAX) {
		pr_err("gpus=%d: must be 0 to %d\n", gpus, VGPU_GPUS_MAX);
		return -EINVAL;
	}
	ret = vgpu_parse_vram(&vram_bytes);
	if (ret)
		return ret;
	if (gpus < 0)
		gpus = !vgpu_have_function();
	ret = vgpu_mdev_register();
	if (ret)
		return ret;
	ret = vgpu_gpu_register();
	if (ret)
		goto err_mdev;
	ret = vgpu_host_create(gpus, vram_bytes);
	if (ret)
		goto err_gpu;
	ret = vgpu_function_register();
	if (ret)
		goto err_host;
	return 0;

err_host:
	vgpu_host_destroy();
err_gpu:
	vgpu_gpu_unregister();
err_mdev:
	vgpu_mdev_unregister();
	return ret;
}

static void __exit vgpu_exit(void)
{
	vgpu_function_unregister();
	vgpu_host_destroy();
	vgpu_gpu_unregister();
	vgpu_mdev_unregister();
}

module_init(vgpu_init);
module_exit(vgpu_exit);

MODULE_DESCRIPTION("A GPU shared by processes and virtual machines");
MODULE_AUTHOR("The vgpu authors");
MODULE_LICENSE("Dual MIT/GPL");
VGPU_IMPORT_DMA_BUF;
