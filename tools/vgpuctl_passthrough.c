// SPDX-License-Identifier: MIT
/*
 * vgpuctl passthrough: GPUs that may be handed to virtual machines, what keeps
 * them from it, and the lines with which QEMU and libvirt take them.
 */
#include <errno.h>
#include <string.h>

#include "vgpuctl.h"

typedef void (*line_fn)(char *line, size_t bytes, const char *address,
			bool managed);

static int failed(int error, const char *text)
{
	return ctl_fail(error == -EINVAL ? CTL_USAGE :
			error == -ENODEV || error == -EOPNOTSUPP ?
			CTL_ENVIRONMENT : CTL_FAILED, "%s",
			text[0] ? text : vgpu_strerror(error));
}

/* Where nothing is known to be there. */
static void out_name(struct ctl_out *out, const char *key, const char *label,
		     const char *name)
{
	ctl_out_string(out, key, label, name[0] || out->json ? name : "none");
}

static void out_flag(struct ctl_out *out, const char *key, const char *label,
		     bool flag, const char *why)
{
	if (out->json)
		ctl_out_bool(out, key, flag);
	else
		ctl_out_string(out, key, label, flag ? "yes" :
						why[0] ? why : "no");
}

static void out_bars(struct ctl_out *out,
		     const struct vgpu_passthrough_info *info)
{
	char label[16];
	uint32_t i;

	ctl_out_list(out, "bar_bytes");
	for (i = 0; i < VGPU_PASSTHROUGH_BARS; i++) {
		snprintf(label, sizeof(label), "BAR%u", i);
		if (out->json || info->bar_bytes[i])
			ctl_out_bytes(out, NULL, label, info->bar_bytes[i]);
	}
	ctl_out_end(out);
}

static void out_members(struct ctl_out *out,
			const struct vgpu_passthrough_info *info)
{
	char line[80];
	uint32_t i;

	ctl_out_list(out, "group_members");
	for (i = 0; i < info->n_members; i++) {
		const struct vgpu_passthrough_member *m = &info->members[i];

		if (!out->json) {
			snprintf(line, sizeof(line), "%s (%s%s)", m->address,
				 m->driver[0] ? m->driver : "no driver",
				 m->bridge ? ", a bridge" : "");
			ctl_out_string(out, NULL, i ? "" : "in the group",
				       line);
			continue;
		}
		ctl_out_section(out, NULL, NULL);
		ctl_out_string(out, "address", "", m->address);
		ctl_out_string(out, "driver", "", m->driver);
		ctl_out_bool(out, "bridge", m->bridge);
		ctl_out_end(out);
	}
	ctl_out_end(out);
}

static void qemu_line(char *line, size_t bytes, const char *address,
		      bool managed)
{
	(void)managed;
	snprintf(line, bytes, "-device vfio-pci,host=%s", address);
}

static void libvirt_line(char *line, size_t bytes, const char *address,
			 bool managed)
{
	snprintf(line, bytes,
		 "<hostdev mode='subsystem' type='pci' managed='%s'><source><address domain='0x%.4s' bus='0x%.2s' slot='0x%.2s' function='0x%.1s'/></source></hostdev>",
		 managed ? "yes" : "no", address, address + 5, address + 8,
		 address + 11);
}

/* One for each function of the group: they go together, bridges excepted. */
static void out_lines(struct ctl_out *out, const char *key, const char *label,
		      const struct vgpu_passthrough_info *info, line_fn fn)
{
	char line[256];
	uint32_t i;

	ctl_out_list(out, key);
	for (i = 0; i < info->n_members; i++) {
		const struct vgpu_passthrough_member *m = &info->members[i];

		if (m->bridge)
			continue;
		/* libvirt binds what nobody has prepared. */
		fn(line, sizeof(line), m->address,
		   strcmp(m->driver, "vfio-pci"));
		ctl_out_string(out, NULL, i ? "" : label, line);
	}
	ctl_out_end(out);
}

/* What only VFIO knows, if it is bound there and free. */
static void out_interrupts(struct ctl_out *out, const char *address)
{
	static const char *const kinds[] = { "INTx", "MSI", "MSI-X" };
	static const char *const keys[] = { "intx", "msi", "msix" };
	struct vgpu_passthrough *dev;
	uint32_t i;

	if (vgpu_passthrough_open(address, NULL, 0, &dev))
		return;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		ctl_out_number(out, keys[i], kinds[i],
			       vgpu_passthrough_interrupts(dev, i), "interrupts");
	vgpu_passthrough_close(dev);
}

static void out_function(struct ctl_out *out,
			 const struct vgpu_passthrough_info *info)
{
	char id[16];

	snprintf(id, sizeof(id), "%04x:%04x", info->vendor_id, info->device_id);
	ctl_out_section(out, NULL, info->address);
	ctl_out_string(out, "address", "address", info->address);
	ctl_out_string(out, "pci_id", "PCI id", id);
	out_name(out, "driver", "driver", info->driver);
	out_name(out, "node", "node", info->node);
	out_flag(out, "boot_console", "boot console", info->console, "");
	out_bars(out, info);
	out_interrupts(out, info->address);
	out_name(out, "iommu_group", "IOMMU group", info->group);
	out_members(out, info);
	out_flag(out, "viable", "viable", info->viable, info->reason);
	if (out->json)
		ctl_out_string(out, "reason", "", info->reason);
	out_flag(out, "prepared", "prepared", info->prepared, "");
	if (info->prepared || out->json)
		out_name(out, "previous_driver", "goes back to",
			 info->previous);
	if (info->viable) {
		out_lines(out, "qemu", "QEMU", info, qemu_line);
		out_lines(out, "libvirt", "libvirt", info, libvirt_line);
	}
	ctl_out_end(out);
}

static int show_one(struct ctl_out *out, const char *address)
{
	struct vgpu_passthrough_info info = { .size = sizeof(info) };
	char text[128];
	int ret;

	ret = vgpu_passthrough_get(address, &info);
	if (ret) {
		snprintf(text, sizeof(text), ret == -EINVAL ?
			 "\"%.32s\" is no PCI address such as 0000:01:00.0" :
			 "there is no PCI function %.32s", address);
		return failed(ret, text);
	}
	out_function(out, &info);
	return CTL_OK;
}

static int show_all(struct ctl_out *out)
{
	struct vgpu_passthrough_info info = { .size = sizeof(info) };
	char last[VGPU_PASSTHROUGH_ADDRESS_BYTES];
	const char *after = NULL;

	while (!vgpu_passthrough_next(after, &info)) {
		out_function(out, &info);
		memcpy(last, info.address, sizeof(last));
		after = last;
	}
	if (!after)
		ctl_out_text(out, "this host has no PCI GPU\n");
	return CTL_OK;
}

static int show_functions(const struct ctl_options *o)
{
	struct ctl_out out;
	int ret;

	ret = ctl_out_open(&out, o->json, "passthrough show");
	if (ret)
		return ret;
	ctl_out_list(&out, "functions");
	ret = o->n_args == 3 ? show_one(&out, o->args[2]) : show_all(&out);
	ctl_out_end(&out);
	if (ret)
		ctl_out_discard(&out);
	else
		ret = ctl_out_finish(&out);
	return ret;
}

int ctl_passthrough(const struct ctl_options *o)
{
	const char *verb = o->n_args > 1 ? o->args[1] : "show";
	uint32_t flags = o->given & CTL_OPT_FORCE ? VGPU_PASSTHROUGH_FORCE : 0;
	char text[256] = "";
	int ret;

	if (flags && strcmp(verb, "prepare"))
		return ctl_fail(CTL_USAGE,
				"--force is for passthrough prepare: leave it out");
	if (!strcmp(verb, "show"))
		return show_functions(o);
	if (strcmp(verb, "prepare") && strcmp(verb, "restore"))
		return ctl_fail(CTL_USAGE,
				"passthrough \"%.40s\": must be show, prepare or restore; see vgpuctl help passthrough",
				verb);
	if (o->n_args != 3)
		return ctl_fail(CTL_USAGE,
				"passthrough %s: say which function, by its PCI address; vgpuctl passthrough show names them",
				verb);
	if (!strcmp(verb, "prepare"))
		ret = vgpu_passthrough_prepare(o->args[2], flags, text,
					       sizeof(text));
	else
		ret = vgpu_passthrough_restore(o->args[2], text, sizeof(text));
	/* What became of it. */
	return ret ? failed(ret, text) : show_functions(o);
}
