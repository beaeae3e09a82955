// SPDX-License-Identifier: MIT
/*
 * Kernel launches: every rule of "DOC: Kernel launches", timeouts, the loss of
 * the engine, and what becomes of the memory of a launch that nobody waits for.
 */
#include "vgpu_test.h"
#include "model_guest.h"

/* A client with a kernel; arguments at the start of its system memory. */
struct prog {
	struct shell s;
	struct client c;
	u32 kernel;
	struct vgpu_args *args;
	u64 ro;			/* the block again, read-only */
};

static struct vgpu_launch seen;
static u32 n_seen;

static void see(struct shell *s, const struct vgpu_launch *l)
{
	seen = *l;
	n_seen++;
}

static int open_prog(struct prog *p, const struct vgpu_model_config *config)
{
	struct vgpu_kernel_info info = {
		.used = 3, .written = 2, .const_bytes = 4,
		.workgroup = { 64, 1, 1 },
	};
	u64 r[2];
	int ret;

	n_seen = 0;
	ret = shell_open(&p->s, config);
	if (!ret)
		ret = client_open(&p->c, &p->s);
	if (ret)
		return ret;
	p->s.on_launch = see;
	vgpu_model_engine(p->s.m, true, 1);
	ret = shell_kernel(&p->s, p->c.context, &info, 0x70c, &p->kernel);
	if (ret)
		return ret;
	ret = shell_admin(&p->s, VGPU_ADMIN_MAP, r, p->c.context, p->c.block, 0,
			  0, CLIENT_VRAM_BYTES,
			  VGPU_MAP_F_ANYWHERE | VGPU_MAP_F_READ_ONLY);
	p->ro = r[0];
	p->args = (struct vgpu_args *)p->c.system_memory;
	return ret;
}

/* Good arguments: reads at 0, writes at 4096 of the block. */
static void good_args(struct prog *p)
{
	memset(p->args, 0, sizeof(*p->args));
	p->args->n_ranges = 2;
	p->args->const_bytes = 4;
	p->args->ranges[0] = (struct vgpu_range){ p->c.vram_address, 4096,
						  VGPU_RANGE_READ };
	p->args->ranges[1] = (struct vgpu_range){ p->c.vram_address + 4096,
						  4096, VGPU_RANGE_ALL };
	p->args->consts[0] = 0xab;
}

static bool send_launch(struct prog *p, u16 flags, u64 data, u64 timeout_ns)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_CMD_LAUNCH, .flags = flags, .user_data = data,
		.op = { p->kernel, 5 | 6ull << 32, 7, p->c.system_address,
			timeout_ns },
	};

	return client_push(&p->c, &cmd);
}

static s32 launch(struct prog *p)
{
	struct vgpu_completion done = { .status = 1 };

	send_launch(p, 0, 1, 0);
	shell_run(&p->s);
	return client_take(&p->c, &done) ? done.status : 2;
}

static void close_prog(struct __test_metadata *_metadata, struct prog *p)
{
	client_close(&p->c);
	ASSERT_EQ(NULL, model_gone(&p->s));
	shell_close(&p->s);
}

VGPU_TEST(translated)
{
	struct prog p;
	u64 r[2];

	ASSERT_EQ(0, open_prog(&p, NULL));
	good_args(&p);
	EXPECT_EQ(0, launch(&p));
	EXPECT_EQ(1, n_seen);
	EXPECT_EQ(p.kernel, seen.kernel);
	EXPECT_EQ(0x70c, seen.token);
	EXPECT_EQ(5, seen.grid[0]);
	EXPECT_EQ(6, seen.grid[1]);
	EXPECT_EQ(7, seen.grid[2]);
	EXPECT_EQ(p.c.context, seen.context);
	EXPECT_EQ(2, seen.n_ranges);
	EXPECT_EQ(p.c.vram_offset, seen.ranges[0].address);
	EXPECT_EQ(4096, seen.ranges[0].bytes);
	EXPECT_EQ(p.c.vram_offset + 4096, seen.ranges[1].address);
	EXPECT_EQ(4, seen.const_bytes);
	EXPECT_EQ(0xab, seen.consts[0]);
	EXPECT_EQ(0, seen.idempotent);
	EXPECT_EQ(0, seen.timeout_ns);
	/* The block in VRAM, and split over two mappings. */
	EXPECT_EQ(0, client_do(&p.c, VGPU_CMD_UPLOAD, 0, p.c.vram_address,
			       p.c.system_address, 512));
	ASSERT_TRUE(client_push(&p.c, &(struct vgpu_cmd){
		.opcode = VGPU_CMD_LAUNCH, .flags = VGPU_CMD_F_IDEMPOTENT,
		.op = { p.kernel, 1 | 1ull << 32, 1, p.c.vram_address } }));
	ASSERT_TRUE(shell_run(&p.s));
	EXPECT_EQ(2, n_seen);
	EXPECT_EQ(1, seen.idempotent);
	ASSERT_TRUE(client_take(&p.c, &(struct vgpu_completion){ 0 }));
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_MAP, r, p.c.context,
				 p.c.system, 1ull << 40, 0, 256, 0));
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_MAP, r, p.c.context,
				 p.c.system, (1ull << 40) + 256, 256, 256, 0));
	ASSERT_TRUE(client_push(&p.c, &(struct vgpu_cmd){
		.opcode = VGPU_CMD_LAUNCH,
		.op = { p.kernel, 1 | 1ull << 32, 1, 1ull << 40 } }));
	ASSERT_TRUE(shell_run(&p.s));
	EXPECT_EQ(3, n_seen);
	EXPECT_EQ(0xab, seen.consts[0]);
	ASSERT_TRUE(client_take(&p.c, &(struct vgpu_completion){ 0 }));
	MODEL_HOLDS(&p.s);
	close_prog(_metadata, &p);
}

/* The command itself. */
VGPU_TEST(bad_command)
{
	static const struct {
		u64 xy, z, args;
		s32 status;
	} bad[] = {
		{ 0 | 1ull << 32, 1, 0, -EINVAL },
		{ 1, 1, 0, -EINVAL },
		{ 1 | 1ull << 32, 0, 0, -EINVAL },
		{ 0x80000000 | 1ull << 32, 1, 0, -EINVAL },
		{ 1 | 65536ull << 32, 1, 0, -EINVAL },
		{ 1 | 1ull << 32, 65536, 0, -EINVAL },
		{ 1 | 1ull << 32, 1 | 1ull << 32, 0, -EINVAL },
		{ 1 | 1ull << 32, 1, 8, -EINVAL },
		{ 1 | 1ull << 32, 1, 1ull << 20, -EFAULT },
		{ 1 | 1ull << 32, 1, 1ull << 63, -EFAULT },
		{ 0x7fffffff | 65535ull << 32, 65535, 0, 0 },
	};
	struct vgpu_kernel_info info = { .workgroup = { 1, 1, 1 } };
	struct vgpu_completion done;
	struct client other;
	struct prog p;
	u32 plain, theirs, i;

	ASSERT_EQ(0, open_prog(&p, NULL));
	ASSERT_EQ(0, client_open(&other, &p.s));
	ASSERT_EQ(0, shell_kernel(&p.s, p.c.context, &info, 1,
					   &plain));
	ASSERT_EQ(0, shell_kernel(&p.s, other.context, &info, 1,
					   &theirs));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_TRUE(client_push(&p.c, &(struct vgpu_cmd){
			.opcode = VGPU_CMD_LAUNCH,
			.op = { plain, bad[i].xy, bad[i].z, bad[i].args } }));
		ASSERT_TRUE(shell_run(&p.s));
		ASSERT_TRUE(client_take(&p.c, &done));
		EXPECT_EQ(bad[i].status, done.status) TH_LOG("case %u", i);
	}
	/* Kernels of others, stale ones, ids of other kinds. */
	EXPECT_EQ(-EINVAL, client_do(&p.c, VGPU_CMD_LAUNCH, 0, theirs,
				     1 | 1ull << 32, 1));
	EXPECT_EQ(-EINVAL, client_do(&p.c, VGPU_CMD_LAUNCH, 0,
				     plain | 1ull << 32, 1 | 1ull << 32, 1));
	EXPECT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_KERNEL_DESTROY, NULL, plain,
				 0, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, client_do(&p.c, VGPU_CMD_LAUNCH, 0, plain,
				     1 | 1ull << 32, 1));
	EXPECT_EQ(1, p.s.dropped);
	/* Without an engine. */
	vgpu_model_engine(p.s.m, false, 0);
	EXPECT_EQ(-EOPNOTSUPP, launch(&p));
	client_close(&other);
	close_prog(_metadata, &p);
}

/* Each rule of the argument block, broken alone. */
VGPU_TEST(bad_arguments)
{
	struct vgpu_model_config config;
	struct prog p;
	u64 r[2], a;
	u32 i;

	shell_config(&config);
	ASSERT_EQ(0, open_prog(&p, &config));
	a = p.c.vram_address;
	good_args(&p);
	EXPECT_EQ(0, launch(&p));
#define BAD(status, change)						\
do {									\
	good_args(&p);							\
	change;								\
	EXPECT_EQ(status, launch(&p)) TH_LOG("%s", #change);		\
} while (0)
	BAD(-EINVAL, p.args->n_ranges = 17);
	BAD(-EINVAL, p.args->n_ranges = ~0u);
	BAD(-EINVAL, p.args->n_ranges = 1);
	BAD(-EINVAL, p.args->n_ranges = 0);
	BAD(-EINVAL, p.args->const_bytes = 132);
	BAD(-EINVAL, p.args->const_bytes = 130);
	BAD(-EINVAL, p.args->const_bytes = 3);
	BAD(-EINVAL, p.args->const_bytes = 0);
	BAD(-EINVAL, p.args->const_bytes = ~3u);
	BAD(0, p.args->const_bytes = 128);
	for (i = 0; i < 64; i++)
		BAD(-EINVAL, p.args->reserved = 1ull << i);
	for (i = 2; i < 16; i++) {
		BAD(-EINVAL, p.args->ranges[i].address = 256);
		BAD(-EINVAL, p.args->ranges[i].bytes = 4);
		BAD(-EINVAL, p.args->ranges[i].flags = 1);
	}
	for (i = 0; i < 8; i++)
		BAD(-EINVAL, p.args->ranges[0].address += 1u << i);
	BAD(-EINVAL, p.args->ranges[0].bytes = 0);
	BAD(-EINVAL, p.args->ranges[0].bytes = 4095);
	BAD(-EINVAL, p.args->ranges[0].bytes = 2);
	for (i = 2; i < 32; i++)
		BAD(-EINVAL, p.args->ranges[0].flags |= 1u << i);
	BAD(-EINVAL, p.args->ranges[0].flags = 0);
	/* A binding left out that is used; one that is not may be. */
	BAD(-EINVAL, memset(&p.args->ranges[0], 0, 16));
	BAD(0, p.args->n_ranges = 3);
	BAD(-EINVAL, p.args->ranges[1].flags = VGPU_RANGE_READ);
	BAD(0, p.args->ranges[1].flags = VGPU_RANGE_WRITE);
	BAD(-EFAULT, p.args->ranges[0].address = 1ull << 45);
	BAD(-EFAULT, p.args->ranges[0].address = U64_MAX - 255);
	BAD(-EFAULT, (p.args->ranges[0].address = p.ro,
		      p.args->ranges[0].bytes = CLIENT_VRAM_BYTES + 4));
	BAD(-EACCES, p.args->ranges[1].address = p.ro);
	BAD(0, p.args->ranges[0].address = p.ro);
	BAD(-EOPNOTSUPP, p.args->ranges[0].address = p.c.system_address);
	/* Overlaps: by address, and by another mapping of the same bytes. */
	BAD(-EINVAL, p.args->ranges[1].address = a);
	BAD(-EINVAL, p.args->ranges[0].address = a + 4096 + 256);
	BAD(-EINVAL, p.args->ranges[0].address = p.ro + 8192 - 256);
	BAD(0, p.args->ranges[0].address = p.ro + 8192);
	BAD(0, (p.args->n_ranges = 3, p.args->ranges[2] = p.args->ranges[0]));
	/* Two mappings without a gap are two mappings. */
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_MAP, r, p.c.context,
				 p.c.block, 1ull << 40, 0, 4096, 0));
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_MAP, r, p.c.context,
				 p.c.block, (1ull << 40) + 4096, 4096, 4096,
				 0));
	BAD(-EINVAL, (p.args->ranges[0].address = 1ull << 40,
		      p.args->ranges[0].bytes = 8192));
	BAD(-EINVAL, (p.args->ranges[1].address = (1ull << 40) + 4096 - 256,
		      p.args->ranges[1].bytes = 512));
	MODEL_HOLDS(&p.s);
	close_prog(_metadata, &p);

	/* With ALIAS ranges may overlap. */
	config.features |= VGPU_FEATURE_ALIAS;
	ASSERT_EQ(0, open_prog(&p, &config));
	BAD(0, p.args->ranges[1].address = p.c.vram_address);
	close_prog(_metadata, &p);
#undef BAD
}

/* A launch that hangs: its memory stays until the worker has let go. */
VGPU_TEST(timeouts)
{
	struct vgpu_model_config config;
	struct vgpu_completion done;
	struct prog p;
	u32 i;

	shell_config(&config);
	config.launch_timeout_ns = 1000000;
	ASSERT_EQ(0, open_prog(&p, &config));
	good_args(&p);
	p.s.keep = 1u << VGPU_WORK_LAUNCH | 1u << VGPU_WORK_CANCEL;
	EXPECT_EQ(U64_MAX, vgpu_model_deadline(p.s.m));
	ASSERT_TRUE(send_launch(&p, VGPU_CMD_F_SIGNAL, 1, 0));
	ASSERT_TRUE(send_launch(&p, 0, 2, 5000));
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_EQ(2, p.s.n_kept);
	vgpu_model_tick(p.s.m, p.s.now_ns);
	EXPECT_EQ(2, p.s.n_kept);
	vgpu_model_tick(p.s.m, vgpu_model_deadline(p.s.m) - 1);
	EXPECT_FALSE(client_take(&p.c, &done));
	vgpu_model_tick(p.s.m, vgpu_model_deadline(p.s.m));
	ASSERT_TRUE(client_take(&p.c, &done));
	EXPECT_EQ(2, done.user_data);
	EXPECT_EQ(-ETIMEDOUT, done.status);
	MODEL_HOLDS(&p.s);
	vgpu_model_tick(p.s.m, vgpu_model_deadline(p.s.m));
	ASSERT_TRUE(client_take(&p.c, &done));
	EXPECT_EQ(1, done.user_data);
	EXPECT_EQ(-ETIMEDOUT, done.status);
	EXPECT_EQ(U64_MAX, vgpu_model_deadline(p.s.m));
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_EQ(4, p.s.n_kept);
	for (i = 2; i < 4; i++) {
		EXPECT_EQ(VGPU_WORK_CANCEL, p.s.kept[i].kind);
		EXPECT_TRUE(p.s.kept[i].arg == p.s.kept[0].id ||
			    p.s.kept[i].arg == p.s.kept[1].id);
	}
	/* The context goes; the block and the kernel stay for the worker. */
	client_close(&p.c);
	ASSERT_TRUE(shell_run(&p.s));
	EXPECT_EQ(CLIENT_VRAM_BYTES, vgpu_account_current(&p.s.gpu));
	EXPECT_EQ(0, p.s.dropped);
	MODEL_HOLDS(&p.s);
	EXPECT_EQ(0, vgpu_model_done(p.s.m, p.s.kept[0].id, 0, 0, 0));
	EXPECT_EQ(-ENOENT, vgpu_model_done(p.s.m, p.s.kept[0].id, 0, 0, 0));
	ASSERT_TRUE(shell_run(&p.s));
	EXPECT_EQ(CLIENT_VRAM_BYTES, vgpu_account_current(&p.s.gpu));
	EXPECT_EQ(0, vgpu_model_done(p.s.m, p.s.kept[1].id, -EIO, 0, 0));
	EXPECT_EQ(-ENOENT, vgpu_model_done(p.s.m, p.s.kept[1].id, 0, 0, 0));
	p.s.n_kept = 0;
	ASSERT_EQ(NULL, model_gone(&p.s));
	EXPECT_EQ(0x70c, p.s.dropped);
	shell_close(&p.s);
}

/* A wish for the longest run there is, is not a run of no time. */
VGPU_TEST(long_timeout)
{
	struct vgpu_completion done;
	struct prog p;

	ASSERT_EQ(0, open_prog(&p, NULL));
	good_args(&p);
	p.s.keep = 1u << VGPU_WORK_LAUNCH;
	ASSERT_TRUE(send_launch(&p, 0, 1, U64_MAX));
	ASSERT_TRUE(send_launch(&p, 0, 2, 0));
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_EQ(2, p.s.n_kept);
	vgpu_model_tick(p.s.m, p.s.now_ns + 1000000000);
	EXPECT_FALSE(client_take(&p.c, &done));
	shell_release(&p.s);
	ASSERT_TRUE(client_take(&p.c, &done));
	EXPECT_EQ(0, done.status);
	ASSERT_TRUE(client_take(&p.c, &done));
	close_prog(_metadata, &p);
}

/* The engine goes: what it ran ends with EIO, once. */
VGPU_TEST(engine_lost)
{
	struct vgpu_completion done;
	struct prog p;
	u32 id;

	ASSERT_EQ(0, open_prog(&p, NULL));
	good_args(&p);
	p.s.keep = 1u << VGPU_WORK_LAUNCH;
	ASSERT_TRUE(send_launch(&p, 0, 1, 0));
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_EQ(1, p.s.n_kept);
	/* A second one waits for its arguments. */
	p.s.keep |= 1u << VGPU_WORK_FETCH;
	ASSERT_TRUE(send_launch(&p, 0, 2, 0));
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_EQ(2, p.s.n_kept);
	id = p.s.kept[0].id;
	vgpu_model_engine(p.s.m, false, p.s.now_ns);
	EXPECT_EQ(-ENOENT, vgpu_model_done(p.s.m, id, 0, 0, 0));
	ASSERT_TRUE(client_take(&p.c, &done));
	EXPECT_EQ(1, done.user_data);
	EXPECT_EQ(-EIO, done.status);
	EXPECT_FALSE(client_take(&p.c, &done));
	MODEL_HOLDS(&p.s);
	shell_forget_launches(&p.s);
	shell_release(&p.s);
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_TRUE(client_take(&p.c, &done));
	EXPECT_EQ(2, done.user_data);
	EXPECT_EQ(-EIO, done.status);
	vgpu_model_engine(p.s.m, true, p.s.now_ns);
	p.s.keep = 0;
	EXPECT_EQ(0, launch(&p));
	close_prog(_metadata, &p);
}

/* A launch and a copy pass each other, but not through a barrier. */
VGPU_TEST(order)
{
	struct vgpu_completion done;
	struct prog p;

	ASSERT_EQ(0, open_prog(&p, NULL));
	good_args(&p);
	p.s.keep = 1u << VGPU_WORK_LAUNCH;
	ASSERT_TRUE(send_launch(&p, 0, 1, 0));
	ASSERT_TRUE(client_send(&p.c, VGPU_CMD_CLEAR, 0, 2, p.c.vram_address, 4,
				0));
	ASSERT_TRUE(client_send(&p.c, VGPU_CMD_CLEAR, VGPU_CMD_F_BARRIER, 3,
				p.c.vram_address, 4, 0));
	ASSERT_TRUE(client_send(&p.c, VGPU_CMD_NOP, 0, 4, 0, 0, 0));
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_TRUE(client_take(&p.c, &done));
	EXPECT_EQ(2, done.user_data);
	EXPECT_FALSE(client_take(&p.c, &done));
	EXPECT_EQ(1, p.s.executed[VGPU_WORK_CLEAR]);
	MODEL_HOLDS(&p.s);
	shell_release(&p.s);
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_TRUE(client_take(&p.c, &done));
	EXPECT_EQ(1, done.user_data);
	ASSERT_TRUE(client_take(&p.c, &done));
	EXPECT_EQ(4, done.user_data);
	ASSERT_TRUE(client_take(&p.c, &done));
	EXPECT_EQ(3, done.user_data);
	/* A launch behind a barrier waits for the copy before it. */
	p.s.keep = 1u << VGPU_WORK_CLEAR;
	ASSERT_TRUE(client_send(&p.c, VGPU_CMD_CLEAR, 0, 5, p.c.vram_address, 4,
				0));
	ASSERT_TRUE(send_launch(&p, VGPU_CMD_F_BARRIER, 6, 0));
	n_seen = 0;
	ASSERT_TRUE(shell_run(&p.s));
	EXPECT_EQ(0, n_seen);
	shell_release(&p.s);
	ASSERT_TRUE(shell_run(&p.s));
	EXPECT_EQ(1, n_seen);
	close_prog(_metadata, &p);
}

/* The arguments are fetched, and then the block that they name is on a move. */
VGPU_TEST(argument_on_a_move)
{
	struct vgpu_completion done;
	struct prog p;
	u64 r[2], hole, from;

	ASSERT_EQ(0, shell_open(&p.s, NULL));
	shell_close(&p.s);
	ASSERT_EQ(0, open_prog(&p, NULL));
	/* Something small below the client's block, so that it can move. */
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_UNMAP, NULL, p.c.context,
				 p.ro, 0, 0, 0, 0));
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_UNMAP, NULL, p.c.context,
				 p.c.vram_address, 0, 0, 0, 0));
	hole = p.c.block;
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_BLOCK_CREATE, r, 65536, 0,
				 p.c.context, 0, 0, 0));
	p.c.block = (u32)r[0];
	from = r[1];
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_MAP, r, p.c.context,
				 p.c.block, p.c.vram_address, 0, 65536, 0));
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_OBJECT_DESTROY, NULL, hole, 0,
				 0, 0, 0, 0));
	ASSERT_TRUE(shell_run(&p.s));
	good_args(&p);
	p.s.keep = 1u << VGPU_WORK_FETCH | 1u << VGPU_WORK_MOVE;
	ASSERT_TRUE(send_launch(&p, 0, 9, 0));
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_EQ(1, p.s.n_kept);
	ASSERT_EQ(0, vgpu_model_compact(p.s.m, U64_MAX));
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_EQ(2, p.s.n_kept);
	ASSERT_EQ(VGPU_WORK_MOVE, p.s.kept[1].kind);
	shell_release_one(&p.s, 0);
	ASSERT_TRUE(shell_run(&p.s));
	EXPECT_EQ(0, n_seen);
	EXPECT_FALSE(client_take(&p.c, &done));
	MODEL_HOLDS(&p.s);
	shell_release(&p.s);
	p.s.keep = 0;
	ASSERT_TRUE(shell_run(&p.s));
	EXPECT_EQ(1, n_seen);
	EXPECT_GT(from, seen.ranges[0].address);
	ASSERT_TRUE(client_take(&p.c, &done));
	EXPECT_EQ(0, done.status);
	/* And a reset in that very state. */
	good_args(&p);
	p.s.keep = 1u << VGPU_WORK_FETCH;
	ASSERT_TRUE(send_launch(&p, 0, 9, 0));
	ASSERT_TRUE(shell_run(&p.s));
	vgpu_model_reset(p.s.m);
	MODEL_HOLDS(&p.s);
	ASSERT_TRUE(shell_run(&p.s));
	shell_release(&p.s);
	ASSERT_EQ(NULL, model_gone(&p.s));
	shell_close(&p.s);
}

/* A block that is being zeroed is not moved. */
VGPU_TEST(scrub_and_compact)
{
	struct prog p;
	u64 r[2];
	u32 i;

	ASSERT_EQ(0, open_prog(&p, NULL));
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_BLOCK_CREATE, r, 65536, 0, 0,
				 0, 0, 0));
	client_close(&p.c);
	ASSERT_TRUE(shell_run(&p.s));
	p.s.keep = 1u << VGPU_WORK_SCRUB | 1u << VGPU_WORK_MOVE;
	ASSERT_EQ(0, shell_admin(&p.s, VGPU_ADMIN_OBJECT_DESTROY, NULL, r[0], 0,
				 0, 0, 0, 0));
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_EQ(1, p.s.n_kept);
	ASSERT_EQ(0, vgpu_model_compact(p.s.m, U64_MAX));
	ASSERT_TRUE(shell_run(&p.s));
	MODEL_HOLDS(&p.s);
	for (i = 0; i < p.s.n_kept; i++)
		EXPECT_EQ(VGPU_WORK_SCRUB, p.s.kept[i].kind);
	/* One that fails comes again; until then the bytes are nobody's. */
	ASSERT_EQ(1, p.s.n_kept);
	EXPECT_EQ(0, vgpu_model_done(p.s.m, p.s.kept[0].id, -EIO, 0, 0));
	EXPECT_EQ(-ENOENT, vgpu_model_done(p.s.m, p.s.kept[0].id, 0, 0, 0));
	EXPECT_EQ(65536, vgpu_account_current(&p.s.gpu));
	p.s.n_kept = 0;
	ASSERT_TRUE(shell_run(&p.s));
	MODEL_HOLDS(&p.s);
	ASSERT_EQ(1, p.s.n_kept);
	EXPECT_EQ(VGPU_WORK_SCRUB, p.s.kept[0].kind);
	shell_release(&p.s);
	p.s.keep = 0;
	ASSERT_EQ(NULL, model_gone(&p.s));
	shell_close(&p.s);
}

/* Reset with launches out; the late reports free, once. */
VGPU_TEST(reset)
{
	struct prog p;
	u32 i, n;

	ASSERT_EQ(0, open_prog(&p, NULL));
	good_args(&p);
	p.s.keep = 1u << VGPU_WORK_LAUNCH | 1u << VGPU_WORK_CANCEL;
	for (i = 0; i < 8; i++)
		ASSERT_TRUE(send_launch(&p, i & 1 ? VGPU_CMD_F_SIGNAL : 0, i,
					0));
	ASSERT_TRUE(shell_run(&p.s));
	ASSERT_EQ(8, p.s.n_kept);
	vgpu_model_reset(p.s.m);
	vgpu_model_reset(p.s.m);
	ASSERT_TRUE(shell_run(&p.s));
	MODEL_HOLDS(&p.s);
	ASSERT_EQ(16, p.s.n_kept);
	EXPECT_EQ(CLIENT_VRAM_BYTES, vgpu_account_current(&p.s.gpu));
	for (n = 0; n < 8; n++) {
		EXPECT_EQ(0, vgpu_model_done(p.s.m, p.s.kept[n].id, 0, 0, 0));
		EXPECT_EQ(-ENOENT, vgpu_model_done(p.s.m, p.s.kept[n].id, 0, 0,
						   0));
		MODEL_HOLDS(&p.s);
	}
	EXPECT_EQ(-ENOENT, vgpu_model_done(p.s.m, 0, 0, 0, 0));
	EXPECT_EQ(-ENOENT, vgpu_model_done(p.s.m, ~0u, 0, 0, 0));
	p.s.n_kept = 0;
	ASSERT_EQ(NULL, model_gone(&p.s));
	shell_close(&p.s);
}

TEST_HARNESS_MAIN
