// SPDX-License-Identifier: MIT
/*
 * The stand-in for vgpu.ko: clients, and what is the same for each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drm_client.h"

#define FAKE_FDS	1024

struct fake_drm fake_drm = {
	.nodes = { {
		.path = "/dev/dri/renderD128",
		.pci = "7670:00:00.0",
		.driver = "vgpu",
	} },
};

static pthread_mutex_t clients_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake_client *clients[FAKE_FDS];
static uint32_t calls;

static struct fake_client *client_of(int fd)
{
	struct fake_client *c = NULL;

	pthread_mutex_lock(&clients_lock);
	if (fd >= 0 && fd < FAKE_FDS)
		c = clients[fd];
	pthread_mutex_unlock(&clients_lock);
	return c;
}

static uint32_t fake_nodes(struct vgpu_mdev_node *nodes, uint32_t max)
{
	uint32_t i, n = 0;

	for (i = 0; i < FAKE_DRM_NODES && n < max; i++) {
		const struct fake_drm_node *from = &fake_drm.nodes[i];

		if (!from->path)
			continue;
		memset(&nodes[n], 0, sizeof(nodes[n]));
		snprintf(nodes[n].path, sizeof(nodes[n].path), "%s", from->path);
		snprintf(nodes[n].pci, sizeof(nodes[n].pci), "%s", from->pci);
		n++;
	}
	return n;
}

static int fake_open(const char *path)
{
	const struct fake_drm_node *node = NULL;
	struct fake_client *c;
	int i, fd;

	for (i = 0; i < FAKE_DRM_NODES; i++)
		if (fake_drm.nodes[i].path &&
		    !strcmp(fake_drm.nodes[i].path, path))
			node = &fake_drm.nodes[i];
	errno = node ? node->open_error : ENOENT;
	if (errno)
		return -1;
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || fd >= FAKE_FDS)
		return -1;
	c = calloc(1, sizeof(*c));
	c->node = node;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_lock(&clients_lock);
	clients[fd] = c;
	fake_drm.clients++;
	pthread_mutex_unlock(&clients_lock);
	return fd;
}

static int fake_close(int fd)
{
	struct fake_client *c = client_of(fd);

	if (!c) {
		errno = EBADF;
		return -1;
	}
	pthread_mutex_lock(&clients_lock);
	clients[fd] = NULL;
	fake_drm.clients--;
	pthread_mutex_unlock(&clients_lock);
	fake_client_end(c);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return close(fd);
}

/* Calls that a test wants to fail. */
static int fails(unsigned long request)
{
	int error = 0;

	pthread_mutex_lock(&clients_lock);
	if (fake_drm.interrupt_every &&
	    !(++calls % fake_drm.interrupt_every))
		error = EINTR;
	else if (fake_drm.fail_times &&
		 _IOC_NR(request) == DRM_COMMAND_BASE + fake_drm.fail) {
		fake_drm.fail_times--;
		error = fake_drm.error;
	}
	pthread_mutex_unlock(&clients_lock);
	return error;
}

/* As much as there is room for, and how much there is. */
static void give(char *to, size_t *bytes, const char *s)
{
	size_t n = strlen(s);

	memcpy(to, s, n < *bytes ? n : *bytes);
	*bytes = n;
}

static int version(const struct fake_client *c, struct drm_version *v)
{
	v->version_major = 0;
	v->version_minor = 1;
	v->version_patchlevel = 2;
	give(v->name, &v->name_len, c->node->driver);
	give(v->desc, &v->desc_len, "fake GPU");
	return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	struct fake_client *c = client_of(fd);
	int ret;

	if (!c)
		ret = -EBADF;
	else if (request == DRM_IOCTL_VERSION)
		ret = version(c, arg);
	else
		ret = -fails(request);
	if (!ret && request != DRM_IOCTL_VERSION)
		ret = fake_client_call(c, request, arg);
	errno = -ret;
	/* What is there then means nothing. */
	if (ret == -EINTR)
		memset(arg, 0xee, _IOC_SIZE(request));
	return ret ? -1 : 0;
}

static void *fake_mmap(void *at, size_t bytes, int prot, int fd, off_t offset)
{
	struct fake_client *c = client_of(fd);
	void *p = NULL;

	if (!c) {
		errno = EBADF;
		return MAP_FAILED;
	}
	errno = -fake_client_mmap(c, bytes, prot, (uint64_t)offset, &p);
	return errno ? MAP_FAILED : p;
}

static int fake_munmap(void *p, size_t bytes)
{
	bool found = false;
	int i;

	for (i = 0; i < FAKE_FDS && !found; i++) {
		struct fake_client *c = client_of(i);

		if (c)
			found = fake_client_munmap(c, p, bytes);
	}
	vgpu_assert(found);
	return 0;
}

static const struct vgpu_mdev_calls fake_calls = {
	.nodes = fake_nodes,
	.open = fake_open,
	.close = fake_close,
	.ioctl = fake_ioctl,
	.mmap = fake_mmap,
	.munmap = fake_munmap,
};

void fake_drm_install(void)
{
	vgpu_mdev_calls = &fake_calls;
}
