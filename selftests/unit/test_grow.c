// SPDX-License-Identifier: MIT
/*
 * Tables that grow: what is there stays what it is, a shortage of memory says
 * ENOMEM and changes nothing, and whoever waited for memory goes on.
 */
#include "vgpu_test.h"
#include "model_guest.h"

#define MANY	500u

/* Of a device of which each table is several times longer than at first. */
static void many(struct vgpu_model_config *c)
{
	shell_config(c);
	c->max_contexts = 100;
	c->max_objects = MANY;
	c->max_mappings = MANY;
	c->max_rings = 100;
	c->max_counters = MANY;
	c->max_kernels = 100;
	c->max_jobs = 100;
}

static void open_many(struct __test_metadata *_metadata, struct shell *s)
{
	struct vgpu_model_config config;

	many(&config);
	ASSERT_EQ(0, shell_open(s, &config));
	EXPECT_LT(vgpu_model_least_bytes(&config), vgpu_model_bytes(&config) / 2);
}

/* Blocks and mappings keep their ids, places and contents while all grow. */
VGPU_TEST(stays)
{
	u64 r[2], offset[MANY], address[MANY];
	u32 object[MANY], i, n;
	struct client c;
	struct shell s;

	open_many(_metadata, &s);
	ASSERT_EQ(0, client_open(&c, &s));
	for (n = 0; n < MANY - 3; n++) {
		if (shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 4096, 0,
				c.context, 0, 0, 0))
			break;
		object[n] = (u32)r[0];
		offset[n] = r[1];
		if (shell_admin(&s, VGPU_ADMIN_MAP, r, c.context, object[n], 0,
				0, 4096, VGPU_MAP_F_ANYWHERE))
			break;
		address[n] = r[0];
		/* Commands run meanwhile, on what was made before. */
		ASSERT_EQ(0, client_do(&c, VGPU_CMD_CLEAR, 0, address[n], 4096,
				       n));
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_COUNTER_CREATE, r,
					 c.context, n, 0, 0, 0, 0));
		MODEL_HOLDS(&s);
	}
	/* A ring and the client's memory are objects and mappings, too. */
	EXPECT_EQ(MANY - 3, n);
	EXPECT_EQ(-ENOSPC, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 256, 0,
				       0, 0, 0, 0));
	EXPECT_EQ(0, vgpu_model_short(s.m, VGPU_GROW_OBJECTS));
	EXPECT_GT(s.grown, 12);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_OBJECT_INFO, r,
					 object[i], 0, 0, 0, 0, 0));
		ASSERT_EQ(offset[i], r[0]);
		ASSERT_EQ(0, client_do(&c, VGPU_CMD_DOWNLOAD, 0,
				       c.system_address, address[i], 4));
		ASSERT_EQ(0, memcmp(c.system_memory, &i, 4));
	}
	client_close(&c);
	for (i = 0; i < n; i++)
		shell_admin(&s, VGPU_ADMIN_OBJECT_DESTROY, r, object[i], 0, 0,
			    0, 0, 0);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

/* Each kind of thing: ENOMEM, nothing changed; and then there is memory. */
VGPU_TEST(no_memory)
{
	static const struct {
		u16 opcode;
		u32 what;
		u64 op[6];	/* 1 stands for the context, or the object */
	} all[] = {
		{ VGPU_ADMIN_CONTEXT_CREATE, VGPU_GROW_CONTEXTS, { 0 } },
		{ VGPU_ADMIN_BLOCK_CREATE, VGPU_GROW_OBJECTS, { 256 } },
		{ VGPU_ADMIN_SYSTEM_CREATE, VGPU_GROW_OBJECTS, { 4096 } },
		{ VGPU_ADMIN_MAP, VGPU_GROW_MAPPINGS,
		  { 1, 2, 0, 0, 256, VGPU_MAP_F_ANYWHERE } },
		{ VGPU_ADMIN_COUNTER_CREATE, VGPU_GROW_COUNTERS, { 1 } },
	};
	struct vgpu_model_stats x, y;
	u64 r[2], context, block;
	struct shell s;
	u32 i, round;
	int ret;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		u64 op[6];

		open_many(_metadata, &s);
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_CONTEXT_CREATE, r, 0, 0,
					 0, 0, 0, 0));
		context = r[0];
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 256, 0,
					 0, 0, 0, 0));
		block = r[0];
		memcpy(op, all[i].op, sizeof(op));
		if (op[0] == 1)
			op[0] = context;
		if (op[1] == 2)
			op[1] = block;
		EXPECT_EQ(all[i].what, vgpu_model_takes(all[i].opcode));
		for (round = 0; round < 3; round++) {
			s.poor = true;
			do {
				vgpu_model_stats(s.m, &x);
				ret = shell_admin(&s, all[i].opcode, r, op[0],
						  op[1], op[2], op[3], op[4],
						  op[5]);
			} while (!ret);
			EXPECT_EQ(-ENOMEM, ret);
			vgpu_model_stats(s.m, &y);
			EXPECT_EQ(0, memcmp(&x, &y, sizeof(x)));
			MODEL_HOLDS(&s);
			s.poor = false;
			EXPECT_EQ(0, shell_admin(&s, all[i].opcode, r, op[0],
						 op[1], op[2], op[3], op[4],
						 op[5]));
		}
		vgpu_model_reset(s.m);
		ASSERT_EQ(NULL, model_gone(&s));
		shell_close(&s);
	}
}

/* What the admin queue makes, with memory and without. */
VGPU_TEST(admin_queue)
{
	struct vgpu_model_error error;
	u32 n, refused = 0;
	struct guest g;
	struct shell s;
	u64 r[2];
	s32 ret;

	open_many(_metadata, &s);
	ASSERT_EQ(0, guest_enable(&g, &s));
	for (n = 0; n < 60; n++) {
		s.poor = true;
		ret = guest_do(&g, VGPU_ADMIN_BLOCK_CREATE, r, 4096, 0, 0, 0, 0,
			       0);
		if (ret == -ENOMEM) {
			MODEL_HOLDS(&s);
			refused++;
			s.poor = false;
			ret = guest_do(&g, VGPU_ADMIN_BLOCK_CREATE, r, 4096, 0,
				       0, 0, 0, 0);
		}
		EXPECT_EQ(0, ret);
	}
	EXPECT_EQ(3, refused);
	EXPECT_EQ(refused, s.executed[VGPU_WORK_GROW] - s.grown);
	vgpu_model_error(s.m, &error);
	EXPECT_EQ(-ENOMEM, error.status);
	EXPECT_EQ(VGPU_ADMIN_BLOCK_CREATE, error.opcode);
	vgpu_model_reset(s.m);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

static bool send_blocks(struct guest *g, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (!guest_send(g, VGPU_ADMIN_BLOCK_CREATE, i, 256, 0, 0, 0, 0,
				0))
			return false;
	return true;
}

/* The queue holds its order while it waits; a reset ends the waiting. */
VGPU_TEST(admin_queue_waits)
{
	struct vgpu_admin_completion done;
	struct guest g;
	struct shell s;
	u32 i;

	open_many(_metadata, &s);
	ASSERT_EQ(0, guest_enable(&g, &s));
	s.keep = 1u << VGPU_WORK_GROW;
	ASSERT_TRUE(send_blocks(&g, 20));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(1, s.n_kept);
	EXPECT_EQ(VGPU_GROW_OBJECTS, s.kept[0].arg);
	EXPECT_EQ(-EBUSY, vgpu_model_save(s.m, NULL, 0));
	for (i = 0; guest_take(&g, &done); i++)
		EXPECT_EQ(i, done.user_data);
	EXPECT_LT(i, 20);
	s.keep = 0;
	shell_release(&s);
	ASSERT_TRUE(shell_run(&s));
	for (; guest_take(&g, &done); i++) {
		EXPECT_EQ(i, done.user_data);
		EXPECT_EQ(0, done.status);
	}
	EXPECT_EQ(20, i);

	s.keep = 1u << VGPU_WORK_GROW;
	ASSERT_TRUE(send_blocks(&g, 20));
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(1, s.n_kept);
	vgpu_model_reset(s.m);
	ASSERT_TRUE(shell_run(&s));
	s.keep = 0;
	shell_release(&s);
	ASSERT_EQ(NULL, model_gone(&s));
	ASSERT_EQ(0, guest_enable(&g, &s));
	EXPECT_EQ(0, guest_do(&g, VGPU_ADMIN_BLOCK_CREATE, NULL, 256, 0, 0, 0,
			      0, 0));
	vgpu_model_reset(s.m);
	ASSERT_EQ(NULL, model_gone(&s));
	/* Once reported, it is over. */
	EXPECT_EQ(-ENOENT, vgpu_model_done(s.m, s.kept[0].id, 0, s.now_ns, 0));
	shell_close(&s);
}

/* More commands in flight: as many as there may be, or as there can be. */
VGPU_TEST(jobs)
{
	struct vgpu_completion done;
	struct client c[2];
	struct shell s;
	u32 i, n, out;
	u64 taken;

	open_many(_metadata, &s);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, client_open_ring(&c[i], &s, 64, 64, i, 1));
		ASSERT_EQ(0, client_control(&c[i], VGPU_RING_START));
	}
	for (n = 0; n < 2; n++) {
		s.poor = !n;
		s.keep = 1u << VGPU_WORK_CLEAR;
		for (i = 0; i < 128; i++)
			ASSERT_TRUE(client_send(&c[i % 2], VGPU_CMD_CLEAR,
						VGPU_CMD_F_INTERRUPT, i,
						c[i % 2].vram_address, 256, n));
		ASSERT_TRUE(shell_run(&s));
		out = s.n_kept;
		EXPECT_EQ(n ? s.config.max_jobs : 7, out);
		MODEL_HOLDS(&s);
		/* Slots of what was taken are free, though the rings wait. */
		taken = READ_ONCE(c[0].view.hdr->sq_head) +
			READ_ONCE(c[1].view.hdr->sq_head) - 2 * 64 - n * 128;
		EXPECT_GE(taken, out);
		/* The others follow as these end, whatever there is. */
		s.keep = 0;
		shell_release(&s);
		ASSERT_TRUE(shell_run(&s));
		for (i = 0; i < 128; i++) {
			ASSERT_TRUE(client_take(&c[i % 2], &done));
			EXPECT_EQ(i, done.user_data);
			EXPECT_EQ(0, done.status);
		}
		MODEL_HOLDS(&s);
	}
	for (i = 0; i < 2; i++)
		client_close(&c[i]);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

/* Whoever keeps a ring full puts in as much as came out, whatever it waits for. */
VGPU_TEST(room_for_as_much)
{
	struct vgpu_completion done;
	u32 seed, k, sent, ended;
	struct client c;
	struct shell s;

	for (seed = 1; seed <= 20; seed++) {
		open_many(_metadata, &s);
		ASSERT_EQ(0, client_open(&c, &s));
		s.keep = 1u << VGPU_WORK_CLEAR | 1u << VGPU_WORK_GROW;
		srand(seed);
		for (sent = 0; client_send(&c, VGPU_CMD_CLEAR, 0, sent,
					   c.vram_address, 4, 0); sent++)
			;
		for (k = 0, ended = 0; k < 500; k++) {
			if (!s.n_kept || rand() % 10 == 0)
				shell_run_for(&s, 1);
			if (s.n_kept)
				shell_release_one(&s, 0);
			for (; client_take(&c, &done); sent++) {
				ASSERT_EQ(ended++, done.user_data);
				ASSERT_TRUE(client_send(&c, VGPU_CMD_CLEAR, 0,
							sent, c.vram_address,
							4, 0));
			}
		}
		EXPECT_GT(ended, 400);
		s.keep = 0;
		shell_release(&s);
		client_close(&c);
		ASSERT_EQ(NULL, model_gone(&s));
		shell_close(&s);
	}
}

/* What is kept for favoured rings is there before memory gets short. */
VGPU_TEST(jobs_kept)
{
	struct vgpu_completion done;
	struct client c[2];
	struct shell s;
	u32 i;

	open_many(_metadata, &s);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, client_open(&c[i], &s));
	s.keep = 1u << VGPU_WORK_CLEAR;
	s.poor = true;
	for (i = 0; i < 30; i++)
		ASSERT_TRUE(client_send(&c[0], VGPU_CMD_CLEAR, 0, i,
					c[0].vram_address, 4, 0));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(7, s.n_kept);
	s.poor = false;
	EXPECT_NE(0, vgpu_model_short(s.m, VGPU_GROW_JOBS));
	ASSERT_EQ(0, shell_grow(&s, VGPU_GROW_JOBS));
	ASSERT_EQ(0, vgpu_model_favour(s.m, c[1].ring));
	s.poor = true;
	/* Nothing of the first ring has ended. */
	ASSERT_TRUE(client_send(&c[1], VGPU_CMD_UPLOAD, 0, 77,
				c[1].vram_address, c[1].system_address, 4));
	ASSERT_TRUE(shell_run(&s));
	ASSERT_TRUE(client_take(&c[1], &done));
	EXPECT_EQ(77, done.user_data);
	EXPECT_EQ(0, done.status);
	EXPECT_FALSE(client_take(&c[0], &done));
	MODEL_HOLDS(&s);
	s.keep = 0;
	shell_release(&s);
	ASSERT_TRUE(shell_run(&s));
	for (i = 0; client_take(&c[0], &done); i++)
		EXPECT_EQ(i, done.user_data);
	EXPECT_EQ(30, i);
	for (i = 0; i < 2; i++)
		client_close(&c[i]);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

/* Memory that comes late, or is too little, goes back. */
VGPU_TEST(two_at_once)
{
	void *first, *second, *mem;
	struct shell s;
	size_t bytes;
	u64 r[2];

	open_many(_metadata, &s);
	EXPECT_EQ(0, vgpu_model_short(s.m, VGPU_GROW_NONE));
	EXPECT_EQ(0, vgpu_model_short(s.m, VGPU_GROW_COUNTERS));
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_CONTEXT_CREATE, r, 0, 0, 0, 0,
				 0, 0));
	bytes = vgpu_model_short(s.m, VGPU_GROW_CONTEXTS);
	ASSERT_NE(0, bytes);
	first = shell_zalloc(bytes);
	second = shell_zalloc(bytes);
	EXPECT_EQ(first, vgpu_model_grow(s.m, VGPU_GROW_CONTEXTS, first,
					 bytes - 1));
	/* The piece that it began with is not the shell's to free. */
	EXPECT_EQ(NULL, vgpu_model_grow(s.m, VGPU_GROW_CONTEXTS, first, bytes));
	EXPECT_EQ(second, vgpu_model_grow(s.m, VGPU_GROW_CONTEXTS, second,
					  bytes));
	free(second);
	bytes = vgpu_model_short(s.m, VGPU_GROW_ALL);
	mem = shell_zalloc(bytes);
	EXPECT_EQ(first, vgpu_model_grow(s.m, VGPU_GROW_ALL, mem, bytes));
	free(first);
	EXPECT_EQ(0, vgpu_model_short(s.m, VGPU_GROW_ALL));
	MODEL_HOLDS(&s);
	vgpu_model_reset(s.m);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

TEST_HARNESS_MAIN
