// SPDX-License-Identifier: MIT
/*
 * The ends of things while they are in use: processes killed, files closed,
 * rings, contexts and devices taken away under threads that submit and wait.
 * Afterwards nothing is left, and a new client works.
 *
 * vm: fresh gpus=1 vram=128M
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "drm_util.h"

#define RINGS		4
#define ENTRIES		4096
#define BYTES		(4 * MIB)

struct work {
	int fd;
	uint32_t context;
	uint64_t a, b;
	uint32_t rings;
	struct ring ring[RINGS];
};

static bool work_start(struct work *w, uint32_t poll_us)
{
	struct drm_vgpu_ring_create how = { .poll_us = poll_us };
	uint32_t i, handle;

	memset(w, 0, sizeof(*w));
	w->fd = node_open(0);
	if (w->fd < 0 || context_create(w->fd, &w->context) ||
	    bo_create(w->fd, DRM_VGPU_DOMAIN_VRAM, BYTES, 0, &handle) ||
	    map(w->fd, w->context, handle, BYTES, 0, &w->a) ||
	    bo_create(w->fd, DRM_VGPU_DOMAIN_VRAM, BYTES, 0, &handle) ||
	    map(w->fd, w->context, handle, BYTES, 0, &w->b))
		return false;
	for (i = 0; i < RINGS; i++, w->rings++)
		if (ring_create(w->fd, w->context, ENTRIES, &how, &w->ring[i]))
			return false;
	return true;
}

/* Fill the rings with copies of all there is, more than can be done soon. */
static uint32_t work_submit(struct work *w)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_COPY };
	uint32_t i, k, n = 0;
	bool doorbell;

	for (i = 0; i < w->rings; i++)
		for (k = 0; k < ENTRIES; k++) {
			cmd.op[0] = k & 1 ? w->a : w->b;
			cmd.op[1] = k & 1 ? w->b : w->a;
			/* Some are small, so that many run at once. */
			cmd.op[2] = k % 8 ? BYTES : 4096;
			n += vgpu_ring_submit(&w->ring[i].r, &cmd, 1, 1,
					      &doorbell);
			if (doorbell)
				ring_kick(&w->ring[i], 0, 0, 0);
		}
	return n;
}

static void work_unmap(struct work *w)
{
	uint32_t i;

	for (i = 0; i < w->rings; i++)
		munmap(w->ring[i].mem, w->ring[i].bytes);
}

FIXTURE(life) {
	int fd;
	struct work w;
};

FIXTURE_VARIANT(life) {
	uint32_t poll_us;
};

FIXTURE_VARIANT_ADD(life, kicked) {
	.poll_us = 0,
};

FIXTURE_VARIANT_ADD(life, polled) {
	.poll_us = 100000,
};

FIXTURE_SETUP(life)
{
	self->fd = node_open(0);
	ASSERT_LE(0, self->fd);
	if (variant->poll_us &&
	    !(node_features(self->fd) & DRM_VGPU_FEATURE_POLLING))
		SKIP(return, "rings are not polled");
	self->w.fd = -1;
}

FIXTURE_TEARDOWN(life)
{
	struct work w;

	work_unmap(&self->w);
	if (self->w.fd >= 0)
		close(self->w.fd);
	EXPECT_TRUE(gpu_is_empty(self->fd));
	ASSERT_TRUE(work_start(&w, 0));
	EXPECT_EQ(0, ring_op(&w.ring[0], VGPU_CMD_COPY, w.a, w.b, 4096));
	work_unmap(&w);
	close(w.fd);
	EXPECT_TRUE(gpu_is_empty(self->fd));
	close(self->fd);
}

TEST_F_TIMEOUT(life, killed, 120)
{
	uint32_t round;
	int status, ready[2];
	pid_t child;
	char c;

	for (round = 0; round < 2 * test_scale(); round++) {
		ASSERT_EQ(0, pipe(ready));
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			if (!work_start(&self->w, variant->poll_us) ||
			    work_submit(&self->w) < 10000 ||
			    write(ready[1], "", 1) != 1)
				_exit(1);
			for (;;)
				ring_kick(&self->w.ring[0], DRM_VGPU_KICK_WAIT,
					  ~0ull, after_ms(100000));
		}
		close(ready[1]);
		ASSERT_EQ(1, read(ready[0], &c, 1));
		close(ready[0]);
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
		EXPECT_TRUE(gpu_is_empty(self->fd));
	}
}

/* What a thread did that another one pulled the ground from under. */
struct victim {
	struct work *w;
	int ret;
	bool stop;
};

static void *wait_in_kick(void *arg)
{
	struct victim *v = arg;

	v->ret = ring_kick(&v->w->ring[0], DRM_VGPU_KICK_WAIT, ~0ull,
			   after_ms(60000));
	return NULL;
}

static void *wait_in_wait(void *arg)
{
	struct drm_vgpu_wait wait = { .events = 0 };
	struct victim *v = arg;

	/* Until the device is idle for good, or the time is over. */
	do {
		wait.deadline_ns = after_ms(500);
		v->ret = call(v->w->fd, DRM_IOCTL_VGPU_WAIT, &wait);
	} while (!v->ret && !__atomic_load_n(&v->stop, __ATOMIC_RELAXED));
	return NULL;
}

static void *submit_on(void *arg)
{
	struct victim *v = arg;

	do {
		work_submit(v->w);
		v->ret = ring_kick(&v->w->ring[1], 0, 0, 0);
	} while (!v->ret);
	return NULL;
}

static void nothing(int signal)
{
}

/* A close does not end the calls that others are in; it waits for nobody. */
TEST_F_TIMEOUT(life, closed, 120)
{
	void *(*const run[])(void *arg) = {
		wait_in_kick, wait_in_wait, submit_on,
	};
	struct sigaction action = { .sa_handler = nothing };
	struct victim v[3];
	pthread_t threads[3];
	uint32_t i;

	ASSERT_TRUE(work_start(&self->w, variant->poll_us));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (i = 0; i < 3; i++) {
		v[i] = (struct victim){ .w = &self->w };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, run[i], &v[i]));
	}
	usleep(100000);
	ASSERT_EQ(0, close(self->w.fd));
	self->w.fd = -1;
	for (i = 0; i < 3; i++)
		__atomic_store_n(&v[i].stop, true, __ATOMIC_RELAXED);
	/* Interrupted, drmIoctl() makes the call again, and finds it closed. */
	pthread_kill(threads[0], SIGUSR1);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(-EBADF, v[0].ret);
	EXPECT_EQ(-EBADF, v[2].ret);
}

/* Destroyed while it is looked at, or runs, and while somebody waits. */
TEST_F_TIMEOUT(life, destroyed, 120)
{
	struct victim v = { .w = &self->w };
	pthread_t thread;
	uint32_t i, round;

	for (round = 0; round < 4 * test_scale(); round++) {
		ASSERT_TRUE(work_start(&self->w, variant->poll_us));
		ASSERT_LT(10000, work_submit(&self->w));
		ASSERT_EQ(0, pthread_create(&thread, NULL, wait_in_kick, &v));
		usleep(round * 5000);
		if (round & 1) {
			EXPECT_EQ(0, context_destroy(self->w.fd,
						     self->w.context));
			work_unmap(&self->w);
			self->w.rings = 0;
		} else {
			for (i = 0; i < RINGS; i++)
				EXPECT_EQ(0, ring_destroy(&self->w.ring[i]));
			self->w.rings = 0;
		}
		ASSERT_EQ(0, pthread_join(thread, NULL));
		/* It may have come too late to find the ring at all. */
		EXPECT_TRUE(v.ret == -ENODEV || v.ret == -ENOENT)
			TH_LOG("%d", v.ret);
		EXPECT_EQ(0, state_of(self->w.fd).rings);
		close(self->w.fd);
		self->w.fd = -1;
		EXPECT_TRUE(gpu_is_empty(self->fd));
	}
}

static void *make_rings(void *arg)
{
	struct victim *v = arg;
	uint32_t context;
	struct ring ring;
	int ret;

	while (!__atomic_load_n(&v->stop, __ATOMIC_RELAXED)) {
		ret = context_create(v->w->fd, &context);
		if (!ret)
			ret = ring_create(v->w->fd, context, 64, NULL, &ring);
		else
			continue;
		if (!ret)
			ring_op(&ring, VGPU_CMD_NOP, 0, 0, 0);
		if (ring.mem && ring.mem != MAP_FAILED)
			munmap(ring.mem, ring.bytes);
		bo_close(v->w->fd, ring.handle);
	}
	return NULL;
}

/* A client starts anew, while its threads go on making things. */
TEST_F_TIMEOUT(life, reset, 120)
{
	struct drm_vgpu_client_reset reset = { 0 };
	struct victim v = { .w = &self->w };
	uint32_t round, context, i;
	struct drm_vgpu_ring_info info = { 0 };
	struct state state;
	pthread_t threads[2];

	ASSERT_TRUE(work_start(&self->w, variant->poll_us));
	ASSERT_LT(10000, work_submit(&self->w));
	ASSERT_EQ(0, call(self->w.fd, DRM_IOCTL_VGPU_CLIENT_RESET, &reset));
	state = state_of(self->w.fd);
	EXPECT_EQ(0, state.contexts | state.mappings | state.rings);
	EXPECT_EQ(2 * BYTES, state.used);
	info.ring = self->w.ring[0].id;
	EXPECT_EQ(-ENOENT, call(self->w.fd, DRM_IOCTL_VGPU_RING_INFO, &info));
	EXPECT_EQ(0, context_create(self->w.fd, &context));

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, make_rings, &v));
	for (round = 0; round < 20 * test_scale(); round++) {
		EXPECT_EQ(0, call(self->w.fd, DRM_IOCTL_VGPU_CLIENT_RESET,
				  &reset));
		usleep(round % 4 * 1000);
	}
	v.stop = true;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	ASSERT_EQ(0, call(self->w.fd, DRM_IOCTL_VGPU_CLIENT_RESET, &reset));
	state = state_of(self->w.fd);
	EXPECT_EQ(0, state.contexts | state.mappings | state.rings);
}

/* A handle that is closed while another thread maps it, and makes rings of it. */
static void *close_handles(void *arg)
{
	struct victim *v = arg;
	uint32_t handle;

	while (!__atomic_load_n(&v->stop, __ATOMIC_RELAXED))
		for (handle = 1; handle < 16; handle++)
			bo_close(v->w->fd, handle);
	return NULL;
}

TEST_F_TIMEOUT(life, handles, 120)
{
	struct drm_vgpu_client_reset reset = { 0 };
	struct drm_vgpu_ring_create args;
	struct victim v = { .w = &self->w };
	uint32_t context, handle;
	pthread_t thread;
	uint64_t at;
	int64_t end;

	self->w.fd = node_open(0);
	ASSERT_LE(0, self->w.fd);
	ASSERT_EQ(0, context_create(self->w.fd, &context));
	ASSERT_EQ(0, pthread_create(&thread, NULL, close_handles, &v));
	end = after_ms(2000 * test_scale());
	while (now_ns() < end) {
		bo_create(self->w.fd, DRM_VGPU_DOMAIN_SYSTEM, 8192, 0, &handle);
		if (!map(self->w.fd, context, handle, 4096, 0, &at))
			ASSERT_EQ(0, unmap(self->w.fd, context, at));
		args = (struct drm_vgpu_ring_create){
			.context = context,
			.handle = handle,
			.sq_entries = 8,
			.cq_entries = 8,
		};
		if (!call(self->w.fd, DRM_IOCTL_VGPU_RING_CREATE, &args))
			ASSERT_EQ(0, call(self->w.fd,
					  DRM_IOCTL_VGPU_RING_DESTROY,
					  &(struct drm_vgpu_ring_destroy){
						args.ring, 0 }));
		/* Nobody else makes any: it is this one, if it is there. */
		bo_close(self->w.fd, handle);
	}
	v.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, call(self->w.fd, DRM_IOCTL_VGPU_CLIENT_RESET, &reset));
	/* An object that nobody closes would be here still. */
	EXPECT_EQ(0, state_of(self->w.fd).objects);
}

/* A signal interrupts a wait, and what happened meanwhile is not missed. */
TEST_F_TIMEOUT(life, signals, 60)
{
	struct sigaction action = { .sa_handler = nothing };
	struct victim v = { .w = &self->w };
	pthread_t thread;
	uint32_t i;

	ASSERT_TRUE(work_start(&self->w, variant->poll_us));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_in_kick, &v));
	/* drmIoctl() makes the call again each time. */
	for (i = 0; i < 100; i++) {
		pthread_kill(thread, SIGUSR1);
		usleep(500);
	}
	ASSERT_EQ(0, ring_destroy(&self->w.ring[0]));
	self->w.ring[0] = self->w.ring[--self->w.rings];
	ASSERT_EQ(0, pthread_join(thread, NULL));
	/* A call that was made again may not find the ring any more. */
	EXPECT_TRUE(v.ret == -ENODEV || v.ret == -ENOENT) TH_LOG("%d", v.ret);
}

/* The module stays as long as anything of it is left. */
static int unload(void)
{
	return syscall(SYS_delete_module, "vgpu", O_NONBLOCK) ? -errno : 0;
}

/* How often something keeps it. */
static int module_uses(void)
{
	FILE *f = fopen("/sys/module/vgpu/refcnt", "r");
	int n = -1;

	if (f && fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/* Whether it is kept @n times, in a while. */
static bool module_is_used(int n)
{
	int64_t end = after_ms(20000);

	while (module_uses() != n) {
		if (now_ns() > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* A SUBMIT's fence, as a file; the submission has ended. */
static int submit_fence(int fd)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_CLEAR };
	struct drm_vgpu_sync out = { 0 };
	struct drm_vgpu_submit args = {
		.n_commands = 1,
		.stride = sizeof(cmd),
		.commands = (uintptr_t)&cmd,
		.n_out = 1,
		.out = (uintptr_t)&out,
	};
	struct pollfd p = { .events = POLLIN };
	uint32_t handle;
	uint64_t at;

	if (context_create(fd, &args.context) ||
	    bo_create(fd, DRM_VGPU_DOMAIN_VRAM, 4096, 4096, &handle) ||
	    map(fd, args.context, handle, 4096, 0, &at) ||
	    drmSyncobjCreate(fd, 0, &out.handle))
		return -1;
	cmd.op[0] = at;
	cmd.op[1] = 4096;
	if (call(fd, DRM_IOCTL_VGPU_SUBMIT, &args) ||
	    drmSyncobjExportSyncFile(fd, out.handle, &p.fd))
		return -1;
	return poll(&p, 1, 20000) == 1 ? p.fd : -1;
}

TEST_F(life, module)
{
	uint32_t handle;
	int fd, dmabuf, fence;
	void *p, *q;

	EXPECT_EQ(-EWOULDBLOCK, unload());
	fd = self->fd;
	ASSERT_EQ(0, bo_create(fd, DRM_VGPU_DOMAIN_VRAM, 4096, 4096, &handle));
	p = bo_mmap(fd, handle);
	ASSERT_NE(MAP_FAILED, p);
	close(fd);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	memset(p, 1, 4096);
	munmap(p, 4096);

	fd = node_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bo_create(fd, DRM_VGPU_DOMAIN_VRAM, 4096, 4096, &handle));
	ASSERT_EQ(0, drmPrimeHandleToFD(fd, handle, DRM_CLOEXEC | DRM_RDWR,
					&dmabuf));
	close(fd);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, q);
	close(dmabuf);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	munmap(q, 4096);

	fd = node_open(0);
	ASSERT_LE(0, fd);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, DRM_VGPU_MMAP_CLIENT);
	ASSERT_NE(MAP_FAILED, p);
	close(fd);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	munmap(p, 4096);

	/* A fence that has ended, when all else of it has gone. */
	fd = node_open(0);
	ASSERT_LE(0, fd);
	fence = submit_fence(fd);
	ASSERT_LE(0, fence);
	close(fd);
	EXPECT_TRUE(module_is_used(1)) TH_LOG("%d", module_uses());
	EXPECT_EQ(-EWOULDBLOCK, unload());
	close(fence);
	EXPECT_TRUE(module_is_used(0)) TH_LOG("%d", module_uses());
	self->fd = node_open(0);
	ASSERT_LE(0, self->fd);
}

TEST_HARNESS_MAIN
