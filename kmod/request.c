// SPDX-License-Identifier: GPL-2.0-only
/*
 * request.c - what commands of the family have in common: checks and answers
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/dbus_genl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "bus.h"
#include "compat/compat.h"
#include "request.h"

/*
 * What nla_parse() lets through: attributes that are repeated, that have flag
 * bits in their type, a PAD that pads nothing.
 */
int dg_check_attrs(const struct nlmsghdr *nlh, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr, *pad = NULL;
	unsigned long seen = 0;
	int rem;

	BUILD_BUG_ON(DBUS_GENL_MSG_A_MAX >= BITS_PER_LONG);
	BUILD_BUG_ON(DBUS_GENL_BUS_A_MAX >= BITS_PER_LONG);

	nlmsg_for_each_attr(attr, nlh, GENL_HDRLEN, rem) {
		/* Where that flag has no place, the policy has refused it. */
		u16 type = attr->nla_type & ~NLA_F_NESTED;

		if (type >= BITS_PER_LONG) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "attribute has flag bits in its type");
			return -EINVAL;
		}
		if (seen & BIT(type)) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "attribute is repeated");
			return -EINVAL;
		}
		if (pad && type != DBUS_GENL_MSG_A_BODY) {
			NL_SET_ERR_MSG_ATTR(extack, pad,
					    "PAD is not right before BODY");
			return -EINVAL;
		}
		seen |= BIT(type);
		pad = type == DBUS_GENL_MSG_A_PAD ? attr : NULL;
	}
	if (pad) {
		NL_SET_ERR_MSG_ATTR(extack, pad,
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
int dg_check_opener(struct sock *sk, struct netlink_ext_ack *extack)
{
	struct file *file = sk->sk_socket ? sk->sk_socket->file : NULL;

	if (file && uid_eq(file->f_cred->euid, current_euid()))
		return 0;

	NL_SET_ERR_MSG(extack, "socket was opened by another user");
	return -EPERM;
}

/*
 * A peer is known by its groups, its label and its process, too, so who connects
 * must have opened the socket: with these very credentials, of which fork and
 * exec make new ones.  A program that is handed a socket and made to write to
 * it thus lends it nothing of this, whatever it has more than its user.
 */
int dg_check_own(struct sock *sk, struct netlink_ext_ack *extack)
{
	struct file *file = sk->sk_socket ? sk->sk_socket->file : NULL;

	if (file && file->f_cred == current_cred())
		return 0;

	NL_SET_ERR_MSG(extack,
		       "socket was opened by another process or with other credentials");
	return -EPERM;
}

/* CAP_NET_ADMIN over the net namespace, of who opened and who uses the socket. */
bool dg_is_admin(struct sk_buff *skb, struct sock *sk)
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
static int dg_get_bus_name(struct nlattr **attrs,
			   struct netlink_ext_ack *extack, const char **name,
			   kuid_t *uid)
{
	struct nlattr *attr = attrs[DBUS_GENL_BUS_A_NAME];

	if (!attr) {
		NL_SET_ERR_MSG(extack, "NAME is missing");
		NL_SET_ERR_ATTR_MISS(extack, NULL, DBUS_GENL_BUS_A_NAME);
		return -EINVAL;
	}
	*name = nla_data(attr);
	if (!dg_bus_name_ok(*name, nla_len(attr) - 1)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "NAME is not a name of a bus");
		return -EINVAL;
	}

	*uid = current_euid();
	attr = attrs[DBUS_GENL_BUS_A_UID];
	if (attr && !dg_bus_is_system(*name)) {
		*uid = make_kuid(current_user_ns(), nla_get_u32(attr));
		if (!uid_valid(*uid)) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "UID is not mapped in this user namespace");
			return -EINVAL;
		}
	}
	return 0;
}

/**
 * dg_get_bus_of() - which bus a request is about
 * @sk: the request's socket; its opener must be who asks
 * @attrs: the request's attributes
 * @extack: where to say what is wrong
 * @name: set to the bus's name
 * @uid: set to its user
 *
 * Return: 0, -EINVAL, -EPERM.
 */
int dg_get_bus_of(struct sock *sk, struct nlattr **attrs,
		  struct netlink_ext_ack *extack, const char **name,
		  kuid_t *uid)
{
	return dg_get_bus_name(attrs, extack, name, uid) ?:
	       dg_check_opener(sk, extack);
}

/**
 * dg_get_own_bus() - the bus of a request that only its user may make
 * @skb: the request
 * @attrs: its attributes
 * @extack: where to say what is wrong
 *
 * Return: the bus, referenced, for the bus's user or who has CAP_NET_ADMIN; or
 * ERR_PTR: -EINVAL, -EPERM, -ENOENT.
 */
struct dg_bus *dg_get_own_bus(struct sk_buff *skb, struct nlattr **attrs,
			      struct netlink_ext_ack *extack)
{
	struct sock *sk = NETLINK_CB(skb).sk;
	struct dg_bus *bus;
	const char *name;
	kuid_t uid;
	int err;

	err = dg_get_bus_of(sk, attrs, extack, &name, &uid);
	if (err)
		return ERR_PTR(err);

	bus = dg_bus_find(sock_net(sk), name, uid);
	if (!bus) {
		NL_SET_ERR_MSG(extack, "no such bus");
		return ERR_PTR(-ENOENT);
	}
	if (!uid_eq(bus->uid, current_euid()) && !dg_is_admin(skb, sk)) {
		NL_SET_ERR_MSG(extack,
			       "the bus is another user's; CAP_NET_ADMIN is needed");
		dg_bus_put(bus);
		return ERR_PTR(-EPERM);
	}
	return bus;
}

/**
 * dg_get_controlled() - the bus of a request that only its controller may make
 * @skb: the request
 * @info: likewise
 *
 * Return: the bus, referenced; or ERR_PTR(-EPERM).
 */
struct dg_bus *dg_get_controlled(struct sk_buff *skb, struct genl_info *info)
{
	struct sock *sk = NETLINK_CB(skb).sk;
	struct dg_bus *bus;
	int err;

	err = dg_check_opener(sk, info->extack);
	if (err)
		return ERR_PTR(err);
	bus = dg_bus_controlled(sk, info->snd_portid);
	if (bus)
		return bus;
	NL_SET_ERR_MSG(info->extack,
		       "the socket is not the controller of a bus");
	return ERR_PTR(-EPERM);
}

/*
 * Files in memory alone: reading others may wait for a device or, worse, for a
 * user's process, and all of generic netlink would wait with it.
 */
static void *dg_read_blob(const struct dg_blob_attrs *attrs, size_t *len,
			  struct netlink_ext_ack *extack)
{
	struct file *file = fget(nla_get_s32(attrs->fd));
	ssize_t done = 0, part;
	void *blob = NULL;
	loff_t size, pos = 0;
	int err;

	if (!file) {
		NL_SET_ERR_MSG_ATTR(extack, attrs->fd, "not an open fd");
		return ERR_PTR(-EBADF);
	}
	err = -EINVAL;
	if (!dg_compat_is_shmem(file) || !S_ISREG(file_inode(file)->i_mode) ||
	    !(file->f_mode & FMODE_READ)) {
		NL_SET_ERR_MSG_ATTR(extack, attrs->fd,
				    "not an fd of a memfd, nor of a readable file of a tmpfs");
		goto out;
	}
	size = i_size_read(file_inode(file));
	if (size > attrs->max) {
		NL_SET_ERR_MSG_ATTR(extack, attrs->fd, "the file is too long");
		err = -EMSGSIZE;
		goto out;
	}

	err = -ENOMEM;
	blob = kvmalloc(size + 1, GFP_KERNEL_ACCOUNT);
	if (!blob)
		goto out;
	while (done < size) {
		part = kernel_read(file, blob + done, size - done, &pos);
		if (part <= 0) {
			NL_SET_ERR_MSG_ATTR(extack, attrs->fd,
					    "the file can't be read to its end");
			err = part < 0 ? part : -EINVAL;
			goto out;
		}
		done += part;
	}
	*len = size;
	err = 0;
out:
	fput(file);
	if (!err)
		return blob;
	kvfree(blob);
	return ERR_PTR(err);
}

/**
 * dg_get_blob() - a copy of something long that a controller gives
 * @attrs: where it is
 * @len: set to its length
 * @extack: where to say what is wrong
 *
 * Return: the copy, for kvfree(); or ERR_PTR: -EINVAL, -EBADF, -EMSGSIZE,
 * -ENOMEM, or what reading says.
 */
void *dg_get_blob(const struct dg_blob_attrs *attrs, size_t *len,
		  struct netlink_ext_ack *extack)
{
	void *blob;

	if (!attrs->inlined == !attrs->fd) {
		NL_SET_ERR_MSG(extack,
			       "not exactly one of the attribute with it and the one with its file");
		return ERR_PTR(-EINVAL);
	}
	if (attrs->fd)
		return dg_read_blob(attrs, len, extack);

	*len = nla_len(attrs->inlined);
	blob = kvmalloc(*len + 1, GFP_KERNEL_ACCOUNT);
	if (!blob)
		return ERR_PTR(-ENOMEM);
	memcpy(blob, nla_data(attrs->inlined), *len);
	return blob;
}

/* What is wrong with it, and where in it: NLMSGERR_ATTR_COOKIE. */
void dg_complain(struct netlink_ext_ack *extack, const struct nlattr *attr,
		 const char *why, const u32 *where, size_t size)
{
	if (!extack || WARN_ON_ONCE(size > NETLINK_MAX_COOKIE_LEN))
		return;

	extack->_msg = why;
	extack->bad_attr = attr;
	memcpy(extack->cookie, where, size);
	extack->cookie_len = size;
}

u32 dg_uid_for_caller(kuid_t uid)
{
	return from_kuid_munged(current_user_ns(), uid);
}

int dg_bus_put_attrs(struct sk_buff *skb, const struct dg_bus *bus)
{
	return nla_put_string(skb, DBUS_GENL_BUS_A_NAME, bus->name) ?:
	       nla_put_u32(skb, DBUS_GENL_BUS_A_UID,
			   dg_uid_for_caller(bus->uid)) ?:
	       nla_put_string(skb, DBUS_GENL_BUS_A_GUID, bus->guid);
}

int dg_bus_put_limits(struct sk_buff *skb, const struct dg_limits *limits)
{
	struct nlattr *nest = nla_nest_start(skb, DBUS_GENL_BUS_A_LIMITS);

	if (!nest || dg_limits_put(skb, limits))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* For dg_peer_join(): netlink_unicast() takes the skb, whatever it returns. */
int dg_answer_send(void *data)
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
