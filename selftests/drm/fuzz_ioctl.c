// SPDX-License-Identifier: MIT
/*
 * Random calls of the render node, right ones and wrong ones, by several
 * processes of several threads each, which share clients and what these have:
 * contexts, buffers, mappings, rings, counters, dma-bufs.  It passes if the
 * machine and its log do.
 *
 *	fuzz_ioctl [SECONDS [SEED]]
 *
 * Without SECONDS it takes VGPU_FUZZ_S of the environment, or 10.  A thread's calls
 * follow from SEED, which is printed; how threads mix does not.
 *
 * vm: fresh gpus=2 vram=64M
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "drm_util.h"

/* Zero is what most of them are. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define PROCESSES	3
#define THREADS		3
#define CLIENTS		3
#define IDS		16
#define AREA_BYTES	(256u << 10)

/* What the threads of a process know of a client; they race for it. */
struct known {
	int fd;
	uint32_t context[IDS];
	uint32_t handle[IDS];
	uint32_t ring[IDS];
	uint32_t counter[IDS];
	uint64_t address[IDS];
};

static struct known clients[CLIENTS];
static int dmabufs[IDS];
static char *area;			/* memory to be registered */
static int64_t end_ns;

struct dice {
	uint64_t state;
	uint64_t calls;
	uint64_t right;
};

static uint32_t roll(struct dice *d, uint32_t n)
{
	d->state = d->state * 6364136223846793005ull + 1442695040888963407ull;
	return (d->state >> 33) % n;
}

/* A number that something might be done with, or that nothing has. */
static uint64_t number(struct dice *d)
{
	static const uint64_t special[] = {
		0, 1, 2, 3, 8, 64, 255, 256, 4096, 4097, 8192, 65536, 1 << 20,
		1 << 26, 1ull << 31, ~0u, 1ull << 32, 1ull << 40, 1ull << 47,
		1ull << 63, ~0ull, -4096ull, -256ull,
	};
	uint64_t n = special[roll(d, sizeof(special) / sizeof(special[0]))];

	switch (roll(d, 4)) {
	case 0:
		return n + roll(d, 3) - 1;
	case 1:
		return (uint64_t)roll(d, 1u << 31) << roll(d, 34);
	default:
		return n;
	}
}

static uint32_t pick(struct dice *d, const uint32_t *ids)
{
	if (!roll(d, 40))
		return number(d);
	return ids[roll(d, IDS)];
}

/* Half of what is made is forgotten at once, and lives on nameless. */
static void keep(struct dice *d, uint32_t *ids, uint32_t id)
{
	if (id)
		ids[roll(d, IDS)] = id;
}

/* The case of one call: its arguments. */
#define ARGS(NR, type, ...)						\
	case DRM_IOCTL_VGPU_##NR:					\
		*(struct drm_vgpu_##type *)args =			\
			(struct drm_vgpu_##type){ __VA_ARGS__ };	\
		break

static void make_args(struct dice *d, struct known *c, unsigned long nr,
		      void *args)
{
	const uint64_t sizes[] = { 256, 4096, 8192, 65536, 1 << 20 };
	uint64_t size = sizes[roll(d, 5)];
	uint32_t entries = 8u << roll(d, 5);

	switch (nr) {
	ARGS(QUERY, query, roll(d, 6), roll(d, 256), (uintptr_t)area);
	ARGS(CLIENT_INIT, client_init, roll(d, 2) ? 0 : 16 << 20, 0);
	ARGS(CLIENT_LIMIT, client_limit, roll(d, 3) ? 0 : size * 16);
	ARGS(CLIENT_RESET, client_reset, 0);
	ARGS(REGISTER, register, roll(d, 65) * 4, 4, roll(d, 2));
	ARGS(EVENT, event, roll(d, 33), -1);
	ARGS(WAIT, wait, roll(d, 2) ? 0 : ~0ull, after_ms(roll(d, 3)));
	ARGS(BO_CREATE, bo_create, size, 0, 1 + roll(d, 2));
	ARGS(BO_REGISTER, bo_register,
	     (uintptr_t)area + roll(d, 32) * 4096, 4096 << roll(d, 5),
	     roll(d, 2));
	ARGS(BO_INFO, bo_info, pick(d, c->handle));
	ARGS(COMPACT, compact, roll(d, 2) ? ~0ull : size);
	ARGS(CONTEXT_CREATE, context_create, 0);
	ARGS(CONTEXT_DESTROY, context_destroy, pick(d, c->context));
	ARGS(MAP, map, pick(d, c->context), pick(d, c->handle), 0,
	     roll(d, 4) ? 0 : 256, size, VGPU_MAP_F_ANYWHERE | roll(d, 2));
	ARGS(UNMAP, unmap, pick(d, c->context), 0, c->address[roll(d, IDS)]);
	ARGS(RING_CREATE, ring_create, pick(d, c->context),
	     pick(d, c->handle), entries, entries, roll(d, 2), roll(d, 4),
	     roll(d, 32), roll(d, 3) ? 0 : pick(d, c->counter),
	     roll(d, 2) ? 0 : roll(d, 3000));
	ARGS(RING_DESTROY, ring_destroy, pick(d, c->ring));
	ARGS(RING_CONTROL, ring_control, pick(d, c->ring), roll(d, 5));
	ARGS(RING_INFO, ring_info, pick(d, c->ring));
	ARGS(KICK, kick, pick(d, c->ring), 0);
	ARGS(COUNTER_CREATE, counter_create, pick(d, c->context));
	ARGS(COUNTER_DESTROY, counter, pick(d, c->counter));
	ARGS(COUNTER_SIGNAL, counter, pick(d, c->counter), 0, roll(d, 1000));
	ARGS(COUNTER_READ, counter, pick(d, c->counter));
#undef ARGS
	}
	if (nr == DRM_IOCTL_VGPU_KICK && !roll(d, 3)) {
		struct drm_vgpu_kick *kick = args;

		kick->flags = DRM_VGPU_KICK_WAIT;
		kick->completed = roll(d, 100);
		kick->deadline_ns = after_ms(roll(d, 3));
	}
}

/* What a call has given is used by others. */
static void keep_result(struct dice *d, struct known *c, unsigned long nr,
			void *args)
{
	switch (nr) {
	case DRM_IOCTL_VGPU_BO_CREATE:
		keep(d, c->handle, ((struct drm_vgpu_bo_create *)args)->handle);
		break;
	case DRM_IOCTL_VGPU_BO_REGISTER:
		keep(d, c->handle,
		     ((struct drm_vgpu_bo_register *)args)->handle);
		break;
	case DRM_IOCTL_VGPU_CONTEXT_CREATE:
		/* Few, so that what belongs together often is. */
		c->context[roll(d, 3)] =
			((struct drm_vgpu_context_create *)args)->context;
		break;
	case DRM_IOCTL_VGPU_MAP:
		c->address[roll(d, IDS)] =
			((struct drm_vgpu_map *)args)->address;
		break;
	case DRM_IOCTL_VGPU_RING_CREATE:
		keep(d, c->ring, ((struct drm_vgpu_ring_create *)args)->ring);
		break;
	case DRM_IOCTL_VGPU_COUNTER_CREATE:
		keep(d, c->counter,
		     ((struct drm_vgpu_counter_create *)args)->counter);
		break;
	}
}

static const unsigned long calls[] = {
	DRM_IOCTL_VGPU_QUERY, DRM_IOCTL_VGPU_CLIENT_INIT,
	DRM_IOCTL_VGPU_CLIENT_LIMIT, DRM_IOCTL_VGPU_REGISTER,
	DRM_IOCTL_VGPU_EVENT, DRM_IOCTL_VGPU_WAIT, DRM_IOCTL_VGPU_BO_CREATE,
	DRM_IOCTL_VGPU_BO_CREATE, DRM_IOCTL_VGPU_BO_CREATE,
	DRM_IOCTL_VGPU_BO_REGISTER, DRM_IOCTL_VGPU_BO_INFO,
	DRM_IOCTL_VGPU_COMPACT, DRM_IOCTL_VGPU_CONTEXT_CREATE,
	DRM_IOCTL_VGPU_CONTEXT_CREATE, DRM_IOCTL_VGPU_CONTEXT_DESTROY,
	DRM_IOCTL_VGPU_MAP, DRM_IOCTL_VGPU_MAP, DRM_IOCTL_VGPU_MAP,
	DRM_IOCTL_VGPU_UNMAP, DRM_IOCTL_VGPU_RING_CREATE,
	DRM_IOCTL_VGPU_RING_CREATE, DRM_IOCTL_VGPU_RING_CREATE,
	DRM_IOCTL_VGPU_RING_DESTROY, DRM_IOCTL_VGPU_RING_CONTROL,
	DRM_IOCTL_VGPU_RING_CONTROL, DRM_IOCTL_VGPU_RING_INFO,
	DRM_IOCTL_VGPU_KICK, DRM_IOCTL_VGPU_KICK, DRM_IOCTL_VGPU_KICK,
	DRM_IOCTL_VGPU_COUNTER_CREATE, DRM_IOCTL_VGPU_COUNTER_DESTROY,
	DRM_IOCTL_VGPU_COUNTER_SIGNAL, DRM_IOCTL_VGPU_COUNTER_READ,
	DRM_IOCTL_VGPU_CLIENT_RESET,
};

static void one_ioctl(struct dice *d, struct known *c)
{
	unsigned long nr = calls[roll(d, sizeof(calls) / sizeof(calls[0]) -
				      !!roll(d, 20))];
	uint64_t args[32] = { 0 };
	int more = 0;

	make_args(d, c, nr, args);
	/* One field that is anything, or all, or another size. */
	if (!roll(d, 8))
		args[roll(d, _IOC_SIZE(nr) / 8)] = number(d);
	if (!roll(d, 20))
		((uint32_t *)args)[roll(d, _IOC_SIZE(nr) / 4)] = number(d);
	if (!roll(d, 30))
		more = (int)roll(d, 64) - _IOC_SIZE(nr) / 2;
	if (nr == DRM_IOCTL_VGPU_WAIT)
		args[1] = after_ms(2);
	if (nr == DRM_IOCTL_VGPU_QUERY)
		args[1] = (uintptr_t)area;
	/* No more than there is for all; no waits that do not end. */
	if (nr == DRM_IOCTL_VGPU_BO_CREATE && args[0] > 4 << 20)
		args[0] |= 1ull << 62;
	if (nr == DRM_IOCTL_VGPU_KICK && args[2])
		args[2] = after_ms(2);
	if (nr == DRM_IOCTL_VGPU_EVENT)
		args[0] |= 0xffffffffull << 32;
	nr = _IOC(_IOC_DIR(nr), _IOC_TYPE(nr), _IOC_NR(nr),
		  _IOC_SIZE(nr) + more);
	d->calls++;
	if (drmIoctl(c->fd, nr, args))
		return;
	d->right++;
	if (!more)
		keep_result(d, c, nr, args);
}

/* What is done to buffers beside ioctls of this driver. */
static void one_buffer(struct dice *d, struct known *c)
{
	uint32_t handle = pick(d, c->handle), i = roll(d, IDS);
	struct drm_vgpu_bo_info info;
	int old;
	char *p;

	switch (roll(d, 4)) {
	case 0:
		bo_close(c->fd, handle);
		return;
	case 1:
		if (drmPrimeHandleToFD(c->fd, handle, DRM_CLOEXEC, &old))
			return;
		old = __atomic_exchange_n(&dmabufs[i], old, __ATOMIC_RELAXED);
		if (old > 0)
			close(old);
		return;
	case 2:
		if (!drmPrimeFDToHandle(c->fd, dmabufs[i], &handle))
			keep(d, c->handle, handle);
		return;
	default:
		if (bo_info(c->fd, handle, &info) || !info.mmap_bytes)
			return;
		p = mmap(NULL, info.mmap_bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED, c->fd, info.mmap_offset);
		if (p == MAP_FAILED)
			return;
		memset(p + roll(d, info.mmap_bytes / 4096) * 4096, 0xa5, 64);
		munmap(p, info.mmap_bytes);
	}
}

/* Put commands into whatever a buffer has, as if it were a ring. */
static void one_ring(struct dice *d, struct known *c)
{
	uint32_t entries, i, ring = pick(d, c->ring);
	uint32_t handle = pick(d, c->handle);
	struct drm_vgpu_bo_info info;
	struct vgpu_cmd cmd = { 0 };
	struct vgpu_ring r;
	bool doorbell;
	char *p;

	if (bo_info(c->fd, handle, &info) || info.mmap_bytes < 8192 ||
	    info.domain != DRM_VGPU_DOMAIN_SYSTEM)
		return;
	p = mmap(NULL, info.mmap_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		 c->fd, info.mmap_offset);
	if (p == MAP_FAILED)
		return;
	entries = ((struct vgpu_ring_header *)p)->sq_entries;
	if (vgpu_ring_entries_valid(entries) &&
	    VGPU_RING_BYTES(entries, entries) <= info.mmap_bytes) {
		vgpu_ring_attach(&r, p, entries, entries);
		for (i = 0; i < 4; i++) {
			cmd.opcode = roll(d, 10);
			cmd.flags = roll(d, 4) ? 0 : roll(d, 8);
			cmd.op[0] = c->address[roll(d, IDS)];
			cmd.op[1] = c->address[roll(d, IDS)];
			cmd.op[2] = 256 << roll(d, 9);
			if (cmd.opcode >= VGPU_CMD_WAIT) {
				cmd.op[0] = pick(d, c->counter);
				cmd.op[1] = roll(d, 1000);
				cmd.op[2] = 0;
			}
			vgpu_ring_submit(&r, &cmd, 1, 1, &doorbell);
		}
		if (!roll(d, 10))
			r.hdr->cq_head = number(d);
		/* Make room for completions, wherever they are. */
		else
			r.hdr->cq_head += 4;
	}
	munmap(p, info.mmap_bytes);
	drmIoctl(c->fd, DRM_IOCTL_VGPU_KICK,
		 &(struct drm_vgpu_kick){ .ring = ring });
}

/* Begin again as another client, under the threads that use the old one. */
static void one_client(struct dice *d, struct known *c)
{
	int old = c->fd, fd = node_open(roll(d, 4) ? 0 : 1);

	if (fd < 0)
		return;
	__atomic_store_n(&c->fd, fd, __ATOMIC_RELAXED);
	close(old);
}

static void *fuzz_thread(void *arg)
{
	struct dice *d = arg;

	while (now_ns() < end_ns) {
		struct known *c = &clients[roll(d, CLIENTS)];

		switch (roll(d, 64)) {
		case 0 ... 15:
			one_buffer(d, c);
			break;
		case 16 ... 23:
			one_ring(d, c);
			break;
		case 24:
			if (!roll(d, 8))
				one_client(d, c);
			break;
		default:
			one_ioctl(d, c);
		}
	}
	return NULL;
}

static int fuzz_process(uint64_t seed)
{
	struct dice d[THREADS] = { 0 };
	uint64_t all = 0, right = 0;
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < CLIENTS; i++) {
		clients[i].fd = node_open(i & 1);
		if (clients[i].fd < 0)
			return 1;
	}
	/* With nothing behind it: a QUERY may be told of any size. */
	area = mmap(NULL, 2 * AREA_BYTES, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED ||
	    mprotect(area, AREA_BYTES, PROT_READ | PROT_WRITE))
		return 1;
	for (i = 0; i < THREADS; i++) {
		d[i].state = seed * 1000 + i;
		if (pthread_create(&threads[i], NULL, fuzz_thread, &d[i]))
			return 1;
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all += d[i].calls;
		right += d[i].right;
	}
	printf("# seed %llu: %llu calls, %llu of them right\n",
	       (unsigned long long)seed, (unsigned long long)all,
	       (unsigned long long)right);
	/* One that cannot be right at all has not tested much. */
	return right < all / 20;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) :
				   (uint64_t)time(NULL);
	const char *seconds = argc > 1 ? argv[1] : getenv("VGPU_FUZZ_S");
	int64_t s = seconds ? atoll(seconds) : 10;
	int i, fd, status, failed = 0;
	pid_t child;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# seed %llu, %lld s\n", (unsigned long long)seed, (long long)s);
	end_ns = after_ms(s * 1000);
	for (i = 0; i < PROCESSES; i++) {
		child = fork();
		if (!child)
			_exit(fuzz_process(seed + i));
		/* The last one is killed in the middle. */
		if (i == PROCESSES - 1) {
			usleep(s * 700000);
			kill(child, SIGKILL);
		}
	}
	for (i = 0; i < PROCESSES; i++) {
		if (wait(&status) < 0)
			return 1;
		if (WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL :
					  WEXITSTATUS(status)) {
			printf("# a process ended with 0x%x\n", status);
			failed++;
		}
	}
	for (i = 0; i < 2; i++) {
		fd = node_open(i);
		if (fd < 0 || !gpu_is_empty(fd) || state_of(fd).registered) {
			printf("# GPU %d is not empty\n", i);
			failed++;
		}
		close(fd);
	}
	return failed ? 1 : 0;
}
