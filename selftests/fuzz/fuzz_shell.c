// SPDX-License-Identifier: MIT
/*
 * Fuzzes what a shell calls beside the guest's accesses, in any order and while
 * anything is under way: vectors and limits that change, objects that are
 * closed, rings that are looked at, launches that are given up, memory that goes.
 */
#include "fuzz_model.h"

static void do_vectors(struct world *w)
{
	vgpu_model_vectors(w->s.m, get8(w) & 1 ? U32_MAX : (u32)wild(w));
}

static void do_close(struct world *w)
{
	u32 object = (u32)pool_get(w, POOL_OBJECT);

	/* It is nobody's, then: once more may find it, and ends well too. */
	vgpu_model_object_close(w->s.m, object);
	if (get8(w) & 1)
		vgpu_model_object_close(w->s.m, (u32)wild(w));
}

/* All contexts go.  Rare, or nothing gets deep. */
static void do_clear(struct world *w)
{
	if (get8(w) < 40)
		vgpu_model_clear(w->s.m);
}

static void do_favour(struct world *w)
{
	u32 ring = (u32)pool_get(w, POOL_RING);

	if (vgpu_model_favour(w->s.m, ring) !=
	    (vgpu_model_ring_state(w->s.m, ring) < 0 ? -ENOENT : 0))
		fuzz_stop("a ring that is there for one call alone");
	vgpu_model_favour(w->s.m, (u32)wild(w));
}

/* The word to look at is ring memory, or there is none. */
static void do_poll(struct world *w)
{
	u32 ring = (u32)pool_get(w, POOL_RING), seq = 0;
	const u32 *slot;
	u8 how = get8(w);

	vgpu_model_poll(w->s.m, how & 2 ? (u32)wild(w) : ring, how & 1);
	slot = vgpu_model_poll_slot(w->s.m, ring, &seq);
	if (slot && READ_ONCE(*slot) == seq)
		vgpu_model_kick(w->s.m, ring);
}

static void do_limit(struct world *w)
{
	vgpu_model_set_limit(w->s.m, get8(w) & 1 ? wild(w) : 0);
}

static void do_offer(struct world *w)
{
	u64 features = VGPU_FEATURE_ALL & ~(1ull << get8(w) % 24);

	vgpu_model_offer(w->s.m, get8(w) & 1 ? features : wild(w));
}

static void do_telemetry(struct world *w)
{
	u32 temperature = (u32)wild(w), power = (u32)wild(w);

	vgpu_model_telemetry(w->s.m, temperature, power, VGPU_UNKNOWN);
	vgpu_model_config_write(w->s.m, 0x44, 2, 0);	/* it answers in D0 */
	if (vgpu_model_bar0_read(w->s.m, VGPU_REG_POWER, 4, 0) != power)
		fuzz_stop("telemetry that is not what was said");
}

/* Memory of the admin queue goes; an attach under way has its own answer. */
static void do_admin_gone(struct world *w)
{
	u32 i;

	if (get8(w) > 60 ||
	    vgpu_model_bar0_read(w->s.m, VGPU_REG_STATUS, 4, 0) &
	    VGPU_STATUS_BUSY)
		return;
	for (i = 0; i < w->s.n_kept; i++)
		if (w->s.kept[i].kind == VGPU_WORK_ADMIN_ATTACH)
			return;
	vgpu_model_admin_gone(w->s.m);
	/* Whoever writes to it now is wrong. */
	memset(w->s.guest, 0x5a, 4096);
	w->garbled = true;
	w->admin.hdr = NULL;
}

static void do_abort(struct world *w)
{
	struct shell *s = &w->s;
	u32 i, id = (u32)wild(w);
	u8 how = get8(w);

	for (i = 0; i < s->n_kept && how & 1; i++)
		if (s->kept[i].kind == VGPU_WORK_LAUNCH)
			id = s->kept[i].id;
	vgpu_model_abort(s->m, id, how & 2 ? -ETIMEDOUT : -EIO, s->now_ns);
}

/* What only asks says what is true, and changes nothing. */
static void do_ask(struct world *w)
{
	u64 start = 0, size, offset, asked = 1 + get16(w), bytes = asked;
	struct vgpu_model_error error;
	struct vgpu_model *m = w->s.m;
	struct vgpu_mem mem;
	u32 i, object;
	bool pinned, more;
	int ret;

	vgpu_model_error(m, &error);
	if (!error.count != !error.status)
		fuzz_stop("an error record that is half there");
	vgpu_model_deadline(m);
	vgpu_model_pending(m);
	vgpu_model_compacted(m, &size, &more);
	ret = vgpu_model_ring_state(m, (u32)wild(w));
	if (ret != -ENOENT && ret > VGPU_RING_ERROR)
		fuzz_stop("a ring in no state");
	for (i = 0, offset = 0; vgpu_model_next_block(m, offset, &object, &start,
						      &size, &pinned); i++) {
		if (start < offset || !size ||
		    size > w->s.config.vram_bytes - start ||
		    i > w->s.config.max_objects * 2)
			fuzz_stop("a block that is none");
		offset = start + size;
	}
	ret = vgpu_model_range(m, (u32)pool_get(w, POOL_CONTEXT),
			       operand(w, 'a'), &bytes, get8(w) & 1, &mem);
	if (!ret && (!bytes || bytes > asked ||
		     (!mem.object && bytes > w->s.config.vram_bytes - mem.offset)))
		fuzz_stop("a range that is not there");
}

static const operation ops[] = {
	do_vectors, do_close, do_clear, do_favour, do_poll, do_limit, do_offer,
	do_telemetry, do_admin_gone, do_abort, do_ask, do_ask, do_admin_direct,
	do_admin_direct, do_admin_direct, do_admin_queue, do_admin_queue,
	do_command, do_command, do_command, do_run, do_run, do_reap, do_keep,
	do_report, do_enable, do_config, do_bar0, do_bar4, do_reset, do_gone,
	do_tick, do_engine, do_kick,
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct world w;

	fuzz_begin(&w, data, size);
	if (get8(&w) & 1)
		fuzz_furnish(&w);
	else
		do_enable(&w);
	fuzz_operations(&w, ops, ARRAY_SIZE(ops));
	fuzz_end(&w);
	return 0;
}
