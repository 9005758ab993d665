/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nothing is reclaimed on the host. */
#ifndef HOSTKERNEL_LINUX_SCHED_MM_H
#define HOSTKERNEL_LINUX_SCHED_MM_H

static inline unsigned int memalloc_noreclaim_save(void)
{
	return 0;
}

static inline void memalloc_noreclaim_restore(unsigned int flags)
{
	(void)flags;
}

#endif
