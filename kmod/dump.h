/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dump.h - what there is: buses, and what is on one of them
 */
#ifndef _DG_DUMP_H
#define _DG_DUMP_H

struct netlink_callback;
struct sk_buff;

int dg_dump_buses(struct sk_buff *skb, struct netlink_callback *cb);

int dg_dump_start_peers(struct netlink_callback *cb);
int dg_dump_start_names(struct netlink_callback *cb);
int dg_dump_start_rules(struct netlink_callback *cb);
int dg_dump_peers(struct sk_buff *skb, struct netlink_callback *cb);
int dg_dump_names(struct sk_buff *skb, struct netlink_callback *cb);
int dg_dump_rules(struct sk_buff *skb, struct netlink_callback *cb);
int dg_dump_done(struct netlink_callback *cb);

#endif /* _DG_DUMP_H */
