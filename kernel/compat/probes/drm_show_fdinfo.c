// SPDX-License-Identifier: GPL-2.0 OR MIT
/* 6.5: DRM prints what all drivers print. */
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

void *vgpu_probe(struct drm_driver *driver);
void *vgpu_probe(struct drm_driver *driver)
{
	driver->show_fdinfo = NULL;
	return drm_show_fdinfo;
}
