/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * limits.h - every bound that the module sets to what its users can take
 *
 * Those that dbus-daemon has too are a bus's defaults, which LIMITS_SET changes
 * within what bus_limits.c says.
 *
 * What dbus-daemon bounds for each connection is bounded for each peer here,
 * with values between those of its session and its system bus; what a peer
 * can multiply by connecting again is bounded for each user of a bus too.
 */
#ifndef _DG_LIMITS_H
#define _DG_LIMITS_H

#include <linux/sizes.h>

/* Buses that one user may have in a net namespace. */
#define DG_BUSES_PER_USER_MAX		64

/*
 * Peers of one user on one bus; and of all users, as in dbus-daemon's
 * session.conf, which lets one user have as many.
 */
#define DG_PEERS_PER_USER_MAX		4096
#define DG_PEERS_MAX			100000

/*
 * Peers that have not said Hello, of all users: the oldest makes room for one
 * more.  Other users than root and the bus's may have half of these each, lest
 * one push out all others.  How long they may take.
 */
#define DG_SILENT_PEERS_MAX		4096
#define DG_HELLO_TIMEOUT_MS		240000

/* Names given up, or calls failed, before others surely have their turn. */
#define DG_STEPS_IN_A_ROW		128

/* Match rules of one peer. */
#define DG_MATCHES_PER_PEER_MAX		4096

/*
 * Names that one peer owns or queues for, its unique name counted; and what
 * LIMITS_SET can make of that: each is a broadcast when the peer goes, which all
 * rules on the bus may look at.
 */
#define DG_NAMES_PER_PEER_MAX		1024
#define DG_NAMES_PER_PEER_MOST		SZ_8K

/* Calls of one peer that wait for their reply. */
#define DG_REPLIES_PER_PEER_MAX		4096

/* A message: the sum of its attributes' lengths.  CONNECT tells it. */
#define DG_MESSAGE_SIZE_MAX		SZ_128K

/*
 * Overflow queues.  What one user's messages may take in one receiver's queue,
 * and in all queues of the bus.  Broadcast signals may use half of the former:
 * a flood of them must leave room for calls and replies.
 */
#define DG_QUEUE_BYTES_MAX		SZ_16M
#define DG_USER_BYTES_MAX		SZ_64M

/*
 * What the driver itself may put into one receiver's overflow queue: signals
 * beyond it are lost, and the peer may not send before it reads.  Errors that
 * answer a pending call are let through: DG_REPLIES_PER_PEER_MAX bounds them.
 */
#define DG_QUEUE_DRIVER_BYTES_MAX	SZ_4M

/* The same of what that may be for all peers of one user. */
#define DG_USER_DRIVER_BYTES_MAX	SZ_64M

/* Fds of one message: dbus-daemon's max_message_unix_fds. */
#define DG_MESSAGE_FDS_MAX		16

/* A body that comes as a file: the specification's longest message. */
#define DG_BODY_FD_SIZE_MAX		SZ_128M

/*
 * Files of messages that their receivers have not claimed: how many of one
 * user's in all the bus, and how many of these wait for one receiver, lest one
 * that claims nothing use up what a user may have on its way to others.  The
 * bytes are those of bodies.
 */
#define DG_USER_FDS_MAX			2048
#define DG_QUEUE_FDS_MAX		512
#define DG_USER_BODY_BYTES_MAX		SZ_512M
#define DG_QUEUE_BODY_BYTES_MAX		SZ_256M

/*
 * What one user's messages may hold on all buses of the machine together: who
 * makes more buses must not have more of the kernel.
 */
#define DG_ACCOUNT_BYTES_MAX		SZ_256M
#define DG_ACCOUNT_FDS_MAX		4096
#define DG_ACCOUNT_BODY_BYTES_MAX	SZ_1G

/*
 * What of a user's messages may wait in buffers that netlink allocated for its
 * requests, and charged to no cgroup.
 */
#define DG_ACCOUNT_UNCHARGED_MAX	SZ_64K

/*
 * Match rules, places in names' queues and pending calls of one user, on all
 * buses: each peer's are bounded, and what each user can take by having many
 * peers.  As many as dbus-broker lets a user have rules; each is less than
 * 2 KiB.
 */
#define DG_ACCOUNT_HELD_MAX		SZ_128K

/* How long fds wait to be claimed: dbus-daemon's pending_fd_timeout. */
#define DG_FD_TIMEOUT_MS		150000

/*
 * How long a service may take to start, and how many messages and calls of a
 * bus may wait for services: dbus-daemon's defaults.
 */
#define DG_SERVICE_START_TIMEOUT_MS	25000
#define DG_SERVICE_STARTS_MAX		512

/* What match rules see of a body that is a file. */
#define DG_BODY_FD_ARGS_MAX		SZ_64K

/*
 * Room that deliveries leave in a socket, at most: acknowledgements and errors
 * of netlink take it, and must not find the buffer full.
 */
#define DG_SOCKET_RESERVE		SZ_8K

#endif /* _DG_LIMITS_H */
