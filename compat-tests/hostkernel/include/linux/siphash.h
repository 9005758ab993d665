/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A keyed hash with hsiphash()'s interface; not SipHash, tests don't care. */
#ifndef HOSTKERNEL_LINUX_SIPHASH_H
#define HOSTKERNEL_LINUX_SIPHASH_H

#include <linux/types.h>

typedef struct {
	unsigned long key[2];
} hsiphash_key_t;

u32 hsiphash(const void *data, size_t len, const hsiphash_key_t *key);
u32 hsiphash_2u32(u32 a, u32 b, const hsiphash_key_t *key);

#endif
