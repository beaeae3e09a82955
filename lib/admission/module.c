// SPDX-License-Identifier: MIT
/*
 * A SPIR-V module's words: where instructions begin, what defines an id, and
 * bounds on how deep and how large things are, before SPIRV-Tools looks at
 * them.
 */
#define SPV_ENABLE_UTILITY_CODE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <spirv/unified1/spirv.h>

#include "spirv.h"

/* The header has it inline only; where it is not inlined, it is here. */
extern inline void SpvHasResultAndType(SpvOp op, bool *result, bool *type);

const uint32_t *vgpu_spirv_def(const struct vgpu_spirv *m, uint32_t id)
{
	static const uint32_t nothing[] = { 1u << 16 | SpvOpNop };

	if (id >= m->bound || !m->def[id])
		return nothing;
	return m->words + m->def[id];
}

const char *vgpu_spirv_string(const uint32_t *in, uint32_t at)
{
	uint32_t len = vgpu_spirv_len(in);

	if (at >= len || !memchr(in + at, 0, (len - at) * sizeof(*in)))
		return NULL;
	return (const char *)(in + at);
}

bool vgpu_spirv_value(const struct vgpu_spirv *m, uint32_t id, uint32_t *value)
{
	const uint32_t *in = vgpu_spirv_def(m, id);
	const uint32_t *type;

	if (vgpu_spirv_op(in) == SpvOpConstantNull) {
		*value = 0;
		return true;
	}
	if (vgpu_spirv_op(in) != SpvOpConstant || vgpu_spirv_len(in) != 4)
		return false;
	type = vgpu_spirv_def(m, in[1]);
	if (vgpu_spirv_op(type) != SpvOpTypeInt || type[2] > 32)
		return false;
	*value = in[3];
	return true;
}

static bool is_type(uint32_t op)
{
	return op >= SpvOpTypeVoid && op <= SpvOpTypeForwardPointer;
}

static bool is_constant(uint32_t op)
{
	return op >= SpvOpConstantTrue && op <= SpvOpSpecConstantOp;
}

/*
 * How many levels a type or constant has: one more than what it names has.
 * Literals may look like ids, and then it is one more than needed.
 */
static uint32_t levels(const struct vgpu_spirv *m, const uint16_t *level,
		       const uint32_t *in, uint32_t at)
{
	bool type = is_type(vgpu_spirv_op(in));
	uint32_t i, most = 0;

	for (i = at; i < vgpu_spirv_len(in); i++)
		if (in[i] < m->bound &&
		    is_type(vgpu_spirv_op(vgpu_spirv_def(m, in[i]))) == type &&
		    level[in[i]] > most)
			most = level[in[i]];
	return most + 1;
}

static int index_one(struct vgpu_spirv *m, uint16_t *level, const uint32_t *in,
		     struct vgpu_message *msg)
{
	uint32_t op = vgpu_spirv_op(in), at, id, n, most;
	bool has_id, has_type;

	SpvHasResultAndType(op, &has_id, &has_type);
	if (!has_id)
		return 0;
	at = has_type ? 2 : 1;
	if (vgpu_spirv_len(in) <= at)
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's SPIR-V has an instruction of opcode %u that is too short, at word %zu",
			op, (size_t)(in - m->words));
	id = in[at];
	if (!id || id >= m->bound || m->def[id])
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's SPIR-V defines id %u twice, or against its bound of %u",
			id, m->bound);
	m->def[id] = (uint32_t)(in - m->words);
	if (!is_type(op) && !is_constant(op))
		return 0;
	most = is_type(op) ? VGPU_SPIRV_MAX_TYPE : VGPU_SPIRV_MAX_CONST;
	/* A literal of a scalar is no id. */
	n = op == SpvOpTypeInt || op == SpvOpTypeFloat ||
	    op == SpvOpConstant || op == SpvOpSpecConstant ?
	    1 : levels(m, level, in, at + 1);
	if (n > most)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel's %s nest deeper than %u levels",
			is_type(op) ? "types" : "constants", most);
	level[id] = (uint16_t)n;
	return 0;
}

static int index_all(struct vgpu_spirv *m, uint16_t *level,
		     struct vgpu_message *msg)
{
	uint32_t blocks = 0, functions = 0;
	const uint32_t *in, *end = m->words + m->n;
	int rc;

	for (in = m->words + VGPU_SPIRV_HEADER; in < end;
	     in += vgpu_spirv_len(in)) {
		if (!vgpu_spirv_len(in) ||
		    vgpu_spirv_len(in) > (size_t)(end - in))
			return vgpu_message_set(msg, -EINVAL,
				"the kernel's SPIR-V is damaged or cut off: the instruction at word %zu of %zu has %u words",
				(size_t)(in - m->words), m->n,
				vgpu_spirv_len(in));
		blocks += vgpu_spirv_op(in) == SpvOpLabel;
		functions += vgpu_spirv_op(in) == SpvOpFunction;
		rc = index_one(m, level, in, msg);
		if (rc)
			return rc;
	}
	if (blocks > VGPU_SPIRV_MAX_BLOCKS)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel has %u blocks: %u are the most",
			blocks, VGPU_SPIRV_MAX_BLOCKS);
	if (functions > VGPU_SPIRV_MAX_FUNCTIONS)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel has %u functions: %u are the most",
			functions, VGPU_SPIRV_MAX_FUNCTIONS);
	return 0;
}

int vgpu_spirv_index(struct vgpu_spirv *m, uint32_t *words, size_t n,
		     struct vgpu_message *msg)
{
	uint16_t *level;
	int rc;

	*m = (struct vgpu_spirv){ .words = words, .n = n };
	if (words[0] == __builtin_bswap32(SpvMagicNumber))
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's SPIR-V is in the other byte order");
	if (words[0] != SpvMagicNumber)
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's code is no SPIR-V: it begins with 0x%08x",
			words[0]);
	if (n <= VGPU_SPIRV_HEADER)
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's SPIR-V is cut off after %zu words", n);
	m->bound = words[3];
	if (!m->bound || m->bound > VGPU_SPIRV_MAX_BOUND)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel's ids go up to %u: %u are the most",
			m->bound, VGPU_SPIRV_MAX_BOUND);
	m->def = calloc(m->bound, sizeof(*m->def));
	level = calloc(m->bound, sizeof(*level));
	if (m->def && level)
		rc = index_all(m, level, msg);
	else
		rc = vgpu_message_set(msg, -ENOMEM,
			"no memory for the kernel's %u ids", m->bound);
	free(level);
	if (rc)
		vgpu_spirv_fini(m);
	return rc;
}

void vgpu_spirv_fini(struct vgpu_spirv *m)
{
	free(m->def);
	m->def = NULL;
}
