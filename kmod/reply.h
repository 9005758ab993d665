/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reply.h - calls that wait for their reply
 *
 * So that a caller never hangs on a callee that has gone, and that nobody can
 * reply to a call that was not made.
 */
#ifndef _DG_REPLY_H
#define _DG_REPLY_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct dg_bus;
struct dg_peer;
struct dg_reply;

/**
 * struct dg_calls - a peer's part in pending calls
 * @made: struct dg_reply that it waits for
 * @taken: struct dg_reply that it owes, oldest first
 * @taken_tree: the same, by caller and serial
 * @n_made: how many are in @made
 * @n_taken: how many are in @taken
 *
 * Under dg_bus.replies_lock.
 */
struct dg_calls {
	struct list_head made;
	struct list_head taken;
	struct rb_root taken_tree;
	unsigned int n_made;
	unsigned int n_taken;
};

void dg_calls_init(struct dg_calls *calls);

struct dg_reply *dg_reply_alloc(void);
void dg_reply_free(struct dg_reply *reply);

int dg_reply_expect(struct dg_bus *bus, struct dg_reply *reply,
		    struct dg_peer *caller, struct dg_peer *callee, u32 serial);
bool dg_reply_waits(struct dg_bus *bus, struct dg_peer *caller,
		    struct dg_peer *callee, u32 serial);
bool dg_reply_settle(struct dg_bus *bus, struct dg_peer *caller,
		     struct dg_peer *callee, u32 serial);

struct dg_peer *dg_reply_pop_taken(struct dg_bus *bus, struct dg_peer *callee,
				   u32 *serial);
struct dg_peer *dg_reply_pop_older(struct dg_bus *bus, unsigned long since,
				   u32 *serial, unsigned long *oldest, bool *more);
void dg_reply_drop_made(struct dg_bus *bus, struct dg_peer *caller);

#endif /* _DG_REPLY_H */
