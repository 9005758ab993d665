/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * route.h - who gets a message
 */
#ifndef _DG_ROUTE_H
#define _DG_ROUTE_H

struct dg_bus;
struct dg_msg;
struct dg_peer;
struct sk_buff;

int dg_route(struct dg_peer *from, struct dg_msg *msg, struct sk_buff *packet);

void dg_route_waited(struct dg_bus *bus, struct dg_peer *from,
		     struct dg_peer *to, struct dg_msg *msg,
		     struct sk_buff *packet);
void dg_route_broadcast(struct dg_bus *bus, const struct dg_msg *msg,
			struct sk_buff *packet, struct dg_peer *from,
			struct dg_peer *dest, gfp_t gfp);
void dg_route_to_monitors(struct dg_bus *bus, const struct dg_msg *msg,
			  struct sk_buff *packet, struct dg_peer *from,
			  struct dg_peer *dest);
void dg_route_request_to_monitors(struct dg_bus *bus, struct dg_peer *from,
				  const struct dg_msg *msg,
				  struct sk_buff *packet,
				  struct dg_peer *dest);

#endif /* _DG_ROUTE_H */
