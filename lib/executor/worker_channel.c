// SPDX-License-Identifier: MIT
/*
 * What a host and its worker share, and what they say before the first
 * command.  The worker's answers are not believed: strings end, numbers are in
 * range, unknown bits are dropped, or it is told apart from a worker.
 *
 * Files are sealed, so that a worker cannot make the host fault by shortening
 * one of them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vgpu/manager.h>

#include "wait.h"
#include "worker.h"
#include "worker_status.h"

#define VGPU_WORKER_SLOT_BYTES	\
	(VGPU_WORKER_ENTRIES * sizeof(struct vgpu_engine_slot))
#define VGPU_WORKER_MARK_BYTES	\
	(VGPU_WORKER_ENTRIES * sizeof(struct vgpu_engine_mark))

/* Of the largest kernel that there may be. */
#define VGPU_WORKER_CONTROL_BYTES	\
	(VGPU_WORKER_DESC + sizeof(struct vgpu_kernel_desc) + \
	 VGPU_MAX_SPECS * sizeof(struct vgpu_kernel_spec) + \
	 VGPU_MAX_CODE_BYTES)

/* What an engine may say of itself. */
#define VGPU_WORKER_FEATURES	\
	(VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL | VGPU_FEATURE_ALIAS | \
	 VGPU_FEATURE_INT16 | VGPU_FEATURE_INT64 | VGPU_FEATURE_FLOAT16 | \
	 VGPU_FEATURE_FLOAT64)

_Static_assert(VGPU_WORKER_SLOT_BYTES % VGPU_PAGE_BYTES == 0,
	       "marks start on a page of their own");

static const size_t sizes[] = {
	[VGPU_ENGINE_FD_RING] = VGPU_RING_BYTES(VGPU_WORKER_ENTRIES,
						VGPU_WORKER_ENTRIES),
	[VGPU_ENGINE_FD_SLOTS] = VGPU_WORKER_SLOT_BYTES +
				 VGPU_WORKER_MARK_BYTES,
	[VGPU_ENGINE_FD_CONTROL] = VGPU_WORKER_CONTROL_BYTES,
};

static void *file_create(const char *name, size_t bytes, int *fd)
{
	void *p;

	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return NULL;
	if (!ftruncate(*fd, (off_t)bytes) &&
	    !fcntl(*fd, F_ADD_SEALS,
		   F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd,
			 0);
		if (p != MAP_FAILED)
			return p;
	}
	close(*fd);
	*fd = -1;
	return NULL;
}

int vgpu_worker_share(struct vgpu_worker_shared *s, struct vgpu_message *msg)
{
	static const char * const names[] = {
		[VGPU_ENGINE_FD_RING] = "vgpu-ring",
		[VGPU_ENGINE_FD_SLOTS] = "vgpu-slots",
		[VGPU_ENGINE_FD_CONTROL] = "vgpu-control",
	};
	void *p[ARRAY_SIZE(names)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		p[i] = file_create(names[i], sizes[i], &s->fds[i]);
		if (!p[i])
			goto err;
	}
	vgpu_ring_attach(&s->ring, p[VGPU_ENGINE_FD_RING], VGPU_WORKER_ENTRIES,
			 VGPU_WORKER_ENTRIES);
	vgpu_ring_format(&s->ring);
	s->slots = p[VGPU_ENGINE_FD_SLOTS];
	s->marks = (void *)((char *)s->slots + VGPU_WORKER_SLOT_BYTES);
	s->control = p[VGPU_ENGINE_FD_CONTROL];
	return 0;

err:
	vgpu_message_set(msg, 0, "no memory to share with a worker: %s",
			 strerror(errno));
	while (i--) {
		munmap(p[i], sizes[i]);
		close(s->fds[i]);
	}
	return -ENOMEM;
}

void vgpu_worker_unshare(struct vgpu_worker_shared *s)
{
	unsigned int i;

	munmap(s->ring.hdr, sizes[VGPU_ENGINE_FD_RING]);
	munmap(s->slots, sizes[VGPU_ENGINE_FD_SLOTS]);
	munmap(s->control, sizes[VGPU_ENGINE_FD_CONTROL]);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		close(s->fds[i]);
}

/* Text from a worker: it ends, and does nothing to a terminal. */
static void clean(char *text, size_t bytes)
{
	text[bytes - 1] = 0;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

int vgpu_worker_check_built(struct vgpu_engine_built *built, int status)
{
	const struct vgpu_kernel_info *info = &built->info;

	clean(built->message, sizeof(built->message));
	switch (status) {
	case 0:
		break;
	case -EINVAL:
	case -EOPNOTSUPP:
	case -ENOMEM:
	case -EIO:
		return status;
	default:
		return -EIO;
	}
	if (!(info->used >> VGPU_MAX_RANGES) && !(info->written & ~info->used) &&
	    info->const_bytes <= VGPU_MAX_CONST_BYTES &&
	    info->workgroup[0] && info->workgroup[1] && info->workgroup[2] &&
	    !(info->features & ~VGPU_WORKER_FEATURES))
		return 0;
	memset(built, 0, sizeof(*built));
	snprintf(built->message, sizeof(built->message),
		 "the worker says of the kernel what cannot be");
	return -EIO;
}

static bool check_info(struct vgpu_engine_info *info)
{
	unsigned int i;

	clean(info->name, sizeof(info->name));
	clean(info->driver, sizeof(info->driver));
	clean(info->notice, sizeof(info->notice));
	info->features &= VGPU_WORKER_FEATURES;
	info->capabilities &= VGPU_ENGINE_CAP_ALL;
	for (i = 0; i < 3; i++)
		if (!info->max_grid[i] || !info->max_workgroup[i])
			return false;
	return info->features & (VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL) &&
	       info->max_range_bytes && info->max_bank_bytes &&
	       info->max_invocations && info->max_ranges &&
	       info->type <= VGPU_ENGINE_CPU && info->shared <= 1;
}

static int send_hello(int sock, const struct vgpu_worker_shared *s,
		      const struct vgpu_executor_options *options)
{
	struct vgpu_engine_hello hello = {
		.magic = VGPU_ENGINE_MAGIC,
		.version = VGPU_ENGINE_VERSION,
		.flags = options->flags,
		.bank_shift = options->bank_shift,
		.vram_bytes = options->vram_bytes,
		.control_bytes = VGPU_WORKER_CONTROL_BYTES,
		.entries = VGPU_WORKER_ENTRIES,
	};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(s->fds))];
	} control = { 0 };
	struct iovec iov = { &hello, sizeof(hello) };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
	};
	size_t n = VGPU_ENGINE_FDS - !options->vram_bytes;
	struct cmsghdr *c;

	snprintf(hello.kind, sizeof(hello.kind), "%s", options->kind);
	if (options->device)
		snprintf(hello.device, sizeof(hello.device), "%s",
			 options->device);
	m.msg_controllen = CMSG_SPACE(n * sizeof(int));
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), s->fds, n * sizeof(int));
	return sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* A packet, or an end: its bytes, 0, or -ETIMEDOUT. */
static ssize_t receive(int sock, void *buf, size_t bytes, uint64_t deadline_ns)
{
	struct pollfd fd = { .fd = sock, .events = POLLIN };
	uint64_t now;
	ssize_t n;

	for (;;) {
		n = recv(sock, buf, bytes, MSG_DONTWAIT | MSG_TRUNC);
		if (n >= 0)
			return n;
		if (errno != EAGAIN && errno != EINTR)
			return 0;
		now = vgpu_now_ns();
		if (now >= deadline_ns)
			return -ETIMEDOUT;
		poll(&fd, 1, (int)((deadline_ns - now) / 1000000 + 1));
	}
}

int vgpu_worker_greet(struct vgpu_worker_process *p,
		      const struct vgpu_worker_shared *s,
		      const struct vgpu_executor_options *options,
		      uint64_t ready_ns, struct vgpu_engine_info *info,
		      struct vgpu_message *msg)
{
	uint64_t deadline_ns = vgpu_now_ns() + ready_ns;
	struct vgpu_engine_ready ready;
	ssize_t n;
	int ret;

	/* If this fails the worker is gone, which is what receiving says. */
	send_hello(p->socket, s, options);
	n = receive(p->socket, &ready, sizeof(ready), deadline_ns);
	if (n == -ETIMEDOUT)
		return vgpu_message_set(msg, -ETIMEDOUT,
			"the worker %.120s was not ready after %llu ms: does the driver hang?",
			p->path, (unsigned long long)ready_ns / 1000000);
	if (!n)
		return vgpu_message_set(msg, -EIO,
			"the worker %.120s ended before it was ready",
			p->path);
	if (n != sizeof(ready) || ready.magic != VGPU_ENGINE_MAGIC ||
	    ready.version != VGPU_ENGINE_VERSION)
		return vgpu_message_set(msg, -EPROTO,
			"%.120s does not speak this library's protocol, version %u: install both from one release",
			p->path, VGPU_ENGINE_VERSION);
	if (ready.status) {
		clean(ready.message, sizeof(ready.message));
		ret = vgpu_worker_status(ready.status);
		return vgpu_message_set(msg, ret, "%s", ready.message);
	}
	if (!check_info(&ready.info))
		return vgpu_message_set(msg, -EPROTO,
			"%.120s says of its engine what cannot be",
			p->path);
	*info = ready.info;
	return 0;
}
