/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peer.h - a socket's membership of a bus, from CONNECT to its end
 */
#ifndef _DG_PEER_H
#define _DG_PEER_H

#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched.h>

#include "endpoint.h"
#include "match.h"
#include "names.h"
#include "queue.h"
#include "registry.h"
#include "reply.h"

struct dg_bus;
struct dg_policy_class;
struct dg_user;
struct file;
struct genl_info;

/* Who has not said Hello is this, in what the driver tells it. */
#define DG_NOT_ACTIVE ":not.active.yet"

/**
 * struct dg_peer_counters - what PEER_GET counts since CONNECT
 * @sent: messages that SEND accepted
 * @received: messages delivered to it, into its socket or its queue
 * @dropped: messages that it lost: signals, or what it was to see as a monitor
 * @expired: files that it lost, since it did not claim them
 * @refused: messages that it sent and the bus refused, by errno or by error
 * @overflowed: of @received, those that went through its overflow queue
 */
struct dg_peer_counters {
	atomic64_t sent;
	atomic64_t received;
	atomic64_t dropped;
	atomic64_t expired;
	atomic64_t refused;
	atomic64_t overflowed;
};

/**
 * struct dg_peer - a peer of a bus
 * @ep: its socket, and the references to it
 * @rcu: frees it
 * @bus: the bus, referenced
 * @user: its user on the bus, referenced
 * @cred: credentials of who called CONNECT, for good
 * @label: the label that the security module had for it, likewise; or NULL
 * @pid: its process, likewise
 * @pidfd: a pidfd of it, if CONNECT had one, or NULL; likewise
 * @comm: name of that process then, for error texts: printable ASCII
 * @disconnect: its DISCONNECT, made ahead so that it cannot fail; or NULL
 * @connected: on the bus; under dg_bus.lock, as what follows
 * @leaving: it gives up what it has, and hears nothing any more
 * @node: in dg_bus.members
 * @silent: in dg_bus.silent, until Hello
 * @number: its place in time among the bus's peers, from CONNECT on
 * @since: when it joined, in jiffies
 * @id: 0 before Hello; its unique name is ":1.(id - 1)"
 * @unique: that name, or DG_NOT_ACTIVE
 * @owner: its well-known names
 * @rules: its match rules
 * @n_eavesdropping: those of them that count in dg_bus.n_eavesdroppers
 * @monitored: its rules as a monitor, in dg_bus.monitored
 * @monitor: it is one: it sees everything, has no name, and may not send
 * @peak_rules: the most rules that it had, for Debug.Stats
 * @peak_names: the same of names
 * @broadcast: the last broadcast that it got, so that it gets each once
 * @policy: the rules that are for it; NULL if its bus has no policy
 * @next_policy: likewise, while it joins or the policy is being replaced
 * @takes_fds: it said in CONNECT that it claims files; for good
 * @waits: struct dg_waiter of what it sent and waits: see activate.c
 * @calls: pending calls
 * @queue: what waits for it
 * @counters: what it has done
 */
struct dg_peer {
	struct dg_endpoint ep;
	struct rcu_head rcu;
	struct dg_bus *bus;
	struct dg_user *user;
	const struct cred *cred;
	char *label;
	struct pid *pid;
	struct file *pidfd;
	char comm[TASK_COMM_LEN];
	struct sk_buff *disconnect;

	bool connected;
	bool leaving;
	struct list_head node;
	struct list_head silent;
	u64 number;
	unsigned long since;
	u64 id;
	char unique[DG_UNIQUE_NAME_SIZE];
	struct dg_owner owner;
	struct dg_match_owner rules;
	unsigned int n_eavesdropping;
	struct dg_match_owner monitored;
	bool monitor;
	unsigned int peak_rules;
	unsigned int peak_names;
	u64 broadcast;
	struct dg_policy_class *policy;
	struct dg_policy_class *next_policy;
	bool takes_fds;
	struct list_head waits;

	struct dg_calls calls;
	struct dg_queue queue;
	struct dg_peer_counters counters;
};

static inline struct dg_peer *dg_peer_of_owner(struct dg_owner *owner)
{
	return container_of(owner, struct dg_peer, owner);
}

static inline struct dg_peer *dg_peer_of_rules(struct dg_match_owner *rules)
{
	return container_of(rules, struct dg_peer, rules);
}

static inline struct dg_peer *dg_peer_of_monitored(struct dg_match_owner *rules)
{
	return container_of(rules, struct dg_peer, monitored);
}

struct dg_peer *dg_peer_new(struct dg_bus *bus, struct sock *sk, u32 portid);
int dg_peer_join(struct dg_peer *peer, int (*welcome)(void *data), void *data);
void dg_peer_put(struct dg_peer *peer);

struct dg_peer *dg_peer_find(struct sock *sk, u32 portid);
void dg_peer_refused(struct dg_peer *peer, u32 serial, const char *error,
		     int err);
bool dg_peer_is_one_too_many(const struct dg_peer *peer, bool of_all);
int dg_peer_activate(struct dg_peer *peer);

void dg_peer_become_monitor(struct dg_peer *peer);
void dg_peer_drop_taken(struct dg_peer *peer);
void dg_peers_put(struct list_head *removed);
bool dg_peer_remove_locked(struct dg_peer *peer, enum dbus_genl_reason reason);

#endif /* _DG_PEER_H */
