// SPDX-License-Identifier: MIT
/*
 * The manager: which backends there are, which one is chosen and why, and which
 * of several devices gets the next piece of work.
 */
#include <stdio.h>

#include <vgpu/error.h>
#include <vgpu/manager.h>

#include "backend.h"
#include "message.h"
#include "os.h"
#include "text.h"

#define VGPU_MANAGER_DEVICES	64u

/**
 * struct vgpu_manager - a manager
 * @lock: protects everything but @msg
 * @options: for devices that it opens
 * @info: what @options points to
 * @scanned: @status is valid
 * @preferred: enum vgpu_backend; 0: none
 * @selected: enum vgpu_backend; 0: none yet
 * @initialized: device 0 is the manager's own
 * @reason: why @selected
 * @picked: when each device was last picked, by count
 * @picks: so far
 */
struct vgpu_manager {
	pthread_mutex_t lock;
	struct vgpu_message msg;
	struct vgpu_device_options options;
	struct vgpu_device_info info;
	struct vgpu_backend_status status[VGPU_BACKENDS];
	bool scanned;
	bool initialized;
	uint32_t preferred;
	uint32_t selected;
	char reason[VGPU_MESSAGE_BYTES];
	struct vgpu_device *devices[VGPU_MANAGER_DEVICES];
	uint64_t picked[VGPU_MANAGER_DEVICES];
	uint64_t picks;
	uint32_t n_devices;
};

int vgpu_manager_create(const struct vgpu_manager_options *options,
			struct vgpu_manager **manager)
{
	const struct vgpu_device_options *d = NULL;
	struct vgpu_manager *m;

	if (options) {
		if (options->size != sizeof(*options))
			return -EINVAL;
		d = options->device;
	}
	if (d && d->size != sizeof(*d))
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	pthread_mutex_init(&m->lock, NULL);
	vgpu_message_init(&m->msg);
	m->options.size = sizeof(m->options);
	if (d) {
		m->options = *d;
		if (d->info) {
			m->info = *d->info;
			m->options.info = &m->info;
		}
	}
	m->options.backend_name = NULL;
	m->options.device = NULL;
	*manager = m;
	return 0;
}

void vgpu_manager_destroy(struct vgpu_manager *m)
{
	if (!m)
		return;
	if (m->initialized)
		vgpu_device_close(m->devices[0]);
	vgpu_message_fini(&m->msg);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

int vgpu_manager_error(struct vgpu_manager *m, char *buf, size_t bytes)
{
	return vgpu_message_get(&m->msg, buf, bytes);
}

static int scan(struct vgpu_manager *m)
{
	struct vgpu_probe probe;
	uint32_t i;
	int n = 0;

	for (i = 0; i < VGPU_BACKENDS; i++) {
		struct vgpu_backend_status *s = &m->status[i];

		memset(s, 0, sizeof(*s));
		s->backend = VGPU_BACKEND_PASSTHROUGH + i;
		s->available = vgpu_backend_probe(s->backend, &probe);
		s->devices = probe.devices;
		s->gpus = probe.gpus;
		snprintf(s->reason, sizeof(s->reason), "%s", probe.reason);
		snprintf(s->name, sizeof(s->name), "%s",
			 vgpu_backend_name(s->backend));
		n += (int)s->available;
	}
	m->scanned = true;
	return n;
}

int vgpu_manager_scan(struct vgpu_manager *m)
{
	int n;

	pthread_mutex_lock(&m->lock);
	n = scan(m);
	pthread_mutex_unlock(&m->lock);
	return n;
}

int vgpu_manager_backend(struct vgpu_manager *m, uint32_t index,
			 struct vgpu_backend_status *status)
{
	int ret = 0;

	if (index >= VGPU_BACKENDS)
		return vgpu_message_set(&m->msg, -ENOENT,
					"no backend has index %u: there are %u",
					index, VGPU_BACKENDS);
	pthread_mutex_lock(&m->lock);
	if (m->scanned)
		*status = m->status[index];
	else
		ret = vgpu_message_set(&m->msg, -ENODATA,
				       "nothing was scanned: call vgpu_manager_scan()");
	pthread_mutex_unlock(&m->lock);
	return ret;
}

int vgpu_manager_set_preferred_mode(struct vgpu_manager *m, uint32_t backend)
{
	if (backend > VGPU_BACKENDS)
		return vgpu_message_set(&m->msg, -EINVAL,
					"unknown backend %u: see enum vgpu_backend",
					backend);
	pthread_mutex_lock(&m->lock);
	m->preferred = backend;
	pthread_mutex_unlock(&m->lock);
	return 0;
}

/*
 * With the lock held: the best that is available.  A driver that runs on the
 * CPU is worth less than the simulator, which has one too and knows it.
 */
static const struct vgpu_backend_status *best(const struct vgpu_manager *m)
{
	const struct vgpu_backend_status *s, *found = NULL;
	uint32_t i;

	for (i = 0; i < VGPU_BACKENDS; i++) {
		s = &m->status[vgpu_backend_ranks[i] -
			       VGPU_BACKEND_PASSTHROUGH];
		if (!s->available)
			continue;
		if (s->gpus || s->backend == VGPU_BACKEND_SIMULATOR)
			return s;
		if (!found)
			found = s;
	}
	return found;
}

/* With the lock held: what to take, and why. */
static int choose(struct vgpu_manager *m)
{
	const struct vgpu_backend_status *s = NULL, *want = NULL;

	if (m->preferred)
		want = &m->status[m->preferred - VGPU_BACKEND_PASSTHROUGH];
	s = want && want->available ? want : best(m);
	if (!s)
		return vgpu_message_set(&m->msg, -ENOENT,
					"no backend is available");
	m->selected = s->backend;
	if (s == want)
		snprintf(m->reason, sizeof(m->reason),
			 "%s: preferred, and available: %s", s->name,
			 s->reason);
	else if (want)
		snprintf(m->reason, sizeof(m->reason),
			 "%s: %s is preferred, but not available: %.120s",
			 s->name, want->name, want->reason);
	else
		snprintf(m->reason, sizeof(m->reason),
			 "%s: the best that is available: %s", s->name,
			 s->reason);
	return 0;
}

int vgpu_manager_auto_select(struct vgpu_manager *m, uint32_t *backend)
{
	int ret;

	pthread_mutex_lock(&m->lock);
	if (m->initialized) {
		ret = vgpu_message_set(&m->msg, -EBUSY,
				       "backend %s is in use already",
				       vgpu_backend_name(m->selected));
	} else {
		if (!m->scanned)
			scan(m);
		ret = choose(m);
	}
	if (!ret && backend)
		*backend = m->selected;
	pthread_mutex_unlock(&m->lock);
	return ret;
}

int vgpu_manager_reason(struct vgpu_manager *m, char *buf, size_t bytes)
{
	int n;

	pthread_mutex_lock(&m->lock);
	if (m->selected)
		n = snprintf(buf, bytes, "%s", m->reason);
	else
		n = vgpu_message_set(&m->msg, -ENODATA,
				     "nothing was chosen: call vgpu_manager_auto_select()");
	pthread_mutex_unlock(&m->lock);
	return n;
}

/* With the lock held. */
static int add(struct vgpu_manager *m, struct vgpu_device *dev, bool first)
{
	uint32_t i, n = m->n_devices;

	for (i = 0; i < n; i++) {
		if (m->devices[i] == dev)
			return vgpu_message_set(&m->msg, -EEXIST,
						"the device was added already");
	}
	if (n == VGPU_MANAGER_DEVICES)
		return vgpu_message_set(&m->msg, -ENOSPC,
					"there are %u devices: no more fit",
					VGPU_MANAGER_DEVICES);
	if (first) {
		memmove(&m->devices[1], &m->devices[0],
			n * sizeof(m->devices[0]));
		memmove(&m->picked[1], &m->picked[0],
			n * sizeof(m->picked[0]));
		n = 0;
	}
	m->devices[n] = dev;
	m->picked[n] = 0;
	m->n_devices++;
	return 0;
}

static int open_selected(struct vgpu_manager *m, struct vgpu_device **dev)
{
	struct vgpu_device_options o = m->options;
	char text[VGPU_MESSAGE_BYTES] = "";
	int ret;

	o.backend = m->selected;
	o.message = text;
	o.message_bytes = sizeof(text);
	ret = vgpu_device_open(&o, dev);
	if (ret)
		return vgpu_message_set(&m->msg, ret, "%s", text);
	ret = vgpu_device_initialize(*dev);
	if (!ret)
		ret = vgpu_device_start(*dev);
	if (ret) {
		vgpu_device_error(*dev, text, sizeof(text));
		vgpu_message_set(&m->msg, ret, "%s", text);
		vgpu_device_close(*dev);
	}
	return ret;
}

int vgpu_manager_initialize_selected(struct vgpu_manager *m)
{
	struct vgpu_device *dev;
	int ret;

	pthread_mutex_lock(&m->lock);
	if (!m->selected) {
		ret = vgpu_message_set(&m->msg, -ENODATA,
				       "nothing was chosen: call vgpu_manager_auto_select()");
		goto out;
	}
	if (m->initialized) {
		ret = vgpu_message_set(&m->msg, -EBUSY,
				       "backend %s was initialized already",
				       vgpu_backend_name(m->selected));
		goto out;
	}
	ret = open_selected(m, &dev);
	if (ret)
		goto out;
	ret = add(m, dev, true);
	if (ret)
		vgpu_device_close(dev);
	else
		m->initialized = true;
out:
	pthread_mutex_unlock(&m->lock);
	return ret;
}

int vgpu_manager_add_device(struct vgpu_manager *m, struct vgpu_device *dev)
{
	int ret;

	if (!dev)
		return vgpu_message_set(&m->msg, -EINVAL, "no device");
	pthread_mutex_lock(&m->lock);
	ret = add(m, dev, false);
	pthread_mutex_unlock(&m->lock);
	return ret;
}

int vgpu_manager_remove_device(struct vgpu_manager *m, struct vgpu_device *dev)
{
	uint32_t i;
	int ret = 0;

	pthread_mutex_lock(&m->lock);
	for (i = 0; i < m->n_devices && m->devices[i] != dev; i++)
		;
	if (i == m->n_devices) {
		ret = vgpu_message_set(&m->msg, -ENOENT,
				       "the device was not added");
	} else if (!i && m->initialized) {
		ret = vgpu_message_set(&m->msg, -EBUSY,
				       "the device is the manager's own");
	} else {
		m->n_devices--;
		memmove(&m->devices[i], &m->devices[i + 1],
			(m->n_devices - i) * sizeof(m->devices[0]));
		memmove(&m->picked[i], &m->picked[i + 1],
			(m->n_devices - i) * sizeof(m->picked[0]));
	}
	pthread_mutex_unlock(&m->lock);
	return ret;
}

uint32_t vgpu_manager_devices(struct vgpu_manager *m)
{
	uint32_t n;

	pthread_mutex_lock(&m->lock);
	n = m->n_devices;
	pthread_mutex_unlock(&m->lock);
	return n;
}

int vgpu_manager_device(struct vgpu_manager *m, uint32_t index,
			struct vgpu_device **dev)
{
	int ret = 0;

	pthread_mutex_lock(&m->lock);
	if (index < m->n_devices)
		*dev = m->devices[index];
	else
		ret = vgpu_message_set(&m->msg, -ENOENT,
				       "no device has index %u: there are %u",
				       index, m->n_devices);
	pthread_mutex_unlock(&m->lock);
	return ret;
}

static uint64_t available(const struct vgpu_device_stats *s)
{
	return s->memory_limit > s->memory_used ?
	       s->memory_limit - s->memory_used : 0;
}

/* Whether @a is less loaded than @b: negative, 0 or positive. */
static int compare(const struct vgpu_device_stats *a,
		   const struct vgpu_device_stats *b)
{
	if (a->outstanding_bytes != b->outstanding_bytes)
		return a->outstanding_bytes < b->outstanding_bytes ? -1 : 1;
	if (a->outstanding != b->outstanding)
		return a->outstanding < b->outstanding ? -1 : 1;
	if (available(a) != available(b))
		return available(a) > available(b) ? -1 : 1;
	return 0;
}

int vgpu_manager_pick(struct vgpu_manager *m, uint64_t bytes,
		      struct vgpu_device **dev)
{
	struct vgpu_device_stats stats, best_stats;
	uint32_t i, best = VGPU_MANAGER_DEVICES;
	int ret = 0, order;

	pthread_mutex_lock(&m->lock);
	for (i = 0; i < m->n_devices; i++) {
		if (vgpu_device_get_stats(m->devices[i], &stats) ||
		    available(&stats) < bytes)
			continue;
		order = best == VGPU_MANAGER_DEVICES ? -1 :
			compare(&stats, &best_stats);
		if (order > 0 || (!order && m->picked[i] >= m->picked[best]))
			continue;
		best = i;
		best_stats = stats;
	}
	if (best != VGPU_MANAGER_DEVICES) {
		m->picked[best] = ++m->picks;
		*dev = m->devices[best];
	} else if (!m->n_devices) {
		ret = vgpu_message_set(&m->msg, -ENODATA,
				       "there is no device: initialize one or add one");
	} else {
		ret = vgpu_message_set(&m->msg, -ENOMEM,
				       "none of %u devices has %llu bytes left",
				       m->n_devices, (unsigned long long)bytes);
	}
	pthread_mutex_unlock(&m->lock);
	return ret;
}

static void sum(struct vgpu_device_stats *to,
		const struct vgpu_device_stats *s)
{
	to->submitted += s->submitted;
	to->completed += s->completed;
	to->failed += s->failed;
	to->outstanding += s->outstanding;
	to->outstanding_bytes += s->outstanding_bytes;
	to->bytes_copied += s->bytes_copied;
	to->bytes_cleared += s->bytes_cleared;
	to->launches += s->launches;
	to->busy_ns += s->busy_ns;
	to->memory_total += s->memory_total;
	to->memory_limit += s->memory_limit;
	to->memory_used += s->memory_used;
	to->memory_peak += s->memory_peak;
	if (to->memory_largest < s->memory_largest)
		to->memory_largest = s->memory_largest;
	to->rings += s->rings;
	to->counters += s->counters;
	to->kernels += s->kernels;
	to->allocations += s->allocations;
	to->registrations += s->registrations;
}

int vgpu_manager_get_stats(struct vgpu_manager *m, struct vgpu_manager_stats *stats)
{
	struct vgpu_device_stats one;
	uint32_t i;
	int ret = 0;

	memset(stats, 0, sizeof(*stats));
	pthread_mutex_lock(&m->lock);
	if (!m->n_devices)
		ret = vgpu_message_set(&m->msg, -ENODATA,
				       "there is no device: initialize one or add one");
	for (i = 0; i < m->n_devices && !ret; i++) {
		ret = vgpu_device_get_stats(m->devices[i], &one);
		if (!ret)
			sum(&stats->total, &one);
	}
	stats->backend = m->selected;
	stats->devices = m->n_devices;
	pthread_mutex_unlock(&m->lock);
	return ret;
}

int vgpu_manager_stats_text(const struct vgpu_manager_stats *stats, char *buf,
			    size_t bytes)
{
	struct vgpu_text t = { .buf = buf, .bytes = bytes };
	size_t at;

	vgpu_text_add(&t, "%-21s%s\n", "backend:",
		      stats->backend ? vgpu_backend_name(stats->backend) :
				       "none chosen");
	vgpu_text_add(&t, "%-21s%u\n", "devices:", stats->devices);
	at = t.used < bytes ? t.used : bytes;
	return (int)t.used +
	       vgpu_device_stats_text(&stats->total, buf ? buf + at : NULL,
				      bytes - at);
}
