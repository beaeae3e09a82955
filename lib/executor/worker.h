/* SPDX-License-Identifier: MIT */
/*
 * The host's side of a worker process: the process (worker_spawn.c), what is
 * shared with it (worker_channel.c), and the executor over both (worker.c).
 */
#ifndef LIBVGPU_INTERNAL_WORKER_H
#define LIBVGPU_INTERNAL_WORKER_H

#include <sys/types.h>

#include "executor.h"

/* Entries of the ring, and slots: more than can be out. */
#define VGPU_WORKER_ENTRIES	512u
/* Commands that may be out: submitted ones, and builds and drops beside. */
#define VGPU_WORKER_RECORDS	320u

/* How long a worker may take to come up, and to compile a kernel. */
#define VGPU_WORKER_ANSWER_NS	(60 * 1000000000ull)

/* Where in control memory the answer to a BUILD lies, and its question. */
#define VGPU_WORKER_BUILT	0u
#define VGPU_WORKER_DESC	256u

/**
 * struct vgpu_worker_process - a worker, running or dead
 * @path: of its program
 * @pid: its id, as long as @pidfd is not -1
 * @pidfd: readable when all of its threads have ended
 * @socket: our end
 */
struct vgpu_worker_process {
	char path[256];
	pid_t pid;
	int pidfd;
	int socket;
};

/*
 * Find the worker program and start it.  0; -ENOENT, there is none; or what
 * the system says, with a line.
 */
int vgpu_worker_spawn(struct vgpu_worker_process *p, struct vgpu_message *msg);
/* Whether it has ended, waiting until then. */
bool vgpu_worker_ended(struct vgpu_worker_process *p, uint64_t deadline_ns);
void vgpu_worker_kill(struct vgpu_worker_process *p);
/*
 * Hang up, end it within a short time, by force if need be, and reap it.
 * @how gets a few words about how it ended.
 */
void vgpu_worker_reap(struct vgpu_worker_process *p, char *how, size_t bytes);

/**
 * struct vgpu_worker_shared - memory that a worker maps too
 * @ring: entries of both kinds
 * @slots: launches
 * @marks: which of them the worker has started
 * @control: kernels on their way to the compiler
 * @fds: their files, by VGPU_ENGINE_FD_*; of VRAM, -1 or not ours
 */
struct vgpu_worker_shared {
	struct vgpu_ring ring;
	struct vgpu_engine_slot *slots;
	struct vgpu_engine_mark *marks;
	unsigned char *control;
	int fds[VGPU_ENGINE_FDS];
};

int vgpu_worker_share(struct vgpu_worker_shared *s, struct vgpu_message *msg);
void vgpu_worker_unshare(struct vgpu_worker_shared *s);

/*
 * Tell the worker what it is to be, and wait until it is ready.  @info is what
 * it says, checked.  0, or a negative errno and a line.
 */
int vgpu_worker_greet(struct vgpu_worker_process *p,
		      const struct vgpu_worker_shared *s,
		      const struct vgpu_executor_options *options,
		      uint64_t ready_ns, struct vgpu_engine_info *info,
		      struct vgpu_message *msg);

/* A worker's word about a kernel: make it safe to use, or say -EIO. */
int vgpu_worker_check_built(struct vgpu_engine_built *built, int status);

/* Open, with another limit than VGPU_WORKER_ANSWER_NS. */
int vgpu_worker_open(const struct vgpu_executor_options *options,
		     uint64_t answer_ns, struct vgpu_message *msg, void **e);

/* Completions that did not belong to the worker that sent them. */
uint64_t vgpu_worker_dropped(void *e);
/* Of its process. */
pid_t vgpu_worker_pid(void *e);

#endif /* LIBVGPU_INTERNAL_WORKER_H */
