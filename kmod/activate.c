// SPDX-License-Identifier: GPL-2.0-only
/*
 * activate.c - what waits while a bus's controller starts a service
 *
 * A struct dg_start is what the controller has been asked for: to start the
 * service of a name, once however many wait for it; to read its configuration
 * again; to change the environment.  A struct dg_waiter is a message, or a call
 * of the driver, that waits for it.  It is in the list of its start and in that
 * of its sender, which does not leave the bus without taking it out: so the
 * pointers need no references.
 *
 * A name that is being started has no owner: when it gets one, the start ends.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "activate.h"
#include "alloc.h"
#include "bus.h"
#include "driver.h"
#include "expiry.h"
#include "fds.h"
#include "limits.h"
#include "names.h"
#include "netlink.h"
#include "packet.h"
#include "peer.h"
#include "policy_bus.h"
#include "quota.h"
#include "route.h"
#include "service_names.h"
#include "socket.h"
#include "trace.h"

/**
 * struct dg_start - what the controller has been asked for
 * @node: in dg_activation.starts
 * @id: ACTIVATE_A_ID
 * @cmd: which command asked
 * @since: when, in jiffies
 * @user: who was the first to ask, referenced: it counts as theirs until it ends
 * @request: what the controller has not been told yet; NULL: it has
 * @waiting: struct dg_waiter, in the order in which they came
 * @name: of the service; "" if it is none
 */
struct dg_start {
	struct list_head node;
	u64 id;
	u8 cmd;
	unsigned long since;
	struct dg_user *user;
	struct sk_buff *request;
	struct list_head waiting;
	char name[];
};

/**
 * struct dg_waiter - a message or a call that waits
 * @node: in dg_start.waiting
 * @of_peer: in dg_peer.waits
 * @from: who sent it
 * @serial: its serial
 * @quiet: no reply is wanted unless it is an error; of calls
 * @packet: a message's; NULL: it is a call of the driver
 * @bytes: the message's bytes, which @msg leads into
 * @msg: the message
 * @debt: what @charged is a part of, referenced; of messages
 * @charged: what it is charged
 */
struct dg_waiter {
	struct list_head node;
	struct list_head of_peer;
	struct dg_peer *from;
	u32 serial;
	bool quiet;
	struct sk_buff *packet;
	void *bytes;
	struct dg_msg msg;
	struct dg_debt *debt;
	size_t charged;
};

void dg_activation_init(struct dg_activation *activation)
{
	INIT_LIST_HEAD(&activation->starts);
}

bool dg_can_start(const struct dg_bus *bus, const char *name)
{
	lockdep_assert_held(&bus->lock);

	return dg_service_names_have(bus->activation.names, name);
}

/*
 * How much of something, of which the bus has @n and the user @mine, may be the
 * user's.  Those who answer for the bus have all the room, whatever others have;
 * of these, each has half of what others leave.
 */
static u32 dg_max_of_user(const struct dg_peer *from, u32 n, u32 mine)
{
	u32 max = dg_limit(&from->bus->limits,
			   DBUS_GENL_LIMIT_A_MAX_PENDING_SERVICE_STARTS);
	u32 others = n - mine;

	if (dg_policy_privileged(from))
		return max;
	return others < max ? DIV_ROUND_UP(max - others, 2) : 0;
}

/* How much of what waits on a bus may be a peer's user's, as it is now. */
u32 dg_start_max_waiting(const struct dg_peer *peer)
{
	return dg_max_of_user(peer, peer->bus->activation.n_waiting,
			      peer->user->n_waiting);
}

static bool dg_waits_too_much(const struct dg_peer *from)
{
	return from->user->n_waiting >= dg_start_max_waiting(from);
}

/* There are some that nobody waits for any more. */
static bool dg_starts_too_much(const struct dg_peer *from)
{
	u32 mine = from->user->n_starts, n = from->bus->activation.n_starts;

	return mine >= dg_max_of_user(from, n, mine);
}

/* Room for a text that has a service's name. */
#define DG_TEXT_SIZE (DG_NAME_MAX + 160)

/* As dbus-daemon says it. */
static void dg_too_many_text(char text[DG_TEXT_SIZE], const struct dg_bus *bus,
			     const struct dg_ask *ask)
{
	u32 max = dg_limit(&bus->limits,
			   DBUS_GENL_LIMIT_A_MAX_PENDING_SERVICE_STARTS);

	if (ask->cmd == DBUS_GENL_CMD_ACTIVATE)
		snprintf(text, DG_TEXT_SIZE,
			 "The maximum number of pending activations has been reached, activation of %s failed (max_pending_service_starts=%u)",
			 ask->name, max);
	else
		snprintf(text, DG_TEXT_SIZE,
			 "Too much waits for the bus's controller (max_pending_service_starts=%u)",
			 max);
}

static struct dg_waiter *dg_waiter_new(struct dg_peer *from, u32 serial)
{
	struct dg_waiter *waiter;

	waiter = dg_kzalloc(sizeof(*waiter));
	if (!waiter)
		return NULL;
	INIT_LIST_HEAD(&waiter->node);
	INIT_LIST_HEAD(&waiter->of_peer);
	waiter->from = from;
	waiter->serial = serial;
	return waiter;
}

/* Where something of the request is in the copy; what is not in it stays. */
static const void *dg_waiter_moved(const struct dg_waiter *waiter,
				   const struct nlmsghdr *nlh, const void *p)
{
	const u8 *from = (const u8 *)nlh;

	if ((const u8 *)p < from || (const u8 *)p >= from + nlh->nlmsg_len)
		return p;
	return (const u8 *)waiter->bytes + ((const u8 *)p - from);
}

/* Its own copy of the message: the request is the sender's again. */
static int dg_waiter_copy(struct dg_waiter *waiter, const struct dg_msg *msg,
			  struct sk_buff *packet)
{
	const struct nlmsghdr *nlh = msg->nlh;
	struct dg_msg *copy = &waiter->msg;

	waiter->bytes = dg_kvcalloc(1, nlh->nlmsg_len);
	if (!waiter->bytes)
		return -ENOMEM;
	memcpy(waiter->bytes, nlh, nlh->nlmsg_len);
	waiter->packet = dg_packet_dup(packet);
	if (!waiter->packet)
		return -ENOMEM;

	*copy = *msg;
	copy->path = dg_waiter_moved(waiter, nlh, msg->path);
	copy->interface = dg_waiter_moved(waiter, nlh, msg->interface);
	copy->member = dg_waiter_moved(waiter, nlh, msg->member);
	copy->error_name = dg_waiter_moved(waiter, nlh, msg->error_name);
	copy->destination = dg_waiter_moved(waiter, nlh, msg->destination);
	copy->signature = dg_waiter_moved(waiter, nlh, msg->signature);
	copy->body = dg_waiter_moved(waiter, nlh, msg->body);
	copy->nlh = waiter->bytes;
	copy->fds = NULL;
	return 0;
}

/*
 * Charges it to its user: 0, -EDQUOT, or -ENOMEM.  It waits for nobody in
 * particular: bounded as if it waited in one receiver's queue.
 */
static int dg_waiter_charge(struct dg_waiter *waiter, struct dg_fds *fds)
{
	struct dg_user *user = waiter->from->user;
	const struct dg_limits *limits = &user->bus->limits;
	size_t size = sizeof(*waiter) + waiter->packet->truesize +
		      waiter->msg.nlh->nlmsg_len;

	/* What has been read of a file, for match rules. */
	if (fds && fds->body)
		size += waiter->msg.body_len;
	if (user->waiting_bytes >=
	    dg_limit(limits, DBUS_GENL_LIMIT_A_MAX_OUTGOING_BYTES))
		return -EDQUOT;
	if (fds &&
	    (user->waiting_fds + dg_fds_count(fds) >
		     dg_limit(limits,
			      DBUS_GENL_LIMIT_A_MAX_OUTGOING_UNIX_FDS) ||
	     user->waiting_body_bytes + fds->body_len >
		     DG_QUEUE_BODY_BYTES_MAX))
		return -EDQUOT;

	/* With the user itself at the other end. */
	waiter->debt = dg_debt_get(user, user);
	if (!waiter->debt)
		return -ENOMEM;
	if (!dg_debt_charge(waiter->debt, size))
		return -EDQUOT;
	waiter->charged = size;
	if (!dg_fds_charge(fds))
		return -EDQUOT;

	user->waiting_bytes += size;
	if (fds) {
		user->waiting_fds += dg_fds_count(fds);
		user->waiting_body_bytes += fds->body_len;
		waiter->msg.fds = dg_fds_ref(fds);
	}
	return 0;
}

/* A message that waits no more is charged no more. */
static void dg_waiter_uncharge(struct dg_waiter *waiter)
{
	struct dg_user *user = waiter->from->user;
	const struct dg_fds *fds = waiter->msg.fds;

	user->waiting_bytes -= waiter->charged;
	if (fds) {
		user->waiting_fds -= dg_fds_count(fds);
		user->waiting_body_bytes -= fds->body_len;
	}
	dg_debt_uncharge(waiter->debt, waiter->charged);
	dg_debt_put(waiter->debt);
	waiter->debt = NULL;
	waiter->charged = 0;
}

/* One that is in no list and not charged. */
static void dg_waiter_free(struct dg_waiter *waiter)
{
	dg_fds_free_args(&waiter->msg);
	dg_fds_put(waiter->msg.fds);
	kfree_skb(waiter->packet);
	kvfree(waiter->bytes);
	kfree(waiter);
}

/* One that has failed to be made. */
static void dg_waiter_undo(struct dg_waiter *waiter)
{
	if (waiter->debt) {
		if (waiter->charged)
			dg_debt_uncharge(waiter->debt, waiter->charged);
		dg_debt_put(waiter->debt);
	}
	dg_waiter_free(waiter);
}

static void dg_waiter_link(struct dg_waiter *waiter, struct dg_start *start)
{
	struct dg_peer *from = waiter->from;

	list_add_tail(&waiter->node, &start->waiting);
	list_add_tail(&waiter->of_peer, &from->waits);
	from->user->n_waiting++;
	from->bus->activation.n_waiting++;
}

/* Takes it out of all lists; it is the caller's. */
static void dg_waiter_unlink(struct dg_waiter *waiter)
{
	struct dg_peer *from = waiter->from;

	lockdep_assert_held_write(&from->bus->lock);

	list_del_init(&waiter->node);
	list_del_init(&waiter->of_peer);
	from->user->n_waiting--;
	from->bus->activation.n_waiting--;
	if (waiter->packet)
		dg_waiter_uncharge(waiter);
}

static struct sk_buff *dg_ask_packet(const struct dg_ask *ask, u64 id)
{
	struct sk_buff *skb;
	void *hdr;

	skb = dg_packet_new(nla_total_size_64bit(sizeof(id)) +
			    nla_total_size(strlen(ask->name) + 1) +
			    nla_total_size(ask->len));
	if (!skb)
		return NULL;

	hdr = genlmsg_put(skb, 0, 0, &dg_genl_family, 0, ask->cmd);
	if (WARN_ON_ONCE(!hdr ||
			 nla_put_u64_64bit(skb, DBUS_GENL_ACTIVATE_A_ID, id,
					   DBUS_GENL_ACTIVATE_A_PAD) ||
			 (*ask->name &&
			  nla_put_string(skb, DBUS_GENL_ACTIVATE_A_NAME,
					 ask->name)) ||
			 (ask->cmd == DBUS_GENL_CMD_ENVIRONMENT &&
			  nla_put(skb, DBUS_GENL_ACTIVATE_A_ENVIRONMENT,
				  ask->len, ask->environment)))) {
		kfree_skb(skb);
		return NULL;
	}
	genlmsg_end(skb, hdr);
	return dg_packet_done(skb);
}

static void dg_activation_ring(struct dg_activation *activation)
{
	if (!activation->doorbell)
		return;
	dg_socket_force(activation->controller, activation->doorbell);
	activation->doorbell = NULL;
}

/* Tells the controller; or, while it has not read others, later: PULL. */
static void dg_start_tell(struct dg_activation *activation,
			  struct dg_start *start)
{
	if (!activation->n_unsent &&
	    dg_socket_take(activation->controller, start->request) !=
		    DG_SOCKET_FULL) {
		start->request = NULL;
		return;
	}
	activation->n_unsent++;
	dg_activation_ring(activation);
}

/**
 * dg_activation_pull() - PULL of a controller
 * @bus: its bus, locked for writing
 *
 * Return: 0; -ENOTCONN if it does not listen; -ENOBUFS if it must read first;
 * -ENOMEM, and nothing happened.
 */
int dg_activation_pull(struct dg_bus *bus)
{
	struct dg_activation *activation = &bus->activation;
	struct sock *sk = activation->controller;
	struct dg_start *start;

	lockdep_assert_held_write(&bus->lock);

	if (!sk)
		return -ENOTCONN;
	if (dg_socket_is_overfull(sk))
		return -ENOBUFS;
	if (!activation->doorbell)
		activation->doorbell = dg_packet_doorbell();
	if (!activation->doorbell)
		return -ENOMEM;

	list_for_each_entry(start, &activation->starts, node) {
		if (!start->request)
			continue;
		if (dg_socket_take(sk, start->request) == DG_SOCKET_FULL) {
			dg_activation_ring(activation);
			break;
		}
		start->request = NULL;
		activation->n_unsent--;
	}
	return 0;
}

static struct dg_start *dg_start_find(struct dg_bus *bus, const char *name)
{
	struct dg_start *start;

	lockdep_assert_held(&bus->lock);

	list_for_each_entry(start, &bus->activation.starts, node)
		if (start->cmd == DBUS_GENL_CMD_ACTIVATE &&
		    !strcmp(start->name, name))
			return start;
	return NULL;
}

static struct dg_start *dg_start_new(const struct dg_peer *from,
				     const struct dg_ask *ask)
{
	struct dg_bus *bus = from->bus;
	struct dg_activation *activation = &bus->activation;
	struct dg_start *start;
	size_t size = strlen(ask->name) + 1;

	start = dg_kzalloc(struct_size(start, name, size));
	if (!start)
		return NULL;
	start->request = dg_ask_packet(ask, activation->last_id + 1);
	if (!start->request) {
		kfree(start);
		return NULL;
	}
	INIT_LIST_HEAD(&start->waiting);
	memcpy(start->name, ask->name, size);
	start->cmd = ask->cmd;
	start->since = jiffies;
	start->id = ++activation->last_id;
	start->user = dg_user_ref(from->user);
	start->user->n_starts++;
	list_add_tail(&start->node, &activation->starts);
	activation->n_starts++;
	dg_start_tell(activation, start);
	dg_bus_expect_start(bus);
	return start;
}

/* One that nobody waits for. */
static void dg_start_free(struct dg_bus *bus, struct dg_start *start)
{
	WARN_ON_ONCE(!list_empty(&start->waiting));

	list_del(&start->node);
	bus->activation.n_starts--;
	if (start->request) {
		bus->activation.n_unsent--;
		kfree_skb(start->request);
	}
	start->user->n_starts--;
	dg_user_put(start->user);
	kfree(start);
}

/*
 * Lets @waiter wait for what is asked for.  0, and it is taken over; -EDQUOT:
 * too much waits already; -ENOMEM.
 */
static int dg_wait(struct dg_waiter *waiter, const struct dg_ask *ask)
{
	struct dg_peer *from = waiter->from;
	struct dg_bus *bus = from->bus;
	struct dg_start *start = NULL;

	lockdep_assert_held_write(&bus->lock);

	if (dg_waits_too_much(from))
		return -EDQUOT;
	if (ask->cmd == DBUS_GENL_CMD_ACTIVATE)
		start = dg_start_find(bus, ask->name);
	if (!start && dg_starts_too_much(from))
		return -EDQUOT;
	if (!start)
		start = dg_start_new(from, ask);
	if (!start)
		return -ENOMEM;
	dg_waiter_link(waiter, start);
	return 0;
}

/**
 * dg_start_for_message() - a message waits for its receiver to be started
 * @bus: the bus, locked for writing
 * @from: the sender, which may send it
 * @msg: the message, for a name that can be started and has no owner
 * @packet: its packet, not stamped; taken over if 0 is returned
 *
 * Return: 0; 1: refused, and the sender told; -ENOMEM.
 */
int dg_start_for_message(struct dg_bus *bus, struct dg_peer *from,
			 struct dg_msg *msg, struct sk_buff *packet)
{
	const struct dg_ask ask = {
		.cmd = DBUS_GENL_CMD_ACTIVATE,
		.name = msg->destination,
	};
	struct dg_waiter *waiter;
	char text[DG_TEXT_SIZE];
	int err;

	waiter = dg_waiter_new(from, msg->serial);
	if (!waiter)
		return -ENOMEM;
	err = dg_waiter_copy(waiter, msg, packet);
	/* What has been read of a file is the sender's until nothing can fail. */
	if (msg->fds && msg->fds->body)
		waiter->msg.body = NULL;
	if (err)
		goto err_undo;
	err = dg_waiter_charge(waiter, msg->fds);
	if (err == -EDQUOT)
		err = dg_driver_error(from, msg, DG_ERROR("LimitsExceeded"),
				      "Too much of this user's waits for services to be started, activation of %s failed",
				      msg->destination) ?: 1;
	if (err)
		goto err_undo;
	err = dg_wait(waiter, &ask);
	if (err)
		dg_waiter_uncharge(waiter);
	if (err == -EDQUOT) {
		dg_too_many_text(text, bus, &ask);
		err = dg_driver_error(from, msg, DG_ERROR("LimitsExceeded"),
				      "%s", text) ?: 1;
	}
	if (err)
		goto err_undo;

	if (msg->fds && msg->fds->body) {
		waiter->msg.body = msg->body;
		msg->body = NULL;
		msg->args = "";
	}
	kfree_skb(packet);
	return 0;

err_undo:
	dg_waiter_undo(waiter);
	return err;
}

/**
 * dg_start_for_call() - a call of the driver waits for the controller
 * @call: the call; its reply is deferred if 0 is returned and no error is set
 * @ask: what for
 *
 * Return: 0, or an errno.
 */
int dg_start_for_call(struct dg_call *call, const struct dg_ask *ask)
{
	const struct dg_msg *msg = call->msg;
	struct dg_waiter *waiter;
	char text[DG_TEXT_SIZE];
	int err;

	waiter = dg_waiter_new(call->peer, msg->serial);
	if (!waiter)
		return -ENOMEM;
	waiter->quiet = ask->cmd == DBUS_GENL_CMD_ENVIRONMENT &&
			(msg->flags & DG_FLAG_NO_REPLY_EXPECTED);
	err = dg_wait(waiter, ask);
	if (err)
		dg_waiter_free(waiter);
	else
		call->deferred = true;
	if (err != -EDQUOT)
		return err;

	dg_too_many_text(text, call->bus, ask);
	return dg_call_error(call, DG_ERROR("LimitsExceeded"), "%s", text);
}

/**
 * dg_start_answer_calls() - a name has got an owner: answer StartServiceByName
 * @bus: the bus, locked for writing
 * @name: the name
 */
void dg_start_answer_calls(struct dg_bus *bus, const char *name)
{
	struct dg_start *start = dg_start_find(bus, name);
	struct dg_waiter *waiter, *next;
	/* Spec, "StartServiceByName": the service was successfully started. */
	const u32 success = 1;

	if (!start)
		return;

	list_for_each_entry_safe(waiter, next, &start->waiting, node) {
		if (waiter->packet)
			continue;
		dg_waiter_unlink(waiter);
		dg_driver_reply(waiter->from, waiter->serial, &success);
		dg_waiter_free(waiter);
	}
}

/**
 * dg_start_deliver() - a name has got an owner: deliver what waits for it
 * @bus: the bus, locked for writing
 * @name: the name
 * @owner: who owns it
 */
void dg_start_deliver(struct dg_bus *bus, const char *name,
		      struct dg_peer *owner)
{
	struct dg_start *start = dg_start_find(bus, name);
	struct dg_waiter *waiter, *next;

	if (!start)
		return;

	list_for_each_entry_safe(waiter, next, &start->waiting, node) {
		dg_waiter_unlink(waiter);
		dg_route_waited(bus, waiter->from, owner, &waiter->msg,
				waiter->packet);
		waiter->packet = NULL;
		dg_waiter_free(waiter);
	}
	dg_start_free(bus, start);
}

static void dg_start_fail(struct dg_bus *bus, struct dg_start *start,
			  const char *error, const char *text)
{
	struct dg_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, &start->waiting, node) {
		struct dg_peer *from = waiter->from;

		dg_waiter_unlink(waiter);
		dg_peer_refused(from, waiter->serial, error, 0);
		dg_driver_no_reply(from, waiter->serial, error, text);
		dg_waiter_free(waiter);
	}
	dg_start_free(bus, start);
}

/* The controller has done it: who called is told. */
static void dg_start_succeed(struct dg_bus *bus, struct dg_start *start)
{
	struct dg_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, &start->waiting, node) {
		dg_waiter_unlink(waiter);
		if (!waiter->quiet)
			dg_driver_reply(waiter->from, waiter->serial, NULL);
		dg_waiter_free(waiter);
	}
	dg_start_free(bus, start);
}

/**
 * dg_start_finish() - the controller answers
 * @bus: the bus, locked for writing
 * @cmd: the command that asked
 * @id: the request's id
 * @error: name of the error; NULL: none
 * @text: its text
 *
 * Return: 0; -ENOENT: nobody waits for that.
 */
int dg_start_finish(struct dg_bus *bus, u8 cmd, u64 id, const char *error,
		    const char *text)
{
	struct dg_start *start;

	lockdep_assert_held_write(&bus->lock);

	list_for_each_entry(start, &bus->activation.starts, node) {
		if (start->id != id || start->cmd != cmd)
			continue;
		/* It can't know of one that it has not been told of. */
		if (start->request)
			break;
		if (error)
			dg_start_fail(bus, start, error, text);
		else
			dg_start_succeed(bus, start);
		return 0;
	}
	return -ENOENT;
}

u32 dg_start_timeout_ms(const struct dg_bus *bus)
{
	/* Files that wait may be what holds the bus: never is too long. */
	return dg_limit(&bus->limits,
			DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT) ?:
	       DG_TIMEOUT_MAX_MS;
}

static void dg_start_time_out(struct dg_bus *bus, struct dg_start *start)
{
	char text[DG_TEXT_SIZE];

	if (start->cmd == DBUS_GENL_CMD_ACTIVATE)
		snprintf(text, sizeof(text),
			 "Failed to activate service '%s': timed out (service_start_timeout=%ums)",
			 start->name, dg_start_timeout_ms(bus));
	else
		snprintf(text, sizeof(text),
			 "The bus's controller has not answered (service_start_timeout=%ums)",
			 dg_start_timeout_ms(bus));
	dg_start_fail(bus, start, DG_ERROR("TimedOut"), text);
}

/**
 * dg_starts_fail_older() - what has taken too long
 * @bus: the bus, locked for writing
 * @since: what was asked for before this, in jiffies, has
 * @oldest: set to when the oldest of the others was
 *
 * Return: whether there are others.
 */
bool dg_starts_fail_older(struct dg_bus *bus, unsigned long since,
			  unsigned long *oldest)
{
	struct dg_start *start;

	lockdep_assert_held_write(&bus->lock);

	while (!list_empty(&bus->activation.starts)) {
		start = list_first_entry(&bus->activation.starts,
					 struct dg_start, node);
		if (time_after(start->since, since)) {
			*oldest = start->since;
			return true;
		}
		dg_start_time_out(bus, start);
	}
	return false;
}

void dg_start_drop_waits(struct dg_peer *peer)
{
	struct dg_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, &peer->waits, of_peer) {
		dg_waiter_unlink(waiter);
		dg_waiter_free(waiter);
	}
}

/**
 * dg_activation_declare() - ACTIVATABLE_SET
 * @bus: the bus, locked for writing
 * @controller: its controller's socket
 * @names: what it can start; taken over if 0 is returned
 *
 * Return: 0; -ENOENT the bus is gone; -ENOMEM.
 */
int dg_activation_declare(struct dg_bus *bus, struct sock *controller,
			  struct dg_service_names *names)
{
	struct dg_activation *activation = &bus->activation;

	lockdep_assert_held_write(&bus->lock);

	if (bus->dead)
		return -ENOENT;
	if (!activation->controller) {
		activation->doorbell = dg_packet_doorbell();
		if (!activation->doorbell)
			return -ENOMEM;
		activation->controller = controller;
	}
	dg_service_names_free(activation->names);
	activation->names = names;
	dg_driver_services_changed(bus);
	return 0;
}

/**
 * dg_activation_end() - nobody starts services on a bus any more
 * @bus: the bus, locked for writing; it is gone, or its controller is
 */
void dg_activation_end(struct dg_bus *bus)
{
	struct dg_activation *activation = &bus->activation;
	struct dg_start *start, *next;

	lockdep_assert_held_write(&bus->lock);

	if (!activation->controller)
		return;

	activation->controller = NULL;
	kfree_skb(activation->doorbell);
	activation->doorbell = NULL;
	dg_service_names_free(activation->names);
	activation->names = NULL;
	list_for_each_entry_safe(start, next, &activation->starts, node)
		dg_start_fail(bus, start, DG_ERROR("Spawn.Failed"),
			      "The bus's controller, which starts its services, has gone");
	if (!bus->dead)
		dg_driver_services_changed(bus);
}
