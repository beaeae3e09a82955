// SPDX-License-Identifier: MIT
/*
 * vgpu-worker from its start to its first command.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vgpu/vgpu.h>

#include "worker.h"

static const char usage[] =
	"usage: vgpu-worker [--help | --version]\n"
	"\n"
	"Runs kernels for a program that uses libvgpu, in a process that may die\n"
	"alone.  The library starts it; it is of no use by itself.  Programs find\n"
	"it by VGPU_WORKER, in ../libexec/vgpu/ as seen from the library, or beside\n"
	"the library or the program.\n";

/* What a process that may run anybody's kernels does not need. */
static void harden(void)
{
	const struct rlimit none = { 0, 0 };
	int fd;

	prctl(PR_SET_NAME, "vgpu-worker");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	/* Else a driver's device would be what its complaints are written to. */
	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
		;
	close(fd);
}

/*
 * What drivers and providers print while they look around (for displays, for
 * other drivers) is nobody's business; what went wrong comes as a line.
 */
static int open_quietly(const struct vgpu_executor_ops *ops,
			const struct vgpu_executor_options *options,
			struct vgpu_message *msg, void **e)
{
	int loud = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int ret;

	if (loud >= 0 && quiet >= 0)
		dup2(quiet, STDERR_FILENO);
	ret = ops->open(options, msg, e);
	if (loud >= 0 && quiet >= 0)
		dup2(loud, STDERR_FILENO);
	close(loud);
	close(quiet);
	return ret;
}

static int open_executor(const struct vgpu_worker_host *h,
			 const struct vgpu_worker_kind *kinds, unsigned int n,
			 const struct vgpu_executor_ops **ops, void **e,
			 struct vgpu_message *msg)
{
	const struct vgpu_executor_options options = {
		.kind = h->hello.kind,
		.device = *h->hello.device ? h->hello.device : NULL,
		.flags = h->hello.flags,
		.bank_shift = h->hello.bank_shift,
		.vram = h->vram,
		.vram_bytes = h->hello.vram_bytes,
		.vram_fd = h->vram_fd,
	};
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (strcmp(kinds[i].name, h->hello.kind))
			continue;
		*ops = kinds[i].ops;
		return open_quietly(*ops, &options, msg, e);
	}
	return vgpu_message_set(msg, -EINVAL,
				"the worker has no executor '%s'",
				h->hello.kind);
}

int vgpu_worker_main(int argc, char **argv,
		     const struct vgpu_worker_kind *kinds, unsigned int n)
{
	const struct vgpu_executor_ops *ops = NULL;
	socklen_t bytes = sizeof(int);
	struct vgpu_worker_host h;
	struct vgpu_message msg;
	int type, ret;
	void *e;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("vgpu-worker %s, protocol %u\n", vgpu_version_string(),
		       VGPU_ENGINE_VERSION);
		return 0;
	}
	if (argc > 1 || getsockopt(VGPU_WORKER_SOCKET, SOL_SOCKET, SO_TYPE,
				   &type, &bytes) || type != SOCK_SEQPACKET) {
		fputs(usage, stderr);
		return 2;
	}
	harden();
	vgpu_message_init(&msg);
	ret = vgpu_worker_hear(&h, &msg);
	if (!ret)
		ret = vgpu_worker_watch(&msg);
	if (!ret)
		ret = open_executor(&h, kinds, n, &ops, &e, &msg);
	if (ret) {
		vgpu_worker_answer(ret, &msg, NULL);
		/* Not exit(): a driver's threads may still be there. */
		_exit(1);
	}
	vgpu_worker_answer(0, &msg, ops->info(e));
	vgpu_worker_serve(&h, ops, e);
}
