// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * DRM_IOCTL_VGPU_QUERY: figures for whoever asks.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <drm/drm_file.h>

#include "drm.h"
#include "gpu.h"
#include "submit.h"
#include "tenant.h"

/* What a query gives, in one place for all. */
union vgpu_answer {
	struct drm_vgpu_info info;
	struct drm_vgpu_memory memory;
	struct drm_vgpu_limits limits;
	struct drm_vgpu_features features;
	struct drm_vgpu_statistics statistics;
	struct vgpu_engine_info engine;
};

static void vgpu_query_info(struct vgpu_client *client, struct vgpu_tenant *t,
			    union vgpu_answer *a)
{
	a->info.version = VGPU_VERSION;
	a->info.gpu = client->gpu->number;
	a->info.features = vgpu_engine_features(client->gpu, NULL);
	a->info.status = a->info.features ? VGPU_STATUS_ENGINE : 0;
	a->info.features |= vgpu_client_config.features;
	a->info.vram_bytes = t ? t->store.bytes : client->gpu->vram_bytes;
	a->info.bank_shift = vgpu_client_config.bank_shift;
	a->info.device_clock_ns = ktime_get_ns();
}

static void vgpu_query_memory(struct vgpu_client *client,
			      struct vgpu_tenant *t, union vgpu_answer *a)
{
	struct vgpu_account *account = &client->gpu->account;
	struct drm_vgpu_memory *m = &a->memory;
	struct vgpu_model_stats s = {
		.vram_limit = client->gpu->vram_bytes,
		.vram_largest = 1ull << vgpu_client_config.bank_shift,
	};

	if (t) {
		mutex_lock(&t->lock);
		vgpu_model_stats(t->m, &s);
		vgpu_tenant_unlock(t);
		m->client_resident = (u64)atomic_long_read(&t->store.resident)
				     << PAGE_SHIFT;
	}
	m->gpu_bytes = client->gpu->vram_bytes;
	m->gpu_limit = vgpu_account_limit(account);
	m->gpu_used = vgpu_account_current(account);
	m->gpu_peak = vgpu_account_peak(account);
	m->registered = atomic64_read(&client->registered);
	m->client_limit = s.vram_limit;
	m->client_used = s.vram_used;
	m->client_peak = s.vram_peak;
	m->client_largest = min3(s.vram_largest,
				 s.vram_limit - min(s.vram_limit, s.vram_used),
				 m->gpu_limit - min(m->gpu_limit, m->gpu_used));
}

static void vgpu_query_limits(struct vgpu_client *client,
			      struct vgpu_tenant *t, union vgpu_answer *a)
{
	const struct vgpu_model_config *c = &vgpu_client_config;

	a->limits.max_contexts = c->max_contexts;
	a->limits.max_objects = c->max_objects;
	a->limits.max_mappings = c->max_mappings;
	a->limits.max_rings = c->max_rings;
	a->limits.max_counters = c->max_counters;
	a->limits.max_kernels = c->max_kernels;
	a->limits.max_entries = c->max_entries;
	a->limits.max_jobs = c->max_jobs;
	a->limits.max_poll_us = VGPU_MAX_POLL_US;
	a->limits.max_submit = VGPU_MAX_SUBMIT;
	a->limits.max_syncs = VGPU_MAX_SYNCS;
	a->limits.launch_timeout_ms =
		div_u64(vgpu_launch_timeout_ns(), NSEC_PER_MSEC);
}

static void vgpu_query_features(struct vgpu_client *client,
				struct vgpu_tenant *t, union vgpu_answer *a)
{
	a->features.device = vgpu_client_config.features |
			     vgpu_engine_features(client->gpu, NULL);
	a->features.drm = DRM_VGPU_FEATURE_REGISTER |
			  DRM_VGPU_FEATURE_POLLING | DRM_VGPU_FEATURE_SUBMIT |
			  DRM_VGPU_FEATURE_ENGINE;
}

static void vgpu_query_statistics(struct vgpu_client *client,
				  struct vgpu_tenant *t, union vgpu_answer *a)
{
	struct drm_vgpu_statistics *d = &a->statistics;
	struct vgpu_model_stats s = { 0 };
	struct vgpu_tenant_stats n = { 0 };

	if (t) {
		mutex_lock(&t->lock);
		vgpu_model_stats(t->m, &s);
		n = t->stats;
		d->workers_lost = t->engine.lost;
		d->engine_dropped = t->engine.dropped;
		vgpu_tenant_unlock(t);
	}
	d->queued = s.queued;
	d->completed = s.completed;
	d->failed = s.failed;
	d->in_flight = s.in_flight;
	d->bytes_copied = s.bytes_copied;
	d->bytes_cleared = s.bytes_cleared;
	d->launches = s.launches;
	d->busy_ns = s.busy_ns;
	d->kicks = n.kicks;
	d->kicks_inline = n.kicks_inline;
	d->wakeups = n.wakeups;
	d->polls = n.polls;
	d->gpu_busy_ns = READ_ONCE(client->gpu->turns.busy_ns);
	d->contexts = s.contexts;
	d->objects = s.objects;
	d->mappings = s.mappings;
	d->rings = s.rings;
	d->counters = s.counters;
	d->kernels = s.kernels;
}

static void vgpu_query_engine(struct vgpu_client *client,
			      struct vgpu_tenant *t, union vgpu_answer *a)
{
	vgpu_engine_features(client->gpu, &a->engine);
}

static const struct {
	u32 bytes;
	void (*answer)(struct vgpu_client *client, struct vgpu_tenant *t,
		       union vgpu_answer *a);
} vgpu_queries[] = {
	[DRM_VGPU_QUERY_INFO] = {
		sizeof(struct drm_vgpu_info), vgpu_query_info },
	[DRM_VGPU_QUERY_MEMORY] = {
		sizeof(struct drm_vgpu_memory), vgpu_query_memory },
	[DRM_VGPU_QUERY_LIMITS] = {
		sizeof(struct drm_vgpu_limits), vgpu_query_limits },
	[DRM_VGPU_QUERY_FEATURES] = {
		sizeof(struct drm_vgpu_features), vgpu_query_features },
	[DRM_VGPU_QUERY_STATISTICS] = {
		sizeof(struct drm_vgpu_statistics), vgpu_query_statistics },
	[DRM_VGPU_QUERY_ENGINE] = {
		sizeof(struct vgpu_engine_info), vgpu_query_engine },
};

VGPU_IOCTL(query)
{
	struct vgpu_client *client = file->driver_priv;
	struct drm_vgpu_query *args = data;
	union vgpu_answer a = { 0 };
	u32 what, bytes;
	int ret = 0;

	if (args->what >= ARRAY_SIZE(vgpu_queries))
		return -EINVAL;
	what = array_index_nospec(args->what, ARRAY_SIZE(vgpu_queries));
	bytes = vgpu_queries[what].bytes;
	if (args->pointer) {
		vgpu_queries[what].answer(client, vgpu_client_peek(client), &a);
		ret = vgpu_query_reply(args, &a, bytes);
	}
	if (!ret)
		args->size = bytes;
	return ret;
}
