// SPDX-License-Identifier: GPL-2.0-only
/*
 * expiry.c - auth_timeout, reply_timeout and service_start_timeout: what has
 *	waited too long; claim.c does the same for pending_fd_timeout
 *
 * Each is a work of the bus that is armed for the oldest, finds what is due,
 * and arms itself again for the next.  Peers and calls know since when they
 * wait, not until when, so that a change of a limit holds for all of them.
 */
#include <linux/jiffies.h>
#include <linux/workqueue.h>

#include "activate.h"
#include "bus.h"
#include "claim.h"
#include "driver.h"
#include "expiry.h"
#include "peer.h"

/*
 * Its own, so that the module's end can wait for the work that puts the last
 * peer, which pins the module no more then.
 */
static struct workqueue_struct *dg_expiry_wq;

int dg_expiry_init(void)
{
	dg_expiry_wq = alloc_workqueue("dbus_genl", WQ_UNBOUND, 0);
	return dg_expiry_wq ? 0 : -ENOMEM;
}

void dg_expiry_exit(void)
{
	destroy_workqueue(dg_expiry_wq);
}

/* In jiffies; 0: never. */
static unsigned long dg_timeout(const struct dg_bus *bus,
				enum dbus_genl_limit_attr which)
{
	return msecs_to_jiffies(dg_limit(&bus->limits, which));
}

/* Where one is armed already, it is for an older one. */
static void dg_arm(const struct dg_bus *bus, struct delayed_work *work,
		   enum dbus_genl_limit_attr which)
{
	unsigned long timeout = dg_timeout(bus, which);

	if (timeout)
		queue_delayed_work(dg_expiry_wq, work, timeout);
}

void dg_bus_expect_hello(struct dg_bus *bus)
{
	dg_arm(bus, &bus->hello_expiry, DBUS_GENL_LIMIT_A_AUTH_TIMEOUT);
}

void dg_bus_expect_reply(struct dg_bus *bus)
{
	dg_arm(bus, &bus->reply_expiry, DBUS_GENL_LIMIT_A_REPLY_TIMEOUT);
}

void dg_bus_expect_start(struct dg_bus *bus)
{
	queue_delayed_work(dg_expiry_wq, &bus->start_expiry,
			   msecs_to_jiffies(dg_start_timeout_ms(bus)));
}

/* All look again at what waits, and arm themselves as it is now. */
void dg_bus_limits_changed(struct dg_bus *bus)
{
	mod_delayed_work(dg_expiry_wq, &bus->hello_expiry, 0);
	mod_delayed_work(dg_expiry_wq, &bus->reply_expiry, 0);
	mod_delayed_work(dg_expiry_wq, &bus->start_expiry, 0);
	dg_claims_expire_anew(bus);
}

/*
 * When the next is due, if the oldest waits since then.  Who arms it meanwhile
 * does so for a later one.
 */
static void dg_arm_again(struct delayed_work *work, unsigned long oldest,
			 unsigned long timeout)
{
	unsigned long due = oldest + timeout, now = jiffies;

	mod_delayed_work(dg_expiry_wq, work,
			 time_after(due, now) ? due - now : 0);
}

void dg_replies_expire(struct work_struct *work)
{
	struct dg_bus *bus = container_of(to_delayed_work(work), struct dg_bus,
					  reply_expiry);
	unsigned long timeout, now = jiffies, oldest;
	struct dg_peer *caller;
	unsigned int step = 0;
	bool more;
	u32 serial;

	/* Monitors see what it sends, which is a broadcast. */
	down_write(&bus->lock);
	timeout = dg_timeout(bus, DBUS_GENL_LIMIT_A_REPLY_TIMEOUT);
	if (timeout) {
		while ((caller = dg_reply_pop_older(bus, now - timeout, &serial,
						    &oldest, &more))) {
			dg_driver_no_reply(caller, serial, DG_ERROR("NoReply"),
					   "Message did not receive a reply (timeout by message bus)");
			dg_bus_breathe(bus, ++step);
		}
		if (more)
			dg_arm_again(&bus->reply_expiry, oldest, timeout);
	}
	up_write(&bus->lock);
}

void dg_starts_expire(struct work_struct *work)
{
	struct dg_bus *bus = container_of(to_delayed_work(work), struct dg_bus,
					  start_expiry);
	unsigned long timeout, now = jiffies, oldest;

	down_write(&bus->lock);
	timeout = msecs_to_jiffies(dg_start_timeout_ms(bus));
	if (dg_starts_fail_older(bus, now - timeout, &oldest))
		dg_arm_again(&bus->start_expiry, oldest, timeout);
	up_write(&bus->lock);
}

void dg_hellos_expire(struct work_struct *work)
{
	struct dg_bus *bus = container_of(to_delayed_work(work), struct dg_bus,
					  hello_expiry);
	unsigned long timeout, now = jiffies;
	struct dg_peer *peer, *next;
	LIST_HEAD(removed);

	down_write(&bus->lock);
	timeout = dg_timeout(bus, DBUS_GENL_LIMIT_A_AUTH_TIMEOUT);
	list_for_each_entry_safe(peer, next, &bus->silent, silent) {
		if (!timeout)
			break;
		if (time_after(peer->since, now - timeout)) {
			dg_arm_again(&bus->hello_expiry, peer->since, timeout);
			break;
		}
		dg_peer_remove_locked(peer, DBUS_GENL_REASON_TIMEOUT);
		list_add_tail(&peer->node, &removed);
	}
	up_write(&bus->lock);

	dg_peers_put(&removed);
}
