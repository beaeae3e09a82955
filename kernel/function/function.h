/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The driver of a vgpu function, as a virtual machine sees one: the device of
 * uapi/vgpu_device.h behind PCI, with a render node in front of it.
 *
 * DOC: One device for all
 *
 * On a host each client of a render node has a device of its own.  A function is
 * one device, and its clients share it.  So ids of contexts, rings and counters
 * are the device's, and this driver keeps whose they are: a client can name what
 * is in its own tables only.  VRAM is given out in whole pages, because a page
 * is what a process can map.  When a client ends, its contexts are destroyed,
 * and everything with them.
 *
 * DOC: Memory that the device uses
 *
 * A buffer becomes an object of the device when it is first mapped in a context
 * or made a ring.  Mappings and rings hold their buffer, so that a buffer that
 * is freed has none; its object is destroyed by a worker, to which the device
 * answers when the last command has ended, and then its memory is given back.
 *
 * DOC: Nobody believes the other
 *
 * What the device says is checked before it is used: a status is an errno, an id
 * is new, a block lies within VRAM.  One that does not answer, or answers
 * nonsense where something depends on it, is given up: it is reset, and every
 * call ends with ENODEV until the driver is bound anew.
 *
 * DOC: Locks
 *
 * In this order: mmap_lock, &vgpu_fn_client.lock, &vgpu_fn_bo.lock, the locks of
 * the admin queue.  &vgpu_fn_client.rings_lock comes last and is not held over a
 * command.  Nor is &vgpu_function.queues_lock, under which fences are signalled:
 * nothing that it is held over takes memory.  Interrupts take
 * &vgpu_fn_vector.lock and that of the admin queue.
 */
#ifndef VGPU_FUNCTION_H
#define VGPU_FUNCTION_H

#include <linux/io.h>
#include <linux/maple_tree.h>
#include <linux/mutex.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <drm/drm_device.h>

#include "kernel/drm_common.h"
#include "kernel/model/account.h"

struct drm_driver;
struct drm_file;
struct eventfd_ctx;
struct pci_dev;
struct vgpu_fn_bo;
struct vgpu_fn_queue;
struct vgpu_fn_request;
struct vgpu_function;
struct workqueue_struct;

extern const struct drm_driver vgpu_function_driver;

/* Of the admin queue. */
#define VGPU_FN_ENTRIES		64u
/*
 * So many commands are out at most: of those that the device has taken it may
 * not have said so for a quarter of the entries.
 */
#define VGPU_FN_COMMANDS	(VGPU_FN_ENTRIES * 3 / 4)
/* Of these so many may wait for commands of rings to end. */
#define VGPU_FN_ENDS		(VGPU_FN_ENTRIES / 2)

/**
 * struct vgpu_fn_admin - the admin queue
 * @mem: its ring
 * @dma: where the device sees that
 * @room: how many more commands may be out
 * @lock: protects all that follows
 * @ring: producer's side
 * @reaper: of the completions
 * @requests: what is out, by its place
 * @serial: of the last one, so that an answer belongs to one only
 * @waiting: how many are out
 * @dead: the device does not run, or not any more
 */
struct vgpu_fn_admin {
	void *mem;
	dma_addr_t dma;
	struct semaphore room;
	spinlock_t lock;
	struct vgpu_ring ring;
	struct vgpu_ring_reaper reaper;
	struct vgpu_fn_request *requests[VGPU_FN_ENTRIES];
	u32 serial;
	u32 waiting;
	bool dead;
};

/**
 * struct vgpu_fn_vector - an interrupt
 * @fn: the function
 * @lock: protects @clients
 * @clients: those that have contexts and this for their rings
 */
struct vgpu_fn_vector {
	struct vgpu_function *fn;
	spinlock_t lock;
	struct list_head clients;
};

/**
 * struct vgpu_fn_error - an error record, as the registers have it
 */
struct vgpu_fn_error {
	u64 address;
	u64 user_data;
	u32 status;
	u32 source;
	u32 opcode;
	u32 context;
	u32 count;
};

/**
 * struct vgpu_function - a function
 * @drm: its DRM device, which the structure lives as long as
 * @pdev: the function
 * @id: among functions
 * @number: among the GPUs that this machine has
 * @bar0: registers and doorbells
 * @bar0_start: where these are
 * @bar2_start: where VRAM is
 * @vram_bytes: how much
 * @features: that the driver has accepted
 * @limits: what the registers say
 * @bank_shift: log2 of the bytes of a bank
 * @admin: the admin queue
 * @stop_lock: held until the device has been stopped
 * @list: a page for lists of pages, and where the device sees it
 * @list_lock: of who has it
 * @error_lock: of who reads the device's error record
 * @error_work: looks at it
 * @n_vectors: interrupts
 * @vectors: vector 0 is the device's own, and everybody's if there is no other
 * @account: VRAM of all clients
 * @registered: bytes of processes' memory that are pinned for it
 * @epoch: changes when the device loses what it has
 * @bos_lock: protects @bos
 * @bos: all struct vgpu_fn_bo
 * @wq: frees what the device has to let go of first
 * @queues_lock: protects @queues, what is in them, and changes of @fences
 * @queues: struct vgpu_fn_queue, for submissions with fences
 * @fences: submissions that have not been signalled
 * @fence_work: sees to them
 * @fence_wq: runs that
 */
struct vgpu_function {
	struct drm_device drm;
	struct pci_dev *pdev;
	int id;
	u32 number;
	void __iomem *bar0;
	resource_size_t bar0_start;
	resource_size_t bar2_start;
	u64 vram_bytes;
	u64 features;
	struct drm_vgpu_limits limits;
	u32 bank_shift;
	struct vgpu_fn_admin admin;
	struct mutex stop_lock;
	__le64 *list;
	dma_addr_t list_dma;
	struct mutex list_lock;
	struct mutex error_lock;
	struct work_struct error_work;
	u32 n_vectors;
	struct vgpu_fn_vector vectors[VGPU_MSIX_VECTORS];
	struct vgpu_account account;
	atomic64_t registered;
	u32 epoch;
	struct mutex bos_lock;
	struct list_head bos;
	struct workqueue_struct *wq;
	struct mutex queues_lock;
	struct list_head queues;
	u32 fences;
	struct delayed_work fence_work;
	struct workqueue_struct *fence_wq;
};

static inline struct vgpu_function *to_vgpu_function(struct drm_device *drm)
{
	return container_of(drm, struct vgpu_function, drm);
}

/* A register of 64 bits: of the clock's halves the lower has to come first. */
static inline u64 vgpu_fn_read64(struct vgpu_function *fn, u32 offset)
{
	u32 low = readl(fn->bar0 + offset);

	return low | (u64)readl(fn->bar0 + offset + 4) << 32;
}

/**
 * struct vgpu_fn_client - a file description of the render node
 * @ref: the file, and each buffer that is on its account
 * @fn: the function
 * @number: for fdinfo
 * @epoch: &vgpu_function.epoch when it came; another one: all it had is lost
 * @vram_bytes: what it asked for as the size of its VRAM
 * @inited: that is so, and does not change any more
 * @account: VRAM of its buffers
 * @registered: bytes of the process's memory that are pinned
 * @objects: buffers of its that are objects of the device
 * @ending: buffers of its that a worker frees
 * @lock: serialises what changes the tables, and what is in them
 * @contexts: struct vgpu_fn_context by id
 * @counters: the context of each, by id
 * @rings: struct vgpu_fn_ring by id; changes under @rings_lock, too
 * @rings_lock: protects rings that are looked at
 * @vectors: those that its rings were made with
 * @ended: commands of rings that are gone
 * @kicks: calls of KICK
 * @vector: its interrupt
 * @node: in &vgpu_fn_vector.clients, while it has contexts
 * @page: its events, seen by the process
 * @sink: where doorbells of contexts end that are gone; NULL: none was mapped
 * @changed: who waits for these
 * @irq_lock: protects what follows; innermost
 * @eventfds: who is told of interrupts, by the vector that a ring was made with
 * @error: its error record
 * @irq_status: registers, as if the client had a device of its own
 * @irq_mask: likewise
 * @scratch: likewise
 */
struct vgpu_fn_client {
	struct kref ref;
	struct vgpu_function *fn;
	u32 number;
	u32 epoch;
	u64 vram_bytes;
	bool inited;
	struct vgpu_account account;
	atomic64_t registered;
	atomic_t objects;
	atomic_t ending;
	struct mutex lock;
	struct xarray contexts;
	struct xarray counters;
	struct xarray rings;
	struct mutex rings_lock;
	u32 vectors;
	u64 ended;
	atomic64_t kicks;
	struct vgpu_fn_vector *vector;
	struct list_head node;
	struct drm_vgpu_client_page *page;
	struct page *sink;
	wait_queue_head_t changed;
	spinlock_t irq_lock;
	struct eventfd_ctx *eventfds[VGPU_MSIX_VECTORS];
	struct vgpu_fn_error error;
	u32 irq_status;
	u32 irq_mask;
	u32 scratch;
};

/**
 * struct vgpu_fn_map - a mapping of a context
 * @bo: the buffer; holds a reference
 * @address: where it begins
 * @bytes: how long it is
 * @read_only: commands do not write to it
 */
struct vgpu_fn_map {
	struct vgpu_fn_bo *bo;
	u64 address;
	u64 bytes;
	bool read_only;
};

/**
 * struct vgpu_fn_context - an address space
 * @id: its id
 * @maps: struct vgpu_fn_map by the granules that it has, vgpu_fn_map_index()
 * @n_maps: how many these are
 * @queue: for submissions with fences; NULL before there was one
 */
struct vgpu_fn_context {
	u32 id;
	struct maple_tree maps;
	u32 n_maps;
	struct vgpu_fn_queue *queue;
};

static inline unsigned long vgpu_fn_map_index(u64 address)
{
	return address / VGPU_MAP_GRANULE;
}

/**
 * struct vgpu_fn_ring - a ring of a client
 * @id: its id
 * @context: context id
 * @vector: that the client gave it
 * @queue: it is the driver's own, and cannot be named; NULL: it is not
 * @bo: its memory; holds a reference
 * @view: where the kernel sees that
 * @pos: the completion that comes next, as far as anybody has looked
 */
struct vgpu_fn_ring {
	u32 id;
	u32 context;
	u32 vector;
	struct vgpu_fn_queue *queue;
	struct vgpu_fn_bo *bo;
	struct vgpu_ring view;
	u64 pos;
};

/* pci.c: the PCI driver */
int vgpu_function_register(void);
void vgpu_function_unregister(void);

/* admin.c */
int vgpu_fn_admin_init(struct vgpu_function *fn);
/* Enable a device that is fresh, or was reset: 0 or a negative errno. */
int vgpu_fn_start(struct vgpu_function *fn);
/* End what it does; when it returns the device uses no memory any more. */
void vgpu_fn_stop(struct vgpu_function *fn);
/*
 * An admin command: 0 or a negative errno of its own; -ENODEV: the device is
 * gone; -EINTR: killed while memory was being zeroed.
 */
int vgpu_fn_admin(struct vgpu_function *fn, const struct vgpu_cmd *cmd,
		  u64 result[2]);
/* The same for one that waits for commands to end, however long they run. */
int vgpu_fn_admin_patient(struct vgpu_function *fn, const struct vgpu_cmd *cmd,
			  u64 result[2]);
/* Look what has been answered, as an interrupt does. */
void vgpu_fn_admin_reap(struct vgpu_function *fn);
/*
 * The device has done what none may, in that epoch: nobody uses it any more.
 * When it returns, the device uses no memory of that time either.
 */
void vgpu_fn_give_up(struct vgpu_function *fn, u32 epoch, const char *why);

/* The shortest form of a command. */
static inline struct vgpu_cmd vgpu_fn_cmd(u16 opcode, u64 a, u64 b)
{
	struct vgpu_cmd cmd = { .opcode = opcode, .op = { a, b } };

	return cmd;
}

/* error.c */
void vgpu_fn_error_init(struct vgpu_function *fn);
/* Whose is what is in the record? */
void vgpu_fn_error_look(struct vgpu_function *fn);
/* A register of the client's record. */
u32 vgpu_fn_error_read(struct vgpu_fn_client *c, u32 offset);

/* irq.c */
int vgpu_fn_irqs_init(struct vgpu_function *fn);
void vgpu_fn_irq_init(struct vgpu_fn_client *c);
/* Hear of its interrupt: while it has contexts, under its lock. */
void vgpu_fn_irq_join(struct vgpu_fn_client *c);
void vgpu_fn_irq_leave(struct vgpu_fn_client *c);
/* Wake up who waits; @vectors: and tell the eventfds of those. */
void vgpu_fn_event(struct vgpu_fn_client *c, u32 vectors);
/* The same for all clients. */
void vgpu_fn_event_all(struct vgpu_function *fn);

/* How much has happened so far: see uapi/vgpu_drm.h. */
static inline u64 vgpu_fn_events(const struct vgpu_fn_client *c)
{
	/* Pairs with the release in vgpu_fn_event(). */
	return smp_load_acquire(&c->page->events);
}

/* client.c */
int vgpu_fn_open(struct drm_device *dev, struct drm_file *file);
void vgpu_fn_close(struct drm_device *dev, struct drm_file *file);
void vgpu_fn_client_put(struct vgpu_fn_client *c);

/* Whether what the client had is lost: every call ends with ENODEV. */
static inline bool vgpu_fn_lost(const struct vgpu_fn_client *c)
{
	return READ_ONCE(c->epoch) != READ_ONCE(c->fn->epoch) ||
	       READ_ONCE(c->fn->admin.dead);
}

/* space.c: contexts; these under the client's lock */
struct vgpu_fn_context *vgpu_fn_context(struct vgpu_fn_client *c, u32 id);
/* All that it has but buffers. */
void vgpu_fn_clear(struct vgpu_fn_client *c);
int vgpu_fn_doorbell_mmap(struct vgpu_fn_client *c, struct vm_area_struct *vma);

/* ring.c: these under the client's lock */
/* A new ring, which is idle; @q: it is that one's.  Or an ERR_PTR(). */
struct vgpu_fn_ring *vgpu_fn_ring_add(struct vgpu_fn_client *c,
				      struct vgpu_fn_bo *bo,
				      const struct drm_vgpu_ring_create *args,
				      struct vgpu_fn_queue *q);
/* What it has taken ends with it. */
void vgpu_fn_ring_remove(struct vgpu_fn_client *c, struct vgpu_fn_ring *r);
/* Without that lock: if the function is gone nothing happens. */
void vgpu_fn_ring_doorbell(struct vgpu_function *fn,
			   const struct vgpu_fn_ring *r);
/* Commands that the client's rings have taken, and completed. */
void vgpu_fn_rings_count(struct vgpu_fn_client *c, u64 *taken, u64 *completed);
/* Rings of a context that is to be destroyed: their commands are counted. */
void vgpu_fn_rings_end(struct vgpu_fn_client *c, u32 context);
/* Rings of a context that the device has destroyed. */
void vgpu_fn_rings_gone(struct vgpu_fn_client *c, u32 context);
/*
 * Look at all rings, without that lock: whether something was completed since
 * anybody looked; if not, the next completion of each comes with an interrupt.
 */
bool vgpu_fn_rings_arm(struct vgpu_fn_client *c);

/* submit.c */
int vgpu_fn_submit_init(struct vgpu_function *fn);
void vgpu_fn_submit_fini(struct vgpu_function *fn);
/* Submissions may have ended.  In any context. */
void vgpu_fn_submit_look(struct vgpu_function *fn);
/*
 * The device has been stopped, and touches no memory any more: all submissions
 * end with ENODEV.
 */
void vgpu_fn_submit_lost(struct vgpu_function *fn);
/* Its ring has been destroyed: so do what is left, with ECANCELED. */
void vgpu_fn_queue_end(struct vgpu_fn_queue *q);

#define VGPU_FN_IOCTL(name)						\
	int vgpu_fn_ioctl_##name(struct drm_device *dev, void *data,	\
				 struct drm_file *file)

/* client.c */
VGPU_FN_IOCTL(client_init);
VGPU_FN_IOCTL(client_limit);
VGPU_FN_IOCTL(client_reset);
VGPU_FN_IOCTL(register);
VGPU_FN_IOCTL(event);
VGPU_FN_IOCTL(wait);
/* query.c */
VGPU_FN_IOCTL(query);
/* bo.c */
VGPU_FN_IOCTL(bo_create);
VGPU_FN_IOCTL(bo_register);
VGPU_FN_IOCTL(bo_info);
/* space.c */
VGPU_FN_IOCTL(compact);
VGPU_FN_IOCTL(context_create);
VGPU_FN_IOCTL(context_destroy);
VGPU_FN_IOCTL(map);
VGPU_FN_IOCTL(unmap);
VGPU_FN_IOCTL(counter_create);
VGPU_FN_IOCTL(counter_destroy);
VGPU_FN_IOCTL(counter_signal);
VGPU_FN_IOCTL(counter_read);
/* ring.c */
VGPU_FN_IOCTL(ring_create);
VGPU_FN_IOCTL(ring_destroy);
VGPU_FN_IOCTL(ring_control);
VGPU_FN_IOCTL(ring_info);
VGPU_FN_IOCTL(kick);
/* submit.c */
VGPU_FN_IOCTL(submit);

#endif /* VGPU_FUNCTION_H */
