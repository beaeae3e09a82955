// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/module.h>

int vgpu_probe(void);
int vgpu_probe(void)
{
	return module_refcount(THIS_MODULE);
}
