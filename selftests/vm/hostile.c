// SPDX-License-Identifier: MIT
/*
 * What a guest can do to its vGPU that wants to do harm, without a driver:
 *
 *	hostile DEVICE [SEED]
 *
 * DEVICE is the function's directory in sysfs.  Again and again, until a line comes
 * in by standard input, it is reset in one way or another, told to find its admin queue where none is, given one that
 * works, in memory or in the function's own VRAM, and then commands, doorbells and
 * registers at random, while its rings are being overwritten.  At the end it has
 * to work as a new one does.
 *
 * The device is told of the program's memory, of its own BARs and of what is no
 * memory; not of the kernel's, which shall live to tell.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vgpu_device.h"

#define PAGE		4096ull
#define RAM_BYTES	(2ull << 20)	/* a huge page: contiguous for the device */
#define ENTRIES		64u
#define OBJECT_PAGES	64u
#define OBJECT_BYTES	(OBJECT_PAGES * PAGE)

/* Where things lie, in memory or in VRAM. */
#define AT_ADMIN	0x00000u
#define AT_LIST		0x08000u
#define AT_RING		0x10000u
#define AT_DATA		0x40000u

#define CONFIG_COMMAND	0x04
#define CONFIG_HEAD	0x40
#define CONFIG_CAPS	0x34
#define CAP_PM		0x01
#define CAP_EXP		0x10
#define CAP_MSIX	0x11

/* Memory as the program and the device see it. */
struct place {
	char *p;
	uint64_t at;
};

struct hostile {
	const char *dir;
	int config;
	unsigned char head[CONFIG_HEAD];
	struct place bar[5];
	uint64_t bar_bytes[5];
	struct place ram;
	uint64_t random;
	/* The driver. */
	struct vgpu_ring admin, ring;
	struct vgpu_ring_reaper admin_reaper, ring_reaper;
	uint64_t context, ring_id, at_system, at_vram;
	uint64_t patience_ms;		/* with a queue that may be broken */
	bool stop;
	/* What it got at. */
	uint64_t rounds, refused, enabled, rings;
	uint64_t admin_done, admin_failed, done, failed;
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static uint64_t random_number(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x >> 8;
}

/* Below @n. */
static uint64_t any(struct hostile *h, uint64_t n)
{
	return random_number(&h->random) % n;
}

/* A page for the device that is ours, no memory, or no page. */
static uint64_t any_page(struct hostile *h)
{
	const struct place *vram = &h->bar[2];
	uint64_t end = vram->at + h->bar_bytes[2];

	switch (any(h, 12)) {
	case 0:
		return 0;
	case 1:
		return 1ull << 40;
	case 2:
		return 1ull << 63;
	case 3:
		return ~0ull;
	case 4:
		return ~(PAGE - 1);
	case 5:
		return h->bar[0].at + any(h, 2048) * PAGE;
	case 6:
		return end - PAGE;
	case 7:
		return end;
	case 8:
		return h->ram.at + any(h, RAM_BYTES);
	case 9:
		return h->ram.at + any(h, RAM_BYTES / PAGE) * PAGE;
	default:
		return vram->at + any(h, h->bar_bytes[2] / PAGE) * PAGE;
	}
}

static uint64_t any_operand(struct hostile *h)
{
	static const uint64_t sizes[] = {
		0, 1, 2, 4, 64, 255, 256, 4095, 4096, 4097, OBJECT_BYTES,
		OBJECT_BYTES + 4, 1ull << 31, 1ull << 32, 1ull << 47,
		VGPU_MAP_F_ANYWHERE, ENTRIES | (uint64_t)ENTRIES << 32,
	};

	switch (any(h, 6)) {
	case 0:
		return any_page(h);
	case 1:
		return h->at_system + any(h, OBJECT_BYTES / 4) * 4;
	case 2:
		return h->at_vram + any(h, OBJECT_BYTES / 4) * 4;
	case 3:
		return h->context + any(h, 4);
	case 4:
		return h->ring_id + any(h, 4);
	default:
		return sizes[any(h, sizeof(sizes) / sizeof(sizes[0]))];
	}
}

/* The function, by sysfs.  */

static int file_open(const struct hostile *h, const char *name, int how)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	fd = open(path, how);
	if (fd < 0)
		die(path);
	return fd;
}

static uint32_t config_read(const struct hostile *h, uint32_t offset, uint32_t bytes)
{
	uint32_t value = 0;

	if (pread(h->config, &value, bytes, offset) != bytes)
		die("config");
	return value;
}

static void config_write(const struct hostile *h, uint32_t offset, uint32_t value,
			 uint32_t bytes)
{
	if (pwrite(h->config, &value, bytes, offset) != bytes)
		die("config");
}

static uint32_t capability(const struct hostile *h, uint32_t id)
{
	uint32_t at = config_read(h, CONFIG_CAPS, 1);

	while (at && config_read(h, at, 1) != id)
		at = config_read(h, at + 1, 1);
	return at;
}

/* As the kernel has left it: in D0, BARs where they were, no messages. */
static void config_restore(const struct hostile *h)
{
	uint32_t i;

	config_write(h, capability(h, CAP_PM) + 4, 0, 2);
	config_write(h, capability(h, CAP_MSIX) + 2, 0, 2);
	for (i = CONFIG_HEAD; i; i -= 4)
		config_write(h, i - 4, *(const uint32_t *)(h->head + i - 4), 4);
}

static void open_all(struct hostile *h)
{
	uint64_t start[5], end[5], flags, entry;
	char name[16];
	int i, fd;
	FILE *f;

	fd = file_open(h, "enable", O_WRONLY);
	if (write(fd, "1", 1) != 1)
		die("enable");
	close(fd);
	h->config = file_open(h, "config", O_RDWR);
	if (pread(h->config, h->head, CONFIG_HEAD, 0) != CONFIG_HEAD)
		die("config");
	f = fdopen(file_open(h, "resource", O_RDONLY), "r");
	for (i = 0; i < 5; i++) {
		if (!f || fscanf(f, "%" SCNx64 "%" SCNx64 "%" SCNx64, &start[i],
				 &end[i], &flags) != 3)
			die("resource");
	}
	fclose(f);
	for (i = 0; i < 5; i += 2) {
		snprintf(name, sizeof(name), "resource%d", i);
		fd = file_open(h, name, O_RDWR | O_SYNC);
		h->bar[i].at = start[i];
		h->bar_bytes[i] = end[i] - start[i] + 1;
		h->bar[i].p = mmap(NULL, h->bar_bytes[i], PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0);
		if (h->bar[i].p == MAP_FAILED)
			die(name);
		close(fd);
	}
	h->ram.p = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (h->ram.p == MAP_FAILED)
		die("a huge page");
	fd = open("/proc/self/pagemap", O_RDONLY);
	if (pread(fd, &entry, 8, (uintptr_t)h->ram.p / PAGE * 8) != 8)
		die("pagemap");
	close(fd);
	h->ram.at = (entry & ((1ull << 55) - 1)) * PAGE;
}

static uint32_t reg(const struct hostile *h, uint32_t offset)
{
	return __atomic_load_n((uint32_t *)(h->bar[0].p + offset), __ATOMIC_RELAXED);
}

static void set(const struct hostile *h, uint32_t offset, uint32_t value)
{
	__atomic_store_n((uint32_t *)(h->bar[0].p + offset), value, __ATOMIC_RELAXED);
}

/* A write to a BAR, of any size. */
static void poke(struct hostile *h, int bar, uint64_t offset, uint64_t value)
{
	char *p = h->bar[bar].p + (offset & ~7ull);

	switch (any(h, 4)) {
	case 0:
		__atomic_store_n((uint8_t *)p + offset % 8, value, __ATOMIC_RELAXED);
		break;
	case 1:
		__atomic_store_n((uint16_t *)p + offset % 4, value, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n((uint64_t *)p, value, __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n((uint32_t *)p + offset % 2, value, __ATOMIC_RELAXED);
		break;
	}
}

static void poke_any(struct hostile *h)
{
	switch (any(h, 8)) {
	case 0:
		poke(h, 0, any(h, h->bar_bytes[0]), any_operand(h));
		break;
	case 1:
		set(h, VGPU_BAR0_DOORBELLS + any(h, 64) * VGPU_DOORBELL_PAGE,
		    any_operand(h));
		break;
	case 2:
		/* Messages to where nobody takes them for interrupts. */
		poke(h, 4, any(h, h->bar_bytes[4]), any(h, 1 << 20));
		if (!any(h, 4))
			config_write(h, capability(h, CAP_MSIX) + 2, any_operand(h), 2);
		break;
	case 3:
		poke(h, 2, any(h, h->bar_bytes[2]), any_operand(h));
		break;
	case 4:
		set(h, VGPU_REG_ADMIN_DOORBELL, any(h, 2));
		break;
	default:
		poke(h, 0, any(h, VGPU_REG_END), any_operand(h));
		break;
	}
}

static void reset(struct hostile *h)
{
	int fd, i;

	switch (any(h, 5)) {
	case 0:
		fd = file_open(h, "reset", O_WRONLY);
		if (write(fd, "1", 1) != 1)
			die("reset");
		close(fd);
		break;
	case 1:
		config_write(h, capability(h, CAP_PM) + 4, 3, 2);
		reg(h, VGPU_REG_STATUS);
		break;
	case 2:
		config_write(h, capability(h, CAP_EXP) + 8, 1 << 15, 2);
		break;
	case 3:
		for (i = 0; i < 8; i++)
			config_write(h, CONFIG_HEAD + any(h, 0xc0), any_operand(h), 1);
		break;
	default:
		config_write(h, CONFIG_COMMAND, 0, 2);
		reg(h, VGPU_REG_STATUS);
		break;
	}
	config_restore(h);
}

/* The driver.  */

static bool settle(const struct hostile *h)
{
	uint64_t end = now_ms() + 10000;

	while (reg(h, VGPU_REG_STATUS) & VGPU_STATUS_BUSY)
		if (now_ms() > end)
			return false;
	return true;
}

/* False: it is busy and does not come to an end, which no guest can make it. */
static bool enable_at(struct hostile *h, uint64_t at, uint32_t entries)
{
	set(h, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
	if (!settle(h))
		return false;
	set(h, VGPU_REG_ACCEPTED_LO, ~0u);
	set(h, VGPU_REG_ADMIN_LO, at);
	set(h, VGPU_REG_ADMIN_HI, at >> 32);
	set(h, VGPU_REG_ADMIN_ENTRIES, entries);
	set(h, VGPU_REG_CONTROL, VGPU_CONTROL_ENABLE);
	return settle(h);
}

static bool enable(struct hostile *h, const struct place *in)
{
	if (!enable_at(h, in->at + AT_ADMIN, ENTRIES | ENTRIES << 16) ||
	    reg(h, VGPU_REG_STATUS) != VGPU_STATUS_ENABLED)
		return false;
	vgpu_ring_attach(&h->admin, in->p + AT_ADMIN, ENTRIES, ENTRIES);
	vgpu_ring_reaper_init(&h->admin_reaper, &h->admin);
	h->enabled++;
	return true;
}

/* Without waiting; false: there is no room. */
static bool admin_post(struct hostile *h, uint16_t opcode, const uint64_t op[6])
{
	struct vgpu_cmd cmd = { .opcode = opcode };
	bool doorbell;

	memcpy(cmd.op, op, sizeof(cmd.op));
	if (!vgpu_ring_submit(&h->admin, &cmd, 1, 1, &doorbell))
		return false;
	if (doorbell)
		set(h, VGPU_REG_ADMIN_DOORBELL, 1);
	return true;
}

static uint32_t admin_reap(struct hostile *h, struct vgpu_admin_completion *done)
{
	uint32_t n = vgpu_ring_reap(&h->admin_reaper, (struct vgpu_completion *)done, 1);

	if (vgpu_ring_reap_release(&h->admin_reaper))
		set(h, VGPU_REG_ADMIN_DOORBELL, 1);
	if (n && done->status)
		h->admin_failed++;
	else
		h->admin_done += n;
	return n;
}

/* One that is waited for: its status. */
static int admin(struct hostile *h, uint16_t opcode, uint64_t *result, uint64_t a,
		 uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	const uint64_t op[6] = { a, b, c, d, e, f };
	struct vgpu_admin_completion done;
	uint64_t end = now_ms() + h->patience_ms;

	if (!admin_post(h, opcode, op))
		return -1;
	while (!admin_reap(h, &done))
		if (now_ms() > end)
			return -1;
	if (result)
		*result = done.result[0];
	return done.status;
}

/* System memory, of pages from @at on or, without, of any. */
static int system_create(struct hostile *h, const struct place *in, uint64_t at,
			 uint64_t *object)
{
	uint64_t *list = (uint64_t *)(in->p + AT_LIST), i;
	int ret;

	ret = admin(h, VGPU_ADMIN_SYSTEM_CREATE, object, OBJECT_BYTES, 0, h->context, 0,
		    0, 0);
	for (i = 0; !ret && i < OBJECT_PAGES; i++)
		list[i] = at ? at + i * PAGE : any_page(h);
	return ret ? ret : admin(h, VGPU_ADMIN_SYSTEM_PAGES, NULL, *object, 0,
				 OBJECT_PAGES, in->at + AT_LIST, 0, 0);
}

static int map(struct hostile *h, uint64_t object, uint64_t *address)
{
	return admin(h, VGPU_ADMIN_MAP, address, h->context, object, 0, 0, OBJECT_BYTES,
		     VGPU_MAP_F_ANYWHERE);
}

/* A context with system memory, a block and a ring that runs. */
static bool setup(struct hostile *h, const struct place *in, const struct place *data)
{
	uint64_t system, ring, block;

	if (admin(h, VGPU_ADMIN_CONTEXT_CREATE, &h->context, 0, 0, 0, 0, 0, 0) ||
	    system_create(h, in, in->at + AT_RING, &ring) ||
	    system_create(h, in, data->at + AT_DATA, &system) ||
	    map(h, system, &h->at_system) ||
	    admin(h, VGPU_ADMIN_BLOCK_CREATE, &block, OBJECT_BYTES, PAGE, h->context, 0,
		  0, 0) ||
	    map(h, block, &h->at_vram) ||
	    admin(h, VGPU_ADMIN_RING_CREATE, &h->ring_id, h->context, ring,
		  ENTRIES | (uint64_t)ENTRIES << 32, 1ull << 32, 0, 0) ||
	    admin(h, VGPU_ADMIN_RING_CONTROL, NULL, h->ring_id, VGPU_RING_START, 0, 0, 0,
		  0))
		return false;
	vgpu_ring_attach(&h->ring, in->p + AT_RING, ENTRIES, ENTRIES);
	vgpu_ring_reaper_init(&h->ring_reaper, &h->ring);
	h->rings++;
	return true;
}

static void ring_doorbell(const struct hostile *h)
{
	set(h, VGPU_BAR0_DOORBELLS + (h->context & 0xffff) * VGPU_DOORBELL_PAGE,
	    h->ring_id);
}

static void ring_post(struct hostile *h, const struct vgpu_cmd *cmds, uint32_t n)
{
	bool doorbell;

	if (!vgpu_ring_submit(&h->ring, cmds, n, n, &doorbell) || doorbell)
		ring_doorbell(h);
}

static uint32_t ring_reap(struct hostile *h, struct vgpu_completion *done)
{
	uint32_t n = vgpu_ring_reap(&h->ring_reaper, done, 1);

	if (vgpu_ring_reap_release(&h->ring_reaper))
		ring_doorbell(h);
	if (n && done->status)
		h->failed++;
	else
		h->done += n;
	return n;
}

/* What it does with that.  */

static void any_admin(struct hostile *h)
{
	struct vgpu_admin_completion done;
	uint64_t op[6], i, object;

	if (!any(h, 8)) {
		system_create(h, &h->ram, 0, &object);
		return;
	}
	for (i = 0; i < 6; i++)
		op[i] = any(h, 3) ? any_operand(h) : 0;
	admin_post(h, VGPU_ADMIN_NOP + any(h, 0x70), op);
	while (admin_reap(h, &done))
		;
}

static void any_commands(struct hostile *h)
{
	struct vgpu_cmd cmds[8] = { 0 };
	struct vgpu_completion done;
	uint32_t i, k;

	for (i = 0; i < 8; i++) {
		cmds[i].opcode = any(h, VGPU_CMD_OPCODES + 2);
		cmds[i].flags = any(h, 4) ? 0 : any(h, 2 * VGPU_CMD_F_ALL);
		for (k = 0; k < 3; k++)
			cmds[i].op[k] = any_operand(h);
		/* Some that make sense. */
		if (any(h, 2)) {
			cmds[i].opcode = VGPU_CMD_UPLOAD + any(h, 3);
			cmds[i].flags = 0;
			cmds[i].op[0] = any(h, 2) ? h->at_vram : h->at_system;
			cmds[i].op[1] = any(h, 2) ? h->at_vram : h->at_system;
			cmds[i].op[2] = 1 + any(h, OBJECT_BYTES / 4) * 4;
			cmds[i].op[2] &= ~3ull;
		}
	}
	ring_post(h, cmds, 8);
	while (ring_reap(h, &done))
		;
}

/* Overwrites the rings, headers and all, while they are read. */
static void *scribble(void *arg)
{
	uint64_t x = 88172645463325252ull, bytes = VGPU_RING_BYTES(ENTRIES, ENTRIES), r;
	struct hostile *h = arg;
	char *p;

	while (!__atomic_load_n(&h->stop, __ATOMIC_RELAXED)) {
		r = random_number(&x);
		p = r & 3 ? (char *)h->ring.hdr : (char *)h->admin.hdr;
		p += r % bytes & ~7ull;
		if (r >> 40 & 1)
			__atomic_fetch_xor((uint64_t *)p, 1ull << (r >> 50 & 63),
					   __ATOMIC_RELAXED);
		else
			__atomic_store_n((uint64_t *)p, r >> 41 & 1 ? r : 0,
					 __ATOMIC_RELAXED);
		/* One processor is all that there is. */
		if (!(r >> 24 & 7))
			usleep(100);
	}
	return NULL;
}

static void storm(struct hostile *h)
{
	bool overwrite = any(h, 2);
	pthread_t thread;
	int i;

	h->stop = false;
	if (overwrite && pthread_create(&thread, NULL, scribble, h))
		die("a thread");
	for (i = 0; i < 100; i++) {
		switch (any(h, 4)) {
		case 0:
			any_admin(h);
			break;
		case 1:
			poke_any(h);
			break;
		default:
			any_commands(h);
			break;
		}
	}
	__atomic_store_n(&h->stop, true, __ATOMIC_RELAXED);
	if (overwrite)
		pthread_join(thread, NULL);
}

/* A round; false: the device does not come to rest. */
static bool harm(struct hostile *h)
{
	const struct place *in = any(h, 2) ? &h->ram : &h->bar[2];
	const struct place *data = any(h, 2) ? &h->ram : &h->bar[2];
	int i;

	h->rounds++;
	h->patience_ms = 500;
	reset(h);
	for (i = 0; i < 20; i++)
		poke_any(h);
	for (i = 0; i < 4; i++) {
		if (!enable_at(h, any_page(h), any(h, 2) ? ENTRIES | ENTRIES << 16 :
							     any_operand(h)))
			return false;
		if (reg(h, VGPU_REG_ERR_STATUS))
			h->refused++;
	}
	if (enable(h, in) && setup(h, in, data))
		storm(h);
	return true;
}

/* It does what a new one does. */
static bool works(struct hostile *h)
{
	struct vgpu_cmd cmds[2] = {
		{ .opcode = VGPU_CMD_UPLOAD, .op = { 0, 0, 16384 } },
		{ .opcode = VGPU_CMD_DOWNLOAD, .flags = VGPU_CMD_F_BARRIER,
		  .op = { 0, 0, 16384 } },
	};
	uint64_t end = now_ms() + 10000;
	struct vgpu_completion done;
	uint32_t n, i;

	h->patience_ms = 10000;
	reset(h);
	if (!enable(h, &h->ram) || !setup(h, &h->ram, &h->ram))
		return false;
	for (i = 0; i < 16384; i++)
		h->ram.p[AT_DATA + i] = i * 7 + i / 256;
	cmds[0].op[0] = cmds[1].op[1] = h->at_vram;
	cmds[0].op[1] = h->at_system;
	cmds[1].op[0] = h->at_system + 16384;
	ring_post(h, cmds, 2);
	for (n = 0; n < 2 && now_ms() < end;) {
		i = ring_reap(h, &done);
		if (i && done.status)
			return false;
		n += i;
	}
	return n == 2 && !memcmp(h->ram.p + AT_DATA, h->ram.p + AT_DATA + 16384, 16384);
}

/* Whatever others have had in it. */
static bool is_zero(const struct hostile *h)
{
	const uint64_t *p = (const uint64_t *)h->bar[2].p;
	uint64_t i;

	for (i = 0; i < h->bar_bytes[2] / 8; i++)
		if (__atomic_load_n(p + i, __ATOMIC_RELAXED))
			return false;
	return true;
}

/* A line has come in. */
static bool told(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	char c = 0;

	return poll(&in, 1, 0) == 1 && (read(0, &c, 1) != 1 || c == '\n');
}

static int result(bool ok, const char *what)
{
	static int n;

	printf("%sok %d %s\n", ok ? "" : "not ", ++n, what);
	fflush(stdout);
	return !ok;
}

int main(int argc, char **argv)
{
	static struct hostile h;
	bool rest = true;
	int ret;

	if (argc < 2) {
		fprintf(stderr, "usage: hostile DEVICE [SEED]\n");
		return 2;
	}
	h.dir = argv[1];
	h.random = argc > 2 ? strtoull(argv[2], NULL, 0) : now_ms();
	printf("# seed %" PRIu64 "\n", h.random);
	h.random |= 1;
	open_all(&h);
	ret = result(is_zero(&h), "VRAM is zero");
	while (rest && !told())
		rest = harm(&h);
	printf("# %" PRIu64 " rounds: %" PRIu64 " queues refused, %" PRIu64
	       " enabled, %" PRIu64 " rings; admin commands %" PRIu64 " done, %" PRIu64
	       " failed; commands %" PRIu64 " done, %" PRIu64 " failed\n",
	       h.rounds, h.refused, h.enabled, h.rings, h.admin_done, h.admin_failed,
	       h.done, h.failed);
	ret |= result(rest, "it comes to rest");
	ret |= result(h.refused && h.enabled && h.rings && h.admin_done &&
		      h.admin_failed && h.done && h.failed, "it was got at");
	ret |= result(works(&h), "it works after all");
	return ret;
}
