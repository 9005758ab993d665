/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host preempts without being asked.  Loops that users can make long ask for
 * each step, which tests count.
 */
#ifndef HOSTKERNEL_LINUX_SCHED_H
#define HOSTKERNEL_LINUX_SCHED_H

extern unsigned long host_steps;

static inline void cond_resched(void)
{
	host_steps++;
}

#endif
