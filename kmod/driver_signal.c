// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver_signal.c - NameOwnerChanged, NameLost, NameAcquired,
 *	ActivatableServicesChanged
 *
 * They tell of what has happened and cannot be undone, so memory for them is
 * allocated with __GFP_NOFAIL: less than a page each.
 */
#include <linux/skbuff.h>

#include "activate.h"
#include "alloc.h"
#include "bus.h"
#include "driver.h"
#include "names.h"
#include "packet.h"
#include "peer.h"
#include "policy_bus.h"
#include "route.h"

#define DG_GFP_SIGNAL (DG_GFP_LOCKED | __GFP_NOFAIL)

/* Three names, each with its length before and padding behind it. */
#define DG_SIGNAL_BODY_MAX (3 * (sizeof(u32) + ALIGN(DG_NAME_MAX + 1, 4)))

struct dg_signal_body {
	u32 len;
	u8 data[DG_SIGNAL_BODY_MAX] __aligned(8);
};

static void dg_signal_put(struct dg_signal_body *body, const char *s)
{
	u32 len = strlen(s);
	u32 at = ALIGN(body->len, 4);

	if (WARN_ON_ONCE(len > DG_NAME_MAX))
		return;

	memset(body->data + body->len, 0, at - body->len);
	memcpy(body->data + at, &len, sizeof(len));
	memcpy(body->data + at + sizeof(len), s, len + 1);
	body->len = at + sizeof(len) + len + 1;
}

/* A signal of the driver, to be filled in: whom for, and what of. */
static struct dg_msg dg_driver_signal(struct dg_bus *bus, const char *member,
				      const char *signature)
{
	struct dg_msg msg = {
		.type = DG_MSG_SIGNAL,
		.flags = DG_FLAG_NO_REPLY_EXPECTED,
		.serial = dg_bus_next_serial(bus),
		.path = DG_DRIVER_PATH,
		.interface = DG_DRIVER_NAME,
		.member = member,
		.signature = signature,
	};

	return msg;
}

static void dg_driver_broadcast(struct dg_bus *bus, struct dg_msg *msg)
{
	struct sk_buff *packet = dg_packet_compose(msg, DG_GFP_SIGNAL);

	dg_route_to_monitors(bus, msg, packet, NULL, NULL);
	dg_route_broadcast(bus, msg, packet, NULL, NULL, DG_GFP_SIGNAL);
	kfree_skb(packet);
}

static void dg_driver_name_owner_changed(struct dg_bus *bus, const char *name,
					 const char *from, const char *to)
{
	struct dg_signal_body body = { };
	struct dg_msg msg = dg_driver_signal(bus, "NameOwnerChanged", "sss");

	lockdep_assert_held_write(&bus->lock);

	dg_signal_put(&body, name);
	dg_signal_put(&body, from);
	dg_signal_put(&body, to);
	msg.body = body.data;
	msg.body_len = body.len;
	dg_driver_broadcast(bus, &msg);
}

void dg_driver_services_changed(struct dg_bus *bus)
{
	struct dg_msg msg = dg_driver_signal(bus, "ActivatableServicesChanged",
					     "");

	lockdep_assert_held_write(&bus->lock);

	dg_driver_broadcast(bus, &msg);
}

static void dg_driver_tell(struct dg_peer *to, const char *member,
			   const char *name)
{
	struct dg_signal_body body = { };
	struct dg_msg msg = dg_driver_signal(to->bus, member, "s");
	const struct dg_transit transit = { .msg = &msg, .to = to };
	struct sk_buff *packet;

	/* Of one that has gone, monitors hear. */
	if (to->leaving && !to->bus->n_monitors)
		return;

	dg_signal_put(&body, name);
	msg.destination = to->unique;
	msg.body = body.data;
	msg.body_len = body.len;
	packet = dg_packet_compose(&msg, DG_GFP_SIGNAL);
	dg_route_to_monitors(to->bus, &msg, packet, NULL, to);
	if (dg_policy_verdict(to->bus, &transit)) {
		kfree_skb(packet);
		return;
	}
	dg_queue_push(to, packet, NULL, DG_CLASS_SIGNAL, NULL);
}

/*
 * A well-known name went from one peer to another, either may be none.  What
 * has waited for it comes in dbus-daemon's order.
 */
void dg_driver_name_changed(struct dg_bus *bus,
			    const struct dg_name_change *change)
{
	struct dg_peer *from = NULL, *to = NULL;

	if (!dg_name_changed(change))
		return;
	if (change->from)
		from = dg_peer_of_owner(change->from);
	if (change->to)
		to = dg_peer_of_owner(change->to);

	if (from)
		dg_driver_tell(from, "NameLost", change->name);
	dg_driver_name_owner_changed(bus, change->name,
				     from ? from->unique : "",
				     to ? to->unique : "");
	if (to) {
		dg_start_answer_calls(bus, change->name);
		dg_driver_tell(to, "NameAcquired", change->name);
		dg_start_deliver(bus, change->name, to);
	}
}

/*
 * A unique name has come or gone.  Unlike those of other names, the signals of
 * one that comes follow the reply to the call: dg_driver_hello_after().
 */
void dg_driver_unique_name_changed(struct dg_bus *bus, struct dg_peer *peer,
				   bool gone)
{
	if (gone)
		dg_driver_tell(peer, "NameLost", peer->unique);
	dg_driver_name_owner_changed(bus, peer->unique,
				     gone ? peer->unique : "",
				     gone ? "" : peer->unique);
}

void dg_driver_unique_name_acquired(struct dg_peer *peer)
{
	dg_driver_tell(peer, "NameAcquired", peer->unique);
}
