// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The shell of the tests of the model. */
#include <linux/vmalloc.h>
#include <kunit/resource.h>
#include "kunit_rig.h"

static void rig_exit(void *arg)
{
	struct rig *r = arg;
	u32 i;

	if (r->m)
		vgpu_model_fini(r->m);
	for (i = 0; i <= RIG_OBJECTS; i++)
		vfree(r->objects[i].mem);
}

struct rig *rig_open(struct kunit *test)
{
	struct rig *r = vgpu_kunit_vzalloc(test, sizeof(*r));
	struct vgpu_model *m;
	size_t bytes;

	r->test = test;
	spin_lock_init(&r->lock);
	r->now_ns = 1;
	r->config = (struct vgpu_model_config) {
		.vram_bytes = 4 << 20,
		.bank_shift = 20,
		.features = VGPU_FEATURE_TIMES | VGPU_FEATURE_COMPACT,
		.account = &r->gpu,
		.subdevice = VGPU_PCI_SUBDEVICE_GPU,
		.max_contexts = 8,
		.max_objects = RIG_OBJECTS,
		.max_mappings = 64,
		.max_rings = 8,
		.max_counters = 8,
		.max_kernels = 4,
		.max_jobs = 32,
		.max_entries = 256,
	};
	vgpu_account_init(&r->gpu, U64_MAX, NULL);
	r->vram = vgpu_kunit_vzalloc(test, r->config.vram_bytes);
	bytes = vgpu_model_bytes(&r->config);
	VGPU_OK(test, bytes);
	m = vgpu_kunit_vzalloc(test, bytes);
	VGPU_EQ(test, 0, vgpu_model_init(m, bytes, &r->config));
	r->m = m;
	VGPU_EQ(test, 0, kunit_add_action_or_reset(test, rig_exit, r));
	return r;
}

const char *rig_check(struct rig *r)
{
	return r->wrong ? r->wrong : RIG_CALL(r, vgpu_model_check(r->m));
}

u32 rig_take(struct rig *r, u32 max)
{
	r->now_ns += 1000;
	return RIG_CALL(r, vgpu_model_run(r->m, r->now_ns, r->work, max));
}

/* Pages that the shell knows at once, as the direct way has it. */
static u8 *rig_memory(struct rig *r, u32 id, u64 bytes)
{
	struct rig_object *o = &r->objects[id & 0xffff];

	VGPU_OK(r->test, (id & 0xffff) <= RIG_OBJECTS && !o->mem);
	o->mem = vzalloc(bytes);
	VGPU_OK(r->test, o->mem);
	o->bytes = bytes;
	o->id = id;
	return o->mem;
}

static u8 *rig_at(struct rig *r, const struct vgpu_mem *mem, u64 bytes)
{
	u32 index = mem->object & 0xffff;
	u64 size = r->config.vram_bytes;
	u8 *base = r->vram;

	if (mem->object) {
		if (index > RIG_OBJECTS ||
		    r->objects[index].id != mem->object) {
			r->wrong = "an item on an object that is not there";
			return NULL;
		}
		size = r->objects[index].bytes;
		base = r->objects[index].mem;
	}
	if (mem->offset > size || bytes > size - mem->offset) {
		r->wrong = "an item that reaches beyond its memory";
		return NULL;
	}
	return base + mem->offset;
}

static void rig_transfer(struct rig *r, const struct vgpu_work *w)
{
	u8 *from = NULL, *to;
	u64 i;

	to = w->kind == VGPU_WORK_FETCH ? w->buffer :
					  rig_at(r, &w->to, w->bytes);
	if (w->kind == VGPU_WORK_COPY || w->kind == VGPU_WORK_FETCH ||
	    w->kind == VGPU_WORK_MOVE)
		from = rig_at(r, &w->from, w->bytes);
	if (r->wrong)
		return;
	switch (w->kind) {
	case VGPU_WORK_CLEAR:
		for (i = 0; i < w->bytes; i += 4)
			memcpy(to + i, &w->pattern, 4);
		break;
	case VGPU_WORK_SCRUB:
		memset(to, 0, w->bytes);
		break;
	case VGPU_WORK_MOVE:
		if (to >= from) {
			r->wrong = "a move upwards";
			break;
		}
		memmove(to, from, w->bytes);
		i = min_t(u64, from - to, w->bytes);
		memset(from + w->bytes - i, 0, i);
		break;
	default:
		memcpy(to, from, w->bytes);
		break;
	}
}

static void rig_unpin(struct rig *r, u32 id)
{
	struct rig_object *o = &r->objects[id & 0xffff];

	if ((id & 0xffff) > RIG_OBJECTS || o->id != id) {
		r->wrong = "an object goes that is not there";
		return;
	}
	vfree(o->mem);
	memset(o, 0, sizeof(*o));
}

void rig_execute(struct rig *r, u32 n)
{
	const struct vgpu_work *w;

	for (w = r->work; n--; w++) {
		switch (w->kind) {
		case VGPU_WORK_COPY:
		case VGPU_WORK_CLEAR:
		case VGPU_WORK_FETCH:
		case VGPU_WORK_SCRUB:
		case VGPU_WORK_MOVE:
			rig_transfer(r, w);
			if (RIG_CALL(r, vgpu_model_done(r->m, w->id, 0,
							r->now_ns, 500)))
				r->wrong = "a report was refused";
			break;
		case VGPU_WORK_UNPIN:
			rig_unpin(r, w->to.object);
			break;
		case VGPU_WORK_INTERRUPT:
			if (w->arg < VGPU_MSIX_VECTORS)
				r->interrupts[w->arg]++;
			else
				r->wrong = "a vector that does not exist";
			break;
		case VGPU_WORK_RING_DETACH:
			break;
		default:
			r->wrong = "an item that nobody asked for";
			break;
		}
	}
}

void rig_run(struct rig *r)
{
	u32 i, n;

	for (i = 0; i < 100000; i++) {
		n = rig_take(r, RIG_BATCH);
		rig_execute(r, n);
		if (!n && !RIG_CALL(r, vgpu_model_pending(r->m)))
			break;
	}
	VGPU_OK(r->test, i < 100000);
	RIG_CHECK(r);
}

int rig_admin(struct rig *r, u16 opcode, u64 result[2], const u64 op[6])
{
	struct vgpu_cmd cmd = { .opcode = opcode };
	u64 none[2];

	memcpy(cmd.op, op, sizeof(cmd.op));
	return RIG_CALL(r, vgpu_model_admin(r->m, &cmd, result ?: none));
}

void rig_stats(struct rig *r, struct vgpu_model_stats *stats)
{
	spin_lock(&r->lock);
	vgpu_model_stats(r->m, stats);
	spin_unlock(&r->lock);
}

void rig_reset(struct rig *r)
{
	spin_lock(&r->lock);
	vgpu_model_reset(r->m);
	spin_unlock(&r->lock);
}

void rig_empty(struct rig *r)
{
	struct vgpu_model_stats st;
	u64 i;

	rig_run(r);
	rig_stats(r, &st);
	VGPU_EQ(r->test, 0, st.contexts + st.objects + st.mappings + st.rings +
			    st.counters + st.kernels);
	VGPU_EQ(r->test, 0, st.in_flight);
	VGPU_EQ(r->test, 0, st.vram_used);
	VGPU_EQ(r->test, 0, vgpu_account_current(&r->gpu));
	for (i = 0; i <= RIG_OBJECTS; i++)
		VGPU_OK(r->test, !r->objects[i].mem);
	/* What was given back was made zero. */
	VGPU_OK(r->test, !memchr_inv(r->vram, 0, r->config.vram_bytes));
}

static u64 create(struct rig *r, u16 opcode, u64 *second, const u64 op[6])
{
	u64 result[2];

	VGPU_EQ(r->test, 0, rig_admin(r, opcode, result, op));
	if (second)
		*second = result[1];
	return result[0];
}

#define CREATE(r, opcode, second, ...)	\
	create(r, opcode, second, (const u64[6]) { __VA_ARGS__ })

struct rig_client *rig_client_open(struct rig *r, u32 sq, u32 cq)
{
	struct rig_client *c;

	c = kunit_kzalloc(r->test, sizeof(*c), GFP_KERNEL);
	VGPU_OK(r->test, c);
	c->r = r;
	c->context = CREATE(r, VGPU_ADMIN_CONTEXT_CREATE, NULL, 0);
	c->counter = CREATE(r, VGPU_ADMIN_COUNTER_CREATE, NULL, c->context);
	c->ring_object = CREATE(r, VGPU_ADMIN_SYSTEM_CREATE, NULL,
				ALIGN(VGPU_RING_BYTES(sq, cq), 4096), 0,
				c->context);
	/* No byte more than it needs, with pages behind that nobody has. */
	c->ring_memory = rig_memory(r, c->ring_object, VGPU_RING_BYTES(sq, cq));
	c->ring = CREATE(r, VGPU_ADMIN_RING_CREATE, NULL, c->context,
			 c->ring_object, sq | (u64)cq << 32, VGPU_RING_F_TIMES |
			 (u64)VGPU_PRIORITY_NORMAL << 32 | 1ull << 40,
			 c->counter);
	VGPU_EQ(r->test, 0, RIG_CALL(r, vgpu_model_ring_memory(r->m, c->ring,
							       c->ring_memory)));
	vgpu_ring_attach(&c->view, c->ring_memory, sq, cq);
	vgpu_ring_reaper_init(&c->reaper, &c->view);

	c->system = CREATE(r, VGPU_ADMIN_SYSTEM_CREATE, NULL, RIG_BYTES, 0,
			   c->context);
	c->system_memory = rig_memory(r, c->system, RIG_BYTES);
	c->system_address = CREATE(r, VGPU_ADMIN_MAP, NULL, c->context,
				   c->system, 0, 0, RIG_BYTES,
				   VGPU_MAP_F_ANYWHERE);
	c->block = CREATE(r, VGPU_ADMIN_BLOCK_CREATE, &c->vram_offset,
			  RIG_BYTES, 0, c->context);
	c->vram_address = CREATE(r, VGPU_ADMIN_MAP, NULL, c->context, c->block,
				 0, 0, RIG_BYTES, VGPU_MAP_F_ANYWHERE);
	RIG_CHECK(r);
	VGPU_EQ(r->test, 0, rig_control(c, VGPU_RING_START));
	rig_run(r);
	return c;
}

void rig_client_close(struct rig_client *c)
{
	VGPU_EQ(c->r->test, 0, RIG_ADMIN(c->r, VGPU_ADMIN_CONTEXT_DESTROY, NULL,
					 c->context));
	rig_run(c->r);
}

int rig_control(struct rig_client *c, u64 what)
{
	return RIG_ADMIN(c->r, VGPU_ADMIN_RING_CONTROL, NULL, c->ring, what);
}

bool rig_send(struct rig_client *c, u16 opcode, u16 flags, u64 data,
	      u64 a, u64 b, u64 d)
{
	struct vgpu_cmd cmd = {
		.opcode = opcode, .flags = flags, .user_data = data,
		.op = { a, b, d },
	};
	bool doorbell;

	if (!vgpu_ring_submit(&c->view, &cmd, 1, 1, &doorbell))
		return false;
	if (doorbell)
		RIG_CALL(c->r, vgpu_model_kick(c->r->m, c->ring));
	return true;
}

bool rig_reap(struct rig_client *c, struct vgpu_completion *done)
{
	bool got = vgpu_ring_reap(&c->reaper, done, 1);

	if (vgpu_ring_reap_release(&c->reaper))
		RIG_CALL(c->r, vgpu_model_kick(c->r->m, c->ring));
	return got;
}

s32 rig_do(struct rig_client *c, u16 opcode, u16 flags, u64 a, u64 b, u64 d)
{
	struct vgpu_completion done;

	VGPU_OK(c->r->test, rig_send(c, opcode, flags, 0x5eed, a, b, d));
	rig_run(c->r);
	VGPU_OK(c->r->test, rig_reap(c, &done));
	VGPU_EQ(c->r->test, 0x5eed, done.user_data);
	return done.status;
}
