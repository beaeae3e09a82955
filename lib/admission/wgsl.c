// SPDX-License-Identifier: MIT
/*
 * WGSL kernels: what a launch has to give, as far as declarations tell.
 *
 * The constants are a structure, or anything of fixed size, declared
 * var<storage, read> at group 0, binding VGPU_CONST_BINDING.  If its size needs
 * more than literals to be known, all VGPU_MAX_CONST_BYTES are asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spirv.h"
#include "wgsl.h"

struct kernel {
	struct vgpu_wgsl w;
	const struct vgpu_kernel_spec *specs;
	uint32_t n_specs;
	const struct vgpu_engine_info *limits;
	struct vgpu_admitted *out;
	struct vgpu_message *msg;
};

static int need(struct kernel *k, uint64_t feature, const char *what)
{
	k->out->info.features |= feature;
	if (k->limits->features & feature)
		return 0;
	return vgpu_message_set(k->msg, -EOPNOTSUPP,
		"the kernel uses %s, which this device does not have", what);
}

/* Extensions that are enabled, and types that providers have beyond WGSL. */
static int check_types(struct kernel *k)
{
	const struct vgpu_wgsl *w = &k->w;
	uint32_t i, t;
	int rc = 0;

	for (i = 0; i < w->n_enables && !rc; i++) {
		t = w->enables[i];
		if (vgpu_wgsl_is(w, t, "f16"))
			rc = need(k, VGPU_FEATURE_FLOAT16, "f16");
		else
			rc = vgpu_message_set(k->msg, -EOPNOTSUPP,
				"the kernel enables '%.*s', which no kernel may use",
				VGPU_WGSL_TEXT(w, t));
	}
	for (t = 0; t < w->n_tokens && !rc; t++) {
		if (w->tokens[t].len != 3)
			continue;
		if (vgpu_wgsl_is(w, t, "f64"))
			rc = need(k, VGPU_FEATURE_FLOAT64, "f64");
		else if (vgpu_wgsl_is(w, t, "i64") || vgpu_wgsl_is(w, t, "u64"))
			rc = need(k, VGPU_FEATURE_INT64, "64-bit integers");
	}
	return rc;
}

/* The value given for an override, or NULL. */
static const struct vgpu_kernel_spec *given(const struct kernel *k,
					    const struct vgpu_wgsl_decl *d)
{
	uint32_t i, id;

	if (!vgpu_wgsl_number(&k->w, d->id, &id))
		return NULL;
	for (i = 0; i < k->n_specs; i++)
		if (k->specs[i].id == id)
			return &k->specs[i];
	return NULL;
}

static int check_specs(struct kernel *k)
{
	uint32_t i, j, id;

	for (i = 0; i < k->n_specs; i++) {
		for (j = 0; j < k->w.n_decls; j++)
			if (k->w.decls[j].kind == VGPU_WGSL_OVERRIDE &&
			    vgpu_wgsl_number(&k->w, k->w.decls[j].id, &id) &&
			    id == k->specs[i].id)
				break;
		if (j == k->w.n_decls)
			return vgpu_message_set(k->msg, -EINVAL,
				"the kernel has no override with @id(%u)",
				k->specs[i].id);
		if (k->specs[i].bytes != 4)
			return vgpu_message_set(k->msg, -EINVAL,
				"the value for @id(%u) has %u bytes: an override takes 4",
				k->specs[i].id, k->specs[i].bytes);
		k->out->specs[i] = k->specs[i];
	}
	k->out->n_specs = k->n_specs;
	return 0;
}

/* A literal, or a const or override that is one. */
static bool side(const struct kernel *k, uint32_t t, uint32_t *value)
{
	const struct vgpu_kernel_spec *spec;
	const struct vgpu_wgsl_decl *d;
	uint32_t level;

	for (level = 0; level < 8; level++) {
		if (vgpu_wgsl_number(&k->w, t, value))
			return true;
		d = vgpu_wgsl_find(&k->w, t);
		if (!d || (d->kind != VGPU_WGSL_CONST &&
			   d->kind != VGPU_WGSL_OVERRIDE))
			return false;
		spec = d->kind == VGPU_WGSL_OVERRIDE ? given(k, d) : NULL;
		if (spec) {
			*value = (uint32_t)spec->value;
			return true;
		}
		/* One word and the semicolon. */
		if (d->value == VGPU_WGSL_NONE || d->value + 2 != d->end)
			return false;
		t = d->value;
	}
	return false;
}

static int workgroup_size(struct kernel *k, const struct vgpu_wgsl_decl *fn)
{
	uint32_t *to = k->out->info.workgroup, i, t = fn->size;

	to[0] = 1;
	to[1] = 1;
	to[2] = 1;
	for (i = 0; i < 3 && t != VGPU_WGSL_NONE; i++, t += 2) {
		if (i && vgpu_wgsl_is(&k->w, t, ")"))
			return 0;
		if (!side(k, t, &to[i]))
			break;
		if (vgpu_wgsl_is(&k->w, t + 1, ")"))
			return 0;
		if (!vgpu_wgsl_is(&k->w, t + 1, ","))
			break;
	}
	if (i == 3 && vgpu_wgsl_is(&k->w, t, ")"))
		return 0;
	return vgpu_message_set(k->msg, -EINVAL,
		"the workgroup's size of '%.*s' is not known: give literals, or constants and overrides that are literals",
		VGPU_WGSL_TEXT(&k->w, fn->name));
}

static int check_constants(struct kernel *k, const struct vgpu_wgsl_decl *d,
			   bool written)
{
	uint32_t bytes = vgpu_wgsl_size(&k->w, d->type);

	if (written)
		return vgpu_message_set(k->msg, -EOPNOTSUPP,
			"'%.*s' at binding %u is where constants are: declare it var<storage, read>",
			VGPU_WGSL_TEXT(&k->w, d->name), VGPU_CONST_BINDING);
	if (bytes > VGPU_MAX_CONST_BYTES)
		return vgpu_message_set(k->msg, -EOPNOTSUPP,
			"the kernel has %u bytes of constants: %u are the most",
			bytes, VGPU_MAX_CONST_BYTES);
	k->out->info.const_bytes = bytes ? (bytes + 3) & ~3u :
					   VGPU_MAX_CONST_BYTES;
	k->out->bindings |= 1u << VGPU_CONST_BINDING;
	return 0;
}

/* A variable that the entry point reaches. */
static int check_var(struct kernel *k, const struct vgpu_wgsl_decl *d)
{
	const struct vgpu_wgsl *w = &k->w;
	uint32_t group, binding;
	bool written;

	if (d->space != VGPU_WGSL_NONE && (vgpu_wgsl_is(w, d->space, "private") ||
					   vgpu_wgsl_is(w, d->space, "workgroup")))
		return 0;
	if (d->space == VGPU_WGSL_NONE || !vgpu_wgsl_is(w, d->space, "storage"))
		return vgpu_message_set(k->msg, -EOPNOTSUPP,
			"the kernel uses '%.*s', which is no var<storage>: only storage buffers are there",
			VGPU_WGSL_TEXT(w, d->name));
	if (!vgpu_wgsl_number(w, d->group, &group) ||
	    !vgpu_wgsl_number(w, d->binding, &binding) ||
	    !vgpu_wgsl_is(w, d->group + 1, ")") ||
	    !vgpu_wgsl_is(w, d->binding + 1, ")"))
		return vgpu_message_set(k->msg, -EINVAL,
			"'%.*s' needs @group and @binding as literals",
			VGPU_WGSL_TEXT(w, d->name));
	if (group || binding > VGPU_CONST_BINDING)
		return vgpu_message_set(k->msg, -EOPNOTSUPP,
			"the kernel uses '%.*s' at group %u, binding %u: only group 0, bindings 0 to %u and constants at %u are there",
			VGPU_WGSL_TEXT(w, d->name), group, binding,
			VGPU_MAX_RANGES - 1, VGPU_CONST_BINDING);
	written = vgpu_wgsl_is(w, d->space + 1, ",") &&
		  !vgpu_wgsl_is(w, d->space + 2, "read") &&
		  !vgpu_wgsl_is(w, d->space + 2, ">");
	if (binding == VGPU_CONST_BINDING)
		return check_constants(k, d, written);
	k->out->info.used |= 1u << binding;
	k->out->info.written |= written ? 1u << binding : 0;
	k->out->bindings |= 1u << binding;
	return 0;
}

static int check_vars(struct kernel *k, const struct vgpu_wgsl_decl *fn)
{
	uint8_t *reached = calloc(k->w.n_decls, 1);
	uint32_t i;
	int rc;

	if (!reached)
		return vgpu_message_set(k->msg, -ENOMEM,
			"no memory to look at the kernel's WGSL");
	rc = vgpu_wgsl_reach(&k->w, fn, reached, k->msg);
	for (i = 0; i < k->w.n_decls && !rc; i++)
		if (reached[i] && k->w.decls[i].kind == VGPU_WGSL_VAR)
			rc = check_var(k, &k->w.decls[i]);
	free(reached);
	return rc;
}

static int check_kernel(struct kernel *k)
{
	const struct vgpu_wgsl_decl *fn = NULL;
	uint32_t i;
	int rc;

	for (i = 0; i < k->w.n_decls; i++)
		if (k->w.decls[i].kind == VGPU_WGSL_FN &&
		    k->w.decls[i].compute &&
		    vgpu_wgsl_is(&k->w, k->w.decls[i].name, k->out->entry))
			fn = &k->w.decls[i];
	if (!fn)
		return vgpu_message_set(k->msg, -EINVAL,
			"the kernel has no function '%s' with @compute",
			k->out->entry);
	rc = check_types(k);
	if (!rc)
		rc = check_specs(k);
	if (!rc)
		rc = workgroup_size(k, fn);
	if (!rc)
		rc = check_vars(k, fn);
	return rc;
}

int vgpu_admit_wgsl(const void *code, size_t bytes,
		    const struct vgpu_kernel_spec *specs, uint32_t n_specs,
		    const struct vgpu_engine_info *limits,
		    struct vgpu_admitted *out, struct vgpu_message *msg)
{
	struct kernel k = {
		.specs = specs, .n_specs = n_specs, .limits = limits,
		.out = out, .msg = msg,
	};
	char *text;
	int rc;

	if (!(limits->features & VGPU_FEATURE_WGSL))
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel is WGSL, which this device does not take: compile it to SPIR-V");
	rc = vgpu_wgsl_parse(&k.w, code, bytes, msg);
	if (rc)
		return rc;
	rc = check_kernel(&k);
	vgpu_wgsl_fini(&k.w);
	if (rc)
		return rc;
	text = malloc(bytes + 1);
	if (!text)
		return vgpu_message_set(msg, -ENOMEM,
			"no memory for the kernel's code");
	memcpy(text, code, bytes);
	text[bytes] = 0;
	out->code = text;
	out->code_bytes = bytes;
	return 0;
}
