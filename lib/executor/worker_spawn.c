// SPDX-License-Identifier: MIT
/*
 * A worker process: where its program is, how it is started from a process
 * with threads and signal handlers of its own, and how it ends.
 *
 * It gets a session of its own, so that a terminal's ^C is the host's alone,
 * and no descriptor but the socket and standard error.  It is waited for by
 * its pidfd, so nobody's SIGCHLD handler is needed or replaced; a host that
 * ignores SIGCHLD, or waits for every child, may be first to reap it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vgpu/manager.h>

#include "wait.h"
#include "worker.h"

#define VGPU_WORKER_PROGRAM	"vgpu-worker"

/* How long a worker may take to see the end of file. */
#define VGPU_WORKER_GRACE_NS	(200 * 1000000ull)

/**
 * struct places - where the program was looked for
 * @found: the place where it is
 * @looked: all of them, for the error's line
 */
struct places {
	char found[256];
	char looked[160];
};

/*
 * A program that was not named is run only if it is root's or our own: the
 * directories that are searched may be below one that anybody may write to.
 */
static bool place(struct places *p, const char *dir, const char *rest)
{
	size_t used = strlen(p->looked);
	struct stat st;
	int n;

	n = snprintf(p->found, sizeof(p->found), "%s/%s", dir, rest);
	if (n < 0 || (size_t)n >= sizeof(p->found))
		return false;
	snprintf(p->looked + used, sizeof(p->looked) - used, "%s%s",
		 used ? ", " : "", p->found);
	return !stat(p->found, &st) && S_ISREG(st.st_mode) &&
	       !(st.st_mode & 0002) &&
	       (!st.st_uid || st.st_uid == geteuid()) &&
	       !access(p->found, X_OK);
}

/* Beside @file, and in build trees a little above. */
static bool beside(struct places *p, char *file)
{
	char *slash;
	int i;

	for (i = 0; i < 3; i++) {
		slash = strrchr(file, '/');
		if (!slash || slash == file)
			return false;
		*slash = 0;
		if (place(p, file, VGPU_WORKER_PROGRAM))
			return true;
	}
	return false;
}

/* Relative to this library, or to the program that it is a part of. */
static bool search(struct places *p)
{
	char file[PATH_MAX], *slash;
	Dl_info info;
	ssize_t n;

	if (dladdr((const void *)&vgpu_worker_executor, &info) &&
	    info.dli_fname && strchr(info.dli_fname, '/') &&
	    realpath(info.dli_fname, file)) {
		slash = strrchr(file, '/');
		*slash = 0;
		if (place(p, file, "../libexec/vgpu/" VGPU_WORKER_PROGRAM))
			return true;
		*slash = '/';
		if (beside(p, file))
			return true;
	}
	n = readlink("/proc/self/exe", file, sizeof(file) - 1);
	if (n < 0)
		return false;
	file[n] = 0;
	return beside(p, file);
}

static int find(char *path, size_t bytes, struct vgpu_message *msg)
{
	/* Not from whoever started a program with more rights than his own. */
	const char *named = secure_getenv("VGPU_WORKER");
	struct places p = { 0 };

	if (named && *named) {
		if (strlen(named) >= bytes)
			return vgpu_message_set(msg, -ENAMETOOLONG,
				"VGPU_WORKER is longer than %zu bytes",
				bytes - 1);
		if (access(named, X_OK))
			return vgpu_message_set(msg, -ENOENT,
				"VGPU_WORKER names no program: %.160s: %s",
				named, strerror(errno));
		snprintf(path, bytes, "%s", named);
		return 0;
	}
	if (!search(&p))
		return vgpu_message_set(msg, -ENOENT,
			"no vgpu-worker program: install it or set VGPU_WORKER; looked at %s",
			*p.looked ? p.looked : "nothing");
	snprintf(path, bytes, "%s", p.found);
	return 0;
}

/* What the new process does before it becomes the program. */
static int prepare(posix_spawn_file_actions_t *actions,
		   posix_spawnattr_t *attr, int child)
{
	sigset_t none, all;
	int ret;

	sigemptyset(&none);
	sigfillset(&all);
	ret = posix_spawn_file_actions_adddup2(actions, child, 0);
	if (!ret)
		ret = posix_spawn_file_actions_addopen(actions, 1, "/dev/null",
						       O_WRONLY, 0);
	/* The application's own descriptors that exec would keep. */
	if (!ret)
		ret = posix_spawn_file_actions_addclosefrom_np(actions, 3);
	if (!ret)
		ret = posix_spawnattr_setsigmask(attr, &none);
	if (!ret)
		ret = posix_spawnattr_setsigdefault(attr, &all);
	if (!ret)
		ret = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
						     POSIX_SPAWN_SETSIGDEF |
						     POSIX_SPAWN_SETSID);
	return -ret;
}

static int start(const char *path, int child, pid_t *pid)
{
	char name[] = VGPU_WORKER_PROGRAM, *argv[2] = { name };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int ret;

	ret = -posix_spawn_file_actions_init(&actions);
	if (ret)
		return ret;
	ret = -posix_spawnattr_init(&attr);
	if (ret)
		goto err_actions;
	ret = prepare(&actions, &attr, child);
	if (!ret)
		ret = -posix_spawn(pid, path, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
err_actions:
	posix_spawn_file_actions_destroy(&actions);
	return ret;
}

int vgpu_worker_spawn(struct vgpu_worker_process *p, struct vgpu_message *msg)
{
	int pair[2], ret;

	ret = find(p->path, sizeof(p->path), msg);
	if (ret)
		return ret;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return vgpu_message_set(msg, -errno,
					"no socket for a worker: %s",
					strerror(errno));
	ret = start(p->path, pair[1], &p->pid);
	close(pair[1]);
	if (ret) {
		close(pair[0]);
		return vgpu_message_set(msg, ret,
					"cannot start the worker %.160s: %s",
					p->path, strerror(-ret));
	}
	p->socket = pair[0];
	p->pidfd = pidfd_open(p->pid, 0);
	if (p->pidfd >= 0)
		return 0;
	/* Gone already, and reaped by the host; or no descriptor is left. */
	ret = errno == ESRCH ? -EIO : -errno;
	close(p->socket);
	if (ret != -EIO) {
		kill(p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return vgpu_message_set(msg, ret, "cannot watch the worker %.160s: %s",
				p->path, strerror(-ret));
}

bool vgpu_worker_ended(struct vgpu_worker_process *p, uint64_t deadline_ns)
{
	struct pollfd fd = { .fd = p->pidfd, .events = POLLIN };
	struct timespec left;
	uint64_t now;
	int n;

	do {
		now = vgpu_now_ns();
		now = deadline_ns > now ? deadline_ns - now : 0;
		left.tv_sec = (time_t)(now / VGPU_NS_PER_S);
		left.tv_nsec = (long)(now % VGPU_NS_PER_S);
		n = ppoll(&fd, 1, &left, NULL);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

void vgpu_worker_kill(struct vgpu_worker_process *p)
{
	pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
}

static void describe(const siginfo_t *info, char *how, size_t bytes)
{
	if (info->si_code == CLD_EXITED)
		snprintf(how, bytes, "exit status %d", info->si_status);
	else
		snprintf(how, bytes, "signal %d (%s)", info->si_status,
			 strsignal(info->si_status));
}

void vgpu_worker_reap(struct vgpu_worker_process *p, char *how, size_t bytes)
{
	siginfo_t info = { 0 };
	int ret;

	close(p->socket);
	if (!vgpu_worker_ended(p, vgpu_now_ns() + VGPU_WORKER_GRACE_NS)) {
		vgpu_worker_kill(p);
		while (!vgpu_worker_ended(p, vgpu_now_ns() + VGPU_NS_PER_S))
			;
	}
	do {
		ret = waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED);
	} while (ret && errno == EINTR);
	/* ECHILD: the host ignores SIGCHLD, or has waited for it itself. */
	if (ret)
		snprintf(how, bytes, "status unknown");
	else
		describe(&info, how, bytes);
	close(p->pidfd);
	p->pidfd = -1;
}
