/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fds.h - the files that come with a message
 *
 * A message's fds are looked up in the sender's task, once, and its receivers
 * share what was found: a struct dg_fds, which holds the files until each of
 * them has claimed its own, in its own task, or cannot any more.
 */
#ifndef _DG_FDS_H
#define _DG_FDS_H

#include <linux/refcount.h>
#include <linux/types.h>

#include "limits.h"

struct cred;
struct dg_msg;
struct dg_user;
struct file;
struct netlink_ext_ack;
struct nlattr;

/**
 * struct dg_fds - the files of a message
 * @refs: references: the running SEND, and each claim
 * @user: the sending user, referenced
 * @charged: they are charged to @user, as long as they are held
 * @body: the message's body, or NULL if it came with the message
 * @body_len: its size when it was sent
 * @n: how many there are in @file
 * @file: the files of FDS
 */
struct dg_fds {
	refcount_t refs;
	struct dg_user *user;
	bool charged;
	struct file *body;
	u32 body_len;
	unsigned int n;
	struct file *file[];
};

bool dg_fds_may_take(const struct cred *peer, struct file *opened);

struct dg_fds *dg_fds_from_request(struct dg_user *user, struct nlattr **attrs,
				   struct netlink_ext_ack *extack);
struct dg_fds *dg_fds_of_driver(struct dg_user *user, struct file *file);
int dg_fds_put_body(struct dg_fds *fds, const void *body, u32 len);
struct dg_fds *dg_fds_ref(struct dg_fds *fds);
void dg_fds_put(struct dg_fds *fds);

/* How many files they are, and so what they are charged. */
static inline unsigned int dg_fds_count(const struct dg_fds *fds)
{
	return fds->n + !!fds->body;
}

bool dg_fds_charge(struct dg_fds *fds);

int dg_fds_read_args(struct dg_msg *msg);
void dg_fds_free_args(struct dg_msg *msg);

/**
 * struct dg_installed - the numbers that a message's files have got
 * @n: how many of @fd
 * @fd: those of FDS
 * @body: that of BODY_FD, -1 if there is none
 */
struct dg_installed {
	unsigned int n;
	s32 fd[DG_MESSAGE_FDS_MAX];
	s32 body;
};

int dg_fds_install(const struct dg_fds *fds, struct dg_installed *installed);

#endif /* _DG_FDS_H */
