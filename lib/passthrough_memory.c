// SPDX-License-Identifier: MIT
/*
 * The backend passthrough: objects, that is blocks of VRAM, and memory of this
 * process that the device reaches.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "passthrough.h"

/* So much is moved by one command, which keeps others waiting. */
#define VGPU_PASS_MOVE_BYTES	(16ull << 20)

static uint64_t pages(uint64_t bytes)
{
	return (bytes + VGPU_PAGE_BYTES - 1) & ~(uint64_t)(VGPU_PAGE_BYTES - 1);
}

/* What the device reserves for a block. */
static uint64_t cost(uint64_t bytes)
{
	return (bytes + VGPU_MAP_GRANULE - 1) & ~(uint64_t)(VGPU_MAP_GRANULE - 1);
}

/* -EPROTO: the device has given an id that it cannot have. */
static int object_add(struct vgpu_pass *d, const struct vgpu_pass_object *o)
{
	if ((o->id & 0xffff) >= d->n_objects)
		return -EPROTO;
	pthread_mutex_lock(&d->lock);
	d->objects[o->id & 0xffff] = *o;
	pthread_mutex_unlock(&d->lock);
	return 0;
}

/* From the table, before it is ended, and its number can be another one's. */
static bool object_take(struct vgpu_pass *d, uint32_t id,
			struct vgpu_pass_object *o)
{
	uint32_t i = id & 0xffff;
	bool found;

	pthread_mutex_lock(&d->lock);
	found = i < d->n_objects && d->objects[i].kind &&
		d->objects[i].id == id;
	if (found) {
		*o = d->objects[i];
		memset(&d->objects[i], 0, sizeof(d->objects[i]));
	}
	pthread_mutex_unlock(&d->lock);
	return found;
}

/* VRAM. */

static int block_reserve(struct vgpu_pass *d, uint64_t bytes)
{
	int ret = 0;

	pthread_mutex_lock(&d->lock);
	if (d->limit && (d->used > d->limit || bytes > d->limit - d->used))
		ret = -ENOSPC;
	else
		d->used += bytes;
	pthread_mutex_unlock(&d->lock);
	return ret;
}

static void block_refund(struct vgpu_pass *d, uint64_t bytes)
{
	pthread_mutex_lock(&d->lock);
	d->used -= bytes;
	pthread_mutex_unlock(&d->lock);
}

/* The device has no limit that its driver could change: it is kept here. */
int vgpu_pass_block_create(struct vgpu_pass *d, const struct vgpu_cmd *cmd,
			   u64 result[2])
{
	struct vgpu_pass_object o = {
		.kind = VGPU_PASS_VRAM,
		.bytes = cmd->op[0],
	};
	int ret;

	ret = block_reserve(d, cost(o.bytes));
	if (ret)
		return ret;
	ret = vgpu_pass_do(d, cmd, result);
	if (!ret) {
		o.id = (uint32_t)result[0];
		o.at = result[1];
		ret = object_add(d, &o);
	}
	if (ret)
		block_refund(d, cost(o.bytes));
	return ret;
}

int vgpu_pass_block_destroy(struct vgpu_pass *d, const struct vgpu_cmd *cmd)
{
	struct vgpu_pass_object o;
	u64 result[2];
	int ret;

	if (!object_take(d, (uint32_t)cmd->op[0], &o))
		return -ENOENT;
	ret = vgpu_pass_do(d, cmd, result);
	if (ret)
		object_add(d, &o);
	else
		block_refund(d, cost(o.bytes));
	return ret;
}

static void pin_count(struct vgpu_pass *d, uint32_t object, int by)
{
	pthread_mutex_lock(&d->lock);
	d->objects[object & 0xffff].pins += by;
	pthread_mutex_unlock(&d->lock);
}

int vgpu_pass_map(void *b, uint32_t object, uint64_t bytes, void **cpu)
{
	struct vgpu_pass *d = b;
	u64 result[2];
	int ret;

	ret = vgpu_pass_do1(d, VGPU_ADMIN_OBJECT_PIN, object, 1, result);
	if (ret)
		return ret;
	ret = vgpu_pass_do1(d, VGPU_ADMIN_OBJECT_INFO, object, 0, result);
	if (!ret && (result[0] > d->vfio.vram.mapped ||
		     bytes > d->vfio.vram.mapped - result[0]))
		ret = -EIO;
	if (ret) {
		vgpu_pass_do1(d, VGPU_ADMIN_OBJECT_PIN, object, 0, result);
		return ret;
	}
	pin_count(d, object, 1);
	*cpu = (char *)d->vfio.vram.map + result[0];
	return 0;
}

void vgpu_pass_unmap(void *b, uint32_t object, void *cpu, uint64_t bytes)
{
	u64 result[2];

	(void)cpu;
	(void)bytes;
	vgpu_pass_do1(b, VGPU_ADMIN_OBJECT_PIN, object, 0, result);
	pin_count(b, object, -1);
}

/* Blocks have moved: where are they now? */
static void refresh(struct vgpu_pass *d)
{
	uint32_t i, id;
	u64 result[2];

	for (i = 0; i < d->n_objects; i++) {
		pthread_mutex_lock(&d->lock);
		id = d->objects[i].kind == VGPU_PASS_VRAM ? d->objects[i].id : 0;
		pthread_mutex_unlock(&d->lock);
		if (!id || vgpu_pass_do1(d, VGPU_ADMIN_OBJECT_INFO, id, 0,
					 result))
			continue;
		pthread_mutex_lock(&d->lock);
		if (d->objects[i].id == id)
			d->objects[i].at = result[0];
		pthread_mutex_unlock(&d->lock);
	}
}

int vgpu_pass_compact(void *b, uint64_t max_bytes, uint64_t *moved)
{
	struct vgpu_pass *d = b;
	u64 result[2];
	int ret;

	*moved = 0;
	do {
		ret = vgpu_pass_do1(d, VGPU_ADMIN_COMPACT,
				    min_t(uint64_t, max_bytes - *moved,
					  VGPU_PASS_MOVE_BYTES), 0, result);
		if (ret)
			break;
		*moved += result[0];
	} while (result[1] && result[0] && *moved < max_bytes);
	refresh(d);
	return ret;
}

bool vgpu_pass_next_block(void *b, uint64_t offset, uint32_t *object,
			  struct vgpu_device_block *block)
{
	const struct vgpu_pass_object *o;
	struct vgpu_pass *d = b;
	bool found = false;
	uint32_t i;

	pthread_mutex_lock(&d->lock);
	for (i = 0; i < d->n_objects; i++) {
		o = &d->objects[i];
		if (o->kind != VGPU_PASS_VRAM || o->at < offset ||
		    (found && o->at >= block->offset))
			continue;
		block->offset = o->at;
		block->bytes = o->bytes;
		block->pinned = !!o->pins;
		*object = o->id;
		found = true;
	}
	pthread_mutex_unlock(&d->lock);
	return found;
}

/* The larger of @largest and the longest piece of @from to @to in one bank. */
static uint64_t longest(uint64_t from, uint64_t to, uint64_t bank,
			uint64_t largest)
{
	uint64_t end;

	for (; from < to; from = end) {
		end = min_t(uint64_t, to, (from / bank + 1) * bank);
		largest = max_t(uint64_t, largest, end - from);
	}
	return largest;
}

static int by_offset(const void *a, const void *b)
{
	const struct vgpu_pass_object *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/* The largest block that there is a hole for. */
uint64_t vgpu_pass_largest(struct vgpu_pass *d)
{
	uint32_t shift = vgpu_vfio_read(&d->vfio, VGPU_REG_BANK_SHIFT) & 63;
	uint64_t largest = 0, end = 0, bank = 1ull << shift;
	struct vgpu_pass_object *list;
	uint32_t i, n = 0;

	list = malloc(d->n_objects * sizeof(*list));
	if (!list)
		return 0;
	pthread_mutex_lock(&d->lock);
	for (i = 0; i < d->n_objects; i++)
		if (d->objects[i].kind == VGPU_PASS_VRAM)
			list[n++] = d->objects[i];
	pthread_mutex_unlock(&d->lock);
	qsort(list, n, sizeof(list[0]), by_offset);
	for (i = 0; i < n; i++) {
		largest = longest(end, list[i].at, bank, largest);
		end = list[i].at + cost(list[i].bytes);
	}
	free(list);
	return longest(end, d->info.total_memory, bank, largest);
}

/* Memory of this process. */

/* Make an object of what is mapped already. */
static int system_object(struct vgpu_pass *d, struct vgpu_pass_object *o)
{
	u64 result[2];
	int ret;

	ret = vgpu_pass_do1(d, VGPU_ADMIN_SYSTEM_CREATE, o->bytes, 0, result);
	if (ret)
		return ret;
	o->id = (uint32_t)result[0];
	ret = vgpu_pass_pages(d, o->id, o->at, o->bytes / VGPU_PAGE_BYTES);
	if (!ret)
		ret = object_add(d, o);
	if (!ret)
		return 0;
	vgpu_pass_do1(d, VGPU_ADMIN_OBJECT_DESTROY, o->id, 0, result);
	/* The device's word for RLIMIT_MEMLOCK; memory that is read-only. */
	return ret == -ENOMEM ? -ENOSPC : ret == -EACCES ? -EFAULT : ret;
}

/* Whole pages, as an object.  @own goes with it, if it is made. */
int vgpu_pass_system(struct vgpu_pass *d, void *p, uint64_t bytes, void *own,
		     uint32_t *object)
{
	struct vgpu_pass_object o = {
		.kind = VGPU_PASS_SYSTEM,
		.bytes = bytes,
		.own = own,
	};
	int ret;

	ret = vgpu_vfio_map(&d->vfio, p, bytes, &o.at);
	if (ret)
		return ret;
	ret = system_object(d, &o);
	if (ret)
		vgpu_vfio_unmap(&d->vfio, o.at, bytes);
	*object = o.id;
	return ret;
}

static void system_free(struct vgpu_pass *d, const struct vgpu_pass_object *o)
{
	vgpu_vfio_unmap(&d->vfio, o->at, o->bytes);
	if (o->own)
		munmap(o->own, o->bytes);
}

/*
 * End memory of this process: the device answers when no command uses it any
 * more.  A ring that is being destroyed is such a use, too.
 */
void vgpu_pass_object_end(struct vgpu_pass *d, uint32_t id)
{
	struct vgpu_pass_object o;
	u64 result[2];

	if (!object_take(d, id, &o))
		return;
	while (vgpu_pass_do1(d, VGPU_ADMIN_OBJECT_DESTROY, id, 0, result) ==
	       -EBUSY)
		vgpu_pass_look_again();
	system_free(d, &o);
}

/* The device was reset, and knows none any more. */
void vgpu_pass_objects_end(struct vgpu_pass *d)
{
	struct vgpu_pass_object o;
	uint32_t i;

	for (i = 0; i < d->n_objects; i++) {
		pthread_mutex_lock(&d->lock);
		o = d->objects[i];
		memset(&d->objects[i], 0, sizeof(o));
		pthread_mutex_unlock(&d->lock);
		if (o.kind == VGPU_PASS_SYSTEM)
			system_free(d, &o);
	}
}

int vgpu_pass_system_create(void *b, void *ptr, uint64_t bytes, bool source,
			    struct vgpu_backend_system *sys)
{
	uint64_t skip = (uintptr_t)ptr % VGPU_PAGE_BYTES;

	/* The device wants to write to all that it is given. */
	sys->read_only = false;
	sys->cpu = ptr;
	sys->bytes = bytes;
	sys->skip = (uint32_t)skip;
	(void)source;
	return vgpu_pass_system(b, (char *)ptr - skip, pages(skip + bytes),
				NULL, &sys->object);
}

int vgpu_pass_system_alloc(void *b, uint64_t bytes,
			   struct vgpu_backend_system *sys)
{
	int ret;

	sys->cpu = mmap(NULL, pages(bytes), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sys->cpu == MAP_FAILED)
		return -ENOMEM;
	sys->bytes = bytes;
	sys->skip = 0;
	sys->read_only = false;
	ret = vgpu_pass_system(b, sys->cpu, pages(bytes), sys->cpu,
			       &sys->object);
	if (ret)
		munmap(sys->cpu, pages(bytes));
	return ret;
}

void vgpu_pass_system_destroy(void *b, uint32_t object, bool wait)
{
	/* Where nobody has to wait, nothing is waited for. */
	(void)wait;
	vgpu_pass_object_end(b, object);
}

static int pool_make(struct vgpu_pass *d, uint64_t bytes)
{
	void *p;
	int ret;

	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	ret = vgpu_vfio_map(&d->vfio, p, bytes, &d->pool_iova);
	if (ret) {
		munmap(p, bytes);
		return ret;
	}
	d->pool = p;
	d->pool_bytes = bytes;
	return 0;
}

/* It stays mapped over a reset, as much as it is: see pass_reset(). */
int vgpu_pass_pool(void *b, uint64_t bytes, struct vgpu_backend_system *sys)
{
	struct vgpu_pass_object o = { .kind = VGPU_PASS_POOL };
	struct vgpu_pass *d = b;
	int ret = 0;

	if (!d->pool)
		ret = pool_make(d, pages(bytes));
	if (ret)
		return ret;
	o.bytes = d->pool_bytes;
	o.at = d->pool_iova;
	ret = system_object(d, &o);
	sys->cpu = d->pool;
	sys->bytes = bytes;
	sys->object = o.id;
	sys->skip = 0;
	sys->read_only = false;
	return ret;
}
