// SPDX-License-Identifier: MIT
/*
 * The form of the render node's calls: what is reserved is zero, structures may
 * be shorter and longer, ids are one's own, and the errno is the one that the
 * table of vgpu_drm.h has.
 */
#include "drm_util.h"

#define RESERVED_MAX	8

/* What a call can be made with. */
struct client {
	int fd;
	uint32_t context;
	uint32_t vram;
	uint32_t system;
	uint32_t counter;
	uint64_t mapped;
	uint32_t spare;		/* for another ring */
	struct ring ring;
	void *memory;
};

/* Without a device. */
static bool client_begin(struct client *c)
{
	memset(c, 0, sizeof(*c));
	c->fd = node_open(0);
	c->memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return c->fd >= 0 && c->memory != MAP_FAILED;
}

static bool client_open(struct client *c)
{
	return client_begin(c) && !context_create(c->fd, &c->context) &&
	       !bo_create(c->fd, DRM_VGPU_DOMAIN_VRAM, 8192, 0, &c->vram) &&
	       !bo_create(c->fd, DRM_VGPU_DOMAIN_SYSTEM, 8192, 0, &c->system) &&
	       !bo_create(c->fd, DRM_VGPU_DOMAIN_SYSTEM, 8192, 0, &c->spare) &&
	       !map(c->fd, c->context, c->vram, 4096, 0, &c->mapped) &&
	       /* Now they are objects. */
	       !map(c->fd, c->context, c->system, 4096, 0, &(uint64_t){ 0 }) &&
	       !map(c->fd, c->context, c->spare, 4096, 0, &(uint64_t){ 0 }) &&
	       !ring_create(c->fd, c->context, 8, NULL, &c->ring);
}

static void client_close(struct client *c)
{
	munmap(c->ring.mem, c->ring.bytes);
	munmap(c->memory, 4096);
	close(c->fd);
}

static bool counter_make(struct client *c)
{
	struct drm_vgpu_counter_create args = { .context = c->context };
	int ret = call(c->fd, DRM_IOCTL_VGPU_COUNTER_CREATE, &args);

	c->counter = args.counter;
	return !ret;
}

/* What there has to be for a call: a device is made when there is none. */
static bool client_for(struct client *c, unsigned long nr)
{
	if (nr == DRM_IOCTL_VGPU_CLIENT_INIT)
		return client_begin(c);
	return client_open(c) && counter_make(c);
}

/* Bytes of an argument that are reserved, but for what is @known. */
struct reserved {
	uint32_t at;
	uint32_t bytes;
	uint64_t known;
};

/* A call, made right. */
struct right {
	const char *name;
	unsigned long nr;
	void (*fill)(struct client *c, void *args);
	struct reserved reserved[RESERVED_MAX];
};

#define FILL(name, type, ...)						\
static void fill_##name(struct client *c, void *args)			\
{									\
	*(struct drm_vgpu_##type *)args =				\
		(struct drm_vgpu_##type){ __VA_ARGS__ };		\
}

FILL(query, query, .what = DRM_VGPU_QUERY_INFO)
FILL(client_init, client_init, .vram_bytes = 1 << 20)
FILL(client_limit, client_limit, .bytes = 1 << 20)
FILL(client_reset, client_reset, 0)
FILL(register, register, .offset = VGPU_REG_ID, .bytes = 4)
FILL(event, event, .vector = 3, .fd = -1)
FILL(wait, wait, .events = ~0ull)
FILL(bo_vram, bo_create, .bytes = 4096, .domain = DRM_VGPU_DOMAIN_VRAM)
FILL(bo_system, bo_create, .bytes = 4096, .domain = DRM_VGPU_DOMAIN_SYSTEM)
FILL(bo_register, bo_register, .pointer = (uintptr_t)c->memory, .bytes = 4096)
FILL(bo_info, bo_info, .handle = c->vram)
FILL(compact, compact, .bytes = 1 << 20)
FILL(context_create, context_create, 0)
FILL(context_destroy, context_destroy, .context = c->context)
FILL(map, map, .context = c->context, .handle = c->vram, .bytes = 256, .flags = VGPU_MAP_F_ANYWHERE)
FILL(unmap, unmap, .context = c->context, .address = c->mapped)
FILL(ring_create, ring_create, .context = c->context, .handle = c->spare, .sq_entries = 8,
	.cq_entries = 8)
FILL(ring_destroy, ring_destroy, .ring = c->ring.id)
FILL(ring_control, ring_control, .ring = c->ring.id, .what = VGPU_RING_PAUSE)
FILL(ring_info, ring_info, .ring = c->ring.id)
FILL(kick, kick, .ring = c->ring.id)
FILL(counter_create, counter_create, .context = c->context, .value = 7)
FILL(counter, counter, .counter = c->counter)
FILL(counter_signal, counter, .counter = c->counter, .value = 9)
FILL(kernel_create, kernel_create, .context = c->context, .pointer = (uintptr_t)c->memory,
	.bytes = sizeof(struct vgpu_kernel_desc))
FILL(kernel_destroy, kernel_destroy, .kernel = 1)
FILL(kernel_info, kernel_info, .kernel = 1)
FILL(engine_attach, engine_attach, 0)

static void fill_submit(struct client *c, void *args)
{
	*(struct vgpu_cmd *)c->memory = (struct vgpu_cmd){
		.opcode = VGPU_CMD_CLEAR, .op = { c->mapped, 256, 7 },
	};
	*(struct drm_vgpu_submit *)args = (struct drm_vgpu_submit){
		.context = c->context,
		.n_commands = 1,
		.stride = sizeof(struct vgpu_cmd),
		.commands = (uintptr_t)c->memory,
	};
}

/* @known: an index or a field that the call gets is not among the reserved. */
static const struct right rights[] = {
	{ "QUERY", DRM_IOCTL_VGPU_QUERY, fill_query, { } },
	{ "CLIENT_INIT", DRM_IOCTL_VGPU_CLIENT_INIT, fill_client_init,
	  { { 8, 8, 0 } } },
	{ "CLIENT_LIMIT", DRM_IOCTL_VGPU_CLIENT_LIMIT, fill_client_limit, { } },
	{ "CLIENT_RESET", DRM_IOCTL_VGPU_CLIENT_RESET, fill_client_reset,
	  { { 0, 8, 0 } } },
	{ "REGISTER", DRM_IOCTL_VGPU_REGISTER, fill_register,
	  { { 8, 4, DRM_VGPU_REGISTER_WRITE }, { 12, 4, 0 }, { 16, 8, 0 } } },
	{ "EVENT", DRM_IOCTL_VGPU_EVENT, fill_event, { } },
	{ "WAIT", DRM_IOCTL_VGPU_WAIT, fill_wait, { } },
	{ "BO_CREATE of VRAM", DRM_IOCTL_VGPU_BO_CREATE, fill_bo_vram,
	  { { 20, 4, 0 }, { 24, 4, 0 }, { 28, 4, 0 } } },
	{ "BO_CREATE of system memory", DRM_IOCTL_VGPU_BO_CREATE,
	  fill_bo_system, { { 8, 8, 0 }, { 20, 4, 0 }, { 24, 4, 0 }, { 28, 4, 0 } } },
	{ "BO_REGISTER", DRM_IOCTL_VGPU_BO_REGISTER, fill_bo_register,
	  { { 16, 4, DRM_VGPU_BO_READ_ONLY }, { 20, 4, 0 } } },
	{ "BO_INFO", DRM_IOCTL_VGPU_BO_INFO, fill_bo_info,
	  { { 4, 4, 0 }, { 8, 4, 0 }, { 12, 4, 0 }, { 16, 8, 0 }, { 24, 8, 0 }, { 32, 8, 0 },
	    { 40, 8, 0 }, { 48, 8, 0 } } },
	{ "COMPACT", DRM_IOCTL_VGPU_COMPACT, fill_compact,
	  { { 8, 4, 0 }, { 12, 4, 0 } } },
	{ "CONTEXT_CREATE", DRM_IOCTL_VGPU_CONTEXT_CREATE, fill_context_create,
	  { { 0, 4, 0 }, { 4, 4, 0 } } },
	{ "CONTEXT_DESTROY", DRM_IOCTL_VGPU_CONTEXT_DESTROY,
	  fill_context_destroy, { { 4, 4, 0 } } },
	{ "MAP", DRM_IOCTL_VGPU_MAP, fill_map,
	  { { 32, 4, VGPU_MAP_F_READ_ONLY | VGPU_MAP_F_ANYWHERE }, { 36, 4, 0 } } },
	{ "UNMAP", DRM_IOCTL_VGPU_UNMAP, fill_unmap, { { 4, 4, 0 } } },
	{ "RING_CREATE", DRM_IOCTL_VGPU_RING_CREATE, fill_ring_create,
	  { { 16, 4, VGPU_RING_F_TIMES }, { 36, 4, 0 } } },
	{ "RING_DESTROY", DRM_IOCTL_VGPU_RING_DESTROY, fill_ring_destroy,
	  { { 4, 4, 0 } } },
	{ "RING_CONTROL", DRM_IOCTL_VGPU_RING_CONTROL, fill_ring_control, { } },
	{ "RING_INFO", DRM_IOCTL_VGPU_RING_INFO, fill_ring_info,
	  { { 4, 4, 0 }, { 8, 8, 0 }, { 16, 8, 0 } } },
	{ "KICK", DRM_IOCTL_VGPU_KICK, fill_kick,
	  { { 4, 4, DRM_VGPU_KICK_WAIT }, { 8, 8, 0 }, { 16, 8, 0 } } },
	{ "COUNTER_CREATE", DRM_IOCTL_VGPU_COUNTER_CREATE, fill_counter_create,
	  { { 4, 4, 0 } } },
	{ "COUNTER_SIGNAL", DRM_IOCTL_VGPU_COUNTER_SIGNAL, fill_counter_signal,
	  { { 4, 4, 0 } } },
	{ "COUNTER_READ", DRM_IOCTL_VGPU_COUNTER_READ, fill_counter,
	  { { 4, 4, 0 }, { 8, 8, 0 } } },
	{ "COUNTER_DESTROY", DRM_IOCTL_VGPU_COUNTER_DESTROY, fill_counter,
	  { { 4, 4, 0 }, { 8, 8, 0 } } },
	{ "SUBMIT", DRM_IOCTL_VGPU_SUBMIT, fill_submit, { { 4, 4, 0 } } },
	{ "KERNEL_CREATE", DRM_IOCTL_VGPU_KERNEL_CREATE, fill_kernel_create,
	  { { 24, 4, 0 }, { 28, 4, 0 } } },
	{ "KERNEL_DESTROY", DRM_IOCTL_VGPU_KERNEL_DESTROY,
	  fill_kernel_destroy, { { 4, 4, 0 } } },
	{ "KERNEL_INFO", DRM_IOCTL_VGPU_KERNEL_INFO, fill_kernel_info,
	  { { 4, 4, 0 }, { 8, 8, 0 }, { 16, 8, 0 }, { 24, 8, 0 }, { 32, 8, 0 } } },
	{ "ENGINE_ATTACH", DRM_IOCTL_VGPU_ENGINE_ATTACH, fill_engine_attach,
	  { { 0, 4, 0 }, { 4, 4, 0 } } },
};

#define N_RIGHTS	(sizeof(rights) / sizeof(rights[0]))

/* A virtual machine has nothing of engines, and says so whatever it is asked. */
static bool is_without(int fd, unsigned long nr)
{
	return _IOC_NR(nr) - DRM_COMMAND_BASE >= DRM_VGPU_KERNEL_CREATE &&
	       is_shared(fd);
}

/* What a right call says, where there is no engine and so no kernel. */
static int right_answer(int fd, unsigned long nr)
{
	if (is_without(fd, nr))
		return -EOPNOTSUPP;
	switch (nr) {
	case DRM_IOCTL_VGPU_KERNEL_CREATE:
		return -EOPNOTSUPP;
	case DRM_IOCTL_VGPU_KERNEL_DESTROY:
	case DRM_IOCTL_VGPU_KERNEL_INFO:
		return -ENOENT;
	default:
		return 0;
	}
}

/* Of any size; a file that it opens is closed, so that there may be another. */
static int call_right(int fd, unsigned long nr, void *args)
{
	int next = dup(fd), ret;

	close(next);
	ret = call(fd, nr, args);
	if (!ret && _IOC_NR(nr) == DRM_COMMAND_BASE + DRM_VGPU_ENGINE_ATTACH)
		close(next);
	return ret;
}

/* The same call with an argument of another size. */
static unsigned long resized(unsigned long nr, int more)
{
	return _IOC(_IOC_DIR(nr), _IOC_TYPE(nr), _IOC_NR(nr),
		    _IOC_SIZE(nr) + more);
}

FIXTURE(abi) {
	struct client c;
};

FIXTURE_SETUP(abi)
{
	ASSERT_TRUE(client_open(&self->c));
	ASSERT_TRUE(counter_make(&self->c));
}

FIXTURE_TEARDOWN(abi)
{
	client_close(&self->c);
}

TEST_F_TIMEOUT(abi, reserved, 120)
{
	const struct state state = state_of(self->c.fd);
	uint64_t args[16], *word;
	uint32_t i, k, bit;

	for (i = 0; i < N_RIGHTS; i++) {
		const struct right *r = &rights[i];

		for (k = 0; k < RESERVED_MAX && r->reserved[k].bytes; k++) {
			const struct reserved *f = &r->reserved[k];

			for (bit = 0; bit < f->bytes * 8; bit++) {
				if (f->known & 1ull << bit)
					continue;
				memset(args, 0, sizeof(args));
				r->fill(&self->c, args);
				word = (void *)((char *)args + (f->at & ~7u));
				*word |= 1ull << (bit + (f->at & 7) * 8);
				EXPECT_EQ(is_without(self->c.fd, r->nr) ?
						  -EOPNOTSUPP : -EINVAL,
					  call(self->c.fd, r->nr, args)) {
					TH_LOG("%s: bit %u at %u", r->name,
					       bit, f->at);
				}
			}
		}
		EXPECT_TRUE(state_is(self->c.fd, &state))
			TH_LOG("%s changed something", r->name);
	}
	/* And without, each works. */
	for (i = 0; i < N_RIGHTS; i++) {
		const struct right *r = &rights[i];
		struct client c;

		ASSERT_TRUE(client_for(&c, r->nr));
		memset(args, 0, sizeof(args));
		r->fill(&c, args);
		EXPECT_EQ(right_answer(c.fd, r->nr),
			  call_right(c.fd, r->nr, args))
			TH_LOG("%s", r->name);
		client_close(&c);
	}
}

/* With @more bytes, which nobody has a meaning for. */
static void try_longer(struct __test_metadata *_metadata,
		       const struct right *r, uint32_t more)
{
	uint32_t bytes = _IOC_SIZE(r->nr);
	unsigned long nr = resized(r->nr, more);
	char args[128] __attribute__((aligned(8))) = { 0 };
	char beyond[8];
	struct state state;
	struct client c;

	memset(beyond, 0xff, sizeof(beyond));
	ASSERT_TRUE(client_for(&c, r->nr));
	state = state_of(c.fd);
	r->fill(&c, args);
	args[bytes + more - 1] = 1;
	EXPECT_EQ(-EINVAL, call_right(c.fd, nr, args))
		TH_LOG("%s and %u", r->name, more);
	EXPECT_TRUE(state_is(c.fd, &state)) TH_LOG("%s", r->name);
	args[bytes + more - 1] = 0;
	memcpy(args + bytes + more, beyond, sizeof(beyond));
	EXPECT_EQ(right_answer(c.fd, r->nr), call_right(c.fd, nr, args))
		TH_LOG("%s and %u", r->name, more);
	while (more--)
		EXPECT_EQ(0, args[bytes++]) TH_LOG("%s", r->name);
	EXPECT_EQ(0, memcmp(args + bytes, beyond, sizeof(beyond)))
		TH_LOG("%s", r->name);
	client_close(&c);
}

/*
 * A structure of a newer program.  They grow by 8 bytes; a byte is not less
 * looked at for that.
 */
TEST_F_TIMEOUT(abi, longer, 120)
{
	uint32_t i;

	for (i = 0; i < N_RIGHTS; i++) {
		try_longer(_metadata, &rights[i], 8);
		try_longer(_metadata, &rights[i], 1);
	}
}

/* Without the last @less bytes, as if these were zero, and not touched. */
static void try_shorter(struct __test_metadata *_metadata,
			const struct right *r, uint32_t less)
{
	uint32_t at = _IOC_SIZE(r->nr) - less;
	char args[128] __attribute__((aligned(8))) = { 0 };
	char beyond[8];
	struct client c;
	int expected;

	memset(beyond, 0xff, sizeof(beyond));
	ASSERT_TRUE(client_for(&c, r->nr));
	r->fill(&c, args);
	memset(args + at, 0, less);
	expected = call_right(c.fd, r->nr, args);
	client_close(&c);

	memset(args, 0, sizeof(args));
	ASSERT_TRUE(client_for(&c, r->nr));
	r->fill(&c, args);
	memcpy(args + at, beyond, less);
	EXPECT_EQ(expected, call_right(c.fd, resized(r->nr, -(int)less), args))
		TH_LOG("%s but %u", r->name, less);
	EXPECT_EQ(0, memcmp(args + at, beyond, less)) TH_LOG("%s", r->name);
	client_close(&c);
}

/* One of an older program. */
TEST_F_TIMEOUT(abi, shorter, 120)
{
	uint32_t i;

	for (i = 0; i < N_RIGHTS; i++) {
		try_shorter(_metadata, &rights[i], 8);
		try_shorter(_metadata, &rights[i], 1);
	}
}

/* Numbers that nobody has. */
TEST_F(abi, unknown)
{
	static const uint8_t nrs[] = {
		0x07, 0x0f, 0x14, 0x17, 0x1c, 0x1f, 0x25, 0x27, 0x2c, 0x2f,
		0x31, 0x37, 0x3b, 0x3e, 0x40, 0x5f,
	};
	const struct state state = state_of(self->c.fd);
	uint64_t args[16] = { 0 };
	uint32_t i;

	for (i = 0; i < sizeof(nrs); i++) {
		EXPECT_EQ(-EINVAL, call(self->c.fd,
					DRM_IOWR(DRM_COMMAND_BASE + nrs[i],
						 uint64_t[16]), args))
			TH_LOG("number 0x%x", nrs[i]);
	}
	EXPECT_EQ(-ENOTTY, call(self->c.fd, _IOWR('v', 0x40, uint64_t), args));
	EXPECT_TRUE(state_is(self->c.fd, &state));
}

/* An argument that is not there. */
TEST_F(abi, unmapped)
{
	const struct state state = state_of(self->c.fd);
	char *hole = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t i;

	ASSERT_NE(MAP_FAILED, hole);
	ASSERT_EQ(0, munmap(hole + 4096, 4096));
	for (i = 0; i < N_RIGHTS; i++) {
		unsigned long nr = rights[i].nr;

		EXPECT_EQ(-EFAULT, call(self->c.fd, nr, NULL));
		EXPECT_EQ(-EFAULT, call(self->c.fd, nr, hole + 4096));
		EXPECT_EQ(-EFAULT, call(self->c.fd, nr, hole + 4096 - 4));
		EXPECT_EQ(-EFAULT, call(self->c.fd, nr, (void *)~0xfffull));
		/* Only what this kernel has not got. */
		EXPECT_EQ(-EFAULT, call(self->c.fd, resized(nr, 8),
					hole + 4096 - _IOC_SIZE(nr)));
		EXPECT_TRUE(state_is(self->c.fd, &state))
			TH_LOG("%s", rights[i].name);
	}
}

/* Where a call has an id, and what it says if nobody has it. */
static const struct {
	unsigned long nr;
	void (*fill)(struct client *c, void *args);
	uint32_t at;
	char kind;		/* handle, context, ring, counter, kernel */
} ids[] = {
	{ DRM_IOCTL_VGPU_BO_INFO, fill_bo_info, 0, 'h' },
	{ DRM_IOCTL_VGPU_CONTEXT_DESTROY, fill_context_destroy, 0, 'c' },
	{ DRM_IOCTL_VGPU_MAP, fill_map, 0, 'c' },
	{ DRM_IOCTL_VGPU_MAP, fill_map, 4, 'h' },
	{ DRM_IOCTL_VGPU_UNMAP, fill_unmap, 0, 'c' },
	{ DRM_IOCTL_VGPU_RING_CREATE, fill_ring_create, 0, 'c' },
	{ DRM_IOCTL_VGPU_RING_CREATE, fill_ring_create, 4, 'h' },
	{ DRM_IOCTL_VGPU_RING_CREATE, fill_ring_create, 28, 'n' },
	{ DRM_IOCTL_VGPU_RING_DESTROY, fill_ring_destroy, 0, 'r' },
	{ DRM_IOCTL_VGPU_RING_CONTROL, fill_ring_control, 0, 'r' },
	{ DRM_IOCTL_VGPU_RING_INFO, fill_ring_info, 0, 'r' },
	{ DRM_IOCTL_VGPU_KICK, fill_kick, 0, 'r' },
	{ DRM_IOCTL_VGPU_COUNTER_CREATE, fill_counter_create, 0, 'c' },
	{ DRM_IOCTL_VGPU_COUNTER_SIGNAL, fill_counter_signal, 0, 'n' },
	{ DRM_IOCTL_VGPU_COUNTER_READ, fill_counter, 0, 'n' },
	{ DRM_IOCTL_VGPU_COUNTER_DESTROY, fill_counter, 0, 'n' },
	{ DRM_IOCTL_VGPU_SUBMIT, fill_submit, 0, 'c' },
	{ DRM_IOCTL_VGPU_KERNEL_DESTROY, fill_kernel_destroy, 0, 'k' },
	{ DRM_IOCTL_VGPU_KERNEL_INFO, fill_kernel_info, 0, 'k' },
};

static bool ids_are_refused(struct __test_metadata *_metadata, int fd,
			    struct client *c, char kind, uint32_t id)
{
	const struct state state = state_of(fd);
	uint64_t args[16];
	bool all = true;
	uint32_t i;
	int ret;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		/* A ring without a counter is a right one. */
		if (ids[i].kind != kind || (!id && ids[i].at == 28) ||
		    is_without(fd, ids[i].nr))
			continue;
		memset(args, 0, sizeof(args));
		ids[i].fill(c, args);
		memcpy((char *)args + ids[i].at, &id, 4);
		ret = call(fd, ids[i].nr, args);
		if (ret == -ENOENT)
			continue;
		TH_LOG("call %lx, %c %x: %d", ids[i].nr, kind, id, ret);
		all = false;
	}
	return all && state_is(fd, &state);
}

TEST_F_TIMEOUT(abi, ids, 60)
{
	static const uint32_t bad[] = {
		0, ~0u, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 1023, 8192,
		0x3ff0000,
	};
	static const char kinds[] = "hcrnk";
	uint32_t i, k;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (k = 0; k < 5; k++)
			EXPECT_TRUE(ids_are_refused(_metadata, self->c.fd,
						    &self->c, kinds[k],
						    bad[i]));
}

/* Ids of what was, and of somebody else. */
TEST_F(abi, others)
{
	struct drm_vgpu_counter gone;
	struct client other;
	uint32_t stale, i;
	struct ring ring;

	ASSERT_TRUE(client_open(&other));
	/* So that ours are not the same by chance. */
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, context_create(other.fd, &other.context));
		ASSERT_EQ(0, bo_create(other.fd, DRM_VGPU_DOMAIN_VRAM, 4096, 0,
				       &other.vram));
		ASSERT_TRUE(counter_make(&other));
		munmap(other.ring.mem, other.ring.bytes);
		ASSERT_EQ(0, ring_create(other.fd, other.context, 8, NULL,
					 &other.ring));
	}
	EXPECT_TRUE(ids_are_refused(_metadata, self->c.fd, &self->c, 'c',
				    other.context));
	EXPECT_TRUE(ids_are_refused(_metadata, self->c.fd, &self->c, 'h',
				    other.vram));
	EXPECT_TRUE(ids_are_refused(_metadata, self->c.fd, &self->c, 'r',
				    other.ring.id));
	EXPECT_TRUE(ids_are_refused(_metadata, self->c.fd, &self->c, 'n',
				    other.counter));
	client_close(&other);

	ASSERT_EQ(0, context_create(self->c.fd, &stale));
	ASSERT_EQ(0, context_destroy(self->c.fd, stale));
	EXPECT_TRUE(ids_are_refused(_metadata, self->c.fd, &self->c, 'c',
				    stale));
	ASSERT_EQ(0, bo_create(self->c.fd, DRM_VGPU_DOMAIN_VRAM, 4096, 0,
			       &stale));
	ASSERT_EQ(0, bo_close(self->c.fd, stale));
	while (state_of(self->c.fd).used != 8192)
		usleep(1000);
	EXPECT_TRUE(ids_are_refused(_metadata, self->c.fd, &self->c, 'h',
				    stale));
	ASSERT_EQ(0, ring_create(self->c.fd, self->c.context, 8, NULL, &ring));
	ASSERT_EQ(0, ring_destroy(&ring));
	EXPECT_TRUE(ids_are_refused(_metadata, self->c.fd, &self->c, 'r',
				    ring.id));
	gone = (struct drm_vgpu_counter){ .counter = self->c.counter };
	ASSERT_EQ(0, call(self->c.fd, DRM_IOCTL_VGPU_COUNTER_DESTROY, &gone));
	EXPECT_TRUE(ids_are_refused(_metadata, self->c.fd, &self->c, 'n',
				    gone.counter));
}

TEST_HARNESS_MAIN
