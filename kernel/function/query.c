// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * DRM_IOCTL_VGPU_QUERY on a function.
 */
#include <linux/io.h>
#include <linux/nospec.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "function.h"
#include "uapi/vgpu_engine.h"

/* What a query gives, in one place for all. */
union vgpu_fn_answer {
	struct drm_vgpu_info info;
	struct drm_vgpu_memory memory;
	struct drm_vgpu_limits limits;
	struct drm_vgpu_features features;
	struct drm_vgpu_statistics statistics;
	struct vgpu_engine_info engine;
};

static void vgpu_fn_query_info(struct vgpu_fn_client *c,
			       union vgpu_fn_answer *a)
{
	a->info.version = VGPU_VERSION;
	a->info.gpu = c->fn->number;
	a->info.features = c->fn->features;
	a->info.vram_bytes = c->vram_bytes;
	a->info.bank_shift = c->fn->bank_shift;
	a->info.status = readl(c->fn->bar0 + VGPU_REG_STATUS) &
			 VGPU_STATUS_ENGINE;
	a->info.device_clock_ns = vgpu_fn_read64(c->fn, VGPU_REG_CLOCK_LO);
}

static u64 vgpu_fn_left(const struct vgpu_account *a)
{
	u64 limit = vgpu_account_limit(a), used = vgpu_account_current(a);

	return limit - min(limit, used);
}

static void vgpu_fn_query_memory(struct vgpu_fn_client *c,
				 union vgpu_fn_answer *a)
{
	struct vgpu_function *fn = c->fn;
	struct drm_vgpu_memory *m = &a->memory;

	m->gpu_bytes = fn->vram_bytes;
	m->gpu_limit = vgpu_account_limit(&fn->account);
	m->gpu_used = vgpu_account_current(&fn->account);
	m->gpu_peak = vgpu_account_peak(&fn->account);
	m->client_limit = vgpu_account_limit(&c->account);
	m->client_used = vgpu_account_current(&c->account);
	m->client_peak = vgpu_account_peak(&c->account);
	m->client_largest = min3(1ull << fn->bank_shift,
				 vgpu_fn_left(&c->account),
				 vgpu_fn_left(&fn->account));
	m->registered = atomic64_read(&c->registered);
}

static void vgpu_fn_query_limits(struct vgpu_fn_client *c,
				 union vgpu_fn_answer *a)
{
	a->limits = c->fn->limits;
}

static void vgpu_fn_query_features(struct vgpu_fn_client *c,
				   union vgpu_fn_answer *a)
{
	a->features.device = c->fn->features;
	a->features.drm = DRM_VGPU_FEATURE_REGISTER |
			  DRM_VGPU_FEATURE_SUBMIT | DRM_VGPU_FEATURE_DOORBELL |
			  DRM_VGPU_FEATURE_SHARED;
	if (c->fn->features & VGPU_FEATURE_POLL)
		a->features.drm |= DRM_VGPU_FEATURE_POLLING;
}

static u32 vgpu_fn_count(struct xarray *xa)
{
	unsigned long i;
	u32 n = 0;
	void *p;

	xa_for_each(xa, i, p)
		n++;
	return n;
}

/*
 * What the device counts it counts for all; this is what the driver knows.  An
 * end is an end, with an errno or without.
 */
static void vgpu_fn_query_statistics(struct vgpu_fn_client *c,
				     union vgpu_fn_answer *a)
{
	struct drm_vgpu_statistics *d = &a->statistics;
	struct vgpu_fn_context *ctx;
	unsigned long i;

	d->kicks = atomic64_read(&c->kicks);
	d->gpu_busy_ns = vgpu_fn_read64(c->fn, VGPU_REG_BUSY_LO);
	mutex_lock(&c->lock);
	d->contexts = vgpu_fn_count(&c->contexts);
	d->rings = vgpu_fn_count(&c->rings);
	d->counters = vgpu_fn_count(&c->counters);
	xa_for_each(&c->contexts, i, ctx)
		d->mappings += ctx->n_maps;
	vgpu_fn_rings_count(c, &d->queued, &d->completed);
	d->in_flight = d->queued - d->completed;
	mutex_unlock(&c->lock);
	d->objects = atomic_read(&c->objects);
}

static void vgpu_fn_query_engine(struct vgpu_fn_client *c,
				 union vgpu_fn_answer *a)
{
	/* It is the host's business. */
}

static const struct {
	u32 bytes;
	void (*answer)(struct vgpu_fn_client *c, union vgpu_fn_answer *a);
} vgpu_fn_queries[] = {
	[DRM_VGPU_QUERY_INFO] = {
		sizeof(struct drm_vgpu_info), vgpu_fn_query_info },
	[DRM_VGPU_QUERY_MEMORY] = {
		sizeof(struct drm_vgpu_memory), vgpu_fn_query_memory },
	[DRM_VGPU_QUERY_LIMITS] = {
		sizeof(struct drm_vgpu_limits), vgpu_fn_query_limits },
	[DRM_VGPU_QUERY_FEATURES] = {
		sizeof(struct drm_vgpu_features), vgpu_fn_query_features },
	[DRM_VGPU_QUERY_STATISTICS] = {
		sizeof(struct drm_vgpu_statistics), vgpu_fn_query_statistics },
	[DRM_VGPU_QUERY_ENGINE] = {
		sizeof(struct vgpu_engine_info), vgpu_fn_query_engine },
};

VGPU_FN_IOCTL(query)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_query *args = data;
	union vgpu_fn_answer a = { 0 };
	int idx, ret = 0;
	u32 what, bytes;

	if (args->what >= ARRAY_SIZE(vgpu_fn_queries))
		return -EINVAL;
	what = array_index_nospec(args->what, ARRAY_SIZE(vgpu_fn_queries));
	bytes = vgpu_fn_queries[what].bytes;
	if (args->pointer) {
		if (!drm_dev_enter(dev, &idx))
			return -ENODEV;
		vgpu_fn_queries[what].answer(c, &a);
		drm_dev_exit(idx);
		ret = vgpu_query_reply(args, &a, bytes);
	}
	if (!ret)
		args->size = bytes;
	return ret;
}
