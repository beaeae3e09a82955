// SPDX-License-Identifier: GPL-2.0 OR MIT
/* 6.2: VFIO devices may be used with iommufd. */
#include <linux/vfio.h>

void vgpu_probe(struct vfio_device_ops *ops);
void vgpu_probe(struct vfio_device_ops *ops)
{
	ops->bind_iommufd = vfio_iommufd_emulated_bind;
	ops->unbind_iommufd = vfio_iommufd_emulated_unbind;
	ops->attach_ioas = vfio_iommufd_emulated_attach_ioas;
}
