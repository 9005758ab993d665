/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bus_limits.h - the limits of one bus: dbus-daemon's, by its names
 *
 * LIMITS_SET sets them, within what limits.h says that the module can bear.
 */
#ifndef _DG_BUS_LIMITS_H
#define _DG_BUS_LIMITS_H

#include <linux/compiler.h>
#include <linux/dbus_genl.h>
#include <linux/types.h>

struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

/* A day: longer timeouts are none at all. */
#define DG_TIMEOUT_MAX_MS	(24 * 3600 * 1000)

/**
 * struct dg_limits - the limits of a bus
 * @value: [DBUS_GENL_LIMIT_A_…]; written under dg_bus.lock, read anywhere
 */
struct dg_limits {
	u32 value[DBUS_GENL_LIMIT_A_MAX + 1];
};

static inline u32 dg_limit(const struct dg_limits *limits,
			   enum dbus_genl_limit_attr which)
{
	return READ_ONCE(limits->value[which]);
}

void dg_limits_init(struct dg_limits *limits);
int dg_limits_decode(struct dg_limits *limits, const struct nlattr *nest,
		     struct netlink_ext_ack *extack);
void dg_limits_set(struct dg_limits *limits, const struct dg_limits *to);
int dg_limits_put(struct sk_buff *skb, const struct dg_limits *limits);

#endif /* _DG_BUS_LIMITS_H */
