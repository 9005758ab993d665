// SPDX-License-Identifier: GPL-2.0-only
/*
 * bus_limits.c - the limits of one bus: defaults, bounds, and their attributes
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "bus_limits.h"
#include "limits.h"

#define DG_LIMIT(name) DBUS_GENL_LIMIT_A_##name

/**
 * struct dg_limit_range - what a limit can be
 * @standard: unless LIMITS_SET says otherwise
 * @most: larger ones become this
 */
struct dg_limit_range {
	u32 standard;
	u32 most;
};

static const struct dg_limit_range
dg_limit_ranges[DBUS_GENL_LIMIT_A_MAX + 1] = {
	[DG_LIMIT(MAX_INCOMING_BYTES)] = { DG_USER_BYTES_MAX,
					   DG_ACCOUNT_BYTES_MAX },
	[DG_LIMIT(MAX_INCOMING_UNIX_FDS)] = { DG_USER_FDS_MAX,
					      DG_ACCOUNT_FDS_MAX },
	[DG_LIMIT(MAX_OUTGOING_BYTES)] = { DG_QUEUE_BYTES_MAX,
					   DG_USER_BYTES_MAX },
	[DG_LIMIT(MAX_OUTGOING_UNIX_FDS)] = { DG_QUEUE_FDS_MAX,
					      DG_USER_FDS_MAX },
	[DG_LIMIT(MAX_MESSAGE_SIZE)] = { DG_BODY_FD_SIZE_MAX,
					 DG_BODY_FD_SIZE_MAX },
	[DG_LIMIT(MAX_MESSAGE_UNIX_FDS)] = { DG_MESSAGE_FDS_MAX,
					     DG_MESSAGE_FDS_MAX },
	[DG_LIMIT(SERVICE_START_TIMEOUT)] = { DG_SERVICE_START_TIMEOUT_MS,
					      DG_TIMEOUT_MAX_MS },
	[DG_LIMIT(AUTH_TIMEOUT)] = { DG_HELLO_TIMEOUT_MS, DG_TIMEOUT_MAX_MS },
	[DG_LIMIT(PENDING_FD_TIMEOUT)] = { DG_FD_TIMEOUT_MS,
					   DG_TIMEOUT_MAX_MS },
	[DG_LIMIT(MAX_COMPLETED_CONNECTIONS)] = { DG_PEERS_MAX, DG_PEERS_MAX },
	[DG_LIMIT(MAX_INCOMPLETE_CONNECTIONS)] = { DG_SILENT_PEERS_MAX,
						   DG_PEERS_MAX },
	[DG_LIMIT(MAX_CONNECTIONS_PER_USER)] = { DG_PEERS_PER_USER_MAX,
						 DG_PEERS_MAX },
	[DG_LIMIT(MAX_PENDING_SERVICE_STARTS)] = { DG_SERVICE_STARTS_MAX,
						   10000 },
	[DG_LIMIT(MAX_NAMES_PER_CONNECTION)] = { DG_NAMES_PER_PEER_MAX,
						 DG_NAMES_PER_PEER_MOST },
	[DG_LIMIT(MAX_MATCH_RULES_PER_CONNECTION)] = { DG_MATCHES_PER_PEER_MAX,
						       SZ_64K },
	[DG_LIMIT(MAX_REPLIES_PER_CONNECTION)] = { DG_REPLIES_PER_PEER_MAX,
						   SZ_64K },
	[DG_LIMIT(REPLY_TIMEOUT)] = { 0, DG_TIMEOUT_MAX_MS },
};

/* The strict kind: what has no policy is refused. */
static const struct nla_policy
dg_limits_policy[DBUS_GENL_LIMIT_A_MAX + 1] = {
	[DG_LIMIT(MAX_INCOMING_BYTES)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_INCOMING_UNIX_FDS)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_OUTGOING_BYTES)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_OUTGOING_UNIX_FDS)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_MESSAGE_SIZE)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_MESSAGE_UNIX_FDS)] = { .type = NLA_U32 },
	[DG_LIMIT(SERVICE_START_TIMEOUT)] = { .type = NLA_U32 },
	[DG_LIMIT(AUTH_TIMEOUT)] = { .type = NLA_U32 },
	[DG_LIMIT(PENDING_FD_TIMEOUT)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_COMPLETED_CONNECTIONS)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_INCOMPLETE_CONNECTIONS)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_CONNECTIONS_PER_USER)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_PENDING_SERVICE_STARTS)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_NAMES_PER_CONNECTION)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_MATCH_RULES_PER_CONNECTION)] = { .type = NLA_U32 },
	[DG_LIMIT(MAX_REPLIES_PER_CONNECTION)] = { .type = NLA_U32 },
	[DG_LIMIT(REPLY_TIMEOUT)] = { .type = NLA_U32 },
};

void dg_limits_init(struct dg_limits *limits)
{
	unsigned int i;

	for (i = 0; i <= DBUS_GENL_LIMIT_A_MAX; i++)
		limits->value[i] = dg_limit_ranges[i].standard;
}

/* nla_parse_nested() takes the last of several. */
static const struct nlattr *dg_limits_repeated(const struct nlattr *nest)
{
	const struct nlattr *attr;
	unsigned long seen = 0;
	int rem;

	BUILD_BUG_ON(DBUS_GENL_LIMIT_A_MAX >= BITS_PER_LONG);

	nla_for_each_nested(attr, nest, rem) {
		if (seen & BIT(nla_type(attr)))
			return attr;
		seen |= BIT(nla_type(attr));
	}
	return NULL;
}

/**
 * dg_limits_decode() - what LIMITS_SET asks for
 * @limits: changed by what @nest has, as far as the module can bear it
 * @nest: BUS_A_LIMITS
 * @extack: where to say what is wrong
 *
 * Return: 0; -EINVAL.
 */
int dg_limits_decode(struct dg_limits *limits, const struct nlattr *nest,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[DBUS_GENL_LIMIT_A_MAX + 1];
	const struct nlattr *repeated;
	unsigned int i;
	int err;

	err = nla_parse_nested(attrs, DBUS_GENL_LIMIT_A_MAX, nest,
			       dg_limits_policy, extack);
	if (err)
		return err;
	repeated = dg_limits_repeated(nest);
	if (repeated) {
		NL_SET_ERR_MSG_ATTR(extack, repeated, "limit is repeated");
		return -EINVAL;
	}

	for (i = 0; i <= DBUS_GENL_LIMIT_A_MAX; i++) {
		if (!attrs[i])
			continue;
		limits->value[i] = min(nla_get_u32(attrs[i]),
				       dg_limit_ranges[i].most);
	}
	return 0;
}

void dg_limits_set(struct dg_limits *limits, const struct dg_limits *to)
{
	unsigned int i;

	for (i = 0; i <= DBUS_GENL_LIMIT_A_MAX; i++)
		WRITE_ONCE(limits->value[i], to->value[i]);
}

/* Writes them as attributes, those that there are: 0, or -EMSGSIZE. */
int dg_limits_put(struct sk_buff *skb, const struct dg_limits *limits)
{
	unsigned int i;
	int err;

	for (i = 0; i <= DBUS_GENL_LIMIT_A_MAX; i++) {
		if (!dg_limit_ranges[i].most)
			continue;
		err = nla_put_u32(skb, i, dg_limit(limits, i));
		if (err)
			return err;
	}
	return 0;
}
