/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for VFIO with functions of vGPUs, in this process: each has a device
 * model with a thread of its own, which reaches memory only by the addresses that
 * were mapped for it.  It holds the backend passthrough to what vgpu_device.h
 * says; it is not a model of a kernel's timing.
 */
#ifndef VGPU_FAKE_VFIO_H
#define VGPU_FAKE_VFIO_H

/**
 * struct fake_vfio - what the stand-in is like
 * @calls: so many that may fail were made
 * @fail: the number of the one that does; 0: none
 * @error: errno of that
 */
struct fake_vfio {
	unsigned int calls;
	unsigned int fail;
	int error;
};

extern struct fake_vfio fake_vfio;

/* From now on functions of passthrough are these: fake-1, fake-16 and fake-64. */
void fake_vfio_install(void);

#endif /* VGPU_FAKE_VFIO_H */
