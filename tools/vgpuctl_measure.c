// SPDX-License-Identifier: MIT
/*
 * vgpuctl bench: the measurements.  Each repetition of one runs for about
 * SLICE_NS and gives one value.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vgpuctl_bench.h"

#define SLICE_NS	(30ull * 1000 * 1000)
#define CHUNK		1024u
#define LIMIT_MS	60000u

/*
 * The queue: threads of this process, no device.
 */

/* One thread that submits and dequeues, a command at a time: ns a command. */
static int queue_one_thread(struct bench *b, double *value)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = b->o->entries,
	};
	struct vgpu_command cmd = vgpu_command_synchronize();
	uint64_t start, end, n = 0;
	struct vgpu_queue *q;
	unsigned int i;
	int ret;

	ret = vgpu_queue_create(&opts, &q);
	if (ret)
		return ret;
	ret = vgpu_queue_start(q);
	start = vgpu_now_ns();
	do {
		for (i = 0; i < CHUNK && !ret; i++) {
			cmd.submit_ns = 0;
			ret = vgpu_queue_submit(q, &cmd);
			if (!ret)
				ret = vgpu_queue_dequeue(q, &cmd,
							 VGPU_NO_WAIT);
		}
		n += CHUNK;
		end = vgpu_now_ns();
	} while (!ret && end - start < SLICE_NS);
	*value = (double)(end - start) / (double)n;
	vgpu_queue_unref(q);
	return ret;
}

struct flow {
	struct vgpu_queue *queue;
	uint32_t batch;
	int stop;
	int error;
	uint64_t consumed;
};

static void *produce(void *arg)
{
	struct flow *f = arg;
	struct vgpu_command *cmds;
	uint32_t i;
	int ret;

	cmds = calloc(f->batch, sizeof(*cmds));
	if (!cmds) {
		__atomic_store_n(&f->error, -ENOMEM, __ATOMIC_RELAXED);
		return NULL;
	}
	for (i = 0; i < f->batch; i++)
		cmds[i] = vgpu_command_synchronize();
	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		ret = vgpu_queue_submit_batch(f->queue, cmds, f->batch,
					      VGPU_QUEUE_PARTIAL);
		if (ret == -EAGAIN) {
			sched_yield();
		} else if (ret < 0) {
			__atomic_store_n(&f->error, ret, __ATOMIC_RELAXED);
			break;
		}
	}
	free(cmds);
	return NULL;
}

static void *consume(void *arg)
{
	struct flow *f = arg;
	struct vgpu_command *cmds;
	uint64_t n = 0;
	int ret;

	cmds = calloc(f->batch, sizeof(*cmds));
	if (!cmds) {
		__atomic_store_n(&f->error, -ENOMEM, __ATOMIC_RELAXED);
		return NULL;
	}
	do {
		ret = vgpu_queue_dequeue_batch(f->queue, cmds, f->batch,
					       VGPU_FOREVER);
		if (ret > 0)
			n += (uint32_t)ret;
	} while (ret > 0);
	if (ret != -EPIPE)
		__atomic_store_n(&f->error, ret, __ATOMIC_RELAXED);
	__atomic_fetch_add(&f->consumed, n, __ATOMIC_RELAXED);
	free(cmds);
	return NULL;
}

static int flow_run(struct flow *f, uint64_t threads)
{
	struct timespec slice = { .tv_nsec = SLICE_NS };
	pthread_t *ids;
	uint64_t i, producers = 0, consumers = 0;
	int ret = 0;

	ids = calloc(2 * threads, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (i = 0; i < threads && !ret; i++) {
		ret = -pthread_create(&ids[threads + i], NULL, consume, f);
		consumers += !ret;
	}
	for (i = 0; i < threads && !ret; i++) {
		ret = -pthread_create(&ids[i], NULL, produce, f);
		producers += !ret;
	}
	if (!ret)
		nanosleep(&slice, NULL);
	__atomic_store_n(&f->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < producers; i++)
		pthread_join(ids[i], NULL);
	vgpu_queue_close(f->queue);
	for (i = 0; i < consumers; i++)
		pthread_join(ids[threads + i], NULL);
	free(ids);
	return ret ? ret : f->error;
}

/* Producers and consumers, in batches: million commands a second. */
static int queue_threads(struct bench *b, double *value)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = b->o->entries,
	};
	struct flow f = { .batch = (uint32_t)b->o->batch };
	uint64_t start;
	int ret;

	ret = vgpu_queue_create(&opts, &f.queue);
	if (ret)
		return ret;
	ret = vgpu_queue_start(f.queue);
	start = vgpu_now_ns();
	if (!ret)
		ret = flow_run(&f, b->o->threads);
	*value = (double)f.consumed * 1000 / (double)(vgpu_now_ns() - start);
	vgpu_queue_unref(f.queue);
	return ret;
}

/*
 * The device's ring.
 */

/* Submit @batch commands that do nothing, and see them end: ns a command. */
static int ring_batch(struct bench *b, size_t batch, double *value)
{
	uint64_t start, end, n = 0, last = 0;
	struct vgpu_command *cmds;
	int64_t ret = 0;
	size_t i;

	cmds = calloc(batch, sizeof(*cmds));
	if (!cmds)
		return -ENOMEM;
	for (i = 0; i < batch; i++)
		cmds[i] = vgpu_command_synchronize();
	start = vgpu_now_ns();
	do {
		ret = vgpu_device_submit_batch(b->dev, b->ring, cmds, batch,
					       VGPU_SUBMIT_ALL, &last);
		if (ret < 0)
			break;
		ret = vgpu_device_wait(b->dev, last + batch - 1,
				       vgpu_deadline_after_ms(LIMIT_MS), NULL);
		n += batch;
		end = vgpu_now_ns();
	} while (!ret && end - start < SLICE_NS);
	free(cmds);
	if (ret)
		return (int)ret;
	*value = (double)(end - start) / (double)n;
	return 0;
}

static int ring_one(struct bench *b, double *value)
{
	return ring_batch(b, 1, value);
}

static int ring_many(struct bench *b, double *value)
{
	size_t batch = b->o->batch;

	return ring_batch(b, batch < b->ring_entries ? batch : b->ring_entries,
			  value);
}

/*
 * Commands: GiB a second, or ns for one that moves nothing.
 */
static int run_command(struct bench *b, const struct vgpu_command *cmd,
		       double *ns)
{
	uint64_t start, end, ticket, n = 0;
	int ret;

	start = vgpu_now_ns();
	do {
		ret = vgpu_device_submit(b->dev, b->ring, cmd, &ticket);
		if (!ret)
			ret = vgpu_device_wait(b->dev, ticket,
					       vgpu_deadline_after_ms(LIMIT_MS),
					       NULL);
		if (ret)
			return ret;
		n++;
		end = vgpu_now_ns();
	} while (end - start < SLICE_NS);
	*ns = (double)(end - start) / (double)n;
	return 0;
}

static int bandwidth(struct bench *b, struct vgpu_command cmd, double *value)
{
	int ret = run_command(b, &cmd, value);

	if (!ret)
		*value = (double)b->o->bytes / *value * 1e9 / (1 << 30);
	return ret;
}

static int to_registered(struct bench *b, double *value)
{
	return bandwidth(b, vgpu_command_transfer_to(b->a, b->pinned,
						     b->o->bytes), value);
}

static int to_other(struct bench *b, double *value)
{
	return bandwidth(b, vgpu_command_transfer_to(b->a, b->host,
						     b->o->bytes), value);
}

static int from_registered(struct bench *b, double *value)
{
	return bandwidth(b, vgpu_command_transfer_from(b->pinned, b->a,
						       b->o->bytes), value);
}

static int from_other(struct bench *b, double *value)
{
	return bandwidth(b, vgpu_command_transfer_from(b->host, b->a,
						       b->o->bytes), value);
}

static int copy(struct bench *b, double *value)
{
	return bandwidth(b, vgpu_command_copy(b->b, b->a, b->o->bytes), value);
}

static int clear(struct bench *b, double *value)
{
	return bandwidth(b, vgpu_command_clear(b->b, b->o->bytes, 0x01020304),
			 value);
}

static int launch(struct bench *b, double *value)
{
	struct vgpu_command cmd = vgpu_command_launch(b->kernel, 1, 1, 1);

	if (!b->kernel)
		return -EOPNOTSUPP;
	return run_command(b, &cmd, value);
}

/* What the CPU does by itself, between the same two buffers. */
static int cpu(struct bench *b, bool fill, double *value)
{
	uint64_t start = vgpu_now_ns(), end, n = 0;

	do {
		if (fill)
			memset(b->pinned, (int)n, b->o->bytes);
		else
			memcpy(b->pinned, b->host, b->o->bytes);
		/* Somebody might read it. */
		__asm__ volatile("" : : "r"(b->pinned) : "memory");
		n++;
		end = vgpu_now_ns();
	} while (end - start < SLICE_NS);
	*value = (double)b->o->bytes * (double)n / (double)(end - start) *
		 1e9 / (1 << 30);
	return 0;
}

static int cpu_copy(struct bench *b, double *value)
{
	return cpu(b, false, value);
}

static int cpu_fill(struct bench *b, double *value)
{
	return cpu(b, true, value);
}

const struct measurement bench_measurements[] = {
	{ "queue_submit_dequeue", "queue: submit, dequeue", "ns", NULL,
	  queue_one_thread },
	{ "queue_threads", "queue: between threads", "Mcommands/s", NULL,
	  queue_threads },
	{ "ring_single", "ring: submit, wait, one by one", "ns", NULL,
	  ring_one },
	{ "ring_batch", "ring: submit, wait, in batches", "ns", NULL,
	  ring_many },
	{ "launch", "launch of a native kernel", "ns", NULL, launch },
	{ "memcpy", "memcpy()", "GiB/s", NULL, cpu_copy },
	{ "transfer_to", "transfer to", "GiB/s", "memcpy", to_other },
	{ "transfer_from", "transfer from", "GiB/s", "memcpy", from_other },
	{ "transfer_to_registered", "transfer to, registered", "GiB/s",
	  "memcpy", to_registered },
	{ "transfer_from_registered", "transfer from, registered", "GiB/s",
	  "memcpy", from_registered },
	{ "copy", "copy", "GiB/s", "memcpy", copy },
	{ "memset", "memset()", "GiB/s", NULL, cpu_fill },
	{ "clear", "clear", "GiB/s", "memset", clear },
};

const unsigned int bench_n_measurements = ARRAY_SIZE(bench_measurements);

static int do_nothing(const struct vgpu_native_call *call)
{
	return 0;
}

/* Memory that is there, so that nobody measures the first touch of a page. */
static void *touched(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	memset(p, 1, bytes);
	return p;
}

static int touch_device(struct bench *b, uint64_t address)
{
	struct vgpu_command cmd = vgpu_command_clear(address, b->o->bytes, 0);
	uint64_t ticket;
	int ret;

	ret = vgpu_device_submit(b->dev, b->ring, &cmd, &ticket);
	if (!ret)
		ret = vgpu_device_wait(b->dev, ticket,
				       vgpu_deadline_after_ms(LIMIT_MS), NULL);
	return ret;
}

static int open_memory(struct bench *b)
{
	struct vgpu_device_info info;
	char bytes[32], left[32];
	int ret;

	vgpu_device_get_info(b->dev, &info);
	if (b->o->bytes > info.available_memory / 2)
		return ctl_fail(CTL_USAGE,
				"--bytes of %s: two such blocks do not fit into %s of device memory; take less%s",
				ctl_size_text(b->o->bytes, bytes),
				ctl_size_text(info.available_memory, left),
				info.type == VGPU_DEVICE_TYPE_SOFTWARE ?
				", or a larger --vram" : "");
	b->host = touched(b->o->bytes);
	b->pinned = touched(b->o->bytes);
	if (!b->host || !b->pinned)
		return ctl_fail(CTL_FAILED,
				"the system has no memory for two buffers of %s; give a smaller --bytes",
				ctl_size_text(b->o->bytes, bytes));
	ret = vgpu_device_register(b->dev, b->pinned, b->o->bytes, NULL);
	if (!ret)
		ret = vgpu_device_alloc(b->dev, b->o->bytes, 0, &b->a);
	if (!ret)
		ret = vgpu_device_alloc(b->dev, b->o->bytes, 0, &b->b);
	if (!ret)
		ret = touch_device(b, b->a);
	if (!ret)
		ret = touch_device(b, b->b);
	return ret ? ctl_device_failed(b->dev, "memory to measure with", ret) :
		     CTL_OK;
}

/* The ring's entries for a queue's. */
static uint32_t ring_entries(uint64_t entries)
{
	uint32_t n = 8;

	while (n < entries && n < 65536)
		n *= 2;
	return n;
}

int bench_open(struct bench *b, const struct ctl_options *o, uint32_t *backend)
{
	struct vgpu_native_options native = {
		.size = sizeof(native),
		.fn = do_nothing,
	};
	struct vgpu_device_ring_options ring = {
		.size = sizeof(ring),
		.entries = ring_entries(o->entries),
		.flags = VGPU_DEVICE_RING_NO_TIMES,
	};
	char reason[256];
	int ret;

	memset(b, 0, sizeof(*b));
	b->o = o;
	b->ring_entries = ring.entries;
	if (o->batch > o->entries)
		return ctl_fail(CTL_USAGE,
				"--batch %llu: more than fit into --entries %llu; take a batch from 1 to that",
				(unsigned long long)o->batch,
				(unsigned long long)o->entries);
	ret = ctl_open_running(o, &b->dev, backend, reason);
	if (ret)
		return ret;
	ret = vgpu_device_ring_create(b->dev, &ring, &b->ring);
	if (ret)
		return ctl_device_failed(b->dev, "no ring", ret);
	/* Not every device has native kernels. */
	ret = vgpu_kernel_register_native(b->dev, &native, &b->kernel);
	if (ret && ret != -EOPNOTSUPP)
		return ctl_device_failed(b->dev, "no kernel", ret);
	return open_memory(b);
}

void bench_close(struct bench *b)
{
	vgpu_device_close(b->dev);
	if (b->host)
		munmap(b->host, b->o->bytes);
	if (b->pinned)
		munmap(b->pinned, b->o->bytes);
}
