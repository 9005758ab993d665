// SPDX-License-Identifier: GPL-2.0-only
/*
 * packet.c - makes packets: of a SEND, of the driver's own messages
 *
 * A SEND has the layout of a MESSAGE, so the packet is a clone of the request's
 * own sk_buff where that can be, and shares its bytes with all receivers: they
 * are written to once, by dg_packet_stamp(), and never again.
 */
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <net/genetlink.h>

#include "alloc.h"
#include "fds.h"
#include "message.h"
#include "netlink.h"
#include "packet.h"

/* Where SENDER is, the first attribute of every message. */
#define DG_SENDER_OFFSET	(NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN)

/* Bytes of a large message's copy that are kept in the sk_buff's head. */
#define DG_PACKET_HEAD		256

/*
 * Of @size bytes, charged if that can be at once; else as @gfp says.  What is
 * large is so at first: so many pages in a row are seldom there at once.
 */
static struct sk_buff *dg_packet_alloc(size_t size, gfp_t gfp)
{
	if (size > NLMSG_GOODSIZE)
		return alloc_skb(size, gfp);
	return dg_alloc_twice(gfp, alloc_skb(size, DG_GFP_NOW),
			      alloc_skb(size, gfp));
}

/*
 * A generic netlink message with room for @payload, to be filled in and given to
 * dg_packet_done() if that may be much; NULL if memory is short.
 */
struct sk_buff *dg_packet_new(size_t payload)
{
	return dg_packet_alloc(nlmsg_total_size(genlmsg_total_size(payload)),
			       DG_GFP_LOCKED);
}

/* For one of several receivers: it shares the bytes, which nobody may change. */
struct sk_buff *dg_packet_clone(struct sk_buff *packet, gfp_t gfp)
{
	return dg_alloc_twice(gfp, skb_clone(packet, DG_GFP_NOW),
			      skb_clone(packet, gfp));
}

/* A copy, which dg_packet_stamp() may change; NULL if memory is short. */
struct sk_buff *dg_packet_dup(struct sk_buff *packet)
{
	return dg_alloc_twice(DG_GFP_LOCKED, pskb_copy(packet, DG_GFP_NOW),
			      pskb_copy(packet, DG_GFP_LOCKED));
}

/* A copy; what is large is in pages.  NULL if memory is short. */
static struct sk_buff *dg_packet_copy(const struct nlmsghdr *nlh, gfp_t gfp)
{
	u32 len = nlh->nlmsg_len;
	u32 head = len <= NLMSG_GOODSIZE ? len : DG_PACKET_HEAD;
	struct sk_buff *packet;
	int err;

	packet = alloc_skb_with_frags(head, len - head,
				      PAGE_ALLOC_COSTLY_ORDER, &err, gfp);
	if (!packet)
		return NULL;

	skb_put(packet, head);
	packet->data_len = len - head;
	packet->len += len - head;
	if (WARN_ON_ONCE(skb_store_bits(packet, 0, nlh, len))) {
		kfree_skb(packet);
		return NULL;
	}
	return packet;
}

/*
 * A packet from dg_packet_alloc() has been filled in: the same, if it is large in
 * charged pages, if these can be had at once.
 */
struct sk_buff *dg_packet_done(struct sk_buff *packet)
{
	struct sk_buff *copy;

	if (packet->len <= NLMSG_GOODSIZE)
		return packet;
	copy = dg_packet_copy(nlmsg_hdr(packet), DG_GFP_NOW);
	if (!copy)
		return packet;
	kfree_skb(packet);
	return copy;
}

/**
 * dg_packet_from_request() - the packet of a SEND
 * @skb: the request; its data is at @nlh
 * @nlh: its header; what it says of its length has been checked
 * @charged: whether its bytes are to be charged to the running task's cgroup:
 *	netlink has not done so with the request's
 *
 * The request stays as it is until dg_packet_stamp().
 *
 * Return: the packet, or NULL if memory is short.
 */
struct sk_buff *dg_packet_from_request(struct sk_buff *skb,
				       const struct nlmsghdr *nlh, bool charged)
{
	struct sk_buff *packet;

	/*
	 * netlink_alloc_large_skb() gives requests above a page a vmalloc'ed
	 * head, and a destructor that frees it: another destructor, such as a
	 * receiving socket's, would hand it to kfree().  Cloned means that
	 * others read these bytes: a netlink tap, or the receivers of an earlier
	 * message in the same sendmsg().  No socket takes what comes from the
	 * reserves that a dying task may use.
	 */
	if (charged || is_vmalloc_addr(skb->head) || skb_cloned(skb) ||
	    skb_pfmemalloc(skb)) {
		packet = dg_packet_copy(nlh, DG_GFP_UNLOCKED);
	} else {
		packet = skb_clone(skb, DG_GFP_UNLOCKED);
		if (packet)
			skb_trim(packet, nlh->nlmsg_len);
	}
	if (!packet)
		return NULL;

	/* Not the sender's port id and credentials: it comes from the kernel. */
	memset(packet->cb, 0, sizeof(packet->cb));
	return packet;
}

/**
 * dg_packet_stamp() - make the packet of a SEND a MESSAGE
 * @packet: from dg_packet_from_request()
 * @sender: id of the sender
 *
 * This writes to the request itself, which netlink looks at again after us: at
 * nlmsg_len to go on, at nlmsg_flags to see whether to acknowledge, and at all
 * of it to send it back with an error.  So flags, length and sequence number
 * stay, and nothing that is stamped may be refused with an errno any more.
 */
void dg_packet_stamp(struct sk_buff *packet, u64 sender)
{
	struct nlmsghdr *nlh = nlmsg_hdr(packet);
	struct genlmsghdr *genlh = nlmsg_data(nlh);

	nlh->nlmsg_pid = 0;
	genlh->cmd = DBUS_GENL_CMD_MESSAGE;
	genlh->version = DBUS_GENL_VERSION;
	memcpy((u8 *)nlh + DG_SENDER_OFFSET, &sender, sizeof(sender));
}

/* Reads what a stamped or composed packet says; it need not be in its head. */
void dg_packet_identify(const struct sk_buff *packet, struct dg_packet_id *id)
{
	int at = NLMSG_HDRLEN + GENL_HDRLEN;
	const struct nlattr *attr;
	struct nlattr hdr;

	memset(id, 0, sizeof(*id));
	id->bytes = packet->len;
	skb_copy_bits(packet, DG_SENDER_OFFSET, &id->sender,
		      sizeof(id->sender));
	while ((attr = skb_header_pointer(packet, at, sizeof(hdr), &hdr))) {
		if (attr->nla_type == DBUS_GENL_MSG_A_SERIAL) {
			skb_copy_bits(packet, at + NLA_HDRLEN, &id->serial,
				      sizeof(id->serial));
			return;
		}
		at += NLA_ALIGN(max_t(int, attr->nla_len, NLA_HDRLEN));
	}
}

static size_t dg_string_size(const char *s)
{
	return s ? nla_total_size(strlen(s) + 1) : 0;
}

static bool dg_body_is_file(const struct dg_msg *msg)
{
	return msg->fds && msg->fds->body;
}

static size_t dg_message_size(const struct dg_msg *msg)
{
	size_t size;

	size = GENL_HDRLEN + nla_total_size(sizeof(u64)) +
	       2 * nla_total_size(sizeof(u8)) + 2 * nla_total_size(sizeof(u32));
	size += dg_string_size(msg->path) + dg_string_size(msg->interface) +
		dg_string_size(msg->member) + dg_string_size(msg->error_name) +
		dg_string_size(msg->destination) +
		dg_string_size(msg->signature);
	if (msg->fds)
		size += nla_total_size(msg->fds->n * sizeof(s32));
	if (dg_body_is_file(msg))
		size += nla_total_size(sizeof(s32));
	else if (msg->body_len)
		size += nla_total_size(0) + nla_total_size(msg->body_len);
	return nlmsg_total_size(size);
}

static int dg_put_string(struct sk_buff *skb, int attr, const char *s)
{
	return s ? nla_put_string(skb, attr, s) : 0;
}

/* Numbers that mean nothing, as in what a sender sent; how many does. */
static int dg_put_fds(struct sk_buff *skb, const struct dg_msg *msg)
{
	struct nlattr *attr;

	if (!msg->fds || !msg->fds->n)
		return 0;

	attr = nla_reserve(skb, DBUS_GENL_MSG_A_FDS,
			   msg->fds->n * sizeof(s32));
	if (!attr)
		return -EMSGSIZE;
	memset(nla_data(attr), 0, nla_len(attr));
	return 0;
}

static int dg_put_body(struct sk_buff *skb, const struct dg_msg *msg)
{
	/* Likewise. */
	if (dg_body_is_file(msg))
		return nla_put_s32(skb, DBUS_GENL_MSG_A_BODY_FD, 0);
	if (!msg->body_len)
		return 0;

	/* The body is a multiple of 8 from the nlmsghdr: after its own header. */
	if (IS_ALIGNED(skb->len, 8) && !nla_reserve(skb, DBUS_GENL_MSG_A_PAD, 0))
		return -EMSGSIZE;
	return nla_put(skb, DBUS_GENL_MSG_A_BODY, msg->body_len, msg->body);
}

/**
 * dg_packet_compose() - the packet of a message that the driver sends
 * @msg: the message; at most DBUS_GENL_ATTR_MAX bytes of body, unless that is
 *	its file
 * @gfp: how to allocate
 *
 * Return: the packet, or NULL if memory is short.
 */
struct sk_buff *dg_packet_compose(const struct dg_msg *msg, gfp_t gfp)
{
	struct sk_buff *skb;
	void *hdr;

	if (WARN_ON_ONCE(msg->body_len > DBUS_GENL_ATTR_MAX &&
			 !dg_body_is_file(msg)))
		return NULL;

	skb = dg_packet_alloc(dg_message_size(msg), gfp);
	if (!skb)
		return NULL;

	hdr = genlmsg_put(skb, 0, 0, &dg_genl_family, 0, DBUS_GENL_CMD_MESSAGE);
	if (WARN_ON_ONCE(!hdr ||
			 nla_put(skb, DBUS_GENL_MSG_A_SENDER,
				 sizeof(msg->sender), &msg->sender) ||
			 nla_put_u8(skb, DBUS_GENL_MSG_A_TYPE, msg->type) ||
			 nla_put_u8(skb, DBUS_GENL_MSG_A_FLAGS, msg->flags) ||
			 nla_put_u32(skb, DBUS_GENL_MSG_A_SERIAL, msg->serial) ||
			 (msg->reply_serial &&
			  nla_put_u32(skb, DBUS_GENL_MSG_A_REPLY_SERIAL,
				      msg->reply_serial)) ||
			 dg_put_string(skb, DBUS_GENL_MSG_A_PATH, msg->path) ||
			 dg_put_string(skb, DBUS_GENL_MSG_A_INTERFACE,
				       msg->interface) ||
			 dg_put_string(skb, DBUS_GENL_MSG_A_MEMBER,
				       msg->member) ||
			 dg_put_string(skb, DBUS_GENL_MSG_A_ERROR_NAME,
				       msg->error_name) ||
			 dg_put_string(skb, DBUS_GENL_MSG_A_DESTINATION,
				       msg->destination) ||
			 (*msg->signature &&
			  dg_put_string(skb, DBUS_GENL_MSG_A_SIGNATURE,
					msg->signature)) ||
			 dg_put_fds(skb, msg) ||
			 dg_put_body(skb, msg))) {
		kfree_skb(skb);
		return NULL;
	}
	genlmsg_end(skb, hdr);
	return dg_packet_done(skb);
}

/* An answer to FD_CLAIM, to be filled in; NULL if memory is short. */
struct sk_buff *dg_packet_claimed(void)
{
	return genlmsg_new(nla_total_size(sizeof(u64)) +
			   3 * nla_total_size(sizeof(u32)) +
			   nla_total_size(DG_MESSAGE_FDS_MAX * sizeof(s32)),
			   DG_GFP_UNLOCKED);
}

/**
 * dg_packet_set_claimed() - fill in the answer to FD_CLAIM
 * @packet: from dg_packet_claimed(), which made room for all of it
 * @seq: nlmsg_seq of the request
 * @sender: what it asked for
 * @serial: likewise
 * @installed: what it got
 * @error: why it got nothing, or 0
 */
void dg_packet_set_claimed(struct sk_buff *packet, u32 seq, u64 sender,
			   u32 serial, const struct dg_installed *installed,
			   int error)
{
	void *hdr;

	hdr = genlmsg_put(packet, 0, seq, &dg_genl_family, 0,
			  DBUS_GENL_CMD_FD_CLAIM);
	WARN_ON_ONCE(nla_put(packet, DBUS_GENL_MSG_A_SENDER, sizeof(sender),
			     &sender) ||
		     nla_put_u32(packet, DBUS_GENL_MSG_A_SERIAL, serial) ||
		     (installed->n &&
		      nla_put(packet, DBUS_GENL_MSG_A_FDS,
			      installed->n * sizeof(s32), installed->fd)) ||
		     (installed->body >= 0 &&
		      nla_put_s32(packet, DBUS_GENL_MSG_A_BODY_FD,
				  installed->body)) ||
		     (error &&
		      nla_put_s32(packet, DBUS_GENL_MSG_A_ERRNO, error)));
	genlmsg_end(packet, hdr);
}

/* "There is more: PULL".  NULL if memory is short. */
struct sk_buff *dg_packet_doorbell(void)
{
	struct sk_buff *skb;
	void *hdr;

	skb = dg_packet_new(0);
	if (!skb)
		return NULL;

	hdr = genlmsg_put(skb, 0, 0, &dg_genl_family, 0, DBUS_GENL_CMD_PULL);
	genlmsg_end(skb, hdr);
	return skb;
}

/* The last message of a peer, its reason to be filled in.  NULL as above. */
struct sk_buff *dg_packet_disconnect(void)
{
	struct sk_buff *skb;
	void *hdr;

	skb = genlmsg_new(nla_total_size(sizeof(u32)), DG_GFP_UNLOCKED);
	if (!skb)
		return NULL;

	hdr = genlmsg_put(skb, 0, 0, &dg_genl_family, 0,
			  DBUS_GENL_CMD_DISCONNECT);
	if (WARN_ON_ONCE(nla_put_u32(skb, DBUS_GENL_BUS_A_REASON,
				     DBUS_GENL_REASON_UNSPEC))) {
		kfree_skb(skb);
		return NULL;
	}
	genlmsg_end(skb, hdr);
	return skb;
}

void dg_packet_set_reason(struct sk_buff *packet, enum dbus_genl_reason reason)
{
	struct nlattr *attr = nlmsg_attrdata(nlmsg_hdr(packet), GENL_HDRLEN);

	*(u32 *)nla_data(attr) = reason;
}
