// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The admin queue of a function: one command after the other, each waited for.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <drm/drm_drv.h>

#include "function.h"

#define VGPU_FN_RING_BYTES						\
	PAGE_ALIGN(VGPU_RING_BYTES(VGPU_FN_ENTRIES, VGPU_FN_ENTRIES))

/* How long the device may take for what does not wait for commands. */
#define VGPU_FN_PATIENCE	(30 * HZ)
/* Without an interrupt for so long its answers are looked for. */
#define VGPU_FN_LOOK		(HZ / 2)

/**
 * struct vgpu_fn_request - a command that is out
 * @done: it was answered, or never will be
 * @tag: that its answer has
 * @answer: what that says
 */
struct vgpu_fn_request {
	struct completion done;
	u64 tag;
	struct vgpu_admin_completion answer;
};

int vgpu_fn_admin_init(struct vgpu_function *fn)
{
	struct device *dev = &fn->pdev->dev;
	struct vgpu_fn_admin *a = &fn->admin;

	spin_lock_init(&a->lock);
	sema_init(&a->room, VGPU_FN_COMMANDS);
	mutex_init(&fn->list_lock);
	mutex_init(&fn->stop_lock);
	a->dead = true;
	a->mem = dmam_alloc_coherent(dev, VGPU_FN_RING_BYTES, &a->dma,
				     GFP_KERNEL);
	fn->list = dmam_alloc_coherent(dev, PAGE_SIZE, &fn->list_dma,
				       GFP_KERNEL);
	return a->mem && fn->list ? 0 : -ENOMEM;
}

/* Whether a function is there at all: it reads as ones otherwise. */
static bool vgpu_fn_present(struct vgpu_function *fn)
{
	return readl(fn->bar0 + VGPU_REG_ID) == VGPU_ID;
}

/* Wait until an enable or a reset is over. */
static int vgpu_fn_settle(struct vgpu_function *fn, u32 *status)
{
	unsigned long end = jiffies + VGPU_FN_PATIENCE;

	for (;;) {
		*status = readl(fn->bar0 + VGPU_REG_STATUS);
		if (*status == ~0u)
			return -ENODEV;
		if (!(*status & VGPU_STATUS_BUSY))
			return 0;
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		fsleep(1000);
	}
}

static int vgpu_fn_reset(struct vgpu_function *fn)
{
	u32 status;

	writel(VGPU_CONTROL_RESET, fn->bar0 + VGPU_REG_CONTROL);
	return vgpu_fn_settle(fn, &status);
}

/*
 * The same before memory is let go of, which a device that has not ended may
 * write to: there is nothing but to wait for that, however slow its share of a
 * GPU is.
 */
static void vgpu_fn_reset_surely(struct vgpu_function *fn)
{
	u32 status;
	int ret = vgpu_fn_reset(fn);

	while (ret == -ETIMEDOUT) {
		dev_err(&fn->pdev->dev, "the device still uses memory after its reset\n");
		ret = vgpu_fn_settle(fn, &status);
	}
}

int vgpu_fn_start(struct vgpu_function *fn)
{
	struct vgpu_fn_admin *a = &fn->admin;
	u32 status;
	int ret;

	ret = vgpu_fn_reset(fn);
	if (ret)
		return ret;
	writel(lower_32_bits(fn->features), fn->bar0 + VGPU_REG_ACCEPTED_LO);
	writel(upper_32_bits(fn->features), fn->bar0 + VGPU_REG_ACCEPTED_HI);
	writel(lower_32_bits(a->dma), fn->bar0 + VGPU_REG_ADMIN_LO);
	writel(upper_32_bits(a->dma), fn->bar0 + VGPU_REG_ADMIN_HI);
	writel(VGPU_FN_ENTRIES | VGPU_FN_ENTRIES << 16,
	       fn->bar0 + VGPU_REG_ADMIN_ENTRIES);
	writel(VGPU_CONTROL_ENABLE, fn->bar0 + VGPU_REG_CONTROL);
	ret = vgpu_fn_settle(fn, &status);
	if (ret)
		return ret;
	if (!(status & VGPU_STATUS_ENABLED))
		return -EIO;
	spin_lock_irq(&a->lock);
	vgpu_ring_attach(&a->ring, a->mem, VGPU_FN_ENTRIES, VGPU_FN_ENTRIES);
	vgpu_ring_reaper_init(&a->reaper, &a->ring);
	WRITE_ONCE(a->dead, false);
	spin_unlock_irq(&a->lock);
	return 0;
}

/* Nobody is answered any more.  False if that was so before. */
static bool vgpu_fn_die(struct vgpu_function *fn)
{
	struct vgpu_fn_admin *a = &fn->admin;
	bool died;
	u32 i;

	spin_lock_irq(&a->lock);
	died = !a->dead;
	WRITE_ONCE(a->dead, true);
	for (i = 0; i < VGPU_FN_ENTRIES; i++) {
		if (!a->requests[i])
			continue;
		a->requests[i]->answer.status = -ENODEV;
		complete(&a->requests[i]->done);
		a->requests[i] = NULL;
	}
	a->waiting = 0;
	spin_unlock_irq(&a->lock);
	return died;
}

void vgpu_fn_stop(struct vgpu_function *fn)
{
	mutex_lock(&fn->stop_lock);
	WRITE_ONCE(fn->epoch, fn->epoch + 1);
	vgpu_fn_die(fn);
	if (vgpu_fn_present(fn))
		vgpu_fn_reset_surely(fn);
	vgpu_fn_submit_lost(fn);
	/*
	 * What is VRAM there is not theirs any more.  Pairs with the barrier in
	 * vgpu_fn_insert_page(): what that inserts is seen here, or the epoch there.
	 */
	smp_mb();
	unmap_mapping_range(fn->drm.anon_inode->i_mapping, 0, 0, 1);
	mutex_unlock(&fn->stop_lock);
	vgpu_fn_event_all(fn);
}

void vgpu_fn_give_up(struct vgpu_function *fn, u32 epoch, const char *why)
{
	bool died;

	/* Whoever comes second waits for the reset as well. */
	mutex_lock(&fn->stop_lock);
	/* One that was stopped meanwhile has lost what this is about. */
	died = fn->epoch == epoch && vgpu_fn_die(fn);
	if (died && !vgpu_fn_present(fn))
		why = "is gone";
	else if (died)
		vgpu_fn_reset_surely(fn);
	if (died)
		vgpu_fn_submit_lost(fn);
	mutex_unlock(&fn->stop_lock);
	if (!died)
		return;
	dev_err(&fn->pdev->dev, "the device %s: given up\n", why);
	vgpu_fn_event_all(fn);
}

/* Under the lock: an answer, as the device gave it. */
static void vgpu_fn_answer(struct vgpu_fn_admin *a,
			   const struct vgpu_admin_completion *done)
{
	u32 i = done->user_data % VGPU_FN_ENTRIES;
	struct vgpu_fn_request *req;

	i = array_index_nospec(i, VGPU_FN_ENTRIES);
	req = a->requests[i];
	/* Nobody has asked for it. */
	if (!req || req->tag != done->user_data)
		return;
	req->answer = *done;
	if (done->status > 0 || done->status < -MAX_ERRNO)
		req->answer.status = -EIO;
	a->requests[i] = NULL;
	a->waiting--;
	complete(&req->done);
}

void vgpu_fn_admin_reap(struct vgpu_function *fn)
{
	struct vgpu_fn_admin *a = &fn->admin;
	struct vgpu_admin_completion done;
	bool doorbell = false;
	unsigned long flags;
	u32 n;

	spin_lock_irqsave(&a->lock, flags);
	/* No more than could be out, however fast the device writes. */
	for (n = 0; n < 2 * VGPU_FN_ENTRIES && !a->dead; n++) {
		if (vgpu_ring_reap(&a->reaper, (struct vgpu_completion *)&done,
				   1)) {
			vgpu_fn_answer(a, &done);
			continue;
		}
		doorbell |= vgpu_ring_reap_release(&a->reaper);
		if (!a->waiting || vgpu_ring_prepare_wait(&a->reaper))
			break;
	}
	spin_unlock_irqrestore(&a->lock, flags);
	if (doorbell)
		writel(1, fn->bar0 + VGPU_REG_ADMIN_DOORBELL);
}

/* Hand a command over; there is room for it. */
static int vgpu_fn_send(struct vgpu_function *fn, const struct vgpu_cmd *cmd,
			struct vgpu_fn_request *req)
{
	const u32 epoch = READ_ONCE(fn->epoch);
	struct vgpu_fn_admin *a = &fn->admin;
	struct vgpu_cmd copy = *cmd;
	bool doorbell = false;
	u32 i = 0;

	init_completion(&req->done);
	spin_lock_irq(&a->lock);
	while (!a->dead && i < VGPU_FN_ENTRIES && a->requests[i])
		i++;
	if (a->dead || WARN_ON_ONCE(i == VGPU_FN_ENTRIES)) {
		spin_unlock_irq(&a->lock);
		return -ENODEV;
	}
	a->serial++;
	req->tag = (u64)a->serial * VGPU_FN_ENTRIES + i;
	copy.user_data = req->tag;
	/* Full, though it cannot be: its memory has been written to. */
	if (!vgpu_ring_submit_single(&a->ring, &copy, 1, 1, &doorbell)) {
		spin_unlock_irq(&a->lock);
		vgpu_fn_give_up(fn, epoch, "has broken its queue");
		return -ENODEV;
	}
	a->requests[i] = req;
	a->waiting++;
	spin_unlock_irq(&a->lock);
	if (doorbell)
		writel(1, fn->bar0 + VGPU_REG_ADMIN_DOORBELL);
	/* It may have answered already, and wants to be asked to interrupt. */
	vgpu_fn_admin_reap(fn);
	return 0;
}

static int vgpu_fn_command(struct vgpu_function *fn, const struct vgpu_cmd *cmd,
			   bool patient, u64 result[2])
{
	const u32 epoch = READ_ONCE(fn->epoch);
	struct vgpu_fn_admin *a = &fn->admin;
	struct vgpu_fn_request req;
	unsigned long end;
	int idx, ret;

	result[0] = 0;
	result[1] = 0;
	/* Registers are there until we are out again. */
	if (!drm_dev_enter(&fn->drm, &idx))
		return -ENODEV;
	ret = -ENODEV;
	if (down_timeout(&a->room, VGPU_FN_PATIENCE)) {
		vgpu_fn_give_up(fn, epoch, "does not answer");
		goto out;
	}
	ret = vgpu_fn_send(fn, cmd, &req);
	if (ret)
		goto out_room;
	end = jiffies + VGPU_FN_PATIENCE;
	while (!wait_for_completion_timeout(&req.done, VGPU_FN_LOOK)) {
		/* An interrupt may be lost. */
		vgpu_fn_admin_reap(fn);
		/* What is out is of this epoch: another one would have ended it. */
		if (!vgpu_fn_present(fn) ||
		    (!patient && time_after(jiffies, end)))
			vgpu_fn_give_up(fn, READ_ONCE(fn->epoch),
					"does not answer");
	}
	ret = req.answer.status;
	/* The record has room for one error: the next may be a client's. */
	if (ret && ret != -ENODEV)
		vgpu_fn_error_look(fn);
	if (!ret)
		memcpy(result, req.answer.result, sizeof(req.answer.result));
out_room:
	up(&a->room);
out:
	drm_dev_exit(idx);
	return ret;
}

int vgpu_fn_admin(struct vgpu_function *fn, const struct vgpu_cmd *cmd,
		  u64 result[2])
{
	unsigned long end = jiffies + VGPU_FN_PATIENCE;
	int ret;

	for (;;) {
		ret = vgpu_fn_command(fn, cmd, false, result);
		if (ret != -EAGAIN)
			return ret;
		/* Blocks are being zeroed or moved. */
		if (fatal_signal_pending(current))
			return -EINTR;
		if (time_after(jiffies, end))
			return -ENOMEM;
		fsleep(1000);
	}
}

int vgpu_fn_admin_patient(struct vgpu_function *fn, const struct vgpu_cmd *cmd,
			  u64 result[2])
{
	return vgpu_fn_command(fn, cmd, true, result);
}
