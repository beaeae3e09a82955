// SPDX-License-Identifier: MIT
/*
 * vgpuctl instance: the types of instances that GPUs of vgpu.ko offer, and
 * instances: what there are, what they use, making and removing them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vgpuctl.h"
#include "vgpuctl_instance.h"

/* What can be set, as kernel/ABI.rst has it. */
static const struct setting {
	const char *name;
	const char *range;
} settings[] = {
	{ "vram_limit", "bytes, 1 to the memory of the type" },
	{ "weight", "1 to 10000" },
	{ "priority", "0 to 10" },
	{ "cap", "percent, 1 to 100" },
};

static int sysfs_failed(int error)
{
	return ctl_fail(CTL_FAILED, "cannot read sysfs: %s", strerror(-error));
}

/* Types, of --gpu if that was given: how many, or -enum ctl_exit. */
static int find_types(const struct ctl_options *o, struct gpu_type **types)
{
	int i, n, kept = 0;

	n = sysfs_types(types);
	if (n < 0)
		return -sysfs_failed(n);
	for (i = 0; i < n; i++)
		if (!o->gpu || !strcmp(o->gpu, (*types)[i].gpu))
			(*types)[kept++] = (*types)[i];
	if (kept)
		return kept;
	if (!n)
		return -ctl_fail(CTL_ENVIRONMENT,
				 "no GPU that offers instances: load the module (modprobe vgpu)");
	return -ctl_fail(CTL_ENVIRONMENT,
			 "no GPU \"%.40s\" offers instances; see vgpuctl instance types",
			 o->gpu);
}

static int instance_types(const struct ctl_options *o, const char *unused)
{
	struct gpu_type *list;
	struct ctl_out out;
	char size[32];
	int i, n, ret;

	n = find_types(o, &list);
	if (n < 0) {
		free(list);
		return -n;
	}
	ret = ctl_out_open(&out, o->json, "instance types");
	if (ret)
		goto out_free;
	ctl_out_list(&out, "types");
	ctl_out_text(&out, "%-14s %-12s %-10s %s\n", "TYPE", "GPU", "MEMORY",
		     "AVAILABLE");
	for (i = 0; i < n; i++) {
		ctl_out_text(&out, "%-14s %-12s %-10s %llu\n", list[i].name,
			     list[i].gpu, ctl_size_text(list[i].memory, size),
			     (unsigned long long)list[i].available);
		if (!o->json)
			continue;
		ctl_out_section(&out, NULL, NULL);
		ctl_out_string(&out, "type", "", list[i].name);
		ctl_out_string(&out, "gpu", "", list[i].gpu);
		ctl_out_bytes(&out, "memory_bytes", "", list[i].memory);
		ctl_out_number(&out, "available", "", list[i].available, "");
		ctl_out_end(&out);
	}
	ctl_out_end(&out);
	ret = ctl_out_finish(&out);
out_free:
	free(list);
	return ret;
}

static bool good_uuid(const char *text, char *uuid)
{
	size_t i;

	if (strlen(text) != UUID_BYTES - 1)
		return false;
	for (i = 0; text[i]; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
		uuid[i] = (char)tolower((unsigned char)text[i]);
	}
	uuid[i] = 0;
	return true;
}

static int parse_uuid(const char *text, char *uuid)
{
	if (good_uuid(text, uuid))
		return CTL_OK;
	return ctl_fail(CTL_USAGE,
			"\"%.40s\" is no UUID: must be like 7e57ab1e-0000-4000-8000-0000000000aa",
			text);
}

/* "weight=300": which setting, and its value. */
static const struct setting *find_setting(const char *text, const char **value)
{
	size_t i, length = strcspn(text, "=");

	*value = text + length + 1;
	for (i = 0; text[length] && i < ARRAY_SIZE(settings); i++)
		if (strlen(settings[i].name) == length &&
		    !strncmp(settings[i].name, text, length))
			return &settings[i];
	return NULL;
}

static int check_attrs(const struct ctl_options *o)
{
	const char *value;
	uint32_t i;

	for (i = 0; i < o->n_attrs; i++)
		if (!find_setting(o->attrs[i], &value) || !value[0])
			return ctl_fail(CTL_USAGE,
					"--attr \"%.40s\": must be vram_limit=, weight=, priority= or cap= and a number",
					o->attrs[i]);
	return CTL_OK;
}

static int set_attrs(const struct ctl_options *o, const char *uuid)
{
	const struct setting *s;
	const char *value;
	uint32_t i;
	int ret;

	for (i = 0; i < o->n_attrs; i++) {
		s = find_setting(o->attrs[i], &value);
		ret = sysfs_set(uuid, s->name, value);
		if (ret)
			return ctl_fail(CTL_FAILED,
					"--attr \"%.40s\": %s; must be a number: %s",
					o->attrs[i], strerror(-ret), s->range);
	}
	return CTL_OK;
}

/* Of that name, and if several GPUs have it one that has room. */
static const struct gpu_type *choose(const struct gpu_type *list, int n,
				     const char *name)
{
	const struct gpu_type *found = NULL;
	int i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i].name, name) && (!found || !found->available))
			found = &list[i];
	return found;
}

static int create_failed(const struct gpu_type *type, const char *uuid,
			 int error)
{
	if (error == -ENOSPC)
		return ctl_fail(CTL_FAILED,
				"no room for another %s on %s: its memory is taken; see vgpuctl instance types",
				type->name, type->gpu);
	if (error == -EEXIST)
		return ctl_fail(CTL_FAILED, "there is an instance %s already",
				uuid);
	return ctl_fail(CTL_FAILED, "cannot create a %s on %s: %s", type->name,
			type->gpu, strerror(-error));
}

static int created(const struct ctl_options *o, const struct gpu_type *type,
		   const char *uuid)
{
	struct ctl_out out;
	int ret;

	ret = ctl_out_open(&out, o->json, "instance create");
	if (ret)
		return ret;
	ctl_out_text(&out, "%s\n", uuid);
	if (o->json) {
		ctl_out_string(&out, "uuid", "", uuid);
		ctl_out_string(&out, "type", "", type->name);
		ctl_out_string(&out, "gpu", "", type->gpu);
	}
	return ctl_out_finish(&out);
}

static int create_on(const struct ctl_options *o, const struct gpu_type *type,
		     const char *uuid)
{
	int ret;

	ret = sysfs_create(type, uuid);
	if (ret)
		return create_failed(type, uuid, ret);
	ret = set_attrs(o, uuid);
	if (!ret)
		ret = created(o, type, uuid);
	if (ret)
		sysfs_remove(uuid);
	return ret;
}

static int instance_create(const struct ctl_options *o, const char *name)
{
	const struct gpu_type *type;
	struct gpu_type *list;
	char uuid[UUID_BYTES];
	int n, ret;

	ret = check_attrs(o);
	if (!ret && o->uuid)
		ret = parse_uuid(o->uuid, uuid);
	if (ret)
		return ret;
	if (!o->uuid) {
		ret = sysfs_new_uuid(uuid);
		if (ret)
			return ctl_fail(CTL_FAILED, "no new UUID: %s",
					strerror(-ret));
	}
	n = find_types(o, &list);
	type = n < 0 ? NULL : choose(list, n, name);
	if (n < 0)
		ret = -n;
	else if (!type)
		ret = ctl_fail(CTL_ENVIRONMENT,
			       "no type \"%.40s\"; see vgpuctl instance types",
			       name);
	else
		ret = create_on(o, type, uuid);
	free(list);
	return ret;
}

/* The instance of that name; CTL_OK, or a line on stderr. */
static int find_instance(const char *name, struct instance *in)
{
	char uuid[UUID_BYTES];
	struct instance *list;
	int i, n, ret;

	ret = parse_uuid(name, uuid);
	if (ret)
		return ret;
	n = sysfs_instances(&list);
	if (n < 0)
		return sysfs_failed(n);
	for (i = 0; i < n; i++)
		if (!strcmp(list[i].uuid, uuid))
			break;
	if (i < n)
		*in = list[i];
	else
		ret = ctl_fail(CTL_ENVIRONMENT,
			       "no instance %s; see vgpuctl instance list", uuid);
	free(list);
	return ret;
}

/*
 * The kernel would wait until the instance is closed, for as long as that takes:
 * whoever has it open shall be ended first.
 */
static int instance_destroy(const struct ctl_options *o, const char *name)
{
	struct ctl_out out;
	struct instance in;
	int ret;

	ret = find_instance(name, &in);
	if (ret)
		return ret;
	if (in.pid)
		return ctl_fail(CTL_FAILED,
				"instance %s is in use by process %llu; end that first",
				in.uuid, (unsigned long long)in.pid);
	ret = sysfs_remove(in.uuid);
	if (ret)
		return ctl_fail(CTL_FAILED, "cannot destroy %s: %s", in.uuid,
				strerror(-ret));
	if (!o->json)
		return CTL_OK;
	ret = ctl_out_open(&out, true, "instance destroy");
	if (ret)
		return ret;
	ctl_out_string(&out, "uuid", "", in.uuid);
	return ctl_out_finish(&out);
}

static void out_instance(struct ctl_out *out, const struct instance *in)
{
	ctl_out_string(out, "uuid", "UUID", in->uuid);
	ctl_out_string(out, "type", "type", in->type);
	ctl_out_string(out, "gpu", "GPU", in->gpu);
	ctl_out_bytes(out, "vram_bytes", "memory", in->vram_bytes);
	ctl_out_bytes(out, "vram_limit", "limit", in->vram_limit);
	ctl_out_bytes(out, "vram_used", "used", in->vram_used);
	ctl_out_number(out, "weight", "weight", in->weight, "");
	ctl_out_number(out, "priority", "priority", in->priority, "");
	ctl_out_number(out, "cap", "cap", in->cap, "%");
	ctl_out_number(out, "busy_ns", "busy", in->busy_ns, "ns");
	ctl_out_number(out, "commands", "commands", in->commands, "");
	ctl_out_number(out, "failed", "failed", in->failed, "");
	ctl_out_string(out, "engine", "engine", in->engine);
	ctl_out_number(out, "pid", "process", in->pid, "");
}

static int instance_show(const struct ctl_options *o, const char *name)
{
	struct ctl_out out;
	struct instance in;
	int ret;

	ret = find_instance(name, &in);
	if (!ret)
		ret = ctl_out_open(&out, o->json, "instance show");
	if (ret)
		return ret;
	ctl_out_section(&out, "instance", "instance");
	out_instance(&out, &in);
	ctl_out_end(&out);
	return ctl_out_finish(&out);
}

static void instance_row(struct ctl_out *out, const struct instance *in)
{
	char used[32], memory[32];

	if (out->json) {
		ctl_out_section(out, NULL, NULL);
		out_instance(out, in);
		ctl_out_end(out);
		return;
	}
	ctl_out_text(out, "%-36s %-12s %-10s %-10s %-10s %-9.3f %6llu %llu\n",
		     in->uuid, in->gpu, in->type,
		     ctl_size_text(in->vram_used, used),
		     ctl_size_text(in->vram_limit, memory),
		     (double)in->busy_ns / 1e9, (unsigned long long)in->weight,
		     (unsigned long long)in->pid);
}

static int instance_list(const struct ctl_options *o, const char *unused)
{
	struct instance *all;
	struct ctl_out out;
	int i, n, ret;

	n = sysfs_instances(&all);
	if (n < 0)
		return sysfs_failed(n);
	ret = ctl_out_open(&out, o->json, "instance list");
	if (ret)
		goto out_free;
	ctl_out_list(&out, "instances");
	ctl_out_text(&out, "%-36s %-12s %-10s %-10s %-10s %-9s %6s %s\n",
		     "UUID", "GPU", "TYPE", "USED", "LIMIT", "BUSY (s)",
		     "WEIGHT", "PROCESS");
	for (i = 0; i < n; i++)
		if (!o->gpu || !strcmp(o->gpu, all[i].gpu))
			instance_row(&out, &all[i]);
	ctl_out_end(&out);
	ret = ctl_out_finish(&out);
out_free:
	free(all);
	return ret;
}

static const struct {
	const char *name;
	const char *operand;
	uint32_t takes;
	int (*run)(const struct ctl_options *o, const char *operand);
} actions[] = {
	{ "types", NULL, CTL_OPT_GPU, instance_types },
	{ "create", "a type", CTL_OPT_GPU | CTL_OPT_UUID | CTL_OPT_ATTR,
	  instance_create },
	{ "destroy", "a UUID", 0, instance_destroy },
	{ "list", NULL, CTL_OPT_GPU, instance_list },
	{ "show", "a UUID", 0, instance_show },
};

int ctl_instance(const struct ctl_options *o)
{
	const char *name = o->n_args > 1 ? o->args[1] : "";
	char command[32];
	size_t i;
	int ret;

	/* An empty name is none of them. */
	for (i = 0; i < ARRAY_SIZE(actions); i++)
		if (!strcmp(actions[i].name, name))
			break;
	if (i == ARRAY_SIZE(actions))
		return ctl_fail(CTL_USAGE,
				"instance: unknown action \"%.40s\": must be types, create, destroy, list or show; see vgpuctl help instance",
				name);
	snprintf(command, sizeof(command), "instance %s", name);
	ret = ctl_check_given(o, command, actions[i].takes);
	if (ret)
		return ret;
	if (actions[i].operand && o->n_args < 3)
		return ctl_fail(CTL_USAGE,
				"%s: %s is missing; see vgpuctl help instance",
				command, actions[i].operand);
	if (!actions[i].operand && o->n_args > 2)
		return ctl_fail(CTL_USAGE,
				"unexpected argument \"%.40s\" after %s; see vgpuctl help instance",
				o->args[2], command);
	return actions[i].run(o, o->n_args > 2 ? o->args[2] : NULL);
}
