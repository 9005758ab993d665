/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Odds and ends that the kernel has in kernel.h and what it includes. */
#ifndef HOSTKERNEL_LINUX_KERNEL_H
#define HOSTKERNEL_LINUX_KERNEL_H

#include <stdarg.h>

#include <linux/types.h>

/* For powers of two. */
#define ALIGN(x, a) (((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define __printf(f, a) __attribute__((__format__(__printf__, f, a)))
#define fallthrough __attribute__((__fallthrough__))

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define max3(a, b, c) max(max(a, b), c)
#define min_t(type, a, b) min((type)(a), (type)(b))

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define lower_32_bits(n) ((u32)(n))
#define upper_32_bits(n) ((u32)((u64)(n) >> 32))

int scnprintf(char *buf, size_t size, const char *format, ...) __printf(3, 4);

#endif
