// SPDX-License-Identifier: GPL-2.0-only
/*
 * quota.c - users of a bus, and what they are charged
 */
#include <linux/slab.h>

#include "bus.h"
#include "limits.h"
#include "quota.h"

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

	spin_lock(&bus->users_lock);
	list_for_each_entry(user, &bus->users, node) {
		if (uid_eq(user->uid, uid)) {
			refcount_inc(&user->refs);
			spin_unlock(&bus->users_lock);
			kfree(fresh);
			return user;
		}
	}
	refcount_set(&fresh->refs, 1);
	fresh->bus = bus;
	fresh->uid = uid;
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

	WARN_ON_ONCE(atomic_long_read(&user->queued) ||
		     atomic_read(&user->fds) ||
		     atomic_long_read(&user->body_bytes));
	kfree(user);
}

/* Charges @bytes of a queued message, or leaves it and says false. */
bool dg_user_charge(struct dg_user *user, size_t bytes)
{
	if (atomic_long_add_return(bytes, &user->queued) <= DG_USER_BYTES_MAX)
		return true;

	atomic_long_sub(bytes, &user->queued);
	return false;
}

void dg_user_uncharge(struct dg_user *user, size_t bytes)
{
	atomic_long_sub(bytes, &user->queued);
}

/* Charges files that wait to be claimed, or leaves it and says false. */
bool dg_user_charge_fds(struct dg_user *user, unsigned int fds,
			size_t body_bytes)
{
	bool ok;

	ok = atomic_add_return(fds, &user->fds) <= DG_USER_FDS_MAX;
	ok &= atomic_long_add_return(body_bytes, &user->body_bytes) <=
	      DG_USER_BODY_BYTES_MAX;
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
	atomic64_sub(fds, &user->bus->unclaimed_fds);
}
