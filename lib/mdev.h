/* SPDX-License-Identifier: MIT */
/*
 * The backend mdev, as its files share it: a client of vgpu.ko, through a
 * render node as uapi/vgpu_drm.h has it.  The kernel runs the device; here
 * admin commands become ioctls, and objects are GEM handles.
 */
#ifndef LIBVGPU_INTERNAL_MDEV_H
#define LIBVGPU_INTERNAL_MDEV_H

#include <pthread.h>
#include <sys/types.h>

#include "backend.h"
#include "vgpu_drm.h"

#define VGPU_MDEV_NODES		64u

/**
 * struct vgpu_mdev_node - a render node that may be vgpu.ko's
 * @path: where it is
 * @pci: PCI address, or empty
 */
struct vgpu_mdev_node {
	char path[64];
	char pci[16];
};

/**
 * struct vgpu_mdev_calls - the system, for this backend
 * @nodes: render nodes that are not known to be another driver's; returns how
 *	many, at most @max, in the order of their paths
 * @open: an fd, or -1 and errno, as all the others
 * @mmap: @at: NULL, or a mapping whose place it takes
 */
struct vgpu_mdev_calls {
	uint32_t (*nodes)(struct vgpu_mdev_node *nodes, uint32_t max);
	int (*open)(const char *path);
	int (*close)(int fd);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	void *(*mmap)(void *at, size_t bytes, int prot, int fd, off_t offset);
	int (*munmap)(void *p, size_t bytes);
};

/* Tests put a kernel of their own here, before a device is opened. */
extern const struct vgpu_mdev_calls *vgpu_mdev_calls;

enum vgpu_mdev_kind {
	VGPU_MDEV_NONE,
	VGPU_MDEV_VRAM,
	VGPU_MDEV_SYSTEM,
	VGPU_MDEV_REGISTERED,
};

/**
 * struct vgpu_mdev_bo - a buffer
 * @kind: enum vgpu_mdev_kind
 * @bytes: of a registered one, whole pages
 * @cpu: its mapping, or NULL
 * @cpu_bytes: of that
 */
struct vgpu_mdev_bo {
	uint32_t kind;
	uint64_t bytes;
	void *cpu;
	uint64_t cpu_bytes;
};

/**
 * struct vgpu_mdev - a client
 * @fd: of the node
 * @lock: protects @bos, @event_fd, and changes of @doorbell
 * @bos: buffers of a reset's life, by handle
 * @n_bos: room there
 * @register_lock: held for reading to register memory and to end that, for
 *	writing to compare @registered with what the kernel says
 * @registered: bytes that are in @bos; atomic
 * @page: the client page
 * @pool: what vgpu_mdev_pool() gives; NULL: not yet
 * @features: DRM_VGPU_FEATURE_* of the node
 * @doorbell: the page of the context that @doorbell_of names; NULL: none, KICK
 *	does it.  Set once, and then mapped anew where it is
 * @event_fd: gets interrupts; -1: nobody has asked
 * @info: what does not change
 */
struct vgpu_mdev {
	int fd;
	pthread_mutex_t lock;
	struct vgpu_mdev_bo *bos;
	uint32_t n_bos;
	pthread_rwlock_t register_lock;
	uint64_t registered;
	const struct drm_vgpu_client_page *page;
	void *pool;
	uint64_t pool_bytes;
	uint32_t pool_handle;
	uint64_t features;
	uint32_t *doorbell;
	uint32_t doorbell_of;
	int event_fd;
	struct vgpu_device_info info;
};

/* mdev_node.c */
int vgpu_mdev_call_fd(int fd, unsigned long request, void *arg);
int vgpu_mdev_query_fd(int fd, uint32_t what, void *to, size_t bytes);
int vgpu_mdev_node_open(const char *device, struct vgpu_device_info *info,
			struct vgpu_message *msg);
void vgpu_mdev_count(struct vgpu_probe *probe);

static inline int vgpu_mdev_call(struct vgpu_mdev *d, unsigned long request,
				 void *arg)
{
	return vgpu_mdev_call_fd(d->fd, request, arg);
}

static inline int vgpu_mdev_query(struct vgpu_mdev *d, uint32_t what, void *to,
				  size_t bytes)
{
	return vgpu_mdev_query_fd(d->fd, what, to, bytes);
}

/* mdev_admin.c */
int vgpu_mdev_admin(void *b, const struct vgpu_cmd *cmd, u64 result[2]);

/* mdev_memory.c */
int vgpu_mdev_vram_create(struct vgpu_mdev *d, uint64_t bytes, uint64_t align,
			  uint32_t *handle);
int vgpu_mdev_vram_destroy(struct vgpu_mdev *d, uint32_t handle);
int vgpu_mdev_system_new(struct vgpu_mdev *d, uint64_t bytes, uint32_t *handle,
			 void **cpu);
void vgpu_mdev_gem_close(struct vgpu_mdev *d, uint32_t handle);
void vgpu_mdev_bos_end(struct vgpu_mdev *d);
int vgpu_mdev_system_create(void *b, void *ptr, uint64_t bytes, bool source,
			    struct vgpu_backend_system *sys);
int vgpu_mdev_system_alloc(void *b, uint64_t bytes,
			   struct vgpu_backend_system *sys);
void vgpu_mdev_system_destroy(void *b, uint32_t object, bool wait);
int vgpu_mdev_pool(void *b, uint64_t bytes, struct vgpu_backend_system *sys);
int vgpu_mdev_map(void *b, uint32_t object, uint64_t bytes, void **cpu);
void vgpu_mdev_unmap(void *b, uint32_t object, void *cpu, uint64_t bytes);
int vgpu_mdev_compact(void *b, uint64_t max_bytes, uint64_t *moved);
bool vgpu_mdev_next_block(void *b, uint64_t offset, uint32_t *object,
			  struct vgpu_device_block *block);

/* mdev_ring.c */
int vgpu_mdev_ring_create(void *b, const struct vgpu_backend_ring *ring,
			  uint32_t *id, void **mem);
void vgpu_mdev_ring_destroy(void *b, uint32_t id);
void vgpu_mdev_ring_free(void *b, void *mem, uint32_t entries);
void vgpu_mdev_doorbell(void *b, uint32_t ring);
uint64_t vgpu_mdev_events(void *b);
uint32_t vgpu_mdev_run(void *b, uint32_t max);
int vgpu_mdev_wait(void *b, uint64_t seen, uint64_t deadline_ns);

/* mdev_kernel.c */
int vgpu_mdev_limits(void *b, struct vgpu_device_limits *limits,
		     struct vgpu_message *msg);
int vgpu_mdev_native_add(void *b, uint32_t context,
			 const struct vgpu_native_options *options,
			 uint64_t address, uint32_t *id);
int vgpu_mdev_kernel_add(void *b, uint32_t context, const void *desc,
			 size_t bytes, struct vgpu_message *msg, uint32_t *id);
int vgpu_mdev_kernel_remove(void *b, uint32_t id);
int vgpu_mdev_kernel_usage(void *b, uint32_t id,
			   struct vgpu_kernel_usage *usage);

#endif /* LIBVGPU_INTERNAL_MDEV_H */
