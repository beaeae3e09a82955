// SPDX-License-Identifier: MIT
/*
 * Cases of a switch that run into the next one, which WGSL does not have:
 * providers refuse them, or never come back.
 *
 * In a valid module only the switch itself branches to a case, but for what
 * runs into it from another case, and for the way back to a case that begins
 * with a loop.  Where a switch ends, a loop ends or goes on is no case.  Each
 * branch and each label of a case is looked at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <spirv/unified1/spirv.h>

#include "spirv.h"

/* Of a label: it ends something or goes on with a loop; it begins a loop. */
#define IS_EXIT		1u
#define IS_LOOP		2u

struct labels {
	const struct vgpu_spirv *m;
	uint32_t *owner;	/* by id: word of the switch that it is a case of */
	uint8_t *flags;
};

static void mark_exits(struct labels *l)
{
	const uint32_t *in;
	uint32_t label = 0;

	vgpu_spirv_for_each(l->m, in) {
		switch (vgpu_spirv_op(in)) {
		case SpvOpLabel:
			label = in[1];
			break;
		case SpvOpLoopMerge:
			l->flags[label] |= IS_LOOP;
			l->flags[in[1]] |= IS_EXIT;
			l->flags[in[2]] |= IS_EXIT;
			break;
		case SpvOpSelectionMerge:
			l->flags[in[1]] |= IS_EXIT;
			break;
		}
	}
}

/* The labels of a switch; false: one is a case of another switch. */
static bool mark_cases(struct labels *l, const uint32_t *in)
{
	const uint32_t *value = vgpu_spirv_def(l->m, in[1]);
	const uint32_t *type = vgpu_spirv_def(l->m, value[1]);
	uint32_t at = (uint32_t)(in - l->m->words), i;
	/* Literals are as wide as the selector. */
	uint32_t step = type[2] > 32 ? 3 : 2;

	for (i = 2; i < vgpu_spirv_len(in); i += step) {
		if (l->flags[in[i]] & IS_EXIT)
			continue;
		if (l->owner[in[i]] && l->owner[in[i]] != at)
			return false;
		l->owner[in[i]] = at;
	}
	return true;
}

/* May a branch go to this label? */
static bool may_go(struct labels *l, uint32_t label)
{
	if (!l->owner[label])
		return true;
	if (!(l->flags[label] & IS_LOOP))
		return false;
	/* The one way back that each loop has. */
	l->flags[label] &= ~IS_LOOP;
	return true;
}

static bool falls_through(struct labels *l)
{
	const uint32_t *in;

	mark_exits(l);
	vgpu_spirv_for_each(l->m, in)
		if (vgpu_spirv_op(in) == SpvOpSwitch && !mark_cases(l, in))
			return true;
	vgpu_spirv_for_each(l->m, in) {
		if (vgpu_spirv_op(in) == SpvOpBranch && !may_go(l, in[1]))
			return true;
		if (vgpu_spirv_op(in) == SpvOpBranchConditional &&
		    (!may_go(l, in[2]) ||
		     (in[2] != in[3] && !may_go(l, in[3]))))
			return true;
	}
	return false;
}

int vgpu_spirv_switches(const struct vgpu_spirv *m, struct vgpu_message *msg)
{
	struct labels l = {
		.m = m,
		.owner = calloc(m->bound, sizeof(*l.owner)),
		.flags = calloc(m->bound, sizeof(*l.flags)),
	};
	int rc = 0;

	if (!l.owner || !l.flags)
		rc = vgpu_message_set(msg, -ENOMEM,
			"no memory to look at the kernel's code");
	else if (falls_through(&l))
		rc = vgpu_message_set(msg, -EOPNOTSUPP,
			"a case of a switch in the kernel runs into the next one, which WebGPU does not have: end each with a break");
	free(l.flags);
	free(l.owner);
	return rc;
}
