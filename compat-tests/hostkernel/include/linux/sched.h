/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The running task: which of its allocations is to fail, and how many steps it took. */
#ifndef HOSTKERNEL_LINUX_SCHED_H
#define HOSTKERNEL_LINUX_SCHED_H

#define CONFIG_FAULT_INJECTION

struct host_task {
	unsigned long fail_nth;
	int make_it_fail;
};

extern struct host_task host_task;
#define current (&host_task)

/*
 * The host preempts without being asked.  Loops that users can make long ask for
 * each step, which tests count.
 */
extern unsigned long host_steps;

static inline void cond_resched(void)
{
	host_steps++;
}

#endif
