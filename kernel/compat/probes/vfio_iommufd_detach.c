// SPDX-License-Identifier: GPL-2.0 OR MIT
/* 6.6: and be taken off it again. */
#include <linux/vfio.h>

void vgpu_probe(struct vfio_device_ops *ops);
void vgpu_probe(struct vfio_device_ops *ops)
{
	ops->detach_ioas = vfio_iommufd_emulated_detach_ioas;
}
