/* SPDX-License-Identifier: MIT */
/*
 * What the fake worker's kernels are: their code is one of these words.
 */
#ifndef VGPU_FAKE_WORKER_H
#define VGPU_FAKE_WORKER_H

#define FAKE_ADD	1	/* a constant to each word of range 0 */
#define FAKE_REFUSED	2	/* EOPNOTSUPP */
#define FAKE_LIES	3	/* it writes what it does not use */

#endif /* VGPU_FAKE_WORKER_H */
