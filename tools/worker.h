/* SPDX-License-Identifier: MIT */
/*
 * vgpu-worker's parts: what it is told and shares (worker_host.c), what it
 * does until its host is gone (worker_loop.c), and the order of it all
 * (worker_main.c).  Which executors there are is the program's: worker.c.
 *
 * The host is not trusted to be right: it may be broken, and what crosses is
 * what a driver, which checks little, will be given.
 */
#ifndef VGPU_TOOLS_WORKER_H
#define VGPU_TOOLS_WORKER_H

#include "executor/executor.h"

/* The socket; what it is started with. */
#define VGPU_WORKER_SOCKET	0

/**
 * struct vgpu_worker_kind - an executor that can be hosted
 * @name: as in &vgpu_engine_hello.kind
 * @ops: it
 */
struct vgpu_worker_kind {
	const char *name;
	const struct vgpu_executor_ops *ops;
};

/**
 * struct vgpu_worker_host - what the host said, and shares
 * @hello: its words, checked
 * @ring: the ring
 * @slots: launches, read-only
 * @marks: which of them were started
 * @control: control memory
 * @vram: VRAM or NULL
 * @vram_fd: its file or -1
 */
struct vgpu_worker_host {
	struct vgpu_engine_hello hello;
	struct vgpu_ring ring;
	const struct vgpu_engine_slot *slots;
	struct vgpu_engine_mark *marks;
	unsigned char *control;
	void *vram;
	int vram_fd;
};

/* Hear the hello and map what comes with it.  Ends if there is no host. */
int vgpu_worker_hear(struct vgpu_worker_host *h, struct vgpu_message *msg);

/* Answer it: ready, or why not. */
void vgpu_worker_answer(int status, struct vgpu_message *msg,
			const struct vgpu_engine_info *info);

/* End this process when the host hangs up or dies, whatever a driver does. */
int vgpu_worker_watch(struct vgpu_message *msg);

/* Run the host's commands; for ever. */
void vgpu_worker_serve(struct vgpu_worker_host *h,
		       const struct vgpu_executor_ops *ops, void *e)
	__attribute__((noreturn));

/* The program, with @n kinds of executors. */
int vgpu_worker_main(int argc, char **argv,
		     const struct vgpu_worker_kind *kinds, unsigned int n);

#endif /* VGPU_TOOLS_WORKER_H */
