// SPDX-License-Identifier: MIT
/*
 * The Vulkan executor, straight on its ops, on drivers that run on the CPU:
 * SwiftShader and a new lavapipe from build/deps/vulkan (whose long loops are
 * right), and the system's own (Debian 12's are wrong).  Programs run from the
 * root of the tree.
 */
#include "vgpu_test.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>

#include <vgpu/vgpu.h>

#include "executor/executor.h"

#define SWIFTSHADER	"build/deps/vulkan/swiftshader_icd.json"
#define LAVAPIPE	"build/deps/vulkan/lavapipe25_icd.json"
#define WRONG		"/usr/share/vulkan/icd.d/lvp_icd.x86_64.json"

#define BANK_SHIFT	20
#define BANK		(1ull << BANK_SHIFT)
#define VRAM_BYTES	(48 * BANK + 8192)

/*
 * Drivers keep memory for the life of a process.  What the executor allocates
 * itself is still checked: a leak of its own has no frame of a driver.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libvulkan_lvp.so\nleak:libvk_swiftshader.so\n"
	       "leak:libvulkan.so\nleak:libLLVM\n";
}

static const uint32_t add_code[] =
#include "vk_add.inc"
;
static const uint32_t step_code[] =
#include "vk_step.inc"
;
static const uint32_t empty_code[] =
#include "vk_empty.inc"
;
static const uint32_t spin_code[] =
#include "vk_spin.inc"
;

static const struct vgpu_executor_ops *const ops = &vgpu_vulkan_executor;

/*
 * A loader of Vulkan 1.1: the executor looks up what it calls through dlsym(),
 * which is this one's.
 */
#define VERSION_1_1	(1u << 22 | 1u << 12)

typedef void *(*dlsym_fn)(void *handle, const char *name);
typedef void *(*proc_fn)(void *instance, const char *name);

static bool old_loader;
static proc_fn real_proc;

static int old_version(uint32_t *version)
{
	*version = VERSION_1_1;
	return 0;
}

static void *old_proc(void *instance, const char *name)
{
	if (!strcmp(name, "vkEnumerateInstanceVersion"))
		return old_version;
	return real_proc(instance, name);
}

void *dlsym(void *handle, const char *name)
{
	dlsym_fn real = (dlsym_fn)dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");

	if (!old_loader || strcmp(name, "vkGetInstanceProcAddr"))
		return real(handle, name);
	real_proc = (proc_fn)real(handle, name);
	return old_proc;
}

/* An executor with its memory. */
struct setup {
	void *e;
	uint8_t *vram;
	int fd;
	uint64_t tag;
	struct vgpu_message msg;
};

static int setup_open(struct setup *s, const char *drivers, const char *device,
		      uint32_t flags)
{
	struct vgpu_executor_options options = {
		.kind = "vulkan",
		.device = device,
		.flags = flags,
		.bank_shift = BANK_SHIFT,
		.vram_bytes = VRAM_BYTES,
	};
	int error;

	setenv("VK_DRIVER_FILES", drivers, 1);
	*s = (struct setup){ .tag = 1 };
	vgpu_message_init(&s->msg);
	s->fd = memfd_create("vram", MFD_CLOEXEC);
	if (s->fd < 0 || ftruncate(s->fd, VRAM_BYTES))
		return -errno;
	s->vram = mmap(NULL, VRAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		       s->fd, 0);
	if (s->vram == MAP_FAILED)
		return -errno;
	options.vram = s->vram;
	options.vram_fd = s->fd;
	error = ops->open(&options, &s->msg, &s->e);
	if (error) {
		munmap(s->vram, VRAM_BYTES);
		close(s->fd);
	}
	return error;
}

#define OPEN(s, drivers, device, flags)					\
	ASSERT_EQ(0, setup_open((s), (drivers), (device), (flags))) {	\
		TH_LOG("%s: %s (make build/deps/vulkan/done)", drivers,	\
		       (s)->msg.text);					\
	}

static int setup_close(struct setup *s)
{
	int error = ops->close(s->e, vgpu_deadline_after_ms(20000));

	vgpu_message_fini(&s->msg);
	munmap(s->vram, VRAM_BYTES);
	close(s->fd);
	return error;
}

static int build(struct setup *s, uint32_t id, const void *code, size_t bytes,
		 struct vgpu_engine_built *built)
{
	struct vgpu_kernel_desc *desc = calloc(1, sizeof(*desc) + bytes);
	int error;

	desc->format = VGPU_KERNEL_SPIRV;
	desc->code_bytes = bytes;
	memcpy(desc->entry, "main", 5);
	memcpy(desc + 1, code, bytes);
	error = ops->build(s->e, id, desc, sizeof(*desc) + bytes, built);
	free(desc);
	return error;
}

#define BUILD(s, id, code)						\
	do {								\
		struct vgpu_engine_built built_;			\
									\
		ASSERT_EQ(0, build(s, id, code, sizeof(code), &built_)) {	\
			TH_LOG("%s", built_.message);			\
		}							\
	} while (0)

static int command(struct setup *s, uint16_t opcode, uint64_t a, uint64_t b,
		   uint64_t c)
{
	struct vgpu_engine_cmd cmd = {
		.opcode = opcode,
		.tag = s->tag++,
		.op = { a, b, c },
	};

	return ops->submit(s->e, &cmd, NULL);
}

/* A launch of 2 push constants. */
struct launch {
	uint32_t kernel;
	uint32_t groups;
	uint32_t push[2];
	uint32_t n_ranges;
	struct vgpu_range ranges[3];
};

static int launch(struct setup *s, const struct launch *l)
{
	struct vgpu_engine_slot slot = {
		.tag = s->tag,
		.kernel = l->kernel,
		.grid = { l->groups ? l->groups : 1, 1, 1 },
		.n_ranges = l->n_ranges,
		.const_bytes = sizeof(l->push),
	};
	struct vgpu_engine_cmd cmd = {
		.opcode = VGPU_ENGINE_LAUNCH,
		.tag = s->tag++,
	};

	memcpy(slot.ranges, l->ranges, sizeof(l->ranges));
	memcpy(slot.consts, l->push, sizeof(l->push));
	return ops->submit(s->e, &cmd, &slot);
}

/* Take @n completions; the status of the last; they come in order. */
static int finish(struct setup *s, uint32_t n)
{
	struct vgpu_engine_completion done[VGPU_EXECUTOR_DEPTH];
	uint64_t deadline = vgpu_deadline_after_ms(40000);
	uint64_t tag = s->tag - n;
	int status = 0, got, i;

	while (n) {
		got = ops->wait(s->e, done, n, deadline);
		if (got < 0)
			return got;
		if (!got)
			return -ETIMEDOUT;
		for (i = 0; i < got; i++)
			if (done[i].tag != tag++)
				return -EILSEQ;
		status = done[got - 1].status;
		n -= got;
	}
	return status;
}

/* Both forms of memory, on each driver that is right. */
static const struct form {
	const char *name;
	const char *drivers;
	uint32_t flags;
} forms[] = {
	{ "swiftshader", SWIFTSHADER, 0 },
	{ "swiftshader, discrete", SWIFTSHADER, VGPU_EXECUTOR_DISCRETE },
	{ "lavapipe", LAVAPIPE, 0 },
	{ "lavapipe, discrete", LAVAPIPE, VGPU_EXECUTOR_DISCRETE },
};

/* c = a + 5 b in bank 0, 1 and 2. */
static void check_add(struct __test_metadata *_metadata, struct setup *s)
{
	uint32_t *a = (uint32_t *)s->vram, n = 1000, i;
	uint32_t *b = (uint32_t *)(s->vram + BANK + 256);
	uint32_t *c = (uint32_t *)(s->vram + 2 * BANK);
	struct launch add = {
		.kernel = 1, .groups = 16, .push = { n, 5 }, .n_ranges = 3,
		.ranges = { { 0, n * 4, 1 }, { BANK + 256, n * 4, 1 },
			    { 2 * BANK, n * 4, 2 } },
	};

	BUILD(s, 1, add_code);
	for (i = 0; i < n; i++) {
		a[i] = i * 7;
		b[i] = i + 3;
		c[i] = 0;
	}
	ASSERT_EQ(0, command(s, VGPU_ENGINE_FLUSH, 0, VRAM_BYTES, 2));
	ASSERT_EQ(0, launch(s, &add));
	ASSERT_EQ(0, command(s, VGPU_ENGINE_FLUSH, 2 * BANK, n * 4, 1));
	ASSERT_EQ(0, finish(s, 3));
	for (i = 0; i < n; i++)
		ASSERT_EQ(a[i] + b[i] * 5, c[i]);
}

VGPU_TEST(add)
{
	struct setup s;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		TH_LOG("%s", forms[i].name);
		OPEN(&s, forms[i].drivers, NULL, forms[i].flags);
		ASSERT_EQ(!forms[i].flags, ops->info(s.e)->shared);
		ASSERT_EQ(0, ops->info(s.e)->notice[0]);
		check_add(_metadata, &s);
		ASSERT_EQ(0, setup_close(&s));
	}
}

/* Vulkan 1.1 has no timeline semaphores: fences. */
VGPU_TEST(add_vulkan_1_1)
{
	struct setup s;

	old_loader = true;
	OPEN(&s, LAVAPIPE, NULL, VGPU_EXECUTOR_DISCRETE);
	ASSERT_EQ(VERSION_1_1, ops->info(s.e)->api_version);
	check_add(_metadata, &s);
	ASSERT_EQ(0, setup_close(&s));
}

/* Each launch sees what the one before wrote, without a wait between them. */
VGPU_TEST(chain)
{
	struct launch step = {
		.kernel = 1, .groups = 4, .push = { 200, 0 }, .n_ranges = 1,
		.ranges = { { 512, 800, 3 } },
	};
	uint32_t want = 0, i, k, *v;
	struct setup s;

	for (k = 0; k < ARRAY_SIZE(forms); k++) {
		TH_LOG("%s", forms[k].name);
		OPEN(&s, forms[k].drivers, NULL, forms[k].flags);
		BUILD(&s, 1, step_code);
		v = (uint32_t *)(s.vram + 512);
		ASSERT_EQ(0, command(&s, VGPU_ENGINE_CLEAR, 512, 800, 1));
		for (i = 0, want = 1; i < 100; i++) {
			step.push[1] = i;
			want = want * 3 + i;
			ASSERT_EQ(0, launch(&s, &step));
		}
		ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, 512, 800, 1));
		ASSERT_EQ(0, finish(&s, 102));
		for (i = 0; i < 200; i++)
			ASSERT_EQ(want, v[i]);
		ASSERT_EQ(0, setup_close(&s));
	}
}

/* More than staging holds at once, both ways, at odd offsets, in order. */
VGPU_TEST(flush)
{
	uint64_t bytes = 44 * BANK + 12, from = BANK / 2 + 4, i;
	struct setup s;
	uint32_t *v;

	OPEN(&s, SWIFTSHADER, NULL, VGPU_EXECUTOR_DISCRETE);
	v = (uint32_t *)(s.vram + from);
	for (i = 0; i < bytes / 4; i++)
		v[i] = i * 2654435761u;
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, from, bytes, 2));
	ASSERT_EQ(0, finish(&s, 1));
	memset(s.vram, 0, VRAM_BYTES);
	/* Down, up again from where that went, and down once more. */
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, from, bytes, 1));
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, from, bytes, 2));
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_CLEAR, from, 4, 99));
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, from, bytes, 1));
	ASSERT_EQ(0, finish(&s, 4));
	ASSERT_EQ(99, v[0]);
	for (i = 1; i < bytes / 4; i++)
		ASSERT_EQ((uint32_t)(i * 2654435761u), v[i]);
	ASSERT_EQ(0, v[-1]);
	ASSERT_EQ(0, v[bytes / 4]);

	ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, 0, 0, 1));
	ASSERT_EQ(-EINVAL, finish(&s, 1));
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, 2, 4, 1));
	ASSERT_EQ(-EINVAL, finish(&s, 1));
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, 0, 4, 3));
	ASSERT_EQ(-EINVAL, finish(&s, 1));
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, VRAM_BYTES, 4, 1));
	ASSERT_EQ(-EINVAL, finish(&s, 1));
	ASSERT_EQ(0, setup_close(&s));
}

/* COPY and CLEAR, across banks too. */
VGPU_TEST(copy_clear)
{
	uint64_t from = BANK - 64, to = 3 * BANK - 32, i;
	struct setup s;
	uint32_t *v, k;

	for (k = 0; k < ARRAY_SIZE(forms); k++) {
		TH_LOG("%s", forms[k].name);
		OPEN(&s, forms[k].drivers, NULL, forms[k].flags);
		v = (uint32_t *)(s.vram + to);
		ASSERT_EQ(0, command(&s, VGPU_ENGINE_CLEAR, 0, 4 * BANK, 5));
		ASSERT_EQ(0, command(&s, VGPU_ENGINE_CLEAR, from, 128,
				     0xdeadbeef));
		ASSERT_EQ(0, command(&s, VGPU_ENGINE_COPY, to, from, 128));
		ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, 0, 4 * BANK, 1));
		ASSERT_EQ(0, finish(&s, 4));
		ASSERT_EQ(5, v[-1]);
		for (i = 0; i < 32; i++)
			ASSERT_EQ(0xdeadbeef, v[i]);
		ASSERT_EQ(5, v[32]);
		ASSERT_EQ(0, command(&s, VGPU_ENGINE_COPY, 64, 0, 128));
		ASSERT_EQ(-EINVAL, finish(&s, 1));
		ASSERT_EQ(0, command(&s, VGPU_ENGINE_COPY, VRAM_BYTES, 0, 4));
		ASSERT_EQ(-EINVAL, finish(&s, 1));
		ASSERT_EQ(0, command(&s, VGPU_ENGINE_CLEAR, 0, 0, 0));
		ASSERT_EQ(-EINVAL, finish(&s, 1));
		ASSERT_EQ(0, command(&s, 99, 0, 0, 0));
		ASSERT_EQ(-EOPNOTSUPP, finish(&s, 1));
		ASSERT_EQ(0, setup_close(&s));
	}
}

/* What the front end should not have let through. */
VGPU_TEST(bad_launch)
{
	struct launch step = {
		.kernel = 1, .groups = 1, .push = { 1, 1 }, .n_ranges = 1,
		.ranges = { { 0, 4, 3 } },
	};
	struct launch bad;
	struct setup s;

	OPEN(&s, LAVAPIPE, NULL, 0);
	BUILD(&s, 1, step_code);
#define BAD(error, ...)							\
	do {								\
		bad = step;						\
		__VA_ARGS__;						\
		ASSERT_EQ(0, launch(&s, &bad));				\
		EXPECT_EQ(error, finish(&s, 1));			\
	} while (0)
	BAD(-EINVAL, bad.kernel = 2);
	BAD(-EINVAL, bad.n_ranges = 0);
	BAD(-EINVAL, bad.n_ranges = 17);
	BAD(-EINVAL, bad.ranges[0].bytes = 0);
	BAD(-EINVAL, bad.ranges[0].address = 64);
	BAD(-EINVAL, bad.ranges[0].address = BANK - 256,
	    bad.ranges[0].bytes = 512);
	BAD(-EINVAL, bad.ranges[0].address = 1ull << 40);
	BAD(-EOPNOTSUPP, bad.groups = ops->info(s.e)->max_grid[0] + 1);
	BAD(0, (void)0);
#undef BAD
	ASSERT_EQ(0, setup_close(&s));
}

/* A range over the driver's limit, in a bank that is larger. */
VGPU_TEST(over_large_range)
{
	struct vgpu_executor_options options = {
		.bank_shift = 28,
		.vram_bytes = 1ull << 28,
	};
	struct launch step = {
		.kernel = 1, .groups = 1, .push = { 1, 1 }, .n_ranges = 1,
		.ranges = { { 0, 0, 3 } },
	};
	struct setup s = { .tag = 1 };

	vgpu_message_init(&s.msg);
	setenv("VK_DRIVER_FILES", LAVAPIPE, 1);
	options.vram = mmap(NULL, options.vram_bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, options.vram);
	ASSERT_EQ(0, ops->open(&options, &s.msg, &s.e));
	BUILD(&s, 1, step_code);
	step.ranges[0].bytes = ops->info(s.e)->max_range_bytes;
	ASSERT_LT(step.ranges[0].bytes, options.vram_bytes);
	ASSERT_EQ(0, launch(&s, &step));
	ASSERT_EQ(0, finish(&s, 1));
	step.ranges[0].bytes += 4;
	ASSERT_EQ(0, launch(&s, &step));
	ASSERT_EQ(-EOPNOTSUPP, finish(&s, 1));
	ASSERT_EQ(0, ops->close(s.e, VGPU_FOREVER));
	munmap(options.vram, options.vram_bytes);
}

/* The driver that is wrong is used only where there is no other. */
VGPU_TEST(known_answer)
{
	struct setup s;

	ASSERT_EQ(0, access(WRONG, R_OK)) {
		TH_LOG("install mesa-vulkan-drivers");
	}
	/* It leaks: it stays loaded, so that its frames have its name. */
	ASSERT_NE(NULL, dlopen("libvulkan_lvp.so", RTLD_LAZY | RTLD_NODELETE));
	OPEN(&s, WRONG, NULL, VGPU_EXECUTOR_CPU);
	EXPECT_NE(NULL, strstr(ops->info(s.e)->notice, "miscomputes"));
	EXPECT_NE(NULL, strstr(ops->info(s.e)->notice, "VK_DRIVER_FILES"));
	check_add(_metadata, &s);
	ASSERT_EQ(0, setup_close(&s));
	OPEN(&s, WRONG ":" SWIFTSHADER, NULL, VGPU_EXECUTOR_CPU);
	EXPECT_EQ(0, ops->info(s.e)->notice[0]);
	EXPECT_NE(NULL, strstr(ops->info(s.e)->name, "SwiftShader"));
	ASSERT_EQ(0, setup_close(&s));
	/* By its name it is chosen all the same. */
	OPEN(&s, WRONG ":" SWIFTSHADER, "LLVMPIPE", 0);
	EXPECT_NE(NULL, strstr(ops->info(s.e)->notice, "miscomputes"));
	ASSERT_EQ(0, setup_close(&s));
}

VGPU_TEST(choose)
{
	struct vgpu_executor_options options = { .bank_shift = 20 };
	struct setup s;

	OPEN(&s, LAVAPIPE, "0", 0);
	ASSERT_EQ(VGPU_ENGINE_CPU, ops->info(s.e)->type);
	ASSERT_EQ(0, setup_close(&s));
	ASSERT_EQ(-ENODEV, setup_open(&s, LAVAPIPE, "no such", 0));
	EXPECT_NE(NULL, strstr(s.msg.text, "'no such'"));
	ASSERT_EQ(-ENODEV, setup_open(&s, LAVAPIPE, "7", 0));
	ASSERT_EQ(-ENODEV, setup_open(&s, LAVAPIPE, NULL, VGPU_EXECUTOR_GPU));
	EXPECT_NE(NULL, strstr(s.msg.text, "mesa-vulkan-drivers"));
	ASSERT_EQ(-ENODEV, setup_open(&s, "/nonexistent.json", NULL, 0));
	EXPECT_NE(NULL, strstr(s.msg.text, "mesa-vulkan-drivers"));
	ASSERT_EQ(-EINVAL, setup_open(&s, LAVAPIPE, NULL, 1u << 31));
	ASSERT_EQ(-EINVAL, setup_open(&s, LAVAPIPE, NULL,
				      VGPU_EXECUTOR_CPU | VGPU_EXECUTOR_GPU));

	/* No memory: to look at info. */
	vgpu_message_init(&s.msg);
	ASSERT_EQ(0, ops->open(&options, &s.msg, &s.e));
	ASSERT_NE(0, ops->info(s.e)->features & VGPU_FEATURE_SPIRV);
	ASSERT_NE(0, ops->info(s.e)->max_range_bytes);
	ASSERT_EQ(16, ops->info(s.e)->max_ranges);
	ASSERT_EQ(0, ops->close(s.e, VGPU_FOREVER));
	options.bank_shift = 31;
	ASSERT_EQ(-EINVAL, ops->open(&options, &s.msg, &s.e));
}

/* A kernel that waits for the host holds up all behind it. */
VGPU_TEST(full)
{
	struct launch spin = {
		.kernel = 1, .n_ranges = 1, .ranges = { { 0, 256, 3 } },
	};
	struct launch empty = { .kernel = 2 };
	uint32_t i, *v;
	struct setup s;

	OPEN(&s, LAVAPIPE, NULL, 0);
	v = (uint32_t *)s.vram;
	BUILD(&s, 1, spin_code);
	BUILD(&s, 2, empty_code);
	ASSERT_EQ(0, launch(&s, &spin));
	for (i = 1; i < VGPU_EXECUTOR_DEPTH; i++)
		ASSERT_EQ(0, i & 1 ? launch(&s, &empty) :
			  command(&s, VGPU_ENGINE_NOP, 0, 0, 0));
	ASSERT_EQ(-EAGAIN, launch(&s, &empty));
	s.tag--;
	ASSERT_EQ(-EAGAIN, command(&s, VGPU_ENGINE_NOP, 0, 0, 0));
	s.tag--;
	/* Dropped while they are out. */
	ops->drop(s.e, 1);
	ops->drop(s.e, 2);
	__atomic_store_n(v, 1, __ATOMIC_SEQ_CST);
	BUILD(&s, 2, add_code);
	ASSERT_EQ(0, finish(&s, VGPU_EXECUTOR_DEPTH));
	ASSERT_EQ(7, v[2]);
	ASSERT_EQ(0, launch(&s, &spin));
	ASSERT_EQ(-EINVAL, finish(&s, 1));
	ASSERT_EQ(0, setup_close(&s));
}

static void *wake_soon(void *e)
{
	usleep(20000);
	ops->wake(e);
	return NULL;
}

static void check_wake(struct __test_metadata *_metadata)
{
	struct launch spin = {
		.kernel = 1, .n_ranges = 1, .ranges = { { 0, 256, 3 } },
	};
	struct vgpu_engine_completion done;
	pthread_t thread;
	struct setup s;

	OPEN(&s, LAVAPIPE, NULL, 0);
	BUILD(&s, 1, spin_code);
	/* Before the wait; only once. */
	ops->wake(s.e);
	ASSERT_EQ(0, ops->wait(s.e, &done, 1, VGPU_FOREVER));
	ASSERT_EQ(0, ops->wait(s.e, &done, 1, vgpu_deadline_after_ms(1)));
	/* Nothing is out. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, wake_soon, s.e));
	ASSERT_EQ(0, ops->wait(s.e, &done, 1, VGPU_FOREVER));
	pthread_join(thread, NULL);
	/* Something runs. */
	ASSERT_EQ(0, launch(&s, &spin));
	ASSERT_EQ(0, ops->wait(s.e, &done, 1, vgpu_deadline_after_ms(1)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wake_soon, s.e));
	ASSERT_EQ(0, ops->wait(s.e, &done, 1, VGPU_FOREVER));
	pthread_join(thread, NULL);
	__atomic_store_n((uint32_t *)s.vram, 1, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, finish(&s, 1));
	ASSERT_EQ(0, setup_close(&s));
}

VGPU_TEST(wake)
{
	check_wake(_metadata);
}

VGPU_TEST(wake_vulkan_1_1)
{
	old_loader = true;
	check_wake(_metadata);
}

/* Commands that are out when it is closed. */
VGPU_TEST(close_busy)
{
	struct launch empty = { .kernel = 1 };
	struct setup s;
	int i;

	OPEN(&s, SWIFTSHADER, NULL, VGPU_EXECUTOR_DISCRETE);
	BUILD(&s, 1, empty_code);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, launch(&s, &empty));
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, 0, VRAM_BYTES, 1));
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_FLUSH, 0, VRAM_BYTES, 2));
	ASSERT_EQ(0, setup_close(&s));
}

/* A kernel that never ends is left behind; the process leaves by _exit(). */
TEST(close_hung)
{
	struct launch spin = {
		.kernel = 1, .n_ranges = 1, .ranges = { { 0, 256, 3 } },
	};
	struct setup s;

	OPEN(&s, SWIFTSHADER, NULL, VGPU_EXECUTOR_DISCRETE);
	BUILD(&s, 1, spin_code);
	ASSERT_EQ(0, command(&s, VGPU_ENGINE_CLEAR, 0, 256, 0));
	ASSERT_EQ(0, launch(&s, &spin));
	ASSERT_EQ(-EBUSY, ops->close(s.e, vgpu_deadline_after_ms(50)));
}

VGPU_TEST(bad_code)
{
	uint32_t code[ARRAY_SIZE(step_code)];
	struct vgpu_engine_built built;
	struct setup s;

	OPEN(&s, LAVAPIPE, NULL, 0);
	memcpy(code, step_code, sizeof(code));
	ASSERT_EQ(-EINVAL, build(&s, 1, code, sizeof(code) - 8, &built));
	ASSERT_NE(0, built.message[0]);
	code[0] = 0;
	ASSERT_EQ(-EINVAL, build(&s, 1, code, sizeof(code), &built));
	ASSERT_EQ(0, build(&s, 1, step_code, sizeof(step_code), &built));
	ASSERT_EQ(1, built.info.used);
	ASSERT_EQ(1, built.info.written);
	ASSERT_EQ(8, built.info.const_bytes);
	ASSERT_EQ(64, built.info.workgroup[0]);
	ASSERT_EQ(0, setup_close(&s));
}

TEST_HARNESS_MAIN
