/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Single bits. */
#ifndef HOSTKERNEL_LINUX_BITOPS_H
#define HOSTKERNEL_LINUX_BITOPS_H

#include <linux/types.h>

#define BIT(n) (1UL << (n))
#define BITS_PER_LONG (8 * sizeof(unsigned long))
#define BITS_TO_LONGS(n) (((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define hweight8(n) ((unsigned int)__builtin_popcount((u8)(n)))

static inline void __set_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] |= BIT(n % BITS_PER_LONG);
}

static inline void __clear_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] &= ~BIT(n % BITS_PER_LONG);
}

/* The first set bit from @n on, or @size. */
static inline unsigned long find_next_bit(const unsigned long *map,
					  unsigned long size, unsigned long n)
{
	while (n < size && !(map[n / BITS_PER_LONG] & BIT(n % BITS_PER_LONG)))
		n++;
	return n;
}

#define for_each_set_bit(bit, map, size)                    \
	for ((bit) = find_next_bit((map), (size), 0);       \
	     (bit) < (size);                                \
	     (bit) = find_next_bit((map), (size), (bit) + 1))

#endif
