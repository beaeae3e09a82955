// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Mappings: which object backs which addresses of a context.
 *
 * All mappings of a device are in one array, sorted by context and first
 * address, which fit in one 64-bit key; finding one is a binary search, and
 * that is what commands do.  Making one moves at most 12 bytes for each mapping
 * that there can be.
 */
#include "internal.h"

static u64 vgpu_map_key(u32 ctx, u64 address)
{
	return (u64)ctx << VGPU_ADDRESS_BITS | address;
}

/* The number of mappings whose key is at most @key. */
static u32 vgpu_map_rank(const struct vgpu_model *m, u64 key)
{
	u32 low = 0, high = m->maps_table.count;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (m->map_keys[mid] <= key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static u64 vgpu_map_end(const struct vgpu_model *m, u32 rank)
{
	return m->map_keys[rank] + m->maps[m->map_index[rank]].bytes;
}

/* Whether [address, address + bytes) is free; @rank is where it would go. */
static bool vgpu_map_free(const struct vgpu_model *m, u32 ctx, u64 address,
			  u64 bytes, u32 *rank)
{
	u64 key = vgpu_map_key(ctx, address);

	*rank = vgpu_map_rank(m, key);
	if (*rank && vgpu_map_end(m, *rank - 1) > key)
		return false;
	return *rank == m->maps_table.count ||
	       m->map_keys[*rank] >= key + bytes;
}

/*
 * Room for @bytes: behind what was placed last, and from the start again when
 * the end has been reached.  Addresses come round as late as that, so that a
 * stale one faults instead of hitting somebody else's memory; and a page on
 * either side stays free, so that one that runs over faults, too.
 */
static int vgpu_map_place(const struct vgpu_model *m, u32 ctx, u64 bytes,
			  u64 *address)
{
	const u64 end = vgpu_map_key(ctx, 0) + (1ull << VGPU_ADDRESS_BITS);
	const u64 gap = VGPU_PAGE_BYTES;
	u64 key = vgpu_map_key(ctx, m->contexts[ctx].hole);
	int round;

	for (round = 0; round < 2; round++) {
		u32 rank = vgpu_map_rank(m, key);

		if (rank && vgpu_map_end(m, rank - 1) + gap > key)
			key = vgpu_map_end(m, rank - 1) + gap;
		for (;;) {
			/* Pages, so that the process may map what it gets. */
			key = (key + VGPU_PAGE_BYTES - 1) &
			      ~(u64)(VGPU_PAGE_BYTES - 1);
			if (key >= end || end - key < bytes)
				break;
			if (rank == m->maps_table.count ||
			    m->map_keys[rank] >= key + bytes + gap) {
				*address = key - vgpu_map_key(ctx, 0);
				return 0;
			}
			key = vgpu_map_end(m, rank++) + gap;
		}
		key = vgpu_map_key(ctx, VGPU_ADDRESS_MIN);
	}
	return -ENOSPC;
}

int vgpu_map(struct vgpu_model *m, u32 ctx, u32 object, u64 *address,
	     u64 offset, u64 bytes, u64 flags)
{
	struct vgpu_object *o = &m->objects[object];
	u32 index, rank, tail;
	int ret;

	if (flags & ~(u64)(VGPU_MAP_F_READ_ONLY | VGPU_MAP_F_ANYWHERE))
		return -EINVAL;
	if (!bytes || (bytes | offset | *address) & (VGPU_MAP_GRANULE - 1))
		return -EINVAL;
	/* A block's last granule may be mapped whole: it is its own. */
	if (offset >= o->bytes ||
	    bytes > ((o->bytes - offset + VGPU_MAP_GRANULE - 1) &
		     ~(u64)(VGPU_MAP_GRANULE - 1)))
		return -EINVAL;
	if (!vgpu_object_ready(m, object))
		return -EFAULT;
	if (flags & VGPU_MAP_F_ANYWHERE) {
		if (*address)
			return -EINVAL;
		ret = vgpu_map_place(m, ctx, bytes, address);
		if (ret)
			return ret;
	} else if (*address < VGPU_ADDRESS_MIN ||
		   *address >= 1ull << VGPU_ADDRESS_BITS ||
		   bytes > (1ull << VGPU_ADDRESS_BITS) - *address) {
		return -EINVAL;
	}
	if (!vgpu_map_free(m, ctx, *address, bytes, &rank))
		return -EEXIST;
	index = vgpu_table_take(&m->maps_table);
	if (!index)
		return -ENOSPC;
	tail = m->maps_table.count - 1 - rank;
	memmove(&m->map_keys[rank + 1], &m->map_keys[rank],
		tail * sizeof(m->map_keys[0]));
	memmove(&m->map_index[rank + 1], &m->map_index[rank],
		tail * sizeof(m->map_index[0]));
	m->map_keys[rank] = vgpu_map_key(ctx, *address);
	m->map_index[rank] = index;
	m->maps[index].object = object;
	m->maps[index].offset = offset;
	m->maps[index].bytes = bytes;
	m->maps[index].flags = flags & VGPU_MAP_F_READ_ONLY;
	o->maps++;
	if (flags & VGPU_MAP_F_ANYWHERE)
		m->contexts[ctx].hole = min_t(u64, 1ull << VGPU_ADDRESS_BITS,
					      *address + bytes +
					      VGPU_PAGE_BYTES);
	return 0;
}

/* Drop @n mappings from @rank on. */
static void vgpu_unmap_range(struct vgpu_model *m, u32 rank, u32 n)
{
	u32 i, tail = m->maps_table.count - rank - n;

	for (i = rank; i < rank + n; i++) {
		u32 object = m->maps[m->map_index[i]].object;

		m->objects[object].maps--;
		vgpu_object_unused(m, object);
		vgpu_table_drop(&m->maps_table, m->map_index[i]);
	}
	memmove(&m->map_keys[rank], &m->map_keys[rank + n],
		tail * sizeof(m->map_keys[0]));
	memmove(&m->map_index[rank], &m->map_index[rank + n],
		tail * sizeof(m->map_index[0]));
}

int vgpu_unmap(struct vgpu_model *m, u32 ctx, u64 address)
{
	u32 rank;

	if (address >= 1ull << VGPU_ADDRESS_BITS)
		return -EINVAL;
	rank = vgpu_map_rank(m, vgpu_map_key(ctx, address));
	if (!rank || m->map_keys[rank - 1] != vgpu_map_key(ctx, address))
		return -EFAULT;
	vgpu_unmap_range(m, rank - 1, 1);
	return 0;
}

void vgpu_unmap_all(struct vgpu_model *m, u32 ctx)
{
	u32 first = vgpu_map_rank(m, vgpu_map_key(ctx, 0));

	/* Nothing is mapped at 0, so that this is the first of the context. */
	vgpu_unmap_range(m, first,
			 vgpu_map_rank(m, vgpu_map_key(ctx + 1, 0)) - first);
}

/* What the mapping that has an address has from there on. */
static u64 vgpu_map_left(const struct vgpu_model *m, u32 ctx, u64 address)
{
	u64 key = vgpu_map_key(ctx, address);

	return vgpu_map_end(m, vgpu_map_rank(m, key) - 1) - key;
}

int vgpu_model_range(const struct vgpu_model *m, u32 context, u64 address,
		     u64 *bytes, bool write, struct vgpu_mem *mem)
{
	u32 ctx = vgpu_find_context(m, context);
	struct vgpu_extent e;
	u64 fault, want = *bytes;
	int ret;

	if (!ctx)
		return -ENOENT;
	/* A byte, to find the mapping; then what there is of it. */
	ret = vgpu_resolve(m, ctx, address, 1, write, &e, 1, &fault);
	if (ret < 0)
		return ret;
	*bytes = min_t(u64, want, vgpu_map_left(m, ctx, address));
	memset(mem, 0, sizeof(*mem));
	mem->offset = e.offset;
	if (m->objects[e.object].kind == VGPU_OBJECT_VRAM)
		mem->offset += vgpu_object_offset(m, e.object);
	else
		mem->object = vgpu_table_id(&m->objects_table, e.object);
	return 0;
}

/**
 * vgpu_resolve() - what backs a range of addresses
 * @m: device
 * @ctx: context
 * @address: first address, not trusted
 * @bytes: not 0, not trusted
 * @write: whether it is to be written
 * @extents: room for @max pieces
 * @max: more are EINVAL
 * @fault: the address at fault, if there is an error
 *
 * Return: the number of pieces, or -EFAULT, -EACCES, -EINVAL.
 */
int vgpu_resolve(const struct vgpu_model *m, u32 ctx, u64 address, u64 bytes,
		 bool write, struct vgpu_extent *extents, u32 max, u64 *fault)
{
	u32 rank, n = 0;
	u64 key;

	*fault = address;
	if (address >= 1ull << VGPU_ADDRESS_BITS ||
	    bytes > (1ull << VGPU_ADDRESS_BITS) - address)
		return -EFAULT;
	key = vgpu_map_key(ctx, address);
	rank = vgpu_map_rank(m, key);
	if (!rank)
		return -EFAULT;
	for (rank--; bytes; rank++) {
		const struct vgpu_mapping *map;
		u64 skip, part;

		*fault = key - vgpu_map_key(ctx, 0);
		if (rank == m->maps_table.count || m->map_keys[rank] > key ||
		    vgpu_map_end(m, rank) <= key)
			return -EFAULT;
		if (n == max)
			return -EINVAL;
		map = &m->maps[m->map_index[rank]];
		if (write && map->flags & VGPU_MAP_F_READ_ONLY)
			return -EACCES;
		if (m->objects[map->object].gone)
			return -EFAULT;
		skip = key - m->map_keys[rank];
		part = min_t(u64, bytes, map->bytes - skip);
		extents[n].object = map->object;
		extents[n].offset = map->offset + skip;
		extents[n].bytes = part;
		extents[n].reserved = 0;
		n++;
		bytes -= part;
		key += part;
	}
	return n;
}
