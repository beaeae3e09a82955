// SPDX-License-Identifier: MIT
/*
 * A worker to test with: the real one's loop over an executor "test", whose
 * kernels are a few lines of C, or, by VGPU_FAKE=MODE[:N], one that lies, hangs
 * or dies.  MODE is a case below; N is a number of launches.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../tools/worker.h"
#include "worker.h"

static char mode[32];
static unsigned long count;

static bool is(const char *name)
{
	return !strcmp(mode, name);
}

/*
 * The executor "test".  Commands run in order in wait().
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct vgpu_engine_cmd cmds[VGPU_EXECUTOR_DEPTH];
	struct vgpu_engine_slot slots[VGPU_EXECUTOR_DEPTH];
	uint32_t head, n;
	uint32_t kernels[256];
	unsigned long launches;
	unsigned char *vram;
} test = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

static const struct vgpu_engine_info test_info = {
	.name = "test\x1b[31m",
	.driver = "fake",
	.features = VGPU_FEATURE_SPIRV | VGPU_FEATURE_NATIVE | 1ull << 63,
	.capabilities = ~0ull,
	.max_range_bytes = 1 << 20,
	.max_bank_bytes = 1 << 30,
	.max_grid = { 1000, 1000, 1000 },
	.max_workgroup = { 64, 64, 64 },
	.max_invocations = 64,
	.max_shared_bytes = 1024,
	.max_ranges = 8,
	.type = VGPU_ENGINE_CPU,
	.shared = 1,
};

static int test_open(const struct vgpu_executor_options *options,
		     struct vgpu_message *msg, void **e)
{
	if (is("nodevice"))
		return vgpu_message_set(msg, -ENODEV, "there is no device");
	if (is("openhang"))
		pause();
	test.vram = options->vram;
	*e = &test;
	return 0;
}

static int test_close(void *e, uint64_t deadline_ns)
{
	return 0;
}

static const struct vgpu_engine_info *test_get_info(void *e)
{
	return &test_info;
}

/* The code is one word: FAKE_*. */
static int test_build(void *e, uint32_t kernel, const void *desc, size_t bytes,
		      struct vgpu_engine_built *built)
{
	const struct vgpu_kernel_desc *d = desc;
	uint32_t word;

	if (is("buildabort"))
		abort();
	if (is("buildhang"))
		pause();
	if (bytes != sizeof(*d) + sizeof(word) || d->code_bytes != sizeof(word))
		return -EINVAL;
	memcpy(&word, d + 1, sizeof(word));
	if (word == FAKE_REFUSED) {
		snprintf(built->message, sizeof(built->message),
			 "no such\nkernel");
		return -EOPNOTSUPP;
	}
	built->info.used = 1;
	built->info.written = 1;
	built->info.const_bytes = 4;
	built->info.workgroup[0] = 1;
	built->info.workgroup[1] = 1;
	built->info.workgroup[2] = 1;
	if (word == FAKE_LIES)
		built->info.written = 2;
	pthread_mutex_lock(&test.lock);
	test.kernels[kernel & 255] = word;
	pthread_mutex_unlock(&test.lock);
	return 0;
}

static void test_drop(void *e, uint32_t kernel)
{
	pthread_mutex_lock(&test.lock);
	test.kernels[kernel & 255] = 0;
	pthread_mutex_unlock(&test.lock);
}

static int test_submit(void *e, const struct vgpu_engine_cmd *cmd,
		       const struct vgpu_engine_slot *slot)
{
	uint32_t i;
	int ret = 0;

	if (is("deviceloss") && slot)
		return -EIO;
	pthread_mutex_lock(&test.lock);
	/* Seldom as deep as it might be, so that the loop has to wait. */
	if (test.n == 100) {
		ret = -EAGAIN;
	} else {
		i = (test.head + test.n++) % VGPU_EXECUTOR_DEPTH;
		test.cmds[i] = *cmd;
		if (slot)
			test.slots[i] = *slot;
		pthread_cond_signal(&test.changed);
	}
	pthread_mutex_unlock(&test.lock);
	return ret;
}

/* Adds the constant to each word of the first range. */
static void test_launch(const struct vgpu_engine_slot *s)
{
	uint32_t *p = (uint32_t *)(test.vram + s->ranges[0].address);
	uint32_t i, add;

	test.launches++;
	if (is("abort") && test.launches == count)
		abort();
	if (is("hang") && test.launches == count)
		pause();
	if (is("slow"))
		usleep(50);
	memcpy(&add, s->consts, sizeof(add));
	for (i = 0; i < s->ranges[0].bytes / 4; i++)
		p[i] += add;
}

static int test_wait(void *e, struct vgpu_engine_completion *done,
		     uint32_t max, uint64_t deadline_ns)
{
	struct vgpu_engine_slot slot;
	struct vgpu_engine_cmd cmd;

	pthread_mutex_lock(&test.lock);
	while (!test.n)
		pthread_cond_wait(&test.changed, &test.lock);
	cmd = test.cmds[test.head];
	slot = test.slots[test.head];
	test.head = (test.head + 1) % VGPU_EXECUTOR_DEPTH;
	test.n--;
	pthread_mutex_unlock(&test.lock);
	memset(done, 0, sizeof(*done));
	done->tag = cmd.tag;
	if (cmd.opcode == VGPU_ENGINE_LAUNCH)
		test_launch(&slot);
	else if (cmd.opcode == VGPU_ENGINE_CLEAR)
		memset(test.vram + cmd.op[0], (int)cmd.op[2], cmd.op[1]);
	return 1;
}

static const struct vgpu_executor_ops test_executor = {
	.name = "test",
	.open = test_open,
	.close = test_close,
	.info = test_get_info,
	.build = test_build,
	.drop = test_drop,
	.submit = test_submit,
	.wait = test_wait,
};

/*
 * Those that break the protocol.
 */
static void before_ready(void)
{
	struct vgpu_engine_ready ready = {
		.magic = VGPU_ENGINE_MAGIC,
		.version = VGPU_ENGINE_VERSION,
		.info = test_info,
	};

	if (is("exit"))
		_exit(3);
	if (is("mute"))
		pause();
	if (is("garbage"))
		memset(&ready, 0xff, sizeof(ready));
	else if (is("version"))
		ready.version++;
	else if (is("lies"))
		ready.info.max_grid[1] = 0;
	else if (is("unterminated"))
		memset(&ready.info, 'x', offsetof(struct vgpu_engine_info,
						  features));
	send(VGPU_WORKER_SOCKET, &ready, is("short") ? 1 : sizeof(ready),
	     MSG_NOSIGNAL);
}

static void put(struct vgpu_ring_consumer *c, uint64_t tag, int status)
{
	struct vgpu_engine_completion done = { .tag = tag, .status = status };

	vgpu_ring_complete(c, (struct vgpu_completion *)&done);
	send(VGPU_WORKER_SOCKET, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* 0 if no file of the host can be shortened or lengthened. */
static int truncate_all(void)
{
	int fd, ret = 0;

	for (fd = 3; fd < 3 + VGPU_ENGINE_FDS; fd++)
		if (!ftruncate(fd, 0) || !ftruncate(fd, 1 << 30))
			ret = -EFAULT;
	return ret;
}

/* Random words all over the ring, for a while. */
static void scribble(const struct vgpu_ring *ring)
{
	uint32_t *words = (uint32_t *)ring->hdr;
	size_t n = VGPU_RING_BYTES(ring->sq_entries, ring->cq_entries) / 4;
	uint32_t x = 1;
	size_t i;

	for (i = 0; i < 100 * n; i++) {
		x = x * 1664525 + 1013904223;
		WRITE_ONCE(words[(x >> 8) % n], i % 3 ? x : x % 2048);
		if (i % n == 0)
			send(VGPU_WORKER_SOCKET, "", 1,
			     MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

static void lie(struct vgpu_worker_host *h)
{
	struct vgpu_ring_consumer c;
	struct vgpu_cmd cmd;

	vgpu_ring_consumer_init(&c, &h->ring);
	for (;;) {
		if (!vgpu_ring_consume(&c, &cmd, 1)) {
			usleep(100);
			continue;
		}
		if (is("twice")) {
			put(&c, cmd.user_data, 0);
			put(&c, cmd.user_data, -EFAULT);
		} else if (is("unknown")) {
			put(&c, 0, 0);
			put(&c, ~0ull, 0);
			put(&c, cmd.user_data ^ 1, 0);
			put(&c, cmd.user_data ^ 1ull << 16, 0);
			put(&c, cmd.user_data, 0);
		} else if (is("status")) {
			put(&c, cmd.user_data, cmd.op[0] ? 7 : -9999);
		} else if (is("dies")) {
			put(&c, cmd.user_data, 0);
			if (!--count)
				_exit(0);
		} else if (is("truncate")) {
			put(&c, cmd.user_data, truncate_all());
		} else if (is("scribble")) {
			scribble(&h->ring);
		} else if (is("hangup")) {
			/* The mapping stays, and so does the process. */
			close(VGPU_WORKER_SOCKET);
			pause();
		}
	}
}

int main(int argc, char **argv)
{
	static const char * const liars[] = {
		"exit", "mute", "garbage", "short", "version", "lies",
		"unterminated", "twice", "unknown", "status", "dies",
		"truncate", "scribble", "hangup",
	};
	static const struct vgpu_worker_kind kinds[] = {
		{ "test", &test_executor },
	};
	const char *fake = getenv("VGPU_FAKE");
	struct vgpu_worker_host h;
	struct vgpu_message msg;
	unsigned int i;

	if (fake)
		sscanf(fake, "%31[a-z]:%lu", mode, &count);
	for (i = 0; i < ARRAY_SIZE(liars); i++) {
		if (!is(liars[i]))
			continue;
		vgpu_message_init(&msg);
		if (vgpu_worker_hear(&h, &msg))
			return 1;
		before_ready();
		lie(&h);
	}
	return vgpu_worker_main(argc, argv, kinds, ARRAY_SIZE(kinds));
}
