/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * quota.h - what each user takes on a bus
 *
 * A struct dg_user lives while the user has peers on the bus or messages of
 * its wait in somebody's overflow queue.
 */
#ifndef _DG_QUOTA_H
#define _DG_QUOTA_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>

struct dg_bus;

/**
 * struct dg_user - a user of a bus
 * @node: in dg_bus.users
 * @refs: references
 * @bus: the bus; who references a user references its bus
 * @uid: who it is
 * @n_peers: peers; under dg_bus.lock
 * @queued: bytes of its messages in overflow queues
 * @fds: files of its messages that wait to be claimed
 * @body_bytes: bytes of those that are bodies
 */
struct dg_user {
	struct list_head node;
	refcount_t refs;
	struct dg_bus *bus;
	kuid_t uid;
	unsigned int n_peers;
	atomic_long_t queued;
	atomic_t fds;
	atomic_long_t body_bytes;
};

struct dg_user *dg_user_get(struct dg_bus *bus, kuid_t uid);
struct dg_user *dg_user_ref(struct dg_user *user);
void dg_user_put(struct dg_user *user);

bool dg_user_charge(struct dg_user *user, size_t bytes);
void dg_user_uncharge(struct dg_user *user, size_t bytes);
bool dg_user_charge_fds(struct dg_user *user, unsigned int fds,
			size_t body_bytes);
void dg_user_uncharge_fds(struct dg_user *user, unsigned int fds,
			  size_t body_bytes);

#endif /* _DG_QUOTA_H */
