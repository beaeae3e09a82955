/* SPDX-License-Identifier: MIT */
/*
 * The backend passthrough, as its files share it: a driver in user space of a
 * function as uapi/vgpu_device.h has it, reached through VFIO.
 *
 * passthrough_find.c says which functions there are, passthrough_vfio.c opens
 * one and maps memory for it at addresses from passthrough_iova.c;
 * passthrough_admin.c is the admin queue, passthrough_memory.c has objects,
 * passthrough_ring.c rings, and waiting for them.
 */
#ifndef LIBVGPU_INTERNAL_PASSTHROUGH_H
#define LIBVGPU_INTERNAL_PASSTHROUGH_H

#include <linux/vfio.h>
#include <pthread.h>
#include <sys/types.h>

#include "backend.h"

/* Enough for a UUID or a PCI address. */
#define VGPU_FUNCTION_NAME	40

/**
 * struct vgpu_function - a function that the backend could drive
 * @name: PCI address, or UUID of an instance
 * @driver: what it is bound to; empty: nothing
 * @group: number of its IOMMU group; empty: it has none
 * @instance: it is a mediated device
 */
struct vgpu_function {
	char name[VGPU_FUNCTION_NAME];
	char driver[32];
	char group[16];
	bool instance;
};

/**
 * struct vgpu_vfio_calls - the system, for this backend
 * @root: where sys, dev, proc and run are, "" of this host
 * @find: @n functions; the list is to be freed, unless there is an error
 * @open: as open(2), and so on
 * @write_file: write to a file that is there, at once; 0 or an errno
 */
struct vgpu_vfio_calls {
	const char *root;
	int (*find)(struct vgpu_function **list, uint32_t *n);
	int (*open)(const char *path, int flags);
	int (*close)(int fd);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	ssize_t (*pread)(int fd, void *to, size_t bytes, off_t offset);
	ssize_t (*pwrite)(int fd, const void *from, size_t bytes, off_t offset);
	void *(*mmap)(size_t bytes, int fd, off_t offset);
	int (*munmap)(void *p, size_t bytes);
	int (*write_file)(const char *path, const char *text);
};

/* Tests put a system of their own here, before a device is opened. */
extern const struct vgpu_vfio_calls *vgpu_vfio_calls;

#define VGPU_SYSFS_PATH		320

/* passthrough_sysfs.c: @bus "pci" or "mdev", @name one of its devices */
void vgpu_sysfs_path(char path[VGPU_SYSFS_PATH], const char *bus,
		     const char *name, const char *file);
int vgpu_sysfs_read(const char *path, char *text, size_t bytes);
uint32_t vgpu_sysfs_number(const char *bus, const char *name, const char *file);
void vgpu_sysfs_link(const char *bus, const char *name, const char *file,
		     char *to, size_t bytes);

/* passthrough_find.c: &vgpu_vfio_calls.find of this host, or of its stand-in */
int vgpu_functions_find(struct vgpu_function **list, uint32_t *n);
bool vgpu_function_usable(const struct vgpu_function *f);
bool vgpu_function_is_foreign(const char *device);
void vgpu_passthrough_count(struct vgpu_probe *probe);

/**
 * struct vgpu_iova - addresses by which a device sees memory
 * @first: lowest one, a multiple of a page
 * @end: behind the highest
 * @next: where the next search begins
 * @used: ranges that are in use, sorted, @n of them, room for @room
 *
 * A search goes on where the last one ended, so that an address comes back as
 * late as possible: the device refuses one for a while that was taken away.
 */
struct vgpu_iova {
	uint64_t first;
	uint64_t end;
	uint64_t next;
	struct vgpu_iova_range {
		uint64_t start;
		uint64_t bytes;
	} *used;
	uint32_t n;
	uint32_t room;
};

/* passthrough_iova.c: sizes are multiples of a page */
void vgpu_iova_init(struct vgpu_iova *v, uint64_t first, uint64_t end);
void vgpu_iova_fini(struct vgpu_iova *v);
int vgpu_iova_take(struct vgpu_iova *v, uint64_t bytes, uint64_t *iova);
void vgpu_iova_give(struct vgpu_iova *v, uint64_t iova);

/**
 * struct vgpu_vfio_region - a region of the device's file
 * @at: its offset there
 * @bytes: how long it is
 * @map: it is mapped here, @mapped bytes of it; NULL: it is not
 */
struct vgpu_vfio_region {
	uint64_t at;
	uint64_t bytes;
	void *map;
	uint64_t mapped;
};

/**
 * struct vgpu_vfio - a function that is open
 * @lock: protects @iova
 * @bar0: registers; mapped where accesses need not trap
 * @vram: BAR2, mapped
 * @irq_fd: gets all interrupts
 */
struct vgpu_vfio {
	int container;
	int group;
	int device;
	int irq_fd;
	struct vgpu_vfio_region config;
	struct vgpu_vfio_region bar0;
	struct vgpu_vfio_region vram;
	pthread_mutex_t lock;
	struct vgpu_iova iova;
};

/* passthrough_vfio.c */
int vgpu_vfio_call(int fd, unsigned long request, void *arg);
int vgpu_vfio_attach(struct vgpu_vfio *v, const struct vgpu_function *f,
		     struct vgpu_message *msg);
int vgpu_vfio_open(struct vgpu_vfio *v, const struct vgpu_function *f,
		   struct vgpu_message *msg);
void vgpu_vfio_close(struct vgpu_vfio *v);
int vgpu_vfio_map(struct vgpu_vfio *v, void *p, uint64_t bytes, uint64_t *iova);
void vgpu_vfio_unmap(struct vgpu_vfio *v, uint64_t iova, uint64_t bytes);
uint32_t vgpu_vfio_read(struct vgpu_vfio *v, uint32_t offset);
uint64_t vgpu_vfio_read8(struct vgpu_vfio *v, uint32_t offset);
void vgpu_vfio_write(struct vgpu_vfio *v, uint32_t offset, uint32_t value);

enum vgpu_pass_kind {
	VGPU_PASS_NONE,
	VGPU_PASS_VRAM,
	VGPU_PASS_SYSTEM,	/* memory of this process */
	VGPU_PASS_POOL,		/* the same, but stays mapped */
};

/**
 * struct vgpu_pass_object - an object of the device
 * @id: the device's
 * @kind: enum vgpu_pass_kind
 * @pins: of VRAM: it stays where it is
 * @bytes: of VRAM as it was asked for; else whole pages
 * @at: of VRAM its offset; else its IOVA
 * @own: memory that goes with the object, or NULL
 */
struct vgpu_pass_object {
	uint32_t id;
	uint16_t kind;
	uint16_t pins;
	uint64_t bytes;
	uint64_t at;
	void *own;
};

/**
 * struct vgpu_pass_ring - a ring of the device
 * @id: the device's; 0: none
 * @context: of it
 * @object: its memory
 * @settling: it changes its state in a while, of which no interrupt tells
 * @ring: its memory
 * @frontier: the first completion that has not been published yet, when that
 *	was looked for last
 */
struct vgpu_pass_ring {
	uint32_t id;
	uint32_t context;
	uint32_t object;
	bool settling;
	struct vgpu_ring ring;
	uint64_t frontier;
};

/**
 * struct vgpu_pass - a device
 * @vfio: how it is reached
 * @admin_lock: held for each admin command
 * @admin: the admin queue
 * @reaper: of that
 * @admin_mem: its memory, and behind that a page for lists of pages
 * @admin_iova: where the device sees it; 0: the device is not enabled
 * @lock: protects what follows
 * @cond: @events has changed
 * @events: see &vgpu_backend_ops.events: interrupts, and rings that are gone
 * @waiters: threads at @cond
 * @irq_mask: what VGPU_REG_IRQ_MASK says
 * @user_fd: gets interrupts, too; -1: nobody has asked
 * @objects: by the lower 16 bits of their ids, @n_objects with the first
 * @rings: likewise, @n_ids with the first, @n_rings of them in use
 * @used: bytes of blocks
 * @limit: how many those may be
 * @counters: how many there are
 * @pool: what vgpu_pass_pool() gives; NULL: not yet
 * @thread: takes interrupts
 * @quit: asks it to end
 */
struct vgpu_pass {
	struct vgpu_vfio vfio;
	struct vgpu_device_info info;

	pthread_mutex_t admin_lock;
	struct vgpu_ring admin;
	struct vgpu_ring_reaper reaper;
	char *admin_mem;
	uint64_t admin_iova;

	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint64_t events;
	uint32_t waiters;
	uint32_t irq_mask;
	int user_fd;
	struct vgpu_pass_object *objects;
	uint32_t n_objects;
	struct vgpu_pass_ring *rings;
	uint32_t n_ids;
	uint32_t n_rings;
	uint64_t used;
	uint64_t limit;
	uint32_t counters;
	void *pool;
	uint64_t pool_bytes;
	uint64_t pool_iova;
	pthread_t thread;
	bool quit;
};

#define VGPU_PASS_ENTRIES	64u
#define VGPU_PASS_LIST_PAGES	512u	/* of a command with a list of pages */

/* passthrough_admin.c */
int vgpu_pass_admin_init(struct vgpu_pass *d);
void vgpu_pass_admin_fini(struct vgpu_pass *d);
int vgpu_pass_enable(void *b);
void vgpu_pass_disable(struct vgpu_pass *d);
int vgpu_pass_do(struct vgpu_pass *d, const struct vgpu_cmd *cmd,
		 u64 result[2]);
int vgpu_pass_do1(struct vgpu_pass *d, uint16_t opcode, uint64_t a, uint64_t b,
		  u64 result[2]);
void vgpu_pass_look_again(void);
uint32_t vgpu_pass_settled(struct vgpu_pass *d);
int vgpu_pass_pages(struct vgpu_pass *d, uint32_t object, uint64_t iova,
		    uint64_t pages);
int vgpu_pass_admin(void *b, const struct vgpu_cmd *cmd, u64 result[2]);

/* passthrough_memory.c */
int vgpu_pass_block_create(struct vgpu_pass *d, const struct vgpu_cmd *cmd,
			   u64 result[2]);
int vgpu_pass_block_destroy(struct vgpu_pass *d, const struct vgpu_cmd *cmd);
int vgpu_pass_system(struct vgpu_pass *d, void *p, uint64_t bytes, void *own,
		     uint32_t *object);
void vgpu_pass_objects_end(struct vgpu_pass *d);
int vgpu_pass_system_create(void *b, void *ptr, uint64_t bytes, bool source,
			    struct vgpu_backend_system *sys);
int vgpu_pass_system_alloc(void *b, uint64_t bytes,
			   struct vgpu_backend_system *sys);
void vgpu_pass_system_destroy(void *b, uint32_t object, bool wait);
int vgpu_pass_pool(void *b, uint64_t bytes, struct vgpu_backend_system *sys);
int vgpu_pass_map(void *b, uint32_t object, uint64_t bytes, void **cpu);
void vgpu_pass_unmap(void *b, uint32_t object, void *cpu, uint64_t bytes);
int vgpu_pass_compact(void *b, uint64_t max_bytes, uint64_t *moved);
bool vgpu_pass_next_block(void *b, uint64_t offset, uint32_t *object,
			  struct vgpu_device_block *block);
uint64_t vgpu_pass_largest(struct vgpu_pass *d);
void vgpu_pass_object_end(struct vgpu_pass *d, uint32_t id);

/* passthrough_ring.c */
int vgpu_pass_ring_create(void *b, const struct vgpu_backend_ring *ring,
			  uint32_t *id, void **mem);
void vgpu_pass_ring_destroy(void *b, uint32_t id);
void vgpu_pass_ring_free(void *b, void *mem, uint32_t entries);
void vgpu_pass_rings_end(struct vgpu_pass *d);
void vgpu_pass_settling(struct vgpu_pass *d, uint32_t ring, bool settling);
void vgpu_pass_doorbell(void *b, uint32_t ring);
uint64_t vgpu_pass_events(void *b);
uint32_t vgpu_pass_run(void *b, uint32_t max);
int vgpu_pass_wait(void *b, uint64_t seen, uint64_t deadline_ns);
void vgpu_pass_changed(struct vgpu_pass *d);
void *vgpu_pass_thread(void *b);

#endif /* LIBVGPU_INTERNAL_PASSTHROUGH_H */
