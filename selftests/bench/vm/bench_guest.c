// SPDX-License-Identifier: MIT
/*
 * A vGPU in a virtual machine: what it costs to submit there, how soon a command
 * starts and is heard of, against virtio in the same machine, and against the
 * same on the host.
 *
 * It is run twice.  On the host it measures what is to be compared; in the guest
 * BENCH_HOST names the JSON that came of that.  Those ratios are of medians.
 * guest.sh is told of phases, and counts the exits of the virtual machine in each;
 * and when this begins and ends.
 *
 * The guest has two disks of which nothing is read, /dev/vda whose doorbell
 * traps to QEMU, as a vGPU's does, and /dev/vdb whose does not; and a virtio
 * device without a driver, VIRTIO_NOTIFY_PCI, to ring it and nothing else.
 */
#include <dirent.h>
#include <sys/eventfd.h>

#include "bench_vm.h"

#define MAX_BATCH	128u
#define POLL_US		20000u
#define VIRTIO_PCI_CAP_VENDOR	0x09
#define VIRTIO_PCI_CAP_NOTIFY	2

static const uint32_t batches[] = { 1, 32, 128 };
static const uint64_t sizes[] = { 64 << 10, 1 << 20, 16 << 20 };

static const char *host_json;
static struct vgpu_cmd nops[MAX_BATCH];

/**
 * struct user - a client's ring, and its doorbell
 * @bell: NULL: there is none to map, on the host
 * @event: interrupts of the ring
 */
struct user {
	struct ring ring;
	uint32_t *bell;
	int event;
};

static struct user called, polled, timed;

static void user_open(struct user *u, uint32_t poll_us, uint32_t flags)
{
	struct drm_vgpu_ring_create how = {
		.poll_us = poll_us, .flags = flags,
	};
	struct drm_vgpu_event event = { .vector = DRM_VGPU_EVENT_ALL };
	struct ring *r = &u->ring;
	uint32_t context;
	int fd = node_open(0);
	void *page;

	if (fd < 0)
		bench_die("no render node of vgpu", ENODEV);
	bench_ok("context", context_create(fd, &context));
	bench_ok("ring", ring_create(fd, context, 256, &how, r));
	u->event = eventfd(0, EFD_CLOEXEC);
	event.fd = bench_ok("eventfd", u->event);
	bench_ok("EVENT", call(r->fd, DRM_IOCTL_VGPU_EVENT, &event));
	if (!(node_features(r->fd) & DRM_VGPU_FEATURE_DOORBELL))
		return;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		    DRM_VGPU_MMAP_DOORBELLS +
		    (r->context & 0xffff) * VGPU_DOORBELL_PAGE);
	if (page == MAP_FAILED)
		bench_die("doorbell", errno);
	u->bell = page;
}

/* Not moved before what was submitted, nor into one with another. */
static void write_bell(uint32_t *bell, uint32_t ring)
{
	__atomic_store_n(bell, ring, __ATOMIC_RELEASE);
}

static void ring_bell(struct user *u)
{
	if (u->bell)
		write_bell(u->bell, u->ring.id);
	else
		bench_ok("kick", ring_kick(&u->ring, 0, 0, 0));
}

/* A row, and its ratio to the row of that name on the host. */
static void against_host(const char *unit, double value, const char *format,
			 uint64_t n)
{
	char line[512], name[64], other[72], peer[80];
	int row = -1;
	double median;
	FILE *f;

	snprintf(name, sizeof(name), format, n);
	snprintf(peer, sizeof(peer), "host: %s", name);
	f = host_json ? fopen(host_json, "r") : NULL;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " {\"name\": \"%71[^\"]\", \"unit\": \"%*[^\"]\", \"repetitions\": %*d, \"median\": %lf",
			   other, &median) == 2 && !strcmp(other, name))
			row = bench_figure(-1, unit, median, "%s", peer);
	}
	if (f)
		fclose(f);
	if (f && row < 0)
		bench_die(peer, ENOENT);
	bench_figure(row, unit, value, "%s", name);
}

/* Submitting. */

static void submit(struct user *u, uint32_t batch)
{
	bool doorbell;

	if (vgpu_ring_submit(&u->ring.r, nops, batch, batch, &doorbell) != batch)
		bench_die("submit", ENOBUFS);
	if (doorbell)
		ring_bell(u);
}

/* @own gets the part of this thread, without waiting. */
static double commands(struct user *u, uint32_t batch, uint32_t n, double *own)
{
	struct ring *r = &u->ring;
	struct bench_own parts = { .n = 0 };
	uint64_t start = bench_now(), t, mine;
	uint32_t i;

	for (i = 0; i < n; i++) {
		t = __rdtsc();
		submit(u, batch);
		mine = __rdtsc() - t;
		bench_await(r, batch);
		t = __rdtsc();
		bench_reap(r, batch);
		mine += __rdtsc() - t;
		bench_own_put(&parts, (double)mine / batch);
	}
	*own = bench_own_median(&parts);
	return (double)(bench_now() - start) / n / batch;
}

static uint32_t loops(uint32_t batch)
{
	uint32_t n = (bench_count ? 1024 : 4096) / batch;

	return n > 64 ? n : 64;
}

/*
 * Where instructions are counted there is one processor, and the thread that polls
 * has it for as long as the scheduler lets it: only our own part says anything.
 */
static void measure_polled(uint32_t batch)
{
	double ns, own;

	/* Awake. */
	commands(&polled, 1, 1, &own);
	ns = commands(&polled, batch, bench_count ? 16 : loops(batch), &own);
	if (bench_count)
		against_host("time", own,
			     "the submitting thread, polled, batch %lu", batch);
	else
		against_host("time", ns, "a command, polled, batch %lu", batch);
}

static void measure_rates(void)
{
	uint32_t i, batch;
	double ns, own;

	for (i = 0; i < sizeof(batches) / sizeof(*batches); i++) {
		batch = batches[i];
		ns = commands(&called, batch, loops(batch), &own);
		against_host("time", ns, "a command by its doorbell, batch %lu",
			     batch);
		measure_polled(batch);
	}
}

/* Copies. */

static uint64_t buffer(struct ring *r, uint64_t bytes, uint32_t *handle)
{
	uint64_t at;

	bench_ok("buffer", bo_create(r->fd, DRM_VGPU_DOMAIN_VRAM, bytes, 4096,
				     handle));
	bench_ok("map", map(r->fd, r->context, *handle, bytes, 0, &at));
	return at;
}

static void one_by_one(struct user *u, const struct vgpu_cmd *cmd, uint32_t n)
{
	bool doorbell;

	while (n--) {
		vgpu_ring_submit(&u->ring.r, cmd, 1, 1, &doorbell);
		if (doorbell)
			ring_bell(u);
		bench_reap(&u->ring, 1);
	}
}

static void measure_copy(uint64_t bytes)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_CLEAR };
	struct ring *r = &called.ring;
	uint64_t to, from, t;
	uint32_t a, b, n = (bench_count ? 16u << 20 : 32u << 20) / bytes;

	n = n > 64 ? 64 : n;
	to = buffer(r, bytes, &a);
	from = buffer(r, bytes, &b);
	cmd.op[0] = from;
	cmd.op[1] = bytes;
	one_by_one(&called, &cmd, 1);
	cmd = (struct vgpu_cmd){
		.opcode = VGPU_CMD_COPY, .op = { to, from, bytes },
	};
	one_by_one(&called, &cmd, 1);
	t = bench_now();
	one_by_one(&called, &cmd, n);
	against_host("time", (double)(bench_now() - t) / n, "COPY, %lu KiB",
		     bytes >> 10);
	bench_ok("unmap", unmap(r->fd, r->context, to));
	bench_ok("unmap", unmap(r->fd, r->context, from));
	bench_ok("close", bo_close(r->fd, a));
	bench_ok("close", bo_close(r->fd, b));
}

/* What a guest has beside: virtio. */

static uint16_t *notify;

/* Where the doorbells of a virtio device are: offset in the BAR @bar. */
static uint32_t virtio_notify_offset(const char *device, uint8_t *bar)
{
	uint8_t config[256], at;
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/config", device);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, config, sizeof(config)) != sizeof(config))
		bench_die(path, errno);
	close(fd);
	for (at = config[0x34]; at && at < 236; at = config[at + 1])
		if (config[at] == VIRTIO_PCI_CAP_VENDOR &&
		    config[at + 3] == VIRTIO_PCI_CAP_NOTIFY) {
			*bar = config[at + 4];
			return *(uint32_t *)&config[at + 8];
		}
	bench_die(path, ENOENT);
	return 0;
}

static void virtio_open(void)
{
	const char *device = getenv("VIRTIO_NOTIFY_PCI");
	uint32_t offset;
	char path[96];
	uint8_t bar;
	void *page;
	int fd;

	if (!device)
		bench_die("VIRTIO_NOTIFY_PCI", EINVAL);
	offset = virtio_notify_offset(device, &bar);
	snprintf(path, sizeof(path), "%s/resource%u", device, bar);
	fd = open(path, O_RDWR | O_SYNC);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    offset & ~4095u);
	if (fd < 0 || page == MAP_FAILED)
		bench_die(path, errno);
	notify = (uint16_t *)((char *)page + (offset & 4095));
}

/* Of a queue that is not set up: QEMU looks and finds nothing to do. */
static double virtio_notify(uint32_t n)
{
	uint64_t t = bench_now();
	uint32_t i;

	for (i = 0; i < n; i++)
		__atomic_store_n(notify, 0, __ATOMIC_RELEASE);
	return (double)(bench_now() - t) / n;
}

static double null_read(const char *disk, uint32_t n)
{
	static char sector[4096] __attribute__((aligned(4096)));
	int fd = open(disk, O_RDONLY | O_DIRECT);
	uint64_t t;
	uint32_t i;

	if (fd < 0)
		bench_die(disk, errno);
	t = bench_now();
	for (i = 0; i < n; i++)
		if (pread(fd, sector, 512, 0) != 512)
			bench_die(disk, EIO);
	t = bench_now() - t;
	close(fd);
	return (double)t / n;
}

/*
 * How far the device's clock, the host's, is ahead of ours, with half of what the
 * shortest look at it took, which is what that is uncertain by.
 */
static int64_t clock_ahead(double *uncertain)
{
	uint64_t before, took, best = UINT64_MAX;
	struct drm_vgpu_info info;
	int64_t ahead = 0;
	int i;

	for (i = 0; i < 50; i++) {
		before = now_ns();
		bench_ok("query", query(called.ring.fd, DRM_VGPU_QUERY_INFO,
					&info, sizeof(info)));
		took = now_ns() - before;
		if (took >= best)
			continue;
		best = took;
		ahead = info.device_clock_ns - (before + took / 2);
	}
	*uncertain = best / 2.0;
	return ahead;
}

/**
 * struct latency - means, in ns
 * @bell: until the doorbell's write was over
 * @start: from before the doorbell until the command started
 * @interrupt: from its end until a thread heard of that
 * @whole: from before the doorbell until then
 */
struct latency {
	double bell;
	double start;
	double interrupt;
	double whole;
};

static struct latency latency(uint32_t n, int64_t ahead)
{
	struct vgpu_cmd cmd = { .flags = VGPU_CMD_F_INTERRUPT };
	struct ring *r = &timed.ring;
	struct vgpu_completion done;
	struct latency l = { 0 };
	uint64_t t[3], end;
	eventfd_t count;
	bool doorbell;
	uint32_t i;

	for (i = 0; i < n; i++) {
		/* Let it sleep, and forget what came before. */
		usleep(2000);
		eventfd_write(timed.event, 1);
		eventfd_read(timed.event, &count);
		vgpu_ring_submit(&r->r, &cmd, 1, 1, &doorbell);
		t[0] = bench_now();
		ring_bell(&timed);
		t[1] = bench_now();
		/* It may have been another one's interrupt. */
		do {
			if (eventfd_read(timed.event, &count))
				bench_die("eventfd", errno);
		} while (!vgpu_ring_reap(&r->reaper, &done, 1));
		t[2] = bench_now();
		vgpu_ring_reap_release(&r->reaper);
		end = done.end_ns - ahead;
		l.bell += t[1] - t[0];
		l.start += end - 64.0 * done.run - t[0];
		l.interrupt += (double)t[2] - end;
		l.whole += t[2] - t[0];
	}
	l.bell /= n;
	l.start /= n;
	l.interrupt /= n;
	l.whole /= n;
	return l;
}

static void measure_latency(void)
{
	uint32_t i, n = bench_count ? 20 : 100;
	double uncertain, ns;
	struct latency l;
	uint64_t t;
	int trap, disk;

	trap = bench_figure(-1, "time", virtio_notify(n),
			    "virtio: a doorbell that traps");
	t = bench_now();
	for (i = 0; i < n; i++)
		write_bell(called.bell, 0);
	bench_figure(trap, "time", (double)(bench_now() - t) / n,
		     "a doorbell that is nobody's");
	l = latency(n, clock_ahead(&uncertain));
	bench_figure(trap, "time", l.bell, "a doorbell, with an empty command");
	disk = bench_figure(-1, "time", null_read("/dev/vda", n),
			    "virtio-blk: a read of nothing, trapped");
	ns = null_read("/dev/vdb", n);
	bench_figure(disk, "time", ns, "virtio-blk: the same by ioeventfd");
	bench_figure(disk, "time", l.whole,
		     "an empty command, doorbell to interrupt");
	/* By two clocks, of which one does not count instructions. */
	if (bench_count)
		return;
	bench_figure(trap, "time", l.start, "doorbell to start of command");
	bench_figure(-1, "time", l.interrupt, "end of command to interrupt");
	bench_figure(-1, "time", uncertain, "these two are uncertain by");
}

/* And given time to see to it. */
static void tell(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
	sleep(4);
}

/* guest.sh is told: @n submissions begin and end, with a pause around. */
static void count_exits(const char *what, struct user *u, uint32_t batch, uint32_t n)
{
	double own;

	/* Awake. */
	commands(u, 1, 1, &own);
	printf("phase begin %s, batch %u\n", what, batch);
	fflush(stdout);
	sleep(1);
	commands(u, batch, n, &own);
	sleep(1);
	printf("phase end %u\n", batch * n);
	fflush(stdout);
	sleep(1);
}

static void count_all_exits(void)
{
	uint32_t i, batch, n = bench_count ? 50 : 2000;

	for (i = 0; i < sizeof(batches) / sizeof(*batches); i++) {
		batch = batches[i];
		count_exits("by its doorbell", &called, batch, n);
		count_exits("polled", &polled, batch, n);
	}
}

static void measure(void)
{
	uint32_t i;

	/* Let a thread that polls go to sleep. */
	usleep(4 * POLL_US);
	if (host_json)
		measure_latency();
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		measure_copy(sizes[i]);
	measure_rates();
}

int main(int argc, char **argv)
{
	host_json = getenv("BENCH_HOST");
	bench_begin(argc, argv, "guest", 11, 3);
	bench_pin(0);
	user_open(&called, 0, 0);
	user_open(&polled, POLL_US, 0);
	user_open(&timed, 0, VGPU_RING_F_TIMES);
	if (!host_json) {
		bench_repeat(measure);
		return bench_end();
	}
	virtio_open();
	tell("bench begin");
	bench_repeat(measure);
	count_all_exits();
	tell("bench end");
	return bench_end();
}
