/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters that several threads share; here there is one. */
#ifndef HOSTKERNEL_LINUX_ATOMIC_H
#define HOSTKERNEL_LINUX_ATOMIC_H

typedef struct {
	int counter;
} atomic_t;

static inline void atomic_inc(atomic_t *v)
{
	v->counter++;
}

static inline void atomic_dec(atomic_t *v)
{
	v->counter--;
}

#endif
