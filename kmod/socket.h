/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * socket.h - how a packet gets into a receiver's socket, if it gets there
 */
#ifndef _DG_SOCKET_H
#define _DG_SOCKET_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/**
 * enum dg_taken - what a socket does with a packet
 * @DG_SOCKET_HAS: it is in it, or its receiver's already
 * @DG_SOCKET_UNWANTED: the receiver's own filter did not want it: it is gone
 * @DG_SOCKET_FULL: there is no room: the packet is the caller's, as it was
 */
enum dg_taken {
	DG_SOCKET_HAS,
	DG_SOCKET_UNWANTED,
	DG_SOCKET_FULL,
};

enum dg_taken dg_socket_take(struct sock *sk, struct sk_buff *packet);
void dg_socket_force(struct sock *sk, struct sk_buff *packet);
bool dg_socket_is_overfull(const struct sock *sk);
bool dg_socket_has_room_ahead(struct sock *sk);
void dg_socket_put_ahead(struct sock *sk, struct sk_buff *packet);

#endif /* _DG_SOCKET_H */
