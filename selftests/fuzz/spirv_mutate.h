/* SPDX-License-Identifier: MIT */
/*
 * Changes a SPIR-V module an instruction at a time, so that a good share of
 * what comes out is valid: an id becomes another of its kind, an instruction
 * moves, is there twice or is gone, an opcode becomes one of the same form, a
 * literal another.
 *
 * What goes in may be anything; what comes out may be longer, to a maximum.
 */
#ifndef VGPU_SPIRV_MUTATE_H
#define VGPU_SPIRV_MUTATE_H

#define SPV_ENABLE_UTILITY_CODE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <spirv/unified1/spirv.h>

/* libFuzzer's own, and what it asks for changes. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);

/* Instructions and ids that it sees; later ones stay as they are. */
#define MUTATE_MAX	8192u

struct mutation {
	uint32_t *words;
	uint32_t n;
	uint32_t max;
	uint32_t seed;
	uint32_t at[MUTATE_MAX];	/* word of each instruction */
	uint32_t n_at;
	uint32_t def[MUTATE_MAX];	/* by id: word that defines it */
};

static inline uint32_t mutate_random(struct mutation *m, uint32_t below)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 17;
	m->seed ^= m->seed << 5;
	return m->seed % below;
}

/* The word of an instruction that is its result id; 0: it has none. */
static inline uint32_t mutate_result(const uint32_t *in)
{
	bool id, type;

	SpvHasResultAndType((SpvOp)(in[0] & 0xffff), &id, &type);
	if (!id || in[0] >> 16 <= 1u + type)
		return 0;
	return 1u + type;
}

static inline void mutate_index(struct mutation *m)
{
	uint32_t at, len, r;

	m->n_at = 0;
	memset(m->def, 0, sizeof(m->def));
	for (at = 5; at < m->n && m->n_at < MUTATE_MAX; at += len) {
		len = m->words[at] >> 16;
		if (!len || len > m->n - at)
			break;
		r = mutate_result(m->words + at);
		if (r && m->words[at + r] < MUTATE_MAX)
			m->def[m->words[at + r]] = at;
		m->at[m->n_at++] = at;
	}
}

/* Do two ids stand for the same kind of thing, of the same type? */
static inline bool mutate_alike(const struct mutation *m, uint32_t a,
				uint32_t b)
{
	const uint32_t *x = m->words + m->def[a], *y = m->words + m->def[b];
	uint32_t r = mutate_result(x);

	if (r != mutate_result(y))
		return false;
	return r == 2 ? x[1] == y[1] : (x[0] & 0xffff) == (y[0] & 0xffff);
}

/* An id becomes another; seldom one of another kind. */
static inline void mutate_id(struct mutation *m, uint32_t *in)
{
	uint32_t len = in[0] >> 16, r = mutate_result(in), w, id, try;
	uint32_t bound = m->words[3] < MUTATE_MAX ? m->words[3] : MUTATE_MAX;
	bool any = !mutate_random(m, 8);

	if (len < 2 || bound < 2)
		return;
	for (try = 0; try < 64; try++) {
		w = 1 + mutate_random(m, len - 1);
		id = 1 + mutate_random(m, bound - 1);
		if (w == r || in[w] >= bound || in[w] == id ||
		    !m->def[in[w]] || !m->def[id])
			continue;
		if (any || mutate_alike(m, in[w], id)) {
			in[w] = id;
			return;
		}
	}
}

/* Opcodes of one form. */
static inline void mutate_opcode(struct mutation *m, uint32_t *in)
{
	static const uint16_t groups[][14] = {
		{ SpvOpIAdd, SpvOpISub, SpvOpIMul, SpvOpUDiv, SpvOpSDiv,
		  SpvOpUMod, SpvOpSRem, SpvOpSMod, SpvOpShiftRightLogical,
		  SpvOpShiftRightArithmetic, SpvOpShiftLeftLogical,
		  SpvOpBitwiseOr, SpvOpBitwiseXor, SpvOpBitwiseAnd },
		{ SpvOpIEqual, SpvOpINotEqual, SpvOpUGreaterThan,
		  SpvOpSGreaterThan, SpvOpUGreaterThanEqual,
		  SpvOpSGreaterThanEqual, SpvOpULessThan, SpvOpSLessThan,
		  SpvOpULessThanEqual, SpvOpSLessThanEqual },
		{ SpvOpLogicalEqual, SpvOpLogicalNotEqual, SpvOpLogicalOr,
		  SpvOpLogicalAnd },
		{ SpvOpSNegate, SpvOpNot, SpvOpBitReverse, SpvOpCopyObject,
		  SpvOpUConvert, SpvOpSConvert, SpvOpBitcast },
		{ SpvOpFAdd, SpvOpFSub, SpvOpFMul, SpvOpFDiv, SpvOpFRem,
		  SpvOpFMod },
		{ SpvOpAtomicIAdd, SpvOpAtomicISub, SpvOpAtomicSMin,
		  SpvOpAtomicUMin, SpvOpAtomicSMax, SpvOpAtomicUMax,
		  SpvOpAtomicAnd, SpvOpAtomicOr, SpvOpAtomicXor,
		  SpvOpAtomicExchange },
		{ SpvOpConstantTrue, SpvOpConstantFalse,
		  SpvOpSpecConstantTrue, SpvOpSpecConstantFalse,
		  SpvOpConstantNull, SpvOpUndef },
		{ SpvOpConstant, SpvOpSpecConstant },
		{ SpvOpConstantComposite, SpvOpSpecConstantComposite,
		  SpvOpCompositeConstruct },
		{ SpvOpAccessChain, SpvOpInBoundsAccessChain },
		{ SpvOpReturn, SpvOpUnreachable, SpvOpKill },
	};
	bool inside = (in[0] & 0xffff) == SpvOpSpecConstantOp &&
		      in[0] >> 16 > 3;
	uint32_t *word = inside ? in + 3 : in;
	uint32_t g, i, n, to;

	for (g = 0; g < sizeof(groups) / sizeof(*groups); g++) {
		for (n = 0; n < 14 && groups[g][n]; n++)
			;
		for (i = 0; i < n; i++)
			if (groups[g][i] == (*word & 0xffff))
				break;
		if (i == n)
			continue;
		to = groups[g][mutate_random(m, n)];
		*word = inside ? to : (*word & 0xffff0000) | to;
		return;
	}
}

/* A word becomes a value that something may choke on. */
static inline void mutate_literal(struct mutation *m, uint32_t *in)
{
	static const uint32_t odd[] = {
		0, 1, 2, 3, 16, 31, 32, 63, 64, 0x7fffffff, 0x80000000,
		0xfffffffe, 0xffffffff,
	};
	uint32_t len = in[0] >> 16, op = in[0] & 0xffff, w;

	if (len < 2)
		return;
	if (op == SpvOpConstant || op == SpvOpSpecConstant) {
		if (len < 4)
			return;
		w = 3 + mutate_random(m, len - 3);
	} else if (op == SpvOpDecorate || op == SpvOpMemberDecorate ||
		   op == SpvOpExecutionMode) {
		w = len - 1;
	} else {
		w = 1 + mutate_random(m, len - 1);
	}
	if (mutate_random(m, 2))
		in[w] = odd[mutate_random(m, sizeof(odd) / sizeof(*odd))];
	else
		in[w] ^= 1u << mutate_random(m, 6);
}

/* Instruction @i and the next one change places. */
static inline void mutate_swap(struct mutation *m, uint32_t i)
{
	uint32_t *a = m->words + m->at[i], first[64];
	uint32_t n = a[0] >> 16, next;

	if (i + 1 >= m->n_at || n > 64)
		return;
	next = m->words[m->at[i + 1]] >> 16;
	memcpy(first, a, n * sizeof(*a));
	memmove(a, a + n, next * sizeof(*a));
	memcpy(a + next, first, n * sizeof(*a));
}

static inline void mutate_delete(struct mutation *m, uint32_t i)
{
	uint32_t *a = m->words + m->at[i], n = a[0] >> 16;

	memmove(a, a + n, (m->n - m->at[i] - n) * sizeof(*a));
	m->n -= n;
}

/* Twice, with an id of its own; the bound stays right. */
static inline void mutate_double(struct mutation *m, uint32_t i)
{
	uint32_t *a = m->words + m->at[i], n = a[0] >> 16;
	uint32_t r = mutate_result(a);

	if (m->max - m->n < n)
		return;
	memmove(a + n, a, (m->n - m->at[i]) * sizeof(*a));
	m->n += n;
	if (r)
		a[n + r] = m->words[3]++;
}

/* One change or some; what @words has room for is @max.  The new length. */
static inline uint32_t spirv_mutate(uint32_t *words, uint32_t n, uint32_t max,
				    uint32_t seed)
{
	static struct mutation m;
	uint32_t i, times;

	m.words = words;
	m.n = n;
	m.max = max;
	m.seed = seed * 2654435761u | 1;
	for (times = 1 + mutate_random(&m, 4); times; times--) {
		mutate_index(&m);
		if (!m.n_at)
			break;
		i = mutate_random(&m, m.n_at);
		switch (mutate_random(&m, 10)) {
		case 0:
			mutate_swap(&m, i);
			break;
		case 1:
			mutate_delete(&m, i);
			break;
		case 2:
			mutate_double(&m, i);
			break;
		case 3:
		case 4:
			mutate_literal(&m, words + m.at[i]);
			break;
		case 5:
		case 6:
			mutate_opcode(&m, words + m.at[i]);
			break;
		default:
			mutate_id(&m, words + m.at[i]);
		}
	}
	return m.n;
}

#endif /* VGPU_SPIRV_MUTATE_H */
