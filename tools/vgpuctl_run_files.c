// SPDX-License-Identifier: MIT
/*
 * vgpuctl run: its files.  What is written goes to a new file beside the one
 * that it shall be, and takes its place when all is done: whatever happens
 * before, a good file stays as it was, and nothing else is left.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vgpuctl_run.h"

#define MAX_CODE_BYTES	(16u << 20)

/* New files, for who has to remove them when a signal ends this. */
static _Atomic(char *) temps[CTL_MAX_BUFFERS + 1];

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT };

static void ended_by(int signal)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(temps); i++) {
		if (temps[i])
			unlink(temps[i]);
	}
	/* SA_RESETHAND: this time it ends the process. */
	raise(signal);
}

static void catch_signals(void)
{
	struct sigaction new = { .sa_handler = ended_by,
				 .sa_flags = (int)SA_RESETHAND };
	struct sigaction old;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&new.sa_mask, signals[i]);
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		if (!sigaction(signals[i], NULL, &old) &&
		    old.sa_handler == SIG_DFL)
			sigaction(signals[i], &new, NULL);
	}
}

/* The mode that the file has, or would get. */
static mode_t output_mode(const struct stat *st)
{
	mode_t mask;

	if (st)
		return st->st_mode & 07777;
	mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

static int open_temp(struct run_output *f, const struct stat *st)
{
	size_t i;

	if (asprintf(&f->temp, "%s.XXXXXX", f->path) < 0) {
		f->temp = NULL;
		return -ENOMEM;
	}
	f->fd = mkostemp(f->temp, O_CLOEXEC);
	if (f->fd < 0) {
		free(f->temp);
		f->temp = NULL;
		return -errno;
	}
	for (i = 0; temps[i]; i++)
		;
	temps[i] = f->temp;
	return fchmod(f->fd, output_mode(st)) ? -errno : 0;
}

static int open_output(struct run_output *f, const char *path)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno != ENOENT)
			return -errno;
		f->path = strdup(path);
		return f->path ? open_temp(f, NULL) : -ENOMEM;
	}
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (access(path, W_OK))
		return -errno;
	if (S_ISREG(st.st_mode)) {
		/* Where a link leads to. */
		f->path = realpath(path, NULL);
		return f->path ? open_temp(f, &st) : -errno;
	}
	f->path = strdup(path);
	if (!f->path)
		return -ENOMEM;
	f->fd = open(path, O_WRONLY | O_CLOEXEC);
	return f->fd < 0 ? -errno : 0;
}

static int run_output_open(struct run_output *f, const char *path)
{
	int ret = open_output(f, path);

	if (ret)
		return ctl_fail(CTL_FAILED, "cannot write %.200s: %s", path,
				strerror(-ret));
	return CTL_OK;
}

static void forget_temp(struct run_output *f)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(temps); i++) {
		if (temps[i] == f->temp)
			temps[i] = NULL;
	}
	free(f->temp);
	f->temp = NULL;
}

int run_output_commit(struct run_output *f)
{
	int ret = 0;

	if (!f->path || f->fd < 0)
		return CTL_OK;
	if (close(f->fd))
		ret = -errno;
	f->fd = -1;
	if (!ret && f->temp) {
		if (!rename(f->temp, f->path))
			forget_temp(f);
		else
			ret = -errno;
	}
	if (ret)
		return ctl_fail(CTL_FAILED, "cannot write %.200s: %s", f->path,
				strerror(-ret));
	return CTL_OK;
}

static void output_discard(struct run_output *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (f->temp) {
		unlink(f->temp);
		forget_temp(f);
	}
	free(f->path);
	f->path = NULL;
}

/* A file whose size is known: gives the fd, or -1 after a line on stderr. */
static int open_input(const char *path, uint64_t *bytes)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st)) {
		ctl_fail(CTL_FAILED, "cannot read %.200s: %s", path,
			 strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		ctl_fail(CTL_FAILED, "cannot read %.200s: %s", path,
			 strerror(EISDIR));
	} else if (!S_ISREG(st.st_mode)) {
		ctl_fail(CTL_FAILED,
			 "cannot read %.200s: its size is not known before it is read; give a regular file",
			 path);
	} else if (!st.st_size) {
		ctl_fail(CTL_FAILED, "%.200s is empty", path);
	} else {
		*bytes = (uint64_t)st.st_size;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

int run_read(int fd, const char *path, void *buf, size_t bytes)
{
	size_t at = 0;
	ssize_t n;

	while (at < bytes) {
		n = read(fd, (char *)buf + at, bytes - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ctl_fail(CTL_FAILED, "cannot read %.200s: %s",
					path, n ? strerror(errno) :
					"it has become shorter meanwhile");
		at += (size_t)n;
	}
	return CTL_OK;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcasecmp(text + n - m, end);
}

static int check_code(struct run *r)
{
	size_t bytes = r->options.code_bytes;
	uint32_t magic = 0;

	if (r->options.format == VGPU_KERNEL_FORMAT_WGSL)
		return CTL_OK;
	memcpy(&magic, r->options.code, bytes < 4 ? bytes : 4);
	if (magic != 0x07230203)
		return ctl_fail(CTL_FAILED,
				"%.200s is not SPIR-V: it does not begin with 0x07230203; glslc makes SPIR-V of GLSL",
				r->path);
	if (bytes % 4)
		return ctl_fail(CTL_FAILED,
				"%.200s has %zu bytes: SPIR-V has a multiple of 4, so a part is missing",
				r->path, bytes);
	return CTL_OK;
}

static int read_kernel(struct run *r)
{
	uint64_t bytes;
	void *code;
	int fd, ret;

	if (ends_with(r->path, ".wgsl"))
		r->options.format = VGPU_KERNEL_FORMAT_WGSL;
	else if (ends_with(r->path, ".spv"))
		r->options.format = VGPU_KERNEL_FORMAT_SPIRV;
	else
		return ctl_fail(CTL_USAGE,
				"%.200s: the kernel's name must end in .spv or .wgsl, so that its language is known",
				r->path);
	fd = open_input(r->path, &bytes);
	if (fd < 0)
		return CTL_FAILED;
	if (bytes > MAX_CODE_BYTES) {
		close(fd);
		return ctl_fail(CTL_FAILED,
				"%.200s has %llu bytes: a kernel has at most %u",
				r->path, (unsigned long long)bytes,
				MAX_CODE_BYTES);
	}
	code = malloc(bytes);
	r->options.code = code;
	r->options.code_bytes = bytes;
	ret = code ? run_read(fd, r->path, code, bytes) :
		     ctl_fail(CTL_FAILED, "memory is short");
	close(fd);
	return ret ? ret : check_code(r);
}

static int open_outputs(struct run *r)
{
	struct run_output *seen[CTL_MAX_BUFFERS + 1];
	struct run_output *f;
	uint32_t i, k, n = 0;
	const char *path;
	int ret;

	for (i = 0; i <= r->n_buffers; i++) {
		f = i < r->n_buffers ? &r->buffers[i].output : &r->trace;
		path = i < r->n_buffers ? r->buffers[i].out : r->o->trace;
		if (!path)
			continue;
		ret = run_output_open(f, path);
		if (ret)
			return ret;
		for (k = 0; k < n; k++) {
			if (f->temp && !strcmp(seen[k]->path, f->path))
				return ctl_fail(CTL_USAGE,
						"%.200s would be written twice",
						path);
		}
		seen[n++] = f;
	}
	return CTL_OK;
}

int run_files_open(struct run *r)
{
	struct run_buffer *b;
	uint32_t i;
	int ret;

	ret = read_kernel(r);
	for (i = 0; !ret && i < r->n_buffers; i++) {
		b = &r->buffers[i];
		if (!b->in)
			continue;
		b->in_fd = open_input(b->in, &b->bytes);
		if (b->in_fd < 0)
			return CTL_FAILED;
		if (b->bytes > 1ull << 30)
			return ctl_fail(CTL_FAILED,
					"%.200s has %llu bytes: a buffer has at most 1 GiB",
					b->in, (unsigned long long)b->bytes);
	}
	if (ret)
		return ret;
	catch_signals();
	return open_outputs(r);
}

int run_files_commit(struct run *r)
{
	uint32_t i;
	int ret = CTL_OK;

	for (i = 0; !ret && i < r->n_buffers; i++)
		ret = run_output_commit(&r->buffers[i].output);
	return ret;
}

void run_files_close(struct run *r)
{
	uint32_t i;

	for (i = 0; i < r->n_buffers; i++) {
		if (r->buffers[i].in_fd >= 0)
			close(r->buffers[i].in_fd);
		r->buffers[i].in_fd = -1;
		output_discard(&r->buffers[i].output);
	}
	output_discard(&r->trace);
	free((void *)r->options.code);
	r->options.code = NULL;
}
