/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random bytes; the same in each run, so that failures can be repeated. */
#ifndef HOSTKERNEL_LINUX_RANDOM_H
#define HOSTKERNEL_LINUX_RANDOM_H

#include <linux/types.h>

void get_random_bytes(void *buf, size_t n);

#endif
