// SPDX-License-Identifier: GPL-2.0-only
/*
 * endpoint.c - the table of the sockets that are peers or controllers
 *
 * One for all net namespaces, hashed by namespace and port id with a secret,
 * since users choose their port ids.  Read under RCU, written under a leaf
 * spinlock.
 */
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/siphash.h>
#include <net/netns/hash.h>

#include "endpoint.h"

#define DG_ENDPOINT_BITS 12

static struct hlist_head dg_endpoints[1 << DG_ENDPOINT_BITS];
static DEFINE_SPINLOCK(dg_endpoints_lock);
static hsiphash_key_t dg_endpoints_key;

void dg_endpoints_init(void)
{
	get_random_bytes(&dg_endpoints_key, sizeof(dg_endpoints_key));
}

static struct hlist_head *dg_endpoint_bucket(const struct net *net, u32 portid)
{
	u32 hash = hsiphash_2u32(net_hash_mix(net), portid, &dg_endpoints_key);

	return &dg_endpoints[hash_32(hash, DG_ENDPOINT_BITS)];
}

/**
 * dg_endpoint_init() - tie an object to a socket
 * @ep: the endpoint in the object
 * @ops: the object
 * @sk: the socket, of the running sendmsg()
 * @portid: its port id
 *
 * Return: 0, and dg_endpoint_put() ends it; or -ENODEV: the module is being
 * removed, and the object is the caller's as before.
 */
int dg_endpoint_init(struct dg_endpoint *ep, const struct dg_endpoint_ops *ops,
		     struct sock *sk, u32 portid)
{
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;

	INIT_HLIST_NODE(&ep->node);
	refcount_set(&ep->refs, 1);
	ep->portid = portid;
	ep->sk = sk;
	ep->ops = ops;
	sock_hold(sk);
	return 0;
}

/*
 * May sleep, as may the socket's destructor.  Callers are in generic netlink's
 * or in the notifier chain's hands: module exit waits for both, so the code
 * outlives the module_put() here.
 */
void dg_endpoint_put(struct dg_endpoint *ep)
{
	if (!refcount_dec_and_test(&ep->refs))
		return;

	sock_put(ep->sk);
	ep->ops->free(ep);
	module_put(THIS_MODULE);
}

/* Puts @ep into the table, or says -EISCONN if its socket is there already. */
int dg_endpoint_add(struct dg_endpoint *ep)
{
	struct hlist_head *bucket;
	struct dg_endpoint *other;
	int err = 0;

	bucket = dg_endpoint_bucket(sock_net(ep->sk), ep->portid);

	spin_lock(&dg_endpoints_lock);
	hlist_for_each_entry(other, bucket, node) {
		if (other->sk == ep->sk) {
			err = -EISCONN;
			break;
		}
	}
	if (!err)
		hlist_add_head_rcu(&ep->node, bucket);
	spin_unlock(&dg_endpoints_lock);
	return err;
}

/* Takes @ep out of the table; nothing happens if it is out. */
void dg_endpoint_del(struct dg_endpoint *ep)
{
	spin_lock(&dg_endpoints_lock);
	if (!hlist_unhashed(&ep->node))
		hlist_del_init_rcu(&ep->node);
	spin_unlock(&dg_endpoints_lock);
}

/* The socket of @ep, which the caller references, has been released. */
void dg_endpoint_gone(struct dg_endpoint *ep)
{
	ep->ops->gone(ep);
	/* If another is just ending it: whoever looks again must not find it. */
	dg_endpoint_del(ep);
}

/* The endpoint of a request's own socket, referenced, or NULL. */
struct dg_endpoint *dg_endpoint_find(struct sock *sk, u32 portid)
{
	struct dg_endpoint *ep;

	rcu_read_lock();
	hlist_for_each_entry_rcu(ep, dg_endpoint_bucket(sock_net(sk), portid),
				 node) {
		if (ep->sk == sk && refcount_inc_not_zero(&ep->refs)) {
			rcu_read_unlock();
			return ep;
		}
	}
	rcu_read_unlock();
	return NULL;
}

/*
 * Under the lock, not RCU: both look into the sock, and what is in the table
 * still has its maker's reference, which holds it.
 */
static struct dg_endpoint *dg_endpoint_find_if(struct net *net, u32 portid,
					       bool (*ok)(struct sock *sk,
							  const struct sock *by),
					       const struct sock *by)
{
	struct dg_endpoint *ep;

	spin_lock(&dg_endpoints_lock);
	hlist_for_each_entry(ep, dg_endpoint_bucket(net, portid), node) {
		if (ep->portid == portid && net_eq(sock_net(ep->sk), net) &&
		    ok(ep->sk, by)) {
			refcount_inc(&ep->refs);
			spin_unlock(&dg_endpoints_lock);
			return ep;
		}
	}
	spin_unlock(&dg_endpoints_lock);
	return NULL;
}

static bool dg_sock_is_dead(struct sock *sk, const struct sock *by)
{
	return sock_flag(sk, SOCK_DEAD);
}

static bool dg_sock_is_other(struct sock *sk, const struct sock *by)
{
	return sk != by;
}

/*
 * An endpoint of @portid whose socket has been released, referenced, or NULL.
 * For NETLINK_URELEASE: the port id may be another, living socket's by then.
 */
struct dg_endpoint *dg_endpoint_find_dead(struct net *net, u32 portid)
{
	return dg_endpoint_find_if(net, portid, dg_sock_is_dead, NULL);
}

/*
 * An endpoint that has the port id of @sk but is another socket's, referenced,
 * or NULL.  @sk is bound to that port id now, so the other has been taken out
 * of netlink's table: it is dead, or about to be marked so.
 */
struct dg_endpoint *dg_endpoint_find_stale(struct sock *sk, u32 portid)
{
	return dg_endpoint_find_if(sock_net(sk), portid, dg_sock_is_other, sk);
}
