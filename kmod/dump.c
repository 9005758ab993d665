// SPDX-License-Identifier: GPL-2.0-only
/*
 * dump.c - BUS_GET, PEER_GET, NAME_GET, MATCH_GET
 *
 * A dump is answered in parts, one for each call of recvmsg(), and nothing is
 * locked between them.  It goes by numbers that only grow: each peer, place and
 * rule has its own, is told of in their order, and the dump keeps the one that
 * it told of last and never points to anything.  It ends at what there was when
 * it began, so that it ends however much comes meanwhile.
 *
 * Who may read is decided when the request is made: later parts are made by
 * whoever calls recvmsg().
 */
#include <linux/cred.h>
#include <linux/dbus_genl.h>
#include <linux/pid_namespace.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "activate.h"
#include "bus.h"
#include "compat/compat.h"
#include "dump.h"
#include "netlink.h"
#include "peer.h"
#include "quota.h"
#include "request.h"

static int dg_bus_fill(struct sk_buff *skb, struct netlink_callback *cb,
		       struct dg_bus *bus)
{
	struct dg_stats stats = { };
	struct nlattr *nest;
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &dg_genl_family, NLM_F_MULTI, DBUS_GENL_CMD_BUS_GET);
	if (!hdr)
		return -EMSGSIZE;

	dg_stats_add_bus(&stats, bus);
	if (dg_bus_put_attrs(skb, bus) ||
	    nla_put_u32(skb, DBUS_GENL_BUS_A_FLAGS, bus->flags))
		goto err_cancel;
	nest = nla_nest_start(skb, DBUS_GENL_BUS_A_STATS);
	if (!nest || dg_stats_put(skb, &stats))
		goto err_cancel;
	nla_nest_end(skb, nest);
	if (dg_bus_put_limits(skb, &bus->limits))
		goto err_cancel;
	genlmsg_end(skb, hdr);
	return 0;

err_cancel:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

/* cb->args[0]: number of the bus that was told of last; the list is sorted. */
int dg_dump_buses(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dg_net *dn = dg_net_of(sock_net(skb->sk));
	struct dg_bus *bus;

	mutex_lock(&dn->lock);
	list_for_each_entry(bus, &dn->buses, node) {
		if (bus->number <= (unsigned long)cb->args[0])
			continue;
		if (dg_bus_fill(skb, cb, bus))
			break;
		cb->args[0] = bus->number;
	}
	mutex_unlock(&dn->lock);
	return skb->len;
}

/**
 * struct dg_dump - a dump of what is on a bus, in netlink_callback.ctx
 * @bus: the bus, referenced; NULL if the request was refused
 * @why: why it was refused
 * @err: likewise
 * @peer: number of the peer that it is at
 * @item: number of what of that peer it told of last
 * @until: number of the last to be told of
 */
struct dg_dump {
	struct dg_bus *bus;
	const char *why;
	int err;
	u64 peer;
	u64 item;
	u64 until;
};

static struct dg_dump *dg_dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct dg_dump) > sizeof(cb->ctx));
	return (struct dg_dump *)cb->ctx;
}

/*
 * An error of .start has no extack on 6.1, so what is wrong waits here for the
 * first part of the dump, and comes with NLMSG_DONE.
 */
static struct dg_bus *dg_dump_start(struct netlink_callback *cb)
{
	struct dg_dump *dump = dg_dump_of(cb);
	struct netlink_ext_ack extack = { };
	struct dg_bus *bus;

	dump->err = dg_check_attrs(cb->nlh, &extack);
	if (!dump->err) {
		bus = dg_get_own_bus(cb->skb, dg_compat_dump_attrs(cb), &extack);
		dump->err = PTR_ERR_OR_ZERO(bus);
	}
	if (!dump->err) {
		dump->bus = bus;
		return bus;
	}
	dump->why = extack._msg;
	atomic64_inc(&dg_net_of(sock_net(NETLINK_CB(cb->skb).sk))->refused);
	return NULL;
}

int dg_dump_done(struct netlink_callback *cb)
{
	struct dg_dump *dump = dg_dump_of(cb);

	if (dump->bus)
		dg_bus_put(dump->bus);
	return 0;
}

/* What a part of a dump returns; an item that fits nowhere is an error. */
static int dg_dump_end(struct sk_buff *skb, int err)
{
	return skb->len || err != -EMSGSIZE ? skb->len : err;
}

static int dg_dump_refuse(struct netlink_callback *cb)
{
	struct dg_dump *dump = dg_dump_of(cb);

	if (cb->extack)
		cb->extack->_msg = dump->why;
	return dump->err;
}

static void *dg_dump_put(struct sk_buff *skb, struct netlink_callback *cb,
			 u8 cmd)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				cb->nlh->nlmsg_seq, &dg_genl_family,
				NLM_F_MULTI, cmd);

	if (hdr)
		genl_dump_check_consistent(cb, hdr);
	return hdr;
}

int dg_dump_start_peers(struct netlink_callback *cb)
{
	struct dg_bus *bus = dg_dump_start(cb);

	if (bus) {
		down_read(&bus->lock);
		dg_dump_of(cb)->until = bus->last_number;
		up_read(&bus->lock);
	}
	return 0;
}

static int dg_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, DBUS_GENL_PEER_A_PAD);
}

/* What waits for a peer.  Its queue's lock is a mutex. */
static int dg_peer_put_queue(struct sk_buff *skb, struct dg_peer *peer)
{
	struct dg_queue *queue = &peer->queue;
	u32 messages, fds = 0;
	struct dg_share *share;
	u64 bytes;

	mutex_lock(&queue->lock);
	messages = skb_queue_len(&queue->waiting);
	bytes = queue->driver_bytes;
	list_for_each_entry(share, &queue->shares, node) {
		bytes += share->bytes;
		fds += share->fds;
	}
	mutex_unlock(&queue->lock);

	return nla_put_u32(skb, DBUS_GENL_PEER_A_QUEUED_MESSAGES, messages) ?:
	       dg_put_u64(skb, DBUS_GENL_PEER_A_QUEUED_BYTES, bytes) ?:
	       dg_put_u64(skb, DBUS_GENL_PEER_A_UNREAD_BYTES,
			  atomic_read(&peer->ep.sk->sk_rmem_alloc)) ?:
	       nla_put_u32(skb, DBUS_GENL_PEER_A_UNCLAIMED_FDS, fds);
}

static int dg_peer_put_calls(struct sk_buff *skb, struct dg_peer *peer)
{
	struct dg_bus *bus = peer->bus;
	unsigned int made, taken;

	spin_lock(&bus->replies_lock);
	made = peer->calls.n_made;
	taken = peer->calls.n_taken;
	spin_unlock(&bus->replies_lock);

	return nla_put_u32(skb, DBUS_GENL_PEER_A_CALLS, made) ?:
	       nla_put_u32(skb, DBUS_GENL_PEER_A_OWED, taken);
}

static int dg_peer_put_counters(struct sk_buff *skb,
				const struct dg_peer_counters *counters)
{
	return dg_put_u64(skb, DBUS_GENL_PEER_A_SENT,
			  atomic64_read(&counters->sent)) ?:
	       dg_put_u64(skb, DBUS_GENL_PEER_A_RECEIVED,
			  atomic64_read(&counters->received)) ?:
	       dg_put_u64(skb, DBUS_GENL_PEER_A_DROPPED,
			  atomic64_read(&counters->dropped)) ?:
	       dg_put_u64(skb, DBUS_GENL_PEER_A_REFUSED,
			  atomic64_read(&counters->refused)) ?:
	       dg_put_u64(skb, DBUS_GENL_PEER_A_OVERFLOWED,
			  atomic64_read(&counters->overflowed)) ?:
	       dg_put_u64(skb, DBUS_GENL_PEER_A_EXPIRED,
			  atomic64_read(&counters->expired));
}

static int dg_put_charge(struct sk_buff *skb, int attr,
			 const struct dg_charge *charge)
{
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest ||
	    nla_put_u64_64bit(skb, DBUS_GENL_CHARGE_A_USED, charge->used,
			      DBUS_GENL_CHARGE_A_PAD) ||
	    nla_put_u64_64bit(skb, DBUS_GENL_CHARGE_A_LIMIT, charge->max,
			      DBUS_GENL_CHARGE_A_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* What its user takes, and may. */
static int dg_peer_put_quotas(struct sk_buff *skb, struct dg_peer *peer)
{
	struct dg_charge charges[DBUS_GENL_QUOTA_A_MAX + 1] = { };
	struct nlattr *nest;
	int i, err;

	dg_user_charges(peer->user, dg_start_max_waiting(peer), charges);

	nest = nla_nest_start(skb, DBUS_GENL_PEER_A_QUOTAS);
	if (!nest)
		return -EMSGSIZE;
	for (i = 1; i <= DBUS_GENL_QUOTA_A_MAX; i++) {
		err = dg_put_charge(skb, i, &charges[i]);
		if (err)
			return err;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int dg_peer_put_who(struct sk_buff *skb, const struct dg_peer *peer)
{
	pid_t pid = pid_nr_ns(peer->pid, task_active_pid_ns(current));
	u32 flags = (peer->takes_fds ? DBUS_GENL_PEER_FDS : 0) |
		    (peer->monitor ? DBUS_GENL_PEER_MONITOR : 0);

	return dg_put_u64(skb, DBUS_GENL_PEER_A_NUMBER, peer->number) ?:
	       (peer->id ? dg_put_u64(skb, DBUS_GENL_PEER_A_ID, peer->id) :
			   0) ?:
	       (peer->id && !peer->monitor ?
			nla_put_string(skb, DBUS_GENL_PEER_A_NAME,
				       peer->unique) :
			0) ?:
	       nla_put_u32(skb, DBUS_GENL_PEER_A_UID,
			   dg_uid_for_caller(peer->cred->euid)) ?:
	       (pid ? nla_put_u32(skb, DBUS_GENL_PEER_A_PID, pid) : 0) ?:
	       nla_put_string(skb, DBUS_GENL_PEER_A_COMM, peer->comm) ?:
	       nla_put_u32(skb, DBUS_GENL_PEER_A_FLAGS, flags);
}

static int dg_peer_fill(struct sk_buff *skb, struct netlink_callback *cb,
			struct dg_peer *peer)
{
	void *hdr = dg_dump_put(skb, cb, DBUS_GENL_CMD_PEER_GET);

	if (!hdr)
		return -EMSGSIZE;

	if (dg_peer_put_who(skb, peer) ||
	    nla_put_u32(skb, DBUS_GENL_PEER_A_NAMES, peer->owner.n_places) ||
	    nla_put_u32(skb, DBUS_GENL_PEER_A_MATCHES,
			peer->rules.n_rules + peer->monitored.n_rules) ||
	    dg_peer_put_calls(skb, peer) || dg_peer_put_queue(skb, peer) ||
	    dg_peer_put_counters(skb, &peer->counters) ||
	    dg_peer_put_quotas(skb, peer)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

int dg_dump_peers(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dg_dump *dump = dg_dump_of(cb);
	struct dg_bus *bus = dump->bus;
	struct dg_peer *peer;
	int err = 0;

	if (!bus)
		return dg_dump_refuse(cb);

	down_read(&bus->lock);
	cb->seq = bus->changes + 1;
	list_for_each_entry(peer, &bus->members, node) {
		if (peer->number <= dump->peer)
			continue;
		if (peer->number > dump->until)
			break;
		err = dg_peer_fill(skb, cb, peer);
		if (err)
			break;
		dump->peer = peer->number;
	}
	up_read(&bus->lock);
	return dg_dump_end(skb, err);
}

/**
 * struct dg_dump_part - a part of a dump of what peers have
 * @skb: where to
 * @cb: the dump
 * @peer: whose it is
 */
struct dg_dump_part {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	struct dg_peer *peer;
};

/* Calls @each for every peer from where the dump is, which begins at @first. */
static int dg_dump_peer_by_peer(struct dg_dump_part *part, u64 first,
				int (*each)(struct dg_dump_part *part))
{
	struct dg_dump *dump = dg_dump_of(part->cb);
	int err = 0;

	list_for_each_entry(part->peer, &dump->bus->members, node) {
		if (part->peer->number < dump->peer)
			continue;
		if (part->peer->number > dump->peer) {
			dump->peer = part->peer->number;
			dump->item = first;
		}
		err = each(part);
		if (err)
			break;
	}
	return err;
}

int dg_dump_start_names(struct netlink_callback *cb)
{
	struct dg_bus *bus = dg_dump_start(cb);

	if (bus) {
		down_read(&bus->lock);
		dg_dump_of(cb)->until = bus->registry.last_number;
		up_read(&bus->lock);
	}
	return 0;
}

static int dg_place_fill(void *data, const struct dg_place_info *info)
{
	struct dg_dump_part *part = data;
	struct dg_dump *dump = dg_dump_of(part->cb);
	struct sk_buff *skb = part->skb;
	void *hdr;

	if (info->number > dump->until)
		return 0;

	hdr = dg_dump_put(skb, part->cb, DBUS_GENL_CMD_NAME_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_string(skb, DBUS_GENL_NAME_A_NAME, info->name) ||
	    nla_put_u64_64bit(skb, DBUS_GENL_NAME_A_OWNER, part->peer->id,
			      DBUS_GENL_NAME_A_PAD) ||
	    nla_put_u32(skb, DBUS_GENL_NAME_A_POSITION,
			dg_registry_position(info)) ||
	    nla_put_u32(skb, DBUS_GENL_NAME_A_FLAGS, info->flags)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	dump->item = info->number;
	return 0;
}

static int dg_dump_places(struct dg_dump_part *part)
{
	return dg_registry_for_each_place(&part->peer->owner,
					  dg_dump_of(part->cb)->item,
					  dg_place_fill, part);
}

int dg_dump_names(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dg_dump_part part = { .skb = skb, .cb = cb };
	struct dg_bus *bus = dg_dump_of(cb)->bus;
	int err;

	if (!bus)
		return dg_dump_refuse(cb);

	down_read(&bus->lock);
	cb->seq = bus->registry.changes + 1;
	err = dg_dump_peer_by_peer(&part, 0, dg_dump_places);
	up_read(&bus->lock);
	return dg_dump_end(skb, err);
}

int dg_dump_start_rules(struct netlink_callback *cb)
{
	struct dg_bus *bus = dg_dump_start(cb);

	if (bus) {
		down_read(&bus->lock);
		dg_dump_of(cb)->until = bus->matches.last_number;
		up_read(&bus->lock);
	}
	return 0;
}

static int dg_rule_fill(void *data, const struct dg_match_rule *rule,
			u64 number)
{
	struct dg_dump_part *part = data;
	size_t len = dg_match_format(rule, NULL, 0);
	struct sk_buff *skb = part->skb;
	struct nlattr *text;
	void *hdr;

	hdr = dg_dump_put(skb, part->cb, DBUS_GENL_CMD_MATCH_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u64_64bit(skb, DBUS_GENL_MATCH_A_OWNER, part->peer->id,
			      DBUS_GENL_MATCH_A_PAD))
		goto err_cancel;
	text = nla_reserve(skb, DBUS_GENL_MATCH_A_RULE, len + 1);
	if (!text)
		goto err_cancel;
	dg_match_format(rule, nla_data(text), len + 1);
	genlmsg_end(skb, hdr);
	dg_dump_of(part->cb)->item = number;
	return 0;

err_cancel:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

static int dg_dump_peer_rules(struct dg_dump_part *part)
{
	struct dg_peer *peer = part->peer;

	return dg_match_owner_for_each(peer->monitor ? &peer->monitored :
						       &peer->rules,
				       dg_dump_of(part->cb)->item,
				       dg_rule_fill, part);
}

int dg_dump_rules(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dg_dump_part part = { .skb = skb, .cb = cb };
	struct dg_dump *dump = dg_dump_of(cb);
	struct dg_bus *bus = dump->bus;
	int err;

	if (!bus)
		return dg_dump_refuse(cb);

	/* A peer's newest comes first: their numbers fall. */
	down_read(&bus->lock);
	cb->seq = bus->matches.changes + bus->monitored.changes + 1;
	err = dg_dump_peer_by_peer(&part, dump->until + 1, dg_dump_peer_rules);
	up_read(&bus->lock);
	return dg_dump_end(skb, err);
}
