// SPDX-License-Identifier: MIT
/*
 * The stand-in for VFIO: a device, that is the model with a thread.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vgpu/device.h>

#include "vfio_device.h"

#define FAKE_OBJECTS	16383u
#define FAKE_ITEMS	16u

/* The first mapping that ends behind @iova. */
static u32 dma_find(const struct fake_device *d, u64 iova)
{
	u32 low = 0, high = d->n_dma, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (d->dma[middle].iova + d->dma[middle].bytes <= iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where @bytes at @iova lie, if they lie in one mapping. */
static char *dma_at(const struct fake_device *d, u64 iova, u64 bytes)
{
	u32 i = dma_find(d, iova);
	const struct fake_dma *m = &d->dma[i];

	if (i == d->n_dma || iova < m->iova ||
	    bytes > m->iova + m->bytes - iova)
		return NULL;
	return m->at + (iova - m->iova);
}

int fake_device_map(struct fake_device *d, u64 iova, u64 bytes, char *at)
{
	u32 i = dma_find(d, iova);

	if (!bytes || (iova | bytes | (uintptr_t)at) % VGPU_PAGE_BYTES)
		return -EINVAL;
	if (i < d->n_dma && d->dma[i].iova < iova + bytes)
		return -EEXIST;
	if (d->n_dma == d->room) {
		d->room = d->room ? 2 * d->room : 64;
		d->dma = realloc(d->dma, d->room * sizeof(d->dma[0]));
	}
	memmove(&d->dma[i + 1], &d->dma[i],
		(d->n_dma++ - i) * sizeof(d->dma[0]));
	d->dma[i] = (struct fake_dma){ iova, bytes, at };
	return 0;
}

static bool object_meets(const struct fake_object *o, u64 iova, u64 bytes)
{
	u64 i;

	for (i = 0; i < o->n; i++)
		if (o->iova[i] - iova < bytes)
			return true;
	return false;
}

/* Memory goes: whatever has a page of it is dead. */
int fake_device_unmap(struct fake_device *d, u64 iova, u64 bytes)
{
	u32 k, i = dma_find(d, iova);

	if (i == d->n_dma || d->dma[i].iova != iova || d->dma[i].bytes != bytes)
		return -ENOENT;
	for (k = 0; d->m && k <= FAKE_OBJECTS; k++)
		if (d->objects[k].id && object_meets(&d->objects[k], iova, bytes))
			vgpu_model_system_gone(d->m, d->objects[k].id);
	if (d->m && d->admin - iova < bytes)
		vgpu_model_admin_gone(d->m);
	memmove(&d->dma[i], &d->dma[i + 1],
		(--d->n_dma - i) * sizeof(d->dma[0]));
	return 0;
}

static void object_drop(struct fake_object *o)
{
	free(o->iova);
	free(o->page);
	memset(o, 0, sizeof(*o));
}

static s32 pin(struct fake_device *d, const struct vgpu_work *w)
{
	struct fake_object *o = &d->objects[w->to.object & 0xffff];
	const u64 *list = (const u64 *)dma_at(d, w->address, w->arg * 8ull);
	u64 all = o->n + w->arg, i;
	char *page;

	if (!list)
		return -EFAULT;
	o->id = w->to.object;
	o->iova = realloc(o->iova, all * sizeof(o->iova[0]));
	o->page = realloc(o->page, all * sizeof(o->page[0]));
	for (i = 0; i < w->arg; i++) {
		page = dma_at(d, list[i], VGPU_PAGE_BYTES);
		if (!page)
			return -EFAULT;
		o->iova[o->n + i] = list[i];
		o->page[o->n + i] = page;
	}
	o->n = all;
	return 0;
}

/* A piece of memory in an item from @done on; @n gets how much is in one piece. */
static char *place(struct fake_device *d, const struct vgpu_mem *mem, u64 done,
		   u64 *n)
{
	u64 at = mem->offset + done, left;

	if (!mem->object)
		return d->vram + at;
	left = VGPU_PAGE_BYTES - at % VGPU_PAGE_BYTES;
	if (*n > left)
		*n = left;
	return d->objects[mem->object & 0xffff].page[at / VGPU_PAGE_BYTES] +
	       at % VGPU_PAGE_BYTES;
}

static void touch_piece(const struct vgpu_work *w, char *to, char *from, u64 n)
{
	u64 i;

	switch (w->kind) {
	case VGPU_WORK_CLEAR:
		for (i = 0; i < n; i += 4)
			memcpy(to + i, &w->pattern, 4);
		break;
	case VGPU_WORK_SCRUB:
		memset(to, 0, n);
		break;
	default:
		memcpy(to, from, n);
	}
}

static void touch(struct fake_device *d, const struct vgpu_work *w)
{
	bool reads = w->kind == VGPU_WORK_COPY || w->kind == VGPU_WORK_FETCH;
	char *to, *from = NULL;
	u64 done, n;

	for (done = 0; done < w->bytes; done += n) {
		n = w->bytes - done;
		to = w->kind == VGPU_WORK_FETCH ? (char *)w->buffer + done :
						  place(d, &w->to, done, &n);
		if (reads)
			from = place(d, &w->from, done, &n);
		/* The first may have had more than the second. */
		touch_piece(w, to, from, n);
	}
}

/* What it leaves behind is zero. */
static void move(struct fake_device *d, const struct vgpu_work *w)
{
	u64 from = w->from.offset, to = w->to.offset;
	u64 left = from - to < w->bytes ? to + w->bytes : from;

	memmove(d->vram + to, d->vram + from, w->bytes);
	memset(d->vram + left, 0, from + w->bytes - left);
}

static void admin_attach(struct fake_device *d, const struct vgpu_work *w)
{
	void *mem = dma_at(d, w->address, w->bytes);

	d->admin = w->address;
	d->admin_bytes = w->bytes;
	vgpu_model_admin_attach(d->m, w->id, mem ? 0 : -EFAULT, mem);
}

/* The ring's memory is in one piece, as the library has it. */
static void ring_attach(struct fake_device *d, const struct vgpu_work *w)
{
	struct fake_object *o = &d->objects[w->from.object & 0xffff];

	vgpu_model_ring_attach(d->m, w->id,
			       dma_at(d, o->iova[0], w->bytes));
}

static void execute(struct fake_device *d, const struct vgpu_work *w)
{
	const u64 one = 1;
	u64 now_ns = vgpu_now_ns();
	s32 status = 0;

	switch (w->kind) {
	case VGPU_WORK_COPY:
	case VGPU_WORK_CLEAR:
	case VGPU_WORK_FETCH:
	case VGPU_WORK_SCRUB:
		touch(d, w);
		break;
	case VGPU_WORK_MOVE:
		move(d, w);
		break;
	case VGPU_WORK_PIN:
		status = pin(d, w);
		break;
	case VGPU_WORK_UNPIN:
		object_drop(&d->objects[w->to.object & 0xffff]);
		return;
	case VGPU_WORK_ADMIN_ATTACH:
		admin_attach(d, w);
		return;
	case VGPU_WORK_ADMIN_DETACH:
		d->admin = 0;
		return;
	case VGPU_WORK_RING_ATTACH:
		ring_attach(d, w);
		return;
	case VGPU_WORK_INTERRUPT:
		if (d->irq_fds[w->arg] >= 0 &&
		    write(d->irq_fds[w->arg], &one, sizeof(one)) < 0)
			abort();
		return;
	default:
		return;
	}
	vgpu_model_done(d->m, w->id, status, vgpu_now_ns(),
			vgpu_now_ns() - now_ns);
}

static void *device_thread(void *device)
{
	struct vgpu_work work[FAKE_ITEMS];
	struct fake_device *d = device;
	u32 i, n;

	pthread_mutex_lock(&d->lock);
	while (!d->quit) {
		if (!vgpu_model_pending(d->m)) {
			pthread_cond_wait(&d->cond, &d->lock);
			continue;
		}
		n = vgpu_model_run(d->m, vgpu_now_ns(), work, FAKE_ITEMS);
		for (i = 0; i < n; i++)
			execute(d, &work[i]);
		/* Others have a turn between two rounds. */
		pthread_mutex_unlock(&d->lock);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static int make_model(struct fake_device *d)
{
	struct vgpu_model_config config = {
		.vram_bytes = d->vram_bytes,
		.features = VGPU_FEATURE_TIMES | VGPU_FEATURE_COMPACT |
			    VGPU_FEATURE_IDEMPOTENT,
		.bank_shift = 30,
		.subdevice = VGPU_PCI_SUBDEVICE_VGPU,
		.max_contexts = 16,
		.max_objects = FAKE_OBJECTS,
		.max_mappings = 16383,
		.max_rings = 1023,
		.max_counters = 1023,
		.max_kernels = 16,
		.max_jobs = 255,
		.max_entries = VGPU_RING_MAX_ENTRIES,
	};
	size_t bytes = (vgpu_model_bytes(&config) + 63) & ~(size_t)63;

	d->m = aligned_alloc(64, bytes);
	memset(d->m, 0, bytes);
	if (vgpu_model_init(d->m, bytes, &config))
		return -EINVAL;
	vgpu_model_vectors(d->m, 0);
	return 0;
}

int fake_device_start(struct fake_device *d, u64 vram_bytes)
{
	u32 i;

	d->vram_bytes = vram_bytes;
	d->vram_fd = memfd_create("fake-vram", MFD_CLOEXEC);
	if (d->vram_fd < 0 || ftruncate(d->vram_fd, (off_t)vram_bytes))
		return -errno;
	d->vram = mmap(NULL, vram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		       d->vram_fd, 0);
	d->objects = calloc(FAKE_OBJECTS + 1, sizeof(d->objects[0]));
	for (i = 0; i < VGPU_MSIX_VECTORS; i++)
		d->irq_fds[i] = -1;
	if (make_model(d))
		return -EINVAL;
	d->running = true;
	return -pthread_create(&d->thread, NULL, device_thread, d);
}

void fake_device_stop(struct fake_device *d)
{
	u32 i;

	if (!d->running)
		return;
	pthread_mutex_lock(&d->lock);
	d->quit = true;
	pthread_cond_signal(&d->cond);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	vgpu_model_fini(d->m);
	free(d->m);
	d->m = NULL;
	for (i = 0; i <= FAKE_OBJECTS; i++)
		object_drop(&d->objects[i]);
	free(d->objects);
	munmap(d->vram, d->vram_bytes);
	close(d->vram_fd);
	d->running = false;
}
