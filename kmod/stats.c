// SPDX-License-Identifier: GPL-2.0-only
/*
 * stats.c - collects the counts of a bus or a net namespace
 */
#include <net/netlink.h>

#include "bus.h"
#include "stats.h"

/* A bus that goes leaves its counters to its net namespace. */
void dg_counters_fold(struct dg_counters *into, const struct dg_counters *from)
{
	atomic64_add(atomic64_read(&from->routed), &into->routed);
	atomic64_add(atomic64_read(&from->delivered), &into->delivered);
	atomic64_add(atomic64_read(&from->refused), &into->refused);
	atomic64_add(atomic64_read(&from->dropped), &into->dropped);
	atomic64_add(atomic64_read(&from->expired), &into->expired);
	atomic64_add(atomic64_read(&from->overflowed), &into->overflowed);
}

static void dg_stats_add_counters(struct dg_stats *stats,
				  const struct dg_counters *counters)
{
	u64 *v = stats->value;

	v[DBUS_GENL_STATS_A_ROUTED] += atomic64_read(&counters->routed);
	v[DBUS_GENL_STATS_A_DELIVERED] += atomic64_read(&counters->delivered);
	v[DBUS_GENL_STATS_A_REFUSED] += atomic64_read(&counters->refused);
	v[DBUS_GENL_STATS_A_DROPPED] += atomic64_read(&counters->dropped);
	v[DBUS_GENL_STATS_A_EXPIRED] += atomic64_read(&counters->expired);
	v[DBUS_GENL_STATS_A_OVERFLOWED] += atomic64_read(&counters->overflowed);
}

/*
 * Without the bus's lock: who asks for these holds dg_net.lock, which nobody's
 * bus may hold up for others.  Each number is true of some moment.
 */
void dg_stats_add_bus(struct dg_stats *stats, struct dg_bus *bus)
{
	u64 *v = stats->value;

	v[DBUS_GENL_STATS_A_BUSES]++;
	v[DBUS_GENL_STATS_A_PEERS] += READ_ONCE(bus->n_peers);
	v[DBUS_GENL_STATS_A_NAMES] += READ_ONCE(bus->registry.n_names);
	v[DBUS_GENL_STATS_A_NAME_OWNERS] += READ_ONCE(bus->registry.n_places);
	v[DBUS_GENL_STATS_A_MATCHES] += READ_ONCE(bus->matches.n_rules) +
					READ_ONCE(bus->monitored.n_rules);
	v[DBUS_GENL_STATS_A_STARTS] += READ_ONCE(bus->activation.n_starts);
	v[DBUS_GENL_STATS_A_WAITING] += READ_ONCE(bus->activation.n_waiting);

	spin_lock(&bus->replies_lock);
	v[DBUS_GENL_STATS_A_REPLIES] += bus->n_replies;
	spin_unlock(&bus->replies_lock);

	spin_lock(&bus->users_lock);
	v[DBUS_GENL_STATS_A_USERS] += bus->n_users;
	spin_unlock(&bus->users_lock);

	v[DBUS_GENL_STATS_A_QUEUED_MESSAGES] +=
		atomic64_read(&bus->queued_messages);
	v[DBUS_GENL_STATS_A_QUEUED_BYTES] += atomic64_read(&bus->queued_bytes);

	v[DBUS_GENL_STATS_A_UNCLAIMED_FDS] +=
		atomic64_read(&bus->unclaimed_fds);

	dg_stats_add_counters(stats, &bus->counters);
}

/*
 * A net namespace: its buses, and the counters of those that it had.  Under its
 * lock a bus is one or the other, so that none is missed or counted twice.
 */
void dg_stats_of_net(struct dg_stats *stats, struct dg_net *dn)
{
	struct dg_bus *bus;

	memset(stats, 0, sizeof(*stats));

	mutex_lock(&dn->lock);
	list_for_each_entry(bus, &dn->buses, node)
		dg_stats_add_bus(stats, bus);
	dg_stats_add_counters(stats, &dn->gone);
	mutex_unlock(&dn->lock);

	stats->value[DBUS_GENL_STATS_A_REFUSED] += atomic64_read(&dn->refused);
}

/* Writes them as attributes: 0, or -EMSGSIZE. */
int dg_stats_put(struct sk_buff *skb, const struct dg_stats *stats)
{
	int attr, err;

	for (attr = DBUS_GENL_STATS_A_BUSES; attr <= DBUS_GENL_STATS_A_MAX;
	     attr++) {
		err = nla_put_u64_64bit(skb, attr, stats->value[attr],
					DBUS_GENL_STATS_A_PAD);
		if (err)
			return err;
	}
	return 0;
}
