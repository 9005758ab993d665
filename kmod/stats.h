/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats.h - counts of a bus and of a net namespace
 */
#ifndef _DG_STATS_H
#define _DG_STATS_H

#include <linux/atomic.h>
#include <linux/dbus_genl.h>
#include <linux/types.h>

struct dg_bus;
struct dg_net;
struct sk_buff;

/**
 * struct dg_counters - what STATS_A_* counts since the bus was made
 * @routed: messages accepted by SEND
 * @delivered: messages handed to receivers
 * @refused: messages of its peers that were refused, by errno or by error
 * @dropped: signals, and what monitors were to see, that a receiver lost
 * @expired: files that receivers lost, since they did not claim them
 * @overflowed: messages that went through an overflow queue
 */
struct dg_counters {
	atomic64_t routed;
	atomic64_t delivered;
	atomic64_t refused;
	atomic64_t dropped;
	atomic64_t expired;
	atomic64_t overflowed;
};

/**
 * struct dg_stats - all of STATS_A_*, by attribute
 * @value: [DBUS_GENL_STATS_A_…]
 */
struct dg_stats {
	u64 value[DBUS_GENL_STATS_A_MAX + 1];
};

void dg_counters_fold(struct dg_counters *into, const struct dg_counters *from);

void dg_stats_add_bus(struct dg_stats *stats, struct dg_bus *bus);
void dg_stats_of_net(struct dg_stats *stats, struct dg_net *net);
int dg_stats_put(struct sk_buff *skb, const struct dg_stats *stats);

#endif /* _DG_STATS_H */
