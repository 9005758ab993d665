/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netlink.h - the Generic Netlink family "dbus"
 */
#ifndef _DG_NETLINK_H
#define _DG_NETLINK_H

struct genl_family;

extern struct genl_family dg_genl_family;

int dg_netlink_register(void);
void dg_netlink_unregister(void);

struct genl_info;
struct sock;


#endif /* _DG_NETLINK_H */
