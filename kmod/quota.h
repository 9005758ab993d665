/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * quota.h - what each user takes on a bus, and on all buses together
 *
 * Three questions are asked of what would wait for a receiver: has its sender
 * too much there (struct dg_debt, for each pair of users), too much on the bus
 * (struct dg_user), too much on all buses (struct dg_account)?
 */
#ifndef _DG_QUOTA_H
#define _DG_QUOTA_H

#include <linux/atomic.h>
#include <linux/dbus_genl.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>

#include "share.h"

struct dg_bus;

/**
 * struct dg_account - a user, of the machine
 * @node: in the table of all
 * @refs: references
 * @uid: who it is
 * @queued: bytes of its messages in overflow queues
 * @fds: files of its messages that wait to be claimed
 * @body_bytes: bytes of those that are bodies
 * @held: match rules, places in names' queues and pending calls of its peers
 */
struct dg_account {
	struct hlist_node node;
	refcount_t refs;
	kuid_t uid;
	atomic_long_t queued;
	atomic_t fds;
	atomic_long_t body_bytes;
	atomic_t held;
};

/**
 * struct dg_user - a user of a bus
 * @node: in dg_bus.users
 * @refs: references
 * @bus: the bus; who references a user references its bus
 * @uid: who it is
 * @account: it, beyond this bus; referenced
 * @n_peers: peers; under dg_bus.lock
 * @n_silent: those of them that have not said Hello; likewise
 * @queued: bytes of its messages in overflow queues; under dg_bus.users_lock
 * @debts: struct dg_debt of what it sent; likewise
 * @fds: files of its messages that wait to be claimed
 * @body_bytes: bytes of those that are bodies
 * @from_driver: bytes of the driver's messages in its peers' overflow queues
 * @n_waiting: its messages and calls that wait for services to be started, or
 *	for the controller; under dg_bus.lock, as are the next four
 * @n_starts: what the controller does because it was the first to ask
 * @waiting_bytes: what of @queued is such messages
 * @waiting_fds: their files
 * @waiting_body_bytes: bytes of those that are bodies
 *
 * Lives while the user has peers on the bus, messages or files of its wait for
 * somebody, or the controller does what it has asked for.
 */
struct dg_user {
	struct list_head node;
	refcount_t refs;
	struct dg_bus *bus;
	kuid_t uid;
	struct dg_account *account;
	unsigned int n_peers;
	unsigned int n_silent;
	size_t queued;
	struct list_head debts;
	atomic_t fds;
	atomic_long_t body_bytes;
	atomic_long_t from_driver;
	unsigned int n_waiting;
	unsigned int n_starts;
	size_t waiting_bytes;
	unsigned int waiting_fds;
	size_t waiting_body_bytes;
};

/**
 * struct dg_debt - what of a user's messages waits for another's peers
 * @node: in dg_user.debts of @from
 * @refs: shares (queue.h) that are part of it
 * @from: who sent it, referenced
 * @to: whose peers it waits for, referenced
 * @bytes: in overflow queues
 * @fds: files that wait to be claimed, as often as they are to be claimed
 * @body_bytes: bytes of those that are bodies, likewise
 *
 * Under dg_bus.users_lock.
 */
struct dg_debt {
	struct list_head node;
	unsigned int refs;
	struct dg_user *from;
	struct dg_user *to;
	u64 bytes;
	u64 fds;
	u64 body_bytes;
};

/**
 * struct dg_charge - how much of something a user takes
 * @used: how much
 * @max: how much it may
 */
struct dg_charge {
	u64 used;
	u64 max;
};

struct dg_user *dg_user_get(struct dg_bus *bus, kuid_t uid);
struct dg_user *dg_user_ref(struct dg_user *user);
void dg_user_put(struct dg_user *user);

void dg_user_charges(struct dg_user *user, u32 max_waiting,
		     struct dg_charge charges[DBUS_GENL_QUOTA_A_MAX + 1]);
bool dg_user_holds_too_much(const struct dg_user *user);
bool dg_user_pays_for_packets(const struct dg_user *user);

struct dg_debt *dg_debt_get(struct dg_user *from, struct dg_user *to);
void dg_debt_put(struct dg_debt *debt);
bool dg_debt_charge(struct dg_debt *debt, size_t bytes);
void dg_debt_uncharge(struct dg_debt *debt, size_t bytes);
bool dg_debt_charge_fds(struct dg_debt *debt, unsigned int fds,
			size_t body_bytes);
void dg_debt_uncharge_fds(struct dg_debt *debt, unsigned int fds,
			  size_t body_bytes);

bool dg_user_charge_fds(struct dg_user *user, unsigned int fds,
			size_t body_bytes);
void dg_user_uncharge_fds(struct dg_user *user, unsigned int fds,
			  size_t body_bytes);

#endif /* _DG_QUOTA_H */
