// SPDX-License-Identifier: MIT
/*
 * Vulkan's loader, which is loaded at run time, an instance, and the choice of
 * a device.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <strings.h>

#include "vulkan.h"

#define MAX_DEVICES	32u
#define DRIVERS		"install mesa-vulkan-drivers, or the GPU's own driver"

static const struct vgpu_vk_name of_loader[] = {
	VGPU_VK_NAME(CreateInstance),
	VGPU_VK_NAME(EnumerateInstanceVersion),
};

static const struct vgpu_vk_name of_instance[] = {
	VGPU_VK_NAME(DestroyInstance),
	VGPU_VK_NAME(EnumeratePhysicalDevices),
	VGPU_VK_NAME(GetPhysicalDeviceProperties2),
	VGPU_VK_NAME(GetPhysicalDeviceFeatures2),
	VGPU_VK_NAME(GetPhysicalDeviceMemoryProperties),
	VGPU_VK_NAME(GetPhysicalDeviceQueueFamilyProperties),
	VGPU_VK_NAME(EnumerateDeviceExtensionProperties),
	VGPU_VK_NAME(CreateDevice),
	VGPU_VK_NAME(GetDeviceProcAddr),
};

int vgpu_vk_load(struct vgpu_vk *vk, struct vgpu_message *msg)
{
	VkApplicationInfo app = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "vgpu",
	};
	VkInstanceCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &app,
	};
	uint32_t version = 0;
	VkResult result;
	size_t i;

	vk->library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!vk->library)
		return vgpu_message_set(msg, -ENODEV,
			"libvulkan.so.1 cannot be loaded: install libvulkan1");
	vk->get_proc = (PFN_vkGetInstanceProcAddr)
		dlsym(vk->library, "vkGetInstanceProcAddr");
	if (!vk->get_proc)
		return vgpu_message_set(msg, -ENODEV,
			"libvulkan.so.1 is not Vulkan's loader: install libvulkan1");
	for (i = 0; i < ARRAY_SIZE(of_loader); i++)
		vgpu_vk_found(vk, &of_loader[i],
			      vk->get_proc(NULL, of_loader[i].name));
	if (!vk->fn.CreateInstance || !vk->fn.EnumerateInstanceVersion ||
	    vk->fn.EnumerateInstanceVersion(&version) ||
	    version < VK_API_VERSION_1_1)
		return vgpu_message_set(msg, -ENODEV,
			"libvulkan.so.1 is older than Vulkan 1.1: install a newer libvulkan1");
	vk->api = min_t(uint32_t, version, VK_API_VERSION_1_3);
	app.apiVersion = vk->api;
	result = vk->fn.CreateInstance(&create, NULL, &vk->instance);
	if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
		return vgpu_message_set(msg, -ENODEV, "no Vulkan driver: "
					DRIVERS);
	if (result)
		return vgpu_message_set(msg, vgpu_vk_errno(result),
			"vkCreateInstance failed with %d", result);
	for (i = 0; i < ARRAY_SIZE(of_instance); i++)
		if (!vgpu_vk_found(vk, &of_instance[i],
				   vk->get_proc(vk->instance,
						of_instance[i].name)))
			return vgpu_message_set(msg, -EIO,
				"Vulkan's loader has no %s",
				of_instance[i].name);
	return 0;
}

void vgpu_vk_unload(struct vgpu_vk *vk)
{
	if (vk->instance && vk->fn.DestroyInstance)
		vk->fn.DestroyInstance(vk->instance, NULL);
	if (vk->library)
		dlclose(vk->library);
	vk->instance = NULL;
	vk->library = NULL;
}

/* A device, and what it is chosen by. */
struct candidate {
	VkPhysicalDevice physical;
	VkPhysicalDeviceProperties props;
	uint32_t number;
};

/* The lower the better. */
static int rank(VkPhysicalDeviceType type)
{
	switch (type) {
	case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
		return 0;
	case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
		return 1;
	case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
		return 2;
	case VK_PHYSICAL_DEVICE_TYPE_CPU:
		return 4;
	default:
		return 3;
	}
}

static bool contains(const char *name, const char *part)
{
	size_t n = strlen(part);

	for (; *name; name++)
		if (!strncasecmp(name, part, n))
			return true;
	return false;
}

static bool wanted(const struct candidate *c,
		   const struct vgpu_executor_options *options)
{
	bool cpu = c->props.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
	char *end;
	unsigned long n;

	if ((options->flags & VGPU_EXECUTOR_CPU && !cpu) ||
	    (options->flags & VGPU_EXECUTOR_GPU && cpu) ||
	    c->props.apiVersion < VK_API_VERSION_1_1)
		return false;
	if (!options->device || !options->device[0])
		return true;
	n = strtoul(options->device, &end, 10);
	if (!*end)
		return n == c->number;
	return contains(c->props.deviceName, options->device);
}

/* Those that are wanted, best first. */
static int list(struct vgpu_vk *vk, struct candidate *all,
		const struct vgpu_executor_options *options,
		struct vgpu_message *msg)
{
	VkPhysicalDevice devices[MAX_DEVICES];
	VkPhysicalDeviceProperties2 props = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
	};
	uint32_t n = MAX_DEVICES, i;
	struct candidate c;
	int found = 0, at;
	VkResult result;

	result = vk->fn.EnumeratePhysicalDevices(vk->instance, &n, devices);
	if (result < 0)
		return vgpu_message_set(msg, vgpu_vk_errno(result),
			"vkEnumeratePhysicalDevices failed with %d", result);
	for (i = 0; i < n; i++) {
		vk->fn.GetPhysicalDeviceProperties2(devices[i], &props);
		c.physical = devices[i];
		c.props = props.properties;
		c.number = i;
		if (!wanted(&c, options))
			continue;
		for (at = found++; at > 0 && rank(c.props.deviceType) <
		     rank(all[at - 1].props.deviceType); at--)
			all[at] = all[at - 1];
		all[at] = c;
	}
	if (found)
		return found;
	if (options->device && options->device[0])
		return vgpu_message_set(msg, -ENODEV,
			"no Vulkan device '%.64s' among %u: give a number or a part of a name",
			options->device, n);
	return vgpu_message_set(msg, -ENODEV, "no Vulkan device%s: " DRIVERS,
		options->flags & VGPU_EXECUTOR_CPU ? " that runs on the CPU" :
		options->flags & VGPU_EXECUTOR_GPU ? " that is a GPU" : "");
}

int vgpu_vk_choose(struct vgpu_vk *vk,
		   const struct vgpu_executor_options *options,
		   struct vgpu_message *msg)
{
	struct candidate all[MAX_DEVICES];
	VkPhysicalDevice wrong = NULL;
	int n, i, error = -ENODEV;

	n = list(vk, all, options, msg);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		error = vgpu_vk_device_open(vk, all[i].physical, msg);
		if (error)
			continue;
		if (all[i].props.deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU)
			return 0;
		error = vgpu_vk_answer(vk);
		if (!error)
			return 0;
		if (error == -ERANGE && !wrong)
			wrong = all[i].physical;
		vgpu_message_set(msg, -EIO, "%.64s cannot run a kernel (%d)",
				 all[i].props.deviceName, error);
		if (error == -EBUSY) {
			vk->hung = true;
			return -EIO;
		}
		error = -EIO;
		vgpu_vk_device_close(vk);
	}
	if (!wrong)
		return error;
	error = vgpu_vk_device_open(vk, wrong, msg);
	if (!error)
		snprintf(vk->info.notice, sizeof(vk->info.notice),
			 "%.60s miscomputes long loops: install a newer mesa-vulkan-drivers, or choose a driver by VK_DRIVER_FILES",
			 vk->info.driver);
	return error;
}
