// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - delivery: into the socket, or into the overflow queue
 *
 * Packets go straight into the receiver's socket (the one that the peer holds,
 * never by port id) while they fit.  The first that does not goes into the
 * overflow queue, and the doorbell into the socket behind all that is in it;
 * from then on everything waits in the queue, so that order is kept, until
 * PULL has emptied it.
 *
 * Nobody sleeps here for a receiver to read.  What waits is charged to who
 * sent it: in each queue (struct dg_share), so that one stopped receiver does
 * not use up what its senders may have waiting elsewhere, and in all queues of
 * the bus together (struct dg_user).
 */
#include <linux/slab.h>
#include <net/sock.h>

#include "alloc.h"
#include "bus.h"
#include "claim.h"
#include "limits.h"
#include "packet.h"
#include "peer.h"
#include "queue.h"
#include "quota.h"
#include "socket.h"
#include "trace.h"

/**
 * struct dg_waiting_cb - what a waiting packet has in its cb
 * @share: whose share it is; NULL: the driver's
 * @bytes: what is charged for it
 */
struct dg_waiting_cb {
	struct dg_share *share;
	size_t bytes;
};

static struct dg_waiting_cb *dg_waiting_cb(struct sk_buff *packet)
{
	BUILD_BUG_ON(sizeof(struct dg_waiting_cb) > sizeof(packet->cb));
	return (struct dg_waiting_cb *)packet->cb;
}

int dg_queue_init(struct dg_queue *queue)
{
	mutex_init(&queue->lock);
	__skb_queue_head_init(&queue->waiting);
	INIT_LIST_HEAD(&queue->shares);
	INIT_LIST_HEAD(&queue->claims);
	queue->doorbell = dg_packet_doorbell();
	return queue->doorbell ? 0 : -ENOMEM;
}

/* For a queue that is closed, or that nothing was ever put into. */
void dg_queue_destroy(struct dg_queue *queue)
{
	WARN_ON_ONCE(!skb_queue_empty(&queue->waiting) ||
		     !list_empty(&queue->claims));
	kfree_skb(queue->doorbell);
	mutex_destroy(&queue->lock);
}

/* The share of a user, made if there is none; NULL if memory is short. */
struct dg_share *dg_share_find(struct dg_queue *queue, struct dg_user *user)
{
	struct dg_peer *peer = container_of(queue, struct dg_peer, queue);
	struct dg_share *share;

	list_for_each_entry(share, &queue->shares, node)
		if (share->debt->from == user)
			return share;

	share = dg_kzalloc(sizeof(*share));
	if (!share)
		return NULL;
	share->debt = dg_debt_get(user, peer->user);
	if (!share->debt) {
		kfree(share);
		return NULL;
	}
	list_add_tail(&share->node, &queue->shares);
	return share;
}

void dg_share_drop_if_empty(struct dg_share *share)
{
	if (share->bytes || share->fds)
		return;

	list_del(&share->node);
	dg_debt_put(share->debt);
	kfree(share);
}

/* Counts what has come to wait in a queue, or waits no more. */
void dg_queue_count(struct dg_queue *queue, ssize_t bytes, int fds)
{
	lockdep_assert_held(&queue->lock);

	queue->now.bytes += bytes;
	queue->now.fds += fds;
	queue->peak.bytes = max(queue->peak.bytes, queue->now.bytes);
	queue->peak.fds = max(queue->peak.fds, queue->now.fds);
}

static int dg_charge_user(struct dg_queue *queue, struct sk_buff *packet,
			  struct dg_user *from, enum dg_class class)
{
	size_t max = dg_limit(&from->bus->limits,
			      DBUS_GENL_LIMIT_A_MAX_OUTGOING_BYTES);
	struct dg_share *share = dg_share_find(queue, from);

	if (!share)
		return -EDQUOT;

	/* A flood of broadcasts must leave room for calls and replies. */
	if (class == DG_CLASS_SIGNAL)
		max /= 2;
	if (share->bytes >= max ||
	    !dg_debt_charge(share->debt, packet->truesize)) {
		dg_share_drop_if_empty(share);
		return -EDQUOT;
	}
	share->bytes += packet->truesize;
	*dg_waiting_cb(packet) = (struct dg_waiting_cb){
		.share = share,
		.bytes = packet->truesize,
	};
	return 0;
}

static int dg_charge_driver(struct dg_peer *to, struct sk_buff *packet,
			    enum dg_class class)
{
	struct dg_queue *queue = &to->queue;
	size_t bytes = packet->truesize;

	if (class != DG_CLASS_ANSWER &&
	    (queue->driver_bytes + bytes > DG_QUEUE_DRIVER_BYTES_MAX ||
	     atomic_long_read(&to->user->from_driver) + bytes >
		     DG_USER_DRIVER_BYTES_MAX))
		return -EDQUOT;
	atomic_long_add(bytes, &to->user->from_driver);

	WRITE_ONCE(queue->driver_bytes, queue->driver_bytes + bytes);
	*dg_waiting_cb(packet) = (struct dg_waiting_cb){ .bytes = bytes };
	return 0;
}

/* By values: the packet may be in its receiver's hands already. */
static void dg_uncharge(struct dg_peer *peer, struct dg_waiting_cb waiting)
{
	struct dg_queue *queue = &peer->queue;
	struct dg_share *share = waiting.share;
	size_t bytes = waiting.bytes;

	atomic64_dec(&peer->bus->queued_messages);
	atomic64_sub(bytes, &peer->bus->queued_bytes);
	dg_queue_count(queue, -(ssize_t)bytes, 0);

	if (share) {
		share->bytes -= bytes;
		dg_debt_uncharge(share->debt, bytes);
		dg_share_drop_if_empty(share);
	} else {
		WRITE_ONCE(queue->driver_bytes, queue->driver_bytes - bytes);
		atomic_long_sub(bytes, &peer->user->from_driver);
	}
}

static void dg_ring(struct dg_peer *peer)
{
	struct dg_queue *queue = &peer->queue;

	lockdep_assert_held(&queue->lock);
	if (!queue->doorbell)
		return;

	dg_socket_force(peer->ep.sk, queue->doorbell);
	queue->doorbell = NULL;
}

static int dg_overflow(struct dg_peer *to, struct sk_buff *packet,
		       struct dg_user *from, enum dg_class class)
{
	struct dg_queue *queue = &to->queue;
	int err;

	err = from ? dg_charge_user(queue, packet, from, class) :
		     dg_charge_driver(to, packet, class);
	if (err)
		return err;

	atomic64_inc(&to->bus->queued_messages);
	atomic64_add(packet->truesize, &to->bus->queued_bytes);
	atomic64_inc(&to->bus->counters.overflowed);
	atomic64_inc(&to->counters.overflowed);
	dg_queue_count(queue, packet->truesize, 0);
	__skb_queue_tail(&queue->waiting, packet);
	dg_ring(to);
	return 0;
}

/* Counts a message that a receiver loses. */
void dg_queue_lost(struct dg_peer *to, const struct dg_packet_id *id)
{
	atomic64_inc(&to->bus->counters.dropped);
	atomic64_inc(&to->counters.dropped);
	trace_dg_drop(to, id);
}

static bool dg_packets_are_traced(void)
{
	return trace_dg_deliver_enabled() || trace_dg_queue_enabled() ||
	       trace_dg_drop_enabled();
}

/**
 * dg_queue_push() - deliver a packet
 * @to: the receiver; the caller holds its bus's lock
 * @packet: taken over, whatever is returned
 * @from: the sending user; NULL if it is the driver
 * @class: what may happen to it
 * @claim: to the files that come with it, taken over; or NULL
 *
 * Return: 0; or -EDQUOT, and it was not delivered (signals are counted as
 * dropped then).
 */
int dg_queue_push(struct dg_peer *to, struct sk_buff *packet,
		  struct dg_user *from, enum dg_class class,
		  struct dg_claim *claim)
{
	struct dg_queue *queue = &to->queue;
	struct dg_packet_id id = { };
	enum dg_taken taken = DG_SOCKET_HAS;
	int err = 0;

	lockdep_assert_held(&to->bus->lock);

	/* While the packet is ours. */
	if (dg_packets_are_traced())
		dg_packet_identify(packet, &id);

	mutex_lock(&queue->lock);
	if (queue->closed) {
		kfree_skb(packet);
		goto out;
	}

	/* First: as soon as the packet is there its files may be claimed. */
	if (claim)
		err = dg_claim_add(queue, claim);
	if (!err) {
		taken = skb_queue_empty(&queue->waiting) ?
				dg_socket_take(to->ep.sk, packet) :
				DG_SOCKET_FULL;
		if (taken == DG_SOCKET_FULL)
			err = dg_overflow(to, packet, from, class);
		if (claim && (err || taken == DG_SOCKET_UNWANTED))
			dg_claim_del(queue, claim);
	}
	if (err) {
		kfree_skb(packet);
		if (class == DG_CLASS_SIGNAL)
			dg_queue_lost(to, &id);
	} else {
		atomic64_inc(&to->bus->counters.delivered);
		atomic64_inc(&to->counters.received);
		if (taken == DG_SOCKET_FULL)
			trace_dg_queue(to, &id);
		else
			trace_dg_deliver(to, &id);
		if (claim && taken != DG_SOCKET_UNWANTED) {
			dg_claim_arm(to->bus, claim);
			claim = NULL;
		}
	}
out:
	mutex_unlock(&queue->lock);
	dg_claim_free(claim);
	return err;
}

/**
 * dg_queue_pull() - PULL: move what waits into the socket, as much as fits
 * @peer: the receiver
 *
 * Return: 0; -ENOTCONN if it has left the bus; -ENOBUFS if it must read first;
 * -ENOMEM, and nothing happened.
 */
int dg_queue_pull(struct dg_peer *peer)
{
	struct dg_queue *queue = &peer->queue;
	struct dg_packet_id id = { };
	struct sk_buff *packet;
	enum dg_taken taken;
	int err = 0;

	mutex_lock(&queue->lock);
	if (queue->closed) {
		err = -ENOTCONN;
		goto out;
	}

	if (dg_socket_is_overfull(peer->ep.sk)) {
		err = -ENOBUFS;
		goto out;
	}

	/* First of all, so that the next one to overflow can ring. */
	if (!queue->doorbell)
		queue->doorbell = dg_packet_doorbell();
	if (!queue->doorbell) {
		err = -ENOMEM;
		goto out;
	}

	while ((packet = __skb_dequeue(&queue->waiting))) {
		struct dg_waiting_cb waiting = *dg_waiting_cb(packet);

		/* recvmsg() reads netlink's parameters from there. */
		memset(packet->cb, 0, sizeof(packet->cb));
		/* While the packet is ours. */
		if (!list_empty(&queue->claims))
			dg_packet_identify(packet, &id);
		taken = dg_socket_take(peer->ep.sk, packet);
		if (taken == DG_SOCKET_FULL) {
			*dg_waiting_cb(packet) = waiting;
			__skb_queue_head(&queue->waiting, packet);
			dg_ring(peer);
			break;
		}
		dg_uncharge(peer, waiting);
		if (taken == DG_SOCKET_UNWANTED && !list_empty(&queue->claims))
			dg_claim_drop(queue, id.sender, id.serial);
	}
out:
	mutex_unlock(&queue->lock);
	return err;
}

/**
 * dg_queue_close() - the peer leaves its bus
 * @peer: the peer; the caller holds its bus's lock for writing
 * @last: its DISCONNECT, taken over; NULL if its socket has been released
 *
 * What waits is freed: there is nobody to PULL or claim it any more.
 */
void dg_queue_close(struct dg_peer *peer, struct sk_buff *last)
{
	struct dg_queue *queue = &peer->queue;
	struct dg_claim *claim, *next;
	struct sk_buff *packet;

	mutex_lock(&queue->lock);
	queue->closed = true;
	list_for_each_entry_safe(claim, next, &queue->claims, node) {
		dg_claim_del(queue, claim);
		dg_claim_free(claim);
	}
	while ((packet = __skb_dequeue(&queue->waiting))) {
		dg_uncharge(peer, *dg_waiting_cb(packet));
		kfree_skb(packet);
	}
	if (last)
		dg_socket_force(peer->ep.sk, last);
	mutex_unlock(&queue->lock);
}

/*
 * Whether the driver has had so much to say, to this peer or to all of its
 * user's, that it must read first.  One that has read everything may go on.
 */
bool dg_queue_is_backlogged(const struct dg_peer *peer)
{
	size_t bytes = READ_ONCE(peer->queue.driver_bytes);

	return bytes > DG_QUEUE_DRIVER_BYTES_MAX ||
	       (bytes && atomic_long_read(&peer->user->from_driver) >
				 DG_USER_DRIVER_BYTES_MAX);
}
