/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allocations that a test can make fail, and whose number it can read. */
#ifndef HOSTKERNEL_LINUX_SLAB_H
#define HOSTKERNEL_LINUX_SLAB_H

#include <stdarg.h>

#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/types.h>

#define GFP_KERNEL 0x1U
#define __GFP_ACCOUNT 0x2U
#define __GFP_NOWARN 0x4U
#define __GFP_NOMEMALLOC 0x8U
#define GFP_ATOMIC 0x10U
#define __GFP_NOFAIL 0x20U
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)

void *kmalloc(size_t size, gfp_t gfp);
void *kzalloc(size_t size, gfp_t gfp);
void *kvmalloc(size_t size, gfp_t gfp);
void *kvzalloc(size_t size, gfp_t gfp);
void *kvcalloc(size_t n, size_t size, gfp_t gfp);
char *kvasprintf(gfp_t gfp, const char *format, va_list ap) __printf(2, 0);
void kfree(const void *p);
void kvfree(const void *p);

/*
 * Let the @n-th allocation from now on fail, and that one alone; 0 ends it.
 * host_alloc_failed() says whether it came to that.
 */
void host_fail_alloc(unsigned long n);
bool host_alloc_failed(void);

/* Allocations that were not freed. */
long host_allocs(void);

#endif
