/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.h - the sk_buffs that messages are delivered in
 *
 * A packet is an sk_buff that holds one MESSAGE and nothing else, ready for a
 * receiver's socket, or to be cloned for several.
 */
#ifndef _DG_PACKET_H
#define _DG_PACKET_H

#include <linux/dbus_genl.h>
#include <linux/types.h>

struct dg_installed;
struct dg_msg;
struct nlmsghdr;
struct sk_buff;

/**
 * struct dg_packet_id - which message a packet is, for tracing
 * @sender: id of its sender
 * @serial: its serial
 * @bytes: length of the packet
 */
struct dg_packet_id {
	u64 sender;
	u32 serial;
	u32 bytes;
};

struct sk_buff *dg_packet_from_request(struct sk_buff *skb,
				       const struct nlmsghdr *nlh, bool charged);
void dg_packet_stamp(struct sk_buff *packet, u64 sender);

void dg_packet_identify(const struct sk_buff *packet, struct dg_packet_id *id);

struct sk_buff *dg_packet_new(size_t payload);
struct sk_buff *dg_packet_done(struct sk_buff *packet);
struct sk_buff *dg_packet_clone(struct sk_buff *packet, gfp_t gfp);
struct sk_buff *dg_packet_dup(struct sk_buff *packet);

struct sk_buff *dg_packet_compose(const struct dg_msg *msg, gfp_t gfp);

struct sk_buff *dg_packet_claimed(void);
void dg_packet_set_claimed(struct sk_buff *packet, u32 seq, u64 sender,
			   u32 serial, const struct dg_installed *installed,
			   int error);

struct sk_buff *dg_packet_doorbell(void);
struct sk_buff *dg_packet_disconnect(void);
void dg_packet_set_reason(struct sk_buff *packet,
			  enum dbus_genl_reason reason);

#endif /* _DG_PACKET_H */
