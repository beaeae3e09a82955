// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Tenants: making and ending them, and what their drivers ask of the model.
 */
#include <linux/cgroup.h>
#include <linux/eventfd.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <drm/drm_drv.h>

#include "gpu.h"
#include "queue.h"
#include "sysmem.h"
#include "tenant.h"
#include "uapi/vgpu_drm.h"

/* Memory for a model.  A shortage is the caller's. */
static void *vgpu_model_alloc(size_t bytes, gfp_t gfp)
{
	/* Whole pages are aligned to one, which is more than it asks for. */
	return kvzalloc(PAGE_ALIGN(bytes), gfp | __GFP_ACCOUNT | __GFP_NOWARN);
}

static int vgpu_tenant_model(struct vgpu_tenant *t,
			     const struct vgpu_model_config *config)
{
	size_t bytes = vgpu_model_least_bytes(config);
	int ret;

	if (!bytes)
		return -EINVAL;
	t->m = vgpu_model_alloc(bytes, GFP_KERNEL);
	if (!t->m)
		return -ENOMEM;
	ret = vgpu_model_init(t->m, bytes, config);
	if (ret)
		kvfree(t->m);
	return ret;
}

static void vgpu_tenant_model_free(struct vgpu_tenant *t)
{
	void *mem;

	vgpu_model_fini(t->m);
	while ((mem = vgpu_model_reclaim(t->m)))
		kvfree(mem);
	kvfree(t->m);
}

static void vgpu_tenant_list(struct vgpu_tenant *t)
{
	static atomic_t numbers;

	t->number = atomic_inc_return(&numbers);
	t->pid = task_tgid_nr(current);
	get_task_comm(t->comm, current);
	mutex_lock(&t->gpu->tenants_lock);
	list_add_tail(&t->node, &t->gpu->tenants);
	vgpu_engine_join(t);
	mutex_unlock(&t->gpu->tenants_lock);
}

static void vgpu_tenant_unlist(struct vgpu_tenant *t)
{
	mutex_lock(&t->gpu->tenants_lock);
	list_del(&t->node);
	mutex_unlock(&t->gpu->tenants_lock);
}

/* In the opener's cgroups: what it runs is theirs. */
static int vgpu_tenant_start(struct vgpu_tenant *t)
{
	struct task_struct *thread;
	int ret;

	thread = kthread_create(vgpu_tenant_thread, t, "vgpu%u-%d",
				t->gpu->number, task_tgid_nr(current));
	if (IS_ERR(thread))
		return -ENOMEM;
	ret = cgroup_attach_task_all(current, thread);
	if (ret) {
		kthread_stop(thread);
		return ret;
	}
	t->thread = thread;
	wake_up_process(thread);
	return 0;
}

struct vgpu_tenant *vgpu_tenant_create(struct vgpu_gpu *gpu,
				       const struct vgpu_model_config *config,
				       struct drm_vgpu_client_page *page)
{
	struct vgpu_tenant *t;
	int ret = -ENOMEM;

	t = kvzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!t)
		return ERR_PTR(-ENOMEM);
	kref_init(&t->ref);
	t->gpu = gpu;
	mutex_init(&t->lock);
	xa_init(&t->system);
	xa_init(&t->rings);
	INIT_LIST_HEAD(&t->polled);
	INIT_LIST_HEAD(&t->queues);
	vgpu_turn_init(&t->turn, &gpu->turns);
	init_waitqueue_head(&t->thread_wait);
	init_waitqueue_head(&t->changed);
	spin_lock_init(&t->irq_lock);
	if (page)
		get_page(virt_to_page(page));
	else
		page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		goto err_free;
	t->page = page;
	ret = vgpu_store_init(&t->store, config->vram_bytes);
	if (ret)
		goto err_page;
	ret = vgpu_tenant_model(t, config);
	if (ret)
		goto err_store;
	ret = vgpu_engine_init(t, config);
	if (ret)
		goto err_model;
	ret = vgpu_tenant_start(t);
	if (ret)
		goto err_engine;
	vgpu_tenant_list(t);
	/* Memory that is mapped keeps the tenant when the GPU is unbound. */
	drm_dev_get(&gpu->drm);
	return t;

err_engine:
	vgpu_engine_fini(t);
err_model:
	vgpu_tenant_model_free(t);
err_store:
	vgpu_store_fini(&t->store);
err_page:
	put_page(virt_to_page(t->page));
err_free:
	kvfree(t);
	return ERR_PTR(ret);
}

static void vgpu_tenant_free(struct kref *ref)
{
	struct vgpu_tenant *t = container_of(ref, struct vgpu_tenant, ref);

	vgpu_tenant_unlist(t);
	WARN_ON(!xa_empty(&t->system));
	WARN_ON(!xa_empty(&t->rings));
	vgpu_engine_fini(t);
	vgpu_tenant_model_free(t);
	vgpu_store_fini(&t->store);
	/* Somebody may have it mapped still. */
	put_page(virt_to_page(t->page));
	/* Pairs with the get in vgpu_tenant_create(). */
	drm_dev_put(&t->gpu->drm);
	kvfree(t);
}

void vgpu_tenant_put(struct vgpu_tenant *t)
{
	kref_put(&t->ref, vgpu_tenant_free);
}

bool vgpu_tenant_idle(struct vgpu_tenant *t, u64 arg)
{
	return !t->running && t->at == t->n && !vgpu_model_pending(t->m);
}

void vgpu_tenant_close(struct vgpu_tenant *t)
{
	struct task_struct *thread = t->thread;
	u32 i;

	WRITE_ONCE(t->closing, true);
	vgpu_turn_close(&t->turn);
	mutex_lock(&t->lock);
	vgpu_model_clear(t->m);
	vgpu_tenant_run(t);
	vgpu_tenant_unlock(t);
	vgpu_engine_close(t);
	vgpu_tenant_settle(t, vgpu_tenant_idle, 0, false);

	mutex_lock(&t->lock);
	t->thread = NULL;
	vgpu_tenant_changed(t);
	vgpu_tenant_unlock(t);
	kthread_stop(thread);
	/* Others may have closed buffers, and have left that to the thread. */
	mutex_lock(&t->lock);
	vgpu_tenant_run(t);
	vgpu_tenant_unlock(t);
	for (i = 0; i < VGPU_MSIX_VECTORS; i++)
		vgpu_tenant_set_eventfd(t, i, -1);
	vgpu_tenant_put(t);
}

int vgpu_tenant_settle(struct vgpu_tenant *t,
		       bool (*cond)(struct vgpu_tenant *t, u64 arg), u64 arg,
		       bool killable)
{
	u64 seen;
	int ret = 0;

	for (;;) {
		mutex_lock(&t->lock);
		seen = t->page->events;
		if (cond(t, arg))
			break;
		vgpu_tenant_run(t);
		if (cond(t, arg))
			break;
		vgpu_tenant_unlock(t);
		if (killable)
			ret = wait_event_killable(t->changed,
				vgpu_tenant_events(t) != seen);
		else
			wait_event(t->changed,
				   vgpu_tenant_events(t) != seen);
		if (ret)
			return -EINTR;
	}
	vgpu_tenant_unlock(t);
	return 0;
}

int vgpu_tenant_grow(struct vgpu_tenant *t, u32 what, size_t bytes)
{
	/* Nobody who waits for a fence is to wait for memory. */
	gfp_t gfp = READ_ONCE(t->fences) ? GFP_NOWAIT : GFP_KERNEL;
	struct mem_cgroup *old = set_active_memcg(t->store.memcg);
	void *mem = vgpu_model_alloc(bytes, gfp);

	set_active_memcg(old);
	if (!mem)
		return -ENOMEM;
	mutex_lock(&t->lock);
	mem = vgpu_model_grow(t->m, what, mem, bytes);
	vgpu_tenant_unlock(t);
	kvfree(mem);
	return 0;
}

int vgpu_tenant_lock_room(struct vgpu_tenant *t, u32 what)
{
	size_t bytes;
	void *mem;

	mutex_lock(&t->lock);
	while ((bytes = vgpu_model_short(t->m, what))) {
		vgpu_tenant_unlock(t);
		mem = vgpu_model_alloc(bytes, GFP_KERNEL);
		if (!mem)
			return -ENOMEM;
		mutex_lock(&t->lock);
		mem = vgpu_model_grow(t->m, what, mem, bytes);
		kvfree(mem);
	}
	return 0;
}

int vgpu_tenant_admin(struct vgpu_tenant *t, const struct vgpu_cmd *cmd,
		      u64 result[2])
{
	u64 seen;
	int ret;

	for (;;) {
		ret = vgpu_tenant_lock_room(t, vgpu_model_takes(cmd->opcode));
		if (ret)
			return ret;
		seen = t->page->events;
		ret = vgpu_model_admin(t->m, cmd, result);
		vgpu_tenant_run(t);
		vgpu_tenant_unlock(t);
		if (ret != -EAGAIN)
			return ret;
		/* Blocks are being zeroed or moved. */
		if (wait_event_killable(t->changed,
			vgpu_tenant_events(t) != seen))
			return -EINTR;
	}
}

int vgpu_tenant_system_add(struct vgpu_tenant *t, struct vgpu_sysmem *mem,
			   u32 *object)
{
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_SYSTEM_CREATE,
					     mem->bytes, 0);
	u64 result[2];
	int ret;

	ret = vgpu_tenant_lock_room(t, VGPU_GROW_OBJECTS);
	if (ret)
		return ret;
	ret = vgpu_model_admin(t->m, &cmd, result);
	if (ret)
		goto out;
	*object = result[0];
	ret = xa_err(xa_store(&t->system, *object, mem, GFP_KERNEL_ACCOUNT));
	if (ret)
		vgpu_model_object_close(t->m, *object);
	vgpu_tenant_run(t);
out:
	vgpu_tenant_unlock(t);
	return ret;
}

void vgpu_tenant_object_close(struct vgpu_tenant *t, u32 object)
{
	mutex_lock(&t->lock);
	vgpu_model_object_close(t->m, object);
	vgpu_tenant_run(t);
	vgpu_tenant_unlock(t);
}

int vgpu_tenant_ring_add(struct vgpu_tenant *t, struct vgpu_ring_memory *ring)
{
	int ret;

	/* When fences are out, memory for jobs cannot be waited for. */
	ret = vgpu_tenant_lock_room(t, ring->queue ? VGPU_GROW_JOBS :
						     VGPU_GROW_NONE);
	if (ret)
		return ret;
	ret = xa_err(xa_store(&t->rings, ring->ring, ring, GFP_KERNEL_ACCOUNT));
	if (!ret)
		ret = vgpu_model_ring_memory(t->m, ring->ring, ring->vaddr);
	if (ret)
		xa_erase(&t->rings, ring->ring);
	else if (ring->queue)
		vgpu_queue_begin(t, ring->queue);
	else if (ring->poll_ns)
		t->poll = true;
	vgpu_tenant_unlock(t);
	return ret;
}

int vgpu_tenant_set_eventfd(struct vgpu_tenant *t, u32 vector, int fd)
{
	struct eventfd_ctx *ctx = NULL, *old;

	if (fd >= 0) {
		ctx = eventfd_ctx_fdget(fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	spin_lock(&t->irq_lock);
	old = t->eventfds[vector];
	t->eventfds[vector] = ctx;
	spin_unlock(&t->irq_lock);
	if (old)
		eventfd_ctx_put(old);
	return 0;
}
