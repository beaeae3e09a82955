// SPDX-License-Identifier: MIT
/*
 * What a worker is told by its host, and noticing that the host is gone.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker.h"

#define VGPU_WORKER_MAX_CONTROL	(64u << 20)

/* One packet with its descriptors.  How many of these there are, or < 0. */
static int get_hello(struct vgpu_engine_hello *hello, int *fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(VGPU_ENGINE_FDS * sizeof(int))];
	} control;
	struct iovec iov = { hello, sizeof(*hello) };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	size_t bytes;
	ssize_t n;

	do {
		n = recvmsg(VGPU_WORKER_SOCKET, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		_exit(0);
	c = CMSG_FIRSTHDR(&m);
	if (n != sizeof(*hello) || m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
	    !c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	bytes = c->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(c), bytes);
	return (int)(bytes / sizeof(int));
}

static bool check_hello(const struct vgpu_engine_hello *h)
{
	return !h->kind[sizeof(h->kind) - 1] &&
	       !h->device[sizeof(h->device) - 1] &&
	       !(h->flags & ~VGPU_EXECUTOR_FLAGS) &&
	       h->bank_shift >= 16 && h->bank_shift <= 30 &&
	       h->vram_bytes % VGPU_PAGE_BYTES == 0 &&
	       h->vram_bytes <= 1ull << VGPU_ADDRESS_BITS &&
	       h->control_bytes >= sizeof(struct vgpu_engine_built) &&
	       h->control_bytes <= VGPU_WORKER_MAX_CONTROL &&
	       vgpu_ring_entries_valid(h->entries) && !h->reserved;
}

/* Map @bytes of a file that has them, from @offset on. */
static void *map(int fd, uint64_t offset, uint64_t bytes, int prot)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) || st.st_size < 0 ||
	    (uint64_t)st.st_size < offset + bytes)
		return NULL;
	p = mmap(NULL, bytes, prot, MAP_SHARED, fd, (off_t)offset);
	return p == MAP_FAILED ? NULL : p;
}

int vgpu_worker_hear(struct vgpu_worker_host *h, struct vgpu_message *msg)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct vgpu_engine_hello *hello = &h->hello;
	int fds[VGPU_ENGINE_FDS];
	uint64_t slots, marks;
	void *ring;
	int n;

	n = get_hello(hello, fds);
	if (n < 0 || hello->magic != VGPU_ENGINE_MAGIC ||
	    hello->version != VGPU_ENGINE_VERSION)
		return vgpu_message_set(msg, -EPROTO,
			"the host does not speak this worker's protocol, version %u: install both from one release",
			VGPU_ENGINE_VERSION);
	if (!check_hello(hello))
		return vgpu_message_set(msg, -EINVAL,
			"the host asks for what no worker can be");
	if (n != VGPU_ENGINE_FDS - !hello->vram_bytes)
		return vgpu_message_set(msg, -EINVAL,
			"the host gave %d descriptors, %d were expected", n,
			VGPU_ENGINE_FDS - !hello->vram_bytes);
	slots = hello->entries * sizeof(struct vgpu_engine_slot);
	slots = (slots + VGPU_PAGE_BYTES - 1) & -(uint64_t)VGPU_PAGE_BYTES;
	marks = hello->entries * sizeof(struct vgpu_engine_mark);
	ring = map(fds[VGPU_ENGINE_FD_RING], 0,
		   VGPU_RING_BYTES(hello->entries, hello->entries), rw);
	h->slots = map(fds[VGPU_ENGINE_FD_SLOTS], 0, slots, PROT_READ);
	h->marks = map(fds[VGPU_ENGINE_FD_SLOTS], slots, marks, rw);
	h->control = map(fds[VGPU_ENGINE_FD_CONTROL], 0, hello->control_bytes,
			 rw);
	h->vram = NULL;
	h->vram_fd = -1;
	if (hello->vram_bytes) {
		h->vram_fd = fds[VGPU_ENGINE_FD_VRAM];
		h->vram = map(h->vram_fd, 0, hello->vram_bytes, rw);
	}
	if (!ring || !h->slots || !h->marks || !h->control ||
	    (hello->vram_bytes && !h->vram))
		return vgpu_message_set(msg, -EINVAL,
			"a file of the host is shorter than it says, or cannot be mapped");
	vgpu_ring_attach(&h->ring, ring, hello->entries, hello->entries);
	return 0;
}

void vgpu_worker_answer(int status, struct vgpu_message *msg,
			const struct vgpu_engine_info *info)
{
	struct vgpu_engine_ready ready = {
		.magic = VGPU_ENGINE_MAGIC,
		.version = VGPU_ENGINE_VERSION,
		.status = status,
	};

	if (info)
		ready.info = *info;
	else
		vgpu_message_get(msg, ready.message, sizeof(ready.message));
	if (send(VGPU_WORKER_SOCKET, &ready, sizeof(ready), MSG_NOSIGNAL) < 0)
		_exit(0);
}

/* @arg: the host's pidfd */
static void *watch(void *arg)
{
	/*
	 * Its end of the socket may outlive it, in a process that it forked.
	 * A hang-up is always reported; packets are somebody else's.
	 */
	struct pollfd fds[] = {
		{ .fd = VGPU_WORKER_SOCKET, .events = 0 },
		{ .fd = (int)(intptr_t)arg, .events = POLLIN },
	};

	while (poll(fds, ARRAY_SIZE(fds), -1) <= 0)
		;
	_exit(0);
}

int vgpu_worker_watch(struct vgpu_message *msg)
{
	struct ucred host = { 0 };
	socklen_t bytes = sizeof(host);
	int pidfd = -1, ret;
	pthread_t thread;

	/* A host in another namespace has no id here. */
	if (!getsockopt(VGPU_WORKER_SOCKET, SOL_SOCKET, SO_PEERCRED, &host,
			&bytes) && host.pid > 0)
		pidfd = pidfd_open(host.pid, 0);
	ret = pthread_create(&thread, NULL, watch, (void *)(intptr_t)pidfd);
	if (ret)
		return vgpu_message_set(msg, -ENOMEM,
					"cannot start a thread: %s",
					strerror(ret));
	pthread_detach(thread);
	return 0;
}
