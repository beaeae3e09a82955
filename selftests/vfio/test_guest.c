// SPDX-License-Identifier: MIT
/*
 * What a guest or a VMM does that wants to do harm: addresses where nothing is,
 * or VRAM itself, memory that changes while it is read, and looking for what
 * belongs to others.
 */
#include "vfio_util.h"

#define BAR0		VFIO_PCI_BAR0_REGION_INDEX
#define BAR2		VFIO_PCI_BAR2_REGION_INDEX
#define PIECE		(2 * MIB)
#define BUFFER		(8 * MIB)
/* Where VRAM is given to the device as if it were memory. */
#define VMM_ALIAS	(32 * MIB)

FIXTURE(guest) {
	struct vmm v;
	int drm;
};

FIXTURE_SETUP(guest)
{
	self->drm = node_open(0);
	ASSERT_LE(0, self->drm);
	ASSERT_EQ(0, vmm_open(&self->v, 6));
}

FIXTURE_TEARDOWN(guest)
{
	vmm_close_device(&self->v);
	EXPECT_EQ(0, locked_kib());
	EXPECT_EQ(0, vmm_close(&self->v));
	EXPECT_EQ(0, gpu_used(self->drm));
	close(self->drm);
}

/* Try to enable the device: the error record's status. */
static int enable_at(struct vmm *v, uint64_t address, uint32_t entries)
{
	int i, ret;

	vmm_set(v, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
	vmm_set(v, VGPU_REG_ERR_CLEAR, 1);
	vmm_write(v, BAR0, VGPU_REG_ADMIN_LO, address, 8);
	vmm_set(v, VGPU_REG_ADMIN_ENTRIES, entries);
	vmm_set(v, VGPU_REG_CONTROL, VGPU_CONTROL_ENABLE);
	for (i = 0; i < 5000; i++) {
		if (!(vmm_reg(v, VGPU_REG_STATUS) & VGPU_STATUS_BUSY))
			break;
		usleep(1000);
	}
	ret = -vmm_reg(v, VGPU_REG_ERR_STATUS);
	if (!ret != (vmm_reg(v, VGPU_REG_STATUS) == VGPU_STATUS_ENABLED))
		ret = -EPROTO;
	return ret;
}

TEST_F(guest, admin_queue)
{
	static const struct {
		uint64_t address;
		uint32_t entries;
		int status;
	} tries[] = {
		/* Nothing is there. */
		{ 4096, 64 | 64 << 16, -EFAULT },
		{ VMM_BASE - 4096, 64 | 64 << 16, -EFAULT },
		{ VMM_BASE + VMM_FIXED, 64 | 64 << 16, -EFAULT },
		{ 1ull << 63, 64 | 64 << 16, -EFAULT },
		/* The beginning is. */
		{ VMM_BASE + VMM_FIXED - 4096, 64 | 64 << 16, -EFAULT },
		/* It goes around the end. */
		{ ~4095ull, 64 | 64 << 16, -EFAULT },
		{ ~4095ull, 8 | 8 << 16, -EFAULT },
		/* No address, or no number of entries. */
		{ 0, 64 | 64 << 16, -EINVAL },
		{ VMM_BASE + 1, 64 | 64 << 16, -EINVAL },
		{ VMM_BASE + 2048, 64 | 64 << 16, -EINVAL },
		{ ~0ull, 64 | 64 << 16, -EINVAL },
		{ VMM_BASE, 0, -EINVAL },
		{ VMM_BASE, 64, -EINVAL },
		{ VMM_BASE, 64u << 16, -EINVAL },
		{ VMM_BASE, 65 | 64 << 16, -EINVAL },
		{ VMM_BASE, 4 | 4 << 16, -EINVAL },
		{ VMM_BASE, 0xffffffff, -EINVAL },
		{ VMM_BASE, 64 | 0x8001u << 16, -EINVAL },
	};
	struct vmm *v = &self->v;
	uint32_t i;

	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		EXPECT_EQ(tries[i].status, enable_at(v, tries[i].address,
						     tries[i].entries)) {
			TH_LOG("%#llx, %#x",
			       (unsigned long long)tries[i].address,
			       tries[i].entries);
		}
		EXPECT_EQ(0, locked_kib());
	}
	EXPECT_EQ(0, enable_at(v, VMM_BASE, 64 | 64 << 16));
	vmm_set(v, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
	ASSERT_EQ(0, vmm_enable(v));
}

static int pages(struct vmm *v, uint64_t object, uint64_t first, uint64_t n,
		 uint64_t list)
{
	return vmm_admin(v, VGPU_ADMIN_SYSTEM_PAGES, NULL, object, first, n,
			 list, 0, 0);
}

TEST_F_TIMEOUT(guest, page_lists, 240)
{
	uint64_t *list, r[2], object, i, k;
	static const struct {
		uint64_t page;
		int status;
	} bad[] = {
		{ 0, -EFAULT }, { VMM_BASE - 4096, -EFAULT },
		{ VMM_BASE + VMM_FIXED, -EFAULT }, { ~4095ull, -EFAULT },
		{ VMM_BASE + 8, -EINVAL }, { ~0ull, -EINVAL },
		{ 1ull << 63, -EFAULT },
	};
	struct vmm *v = &self->v;

	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	list = (uint64_t *)(v->ram + VMM_LIST);
	for (i = 0; i < 512; i++)
		list[i] = VMM_BASE + VMM_BUFFER + i * 4096;
	ASSERT_EQ(0, vmm_admin(v, VGPU_ADMIN_SYSTEM_CREATE, r, PIECE, 0,
			       v->context, 0, 0, 0));
	object = r[0];
	/* A list across the end of a page, too long, or not aligned. */
	EXPECT_EQ(-EINVAL, pages(v, object, 0, 2, VMM_BASE + 4096 - 8));
	EXPECT_EQ(-EINVAL, pages(v, object, 0, 513, VMM_BASE + VMM_LIST));
	EXPECT_EQ(-EINVAL, pages(v, object, 0, 0, VMM_BASE + VMM_LIST));
	EXPECT_EQ(-EINVAL, pages(v, object, 0, ~0ull, VMM_BASE + VMM_LIST));
	EXPECT_EQ(-EINVAL, pages(v, object, 0, 1, VMM_BASE + VMM_LIST + 4));
	EXPECT_EQ(-EINVAL, pages(v, object, 1, 1, VMM_BASE + VMM_LIST));
	EXPECT_EQ(-EINVAL, pages(v, object, ~0ull, 1, VMM_BASE + VMM_LIST));
	/* Where nothing is. */
	EXPECT_EQ(-EFAULT, pages(v, object, 0, 512, VMM_BASE - 4096));
	EXPECT_EQ(-EFAULT, pages(v, object, 0, 1, ~7ull));
	EXPECT_EQ(-EFAULT, pages(v, object, 0, 1, 0));
	EXPECT_EQ(-ENOENT, pages(v, 0, 0, 1, VMM_BASE + VMM_LIST));
	/* Pages where nothing is, first, last and in the middle: all or none. */
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (k = 0; k < 512; k += 170) {
			uint64_t old = list[k];

			list[k] = bad[i].page;
			EXPECT_EQ(bad[i].status, pages(v, object, 0, 512,
						       VMM_BASE + VMM_LIST)) {
				TH_LOG("%#llx at %llu",
				       (unsigned long long)bad[i].page,
				       (unsigned long long)k);
			}
			list[k] = old;
		}
	EXPECT_EQ(0, pages(v, object, 0, 512, VMM_BASE + VMM_LIST));
	EXPECT_EQ(-EINVAL, pages(v, object, 512, 1, VMM_BASE + VMM_LIST));
	EXPECT_EQ(-EINVAL, pages(v, object, 0, 1, VMM_BASE + VMM_LIST));
	EXPECT_EQ(0, vmm_admin(v, VGPU_ADMIN_OBJECT_DESTROY, NULL, object, 0, 0,
			       0, 0, 0));
	/* One page, 512 times. */
	for (i = 0; i < 512; i++)
		list[i] = VMM_BASE + VMM_BUFFER;
	ASSERT_EQ(0, vmm_admin(v, VGPU_ADMIN_SYSTEM_CREATE, r, PIECE, 0,
			       v->context, 0, 0, 0));
	EXPECT_EQ(0, pages(v, r[0], 0, 512, VMM_BASE + VMM_LIST));
	EXPECT_EQ(0, vmm_admin(v, VGPU_ADMIN_OBJECT_DESTROY, NULL, r[0], 0, 0,
			       0, 0, 0));
}

/* Rings in an object that is too small, VRAM, without pages, or nobody's. */
TEST_F(guest, ring_memory)
{
	const uint64_t entries = 64 | 64ull << 32, how = 1ull << 32;
	struct vmm *v = &self->v;
	uint64_t r[2], small, block, empty, good;

#define RING(object, entries, how)					\
	vmm_admin(v, VGPU_ADMIN_RING_CREATE, r, v->context, object,	\
		  entries, how, 0, 0)
	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	ASSERT_EQ(0, vmm_system(v, VMM_BUFFER, 4096, 0, false, &small));
	ASSERT_EQ(0, vmm_system(v, VMM_BUFFER, MIB, 0, true, &good));
	ASSERT_EQ(0, vmm_admin(v, VGPU_ADMIN_SYSTEM_CREATE, r, MIB, 0,
			       v->context, 0, 0, 0));
	empty = r[0];
	ASSERT_EQ(0, vmm_admin(v, VGPU_ADMIN_BLOCK_CREATE, r, MIB, 4096,
			       v->context, 0, 0, 0));
	block = r[0];
	EXPECT_EQ(-EINVAL, RING(small, entries, how));
	EXPECT_EQ(-EINVAL, RING(block, entries, how));
	EXPECT_EQ(-EFAULT, RING(empty, entries, how));
	EXPECT_EQ(-ENOENT, RING(~0ull, entries, how));
	EXPECT_EQ(-EINVAL, RING(good, 63 | 64ull << 32, how));
	EXPECT_EQ(-EINVAL, RING(good, 0, how));
	EXPECT_EQ(-EINVAL, RING(good, ~0ull, how));
	EXPECT_EQ(-EINVAL, RING(good, entries, how | 2));
	EXPECT_EQ(-EINVAL, RING(good, entries, 4ull << 32));
	EXPECT_EQ(-EINVAL, RING(good, entries, 32ull << 40));
	EXPECT_EQ(-EINVAL, RING(good, entries, 1ull << 48));
	ASSERT_EQ(0, RING(good, entries, how));
	EXPECT_EQ(-EBUSY, vmm_admin(v, VGPU_ADMIN_OBJECT_DESTROY, NULL, good, 0,
				    0, 0, 0, 0));
	EXPECT_EQ(0, vmm_admin(v, VGPU_ADMIN_RING_DESTROY, NULL, r[0], 0, 0, 0,
			       0, 0));
}

/* VRAM, given to the device as if it were the guest's memory. */
static int alias(struct vmm *v, uint64_t offset, uint64_t bytes)
{
	char *p = mmap(v->ram + VMM_ALIAS, bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, v->device, v->at[BAR2] + offset);

	return p == MAP_FAILED ? -errno : vmm_dma_map(v, VMM_ALIAS, bytes);
}

TEST_F_TIMEOUT(guest, bar2_as_memory, 240)
{
	uint64_t object, r[2], at_alias, at_vram, offset, i;
	struct vmm *v = &self->v;
	char *p = v->ram + VMM_ALIAS, *ram;

	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	/* The block that is at the same time memory. */
	ASSERT_EQ(0, vmm_block(v, PIECE, &offset, &at_vram));
	ASSERT_EQ(0, alias(v, offset, PIECE));

	/* As a list of pages, which names itself. */
	for (i = 0; i < 512; i++)
		((uint64_t *)p)[i] = VMM_BASE + VMM_ALIAS + i * 4096;
	ASSERT_EQ(0, vmm_admin(v, VGPU_ADMIN_SYSTEM_CREATE, r, PIECE, 0,
			       v->context, 0, 0, 0));
	object = r[0];
	ASSERT_EQ(0, pages(v, object, 0, 512, VMM_BASE + VMM_ALIAS));
	ASSERT_EQ(0, vmm_map(v, object, PIECE, &at_alias));

	/* As source and target of copies, of itself and shifted. */
	fill_pattern(p, PIECE, 5);
	ram = malloc(PIECE);
	ASSERT_NE(NULL, ram);
	memcpy(ram, p, PIECE);
	EXPECT_EQ(0, vmm_do(v, VGPU_CMD_UPLOAD, at_vram, at_alias, PIECE));
	EXPECT_EQ(0, memcmp(ram, p, PIECE));
	EXPECT_EQ(0, vmm_do(v, VGPU_CMD_DOWNLOAD, at_alias, at_vram, PIECE));
	EXPECT_EQ(0, memcmp(ram, p, PIECE));
	EXPECT_EQ(0, vmm_do(v, VGPU_CMD_UPLOAD, at_vram + 4096, at_alias,
			    PIECE - 4096));
	EXPECT_EQ(0, vmm_do(v, VGPU_CMD_DOWNLOAD, at_alias + 256, at_vram,
			    PIECE - 256));
	free(ram);

	/* As a ring, which clears itself. */
	ASSERT_EQ(0, vmm_ring(v, VMM_ALIAS));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
	ASSERT_EQ(0, vmm_system(v, VMM_ALIAS, PIECE, 0, false, &object));
	ASSERT_EQ(0, vmm_map(v, object, PIECE, &at_alias));
	vmm_do(v, VGPU_CMD_DOWNLOAD, at_alias, at_alias, PIECE);

	/* As the admin queue. */
	vmm_set(v, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
	EXPECT_EQ(0, vmm_reg(v, VGPU_REG_USED_LO));
	EXPECT_EQ(0, enable_at(v, VMM_BASE + VMM_ALIAS, 64 | 64 << 16));
	vgpu_ring_attach(&v->admin, p, 64, 64);
	vgpu_ring_reaper_init(&v->admin_reaper, &v->admin);
	/* Its block is freed and zeroed; the queue is pages that are pinned. */
	ASSERT_EQ(0, vmm_admin(v, VGPU_ADMIN_NOP, NULL, 0, 0, 0, 0, 0, 0));
	ASSERT_EQ(0, vmm_admin(v, VGPU_ADMIN_BLOCK_CREATE, r, PIECE, 4096, 0, 0,
			       0, 0));
	vmm_admin(v, VGPU_ADMIN_OBJECT_DESTROY, NULL, r[0], 0, 0, 0, 0, 0);
	/* And with the device its memory goes, which was VRAM. */
	vmm_close_device(v);
	EXPECT_EQ(0, locked_kib());
	EXPECT_EQ(0, vmm_dma_unmap(v, VMM_ALIAS, PIECE));
}

/* Memory that changes all the time: what is read once does no harm. */
struct scribbler {
	char *at;
	uint64_t bytes;
	uint64_t from;
	bool stop;
	uint64_t rounds;
};

static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	uint64_t x = 88172645463325252ull, at;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		at = s->from + (x >> 20) % (s->bytes - s->from - 8);
		switch (x & 3) {
		case 0:	/* a bit of something that is there */
			__atomic_fetch_xor(s->at + at, 1 << (x >> 8 & 7),
					   __ATOMIC_RELAXED);
			break;
		case 1:
			memcpy(s->at + (at & ~7ull), &x, 8);
			break;
		case 2:
			memset(s->at + (at & ~7ull), 0, 8);
			break;
		default:
			memset(s->at + (at & ~3ull), 0xff, 4);
			break;
		}
		s->rounds++;
	}
	return NULL;
}

TEST_F_TIMEOUT(guest, rings_that_change, 240)
{
	const uint64_t bytes = VGPU_RING_BYTES(VMM_ENTRIES, VMM_ENTRIES);
	struct vgpu_cmd cmds[8] = { 0 }, nop = { .opcode = VGPU_CMD_NOP };
	struct vgpu_ring good, evil;
	struct vgpu_ring_reaper good_reaper;
	uint64_t offset, at, object, at_ram, context, ring, rings[2], contexts[2];
	struct vmm *v = &self->v;
	struct scribbler s = { 0 };
	struct vgpu_completion done;
	pthread_t thread;
	uint32_t i, round;
	bool doorbell;
	int64_t end;

	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	good = v->view;
	good_reaper = v->reaper;
	contexts[0] = v->context;
	rings[0] = v->ring;
	for (round = 0; round < 6; round++) {
		ASSERT_EQ(0, vmm_ring(v, VMM_BUFFER));
		evil = v->view;
		contexts[1] = v->context;
		rings[1] = v->ring;
		ASSERT_EQ(0, vmm_block(v, PIECE, &offset, &at));
		ASSERT_EQ(0, vmm_system(v, VMM_BUFFER + MIB, MIB, 0, false,
					&object));
		ASSERT_EQ(0, vmm_map(v, object, MIB, &at_ram));
		s.at = v->ram + VMM_BUFFER;
		s.bytes = bytes;
		s.from = round & 1 ? 0 : 4096;	/* with the header, or without */
		s.stop = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &s));
		for (end = after_ms(700); now_ns() < end;) {
			for (i = 0; i < 8; i++) {
				cmds[i].opcode = i % VGPU_CMD_OPCODES;
				cmds[i].op[0] = i & 1 ? at : at_ram;
				cmds[i].op[1] = i & 1 ? at_ram : at;
				cmds[i].op[2] = 65536;
			}
			vgpu_ring_submit(&evil, cmds, 8, 8, &doorbell);
			vmm_doorbell(v);
			vmm_set(v, VGPU_BAR0_DOORBELLS +
				   (contexts[0] & 0xffff) * VGPU_DOORBELL_PAGE,
				rings[1]);
		}
		/* A ring that is well behaved does not notice. */
		context = v->context;
		ring = v->ring;
		v->context = contexts[0];
		v->ring = rings[0];
		v->view = good;
		v->reaper = good_reaper;
		ASSERT_EQ(0, vmm_submit(v, &nop, 1));
		ASSERT_EQ(0, vmm_reap(v, &done));
		EXPECT_EQ(0, done.status);
		good_reaper = v->reaper;
		v->context = context;
		v->ring = ring;
		if (round & 2)
			EXPECT_EQ(0, vmm_admin(v, VGPU_ADMIN_RING_DESTROY, NULL,
					       ring, 0, 0, 0, 0, 0));
		EXPECT_EQ(0, vmm_admin(v, VGPU_ADMIN_CONTEXT_DESTROY, NULL,
				       context, 0, 0, 0, 0, 0));
		__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
	}
	EXPECT_LT(0, s.rounds);
}

/* The admin queue likewise; then a reset makes it all new. */
TEST_F_TIMEOUT(guest, admin_queue_that_changes, 240)
{
	const uint64_t bytes = VGPU_RING_BYTES(VMM_ENTRIES, VMM_ENTRIES);
	struct vmm *v = &self->v;
	struct scribbler s = { 0 };
	struct vgpu_cmd cmd = { 0 };
	pthread_t thread;
	uint32_t i, round;
	bool doorbell;
	int64_t end;

	for (round = 0; round < 6; round++) {
		ASSERT_EQ(0, vmm_enable(v));
		ASSERT_EQ(0, vmm_ring(v, VMM_RING));
		s.at = v->ram + VMM_ADMIN;
		s.bytes = bytes;
		s.from = round & 1 ? 0 : 4096;
		s.stop = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &s));
		for (end = after_ms(700), i = 0; now_ns() < end; i++) {
			cmd.opcode = VGPU_ADMIN_NOP + i % 100;
			cmd.op[0] = i & 1 ? v->context : 1 + i % 65536;
			cmd.op[1] = i & 2 ? v->ring : 4096;
			cmd.op[2] = i & 4 ? 1 : 0;
			cmd.op[3] = VMM_BASE + VMM_LIST;
			vgpu_ring_submit(&v->admin, &cmd, 1, 1, &doorbell);
			vmm_set(v, VGPU_REG_ADMIN_DOORBELL, 1);
		}
		ASSERT_EQ(0, round & 1 ?
			  ioctl(v->device, VFIO_DEVICE_RESET) :
			  vmm_set(v, VGPU_REG_CONTROL, VGPU_CONTROL_RESET));
		__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
		EXPECT_EQ(0, vmm_reg(v, VGPU_REG_STATUS));
		EXPECT_EQ(0, vmm_reg(v, VGPU_REG_USED_LO));
		EXPECT_EQ(0, locked_kib());
	}
}

static bool is_zero(const char *p, uint64_t bytes)
{
	return !p[0] && !memcmp(p, p + 1, bytes - 1);
}

/* The device works, and has the buffer mapped. */
static int buffer(struct vmm *v, uint64_t *at)
{
	uint64_t object;
	int ret;

	ret = vmm_enable(v);
	if (!ret)
		ret = vmm_ring(v, VMM_RING);
	if (!ret)
		ret = vmm_system(v, VMM_BUFFER, BUFFER, 0, false, &object);
	return ret ? ret : vmm_map(v, object, BUFFER, at);
}

/* A block as large as the buffer, mapped: object and offset. */
static int block(struct vmm *v, uint64_t r[2], uint64_t *at)
{
	int ret = vmm_admin(v, VGPU_ADMIN_BLOCK_CREATE, r, BUFFER, 4096,
			    v->context, 0, 0, 0);

	return ret ? ret : vmm_map(v, r[0], BUFFER, at);
}

/* Freed, and zeroed: the wait for that is not for ever. */
static int block_free(struct vmm *v, uint64_t object, uint64_t at)
{
	int64_t end = after_ms(20000);
	int ret;

	ret = vmm_admin(v, VGPU_ADMIN_UNMAP, NULL, v->context, at, 0, 0, 0, 0);
	if (!ret)
		ret = vmm_admin(v, VGPU_ADMIN_OBJECT_DESTROY, NULL, object, 0,
				0, 0, 0, 0);
	while (!ret && vmm_reg(v, VGPU_REG_USED_LO)) {
		if (now_ns() > end)
			return -ETIME;
		usleep(1000);
	}
	return ret;
}

/* Two instances: neither sees what the other one has, nor what was before. */
TEST_F_TIMEOUT(guest, isolation, 240)
{
	struct vmm *a = &self->v, b;
	uint64_t r[2], again[2], at, at_ram, i;
	char *pa, *pb, *old, *ram;

	ASSERT_EQ(0, vmm_open(&b, 7));
	EXPECT_EQ(2 * VMM_VRAM, gpu_used(self->drm));
	pa = mmap(NULL, VMM_VRAM, PROT_READ | PROT_WRITE, MAP_SHARED, a->device,
		  a->at[BAR2]);
	pb = mmap(NULL, VMM_VRAM, PROT_READ | PROT_WRITE, MAP_SHARED, b.device,
		  b.at[BAR2]);
	ASSERT_NE(MAP_FAILED, pa);
	ASSERT_NE(MAP_FAILED, pb);
	for (i = 0; i < VMM_VRAM; i += 4 * MIB)
		fill_pattern(pa + i, 16384, i >> 20 | 1);
	for (i = 0; i < VMM_VRAM; i += 4 * MIB) {
		ASSERT_TRUE(is_zero(pb + i, 16384));
		memset(pb + i, 0xb0, 16384);
	}
	/* By commands, too: what is given out again is zero. */
	ram = b.ram + VMM_BUFFER;
	memset(ram, 0xb1, BUFFER);
	ASSERT_EQ(0, buffer(&b, &at_ram));
	ASSERT_EQ(0, block(&b, r, &at));
	ASSERT_EQ(0, vmm_do(&b, VGPU_CMD_UPLOAD, at, at_ram, BUFFER));
	ASSERT_EQ(0, block_free(&b, r[0], at));
	ASSERT_EQ(0, block(&b, again, &at));
	ASSERT_EQ(r[1], again[1]);
	ASSERT_EQ(0, vmm_do(&b, VGPU_CMD_DOWNLOAD, at_ram, at, BUFFER));
	ASSERT_TRUE(is_zero(ram, BUFFER));
	ASSERT_EQ(-EFAULT, vmm_do(&b, VGPU_CMD_DOWNLOAD, at_ram, at + BUFFER,
				  4));
	/* For who opens it next. */
	memset(ram, 0xb2, BUFFER);
	ASSERT_EQ(0, vmm_do(&b, VGPU_CMD_UPLOAD, at, at_ram, BUFFER));
	for (i = 0; i < VMM_VRAM; i += 4 * MIB) {
		char word[4096];

		ASSERT_EQ(4096, pread(a->device, word, 4096, a->at[BAR2] + i));
		fill_pattern(ram, 4096, i >> 20 | 1);
		ASSERT_EQ(0, memcmp(word, ram, 4096));
	}
	/* One closes and opens again: all of its VRAM is zero. */
	old = pb;
	vmm_close_device(&b);
	ASSERT_EQ(0, vmm_open_device(&b));
	pb = mmap(NULL, VMM_VRAM, PROT_READ | PROT_WRITE, MAP_SHARED, b.device,
		  b.at[BAR2]);
	ASSERT_NE(MAP_FAILED, pb);
	for (i = 0; i < VMM_VRAM; i += 4 * MIB)
		ASSERT_TRUE(is_zero(pb + i, 16384));
	ASSERT_EQ(0, buffer(&b, &at_ram));
	ASSERT_EQ(0, block(&b, again, &at));
	ASSERT_EQ(r[1], again[1]);
	ASSERT_EQ(0, vmm_do(&b, VGPU_CMD_DOWNLOAD, at_ram, at, BUFFER));
	ASSERT_TRUE(is_zero(ram, BUFFER));
	munmap(old, VMM_VRAM);
	munmap(pb, VMM_VRAM);
	munmap(pa, VMM_VRAM);
	EXPECT_EQ(0, vmm_close(&b));
	EXPECT_EQ(VMM_VRAM, gpu_used(self->drm));
}

TEST_HARNESS_MAIN
