// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer.c - peers: how they come and how they go
 *
 * A peer is made by CONNECT, joins its bus, and is removed from it once: when
 * its socket is released, when its bus is destroyed, or when it breaks the
 * protocol.  dg_peer.connected, under the bus's lock, says which of these was
 * first; who turns it off takes over the maker's reference.
 */
#include <linux/slab.h>

#include "bus.h"
#include "compat/compat.h"
#include "driver.h"
#include "limits.h"
#include "packet.h"
#include "peer.h"
#include "policy_bus.h"
#include "quota.h"

static void dg_peer_gone(struct dg_endpoint *ep);

static void dg_peer_free(struct dg_endpoint *ep)
{
	struct dg_peer *peer = container_of(ep, struct dg_peer, ep);

	dg_queue_destroy(&peer->queue);
	kfree_skb(peer->disconnect);
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
	get_task_comm(peer->comm, current->group_leader);
	INIT_LIST_HEAD(&peer->node);
	strscpy(peer->unique, DG_NOT_ACTIVE, sizeof(peer->unique));
	dg_owner_init(&peer->owner, 0);
	dg_match_owner_init(&peer->rules);
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

/**
 * dg_peer_join() - put a peer on its bus
 * @peer: from dg_peer_new(); its reference is the bus's if 0 is returned
 * @welcome: queues the answer to CONNECT into the socket.  Called when nothing
 *	else can fail, and before anything else can get into the socket
 * @data: for @welcome
 *
 * Return: 0; -ENOENT the bus has been destroyed; -EACCES it does not admit this
 * peer; -EUSERS too many peers of this user; -ENOMEM; -EISCONN the socket is somebody already; or what @welcome says.
 */
int dg_peer_join(struct dg_peer *peer, int (*welcome)(void *data), void *data)
{
	struct dg_bus *bus = peer->bus;
	int err;

	down_write(&bus->lock);
	err = -ENOENT;
	if (bus->dead)
		goto out;
	err = -EUSERS;
	if (peer->user->n_peers >= DG_PEERS_PER_USER_MAX)
		goto out;
	err = dg_policy_join(peer);
	if (err)
		goto out;
	err = dg_endpoint_add(&peer->ep);
	if (err)
		goto err_policy;
	err = welcome(data);
	if (err)
		goto err_endpoint;

	peer->connected = true;
	list_add_tail(&peer->node, &bus->members);
	bus->n_peers++;
	peer->user->n_peers++;
	up_write(&bus->lock);
	return 0;

err_endpoint:
	dg_endpoint_del(&peer->ep);
err_policy:
	dg_policy_leave(peer);
out:
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

	err = xa_insert(&bus->peers, id, peer, GFP_KERNEL_ACCOUNT);
	if (err)
		return err;

	bus->last_id = id;
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

/**
 * dg_peer_remove_locked() - take a peer off its bus
 * @peer: the peer; the caller holds its bus's lock for writing
 * @reason: what DISCONNECT shall say; %DBUS_GENL_REASON_UNSPEC if the socket
 *	has been released and there is nobody to tell
 *
 * In dbus-daemon's order: its rules first, so that it hears nothing of its own
 * end; then its names, the unique one last; then NoReply to those whose calls
 * it leaves.  A bus that goes as a whole tells of none of that.
 *
 * Return: whether it was on the bus; if so, the caller puts the maker's
 * reference once it has let the lock go.
 */
bool dg_peer_remove_locked(struct dg_peer *peer, enum dbus_genl_reason reason)
{
	struct dg_bus *bus = peer->bus;
	struct sk_buff *last = NULL;
	struct dg_peer *caller;
	u32 serial;

	lockdep_assert_held_write(&bus->lock);

	if (!peer->connected)
		return false;
	peer->connected = false;

	list_del_init(&peer->node);
	bus->n_peers--;
	peer->user->n_peers--;
	if (peer->id)
		xa_erase(&bus->peers, peer->id);

	dg_match_table_remove_all(&bus->matches, &peer->rules);
	bus->n_eavesdroppers -= peer->n_eavesdropping;
	dg_reply_drop_made(bus, peer);

	/* Out of the table first: DISCONNECT says that it may CONNECT again. */
	dg_endpoint_del(&peer->ep);
	if (reason != DBUS_GENL_REASON_UNSPEC) {
		last = peer->disconnect;
		peer->disconnect = NULL;
		dg_packet_set_reason(last, reason);
	}
	dg_queue_close(peer, last);

	dg_registry_drop(&bus->registry, &peer->owner,
			 bus->dead ? NULL : dg_peer_name_changed, bus);
	if (peer->id && !bus->dead)
		dg_driver_unique_name_changed(bus, peer, true);

	while ((caller = dg_reply_pop_taken(bus, peer, &serial))) {
		if (!bus->dead)
			dg_driver_no_reply(caller, serial, DG_ERROR("NoReply"),
					   "Message recipient disconnected from message bus without replying");
	}
	dg_policy_leave(peer);
	return true;
}

static void dg_peer_gone(struct dg_endpoint *ep)
{
	struct dg_peer *peer = container_of(ep, struct dg_peer, ep);
	bool removed;

	down_write(&peer->bus->lock);
	removed = dg_peer_remove_locked(peer, DBUS_GENL_REASON_UNSPEC);
	up_write(&peer->bus->lock);

	if (removed)
		dg_peer_put(peer);
}
