/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink attributes, to the interface of the kernel's net/netlink.h. */
#ifndef HOSTKERNEL_NET_NETLINK_H
#define HOSTKERNEL_NET_NETLINK_H

#include <linux/netlink.h>
#include <linux/string.h>

static inline void *nla_data(const struct nlattr *attr)
{
	return (char *)attr + NLA_HDRLEN;
}

static inline int nla_len(const struct nlattr *attr)
{
	return attr->nla_len - NLA_HDRLEN;
}

static inline u8 nla_get_u8(const struct nlattr *attr)
{
	return *(u8 *)nla_data(attr);
}

static inline u32 nla_get_u32(const struct nlattr *attr)
{
	return *(u32 *)nla_data(attr);
}

static inline bool nla_ok(const struct nlattr *attr, int rem)
{
	return rem >= (int)sizeof(*attr) && attr->nla_len >= sizeof(*attr) &&
	       attr->nla_len <= rem;
}

static inline struct nlattr *nla_next(const struct nlattr *attr, int *rem)
{
	unsigned int len = NLA_ALIGN(attr->nla_len);

	*rem -= len;
	return (struct nlattr *)((char *)attr + len);
}

#define nla_for_each_attr(pos, head, len, rem)               \
	for (pos = (head), rem = (len); nla_ok(pos, rem);    \
	     pos = nla_next(pos, &(rem)))

#define nla_for_each_nested(pos, nla, rem) \
	nla_for_each_attr(pos, nla_data(nla), nla_len(nla), rem)

#endif
