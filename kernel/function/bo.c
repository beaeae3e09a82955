// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers of a function: what they are for the device, system memory, memory of
 * processes, and the ioctls.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>

#include "bo.h"
#include "function.h"

/* Of a list, which is a page. */
#define VGPU_FN_LIST_PAGES	512u

struct vgpu_fn_bo *vgpu_fn_bo_alloc(struct vgpu_fn_client *c, u32 domain,
				    u64 bytes)
{
	struct vgpu_fn_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);

	if (!bo)
		return NULL;
	bo->domain = domain;
	bo->bytes = bytes;
	bo->client = c;
	if (c)
		kref_get(&c->ref);
	mutex_init(&bo->lock);
	INIT_LIST_HEAD(&bo->node);
	return bo;
}

struct vgpu_fn_bo *vgpu_fn_bo_lookup(struct drm_file *file, u32 handle)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, handle);

	return obj ? to_vgpu_fn_bo(obj) : NULL;
}

void vgpu_fn_bo_get(struct vgpu_fn_bo *bo)
{
	drm_gem_object_get(&bo->shmem.base);
}

void vgpu_fn_bo_put(struct vgpu_fn_bo *bo)
{
	drm_gem_object_put(&bo->shmem.base);
}

struct page **vgpu_fn_bo_pages(struct vgpu_fn_bo *bo)
{
	return bo->domain == DRM_VGPU_DOMAIN_SYSTEM ? bo->shmem.pages :
						      bo->pinned.pages;
}

/* Objects of the device.  All of these under the buffer's lock. */

static int vgpu_fn_sg_map(struct vgpu_fn_bo *bo)
{
	struct drm_device *dev = bo->shmem.base.dev;
	struct sg_table *sgt;
	int ret;

	if (bo->imported) {
		bo->sgt = bo->imported;
		return 0;
	}
	sgt = drm_prime_pages_to_sg(dev, vgpu_fn_bo_pages(bo),
				    bo->shmem.base.size >> PAGE_SHIFT);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	/* The device pins what it is given as writable. */
	ret = dma_map_sgtable(dev->dev, sgt, DMA_BIDIRECTIONAL, 0);
	if (ret) {
		sg_free_table(sgt);
		kfree(sgt);
		return ret == -EINVAL ? -ENOMEM : ret;
	}
	bo->sgt = sgt;
	return 0;
}

static void vgpu_fn_sg_unmap(struct vgpu_fn_bo *bo)
{
	struct sg_table *sgt = bo->sgt;

	bo->sgt = NULL;
	if (!sgt || bo->imported)
		return;
	dma_unmap_sgtable(bo->shmem.base.dev->dev, sgt, DMA_BIDIRECTIONAL, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

/* The addresses of all pages, a list after the other. */
static int vgpu_fn_give_pages(struct vgpu_fn_bo *bo, u32 object)
{
	struct vgpu_function *fn = to_vgpu_function(bo->shmem.base.dev);
	u64 left = bo->shmem.base.size >> PAGE_SHIFT, first = 0;
	struct vgpu_cmd cmd = { .opcode = VGPU_ADMIN_SYSTEM_PAGES };
	struct sg_dma_page_iter iter;
	u64 result[2];
	int ret = 0;
	u32 n = 0;

	mutex_lock(&fn->list_lock);
	for_each_sgtable_dma_page(bo->sgt, &iter, 0) {
		if (!left)
			break;
		fn->list[n++] = cpu_to_le64(sg_page_iter_dma_address(&iter));
		if (n < VGPU_FN_LIST_PAGES && n < left)
			continue;
		cmd.op[0] = object;
		cmd.op[1] = first;
		cmd.op[2] = n;
		cmd.op[3] = fn->list_dma;
		ret = vgpu_fn_admin(fn, &cmd, result);
		if (ret)
			break;
		first += n;
		left -= n;
		n = 0;
	}
	mutex_unlock(&fn->list_lock);
	return ret;
}

static void vgpu_fn_bo_list(struct vgpu_fn_bo *bo, u32 object)
{
	struct vgpu_function *fn = to_vgpu_function(bo->shmem.base.dev);

	bo->object = object;
	if (bo->client)
		atomic_inc(&bo->client->objects);
	mutex_lock(&fn->bos_lock);
	list_add_tail(&bo->node, &fn->bos);
	mutex_unlock(&fn->bos_lock);
}

static void vgpu_fn_bo_unlist(struct vgpu_fn_bo *bo)
{
	struct vgpu_function *fn = to_vgpu_function(bo->shmem.base.dev);

	mutex_lock(&fn->bos_lock);
	list_del_init(&bo->node);
	mutex_unlock(&fn->bos_lock);
	if (bo->client)
		atomic_dec(&bo->client->objects);
	bo->object = 0;
	bo->fixed = false;
	vgpu_fn_sg_unmap(bo);
}

int vgpu_fn_bo_attach(struct vgpu_fn_bo *bo, const struct vgpu_cmd *cmd)
{
	struct vgpu_function *fn = to_vgpu_function(bo->shmem.base.dev);
	struct vgpu_cmd destroy;
	u64 result[2];
	int ret;

	bo->epoch = READ_ONCE(fn->epoch);
	ret = vgpu_fn_admin(fn, cmd, result);
	if (ret)
		return ret;
	if (!result[0] || result[0] > U32_MAX) {
		vgpu_fn_give_up(fn, bo->epoch, "has given a bad id");
		return -ENODEV;
	}
	vgpu_fn_bo_list(bo, result[0]);
	/* If it was stopped, either this is seen here or the list was there. */
	if (bo->epoch == READ_ONCE(fn->epoch))
		return 0;
	vgpu_fn_bo_unlist(bo);
	/* It may have begun anew before it did that. */
	destroy = vgpu_fn_cmd(VGPU_ADMIN_OBJECT_DESTROY, result[0], 0);
	vgpu_fn_admin(fn, &destroy, result);
	return -ENODEV;
}

/*
 * The device lets go of it: 0, or -EBUSY, somebody maps it.  When it does not
 * answer it has been reset, and uses no memory either.
 */
static int vgpu_fn_bo_detach(struct vgpu_fn_bo *bo)
{
	struct vgpu_function *fn = to_vgpu_function(bo->shmem.base.dev);
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_OBJECT_PIN, bo->object, 0);
	u64 result[2];
	int ret;

	if (!bo->object)
		return 0;
	if (bo->epoch != READ_ONCE(fn->epoch)) {
		/* Lost; but it may be at it still. */
		vgpu_fn_give_up(fn, bo->epoch, NULL);
		vgpu_fn_bo_unlist(bo);
		return 0;
	}
	if (bo->fixed)
		vgpu_fn_admin(fn, &cmd, result);
	cmd = vgpu_fn_cmd(VGPU_ADMIN_OBJECT_DESTROY, bo->object, 0);
	ret = vgpu_fn_admin_patient(fn, &cmd, result);
	if (ret == -EBUSY)
		return ret;
	if (ret)
		vgpu_fn_give_up(fn, bo->epoch, "does not free memory");
	vgpu_fn_bo_unlist(bo);
	return 0;
}

static int vgpu_fn_system_attach(struct vgpu_fn_bo *bo)
{
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_SYSTEM_CREATE,
					  bo->shmem.base.size, 0);
	int idx, ret;

	/* Nothing is mapped for a device that has no driver any more. */
	if (!drm_dev_enter(bo->shmem.base.dev, &idx))
		return -ENODEV;
	ret = vgpu_fn_sg_map(bo);
	if (!ret)
		ret = vgpu_fn_bo_attach(bo, &cmd);
	if (ret) {
		vgpu_fn_sg_unmap(bo);
		goto out;
	}
	ret = vgpu_fn_give_pages(bo, bo->object);
	if (ret)
		vgpu_fn_bo_detach(bo);
out:
	drm_dev_exit(idx);
	return ret;
}

int vgpu_fn_bo_object(struct vgpu_fn_bo *bo, u32 *object)
{
	int ret = 0;

	mutex_lock(&bo->lock);
	if (!bo->object)
		ret = bo->domain == DRM_VGPU_DOMAIN_VRAM ?
		      -ENODEV : vgpu_fn_system_attach(bo);
	*object = bo->object;
	mutex_unlock(&bo->lock);
	return ret;
}

/* The end of buffers. */

static void vgpu_fn_bo_end(struct vgpu_fn_bo *bo)
{
	struct drm_gem_object *obj = &bo->shmem.base;
	struct vgpu_fn_client *c = bo->client;

	switch (bo->domain) {
	case DRM_VGPU_DOMAIN_SYSTEM:
		if (bo->shmem.pages)
			drm_gem_shmem_unpin(&bo->shmem);
		drm_gem_shmem_free(&bo->shmem);
		bo = NULL;
		break;
	case DRM_VGPU_DOMAIN_REGISTERED:
		vgpu_unpin(&bo->pinned);
		atomic64_sub(bo->bytes, &c->registered);
		atomic64_sub(bo->bytes, &c->fn->registered);
		drm_gem_object_release(obj);
		break;
	case DRM_VGPU_DOMAIN_IMPORTED:
		drm_prime_gem_destroy(obj, bo->imported);
		drm_gem_object_release(obj);
		break;
	case DRM_VGPU_DOMAIN_VRAM:
		vgpu_account_refund(&c->account, PAGE_ALIGN(bo->bytes));
		drm_gem_object_release(obj);
		break;
	}
	kfree(bo);
	if (!c)
		return;
	/* Those that wait for it to be gone. */
	vgpu_fn_event(c, 0);
	vgpu_fn_client_put(c);
}

static void vgpu_fn_bo_end_work(struct work_struct *work)
{
	struct vgpu_fn_bo *bo = container_of(work, struct vgpu_fn_bo, end);

	mutex_lock(&bo->lock);
	if (vgpu_fn_bo_detach(bo)) {
		/* Nothing of ours maps it. */
		vgpu_fn_give_up(to_vgpu_function(bo->shmem.base.dev), bo->epoch,
				"maps what is not");
		vgpu_fn_bo_unlist(bo);
	}
	mutex_unlock(&bo->lock);
	if (bo->client)
		atomic_dec(&bo->client->ending);
	vgpu_fn_bo_end(bo);
}

void vgpu_fn_bo_free(struct drm_gem_object *obj)
{
	struct vgpu_function *fn = to_vgpu_function(obj->dev);
	struct vgpu_fn_bo *bo = to_vgpu_fn_bo(obj);

	if (!bo->object) {
		vgpu_fn_bo_end(bo);
		return;
	}
	/* Commands that run on it may take their time. */
	if (bo->client)
		atomic_inc(&bo->client->ending);
	INIT_WORK(&bo->end, vgpu_fn_bo_end_work);
	queue_work(fn->wq, &bo->end);
}

/* The first of a list, back in its own: with a reference, if it has any. */
static struct vgpu_fn_bo *vgpu_fn_bo_first(struct vgpu_function *fn,
					   struct list_head *list, bool *empty)
{
	struct vgpu_fn_bo *bo;

	mutex_lock(&fn->bos_lock);
	bo = list_first_entry_or_null(list, struct vgpu_fn_bo, node);
	*empty = !bo;
	if (bo) {
		list_move_tail(&bo->node, &fn->bos);
		if (!kref_get_unless_zero(&bo->shmem.base.refcount))
			bo = NULL;
	}
	mutex_unlock(&fn->bos_lock);
	return bo;
}

int vgpu_fn_bos_let_go(struct vgpu_fn_client *c)
{
	struct vgpu_function *fn = c->fn;
	struct vgpu_fn_bo *bo, *next;
	LIST_HEAD(mine);
	bool empty;
	int idx;

	/* When the driver lets go of the device, all buffers are in its list. */
	if (!drm_dev_enter(&fn->drm, &idx))
		return -ENODEV;
	mutex_lock(&fn->bos_lock);
	list_for_each_entry_safe(bo, next, &fn->bos, node)
		if (bo->client == c && bo->domain != DRM_VGPU_DOMAIN_VRAM)
			list_move_tail(&bo->node, &mine);
	mutex_unlock(&fn->bos_lock);
	for (;;) {
		bo = vgpu_fn_bo_first(fn, &mine, &empty);
		if (empty)
			break;
		if (!bo)
			continue;
		mutex_lock(&bo->lock);
		vgpu_fn_bo_detach(bo);
		mutex_unlock(&bo->lock);
		vgpu_fn_bo_put(bo);
	}
	drm_dev_exit(idx);
	/* Those that end already. */
	return wait_event_killable(c->changed, !atomic_read(&c->ending)) ?
	       -EINTR : 0;
}

void vgpu_fn_bos_detach(struct vgpu_function *fn)
{
	struct vgpu_fn_bo *bo;
	bool empty;

	for (;;) {
		bo = vgpu_fn_bo_first(fn, &fn->bos, &empty);
		if (empty)
			break;
		if (!bo) {
			flush_workqueue(fn->wq);
			continue;
		}
		mutex_lock(&bo->lock);
		if (bo->object)
			vgpu_fn_bo_unlist(bo);
		mutex_unlock(&bo->lock);
		vgpu_fn_bo_put(bo);
	}
}

/* System memory: the shmem helper's, with its pages there from the start. */

static const struct drm_gem_object_funcs vgpu_fn_system_funcs = {
	.free = vgpu_fn_bo_free,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.vm_ops = &vgpu_shmem_vm_ops,
};

struct drm_gem_object *vgpu_fn_bo_create_system(struct drm_device *dev,
						size_t bytes)
{
	struct vgpu_fn_bo *bo = vgpu_fn_bo_alloc(NULL, DRM_VGPU_DOMAIN_SYSTEM,
						 bytes);

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->shmem.base.funcs = &vgpu_fn_system_funcs;
	return &bo->shmem.base;
}

struct vgpu_fn_bo *vgpu_fn_bo_make_system(struct vgpu_fn_client *c, u64 bytes)
{
	struct drm_gem_shmem_object *shmem;
	struct vgpu_fn_bo *bo;
	int ret;

	if (!bytes || !PAGE_ALIGNED(bytes) ||
	    bytes > totalram_pages() << PAGE_SHIFT)
		return ERR_PTR(-EINVAL);
	shmem = drm_gem_shmem_create(&c->fn->drm, bytes);
	if (IS_ERR(shmem))
		return ERR_CAST(shmem);
	bo = to_vgpu_fn_bo(&shmem->base);
	kref_get(&c->ref);
	bo->client = c;
	ret = drm_gem_shmem_pin(shmem);
	if (ret) {
		vgpu_fn_bo_put(bo);
		return ERR_PTR(ret);
	}
	return bo;
}

/* Memory of a process: it is not handed to others. */

static struct dma_buf *vgpu_fn_registered_export(struct drm_gem_object *obj,
						 int flags)
{
	return ERR_PTR(-EINVAL);
}

static int vgpu_fn_registered_open(struct drm_gem_object *obj,
				   struct drm_file *file)
{
	return file->driver_priv == to_vgpu_fn_bo(obj)->client ? 0 : -EINVAL;
}

static const struct drm_gem_object_funcs vgpu_fn_registered_funcs = {
	.free = vgpu_fn_bo_free,
	.open = vgpu_fn_registered_open,
	.export = vgpu_fn_registered_export,
};

static struct vgpu_fn_bo *vgpu_fn_bo_register(struct vgpu_fn_client *c,
					      u64 pointer, u64 bytes,
					      bool read_only)
{
	struct vgpu_fn_bo *bo;
	int ret;

	bo = vgpu_fn_bo_alloc(c, DRM_VGPU_DOMAIN_REGISTERED, bytes);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->read_only = read_only;
	ret = vgpu_pin(&bo->pinned, pointer, bytes, read_only);
	if (ret) {
		vgpu_fn_client_put(c);
		kfree(bo);
		return ERR_PTR(ret);
	}
	bo->shmem.base.funcs = &vgpu_fn_registered_funcs;
	drm_gem_private_object_init(&c->fn->drm, &bo->shmem.base, bytes);
	atomic64_add(bytes, &c->registered);
	atomic64_add(bytes, &c->fn->registered);
	return bo;
}

/* Memory of other drivers. */

static const struct drm_gem_object_funcs vgpu_fn_imported_funcs = {
	.free = vgpu_fn_bo_free,
};

struct drm_gem_object *vgpu_fn_bo_import(struct drm_device *dev,
					 struct dma_buf_attachment *attach,
					 struct sg_table *sgt)
{
	u64 bytes = attach->dmabuf->size;
	struct scatterlist *sg;
	struct vgpu_fn_bo *bo;
	u32 i;

	/* Whole pages, as the device sees them. */
	for_each_sgtable_dma_sg(sgt, sg, i)
		if (!PAGE_ALIGNED(sg_dma_address(sg) | sg_dma_len(sg)))
			return ERR_PTR(-EINVAL);
	if (!PAGE_ALIGNED(bytes))
		return ERR_PTR(-EINVAL);
	bo = vgpu_fn_bo_alloc(NULL, DRM_VGPU_DOMAIN_IMPORTED, bytes);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->imported = sgt;
	bo->shmem.base.funcs = &vgpu_fn_imported_funcs;
	drm_gem_private_object_init(dev, &bo->shmem.base, bytes);
	return &bo->shmem.base;
}

/* Give a new buffer a handle; the reference goes with it, or goes. */
static int vgpu_fn_bo_publish(struct drm_file *file, struct vgpu_fn_bo *bo,
			      u32 *handle)
{
	int ret;

	if (IS_ERR(bo))
		return PTR_ERR(bo);
	ret = drm_gem_handle_create(file, &bo->shmem.base, handle);
	vgpu_fn_bo_put(bo);
	return ret;
}

VGPU_FN_IOCTL(bo_create)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_bo_create *args = data;
	struct vgpu_fn_bo *bo;

	if (args->flags || args->pad || args->handle)
		return -EINVAL;
	WRITE_ONCE(c->inited, true);
	switch (args->domain) {
	case DRM_VGPU_DOMAIN_VRAM:
		bo = vgpu_fn_bo_create_vram(c, args->bytes, args->align);
		break;
	case DRM_VGPU_DOMAIN_SYSTEM:
		if (args->align)
			return -EINVAL;
		bo = vgpu_fn_bo_make_system(c, args->bytes);
		break;
	default:
		return -EINVAL;
	}
	return vgpu_fn_bo_publish(file, bo, &args->handle);
}

VGPU_FN_IOCTL(bo_register)
{
	struct drm_vgpu_bo_register *args = data;

	if (args->flags & ~DRM_VGPU_BO_READ_ONLY || args->handle)
		return -EINVAL;
	return vgpu_fn_bo_publish(file,
				  vgpu_fn_bo_register(file->driver_priv,
						      args->pointer,
						      args->bytes,
						      args->flags),
				  &args->handle);
}

VGPU_FN_IOCTL(bo_info)
{
	struct drm_vgpu_bo_info *args = data;
	struct vgpu_fn_bo *bo;
	int ret = 0;

	if (args->domain || args->flags || args->pad || args->bytes ||
	    args->offset || args->mmap_offset || args->mmap_bytes ||
	    args->mmap_skip)
		return -EINVAL;
	bo = vgpu_fn_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	args->domain = bo->domain;
	args->bytes = bo->bytes;
	if (bo->read_only)
		args->flags |= DRM_VGPU_BO_READ_ONLY;
	if (bo->domain == DRM_VGPU_DOMAIN_VRAM) {
		ret = vgpu_fn_bo_offset(bo, &args->offset);
		if (READ_ONCE(bo->fixed))
			args->flags |= DRM_VGPU_BO_PINNED;
	}
	if (bo->domain == DRM_VGPU_DOMAIN_VRAM ||
	    bo->domain == DRM_VGPU_DOMAIN_SYSTEM) {
		args->mmap_offset =
			drm_vma_node_offset_addr(&bo->shmem.base.vma_node);
		args->mmap_bytes = PAGE_ALIGN(bo->bytes);
	}
	vgpu_fn_bo_put(bo);
	return ret;
}
