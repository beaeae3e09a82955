// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/module.h>

int vgpu_probe(void);
int vgpu_probe(void)
{
	return vgpu_no_kernel_has_this(THIS_MODULE);
}
