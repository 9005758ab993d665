/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arithmetic that tells of overflow, and sizes of structs with a tail. */
#ifndef HOSTKERNEL_LINUX_OVERFLOW_H
#define HOSTKERNEL_LINUX_OVERFLOW_H

#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)
#define check_mul_overflow(a, b, d) __builtin_mul_overflow(a, b, d)
#define struct_size(p, member, n) (sizeof(*(p)) + sizeof((p)->member[0]) * (n))

#endif
