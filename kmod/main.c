// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - the module comes and goes
 *
 * A message's way: netlink.c decodes the SEND of a peer, message.c and body.c
 * check it, route.c finds out who gets it, queue.c puts it into their sockets.
 */
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <net/genetlink.h>

#include "bus.h"
#include "endpoint.h"
#include "expiry.h"
#include "netlink.h"

/*
 * A netlink socket has been released: whatever it was to us ends.  The port id
 * may be a living socket's by now, so only sockets marked dead are looked for.
 */
static int dg_netlink_event(struct notifier_block *block, unsigned long event,
			    void *data)
{
	struct netlink_notify *notify = data;
	struct dg_endpoint *ep;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;

	while ((ep = dg_endpoint_find_dead(notify->net, notify->portid))) {
		dg_endpoint_gone(ep);
		dg_endpoint_put(ep);
	}
	return NOTIFY_DONE;
}

static struct notifier_block dg_netlink_notifier = {
	.notifier_call = dg_netlink_event,
};

/*
 * The family comes last: with it, requests do.  It goes first: then there are
 * no new peers, and there were none, for each pins the module.  What is left
 * are persistent buses, which end with the net namespaces' parts.
 */
static int __init dg_init(void)
{
	int err;

	dg_endpoints_init();

	err = dg_expiry_init();
	if (err)
		return err;

	err = dg_net_register();
	if (err)
		goto err_expiry;

	err = netlink_register_notifier(&dg_netlink_notifier);
	if (err)
		goto err_net;

	err = dg_netlink_register();
	if (err)
		goto err_notifier;
	return 0;

err_notifier:
	netlink_unregister_notifier(&dg_netlink_notifier);
err_net:
	dg_net_unregister();
err_expiry:
	dg_expiry_exit();
	return err;
}

static void __exit dg_exit(void)
{
	dg_netlink_unregister();
	netlink_unregister_notifier(&dg_netlink_notifier);
	dg_net_unregister();
	dg_expiry_exit();
}

module_init(dg_init);
module_exit(dg_exit);

MODULE_DESCRIPTION("D-Bus message buses over Generic Netlink");
MODULE_AUTHOR("The dbus-genl project");
MODULE_LICENSE("GPL");
MODULE_ALIAS_GENL_FAMILY(DBUS_GENL_NAME);
