// SPDX-License-Identifier: MIT
/* The allocator of device memory: limits, statistics and their text form. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "memory_state.h"

int vgpu_allocator_set_limit(struct vgpu_allocator *a, const char *device_id,
			     uint64_t bytes)
{
	struct vgpu_vram_stats s;
	struct device *d;

	if (!device_id) {
		vgpu_account_set_limit(&a->account, bytes);
		return 0;
	}
	d = memory_device_find(a, device_id);
	if (!d)
		return -ENOENT;
	pthread_mutex_lock(&d->lock);
	vgpu_vram_stats(d->vram, &s);
	pthread_mutex_unlock(&d->lock);
	if (bytes > s.total)
		return memory_fail(a, -EINVAL,
			    "device %s: a limit of %" PRIu64 " bytes, its memory has %llu",
			    d->id, bytes, s.total);
	vgpu_account_set_limit(&d->account, bytes);
	return 0;
}

static uint64_t left(const struct vgpu_account *account)
{
	uint64_t current = vgpu_account_current(account);
	uint64_t limit = vgpu_account_limit(account);

	return limit > current ? limit - current : 0;
}

/* Add a device's figures; free memory is summed into free. */
static void add_stats(struct device *d, struct vgpu_memory_stats *sum,
		      uint64_t *free_bytes)
{
	struct vgpu_vram_stats s;
	uint64_t available;

	pthread_mutex_lock(&d->lock);
	vgpu_vram_stats(d->vram, &s);
	available = left(&d->account);
	sum->limit += vgpu_account_limit(&d->account);
	sum->allocated += vgpu_account_current(&d->account);
	sum->peak += vgpu_account_peak(&d->account);
	pthread_mutex_unlock(&d->lock);
	sum->devices++;
	sum->count += s.count;
	sum->total += s.total;
	sum->available += available < s.free ? available : s.free;
	sum->largest_free += s.largest_free;
	*free_bytes += s.free;
}

int vgpu_allocator_get_stats(struct vgpu_allocator *a, const char *device_id,
			 struct vgpu_memory_stats *stats)
{
	struct vgpu_memory_stats sum = { 0 };
	uint64_t free_bytes = 0;
	uint64_t largest = 0;
	struct device *d;
	uint64_t n;

	if (!memory_result_fits(stats))
		return memory_fail(a, -EINVAL, "statistics: size is not set");
	if (device_id) {
		d = memory_device_find(a, device_id);
		if (!d)
			return -ENOENT;
		add_stats(d, &sum, &free_bytes);
		largest = sum.largest_free;
	}
	for (n = 0; !device_id && (d = memory_device_at(a, n)); n++) {
		uint64_t before = sum.largest_free;

		add_stats(d, &sum, &free_bytes);
		if (sum.largest_free - before > largest)
			largest = sum.largest_free - before;
	}
	if (sum.available > left(&a->account))
		sum.available = left(&a->account);
	if (!device_id && sum.limit > vgpu_account_limit(&a->account))
		sum.limit = vgpu_account_limit(&a->account);
	if (free_bytes)
		sum.fragmentation = 1000 -
			(uint32_t)(sum.largest_free * 1000 / free_bytes);
	sum.largest_free = largest;
	memory_copy_result(stats, &sum, sizeof(sum));
	return 0;
}

int vgpu_memory_stats_text(const struct vgpu_memory_stats *stats, char *buf,
			     size_t bytes)
{
	struct vgpu_memory_stats s;
	const double mib = 1024 * 1024;

	if (!memory_copy_opts(&s, sizeof(s), stats))
		return -EINVAL;
	return snprintf(buf, bytes,
			"devices:        %u\n"
			"total:          %" PRIu64 " bytes (%.2f MiB)\n"
			"limit:          %" PRIu64 " bytes (%.2f MiB)\n"
			"allocated:      %" PRIu64 " bytes (%.2f MiB)\n"
			"available:      %" PRIu64 " bytes (%.2f MiB)\n"
			"peak:           %" PRIu64 " bytes (%.2f MiB)\n"
			"largest free:   %" PRIu64 " bytes (%.2f MiB)\n"
			"blocks:         %u\n"
			"fragmentation:  %u.%u %%\n",
			s.devices, s.total, (double)s.total / mib,
			s.limit, (double)s.limit / mib,
			s.allocated, (double)s.allocated / mib,
			s.available, (double)s.available / mib,
			s.peak, (double)s.peak / mib,
			s.largest_free, (double)s.largest_free / mib,
			s.count, s.fragmentation / 10, s.fragmentation % 10);
}
