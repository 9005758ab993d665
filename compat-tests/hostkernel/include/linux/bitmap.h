/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bitmaps as members of a struct. */
#ifndef HOSTKERNEL_LINUX_BITMAP_H
#define HOSTKERNEL_LINUX_BITMAP_H

#include <linux/bitops.h>

#define DECLARE_BITMAP(name, bits) \
	unsigned long name[((bits) + BITS_PER_LONG - 1) / BITS_PER_LONG]

#endif
