// SPDX-License-Identifier: MIT
/*
 * Fuzzes admission: descriptor, specialization values and code are all the
 * input's.  What passes has to be valid again, and within the interface.
 *
 * Input: a byte of flags and formats, a byte that tells how much the descriptor
 * is put right, an entry's number of specs, then specs and code.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/spirv.h"
#include "spirv_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void stop(const char *why)
{
	fprintf(stderr, "fuzz_admission: %s\n", why);
	abort();
}

static void check(const struct vgpu_admitted *a,
		  const struct vgpu_engine_info *limits)
{
	const struct vgpu_kernel_info *i = &a->info;
	struct vgpu_message msg;

	if (i->used >> VGPU_MAX_RANGES || (i->written & ~i->used))
		stop("bindings");
	if (i->const_bytes > VGPU_MAX_CONST_BYTES || i->const_bytes % 4)
		stop("constants");
	if (!i->workgroup[0] || !i->workgroup[1] || !i->workgroup[2] ||
	    (uint64_t)i->workgroup[0] * i->workgroup[1] * i->workgroup[2] >
	    limits->max_invocations)
		stop("workgroup");
	if (i->features & ~limits->features)
		stop("features");
	if (!memchr(a->entry, 0, sizeof(a->entry)) ||
	    ((char *)a->code)[a->code_bytes])
		stop("no zero at the end");
	if (a->format != VGPU_KERNEL_SPIRV)
		return;
	vgpu_message_init(&msg);
	if (vgpu_spirv_validate(a->code, a->code_bytes / 4,
				limits->api_version, &msg)) {
		fprintf(stderr, "%s\n", msg.text);
		stop("what came out is not valid");
	}
	vgpu_message_fini(&msg);
}

static void admit(const uint8_t *bytes, size_t n, uint32_t how)
{
	struct vgpu_engine_info limits = {
		.features = VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL |
			    (how & 1 ? VGPU_FEATURE_ALL : 0),
		.capabilities = how & 1 ? ~0ull : 0,
		.max_workgroup = { 1024, 1024, 64 },
		.max_invocations = 1024,
		.max_shared_bytes = 32768,
		.max_ranges = VGPU_MAX_RANGES,
		.api_version = 1u << 22 | (how >> 1 & 3) << 12,
	};
	struct vgpu_admitted a;
	struct vgpu_message msg;
	int rc;

	vgpu_message_init(&msg);
	rc = vgpu_admit(bytes, n, &limits,
			how & 8 ? VGPU_ADMIT_WEBGPU : 0, &a, &msg);
	if (!rc)
		check(&a, &limits);
	else if (!msg.text[0] || strchr(msg.text, '\n') || a.code)
		stop("no line, or more than one, or code that stays");
	if (!rc)
		vgpu_admitted_fini(&a);
	vgpu_message_fini(&msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vgpu_kernel_desc d = { .entry = "main" };
	uint8_t *bytes;
	size_t specs;

	if (size < 2)
		return 0;
	if (data[0] & 0x80) {
		admit(data + 1, size - 1, data[0]);
		return 0;
	}
	d.n_specs = data[1] % 4;
	specs = d.n_specs * sizeof(struct vgpu_kernel_spec);
	if (size - 2 < specs)
		return 0;
	d.format = data[0] & 0x40 ? VGPU_KERNEL_WGSL : VGPU_KERNEL_SPIRV;
	d.code_bytes = (uint32_t)(size - 2 - specs);
	bytes = malloc(sizeof(d) + size - 2);
	if (!bytes)
		return 0;
	memcpy(bytes, &d, sizeof(d));
	memcpy(bytes + sizeof(d), data + 2, size - 2);
	admit(bytes, sizeof(d) + size - 2, data[0]);
	free(bytes);
	return 0;
}

/*
 * Most SPIR-V is changed by what knows its form; the rest, and what comes
 * before the code, as any bytes.
 */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	size_t at = 2, n, room;
	uint32_t *words;

	if (size > at)
		at += data[1] % 4 * sizeof(struct vgpu_kernel_spec);
	if (size < at + VGPU_SPIRV_HEADER * 4 || data[0] & 0xc0 ||
	    !(seed % 8))
		return LLVMFuzzerMutate(data, size, max);
	if (!(seed % 7)) {
		LLVMFuzzerMutate(data, at, at);
		return size;
	}
	n = (size - at) / 4;
	room = (max - at) / 4;
	words = malloc(room * 4);
	if (!words)
		return size;
	memcpy(words, data + at, n * 4);
	n = spirv_mutate(words, (uint32_t)n, (uint32_t)room, seed);
	memcpy(data + at, words, n * 4);
	free(words);
	return at + n * 4;
}
