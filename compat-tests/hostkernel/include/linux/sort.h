/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sorting. */
#ifndef HOSTKERNEL_LINUX_SORT_H
#define HOSTKERNEL_LINUX_SORT_H

#include <linux/types.h>

void sort(void *base, size_t n, size_t size,
	  int (*compare)(const void *a, const void *b),
	  void (*swap)(void *a, void *b, int size));

#endif
