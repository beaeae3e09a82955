/* SPDX-License-Identifier: MIT */
/*
 * Tests on every backend: which ones there are, opening one, and what cases
 * need to run a kernel and to say what was wrong with it.
 *
 * Each backend is a column: a test of its own, in a process of its own, since
 * drivers leave things behind.  The environment may restrict the columns:
 * VGPU_TEST_BACKENDS=simulator,vulkan-discrete takes those and what starts with
 * them and a '-'.  Without that every column has to be there.
 *
 * Drivers are those of build/deps/vulkan, each a column, unless the environment
 * names others (VK_DRIVER_FILES, VK_ICD_FILENAMES): then their best device is.
 */
#ifndef VGPU_SUITE_H
#define VGPU_SUITE_H

#include <math.h>

#include <vgpu/vgpu.h>

#include "device_util.h"

#define MIB		(1ull << 20)
#define SUITE_BLOCKS	24
#define SUITE_COLUMNS	16
/* Longest wait for a command; a driver that takes longer has failed. */
#define SUITE_WAIT_MS	120000

struct column {
	char name[32];
	uint32_t backend;
	uint32_t flags;
	const char *device;
	const char *provider;
};

static struct column suite_columns[SUITE_COLUMNS];
static unsigned int suite_n_columns;

/* Does VGPU_TEST_BACKENDS, if it is set, ask for this one? */
static inline bool suite_wanted(const char *name)
{
	const char *p = getenv("VGPU_TEST_BACKENDS");
	size_t n;

	if (!p)
		return true;
	for (; *p; p += n + !!p[n]) {
		n = strcspn(p, ",");
		if (n && !strncmp(name, p, n) && (!name[n] || name[n] == '-'))
			return true;
	}
	return false;
}

static inline void suite_column(const char *name, const char *suffix,
				uint32_t backend, uint32_t flags,
				const char *device, const char *provider)
{
	struct column *c = &suite_columns[suite_n_columns];

	snprintf(c->name, sizeof(c->name), "%s%s", name, suffix);
	c->backend = backend;
	c->flags = flags;
	c->device = device;
	c->provider = provider;
	if (suite_wanted(c->name))
		suite_n_columns++;
}

/* Find the drivers that tests use, and make the columns. */
static inline void suite_setup(void)
{
	static const struct {
		const char *name, *suffix;
	} cpu[] = {
		{ "SwiftShader", "-swiftshader" },
		{ "llvmpipe", "-llvmpipe" },
	};
	static const struct {
		const char *name;
		uint32_t flags;
	} forms[] = {
		{ "vulkan", 0 },
		{ "vulkan-discrete", VGPU_DEVICE_DISCRETE },
		{ "vulkan-worker", VGPU_DEVICE_WORKER },
	};
	bool given = getenv("VK_DRIVER_FILES") || getenv("VK_ICD_FILENAMES");
	unsigned int f, d;

	device_drivers();
	suite_column("simulator", "", VGPU_BACKEND_SIMULATOR, 0, NULL, NULL);
	suite_column("simulator-worker", "", VGPU_BACKEND_SIMULATOR,
		     VGPU_DEVICE_WORKER, NULL, NULL);
	for (f = 0; f < ARRAY_SIZE(forms); f++) {
		for (d = 0; d < ARRAY_SIZE(cpu) && !given; d++)
			suite_column(forms[f].name, cpu[d].suffix,
				     VGPU_BACKEND_VULKAN, forms[f].flags,
				     cpu[d].name, NULL);
		if (given)
			suite_column(forms[f].name, "", VGPU_BACKEND_VULKAN,
				     forms[f].flags, NULL, NULL);
	}
	suite_column("wgpu-native", "", VGPU_BACKEND_WGPU, 0, NULL,
		     "build/deps/wgpu/libwgpu_native.so");
	suite_column("wgpu-dawn", "", VGPU_BACKEND_WGPU, 0, NULL,
		     "build/deps/wgpu/libwebgpu_dawn.so");
}

/* A device of the column that runs; 0, or an errno and why in @text. */
static inline int suite_open(const struct column *c, uint64_t bytes,
			     uint32_t timeout_ms, char text[256],
			     struct vgpu_device **dev)
{
	struct vgpu_device_options o = {
		.size = sizeof(o),
		.backend = c->backend,
		.flags = c->flags,
		.device = c->device,
		.vram_bytes = bytes,
		.launch_timeout_ms = timeout_ms,
		.message = text,
		.message_bytes = 256,
	};
	int ret;

	text[0] = 0;
	if (c->provider)
		setenv("VGPU_WGPU_LIB", c->provider, 1);
	ret = vgpu_device_open(&o, dev);
	if (ret)
		return ret;
	ret = vgpu_device_initialize(*dev);
	if (!ret)
		ret = vgpu_device_start(*dev);
	if (ret) {
		vgpu_device_error(*dev, text, 256);
		vgpu_device_close(*dev);
	}
	return ret;
}

/**
 * struct suite_test - a test for a column, beside those of VGPU_TEST()
 * @meta: as the harness has it
 * @name: of the case and the column
 * @column: on which it runs; NULL: on none
 * @body: the test
 */
struct suite_test {
	struct __test_metadata meta;
	char name[64];
	const struct column *column;
	void (*body)(struct __test_metadata *_metadata,
		     const struct column *column);
};

static struct suite_test suite_tests[256];
static unsigned int suite_n_tests;

static inline void suite_test_run(struct __test_metadata *_metadata,
				  struct __fixture_variant_metadata *variant)
{
	struct suite_test *t = (struct suite_test *)_metadata;

	_metadata->setup_completed = true;
	if (!setjmp(_metadata->env))
		t->body(_metadata, t->column);
	__test_check_assert(_metadata);
	vgpu_test_leaks(_metadata);
}

/* To be called from a constructor. */
static inline void suite_add(const char *name, const struct column *column,
			     void (*body)(struct __test_metadata *_metadata,
					  const struct column *column))
{
	struct suite_test *t = &suite_tests[suite_n_tests++];

	snprintf(t->name, sizeof(t->name), "%s%s%s", name,
		 *name && column ? "-" : "", column ? column->name : "");
	t->column = column;
	t->body = body;
	t->meta.name = t->name;
	t->meta.fn = suite_test_run;
	t->meta.fixture = &_fixture_global;
	t->meta.termsig = -1;
	t->meta.timeout = 300;
	__register_test(&t->meta);
}

/**
 * struct suite - a case that runs on a device
 * @dev: the device
 * @column: which one it is
 * @info: what it says that it is
 * @limits: what launches may ask for
 * @kernel: the kernel that was made last; 0: none
 * @n_blocks: memory that the case took
 * @blocks: it
 * @said: what was wrong, or what the device said
 */
struct suite {
	struct vgpu_device *dev;
	const struct column *column;
	struct vgpu_device_info info;
	struct vgpu_device_limits limits;
	uint64_t kernel;
	unsigned int n_blocks;
	uint64_t blocks[SUITE_BLOCKS];
	char said[400];
};

/* What a case returns when a kernel ran and the result is not as it must be. */
#define SUITE_WRONG	1

#define suite_wrong(s, ...)						\
	(snprintf((s)->said, sizeof((s)->said), __VA_ARGS__), SUITE_WRONG)

/* A call failed: keep what the device says about it. */
static inline int suite_failed(struct suite *s, const char *what, int error)
{
	char text[256] = "";

	vgpu_device_error(s->dev, text, sizeof(text));
	snprintf(s->said, sizeof(s->said), "%s: %s", what, text);
	return error;
}

static inline int suite_do(struct suite *s, const char *what,
			   struct vgpu_command cmd)
{
	struct vgpu_completion_info info;
	uint64_t ticket;
	int ret;

	ret = vgpu_device_submit(s->dev, NULL, &cmd, &ticket);
	if (ret)
		return suite_failed(s, what, ret);
	ret = vgpu_device_wait(s->dev, ticket,
			       vgpu_deadline_after_ms(SUITE_WAIT_MS), &info);
	if (ret)
		snprintf(s->said, sizeof(s->said), "%s: %s%s", what,
			 info.ended ? "" : "not ended: ", vgpu_strerror(ret));
	return ret;
}

static inline int suite_alloc(struct suite *s, uint64_t bytes, uint64_t *at)
{
	int ret;

	if (s->n_blocks == SUITE_BLOCKS)
		return suite_wrong(s, "the case takes too many blocks");
	ret = vgpu_device_alloc(s->dev, bytes, 0, at);
	if (ret)
		return suite_failed(s, "alloc", ret);
	s->blocks[s->n_blocks++] = *at;
	return 0;
}

static inline int suite_put(struct suite *s, uint64_t at, const void *p,
			    uint64_t bytes)
{
	return suite_do(s, "to", vgpu_command_transfer_to(at, p, bytes));
}

static inline int suite_get(struct suite *s, void *p, uint64_t at,
			    uint64_t bytes)
{
	return suite_do(s, "from", vgpu_command_transfer_from(p, at, bytes));
}

/* Memory with something in it. */
static inline int suite_buffer(struct suite *s, const void *p, uint64_t bytes,
			       uint64_t *at)
{
	int ret = suite_alloc(s, bytes, at);

	return ret ? ret : suite_put(s, *at, p, bytes);
}

static inline int suite_kernel_of(struct suite *s,
				  const struct vgpu_kernel_options *o)
{
	int ret;

	if (s->kernel)
		vgpu_kernel_destroy(s->dev, s->kernel);
	s->kernel = 0;
	ret = vgpu_kernel_create(s->dev, o, &s->kernel);
	if (ret)
		return suite_failed(s, "kernel", ret);
	return 0;
}

static inline int suite_spirv(struct suite *s, const void *code, size_t bytes)
{
	struct vgpu_kernel_options o = {
		.size = sizeof(o), .format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = code, .code_bytes = bytes,
	};

	return suite_kernel_of(s, &o);
}

static inline int suite_launch(struct suite *s, uint32_t x, uint32_t y,
			       uint32_t z, const struct vgpu_launch_args *args)
{
	return suite_do(s, "launch", vgpu_command_launch_args(s->kernel, x, y,
							      z, args));
}

static inline void suite_range(struct vgpu_launch_args *args, uint64_t at,
			       uint64_t bytes, const char *how)
{
	uint32_t flags = 0;

	if (strchr(how, 'r'))
		flags |= VGPU_LAUNCH_READ;
	if (strchr(how, 'w'))
		flags |= VGPU_LAUNCH_WRITE;
	vgpu_launch_args_range(args, at, bytes, flags);
}

/* Let go of what a case took. */
static inline void suite_end(struct suite *s)
{
	while (s->n_blocks)
		vgpu_device_free(s->dev, s->blocks[--s->n_blocks]);
	if (s->kernel)
		vgpu_kernel_destroy(s->dev, s->kernel);
	s->kernel = 0;
}

/* The same bytes, in units of @unit; the first difference is what is said. */
static inline int suite_same(struct suite *s, const char *what,
			     const void *got, const void *want, size_t bytes,
			     size_t unit)
{
	const uint8_t *g = got, *w = want;
	uint64_t x = 0, y = 0;
	size_t i;

	for (i = 0; i < bytes; i += unit) {
		if (!memcmp(g + i, w + i, unit))
			continue;
		memcpy(&x, g + i, unit);
		memcpy(&y, w + i, unit);
		return suite_wrong(s, "%s[%zu] is %#llx, not %#llx", what,
				   i / unit, (unsigned long long)x,
				   (unsigned long long)y);
	}
	return 0;
}

/* Near enough: off by at most @relative of what it should be, plus @absolute */
static inline int suite_near(struct suite *s, const char *what, size_t i,
			     double got, double want, double relative,
			     double absolute)
{
	if (fabs(got - want) <= fabs(want) * relative + absolute)
		return 0;
	return suite_wrong(s, "%s[%zu] is %.9g, not %.9g", what, i, got, want);
}

/*
 * Run an element-wise kernel: binding 0 is read, binding 1 written, the push
 * constants are @n.  Nothing behind binding 1 may be written.
 */
static inline int suite_map(struct suite *s, const void *code,
			    size_t code_bytes, const void *in, size_t in_bytes,
			    void *out, size_t out_bytes, uint32_t n)
{
	size_t room = (out_bytes + 511) / 256 * 256, i;
	struct vgpu_launch_args args;
	uint64_t a, b;
	uint8_t *all;
	int ret;

	ret = suite_spirv(s, code, code_bytes);
	if (!ret)
		ret = suite_buffer(s, in, in_bytes, &a);
	if (!ret)
		ret = suite_alloc(s, room, &b);
	if (!ret)
		ret = suite_do(s, "clear", vgpu_command_clear(b, room,
							      0xa5a5a5a5));
	if (ret)
		return ret;
	vgpu_launch_args_init(&args);
	suite_range(&args, a, in_bytes, "r");
	suite_range(&args, b, out_bytes, "rw");
	vgpu_launch_args_consts(&args, &n, 4);
	ret = suite_launch(s, (n + 63) / 64, 1, 1, &args);
	if (ret)
		return ret;
	all = malloc(room);
	if (!all)
		return suite_wrong(s, "out of memory");
	ret = suite_get(s, all, b, room);
	if (!ret) {
		memcpy(out, all, out_bytes);
		for (i = out_bytes; i < room; i++)
			if (all[i] != 0xa5)
				ret = suite_wrong(s, "byte %zu was written, %zu behind the range",
						  i, i - out_bytes);
	}
	free(all);
	return ret;
}

/* Numbers that are the same every time. */
static inline uint32_t suite_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed ^ *seed >> 15;
}

/* The number of its highest bit that is set; -1: none. */
static inline int top_bit(uint32_t x)
{
	return x ? 31 - __builtin_clz(x) : -1;
}

/* From -@range to @range. */
static inline float suite_real(uint32_t *seed, float range)
{
	return ((int32_t)suite_random(seed) / 2147483648.0f) * range;
}

#endif /* VGPU_SUITE_H */
