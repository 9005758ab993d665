/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The string functions of libc; kernel.h comes with it in the kernel, too. */
#ifndef HOSTKERNEL_LINUX_STRING_H
#define HOSTKERNEL_LINUX_STRING_H

#include <string.h>

#include <linux/kernel.h>

#endif
