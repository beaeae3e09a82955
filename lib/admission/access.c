// SPDX-License-Identifier: MIT
/*
 * What an entry point reaches: which global variables it names, and through
 * which bindings it may write.
 *
 * Each id carries a set of the bindings that it may point into.  Sets move
 * along access chains, copies, phis, selects, parameters and results of
 * functions until nothing changes; a binding is written if its bit reaches the
 * target of a store or an atomic, or gets lost (a pointer that is itself
 * stored, or given to an extended instruction).  SPIRV-Cross would follow each
 * call again each time, which takes for ever on code that is made for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <spirv/unified1/spirv.h>

#include "spirv.h"

/* Rounds until the sets have to be stable; more than any compiler's code. */
#define MAX_ROUNDS	64
/* Calls, if each function were inlined, as drivers do. */
#define MAX_INLINED	(64u << 10)

struct flow {
	const struct vgpu_spirv *m;
	struct vgpu_spirv_reach *a;
	uint32_t *sets;		/* by id: bindings */
	uint32_t *calls;	/* by id of a function: inlined, 0: not seen */
	uint32_t *functions;	/* that are reached */
	uint32_t n_functions;
	bool changed;
};

static int visit(struct flow *f, uint32_t id, uint32_t level,
		 struct vgpu_message *msg)
{
	const uint32_t *in = vgpu_spirv_def(f->m, id);
	uint64_t calls = 1;
	int rc;

	if (f->calls[id])
		return 0;
	if (level >= VGPU_SPIRV_MAX_CALLS)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel's calls nest deeper than %u levels",
			VGPU_SPIRV_MAX_CALLS);
	for (; vgpu_spirv_op(in) != SpvOpFunctionEnd;
	     in += vgpu_spirv_len(in)) {
		if (vgpu_spirv_op(in) != SpvOpFunctionCall)
			continue;
		rc = visit(f, in[3], level + 1, msg);
		if (rc)
			return rc;
		calls += f->calls[in[3]];
		if (calls > MAX_INLINED)
			return vgpu_message_set(msg, -EOPNOTSUPP,
				"the kernel would make more than %u calls if each loop ran once",
				MAX_INLINED);
	}
	f->calls[id] = (uint32_t)calls;
	f->functions[f->n_functions++] = id;
	return 0;
}

/* Add a set to an id. */
static void flow_to(struct flow *f, uint32_t id, uint32_t set)
{
	if (set & ~f->sets[id]) {
		f->sets[id] |= set;
		f->changed = true;
	}
}

/* An operand that may be a pointer: the set behind it. */
static uint32_t use(struct flow *f, uint32_t id)
{
	const uint32_t *in = vgpu_spirv_def(f->m, id);

	if (vgpu_spirv_op(in) == SpvOpVariable &&
	    in[3] != SpvStorageClassFunction) {
		f->a->used[id] = 1;
		f->a->bindings |= f->sets[id];
	}
	return f->sets[id];
}

/* Arguments to parameters, the result back. */
static void flow_call(struct flow *f, const uint32_t *in)
{
	const uint32_t *to = vgpu_spirv_def(f->m, in[3]);
	uint32_t i;

	for (i = 4; i < vgpu_spirv_len(in); i++) {
		do {
			to += vgpu_spirv_len(to);
		} while (vgpu_spirv_op(to) != SpvOpFunctionParameter &&
			 vgpu_spirv_op(to) != SpvOpFunctionEnd);
		if (vgpu_spirv_op(to) == SpvOpFunctionEnd)
			return;
		flow_to(f, to[2], use(f, in[i]));
	}
	flow_to(f, in[2], f->sets[in[3]]);
}

static bool is_atomic(uint32_t op)
{
	return (op >= SpvOpAtomicExchange && op <= SpvOpAtomicXor) ||
	       op == SpvOpAtomicFlagTestAndSet;
}

/* One instruction of the function @id. */
static void flow_one(struct flow *f, uint32_t id, const uint32_t *in)
{
	struct vgpu_spirv_reach *a = f->a;
	uint32_t i, op = vgpu_spirv_op(in);

	switch (op) {
	case SpvOpStore:
		/* A pointer that is stored may come back anywhere. */
		a->written |= use(f, in[1]) | use(f, in[2]);
		break;
	case SpvOpCopyMemory:
	case SpvOpCopyMemorySized:
		a->written |= use(f, in[1]);
		use(f, in[2]);
		break;
	case SpvOpAtomicStore:
	case SpvOpAtomicFlagClear:
		a->written |= use(f, in[1]);
		break;
	case SpvOpLoad:
	case SpvOpAtomicLoad:
	case SpvOpArrayLength:
	case SpvOpImageTexelPointer:
		use(f, in[3]);
		break;
	case SpvOpAccessChain:
	case SpvOpInBoundsAccessChain:
	case SpvOpPtrAccessChain:
	case SpvOpInBoundsPtrAccessChain:
	case SpvOpCopyObject:
		flow_to(f, in[2], use(f, in[3]));
		break;
	case SpvOpSelect:
		flow_to(f, in[2], use(f, in[4]) | use(f, in[5]));
		break;
	case SpvOpPhi:
		for (i = 3; i < vgpu_spirv_len(in); i += 2)
			flow_to(f, in[2], use(f, in[i]));
		break;
	case SpvOpFunctionCall:
		flow_call(f, in);
		break;
	case SpvOpReturnValue:
		flow_to(f, id, use(f, in[1]));
		break;
	case SpvOpPtrEqual:
	case SpvOpPtrNotEqual:
	case SpvOpPtrDiff:
		use(f, in[3]);
		use(f, in[4]);
		break;
	case SpvOpExtInst:
		for (i = 5; i < vgpu_spirv_len(in); i++)
			a->written |= use(f, in[i]);
		break;
	default:
		if (is_atomic(op))
			a->written |= use(f, in[3]);
	}
}

static void flow_all(struct flow *f)
{
	const uint32_t *in;
	uint32_t round = 0, i;

	do {
		f->changed = false;
		/* Callers follow what they call: backwards they come first. */
		for (i = f->n_functions; i--;) {
			in = vgpu_spirv_def(f->m, f->functions[i]);
			for (; vgpu_spirv_op(in) != SpvOpFunctionEnd;
			     in += vgpu_spirv_len(in))
				flow_one(f, f->functions[i], in);
		}
	} while (f->changed && ++round < MAX_ROUNDS);
	if (f->changed)
		f->a->written = f->a->bindings;
}

int vgpu_spirv_access(const struct vgpu_spirv *m, uint32_t function,
		      struct vgpu_spirv_reach *a, struct vgpu_message *msg)
{
	struct flow f = { .m = m, .a = a };
	const uint32_t *in;
	int rc;

	a->bindings = 0;
	a->written = 0;
	a->used = calloc(m->bound, sizeof(*a->used));
	f.sets = calloc(m->bound, sizeof(*f.sets));
	f.calls = calloc(m->bound, sizeof(*f.calls));
	f.functions = calloc(VGPU_SPIRV_MAX_FUNCTIONS, sizeof(*f.functions));
	if (!a->used || !f.sets || !f.calls || !f.functions) {
		rc = vgpu_message_set(msg, -ENOMEM,
			"no memory to look at the kernel's code");
		goto out;
	}
	vgpu_spirv_for_each(m, in)
		if (vgpu_spirv_op(in) == SpvOpDecorate &&
		    in[2] == SpvDecorationBinding && in[3] < VGPU_MAX_RANGES &&
		    vgpu_spirv_op(vgpu_spirv_def(m, in[1])) == SpvOpVariable)
			f.sets[in[1]] = 1u << in[3];
	rc = visit(&f, function, 0, msg);
	if (!rc)
		flow_all(&f);
out:
	free(f.functions);
	free(f.calls);
	free(f.sets);
	if (rc) {
		free(a->used);
		a->used = NULL;
	}
	return rc;
}
