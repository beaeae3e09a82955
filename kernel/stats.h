/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Figures for operators: attributes of a GPU in sysfs, what a client's fdinfo
 * says, and a list of tenants in debugfs.
 */
#ifndef VGPU_STATS_H
#define VGPU_STATS_H

struct attribute_group;
struct drm_file;
struct drm_minor;
struct drm_printer;

extern const struct attribute_group *vgpu_gpu_groups[];

/* Keys as in Documentation/gpu/drm-usage-stats.rst, but for those of DRM. */
void vgpu_show_fdinfo(struct drm_printer *p, struct drm_file *file);
void vgpu_debugfs_init(struct drm_minor *minor);

#endif /* VGPU_STATS_H */
