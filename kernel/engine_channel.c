// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A worker's file: what it maps, doorbells, and the end of both.
 *
 * DOC: VRAM
 *
 * A worker's mappings of VRAM get their pages under &vgpu_channel.map_lock.  To
 * take a worker's memory away is to say so under that lock, and to take what is
 * mapped out of all page tables: from then on an access is SIGBUS, whether the
 * process lives or not, and what its launches held may be freed.  A page that it
 * pinned stays its own, as pages do: it goes to nobody else before that ends.
 */
#include <linux/anon_inodes.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <drm/drm_drv.h>

#include "compat/compat.h"
#include "engine.h"
#include "gpu.h"
#include "tenant.h"

/* Pieces of &vgpu_channel.mem. */
#define VGPU_CHANNEL_RING	\
	PAGE_ALIGN(VGPU_RING_BYTES(VGPU_CHANNEL_ENTRIES, VGPU_CHANNEL_ENTRIES))
#define VGPU_CHANNEL_SLOTS	\
	PAGE_ALIGN(VGPU_CHANNEL_ENTRIES * sizeof(struct vgpu_engine_slot))
#define VGPU_CHANNEL_MARKS	\
	PAGE_ALIGN(VGPU_CHANNEL_ENTRIES * sizeof(struct vgpu_engine_mark))

static void vgpu_channel_free(struct kref *ref)
{
	struct vgpu_channel *c = container_of(ref, struct vgpu_channel, ref);
	struct vgpu_gpu *gpu = c->tenant->gpu;

	fput(c->code);
	vfree(c->mem);
	vgpu_tenant_put(c->tenant);
	drm_dev_put(&gpu->drm);
	kvfree(c);
}

void vgpu_channel_put(struct vgpu_channel *c)
{
	kref_put(&c->ref, vgpu_channel_free);
}

void vgpu_channel_ring(struct vgpu_channel *c)
{
	atomic64_inc(&c->bell);
	/* The barriers of this and of the waiter's side order the two. */
	wake_up_all(&c->wait);
}

void vgpu_channel_kill(struct vgpu_channel *c)
{
	down_write(&c->map_lock);
	WRITE_ONCE(c->dead, true);
	up_write(&c->map_lock);
	/* The tenant's own mappings come back when they are used. */
	unmap_mapping_range(c->tenant->store.file->f_mapping, 0, 0, 1);
	wake_up_all(&c->wait);
}

static vm_fault_t vgpu_channel_fault(struct vm_fault *vmf)
{
	struct vgpu_channel *c = vmf->vma->vm_private_data;
	struct vgpu_store *s = &c->tenant->store;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct page *page;
	int err;

	down_read(&c->map_lock);
	if (c->dead)
		goto out;
	page = vgpu_store_get_page(s, vmf->pgoff);
	if (IS_ERR(page))
		goto out;
	lock_page(page);
	err = 0;
	/* It may just have been given back: the next fault gets another one. */
	if (page_folio(page)->mapping == s->file->f_mapping)
		err = vm_insert_page(vmf->vma, vmf->address, page);
	unlock_page(page);
	put_page(page);
	/* Busy: another thread has done it. */
	if (!err || err == -EBUSY)
		ret = VM_FAULT_NOPAGE;
	else if (err == -ENOMEM)
		ret = VM_FAULT_OOM;
out:
	up_read(&c->map_lock);
	return ret;
}

static void vgpu_channel_vm_open(struct vm_area_struct *vma)
{
	struct vgpu_channel *c = vma->vm_private_data;

	kref_get(&c->ref);
}

static void vgpu_channel_vm_close(struct vm_area_struct *vma)
{
	vgpu_channel_put(vma->vm_private_data);
}

static const struct vm_operations_struct vgpu_channel_vm_ops = {
	.open = vgpu_channel_vm_open,
	.close = vgpu_channel_vm_close,
	.fault = vgpu_channel_fault,
};

/* Whether a mapping lies in @bytes from @offset on; if so @skip is how far in. */
static bool vgpu_vma_within(const struct vm_area_struct *vma, u64 offset,
			    u64 bytes, u64 *skip)
{
	u64 start = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 length = vma->vm_end - vma->vm_start;

	if (start < offset || start - offset > bytes)
		return false;
	*skip = start - offset;
	return length <= bytes - *skip;
}

static int vgpu_channel_mmap_vram(struct vgpu_channel *c,
				  struct vm_area_struct *vma, u64 skip)
{
	vma_set_file(vma, c->tenant->store.map_file);
	vma->vm_pgoff = skip >> PAGE_SHIFT;
	vma->vm_ops = &vgpu_channel_vm_ops;
	vma->vm_private_data = c;
	kref_get(&c->ref);
	vgpu_vma_flags(vma, VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP |
		       VM_DONTCOPY, 0);
	return 0;
}

static int vgpu_channel_mmap_code(struct vgpu_channel *c,
				  struct vm_area_struct *vma, u64 skip)
{
	struct file *file;
	int ret;

	/* A file that nobody can write by, whatever becomes of the mapping. */
	file = dentry_open(&c->code->f_path, O_RDONLY | O_LARGEFILE,
			   current_cred());
	if (IS_ERR(file))
		return PTR_ERR(file);
	vma->vm_pgoff = skip >> PAGE_SHIFT;
	ret = call_mmap(file, vma);
	if (!ret) {
		vma_set_file(vma, file);
		vgpu_vma_flags(vma, VM_DONTEXPAND | VM_DONTCOPY, VM_MAYWRITE);
	}
	fput(file);
	return ret;
}

static int vgpu_channel_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vgpu_channel *c = file->private_data;
	bool write = true;
	u64 at = 0, skip;
	int ret;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vgpu_vma_within(vma, VGPU_ENGINE_MMAP_VRAM, c->tenant->store.bytes,
			    &skip))
		return vgpu_channel_mmap_vram(c, vma, skip);
	if (vgpu_vma_within(vma, VGPU_ENGINE_MMAP_CONTROL + PAGE_SIZE,
			    c->control_bytes - PAGE_SIZE, &skip)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		return vgpu_channel_mmap_code(c, vma, skip);
	}
	if (vgpu_vma_within(vma, VGPU_ENGINE_MMAP_SLOTS, VGPU_CHANNEL_SLOTS,
			    &skip)) {
		at = VGPU_CHANNEL_RING;
		write = false;
	} else if (vgpu_vma_within(vma, VGPU_ENGINE_MMAP_MARKS,
				   VGPU_CHANNEL_MARKS, &skip)) {
		at = VGPU_CHANNEL_RING + VGPU_CHANNEL_SLOTS;
	} else if (vgpu_vma_within(vma, VGPU_ENGINE_MMAP_CONTROL, PAGE_SIZE,
				   &skip)) {
		at = VGPU_CHANNEL_RING + VGPU_CHANNEL_SLOTS +
		     VGPU_CHANNEL_MARKS;
	} else if (!vgpu_vma_within(vma, VGPU_ENGINE_MMAP_RING,
				    VGPU_CHANNEL_RING, &skip)) {
		return -EINVAL;
	}
	if (!write && vma->vm_flags & VM_WRITE)
		return -EACCES;
	ret = remap_vmalloc_range(vma, c->mem, (at + skip) >> PAGE_SHIFT);
	if (!ret)
		vgpu_vma_flags(vma, VM_DONTCOPY, write ? 0 : VM_MAYWRITE);
	return ret;
}

static ssize_t vgpu_channel_read(struct file *file, char __user *buf,
				 size_t count, loff_t *pos)
{
	struct vgpu_channel *c = file->private_data;
	u64 n;
	int ret;

	if (count < sizeof(n))
		return -EINVAL;
	for (;;) {
		n = atomic64_xchg(&c->bell, 0);
		if (n)
			return put_user(n, (u64 __user *)buf) ?: sizeof(n);
		if (READ_ONCE(c->dead))
			return 0;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(c->wait,
					       atomic64_read(&c->bell) ||
					       READ_ONCE(c->dead));
		if (ret)
			return ret;
	}
}

static __poll_t vgpu_channel_poll(struct file *file, poll_table *wait)
{
	struct vgpu_channel *c = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &c->wait, wait);
	if (atomic64_read(&c->bell))
		events |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(c->dead))
		events |= EPOLLIN | EPOLLHUP;
	return events;
}

static long vgpu_channel_layout(struct vgpu_channel *c, void __user *to)
{
	struct vgpu_engine_layout layout = {
		.version = VGPU_ENGINE_VERSION,
		.entries = VGPU_CHANNEL_ENTRIES,
		.bank_shift = c->bank_shift,
		.vram_bytes = c->tenant->store.bytes,
		.control_bytes = c->control_bytes,
	};

	return copy_to_user(to, &layout, sizeof(layout)) ? -EFAULT : 0;
}

static long vgpu_channel_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	struct vgpu_channel *c = file->private_data;

	switch (cmd) {
	case VGPU_ENGINE_IOCTL_LAYOUT:
		return vgpu_channel_layout(c, (void __user *)arg);
	case VGPU_ENGINE_IOCTL_DOORBELL:
		if (READ_ONCE(c->dead))
			return -ENODEV;
		vgpu_tenant_poke(c->tenant);
		return 0;
	default:
		return -ENOTTY;
	}
}

/* The worker has gone. */
static int vgpu_channel_release(struct inode *inode, struct file *file)
{
	struct vgpu_channel *c = file->private_data;
	struct vgpu_tenant *t = c->tenant;

	mutex_lock(&t->lock);
	if (t->engine.channel == c) {
		vgpu_engine_lose(t);
		vgpu_tenant_wake(t);
	}
	vgpu_tenant_unlock(t);
	vgpu_channel_put(c);
	return 0;
}

static const struct file_operations vgpu_channel_fops = {
	.owner = THIS_MODULE,
	.release = vgpu_channel_release,
	.read = vgpu_channel_read,
	.poll = vgpu_channel_poll,
	.mmap = vgpu_channel_mmap,
	.unlocked_ioctl = vgpu_channel_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

struct file *vgpu_channel_create(struct vgpu_tenant *t)
{
	struct vgpu_channel *c;
	struct file *file;
	int ret;

	ret = vgpu_code_file(t);
	if (ret)
		return ERR_PTR(ret);
	c = kvzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!c)
		return ERR_PTR(-ENOMEM);
	c->mem = vmalloc_user(VGPU_CHANNEL_RING + VGPU_CHANNEL_SLOTS +
			      VGPU_CHANNEL_MARKS + PAGE_SIZE);
	file = ERR_PTR(-ENOMEM);
	if (!c->mem)
		goto err;
	file = ERR_PTR(-ENOENT);
	/* It may be on its way out. */
	if (!kref_get_unless_zero(&t->ref))
		goto err;
	kref_init(&c->ref);
	init_rwsem(&c->map_lock);
	init_waitqueue_head(&c->wait);
	c->tenant = t;
	c->slots = c->mem + VGPU_CHANNEL_RING;
	c->marks = c->mem + VGPU_CHANNEL_RING + VGPU_CHANNEL_SLOTS;
	c->built = c->mem + VGPU_CHANNEL_RING + VGPU_CHANNEL_SLOTS +
		   VGPU_CHANNEL_MARKS;
	c->code = get_file(t->engine.code);
	c->control_bytes = vgpu_code_control_bytes(t);
	c->bank_shift = vgpu_model_bar0_read(t->m, VGPU_REG_BANK_SHIFT, 4, 0);
	vgpu_channel_setup(c);
	drm_dev_get(&t->gpu->drm);
	file = anon_inode_getfile("vgpu-worker", &vgpu_channel_fops, c, O_RDWR);
	if (IS_ERR(file)) {
		vgpu_channel_put(c);
		return file;
	}
	kref_get(&c->ref);
	t->engine.channel = c;
	return file;

err:
	vfree(c->mem);
	kvfree(c);
	return file;
}
