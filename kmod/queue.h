/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue.h - how a packet gets into its receiver's socket, now or later
 */
#ifndef _DG_QUEUE_H
#define _DG_QUEUE_H

#include <linux/dbus_genl.h>
#include <linux/mutex.h>
#include <linux/skbuff.h>

struct dg_peer;
struct dg_user;

/**
 * enum dg_class - what may happen to a packet if there is no room
 * @DG_CLASS_UNICAST: somebody's message to one receiver: is refused over quota
 * @DG_CLASS_SIGNAL: a broadcast: is lost over quota, sooner than unicasts
 * @DG_CLASS_ANSWER: the driver answers a call: is never lost, for who calls
 *	has been made to read before (dg_queue_is_backlogged()), or a limit on
 *	pending calls bounds how many there are
 */
enum dg_class {
	DG_CLASS_UNICAST,
	DG_CLASS_SIGNAL,
	DG_CLASS_ANSWER,
};

/**
 * struct dg_queue - a peer's overflow queue
 * @lock: of all of it, and of the order in which packets get into the socket
 * @waiting: packets that found the socket full, or this queue not empty
 * @shares: struct dg_share for each user that has packets in @waiting
 * @driver_bytes: what of @waiting the driver sent
 * @doorbell: the doorbell, ready to be rung; NULL once it is, until the PULL
 * @closed: the peer has left the bus
 */
struct dg_queue {
	struct mutex lock;	/* see above */
	struct sk_buff_head waiting;
	struct list_head shares;
	size_t driver_bytes;
	struct sk_buff *doorbell;
	bool closed;
};

int dg_queue_init(struct dg_queue *queue);
void dg_queue_destroy(struct dg_queue *queue);

int dg_queue_push(struct dg_peer *to, struct sk_buff *packet,
		  struct dg_user *from, enum dg_class class);
int dg_queue_pull(struct dg_peer *peer);
void dg_queue_close(struct dg_peer *peer, struct sk_buff *last);
bool dg_queue_is_backlogged(const struct dg_queue *queue);

#endif /* _DG_QUEUE_H */
