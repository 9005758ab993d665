// SPDX-License-Identifier: GPL-2.0-only
/*
 * quota.c - users of a bus, and what they are charged
 */
#include <linux/hashtable.h>
#include <linux/slab.h>

#include "alloc.h"
#include "bus.h"
#include "limits.h"
#include "quota.h"

/* The accounts of all users that are on some bus. */
static DEFINE_HASHTABLE(dg_accounts, 8);
static DEFINE_SPINLOCK(dg_accounts_lock);

static struct dg_account *dg_account_get(kuid_t uid)
{
	struct dg_account *account, *fresh;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return NULL;

	spin_lock(&dg_accounts_lock);
	hash_for_each_possible(dg_accounts, account, node, __kuid_val(uid)) {
		if (uid_eq(account->uid, uid)) {
			refcount_inc(&account->refs);
			spin_unlock(&dg_accounts_lock);
			kfree(fresh);
			return account;
		}
	}
	refcount_set(&fresh->refs, 1);
	fresh->uid = uid;
	hash_add(dg_accounts, &fresh->node, __kuid_val(uid));
	spin_unlock(&dg_accounts_lock);
	return fresh;
}

static void dg_account_put(struct dg_account *account)
{
	spin_lock(&dg_accounts_lock);
	if (!refcount_dec_and_test(&account->refs)) {
		spin_unlock(&dg_accounts_lock);
		return;
	}
	hash_del(&account->node);
	spin_unlock(&dg_accounts_lock);

	WARN_ON_ONCE(atomic_long_read(&account->queued) ||
		     atomic_read(&account->fds) ||
		     atomic_read(&account->held) ||
		     atomic_long_read(&account->body_bytes));
	kfree(account);
}

static struct dg_user *dg_user_find(struct dg_bus *bus, kuid_t uid)
{
	struct dg_user *user;

	lockdep_assert_held(&bus->users_lock);

	list_for_each_entry(user, &bus->users, node)
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/**
 * dg_user_get() - the record of a user on a bus, made if there is none
 * @bus: the bus
 * @uid: the user
 *
 * Return: a reference, or ERR_PTR(-ENOMEM).
 */
struct dg_user *dg_user_get(struct dg_bus *bus, kuid_t uid)
{
	struct dg_user *user, *fresh;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	fresh->account = dg_account_get(uid);
	if (!fresh->account) {
		kfree(fresh);
		return ERR_PTR(-ENOMEM);
	}

	spin_lock(&bus->users_lock);
	user = dg_user_find(bus, uid);
	if (user) {
		refcount_inc(&user->refs);
		spin_unlock(&bus->users_lock);
		dg_account_put(fresh->account);
		kfree(fresh);
		return user;
	}
	refcount_set(&fresh->refs, 1);
	fresh->bus = bus;
	fresh->uid = uid;
	INIT_LIST_HEAD(&fresh->debts);
	list_add_tail(&fresh->node, &bus->users);
	bus->n_users++;
	spin_unlock(&bus->users_lock);
	return fresh;
}

struct dg_user *dg_user_ref(struct dg_user *user)
{
	refcount_inc(&user->refs);
	return user;
}

/* The last reference goes under the lock, so that no look-up finds a dead one. */
void dg_user_put(struct dg_user *user)
{
	struct dg_bus *bus = user->bus;

	if (refcount_dec_not_one(&user->refs))
		return;

	spin_lock(&bus->users_lock);
	if (!refcount_dec_and_test(&user->refs)) {
		spin_unlock(&bus->users_lock);
		return;
	}
	list_del(&user->node);
	bus->n_users--;
	spin_unlock(&bus->users_lock);

	WARN_ON_ONCE(user->queued || !list_empty(&user->debts) ||
		     atomic_read(&user->fds) ||
		     atomic_long_read(&user->body_bytes) ||
		     atomic_long_read(&user->from_driver) ||
		     user->n_waiting || user->n_starts ||
		     user->waiting_bytes);
	dg_account_put(user->account);
	kfree(user);
}

/**
 * dg_debt_get() - what of a user's waits for another's peers, made if nothing does
 * @from: who sends
 * @to: whose peers receive; of the same bus
 *
 * Return: a reference, or NULL if memory is short.
 */
struct dg_debt *dg_debt_get(struct dg_user *from, struct dg_user *to)
{
	struct dg_bus *bus = from->bus;
	struct dg_debt *debt, *fresh;

	fresh = dg_kzalloc(sizeof(*fresh));
	if (!fresh)
		return NULL;

	spin_lock(&bus->users_lock);
	list_for_each_entry(debt, &from->debts, node) {
		if (debt->to == to) {
			debt->refs++;
			spin_unlock(&bus->users_lock);
			kfree(fresh);
			return debt;
		}
	}
	fresh->refs = 1;
	fresh->from = dg_user_ref(from);
	fresh->to = dg_user_ref(to);
	list_add_tail(&fresh->node, &from->debts);
	spin_unlock(&bus->users_lock);
	return fresh;
}

void dg_debt_put(struct dg_debt *debt)
{
	struct dg_bus *bus = debt->from->bus;

	spin_lock(&bus->users_lock);
	if (--debt->refs) {
		spin_unlock(&bus->users_lock);
		return;
	}
	list_del(&debt->node);
	spin_unlock(&bus->users_lock);

	WARN_ON_ONCE(debt->bytes || debt->fds || debt->body_bytes);
	dg_user_put(debt->from);
	dg_user_put(debt->to);
	kfree(debt);
}

/* Charges @bytes of a queued message, or leaves it and says false. */
bool dg_debt_charge(struct dg_debt *debt, size_t bytes)
{
	struct dg_user *from = debt->from;
	struct dg_account *account = from->account;
	struct dg_bus *bus = from->bus;
	u32 max = dg_limit(&bus->limits, DBUS_GENL_LIMIT_A_MAX_INCOMING_BYTES);
	bool ok;

	if (atomic_long_add_return(bytes, &account->queued) >
	    DG_ACCOUNT_BYTES_MAX) {
		atomic_long_sub(bytes, &account->queued);
		return false;
	}

	spin_lock(&bus->users_lock);
	ok = dg_share_allows(max, from->queued, debt->bytes, bytes,
			     from == debt->to);
	if (ok) {
		from->queued += bytes;
		debt->bytes += bytes;
	}
	spin_unlock(&bus->users_lock);

	if (!ok)
		atomic_long_sub(bytes, &account->queued);
	return ok;
}

void dg_debt_uncharge(struct dg_debt *debt, size_t bytes)
{
	struct dg_user *from = debt->from;
	struct dg_bus *bus = from->bus;

	spin_lock(&bus->users_lock);
	from->queued -= bytes;
	debt->bytes -= bytes;
	spin_unlock(&bus->users_lock);
	atomic_long_sub(bytes, &from->account->queued);
}

/*
 * Charges files that will wait for a receiver, and that have been charged to
 * their user; or leaves it and says false.
 */
bool dg_debt_charge_fds(struct dg_debt *debt, unsigned int fds,
			size_t body_bytes)
{
	struct dg_user *from = debt->from;
	struct dg_bus *bus = from->bus;
	bool own = from == debt->to;
	u32 max = dg_limit(&bus->limits,
			   DBUS_GENL_LIMIT_A_MAX_INCOMING_UNIX_FDS);
	u64 total = atomic_read(&from->fds) - fds;
	u64 total_bytes = atomic_long_read(&from->body_bytes) - body_bytes;
	bool ok;

	spin_lock(&bus->users_lock);
	/* Its own peers count a broadcast's files once each: no bound here. */
	ok = own || (dg_share_allows(max, total, debt->fds, fds, false) &&
		     dg_share_allows(DG_USER_BODY_BYTES_MAX, total_bytes,
				     debt->body_bytes, body_bytes, false));
	if (ok) {
		debt->fds += fds;
		debt->body_bytes += body_bytes;
	}
	spin_unlock(&bus->users_lock);
	return ok;
}

void dg_debt_uncharge_fds(struct dg_debt *debt, unsigned int fds,
			  size_t body_bytes)
{
	struct dg_bus *bus = debt->from->bus;

	spin_lock(&bus->users_lock);
	debt->fds -= fds;
	debt->body_bytes -= body_bytes;
	spin_unlock(&bus->users_lock);
}

static void dg_charge_set(struct dg_charge *charge, u64 used, u64 max)
{
	charge->used = used;
	charge->max = max;
}

/**
 * dg_user_charges() - what a user is charged, for PEER_GET
 * @user: the user; the caller holds its bus's lock
 * @max_waiting: how much of what waits on the bus may be its
 * @charges: by &enum dbus_genl_quota_attr
 */
void dg_user_charges(struct dg_user *user, u32 max_waiting,
		     struct dg_charge charges[DBUS_GENL_QUOTA_A_MAX + 1])
{
	const struct dg_account *account = user->account;
	struct dg_bus *bus = user->bus;
	const struct dg_limits *limits = &bus->limits;
	u64 queued;

	lockdep_assert_held(&bus->lock);

	spin_lock(&bus->users_lock);
	queued = user->queued;
	spin_unlock(&bus->users_lock);

#define DG_CHARGE(which, used, max)					\
	dg_charge_set(&charges[DBUS_GENL_QUOTA_A_##which], used, max)
#define DG_LIMIT(which) dg_limit(limits, DBUS_GENL_LIMIT_A_MAX_##which)

	DG_CHARGE(CONNECTIONS, user->n_peers - user->n_silent,
		  DG_LIMIT(CONNECTIONS_PER_USER));
	DG_CHARGE(WAITING, user->n_waiting, max_waiting);
	DG_CHARGE(BYTES, queued, DG_LIMIT(INCOMING_BYTES));
	DG_CHARGE(FDS, atomic_read(&user->fds), DG_LIMIT(INCOMING_UNIX_FDS));
	DG_CHARGE(BODY_BYTES, atomic_long_read(&user->body_bytes),
		  DG_USER_BODY_BYTES_MAX);
	DG_CHARGE(DRIVER_BYTES, atomic_long_read(&user->from_driver),
		  DG_USER_DRIVER_BYTES_MAX);
	DG_CHARGE(ALL_BYTES, atomic_long_read(&account->queued),
		  DG_ACCOUNT_BYTES_MAX);
	DG_CHARGE(ALL_FDS, atomic_read(&account->fds), DG_ACCOUNT_FDS_MAX);
	DG_CHARGE(ALL_BODY_BYTES, atomic_long_read(&account->body_bytes),
		  DG_ACCOUNT_BODY_BYTES_MAX);
	DG_CHARGE(ALL_HELD, atomic_read(&account->held), DG_ACCOUNT_HELD_MAX);

#undef DG_LIMIT
#undef DG_CHARGE
}

/*
 * Whether a user may have no more rules, names and pending calls.  What peers
 * of several buses add at the same moment may exceed it, by one each.
 */
bool dg_user_holds_too_much(const struct dg_user *user)
{
	return atomic_read(&user->account->held) >= DG_ACCOUNT_HELD_MAX;
}

/*
 * Whether so much of a user's messages waits that the bytes of its next one are
 * to be charged to its cgroup, in case it has to wait as well.
 */
bool dg_user_pays_for_packets(const struct dg_user *user)
{
	return atomic_long_read(&user->account->queued) >=
	       DG_ACCOUNT_UNCHARGED_MAX;
}

/* Charges files that wait to be claimed, or leaves it and says false. */
bool dg_user_charge_fds(struct dg_user *user, unsigned int fds,
			size_t body_bytes)
{
	struct dg_account *account = user->account;
	u32 max = dg_limit(&user->bus->limits,
			   DBUS_GENL_LIMIT_A_MAX_INCOMING_UNIX_FDS);
	bool ok;

	ok = atomic_add_return(fds, &user->fds) <= max;
	ok &= atomic_long_add_return(body_bytes, &user->body_bytes) <=
	      DG_USER_BODY_BYTES_MAX;
	ok &= atomic_add_return(fds, &account->fds) <= DG_ACCOUNT_FDS_MAX;
	ok &= atomic_long_add_return(body_bytes, &account->body_bytes) <=
	      DG_ACCOUNT_BODY_BYTES_MAX;
	atomic64_add(fds, &user->bus->unclaimed_fds);
	if (!ok)
		dg_user_uncharge_fds(user, fds, body_bytes);
	return ok;
}

void dg_user_uncharge_fds(struct dg_user *user, unsigned int fds,
			  size_t body_bytes)
{
	atomic_sub(fds, &user->fds);
	atomic_long_sub(body_bytes, &user->body_bytes);
	atomic_sub(fds, &user->account->fds);
	atomic_long_sub(body_bytes, &user->account->body_bytes);
	atomic64_sub(fds, &user->bus->unclaimed_fds);
}
