// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Up to 6.5: dma-bufs can be mapped only if the driver says how. */
#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

void vgpu_probe(struct drm_driver *driver);
void vgpu_probe(struct drm_driver *driver)
{
	driver->gem_prime_mmap = drm_gem_prime_mmap;
}
