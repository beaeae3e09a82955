// SPDX-License-Identifier: MIT
/*
 * Random calls of the render node, right ones and wrong ones, by several
 * processes of several threads each, which share clients and what these have:
 * contexts, buffers, mappings, rings, counters, kernels, syncobjs, dma-bufs.  Now
 * and then there is an engine.  It passes if the machine and its log do.
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
#include "fake_engine.h"

/* Zero is what most of them are. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define PROCESSES	3
#define THREADS		3
#define CLIENTS		3
#define IDS		16
/* Few, so that what belongs together often is. */
#define CONTEXTS	3
#define ADDRESSES	3
#define AREA_BYTES	(256u << 10)
#define CMDS		8
#define SYNCS		4
#define RINGS		5
#define KERNELS		5
#define SYNCOBJS	5

/* What the threads of a process know of a client; they race for it. */
struct known {
	int fd;
	uint32_t context[CONTEXTS];
	uint32_t handle[IDS];
	uint32_t ring[RINGS];
	uint32_t counter[IDS];
	uint32_t kernel[KERNELS];
	uint32_t syncobj[SYNCOBJS];
	uint64_t address[CONTEXTS][ADDRESSES];
};

static struct known clients[CLIENTS];
static int dmabufs[IDS];
static char *area;			/* memory to be registered */
static int64_t end_ns;

struct dice {
	uint64_t state;
	uint64_t calls;
	uint64_t right;
	uint64_t submits;
	uint64_t submitted;
	/* What the arguments of a call point to. */
	struct vgpu_cmd cmds[CMDS];
	struct drm_vgpu_sync in[SYNCS];
	struct drm_vgpu_sync out[SYNCS];
	struct {
		struct vgpu_kernel_desc desc;
		struct fake_code code;
	} blob;
	char message[64];
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

static uint32_t pick_of(struct dice *d, const uint32_t *ids, uint32_t n)
{
	return roll(d, 40) ? ids[roll(d, n)] : number(d);
}

#define PICK(d, ids)	pick_of(d, ids, sizeof(ids) / sizeof((ids)[0]))

static uint32_t context_of(struct dice *d, const struct known *c, uint32_t k)
{
	return roll(d, 40) ? c->context[k] : number(d);
}

/* What had its place is forgotten, and lives on nameless. */
static void keep_of(struct dice *d, uint32_t *ids, uint32_t n, uint32_t id)
{
	if (id)
		ids[roll(d, n)] = id;
}

#define KEEP(d, ids, id)	\
	keep_of(d, ids, sizeof(ids) / sizeof((ids)[0]), id)

/* Of @n kinds from @first on, for addresses that a context may have. */
static struct vgpu_cmd make_cmd(struct dice *d, struct known *c, uint32_t k,
				uint32_t first, uint32_t n)
{
	const uint64_t *address = c->address[k];
	struct vgpu_cmd cmd = {
		.opcode = first + roll(d, n),
		.op = { address[roll(d, ADDRESSES)], address[roll(d, ADDRESSES)],
			roll(d, 4) ? 256 : 256 << roll(d, 9) },
	};

	switch (cmd.opcode) {
	case VGPU_CMD_CLEAR:
		cmd.op[1] = cmd.op[2];
		break;
	case VGPU_CMD_LAUNCH:
		cmd.op[3] = cmd.op[0];
		cmd.op[0] = PICK(d, c->kernel);
		cmd.op[1] = 1 | 1ull << 32;
		cmd.op[2] = 1;
		break;
	case VGPU_CMD_WAIT ... UINT16_MAX:
		cmd.op[0] = PICK(d, c->counter);
		cmd.op[1] = roll(d, 1000);
		cmd.op[2] = 0;
		break;
	}
	if (!roll(d, 30))
		cmd.op[roll(d, 4)] = number(d);
	return cmd;
}

static void make_syncs(struct dice *d, struct known *c, struct drm_vgpu_sync *s)
{
	uint32_t i;

	for (i = 0; i < SYNCS; i++) {
		s[i].handle = PICK(d, c->syncobj);
		s[i].flags = !roll(d, 60);
		s[i].point = roll(d, 4) ? 0 : roll(d, 20);
	}
}

static void make_submit(struct dice *d, struct known *c,
			struct drm_vgpu_submit *args)
{
	uint32_t i, k = roll(d, CONTEXTS);

	for (i = 0; i < CMDS; i++) {
		d->cmds[i] = roll(d, 60) ?
			make_cmd(d, c, k, VGPU_CMD_UPLOAD, 4) :
			make_cmd(d, c, k, 0, 10);
		d->cmds[i].flags = roll(d, 4) ? 0 : VGPU_CMD_F_BARRIER;
		if (!roll(d, 60))
			d->cmds[i].flags = roll(d, 32);
	}
	make_syncs(d, c, d->in);
	make_syncs(d, c, d->out);
	*args = (struct drm_vgpu_submit){
		.context = context_of(d, c, k),
		.n_commands = roll(d, 4) ? 1 : 1 + roll(d, CMDS),
		.stride = sizeof(struct vgpu_cmd),
		.commands = (uintptr_t)d->cmds,
		.n_in = roll(d, 3) ? 0 : 1 + roll(d, 2) * roll(d, SYNCS),
		.n_out = roll(d, 2) * roll(d, SYNCS + 1),
		.in = (uintptr_t)d->in,
		.out = (uintptr_t)d->out,
	};
}

static void make_kernel(struct dice *d, struct known *c,
			struct drm_vgpu_kernel_create *args)
{
	memset(&d->blob, 0, sizeof(d->blob));
	d->blob.desc.format = VGPU_KERNEL_SPIRV;
	d->blob.desc.code_bytes = sizeof(d->blob.code);
	d->blob.desc.entry[0] = 'm';
	/* With zeroes for arguments it can be launched. */
	d->blob.code.info.workgroup[0] = 1;
	d->blob.code.info.workgroup[1] = 1;
	d->blob.code.info.workgroup[2] = 1;
	if (!roll(d, 8))
		d->blob.code.status = -(int)roll(d, 200);
	if (!roll(d, 8))
		((uint32_t *)&d->blob)[roll(d, sizeof(d->blob) / 4)] = number(d);
	/* Nobody is to wait for that. */
	d->blob.code.hang = 0;
	*args = (struct drm_vgpu_kernel_create){
		.context = context_of(d, c, roll(d, CONTEXTS)),
		.bytes = sizeof(d->blob),
		.pointer = (uintptr_t)&d->blob,
		.message = (uintptr_t)d->message,
		.message_bytes = sizeof(d->message),
	};
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
	uint32_t entries = 8u << roll(d, 5), k = roll(d, CONTEXTS);
	uint32_t context = context_of(d, c, k);

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
	ARGS(BO_INFO, bo_info, PICK(d, c->handle));
	ARGS(COMPACT, compact, roll(d, 2) ? ~0ull : size);
	ARGS(CONTEXT_CREATE, context_create, 0);
	ARGS(CONTEXT_DESTROY, context_destroy,
	     roll(d, 8) ? 0 : context);
	ARGS(MAP, map, context, PICK(d, c->handle), 0,
	     roll(d, 4) ? 0 : 256, roll(d, 2) ? size : 256, VGPU_MAP_F_ANYWHERE | !roll(d, 6));
	ARGS(UNMAP, unmap, context, 0, c->address[k][roll(d, ADDRESSES)]);
	ARGS(RING_CREATE, ring_create, context,
	     PICK(d, c->handle), entries, entries, roll(d, 2), roll(d, 4),
	     roll(d, 32), roll(d, 3) ? 0 : PICK(d, c->counter),
	     roll(d, 2) ? 0 : roll(d, 3000));
	ARGS(RING_DESTROY, ring_destroy, PICK(d, c->ring));
	ARGS(RING_CONTROL, ring_control, PICK(d, c->ring), roll(d, 5));
	ARGS(RING_INFO, ring_info, PICK(d, c->ring));
	ARGS(KICK, kick, PICK(d, c->ring), 0);
	ARGS(COUNTER_CREATE, counter_create, context);
	ARGS(COUNTER_DESTROY, counter, PICK(d, c->counter));
	ARGS(COUNTER_SIGNAL, counter, PICK(d, c->counter), 0, roll(d, 1000));
	ARGS(COUNTER_READ, counter, PICK(d, c->counter));
	ARGS(KERNEL_DESTROY, kernel_destroy, PICK(d, c->kernel));
	ARGS(KERNEL_INFO, kernel_info, PICK(d, c->kernel));
	ARGS(ENGINE_ATTACH, engine_attach, 0);
#undef ARGS
	case DRM_IOCTL_VGPU_SUBMIT:
		make_submit(d, c, args);
		break;
	case DRM_IOCTL_VGPU_KERNEL_CREATE:
		make_kernel(d, c, args);
		break;
	}
	if (nr == DRM_IOCTL_VGPU_KICK && !roll(d, 3)) {
		struct drm_vgpu_kick *kick = args;

		kick->flags = DRM_VGPU_KICK_WAIT;
		kick->completed = roll(d, 100);
		kick->deadline_ns = after_ms(roll(d, 3));
	}
}

/*
 * What a supervisor can do, with nobody behind it.  Only a moment: clients wait
 * for workers.
 */
static void one_engine(struct dice *d, int engine)
{
	struct vgpu_engine_open open = { 0 };
	struct vgpu_engine_next next = { 0 };
	struct vgpu_engine_info info;
	int i;

	fcntl(engine, F_SETFL, O_NONBLOCK);
	fake_info(&info);
	if (!roll(d, 4))
		((uint32_t *)&info)[roll(d, sizeof(info) / 4)] = number(d);
	for (i = roll(d, 20); i--;) {
		switch (roll(d, 4)) {
		case 0:
			ioctl(engine, VGPU_ENGINE_IOCTL_INFO, &info);
			break;
		case 1:
			ioctl(engine, VGPU_ENGINE_IOCTL_NEXT, &next);
			break;
		case 2:
			usleep(roll(d, 2000));
			break;
		default:
			open = (struct vgpu_engine_open){
				.tenant = roll(d, 8) ? next.tenant : number(d),
				.flags = !roll(d, 8),
			};
			if (ioctl(engine, VGPU_ENGINE_IOCTL_OPEN, &open))
				break;
			ioctl(open.fd, VGPU_ENGINE_IOCTL_DOORBELL);
			close(open.fd);
		}
	}
	close(engine);
}

/* What a call has given is used by others. */
static void keep_result(struct dice *d, struct known *c, unsigned long nr,
			void *args)
{
	struct drm_vgpu_ring_control control = { .what = VGPU_RING_START };
	uint32_t k = roll(d, CONTEXTS);

	switch (nr) {
	case DRM_IOCTL_VGPU_BO_CREATE:
		KEEP(d, c->handle, ((struct drm_vgpu_bo_create *)args)->handle);
		break;
	case DRM_IOCTL_VGPU_BO_REGISTER:
		KEEP(d, c->handle,
		     ((struct drm_vgpu_bo_register *)args)->handle);
		break;
	case DRM_IOCTL_VGPU_CONTEXT_CREATE:
		/* One that has something is kept for a while. */
		if (!c->context[k] || !roll(d, 16))
			c->context[k] = ((struct drm_vgpu_context_create *)
					 args)->context;
		break;
	case DRM_IOCTL_VGPU_CONTEXT_DESTROY:
		for (k = 0; k < CONTEXTS; k++)
			if (((struct drm_vgpu_context_destroy *)args)->context ==
			    c->context[k])
				c->context[k] = 0;
		break;
	case DRM_IOCTL_VGPU_CLIENT_RESET:
		memset(c->context, 0, sizeof(c->context));
		break;
	case DRM_IOCTL_VGPU_MAP:
		for (k = 0; k < CONTEXTS; k++)
			if (((struct drm_vgpu_map *)args)->context == c->context[k])
				c->address[k][roll(d, ADDRESSES)] =
					((struct drm_vgpu_map *)args)->address;
		break;
	case DRM_IOCTL_VGPU_RING_CREATE:
		control.ring = ((struct drm_vgpu_ring_create *)args)->ring;
		KEEP(d, c->ring, control.ring);
		if (roll(d, 2))
			drmIoctl(c->fd, DRM_IOCTL_VGPU_RING_CONTROL, &control);
		break;
	case DRM_IOCTL_VGPU_COUNTER_CREATE:
		KEEP(d, c->counter,
		     ((struct drm_vgpu_counter_create *)args)->counter);
		break;
	case DRM_IOCTL_VGPU_KERNEL_CREATE:
		KEEP(d, c->kernel,
		     ((struct drm_vgpu_kernel_create *)args)->kernel);
		break;
	case DRM_IOCTL_VGPU_ENGINE_ATTACH:
		one_engine(d, ((struct drm_vgpu_engine_attach *)args)->fd);
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
	DRM_IOCTL_VGPU_SUBMIT, DRM_IOCTL_VGPU_SUBMIT, DRM_IOCTL_VGPU_SUBMIT,
	DRM_IOCTL_VGPU_SUBMIT, DRM_IOCTL_VGPU_KERNEL_CREATE,
	DRM_IOCTL_VGPU_KERNEL_DESTROY, DRM_IOCTL_VGPU_KERNEL_INFO,
	/* Seldom: as the last ones. */
	DRM_IOCTL_VGPU_ENGINE_ATTACH, DRM_IOCTL_VGPU_CLIENT_RESET,
};

static void one_ioctl(struct dice *d, struct known *c)
{
	unsigned long nr = calls[roll(d, sizeof(calls) / sizeof(calls[0]) -
				      (roll(d, 20) ? 2 : 0))];
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
	/* The file is to be known, or nobody closes it. */
	if (nr == DRM_IOCTL_VGPU_ENGINE_ATTACH)
		more = 0;
	d->calls++;
	d->submits += nr == DRM_IOCTL_VGPU_SUBMIT;
	if (drmIoctl(c->fd, _IOC(_IOC_DIR(nr), _IOC_TYPE(nr), _IOC_NR(nr),
				 _IOC_SIZE(nr) + more), args))
		return;
	d->right++;
	d->submitted += nr == DRM_IOCTL_VGPU_SUBMIT;
	if (!more)
		keep_result(d, c, nr, args);
}

/* What is done to buffers beside ioctls of this driver. */
static void one_buffer(struct dice *d, struct known *c)
{
	uint32_t handle = PICK(d, c->handle), i = roll(d, IDS);
	struct drm_vgpu_bo_info info;
	int old;
	char *p;

	switch (roll(d, 6)) {
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
			KEEP(d, c->handle, handle);
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
	uint32_t entries, i, ring = PICK(d, c->ring);
	uint32_t handle = PICK(d, c->handle);
	struct drm_vgpu_bo_info info;
	struct vgpu_cmd cmd;
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
			cmd = make_cmd(d, c, roll(d, CONTEXTS), 0, 10);
			cmd.flags = roll(d, 4) ? 0 : roll(d, 16);
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

/* What is done to syncobjs beside SUBMIT, by the threads that submit with them. */
static void one_syncobj(struct dice *d, struct known *c)
{
	uint32_t handle = PICK(d, c->syncobj), other = PICK(d, c->syncobj);
	uint64_t point = roll(d, 20);
	int fd;

	switch (roll(d, 12)) {
	case 7 ... 11:
		if (!drmSyncobjCreate(c->fd, roll(d, 4) ?
				      DRM_SYNCOBJ_CREATE_SIGNALED : 0, &handle))
			KEEP(d, c->syncobj, handle);
		return;
	case 0:
		drmSyncobjDestroy(c->fd, handle);
		return;
	case 1:
		drmSyncobjSignal(c->fd, &handle, 1);
		return;
	case 2:
		drmSyncobjTimelineSignal(c->fd, &handle, &point, 1);
		return;
	case 3:
		drmSyncobjReset(c->fd, &handle, 1);
		return;
	case 4:
		drmSyncobjTransfer(c->fd, other, roll(d, 2) * point, handle,
				   roll(d, 20), 0);
		return;
	default:
		drmSyncobjWait(c->fd, &handle, 1, after_ms(roll(d, 3)), 0,
			       NULL);
		if (drmSyncobjExportSyncFile(c->fd, handle, &fd))
			return;
		drmSyncobjImportSyncFile(c->fd, other, fd);
		close(fd);
	}
}

/* Begin again as another client, under the threads that use the old one. */
static void one_client(struct dice *d, struct known *c)
{
	int fd = node_open(roll(d, 4) ? 0 : 1);

	if (fd < 0)
		return;
	/* Closed once, or it is another's by then. */
	fd = __atomic_exchange_n(&c->fd, fd, __ATOMIC_RELAXED);
	memset(c->context, 0, sizeof(c->context));
	close(fd);
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
		case 25 ... 29:
			one_syncobj(d, c);
			break;
		case 24:
			/* Not before it has something to lose. */
			if (!roll(d, 32))
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
	uint64_t all = 0, right = 0, submits = 0, submitted = 0;
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
		submits += d[i].submits;
		submitted += d[i].submitted;
	}
	printf("# seed %llu: %llu calls, %llu of them right; %llu of %llu submissions\n",
	       (unsigned long long)seed, (unsigned long long)all,
	       (unsigned long long)right, (unsigned long long)submitted,
	       (unsigned long long)submits);
	/* One that cannot be right at all has not tested much. */
	return right < all / 20 || submitted < submits / 50;
}

/* An engine for the first GPU, half of the time. */
static void engines(struct fake_shared *shared, int64_t until_ns)
{
	while (now_ns() < until_ns) {
		/* A client's may be there. */
		if (!fake_start(shared))
			usleep(700000);
		fake_stop(shared);
		usleep(300000);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) :
				   (uint64_t)time(NULL);
	const char *seconds = argc > 1 ? argv[1] : getenv("VGPU_FUZZ_S");
	int64_t s = seconds ? atoll(seconds) : 10;
	struct fake_shared *shared;
	int i, fd, status, failed = 0;
	pid_t children[PROCESSES];

	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = fake_shared_create();
	if (!shared)
		return 1;
	printf("# seed %llu, %lld s\n", (unsigned long long)seed, (long long)s);
	end_ns = after_ms(s * 1000);
	for (i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (!children[i])
			_exit(fuzz_process(seed + i));
	}
	/* The last one is killed in the middle. */
	engines(shared, after_ms(s * 700));
	kill(children[PROCESSES - 1], SIGKILL);
	engines(shared, end_ns);
	printf("# %u workers, %u kernels built, %u launches\n", shared->workers,
	       shared->builds, shared->launches);
	for (i = 0; i < PROCESSES; i++) {
		if (waitpid(children[i], &status, 0) < 0)
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
