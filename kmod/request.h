/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * request.h - what commands of the family have in common: checks and answers
 */
#ifndef _DG_REQUEST_H
#define _DG_REQUEST_H

#include <linux/uidgid.h>
#include <net/genetlink.h>

struct dg_bus;
struct dg_limits;
struct sock;

int dg_check_attrs(const struct nlmsghdr *nlh, struct netlink_ext_ack *extack);
int dg_check_opener(struct sock *sk, struct netlink_ext_ack *extack);
int dg_check_own(struct sock *sk, struct netlink_ext_ack *extack);
bool dg_is_admin(struct sk_buff *skb, struct sock *sk);
int dg_get_bus_of(struct sock *sk, struct nlattr **attrs,
		  struct netlink_ext_ack *extack, const char **name,
		  kuid_t *uid);

/* Which bus a request is about; its sender must be the socket's opener. */
static inline int dg_get_bus(struct sock *sk, struct genl_info *info,
			     const char **name, kuid_t *uid)
{
	return dg_get_bus_of(sk, info->attrs, info->extack, name, uid);
}

struct dg_bus *dg_get_own_bus(struct sk_buff *skb, struct nlattr **attrs,
			      struct netlink_ext_ack *extack);

struct dg_bus *dg_get_controlled(struct sk_buff *skb, struct genl_info *info);

/**
 * struct dg_blob_attrs - something long, in an attribute or in a file
 * @inlined: the attribute that has it
 * @fd: the attribute that has a file's fd; one of the two there must be
 * @max: longest one, in bytes
 */
struct dg_blob_attrs {
	const struct nlattr *inlined;
	const struct nlattr *fd;
	size_t max;
};

void *dg_get_blob(const struct dg_blob_attrs *attrs, size_t *len,
		  struct netlink_ext_ack *extack);
void dg_complain(struct netlink_ext_ack *extack, const struct nlattr *attr,
		 const char *why, const u32 *where, size_t size);

u32 dg_uid_for_caller(kuid_t uid);
int dg_bus_put_attrs(struct sk_buff *skb, const struct dg_bus *bus);
int dg_bus_put_limits(struct sk_buff *skb, const struct dg_limits *limits);

/**
 * struct dg_answer - an answer on its way to who asked
 * @info: the request
 * @skb: the answer
 */
struct dg_answer {
	struct genl_info *info;
	struct sk_buff *skb;
};

int dg_answer_send(void *data);

#endif /* _DG_REQUEST_H */
