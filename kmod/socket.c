// SPDX-License-Identifier: GPL-2.0-only
/*
 * socket.c - puts packets into the sockets that peers and controllers hold
 *
 * As sock_queue_rcv_skb() does, but in another order: it looks for room once
 * the receiver's socket filter has run, which may shorten a packet, and says
 * -ENOMEM for what will never fit, too.  Here a packet that finds no room is as
 * it was, and there is room for it once the socket is empty.
 */
#include <linux/filter.h>
#include <linux/skbuff.h>
#include <net/sock.h>

#include "limits.h"
#include "socket.h"

/*
 * Some room is left for netlink's acknowledgements.  An empty socket takes
 * anything, else a packet larger than its buffer would wait for ever.
 */
static bool dg_socket_has_room(const struct sock *sk,
			       const struct sk_buff *packet)
{
	int used = atomic_read(&sk->sk_rmem_alloc);
	int size = READ_ONCE(sk->sk_rcvbuf);
	int reserve = min_t(int, DG_SOCKET_RESERVE, size / 4);

	return !used || used + (int)packet->truesize <= size - reserve;
}

/**
 * dg_socket_take() - put a packet into a socket if it fits
 * @sk: the socket
 * @packet: the packet; its cb is what recvmsg() shall find there
 *
 * Return: what became of it: see &enum dg_taken.
 */
enum dg_taken dg_socket_take(struct sock *sk, struct sk_buff *packet)
{
	if (!dg_socket_has_room(sk, packet))
		return DG_SOCKET_FULL;

	if (sk_filter(sk, packet)) {
		kfree_skb(packet);
		return DG_SOCKET_UNWANTED;
	}
	dg_socket_force(sk, packet);
	return DG_SOCKET_HAS;
}

/* Each PULL may ring once more: the socket must not grow by that without end. */
bool dg_socket_is_overfull(const struct sock *sk)
{
	return atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf);
}

/*
 * Puts @packet into the socket, full or not, and whatever its filter says.  For
 * doorbell and DISCONNECT: they are small, and there is at most one of each for
 * what has been read.
 */
void dg_socket_force(struct sock *sk, struct sk_buff *packet)
{
	skb_set_owner_r(packet, sk);
	skb_queue_tail(&sk->sk_receive_queue, packet);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

/* Whether dg_socket_put_ahead() would not make a socket grow without bound. */
bool dg_socket_has_room_ahead(struct sock *sk)
{
	return atomic_read(&sk->sk_rmem_alloc) <=
	       2 * (READ_ONCE(sk->sk_rcvbuf) + DG_MESSAGE_SIZE_MAX);
}

/* Puts @packet in front of all that is in the socket, full or not. */
void dg_socket_put_ahead(struct sock *sk, struct sk_buff *packet)
{
	skb_set_owner_r(packet, sk);
	skb_queue_head(&sk->sk_receive_queue, packet);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}
