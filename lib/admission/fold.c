// SPDX-License-Identifier: MIT
/*
 * Specialization constants become constants, and what is computed from them is
 * computed here.  SPIRV-Tools has passes for that, which crash on modules that
 * its validator passes: a NULL is followed, a division traps.
 *
 * Integers and booleans are computed, one by one.  What else Vulkan allows in
 * constants (vectors, conversions of floats) stays an OpSpecConstantOp, of
 * constants only; its driver computes it.
 */
#define SPV_ENABLE_UTILITY_CODE
#include <errno.h>
#include <string.h>
#include <spirv/unified1/spirv.h>

#include "spirv.h"

/* A scalar: the bits of an integer of @width, or a boolean of 1 bit. */
struct scalar {
	uint64_t bits;
	uint32_t width;
};

static uint64_t mask(uint32_t width)
{
	return width >= 64 ? ~0ull : (1ull << width) - 1;
}

static int64_t extend(struct scalar s)
{
	uint32_t unused = 64 - s.width;

	return (int64_t)(s.bits << unused) >> unused;
}

/* The width of an integer or boolean type, 0 for others. */
static uint32_t width_of(const struct vgpu_spirv *m, uint32_t type)
{
	const uint32_t *in = vgpu_spirv_def(m, type);

	if (vgpu_spirv_op(in) == SpvOpTypeBool)
		return 1;
	return vgpu_spirv_op(in) == SpvOpTypeInt ? in[2] : 0;
}

static bool scalar_of(const struct vgpu_spirv *m, uint32_t id,
		      struct scalar *s)
{
	const uint32_t *in = vgpu_spirv_def(m, id);

	if (vgpu_spirv_len(in) < 3)
		return false;
	s->width = width_of(m, in[1]);
	s->bits = 0;
	if (!s->width || s->width > 64)
		return false;
	switch (vgpu_spirv_op(in)) {
	case SpvOpConstantTrue:
		s->bits = 1;
		return true;
	case SpvOpConstantFalse:
	case SpvOpConstantNull:
		return true;
	case SpvOpConstant:
		s->bits = in[3];
		if (vgpu_spirv_len(in) > 4)
			s->bits |= (uint64_t)in[4] << 32;
		s->bits &= mask(s->width);
		return true;
	default:
		return false;
	}
}

/* @b is not 0.  What overflows wraps. */
static uint64_t divide(uint32_t op, struct scalar a, struct scalar b)
{
	int64_t x = extend(a), y = extend(b), rest;

	switch (op) {
	case SpvOpUDiv:
		return a.bits / b.bits;
	case SpvOpUMod:
		return a.bits % b.bits;
	case SpvOpSDiv:
		return y == -1 ? -(uint64_t)x : (uint64_t)(x / y);
	default:
		rest = y == -1 ? 0 : x % y;
		/* SMod has the sign of the divisor, SRem of the dividend. */
		if (op == SpvOpSMod && rest && (rest < 0) != (y < 0))
			rest += y;
		return (uint64_t)rest;
	}
}

static bool is_division(uint32_t op)
{
	return op == SpvOpUDiv || op == SpvOpSDiv || op == SpvOpUMod ||
	       op == SpvOpSRem || op == SpvOpSMod;
}

static bool is_shift(uint32_t op)
{
	return op == SpvOpShiftRightLogical ||
	       op == SpvOpShiftRightArithmetic || op == SpvOpShiftLeftLogical;
}

/* False: not an operation of two scalars. */
static bool two(uint32_t op, struct scalar a, struct scalar b, uint64_t *r)
{
	switch (op) {
	case SpvOpIAdd:
		*r = a.bits + b.bits;
		return true;
	case SpvOpISub:
		*r = a.bits - b.bits;
		return true;
	case SpvOpIMul:
		*r = a.bits * b.bits;
		return true;
	case SpvOpShiftRightLogical:
		*r = a.bits >> b.bits;
		return true;
	case SpvOpShiftRightArithmetic:
		*r = (uint64_t)(extend(a) >> b.bits);
		return true;
	case SpvOpShiftLeftLogical:
		*r = a.bits << b.bits;
		return true;
	case SpvOpBitwiseOr:
	case SpvOpLogicalOr:
		*r = a.bits | b.bits;
		return true;
	case SpvOpBitwiseAnd:
	case SpvOpLogicalAnd:
		*r = a.bits & b.bits;
		return true;
	case SpvOpBitwiseXor:
		*r = a.bits ^ b.bits;
		return true;
	case SpvOpIEqual:
	case SpvOpLogicalEqual:
		*r = a.bits == b.bits;
		return true;
	case SpvOpINotEqual:
	case SpvOpLogicalNotEqual:
		*r = a.bits != b.bits;
		return true;
	case SpvOpUGreaterThan:
		*r = a.bits > b.bits;
		return true;
	case SpvOpUGreaterThanEqual:
		*r = a.bits >= b.bits;
		return true;
	case SpvOpULessThan:
		*r = a.bits < b.bits;
		return true;
	case SpvOpULessThanEqual:
		*r = a.bits <= b.bits;
		return true;
	case SpvOpSGreaterThan:
		*r = extend(a) > extend(b);
		return true;
	case SpvOpSGreaterThanEqual:
		*r = extend(a) >= extend(b);
		return true;
	case SpvOpSLessThan:
		*r = extend(a) < extend(b);
		return true;
	case SpvOpSLessThanEqual:
		*r = extend(a) <= extend(b);
		return true;
	default:
		if (!is_division(op))
			return false;
		*r = divide(op, a, b);
		return true;
	}
}

static bool one(uint32_t op, struct scalar a, uint64_t *r)
{
	switch (op) {
	case SpvOpSNegate:
		*r = -a.bits;
		return true;
	case SpvOpNot:
		*r = ~a.bits;
		return true;
	case SpvOpLogicalNot:
		*r = !a.bits;
		return true;
	case SpvOpUConvert:
		*r = a.bits;
		return true;
	case SpvOpSConvert:
		*r = (uint64_t)extend(a);
		return true;
	default:
		return false;
	}
}

/* A part of a constant of parts, which is as wide as the result has to be. */
static bool extract(const struct vgpu_spirv *m, const uint32_t *in,
		    struct scalar *r)
{
	uint32_t id = in[4], i, width = r->width;

	for (i = 5; i < vgpu_spirv_len(in); i++) {
		const uint32_t *from = vgpu_spirv_def(m, id);

		if (vgpu_spirv_op(from) == SpvOpConstantNull) {
			r->bits = 0;
			return true;
		}
		if (vgpu_spirv_op(from) != SpvOpConstantComposite ||
		    in[i] >= vgpu_spirv_len(from) - 3)
			return false;
		id = from[3 + in[i]];
	}
	return scalar_of(m, id, r) && r->width == width;
}

/* 1: computed; 0: left as it is. */
static int compute(const struct vgpu_spirv *m, const uint32_t *in,
		   struct scalar *r, struct vgpu_message *msg)
{
	uint32_t op = in[3], len = vgpu_spirv_len(in);
	struct scalar a, b, c;
	bool done = false;

	r->width = width_of(m, in[1]);
	if (!r->width || r->width > 64 || len < 5)
		return 0;
	if (op == SpvOpCompositeExtract)
		return extract(m, in, r);
	if (!scalar_of(m, in[4], &a))
		return 0;
	if (len == 5) {
		done = one(op, a, &r->bits);
	} else if (len == 6 && scalar_of(m, in[5], &b)) {
		if (is_division(op) && !b.bits)
			return vgpu_message_set(msg, -EINVAL,
				"a constant of the kernel (id %u) divides by 0",
				in[2]);
		if (is_shift(op) && b.bits >= a.width)
			return vgpu_message_set(msg, -EINVAL,
				"a constant of the kernel (id %u), of %u bits, is shifted by %llu",
				in[2], a.width, (unsigned long long)b.bits);
		done = two(op, a, b, &r->bits);
	} else if (len == 7 && op == SpvOpSelect &&
		   scalar_of(m, in[5], &b) && scalar_of(m, in[6], &c)) {
		r->bits = a.bits ? b.bits : c.bits;
		done = true;
	}
	r->bits &= mask(r->width);
	return done;
}

/* A constant in the place of what computed it, which has 5 words at least. */
static void put_scalar(const struct vgpu_spirv *m, uint32_t *to, uint32_t type,
		       uint32_t id, struct scalar s)
{
	const uint32_t *t = vgpu_spirv_def(m, type);
	uint32_t len = s.width > 32 ? 5 : 4;

	to[1] = type;
	to[2] = id;
	if (vgpu_spirv_op(t) == SpvOpTypeBool) {
		to[0] = 3u << 16 | (s.bits ? SpvOpConstantTrue :
					     SpvOpConstantFalse);
		return;
	}
	/* Narrow signed integers are stored sign-extended. */
	if (t[3] && s.width < 32)
		s.bits = (uint64_t)extend(s);
	to[0] = len << 16 | SpvOpConstant;
	to[3] = (uint32_t)s.bits;
	if (len == 5)
		to[4] = (uint32_t)(s.bits >> 32);
}

static uint32_t frozen(uint32_t op)
{
	switch (op) {
	case SpvOpSpecConstant:
		return SpvOpConstant;
	case SpvOpSpecConstantTrue:
		return SpvOpConstantTrue;
	case SpvOpSpecConstantFalse:
		return SpvOpConstantFalse;
	case SpvOpSpecConstantComposite:
		return SpvOpConstantComposite;
	default:
		return op;
	}
}

/*
 * In place; the module gets shorter.  Constants are defined before they are
 * used, and @m->def follows them as far as it is needed here; index the module
 * anew afterwards.
 */
int vgpu_spirv_fold(struct vgpu_spirv *m, struct vgpu_message *msg)
{
	const uint32_t *in = m->words + VGPU_SPIRV_HEADER;
	const uint32_t *end = m->words + m->n;
	uint32_t *to = m->words + VGPU_SPIRV_HEADER;
	bool has_id, has_type;
	struct scalar value;
	uint32_t op, len;
	int ret;

	for (; in < end; in += len) {
		op = vgpu_spirv_op(in);
		len = vgpu_spirv_len(in);
		if (op == SpvOpFunction)
			break;
		if (op == SpvOpDecorate && in[2] == SpvDecorationSpecId)
			continue;
		SpvHasResultAndType((SpvOp)op, &has_id, &has_type);
		if (has_id)
			m->def[in[has_type ? 2 : 1]] = (uint32_t)(to - m->words);
		ret = op == SpvOpSpecConstantOp ? compute(m, in, &value, msg) : 0;
		if (ret < 0)
			return ret;
		if (ret) {
			put_scalar(m, to, in[1], in[2], value);
		} else {
			memmove(to, in, len * sizeof(*to));
			to[0] = len << 16 | frozen(op);
		}
		to += vgpu_spirv_len(to);
	}
	memmove(to, in, (size_t)(end - in) * sizeof(*to));
	m->n = (size_t)(to - m->words) + (size_t)(end - in);
	return 0;
}
