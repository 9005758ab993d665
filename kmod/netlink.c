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
#include <linux/sched/signal.h>
#include <net/genetlink.h>

#include "activate_cmd.h"
#include "bus.h"
#include "claim.h"
#include "compat/compat.h"
#include "dump.h"
#include "endpoint.h"
#include "expiry.h"
#include "fds.h"
#include "limits.h"
#include "message.h"
#include "netlink.h"
#include "packet.h"
#include "peer.h"
#include "quota.h"
#include "policy_bus.h"
#include "queue.h"
#include "request.h"
#include "route.h"
#include "trace.h"

/* Before 6.1, a command without a policy lets every attribute through. */
static const struct nla_policy dg_no_attrs[] = {
	[DBUS_GENL_STATS_A_PAD] = { .type = NLA_REJECT },
};

static const struct nla_policy dg_send_policy[DBUS_GENL_MSG_A_MAX + 1] = {
	[DBUS_GENL_MSG_A_PAD] = NLA_POLICY_EXACT_LEN(0),
	[DBUS_GENL_MSG_A_SENDER] = { .type = NLA_U64 },
	[DBUS_GENL_MSG_A_TYPE] = NLA_POLICY_MIN(NLA_U8, DG_MSG_CALL),
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

static const struct nla_policy dg_limits_set_policy[DBUS_GENL_BUS_A_MAX + 1] = {
	[DBUS_GENL_BUS_A_NAME] = { .type = NLA_NUL_STRING,
				   .len = DBUS_GENL_BUS_NAME_MAX },
	[DBUS_GENL_BUS_A_UID] = { .type = NLA_U32 },
	[DBUS_GENL_BUS_A_LIMITS] = { .type = NLA_NESTED },
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
	[DBUS_GENL_BUS_A_PIDFD] = { .type = NLA_S32 },
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

/* A socket that had this one's port id may not have been told of yet. */
static void dg_bury_stale(struct sock *sk, u32 portid)
{
	struct dg_endpoint *ep;

	while ((ep = dg_endpoint_find_stale(sk, portid))) {
		dg_endpoint_gone(ep);
		dg_endpoint_put(ep);
	}
}

static struct sk_buff *dg_connect_answer(struct genl_info *info,
					 const struct dg_bus *bus)
{
	u32 size = dg_limit(&bus->limits, DBUS_GENL_LIMIT_A_MAX_MESSAGE_SIZE);
	u32 fds = dg_limit(&bus->limits,
			   DBUS_GENL_LIMIT_A_MAX_MESSAGE_UNIX_FDS);
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
				     min_t(u32, size, DG_MESSAGE_SIZE_MAX)) ||
			 nla_put_u32(skb, DBUS_GENL_BUS_A_MAX_FDS, fds) ||
			 nla_put_u32(skb, DBUS_GENL_BUS_A_MAX_BODY_FD_SIZE,
				     size))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, hdr);
	return skb;
}

/* Sets @pidfd to the request's PIDFD, to be put, or to NULL if it has none. */
static int dg_get_pidfd(struct genl_info *info, struct file **pidfd)
{
	const struct nlattr *attr = info->attrs[DBUS_GENL_BUS_A_PIDFD];
	struct file *file;

	*pidfd = NULL;
	if (!attr)
		return 0;

	file = fget(nla_get_s32(attr));
	if (!file) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "PIDFD is not an open fd");
		return -EBADF;
	}
	if (!dg_compat_is_pidfd_of(file, task_tgid(current))) {
		fput(file);
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "PIDFD is not a pidfd of the calling process");
		return -EINVAL;
	}
	*pidfd = file;
	return 0;
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

	err = dg_get_pidfd(info, &peer->pidfd) ?:
	      dg_peer_join(peer, dg_answer_send, &answer);
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
			       "too many peers of this user have not said Hello");
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

	err = dg_get_bus(sk, info, &name, &uid) ?:
	      dg_check_own(sk, info->extack);
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

/* max_message_size and max_message_unix_fds of the bus. */
static int dg_check_size(const struct dg_bus *bus, struct genl_info *info,
			 const struct dg_msg *msg)
{
	u32 fds = dg_limit(&bus->limits,
			   DBUS_GENL_LIMIT_A_MAX_MESSAGE_UNIX_FDS);
	u32 size = genlmsg_len(info->genlhdr);

	if (msg->fds && msg->fds->n > fds) {
		NL_SET_ERR_MSG(info->extack, "more fds than MAX_FDS");
		return -ERANGE;
	}
	if (msg->fds)
		size = max(size, msg->fds->body_len);
	if (size > dg_limit(&bus->limits,
			    DBUS_GENL_LIMIT_A_MAX_MESSAGE_SIZE)) {
		NL_SET_ERR_MSG(info->extack,
			       "larger than the bus's max_message_size");
		return -EMSGSIZE;
	}
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

	err = dg_check_size(peer->bus, info, &msg);
	if (err)
		goto out_fds;

	err = -ENOMEM;
	packet = dg_packet_from_request(skb, info->nlhdr,
					dg_user_pays_for_packets(peer->user));
	if (!packet)
		goto out_fds;

	trace_dg_send(peer, &msg);
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
	if (peer) {
		err = dg_queue_pull(peer);
		dg_peer_put(peer);
	} else {
		err = dg_cmd_pull_requests(skb, info);
	}
	if (err == -ENOTCONN)
		dg_not_connected(info);
	else if (err == -ENOBUFS)
		NL_SET_ERR_MSG(info->extack, "the socket is full: read first");
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
	struct dg_bus *bus = dg_get_own_bus(skb, info->attrs, info->extack);

	if (IS_ERR(bus))
		return PTR_ERR(bus);

	dg_bus_destroy(genl_info_net(info), bus);
	dg_bus_put(bus);
	return 0;
}

static int dg_limits_answer(struct genl_info *info, const struct dg_bus *bus,
			    const struct dg_limits *limits)
{
	struct dg_answer answer = { .info = info };
	void *hdr;

	/* The bus is locked: see alloc.h. */
	answer.skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!answer.skb)
		return -ENOMEM;

	hdr = genlmsg_put_reply(answer.skb, info, &dg_genl_family, 0,
				DBUS_GENL_CMD_LIMITS_SET);
	if (WARN_ON_ONCE(!hdr || dg_bus_put_attrs(answer.skb, bus) ||
			 dg_bus_put_limits(answer.skb, limits))) {
		nlmsg_free(answer.skb);
		return -EMSGSIZE;
	}
	genlmsg_end(answer.skb, hdr);
	return dg_answer_send(&answer);
}

static int dg_cmd_limits_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *nest = info->attrs[DBUS_GENL_BUS_A_LIMITS];
	struct dg_limits limits;
	struct dg_bus *bus;
	int err;

	if (!nest) {
		NL_SET_ERR_MSG(info->extack, "LIMITS is missing");
		return -EINVAL;
	}
	bus = dg_get_own_bus(skb, info->attrs, info->extack);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	down_write(&bus->lock);
	limits = bus->limits;
	err = dg_limits_decode(&limits, nest, info->extack);
	/* Before they are in force: who gets an error has changed nothing. */
	if (!err)
		err = dg_limits_answer(info, bus, &limits);
	if (!err)
		dg_limits_set(&bus->limits, &limits);
	up_write(&bus->lock);
	if (!err)
		dg_bus_limits_changed(bus);
	dg_bus_put(bus);
	return err;
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

static int dg_cmd_not_a_dump(struct sk_buff *skb, struct genl_info *info)
{
	NL_SET_ERR_MSG(info->extack, "a dump: NLM_F_DUMP is missing");
	return -EOPNOTSUPP;
}

/* A message counts as its sender's and its bus's, other requests do here. */
static void dg_count_refused(struct sk_buff *skb, struct genl_info *info,
			     int err)
{
	const struct nlattr *serial;
	struct dg_peer *peer = NULL;

	if (info->genlhdr->cmd == DBUS_GENL_CMD_SEND)
		peer = dg_peer_find(NETLINK_CB(skb).sk, info->snd_portid);
	if (!peer) {
		atomic64_inc(&dg_net_of(genl_info_net(info))->refused);
		return;
	}
	serial = info->attrs[DBUS_GENL_MSG_A_SERIAL];
	dg_peer_refused(peer, serial ? nla_get_u32(serial) : 0, "", err);
	dg_peer_put(peer);
}

/* Every request comes through here, to be checked and counted alike. */
static int dg_request(struct sk_buff *skb, struct genl_info *info,
		      int (*cmd)(struct sk_buff *skb, struct genl_info *info))
{
	int err;

	/*
	 * One sendmsg() may have thousands, which whoever kills the task would
	 * wait for.
	 */
	if (fatal_signal_pending(current))
		return -EINTR;

	err = dg_check_attrs(info->nlhdr, info->extack);
	if (!err)
		err = cmd(skb, info);
	if (err)
		dg_count_refused(skb, info, err);
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
DG_DOIT(limits_set)
DG_DOIT(activatable_set)
DG_DOIT(activate)
DG_DOIT(not_a_dump)

/* The controller's answer to a request. */
#define DG_ANSWER(name)							\
	{								\
		.cmd = DBUS_GENL_CMD_##name,				\
		.doit = dg_doit_activate,				\
		.policy = dg_activate_attrs,				\
		.maxattr = DBUS_GENL_ACTIVATE_A_MAX,			\
	}

#define DG_DUMP(name, what)						\
	{								\
		.cmd = DBUS_GENL_CMD_##name,				\
		.doit = dg_doit_not_a_dump,				\
		.start = dg_dump_start_##what,				\
		.dumpit = dg_dump_##what,				\
		.done = dg_dump_done,					\
		.policy = dg_bus_policy,				\
		.maxattr = DBUS_GENL_BUS_A_MAX,				\
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
		.policy = dg_no_attrs,
		.maxattr = ARRAY_SIZE(dg_no_attrs) - 1,
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
		.policy = dg_no_attrs,
		.maxattr = ARRAY_SIZE(dg_no_attrs) - 1,
	},
	{
		.cmd = DBUS_GENL_CMD_STATS_GET,
		.doit = dg_doit_stats_get,
		.policy = dg_no_attrs,
		.maxattr = ARRAY_SIZE(dg_no_attrs) - 1,
	},
	{
		.cmd = DBUS_GENL_CMD_LIMITS_SET,
		.doit = dg_doit_limits_set,
		.policy = dg_limits_set_policy,
		.maxattr = DBUS_GENL_BUS_A_MAX,
	},
	{
		.cmd = DBUS_GENL_CMD_POLICY_SET,
		.doit = dg_doit_policy_set,
		.policy = dg_policy_set_attrs,
		.maxattr = DBUS_GENL_BUS_A_MAX,
	},
	{
		.cmd = DBUS_GENL_CMD_ACTIVATABLE_SET,
		.doit = dg_doit_activatable_set,
		.policy = dg_activatable_attrs,
		.maxattr = DBUS_GENL_BUS_A_MAX,
	},
	DG_ANSWER(ACTIVATE),
	DG_ANSWER(RELOAD),
	DG_ANSWER(ENVIRONMENT),
	DG_DUMP(PEER_GET, peers),
	DG_DUMP(NAME_GET, names),
	DG_DUMP(MATCH_GET, rules),
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
