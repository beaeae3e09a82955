// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Up to 6.1 drivers free their VFIO device themselves. */
#include <linux/vfio.h>

void vgpu_probe(struct vfio_device *vdev);
void vgpu_probe(struct vfio_device *vdev)
{
	vfio_free_device(vdev);
}
