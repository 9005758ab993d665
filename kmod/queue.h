/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue.h - how a packet gets into its receiver's socket, now or later
 */
#ifndef _DG_QUEUE_H
#define _DG_QUEUE_H

#include <linux/dbus_genl.h>
#include <linux/mutex.h>
#include <linux/skbuff.h>

struct dg_claim;
struct dg_debt;
struct dg_packet_id;
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
 * struct dg_queue_count - how much waits for a peer, for Debug.Stats
 * @bytes: sum of packets' truesize
 * @fds: files, bodies included
 */
struct dg_queue_count {
	size_t bytes;
	unsigned int fds;
};

/**
 * struct dg_queue - a peer's overflow queue
 * @lock: of all of it, and of the order in which packets get into the socket
 * @waiting: packets that found the socket full, or this queue not empty
 * @shares: struct dg_share for each user that has something in @waiting or in
 *	@claims
 * @claims: files that wait to be claimed, oldest first
 * @driver_bytes: what of @waiting the driver sent
 * @now: what is in @waiting and @claims
 * @peak: the most that there was at a time
 * @doorbell: the doorbell, ready to be rung; NULL once it is, until the PULL
 * @closed: the peer has left the bus
 */
struct dg_queue {
	struct mutex lock;	/* see above */
	struct sk_buff_head waiting;
	struct list_head shares;
	struct list_head claims;
	size_t driver_bytes;
	struct dg_queue_count now;
	struct dg_queue_count peak;
	struct sk_buff *doorbell;
	bool closed;
};

/**
 * struct dg_share - what of a queue belongs to one sending user
 * @node: in dg_queue.shares
 * @debt: what it is a part of, referenced
 * @bytes: sum of its packets' truesize
 * @fds: files of its claims
 * @body_bytes: bytes of those that are bodies
 */
struct dg_share {
	struct list_head node;
	struct dg_debt *debt;
	size_t bytes;
	unsigned int fds;
	size_t body_bytes;
};

struct dg_share *dg_share_find(struct dg_queue *queue, struct dg_user *user);
void dg_share_drop_if_empty(struct dg_share *share);

void dg_queue_count(struct dg_queue *queue, ssize_t bytes, int fds);
int dg_queue_init(struct dg_queue *queue);
void dg_queue_destroy(struct dg_queue *queue);

int dg_queue_push(struct dg_peer *to, struct sk_buff *packet,
		  struct dg_user *from, enum dg_class class,
		  struct dg_claim *claim);
int dg_queue_pull(struct dg_peer *peer);
void dg_queue_close(struct dg_peer *peer, struct sk_buff *last);
void dg_queue_lost(struct dg_peer *to, const struct dg_packet_id *id);
bool dg_queue_is_backlogged(const struct dg_peer *peer);

#endif /* _DG_QUEUE_H */
