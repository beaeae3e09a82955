// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Interrupts of a function.  Clients share its vectors: each has one for all of
 * its rings, and the vectors that it gives its rings are names for eventfds.
 */
#include <linux/cpumask.h>
#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/pci.h>
#include <drm/drm_file.h>

#include "function.h"
#include "kernel/compat/compat.h"

void vgpu_fn_event(struct vgpu_fn_client *c, u32 vectors)
{
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&c->irq_lock, flags);
	/* Pairs with the acquire in vgpu_fn_events(), and in programs. */
	smp_store_release(&c->page->events, c->page->events + 1);
	c->irq_status |= vectors;
	vectors &= ~c->irq_mask;
	for (i = 0; i < VGPU_MSIX_VECTORS; i++)
		if (vectors & 1u << i && c->eventfds[i])
			vgpu_eventfd_signal(c->eventfds[i]);
	spin_unlock_irqrestore(&c->irq_lock, flags);
	wake_up_all(&c->changed);
}

/* Which of its rings has something to say, nobody knows. */
static void vgpu_fn_vector_event(struct vgpu_fn_vector *v)
{
	struct vgpu_fn_client *c;
	unsigned long flags;

	spin_lock_irqsave(&v->lock, flags);
	list_for_each_entry(c, &v->clients, node)
		vgpu_fn_event(c, READ_ONCE(c->vectors));
	spin_unlock_irqrestore(&v->lock, flags);
}

void vgpu_fn_event_all(struct vgpu_function *fn)
{
	struct drm_file *file;

	mutex_lock(&fn->drm.filelist_mutex);
	list_for_each_entry(file, &fn->drm.filelist, lhead) {
		struct vgpu_fn_client *c = file->driver_priv;

		vgpu_fn_event(c, READ_ONCE(c->vectors));
	}
	mutex_unlock(&fn->drm.filelist_mutex);
}

static irqreturn_t vgpu_fn_interrupt(int irq, void *data)
{
	struct vgpu_fn_vector *v = data;

	/* Answers and errors may have come with one message. */
	if (v == &v->fn->vectors[0]) {
		vgpu_fn_admin_reap(v->fn);
		schedule_work(&v->fn->error_work);
	}
	vgpu_fn_vector_event(v);
	vgpu_fn_submit_look(v->fn);
	return IRQ_HANDLED;
}

int vgpu_fn_irqs_init(struct vgpu_function *fn)
{
	int i, n, ret;

	n = pci_alloc_irq_vectors(fn->pdev, 1,
				  min(VGPU_MSIX_VECTORS, num_online_cpus() + 1),
				  PCI_IRQ_MSIX);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		struct vgpu_fn_vector *v = &fn->vectors[i];

		v->fn = fn;
		spin_lock_init(&v->lock);
		INIT_LIST_HEAD(&v->clients);
		ret = devm_request_irq(&fn->pdev->dev,
				       pci_irq_vector(fn->pdev, i),
				       vgpu_fn_interrupt, 0, "vgpu", v);
		if (ret)
			return ret;
	}
	fn->n_vectors = n;
	return 0;
}

void vgpu_fn_irq_init(struct vgpu_fn_client *c)
{
	struct vgpu_function *fn = c->fn;
	u32 i = fn->n_vectors > 1 ? 1 + c->number % (fn->n_vectors - 1) : 0;

	c->vector = &fn->vectors[i];
	INIT_LIST_HEAD(&c->node);
}

void vgpu_fn_irq_join(struct vgpu_fn_client *c)
{
	if (!list_empty(&c->node))
		return;
	spin_lock_irq(&c->vector->lock);
	list_add_tail(&c->node, &c->vector->clients);
	spin_unlock_irq(&c->vector->lock);
}

void vgpu_fn_irq_leave(struct vgpu_fn_client *c)
{
	spin_lock_irq(&c->vector->lock);
	list_del_init(&c->node);
	spin_unlock_irq(&c->vector->lock);
}
