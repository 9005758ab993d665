/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * claim.h - files that wait for the receiver of their message to claim them
 */
#ifndef _DG_CLAIM_H
#define _DG_CLAIM_H

#include <linux/list.h>
#include <linux/types.h>

struct dg_bus;
struct dg_fds;
struct dg_msg;
struct dg_peer;
struct dg_queue;
struct dg_share;
struct work_struct;

/**
 * struct dg_claim - a receiver's right to the files of a message
 * @node: in dg_queue.claims
 * @fds: the files, referenced
 * @share: what it is charged to in the queue, while it is there
 * @sender: sender of the message
 * @serial: its serial
 * @since: when it was made, in jiffies; of no account if a body is all there is
 */
struct dg_claim {
	struct list_head node;
	struct dg_fds *fds;
	struct dg_share *share;
	u64 sender;
	u32 serial;
	unsigned long since;
};

/* NULL if memory is short.  Of a message that has fds. */
struct dg_claim *dg_claim_new(const struct dg_msg *msg);
void dg_claim_free(struct dg_claim *claim);
void dg_claim_drop(struct dg_queue *queue, u64 sender, u32 serial);

/* Under the queue's lock. */
int dg_claim_add(struct dg_queue *queue, struct dg_claim *claim);
void dg_claim_del(struct dg_queue *queue, struct dg_claim *claim);

void dg_claim_arm(struct dg_bus *bus, const struct dg_claim *claim);
void dg_claims_expire(struct work_struct *work);
void dg_claims_expire_anew(struct dg_bus *bus);

int dg_claim(struct dg_peer *peer, u64 sender, u32 serial, u32 seq);

#endif /* _DG_CLAIM_H */
