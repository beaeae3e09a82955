/* SPDX-License-Identifier: MIT */
/*
 * An open WebGPU executor with VRAM, for tests: on wgpu-native and Dawn, each on
 * a driver that runs on the CPU, or on a provider that fails.
 */
#ifndef VGPU_WGPU_RIG_H
#define VGPU_WGPU_RIG_H

#include "vgpu_test.h"

#include <limits.h>
#include <sys/mman.h>
#include <time.h>

#include "executor/executor.h"

#define RIG_SECOND	1000000000ull

enum rig_provider { RIG_NATIVE, RIG_DAWN, RIG_FAKE };

/**
 * struct rig - an executor
 * @e: it
 * @info: what it is
 * @msg: its line
 * @vram: mapping of @bytes
 * @tag: of the next command
 */
struct rig {
	void *e;
	const struct vgpu_engine_info *info;
	struct vgpu_message msg;
	void *vram;
	size_t bytes;
	uint64_t tag;
};

static const struct vgpu_executor_ops *const rig_ops = &vgpu_wgpu_executor;

/* What drivers and providers leave when they are gone is theirs. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libwgpu_native\nleak:libwebgpu_dawn\nleak:libvulkan\n"
	       "leak:libvk_swiftshader\nleak:libLLVM\nleak:libdrm\n"
	       "leak:<unknown module>\n";
}

static uint64_t rig_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * RIG_SECOND + t.tv_nsec;
}

/* A file below build/, which the program is three levels below. */
static void rig_setenv(const char *name, const char *file)
{
	char path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *end;

	path[n > 0 ? n : 0] = 0;
	end = strrchr(path, '/');
	snprintf(end + 1, path + sizeof(path) - end - 1, "../../../%s", file);
	setenv(name, path, 1);
}

static void rig_use(enum rig_provider provider)
{
	static const char *const files[] = {
		"deps/wgpu/libwgpu_native.so", "deps/wgpu/libwebgpu_dawn.so",
		"fake/wgpu_provider.so",
	};

	rig_setenv("VGPU_WGPU_LIB", files[provider]);
	rig_setenv("VK_ICD_FILENAMES", provider == RIG_DAWN ?
		   "deps/vulkan/swiftshader_icd.json" :
		   "deps/vulkan/lavapipe25_icd.json");
}

/* Return: what open() did. */
static int rig_open(struct rig *r, enum rig_provider provider, size_t bytes,
		    uint32_t bank_shift)
{
	struct vgpu_executor_options options = {
		.kind = "wgpu",
		.bank_shift = bank_shift,
		.vram_bytes = bytes,
		.vram_fd = -1,
	};
	int error;

	memset(r, 0, sizeof(*r));
	vgpu_message_init(&r->msg);
	rig_use(provider);
	r->bytes = bytes;
	r->vram = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	options.vram = r->vram;
	error = rig_ops->open(&options, &r->msg, &r->e);
	if (error)
		munmap(r->vram, bytes);
	else
		r->info = rig_ops->info(r->e);
	return error;
}

/* Return: what close() did. */
static int rig_close(struct rig *r)
{
	int error = rig_ops->close(r->e, rig_now() + 20 * RIG_SECOND);

	munmap(r->vram, r->bytes);
	return error;
}

static int rig_build(struct rig *r, uint32_t kernel, uint32_t format,
		     const void *code, size_t bytes,
		     const struct vgpu_kernel_spec *specs, uint32_t n_specs,
		     struct vgpu_engine_built *built)
{
	size_t all = sizeof(struct vgpu_kernel_desc) +
		     n_specs * sizeof(*specs) + bytes;
	struct vgpu_kernel_desc *desc = calloc(1, all);
	char *at = (char *)(desc + 1);
	int error;

	memset(built, 0, sizeof(*built));
	desc->format = format;
	desc->code_bytes = bytes;
	desc->n_specs = n_specs;
	memcpy(desc->entry, "main", 5);
	if (n_specs)
		memcpy(at, specs, n_specs * sizeof(*specs));
	memcpy(at + n_specs * sizeof(*specs), code, bytes);
	error = rig_ops->build(r->e, kernel, desc, all, built);
	if (error)
		printf("# build: %d, %s\n", error, built->message);
	free(desc);
	return error;
}

static int rig_submit(struct rig *r, uint16_t opcode, uint64_t a, uint64_t b,
		      uint64_t c)
{
	struct vgpu_engine_cmd cmd = {
		.opcode = opcode, .tag = ++r->tag, .op = { a, b, c },
	};

	return rig_ops->submit(r->e, &cmd, NULL);
}

static int rig_submit_launch(struct rig *r, struct vgpu_engine_slot *slot)
{
	struct vgpu_engine_cmd cmd = {
		.opcode = VGPU_ENGINE_LAUNCH, .tag = ++r->tag,
	};

	slot->tag = cmd.tag;
	return rig_ops->submit(r->e, &cmd, slot);
}

/*
 * Wait for all that was submitted, which has to be answered in order.
 * Return: the first status that is not 0, or what wait() failed with.
 */
static int rig_drain(struct rig *r, uint64_t first)
{
	struct vgpu_engine_completion done[8];
	int status = 0, n, i;

	while (first <= r->tag) {
		n = rig_ops->wait(r->e, done, 8, rig_now() + 30 * RIG_SECOND);
		if (n <= 0)
			return n ? n : -ETIMEDOUT;
		for (i = 0; i < n; i++) {
			if (done[i].tag != first++)
				return -EPROTO;
			status = status ? status : done[i].status;
		}
	}
	return status;
}

static int rig_run(struct rig *r, uint16_t opcode, uint64_t a, uint64_t b,
		   uint64_t c)
{
	int error = rig_submit(r, opcode, a, b, c);

	return error ? error : rig_drain(r, r->tag);
}

static int rig_launch(struct rig *r, struct vgpu_engine_slot *slot)
{
	int error = rig_submit_launch(r, slot);

	return error ? error : rig_drain(r, r->tag);
}

/* Both ways of FLUSH, for all of VRAM. */
static int rig_in(struct rig *r)
{
	return rig_run(r, VGPU_ENGINE_FLUSH, 0, r->bytes, 2);
}

static int rig_out(struct rig *r)
{
	return rig_run(r, VGPU_ENGINE_FLUSH, 0, r->bytes, 1);
}

#endif /* VGPU_WGPU_RIG_H */
