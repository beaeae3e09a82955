/* SPDX-License-Identifier: MIT */
/*
 * vgpuctl instance: what the kernel says in sysfs about GPUs, types and
 * instances.  Only those of vgpu.ko are seen.
 */
#ifndef VGPUCTL_INSTANCE_H
#define VGPUCTL_INSTANCE_H

#include <stdint.h>

/* "7e57ab1e-0000-4000-8000-0000000000aa" */
#define UUID_BYTES	37

/**
 * struct gpu_type - a type of instances that a GPU offers
 * @gpu: its PCI address
 * @name: such as vgpu-512m
 * @memory: bytes of an instance
 * @available: how many more there can be
 */
struct gpu_type {
	char gpu[32];
	char name[64];
	uint64_t memory;
	uint64_t available;
};

/**
 * struct instance - an instance
 * @uuid: its name
 * @gpu: PCI address of its GPU
 * @type: its type
 * @engine: what runs its kernels
 * @vram_bytes: as all below, attributes as kernel/ABI.rst has them
 */
struct instance {
	char uuid[UUID_BYTES];
	char gpu[32];
	char type[64];
	char engine[16];
	uint64_t vram_bytes;
	uint64_t vram_limit;
	uint64_t vram_used;
	uint64_t weight;
	uint64_t priority;
	uint64_t cap;
	uint64_t busy_ns;
	uint64_t commands;
	uint64_t failed;
	uint64_t pid;
};

/* All of them, in order: how many, and the caller frees them; -errno. */
int sysfs_types(struct gpu_type **types);
int sysfs_instances(struct instance **instances);
/* 0 or -errno. */
int sysfs_create(const struct gpu_type *type, const char *uuid);
int sysfs_set(const char *uuid, const char *attr, const char *value);
int sysfs_remove(const char *uuid);
int sysfs_new_uuid(char *uuid);

#endif /* VGPUCTL_INSTANCE_H */
