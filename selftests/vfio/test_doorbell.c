// SPDX-License-Identifier: MIT
/*
 * Doorbells that eventfds ring (VFIO_DEVICE_IOEVENTFD), as KVM would: what is
 * refused, that they ring, that many may, and that they go with the device.
 */
#include "vfio_util.h"

#define BAR0	VFIO_PCI_BAR0_REGION_INDEX
#define MOST	64

FIXTURE(doorbell) {
	struct vmm v;
	int event;
	uint64_t page;		/* of the ring's context, in the device's file */
};

FIXTURE_SETUP(doorbell)
{
	struct vmm *v = &self->v;

	ASSERT_EQ(0, vmm_open(v, 9));
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, self->event);
	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	self->page = v->at[BAR0] + VGPU_BAR0_DOORBELLS +
		     (v->context & 0xffff) * VGPU_DOORBELL_PAGE;
}

FIXTURE_TEARDOWN(doorbell)
{
	close(self->event);
	EXPECT_EQ(0, vmm_close(&self->v));
}

static int connect_as(struct vmm *v, uint32_t argsz, uint32_t flags,
		      uint64_t offset, uint64_t data, int fd)
{
	struct vfio_device_ioeventfd args = {
		.argsz = argsz,
		.flags = flags,
		.offset = offset,
		.data = data,
		.fd = fd,
	};

	return ioctl(v->device, VFIO_DEVICE_IOEVENTFD, &args) ? -errno : 0;
}

static int connect_to(struct vmm *v, uint64_t offset, uint64_t data, int fd)
{
	return connect_as(v, sizeof(struct vfio_device_ioeventfd),
			  VFIO_DEVICE_IOEVENTFD_32, offset, data, fd);
}

static void signal_event(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, 8) != 8)
		abort();
}

TEST_F(doorbell, refused)
{
	const uint32_t least = offsetof(struct vfio_device_ioeventfd, fd) + 4;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), i;
	struct vmm *v = &self->v;
	const uint64_t page = self->page;

	for (i = 0; i < 16; i++)
		if (1u << i != VFIO_DEVICE_IOEVENTFD_32)
			EXPECT_EQ(-EINVAL, connect_as(v, least, 1u << i, page,
						      v->ring, self->event));
	EXPECT_EQ(-EINVAL, connect_as(v, least, 0, page, v->ring, self->event));
	EXPECT_EQ(-EINVAL, connect_as(v, least, VFIO_DEVICE_IOEVENTFD_32 |
				      VFIO_DEVICE_IOEVENTFD_64, page, v->ring,
				      self->event));
	EXPECT_EQ(-EINVAL, connect_as(v, least, 1u << 31 |
				      VFIO_DEVICE_IOEVENTFD_32, page, v->ring,
				      self->event));
	for (i = 0; i < (int)least; i++)
		EXPECT_EQ(-EINVAL, connect_as(v, i, VFIO_DEVICE_IOEVENTFD_32,
					      page, v->ring, self->event));
	EXPECT_EQ(-1, ioctl(v->device, VFIO_DEVICE_IOEVENTFD, NULL));
	EXPECT_EQ(EFAULT, errno);
	/* Doorbells only, where their pages begin. */
	EXPECT_EQ(-EINVAL, connect_to(v, page + 4, v->ring, self->event));
	EXPECT_EQ(-EINVAL, connect_to(v, page + 2048, v->ring, self->event));
	EXPECT_EQ(-EINVAL, connect_to(v, v->at[BAR0] + VGPU_REG_CONTROL,
				      v->ring, self->event));
	EXPECT_EQ(-EINVAL, connect_to(v, v->at[BAR0] + VGPU_REG_ADMIN_DOORBELL,
				      1, self->event));
	EXPECT_EQ(-EINVAL, connect_to(v, v->at[BAR0] + VGPU_BAR0_DOORBELLS -
				      VGPU_DOORBELL_PAGE, 1, self->event));
	EXPECT_EQ(-EINVAL, connect_to(v, v->at[BAR0] + VGPU_BAR0_BYTES, 1,
				      self->event));
	for (i = 1; i < VFIO_PCI_NUM_REGIONS; i++)
		EXPECT_EQ(-EINVAL, connect_to(v, v->at[i] + VGPU_BAR0_DOORBELLS,
					      v->ring, self->event));
	EXPECT_EQ(-EINVAL, connect_to(v, ~4095ull, v->ring, self->event));
	EXPECT_EQ(-EINVAL, connect_to(v, page, 1ull << 32, self->event));
	/* What is no eventfd. */
	EXPECT_EQ(-EINVAL, connect_to(v, page, v->ring, -2));
	EXPECT_EQ(-EBADF, connect_to(v, page, v->ring, 999));
	EXPECT_EQ(-EINVAL, connect_to(v, page, v->ring, null));
	EXPECT_EQ(-ENODEV, connect_to(v, page, v->ring, -1));
	/* Twice the same. */
	EXPECT_EQ(0, connect_to(v, page, v->ring, self->event));
	EXPECT_EQ(-EEXIST, connect_to(v, page, v->ring, self->event));
	EXPECT_EQ(-ENODEV, connect_to(v, page, v->ring + 1, -1));
	EXPECT_EQ(0, connect_to(v, page, v->ring, -1));
	EXPECT_EQ(-ENODEV, connect_to(v, page, v->ring, -1));
	close(null);
}

/* Put commands into the ring, and do not ring. */
static int put(struct vmm *v, uint32_t n)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP };
	bool doorbell;

	while (n--)
		if (!vgpu_ring_submit(&v->view, &cmd, 1, 1, &doorbell))
			return -ENOBUFS;
	return 0;
}

/* Whether so many are completed within a time. */
static uint32_t reaped(struct vmm *v, uint32_t n, int ms)
{
	int64_t end = after_ms(ms);
	struct vgpu_completion done;
	uint32_t got = 0;

	while (got < n && now_ns() < end) {
		if (vgpu_ring_reap(&v->reaper, &done, 1) && !done.status)
			got++;
		else
			usleep(100);
	}
	vgpu_ring_reap_release(&v->reaper);
	return got;
}

TEST_F_TIMEOUT(doorbell, rings, 120)
{
	struct vmm *v = &self->v;
	int i;

	ASSERT_EQ(0, connect_to(v, self->page, v->ring, self->event));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, put(v, 1));
		signal_event(self->event);
		ASSERT_EQ(1, reaped(v, 1, 5000));
	}
	/* The event is taken: nobody else hears of it. */
	EXPECT_EQ(0, event_wait(self->event, 0));
	/* A doorbell that traps still rings, too. */
	ASSERT_EQ(0, put(v, 4));
	vmm_doorbell(v);
	ASSERT_EQ(4, reaped(v, 4, 5000));
	ASSERT_EQ(0, connect_to(v, self->page, v->ring, -1));
	ASSERT_EQ(0, put(v, 1));
	signal_event(self->event);
	EXPECT_EQ(0, reaped(v, 1, 100));
	/* What was signalled before it is connected is not lost. */
	ASSERT_EQ(0, connect_to(v, self->page, v->ring, self->event));
	ASSERT_EQ(1, reaped(v, 1, 5000));
}

/* Of another context's page, or of a ring that is none: nothing happens. */
TEST_F(doorbell, not_this_one)
{
	struct vmm *v = &self->v;
	int other = eventfd(0, EFD_CLOEXEC);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, connect_to(v, self->page + VGPU_DOORBELL_PAGE, v->ring,
				self->event));
	ASSERT_EQ(0, connect_to(v, self->page, 0xffffffff, other));
	ASSERT_EQ(0, put(v, 1));
	signal_event(self->event);
	signal_event(other);
	EXPECT_EQ(0, reaped(v, 1, 100));
	vmm_doorbell(v);
	EXPECT_EQ(1, reaped(v, 1, 5000));
	close(other);
}

/*
 * Commands one by one to a ring that is polled, its doorbell rung as it asks for
 * that: how often.
 */
static int ring_polled(struct vmm *v, int event)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP };
	int i, rung = 0;
	bool doorbell;

	for (i = 0; i < 200; i++) {
		if (!vgpu_ring_submit(&v->view, &cmd, 1, 1, &doorbell))
			return -ENOBUFS;
		rung += doorbell;
		if (doorbell && event >= 0)
			signal_event(event);
		else if (doorbell)
			vmm_doorbell(v);
		if (reaped(v, 1, 5000) != 1)
			return -ETIME;
	}
	return rung;
}

/* It asks once, unless this machine stands still for a while. */
TEST_F(doorbell, polled)
{
	struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP };
	struct vmm *v = &self->v;
	struct vgpu_completion done;
	int rung, how;
	bool doorbell;

	EXPECT_LT(150, ring_polled(v, -1));
	v->poll_ns = VGPU_MAX_POLL_NS;
	for (how = 0; how < 2; how++) {
		ASSERT_EQ(0, vmm_ring(v, VMM_BUFFER + how * 65536));
		if (how)
			ASSERT_EQ(0, connect_to(v, v->at[BAR0] +
						VGPU_BAR0_DOORBELLS +
						(v->context & 0xffff) *
						VGPU_DOORBELL_PAGE,
						v->ring, self->event));
		rung = ring_polled(v, how ? self->event : -1);
		EXPECT_LT(0, rung);
		EXPECT_GT(20, rung);
	}
	/* It has not driven away what happens meanwhile, or when it is over. */
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
	ASSERT_EQ(0, vmm_admin(v, VGPU_ADMIN_RING_DESTROY, NULL, v->ring, 0, 0,
			       0, 0, 0));
	usleep(1100000);
	ASSERT_EQ(0, vmm_ring(v, VMM_BUFFER + 2 * 65536));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
	usleep(1100000);
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
	usleep(1100000);
	/* Another context's page is no doorbell of it: nobody looks. */
	vmm_set(v, VGPU_BAR0_DOORBELLS + ((v->context & 0xffff) + 1) *
		   VGPU_DOORBELL_PAGE, v->ring);
	ASSERT_EQ(1, vgpu_ring_submit(&v->view, &nop, 1, 1, &doorbell));
	EXPECT_TRUE(doorbell);
	usleep(50000);
	EXPECT_EQ(0, vgpu_ring_reap(&v->reaper, &done, 1));
	vmm_doorbell(v);
	for (how = 0; how < 1000 && !vgpu_ring_reap(&v->reaper, &done, 1); how++)
		usleep(10000);
	EXPECT_LT(how, 1000);
}

/* A ring that is never idle does not keep another one's doorbell waiting. */
static void *keep_busy(void *arg)
{
	struct vmm *v = arg;
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP };
	struct vgpu_completion done;
	bool doorbell;

	while (!__atomic_load_n(&v->doorbells, __ATOMIC_RELAXED)) {
		vgpu_ring_submit(&v->view, &cmd, 1, 1, &doorbell);
		vmm_set(v, VGPU_BAR0_DOORBELLS + (v->context & 0xffff) *
			   VGPU_DOORBELL_PAGE, v->ring);
		while (vgpu_ring_reap(&v->reaper, &done, 1))
			;
		vgpu_ring_reap_release(&v->reaper);
	}
	return NULL;
}

TEST_F_TIMEOUT(doorbell, busy, 120)
{
	struct vmm *v = &self->v, busy = self->v;
	pthread_t thread;
	int i;

	busy.doorbells = 0;
	ASSERT_EQ(0, vmm_ring(v, VMM_BUFFER));
	ASSERT_EQ(0, connect_to(v, v->at[BAR0] + VGPU_BAR0_DOORBELLS +
				(v->context & 0xffff) * VGPU_DOORBELL_PAGE,
				v->ring, self->event));
	ASSERT_EQ(0, pthread_create(&thread, NULL, keep_busy, &busy));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, put(v, 1));
		signal_event(self->event);
		ASSERT_EQ(1, reaped(v, 1, 5000));
	}
	__atomic_store_n(&busy.doorbells, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* A limit, of which each can be given back. */
TEST_F_TIMEOUT(doorbell, limit, 120)
{
	struct vmm *v = &self->v;
	int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < MOST; i++)
			ASSERT_EQ(0, connect_to(v, self->page, 1000 + i,
						self->event));
		EXPECT_EQ(-ENOSPC, connect_to(v, self->page, v->ring,
					      self->event));
		EXPECT_EQ(-EEXIST, connect_to(v, self->page, 1000,
					      self->event));
		EXPECT_EQ(0, connect_to(v, self->page, 1000 + round, -1));
		EXPECT_EQ(0, connect_to(v, self->page, v->ring, self->event));
		ASSERT_EQ(0, put(v, 1));
		signal_event(self->event);
		EXPECT_EQ(1, reaped(v, 1, 5000));
		EXPECT_EQ(0, connect_to(v, self->page, v->ring, -1));
		for (i = 0; i < MOST; i++)
			ASSERT_EQ(i == round ? -ENODEV : 0,
				  connect_to(v, self->page, 1000 + i, -1));
	}
}

/* Eventfds that are closed first, devices that are, and resets in between. */
TEST_F_TIMEOUT(doorbell, life, 120)
{
	struct vmm *v = &self->v;
	int event, i;

	event = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, event);
	ASSERT_EQ(0, connect_to(v, self->page, v->ring, event));
	close(event);
	/* It is still taken, as with vfio-pci. */
	EXPECT_EQ(-EEXIST, connect_to(v, self->page, v->ring, self->event));
	EXPECT_EQ(0, connect_to(v, self->page, v->ring, -1));

	ASSERT_EQ(0, connect_to(v, self->page, v->ring, self->event));
	ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
	/* The ring has gone, its doorbell rings for nobody. */
	signal_event(self->event);
	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	EXPECT_EQ(-ENODEV, connect_to(v, self->page, 12345, -1));

	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, connect_to(v, self->page, 2000 + i, self->event));
	for (i = 0; i < 4; i++) {
		signal_event(self->event);
		vmm_close_device(v);
		signal_event(self->event);
		ASSERT_EQ(0, vmm_open_device(v));
		EXPECT_EQ(-ENODEV, connect_to(v, self->page, 2000, -1));
		ASSERT_EQ(0, connect_to(v, self->page, 2000, self->event));
	}
}

struct ringer {
	int event;
	bool stop;
	uint64_t rounds;
};

static void *ringer(void *arg)
{
	struct ringer *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		signal_event(r->event);
		r->rounds++;
	}
	return NULL;
}

/* Rung all the time, while it is connected, let go, reset and closed. */
TEST_F_TIMEOUT(doorbell, storm, 120)
{
	struct vmm *v = &self->v;
	struct ringer r[2] = { 0 };
	pthread_t threads[2];
	int64_t end = after_ms(3000);
	uint64_t n = 0;
	int i;

	for (i = 0; i < 2; i++) {
		r[i].event = self->event;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, ringer, &r[i]));
	}
	for (n = 0; now_ns() < end; n++) {
		ASSERT_EQ(0, connect_to(v, self->page, n, self->event));
		if (n % 16 == 3)
			ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
		if (n % 16 == 7) {
			vmm_close_device(v);
			ASSERT_EQ(0, vmm_open_device(v));
			continue;
		}
		ASSERT_EQ(0, connect_to(v, self->page, n, -1));
	}
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&r[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(threads[i], NULL);
		EXPECT_LT(0, r[i].rounds);
	}
	TH_LOG("connected %llu times", (unsigned long long)n);
}

TEST_HARNESS_MAIN
