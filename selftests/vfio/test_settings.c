// SPDX-License-Identifier: MIT
/*
 * Attributes of instances: what may be set and when, what they say, and whether
 * the GPU keeps to it: memory limits, shares of its time, and caps.
 */
#include "vfio_util.h"

#define COPY_BYTES	(4 * MIB)

static void attr_path(char *path, const struct vmm *v, const char *name)
{
	snprintf(path, 256, "/sys/bus/mdev/devices/%s/%s", v->uuid, name);
}

static int set(const struct vmm *v, const char *name, const char *value)
{
	char path[256];

	attr_path(path, v, name);
	return write_file(path, value);
}

static uint64_t get(const struct vmm *v, const char *name)
{
	char path[256], text[64];

	attr_path(path, v, name);
	return read_file(path, text, sizeof(text)) ? ~0ull :
	       strtoull(text, NULL, 0);
}

static uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

FIXTURE(settings) {
	struct vmm v;
	int drm;
};

FIXTURE_SETUP(settings)
{
	self->drm = node_open(0);
	ASSERT_LE(0, self->drm);
	ASSERT_EQ(0, vmm_open(&self->v, 1));
}

FIXTURE_TEARDOWN(settings)
{
	EXPECT_EQ(0, vmm_close(&self->v));
	EXPECT_EQ(0, gpu_used(self->drm));
	close(self->drm);
}

static const struct {
	const char *name;
	uint64_t normal;
	const char *good[3];
	const char *range[3];
} settings[] = {
	{ "vram_limit", VMM_VRAM, { "1", "0x100000", "536870912" },
	  { "0", "536870913", "18446744073709551616" } },
	{ "weight", 100, { "1", "300", "10000" }, { "0", "10001", "4294967296" } },
	{ "priority", 0, { "10", "1", "0" }, { "11", "4294967295", "4294967297" } },
	{ "cap", 100, { "1", "20", "100" }, { "0", "101", "1000000000000" } },
};

TEST_F(settings, values)
{
	static const char * const invalid[] = {
		"\n", "many", "-1", "1.5", "1 2", "0x", "1M", "+-1" };
	struct vmm *v = &self->v;
	size_t i, k, open;

	for (open = 0; open < 2; open++)
		for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
			const char *name = settings[i].name;

			ASSERT_EQ(0, open ? vmm_open_device(v) : 0);
			EXPECT_EQ(open ? strtoull(settings[i].good[2], NULL, 0) :
				  settings[i].normal, get(v, name));
			for (k = 0; k < 3; k++) {
				ASSERT_EQ(0, set(v, name, settings[i].good[k]));
				EXPECT_EQ(strtoull(settings[i].good[k], NULL, 0),
					  get(v, name));
			}
			for (k = 0; k < 3; k++)
				EXPECT_EQ(-ERANGE,
					  set(v, name, settings[i].range[k]));
			for (k = 0; k < sizeof(invalid) / sizeof(invalid[0]); k++)
				EXPECT_EQ(-EINVAL, set(v, name, invalid[k]));
			/* None of these has changed anything. */
			EXPECT_EQ(strtoull(settings[i].good[2], NULL, 0),
				  get(v, name));
			vmm_close_device(v);
		}
	EXPECT_EQ(-EACCES, set(v, "busy_ns", "0"));
	ASSERT_EQ(0, vmm_open_device(v));
}

/* A limit is known to the guest, holds, and may change at any time. */
TEST_F(settings, memory)
{
	struct vmm *v = &self->v;
	uint64_t offset, at;

	vmm_close_device(v);
	ASSERT_EQ(0, set(v, "vram_limit", "8388608"));
	ASSERT_EQ(0, vmm_open_device(v));
	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	EXPECT_EQ(8 * MIB, vmm_read(v, VFIO_PCI_BAR0_REGION_INDEX,
				    VGPU_REG_LIMIT_LO, 8));
	EXPECT_EQ(-ENOSPC, vmm_block(v, 8 * MIB + 4096, &offset, &at));
	ASSERT_EQ(0, vmm_block(v, 8 * MIB, &offset, &at));
	EXPECT_EQ(8 * MIB, get(v, "vram_used"));
	EXPECT_EQ(-ENOSPC, vmm_block(v, 4096, &offset, &at));
	ASSERT_EQ(0, set(v, "vram_limit", "8392704"));
	EXPECT_EQ(0, vmm_block(v, 4096, &offset, &at));
	/* Less than what there is: nothing goes, and nothing more comes. */
	ASSERT_EQ(0, set(v, "vram_limit", "4096"));
	EXPECT_EQ(8 * MIB + 4096, get(v, "vram_used"));
	EXPECT_EQ(-ENOSPC, vmm_block(v, 4096, &offset, &at));
	/* A reset of the guest's does not take it away. */
	ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	EXPECT_EQ(-ENOSPC, vmm_block(v, 8192, &offset, &at));
	EXPECT_EQ(0, vmm_block(v, 4096, &offset, &at));
}

/* What an operator sees of one that is used, and of one that was. */
TEST_F(settings, figures)
{
	struct vmm *v = &self->v;
	uint64_t offset, at, busy;

	EXPECT_EQ(VMM_VRAM, get(v, "vram_bytes"));
	EXPECT_EQ(getpid(), (pid_t)get(v, "pid"));
	EXPECT_EQ(0, get(v, "commands"));
	ASSERT_EQ(0, set(v, "weight", "250"));
	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	ASSERT_EQ(0, vmm_block(v, MIB, &offset, &at));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_CLEAR, at, MIB, 5));
	ASSERT_EQ(-EFAULT, vmm_do(v, VGPU_CMD_CLEAR, 1ull << 46, MIB, 5));
	EXPECT_EQ(MIB, get(v, "vram_used"));
	EXPECT_EQ(2, get(v, "commands"));
	EXPECT_EQ(1, get(v, "failed"));
	busy = get(v, "busy_ns");
	EXPECT_LT(0, busy);
	vmm_close_device(v);
	EXPECT_EQ(0, get(v, "vram_used"));
	EXPECT_EQ(0, get(v, "pid"));
	EXPECT_EQ(2, get(v, "commands"));
	EXPECT_EQ(1, get(v, "failed"));
	EXPECT_LE(busy, get(v, "busy_ns"));
	ASSERT_EQ(0, vmm_open_device(v));
	EXPECT_EQ(250, get(v, "weight"));
	EXPECT_EQ(2, get(v, "commands"));
	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
	EXPECT_EQ(3, get(v, "commands"));
}

/* An instance whose ring is kept full of copies. */
struct load {
	struct vmm v;
	uint64_t to, from;
	uint64_t busy;
};

static int load_fill(struct load *l, uint32_t n)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_COPY,
				.op = { l->to, l->from, COPY_BYTES } };
	int ret = 0;

	while (n-- && !ret)
		ret = vmm_submit(&l->v, &cmd, 1);
	return ret;
}

static int load_ring(struct load *l)
{
	uint64_t offset;
	int ret = vmm_enable(&l->v);

	if (!ret)
		ret = vmm_ring(&l->v, VMM_RING);
	if (!ret)
		ret = vmm_block(&l->v, COPY_BYTES, &offset, &l->to);
	if (!ret)
		ret = vmm_block(&l->v, COPY_BYTES, &offset, &l->from);
	if (!ret)
		ret = vmm_do(&l->v, VGPU_CMD_CLEAR, l->from, COPY_BYTES, 7);
	return ret ? ret : load_fill(l, VMM_ENTRIES - 1);
}

/* As much anew as has ended. */
static int load_step(struct load *l)
{
	struct vgpu_completion done;
	int ret = 0;
	uint32_t n;

	for (n = 0; !ret && vgpu_ring_reap(&l->v.reaper, &done, 1); n++)
		ret = done.status;
	if (vgpu_ring_reap_release(&l->v.reaper))
		vmm_doorbell(&l->v);
	return ret ? ret : load_fill(l, n);
}

/* Keep all busy for a while; how much each has had of the GPU since. */
static int load_run(struct load *l, uint32_t n, uint64_t ms)
{
	uint64_t end = now_ms() + ms;
	int ret = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		l[i].busy = get(&l[i].v, "busy_ns");
	while (now_ms() < end && !ret) {
		for (i = 0; i < n && !ret; i++)
			ret = load_step(&l[i]);
		usleep(2000);
	}
	for (i = 0; i < n; i++)
		l[i].busy = get(&l[i].v, "busy_ns") - l[i].busy;
	return ret;
}

#define LOADS	8

FIXTURE(shares) {
	struct load l[LOADS];
	uint32_t n;
	int drm;
};

FIXTURE_SETUP(shares)
{
	char text[16];
	uint32_t i;

	self->drm = node_open(0);
	ASSERT_LE(0, self->drm);
	ASSERT_EQ(0, read_file("/sys/bus/pci/devices/7670:00:00.0/vgpu/slots",
			       text, sizeof(text)));
	/* Twice as many as can run: each gets half of a slot. */
	self->n = 2 * atoi(text);
	if (self->n > LOADS)
		SKIP(return, "a GPU with %s slots is too large", text);
	for (i = 0; i < self->n; i++) {
		ASSERT_EQ(0, vmm_open(&self->l[i].v, i + 1));
		ASSERT_EQ(0, load_ring(&self->l[i]));
	}
}

FIXTURE_TEARDOWN(shares)
{
	uint32_t i;

	for (i = 0; i < self->n && self->n <= LOADS; i++)
		EXPECT_EQ(0, vmm_close(&self->l[i].v));
	EXPECT_EQ(0, gpu_used(self->drm));
	close(self->drm);
}

/*
 * Shares are of the long run: a stall of the machine is time of whoever had a
 * turn then, and is made up for.  So what each has had is added up, until it is as
 * it should be or so many runs are over.
 */
#define RUNS	8

static uint64_t sum(const uint64_t *busy, uint32_t from, uint32_t to)
{
	uint64_t all = 0;

	while (from < to)
		all += busy[from++];
	return all;
}

/* Each between 65 and 135 percent of the mean. */
static bool shares_equal(const uint64_t *busy, uint32_t n)
{
	uint64_t all = sum(busy, 0, n);
	uint32_t i;

	for (i = 0; i < n; i++)
		if (100 * busy[i] * n < 65 * all || 100 * busy[i] * n > 135 * all)
			return false;
	return true;
}

/* Those of the first half two to five times the others. */
static bool shares_weighted(const uint64_t *busy, uint32_t n)
{
	uint64_t heavy = sum(busy, 0, n / 2), light = sum(busy, n / 2, n);

	return 2 * light <= heavy && heavy <= 5 * light;
}

/* The halves within 2 to 3. */
static bool halves_equal(const uint64_t *busy, uint32_t n)
{
	uint64_t first = sum(busy, 0, n / 2), rest = sum(busy, n / 2, n);

	return 2 * rest <= 3 * first && 2 * first <= 3 * rest;
}

static bool shares_become(struct __test_metadata *_metadata, struct load *l,
			  uint32_t n,
			  bool (*right)(const uint64_t *busy, uint32_t n))
{
	uint64_t busy[LOADS] = { 0 };
	uint32_t i, run;

	for (run = 1; run <= RUNS; run++) {
		if (load_run(l, n, 1500))
			return false;
		for (i = 0; i < n; i++)
			busy[i] += l[i].busy;
		TH_LOG("after %u: %llu to %llu ms", run, (unsigned long long)
		       (sum(busy, 0, n / 2) / 1000000), (unsigned long long)
		       (sum(busy, n / 2, n) / 1000000));
		if (right(busy, n))
			return true;
	}
	return false;
}

/* Time that tenants had, not time that went by: other work does not count. */
TEST_F_TIMEOUT(shares, weights, 90)
{
	uint32_t i;

	EXPECT_TRUE(shares_become(_metadata, self->l, self->n, shares_equal));
	/* At once, while all of them run or wait. */
	for (i = 0; i < self->n / 2; i++)
		ASSERT_EQ(0, set(&self->l[i].v, "weight", "300"));
	EXPECT_TRUE(shares_become(_metadata, self->l, self->n,
				  shares_weighted));
}

/* Priority is about who waits, not about who gets how much: nobody starves. */
TEST_F_TIMEOUT(shares, priority, 60)
{
	uint32_t i;

	for (i = 0; i < self->n / 2; i++)
		ASSERT_EQ(0, set(&self->l[i].v, "priority", "10"));
	EXPECT_TRUE(shares_become(_metadata, self->l, self->n, halves_equal));
}

/* A cap holds although the GPU is free, and is no obstacle to an end. */
TEST_F(shares, cap)
{
	struct load *l = &self->l[0];
	uint64_t start, ms, i;

	for (i = 1; i < self->n; i++)
		vmm_close_device(&self->l[i].v);
	ASSERT_EQ(0, set(&l->v, "cap", "20"));
	start = now_ms();
	ASSERT_EQ(0, load_run(l, 1, 1500));
	ms = now_ms() - start;
	TH_LOG("%llu %% of the time", (unsigned long long)
	       (l->busy / 10000 / ms));
	/* A period more, and what a chunk took. */
	EXPECT_GE(ms * 20 / 100 + 50, l->busy / 1000000);
	EXPECT_LE(ms * 4 / 100, l->busy / 1000000);

	/* It has to wait; then it has not. */
	ASSERT_EQ(0, set(&l->v, "cap", "1"));
	ASSERT_EQ(0, load_run(l, 1, 300));
	EXPECT_GE(100, l->busy / 1000000);
	ASSERT_EQ(0, set(&l->v, "cap", "100"));
	ASSERT_EQ(0, load_run(l, 1, 500));
	TH_LOG("without a cap %llu %%", (unsigned long long)(l->busy / 5000000));
	EXPECT_LE(150, l->busy / 1000000);

	/* Throttled in the middle of a copy. */
	ASSERT_EQ(0, set(&l->v, "cap", "1"));
	ASSERT_EQ(0, load_run(l, 1, 200));
	start = now_ms();
	vmm_close_device(&l->v);
	TH_LOG("closed in %llu ms", (unsigned long long)(now_ms() - start));
	EXPECT_GE(5000, now_ms() - start);
	EXPECT_EQ(1, get(&l->v, "cap"));
}

TEST_HARNESS_MAIN
