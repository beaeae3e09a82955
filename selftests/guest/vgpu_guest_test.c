// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A driver in a virtual machine that tests the function it binds: registers,
 * admin queue, a ring with its doorbell, interrupts, VRAM through BAR2, and a
 * function-level reset.  Its results are lines "vgpu-guest: ok NAME" in the
 * kernel's log, and a last one with "passed" or "failed".
 *
 * It is no driver to use: it does what it does once, when it is loaded.
 */
#define pr_fmt(fmt) "vgpu-guest: " fmt

#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "uapi/vgpu_device.h"

#define ENTRIES		64u
#define RING_BYTES	PAGE_ALIGN(VGPU_RING_BYTES(ENTRIES, ENTRIES))
#define DATA_PAGES	256u
#define DATA_BYTES	(DATA_PAGES * PAGE_SIZE)
#define WAIT		(30 * HZ)

static bool hold;
module_param(hold, bool, 0444);
MODULE_PARM_DESC(hold, "when all is tested, copy until the end of the machine");

/*
 * A ring, its reaper, and its interrupt.
 */
struct queue {
	void *mem;
	dma_addr_t dma;
	struct vgpu_ring ring;
	struct vgpu_ring_reaper reaper;
	wait_queue_head_t wait;
	u32 interrupts;
	u32 seen;
};

struct guest {
	struct pci_dev *pdev;
	void __iomem *bar0;
	void __iomem *bar2;
	struct queue admin;
	struct queue user;
	__le64 *list;
	dma_addr_t list_dma;
	struct page *pages[DATA_PAGES];
	dma_addr_t dma[DATA_PAGES];
	u8 *data;		/* the same, in one piece */
	u64 context;
	u64 ring;
	u64 at_data;
	u64 at_a;
	u64 at_b;
	u64 offset_a;
	u32 doorbells;
	u32 commands;
	u32 failed;
	struct task_struct *thread;
};

static void result(struct guest *g, bool ok, const char *name)
{
	g->failed += !ok;
	pr_info("%s %s\n", ok ? "ok" : "not ok", name);
}

static irqreturn_t interrupt(int irq, void *data)
{
	struct queue *q = data;

	WRITE_ONCE(q->interrupts, q->interrupts + 1);
	wake_up_all(&q->wait);
	return IRQ_HANDLED;
}

/* The next completion, waited for by an interrupt. */
static int queue_reap(struct queue *q, struct vgpu_completion *done)
{
	u32 seen;

	for (;;) {
		seen = READ_ONCE(q->interrupts);
		if (vgpu_ring_reap(&q->reaper, done, 1))
			return 0;
		if (!vgpu_ring_prepare_wait(&q->reaper))
			continue;
		if (!wait_event_timeout(q->wait,
					READ_ONCE(q->interrupts) != seen, WAIT))
			return -ETIME;
	}
}

static int admin(struct guest *g, const struct vgpu_cmd *cmd, u64 r[2])
{
	struct vgpu_admin_completion done;
	struct queue *q = &g->admin;
	bool doorbell;
	int ret;

	if (!vgpu_ring_submit(&q->ring, cmd, 1, 1, &doorbell))
		return -ENOBUFS;
	if (doorbell)
		writel(1, g->bar0 + VGPU_REG_ADMIN_DOORBELL);
	ret = queue_reap(q, (struct vgpu_completion *)&done);
	if (ret)
		return ret;
	if (vgpu_ring_reap_release(&q->reaper))
		writel(1, g->bar0 + VGPU_REG_ADMIN_DOORBELL);
	memcpy(r, done.result, sizeof(done.result));
	return done.status;
}

#define ADMIN(g, r, opcode_, ...)					\
	admin(g, &(const struct vgpu_cmd) { .opcode = opcode_,		\
		.op = { __VA_ARGS__ } }, r)

static void doorbell(struct guest *g)
{
	g->doorbells++;
	writel(g->ring, g->bar0 + VGPU_BAR0_DOORBELLS +
	       (g->context & 0xffff) * VGPU_DOORBELL_PAGE);
}

static int submit(struct guest *g, u16 opcode, u64 a, u64 b, u64 c)
{
	struct vgpu_cmd cmd = { .opcode = opcode, .op = { a, b, c } };
	bool ring;

	if (!vgpu_ring_submit(&g->user.ring, &cmd, 1, 1, &ring))
		return -ENOBUFS;
	g->commands++;
	if (ring)
		doorbell(g);
	return 0;
}

static int finish(struct guest *g)
{
	struct vgpu_completion done;
	int ret = queue_reap(&g->user, &done);

	if (vgpu_ring_reap_release(&g->user.reaper))
		doorbell(g);
	return ret ? ret : done.status;
}

static int run(struct guest *g, u16 opcode, u64 a, u64 b, u64 c)
{
	int ret = submit(g, opcode, a, b, c);

	return ret ? ret : finish(g);
}

static void fill(u8 *p, size_t bytes, u32 seed)
{
	u32 *w = (u32 *)p;
	size_t i;

	for (i = 0; i < bytes / 4; i++) {
		seed = seed * 1664525 + 1013904223;
		w[i] = seed;
	}
}

static int enable(struct guest *g)
{
	struct queue *q = &g->admin;
	u32 status;
	int i;

	writel(~0u, g->bar0 + VGPU_REG_ACCEPTED_LO);
	writel(lower_32_bits(q->dma), g->bar0 + VGPU_REG_ADMIN_LO);
	writel(upper_32_bits(q->dma), g->bar0 + VGPU_REG_ADMIN_HI);
	writel(ENTRIES | ENTRIES << 16, g->bar0 + VGPU_REG_ADMIN_ENTRIES);
	writel(VGPU_CONTROL_ENABLE, g->bar0 + VGPU_REG_CONTROL);
	for (i = 0; i < 1000; i++) {
		status = readl(g->bar0 + VGPU_REG_STATUS);
		if (!(status & VGPU_STATUS_BUSY))
			break;
		msleep(20);
	}
	vgpu_ring_attach(&q->ring, q->mem, ENTRIES, ENTRIES);
	vgpu_ring_reaper_init(&q->reaper, &q->ring);
	return status & VGPU_STATUS_ENABLED ? 0 : -EIO;
}

static int system_object(struct guest *g, const dma_addr_t *pages, u32 n,
			 u64 *object)
{
	u64 r[2];
	u32 i;
	int ret;

	ret = ADMIN(g, r, VGPU_ADMIN_SYSTEM_CREATE, n * PAGE_SIZE, 0,
		    g->context);
	if (ret)
		return ret;
	*object = r[0];
	for (i = 0; i < n; i++)
		g->list[i] = cpu_to_le64(pages[i]);
	return ADMIN(g, r, VGPU_ADMIN_SYSTEM_PAGES, *object, 0, n, g->list_dma);
}

static int map(struct guest *g, u64 object, u64 *address)
{
	u64 r[2];
	int ret = ADMIN(g, r, VGPU_ADMIN_MAP, g->context, object, 0, 0,
			DATA_BYTES, VGPU_MAP_F_ANYWHERE);

	*address = r[0];
	return ret;
}

static int block(struct guest *g, u64 *offset, u64 *address)
{
	u64 r[2];
	int ret = ADMIN(g, r, VGPU_ADMIN_BLOCK_CREATE, DATA_BYTES, PAGE_SIZE,
			g->context);

	*offset = r[1];
	return ret ? ret : map(g, r[0], address);
}

static int make(struct guest *g)
{
	dma_addr_t pages[RING_BYTES / PAGE_SIZE];
	struct queue *q = &g->user;
	u64 r[2], object, offset;
	u32 i;
	int ret;

	ret = ADMIN(g, r, VGPU_ADMIN_CONTEXT_CREATE, 0);
	if (ret)
		return ret;
	g->context = r[0];
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = q->dma + i * PAGE_SIZE;
	ret = system_object(g, pages, ARRAY_SIZE(pages), &object);
	if (ret)
		return ret;
	ret = ADMIN(g, r, VGPU_ADMIN_RING_CREATE, g->context, object,
		    ENTRIES | (u64)ENTRIES << 32, 1ull << 32 | 1ull << 40);
	if (ret)
		return ret;
	g->ring = r[0];
	vgpu_ring_attach(&q->ring, q->mem, ENTRIES, ENTRIES);
	vgpu_ring_reaper_init(&q->reaper, &q->ring);
	ret = system_object(g, g->dma, DATA_PAGES, &object);
	if (!ret)
		ret = map(g, object, &g->at_data);
	if (!ret)
		ret = block(g, &g->offset_a, &g->at_a);
	if (!ret)
		ret = block(g, &offset, &g->at_b);
	return ret ? ret : ADMIN(g, r, VGPU_ADMIN_RING_CONTROL, g->ring,
				 VGPU_RING_START);
}

static bool same(const u8 *a, const void __iomem *b)
{
	u8 *copy = kmalloc(PAGE_SIZE, GFP_KERNEL);
	bool ok = copy;
	size_t i;

	for (i = 0; ok && i < DATA_BYTES; i += PAGE_SIZE) {
		memcpy_fromio(copy, b + i, PAGE_SIZE);
		ok = !memcmp(copy, a + i, PAGE_SIZE);
	}
	kfree(copy);
	return ok;
}

static bool round_trip(struct guest *g, u32 seed)
{
	u8 *want = vmalloc(DATA_BYTES);
	bool ok;

	if (!want)
		return false;
	fill(g->data, DATA_BYTES, seed);
	memcpy(want, g->data, DATA_BYTES);
	ok = !run(g, VGPU_CMD_UPLOAD, g->at_a, g->at_data, DATA_BYTES) &&
	     !run(g, VGPU_CMD_COPY, g->at_b, g->at_a, DATA_BYTES);
	memset(g->data, 0, DATA_BYTES);
	ok = ok && !run(g, VGPU_CMD_NOP, 0, 0, 0) &&
	     !run(g, VGPU_CMD_DOWNLOAD, g->at_data, g->at_b, DATA_BYTES) &&
	     !memcmp(want, g->data, DATA_BYTES);
	vfree(want);
	return ok;
}

/* What commands see, BAR2 sees, and the other way round. */
static bool through_bar2(struct guest *g)
{
	if (!same(g->data, g->bar2 + g->offset_a))
		return false;
	fill(g->data, DATA_BYTES, 99);
	memcpy_toio(g->bar2 + g->offset_a, g->data, DATA_BYTES);
	memset(g->data, 0, DATA_BYTES);
	return !run(g, VGPU_CMD_DOWNLOAD, g->at_data, g->at_a, DATA_BYTES) &&
	       same(g->data, g->bar2 + g->offset_a);
}

/* Doorbells are rung only if they are asked for: fewer than commands. */
static bool doorbells(struct guest *g)
{
	u32 i, k, commands, rung, interrupts;
	u64 begin;

	/* One by one: the device sleeps after each. */
	begin = ktime_get_ns();
	for (i = 0; i < 500; i++)
		if (run(g, VGPU_CMD_NOP, 0, 0, 0))
			return false;
	pr_info("# %llu ns a command that is waited for\n",
		div_u64(ktime_get_ns() - begin, 500));
	/* While it copies it has not asked. */
	commands = g->commands;
	rung = g->doorbells;
	interrupts = g->user.interrupts;
	for (i = 0; i < 20; i++) {
		for (k = 0; k < 32; k++)
			if (submit(g, VGPU_CMD_COPY, g->at_b, g->at_a,
				   DATA_BYTES))
				return false;
		for (k = 0; k < 32; k++)
			if (finish(g))
				return false;
	}
	commands = g->commands - commands;
	rung = g->doorbells - rung;
	pr_info("# %u commands, rang %u times, %u interrupts\n", commands, rung,
		g->user.interrupts - interrupts);
	return rung < commands / 4;
}

/* Afterwards the function is as it was, and its vectors are connected. */
static bool function_reset(struct guest *g)
{
	int ret;

	pci_save_state(g->pdev);
	ret = __pci_reset_function_locked(g->pdev);
	pci_restore_state(g->pdev);
	pci_set_master(g->pdev);
	if (ret || readl(g->bar0 + VGPU_REG_STATUS) ||
	    readl(g->bar0 + VGPU_REG_USED_LO))
		return false;
	return !enable(g) && !make(g) && round_trip(g, 5);
}

static int copy_forever(void *data)
{
	struct guest *g = data;

	pr_info("copying\n");
	while (!kthread_should_stop()) {
		if (submit(g, VGPU_CMD_DOWNLOAD, g->at_data, g->at_a,
			   DATA_BYTES) || finish(g)) {
			pr_info("not ok copying\n");
			break;
		}
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static void test(struct guest *g)
{
	u64 vram = readl(g->bar0 + VGPU_REG_VRAM_LO) |
		   (u64)readl(g->bar0 + VGPU_REG_VRAM_HI) << 32;
	int ret;

	result(g, readl(g->bar0 + VGPU_REG_ID) == VGPU_ID &&
		  readl(g->bar0 + VGPU_REG_VERSION) == VGPU_VERSION &&
		  vram && vram <= pci_resource_len(g->pdev, 2) &&
		  !readl(g->bar0 + VGPU_REG_STATUS), "registers");
	ret = enable(g);
	result(g, !ret, "enable");
	if (!ret) {
		ret = make(g);
		result(g, !ret, "admin queue");
	}
	if (ret) {
		pr_info("# %d, error %d of command %x\n", ret,
			readl(g->bar0 + VGPU_REG_ERR_STATUS),
			readl(g->bar0 + VGPU_REG_ERR_OPCODE));
		return;
	}
	result(g, round_trip(g, 1), "round trip");
	result(g, through_bar2(g), "VRAM through BAR2");
	result(g, g->user.interrupts && g->admin.interrupts, "interrupts");
	result(g, doorbells(g), "doorbells");
	result(g, run(g, VGPU_CMD_UPLOAD, 1ull << 46, g->at_data, 4) == -EFAULT &&
		  readl(g->bar0 + VGPU_REG_ERR_STATUS) == EFAULT, "fault");
	result(g, function_reset(g), "function-level reset");
}

static int probe_dma(struct guest *g)
{
	struct device *dev = &g->pdev->dev;
	u32 i;

	init_waitqueue_head(&g->admin.wait);
	init_waitqueue_head(&g->user.wait);
	g->admin.mem = dmam_alloc_coherent(dev, RING_BYTES, &g->admin.dma,
					   GFP_KERNEL);
	g->user.mem = dmam_alloc_coherent(dev, RING_BYTES, &g->user.dma,
					  GFP_KERNEL);
	g->list = dmam_alloc_coherent(dev, PAGE_SIZE, &g->list_dma, GFP_KERNEL);
	if (!g->admin.mem || !g->user.mem || !g->list)
		return -ENOMEM;
	/* Single pages, as a program's are. */
	for (i = 0; i < DATA_PAGES; i++) {
		g->pages[i] = alloc_page(GFP_KERNEL);
		if (!g->pages[i])
			return -ENOMEM;
		g->dma[i] = dma_map_page(dev, g->pages[i], 0, PAGE_SIZE,
					 DMA_BIDIRECTIONAL);
		if (dma_mapping_error(dev, g->dma[i]))
			return -ENOMEM;
	}
	g->data = vmap(g->pages, DATA_PAGES, VM_MAP, PAGE_KERNEL);
	return g->data ? 0 : -ENOMEM;
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct guest *g;
	int ret;

	/* Its memory stays until the end of the machine. */
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return -ENOMEM;
	g->pdev = pdev;
	pci_set_drvdata(pdev, g);
	ret = pcim_enable_device(pdev);
	if (!ret)
		ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	pci_set_master(pdev);
	g->bar0 = pci_ioremap_bar(pdev, 0);
	g->bar2 = ioremap_cache(pci_resource_start(pdev, 2),
				pci_resource_len(pdev, 2));
	if (!g->bar0 || !g->bar2)
		return -ENOMEM;
	ret = probe_dma(g);
	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors(pdev, 2, 2, PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;
	ret = devm_request_irq(&pdev->dev, pci_irq_vector(pdev, 0), interrupt,
			       0, "vgpu admin", &g->admin);
	if (!ret)
		ret = devm_request_irq(&pdev->dev, pci_irq_vector(pdev, 1),
				       interrupt, 0, "vgpu ring", &g->user);
	if (ret)
		return ret;
	test(g);
	pr_info("%s\n", g->failed ? "failed" : "passed");
	if (hold)
		g->thread = kthread_run(copy_forever, g, "vgpu-guest");
	return 0;
}

static const struct pci_device_id ids[] = {
	{ PCI_DEVICE_SUB(VGPU_PCI_VENDOR, VGPU_PCI_DEVICE, VGPU_PCI_SUBVENDOR,
			 VGPU_PCI_SUBDEVICE_VGPU) },
	{ }
};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver driver = {
	.name = "vgpu_guest_test",
	.id_table = ids,
	.probe = probe,
};

static int __init start(void)
{
	int ret = pci_register_driver(&driver);

	/* Once loaded it stays: there is nothing that ends it. */
	if (!ret)
		__module_get(THIS_MODULE);
	return ret;
}
module_init(start);

MODULE_DESCRIPTION("Test of a vGPU in a virtual machine");
MODULE_AUTHOR("The vgpu authors");
MODULE_LICENSE("Dual MIT/GPL");
