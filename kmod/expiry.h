/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expiry.h - what ends because it has waited too long
 */
#ifndef _DG_EXPIRY_H
#define _DG_EXPIRY_H

struct dg_bus;
struct work_struct;

int dg_expiry_init(void);
void dg_expiry_exit(void);

/* A peer has joined, a call has gone, a service is to be started: see to it that they end in time. */
void dg_bus_expect_hello(struct dg_bus *bus);
void dg_bus_expect_reply(struct dg_bus *bus);
void dg_bus_expect_start(struct dg_bus *bus);
void dg_bus_limits_changed(struct dg_bus *bus);

void dg_hellos_expire(struct work_struct *work);
void dg_replies_expire(struct work_struct *work);
void dg_starts_expire(struct work_struct *work);

#endif /* _DG_EXPIRY_H */
