// SPDX-License-Identifier: MIT
/*
 * Memory that the VMM takes away: while commands copy to and from it, while
 * threads give it to the device again, and from under rings.
 */
#include "vfio_util.h"

#define PIECE		(4 * MIB)
#define PIECES		4u
#define AT(i)		(VMM_FIXED + (i) * PIECE)

FIXTURE(unmap) {
	struct vmm v;
	int drm;
};

FIXTURE_SETUP(unmap)
{
	uint32_t i;

	self->drm = node_open(0);
	ASSERT_LE(0, self->drm);
	ASSERT_EQ(0, vmm_open(&self->v, 2));
	for (i = 0; i < PIECES; i++)
		ASSERT_EQ(0, vmm_dma_map(&self->v, AT(i), PIECE));
	ASSERT_EQ(0, vmm_enable(&self->v));
	ASSERT_EQ(0, vmm_ring(&self->v, VMM_RING));
}

FIXTURE_TEARDOWN(unmap)
{
	vmm_close_device(&self->v);
	EXPECT_EQ(0, locked_kib());
	EXPECT_EQ(0, vmm_close(&self->v));
	EXPECT_EQ(0, gpu_used(self->drm));
	close(self->drm);
}

/* Pins again are refused for a moment: EAGAIN, and then they are not. */
static int system_again(struct vmm *v, uint64_t offset, uint64_t bytes,
			uint32_t list, uint64_t *object)
{
	int64_t end = after_ms(20000);
	int ret;

	do {
		ret = vmm_system(v, offset, bytes, list, false, object);
		if (ret == -EAGAIN)
			usleep(1000);
	} while (ret == -EAGAIN && now_ns() < end);
	return ret;
}

TEST_F(unmap, dead)
{
	struct vmm *v = &self->v;
	uint64_t object, at, offset, vram;

	ASSERT_EQ(0, vmm_block(v, PIECE, &offset, &vram));
	ASSERT_EQ(0, vmm_system(v, AT(0), PIECE, 0, false, &object));
	ASSERT_EQ(0, vmm_map(v, object, PIECE, &at));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_UPLOAD, vram, at, PIECE));
	ASSERT_EQ(0, vmm_dma_unmap(v, AT(0), PIECE));
	EXPECT_EQ(-EFAULT, vmm_do(v, VGPU_CMD_UPLOAD, vram, at, PIECE));
	EXPECT_EQ(-EFAULT, vmm_do(v, VGPU_CMD_DOWNLOAD, at, vram, PIECE));
	/* It is of no use any more, but as nobody's. */
	EXPECT_EQ(-EINVAL, vmm_admin(v, VGPU_ADMIN_SYSTEM_PAGES, NULL, object,
				     0, 1, VMM_BASE + VMM_LIST, 0, 0));
	EXPECT_EQ(0, vmm_admin(v, VGPU_ADMIN_UNMAP, NULL, v->context, at, 0, 0,
			       0, 0));
	EXPECT_EQ(0, vmm_admin(v, VGPU_ADMIN_OBJECT_DESTROY, NULL, object, 0, 0,
			       0, 0, 0));
	/* Nothing is there: after the moment that is EFAULT. */
	EXPECT_EQ(-EFAULT, system_again(v, AT(0), PIECE, 0, &object));
	ASSERT_EQ(0, vmm_dma_map(v, AT(0), PIECE));
	EXPECT_EQ(0, system_again(v, AT(0), PIECE, 0, &object));
}

/* The ring's memory goes: an interrupt says so, and the rest works. */
TEST_F(unmap, ring)
{
	struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP };
	struct vmm *v = &self->v;
	uint64_t ring = v->ring, context = v->context, i;

	ASSERT_EQ(0, vmm_ring(v, AT(1)));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
	event_wait(v->events[1], 0);
	ASSERT_EQ(0, vmm_dma_unmap(v, AT(1), PIECE));
	EXPECT_LT(0, event_wait(v->events[1], 5000));
	memset(v->ram + AT(1), 0x5a, 65536);
	v->submitted = 0;
	vmm_doorbell(v);
	EXPECT_EQ(-EFAULT, vmm_admin(v, VGPU_ADMIN_RING_CONTROL, NULL, v->ring,
				     VGPU_RING_RESET, 0, 0, 0, 0));
	EXPECT_EQ(0, vmm_admin(v, VGPU_ADMIN_RING_DESTROY, NULL, v->ring, 0, 0,
			       0, 0, 0));
	EXPECT_EQ(0, vmm_admin(v, VGPU_ADMIN_CONTEXT_DESTROY, NULL, v->context,
			       0, 0, 0, 0, 0));
	for (i = 0; i < 65536; i++)
		ASSERT_EQ(0x5a, v->ram[AT(1) + i]);
	/* The other one goes on. */
	v->ring = ring;
	v->context = context;
	vgpu_ring_attach(&v->view, v->ram + VMM_RING, VMM_ENTRIES, VMM_ENTRIES);
	vgpu_ring_reaper_init(&v->reaper, &v->view);
	ASSERT_EQ(0, vmm_submit(v, &nop, 1));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
}

/* It goes while the device looks at it. */
TEST_F_TIMEOUT(unmap, polled_ring, 60)
{
	struct vmm *v = &self->v;
	uint64_t i;

	v->poll_ns = VGPU_MAX_POLL_NS;
	for (i = 0; i < PIECES; i++) {
		ASSERT_EQ(0, vmm_ring(v, AT(i)));
		ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
		ASSERT_EQ(0, vmm_dma_unmap(v, AT(i), PIECE));
		memset(v->ram + AT(i), 0x5a, 65536);
		EXPECT_EQ(-EFAULT, vmm_admin(v, VGPU_ADMIN_RING_CONTROL, NULL,
					     v->ring, VGPU_RING_RESET, 0, 0, 0,
					     0));
	}
	for (i = 0; i < 65536; i++)
		ASSERT_EQ(0x5a, v->ram[AT(0) + i]);
}

/* So does everything that the driver needs: only a reset helps. */
TEST_F(unmap, admin_queue)
{
	struct vmm *v = &self->v;
	uint32_t i;

	event_wait(v->events[0], 0);
	ASSERT_EQ(0, vmm_dma_unmap(v, 0, VMM_FIXED));
	EXPECT_LT(0, event_wait(v->events[0], 5000));
	memset(v->ram, 0x5a, 65536);
	EXPECT_EQ(VGPU_STATUS_ENABLED | VGPU_STATUS_ERROR,
		  vmm_reg(v, VGPU_REG_STATUS));
	vmm_set(v, VGPU_REG_ADMIN_DOORBELL, 1);
	vmm_doorbell(v);
	for (i = 0; i < 65536; i++)
		ASSERT_EQ(0x5a, v->ram[i]);
	ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
	/* Nothing can be enabled where nothing is. */
	EXPECT_EQ(-EIO, vmm_enable(v));
	ASSERT_EQ(0, vmm_dma_map(v, 0, VMM_FIXED));
	/* The range is refused for a moment. */
	for (i = 0; i < 100 && vmm_enable(v); i++)
		usleep(50000);
	ASSERT_LT(i, 100);
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
}

/* All of it goes at once when the device is taken away from its memory. */
TEST_F_TIMEOUT(unmap, detach, 120)
{
	struct vmm *v = &self->v;
	uint64_t object, at, offset, vram, again;
	struct vgpu_cmd cmds[16] = { 0 };
	uint32_t i, round;

	if (v->iommufd < 0)
		SKIP(return, "a container of type1 keeps its devices");
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, vmm_block(v, PIECE, &offset, &vram));
		ASSERT_EQ(0, vmm_system(v, AT(0), PIECE, 0, round & 1, &object));
		ASSERT_EQ(0, vmm_map(v, object, PIECE, &at));
		for (i = 0; i < 16; i++) {
			cmds[i].opcode = VGPU_CMD_UPLOAD;
			cmds[i].op[0] = vram;
			cmds[i].op[1] = at;
			cmds[i].op[2] = PIECE;
		}
		ASSERT_EQ(0, vmm_submit(v, cmds, 16));
		ASSERT_EQ(0, iommufd_detach(v->device));
		EXPECT_EQ(0, locked_kib());
		EXPECT_EQ(VGPU_STATUS_ENABLED | VGPU_STATUS_ERROR,
			  vmm_reg(v, VGPU_REG_STATUS));
		ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
		EXPECT_EQ(-EIO, vmm_enable(v));
		ASSERT_EQ(0, iommufd_attach(v->device, v->ioas));
		for (again = 0; again < 400 && vmm_enable(v); again++) {
			ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
			usleep(50000);
		}
		ASSERT_GT(400, again);
		ASSERT_EQ(0, vmm_ring(v, VMM_RING));
		ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
	}
}

/* Four threads that pin what is being unmapped, while a ring copies there. */
struct pinner {
	struct vmm *v;
	uint32_t number;
	bool stop;
	uint64_t pinned;
	uint64_t refused;
	uint64_t faults;
	uint64_t downloads;	/* of the faults */
	uint64_t odd;
};

static void *pinner(void *arg)
{
	struct pinner *p = arg;
	uint64_t object;
	int ret;

	while (!__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
		ret = vmm_system(p->v, AT(p->number % PIECES) +
				 p->number * 65536, MIB, 1 + p->number,
				 p->number & 1, &object);
		switch (ret) {
		case 0:
			p->pinned++;
			vmm_admin(p->v, VGPU_ADMIN_OBJECT_DESTROY, NULL, object,
				  0, 0, 0, 0, 0);
			break;
		case -EAGAIN:
			p->refused++;
			break;
		case -EFAULT:
		case -EINVAL:	/* gone between two lists */
			p->faults++;
			break;
		default:
			p->odd = -ret;
		}
	}
	return NULL;
}

/* What is written to memory is never 0x5a, whatever was uploaded before. */
static void *copier(void *arg)
{
	struct pinner *p = arg;
	struct vmm *v = p->v;
	uint64_t object, offset, vram, at;
	int ret, i;

	if (vmm_block(v, PIECE, &offset, &vram)) {
		p->odd = 1;
		return NULL;
	}
	for (i = 0; !__atomic_load_n(&p->stop, __ATOMIC_RELAXED); i++) {
		ret = vmm_system(v, AT(i % PIECES), PIECE, 0, false, &object);
		if (ret == -EAGAIN || ret == -EFAULT || ret == -EINVAL) {
			p->refused++;
			continue;
		}
		if (ret) {
			p->odd = -ret;
			return NULL;
		}
		ret = vmm_map(v, object, PIECE, &at);
		if (ret == -EFAULT) {	/* gone again already */
			vmm_admin(v, VGPU_ADMIN_OBJECT_DESTROY, NULL, object, 0,
				  0, 0, 0, 0);
			continue;
		}
		if (ret) {
			p->odd = -ret;
			return NULL;
		}
		ret = i & 1 ? 0 : vmm_do(v, VGPU_CMD_CLEAR, vram, PIECE,
					 0xa5a5a5a5);
		if (ret) {
			p->odd = -ret;
			return NULL;
		}
		do {
			ret = vmm_do(v, i & 1 ? VGPU_CMD_UPLOAD :
						VGPU_CMD_DOWNLOAD,
				     i & 1 ? vram : at, i & 1 ? at : vram,
				     PIECE);
			p->pinned += !ret;
		} while (!ret && !__atomic_load_n(&p->stop, __ATOMIC_RELAXED));
		if (ret == -EFAULT) {
			p->faults++;
			if (!(i & 1))
				__atomic_fetch_add(&p->downloads, 1,
						   __ATOMIC_RELAXED);
		} else if (ret) {
			p->odd = -ret;
		}
		vmm_admin(v, VGPU_ADMIN_UNMAP, NULL, v->context, at, 0, 0, 0, 0);
		vmm_admin(v, VGPU_ADMIN_OBJECT_DESTROY, NULL, object, 0, 0, 0,
			  0, 0);
	}
	return NULL;
}

static bool is_all(const char *p, uint64_t bytes, char c)
{
	return p[0] == c && !memcmp(p, p + 1, bytes - 1);
}

TEST_F_TIMEOUT(unmap, under_load, 120)
{
	struct pinner p[5] = { 0 };
	struct vmm *v = &self->v;
	pthread_t threads[5];
	uint64_t pinned = 0, refused = 0;
	int64_t end = after_ms(8000), last = after_ms(60000);
	int64_t longest = 0, begin;
	uint32_t i, rounds;
	uint64_t at;

	for (i = 0; i < 5; i++) {
		p[i].v = v;
		p[i].number = i;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    i < 4 ? pinner : copier, &p[i]));
	}
	/* A slow machine may take its time until a copy has met its end. */
	for (rounds = 0; now_ns() < end || rounds < 10 ||
	     (!__atomic_load_n(&p[4].downloads, __ATOMIC_RELAXED) &&
	      now_ns() < last); rounds++) {
		i = rounds % PIECES;
		begin = now_ns();
		ASSERT_EQ(0, vmm_dma_unmap(v, AT(i), PIECE));
		if (now_ns() - begin > longest)
			longest = now_ns() - begin;
		/* From its end on: a copy that goes on comes to meet it. */
		for (at = AT(i) + PIECE; at > AT(i); at -= 65536)
			memset(v->ram + at - 65536, 0x5a, 65536);
		usleep(1000 * (rounds % 50));
		ASSERT_TRUE(is_all(v->ram + AT(i), PIECE, 0x5a));
		ASSERT_EQ(0, vmm_dma_map(v, AT(i), PIECE));
		usleep(1000 * (rounds * 7 % 190));
	}
	for (i = 0; i < 5; i++)
		__atomic_store_n(&p[i].stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 5; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, p[i].odd);
		pinned += i < 4 ? p[i].pinned : 0;
		refused += i < 4 ? p[i].refused : 0;
	}
	EXPECT_LT(0, pinned);
	EXPECT_LT(0, p[4].pinned);
	EXPECT_LT(0, p[4].downloads);
	TH_LOG("%u unmaps, the longest %lld us; %llu pins, %llu refused; %llu copies, %llu cut off, %llu of them downloads",
	       rounds, (long long)longest / 1000, (unsigned long long)pinned,
	       (unsigned long long)refused, (unsigned long long)p[4].pinned,
	       (unsigned long long)p[4].faults,
	       (unsigned long long)p[4].downloads);
	ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
	EXPECT_EQ(0, locked_kib());
	EXPECT_EQ(0, vmm_reg(v, VGPU_REG_USED_LO));
}

TEST_HARNESS_MAIN
