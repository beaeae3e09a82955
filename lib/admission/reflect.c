// SPDX-License-Identifier: MIT
/*
 * What a launch of a SPIR-V kernel has to give: bindings and push constants, as
 * SPIRV-Cross sees them, the workgroup and its memory.
 *
 * SPIRV-Cross gets validated modules only, and is asked about declarations
 * only: what the code uses comes from vgpu_spirv_access().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <spirv_cross/spirv_cross_c.h>

#include "spirv.h"

struct reflection {
	const struct vgpu_spirv *m;
	struct vgpu_admitted *out;
	struct vgpu_message *msg;
	struct vgpu_spirv_reach access;
	spvc_compiler compiler;
	char error[160];	/* of SPIRV-Cross */
};

/* All that is not a storage buffer or a push constant, by name. */
static const struct {
	spvc_resource_type type;
	const char *name;
} refused[] = {
	{ SPVC_RESOURCE_TYPE_UNIFORM_BUFFER, "uniform buffer" },
	{ SPVC_RESOURCE_TYPE_STAGE_INPUT, "stage input" },
	{ SPVC_RESOURCE_TYPE_STAGE_OUTPUT, "stage output" },
	{ SPVC_RESOURCE_TYPE_SUBPASS_INPUT, "subpass input" },
	{ SPVC_RESOURCE_TYPE_STORAGE_IMAGE, "storage image" },
	{ SPVC_RESOURCE_TYPE_SAMPLED_IMAGE, "sampled image" },
	{ SPVC_RESOURCE_TYPE_ATOMIC_COUNTER, "atomic counter" },
	{ SPVC_RESOURCE_TYPE_SEPARATE_IMAGE, "image" },
	{ SPVC_RESOURCE_TYPE_SEPARATE_SAMPLERS, "sampler" },
	{ SPVC_RESOURCE_TYPE_ACCELERATION_STRUCTURE, "acceleration structure" },
};

static void keep_error(void *user, const char *text)
{
	struct reflection *r = user;

	snprintf(r->error, sizeof(r->error), "%.*s",
		 (int)strcspn(text, "\n"), text);
}

static int failed(struct reflection *r, spvc_result result)
{
	if (result == SPVC_ERROR_OUT_OF_MEMORY)
		return vgpu_message_set(r->msg, -ENOMEM,
			"no memory to look at the kernel's SPIR-V");
	return vgpu_message_set(r->msg, -EOPNOTSUPP,
		"the kernel's SPIR-V is not understood by SPIRV-Cross: %s",
		r->error);
}

static uint32_t decoration(const struct reflection *r,
			   const spvc_reflected_resource *b, SpvDecoration what)
{
	return spvc_compiler_get_decoration(r->compiler, b->id, what);
}

static int check_storage(struct reflection *r, const spvc_reflected_resource *b)
{
	spvc_type type = spvc_compiler_get_type_handle(r->compiler, b->type_id);
	uint32_t set, binding;

	set = decoration(r, b, SpvDecorationDescriptorSet);
	binding = decoration(r, b, SpvDecorationBinding);
	if (set || binding >= VGPU_MAX_RANGES)
		return vgpu_message_set(r->msg, -EOPNOTSUPP,
			"the kernel uses a storage buffer at set %u, binding %u: only set 0, bindings 0 to %u are there",
			set, binding, VGPU_MAX_RANGES - 1);
	if (spvc_type_get_num_array_dimensions(type))
		return vgpu_message_set(r->msg, -EOPNOTSUPP,
			"the kernel uses an array of storage buffers at binding %u: each buffer needs a binding of its own",
			binding);
	r->out->info.used |= 1u << binding;
	return 0;
}

static int check_push(struct reflection *r, const spvc_reflected_resource *b)
{
	spvc_type type = spvc_compiler_get_type_handle(r->compiler,
						       b->base_type_id);
	spvc_result result;
	size_t bytes;

	result = spvc_compiler_get_declared_struct_size(r->compiler, type,
							&bytes);
	if (result)
		return failed(r, result);
	bytes = (bytes + 3) & ~(size_t)3;
	if (bytes > VGPU_MAX_CONST_BYTES)
		return vgpu_message_set(r->msg, -EOPNOTSUPP,
			"the kernel has %zu bytes of push constants: %u are the most",
			bytes, VGPU_MAX_CONST_BYTES);
	if (bytes > r->out->info.const_bytes)
		r->out->info.const_bytes = (uint32_t)bytes;
	return 0;
}

/* Each resource of a type that the kernel uses; they are counted. */
static int check_resources(struct reflection *r, spvc_resources resources,
			   spvc_resource_type type, const char *refusal,
			   uint32_t *n_used)
{
	const spvc_reflected_resource *list;
	spvc_result result;
	size_t i, n;
	int rc = 0;

	result = spvc_resources_get_resource_list_for_type(resources, type,
							   &list, &n);
	if (result)
		return failed(r, result);
	for (i = 0; i < n && !rc; i++) {
		if (list[i].id >= r->m->bound || !r->access.used[list[i].id])
			continue;
		++*n_used;
		if (refusal)
			return vgpu_message_set(r->msg, -EOPNOTSUPP,
				"the kernel uses a %s, '%.64s' (set %u, binding %u): only storage buffers and push constants are there",
				refusal, list[i].name,
				decoration(r, &list[i],
					   SpvDecorationDescriptorSet),
				decoration(r, &list[i], SpvDecorationBinding));
		rc = type == SPVC_RESOURCE_TYPE_STORAGE_BUFFER ?
		     check_storage(r, &list[i]) : check_push(r, &list[i]);
	}
	return rc;
}

/*
 * Used variables that SPIRV-Cross has to have listed; inputs are builtins, or
 * among what is refused.
 */
static uint32_t count_used(const struct reflection *r)
{
	uint32_t id, n = 0, class;

	for (id = 1; id < r->m->bound; id++) {
		if (!r->access.used[id])
			continue;
		class = vgpu_spirv_def(r->m, id)[3];
		n += class != SpvStorageClassInput &&
		     class != SpvStorageClassWorkgroup &&
		     class != SpvStorageClassPrivate;
	}
	return n;
}

static int check_all(struct reflection *r)
{
	spvc_resources resources;
	spvc_result result;
	uint32_t n_used = 0;
	size_t i;
	int rc = 0;

	result = spvc_compiler_create_shader_resources(r->compiler, &resources);
	if (result)
		return failed(r, result);
	for (i = 0; i < sizeof(refused) / sizeof(*refused) && !rc; i++)
		rc = check_resources(r, resources, refused[i].type,
				     refused[i].name, &n_used);
	if (!rc)
		rc = check_resources(r, resources,
				     SPVC_RESOURCE_TYPE_STORAGE_BUFFER, NULL,
				     &n_used);
	if (!rc)
		rc = check_resources(r, resources,
				     SPVC_RESOURCE_TYPE_PUSH_CONSTANT, NULL,
				     &n_used);
	if (!rc && n_used != count_used(r))
		rc = vgpu_message_set(r->msg, -EOPNOTSUPP,
			"the kernel uses a variable that is neither a storage buffer at set 0 nor a push constant");
	return rc;
}

static int cross(struct reflection *r)
{
	spvc_context context;
	spvc_parsed_ir ir;
	spvc_result result;
	int rc;

	result = spvc_context_create(&context);
	if (result)
		return failed(r, result);
	spvc_context_set_error_callback(context, keep_error, r);
	result = spvc_context_parse_spirv(context, r->m->words, r->m->n, &ir);
	if (!result)
		result = spvc_context_create_compiler(context,
			SPVC_BACKEND_NONE, ir,
			SPVC_CAPTURE_MODE_TAKE_OWNERSHIP, &r->compiler);
	if (!result)
		result = spvc_compiler_set_entry_point(r->compiler,
			r->out->entry, SpvExecutionModelGLCompute);
	rc = result ? failed(r, result) : check_all(r);
	spvc_context_destroy(context);
	return rc;
}

/* The entry point by its name; else a line with those that there are. */
static int find_entry(struct reflection *r, uint32_t *function)
{
	const uint32_t *in;
	char names[120] = "none";
	size_t at = 0;

	vgpu_spirv_for_each(r->m, in) {
		if (vgpu_spirv_op(in) == SpvOpFunction)
			break;
		if (vgpu_spirv_op(in) != SpvOpEntryPoint ||
		    in[1] != SpvExecutionModelGLCompute)
			continue;
		if (!strcmp((const char *)(in + 3), r->out->entry)) {
			*function = in[2];
			return 0;
		}
		if (at < sizeof(names))
			at += (size_t)snprintf(names + at, sizeof(names) - at,
					       "%s%s", at ? ", " : "",
					       (const char *)(in + 3));
	}
	return vgpu_message_set(r->msg, -EINVAL,
		"the kernel has no compute entry point '%s'; it has: %s",
		r->out->entry, names);
}

static bool values(const struct vgpu_spirv *m, const uint32_t *ids,
		   uint32_t *to)
{
	return vgpu_spirv_value(m, ids[0], &to[0]) &&
	       vgpu_spirv_value(m, ids[1], &to[1]) &&
	       vgpu_spirv_value(m, ids[2], &to[2]);
}

/* LocalSize, LocalSizeId, or what overrides them: a builtin constant. */
static int workgroup_size(struct reflection *r, uint32_t function)
{
	const struct vgpu_spirv *m = r->m;
	uint32_t *to = r->out->info.workgroup;
	const uint32_t *in, *def;
	bool known = false, builtin = false;

	vgpu_spirv_for_each(m, in) {
		uint32_t op = vgpu_spirv_op(in);

		if (op == SpvOpFunction)
			break;
		if (op == SpvOpDecorate && in[2] == SpvDecorationBuiltIn &&
		    in[3] == SpvBuiltInWorkgroupSize) {
			def = vgpu_spirv_def(m, in[1]);
			builtin = true;
			known = vgpu_spirv_op(def) == SpvOpConstantComposite &&
				vgpu_spirv_len(def) == 6 &&
				values(m, def + 3, to);
		} else if (builtin) {
			continue;
		} else if (op == SpvOpExecutionMode && in[1] == function &&
			   in[2] == SpvExecutionModeLocalSize) {
			memcpy(to, in + 3, 3 * sizeof(*to));
			known = true;
		} else if (op == SpvOpExecutionModeId && in[1] == function &&
			   in[2] == SpvExecutionModeLocalSizeId) {
			known = values(m, in + 3, to);
		}
	}
	if (known)
		return 0;
	return vgpu_message_set(r->msg, -EINVAL,
		"the kernel's workgroup size is not known: its entry point needs LocalSize, LocalSizeId or a constant WorkgroupSize");
}

struct layout {
	uint64_t bytes;
	uint64_t align;
};

static uint64_t round_up(uint64_t x, uint64_t align)
{
	return (x + align - 1) / align * align;
}

/* As std430 would; types are at most VGPU_SPIRV_MAX_TYPE levels deep. */
static struct layout layout_of(const struct vgpu_spirv *m, uint32_t type,
			       uint32_t *budget)
{
	const uint32_t *in = vgpu_spirv_def(m, type);
	struct layout l = { 0, 1 }, e;
	uint32_t i, n = 0;

	/* A type that is used often in others is looked at as often. */
	if (!*budget)
		return (struct layout){ UINT32_MAX, 1 };
	--*budget;
	switch (vgpu_spirv_op(in)) {
	case SpvOpTypeBool:
		return (struct layout){ 4, 4 };
	case SpvOpTypeInt:
	case SpvOpTypeFloat:
		return (struct layout){ in[2] / 8, in[2] / 8 };
	case SpvOpTypeVector:
		e = layout_of(m, in[2], budget);
		l.align = e.align * (in[3] == 3 ? 4 : in[3]);
		l.bytes = e.bytes * in[3];
		break;
	case SpvOpTypeMatrix:
	case SpvOpTypeArray:
		e = layout_of(m, in[2], budget);
		if (vgpu_spirv_op(in) == SpvOpTypeMatrix)
			n = in[3];
		else if (!vgpu_spirv_value(m, in[3], &n))
			n = UINT32_MAX;
		l.align = e.align;
		l.bytes = round_up(e.bytes, e.align) * n;
		break;
	case SpvOpTypeStruct:
		for (i = 2; i < vgpu_spirv_len(in); i++) {
			e = layout_of(m, in[i], budget);
			if (e.align > l.align)
				l.align = e.align;
			l.bytes = round_up(l.bytes, e.align) + e.bytes;
			if (l.bytes > UINT32_MAX)
				break;
		}
		l.bytes = round_up(l.bytes, l.align);
		break;
	default:
		/* Pointers, and what cannot be in a workgroup. */
		return (struct layout){ 8, 8 };
	}
	if (l.bytes > UINT32_MAX)
		l.bytes = UINT32_MAX;
	return l;
}

static void shared_memory(struct reflection *r)
{
	uint32_t id, budget = 1u << 20;
	uint64_t total = 0;
	struct layout l;

	for (id = 1; id < r->m->bound; id++) {
		const uint32_t *in = vgpu_spirv_def(r->m, id);

		if (!r->access.used[id] || in[3] != SpvStorageClassWorkgroup)
			continue;
		l = layout_of(r->m, vgpu_spirv_def(r->m, in[1])[3], &budget);
		total = round_up(total, l.align) + l.bytes;
		if (total > UINT32_MAX)
			total = UINT32_MAX;
	}
	r->out->shared_bytes = (uint32_t)total;
}

int vgpu_spirv_reflect(const struct vgpu_spirv *m, struct vgpu_admitted *out,
		       struct vgpu_message *msg)
{
	struct reflection r = { .m = m, .out = out, .msg = msg };
	uint32_t function = 0;
	int rc;

	rc = find_entry(&r, &function);
	if (!rc)
		rc = workgroup_size(&r, function);
	if (!rc)
		rc = vgpu_spirv_access(m, function, &r.access, msg);
	if (rc)
		return rc;
	rc = cross(&r);
	if (!rc) {
		shared_memory(&r);
		out->info.written = r.access.written & out->info.used;
		out->bindings = out->info.used;
	}
	free(r.access.used);
	return rc;
}
