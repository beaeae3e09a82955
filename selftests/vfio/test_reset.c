// SPDX-License-Identifier: MIT
/*
 * Resets of every kind in the middle of everything, also several at once; after
 * each of them nothing is left, and the device works.
 */
#include "vfio_util.h"

#define CONFIG		VFIO_PCI_CONFIG_REGION_INDEX
#define PIECE		(2 * MIB)
#define THREADS		4

FIXTURE(reset) {
	struct vmm v;
	int drm;
};

FIXTURE_SETUP(reset)
{
	self->drm = node_open(0);
	ASSERT_LE(0, self->drm);
	ASSERT_EQ(0, vmm_open(&self->v, 8));
}

FIXTURE_TEARDOWN(reset)
{
	vmm_close_device(&self->v);
	EXPECT_EQ(0, locked_kib());
	EXPECT_EQ(0, vmm_close(&self->v));
	EXPECT_EQ(0, gpu_used(self->drm));
	close(self->drm);
}

static int by_ioctl(struct vmm *v)
{
	return ioctl(v->device, VFIO_DEVICE_RESET) ? -errno : 0;
}

static int by_register(struct vmm *v)
{
	return vmm_set(v, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
}

static int by_flr(struct vmm *v)
{
	return vmm_write(v, CONFIG, 0x68, 0x8000, 2);
}

static int by_power(struct vmm *v)
{
	int ret = vmm_write(v, CONFIG, 0x44, 3, 2);

	return ret ? ret : vmm_write(v, CONFIG, 0x44, 0, 2);
}

/* Which resets and enables at once. */
static int by_enable(struct vmm *v)
{
	vmm_write(v, VFIO_PCI_BAR0_REGION_INDEX, VGPU_REG_ADMIN_LO,
		  VMM_BASE + VMM_ADMIN, 8);
	vmm_set(v, VGPU_REG_ADMIN_ENTRIES, VMM_ENTRIES | VMM_ENTRIES << 16);
	return vmm_set(v, VGPU_REG_CONTROL,
		       VGPU_CONTROL_RESET | VGPU_CONTROL_ENABLE);
}

static int (*const resets[])(struct vmm *v) = {
	by_ioctl, by_register, by_flr, by_power, by_enable,
};

#define RESETS	(sizeof(resets) / sizeof(resets[0]))

/* A ring with copies that take a while, and objects of every kind. */
static int furnish(struct vmm *v, uint32_t seed)
{
	struct vgpu_cmd cmds[32] = { 0 };
	uint64_t in, at_in, offset, at, r[2];
	uint32_t i;
	int ret;

	ret = vmm_enable(v);
	if (!ret)
		ret = vmm_ring(v, VMM_RING);
	if (!ret)
		ret = vmm_system(v, VMM_BUFFER, PIECE, 0, seed & 1, &in);
	if (!ret)
		ret = vmm_map(v, in, PIECE, &at_in);
	if (!ret)
		ret = vmm_block(v, PIECE, &offset, &at);
	if (!ret)
		ret = vmm_admin(v, VGPU_ADMIN_COUNTER_CREATE, r, v->context, 0,
				0, 0, 0, 0);
	if (ret)
		return ret;
	for (i = 0; i < 32; i++) {
		cmds[i].opcode = i & 1 ? VGPU_CMD_UPLOAD : VGPU_CMD_DOWNLOAD;
		cmds[i].op[0] = i & 1 ? at : at_in;
		cmds[i].op[1] = i & 1 ? at_in : at;
		cmds[i].op[2] = PIECE;
	}
	/* The last one waits for what nobody signals. */
	cmds[31] = (struct vgpu_cmd){ .opcode = VGPU_CMD_WAIT,
				      .op = { r[0], 1 } };
	return vmm_submit(v, cmds, 32);
}

/* Nothing is left.  What is being reset may take a moment. */
static int is_new(struct vmm *v)
{
	int64_t end = after_ms(10000);

	while ((locked_kib() || vmm_reg(v, VGPU_REG_USED_LO) ||
		vmm_reg(v, VGPU_REG_STATUS)) && now_ns() < end)
		usleep(1000);
	if (locked_kib())
		return -EBUSY;
	if (vmm_reg(v, VGPU_REG_USED_LO))
		return -ENOSPC;
	return vmm_reg(v, VGPU_REG_STATUS) ? -EIO : 0;
}

TEST_F_TIMEOUT(reset, each, 240)
{
	struct vmm *v = &self->v;
	uint32_t i;

	for (i = 0; i < 4 * RESETS; i++) {
		ASSERT_EQ(0, furnish(v, i));
		usleep(1000 * (i * 7 % 20));
		ASSERT_EQ(0, resets[i % RESETS](v));
		if (resets[i % RESETS] == by_enable)
			ASSERT_EQ(0, by_register(v));
		ASSERT_EQ(0, is_new(v)) {
			TH_LOG("reset %u: %ld KiB are pinned, %u bytes used, status %#x",
			       i, locked_kib(), vmm_reg(v, VGPU_REG_USED_LO),
			       vmm_reg(v, VGPU_REG_STATUS));
		}
	}
	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
}

struct storm {
	struct vmm *v;
	uint32_t number;
	bool stop;
	uint64_t rounds;
	int odd;
};

/* All that a guest's processors and its VMM's threads do at the same time. */
static void *storm(void *arg)
{
	struct storm *s = arg;
	struct vmm *v = s->v;
	uint32_t x = 1 + s->number;
	int fds[2];
	char buf[64];

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		x = x * 1103515245 + 12345;
		s->rounds++;
		switch (x >> 16 & 15) {
		case 0:
			s->odd |= resets[(x >> 20) % RESETS](v);
			break;
		case 1:
		case 2:
			fds[0] = x >> 20 & 1 ? v->events[0] : -1;
			fds[1] = v->events[1];
			s->odd |= vmm_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, 0, fds,
					   2);
			break;
		case 3:
			vmm_set(v, VGPU_REG_CONTROL, VGPU_CONTROL_ENABLE);
			break;
		case 4:
			pread(v->device, buf, sizeof(buf),
			      v->at[x >> 20 & 7] + (x >> 23) % 512);
			break;
		case 5:
			memset(buf, x >> 20, 8);
			pwrite(v->device, buf, 8,
			       v->at[VFIO_PCI_BAR2_REGION_INDEX] +
			       (x >> 8) % VMM_VRAM / 2);
			break;
		case 6:
			vmm_set(v, VGPU_REG_ADMIN_DOORBELL, 1);
			break;
		default:
			vmm_set(v, VGPU_BAR0_DOORBELLS + (x >> 20 & 3) *
				   VGPU_DOORBELL_PAGE, x >> 24);
			vmm_set(v, VGPU_BAR0_DOORBELLS + (v->context & 0xffff) *
				   VGPU_DOORBELL_PAGE, v->ring);
			break;
		}
	}
	return NULL;
}

TEST_F_TIMEOUT(reset, storm, 240)
{
	struct storm s[THREADS] = { 0 };
	pthread_t threads[THREADS];
	struct vmm *v = &self->v;
	uint32_t i, round, built = 0;
	uint64_t rounds = 0;

	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, furnish(v, round));
		for (i = 0; i < THREADS; i++) {
			memset(&s[i], 0, sizeof(s[i]));
			s[i].v = v;
			s[i].number = i;
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, storm,
						    &s[i]));
		}
		usleep(1000000);
		for (i = 0; i < THREADS; i++) {
			__atomic_store_n(&s[i].stop, true, __ATOMIC_RELAXED);
			pthread_join(threads[i], NULL);
			EXPECT_EQ(0, s[i].odd);
			rounds += s[i].rounds;
		}
		ASSERT_EQ(0, by_power(v));
		ASSERT_EQ(0, by_ioctl(v));
		ASSERT_EQ(0, vmm_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, 0, v->events,
				      2));
		ASSERT_EQ(0, is_new(v));
		built++;
	}
	EXPECT_LT(0, rounds);
	ASSERT_EQ(0, furnish(v, built));
}

/* Closed in the middle of it all, and opened again. */
TEST_F_TIMEOUT(reset, close, 240)
{
	struct vmm *v = &self->v;
	uint32_t i;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, furnish(v, i));
		usleep(1000 * (i * 3 % 8));
		if (i & 1)
			ASSERT_EQ(0, by_flr(v));
		vmm_close_device(v);
		ASSERT_EQ(0, locked_kib());
		ASSERT_EQ(0, vmm_open_device(v));
		ASSERT_EQ(0, is_new(v));
		EXPECT_EQ(VMM_VRAM, gpu_used(self->drm));
	}
}

TEST_HARNESS_MAIN
