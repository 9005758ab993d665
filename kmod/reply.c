// SPDX-License-Identifier: GPL-2.0-only
/*
 * reply.c - calls that wait for their reply
 *
 * Each struct dg_reply is in two peers: in the list of the caller, and in list
 * and tree of the callee, which finds it by caller and serial.  It points to
 * both; neither leaves the bus without taking it out (under the bus's lock for
 * writing), so the pointers need no references.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "alloc.h"
#include "bus.h"
#include "expiry.h"
#include "peer.h"
#include "quota.h"
#include "reply.h"

/**
 * struct dg_reply - a reply that is owed
 * @node: in the callee's dg_calls.taken_tree
 * @made: in the caller's dg_calls.made
 * @taken: in the callee's dg_calls.taken
 * @caller: who waits
 * @callee: who owes
 * @serial: serial of the call
 * @since: when it went, in jiffies
 * @all: in dg_bus.replies
 */
struct dg_reply {
	struct rb_node node;
	struct list_head made;
	struct list_head taken;
	struct dg_peer *caller;
	struct dg_peer *callee;
	u32 serial;
	unsigned long since;
	struct list_head all;
};

void dg_calls_init(struct dg_calls *calls)
{
	INIT_LIST_HEAD(&calls->made);
	INIT_LIST_HEAD(&calls->taken);
	calls->taken_tree = RB_ROOT;
	calls->n_made = 0;
	calls->n_taken = 0;
}

struct dg_reply *dg_reply_alloc(void)
{
	return dg_kzalloc(sizeof(struct dg_reply));
}

void dg_reply_free(struct dg_reply *reply)
{
	kfree(reply);
}

static int dg_reply_compare(const struct dg_reply *reply, u64 caller,
			    u32 serial)
{
	if (reply->caller->id != caller)
		return caller < reply->caller->id ? -1 : 1;
	if (reply->serial != serial)
		return serial < reply->serial ? -1 : 1;
	return 0;
}

/**
 * dg_reply_expect() - a call goes to its callee
 * @bus: the bus; the caller holds its lock
 * @reply: taken over if 0 is returned
 * @caller: who calls
 * @callee: who is to reply
 * @serial: the call's serial
 *
 * Return: 0; -EEXIST if @caller waits for that very reply already, which is seen
 * first; -EDQUOT if it waits for too many.
 */
int dg_reply_expect(struct dg_bus *bus, struct dg_reply *reply,
		    struct dg_peer *caller, struct dg_peer *callee, u32 serial)
{
	struct rb_node **link, *parent = NULL;
	int err = 0;

	lockdep_assert_held(&bus->lock);

	spin_lock(&bus->replies_lock);
	link = &callee->calls.taken_tree.rb_node;
	while (*link) {
		struct dg_reply *other = rb_entry(*link, struct dg_reply, node);
		int way = dg_reply_compare(other, caller->id, serial);

		if (!way) {
			err = -EEXIST;
			goto out;
		}
		parent = *link;
		link = way < 0 ? &parent->rb_left : &parent->rb_right;
	}
	if (caller->calls.n_made >= dg_limit(&bus->limits,
					  DBUS_GENL_LIMIT_A_MAX_REPLIES_PER_CONNECTION) ||
	    dg_user_holds_too_much(caller->user)) {
		err = -EDQUOT;
		goto out;
	}

	reply->caller = caller;
	reply->callee = callee;
	reply->serial = serial;
	rb_link_node(&reply->node, parent, link);
	rb_insert_color(&reply->node, &callee->calls.taken_tree);
	list_add_tail(&reply->taken, &callee->calls.taken);
	list_add_tail(&reply->made, &caller->calls.made);
	caller->calls.n_made++;
	atomic_inc(&caller->user->account->held);
	callee->calls.n_taken++;
	reply->since = jiffies;
	list_add_tail(&reply->all, &bus->replies);
	bus->n_replies++;
out:
	spin_unlock(&bus->replies_lock);
	if (!err)
		dg_bus_expect_reply(bus);
	return err;
}

static void dg_reply_unlink(struct dg_bus *bus, struct dg_reply *reply)
{
	lockdep_assert_held(&bus->replies_lock);

	rb_erase(&reply->node, &reply->callee->calls.taken_tree);
	list_del(&reply->taken);
	list_del(&reply->made);
	list_del(&reply->all);
	reply->caller->calls.n_made--;
	atomic_dec(&reply->caller->user->account->held);
	reply->callee->calls.n_taken--;
	bus->n_replies--;
}

static struct dg_reply *dg_reply_find(struct dg_bus *bus,
				      struct dg_peer *caller,
				      struct dg_peer *callee, u32 serial)
{
	struct rb_node *node = callee->calls.taken_tree.rb_node;

	lockdep_assert_held(&bus->replies_lock);

	while (node) {
		struct dg_reply *reply = rb_entry(node, struct dg_reply, node);
		int way = dg_reply_compare(reply, caller->id, serial);

		if (!way)
			return reply;
		node = way < 0 ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/* Whether dg_reply_settle() would find it now. */
bool dg_reply_waits(struct dg_bus *bus, struct dg_peer *caller,
		    struct dg_peer *callee, u32 serial)
{
	bool waits;

	lockdep_assert_held(&bus->lock);

	spin_lock(&bus->replies_lock);
	waits = dg_reply_find(bus, caller, callee, serial);
	spin_unlock(&bus->replies_lock);
	return waits;
}

/**
 * dg_reply_settle() - the reply to a call comes, or the call could not be made
 * @bus: the bus; the caller holds its lock
 * @caller: who called
 * @callee: who replies
 * @serial: the call's serial
 *
 * Return: whether @caller waited for it.
 */
bool dg_reply_settle(struct dg_bus *bus, struct dg_peer *caller,
		     struct dg_peer *callee, u32 serial)
{
	struct dg_reply *found;

	lockdep_assert_held(&bus->lock);

	spin_lock(&bus->replies_lock);
	found = dg_reply_find(bus, caller, callee, serial);
	if (found)
		dg_reply_unlink(bus, found);
	spin_unlock(&bus->replies_lock);

	kfree(found);
	return found;
}

/* Takes a call, if it is one: who waits for its reply, or NULL. */
static struct dg_peer *dg_reply_take(struct dg_bus *bus,
				     struct dg_reply *reply, u32 *serial)
{
	lockdep_assert_held(&bus->replies_lock);

	if (!reply)
		return NULL;

	*serial = reply->serial;
	dg_reply_unlink(bus, reply);
	return reply->caller;
}

/**
 * dg_reply_pop_taken() - take one call from a callee that goes, newest first
 * @bus: the bus; the caller holds its lock for writing
 * @callee: who goes
 * @serial: set to the call's serial
 *
 * Return: who waits for its reply; NULL if nobody does any more.
 */
struct dg_peer *dg_reply_pop_taken(struct dg_bus *bus, struct dg_peer *callee,
				   u32 *serial)
{
	struct dg_peer *caller;
	struct dg_reply *reply;

	lockdep_assert_held_write(&bus->lock);

	spin_lock(&bus->replies_lock);
	reply = list_empty(&callee->calls.taken) ? NULL :
		list_last_entry(&callee->calls.taken, struct dg_reply, taken);
	caller = dg_reply_take(bus, reply, serial);
	spin_unlock(&bus->replies_lock);

	kfree(reply);
	return caller;
}

/**
 * dg_reply_pop_older() - take the oldest call of a bus, if it is old enough
 * @bus: the bus; the caller holds its lock
 * @since: calls that went before this, in jiffies, are
 * @serial: set to the call's serial
 * @more: set to whether there is one that is not that old
 * @oldest: and if so, to when it went
 *
 * Return: who waits for its reply; NULL if none is that old.
 */
struct dg_peer *dg_reply_pop_older(struct dg_bus *bus, unsigned long since,
				   u32 *serial, unsigned long *oldest, bool *more)
{
	struct dg_peer *caller;
	struct dg_reply *reply;

	lockdep_assert_held(&bus->lock);

	spin_lock(&bus->replies_lock);
	reply = list_first_entry_or_null(&bus->replies, struct dg_reply, all);
	*more = reply && time_after(reply->since, since);
	if (*more) {
		*oldest = reply->since;
		reply = NULL;
	}
	caller = dg_reply_take(bus, reply, serial);
	spin_unlock(&bus->replies_lock);

	kfree(reply);
	return caller;
}

/* A caller goes; the caller of this holds the bus's lock for writing. */
void dg_reply_drop_made(struct dg_bus *bus, struct dg_peer *caller)
{
	struct dg_reply *reply;

	lockdep_assert_held_write(&bus->lock);

	/* One by one: there may be too many for a spinlock. */
	do {
		spin_lock(&bus->replies_lock);
		reply = list_first_entry_or_null(&caller->calls.made,
						 struct dg_reply, made);
		if (reply)
			dg_reply_unlink(bus, reply);
		spin_unlock(&bus->replies_lock);
		kfree(reply);
		cond_resched();
	} while (reply);
}
