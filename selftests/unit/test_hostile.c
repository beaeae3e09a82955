// SPDX-License-Identifier: MIT
/*
 * Programs that wish the device ill: ring memory that holds anything and
 * changes while it is read, copies onto themselves through two mappings,
 * guards around the ring, and the bound of each call.
 *
 * Threads here race with the device on purpose, which is what TSan is made to
 * report: so this is not one of the programs that are built with it.
 */
#include "vgpu_test.h"
#include "model_guest.h"
#include <pthread.h>
#include <sys/mman.h>

#define HOSTILE_BYTES	(3u * 4096)	/* a ring of 64 + 64 entries */

/* Pages that nobody may touch on both sides. */
static u8 *guarded(void)
{
	u8 *p = mmap(NULL, HOSTILE_BYTES + 8192, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED ||
	    mprotect(p + 4096, HOSTILE_BYTES, PROT_READ | PROT_WRITE))
		return NULL;
	return p + 4096;
}

static void unguard(u8 *p)
{
	munmap(p - 4096, HOSTILE_BYTES + 8192);
}

/* A client whose ring lies between guards. */
static int open_guarded(struct client *c, struct shell *s, u8 *mem)
{
	u64 r[2];
	int ret = client_open(c, s);

	if (ret)
		return ret;
	shell_admin(s, VGPU_ADMIN_RING_DESTROY, NULL, c->ring, 0, 0, 0, 0, 0);
	shell_run(s);
	ret = shell_admin(s, VGPU_ADMIN_RING_CREATE, r, c->context,
			  c->ring_object, 64 | 64ull << 32, 1ull << 32,
			  c->counter, 0);
	if (ret)
		return ret;
	c->ring = (u32)r[0];
	ret = vgpu_model_ring_memory(s->m, c->ring, mem);
	if (ret)
		return ret;
	vgpu_ring_attach(&c->view, mem, 64, 64);
	vgpu_ring_reaper_init(&c->reaper, &c->view);
	return client_control(c, VGPU_RING_START);
}

static u32 rnd(u32 *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static u64 rnd64(u32 *seed)
{
	static const u64 odd[] = {
		0, 1, U64_MAX, 1ull << 63, 1ull << 31, 1ull << 32, 64, 65, 128,
	};

	if (rnd(seed) % 4)
		return odd[rnd(seed) % ARRAY_SIZE(odd)];
	return (u64)rnd(seed) << 40 ^ (u64)rnd(seed) << 20 ^ rnd(seed);
}

/* One call of run consumes no more than it may. */
static bool bounded_run(struct shell *s, u32 max)
{
	struct vgpu_work work[16];
	struct vgpu_model_stats a, b;
	u32 i, n;

	vgpu_model_stats(s->m, &a);
	s->now_ns += 100;
	n = vgpu_model_run(s->m, s->now_ns, work, max);
	vgpu_model_stats(s->m, &b);
	for (i = 0; i < n; i++) {
		shell_judge(s, &work[i]);
		shell_execute(s, &work[i]);
	}
	return n <= max && b.queued - a.queued <= 4 * max;
}

VGPU_TEST(garbage)
{
	struct client c, good;
	struct shell s;
	u32 i, k, seed = 7, errors = 0;
	u8 *mem = guarded();
	u64 r[2], old = 0;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, open_guarded(&c, &s, mem));
	ASSERT_EQ(0, client_open(&good, &s));
	for (i = 0; i < 20000 * vgpu_test_scale(); i++) {
		u64 v = rnd64(&seed);

		switch (rnd(&seed) % 8) {
		case 0:
			c.view.hdr->cq_head = v;
			break;
		case 1:
			c.view.hdr->sq_tail = v;
			break;
		case 2:
			c.view.hdr->sq_head = v;
			c.view.hdr->state = (u32)v;
			c.view.hdr->sq_entries = (u32)v;
			c.view.hdr->cq_entries = (u32)v;
			break;
		case 3:
			memcpy(mem + rnd(&seed) % (HOSTILE_BYTES / 8) * 8, &v, 8);
			break;
		case 4:
		case 5:
			client_send(&c, rnd(&seed) % 9, rnd(&seed) & 7, v,
				    c.vram_address, rnd(&seed) % 512 * 4,
				    rnd(&seed) % 512 * 4);
			break;
		case 6:
			/* What is there is published as it is. */
			shell_admin(&s, VGPU_ADMIN_RING_INFO, r, c.ring, 0, 0,
				    0, 0, 0);
			for (k = 0; k < 16; k++)
				vgpu_ring_slot(&c.view, 64 + r[0] - old + k)->seq =
					vgpu_ring_seq(64 + r[0] - old + k);
			client_control(&c, VGPU_RING_START);
			break;
		default:
			client_control(&c, 1 + rnd(&seed) % 3);
			break;
		}
		if (rnd(&seed) & 1)
			vgpu_model_kick(s.m, c.ring);
		ASSERT_TRUE(bounded_run(&s, 1 + rnd(&seed) % 16));
		if (vgpu_model_ring_state(s.m, c.ring) == VGPU_RING_ERROR) {
			errors++;
			ASSERT_EQ(0, client_control(&c, VGPU_RING_RESET));
			vgpu_ring_reaper_init(&c.reaper, &c.view);
			shell_admin(&s, VGPU_ADMIN_RING_INFO, r, c.ring, 0, 0,
				    0, 0, 0);
			old = r[0];
		}
		if (i % 16 == 0) {
			MODEL_HOLDS(&s);
			ASSERT_EQ(0, client_do(&good, VGPU_CMD_CLEAR, 0,
					       good.vram_address, 4, i));
		}
	}
	EXPECT_NE(0, errors);
	client_close(&c);
	client_close(&good);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
	unguard(mem);
}

struct race {
	struct client *c;
	u8 *mem;
	u32 mode;
	bool stop;
};

/*
 * Mode 0: addresses and sizes of which one pair in four reaches beyond the
 * block.  Mode 1: anything anywhere.
 */
static void *change(void *arg)
{
	struct race *r = arg;
	u32 i, seed = 99;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		if (r->mode) {
			u64 v = rnd64(&seed);
			u64 *at = (u64 *)r->mem + rnd(&seed) %
						  (HOSTILE_BYTES / 8);

			__atomic_store_n(at, v, __ATOMIC_RELAXED);
			continue;
		}
		for (i = 0; i < 64; i++) {
			struct vgpu_cmd *cmd = &r->c->view.sq[i];

			__atomic_store_n(&cmd->op[0], r->c->vram_address +
					 (rnd(&seed) & 1 ?
					  CLIENT_VRAM_BYTES - 4096 : 0),
					 __ATOMIC_RELAXED);
			__atomic_store_n(&cmd->op[1], rnd(&seed) & 1 ? 4096 :
					 CLIENT_VRAM_BYTES, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

VGPU_TEST(changed_while_read)
{
	u32 i, k, mode, seed = 3, good = 0, bad = 0;
	struct vgpu_completion done;
	struct client c;
	struct shell s;
	struct race r;
	pthread_t thread;
	u8 *mem;

	for (mode = 0; mode < 2; mode++) {
		mem = guarded();
		ASSERT_NE(NULL, mem);
		ASSERT_EQ(0, shell_open(&s, NULL));
		ASSERT_EQ(0, open_guarded(&c, &s, mem));
		r = (struct race){ .c = &c, .mem = mem, .mode = mode };
		ASSERT_EQ(0, pthread_create(&thread, NULL, change, &r));
		for (i = 0; i < 3000 * vgpu_test_scale(); i++) {
			/* One in four is bad, whether the race is won or not. */
			for (k = 0; k < 16; k++)
				client_send(&c, VGPU_CMD_CLEAR, 0, k,
					    c.vram_address +
					    (k & 1 ? CLIENT_VRAM_BYTES - 4096 :
						     0),
					    k & 2 ? CLIENT_VRAM_BYTES : 4096,
					    0);
			for (k = 0; k < 8; k++)
				ASSERT_TRUE(bounded_run(&s, 1 + rnd(&seed) %
							    16));
			ASSERT_EQ(NULL, s.wrong) TH_LOG("shell: %s", s.wrong);
			if (vgpu_model_ring_state(s.m, c.ring) ==
			    VGPU_RING_ERROR) {
				client_control(&c, VGPU_RING_RESET);
				vgpu_ring_reaper_init(&c.reaper, &c.view);
				client_control(&c, VGPU_RING_START);
			}
			for (k = 0; k < 64 && client_take(&c, &done); k++) {
				if (mode)
					continue;
				good += !done.status;
				bad += done.status == -EFAULT;
				ASSERT_TRUE(!done.status ||
					    done.status == -EFAULT);
			}
			if (i % 64 == 0)
				MODEL_HOLDS(&s);
		}
		__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		MODEL_HOLDS(&s);
		client_close(&c);
		ASSERT_EQ(NULL, model_gone(&s));
		shell_close(&s);
		unguard(mem);
	}
	TH_LOG("%u good, %u refused", good, bad);
	EXPECT_NE(0, good);
	EXPECT_NE(0, bad);
}

/* A command that waits to start is the device's own copy. */
VGPU_TEST(parked_is_private)
{
	struct vgpu_completion done;
	struct client c;
	struct shell s;
	u32 i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	s.keep = 1u << VGPU_WORK_CLEAR;
	ASSERT_TRUE(client_send(&c, VGPU_CMD_CLEAR, 0, 1, c.vram_address, 4,
				0));
	ASSERT_TRUE(client_send(&c, VGPU_CMD_NOP, VGPU_CMD_F_BARRIER, 2, 0, 0,
				0));
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(1, s.n_kept);
	for (i = 0; i < 64; i++) {
		c.view.sq[i].opcode = VGPU_CMD_CLEAR;
		c.view.sq[i].flags = 0xffff;
		c.view.sq[i].user_data = 99;
		memset(c.view.sq[i].op, 0xff, sizeof(c.view.sq[i].op));
	}
	shell_release(&s);
	ASSERT_TRUE(shell_run(&s));
	ASSERT_TRUE(client_take(&c, &done));
	EXPECT_EQ(1, done.user_data);
	EXPECT_EQ(0, done.status);
	ASSERT_TRUE(client_take(&c, &done));
	EXPECT_EQ(2, done.user_data);
	EXPECT_EQ(0, done.status);
	MODEL_HOLDS(&s);
	client_close(&c);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

/* Ranges that do not overlap, of mappings that do. */
VGPU_TEST(aliases)
{
	struct client c;
	struct shell s;
	u64 r[2], v, twice, h;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	v = c.vram_address;
	/* Right behind: what the device places leaves a gap. */
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_MAP, r, c.context, c.block,
				 v + CLIENT_VRAM_BYTES, 0, CLIENT_VRAM_BYTES,
				 0));
	twice = r[0];
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_COPY, 0, twice, v, 4));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_COPY, 0, twice + 4, v, 8));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_COPY, 0, v + 4, twice, 8));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_COPY, 0, twice + 8, v, 8));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_COPY, 0, v, twice + 8, 8));
	/* The last byte of a copy over two mappings meets the first. */
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_COPY, 0,
				     twice + CLIENT_VRAM_BYTES - 8192,
				     v + CLIENT_VRAM_BYTES - 4096, 8192));
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_MAP, r, c.context, c.system, 0,
				 0, CLIENT_SYSTEM_BYTES, VGPU_MAP_F_ANYWHERE));
	h = r[0];
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_COPY, 0, h, c.system_address,
				     4));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_COPY, 0, h + 4096,
			       c.system_address, 4096));
	MODEL_HOLDS(&s);
	client_close(&c);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

/* Who asked for an interrupt gets it, when a reset ends the command, too. */
VGPU_TEST(cancelled)
{
	struct vgpu_model_config config;
	struct vgpu_completion done;
	struct client c;
	struct shell s;
	u32 i;

	shell_config(&config);
	config.subdevice = VGPU_PCI_SUBDEVICE_GPU;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, shell_open(&s, &config));
		ASSERT_EQ(0, client_open(&c, &s));
		if (i)		/* parked behind a counter, or not taken */
			client_send(&c, VGPU_CMD_WAIT, VGPU_CMD_F_INTERRUPT, 1,
				    c.counter, 1, 0);
		else
			client_control(&c, VGPU_RING_PAUSE);
		if (!i)
			client_send(&c, VGPU_CMD_NOP, VGPU_CMD_F_INTERRUPT, 1,
				    0, 0, 0);
		ASSERT_TRUE(shell_run(&s));
		EXPECT_EQ(0, s.interrupts[1]);
		EXPECT_EQ(0, client_control(&c, VGPU_RING_RESET));
		ASSERT_TRUE(shell_run(&s));
		ASSERT_TRUE(client_take(&c, &done));
		EXPECT_EQ(-ECANCELED, done.status);
		EXPECT_EQ(1, s.interrupts[1]);
		client_close(&c);
		ASSERT_EQ(NULL, model_gone(&s));
		shell_close(&s);
	}
}

TEST_HARNESS_MAIN
