/* SPDX-License-Identifier: MIT */
/*
 * An engine for tests, by uapi/vgpu_engine.h alone: a supervisor process, and
 * workers that do to each launch what its constants say, well behaved or not.
 */
#ifndef VGPU_FAKE_ENGINE_H
#define VGPU_FAKE_ENGINE_H

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "vgpu_engine.h"

/* What a launch asks for, in its constants. */
enum act_what {
	ACT_END,	/* end with @status */
	ACT_FILL,	/* write @value to range 0 */
	ACT_SLEEP,	/* for @value ms */
	ACT_HOLD,	/* end when it is cancelled */
	ACT_HANG,	/* do nothing any more, but when the channel is closed */
	ACT_DIE,	/* the worker ends */
	ACT_DIE_EARLY,	/* without a mark */
	ACT_DIE_ONCE,	/* after a mark, unless that was done before */
	ACT_TWICE,	/* two answers */
	ACT_GHOST,	/* answers for what was never sent, then its own */
	ACT_GARBAGE,	/* garbage in all memory that can be written */
	ACT_TOUCH,	/* the launch is VRAM's offset @value, write 1 to it */
};

struct act {
	uint32_t what;
	int32_t status;
	uint32_t value;
	uint32_t pad;
};

/* What "code" is here. */
struct fake_code {
	int32_t status;
	uint32_t hang;
	struct vgpu_kernel_info info;
	char message[64];
};

/* Seen by all processes of a test. */
struct fake_shared {
	pid_t supervisor;
	pid_t worker;		/* the last one */
	uint32_t workers;
	uint32_t builds;
	uint32_t launches;
	uint32_t died;
	uint32_t deaf;		/* no worker is started */
	uint32_t errors;	/* of the host */
};

struct fake_worker {
	int fd;
	struct fake_shared *shared;
	struct vgpu_engine_layout layout;
	struct vgpu_ring_consumer c;
	const struct vgpu_engine_slot *slots;
	struct vgpu_engine_mark *marks;
	unsigned char *control;
	unsigned char *vram;
	uint32_t kernels[65536];
	uint64_t held;
};

static inline struct fake_shared *fake_shared_create(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static inline void fake_info(struct vgpu_engine_info *info)
{
	memset(info, 0, sizeof(*info));
	memcpy(info->name, "fake", 5);
	memcpy(info->driver, "fake 0", 7);
	info->features = VGPU_FEATURE_SPIRV | VGPU_FEATURE_IDEMPOTENT |
			 VGPU_FEATURE_INT64;
	info->max_range_bytes = 1u << 30;
	info->max_bank_bytes = 1u << 30;
	info->max_grid[0] = 65535;
	info->max_grid[1] = 65535;
	info->max_grid[2] = 65535;
	info->max_workgroup[0] = 1024;
	info->max_workgroup[1] = 1024;
	info->max_workgroup[2] = 64;
	info->max_invocations = 1024;
	info->max_shared_bytes = 32768;
	info->max_ranges = 16;
	info->type = VGPU_ENGINE_CPU;
	info->shared = 1;
}

static inline int fake_attach(int fd, int *engine)
{
	struct drm_vgpu_engine_attach args = { 0 };
	int ret = call(fd, DRM_IOCTL_VGPU_ENGINE_ATTACH, &args);

	*engine = args.fd;
	return ret;
}

static inline int fake_open(int engine, uint32_t tenant, int *fd)
{
	struct vgpu_engine_open open = { .tenant = tenant };
	int ret = ioctl(engine, VGPU_ENGINE_IOCTL_OPEN, &open) ? -errno : 0;

	*fd = open.fd;
	return ret;
}

static inline void *fake_map(int fd, uint64_t offset, uint64_t bytes, int prot)
{
	return mmap(NULL, (bytes + 4095) & ~4095ull, prot,
		    MAP_SHARED | MAP_NORESERVE, fd, (off_t)offset);
}

/* 0 or a negative errno. */
static inline int fake_worker_init(struct fake_worker *w, int fd)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct vgpu_ring ring;
	uint32_t n;
	void *mem;

	w->fd = fd;
	if (ioctl(fd, VGPU_ENGINE_IOCTL_LAYOUT, &w->layout))
		return -errno;
	n = w->layout.entries;
	mem = fake_map(fd, VGPU_ENGINE_MMAP_RING, VGPU_RING_BYTES(n, n), rw);
	w->slots = fake_map(fd, VGPU_ENGINE_MMAP_SLOTS, n * sizeof(*w->slots),
			    PROT_READ);
	w->marks = fake_map(fd, VGPU_ENGINE_MMAP_MARKS, n * sizeof(*w->marks),
			    rw);
	w->control = fake_map(fd, VGPU_ENGINE_MMAP_CONTROL, 4096, rw);
	w->vram = fake_map(fd, VGPU_ENGINE_MMAP_VRAM, w->layout.vram_bytes, rw);
	if (mem == MAP_FAILED || w->slots == MAP_FAILED ||
	    w->marks == MAP_FAILED || w->control == MAP_FAILED ||
	    w->vram == MAP_FAILED)
		return -errno;
	vgpu_ring_attach(&ring, mem, n, n);
	vgpu_ring_consumer_init(&w->c, &ring);
	return 0;
}

static inline void fake_answer(struct fake_worker *w, uint64_t tag, int status)
{
	struct vgpu_engine_completion done = { .tag = tag, .status = status };

	if (vgpu_ring_complete(&w->c, (struct vgpu_completion *)&done))
		ioctl(w->fd, VGPU_ENGINE_IOCTL_DOORBELL);
}

static inline void fake_wait_for_end(struct fake_worker *w)
{
	struct pollfd fd = { .fd = w->fd };

	while (poll(&fd, 1, -1) <= 0)
		;
	_exit(0);
}

static inline void fake_build(struct fake_worker *w,
			      const struct vgpu_engine_cmd *cmd)
{
	struct vgpu_engine_built *built = (void *)(w->control + cmd->op[3]);
	const struct vgpu_kernel_desc *desc;
	const struct fake_code *code;
	void *p;

	__atomic_fetch_add(&w->shared->builds, 1, __ATOMIC_SEQ_CST);
	p = fake_map(w->fd, VGPU_ENGINE_MMAP_CONTROL + cmd->op[1], cmd->op[2],
		     PROT_READ);
	if (p == MAP_FAILED) {
		w->shared->errors++;
		fake_answer(w, cmd->tag, -ENOMEM);
		return;
	}
	desc = p;
	code = (const void *)((const char *)(desc + 1) +
			      desc->n_specs * sizeof(struct vgpu_kernel_spec));
	if (code->hang)
		fake_wait_for_end(w);
	built->info = code->info;
	memcpy(built->message, code->message, sizeof(code->message));
	if (w->kernels[cmd->op[0] & 0xffff])
		w->shared->errors++;
	if (!code->status)
		w->kernels[cmd->op[0] & 0xffff] = cmd->op[0];
	fake_answer(w, cmd->tag, code->status);
	munmap(p, (cmd->op[2] + 4095) & ~4095ull);
}

static inline void fake_garbage(struct fake_worker *w)
{
	uint32_t n = w->layout.entries;
	uint32_t seed = 1;

	fill_pattern(w->marks, n * sizeof(*w->marks), seed++);
	fill_pattern(w->control, 4096, seed++);
	for (; seed < 100; seed++) {
		fill_pattern(w->c.ring.hdr, VGPU_RING_BYTES(n, n), seed);
		ioctl(w->fd, VGPU_ENGINE_IOCTL_DOORBELL);
	}
	/* Answers in the right places, with wrong content. */
	for (seed = 0; seed < 4 * n; seed++) {
		fake_answer(w, seed, seed);
		ioctl(w->fd, VGPU_ENGINE_IOCTL_DOORBELL);
	}
	fake_wait_for_end(w);
}

static inline void fake_launch(struct fake_worker *w,
			       const struct vgpu_engine_cmd *cmd)
{
	const struct vgpu_engine_slot *slot = &w->slots[cmd->op[0]];
	const struct vgpu_range *r = &slot->ranges[0];
	struct act act;
	uint64_t i;
	int status;

	memcpy(&act, slot->consts, sizeof(act));
	status = act.status;
	if (slot->tag != cmd->tag ||
	    w->kernels[slot->kernel & 0xffff] != slot->kernel) {
		w->shared->errors++;
		fake_answer(w, cmd->tag, -EINVAL);
		return;
	}
	if (act.what == ACT_DIE_EARLY)
		_exit(1);
	__atomic_store_n(&w->marks[cmd->op[0]].tag, cmd->tag, __ATOMIC_RELEASE);
	__atomic_fetch_add(&w->shared->launches, 1, __ATOMIC_SEQ_CST);
	switch (act.what) {
	case ACT_FILL:
		for (i = 0; i < r->bytes; i += 4)
			*(uint32_t *)(w->vram + r->address + i) = act.value;
		break;
	case ACT_TOUCH:
		w->vram[(uint64_t)act.value << 12] = 1;
		break;
	case ACT_SLEEP:
		usleep(act.value * 1000);
		break;
	case ACT_HOLD:
		w->held = cmd->tag;
		return;
	case ACT_HANG:
		fake_wait_for_end(w);
		break;
	case ACT_DIE:
		_exit(1);
	case ACT_DIE_ONCE:
		if (!__atomic_fetch_add(&w->shared->died, 1, __ATOMIC_SEQ_CST))
			_exit(1);
		break;
	case ACT_TWICE:
		fake_answer(w, cmd->tag, status);
		break;
	case ACT_GHOST:
		for (i = 0; i < 100; i++)
			fake_answer(w, i << 12 | i, 0);
		break;
	case ACT_GARBAGE:
		fake_garbage(w);
		break;
	}
	fake_answer(w, cmd->tag, status);
}

static inline void fake_run(struct fake_worker *w,
			    const struct vgpu_engine_cmd *cmd)
{
	switch (cmd->opcode) {
	case VGPU_ENGINE_BUILD:
		fake_build(w, cmd);
		return;
	case VGPU_ENGINE_LAUNCH:
		fake_launch(w, cmd);
		return;
	case VGPU_ENGINE_DROP:
		if (w->kernels[cmd->op[0] & 0xffff] != cmd->op[0])
			w->shared->errors++;
		w->kernels[cmd->op[0] & 0xffff] = 0;
		fake_answer(w, cmd->tag, 0);
		return;
	case VGPU_ENGINE_CANCEL:
		if (w->held && w->held == cmd->op[0]) {
			fake_answer(w, w->held, -ECANCELED);
			w->held = 0;
		}
		fake_answer(w, cmd->tag, 0);
		return;
	default:
		w->shared->errors++;
		fake_answer(w, cmd->tag, -EOPNOTSUPP);
	}
}

static inline void __attribute__((noreturn))
fake_worker_main(int fd, struct fake_shared *shared)
{
	static struct fake_worker w;
	struct vgpu_cmd cmd;
	int room, sleep;
	uint64_t n;

	w.shared = shared;
	if (fake_worker_init(&w, fd)) {
		shared->errors++;
		_exit(1);
	}
	for (;;) {
		/* Answers that nobody asked for take room, too. */
		room = vgpu_ring_cq_room(&w.c, 1) != 0;
		if (room && vgpu_ring_consume(&w.c, &cmd, 1)) {
			fake_run(&w, (struct vgpu_engine_cmd *)&cmd);
			continue;
		}
		sleep = room ? vgpu_ring_prepare_sleep(&w.c) :
			       vgpu_ring_mark_stalled(&w.c);
		if (sleep && read(fd, &n, sizeof(n)) <= 0)
			_exit(0);
	}
}

static inline void fake_spawn(int engine, struct fake_shared *shared,
			      uint32_t tenant)
{
	pid_t pid;
	int fd;

	/* It may have gone by now, or got one. */
	if (fake_open(engine, tenant, &fd))
		return;
	pid = fork();
	if (!pid) {
		close(engine);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		shared->worker = getpid();
		__atomic_fetch_add(&shared->workers, 1, __ATOMIC_SEQ_CST);
		fake_worker_main(fd, shared);
	}
	close(fd);
}

/* The supervisor; writes to @ready what came of it. */
static inline void __attribute__((noreturn))
fake_supervise(struct fake_shared *shared, int ready)
{
	struct vgpu_engine_next next;
	struct vgpu_engine_info info;
	struct pollfd fd = { .events = POLLIN };
	int node = node_open(0), engine, ret;

	signal(SIGCHLD, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ret = fake_attach(node, &engine);
	close(node);
	fake_info(&info);
	if (!ret && ioctl(engine, VGPU_ENGINE_IOCTL_INFO, &info))
		ret = -errno;
	if (write(ready, &ret, sizeof(ret)) != sizeof(ret) || ret)
		_exit(1);
	close(ready);
	fcntl(engine, F_SETFL, O_NONBLOCK);
	fd.fd = engine;
	for (;;) {
		poll(&fd, 1, -1);
		while (!ioctl(engine, VGPU_ENGINE_IOCTL_NEXT, &next))
			if (!shared->deaf)
				fake_spawn(engine, shared, next.tenant);
	}
}

/* 0 or a negative errno. */
static inline int fake_start(struct fake_shared *shared)
{
	int fds[2], ret = -EPIPE;
	pid_t pid;

	if (pipe(fds))
		return -errno;
	pid = fork();
	if (!pid) {
		close(fds[0]);
		fake_supervise(shared, fds[1]);
	}
	shared->supervisor = pid;
	close(fds[1]);
	if (read(fds[0], &ret, sizeof(ret)) != sizeof(ret))
		ret = -EPIPE;
	close(fds[0]);
	return ret;
}

static inline void fake_stop(struct fake_shared *shared)
{
	if (!shared->supervisor)
		return;
	kill(shared->supervisor, SIGKILL);
	waitpid(shared->supervisor, NULL, 0);
	shared->supervisor = 0;
}

#endif /* VGPU_FAKE_ENGINE_H */
