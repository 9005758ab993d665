// SPDX-License-Identifier: GPL-2.0-only
/*
 * bus.c - message buses: how they come and go, and who is on them
 *
 * Locks, outermost first; who takes one holds none of those below it:
 *
 *   generic netlink's cb_lock, for reading, around every request; or the
 *   netlink notifier chain's lock, for reading, around NETLINK_URELEASE
 *     dg_net.lock		a net namespace's list of buses, controllers
 *       dg_bus.lock		who is on a bus, names, rules; total order
 *         dg_queue.lock	one peer's overflow queue, claims, socket order
 *           dg_bus.users_lock	spinlock
 *           dg_bus.expiry_lock	spinlock
 *         dg_accounts_lock	spinlock
 *         dg_bus.replies_lock	spinlock
 *         dg_endpoints_lock	spinlock
 *
 * Order of messages: a sender to one peer holds dg_bus.lock for reading, a
 * broadcast or a call of the driver for writing.  So what several peers get
 * from the same bus they get in the same order.
 *
 * References: a bus is referenced by the list of buses (until it is destroyed),
 * by its controller and by each of its peers (until they are freed).  A user
 * (quota.c) is referenced by its peers, by the debts that its messages in
 * overflow queues are and by the files of its messages, all of which end before the
 * last peer does.
 */
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "bus.h"
#include "compat/compat.h"
#include "claim.h"
#include "endpoint.h"
#include "expiry.h"
#include "limits.h"
#include "names.h"
#include "peer.h"
#include "policy.h"

/**
 * struct dg_controller - the socket that made a bus
 * @ep: the socket
 * @rcu: frees it
 * @bus: the bus, referenced
 */
struct dg_controller {
	struct dg_endpoint ep;
	struct rcu_head rcu;
	struct dg_bus *bus;
};

static unsigned int dg_net_id __read_mostly;

struct dg_net *dg_net_of(struct net *net)
{
	return net_generic(net, dg_net_id);
}

static int __net_init dg_net_init(struct net *net)
{
	struct dg_net *dn = dg_net_of(net);

	mutex_init(&dn->lock);
	INIT_LIST_HEAD(&dn->buses);
	return 0;
}

/*
 * What is left are persistent buses without peers: peers and controllers hold
 * their sockets, which hold the net namespace; and they pin the module.
 */
static void __net_exit dg_net_exit(struct net *net)
{
	struct dg_net *dn = dg_net_of(net);
	struct dg_bus *bus, *next;

	list_for_each_entry_safe(bus, next, &dn->buses, node) {
		WARN_ON_ONCE(bus->n_peers);
		dg_bus_destroy(net, bus);
	}
	mutex_destroy(&dn->lock);
}

static struct pernet_operations dg_net_ops = {
	.init = dg_net_init,
	.exit = dg_net_exit,
	.id = &dg_net_id,
	.size = sizeof(struct dg_net),
};

int dg_net_register(void)
{
	return register_pernet_subsys(&dg_net_ops);
}

void dg_net_unregister(void)
{
	unregister_pernet_subsys(&dg_net_ops);
}

bool dg_bus_is_system(const char *name)
{
	return !strcmp(name, DG_SYSTEM_BUS);
}

/* A UUID of the specification: 96 random bits and the time. */
static void dg_guid_make(char guid[DBUS_GENL_GUID_LEN + 1])
{
	u8 bytes[DBUS_GENL_GUID_LEN / 2];
	__be32 now = cpu_to_be32(ktime_get_real_seconds());

	get_random_bytes(bytes, sizeof(bytes) - sizeof(now));
	memcpy(bytes + sizeof(bytes) - sizeof(now), &now, sizeof(now));
	*bin2hex(guid, bytes, sizeof(bytes)) = '\0';
}

static struct dg_bus *dg_bus_alloc(const struct dg_bus_params *params)
{
	struct dg_bus *bus;
	int err;

	bus = kzalloc(sizeof(*bus), GFP_KERNEL_ACCOUNT);
	if (!bus)
		return ERR_PTR(-ENOMEM);

	err = dg_registry_init(&bus->registry);
	if (err)
		goto err_free;
	err = dg_match_table_init(&bus->matches);
	if (err)
		goto err_registry;
	err = dg_match_table_init(&bus->monitored);
	if (err)
		goto err_matches;

	kref_init(&bus->ref);
	INIT_LIST_HEAD(&bus->node);
	strscpy(bus->name, params->name, sizeof(bus->name));
	bus->system = dg_bus_is_system(params->name);
	bus->uid = params->uid;
	bus->flags = params->flags;
	dg_guid_make(bus->guid);
	if (params->machine_id)
		strscpy(bus->machine_id, params->machine_id,
			sizeof(bus->machine_id));

	init_rwsem(&bus->lock);
	xa_init(&bus->peers);
	INIT_LIST_HEAD(&bus->members);
	INIT_LIST_HEAD(&bus->silent);
	spin_lock_init(&bus->replies_lock);
	spin_lock_init(&bus->expiry_lock);
	spin_lock_init(&bus->users_lock);
	INIT_LIST_HEAD(&bus->users);
	INIT_LIST_HEAD(&bus->replies);
	INIT_DELAYED_WORK(&bus->expiry, dg_claims_expire);
	INIT_DELAYED_WORK(&bus->reply_expiry, dg_replies_expire);
	INIT_DELAYED_WORK(&bus->hello_expiry, dg_hellos_expire);
	INIT_DELAYED_WORK(&bus->start_expiry, dg_starts_expire);
	dg_activation_init(&bus->activation);
	dg_limits_init(&bus->limits);
	return bus;

err_matches:
	dg_match_table_destroy(&bus->matches);
err_registry:
	dg_registry_destroy(&bus->registry);
err_free:
	kfree(bus);
	return ERR_PTR(err);
}

static void dg_bus_release(struct kref *ref)
{
	struct dg_bus *bus = container_of(ref, struct dg_bus, ref);

	/* It has no reference of its own, and no peers to look at by now. */
	cancel_delayed_work_sync(&bus->expiry);
	cancel_delayed_work_sync(&bus->reply_expiry);
	cancel_delayed_work_sync(&bus->start_expiry);
	/* Who puts the last peer may be that very work, at its end. */
	if (current_work() != &bus->hello_expiry.work)
		cancel_delayed_work_sync(&bus->hello_expiry);
	else
		cancel_delayed_work(&bus->hello_expiry);
	WARN_ON_ONCE(bus->n_peers || bus->n_users || bus->n_replies ||
		     bus->activation.controller || bus->activation.n_starts ||
		     atomic64_read(&bus->queued_messages) ||
		     atomic64_read(&bus->unclaimed_fds));
	xa_destroy(&bus->peers);
	dg_match_table_destroy(&bus->monitored);
	dg_match_table_destroy(&bus->matches);
	dg_registry_destroy(&bus->registry);
	dg_policy_put(bus->policy);
	kfree(bus);
}

void dg_bus_put(struct dg_bus *bus)
{
	kref_put(&bus->ref, dg_bus_release);
}

static void dg_controller_gone(struct dg_endpoint *ep);

static void dg_controller_free(struct dg_endpoint *ep)
{
	struct dg_controller *controller =
		container_of(ep, struct dg_controller, ep);

	dg_bus_put(controller->bus);
	kfree_rcu(controller, rcu);
}

static const struct dg_endpoint_ops dg_controller_ops = {
	.role = DG_ROLE_CONTROLLER,
	.gone = dg_controller_gone,
	.free = dg_controller_free,
};

/* A controller of @bus; its reference to it is new. */
static struct dg_controller *dg_controller_new(struct dg_bus *bus,
					       struct sock *sk, u32 portid)
{
	struct dg_controller *controller;
	int err;

	controller = kzalloc(sizeof(*controller), GFP_KERNEL_ACCOUNT);
	if (!controller)
		return ERR_PTR(-ENOMEM);

	err = dg_endpoint_init(&controller->ep, &dg_controller_ops, sk, portid);
	if (err) {
		kfree(controller);
		return ERR_PTR(err);
	}
	kref_get(&bus->ref);
	controller->bus = bus;
	return controller;
}

static struct dg_bus *dg_bus_lookup(struct dg_net *dn, const char *name,
				    kuid_t uid)
{
	struct dg_bus *bus;

	lockdep_assert_held(&dn->lock);

	list_for_each_entry(bus, &dn->buses, node)
		if (!strcmp(bus->name, name) &&
		    (bus->system || uid_eq(bus->uid, uid)))
			return bus;
	return NULL;
}

static bool dg_bus_too_many(struct dg_net *dn, kuid_t uid)
{
	unsigned int n = 0;
	struct dg_bus *bus;

	lockdep_assert_held(&dn->lock);

	list_for_each_entry(bus, &dn->buses, node)
		n += uid_eq(bus->uid, uid);
	return n >= DG_BUSES_PER_USER_MAX;
}

/**
 * dg_bus_create() - make a bus, and a socket its controller
 * @net: the net namespace
 * @sk: the controller's socket
 * @portid: its port id
 * @params: the bus; the caller has seen to it that the user may have it
 *
 * Return: the bus, referenced; or ERR_PTR: -EEXIST, -EUSERS too many of this
 * user, -EISCONN the socket is somebody already, -ENODEV, -ENOMEM.
 */
struct dg_bus *dg_bus_create(struct net *net, struct sock *sk, u32 portid,
			     const struct dg_bus_params *params)
{
	struct dg_net *dn = dg_net_of(net);
	struct dg_controller *controller;
	struct dg_bus *bus;
	int err;

	bus = dg_bus_alloc(params);
	if (IS_ERR(bus))
		return bus;

	controller = dg_controller_new(bus, sk, portid);
	if (IS_ERR(controller)) {
		err = PTR_ERR(controller);
		goto err_bus;
	}

	mutex_lock(&dn->lock);
	err = -EEXIST;
	if (dg_bus_lookup(dn, params->name, params->uid))
		goto err_controller;
	err = -EUSERS;
	if (dg_bus_too_many(dn, params->uid))
		goto err_controller;
	err = dg_endpoint_add(&controller->ep);
	if (err)
		goto err_controller;

	bus->controller = controller;
	bus->number = ++dn->last_number;
	list_add_tail(&bus->node, &dn->buses);
	/* One reference for the list, one for the caller. */
	kref_get(&bus->ref);
	mutex_unlock(&dn->lock);
	return bus;

err_controller:
	mutex_unlock(&dn->lock);
	dg_endpoint_put(&controller->ep);
err_bus:
	dg_bus_put(bus);
	return ERR_PTR(err);
}

/**
 * dg_bus_find() - the bus of a name and a user
 * @net: the net namespace
 * @name: name of the bus
 * @uid: its user; of no account for the system bus
 *
 * Return: the bus, referenced, or NULL.
 */
struct dg_bus *dg_bus_find(struct net *net, const char *name, kuid_t uid)
{
	struct dg_net *dn = dg_net_of(net);
	struct dg_bus *bus;

	mutex_lock(&dn->lock);
	bus = dg_bus_lookup(dn, name, uid);
	if (bus)
		kref_get(&bus->ref);
	mutex_unlock(&dn->lock);
	return bus;
}

/* The bus whose controller a socket is, referenced, or NULL. */
struct dg_bus *dg_bus_controlled(struct sock *sk, u32 portid)
{
	struct dg_endpoint *ep = dg_endpoint_find(sk, portid);
	struct dg_bus *bus = NULL;

	if (!ep)
		return NULL;
	if (ep->ops->role == DG_ROLE_CONTROLLER) {
		bus = container_of(ep, struct dg_controller, ep)->bus;
		kref_get(&bus->ref);
	}
	dg_endpoint_put(ep);
	return bus;
}

/*
 * Without a policy nothing says who may do what among several users: so there
 * is one, on the system bus too.
 */
bool dg_bus_admits(const struct dg_bus *bus, kuid_t uid)
{
	return uid_eq(bus->uid, uid);
}

/* Remove everybody from a bus that nobody can find any more. */
static void dg_bus_kill(struct dg_bus *bus)
{
	struct dg_peer *peer, *next;
	LIST_HEAD(removed);

	down_write(&bus->lock);
	bus->dead = true;
	list_for_each_entry_safe(peer, next, &bus->members, node) {
		dg_peer_remove_locked(peer, DBUS_GENL_REASON_BUS_GONE);
		list_add_tail(&peer->node, &removed);
		cond_resched();
	}
	dg_activation_end(bus);
	up_write(&bus->lock);

	dg_peers_put(&removed);
}

/**
 * dg_bus_destroy() - end a bus; nothing happens if it has been ended
 * @net: its net namespace
 * @bus: the bus; the caller's reference to it stays the caller's, except for
 *	dg_net_exit(), which has none and needs none
 */
void dg_bus_destroy(struct net *net, struct dg_bus *bus)
{
	struct dg_net *dn = dg_net_of(net);
	struct dg_controller *controller;

	mutex_lock(&dn->lock);
	if (list_empty(&bus->node)) {
		mutex_unlock(&dn->lock);
		return;
	}
	list_del_init(&bus->node);
	controller = bus->controller;
	bus->controller = NULL;
	dg_counters_fold(&dn->gone, &bus->counters);
	mutex_unlock(&dn->lock);

	dg_bus_kill(bus);

	if (controller) {
		dg_endpoint_del(&controller->ep);
		dg_endpoint_put(&controller->ep);
	}
	dg_bus_put(bus);
}

static void dg_controller_gone(struct dg_endpoint *ep)
{
	struct dg_controller *controller =
		container_of(ep, struct dg_controller, ep);
	struct net *net = sock_net(ep->sk);
	struct dg_net *dn = dg_net_of(net);
	struct dg_bus *bus = controller->bus;
	bool ours;

	if (!(bus->flags & DBUS_GENL_BUS_PERSISTENT)) {
		dg_bus_destroy(net, bus);
		return;
	}

	down_write(&bus->lock);
	dg_activation_end(bus);
	up_write(&bus->lock);

	mutex_lock(&dn->lock);
	ours = bus->controller == controller;
	if (ours)
		bus->controller = NULL;
	mutex_unlock(&dn->lock);

	dg_endpoint_del(ep);
	if (ours)
		dg_endpoint_put(ep);
}

/**
 * dg_bus_breathe() - let whoever waits for the bus have it for a while
 * @bus: the bus; the caller holds its lock for writing, and does again
 * @step: how many steps have been done since it began
 *
 * Between the steps of what may take long: anything may have changed.
 */
void dg_bus_breathe(struct dg_bus *bus, unsigned int step)
{
	lockdep_assert_held_write(&bus->lock);

	/*
	 * Whoever spins for the lock can't be seen to wait for it, and may lose
	 * each race for it against who has just let it go: but not for long.
	 */
	up_write(&bus->lock);
	if (step % DG_STEPS_IN_A_ROW)
		cond_resched();
	else
		schedule_timeout_uninterruptible(1);
	down_write(&bus->lock);
}

/* The peer of an id, NULL if there is none; under the bus's lock. */
struct dg_peer *dg_bus_peer(struct dg_bus *bus, u64 id)
{
	lockdep_assert_held(&bus->lock);

	return id <= ULONG_MAX ? xa_load(&bus->peers, id) : NULL;
}

/**
 * dg_bus_resolve() - who has a bus name now
 * @bus: the bus, locked
 * @name: a unique or well-known name, or anything: what is no name has no owner
 *
 * Return: the peer, or NULL.  The driver is none.
 */
struct dg_peer *dg_bus_resolve(struct dg_bus *bus, const char *name)
{
	struct dg_owner *owner;
	u64 id;

	lockdep_assert_held(&bus->lock);

	if (*name == ':')
		return dg_unique_name_parse(name, &id) ? dg_bus_peer(bus, id) :
							 NULL;

	owner = dg_registry_lookup(&bus->registry, name);
	return owner ? dg_peer_of_owner(owner) : NULL;
}

/* The driver's serials; 0 is none. */
u32 dg_bus_next_serial(struct dg_bus *bus)
{
	u32 serial;

	do {
		serial = atomic_inc_return(&bus->serial);
	} while (!serial);
	return serial;
}
