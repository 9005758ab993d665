// SPDX-License-Identifier: GPL-2.0-only
/*
 * route.c - who gets a message: one peer, the driver, or all that asked
 *
 * It runs in the sender's own sendmsg().  Whatever can fail with an errno does
 * so before a packet is stamped and delivered.
 */
#include <linux/pid.h>
#include <linux/skbuff.h>

#include "activate.h"
#include "alloc.h"
#include "bus.h"
#include "claim.h"
#include "driver.h"
#include "fds.h"
#include "message.h"
#include "names.h"
#include "packet.h"
#include "peer.h"
#include "policy_bus.h"
#include "route.h"

/**
 * struct dg_broadcast - a message on its way to all that asked for it
 * @msg: the message
 * @packet: what its receivers get clones of
 * @from: who sends it, NULL if it is the driver
 * @dest: who gets it anyway, since it is addressed to it
 * @addressed: it is addressed: only eavesdroppers get it here
 * @monitors: it is monitors that get it here, and all do
 * @lost: all that it is for lose it: too many files, or no memory for a copy
 * @number: its number on the bus
 * @gfp: how to allocate
 */
struct dg_broadcast {
	const struct dg_msg *msg;
	struct sk_buff *packet;
	struct dg_peer *from;
	struct dg_peer *dest;
	bool addressed;
	bool monitors;
	bool lost;
	u64 number;
	gfp_t gfp;
};

/*
 * Who pays for it.  What nobody sent to a monitor is its own user's: one that
 * does not read must not use up what senders may have waiting.
 */
static struct dg_user *dg_broadcast_payer(const struct dg_broadcast *broadcast,
					  const struct dg_peer *to)
{
	if (broadcast->monitors)
		return to->user;
	return broadcast->from ? broadcast->from->user : NULL;
}

/* A clone of it for @peer, with its files: false if memory is short. */
static bool dg_broadcast_push(const struct dg_broadcast *broadcast,
			      struct dg_peer *peer)
{
	struct dg_claim *claim = NULL;
	struct sk_buff *packet;

	if (broadcast->msg->fds) {
		claim = dg_claim_new(broadcast->msg);
		if (!claim)
			return false;
	}
	packet = dg_packet_clone(broadcast->packet, broadcast->gfp);
	if (!packet) {
		dg_claim_free(claim);
		return false;
	}
	dg_queue_push(peer, packet, dg_broadcast_payer(broadcast, peer),
		      DG_CLASS_SIGNAL, claim);
	return true;
}

static int dg_broadcast_to(void *data, const struct dg_match_rule *rule,
			   struct dg_match_owner *owner)
{
	struct dg_broadcast *broadcast = data;
	struct dg_peer *peer = broadcast->monitors ? dg_peer_of_monitored(owner) :
						     dg_peer_of_rules(owner);
	struct dg_transit transit = {
		.msg = broadcast->msg,
		.from = broadcast->from,
		.to = peer,
		.eavesdropping = broadcast->addressed,
	};

	if (peer == broadcast->dest)
		return 0;
	if (broadcast->addressed && !broadcast->monitors &&
	    !dg_match_eavesdrops(rule))
		return 0;
	/* Once for each peer, however many of its rules it meets. */
	if (peer->broadcast == broadcast->number)
		return 0;
	peer->broadcast = broadcast->number;

	/* Nobody is told of these; monitors see all. */
	if (!broadcast->monitors && dg_policy_verdict(peer->bus, &transit))
		return 0;

	/* As with dbus-daemon, who takes no fds misses what has some. */
	if (broadcast->msg->fds && !peer->takes_fds)
		return 0;
	if (broadcast->lost || !dg_broadcast_push(broadcast, peer)) {
		const struct dg_packet_id id = {
			.sender = broadcast->msg->sender,
			.serial = broadcast->msg->serial,
			.bytes = broadcast->packet->len,
		};

		dg_queue_lost(peer, &id);
	}
	return 0;
}

/* To whom the rules of @table name: the bus's, or its monitors'. */
static void dg_broadcast_by(struct dg_bus *bus,
			    const struct dg_match_table *table,
			    struct dg_broadcast *broadcast)
{
	const struct dg_peer *from = broadcast->from, *dest = broadcast->dest;
	struct dg_match_ctx ctx;

	lockdep_assert_held_write(&bus->lock);

	if (!dg_fds_charge(broadcast->msg->fds))
		broadcast->lost = true;
	broadcast->number = ++bus->broadcast;
	dg_match_ctx_init(&ctx, broadcast->msg, &bus->registry,
			  from ? &from->owner : NULL,
			  dest ? &dest->owner : NULL);
	dg_match_table_for_each(table, &ctx, dg_broadcast_to, broadcast);
}

/**
 * dg_route_broadcast() - deliver to everybody whose match rules say so
 * @bus: the bus, locked for writing
 * @msg: the message
 * @packet: its packet, stamped; stays the caller's
 * @from: who sends it, NULL if it is the driver
 * @dest: whom it is addressed to; only eavesdroppers get it then, and not
 *	@dest; NULL for a broadcast, or if it is addressed to the driver
 * @gfp: how to allocate
 */
void dg_route_broadcast(struct dg_bus *bus, const struct dg_msg *msg,
			struct sk_buff *packet, struct dg_peer *from,
			struct dg_peer *dest, gfp_t gfp)
{
	struct dg_broadcast broadcast = {
		.msg = msg,
		.packet = packet,
		.from = from,
		.dest = dest,
		.addressed = msg->destination,
		.gfp = gfp,
	};

	dg_broadcast_by(bus, &bus->matches, &broadcast);
}

/* @lost: there is no memory for what they were to see. */
static void dg_broadcast_to_monitors(struct dg_bus *bus,
				     const struct dg_msg *msg,
				     struct sk_buff *packet,
				     struct dg_peer *from, struct dg_peer *dest,
				     bool lost)
{
	struct dg_broadcast broadcast = {
		.msg = msg,
		.packet = packet,
		.from = from,
		.dest = dest,
		.monitors = true,
		.lost = lost,
		.gfp = DG_GFP_LOCKED,
	};

	dg_broadcast_by(bus, &bus->monitored, &broadcast);
}

/**
 * dg_route_to_monitors() - let monitors see a message
 * @bus: the bus; locked for writing if it has monitors
 * @msg: the message
 * @packet: its packet, stamped; stays the caller's
 * @from: who sends it, NULL if it is the driver
 * @dest: whom it is addressed to, if that is a peer; if it is just becoming a
 *	monitor it gets the message anyway, and once
 */
void dg_route_to_monitors(struct dg_bus *bus, const struct dg_msg *msg,
			  struct sk_buff *packet, struct dg_peer *from,
			  struct dg_peer *dest)
{
	if (bus->n_monitors)
		dg_broadcast_to_monitors(bus, msg, packet, from, dest, false);
}

/**
 * dg_route_request_to_monitors() - let monitors see what a peer asks for
 * @bus: the bus; locked for writing if it has monitors
 * @from: the peer
 * @msg: the message
 * @packet: its packet, not stamped; stays so
 * @dest: the peer it is addressed to, or NULL
 *
 * They see it before it is known what will become of it, and it may still be
 * refused with an errno: so what they get is stamped in a copy.
 */
void dg_route_request_to_monitors(struct dg_bus *bus, struct dg_peer *from,
				  const struct dg_msg *msg,
				  struct sk_buff *packet,
				  struct dg_peer *dest)
{
	struct dg_msg seen = *msg;
	struct sk_buff *copy;

	if (!bus->n_monitors)
		return;

	seen.sender = from->id ?: DBUS_GENL_SENDER_NOT_ACTIVE;
	copy = dg_packet_dup(packet);
	if (copy)
		dg_packet_stamp(copy, seen.sender);
	dg_broadcast_to_monitors(bus, &seen, copy ?: packet, from, dest, !copy);
	kfree_skb(copy);
}

/*
 * For those who see what is addressed to others.  The packet is stamped: once
 * they have it, it must not be written to any more.
 */
static void dg_route_eavesdrop(struct dg_bus *bus, const struct dg_msg *msg,
			       struct sk_buff *packet, struct dg_peer *from,
			       struct dg_peer *dest)
{
	if (bus->n_eavesdroppers)
		dg_route_broadcast(bus, msg, packet, from, dest,
				   DG_GFP_LOCKED);
}

static const char *dg_type_name(const struct dg_msg *msg)
{
	static const char *const names[] = {
		[DG_MSG_CALL] = "method_call",
		[DG_MSG_RETURN] = "method_return",
		[DG_MSG_ERROR] = "error",
		[DG_MSG_SIGNAL] = "signal",
	};

	return dg_is_unknown(msg) ? "invalid" : names[msg->type];
}

/*
 * An error in dbus-daemon's words for what a policy or a limit refuses, because
 * of @matched rules.
 */
static int dg_route_rejected(const struct dg_transit *transit,
			     const char *error, const char *what,
			     unsigned int matched)
{
	const struct dg_msg *msg = transit->msg;
	struct dg_peer *from = transit->from;
	struct dg_peer *to = transit->to;
	/* Of who gets the text, which need not be the running task. */
	struct user_namespace *ns = from->cred->user_ns;
	struct pid_namespace *pid_ns = ns_of_pid(from->pid);
	char receiver[sizeof("uid= pid= comm=\"\"") + 10 + 11 + TASK_COMM_LEN];

	if (to)
		snprintf(receiver, sizeof(receiver), "uid=%u pid=%d comm=\"%s\"",
			 from_kuid_munged(ns, to->cred->euid),
			 pid_nr_ns(to->pid, pid_ns), to->comm);
	else
		strscpy(receiver, "bus", sizeof(receiver));

	return dg_driver_error(from, msg, error,
			       "%s, %u matched rules; type=\"%s\", sender=\"%s\" (uid=%u pid=%d comm=\"%s\") interface=\"%s\" member=\"%s\" error name=\"%s\" requested_reply=\"%d\" destination=\"%s\" (%s)",
			       what, matched, dg_type_name(msg), from->unique,
			       from_kuid_munged(ns, from->cred->euid),
			       pid_nr_ns(from->pid, pid_ns), from->comm,
			       msg->interface ?: "(unset)",
			       msg->member ?: "(unset)",
			       msg->error_name ?: "(unset)",
			       transit->requested_reply, msg->destination,
			       receiver);
}

/* 0: it may go on; 1: it is refused, and the sender told; or an errno. */
static int dg_route_judge(struct dg_bus *bus, const struct dg_transit *transit)
{
	enum dg_verdict verdict = dg_policy_verdict(bus, transit);
	int err, matched;

	if (verdict == DG_VERDICT_ALLOWED)
		return 0;
	matched = dg_policy_matched(bus, transit, verdict);
	if (matched < 0)
		return matched;
	/* As with dbus-daemon, which then lets no other reply come instead. */
	if (verdict == DG_VERDICT_NOT_RECEIVED && transit->requested_reply)
		dg_reply_settle(bus, transit->to, transit->from,
				transit->msg->reply_serial);
	err = dg_route_rejected(transit, DG_ERROR("AccessDenied"),
				verdict == DG_VERDICT_NOT_SENT ?
					"Rejected send message" :
					"Rejected receive message",
				matched);
	return err ?: 1;
}

static int dg_route_nobody(struct dg_peer *from, const struct dg_msg *msg)
{
	if (msg->flags & DG_FLAG_NO_AUTO_START)
		return dg_driver_error(from, msg, DG_ERROR("NameHasNoOwner"),
				       "Name \"%s\" does not exist",
				       msg->destination);
	return dg_driver_error(from, msg, DG_ERROR("ServiceUnknown"),
			       "The name %s was not provided by any .service files",
			       msg->destination);
}

static bool dg_expects_reply(const struct dg_msg *msg)
{
	return msg->type == DG_MSG_CALL &&
	       !(msg->flags & DG_FLAG_NO_REPLY_EXPECTED);
}

/*
 * Notes that a call is on its way.  0: it is, and @reply taken over; 1: it is
 * refused, and the caller told; or an errno.
 */
static int dg_route_expect(struct dg_bus *bus, struct dg_reply *reply,
			   struct dg_peer *from, struct dg_peer *to,
			   const struct dg_msg *msg)
{
	int err;

	err = dg_reply_expect(bus, reply, from, to, msg->serial);
	if (!err)
		return 0;

	if (err == -EEXIST)
		err = dg_driver_error(from, msg, DG_ERROR("AccessDenied"),
				      "Message has the same reply serial as a currently-outstanding existing method call");
	else
		err = dg_driver_error(from, msg, DG_ERROR("LimitsExceeded"),
				      "The maximum number of pending replies per connection has been reached");
	return err ?: 1;
}

/*
 * What becomes of a message is an error, and can be no errno any more: if there
 * is no memory for it, who sent it is told of that.
 */
static void dg_route_failed(struct dg_peer *from, const struct dg_msg *msg,
			    int err)
{
	const char *error = DG_ERROR("NoMemory");

	if (!err)
		return;
	dg_peer_refused(from, msg->serial, error, 0);
	dg_driver_no_reply(from, msg->serial, error, "Not enough memory");
}

/*
 * The receiver's queue is over quota.  Who sent it is told; and if it was a
 * reply, so is who waits for it: it will never come.
 */
static void dg_route_over_quota(struct dg_bus *bus,
				const struct dg_transit *transit)
{
	const struct dg_msg *msg = transit->msg;
	struct dg_peer *from = transit->from;
	struct dg_peer *to = transit->to;

	if (dg_expects_reply(msg))
		dg_reply_settle(bus, from, to, msg->serial);
	if (dg_is_reply(msg) || transit->requested_reply)
		dg_driver_no_reply(to, msg->reply_serial,
				   DG_ERROR("LimitsExceeded"),
				   "The reply was refused: the message queue is full");
	dg_route_failed(from, msg,
			dg_route_rejected(transit, DG_ERROR("LimitsExceeded"),
					  "Rejected: destination has a full message queue",
					  0));
}

/* dbus-daemon's words, its spelling included. */
static const char dg_no_fds_text[] =
	"Tried to send message with Unix file descriptorsto a client that doesn't support that.";

/*
 * The receiver does not take the message's files.  A body that is a file would
 * have come with the message from dbus-daemon.
 */
static void dg_route_unclaimable(struct dg_bus *bus,
				 const struct dg_transit *transit)
{
	const struct dg_msg *msg = transit->msg;
	struct dg_peer *from = transit->from;
	struct dg_peer *to = transit->to;
	const char *error = DG_ERROR("NotSupported");
	const char *text = dg_no_fds_text;

	if (!msg->fds->n) {
		error = DG_ERROR("LimitsExceeded");
		text = "The message is larger than its receiver takes";
	}
	if (dg_expects_reply(msg))
		dg_reply_settle(bus, from, to, msg->serial);
	if (dg_is_reply(msg) || transit->requested_reply)
		dg_driver_no_reply(to, msg->reply_serial, error, text);
	dg_route_failed(from, msg,
			dg_driver_error(from, msg, error, "%s", text));
}

/* In dbus-daemon's words, which end their line.  Return: 1, or an errno. */
static int dg_route_unknown(struct dg_peer *from, const struct dg_msg *msg)
{
	int err = dg_driver_error(from, msg, DG_ERROR("AccessDenied"),
				  "Message bus will not accept messages of unknown type\n");

	return err ?: 1;
}

/* To one peer.  Takes @packet over if it returns 0. */
static int dg_route_to(struct dg_bus *bus, struct dg_peer *from,
		       struct dg_peer *to, struct dg_msg *msg,
		       struct sk_buff *packet)
{
	struct dg_transit transit = { .msg = msg, .from = from, .to = to };
	struct dg_claim *claim = NULL;
	struct dg_reply *reply = NULL;
	int err;

	/* Whatever says so replies: a signal or a call, too. */
	transit.requested_reply = msg->reply_serial &&
				  dg_reply_waits(bus, to, from,
						 msg->reply_serial);
	err = dg_route_judge(bus, &transit);
	if (err)
		goto out;

	if (msg->fds) {
		claim = dg_claim_new(msg);
		err = -ENOMEM;
		if (!claim)
			goto out;
	}
	if (dg_expects_reply(msg)) {
		reply = dg_reply_alloc();
		err = -ENOMEM;
		if (!reply)
			goto out;
	}
	/* Another thread with the same socket may have been faster. */
	if (transit.requested_reply &&
	    !dg_reply_settle(bus, to, from, msg->reply_serial)) {
		transit.requested_reply = false;
		err = dg_route_judge(bus, &transit);
		if (err)
			goto out;
	}
	/* A call that replies has done so, also if it is refused for itself. */
	if (reply) {
		err = dg_route_expect(bus, reply, from, to, msg);
		if (err)
			goto out;
		reply = NULL;
	}

	/* From here on nothing fails with an errno: a reply has been settled. */
	err = 0;
	if (msg->fds && !to->takes_fds) {
		dg_route_unclaimable(bus, &transit);
		goto out;
	}
	if (!dg_fds_charge(msg->fds)) {
		dg_route_over_quota(bus, &transit);
		goto out;
	}

	dg_packet_stamp(packet, from->id);
	dg_route_eavesdrop(bus, msg, packet, from, to);
	if (dg_queue_push(to, packet, from->user, DG_CLASS_UNICAST, claim))
		dg_route_over_quota(bus, &transit);
	return 0;

out:
	dg_reply_free(reply);
	dg_claim_free(claim);
	if (err < 0)
		return err;
	kfree_skb(packet);
	return 0;
}

/**
 * dg_route_waited() - deliver what waited for its receiver to be started
 * @bus: the bus, locked for writing
 * @from: who sent it
 * @to: who owns the name now
 * @msg: the message
 * @packet: its packet, not stamped; taken over
 *
 * Monitors have seen it.  There is no request of the sender's to fail any more.
 */
void dg_route_waited(struct dg_bus *bus, struct dg_peer *from,
		     struct dg_peer *to, struct dg_msg *msg,
		     struct sk_buff *packet)
{
	int err = dg_route_to(bus, from, to, msg, packet);

	if (err)
		kfree_skb(packet);
	dg_route_failed(from, msg, err);
}

/* To a name that nobody owns and that can be started. */
static int dg_route_start(struct dg_bus *bus, struct dg_peer *from,
			  struct dg_msg *msg, struct sk_buff *packet)
{
	const struct dg_transit transit = {
		.msg = msg,
		.from = from,
		.to_start = true,
	};
	int err;

	err = dg_route_judge(bus, &transit);
	if (!err)
		err = dg_start_for_message(bus, from, msg, packet);
	if (err > 0) {
		kfree_skb(packet);
		err = 0;
	}
	return err;
}

/*
 * To whom it is addressed.  Takes @packet over if it returns 0.  -EAGAIN: what
 * is to be done needs the bus's lock for writing; nothing has happened.
 */
static int dg_route_unicast(struct dg_bus *bus, struct dg_peer *from,
			    struct dg_msg *msg, struct sk_buff *packet,
			    bool exclusive)
{
	struct dg_peer *to = dg_bus_resolve(bus, msg->destination);
	bool start = !to && !(msg->flags & DG_FLAG_NO_AUTO_START) &&
		     dg_can_start(bus, msg->destination);
	int err;

	if (start && !exclusive)
		return -EAGAIN;

	dg_route_request_to_monitors(bus, from, msg, packet, to);
	if (to && !dg_is_unknown(msg))
		return dg_route_to(bus, from, to, msg, packet);
	if (start && !dg_is_unknown(msg))
		return dg_route_start(bus, from, msg, packet);

	if (to || start)
		err = min(0, dg_route_unknown(from, msg));
	else
		err = dg_route_nobody(from, msg);
	if (!err)
		kfree_skb(packet);
	return err;
}

/*
 * A monitor may send nothing but what libdbus answers in dbus-daemon before that
 * sees it.  Nor may a peer send just anything before Hello: the driver answers
 * what is for it; of the rest, dbus-daemon hangs up on signals and on what is
 * for other peers, once monitors have seen it.
 */
static bool dg_route_may_stay(struct dg_bus *bus, struct dg_peer *from,
			      const struct dg_msg *msg, struct sk_buff *packet)
{
	struct dg_peer *to = NULL;

	if (dg_is_for_other_end(msg))
		return true;
	if (from->monitor)
		return false;
	if (from->id)
		return true;
	if (msg->destination && !strcmp(msg->destination, DG_DRIVER_NAME))
		return true;
	if (!msg->destination && msg->type != DG_MSG_SIGNAL)
		return true;

	if (msg->destination)
		to = dg_bus_resolve(bus, msg->destination);
	dg_route_request_to_monitors(bus, from, msg, packet, to);
	return false;
}

/* A broadcast, but for those that the connection's other end answers. */
static bool dg_goes_to_all(const struct dg_msg *msg)
{
	return dg_is_broadcast(msg) && !dg_is_for_other_end(msg);
}

/* To the driver: 0 or an errno.  @packet stays the caller's. */
static int dg_route_to_driver(struct dg_bus *bus, struct dg_peer *from,
			      const struct dg_msg *msg, struct sk_buff *packet)
{
	int err = dg_driver_handle(bus, from, msg, packet);

	if (err)
		return min(0, err);

	/* Others see it once it has been done. */
	if (bus->n_eavesdroppers) {
		dg_packet_stamp(packet, from->id);
		dg_route_eavesdrop(bus, msg, packet, from, NULL);
	}
	/* And hear then what it means for them that it has become a monitor. */
	if (from->monitor)
		dg_peer_drop_taken(from);
	return 0;
}

/* With the bus's lock held for writing.  Takes @packet over if it returns 0. */
static int dg_route_exclusive(struct dg_bus *bus, struct dg_peer *from,
			      struct dg_msg *msg, struct sk_buff *packet)
{
	/* The driver has called nobody: it waits for no reply. */
	const struct dg_transit to_driver = { .msg = msg, .from = from };
	int err = 0;

	if (msg->destination && strcmp(msg->destination, DG_DRIVER_NAME))
		return dg_route_unicast(bus, from, msg, packet, true);

	if (msg->destination && dg_is_unknown(msg)) {
		dg_route_request_to_monitors(bus, from, msg, packet, NULL);
		err = min(0, dg_route_unknown(from, msg));
	} else if (msg->destination && from->id &&
		   dg_policy_verdict(bus, &to_driver)) {
		/* Hello is free. */
		dg_route_request_to_monitors(bus, from, msg, packet, NULL);
		err = min(0, dg_route_judge(bus, &to_driver));
	} else if (msg->fds && msg->fds->body && !dg_goes_to_all(msg)) {
		if (msg->destination)
			dg_route_request_to_monitors(bus, from, msg, packet,
						     NULL);
		err = dg_driver_error(from, msg, DG_ERROR("LimitsExceeded"),
				      "The message is larger than org.freedesktop.DBus takes");
	} else if (msg->destination) {
		err = dg_route_to_driver(bus, from, msg, packet);
	} else if (dg_goes_to_all(msg)) {
		dg_route_request_to_monitors(bus, from, msg, packet, NULL);
		dg_packet_stamp(packet, from->id);
		dg_route_broadcast(bus, msg, packet, from, NULL,
				   DG_GFP_LOCKED);
	} else {
		err = dg_driver_handle_unaddressed(bus, from, msg);
	}
	if (!err)
		kfree_skb(packet);
	return err;
}

static bool dg_route_needs_write(const struct dg_bus *bus,
				 const struct dg_peer *from,
				 const struct dg_msg *msg)
{
	return !msg->destination ||
	       !strcmp(msg->destination, DG_DRIVER_NAME) || !from->id ||
	       bus->n_eavesdroppers || bus->n_monitors;
}

/* Whether match rules may look at a message: it may change at any time. */
static bool dg_route_may_match(const struct dg_bus *bus,
			       const struct dg_msg *msg)
{
	if (READ_ONCE(bus->n_monitors))
		return true;
	return READ_ONCE(bus->matches.n_rules) &&
	       (dg_goes_to_all(msg) || READ_ONCE(bus->n_eavesdroppers));
}

/**
 * dg_route() - SEND
 * @from: the sender; the caller has a reference
 * @msg: the message; header and body are valid
 * @packet: its packet, not stamped; taken over if 0 is returned
 *
 * Return: 0; -ENOTCONN the peer has left the bus; -ENOBUFS it must read first;
 * -ENOMEM.
 */
int dg_route(struct dg_peer *from, struct dg_msg *msg, struct sk_buff *packet)
{
	struct dg_bus *bus = from->bus;
	bool thrown_out = false;
	int err;

	/* Before the locks: it may have to be read from swap. */
	if (msg->fds && msg->fds->body && dg_route_may_match(bus, msg)) {
		err = dg_fds_read_args(msg);
		if (err)
			return err;
	}

	/* The common case: one peer to another, while others do the same. */
	down_read(&bus->lock);
	if (from->connected && !dg_queue_is_backlogged(from) &&
	    !dg_route_needs_write(bus, from, msg)) {
		msg->sender = from->id;
		err = dg_route_unicast(bus, from, msg, packet, false);
		up_read(&bus->lock);
		if (err != -EAGAIN)
			goto out;
	} else {
		up_read(&bus->lock);
	}

	down_write(&bus->lock);
	msg->sender = from->id;
	if (!from->connected) {
		err = -ENOTCONN;
	} else if (dg_queue_is_backlogged(from)) {
		err = -ENOBUFS;
	} else if (!dg_route_may_stay(bus, from, msg, packet)) {
		thrown_out = dg_peer_remove_locked(from,
						   DBUS_GENL_REASON_PROTOCOL);
		kfree_skb(packet);
		err = 0;
	} else {
		err = dg_route_exclusive(bus, from, msg, packet);
	}
	up_write(&bus->lock);

	if (thrown_out)
		dg_peer_put(from);
out:
	dg_fds_free_args(msg);
	if (!err) {
		atomic64_inc(&bus->counters.routed);
		atomic64_inc(&from->counters.sent);
	}
	return err;
}
