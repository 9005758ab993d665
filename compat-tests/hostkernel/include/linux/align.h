/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ALIGN(), for powers of two. */
#ifndef HOSTKERNEL_LINUX_ALIGN_H
#define HOSTKERNEL_LINUX_ALIGN_H

#define ALIGN(x, a) (((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))

#endif
