/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's integer types on the host, for compat-tests/hostkernel. */
#ifndef HOSTKERNEL_LINUX_TYPES_H
#define HOSTKERNEL_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef s32 __s32;
typedef s64 __s64;
typedef u8 __u8;
typedef unsigned int gfp_t;

#define U32_MAX (~(u32)0)
#define U64_MAX (~(u64)0)

#endif
