// SPDX-License-Identifier: MIT
/*
 * Admission: the descriptor, and the steps that code goes through.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spirv.h"

int vgpu_admit_limits(const struct vgpu_admitted *out,
		      const struct vgpu_engine_info *limits,
		      struct vgpu_message *msg)
{
	const uint32_t *w = out->info.workgroup;
	const uint32_t *max = limits->max_workgroup;
	uint32_t n = (uint32_t)__builtin_popcount(out->info.used);

	if (!w[0] || !w[1] || !w[2])
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's workgroup is %u x %u x %u: no side may be 0",
			w[0], w[1], w[2]);
	if (w[0] > max[0] || w[1] > max[1] || w[2] > max[2])
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel's workgroup is %u x %u x %u, this device has at most %u x %u x %u",
			w[0], w[1], w[2], max[0], max[1], max[2]);
	/* Each is 32 bits, the first product at most 64. */
	if ((uint64_t)w[0] * w[1] > limits->max_invocations ||
	    (uint64_t)w[0] * w[1] * w[2] > limits->max_invocations)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel's workgroup of %u x %u x %u has more invocations than the %u of this device",
			w[0], w[1], w[2], limits->max_invocations);
	if (out->shared_bytes > limits->max_shared_bytes)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel uses %u bytes of workgroup memory, this device has %u",
			out->shared_bytes, limits->max_shared_bytes);
	if (n > limits->max_ranges)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel uses %u storage buffers, this device has at most %u",
			n, limits->max_ranges);
	return 0;
}

/* Admit words that are validated, specialised and held against the device. */
static int finish_spirv(uint32_t *words, size_t n,
			const struct vgpu_engine_info *limits, uint32_t flags,
			struct vgpu_admitted *out, struct vgpu_message *msg)
{
	uint32_t *normal = NULL;
	struct vgpu_spirv m;
	size_t n_normal;
	int rc;

	rc = vgpu_spirv_index(&m, words, n, msg);
	if (rc)
		return rc;
	rc = vgpu_spirv_reflect(&m, out, msg);
	if (!rc && (flags & VGPU_ADMIT_WEBGPU))
		rc = vgpu_spirv_webgpu(&m, out->info.workgroup, &normal,
				       &n_normal, msg);
	vgpu_spirv_fini(&m);
	if (rc)
		return rc;
	if (!normal) {
		normal = malloc((n + 1) * sizeof(*normal));
		if (!normal)
			return vgpu_message_set(msg, -ENOMEM,
				"no memory for the kernel's code");
		memcpy(normal, words, n * sizeof(*normal));
		n_normal = n;
	} else {
		rc = vgpu_spirv_validate(normal, n_normal, limits->api_version,
					 msg);
		if (rc) {
			free(normal);
			return rc;
		}
		if (out->info.const_bytes)
			out->bindings |= 1u << VGPU_CONST_BINDING;
	}
	normal[n_normal] = 0;
	out->code = normal;
	out->code_bytes = n_normal * sizeof(*normal);
	return 0;
}

/* Admit a copy in memory of our own, which is changed in place. */
static int admit_words(uint32_t *words, size_t n,
		       const struct vgpu_kernel_spec *specs, uint32_t n_specs,
		       const struct vgpu_engine_info *limits, uint32_t flags,
		       struct vgpu_admitted *out, struct vgpu_message *msg)
{
	uint64_t features = 0;
	struct vgpu_spirv m;
	int rc;

	rc = vgpu_spirv_index(&m, words, n, msg);
	if (rc)
		return rc;
	rc = vgpu_spirv_capabilities(&m, limits, &features, msg);
	out->info.features = features;
	if (!rc)
		rc = vgpu_spirv_validate(words, n, limits->api_version, msg);
	if (!rc)
		rc = vgpu_spirv_set_specs(&m, specs, n_specs, msg);
	if (!rc)
		rc = vgpu_spirv_fold(&m, msg);
	n = m.n;
	vgpu_spirv_fini(&m);
	if (!rc)
		rc = vgpu_spirv_validate(words, n, limits->api_version, msg);
	if (!rc)
		rc = finish_spirv(words, n, limits, flags, out, msg);
	return rc;
}

int vgpu_admit_spirv(const void *code, size_t bytes,
		     const struct vgpu_kernel_spec *specs, uint32_t n_specs,
		     const struct vgpu_engine_info *limits, uint32_t flags,
		     struct vgpu_admitted *out, struct vgpu_message *msg)
{
	uint32_t *words;
	int rc;

	if (!(limits->features & VGPU_FEATURE_SPIRV))
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel is SPIR-V, which this device does not take");
	if (bytes % sizeof(*words))
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's SPIR-V is %zu bytes long, which is no multiple of 4",
			bytes);
	words = malloc(bytes);
	if (!words)
		return vgpu_message_set(msg, -ENOMEM,
			"no memory for the kernel's code");
	memcpy(words, code, bytes);
	rc = admit_words(words, bytes / sizeof(*words), specs, n_specs, limits,
			 flags, out, msg);
	free(words);
	return rc;
}

/* @specs: as many as there may be, filled in if they are good. */
static int check_specs(const uint8_t *bytes, uint32_t n,
		       struct vgpu_kernel_spec *specs, struct vgpu_message *msg)
{
	uint32_t i, j;

	memcpy(specs, bytes, n * sizeof(*specs));
	for (i = 0; i < n; i++) {
		if (specs[i].bytes != 4 && specs[i].bytes != 8)
			return vgpu_message_set(msg, -EINVAL,
				"the value for specialization constant %u has %u bytes: 4 or 8 are expected",
				specs[i].id, specs[i].bytes);
		if (specs[i].bytes == 4 && specs[i].value >> 32)
			return vgpu_message_set(msg, -EINVAL,
				"the value for specialization constant %u has 4 bytes, but more than 32 bits",
				specs[i].id);
		for (j = 0; j < i; j++)
			if (specs[j].id == specs[i].id)
				return vgpu_message_set(msg, -EINVAL,
					"specialization constant %u is given twice",
					specs[i].id);
	}
	return 0;
}

static int check_desc(const struct vgpu_kernel_desc *d, size_t bytes,
		      struct vgpu_message *msg)
{
	uint64_t want;

	if (d->flags)
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's flags are 0x%x: there are none yet",
			d->flags);
	if (!d->code_bytes)
		return vgpu_message_set(msg, -EINVAL,
			"the kernel has no code");
	if (d->code_bytes > VGPU_MAX_CODE_BYTES)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel's code is %u bytes long: %u are the most",
			d->code_bytes, VGPU_MAX_CODE_BYTES);
	if (d->n_specs > VGPU_MAX_SPECS)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"%u specialization constants are given: %u are the most",
			d->n_specs, VGPU_MAX_SPECS);
	want = sizeof(*d) + d->n_specs * sizeof(struct vgpu_kernel_spec) +
	       d->code_bytes;
	if (want != bytes)
		return vgpu_message_set(msg, -EINVAL,
			"the kernel is %zu bytes long, but %llu by its descriptor",
			bytes, (unsigned long long)want);
	if (!memchr(d->entry, 0, sizeof(d->entry)))
		return vgpu_message_set(msg, -EINVAL,
			"the entry point's name has no end: it may have %u bytes",
			VGPU_ENTRY_BYTES - 1);
	if (!d->entry[0])
		return vgpu_message_set(msg, -EINVAL,
			"the entry point's name is empty");
	return 0;
}

int vgpu_admit(const void *desc, size_t bytes,
	       const struct vgpu_engine_info *limits, uint32_t flags,
	       struct vgpu_admitted *out, struct vgpu_message *msg)
{
	struct vgpu_kernel_spec specs[VGPU_MAX_SPECS];
	struct vgpu_kernel_desc d;
	const uint8_t *at = desc;
	int rc;

	memset(out, 0, sizeof(*out));
	if (bytes < sizeof(d))
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's descriptor is cut off after %zu bytes of %zu",
			bytes, sizeof(d));
	memcpy(&d, at, sizeof(d));
	rc = check_desc(&d, bytes, msg);
	if (!rc)
		rc = check_specs(at + sizeof(d), d.n_specs, specs, msg);
	if (rc)
		return rc;

	at += sizeof(d) + d.n_specs * sizeof(*specs);
	out->format = d.format;
	memcpy(out->entry, d.entry, strlen(d.entry));
	if (d.format == VGPU_KERNEL_SPIRV)
		rc = vgpu_admit_spirv(at, d.code_bytes, specs, d.n_specs,
				      limits, flags, out, msg);
	else if (d.format == VGPU_KERNEL_WGSL)
		rc = vgpu_admit_wgsl(at, d.code_bytes, specs, d.n_specs, limits,
				     out, msg);
	else
		rc = vgpu_message_set(msg, -EINVAL,
			"the kernel's format is %u: %u (SPIR-V) or %u (WGSL) is expected",
			d.format, VGPU_KERNEL_SPIRV, VGPU_KERNEL_WGSL);
	if (!rc)
		rc = vgpu_admit_limits(out, limits, msg);
	if (rc)
		vgpu_admitted_fini(out);
	return rc;
}

void vgpu_admitted_fini(struct vgpu_admitted *a)
{
	free(a->code);
	memset(a, 0, sizeof(*a));
}
