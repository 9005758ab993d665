// SPDX-License-Identifier: GPL-2.0-only
/*
 * claim.c - FD_CLAIM: a receiver gets the files of a message
 *
 * Files can be installed only by the task that is to have them, so they wait
 * beside the receiver's queue from before its message can be seen.  Those that
 * nobody claims expire: a socket of the bus that waits on the bus itself, or
 * AF_UNIX sockets that hold one another, would otherwise stay for ever.  Bodies
 * hold nothing, and losing one is losing a message, so alone they do not expire
 * and are bounded by what they are charged.
 */
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "alloc.h"
#include "bus.h"
#include "claim.h"
#include "fds.h"
#include "limits.h"
#include "message.h"
#include "packet.h"
#include "peer.h"
#include "queue.h"
#include "quota.h"
#include "socket.h"
#include "trace.h"

static unsigned int pending_fd_timeout = DG_FD_TIMEOUT_MS;
module_param(pending_fd_timeout, uint, 0600);
MODULE_PARM_DESC(pending_fd_timeout,
		 "milliseconds that fds wait to be claimed by their receiver");

/*
 * In jiffies.  When the bus's limit changes, that holds at once for all that
 * wait; the parameter holds when a timer that runs has run out.
 */
static unsigned long dg_claim_timeout(const struct dg_bus *bus)
{
	u32 limit = dg_limit(&bus->limits,
			     DBUS_GENL_LIMIT_A_PENDING_FD_TIMEOUT);

	return msecs_to_jiffies(min(READ_ONCE(pending_fd_timeout), limit));
}

struct dg_claim *dg_claim_new(const struct dg_msg *msg)
{
	struct dg_claim *claim;

	claim = dg_kzalloc(sizeof(*claim));
	if (!claim)
		return NULL;

	INIT_LIST_HEAD(&claim->node);
	claim->fds = dg_fds_ref(msg->fds);
	claim->sender = msg->sender;
	claim->serial = msg->serial;
	claim->since = jiffies;
	return claim;
}

/* One that is in no queue.  NULL is nothing. */
void dg_claim_free(struct dg_claim *claim)
{
	if (!claim)
		return;

	dg_fds_put(claim->fds);
	kfree(claim);
}

/**
 * dg_claim_add() - put a claim into its receiver's queue
 * @queue: the queue, locked
 * @claim: in no queue
 *
 * Return: 0; -EDQUOT: too much of that user waits here already.
 */
int dg_claim_add(struct dg_queue *queue, struct dg_claim *claim)
{
	const struct dg_fds *fds = claim->fds;
	struct dg_share *share;

	lockdep_assert_held(&queue->lock);

	share = dg_share_find(queue, fds->user);
	if (!share)
		return -EDQUOT;
	if (share->fds + dg_fds_count(fds) >
		    dg_limit(&fds->user->bus->limits,
			     DBUS_GENL_LIMIT_A_MAX_OUTGOING_UNIX_FDS) ||
	    share->body_bytes + fds->body_len > DG_QUEUE_BODY_BYTES_MAX ||
	    !dg_debt_charge_fds(share->debt, dg_fds_count(fds),
				fds->body_len)) {
		dg_share_drop_if_empty(share);
		return -EDQUOT;
	}

	share->fds += dg_fds_count(fds);
	share->body_bytes += fds->body_len;
	dg_queue_count(queue, 0, dg_fds_count(fds));
	claim->share = share;
	list_add_tail(&claim->node, &queue->claims);
	return 0;
}

/* Takes a claim out of its queue, which is locked. */
void dg_claim_del(struct dg_queue *queue, struct dg_claim *claim)
{
	struct dg_share *share = claim->share;

	list_del_init(&claim->node);
	dg_queue_count(queue, 0, -(int)dg_fds_count(claim->fds));
	share->fds -= dg_fds_count(claim->fds);
	share->body_bytes -= claim->fds->body_len;
	dg_debt_uncharge_fds(share->debt, dg_fds_count(claim->fds),
			     claim->fds->body_len);
	claim->share = NULL;
	dg_share_drop_if_empty(share);
}

/* Counts files that their receiver loses. */
static void dg_claim_lost(struct dg_peer *peer, const struct dg_claim *claim)
{
	unsigned int n = dg_fds_count(claim->fds);

	atomic64_add(n, &peer->bus->counters.expired);
	atomic64_add(n, &peer->counters.expired);
	trace_dg_expire(peer, claim->sender, claim->serial, n);
}

static bool dg_claim_expires(const struct dg_claim *claim)
{
	return claim->fds->n;
}

/*
 * Has the work run at @due, or before.  All that arms it comes through here, so
 * that nothing puts it off: not a claim that has just been made, nor the work
 * itself, which has seen neither what has been put back nor what LIMITS_SET
 * says since.
 */
static void dg_claims_expire_at(struct dg_bus *bus, unsigned long due)
{
	unsigned long now = jiffies;

	spin_lock(&bus->expiry_lock);
	if (!bus->expiry_armed || time_before(due, bus->expiry_due)) {
		bus->expiry_armed = true;
		bus->expiry_due = due;
		mod_delayed_work(system_wq, &bus->expiry,
				 time_after(due, now) ? due - now : 0);
	}
	spin_unlock(&bus->expiry_lock);
}

/* The time-out is another one. */
void dg_claims_expire_anew(struct dg_bus *bus)
{
	dg_claims_expire_at(bus, jiffies);
}

/* Sees to it that a claim which is in a queue expires in time. */
void dg_claim_arm(struct dg_bus *bus, const struct dg_claim *claim)
{
	if (dg_claim_expires(claim))
		dg_claims_expire_at(bus, claim->since + dg_claim_timeout(bus));
}

/* Moves what has expired to @expired; lowers *@next to when others will. */
static void dg_claims_collect(struct dg_peer *peer, unsigned long timeout,
			      struct list_head *expired, unsigned long *next)
{
	struct dg_queue *queue = &peer->queue;
	struct dg_claim *claim, *tmp;
	unsigned long now = jiffies;

	mutex_lock(&queue->lock);
	list_for_each_entry_safe(claim, tmp, &queue->claims, node) {
		if (!dg_claim_expires(claim))
			continue;
		if (time_after(claim->since + timeout, now)) {
			*next = min(*next, claim->since + timeout - now);
			continue;
		}
		dg_claim_del(queue, claim);
		dg_claim_lost(peer, claim);
		list_add_tail(&claim->node, expired);
	}
	mutex_unlock(&queue->lock);
}

static void dg_claims_free(struct list_head *claims)
{
	struct dg_claim *claim, *tmp;

	list_for_each_entry_safe(claim, tmp, claims, node) {
		list_del(&claim->node);
		dg_claim_free(claim);
	}
}

/**
 * dg_claims_expire() - drop the claims of a bus that have waited too long
 * @work: its dg_bus.expiry
 */
void dg_claims_expire(struct work_struct *work)
{
	struct dg_bus *bus = container_of(to_delayed_work(work), struct dg_bus,
					  expiry);
	unsigned long next = ULONG_MAX;
	struct dg_peer *peer;
	LIST_HEAD(expired);

	spin_lock(&bus->expiry_lock);
	bus->expiry_armed = false;
	spin_unlock(&bus->expiry_lock);

	down_read(&bus->lock);
	list_for_each_entry(peer, &bus->members, node)
		dg_claims_collect(peer, dg_claim_timeout(bus), &expired, &next);
	dg_claims_free(&expired);
	up_read(&bus->lock);

	if (next != ULONG_MAX)
		dg_claims_expire_at(bus, jiffies + next);
}

/* The oldest claim to a message's files, taken out of the queue, or NULL. */
static struct dg_claim *dg_claim_take(struct dg_queue *queue, u64 sender,
				      u32 serial)
{
	struct dg_claim *claim;

	lockdep_assert_held(&queue->lock);

	list_for_each_entry(claim, &queue->claims, node) {
		if (claim->sender == sender && claim->serial == serial) {
			dg_claim_del(queue, claim);
			return claim;
		}
	}
	return NULL;
}

/* The message will never be read; @queue is locked. */
void dg_claim_drop(struct dg_queue *queue, u64 sender, u32 serial)
{
	dg_claim_free(dg_claim_take(queue, sender, serial));
}

/*
 * Gives back what could not be installed; it may be claimed again, unless so
 * much has come meanwhile that there is no room for it.
 */
static void dg_claim_return(struct dg_peer *peer, struct dg_claim *claim)
{
	struct dg_queue *queue = &peer->queue;
	int err = -ENOTCONN;

	mutex_lock(&queue->lock);
	if (!queue->closed)
		err = dg_claim_add(queue, claim);
	if (!err) {
		list_move(&claim->node, &queue->claims);
		dg_claim_arm(peer->bus, claim);
	} else if (!queue->closed) {
		dg_claim_lost(peer, claim);
	}
	mutex_unlock(&queue->lock);
	if (err)
		dg_claim_free(claim);
}

/**
 * dg_claim() - FD_CLAIM: install the files of a message in the running task
 * @peer: its receiver
 * @sender: the message's sender
 * @serial: its serial
 * @seq: what its answer shall have for nlmsg_seq
 *
 * The answer is put in front of all that is in the peer's socket, so that the
 * receiver need not look for it: also the one that says what went wrong.
 *
 * Return: 0; -ENOBUFS too many answers are unread; -ENOMEM.  Nothing has
 * happened then.
 */
int dg_claim(struct dg_peer *peer, u64 sender, u32 serial, u32 seq)
{
	struct dg_queue *queue = &peer->queue;
	struct dg_installed installed = { .body = -1 };
	struct dg_claim *claim;
	struct sk_buff *answer;
	int err = -ENOENT;

	answer = dg_packet_claimed();
	if (!answer)
		return -ENOMEM;
	if (!dg_socket_has_room_ahead(peer->ep.sk)) {
		kfree_skb(answer);
		return -ENOBUFS;
	}

	mutex_lock(&queue->lock);
	claim = dg_claim_take(queue, sender, serial);
	mutex_unlock(&queue->lock);
	if (claim)
		err = dg_fds_install(claim->fds, &installed);
	dg_packet_set_claimed(answer, seq, sender, serial, &installed, -err);
	dg_socket_put_ahead(peer->ep.sk, answer);

	if (claim && err)
		dg_claim_return(peer, claim);
	else
		dg_claim_free(claim);
	return 0;
}
