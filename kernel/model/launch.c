// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Kernel launches: from a command and an argument block that a tenant wrote to
 * a struct vgpu_launch that an engine may run as it stands.
 */
#include "internal.h"

static u64 vgpu_launch_timeout(const struct vgpu_model *m, u64 wanted)
{
	u64 limit = m->config.launch_timeout_ns;

	if (!wanted || !limit)
		return wanted ? wanted : limit;
	return min_t(u64, wanted, limit);
}

/* The command itself; the argument block has to be fetched first. */
int vgpu_launch_prepare(struct vgpu_model *m, u32 job,
			const struct vgpu_cmd *cmd, u64 *fault)
{
	struct vgpu_job *j = vgpu_job(m, job);
	struct vgpu_launch *l = &j->launch;
	u32 kernel = vgpu_find_kernel(m, cmd->op[0]);
	int i, n, ret;

	*fault = cmd->op[0];
	if (!(m->status & VGPU_STATUS_ENGINE))
		return -EOPNOTSUPP;
	if (!kernel || m->kernels[kernel].context != j->context)
		return -EINVAL;
	memset(l, 0, sizeof(*l));
	l->kernel = cmd->op[0];
	l->token = m->kernels[kernel].token;
	l->context = vgpu_table_id(&m->contexts_table, j->context);
	l->timeout_ns = vgpu_launch_timeout(m, cmd->op[4]);
	l->idempotent = !!(cmd->flags & VGPU_CMD_F_IDEMPOTENT);
	l->grid[0] = (u32)cmd->op[1];
	l->grid[1] = cmd->op[1] >> 32;
	l->grid[2] = (u32)cmd->op[2];
	*fault = cmd->op[1];
	if (!l->grid[0] || l->grid[0] > VGPU_MAX_GRID_X || !l->grid[1] ||
	    l->grid[1] > VGPU_MAX_GRID_YZ || !l->grid[2] ||
	    l->grid[2] > VGPU_MAX_GRID_YZ || cmd->op[2] >> 32)
		return -EINVAL;
	j->kernel = kernel;
	m->kernels[kernel].busy++;

	if (!cmd->op[3]) {
		memset(&j->args, 0, sizeof(j->args));
		return vgpu_launch_args(m, job, fault);
	}
	*fault = cmd->op[3];
	if (cmd->op[3] & 15)
		return -EINVAL;
	n = vgpu_resolve(m, j->context, cmd->op[3], sizeof(j->args), false,
			 j->from, VGPU_MAX_EXTENTS, fault);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		ret = vgpu_job_hold(m, job, j->from[i].object);
		if (ret)
			return ret;
	}
	j->n_from = n;
	j->fetching = true;
	return 0;
}

static bool vgpu_ranges_overlap(const struct vgpu_range *a,
				const struct vgpu_range *b)
{
	return a->address < b->address + b->bytes &&
	       b->address < a->address + a->bytes;
}

/* One range: what is given becomes an offset in VRAM. */
static int vgpu_launch_range(struct vgpu_model *m, u32 job,
			     const struct vgpu_range *in,
			     struct vgpu_range *out, u64 *fault)
{
	struct vgpu_extent e;
	int ret;

	*fault = in->address;
	*out = *in;
	if (!in->bytes)
		return in->address || in->flags ? -EINVAL : 0;
	if (!in->flags || in->flags & ~VGPU_RANGE_ALL ||
	    in->address & (VGPU_RANGE_ALIGN - 1) || in->bytes & 3)
		return -EINVAL;
	ret = vgpu_resolve(m, vgpu_job(m, job)->context, in->address, in->bytes,
			   in->flags & VGPU_RANGE_WRITE, &e, 1, fault);
	if (ret < 0)
		return ret;
	*fault = in->address;
	if (m->objects[e.object].kind != VGPU_OBJECT_VRAM)
		return -EOPNOTSUPP;
	ret = vgpu_job_hold(m, job, e.object);
	if (ret)
		return ret;
	out->address = vgpu_object_offset(m, e.object) + e.offset;
	return 0;
}

/*
 * The argument block, which lies in the job where nobody else writes.
 * -EAGAIN: a block is being moved; what was held has been let go, try again.
 */
int vgpu_launch_args(struct vgpu_model *m, u32 job, u64 *fault)
{
	struct vgpu_job *j = vgpu_job(m, job);
	const struct vgpu_kernel_info *info = &m->kernels[j->kernel].info;
	const struct vgpu_args *a = &j->args;
	struct vgpu_launch *l = &j->launch;
	u32 i, k, given = 0, written = 0;
	u8 held = j->n_held;
	int ret;

	*fault = 0;
	if (a->n_ranges > VGPU_MAX_RANGES || a->reserved ||
	    a->const_bytes > VGPU_MAX_CONST_BYTES || a->const_bytes & 3 ||
	    a->const_bytes < info->const_bytes)
		return -EINVAL;
	for (i = a->n_ranges; i < VGPU_MAX_RANGES; i++)
		if (a->ranges[i].address || a->ranges[i].bytes ||
		    a->ranges[i].flags)
			return -EINVAL;
	for (i = 0; i < a->n_ranges; i++) {
		ret = vgpu_launch_range(m, job, &a->ranges[i], &l->ranges[i],
					fault);
		if (ret == -EAGAIN)
			while (j->n_held > held)
				vgpu_object_put(m, j->held[--j->n_held]);
		if (ret)
			return ret;
		if (a->ranges[i].bytes)
			given |= 1u << i;
		if (a->ranges[i].flags & VGPU_RANGE_WRITE)
			written |= 1u << i;
	}
	*fault = 0;
	if (info->used & ~given || info->written & ~written)
		return -EINVAL;
	/* Two ranges that read may overlap; addresses are offsets by now. */
	for (i = 0; i < a->n_ranges; i++)
		for (k = 0; k < i; k++)
			if (!(vgpu_features(m) & VGPU_FEATURE_ALIAS) &&
			    (written & (1u << i | 1u << k)) &&
			    vgpu_ranges_overlap(&l->ranges[i], &l->ranges[k])) {
				*fault = a->ranges[i].address;
				return -EINVAL;
			}
	l->n_ranges = a->n_ranges;
	l->const_bytes = a->const_bytes;
	memcpy(l->consts, a->consts, sizeof(l->consts));
	j->fetching = false;
	return 0;
}
