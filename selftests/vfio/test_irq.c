// SPDX-License-Identifier: MIT
/*
 * Interrupts: every form of VFIO_DEVICE_SET_IRQS, with what vfio-pci answers to
 * it, and vectors that are connected anew while they are sent.
 */
#include "vfio_util.h"

#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define REQ	VFIO_PCI_REQ_IRQ_INDEX

FIXTURE(irq) {
	struct vmm v;
	int event;
};

FIXTURE_SETUP(irq)
{
	ASSERT_EQ(0, vmm_open(&self->v, 5));
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, self->event);
}

FIXTURE_TEARDOWN(irq)
{
	close(self->event);
	EXPECT_EQ(0, vmm_close(&self->v));
}

/* @data may be shorter than @argsz says it is: the kernel reads @count of it. */
static int set_irqs(struct vmm *v, uint32_t argsz, uint32_t flags,
		    uint32_t index, uint32_t start, uint32_t count,
		    const void *data, size_t bytes)
{
	char buf[sizeof(struct vfio_irq_set) + 64 * 4] = { 0 };
	struct vfio_irq_set *set = (struct vfio_irq_set *)buf;

	set->argsz = argsz;
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	if (bytes)
		memcpy(set->data, data, bytes);
	return ioctl(v->device, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
}

#define ROOM	(sizeof(struct vfio_irq_set) + 64 * 4)

static int trigger(struct vmm *v, uint32_t index, uint32_t type, uint32_t start,
		   uint32_t count, const void *data, size_t bytes)
{
	return set_irqs(v, ROOM, VFIO_IRQ_SET_ACTION_TRIGGER | type, index,
			start, count, data, bytes);
}

#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENT	VFIO_IRQ_SET_DATA_EVENTFD

static uint32_t vectors_of(uint32_t index)
{
	return index == MSIX ? VGPU_MSIX_VECTORS : index == REQ ? 1 : 0;
}

/* What has to come of it, with descriptors of -1 and nothing connected. */
static int expected(uint32_t argsz, uint32_t flags, uint32_t index,
		    uint32_t start, uint32_t count)
{
	const uint32_t least = sizeof(struct vfio_irq_set);
	uint32_t type = flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	uint32_t action = flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	uint32_t size = type == BOOL ? 1 : type == EVENT ? 4 : 0;

	if (argsz < least || index >= VFIO_PCI_NUM_IRQS || flags & ~0x3fu ||
	    count >= UINT32_MAX - start || start >= vectors_of(index) ||
	    start + count > vectors_of(index))
		return -EINVAL;
	if (type != NONE && type != BOOL && type != EVENT)
		return -EINVAL;
	if (argsz - least < count * size)
		return -EINVAL;
	if (action != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -ENOTTY;
	if (index == REQ && type == NONE)
		return -EINVAL;
	if (index == REQ && !count)
		return -EINVAL;
	return 0;
}

TEST_F_TIMEOUT(irq, combinations, 120)
{
	static const uint32_t ranges[][2] = {
		{ 0, 0 }, { 0, 1 }, { 31, 1 }, { 31, 2 }, { 32, 0 }, { 32, 1 },
		{ 0, 32 }, { 0, 33 }, { 1, 32 }, { UINT32_MAX, 1 },
		{ 1, UINT32_MAX }, { UINT32_MAX, UINT32_MAX }, { 1, 0x40000000 },
	};
	static const uint32_t sizes[] = {
		0, sizeof(struct vfio_irq_set) - 1, sizeof(struct vfio_irq_set),
		sizeof(struct vfio_irq_set) + 1, ROOM, UINT32_MAX,
	};
	struct vmm *v = &self->v;
	uint32_t index, flags, r, s, fds[64];

	memset(fds, 0xff, sizeof(fds));
	for (index = 0; index <= VFIO_PCI_NUM_IRQS; index++)
		for (flags = 0; flags < 128; flags++)
			for (r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++)
				for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
					ASSERT_EQ(expected(sizes[s], flags, index,
							   ranges[r][0],
							   ranges[r][1]),
						  set_irqs(v, sizes[s], flags,
							   index, ranges[r][0],
							   ranges[r][1], fds,
							   sizeof(fds))) {
						TH_LOG("argsz %u flags %#x index %u start %u count %u",
						       sizes[s], flags, index,
						       ranges[r][0],
						       ranges[r][1]);
					}
	EXPECT_EQ(-EINVAL, set_irqs(v, ROOM, 1u << 31 | NONE | 1u << 5, MSIX, 0,
				    0, NULL, 0));
	EXPECT_EQ(-1, ioctl(v->device, VFIO_DEVICE_SET_IRQS, NULL));
	EXPECT_EQ(EFAULT, errno);
}

/* The structure is readable, what follows it is not. */
TEST_F(irq, data_fault)
{
	struct vmm *v = &self->v;
	struct vfio_irq_set *set;
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, mprotect(p + 4096, 4096, PROT_NONE));
	set = (struct vfio_irq_set *)(p + 4096 - sizeof(*set));
	set->argsz = sizeof(*set) + 4;
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER | EVENT;
	set->index = MSIX;
	set->start = 0;
	set->count = 1;
	EXPECT_EQ(-1, ioctl(v->device, VFIO_DEVICE_SET_IRQS, set));
	EXPECT_EQ(EFAULT, errno);
	munmap(p, 8192);
}

/* Descriptors that are none, or none of an eventfd: all or nothing. */
TEST_F(irq, descriptors)
{
	struct vmm *v = &self->v;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[4] = { self->event, self->event, -1, self->event };

	ASSERT_LE(0, null);
	EXPECT_EQ(0, trigger(v, MSIX, EVENT, 4, 4, fds, sizeof(fds)));
	/* Loopback: 4, 5 and 7 are connected. */
	EXPECT_EQ(0, trigger(v, MSIX, NONE, 4, 4, NULL, 0));
	EXPECT_EQ(3, event_wait(self->event, 0));
	fds[2] = null;
	EXPECT_EQ(-EINVAL, trigger(v, MSIX, EVENT, 4, 4, fds, sizeof(fds)));
	/* What came before it is not left half connected; what follows is. */
	EXPECT_EQ(0, trigger(v, MSIX, NONE, 4, 4, NULL, 0));
	EXPECT_EQ(1, event_wait(self->event, 0));
	fds[0] = 999;
	EXPECT_EQ(-EBADF, trigger(v, MSIX, EVENT, 4, 4, fds, sizeof(fds)));
	EXPECT_EQ(-EINVAL, trigger(v, REQ, EVENT, 0, 1, &null, 4));
	fds[0] = -2;
	EXPECT_EQ(-EINVAL, trigger(v, REQ, EVENT, 0, 1, fds, 4));
	fds[0] = 999;
	EXPECT_EQ(-EBADF, trigger(v, REQ, EVENT, 0, 1, fds, 4));
	close(null);
}

/* Loopback of every kind, of both indices. */
TEST_F(irq, loopback)
{
	struct vmm *v = &self->v;
	uint8_t bools[32] = { 0 };
	int fds[32], i, off = -1;

	for (i = 0; i < 32; i++)
		fds[i] = self->event;
	ASSERT_EQ(0, trigger(v, MSIX, EVENT, 0, 32, fds, sizeof(fds)));
	EXPECT_EQ(0, trigger(v, MSIX, BOOL, 0, 32, bools, 32));
	EXPECT_EQ(0, event_wait(self->event, 0));
	bools[0] = 1;
	bools[17] = 0xff;
	EXPECT_EQ(0, trigger(v, MSIX, BOOL, 0, 32, bools, 32));
	EXPECT_EQ(2, event_wait(self->event, 0));
	EXPECT_EQ(0, trigger(v, MSIX, BOOL, 17, 1, bools, 1));
	EXPECT_EQ(1, event_wait(self->event, 0));
	EXPECT_EQ(0, trigger(v, MSIX, NONE, 0, 32, NULL, 0));
	EXPECT_EQ(32, event_wait(self->event, 0));
	/* All of them off. */
	EXPECT_EQ(0, trigger(v, MSIX, NONE, 0, 0, NULL, 0));
	EXPECT_EQ(0, trigger(v, MSIX, NONE, 0, 32, NULL, 0));
	EXPECT_EQ(0, event_wait(self->event, 0));

	ASSERT_EQ(0, trigger(v, REQ, EVENT, 0, 1, fds, 4));
	EXPECT_EQ(0, trigger(v, REQ, NONE, 0, 1, NULL, 0));
	EXPECT_EQ(0, trigger(v, REQ, BOOL, 0, 1, bools, 1));
	EXPECT_EQ(0, trigger(v, REQ, BOOL, 0, 1, bools + 1, 1));
	EXPECT_EQ(2, event_wait(self->event, 0));
	EXPECT_EQ(0, trigger(v, REQ, EVENT, 0, 1, &off, 4));
	EXPECT_EQ(-EINVAL, trigger(v, REQ, NONE, 0, 1, NULL, 0));
	ASSERT_EQ(0, trigger(v, REQ, EVENT, 0, 1, fds, 4));
	EXPECT_EQ(0, trigger(v, REQ, NONE, 0, 0, NULL, 0));
	EXPECT_EQ(-EINVAL, trigger(v, REQ, NONE, 0, 1, NULL, 0));
	EXPECT_EQ(0, event_wait(self->event, 0));
}

/* Closing the device lets go of eventfds, and closing an eventfd of nothing. */
TEST_F(irq, life)
{
	struct vmm *v = &self->v;
	int event = eventfd(0, EFD_CLOEXEC), i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, trigger(v, MSIX, EVENT, i % 32, 1, &event, 4));
		ASSERT_EQ(0, trigger(v, REQ, EVENT, 0, 1, &event, 4));
	}
	close(event);
	EXPECT_EQ(0, trigger(v, MSIX, NONE, 0, 32, NULL, 0));
	EXPECT_EQ(0, trigger(v, REQ, NONE, 0, 1, NULL, 0));
	vmm_close_device(v);
	ASSERT_EQ(0, vmm_open_device(v));
	EXPECT_EQ(-EINVAL, trigger(v, REQ, NONE, 0, 1, NULL, 0));
	EXPECT_EQ(0, event_wait(v->events[0], 0));
}

/* Vector 1 is @events[1], @spare, or nobody; the others may be @other. */
struct load {
	struct vmm *v;
	int spare;
	int other;
	bool stop;
	int odd;
	uint64_t rounds;
};

static void *reconnect(void *arg)
{
	struct load *l = arg;
	int fds[3], i;

	while (!__atomic_load_n(&l->stop, __ATOMIC_RELAXED)) {
		i = l->rounds++ % 8;
		fds[0] = i & 1 ? l->v->events[0] : l->other;
		fds[1] = i & 2 ? l->spare : i & 4 ? l->v->events[1] : -1;
		fds[2] = i & 1 ? l->other : -1;
		if (i == 7)
			l->odd |= trigger(l->v, MSIX, NONE, 0, 0, NULL, 0);
		else if (i == 6)
			l->odd |= trigger(l->v, MSIX, NONE, 2, 30, NULL, 0);
		else
			l->odd |= trigger(l->v, MSIX, EVENT, 0, 3, fds, 12);
	}
	return NULL;
}

static void *mask(void *arg)
{
	struct load *l = arg;

	while (!__atomic_load_n(&l->stop, __ATOMIC_RELAXED)) {
		l->rounds++;
		l->odd |= vmm_set(l->v, VGPU_REG_IRQ_MASK, l->rounds & 3);
		l->odd |= vmm_set(l->v, VGPU_REG_IRQ_ACK, l->rounds & 3);
		vmm_read(l->v, VFIO_PCI_BAR4_REGION_INDEX, VGPU_BAR4_PBA, 8);
	}
	return NULL;
}

/* What there is to reap, if all of it has ended well. */
static int reap_all(struct vmm *v)
{
	struct vgpu_completion done;
	int n = 0;

	for (; vgpu_ring_reap(&v->reaper, &done, 1); n++)
		if (done.status)
			return -EIO;
	if (vgpu_ring_reap_release(&v->reaper))
		vmm_doorbell(v);
	return n;
}

/* How often vector 1 came, waiting for the first. */
static uint64_t came(const struct load *l, int ms)
{
	struct pollfd p[2] = {
		{ .fd = l->spare, .events = POLLIN },
		{ .fd = l->v->events[1], .events = POLLIN },
	};

	poll(p, 2, ms);
	return event_wait(l->spare, 0) + event_wait(l->v->events[1], 0);
}

static void load_stop(struct __test_metadata *_metadata, struct load *l,
		      pthread_t thread)
{
	__atomic_store_n(&l->stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, l->odd);
}

/*
 * Vectors change while they are sent.  What a driver masks and acknowledges is
 * its own affair; when it does not, each interrupt comes, if only when somebody
 * is connected again.
 */
TEST_F_TIMEOUT(irq, under_load, 120)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP,
				.flags = VGPU_CMD_F_INTERRUPT };
	int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), got;
	struct vmm *v = &self->v;
	struct load l[3] = { 0 };
	pthread_t threads[3];
	int64_t end = after_ms(2000);
	uint64_t i, n = 0, reaped = 0, alone = 0;

	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	for (i = 0; i < 3; i++) {
		l[i].v = v;
		l[i].spare = self->event;
		l[i].other = other;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    i < 2 ? reconnect : mask, &l[i]));
	}
	while (now_ns() < end) {
		if (!vmm_submit(v, &cmd, 1))
			n++;
		got = reap_all(v);
		ASSERT_LE(0, got);
		reaped += got;
	}
	EXPECT_LT(0, n);
	load_stop(_metadata, &l[2], threads[2]);
	ASSERT_EQ(0, vmm_set(v, VGPU_REG_IRQ_MASK, 0));
	for (end = after_ms(20000); reaped < n; reaped += got) {
		ASSERT_GT(end, now_ns());
		got = reap_all(v);
		ASSERT_LE(0, got);
	}

	/* One by one: there is no other that comes in its place. */
	while (came(&l[0], 100))
		;
	for (end = after_ms(3000); now_ns() < end; alone++) {
		ASSERT_EQ(0, vmm_submit(v, &cmd, 1));
		ASSERT_LT(0, came(&l[0], 10000))
			TH_LOG("after %llu", (unsigned long long)alone);
		ASSERT_EQ(1, reap_all(v));
	}
	for (i = 0; i < 2; i++)
		load_stop(_metadata, &l[i], threads[i]);
	TH_LOG("%llu commands, and %llu one by one, vectors connected %llu times",
	       (unsigned long long)n, (unsigned long long)alone,
	       (unsigned long long)(l[0].rounds + l[1].rounds));
	/* One that is raised while nobody is connected comes afterwards. */
	ASSERT_EQ(0, trigger(v, MSIX, NONE, 0, 0, NULL, 0));
	event_wait(v->events[1], 0);
	ASSERT_EQ(0, vmm_submit(v, &cmd, 1));
	ASSERT_EQ(0, trigger(v, MSIX, EVENT, 0, 2, v->events, 8));
	EXPECT_LT(0, event_wait(v->events[1], 5000));
	close(other);
}

TEST_HARNESS_MAIN
