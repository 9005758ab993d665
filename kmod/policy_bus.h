/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy_bus.h - the policy of a bus, asked about its peers
 *
 * All of it under the bus's lock, but what says otherwise.  Without a policy a
 * bus has its maker's peers alone, and they may do what they want, but reply
 * where nobody waits for it.
 */
#ifndef _DG_POLICY_BUS_H
#define _DG_POLICY_BUS_H

#include <linux/types.h>

struct dg_bus;
struct dg_msg;
struct dg_peer;
struct dg_policy;
struct genl_info;
struct nla_policy;
struct sk_buff;

enum dg_verdict {
	DG_VERDICT_ALLOWED,
	DG_VERDICT_NOT_SENT,
	DG_VERDICT_NOT_RECEIVED,
};

/* Without the lock, before a peer joins: 0 or -ENOMEM. */
int dg_policy_prepare(struct dg_peer *peer);
/* Whether a peer may join: 0, and its class is set; -EACCES or -ENOMEM. */
int dg_policy_join(struct dg_peer *peer);
void dg_policy_leave(struct dg_peer *peer);

/**
 * struct dg_transit - a message on its way from one to another
 * @msg: the message
 * @from: who sends it, NULL: the driver
 * @to: who would receive it, NULL: the driver
 * @requested_reply: it is a reply that @to waits for
 * @eavesdropping: it is addressed to somebody else
 * @to_start: @to is not the driver but will be who owns the name that it is
 *	addressed to, once a service has been started
 */
struct dg_transit {
	const struct dg_msg *msg;
	struct dg_peer *from;
	struct dg_peer *to;
	bool requested_reply;
	bool eavesdropping;
	bool to_start;
};

enum dg_verdict dg_policy_verdict(const struct dg_bus *bus,
				  const struct dg_transit *transit);
int dg_policy_matched(const struct dg_bus *bus,
		      const struct dg_transit *transit,
		      enum dg_verdict verdict);
bool dg_policy_lets_own(const struct dg_peer *peer, const char *name);

/* Who may do what concerns all on the bus: its user, and root. */
bool dg_policy_privileged(const struct dg_peer *peer);

extern const struct nla_policy dg_policy_set_attrs[];
int dg_cmd_policy_set(struct sk_buff *skb, struct genl_info *info);

#endif /* _DG_POLICY_BUS_H */
