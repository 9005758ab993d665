/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoint.h - a netlink socket that means something to the module
 *
 * An endpoint ties a socket to what it is: a peer of a bus, or a bus's
 * controller.  It holds the struct sock, for that alone identifies the socket:
 * a port id is free again before NETLINK_URELEASE is told of, and any user may
 * bind any port id, so it is no more than a hash key here.
 *
 * Lifetime: the maker has the first reference; the table has none, it is left
 * with dg_endpoint_del() before that reference is put.  Who finds an endpoint
 * gets one.  Each endpoint pins the module: whatever a socket holds, it goes
 * before the module does.
 */
#ifndef _DG_ENDPOINT_H
#define _DG_ENDPOINT_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <net/sock.h>

enum dg_role {
	DG_ROLE_PEER,
	DG_ROLE_CONTROLLER,
};

struct dg_endpoint;

/**
 * struct dg_endpoint_ops - the object that an endpoint is embedded in
 * @role: which it is
 * @gone: its socket has been released: ends it, and puts the maker's reference
 *	if nobody has; may be called more than once
 * @free: frees it, the last reference put, RCU readers considered
 */
struct dg_endpoint_ops {
	enum dg_role role;
	void (*gone)(struct dg_endpoint *ep);
	void (*free)(struct dg_endpoint *ep);
};

/**
 * struct dg_endpoint - a socket's place in the table
 * @node: in the table, if hashed
 * @refs: references to the object it is embedded in
 * @portid: its port id
 * @sk: the socket, held
 * @ops: the object
 */
struct dg_endpoint {
	struct hlist_node node;
	refcount_t refs;
	u32 portid;
	struct sock *sk;
	const struct dg_endpoint_ops *ops;
};

void dg_endpoints_init(void);

int dg_endpoint_init(struct dg_endpoint *ep, const struct dg_endpoint_ops *ops,
		     struct sock *sk, u32 portid);
void dg_endpoint_put(struct dg_endpoint *ep);

int dg_endpoint_add(struct dg_endpoint *ep);
void dg_endpoint_del(struct dg_endpoint *ep);
void dg_endpoint_gone(struct dg_endpoint *ep);

struct dg_endpoint *dg_endpoint_find(struct sock *sk, u32 portid);
struct dg_endpoint *dg_endpoint_find_dead(struct net *net, u32 portid);
struct dg_endpoint *dg_endpoint_find_stale(struct sock *sk, u32 portid);

#endif /* _DG_ENDPOINT_H */
