/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * share.h - how what a user may have is shared among those it waits for
 */
#ifndef _DG_SHARE_H
#define _DG_SHARE_H

#include <linux/types.h>

/**
 * dg_share_allows() - whether more of a user's may wait for one other user
 * @max: what the user may have in all
 * @total: what it has
 * @here: what of that waits for the other
 * @more: what would
 * @own: the other is the user itself
 *
 * Half of what does not wait elsewhere: so those who never read can't use up
 * all that their senders have.  The first of them may hold half of it, the next
 * half of the rest, and something is always left for who reads.
 */
static inline bool dg_share_allows(u64 max, u64 total, u64 here, u64 more,
				   bool own)
{
	u64 elsewhere = total > here ? total - here : 0;
	u64 left = max > elsewhere ? max - elsewhere : 0;

	return here + more <= (own ? left : left / 2);
}

#endif /* _DG_SHARE_H */
