// SPDX-License-Identifier: GPL-2.0-only
/*
 * netlink.c - commands of the family: decode, call, encode
 *
 * The contract is in uapi/linux/dbus_genl.h.  Each request runs in its sender's
 * task, under generic netlink's cb_lock, held for reading: it may allocate, but
 * must not wait for anybody.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/dbus_genl.h>
#include <linux/file.h>
#include <linux/module.h>
#include <net/genetlink.h>

#include "bus.h"
#include "claim.h"
#include "compat/compat.h"
#include "endpoint.h"
#include "fds.h"
#include "limits.h"
#include "message.h"
#include "netlink.h"
#include "packet.h"
#include "peer.h"
#include "policy_bus.h"
#include "queue.h"
#include "route.h"

static const struct nla_policy dg_send_policy[DBUS_GENL_MSG_A_MAX + 1] = {
	[DBUS_GENL_MSG_A_PAD] = NLA_POLICY_EXACT_LEN(0),
	[DBUS_GENL_MSG_A_SENDER] = { .type = NLA_U64 },
	[DBUS_GENL_MSG_A_TYPE] = NLA_POLICY_RANGE(NLA_U8, DG_MSG_CALL,
						  DG_MSG_SIGNAL),
	[DBUS_GENL_MSG_A_FLAGS] = { .type = NLA_U8 },
	[DBUS_GENL_MSG_A_SERIAL] = { .type = NLA_U32 },
	[DBUS_GENL_MSG_A_REPLY_SERIAL] = { .type = NLA_U32 },
	[DBUS_GENL_MSG_A_PATH] = { .type = NLA_NUL_STRING },
	[DBUS_GENL_MSG_A_INTERFACE] = { .type = NLA_NUL_STRING },
	[DBUS_GENL_MSG_A_MEMBER] = { .type = NLA_NUL_STRING },
	[DBUS_GENL_MSG_A_ERROR_NAME] = { .type = NLA_NUL_STRING },
	[DBUS_GENL_MSG_A_DESTINATION] = { .type = NLA_NUL_STRING },
	[DBUS_GENL_MSG_A_SIGNATURE] = { .type = NLA_NUL_STRING },
	[DBUS_GENL_MSG_A_BODY] = { .type = NLA_BINARY },
	[DBUS_GENL_MSG_A_FDS] = NLA_POLICY_RANGE(NLA_BINARY, sizeof(s32),
						 DG_MESSAGE_FDS_MAX *
							 sizeof(s32)),
	[DBUS_GENL_MSG_A_BODY_FD] = { .type = NLA_S32 },
};

static const struct nla_policy dg_claim_policy[DBUS_GENL_MSG_A_MAX + 1] = {
	[DBUS_GENL_MSG_A_SENDER] = { .type = NLA_U64 },
	[DBUS_GENL_MSG_A_SERIAL] = { .type = NLA_U32 },
};

/* Attributes without a policy are refused: this is the strict kind. */
static const struct nla_policy dg_bus_policy[DBUS_GENL_BUS_A_MAX + 1] = {
	[DBUS_GENL_BUS_A_NAME] = { .type = NLA_NUL_STRING,
				   .len = DBUS_GENL_BUS_NAME_MAX },
	[DBUS_GENL_BUS_A_UID] = { .type = NLA_U32 },
};

static const struct nla_policy dg_connect_policy[DBUS_GENL_BUS_A_MAX + 1] = {
	[DBUS_GENL_BUS_A_NAME] = { .type = NLA_NUL_STRING,
				   .len = DBUS_GENL_BUS_NAME_MAX },
	[DBUS_GENL_BUS_A_UID] = { .type = NLA_U32 },
	[DBUS_GENL_BUS_A_FLAGS] = NLA_POLICY_MASK(NLA_U32,
						  DBUS_GENL_PEER_FDS),
};

static const struct nla_policy dg_create_policy[DBUS_GENL_BUS_A_MAX + 1] = {
	[DBUS_GENL_BUS_A_NAME] = { .type = NLA_NUL_STRING,
				   .len = DBUS_GENL_BUS_NAME_MAX },
	[DBUS_GENL_BUS_A_UID] = { .type = NLA_U32 },
	[DBUS_GENL_BUS_A_FLAGS] = NLA_POLICY_MASK(NLA_U32,
						  DBUS_GENL_BUS_PERSISTENT),
	[DBUS_GENL_BUS_A_MACHINE_ID] = { .type = NLA_NUL_STRING,
					 .len = DBUS_GENL_GUID_LEN },
};

/*
 * What nla_parse() lets through: attributes that are repeated, that have flag
 * bits in their type, a PAD that pads nothing.
 */
static int dg_check_attrs(struct genl_info *info)
{
	const struct nlattr *attr, *pad = NULL;
	unsigned long seen = 0;
	int rem;

	BUILD_BUG_ON(DBUS_GENL_MSG_A_MAX >= BITS_PER_LONG);
	BUILD_BUG_ON(DBUS_GENL_BUS_A_MAX >= BITS_PER_LONG);

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		u16 type = attr->nla_type;

		if (type >= BITS_PER_LONG) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "attribute has flag bits in its type");
			return -EINVAL;
		}
		if (seen & BIT(type)) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "attribute is repeated");
			return -EINVAL;
		}
		if (pad && type != DBUS_GENL_MSG_A_BODY) {
			NL_SET_ERR_MSG_ATTR(info->extack, pad,
					    "PAD is not right before BODY");
			return -EINVAL;
		}
		seen |= BIT(type);
		pad = type == DBUS_GENL_MSG_A_PAD ? attr : NULL;
	}
	if (pad) {
		NL_SET_ERR_MSG_ATTR(info->extack, pad,
				    "PAD is not right before BODY");
		return -EINVAL;
	}
	return 0;
}

/*
 * Whoever opened the socket must be who uses it, where that decides something:
 * a privileged program that was handed a socket and made to write to it does
 * not lend its rights (CVE-2014-0181).
 */
int dg_check_opener(struct sock *sk, struct genl_info *info)
{
	struct file *file = sk->sk_socket ? sk->sk_socket->file : NULL;

	if (file && uid_eq(file->f_cred->euid, current_euid()))
		return 0;

	NL_SET_ERR_MSG(info->extack, "socket was opened by another user");
	return -EPERM;
}

/* CAP_NET_ADMIN over the net namespace, of who opened and who uses the socket. */
static bool dg_is_admin(struct sk_buff *skb, struct sock *sk)
{
	struct user_namespace *ns = sock_net(sk)->user_ns;

	return netlink_net_capable(skb, CAP_NET_ADMIN) &&
	       file_ns_capable(sk->sk_socket->file, ns, CAP_NET_ADMIN);
}

static bool dg_bus_name_ok(const char *s, size_t n)
{
	size_t i;

	/* isalnum() alone takes Latin-1's letters, too. */
	for (i = 0; i < n; i++)
		if (!(isascii(s[i]) && isalnum(s[i])) && s[i] != '-' &&
		    s[i] != '_')
			return false;
	return n > 0;
}

/* The bus that a request names, and its user. */
static int dg_get_bus_name(struct genl_info *info, const char **name,
			   kuid_t *uid)
{
	struct nlattr *attr = info->attrs[DBUS_GENL_BUS_A_NAME];

	if (!attr) {
		NL_SET_ERR_MSG(info->extack, "NAME is missing");
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, DBUS_GENL_BUS_A_NAME);
		return -EINVAL;
	}
	*name = nla_data(attr);
	if (!dg_bus_name_ok(*name, nla_len(attr) - 1)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "NAME is not a name of a bus");
		return -EINVAL;
	}

	*uid = current_euid();
	attr = info->attrs[DBUS_GENL_BUS_A_UID];
	if (attr && !dg_bus_is_system(*name)) {
		*uid = make_kuid(current_user_ns(), nla_get_u32(attr));
		if (!uid_valid(*uid)) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "UID is not mapped in this user namespace");
			return -EINVAL;
		}
	}
	return 0;
}

/* Which bus a request is about; its sender must be the socket's opener. */
static int dg_get_bus(struct sock *sk, struct genl_info *info,
		      const char **name, kuid_t *uid)
{
	return dg_get_bus_name(info, name, uid) ?: dg_check_opener(sk, info);
}

/* A socket that had this one's port id may not have been told of yet. */
static void dg_bury_stale(struct sock *sk, u32 portid)
{
	struct dg_endpoint *ep;

	while ((ep = dg_endpoint_find_stale(sk, portid))) {
		dg_endpoint_gone(ep);
		dg_endpoint_put(ep);
	}
}

static u32 dg_uid_for_caller(kuid_t uid)
{
	return from_kuid_munged(current_user_ns(), uid);
}

static int dg_bus_put_attrs(struct sk_buff *skb, const struct dg_bus *bus)
{
	return nla_put_string(skb, DBUS_GENL_BUS_A_NAME, bus->name) ?:
	       nla_put_u32(skb, DBUS_GENL_BUS_A_UID,
			   dg_uid_for_caller(bus->uid)) ?:
	       nla_put_string(skb, DBUS_GENL_BUS_A_GUID, bus->guid);
}

/**
 * struct dg_answer - an answer on its way to who asked
 * @info: the request
 * @skb: the answer
 */
struct dg_answer {
	struct genl_info *info;
	struct sk_buff *skb;
};

/* For dg_peer_join(): netlink_unicast() takes the skb, whatever it returns. */
static int dg_answer_send(void *data)
{
	struct dg_answer *answer = data;
	struct sk_buff *skb = answer->skb;
	int err;

	answer->skb = NULL;
	err = genlmsg_reply(skb, answer->info);
	if (err) {
		NL_SET_ERR_MSG(answer->info->extack,
			       "no room for the answer in the socket");
		return -ENOBUFS;
	}
	return 0;
}

static struct sk_buff *dg_connect_answer(struct genl_info *info,
					 const struct dg_bus *bus)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_DEFAULT_SIZE,
					  GFP_KERNEL_ACCOUNT);
	void *hdr;

	if (!skb)
		return NULL;

	hdr = genlmsg_put_reply(skb, info, &dg_genl_family, 0,
				DBUS_GENL_CMD_CONNECT);
	if (WARN_ON_ONCE(!hdr ||
			 nla_put_string(skb, DBUS_GENL_BUS_A_GUID, bus->guid) ||
			 nla_put_u32(skb, DBUS_GENL_BUS_A_MAX_MESSAGE_SIZE,
				     DG_MESSAGE_SIZE_MAX) ||
			 nla_put_u32(skb, DBUS_GENL_BUS_A_MAX_FDS,
				     DG_MESSAGE_FDS_MAX) ||
			 nla_put_u32(skb, DBUS_GENL_BUS_A_MAX_BODY_FD_SIZE,
				     DG_BODY_FD_SIZE_MAX))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, hdr);
	return skb;
}

static int dg_connect_bus(struct sock *sk, struct genl_info *info,
			  struct dg_bus *bus)
{
	struct dg_answer answer = { .info = info };
	struct dg_peer *peer;
	int err;

	answer.skb = dg_connect_answer(info, bus);
	if (!answer.skb)
		return -ENOMEM;

	peer = dg_peer_new(bus, sk, info->snd_portid);
	if (IS_ERR(peer)) {
		nlmsg_free(answer.skb);
		return PTR_ERR(peer);
	}
	peer->takes_fds = info->attrs[DBUS_GENL_BUS_A_FLAGS] &&
			  (nla_get_u32(info->attrs[DBUS_GENL_BUS_A_FLAGS]) &
			   DBUS_GENL_PEER_FDS);

	err = dg_peer_join(peer, dg_answer_send, &answer);
	if (!err)
		return 0;

	nlmsg_free(answer.skb);
	dg_peer_put(peer);
	if (err == -EISCONN)
		NL_SET_ERR_MSG(info->extack, "the socket is connected already");
	else if (err == -EACCES)
		NL_SET_ERR_MSG(info->extack,
			       "the bus is another user's, or its policy does not admit this one");
	else if (err == -EUSERS)
		NL_SET_ERR_MSG(info->extack,
			       "too many peers of this user on the bus");
	else if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "no such bus");
	return err;
}

static int dg_cmd_connect(struct sk_buff *skb, struct genl_info *info)
{
	struct sock *sk = NETLINK_CB(skb).sk;
	struct dg_endpoint *ep;
	struct dg_bus *bus;
	const char *name;
	kuid_t uid;
	int err;

	err = dg_get_bus(sk, info, &name, &uid);
	if (err)
		return err;

	dg_bury_stale(sk, info->snd_portid);
	ep = dg_endpoint_find(sk, info->snd_portid);
	if (ep) {
		dg_endpoint_put(ep);
		NL_SET_ERR_MSG(info->extack, "the socket is connected already");
		return -EISCONN;
	}

	bus = dg_bus_find(genl_info_net(info), name, uid);
	if (!bus) {
		NL_SET_ERR_MSG(info->extack, "no such bus");
		return -ENOENT;
	}
	err = dg_connect_bus(sk, info, bus);
	dg_bus_put(bus);
	return err;
}

static int dg_not_connected(struct genl_info *info)
{
	NL_SET_ERR_MSG(info->extack, "the socket is not connected to a bus");
	return -ENOTCONN;
}

/* Fd numbers go to and from the running task: see dg_fds_may_take(). */
static int dg_check_task(const struct dg_peer *peer, struct genl_info *info)
{
	struct socket *sock = peer->ep.sk->sk_socket;

	if (sock && sock->file && dg_fds_may_take(peer->cred, sock->file))
		return 0;

	NL_SET_ERR_MSG(info->extack,
		       "fds of a process with other rights than the peer");
	return -EPERM;
}

/* The files of a SEND. */
static int dg_get_fds(struct dg_peer *peer, struct genl_info *info,
		      struct dg_msg *msg)
{
	struct dg_fds *fds;
	int err;

	if (!info->attrs[DBUS_GENL_MSG_A_FDS] &&
	    !info->attrs[DBUS_GENL_MSG_A_BODY_FD])
		return 0;

	err = dg_check_task(peer, info);
	if (err)
		return err;
	fds = dg_fds_from_request(peer->user, info->attrs, info->extack);
	if (IS_ERR(fds))
		return PTR_ERR(fds);
	msg->fds = fds;
	return 0;
}

static int dg_cmd_send(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *packet;
	struct dg_peer *peer;
	struct dg_msg msg;
	int err;

	/* They are handed on as they are: see dg_packet_stamp(). */
	if (info->nlhdr->nlmsg_flags & ~(NLM_F_REQUEST | NLM_F_ACK)) {
		NL_SET_ERR_MSG(info->extack,
			       "netlink flags other than REQUEST and ACK");
		return -EINVAL;
	}

	peer = dg_peer_find(NETLINK_CB(skb).sk, info->snd_portid);
	if (!peer)
		return dg_not_connected(info);

	err = dg_message_decode(&msg, info->nlhdr, info->attrs, info->extack);
	if (err)
		goto out;
	err = dg_get_fds(peer, info, &msg);
	if (err)
		goto out;

	err = -ENOMEM;
	packet = dg_packet_from_request(skb, info->nlhdr);
	if (!packet)
		goto out_fds;

	err = dg_route(peer, &msg, packet);
	if (err)
		kfree_skb(packet);
	if (err == -ENOTCONN)
		dg_not_connected(info);
	else if (err == -ENOBUFS)
		NL_SET_ERR_MSG(info->extack,
			       "too much of the bus's is unread: read first");
out_fds:
	dg_fds_put(msg.fds);
out:
	dg_peer_put(peer);
	return err;
}

static int dg_cmd_pull(struct sk_buff *skb, struct genl_info *info)
{
	struct dg_peer *peer;
	int err;

	peer = dg_peer_find(NETLINK_CB(skb).sk, info->snd_portid);
	if (!peer)
		return dg_not_connected(info);

	err = dg_queue_pull(peer);
	if (err == -ENOTCONN)
		dg_not_connected(info);
	dg_peer_put(peer);
	return err;
}

static int dg_cmd_fd_claim(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *sender = info->attrs[DBUS_GENL_MSG_A_SENDER];
	struct nlattr *serial = info->attrs[DBUS_GENL_MSG_A_SERIAL];
	struct dg_peer *peer;
	int err;

	if (!sender || !serial) {
		NL_SET_ERR_MSG(info->extack, "SENDER or SERIAL is missing");
		return -EINVAL;
	}

	peer = dg_peer_find(NETLINK_CB(skb).sk, info->snd_portid);
	if (!peer)
		return dg_not_connected(info);

	err = dg_check_task(peer, info);
	if (!err)
		err = dg_claim(peer, nla_get_u64(sender), nla_get_u32(serial),
			       info->snd_seq);
	if (err == -ENOBUFS)
		NL_SET_ERR_MSG(info->extack,
			       "too many answers are unread: read first");
	dg_peer_put(peer);
	return err;
}

static int dg_get_machine_id(struct genl_info *info, const char **machine_id)
{
	struct nlattr *attr = info->attrs[DBUS_GENL_BUS_A_MACHINE_ID];
	const char *s;

	*machine_id = NULL;
	if (!attr)
		return 0;

	s = nla_data(attr);
	if (nla_len(attr) == DBUS_GENL_GUID_LEN + 1 &&
	    strspn(s, "0123456789abcdefABCDEF") == DBUS_GENL_GUID_LEN) {
		*machine_id = s;
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "MACHINE_ID is not 32 hexadecimal digits");
	return -EINVAL;
}

static int dg_create_answer(struct genl_info *info, const struct dg_bus *bus)
{
	struct dg_answer answer = { .info = info };
	void *hdr;

	answer.skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL_ACCOUNT);
	if (!answer.skb)
		return -ENOMEM;

	hdr = genlmsg_put_reply(answer.skb, info, &dg_genl_family, 0,
				DBUS_GENL_CMD_BUS_CREATE);
	if (WARN_ON_ONCE(!hdr || dg_bus_put_attrs(answer.skb, bus))) {
		nlmsg_free(answer.skb);
		return -EMSGSIZE;
	}
	genlmsg_end(answer.skb, hdr);
	return dg_answer_send(&answer);
}

static int dg_cmd_bus_create(struct sk_buff *skb, struct genl_info *info)
{
	struct sock *sk = NETLINK_CB(skb).sk;
	struct net *net = genl_info_net(info);
	struct dg_bus_params params = { };
	struct dg_bus *bus;
	int err;

	err = dg_get_bus(sk, info, &params.name, &params.uid);
	if (err)
		return err;
	err = dg_get_machine_id(info, &params.machine_id);
	if (err)
		return err;
	if (info->attrs[DBUS_GENL_BUS_A_FLAGS])
		params.flags = nla_get_u32(info->attrs[DBUS_GENL_BUS_A_FLAGS]);

	if (dg_bus_is_system(params.name) && !dg_is_admin(skb, sk)) {
		NL_SET_ERR_MSG(info->extack,
			       "the system bus needs CAP_NET_ADMIN");
		return -EPERM;
	}
	if (!uid_eq(params.uid, current_euid())) {
		NL_SET_ERR_MSG(info->extack,
			       "a bus can be made for oneself only");
		return -EPERM;
	}

	dg_bury_stale(sk, info->snd_portid);
	bus = dg_bus_create(net, sk, info->snd_portid, &params);
	if (IS_ERR(bus)) {
		err = PTR_ERR(bus);
		if (err == -EEXIST)
			NL_SET_ERR_MSG(info->extack, "there is such a bus");
		else if (err == -EUSERS)
			NL_SET_ERR_MSG(info->extack,
				       "too many buses of this user");
		else if (err == -EISCONN)
			NL_SET_ERR_MSG(info->extack,
				       "the socket is a peer or controller");
		return err == -EISCONN ? -EBUSY : err;
	}

	err = dg_create_answer(info, bus);
	if (err)
		dg_bus_destroy(net, bus);
	dg_bus_put(bus);
	return err;
}

static int dg_cmd_bus_destroy(struct sk_buff *skb, struct genl_info *info)
{
	struct sock *sk = NETLINK_CB(skb).sk;
	struct net *net = genl_info_net(info);
	struct dg_bus *bus;
	const char *name;
	kuid_t uid;
	int err;

	err = dg_get_bus(sk, info, &name, &uid);
	if (err)
		return err;

	bus = dg_bus_find(net, name, uid);
	if (!bus) {
		NL_SET_ERR_MSG(info->extack, "no such bus");
		return -ENOENT;
	}
	if (uid_eq(bus->uid, current_euid()) || dg_is_admin(skb, sk)) {
		dg_bus_destroy(net, bus);
	} else {
		NL_SET_ERR_MSG(info->extack,
			       "the bus is another user's; CAP_NET_ADMIN is needed");
		err = -EPERM;
	}
	dg_bus_put(bus);
	return err;
}

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
	genlmsg_end(skb, hdr);
	return 0;

err_cancel:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

/* cb->args[0]: number of the bus that was told of last; the list is sorted. */
static int dg_dump_buses(struct sk_buff *skb, struct netlink_callback *cb)
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

static int dg_cmd_stats_get(struct sk_buff *skb, struct genl_info *info)
{
	struct dg_answer answer = { .info = info };
	struct dg_stats *stats;
	int err = -ENOMEM;
	void *hdr;

	stats = kzalloc(sizeof(*stats), GFP_KERNEL_ACCOUNT);
	if (!stats)
		return -ENOMEM;
	dg_stats_of_net(stats, dg_net_of(genl_info_net(info)));

	answer.skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL_ACCOUNT);
	if (!answer.skb)
		goto out;
	hdr = genlmsg_put_reply(answer.skb, info, &dg_genl_family, 0,
				DBUS_GENL_CMD_STATS_GET);
	if (WARN_ON_ONCE(!hdr || dg_stats_put(answer.skb, stats))) {
		nlmsg_free(answer.skb);
		err = -EMSGSIZE;
		goto out;
	}
	genlmsg_end(answer.skb, hdr);
	err = dg_answer_send(&answer);
out:
	kfree(stats);
	return err;
}

#define DG_RESERVED_TEXT "reserved: this version of the module does not do it"

static int dg_cmd_reserved(struct sk_buff *skb, struct genl_info *info)
{
	NL_SET_ERR_MSG(info->extack, DG_RESERVED_TEXT);
	return -EOPNOTSUPP;
}

/* Not in .start, whose errors have no extack on 6.1: this one comes with DONE. */
static int dg_dump_reserved(struct sk_buff *skb, struct netlink_callback *cb)
{
	NL_SET_ERR_MSG(cb->extack, DG_RESERVED_TEXT);
	return -EOPNOTSUPP;
}

/* Every request comes through here, to be checked and counted alike. */
static int dg_request(struct sk_buff *skb, struct genl_info *info,
		      int (*cmd)(struct sk_buff *skb, struct genl_info *info))
{
	int err;

	err = dg_check_attrs(info);
	if (!err)
		err = cmd(skb, info);
	if (err)
		atomic64_inc(&dg_net_of(genl_info_net(info))->refused);
	return err;
}

#define DG_DOIT(name)							\
static int dg_doit_##name(struct sk_buff *skb, struct genl_info *info)	\
{									\
	return dg_request(skb, info, dg_cmd_##name);			\
}

DG_DOIT(connect)
DG_DOIT(send)
DG_DOIT(pull)
DG_DOIT(fd_claim)
DG_DOIT(bus_create)
DG_DOIT(bus_destroy)
DG_DOIT(policy_set)
DG_DOIT(stats_get)
DG_DOIT(reserved)

#define DG_RESERVED(name)						\
	{								\
		.cmd = DBUS_GENL_CMD_##name,				\
		.doit = dg_doit_reserved,				\
	}

#define DG_RESERVED_DUMP(name)						\
	{								\
		.cmd = DBUS_GENL_CMD_##name,				\
		.doit = dg_doit_reserved,				\
		.dumpit = dg_dump_reserved,				\
	}

static const struct genl_ops dg_genl_ops[] = {
	{
		.cmd = DBUS_GENL_CMD_CONNECT,
		.doit = dg_doit_connect,
		.policy = dg_connect_policy,
		.maxattr = DBUS_GENL_BUS_A_MAX,
	},
	{
		.cmd = DBUS_GENL_CMD_SEND,
		.doit = dg_doit_send,
		.policy = dg_send_policy,
		.maxattr = DBUS_GENL_MSG_A_MAX,
	},
	{
		.cmd = DBUS_GENL_CMD_PULL,
		.doit = dg_doit_pull,
	},
	{
		.cmd = DBUS_GENL_CMD_FD_CLAIM,
		.doit = dg_doit_fd_claim,
		.policy = dg_claim_policy,
		.maxattr = DBUS_GENL_MSG_A_MAX,
	},
	{
		.cmd = DBUS_GENL_CMD_BUS_CREATE,
		.doit = dg_doit_bus_create,
		.policy = dg_create_policy,
		.maxattr = DBUS_GENL_BUS_A_MAX,
	},
	{
		.cmd = DBUS_GENL_CMD_BUS_DESTROY,
		.doit = dg_doit_bus_destroy,
		.policy = dg_bus_policy,
		.maxattr = DBUS_GENL_BUS_A_MAX,
	},
	{
		.cmd = DBUS_GENL_CMD_BUS_GET,
		.dumpit = dg_dump_buses,
	},
	{
		.cmd = DBUS_GENL_CMD_STATS_GET,
		.doit = dg_doit_stats_get,
	},
	{
		.cmd = DBUS_GENL_CMD_POLICY_SET,
		.doit = dg_doit_policy_set,
		.policy = dg_policy_set_attrs,
		.maxattr = DBUS_GENL_BUS_A_MAX,
	},
	DG_RESERVED(ACTIVATE),
	DG_RESERVED_DUMP(PEER_GET),
	DG_RESERVED_DUMP(NAME_GET),
	DG_RESERVED_DUMP(MATCH_GET),
};

struct genl_family dg_genl_family __ro_after_init = {
	.name = DBUS_GENL_NAME,
	.version = DBUS_GENL_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.ops = dg_genl_ops,
	.n_ops = ARRAY_SIZE(dg_genl_ops),
};

int dg_netlink_register(void)
{
	return genl_register_family(&dg_genl_family);
}

void dg_netlink_unregister(void)
{
	genl_unregister_family(&dg_genl_family);
}
