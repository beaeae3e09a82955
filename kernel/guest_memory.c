// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of a guest, see guest_memory.h.
 */
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/vmalloc.h>

#include "guest_memory.h"
#include "sysmem.h"
#include "tenant.h"

#define VGPU_REFUSE_FIRST	(HZ / 10)
#define VGPU_REFUSE_LONGEST	(10 * HZ)

/**
 * struct vgpu_guest_object - an object of system memory that is a guest's
 * @mem: what the model's object stands for
 * @guest: whose
 * @id: in the model; 0: the admin queue
 * @room: in @mem.pages
 * @n_pages: that are pinned, in order
 * @told: the model knows that it has gone
 * @pins: struct vgpu_pin.mine
 * @node: in &vgpu_guest.objects
 */
struct vgpu_guest_object {
	struct vgpu_sysmem mem;
	struct vgpu_guest *guest;
	u32 id;
	u64 room;
	u64 n_pages;
	bool told;
	struct list_head pins;
	struct list_head node;
};

/**
 * struct vgpu_pin - pages that were pinned by one call
 * @iova: address of the first
 * @pages: how many
 * @busy: that call has not ended
 * @dead: they are to be unpinned as soon as it has
 * @object: whose
 * @node: in &vgpu_guest.pins
 * @mine: in &vgpu_guest_object.pins
 */
struct vgpu_pin {
	u64 iova;
	u32 pages;
	bool busy;
	bool dead;
	struct vgpu_guest_object *object;
	struct list_head node;
	struct list_head mine;
};

void vgpu_guest_init(struct vgpu_guest *g, struct vfio_device *vdev)
{
	g->vdev = vdev;
	mutex_init(&g->lock);
	INIT_LIST_HEAD(&g->objects);
	INIT_LIST_HEAD(&g->pins);
	init_waitqueue_head(&g->wait);
}

void vgpu_guest_set_tenant(struct vgpu_guest *g, struct vgpu_tenant *t)
{
	mutex_lock(&g->lock);
	WARN_ON(!list_empty(&g->pins) || !list_empty(&g->objects));
	g->tenant = t;
	memset(g->refused, 0, sizeof(g->refused));
	mutex_unlock(&g->lock);
}

/* What is refused.  All of these under the lock. */

static bool vgpu_guest_refuses(const struct vgpu_guest *g, u64 first, u64 last)
{
	u32 i;

	for (i = 0; i < VGPU_REFUSALS; i++) {
		const struct vgpu_refusal *r = &g->refused[i];

		if (r->length && r->first <= last && r->last >= first &&
		    time_before(jiffies, r->until))
			return true;
	}
	return false;
}

/* One that is over, or the one that is over first. */
static struct vgpu_refusal *vgpu_refusal_take(struct vgpu_guest *g, u64 first,
					      u64 last)
{
	struct vgpu_refusal *best = &g->refused[0];
	u32 i;

	for (i = 0; i < VGPU_REFUSALS; i++) {
		struct vgpu_refusal *r = &g->refused[i];

		if (r->length && r->first == first && r->last == last)
			return r;
		if (!r->length || (best->length &&
				   time_before(r->until, best->until)))
			best = r;
	}
	if (best->length && time_before(jiffies, best->until)) {
		/* No room: refuse more than was asked for. */
		best->first = min(best->first, first);
		best->last = max(best->last, last);
		return best;
	}
	best->first = first;
	best->last = last;
	best->length = 0;
	return best;
}

static void vgpu_guest_refuse(struct vgpu_guest *g, u64 first, u64 last)
{
	struct vgpu_refusal *r = vgpu_refusal_take(g, first, last);
	bool again = r->length &&
		     time_before(jiffies, r->until + VGPU_REFUSE_LONGEST);

	r->length = again ? min_t(unsigned long, 2 * r->length,
				  VGPU_REFUSE_LONGEST) : VGPU_REFUSE_FIRST;
	r->until = jiffies + r->length;
}

/* Pinning. */

static void vgpu_pin_free(struct vgpu_guest *g, struct vgpu_pin *pin)
{
	g->pages -= pin->pages;
	list_del(&pin->node);
	list_del(&pin->mine);
	kfree(pin);
}

static void vgpu_pin_undo(struct vgpu_guest *g, struct vgpu_pin *pin)
{
	vfio_unpin_pages(g->vdev, pin->iova, pin->pages);
	vgpu_pin_free(g, pin);
}

static int vgpu_pin_begin(struct vgpu_guest *g, struct vgpu_pin *pin)
{
	u64 last = pin->iova + (u64)pin->pages * PAGE_SIZE - 1;
	int ret = 0;

	mutex_lock(&g->lock);
	if (last < pin->iova)
		ret = -EFAULT;
	else if (vgpu_guest_refuses(g, pin->iova, last))
		ret = -EAGAIN;
	else if (g->pages + pin->pages > VGPU_GUEST_PAGES)
		ret = -ENOSPC;
	if (!ret) {
		pin->busy = true;
		g->pages += pin->pages;
		list_add_tail(&pin->node, &g->pins);
		list_add_tail(&pin->mine, &pin->object->pins);
	}
	mutex_unlock(&g->lock);
	return ret;
}

/* @got: what VFIO said. */
static int vgpu_pin_end(struct vgpu_guest *g, struct vgpu_pin *pin, int got)
{
	int ret = 0;

	mutex_lock(&g->lock);
	pin->busy = false;
	if (got == (int)pin->pages && !pin->dead)
		goto out;
	if (got > 0) {
		vfio_unpin_pages(g->vdev, pin->iova, got);
		ret = pin->dead ? -EAGAIN : -EFAULT;
	} else {
		/* An address that the VMM has not given, or not to write. */
		ret = got == -EPERM ? -EACCES :
		      got == -ENOMEM ? -ENOMEM : -EFAULT;
	}
	vgpu_pin_free(g, pin);
out:
	WRITE_ONCE(g->pinned, g->pinned + 1);
	mutex_unlock(&g->lock);
	wake_up_all(&g->wait);
	return ret;
}

/* Up to VGPU_PIN_MAX pages that follow each other; there is room for them. */
static int vgpu_guest_pin(struct vgpu_guest_object *o, u64 iova, u32 pages)
{
	struct vgpu_guest *g = o->guest;
	struct vgpu_pin *pin = kzalloc(sizeof(*pin), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!pin)
		return -ENOMEM;
	pin->iova = iova;
	pin->pages = pages;
	pin->object = o;
	ret = vgpu_pin_begin(g, pin);
	if (ret) {
		kfree(pin);
		return ret;
	}
	ret = vfio_pin_pages(g->vdev, iova, pages, IOMMU_READ | IOMMU_WRITE,
			     o->mem.pages + o->n_pages);
	ret = vgpu_pin_end(g, pin, ret);
	if (!ret)
		o->n_pages += pages;
	return ret;
}

/* Unpin what came after the first @keep pages. */
static void vgpu_guest_trim(struct vgpu_guest_object *o, u64 keep)
{
	struct vgpu_pin *pin, *next;

	mutex_lock(&o->guest->lock);
	list_for_each_entry_safe_reverse(pin, next, &o->pins, mine) {
		if (o->n_pages <= keep)
			break;
		o->n_pages -= pin->pages;
		vgpu_pin_undo(o->guest, pin);
	}
	/* Pins that have gone already were of dead memory: it stays dead. */
	o->n_pages = keep;
	mutex_unlock(&o->guest->lock);
}

/* Objects. */

/* &vgpu_sysmem.release, and for those that were never used. */
static void vgpu_guest_release(struct vgpu_sysmem *mem)
{
	struct vgpu_guest_object *o =
		container_of(mem, struct vgpu_guest_object, mem);
	struct vgpu_guest *g = o->guest;
	struct vgpu_tenant *t = g->tenant;
	struct vgpu_pin *pin, *next;

	mutex_lock(&t->lock);
	list_del(&o->node);
	vgpu_tenant_unlock(t);
	vunmap(mem->vaddr);
	mutex_lock(&g->lock);
	list_for_each_entry_safe(pin, next, &o->pins, mine)
		vgpu_pin_undo(g, pin);
	mutex_unlock(&g->lock);
	kvfree(mem->pages);
	kfree(o);
}

static struct vgpu_guest_object *vgpu_guest_object(struct vgpu_guest *g, u32 id)
{
	struct vgpu_guest_object *o = kzalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);
	struct vgpu_tenant *t = g->tenant;

	if (!o)
		return NULL;
	o->id = id;
	o->guest = g;
	o->mem.guard = &g->lock;
	o->mem.release = vgpu_guest_release;
	INIT_LIST_HEAD(&o->pins);
	mutex_lock(&t->lock);
	list_add(&o->node, &g->objects);
	vgpu_tenant_unlock(t);
	return o;
}

/*
 * Room for so many more pages.  No command uses an object before all its pages
 * are there, so the array may move.
 */
static int vgpu_guest_grow(struct vgpu_guest_object *o, u32 pages)
{
	u64 room = max_t(u64, o->n_pages + pages, 2 * o->room);
	struct page **array;

	if (o->n_pages + pages <= o->room)
		return 0;
	if (o->n_pages + pages > VGPU_GUEST_PAGES)
		return -ENOSPC;
	array = kvmalloc_array(room, sizeof(*array),
			       GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
			       __GFP_NOWARN);
	if (!array)
		return -ENOMEM;
	if (o->n_pages)
		memcpy(array, o->mem.pages, o->n_pages * sizeof(*array));
	kvfree(o->mem.pages);
	o->mem.pages = array;
	o->room = room;
	return 0;
}

/* How many of @n addresses, from the first on, follow each other. */
static u32 vgpu_guest_run(const u64 *list, u32 n)
{
	u32 i;

	for (i = 1; i < n && list[i] == list[i - 1] + PAGE_SIZE; i++)
		;
	return i;
}

/* Append the pages of a list. */
static int vgpu_guest_append(struct vgpu_guest_object *o, const u64 *list,
			     u32 n)
{
	u64 keep = o->n_pages;
	u32 i, run;
	int ret;

	ret = vgpu_guest_grow(o, n);
	for (i = 0; !ret && i < n; i += run) {
		run = vgpu_guest_run(list + i, n - i);
		ret = PAGE_ALIGNED(list[i]) ?
		      vgpu_guest_pin(o, list[i], run) : -EINVAL;
	}
	if (ret)
		vgpu_guest_trim(o, keep);
	return ret;
}

static int vgpu_guest_read(struct vgpu_guest *g, u64 address, void *to,
			   size_t bytes)
{
	return vfio_dma_rw(g->vdev, address, to, bytes, false) ? -EFAULT : 0;
}

static struct vgpu_guest_object *vgpu_guest_find(struct vgpu_tenant *t, u32 id)
{
	struct vgpu_sysmem *mem = xa_load(&t->system, id);

	return mem ? container_of(mem, struct vgpu_guest_object, mem) : NULL;
}

static s32 vgpu_item_pin(struct vgpu_guest *g, const struct vgpu_work *w)
{
	struct vgpu_tenant *t = g->tenant;
	struct vgpu_guest_object *o = vgpu_guest_find(t, w->to.object);
	u64 *list;
	int ret;

	if (WARN_ON_ONCE(w->arg > VGPU_PIN_MAX))
		return -EINVAL;
	if (!o) {
		o = vgpu_guest_object(g, w->to.object);
		if (!o)
			return -ENOMEM;
		ret = xa_err(xa_store(&t->system, o->id, &o->mem,
				      GFP_KERNEL_ACCOUNT));
		if (ret) {
			vgpu_guest_release(&o->mem);
			return ret;
		}
	}
	if (WARN_ON_ONCE(w->to.offset != o->n_pages * PAGE_SIZE))
		return -EINVAL;
	list = kmalloc_array(w->arg, sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	ret = vgpu_guest_read(g, w->address, list, w->arg * sizeof(*list));
	if (!ret)
		ret = vgpu_guest_append(o, list, w->arg);
	kfree(list);
	o->mem.bytes = o->n_pages * PAGE_SIZE;
	return ret;
}

/* Rings and the admin queue: memory that the kernel sees in one piece. */

static void *vgpu_guest_vmap(struct vgpu_sysmem *mem, u64 bytes)
{
	u64 n = DIV_ROUND_UP(bytes, PAGE_SIZE);

	return n > mem->bytes / PAGE_SIZE ? NULL :
	       vmap(mem->pages, n, VM_MAP, PAGE_KERNEL);
}

static void vgpu_item_ring_attach(struct vgpu_guest *g,
				  const struct vgpu_work *w)
{
	struct vgpu_tenant *t = g->tenant;
	struct vgpu_guest_object *o = vgpu_guest_find(t, w->from.object);
	struct vgpu_ring_memory *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	void *vaddr = r && o ? vgpu_guest_vmap(&o->mem, w->bytes) : NULL;
	bool ok = false;

	mutex_lock(&t->lock);
	if (vaddr && !READ_ONCE(o->mem.gone)) {
		r->ring = w->arg;
		r->vaddr = vaddr;
		r->mapped = true;
		r->object = o->id;
		r->poll_ns = w->poll_ns;
		if (r->poll_ns)
			t->poll = true;
		ok = !xa_err(xa_store(&t->rings, r->ring, r,
				      GFP_KERNEL_ACCOUNT));
	}
	/* RING_DETACH follows if the ring has no use for it any more. */
	vgpu_model_ring_attach(t->m, w->id, ok ? vaddr : NULL);
	vgpu_tenant_unlock(t);
	if (ok)
		return;
	vunmap(vaddr);
	kfree(r);
}

static int vgpu_admin_pin(struct vgpu_guest_object *o, u64 address, u64 bytes)
{
	u64 left = DIV_ROUND_UP(bytes, PAGE_SIZE);
	u32 n;
	int ret;

	ret = vgpu_guest_grow(o, left);
	while (!ret && left) {
		n = min_t(u64, left, VGPU_PIN_MAX);
		ret = vgpu_guest_pin(o, address, n);
		address += (u64)n * PAGE_SIZE;
		left -= n;
	}
	o->mem.bytes = o->n_pages * PAGE_SIZE;
	return ret;
}

static void vgpu_item_admin_attach(struct vgpu_guest *g,
				   const struct vgpu_work *w)
{
	struct vgpu_guest_object *o = vgpu_guest_object(g, 0);
	int status = o ? vgpu_admin_pin(o, w->address, w->bytes) : -ENOMEM;
	struct vgpu_tenant *t = g->tenant;

	if (!status) {
		o->mem.vaddr = vgpu_guest_vmap(&o->mem, w->bytes);
		status = o->mem.vaddr ? 0 : -ENOMEM;
	}
	mutex_lock(&t->lock);
	if (!status && READ_ONCE(o->mem.gone))
		status = -EFAULT;
	/* -ENOENT: there was a reset meanwhile. */
	if (!vgpu_model_admin_attach(t->m, w->id, status,
				     status ? NULL : o->mem.vaddr) && !status) {
		g->admin = o;
		o = NULL;
	}
	vgpu_tenant_unlock(t);
	if (o)
		vgpu_guest_release(&o->mem);
}

static void vgpu_item_admin_detach(struct vgpu_guest *g)
{
	struct vgpu_tenant *t = g->tenant;
	struct vgpu_guest_object *o;

	mutex_lock(&t->lock);
	o = g->admin;
	g->admin = NULL;
	vgpu_tenant_unlock(t);
	if (o)
		vgpu_guest_release(&o->mem);
}

s32 vgpu_guest_item(struct vgpu_guest *g, const struct vgpu_work *w)
{
	/* A thread of the kernel is not charged for what it allocates. */
	struct mem_cgroup *old = set_active_memcg(g->tenant->store.memcg);
	s32 status = 0;

	switch (w->kind) {
	case VGPU_WORK_PIN:
		status = vgpu_item_pin(g, w);
		break;
	case VGPU_WORK_RING_ATTACH:
		vgpu_item_ring_attach(g, w);
		break;
	case VGPU_WORK_ADMIN_ATTACH:
		vgpu_item_admin_attach(g, w);
		break;
	case VGPU_WORK_ADMIN_DETACH:
		vgpu_item_admin_detach(g);
		break;
	}
	set_active_memcg(old);
	return status;
}

/* Memory goes. */

static bool vgpu_pin_overlaps(const struct vgpu_pin *pin, u64 first, u64 last)
{
	return pin->iova <= last &&
	       pin->iova + (u64)pin->pages * PAGE_SIZE - 1 >= first;
}

/*
 * Mark what has a page of it; returns whether there is something.  @wait: a pin
 * that is under way, and the number of those that ended before.
 */
static bool vgpu_guest_kill(struct vgpu_guest *g, u64 first, u64 last,
			    bool *wait)
{
	struct vgpu_pin *pin;
	bool any = false;

	*wait = false;
	list_for_each_entry(pin, &g->pins, node) {
		if (!vgpu_pin_overlaps(pin, first, last))
			continue;
		any = true;
		pin->dead = true;
		/* Until then it has no page of it, and may try again. */
		if (pin->busy)
			*wait = true;
		else
			WRITE_ONCE(pin->object->mem.gone, true);
	}
	return any;
}

/* Whether a ring is seen where nobody may touch memory any more. */
static bool vgpu_guest_ring_gone(struct vgpu_tenant *t,
				 const struct vgpu_ring_memory *r)
{
	const struct vgpu_sysmem *mem;

	if (!r->vaddr)
		return false;
	mem = xa_load(&t->system, r->object);
	return mem && READ_ONCE(mem->gone);
}

/* The model shall not touch rings any more.  Under the tenant's lock. */
static void vgpu_guest_tell(struct vgpu_guest *g, struct vgpu_tenant *t)
{
	struct vgpu_ring_memory *r;
	struct vgpu_guest_object *o;
	bool looked = false;
	unsigned long i;

	list_for_each_entry(o, &g->objects, node) {
		if (!READ_ONCE(o->mem.gone) || o->told)
			continue;
		o->told = true;
		if (o->id)
			vgpu_model_system_gone(t->m, o->id);
		else if (o == g->admin)
			vgpu_model_admin_gone(t->m);
	}
	xa_for_each(&t->rings, i, r) {
		if (!r->polled || !vgpu_guest_ring_gone(t, r))
			continue;
		WRITE_ONCE(r->slot, NULL);
		looked = true;
	}
	/* The thread may be looking: once for all of them, it takes its time. */
	if (looked)
		synchronize_rcu();
	xa_for_each(&t->rings, i, r) {
		if (!vgpu_guest_ring_gone(t, r))
			continue;
		vunmap(r->vaddr);
		r->vaddr = NULL;
	}
}

static void vgpu_guest_unpin_dead(struct vgpu_guest *g, u64 first, u64 last)
{
	struct vgpu_pin *pin, *next;

	list_for_each_entry_safe(pin, next, &g->pins, node)
		if (pin->dead && !pin->busy &&
		    vgpu_pin_overlaps(pin, first, last))
			vgpu_pin_undo(g, pin);
}

void vgpu_guest_unmap(struct vgpu_guest *g, u64 iova, u64 length)
{
	u64 last = iova + length - 1;
	struct vgpu_tenant *t;
	bool any, wait;
	u32 seen;

	mutex_lock(&g->lock);
	t = g->tenant;
	vgpu_guest_refuse(g, iova, last);
	any = vgpu_guest_kill(g, iova, last, &wait);
	seen = g->pinned;
	/* The device may be closed meanwhile. */
	if (any)
		kref_get(&t->ref);
	mutex_unlock(&g->lock);
	if (!any)
		return;
	/* One at a time is pinned, by the tenant's thread. */
	if (wait)
		wait_event(g->wait, READ_ONCE(g->pinned) != seen);

	mutex_lock(&t->lock);
	vgpu_guest_tell(g, t);
	/* There may be interrupts to send. */
	vgpu_tenant_wake(t);
	vgpu_tenant_unlock(t);
	/* From here on nobody touches it; those that copied have let go. */
	mutex_lock(&g->lock);
	vgpu_guest_unpin_dead(g, iova, last);
	mutex_unlock(&g->lock);
	vgpu_tenant_put(t);
}
