/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * activate_cmd.h - commands of a bus's controller about starting services
 */
#ifndef _DG_ACTIVATE_CMD_H
#define _DG_ACTIVATE_CMD_H

#include <net/netlink.h>

struct genl_info;
struct sk_buff;

extern const struct nla_policy dg_activatable_attrs[];
extern const struct nla_policy dg_activate_attrs[];
int dg_cmd_activatable_set(struct sk_buff *skb, struct genl_info *info);
int dg_cmd_activate(struct sk_buff *skb, struct genl_info *info);
int dg_cmd_pull_requests(struct sk_buff *skb, struct genl_info *info);

#endif /* _DG_ACTIVATE_CMD_H */
