// SPDX-License-Identifier: MIT
/*
 * The simulator's memory: VRAM is a file in memory, taken from the system as it
 * is used and given back when it is freed; system memory and rings are this
 * process's own, known to the model by the ids of objects.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim.h"

/* From so much on zeroing gives pages back instead of writing to them. */
#define VGPU_SIM_PUNCH_BYTES	(256u << 10)

int vgpu_sim_vram_open(struct vgpu_sim *s, uint64_t bytes)
{
	void *p;

	s->vram_fd = memfd_create("vgpu-vram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->vram_fd < 0)
		return -errno;
	if (ftruncate(s->vram_fd, (off_t)bytes))
		goto err;
	/* A worker gets this file, and shall not cut it off under us. */
	if (fcntl(s->vram_fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		goto err;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE, s->vram_fd, 0);
	if (p == MAP_FAILED)
		goto err;
	s->vram = p;
	s->vram_bytes = bytes;
	return 0;

err:
	close(s->vram_fd);
	s->vram_fd = -1;
	return -ENOMEM;
}

void vgpu_sim_vram_close(struct vgpu_sim *s)
{
	munmap(s->vram, s->vram_bytes);
	close(s->vram_fd);
}

/* Without the lock: that VRAM is nobody's. */
void vgpu_sim_vram_zero(struct vgpu_sim *s, uint64_t offset, uint64_t bytes)
{
	uint64_t end = offset + bytes;
	uint64_t first = (offset + VGPU_PAGE_BYTES - 1) &
			 ~(uint64_t)(VGPU_PAGE_BYTES - 1);
	uint64_t last = end & ~(uint64_t)(VGPU_PAGE_BYTES - 1);

	if (bytes < VGPU_SIM_PUNCH_BYTES ||
	    fallocate(s->vram_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)first, (off_t)(last - first))) {
		memset(s->vram + offset, 0, bytes);
		return;
	}
	memset(s->vram + offset, 0, first - offset);
	memset(s->vram + last, 0, end - last);
}

/* Where a piece of memory in a work item lies. */
void *vgpu_sim_mem(struct vgpu_sim *s, const struct vgpu_mem *mem)
{
	struct vgpu_sim_object *o;

	if (!mem->object)
		return s->vram + mem->offset;
	o = &s->objects[mem->object & 0xffff];
	return o->base + mem->offset;
}

/*
 * With the lock.  @own: @ptr is malloc'ed, and freed when no command uses it
 * any more.
 */
static int system_create(struct vgpu_sim *s, void *ptr, uint64_t bytes,
			 bool own, uint32_t *object)
{
	uint64_t pages = (bytes + VGPU_PAGE_BYTES - 1) / VGPU_PAGE_BYTES;
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_SYSTEM_CREATE,
		.op = { pages * VGPU_PAGE_BYTES },
	};
	struct vgpu_sim_object *o;
	u64 result[2];
	int ret;

	ret = vgpu_sim_admin_locked(s, &cmd, result);
	if (ret)
		return ret;
	*object = (uint32_t)result[0];
	o = &s->objects[*object & 0xffff];
	o->id = *object;
	o->base = ptr;
	o->own = own;
	return 0;
}

static int memory_object(struct vgpu_sim *s, void *ptr, uint64_t bytes,
			 bool own, struct vgpu_backend_system *sys)
{
	int ret;

	sys->cpu = ptr;
	sys->bytes = bytes;
	sys->skip = 0;
	sys->read_only = false;
	pthread_mutex_lock(&s->lock);
	ret = system_create(s, ptr, bytes, own, &sys->object);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

int vgpu_sim_system_create(void *b, void *ptr, uint64_t bytes, bool source,
			   struct vgpu_backend_system *sys)
{
	int ret;

	ret = memory_object(b, ptr, bytes, false, sys);
	sys->read_only = source;
	return ret;
}

int vgpu_sim_system_alloc(void *b, uint64_t bytes,
			  struct vgpu_backend_system *sys)
{
	void *ptr = malloc(bytes);
	int ret;

	if (!ptr)
		return -ENOMEM;
	ret = memory_object(b, ptr, bytes, true, sys);
	if (ret)
		free(ptr);
	return ret;
}

int vgpu_sim_pool(void *b, uint64_t bytes, struct vgpu_backend_system *sys)
{
	struct vgpu_sim *s = b;
	void *p;

	if (!s->pool) {
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			return -ENOMEM;
		s->pool = p;
		s->pool_bytes = bytes;
	}
	return memory_object(s, s->pool, bytes, false, sys);
}

static int system_destroy(struct vgpu_sim *s, uint32_t object)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_OBJECT_DESTROY,
		.op = { object },
	};
	u64 result[2];

	return vgpu_sim_admin_locked(s, &cmd, result);
}

void vgpu_sim_system_destroy(void *b, uint32_t object, bool wait)
{
	struct vgpu_sim *s = b;

	pthread_mutex_lock(&s->lock);
	if (!system_destroy(s, object)) {
		while (wait && s->objects[object & 0xffff].id == object)
			vgpu_sim_step(s);
	}
	pthread_mutex_unlock(&s->lock);
}

/* No command uses the object's memory any more. */
void vgpu_sim_unpinned(struct vgpu_sim *s, uint32_t object)
{
	struct vgpu_sim_object *o = &s->objects[object & 0xffff];

	o->id = 0;
	if (o->own)
		free(o->base);
	o->own = false;
}

static uint64_t ring_bytes(uint32_t entries)
{
	uint64_t bytes = VGPU_RING_BYTES(entries, entries);

	return (bytes + VGPU_PAGE_BYTES - 1) & ~(uint64_t)(VGPU_PAGE_BYTES - 1);
}

static int ring_create(struct vgpu_sim *s, const struct vgpu_backend_ring *ring,
		       void *mem, uint32_t *id)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_RING_CREATE,
		.op = {
			ring->context, 0,
			ring->entries | (uint64_t)ring->entries << 32,
			ring->flags | (uint64_t)ring->priority << 32 |
				(uint64_t)ring->vector << 40,
		},
	};
	u64 result[2];
	uint32_t object;
	int ret;

	ret = system_create(s, mem, ring_bytes(ring->entries), false, &object);
	if (ret)
		return ret;
	cmd.op[1] = object;
	ret = vgpu_sim_admin_locked(s, &cmd, result);
	if (ret) {
		system_destroy(s, object);
		return ret;
	}
	*id = (uint32_t)result[0];
	s->rings[*id & 0xffff] = *id;
	s->ring_objects[*id & 0xffff] = object;
	return vgpu_model_ring_memory(s->m, *id, mem);
}

int vgpu_sim_ring_create(void *b, const struct vgpu_backend_ring *ring,
			 uint32_t *id, void **mem)
{
	struct vgpu_sim *s = b;
	int ret;

	*mem = mmap(NULL, ring_bytes(ring->entries), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*mem == MAP_FAILED)
		return -ENOMEM;
	pthread_mutex_lock(&s->lock);
	ret = ring_create(s, ring, *mem, id);
	pthread_mutex_unlock(&s->lock);
	if (ret)
		munmap(*mem, ring_bytes(ring->entries));
	return ret;
}

/* The model does not look at that ring any more. */
void vgpu_sim_detached(struct vgpu_sim *s, uint32_t ring)
{
	s->rings[ring & 0xffff] = 0;
}

void vgpu_sim_ring_destroy(void *b, uint32_t id)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_RING_DESTROY,
		.op = { id },
	};
	struct vgpu_sim *s = b;
	u64 result[2];
	uint32_t object;

	pthread_mutex_lock(&s->lock);
	object = s->ring_objects[id & 0xffff];
	if (!vgpu_sim_admin_locked(s, &cmd, result)) {
		system_destroy(s, object);
		while (s->rings[id & 0xffff] == id)
			vgpu_sim_step(s);
		vgpu_sim_changed(s);
	}
	pthread_mutex_unlock(&s->lock);
}

void vgpu_sim_ring_free(void *b, void *mem, uint32_t entries)
{
	(void)b;
	munmap(mem, ring_bytes(entries));
}
