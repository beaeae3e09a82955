// SPDX-License-Identifier: MIT
/*
 * Which devices Vulkan has on this host, without opening any.
 */
#include <dlfcn.h>
#include <stdio.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include "executor.h"

#define VGPU_COUNT_MAX	16u

static void look(VkInstance instance, PFN_vkGetInstanceProcAddr get,
		 uint32_t *devices, uint32_t *gpus, char *line, size_t bytes)
{
	PFN_vkEnumeratePhysicalDevices enumerate = (void *)
		get(instance, "vkEnumeratePhysicalDevices");
	PFN_vkGetPhysicalDeviceProperties properties = (void *)
		get(instance, "vkGetPhysicalDeviceProperties");
	VkPhysicalDevice found[VGPU_COUNT_MAX];
	VkPhysicalDeviceProperties props;
	uint32_t i, n = VGPU_COUNT_MAX;
	bool gpu;

	if (enumerate(instance, &n, found) < 0)
		n = 0;
	for (i = 0; i < n; i++) {
		properties(found[i], &props);
		if (props.apiVersion < VK_API_VERSION_1_1)
			continue;
		gpu = props.deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU;
		/* Name the first, or the first that is a GPU. */
		if (!*devices || (gpu && !*gpus))
			snprintf(line, bytes, "%.120s", props.deviceName);
		*gpus += gpu;
		++*devices;
	}
}

void vgpu_vulkan_count(uint32_t *devices, uint32_t *gpus, char *line,
		       size_t bytes)
{
	const VkApplicationInfo app = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.apiVersion = VK_API_VERSION_1_1,
	};
	const VkInstanceCreateInfo create_info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &app,
	};
	void *lib = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	PFN_vkGetInstanceProcAddr get;
	PFN_vkCreateInstance create;
	VkInstance instance;

	*devices = 0;
	*gpus = 0;
	snprintf(line, bytes,
		 "no Vulkan loader: install libvulkan1, and a driver such as mesa-vulkan-drivers");
	if (!lib)
		return;
	get = (void *)dlsym(lib, "vkGetInstanceProcAddr");
	create = get ? (void *)get(NULL, "vkCreateInstance") : NULL;
	snprintf(line, bytes,
		 "no Vulkan driver: install one such as mesa-vulkan-drivers");
	if (create && !create(&create_info, NULL, &instance)) {
		PFN_vkDestroyInstance destroy = (void *)
			get(instance, "vkDestroyInstance");

		look(instance, get, devices, gpus, line, bytes);
		destroy(instance, NULL);
	}
	dlclose(lib);
}
