// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Up to 6.12 namespaces are named without quotes. */
#include <linux/module.h>

MODULE_IMPORT_NS(DMA_BUF);
