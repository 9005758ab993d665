// SPDX-License-Identifier: GPL-2.0-only
/*
 * socket_test.c - KUnit tests of socket.c, with a socket of netlink's
 */
#include <kunit/test.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "socket.h"

#define SIZE	3000

static int socket_init(struct kunit *test)
{
	struct socket *sock;
	int err = sock_create_kern(&init_net, PF_NETLINK, SOCK_RAW,
				   NETLINK_GENERIC, &sock);

	if (err)
		return err;
	test->priv = sock;
	return 0;
}

static void socket_exit(struct kunit *test)
{
	if (test->priv)
		sock_release(test->priv);
}

static struct sk_buff *packet_of(struct kunit *test, unsigned int size)
{
	struct sk_buff *packet = alloc_skb(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, packet);
	skb_put_zero(packet, size);
	return packet;
}

static struct sock *sock_of(struct kunit *test)
{
	return ((struct socket *)test->priv)->sk;
}

/* Any packet fits once everything has been read, or it would wait for ever. */
static void test_empty_takes_all(struct kunit *test)
{
	struct sock *sk = sock_of(test);

	WRITE_ONCE(sk->sk_rcvbuf, SIZE / 2);
	KUNIT_EXPECT_EQ(test, (int)dg_socket_take(sk, packet_of(test, SIZE)),
			(int)DG_SOCKET_HAS);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&sk->sk_receive_queue), 1U);
	KUNIT_EXPECT_GT(test, atomic_read(&sk->sk_rmem_alloc), SIZE);
}

static void test_full(struct kunit *test)
{
	struct sock *sk = sock_of(test);
	struct sk_buff *packet;
	unsigned int taken = 0;
	enum dg_taken last;

	WRITE_ONCE(sk->sk_rcvbuf, 20 * SIZE);
	do {
		packet = packet_of(test, SIZE);
		last = dg_socket_take(sk, packet);
	} while (last == DG_SOCKET_HAS && ++taken < 20);
	KUNIT_EXPECT_GT(test, taken, 1U);
	KUNIT_EXPECT_LT(test, taken, 20U);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&sk->sk_receive_queue), taken);
	/* It is ours, as it was. */
	if (last == DG_SOCKET_FULL) {
		KUNIT_EXPECT_EQ(test, packet->len, (unsigned int)SIZE);
		KUNIT_EXPECT_PTR_EQ(test, packet->sk, (struct sock *)NULL);
		kfree_skb(packet);
	}
}

/*
 * What sockets never take, since it comes from memory for emergencies, is not
 * taken for what does not fit yet: all behind it would wait for ever.
 */
static void test_never_taken(struct kunit *test)
{
	struct sock *sk = sock_of(test);
	struct sk_buff *packet = packet_of(test, SIZE);

	packet->pfmemalloc = 1;
	KUNIT_EXPECT_EQ(test, (int)dg_socket_take(sk, packet),
			(int)DG_SOCKET_UNWANTED);
	KUNIT_EXPECT_TRUE(test, skb_queue_empty(&sk->sk_receive_queue));
}

static struct kunit_case socket_cases[] = {
	KUNIT_CASE(test_empty_takes_all),
	KUNIT_CASE(test_full),
	KUNIT_CASE(test_never_taken),
	{ }
};

static struct kunit_suite socket_suite = {
	.name = "dbus_genl_socket",
	.init = socket_init,
	.exit = socket_exit,
	.test_cases = socket_cases,
};
kunit_test_suite(socket_suite);
