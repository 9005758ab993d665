/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc.h - memory for who holds a lock that others wait for
 *
 * An allocation that a cgroup is charged for with GFP_KERNEL_ACCOUNT may wait
 * for as long as that cgroup says: it is throttled above memory.high (seconds,
 * since Linux 5.18 in the middle of a system call), and at memory.max it is
 * reclaimed from and its tasks are killed.  Any user can set both for a cgroup
 * of its own.  So nobody who holds dg_bus.lock or dg_queue.lock charges so:
 *
 * - What stays is allocated by the functions below, and packet.c's.  It is
 *   charged at once, above memory.max if need be: so GFP_ATOMIC is, and whatever
 *   a task allocates that may not reclaim.  The next allocation of the cgroup's
 *   that may wait pays for it, which each SEND makes before it takes a lock.
 *   Only if the machine has no free page at hand is it waited for, and not
 *   charged; quotas bound how much that can be.
 * - What is gone when the lock is let go is GFP_KERNEL: not charged.
 *
 * Before the locks it is GFP_KERNEL_ACCOUNT.  Nothing uses reserves
 * (__GFP_NOMEMALLOC): a packet of them would be refused by each socket.
 */
#ifndef _DG_ALLOC_H
#define _DG_ALLOC_H

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

/* Charged at once. */
#define DG_GFP_NOW	(GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN | \
			 __GFP_NOMEMALLOC)

/* If that fails: waits for the machine, not for the cgroup. */
#define DG_GFP_LOCKED	(GFP_KERNEL | __GFP_NOMEMALLOC)

/* Before the locks: waits for both. */
#define DG_GFP_UNLOCKED	(GFP_KERNEL_ACCOUNT | __GFP_NOMEMALLOC)

/*
 * Whether there is no second try: so that a failure which is injected is one.
 * To be asked before the first.
 */
static inline bool dg_alloc_once(void)
{
#ifdef CONFIG_FAULT_INJECTION
	return current->fail_nth || current->make_it_fail;
#else
	return false;
#endif
}

/*
 * What @now allocates, at once; or if that is NULL, what @later does, with @gfp,
 * which is tried in any case if it may not fail.
 */
#define dg_alloc_twice(gfp, now, later)					\
({									\
	bool once_ = dg_alloc_once() && !((gfp) & __GFP_NOFAIL);	\
	typeof(now) p_ = (now);						\
									\
	p_ || once_ ? p_ : (later);					\
})

static inline void *dg_kzalloc(size_t size)
{
	return dg_alloc_twice(DG_GFP_LOCKED, kzalloc(size, DG_GFP_NOW),
			      kzalloc(size, DG_GFP_LOCKED));
}

/* Of single pages if need be, which GFP_ATOMIC cannot. */
static inline void *dg_kvcalloc_now(size_t n, size_t size)
{
	unsigned int flags = memalloc_noreclaim_save();
	void *p = kvcalloc(n, size, DG_GFP_UNLOCKED | __GFP_NOWARN);

	memalloc_noreclaim_restore(flags);
	return p;
}

static inline void *dg_kvcalloc(size_t n, size_t size)
{
	return dg_alloc_twice(GFP_KERNEL, dg_kvcalloc_now(n, size),
			      kvcalloc(n, size, GFP_KERNEL));
}

#endif /* _DG_ALLOC_H */
