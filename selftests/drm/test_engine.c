// SPDX-License-Identifier: MIT
/*
 * The engine channel of the module: launches go to worker processes, and come
 * back.
 */
#include <pthread.h>
#include <setjmp.h>
#include <sys/syscall.h>

#include "engine_client.h"

/* Without an engine. */
FIXTURE(alone) {
	int fd;
};

FIXTURE_SETUP(alone)
{
	self->fd = node_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(alone)
{
	close(self->fd);
}

TEST_F(alone, no_capability)
{
	int engine, status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (setresuid(65534, 65534, 65534))
			_exit(99);
		_exit(-fake_attach(self->fd, &engine));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(EACCES, WEXITSTATUS(status));
}

TEST_F(alone, no_engine)
{
	struct vgpu_engine_info engine;
	struct fake_code code;
	struct client c;

	ASSERT_EQ(0, client_open(&c));
	code_init(&code);
	EXPECT_EQ(-EOPNOTSUPP, kernel_create(&c, &code, &c.kernel));
	EXPECT_EQ(-EOPNOTSUPP, launch(&c, ACT_END, 0, 0, 0));
	EXPECT_EQ(0, info(c.fd).status & VGPU_STATUS_ENGINE);
	EXPECT_EQ(0, info(c.fd).features & VGPU_FEATURE_SPIRV);
	memset(&engine, 1, sizeof(engine));
	EXPECT_EQ(0, query(c.fd, DRM_VGPU_QUERY_ENGINE, &engine,
			   sizeof(engine)));
	EXPECT_EQ(0, engine.features);
	EXPECT_EQ(0, engine.max_ranges);
	client_close(&c);
}

TEST_F(alone, attach)
{
	struct drm_vgpu_engine_attach args = { .flags = 1 };
	struct vgpu_engine_info good, bad;
	struct vgpu_engine_next next;
	int engine, other, fd;

	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_ENGINE_ATTACH, &args));
	ASSERT_EQ(0, fake_attach(self->fd, &engine));
	EXPECT_EQ(-EBUSY, fake_attach(self->fd, &other));
	EXPECT_EQ(0, info(self->fd).status & VGPU_STATUS_ENGINE);
	EXPECT_EQ(-ENODATA, fake_open(engine, 1, &fd));

	fake_info(&good);
	bad = good;
	memset(bad.name, 'x', sizeof(bad.name));
	EXPECT_EQ(-1, ioctl(engine, VGPU_ENGINE_IOCTL_INFO, &bad));
	bad = good;
	bad.features |= VGPU_FEATURE_COMPACT;
	EXPECT_EQ(-1, ioctl(engine, VGPU_ENGINE_IOCTL_INFO, &bad));
	bad = good;
	bad.features = VGPU_FEATURE_ALIAS;
	EXPECT_EQ(-1, ioctl(engine, VGPU_ENGINE_IOCTL_INFO, &bad));
	bad = good;
	bad.max_grid[1] = 0;
	EXPECT_EQ(-1, ioctl(engine, VGPU_ENGINE_IOCTL_INFO, &bad));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, ioctl(engine, VGPU_ENGINE_IOCTL_INFO, &good));
	EXPECT_EQ(-1, ioctl(engine, VGPU_ENGINE_IOCTL_INFO, &good));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_NE(0, info(self->fd).status & VGPU_STATUS_ENGINE);
	EXPECT_NE(0, info(self->fd).features & VGPU_FEATURE_SPIRV);
	EXPECT_EQ(0, query(self->fd, DRM_VGPU_QUERY_ENGINE, &bad, sizeof(bad)));
	EXPECT_EQ(0, memcmp(&good, &bad, sizeof(bad)));
	EXPECT_EQ(-ENOENT, fake_open(engine, 0x7fffffff, &fd));
	EXPECT_EQ(-1, ioctl(engine, 0x1234, 0));
	EXPECT_EQ(ENOTTY, errno);
	fcntl(engine, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(-1, ioctl(engine, VGPU_ENGINE_IOCTL_NEXT, &next));
	EXPECT_EQ(EAGAIN, errno);

	close(engine);
	EXPECT_EQ(0, info(self->fd).status & VGPU_STATUS_ENGINE);
	ASSERT_EQ(0, fake_attach(self->fd, &engine));
	close(engine);
}

TEST_F(alone, rmmod)
{
	int engine;

	ASSERT_EQ(0, fake_attach(self->fd, &engine));
	close(self->fd);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "vgpu", O_NONBLOCK));
	EXPECT_EQ(EWOULDBLOCK, errno);
	close(engine);
	self->fd = node_open(0);
	EXPECT_LE(0, self->fd);
}

static sigjmp_buf escape;

static void on_bus(int sig)
{
	siglongjmp(escape, 1);
}

static bool faults(unsigned char *p)
{
	if (sigsetjmp(escape, 1))
		return true;
	__atomic_store_n(p, 1, __ATOMIC_RELAXED);
	return false;
}

static void *creator(void *arg)
{
	struct fake_code code;
	struct client *c = arg;

	code_init(&code);
	return (void *)(intptr_t)kernel_create(c, &code, &c->kernel);
}

static int open_with(int engine, uint32_t tenant, uint32_t flags, int32_t fd,
		     uint32_t pad)
{
	struct vgpu_engine_open open = {
		.tenant = tenant, .flags = flags, .fd = fd, .pad = pad,
	};

	return ioctl(engine, VGPU_ENGINE_IOCTL_OPEN, &open) ? -errno : 0;
}

/* Where the answer cannot be written. */
static int open_read_only(int engine, uint32_t tenant)
{
	struct vgpu_engine_open *open;
	int ret;

	open = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (open == MAP_FAILED)
		return -errno;
	open->tenant = tenant;
	ret = mprotect(open, 4096, PROT_READ);
	if (!ret)
		ret = ioctl(engine, VGPU_ENGINE_IOCTL_OPEN, open);
	ret = ret ? -errno : 0;
	munmap(open, 4096);
	return ret;
}

/* What a worker may map, and until when; this process is one. */
TEST_F(alone, channel)
{
	static struct fake_worker w;
	struct vgpu_engine_info good;
	struct vgpu_engine_next next;
	struct pollfd poller = { .events = POLLIN };
	int engine, fd, other;
	struct vgpu_cmd cmd;
	struct client c;
	pthread_t thread;
	void *ret;
	uint64_t n;

	ASSERT_EQ(0, fake_attach(self->fd, &engine));
	fake_info(&good);
	ASSERT_EQ(0, ioctl(engine, VGPU_ENGINE_IOCTL_INFO, &good));
	ASSERT_EQ(0, client_open(&c));
	ASSERT_EQ(0, pthread_create(&thread, NULL, creator, &c));
	ASSERT_EQ(1, poll(&(struct pollfd){ engine, POLLIN, 0 }, 1, 60000));
	EXPECT_EQ(-1, ioctl(engine, VGPU_ENGINE_IOCTL_NEXT, NULL));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(0, ioctl(engine, VGPU_ENGINE_IOCTL_NEXT, &next));
	EXPECT_EQ(getpid(), (int)next.pid);
	/* What is wrong is found before the tenant is looked for. */
	EXPECT_EQ(-EINVAL, open_with(engine, next.tenant, 1, 0, 0));
	EXPECT_EQ(-EINVAL, open_with(engine, next.tenant, 1u << 31, 0, 0));
	EXPECT_EQ(-EINVAL, open_with(engine, next.tenant, 0, 1, 0));
	EXPECT_EQ(-EINVAL, open_with(engine, next.tenant, 0, -1, 0));
	EXPECT_EQ(-EINVAL, open_with(engine, next.tenant, 0, 0, 1));
	EXPECT_EQ(-EINVAL, open_with(engine, 0x7fffffff, 0, 0, 1u << 31));
	EXPECT_EQ(-1, ioctl(engine, VGPU_ENGINE_IOCTL_OPEN, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EFAULT, open_read_only(engine, next.tenant));
	EXPECT_EQ(-ENOENT, open_with(engine, 0, 0, 0, 0));
	ASSERT_EQ(0, fake_open(engine, next.tenant, &fd));
	EXPECT_EQ(-EBUSY, fake_open(engine, next.tenant, &other));
	w.shared = fake_shared_create();
	ASSERT_EQ(0, fake_worker_init(&w, fd));
	ASSERT_EQ(1, vgpu_ring_consume(&w.c, &cmd, 1));
	EXPECT_EQ(VGPU_ENGINE_BUILD, cmd.opcode);
	fake_run(&w, (struct vgpu_engine_cmd *)&cmd);
	pthread_join(thread, &ret);
	EXPECT_EQ(NULL, ret);

	/* The doorbell of the host. */
	poller.fd = fd;
	EXPECT_EQ(0, poll(&poller, 1, 0));
	ASSERT_TRUE(vgpu_ring_prepare_sleep(&w.c));
	ASSERT_EQ(0, launch_only(&c, ACT_END, 0));
	EXPECT_EQ(1, poll(&poller, 1, 5000));
	EXPECT_EQ(POLLIN, poller.revents);
	EXPECT_EQ(8, read(fd, &n, sizeof(n)));
	EXPECT_EQ(1, n);
	EXPECT_EQ(0, poll(&poller, 1, 0));
	ASSERT_EQ(1, vgpu_ring_consume(&w.c, &cmd, 1));
	fake_run(&w, (struct vgpu_engine_cmd *)&cmd);
	ASSERT_EQ(0, ring_finish(&c.ring));

	/* Rights, and ends. */
	EXPECT_EQ(MAP_FAILED, fake_map(fd, VGPU_ENGINE_MMAP_SLOTS, 4096,
				       PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_NE(0, mprotect((void *)(uintptr_t)w.slots, 4096,
			      PROT_READ | PROT_WRITE));
	ret = fake_map(fd, VGPU_ENGINE_MMAP_CONTROL + 4096, 4096, PROT_READ);
	EXPECT_NE(MAP_FAILED, ret);
	EXPECT_NE(0, mprotect(ret, 4096, PROT_READ | PROT_WRITE));
	EXPECT_EQ(MAP_FAILED, fake_map(fd, VGPU_ENGINE_MMAP_CONTROL + 4096, 4096,
				       PROT_READ | PROT_WRITE));
	EXPECT_EQ(MAP_FAILED, fake_map(fd, VGPU_ENGINE_MMAP_CONTROL, 8192,
				       PROT_READ));
	EXPECT_EQ(MAP_FAILED, fake_map(fd, VGPU_ENGINE_MMAP_RING, 1 << 20,
				       PROT_READ));
	EXPECT_EQ(MAP_FAILED, fake_map(fd, VGPU_ENGINE_MMAP_VRAM,
				       w.layout.vram_bytes + 4096, PROT_READ));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd,
				   VGPU_ENGINE_MMAP_VRAM));

	/* VRAM is the client's, and is gone with the engine. */
	w.vram[0] = 1;
	c.vram[1] = 0x01020304;
	signal(SIGBUS, on_bus);
	EXPECT_FALSE(faults(w.vram));
	EXPECT_FALSE(faults(w.vram + w.layout.vram_bytes - 1));
	close(engine);
	EXPECT_TRUE(faults(w.vram));
	EXPECT_TRUE(faults(w.vram + 4096));
	EXPECT_EQ(0x01020304, c.vram[1]);
	EXPECT_EQ(1, poll(&poller, 1, 0));
	EXPECT_NE(0, poller.revents & POLLHUP);
	EXPECT_EQ(0, read(fd, &n, sizeof(n)));
	EXPECT_EQ(-1, ioctl(fd, VGPU_ENGINE_IOCTL_DOORBELL));
	EXPECT_EQ(ENODEV, errno);
	/* The client's device may go before the worker's mappings. */
	client_close(&c);
	EXPECT_TRUE(gpu_is_empty(self->fd));
	EXPECT_TRUE(faults(w.vram));
	munmap(w.vram, w.layout.vram_bytes);
	close(fd);
}

TEST_F(engine, fill)
{
	struct client *c = &self->c;
	int i;

	ASSERT_EQ(0, launch(c, ACT_FILL, 0, 0x11223344, 0));
	EXPECT_EQ(0x11223344, c->vram[0]);
	EXPECT_EQ(0x11223344, c->vram[VRAM_BYTES / 4 - 1]);
	for (i = 1; i < 1000; i++) {
		ASSERT_EQ(0, launch(c, ACT_FILL, 0, i, 0));
		ASSERT_EQ(i, c->vram[i]);
	}
	EXPECT_EQ(1, self->shared->workers);
	EXPECT_EQ(1, self->shared->builds);
	EXPECT_EQ(1000, statistics(c).launches);
	EXPECT_EQ(0, statistics(c).engine_dropped);
}

TEST_F(engine, statuses)
{
	static const int believed[] = { EINVAL, EIO, ENOMEM, ETIMEDOUT, EFAULT };
	struct client *c = &self->c;
	unsigned int i;

	for (i = 0; i < sizeof(believed) / sizeof(believed[0]); i++)
		EXPECT_EQ(-believed[i], launch(c, ACT_END, -believed[i], 0, 0));
	EXPECT_EQ(-EIO, launch(c, ACT_END, 1, 0, 0));
	EXPECT_EQ(-EIO, launch(c, ACT_END, -EPERM, 0, 0));
	EXPECT_EQ(-EIO, launch(c, ACT_END, INT32_MIN, 0, 0));
	EXPECT_EQ(0, launch(c, ACT_END, 0, 0, 0));
}

TEST_F(engine, many)
{
	struct vgpu_completion done[64];
	struct vgpu_cmd cmds[250];
	struct client *c = &self->c;
	uint32_t i, n, left;
	int round;

	act_set(c, ACT_END, 0, 0);
	for (i = 0; i < 250; i++)
		cmds[i] = launch_cmd(c, 0);
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, ring_submit(&c->ring, cmds, 250));
		ASSERT_EQ(0, ring_finish(&c->ring));
		for (left = 250; left; left -= n) {
			n = vgpu_ring_reap(&c->ring.reaper, done, 64);
			ASSERT_NE(0, n);
			for (i = 0; i < n; i++)
				ASSERT_EQ(0, done[i].status);
		}
		if (vgpu_ring_reap_release(&c->ring.reaper))
			ring_kick(&c->ring, 0, 0, 0);
	}
	EXPECT_EQ(1, self->shared->workers);
	EXPECT_EQ(5000, self->shared->launches);
}

TEST_F(engine, kernels)
{
	struct drm_vgpu_kernel_info args = { 0 };
	struct client *c = &self->c;
	struct fake_code code;
	uint32_t kernel, i;

	code_init(&code);
	code.info.used = 0x8001;
	code.info.written = 0x8000;
	code.info.const_bytes = 128;
	code.info.workgroup[1] = 7;
	code.info.features = VGPU_FEATURE_INT64;
	ASSERT_EQ(0, kernel_create(c, &code, &kernel));
	args.kernel = kernel;
	ASSERT_EQ(0, call(c->fd, DRM_IOCTL_VGPU_KERNEL_INFO, &args));
	EXPECT_EQ(0, memcmp(&args.info, &code.info, sizeof(code.info)));
	EXPECT_EQ(0, kernel_destroy(c, kernel));
	EXPECT_EQ(-ENOENT, kernel_destroy(c, kernel));
	memset(&args, 0, sizeof(args));
	args.kernel = kernel;
	EXPECT_EQ(-ENOENT, call(c->fd, DRM_IOCTL_VGPU_KERNEL_INFO, &args));

	/* A refusal has a line; what cannot be is the worker's fault. */
	code.status = -EINVAL;
	memcpy(code.message, "no\nsuch \x1b thing", 16);
	EXPECT_EQ(-EINVAL, kernel_create(c, &code, &kernel));
	EXPECT_STREQ("no?such ? thing", c->message);
	code.status = -4;
	EXPECT_EQ(-EIO, kernel_create(c, &code, &kernel));
	code.status = 0;
	code.info.features = VGPU_FEATURE_FLOAT64;
	EXPECT_EQ(-EIO, kernel_create(c, &code, &kernel));
	code.info.features = 0;
	code.info.written = 0x18000;
	EXPECT_EQ(-EIO, kernel_create(c, &code, &kernel));
	code_init(&code);
	code.info.workgroup[2] = 0;
	EXPECT_EQ(-EIO, kernel_create(c, &code, &kernel));

	/* Slots of numbers are used again. */
	code_init(&code);
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, kernel_create(c, &code, &kernel));
		ASSERT_EQ(0, kernel_destroy(c, kernel));
	}
	for (i = 0; !kernel_create(c, &code, &kernel); i++)
		;
	EXPECT_EQ(254, i);
	EXPECT_EQ(-ENOSPC, kernel_create(c, &code, &kernel));
	/* They go with their context. */
	ASSERT_EQ(0, context_destroy(c->fd, c->context));
	EXPECT_EQ(0, statistics(c).kernels);
	EXPECT_EQ(1, self->shared->workers);
}

static int info_with(int fd, uint32_t kernel, uint32_t pad, uint32_t at)
{
	struct drm_vgpu_kernel_info args = { .kernel = kernel, .pad = pad };

	if (at)
		((uint8_t *)&args)[at] = 1;
	return call(fd, DRM_IOCTL_VGPU_KERNEL_INFO, &args);
}

static int destroy_with(int fd, uint32_t kernel, uint32_t pad)
{
	struct drm_vgpu_kernel_destroy args = { .kernel = kernel, .pad = pad };

	return call(fd, DRM_IOCTL_VGPU_KERNEL_DESTROY, &args);
}

/* A kernel is its client's, and stays when a call is malformed. */
TEST_F(engine, bad_ids)
{
	static const uint32_t bad[] = { 0, ~0u, 0xffff, 0x10000, 1023, 1u << 31 };
	struct client *c = &self->c, other;
	uint32_t kernel, i, context;
	struct fake_code code;

	code_init(&code);
	ASSERT_EQ(0, client_open(&other));
	/* So that its ids are not ours by chance. */
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, kernel_create(&other, &code, &kernel));
		ASSERT_EQ(0, context_create(other.fd, &context));
	}
	EXPECT_EQ(-ENOENT, info_with(c->fd, kernel, 0, 0));
	EXPECT_EQ(-ENOENT, destroy_with(c->fd, kernel, 0));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-ENOENT, info_with(c->fd, bad[i], 0, 0));
		EXPECT_EQ(-ENOENT, destroy_with(c->fd, bad[i], 0));
	}
	for (i = 0; i < 32; i++) {
		EXPECT_EQ(-EINVAL, info_with(c->fd, c->kernel, 1u << i, 0));
		EXPECT_EQ(-EINVAL, destroy_with(c->fd, c->kernel, 1u << i));
	}
	for (i = 8; i < sizeof(struct drm_vgpu_kernel_info); i++)
		EXPECT_EQ(-EINVAL, info_with(c->fd, c->kernel, 0, i));

	/* Nor can one be made in a context of another's. */
	i = c->context;
	c->context = context;
	EXPECT_EQ(-ENOENT, kernel_create(c, &code, &context));
	c->context = 0;
	EXPECT_EQ(-ENOENT, kernel_create(c, &code, &context));
	c->context = i;

	EXPECT_EQ(1, statistics(c).kernels);
	EXPECT_EQ(8, statistics(&other).kernels);
	EXPECT_EQ(0, info_with(c->fd, c->kernel, 0, 0));
	EXPECT_EQ(0, info_with(other.fd, kernel, 0, 0));
	EXPECT_EQ(0, launch(c, ACT_END, 0, 0, 0));
	client_close(&other);
}

TEST_F(engine, bad_kernels)
{
	struct {
		struct vgpu_kernel_desc desc;
		struct vgpu_kernel_spec spec;
		uint32_t code[4];
	} blob = {
		.desc = {
			.format = VGPU_KERNEL_SPIRV,
			.code_bytes = 16,
			.n_specs = 1,
			.entry = "main",
		},
		.spec = { .bytes = 4 },
	}, bad;
	struct drm_vgpu_kernel_create good = {
		.context = self->c.context,
		.bytes = sizeof(blob),
		.pointer = (uintptr_t)&bad,
	}, args;
	struct fake_code code;
	uint32_t kernel;

#define TRY(field, value, ret) do {					\
	bad = blob;							\
	args = good;							\
	field = value;							\
	EXPECT_EQ(ret, call(self->c.fd, DRM_IOCTL_VGPU_KERNEL_CREATE,	\
			    &args));					\
} while (0)
	TRY(bad.desc.format, VGPU_KERNEL_WGSL, -EOPNOTSUPP);
	TRY(bad.desc.format, VGPU_KERNEL_NATIVE, -EOPNOTSUPP);
	TRY(bad.desc.flags, 1, -EINVAL);
	TRY(bad.desc.code_bytes, 0, -EINVAL);
	TRY(bad.desc.code_bytes, 12, -EINVAL);
	TRY(bad.desc.code_bytes, VGPU_MAX_CODE_BYTES + 4, -EINVAL);
	TRY(bad.desc.n_specs, 2, -EINVAL);
	TRY(bad.desc.n_specs, 0x10000001, -EINVAL);
	TRY(bad.spec.bytes, 3, -EINVAL);
	TRY(bad.desc.entry[0], 0, -EINVAL);
	TRY(args.bytes, 8, -EINVAL);
	TRY(args.bytes, 0xffffffff, -EINVAL);
	TRY(args.kernel, 1, -EINVAL);
	TRY(args.pointer, 16, -EFAULT);
	TRY(args.message_bytes, 1, -EINVAL);
	memset(blob.desc.entry, 'x', sizeof(blob.desc.entry));
	TRY(args.kernel, 0, -EINVAL);
#undef TRY
	/* It is refused, and where to say why is not there. */
	code_init(&code);
	code.status = -EINVAL;
	EXPECT_EQ(-EFAULT, kernel_create_to(&self->c, &code, (char *)16, 64,
					    &kernel));
	EXPECT_EQ(-EINVAL, kernel_create_to(&self->c, &code, (char *)16, 0,
					    &kernel));
	EXPECT_EQ(1, statistics(&self->c).kernels);
	EXPECT_EQ(0, launch(&self->c, ACT_END, 0, 0, 0));
}

TEST_F(engine, two_tenants)
{
	struct client *a = &self->c, b;
	struct drm_vgpu_bo_info at_a, at_b;
	uint32_t i;

	ASSERT_EQ(0, client_ready(&b));
	EXPECT_EQ(2, self->shared->workers);
	/* The same place in both VRAMs. */
	ASSERT_EQ(0, bo_info(a->fd, a->vram_bo, &at_a));
	ASSERT_EQ(0, bo_info(b.fd, b.vram_bo, &at_b));
	EXPECT_EQ(at_a.offset, at_b.offset);
	ASSERT_EQ(0, launch(a, ACT_FILL, 0, 0xaaaaaaaa, 0));
	for (i = 0; i < VRAM_BYTES / 4; i++)
		ASSERT_EQ(0, b.vram[i]);
	ASSERT_EQ(0, launch(&b, ACT_FILL, 0, 0xbbbbbbbb, 0));
	for (i = 0; i < VRAM_BYTES / 4; i++)
		ASSERT_EQ(0xaaaaaaaa, a->vram[i]);
	client_close(&b);
	ASSERT_EQ(0, launch(a, ACT_FILL, 0, 1, 0));
}

TEST_F(engine, run_time)
{
	struct client *c = &self->c;
	struct drm_vgpu_statistics before = statistics(c), after;

	ASSERT_EQ(0, launch(c, ACT_SLEEP, 0, 200, 0));
	after = statistics(c);
	EXPECT_LE(190 * 1000000, after.busy_ns - before.busy_ns);
	EXPECT_LE(190 * 1000000, after.gpu_busy_ns - before.gpu_busy_ns);
	EXPECT_LT(after.busy_ns - before.busy_ns, 2000 * 1000000ull);
}

TEST_HARNESS_MAIN
