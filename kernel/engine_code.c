// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Kernels: their code is kept for as long as they live, so that each worker of
 * the tenant can be given it.  It is in one file, which workers map read-only,
 * and which belongs to the client's memory cgroup; here it is written once and
 * never looked at again.
 */
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <drm/drm_file.h>

#include "drm.h"
#include "engine.h"
#include "tenant.h"

u64 vgpu_code_control_bytes(const struct vgpu_tenant *t)
{
	return PAGE_SIZE + (u64)t->engine.max_codes * VGPU_CODE_BYTES;
}

int vgpu_code_file(struct vgpu_tenant *t)
{
	struct vgpu_engine_tenant *e = &t->engine;
	struct file *file;

	if (e->code)
		return 0;
	file = shmem_file_setup("vgpu-code",
				(loff_t)e->max_codes * VGPU_CODE_BYTES,
				VM_NORESERVE);
	if (IS_ERR(file))
		return PTR_ERR(file);
	e->code = file;
	return 0;
}

static u32 vgpu_code_index(const struct vgpu_code *code)
{
	return (code->number & 0xffff) - 1;
}

static loff_t vgpu_code_offset(const struct vgpu_code *code)
{
	return (loff_t)vgpu_code_index(code) * VGPU_CODE_BYTES;
}

static void vgpu_code_free(struct kref *ref)
{
	kvfree(container_of(ref, struct vgpu_code, ref));
}

/* The last one gives the memory back.  Under the lock. */
static void vgpu_code_put(struct vgpu_tenant *t, struct vgpu_code *code)
{
	struct vgpu_engine_tenant *e = &t->engine;
	loff_t start = vgpu_code_offset(code);

	if (kref_read(&code->ref) == 1) {
		shmem_truncate_range(file_inode(e->code), start,
				     start + VGPU_CODE_BYTES - 1);
		ida_free(&e->numbers, vgpu_code_index(code));
	}
	kref_put(&code->ref, vgpu_code_free);
}

static struct vgpu_code *vgpu_code_new(struct vgpu_tenant *t, u32 bytes)
{
	struct vgpu_code *code = kvzalloc(sizeof(*code), GFP_KERNEL_ACCOUNT);
	struct vgpu_engine_tenant *e = &t->engine;
	int ret;

	if (!code)
		return ERR_PTR(-ENOMEM);
	kref_init(&code->ref);
	init_completion(&code->done);
	INIT_LIST_HEAD(&code->wait_node);
	code->bytes = bytes;
	mutex_lock(&t->lock);
	ret = vgpu_code_file(t);
	if (!ret)
		ret = ida_alloc_max(&e->numbers, e->max_codes - 1,
				    GFP_KERNEL_ACCOUNT);
	if (ret >= 0) {
		code->number = (++e->generation & 0xffff) << 16 | (ret + 1);
		list_add_tail(&code->node, &e->codes);
	}
	vgpu_tenant_unlock(t);
	if (ret < 0) {
		kvfree(code);
		return ERR_PTR(ret);
	}
	return code;
}

/* Have the worker build a kernel, if it builds none. */
static void vgpu_code_build(struct vgpu_tenant *t, struct vgpu_code *code)
{
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_engine_cmd cmd = {
		.opcode = VGPU_ENGINE_BUILD,
		.op = { code->number, PAGE_SIZE + vgpu_code_offset(code),
			code->bytes, 0 },
	};

	if (e->building || !e->channel || !vgpu_channel_room(e->channel))
		return;
	kref_get(&code->ref);
	code->builder = e->channel;
	e->building = code;
	e->build_ns = ktime_get_ns() + VGPU_BUILD_NS;
	memset(e->channel->built, 0, sizeof(*e->channel->built));
	vgpu_channel_send(e->channel, &cmd, NULL);
}

bool vgpu_code_ready(struct vgpu_tenant *t, struct vgpu_code *code)
{
	struct vgpu_engine_tenant *e = &t->engine;

	if (code->builder == e->channel && code != e->building)
		return true;
	vgpu_code_build(t, code);
	return false;
}

void vgpu_code_next(struct vgpu_tenant *t)
{
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_engine_cmd cmd = { .opcode = VGPU_ENGINE_DROP };
	struct vgpu_code *code, *next;

	list_for_each_entry_safe(code, next, &e->drops, wait_node) {
		if (!vgpu_channel_room(e->channel))
			return;
		cmd.op[0] = code->number;
		vgpu_channel_send(e->channel, &cmd, NULL);
		list_del_init(&code->wait_node);
		vgpu_code_put(t, code);
	}
	code = list_first_entry_or_null(&e->builds, struct vgpu_code,
					wait_node);
	if (code)
		vgpu_code_build(t, code);
}

/* KERNEL_CREATE has its answer. */
static void vgpu_code_end(struct vgpu_code *code, s32 status)
{
	list_del_init(&code->wait_node);
	code->state = VGPU_CODE_ENDED;
	code->status = status;
	complete(&code->done);
}

void vgpu_code_built(struct vgpu_tenant *t, s32 status)
{
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_code *code = e->building;
	struct vgpu_engine_built built;

	e->building = NULL;
	code->tries = 0;
	if (status)
		code->builder = NULL;
	memcpy(&built, e->channel->built, sizeof(built));
	/* From here on the copy is what counts. */
	barrier();
	if (code->state == VGPU_CODE_QUEUED) {
		code->built = built;
		code->info = built.info;
		vgpu_code_end(code, status);
	} else if (!code->dead &&
		   (status || memcmp(&built.info, &code->info,
				     sizeof(built.info)))) {
		/* Another worker says something else: it is not to be used. */
		code->broken = true;
	}
	if (code->dead && !status)
		list_add_tail(&code->wait_node, &e->drops);
	else
		vgpu_code_put(t, code);
}

void vgpu_code_lost(struct vgpu_tenant *t)
{
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_code *code, *next;

	list_for_each_entry_safe(code, next, &e->drops, wait_node) {
		list_del_init(&code->wait_node);
		vgpu_code_put(t, code);
	}
	list_for_each_entry(code, &e->codes, node)
		code->builder = NULL;
	code = e->building;
	if (!code)
		return;
	e->building = NULL;
	code->builder = NULL;
	code->tries++;
	/* Who asked hears of it: he may be the reason. */
	if (code->state == VGPU_CODE_QUEUED)
		vgpu_code_end(code, -EIO);
	vgpu_code_put(t, code);
}

void vgpu_code_fail(struct vgpu_tenant *t, s32 status)
{
	struct vgpu_code *code, *next;

	list_for_each_entry_safe(code, next, &t->engine.builds, wait_node)
		vgpu_code_end(code, status);
}

void vgpu_code_drop(struct vgpu_tenant *t, struct vgpu_code *code)
{
	struct vgpu_engine_tenant *e = &t->engine;

	mutex_lock(&t->lock);
	list_del(&code->node);
	code->dead = true;
	if (!list_empty(&code->wait_node))
		list_del_init(&code->wait_node);
	code->state = VGPU_CODE_IDLE;
	if (code != e->building && code->builder)
		list_add_tail(&code->wait_node, &e->drops);
	else
		vgpu_code_put(t, code);
	vgpu_engine_step(t);
	vgpu_tenant_unlock(t);
}

static bool vgpu_code_format(u64 features, u32 format)
{
	switch (format) {
	case VGPU_KERNEL_SPIRV:
		return features & VGPU_FEATURE_SPIRV;
	case VGPU_KERNEL_WGSL:
		return features & VGPU_FEATURE_WGSL;
	default:
		return false;
	}
}

/* What comes before the code, in private memory. */
static int vgpu_code_check(const struct vgpu_kernel_desc *d, u32 bytes,
			   u64 features)
{
	const struct vgpu_kernel_spec *specs = (const void *)(d + 1);
	u32 i;

	if (d->flags || !d->code_bytes || d->code_bytes > VGPU_MAX_CODE_BYTES ||
	    d->n_specs > VGPU_MAX_SPECS || !d->entry[0] ||
	    strnlen(d->entry, sizeof(d->entry)) == sizeof(d->entry) ||
	    bytes != sizeof(*d) + d->n_specs * sizeof(*specs) + d->code_bytes)
		return -EINVAL;
	for (i = 0; i < d->n_specs; i++)
		if (specs[i].bytes != 4 && specs[i].bytes != 8)
			return -EINVAL;
	return vgpu_code_format(features, d->format) ? 0 : -EOPNOTSUPP;
}

/* Not by a write: limits of the caller's are for his own files. */
static int vgpu_code_store(struct file *file, loff_t pos, const void *from,
			   u32 bytes)
{
	struct page *page = shmem_read_mapping_page(file->f_mapping,
						    pos >> PAGE_SHIFT);

	if (IS_ERR(page))
		return -ENOMEM;
	memcpy_to_page(page, 0, from, bytes);
	set_page_dirty(page);
	put_page(page);
	return 0;
}

/* Copy it, a page at a time; what is checked is in the first one. */
static int vgpu_code_copy(struct vgpu_tenant *t, struct vgpu_code *code,
			  const char __user *from, u64 features)
{
	loff_t pos = vgpu_code_offset(code);
	void *page = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	int ret = 0;
	u32 at, n;

	BUILD_BUG_ON(sizeof(struct vgpu_kernel_desc) +
		     VGPU_MAX_SPECS * sizeof(struct vgpu_kernel_spec) >
		     PAGE_SIZE);
	if (!page)
		return -ENOMEM;
	for (at = 0; at < code->bytes && !ret; at += n) {
		n = min_t(u32, code->bytes - at, PAGE_SIZE);
		if (copy_from_user(page, from + at, n)) {
			ret = -EFAULT;
			break;
		}
		if (!at)
			ret = vgpu_code_check(page, code->bytes, features);
		if (ret)
			break;
		ret = vgpu_code_store(t->engine.code, pos + at, page, n);
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	free_page((unsigned long)page);
	return ret;
}

/* Have it built, and wait. */
static int vgpu_code_wait(struct vgpu_tenant *t, struct vgpu_code *code)
{
	struct vgpu_engine_tenant *e = &t->engine;
	int ret = -EOPNOTSUPP;

	mutex_lock(&t->lock);
	if (e->engine) {
		ret = 0;
		code->state = VGPU_CODE_QUEUED;
		list_add_tail(&code->wait_node, &e->builds);
		vgpu_engine_want(t);
		vgpu_engine_step(t);
	}
	vgpu_tenant_unlock(t);
	/* The tenant's thread ends it when it takes too long. */
	if (!ret)
		ret = wait_for_completion_interruptible(&code->done);
	return ret ? ret : code->status;
}

/* Text from a worker: it ends, and is one line. */
static void vgpu_code_clean(char *text, size_t bytes)
{
	text[bytes - 1] = 0;
	for (; *text; text++)
		if ((u8)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static int vgpu_code_message(const struct drm_vgpu_kernel_create *args,
			     struct vgpu_code *code, int ret)
{
	char *text = code->built.message;
	u32 n;

	if (!args->message || !args->message_bytes)
		return ret;
	vgpu_code_clean(text, sizeof(code->built.message));
	n = min_t(u32, strlen(text), args->message_bytes - 1);
	text[n] = 0;
	return copy_to_user(u64_to_user_ptr(args->message), text, n + 1) ?
	       -EFAULT : ret;
}

/* The code is the model's from then on, if that is 0. */
static int vgpu_code_add(struct vgpu_tenant *t, u32 context,
			 struct vgpu_code *code, u32 *kernel)
{
	int ret;

	ret = vgpu_tenant_lock_room(t, VGPU_GROW_KERNELS);
	if (ret)
		return ret;
	ret = vgpu_model_kernel_add(t->m, context, &code->info,
				    (uintptr_t)code, &code->id);
	if (!ret)
		*kernel = code->id;
	vgpu_tenant_unlock(t);
	/* Not the caller's fault. */
	return ret == -EINVAL ? -EIO : ret;
}

static u64 vgpu_tenant_offered(struct vgpu_tenant *t)
{
	u64 features = 0;

	mutex_lock(&t->lock);
	if (t->engine.engine)
		features = t->engine.engine->info.features;
	vgpu_tenant_unlock(t);
	return features;
}

VGPU_IOCTL(kernel_create)
{
	struct drm_vgpu_kernel_create *args = data;
	struct vgpu_code *code;
	struct vgpu_tenant *t;
	u64 features;
	int ret;

	if (args->kernel || args->bytes < sizeof(struct vgpu_kernel_desc) ||
	    args->bytes > VGPU_CODE_BYTES || (!args->message && args->message_bytes))
		return -EINVAL;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	features = vgpu_tenant_offered(t);
	if (!features)
		return -EOPNOTSUPP;
	code = vgpu_code_new(t, args->bytes);
	if (IS_ERR(code))
		return PTR_ERR(code);
	ret = vgpu_code_copy(t, code, u64_to_user_ptr(args->pointer), features);
	if (!ret) {
		ret = vgpu_code_wait(t, code);
		if (ret && ret != -ERESTARTSYS)
			ret = vgpu_code_message(args, code, ret);
	}
	if (!ret)
		ret = vgpu_code_add(t, args->context, code, &args->kernel);
	if (ret)
		vgpu_code_drop(t, code);
	return ret;
}

VGPU_IOCTL(kernel_destroy)
{
	struct drm_vgpu_kernel_destroy *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_KERNEL_DESTROY,
					     args->kernel, 0);
	struct vgpu_tenant *t;
	u64 result[2];

	if (args->pad)
		return -EINVAL;
	t = vgpu_client_tenant(file);
	return IS_ERR(t) ? PTR_ERR(t) : vgpu_tenant_admin(t, &cmd, result);
}

VGPU_IOCTL(kernel_info)
{
	struct drm_vgpu_kernel_info *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_KERNEL_INFO,
					     args->kernel, 0);
	struct vgpu_code *code;
	struct vgpu_tenant *t;
	u64 result[2];
	int ret;

	if (args->pad || memchr_inv(&args->info, 0, sizeof(args->info)))
		return -EINVAL;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	mutex_lock(&t->lock);
	/* Whether it still has this id. */
	ret = vgpu_model_admin(t->m, &cmd, result);
	list_for_each_entry(code, &t->engine.codes, node)
		if (!ret && code->id == args->kernel)
			args->info = code->info;
	vgpu_tenant_unlock(t);
	return ret;
}
