// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Address spaces of a function's clients: contexts with their doorbells,
 * mappings, counters, and compaction.
 */
#include <linux/io.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "bo.h"
#include "function.h"
#include "kernel/compat/compat.h"

/* Moved with one command, which keeps all others waiting. */
#define VGPU_FN_MOVE_BYTES	(16ull << 20)

struct vgpu_fn_context *vgpu_fn_context(struct vgpu_fn_client *c, u32 id)
{
	return xa_load(&c->contexts, id);
}

/* The page of a context's doorbell, in the node's file. */
static pgoff_t vgpu_fn_doorbell_page(u32 context)
{
	return (DRM_VGPU_MMAP_DOORBELLS >> PAGE_SHIFT) + (context & U16_MAX);
}

static void vgpu_fn_map_free(struct vgpu_fn_map *map)
{
	vgpu_fn_bo_put(map->bo);
	kfree(map);
}

/*
 * What a context has is gone in the device.  Under the client's lock, which is
 * what keeps its doorbell from being mapped again.
 */
static void vgpu_fn_context_gone(struct vgpu_fn_client *c,
				 struct vgpu_fn_context *ctx)
{
	struct vgpu_fn_map *map;
	unsigned long i;
	void *counter;

	xa_erase(&c->contexts, ctx->id);
	if (xa_empty(&c->contexts))
		vgpu_fn_irq_leave(c);
	vgpu_fn_rings_gone(c, ctx->id);
	xa_for_each(&c->counters, i, counter)
		if (xa_to_value(counter) == ctx->id)
			xa_erase(&c->counters, i);
	unmap_mapping_pages(c->fn->drm.anon_inode->i_mapping,
			    vgpu_fn_doorbell_page(ctx->id), 1, true);
	i = 0;
	mt_for_each(&ctx->maps, map, i, ULONG_MAX)
		vgpu_fn_map_free(map);
	mtree_destroy(&ctx->maps);
	kfree(ctx);
}

/* The device destroys a context; it cannot refuse. */
static void vgpu_fn_context_end(struct vgpu_fn_client *c,
				struct vgpu_fn_context *ctx)
{
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_CONTEXT_DESTROY, ctx->id,
					  0);
	u64 result[2];

	if (!vgpu_fn_lost(c)) {
		vgpu_fn_rings_end(c, ctx->id);
		if (vgpu_fn_admin(c->fn, &cmd, result))
			vgpu_fn_give_up(c->fn, c->epoch, "does not destroy a context");
	}
	vgpu_fn_context_gone(c, ctx);
}

void vgpu_fn_clear(struct vgpu_fn_client *c)
{
	struct vgpu_fn_context *ctx;
	unsigned long i;

	xa_for_each(&c->contexts, i, ctx)
		vgpu_fn_context_end(c, ctx);
}

/* A new id, which nobody has: 0 or a negative errno. */
static int vgpu_fn_new_id(struct vgpu_fn_client *c, struct xarray *xa, u64 id,
			  void *entry)
{
	int ret = -EBUSY;

	if (id && id <= U32_MAX)
		ret = xa_insert(xa, id, entry, GFP_KERNEL_ACCOUNT);
	if (ret != -EBUSY)
		return ret;
	vgpu_fn_give_up(c->fn, c->epoch, "has given a bad id");
	return -ENODEV;
}

static int vgpu_fn_context_make(struct vgpu_fn_client *c, u32 *id)
{
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_CONTEXT_CREATE, 0, 0);
	struct vgpu_fn_context *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);
	u64 result[2];
	int ret;

	if (!ctx)
		return -ENOMEM;
	mt_init(&ctx->maps);
	ret = vgpu_fn_admin(c->fn, &cmd, result);
	if (ret)
		goto err;
	ctx->id = result[0];
	/* Where its doorbell is has to be within BAR0. */
	if ((ctx->id & U16_MAX) >= VGPU_DOORBELL_PAGES)
		result[0] = 0;
	ret = vgpu_fn_new_id(c, &c->contexts, result[0], ctx);
	if (ret)
		goto err_context;
	/* The device may have begun anew meanwhile: that is not its client. */
	if (vgpu_fn_lost(c)) {
		xa_erase(&c->contexts, ctx->id);
		ret = -ENODEV;
		goto err_context;
	}
	vgpu_fn_irq_join(c);
	*id = ctx->id;
	return 0;

err_context:
	cmd = vgpu_fn_cmd(VGPU_ADMIN_CONTEXT_DESTROY, ctx->id, 0);
	vgpu_fn_admin(c->fn, &cmd, result);
err:
	kfree(ctx);
	return ret;
}

VGPU_FN_IOCTL(context_create)
{
	struct drm_vgpu_context_create *args = data;
	struct vgpu_fn_client *c = file->driver_priv;
	int ret;

	if (args->flags || args->context)
		return -EINVAL;
	WRITE_ONCE(c->inited, true);
	mutex_lock(&c->lock);
	ret = vgpu_fn_context_make(c, &args->context);
	mutex_unlock(&c->lock);
	return ret;
}

VGPU_FN_IOCTL(context_destroy)
{
	struct drm_vgpu_context_destroy *args = data;
	struct vgpu_fn_client *c = file->driver_priv;
	struct vgpu_fn_context *ctx;

	if (args->pad)
		return -EINVAL;
	mutex_lock(&c->lock);
	ctx = vgpu_fn_context(c, args->context);
	if (ctx)
		vgpu_fn_context_end(c, ctx);
	mutex_unlock(&c->lock);
	if (!ctx)
		return -ENOENT;
	vgpu_fn_event(c, 0);
	return 0;
}

/* Doorbells. */

/* Under the client's lock. */
static bool vgpu_fn_has_doorbell(struct vgpu_fn_client *c, u32 page)
{
	struct vgpu_fn_context *ctx;
	unsigned long i;

	xa_for_each(&c->contexts, i, ctx)
		if ((ctx->id & U16_MAX) == page)
			return !vgpu_fn_lost(c);
	return false;
}

/*
 * A thread may ring for a context that another one has destroyed, or when the
 * function is gone: that goes nowhere, and does not end the process.
 */
static vm_fault_t vgpu_fn_doorbell_fault(struct vm_fault *vmf)
{
	struct vgpu_fn_client *c = vmf->vma->vm_private_data;
	u32 page = vmf->pgoff - (DRM_VGPU_MMAP_DOORBELLS >> PAGE_SHIFT);
	unsigned long pfn = PHYS_PFN(c->fn->bar0_start + VGPU_BAR0_DOORBELLS) +
			    page;
	vm_fault_t ret;
	bool there;
	int idx;

	there = drm_dev_enter(&c->fn->drm, &idx);
	mutex_lock(&c->lock);
	if (there && vgpu_fn_has_doorbell(c, page))
		ret = vgpu_fn_insert_page(c->fn, vmf, pfn, c->epoch);
	else
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     page_to_pfn(c->sink));
	mutex_unlock(&c->lock);
	if (there)
		drm_dev_exit(idx);
	return ret;
}

/* The file keeps the client. */
static const struct vm_operations_struct vgpu_fn_doorbell_vm_ops = {
	.fault = vgpu_fn_doorbell_fault,
};

int vgpu_fn_doorbell_mmap(struct vgpu_fn_client *c, struct vm_area_struct *vma)
{
	u32 page = vma->vm_pgoff - (DRM_VGPU_MMAP_DOORBELLS >> PAGE_SHIFT);
	int ret = 0;

	if (vma_pages(vma) != 1 || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	mutex_lock(&c->lock);
	if (!c->sink)
		c->sink = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!c->sink)
		ret = -ENOMEM;
	else if (!vgpu_fn_has_doorbell(c, page))
		ret = -ENOENT;
	mutex_unlock(&c->lock);
	if (ret)
		return ret;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_private_data = c;
	vma->vm_ops = &vgpu_fn_doorbell_vm_ops;
	/* No child has it: it rings for this client. */
	vgpu_vma_flags(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP |
		       VM_DONTCOPY, 0);
	return 0;
}

/* Mappings. */

/*
 * Where the device has put it: 0, or -EBUSY, if that cannot be.  The mapping holds
 * the buffer.
 */
static int vgpu_fn_map_insert(struct vgpu_fn_context *ctx,
			      struct vgpu_fn_map *map)
{
	u64 end = 1ull << VGPU_ADDRESS_BITS;
	int ret;

	if (!map->bytes || map->bytes > end ||
	    map->address > end - map->bytes ||
	    (map->address | map->bytes) % VGPU_MAP_GRANULE)
		return -EBUSY;
	ret = mtree_insert_range(&ctx->maps, vgpu_fn_map_index(map->address),
				 vgpu_fn_map_index(map->address + map->bytes) - 1,
				 map, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret == -EEXIST ? -EBUSY : ret;
	ctx->n_maps++;
	vgpu_fn_bo_get(map->bo);
	return 0;
}

static int vgpu_fn_map_object(struct vgpu_fn_client *c,
			      struct vgpu_fn_context *ctx,
			      struct vgpu_fn_map *map,
			      const struct drm_vgpu_map *args)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_MAP,
		.op = { ctx->id, 0, args->address, args->offset, args->bytes,
			args->flags },
	};
	u64 result[2];
	u32 object;
	int ret;

	ret = vgpu_fn_bo_object(map->bo, &object);
	if (ret)
		return ret;
	cmd.op[1] = object;
	ret = vgpu_fn_admin(c->fn, &cmd, result);
	if (ret)
		return ret;
	map->address = result[0];
	ret = vgpu_fn_map_insert(ctx, map);
	if (ret == -EBUSY) {
		vgpu_fn_give_up(c->fn, c->epoch, "maps where something is");
		return -ENODEV;
	}
	if (!ret)
		return 0;
	cmd = vgpu_fn_cmd(VGPU_ADMIN_UNMAP, ctx->id, map->address);
	if (vgpu_fn_admin(c->fn, &cmd, result))
		vgpu_fn_give_up(c->fn, c->epoch, "does not unmap");
	return ret;
}

/* Under the client's lock. */
static int vgpu_fn_map(struct vgpu_fn_client *c, struct vgpu_fn_bo *bo,
		       struct drm_vgpu_map *args)
{
	struct vgpu_fn_context *ctx = vgpu_fn_context(c, args->context);
	struct vgpu_fn_map *map;
	int ret;

	if (!ctx)
		return -ENOENT;
	if (bo->read_only && !(args->flags & VGPU_MAP_F_READ_ONLY))
		return -EACCES;
	map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	if (!map)
		return -ENOMEM;
	map->bo = bo;
	map->bytes = args->bytes;
	map->read_only = args->flags & VGPU_MAP_F_READ_ONLY;
	ret = vgpu_fn_map_object(c, ctx, map, args);
	if (ret)
		kfree(map);
	else
		args->address = map->address;
	return ret;
}

VGPU_FN_IOCTL(map)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_map *args = data;
	struct vgpu_fn_bo *bo;
	int ret;

	if (args->pad ||
	    args->flags & ~(VGPU_MAP_F_READ_ONLY | VGPU_MAP_F_ANYWHERE))
		return -EINVAL;
	bo = vgpu_fn_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	mutex_lock(&c->lock);
	ret = vgpu_fn_map(c, bo, args);
	mutex_unlock(&c->lock);
	vgpu_fn_bo_put(bo);
	return ret;
}

/* Under the lock: what was there, or an ERR_PTR(). */
static struct vgpu_fn_map *vgpu_fn_unmap(struct vgpu_fn_client *c,
					 const struct drm_vgpu_unmap *args)
{
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_UNMAP, args->context,
					  args->address);
	struct vgpu_fn_context *ctx = vgpu_fn_context(c, args->context);
	struct vgpu_fn_map *map;
	unsigned long index;
	u64 result[2];
	int ret;

	if (!ctx)
		return ERR_PTR(-ENOENT);
	ret = vgpu_fn_admin(c->fn, &cmd, result);
	if (ret)
		return ERR_PTR(ret);
	index = vgpu_fn_map_index(args->address);
	map = mtree_load(&ctx->maps, index);
	if (!map || map->address != args->address) {
		vgpu_fn_give_up(c->fn, c->epoch, "unmaps what is not mapped");
		return ERR_PTR(-ENODEV);
	}
	mtree_erase(&ctx->maps, index);
	ctx->n_maps--;
	return map;
}

VGPU_FN_IOCTL(unmap)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_unmap *args = data;
	struct vgpu_fn_map *map;

	if (args->pad)
		return -EINVAL;
	mutex_lock(&c->lock);
	map = vgpu_fn_unmap(c, args);
	mutex_unlock(&c->lock);
	if (IS_ERR(map))
		return PTR_ERR(map);
	vgpu_fn_map_free(map);
	return 0;
}

/* Counters. */

static int vgpu_fn_counter_make(struct vgpu_fn_client *c,
				struct drm_vgpu_counter_create *args)
{
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_COUNTER_CREATE,
					  args->context, args->value);
	u64 result[2], id;
	int ret;

	if (!vgpu_fn_context(c, args->context))
		return -ENOENT;
	ret = vgpu_fn_admin(c->fn, &cmd, result);
	if (ret)
		return ret;
	id = result[0];
	ret = vgpu_fn_new_id(c, &c->counters, id, xa_mk_value(args->context));
	if (!ret) {
		args->counter = id;
		return 0;
	}
	cmd = vgpu_fn_cmd(VGPU_ADMIN_COUNTER_DESTROY, id, 0);
	vgpu_fn_admin(c->fn, &cmd, result);
	return ret;
}

VGPU_FN_IOCTL(counter_create)
{
	struct drm_vgpu_counter_create *args = data;
	struct vgpu_fn_client *c = file->driver_priv;
	int ret;

	if (args->counter)
		return -EINVAL;
	mutex_lock(&c->lock);
	ret = vgpu_fn_counter_make(c, args);
	mutex_unlock(&c->lock);
	return ret;
}

/* A command for a counter of the client's.  Under the lock. */
static int vgpu_fn_counter(struct vgpu_fn_client *c, u16 opcode, u32 counter,
			   u64 operand, u64 result[2])
{
	struct vgpu_cmd cmd = vgpu_fn_cmd(opcode, counter, operand);

	if (!xa_load(&c->counters, counter))
		return -ENOENT;
	return vgpu_fn_admin(c->fn, &cmd, result);
}

VGPU_FN_IOCTL(counter_destroy)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_counter *args = data;
	u64 result[2];
	int ret;

	if (args->pad || args->value)
		return -EINVAL;
	mutex_lock(&c->lock);
	ret = vgpu_fn_counter(c, VGPU_ADMIN_COUNTER_DESTROY, args->counter, 0,
			      result);
	if (!ret)
		xa_erase(&c->counters, args->counter);
	mutex_unlock(&c->lock);
	if (!ret)
		vgpu_fn_event(c, 0);
	return ret;
}

VGPU_FN_IOCTL(counter_signal)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_counter *args = data;
	u64 result[2];
	int ret;

	if (args->pad)
		return -EINVAL;
	mutex_lock(&c->lock);
	ret = vgpu_fn_counter(c, VGPU_ADMIN_COUNTER_SIGNAL, args->counter,
			      args->value, result);
	mutex_unlock(&c->lock);
	if (!ret)
		vgpu_fn_event(c, 0);
	return ret;
}

VGPU_FN_IOCTL(counter_read)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_counter *args = data;
	u64 result[2];
	int ret;

	if (args->pad || args->value)
		return -EINVAL;
	mutex_lock(&c->lock);
	/* The next change is an event: whoever reads may wait for it. */
	ret = vgpu_fn_counter(c, VGPU_ADMIN_COUNTER_READ, args->counter,
			      1 + (c->vector - c->fn->vectors), result);
	mutex_unlock(&c->lock);
	if (!ret)
		args->value = result[0];
	return ret;
}

/* One client moves the buffers of all: they share the VRAM. */
VGPU_FN_IOCTL(compact)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_compact *args = data;
	struct vgpu_cmd cmd;
	u64 result[2] = { 0, 1 }, moved = 0;
	int ret = 0;

	if (args->flags || args->more)
		return -EINVAL;
	while (!ret && result[1] && moved < args->bytes) {
		cmd = vgpu_fn_cmd(VGPU_ADMIN_COMPACT,
				  min(args->bytes - moved, VGPU_FN_MOVE_BYTES),
				  0);
		ret = vgpu_fn_admin(c->fn, &cmd, result);
		moved += result[0];
		if (fatal_signal_pending(current))
			ret = -EINTR;
	}
	if (ret)
		return ret;
	args->bytes = moved;
	args->more = result[1];
	return 0;
}
