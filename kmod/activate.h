/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * activate.h - what a bus asks its controller for: above all, to start services
 *
 * All of it under the bus's lock, held for writing, but for dg_can_start() and
 * dg_start_max_waiting(), which only look.
 */
#ifndef _DG_ACTIVATE_H
#define _DG_ACTIVATE_H

#include <linux/dbus_genl.h>
#include <linux/list.h>
#include <linux/types.h>

struct dg_bus;
struct dg_call;
struct dg_msg;
struct dg_peer;
struct dg_service_names;
struct sk_buff;
struct sock;

/**
 * struct dg_activation - a bus's part in this
 * @controller: the controller's socket; NULL if it does not listen, or has gone.
 *	It lives: dg_activation_end() comes before it is put
 * @names: what it can start; NULL if it does not listen
 * @starts: struct dg_start, oldest first
 * @n_starts: how many
 * @n_unsent: how many of them the controller has not been told of
 * @n_waiting: messages and calls that wait for them
 * @last_id: the id given last
 * @doorbell: the doorbell, ready to be rung; NULL once it is, until the PULL
 */
struct dg_activation {
	struct sock *controller;
	struct dg_service_names *names;
	struct list_head starts;
	unsigned int n_starts;
	unsigned int n_unsent;
	unsigned int n_waiting;
	u64 last_id;
	struct sk_buff *doorbell;
};

void dg_activation_init(struct dg_activation *activation);
int dg_activation_declare(struct dg_bus *bus, struct sock *controller,
			  struct dg_service_names *names);
void dg_activation_end(struct dg_bus *bus);
int dg_activation_pull(struct dg_bus *bus);

u32 dg_start_max_waiting(const struct dg_peer *peer);
bool dg_can_start(const struct dg_bus *bus, const char *name);

/**
 * struct dg_ask - what the controller is asked for
 * @cmd: %DBUS_GENL_CMD_ACTIVATE, RELOAD or ENVIRONMENT
 * @name: name of the service; ACTIVATE alone, else ""
 * @environment: what ENVIRONMENT tells
 * @len: its length
 */
struct dg_ask {
	u8 cmd;
	const char *name;
	const void *environment;
	size_t len;
};

int dg_start_for_message(struct dg_bus *bus, struct dg_peer *from,
			 struct dg_msg *msg, struct sk_buff *packet);
int dg_start_for_call(struct dg_call *call, const struct dg_ask *ask);

/* A name has got an owner: before it is told, and after. */
void dg_start_answer_calls(struct dg_bus *bus, const char *name);
void dg_start_deliver(struct dg_bus *bus, const char *name,
		      struct dg_peer *owner);

int dg_start_finish(struct dg_bus *bus, u8 cmd, u64 id, const char *error,
		    const char *text);
bool dg_starts_fail_older(struct dg_bus *bus, unsigned long since,
			  unsigned long *oldest);
u32 dg_start_timeout_ms(const struct dg_bus *bus);

/* A peer leaves the bus: what it sent waits no more. */
void dg_start_drop_waits(struct dg_peer *peer);

#endif /* _DG_ACTIVATE_H */
