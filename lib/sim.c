// SPDX-License-Identifier: MIT
/*
 * The simulator: a vgpu device in this process, that is the device model with
 * memory and threads around it.  Kernels are run by an executor: for the
 * backend simulator Vulkan on the CPU, opened when it is first needed; for the
 * backends vulkan and wgpu the one that they are named after.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wait.h"
#include "sim.h"

#define VGPU_SIM_VRAM_BYTES	(256ull << 20)
#define VGPU_SIM_VRAM_MAX	(1ull << 40)

/**
 * struct vgpu_sim_kind - a backend that is a simulator
 * @name: of the backend
 * @executor: kind of executor
 * @flags: VGPU_EXECUTOR_*
 * @at_open: the executor is opened with the device
 * @bank_shift: WebGPU promises buffers of 256 MiB, drivers import 2 GiB at most
 * @vram_bytes: by default
 * @features: beyond VGPU_SIM_FEATURES
 */
struct vgpu_sim_kind {
	const char *name;
	const char *executor;
	uint32_t flags;
	bool at_open;
	uint32_t bank_shift;
	uint64_t vram_bytes;
	uint64_t features;
};

static const struct vgpu_sim_kind simulator = {
	.name = "simulator",
	.executor = "vulkan",
	.flags = VGPU_EXECUTOR_CPU,
	.bank_shift = 30,
	.vram_bytes = VGPU_SIM_VRAM_BYTES,
	.features = VGPU_FEATURE_ALIAS,
};

static const struct vgpu_sim_kind vulkan = {
	.name = "vulkan",
	.executor = "vulkan",
	.at_open = true,
	.bank_shift = 30,
	/* One bank that SwiftShader, whose heap has 1 GiB, imports too. */
	.vram_bytes = 2 * VGPU_SIM_VRAM_BYTES,
	.features = VGPU_FEATURE_ALIAS,
};

static const struct vgpu_sim_kind wgpu = {
	.name = "wgpu",
	.executor = "wgpu",
	.at_open = true,
	.bank_shift = 28,
	.vram_bytes = VGPU_SIM_VRAM_BYTES,
	.features = VGPU_FEATURE_WGSL,
};

static void default_info(struct vgpu_device_info *info)
{
	vgpu_device_info_init(info);
	snprintf(info->id, sizeof(info->id), "sim0");
	snprintf(info->name, sizeof(info->name), "vgpu simulator");
	info->type = VGPU_DEVICE_TYPE_SOFTWARE;
}

static uint32_t vendor_type(const struct vgpu_engine_info *info)
{
	if (info->type == VGPU_ENGINE_CPU)
		return VGPU_DEVICE_TYPE_SOFTWARE;
	switch (info->vendor_id) {
	case 0x10de:
		return VGPU_DEVICE_TYPE_NVIDIA;
	case 0x1002:
		return VGPU_DEVICE_TYPE_AMD;
	case 0x8086:
		return VGPU_DEVICE_TYPE_INTEL;
	default:
		return VGPU_DEVICE_TYPE_OTHER;
	}
}

/* What a device is whose engine was opened with it. */
static void engine_info(struct vgpu_sim *s, const struct vgpu_sim_kind *kind)
{
	const struct vgpu_engine_info *e = &s->engine.info;
	struct vgpu_device_info *info = &s->info;

	snprintf(info->id, sizeof(info->id), "%s0", kind->name);
	snprintf(info->name, sizeof(info->name), "%s", e->name);
	snprintf(info->driver, sizeof(info->driver), "%s", e->driver);
	snprintf(info->apis[info->n_apis++], VGPU_INFO_API_BYTES, "%s",
		 kind == &wgpu ? "WebGPU" : "Vulkan");
	info->type = vendor_type(e);
	info->vendor_id = e->vendor_id;
	info->device_id = e->device_id;
}

static bool terminated(const char *s, size_t bytes)
{
	return strnlen(s, bytes) < bytes;
}

static int check_info(struct vgpu_message *msg,
		      const struct vgpu_device_info *info)
{
	uint32_t i;

	if (!terminated(info->id, sizeof(info->id)) ||
	    !terminated(info->name, sizeof(info->name)) ||
	    !terminated(info->driver, sizeof(info->driver)) ||
	    !terminated(info->pci_address, sizeof(info->pci_address)) ||
	    !terminated(info->compute_capability,
			sizeof(info->compute_capability)))
		return vgpu_message_set(msg, -EINVAL,
					"a string of the device's info is not terminated");
	if (info->type > VGPU_DEVICE_TYPE_SOFTWARE)
		return vgpu_message_set(msg, -EINVAL,
					"the device's info has type %u, not one of vgpu_device_type",
					info->type);
	if (info->n_apis > VGPU_INFO_APIS)
		return vgpu_message_set(msg, -EINVAL,
					"the device's info has %u APIs: at most %u",
					info->n_apis, VGPU_INFO_APIS);
	for (i = 0; i < info->n_apis; i++) {
		if (!terminated(info->apis[i], VGPU_INFO_API_BYTES))
			return vgpu_message_set(msg, -EINVAL,
						"the name of API %u is not terminated",
						i);
	}
	return 0;
}

static int check_vram(struct vgpu_message *msg, uint64_t bytes)
{
	if (bytes && bytes <= VGPU_SIM_VRAM_MAX && !(bytes % VGPU_PAGE_BYTES))
		return 0;
	return vgpu_message_set(msg, -EINVAL,
				"a simulator with %llu bytes of memory: must be a multiple of %u up to %llu",
				(unsigned long long)bytes, VGPU_PAGE_BYTES,
				VGPU_SIM_VRAM_MAX);
}

/* A register's form of a value of the info. */
static uint32_t telemetry(int64_t value)
{
	if (value == VGPU_INFO_UNKNOWN || value > INT32_MAX ||
	    value <= INT32_MIN)
		return VGPU_UNKNOWN;
	return (uint32_t)(int32_t)value;
}

static int sim_model(struct vgpu_sim *s, const struct vgpu_sim_kind *kind)
{
	uint64_t features = VGPU_SIM_FEATURES | VGPU_SIM_TYPES | kind->features;
	struct vgpu_model_config config = {
		.vram_bytes = s->info.total_memory,
		.limit_bytes = s->info.available_memory,
		.launch_timeout_ns = s->launch_timeout_ns,
		.bank_shift = kind->bank_shift,
		.subdevice = VGPU_PCI_SUBDEVICE_GPU,
		.max_contexts = VGPU_SIM_CONTEXTS,
		.max_objects = VGPU_SIM_OBJECTS,
		.max_mappings = VGPU_SIM_MAPPINGS,
		.max_rings = VGPU_SIM_RINGS,
		.max_counters = VGPU_SIM_COUNTERS,
		.max_kernels = VGPU_SIM_KERNELS,
		.max_jobs = VGPU_SIM_JOBS,
		.max_entries = VGPU_RING_MAX_ENTRIES,
	};
	size_t bytes;
	int ret;

	if (s->info.features)
		features &= s->info.features | VGPU_FEATURE_TIMES;
	s->info.features = features;
	config.features = features;
	bytes = vgpu_model_bytes(&config);
	if (!bytes)
		return -EINVAL;
	bytes = (bytes + 63) & ~(size_t)63;
	s->m = aligned_alloc(64, bytes);
	if (!s->m)
		return -ENOMEM;
	memset(s->m, 0, bytes);
	ret = vgpu_model_init(s->m, bytes, &config);
	if (ret) {
		free(s->m);
		return ret;
	}
	vgpu_model_telemetry(s->m, telemetry(s->info.temperature_mc),
			     VGPU_UNKNOWN, telemetry(s->info.power_limit_mw));
	vgpu_model_engine(s->m, true, vgpu_now_ns());
	return 0;
}

/* All but the executor of a simulator that opens it when it is needed. */
static int sim_parts(struct vgpu_sim *s, const struct vgpu_sim_kind *kind,
		     const struct vgpu_device_options *o,
		     struct vgpu_message *msg)
{
	int ret;

	ret = sim_model(s, kind);
	if (ret)
		return vgpu_message_set(msg, ret,
					"the device model refuses: %s",
					strerror(-ret));
	ret = vgpu_sim_engine_init(s, o, kind->executor, kind->flags);
	if (ret) {
		vgpu_message_set(msg, ret, "memory is short");
		goto err_model;
	}
	s->engine.options.bank_shift = kind->bank_shift;
	if (kind->at_open) {
		ret = vgpu_sim_engine_open(s, msg);
		if (ret)
			goto err_engine;
		engine_info(s, kind);
		/* Nothing has been written yet. */
		vgpu_residency_set(&s->engine.residency, 0, s->vram_bytes,
				   VGPU_RESIDENT_ZERO);
	}
	return 0;

err_engine:
	vgpu_sim_engine_fini(s);
err_model:
	free(s->m);
	return ret;
}

static void sim_parts_end(struct vgpu_sim *s)
{
	if (vgpu_sim_engine_close(s))
		vgpu_sim_vram_close(s);
	vgpu_sim_engine_fini(s);
	vgpu_model_fini(s->m);
	free(s->m);
}

static int sim_start(struct vgpu_sim *s, const struct vgpu_sim_kind *kind,
		     const struct vgpu_device_options *o,
		     struct vgpu_message *msg)
{
	int ret;

	ret = vgpu_sim_vram_open(s, s->info.total_memory);
	if (ret)
		return vgpu_message_set(msg, ret,
					"cannot make %llu bytes of memory for a device: %s",
					(unsigned long long)s->info.total_memory,
					strerror(-ret));
	s->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->irq_fd < 0) {
		ret = vgpu_message_set(msg, -errno, "no eventfd: %s",
				       strerror(errno));
		vgpu_sim_vram_close(s);
		return ret;
	}
	ret = sim_parts(s, kind, o, msg);
	if (ret) {
		vgpu_sim_vram_close(s);
		close(s->irq_fd);
		return ret;
	}
	if (!s->background)
		return 0;
	ret = -pthread_create(&s->thread, NULL, vgpu_sim_thread, s);
	if (ret) {
		sim_parts_end(s);
		close(s->irq_fd);
		/* EAGAIN there, which means something else here. */
		ret = vgpu_message_set(msg, -ENOMEM, "no thread: %s",
				       strerror(-ret));
	}
	return ret;
}

/* What the device says that it is, so far, and how much memory it gets. */
static int first_info(const struct vgpu_device_options *o,
		      const struct vgpu_sim_kind *kind,
		      struct vgpu_device_info *info, struct vgpu_message *msg)
{
	int ret;

	default_info(info);
	if (o->info && !kind->at_open) {
		ret = check_info(msg, o->info);
		if (ret)
			return ret;
		*info = *o->info;
	}
	if (o->device && !kind->at_open && strcmp(o->device, info->id))
		return vgpu_message_set(msg, -ENOENT,
					"there is no simulator \"%.32s\": it is called \"%s\"",
					o->device, info->id);
	if (o->vram_bytes)
		info->total_memory = o->vram_bytes;
	else if (!info->total_memory)
		info->total_memory = kind->vram_bytes;
	if (info->available_memory > info->total_memory)
		info->available_memory = info->total_memory;
	if (!info->driver[0])
		snprintf(info->driver, sizeof(info->driver), "simulator");
	return check_vram(msg, info->total_memory);
}

static int open_kind(const struct vgpu_device_options *o,
		     const struct vgpu_sim_kind *kind,
		     struct vgpu_message *msg, void **b)
{
	struct vgpu_device_info info;
	struct vgpu_sim *s;
	int ret;

	ret = first_info(o, kind, &info, msg);
	if (ret)
		return ret;
	s = aligned_alloc(64, (sizeof(*s) + 63) & ~63ul);
	if (!s)
		return vgpu_message_set(msg, -ENOMEM, "memory is short");
	memset(s, 0, sizeof(*s));
	s->info = info;
	s->background = o->flags & VGPU_DEVICE_BACKGROUND;
	s->launch_timeout_ns = o->launch_timeout_ms * 1000000ull;
	pthread_mutex_init(&s->lock, NULL);
	vgpu_cond_init(&s->cond);
	ret = sim_start(s, kind, o, msg);
	if (ret) {
		pthread_cond_destroy(&s->cond);
		pthread_mutex_destroy(&s->lock);
		free(s);
		return ret;
	}
	*b = s;
	return 0;
}

static int sim_open(const struct vgpu_device_options *o,
		    struct vgpu_message *msg, void **b)
{
	return open_kind(o, &simulator, msg, b);
}

static int vulkan_open(const struct vgpu_device_options *o,
		       struct vgpu_message *msg, void **b)
{
	return open_kind(o, &vulkan, msg, b);
}

static int wgpu_open(const struct vgpu_device_options *o,
		     struct vgpu_message *msg, void **b)
{
	return open_kind(o, &wgpu, msg, b);
}

static void sim_close(void *b)
{
	struct vgpu_sim *s = b;
	uint32_t i;

	if (s->background) {
		pthread_mutex_lock(&s->lock);
		s->quit = true;
		vgpu_sim_changed(s);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	sim_parts_end(s);
	for (i = 0; i <= VGPU_SIM_OBJECTS; i++)
		if (s->objects[i].own)
			free(s->objects[i].base);
	if (s->pool)
		munmap(s->pool, s->pool_bytes);
	close(s->irq_fd);
	pthread_cond_destroy(&s->cond);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int64_t known(uint32_t value)
{
	return value == VGPU_UNKNOWN ? VGPU_INFO_UNKNOWN : (int32_t)value;
}

static int sim_info(void *b, struct vgpu_device_info *info)
{
	struct vgpu_model_stats stats;
	struct vgpu_sim *s = b;
	uint64_t now_ns = vgpu_now_ns();

	*info = s->info;
	pthread_mutex_lock(&s->lock);
	vgpu_model_stats(s->m, &stats);
	info->temperature_mc =
		known((uint32_t)vgpu_model_bar0_read(s->m, VGPU_REG_TEMPERATURE,
						     4, now_ns));
	info->power_limit_mw =
		known((uint32_t)vgpu_model_bar0_read(s->m, VGPU_REG_POWER_LIMIT,
						     4, now_ns));
	if (!s->engine.known)
		info->features &= ~VGPU_SIM_TYPES;
	else
		info->features &= ~(VGPU_SIM_TYPES | VGPU_FEATURE_SPIRV |
				    VGPU_FEATURE_WGSL) |
				  s->engine.info.features;
	/* A simulator's kernels are run by somebody else's driver. */
	if (s->engine.known && !info->vendor_id)
		snprintf(info->driver, sizeof(info->driver), "%s",
			 s->engine.info.driver);
	snprintf(info->notice, sizeof(info->notice), "%s",
		 s->engine.notice[0] ? s->engine.notice :
				       s->engine.info.notice);
	pthread_mutex_unlock(&s->lock);
	info->available_memory = stats.vram_limit > stats.vram_used ?
				 stats.vram_limit - stats.vram_used : 0;
	return 0;
}

/* Nothing to do: the shell needs no admin queue. */
static int sim_enable(void *b)
{
	(void)b;
	return 0;
}

/* With the lock: until there is nothing to do, for now. */
static void drain(struct vgpu_sim *s)
{
	uint32_t n;

	while (s->running || vgpu_model_pending(s->m))
		vgpu_sim_step(s);
	vgpu_sim_round(s, VGPU_SIM_BATCH, &n);
}

static int sim_reset(void *b)
{
	struct vgpu_sim *s = b;
	uint32_t i;
	bool ok;

	pthread_mutex_lock(&s->lock);
	vgpu_model_reset(s->m);
	/* The model lets go of all memory and kernels, and so does the engine. */
	drain(s);
	ok = vgpu_sim_engine_end(s);
	drain(s);
	s->engine.n_mapped = 0;
	for (i = 0; i <= VGPU_SIM_KERNELS; i++)
		vgpu_assert(!s->kernels[i]);
	for (i = 0; i <= VGPU_SIM_RINGS; i++)
		vgpu_assert(!s->rings[i]);
	vgpu_sim_changed(s);
	pthread_mutex_unlock(&s->lock);
	return ok ? 0 : -ENOMEM;
}

static int sim_admin(void *b, const struct vgpu_cmd *cmd, u64 result[2])
{
	struct vgpu_sim *s = b;
	int ret;

	pthread_mutex_lock(&s->lock);
	ret = vgpu_sim_admin_locked(s, cmd, result);
	/* There is something to run, or somebody waits for the counter. */
	if (vgpu_model_pending(s->m) || cmd->opcode == VGPU_ADMIN_COUNTER_SIGNAL)
		vgpu_sim_changed(s);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

static void sim_doorbell(void *b, uint32_t ring)
{
	struct vgpu_sim *s = b;

	pthread_mutex_lock(&s->lock);
	vgpu_model_kick(s->m, ring);
	vgpu_sim_changed(s);
	pthread_mutex_unlock(&s->lock);
}

static int sim_read_register(void *b, uint64_t offset, uint32_t bytes,
			     uint64_t *value)
{
	struct vgpu_sim *s = b;

	pthread_mutex_lock(&s->lock);
	*value = vgpu_model_bar0_read(s->m, offset, bytes, vgpu_now_ns());
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static int sim_write_register(void *b, uint64_t offset, uint32_t bytes,
			      uint64_t value)
{
	struct vgpu_sim *s = b;

	pthread_mutex_lock(&s->lock);
	vgpu_model_bar0_write(s->m, offset, bytes, value);
	/* Unmasking may send an interrupt. */
	vgpu_sim_changed(s);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static int sim_interrupt_fd(void *b)
{
	struct vgpu_sim *s = b;

	return s->irq_fd;
}

static int sim_set_limit(void *b, uint64_t bytes)
{
	struct vgpu_sim *s = b;
	int ret;

	if (bytes > s->vram_bytes)
		return -EINVAL;
	pthread_mutex_lock(&s->lock);
	ret = vgpu_model_set_limit(s->m, bytes);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

static int sim_compact(void *b, uint64_t max_bytes, uint64_t *moved)
{
	struct vgpu_sim *s = b;
	u64 bytes = 0;
	bool more;
	int ret;

	pthread_mutex_lock(&s->lock);
	/* What was freed is free for moves once it is zero. */
	ret = vgpu_model_compact(s->m, max_bytes);
	if (!ret)
		vgpu_sim_changed(s);
	while (!ret) {
		ret = vgpu_model_compacted(s->m, &bytes, &more);
		if (ret != -EAGAIN)
			break;
		vgpu_sim_step(s);
		ret = 0;
	}
	*moved = bytes;
	pthread_mutex_unlock(&s->lock);
	return ret;
}

static int sim_stats(void *b, struct vgpu_device_stats *stats)
{
	struct vgpu_model_stats m;
	struct vgpu_sim *s = b;

	pthread_mutex_lock(&s->lock);
	vgpu_model_stats(s->m, &m);
	stats->bytes_to_engine = s->engine.bytes_in;
	stats->bytes_from_engine = s->engine.bytes_out;
	pthread_mutex_unlock(&s->lock);
	stats->bytes_copied = m.bytes_copied;
	stats->bytes_cleared = m.bytes_cleared;
	stats->launches = m.launches;
	stats->busy_ns = m.busy_ns;
	stats->memory_total = s->vram_bytes;
	stats->memory_limit = m.vram_limit;
	stats->memory_used = m.vram_used;
	stats->memory_peak = m.vram_peak;
	stats->memory_largest = m.vram_largest;
	stats->rings = m.rings;
	stats->counters = m.counters;
	stats->kernels = m.kernels;
	return 0;
}

static bool sim_next_block(void *b, uint64_t offset, uint32_t *object,
			   struct vgpu_device_block *block)
{
	struct vgpu_sim *s = b;
	u64 start, bytes;
	bool pinned, found;

	pthread_mutex_lock(&s->lock);
	found = vgpu_model_next_block(s->m, offset, object, &start, &bytes,
				      &pinned);
	pthread_mutex_unlock(&s->lock);
	if (!found)
		return false;
	block->offset = start;
	block->bytes = bytes;
	block->pinned = pinned;
	return true;
}

/* The backends differ in what opens them. */
#define VGPU_SIM_OPS(n, o) {						\
	.name = n,							\
	.open = o,							\
	.close = sim_close,						\
	.info = sim_info,						\
	.enable = sim_enable,						\
	.reset = sim_reset,						\
	.admin = sim_admin,						\
	.ring_create = vgpu_sim_ring_create,				\
	.ring_destroy = vgpu_sim_ring_destroy,				\
	.ring_free = vgpu_sim_ring_free,				\
	.doorbell = sim_doorbell,					\
	.system_create = vgpu_sim_system_create,			\
	.system_alloc = vgpu_sim_system_alloc,				\
	.system_destroy = vgpu_sim_system_destroy,			\
	.pool = vgpu_sim_pool,						\
	.map = vgpu_sim_map,						\
	.unmap = vgpu_sim_unmap,					\
	.limits = vgpu_sim_limits,					\
	.events = vgpu_sim_events,					\
	.run = vgpu_sim_run,						\
	.wait = vgpu_sim_wait,						\
	.read_register = sim_read_register,				\
	.write_register = sim_write_register,				\
	.interrupt_fd = sim_interrupt_fd,				\
	.native_add = vgpu_sim_native_add,				\
	.kernel_add = vgpu_sim_kernel_add,				\
	.kernel_remove = vgpu_sim_kernel_remove,			\
	.kernel_usage = vgpu_sim_kernel_usage,				\
	.set_limit = sim_set_limit,					\
	.compact = sim_compact,						\
	.stats = sim_stats,						\
	.next_block = sim_next_block,					\
}

const struct vgpu_backend_ops vgpu_sim_ops =
	VGPU_SIM_OPS("simulator", sim_open);
const struct vgpu_backend_ops vgpu_vulkan_ops =
	VGPU_SIM_OPS("vulkan", vulkan_open);
const struct vgpu_backend_ops vgpu_wgpu_ops = VGPU_SIM_OPS("wgpu", wgpu_open);
