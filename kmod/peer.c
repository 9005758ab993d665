// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer.c - peers: how they come and how they go
 *
 * A peer is made by CONNECT, joins its bus, and is removed from it once: when
 * its socket is released, when its bus is destroyed, or when it breaks the
 * protocol.  dg_peer.connected, under the bus's lock, says which of these was
 * first; who turns it off takes over the maker's reference.
 */
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/slab.h>

#include "activate.h"
#include "bus.h"
#include "compat/compat.h"
#include "driver.h"
#include "expiry.h"
#include "packet.h"
#include "peer.h"
#include "policy_bus.h"
#include "quota.h"
#include "trace.h"

static void dg_peer_gone(struct dg_endpoint *ep);

static void dg_peer_free(struct dg_endpoint *ep)
{
	struct dg_peer *peer = container_of(ep, struct dg_peer, ep);

	dg_queue_destroy(&peer->queue);
	kfree_skb(peer->disconnect);
	if (peer->pidfd)
		fput(peer->pidfd);
	put_pid(peer->pid);
	put_cred(peer->cred);
	kfree(peer->label);
	dg_user_put(peer->user);
	dg_bus_put(peer->bus);
	/* dg_endpoint_find() may be looking at it. */
	kfree_rcu(peer, rcu);
}

static const struct dg_endpoint_ops dg_peer_ops = {
	.role = DG_ROLE_PEER,
	.gone = dg_peer_gone,
	.free = dg_peer_free,
};

/*
 * The name of the running process, for texts that others get: a process can
 * have any bytes in it, also such as no string of D-Bus may have.
 */
static void dg_peer_name_process(struct dg_peer *peer)
{
	char *c;

	get_task_comm(peer->comm, current->group_leader);
	for (c = peer->comm; *c; c++)
		if (!isascii(*c) || !isprint(*c))
			*c = '?';
}

/**
 * dg_peer_new() - a peer for the running task's socket, not on the bus yet
 * @bus: the bus; admits the user
 * @sk: the socket
 * @portid: its port id
 *
 * Return: the peer; dg_peer_put() it if it can't join; or ERR_PTR.
 */
struct dg_peer *dg_peer_new(struct dg_bus *bus, struct sock *sk, u32 portid)
{
	struct dg_peer *peer;
	int err;

	peer = kzalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);
	if (!peer)
		return ERR_PTR(-ENOMEM);

	peer->user = dg_user_get(bus, current_euid());
	if (IS_ERR(peer->user)) {
		err = PTR_ERR(peer->user);
		goto err_free;
	}

	err = -ENOMEM;
	peer->disconnect = dg_packet_disconnect();
	if (!peer->disconnect)
		goto err_user;

	err = dg_compat_security_label(&peer->label);
	if (err)
		goto err_disconnect;

	err = dg_queue_init(&peer->queue);
	if (err)
		goto err_label;

	err = dg_endpoint_init(&peer->ep, &dg_peer_ops, sk, portid);
	if (err)
		goto err_queue;

	kref_get(&bus->ref);
	peer->bus = bus;
	peer->cred = get_current_cred();
	peer->pid = get_pid(task_tgid(current));
	dg_peer_name_process(peer);
	INIT_LIST_HEAD(&peer->node);
	INIT_LIST_HEAD(&peer->silent);
	INIT_LIST_HEAD(&peer->waits);
	strscpy(peer->unique, DG_NOT_ACTIVE, sizeof(peer->unique));
	dg_owner_init(&peer->owner, 0, &peer->user->account->held);
	dg_match_owner_init(&peer->rules, &peer->user->account->held);
	dg_match_owner_init(&peer->monitored, &peer->user->account->held);
	dg_calls_init(&peer->calls);
	return peer;

err_queue:
	dg_queue_destroy(&peer->queue);
err_label:
	kfree(peer->label);
err_disconnect:
	kfree_skb(peer->disconnect);
err_user:
	dg_user_put(peer->user);
err_free:
	kfree(peer);
	return ERR_PTR(err);
}

void dg_peer_put(struct dg_peer *peer)
{
	dg_endpoint_put(&peer->ep);
}

/*
 * Whom one more that has not said Hello pushes out, if anybody: the oldest, as
 * with dbus-daemon, but of those who answer for the bus only if there are no
 * others.
 */
static struct dg_peer *dg_peer_crowded_out(struct dg_bus *bus)
{
	struct dg_peer *peer;

	if (bus->n_silent < dg_limit(&bus->limits,
				     DBUS_GENL_LIMIT_A_MAX_INCOMPLETE_CONNECTIONS))
		return NULL;

	list_for_each_entry(peer, &bus->silent, silent)
		if (!dg_policy_privileged(peer))
			return peer;
	return list_first_entry_or_null(&bus->silent, struct dg_peer, silent);
}

/* Half of them, each, but for those who answer for the bus. */
static bool dg_peer_is_one_too_silent(const struct dg_peer *peer)
{
	u32 max = dg_limit(&peer->bus->limits,
			   DBUS_GENL_LIMIT_A_MAX_INCOMPLETE_CONNECTIONS);

	return !dg_policy_privileged(peer) &&
	       peer->user->n_silent >= DIV_ROUND_UP(max, 2);
}

/**
 * dg_peer_join() - put a peer on its bus
 * @peer: from dg_peer_new(); its reference is the bus's if 0 is returned
 * @welcome: queues the answer to CONNECT into the socket.  Called when nothing
 *	else can fail, and before anything else can get into the socket
 * @data: for @welcome
 *
 * Return: 0; -ENOENT the bus has been destroyed; -EACCES it does not admit this
 * peer; -EUSERS too many of its user's have not said Hello; -ENOMEM; -EISCONN the
 * socket is somebody already; or what @welcome says.
 */
int dg_peer_join(struct dg_peer *peer, int (*welcome)(void *data), void *data)
{
	struct dg_bus *bus = peer->bus;
	struct dg_peer *oldest;
	int err;

	err = dg_policy_prepare(peer);
	if (err)
		return err;

	down_write(&bus->lock);
	err = -ENOENT;
	if (bus->dead)
		goto out;
	err = -EUSERS;
	if (dg_peer_is_one_too_silent(peer))
		goto out;
	err = dg_policy_join(peer);
	if (err)
		goto out;
	err = dg_endpoint_add(&peer->ep);
	if (err)
		goto out;
	err = welcome(data);
	if (err)
		goto err_endpoint;

	oldest = dg_peer_crowded_out(bus);
	if (oldest)
		dg_peer_remove_locked(oldest, DBUS_GENL_REASON_CROWDED_OUT);

	peer->connected = true;
	peer->number = ++bus->last_number;
	bus->changes++;
	trace_dg_connect(peer);
	list_add_tail(&peer->node, &bus->members);
	bus->n_peers++;
	peer->user->n_peers++;
	list_add_tail(&peer->silent, &bus->silent);
	bus->n_silent++;
	peer->user->n_silent++;
	peer->since = jiffies;
	dg_bus_expect_hello(bus);
	up_write(&bus->lock);
	if (oldest)
		dg_peer_put(oldest);
	return 0;

err_endpoint:
	dg_endpoint_del(&peer->ep);
out:
	dg_policy_leave(peer);
	up_write(&bus->lock);
	return err;
}

/* The peer that a request's socket is, referenced, or NULL. */
struct dg_peer *dg_peer_find(struct sock *sk, u32 portid)
{
	struct dg_endpoint *ep = dg_endpoint_find(sk, portid);

	if (!ep)
		return NULL;
	if (ep->ops->role != DG_ROLE_PEER) {
		dg_endpoint_put(ep);
		return NULL;
	}
	return container_of(ep, struct dg_peer, ep);
}

/**
 * dg_peer_refused() - count a message of a peer's that the bus refuses
 * @peer: who sent it
 * @serial: its serial, 0 if it has none
 * @error: name of the error that answers it; "" if it is an errno
 * @err: that errno, or 0
 */
void dg_peer_refused(struct dg_peer *peer, u32 serial, const char *error,
		     int err)
{
	atomic64_inc(&peer->counters.refused);
	atomic64_inc(&peer->bus->counters.refused);
	trace_dg_refuse(peer, serial, error, err);
}

/**
 * dg_peer_is_one_too_many() - whether a limit forbids a peer's Hello
 * @peer: the peer; the caller holds its bus's lock
 * @of_all: whether of all users' peers, or of its own user's
 */
bool dg_peer_is_one_too_many(const struct dg_peer *peer, bool of_all)
{
	const struct dg_limits *limits = &peer->bus->limits;

	lockdep_assert_held(&peer->bus->lock);

	if (of_all)
		return peer->bus->n_peers - peer->bus->n_silent >=
		       dg_limit(limits,
				DBUS_GENL_LIMIT_A_MAX_COMPLETED_CONNECTIONS);
	return peer->user->n_peers - peer->user->n_silent >=
	       dg_limit(limits, DBUS_GENL_LIMIT_A_MAX_CONNECTIONS_PER_USER);
}

/**
 * dg_peer_activate() - Hello: give a peer its unique name
 * @peer: the peer; the caller holds its bus's lock for writing
 *
 * Return: 0 or -ENOMEM.
 */
int dg_peer_activate(struct dg_peer *peer)
{
	struct dg_bus *bus = peer->bus;
	u64 id = bus->last_id + 1;
	int err;

	lockdep_assert_held_write(&bus->lock);

	err = xa_insert(&bus->peers, id, peer, GFP_KERNEL);
	if (err)
		return err;

	bus->last_id = id;
	list_del_init(&peer->silent);
	bus->n_silent--;
	peer->user->n_silent--;
	bus->changes++;
	bus->n_named++;
	peer->id = id;
	peer->owner.id = id;
	dg_unique_name_format(peer->unique, id);
	return 0;
}

static void dg_peer_name_changed(void *data,
				 const struct dg_name_change *change)
{
	dg_driver_name_changed(data, change);
}

/* A rule of somebody's goes because it names who goes. */
static void dg_peer_rule_gone(void *data, const struct dg_match_rule *rule,
			      struct dg_match_owner *owner)
{
	struct dg_bus *bus = data;

	if (!dg_match_eavesdrops(rule))
		return;
	dg_peer_of_rules(owner)->n_eavesdropping--;
	bus->n_eavesdroppers--;
}

/*
 * Its own rules, and as with dbus-daemon others' that name it by its unique
 * name, which nobody will have again: but only if it has any rule.
 */
static void dg_peer_drop_rules(struct dg_peer *peer)
{
	struct dg_bus *bus = peer->bus;

	if (peer->id && (peer->rules.n_rules || peer->monitored.n_rules))
		dg_match_table_remove_naming(&bus->matches, peer->id,
					     dg_peer_rule_gone, bus);
	dg_match_table_remove_all(&bus->matches, &peer->rules);
	bus->n_eavesdroppers -= peer->n_eavesdropping;
	peer->n_eavesdropping = 0;
}

/* Its unique name means nobody from now on. */
static void dg_peer_drop_id(struct dg_peer *peer)
{
	if (!peer->id || peer->monitor)
		return;

	xa_erase(&peer->bus->peers, peer->id);
	peer->bus->n_named--;
}

/* One of those who wait for replies that it owes waits no more: whether any did. */
static bool dg_peer_drop_one_taken(struct dg_peer *peer)
{
	struct dg_bus *bus = peer->bus;
	struct dg_peer *caller;
	u32 serial;

	caller = dg_reply_pop_taken(bus, peer, &serial);
	if (caller && !bus->dead)
		dg_driver_no_reply(caller, serial, DG_ERROR("NoReply"),
				   "Message recipient disconnected from message bus without replying");
	cond_resched();
	return caller;
}

void dg_peer_drop_taken(struct dg_peer *peer)
{
	while (dg_peer_drop_one_taken(peer))
		;
}

/**
 * dg_peer_become_monitor() - BecomeMonitor: a peer gives up all but listening
 * @peer: the peer; the caller holds its bus's lock for writing, and has put its
 *	rules into dg_bus.monitored
 *
 * In dbus-daemon's order, which isn't that of a peer that goes: its unique name
 * first, then the others, oldest first; only then its own rules go.  It sees
 * what this brings as a monitor does if there is another one; if it is the first
 * it sees only the errors that its callers get.  Those are the caller's to send,
 * with dg_peer_drop_taken(), once eavesdroppers have seen what it asked for.
 */
void dg_peer_become_monitor(struct dg_peer *peer)
{
	struct dg_bus *bus = peer->bus;

	lockdep_assert_held_write(&bus->lock);

	dg_peer_drop_id(peer);
	dg_driver_unique_name_changed(bus, peer, true);
	/* No match rule means it by that name any more. */
	peer->owner.id = 0;
	dg_registry_drop_oldest_first(&bus->registry, &peer->owner,
				      dg_peer_name_changed, bus);
	dg_peer_drop_rules(peer);
	dg_reply_drop_made(bus, peer);

	peer->monitor = true;
	bus->n_monitors++;
}

/*
 * It does nothing any more, and hears nothing, of its own end too: as with
 * dbus-daemon its rules go first.  Its names are there still.
 */
static void dg_peer_leave(struct dg_peer *peer, enum dbus_genl_reason reason)
{
	struct dg_bus *bus = peer->bus;
	struct sk_buff *last = NULL;

	if (peer->leaving)
		return;
	peer->leaving = true;

	dg_peer_drop_rules(peer);
	dg_match_table_remove_all(&bus->monitored, &peer->monitored);
	bus->n_monitors -= peer->monitor;
	dg_reply_drop_made(bus, peer);
	dg_start_drop_waits(peer);

	/* Out of the table first: DISCONNECT says that it may CONNECT again. */
	dg_endpoint_del(&peer->ep);
	if (reason != DBUS_GENL_REASON_UNSPEC) {
		last = peer->disconnect;
		peer->disconnect = NULL;
		dg_packet_set_reason(last, reason);
	}
	dg_queue_close(peer, last);
}

static bool dg_peer_drop_one_name(struct dg_peer *peer)
{
	struct dg_bus *bus = peer->bus;

	return dg_registry_drop_one(&bus->registry, &peer->owner,
				    bus->dead ? NULL : dg_peer_name_changed,
				    bus);
}

/* Its names are gone but the unique one, which goes with it. */
static void dg_peer_take_off(struct dg_peer *peer,
			     enum dbus_genl_reason reason)
{
	struct dg_bus *bus = peer->bus;

	peer->connected = false;
	trace_dg_release(peer, reason);
	list_del_init(&peer->node);
	bus->changes++;
	bus->n_peers--;
	peer->user->n_peers--;
	if (!peer->id) {
		list_del_init(&peer->silent);
		bus->n_silent--;
		peer->user->n_silent--;
	}
	dg_peer_drop_id(peer);
	if (peer->id && !peer->monitor && !bus->dead)
		dg_driver_unique_name_changed(bus, peer, true);
	dg_policy_leave(peer);
}

/*
 * A peer leaves its bus, which is locked for writing: in dbus-daemon's order, its
 * rules first; then its names, the unique one last; then NoReply to those whose
 * calls it leaves.  A bus that goes as a whole tells of none of that.
 *
 * If @breathe, others have their turn between the names that it gives up, and
 * between the calls: a user may have many, and each may cost much.  To them it is
 * as if it had released some names before its end.  Whoever ends it meanwhile,
 * with its bus or for the same reason, does all that is left to do.
 *
 * Return: whether it was on the bus, and it is the caller who has ended it.
 */
static bool dg_peer_end(struct dg_peer *peer, enum dbus_genl_reason reason,
			bool breathe)
{
	struct dg_bus *bus = peer->bus;
	unsigned int step = 0;

	lockdep_assert_held_write(&bus->lock);

	if (peer->connected)
		dg_peer_leave(peer, reason);
	while (peer->connected && dg_peer_drop_one_name(peer))
		if (breathe)
			dg_bus_breathe(bus, ++step);
	if (!peer->connected)
		return false;

	dg_peer_take_off(peer, reason);
	while (dg_peer_drop_one_taken(peer))
		if (breathe)
			dg_bus_breathe(bus, ++step);
	return true;
}

/**
 * dg_peer_remove_locked() - take a peer off its bus
 * @peer: the peer; the caller holds its bus's lock for writing
 * @reason: what DISCONNECT shall say; %DBUS_GENL_REASON_UNSPEC if the socket
 *	has been released and there is nobody to tell
 *
 * Return: whether it was on the bus; if so, the caller puts the maker's
 * reference once it has let the lock go.
 */
bool dg_peer_remove_locked(struct dg_peer *peer, enum dbus_genl_reason reason)
{
	return dg_peer_end(peer, reason, false);
}

/*
 * Puts the maker's references of peers that dg_peer_remove_locked() removed and
 * that are listed by their node; the bus's lock is not held any more.
 */
void dg_peers_put(struct list_head *removed)
{
	struct dg_peer *peer, *next;

	list_for_each_entry_safe(peer, next, removed, node) {
		list_del_init(&peer->node);
		dg_peer_put(peer);
	}
}

static void dg_peer_gone(struct dg_endpoint *ep)
{
	struct dg_peer *peer = container_of(ep, struct dg_peer, ep);
	struct dg_bus *bus = peer->bus;
	bool removed;

	down_write(&bus->lock);
	removed = dg_peer_end(peer, DBUS_GENL_REASON_UNSPEC, true);
	up_write(&bus->lock);

	if (removed)
		dg_peer_put(peer);
}
