/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bus.h - message buses, and the net namespaces that they live in
 */
#ifndef _DG_BUS_H
#define _DG_BUS_H

#include <linux/dbus_genl.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include "activate.h"
#include "bus_limits.h"
#include "match.h"
#include "registry.h"
#include "stats.h"

struct dg_controller;
struct dg_peer;
struct dg_policy;

#define DG_SYSTEM_BUS "system"

/**
 * struct dg_net - a net namespace's share of the module
 * @lock: of @buses, @last_number and @gone
 * @buses: its buses, oldest first
 * @last_number: number of the bus made last
 * @gone: counters of buses that are no more
 * @refused: requests refused with an errno, but for messages of peers, which
 *	their buses count
 */
struct dg_net {
	struct mutex lock;	/* see above */
	struct list_head buses;
	unsigned long last_number;
	struct dg_counters gone;
	atomic64_t refused;
};

/**
 * struct dg_bus_peaks - what Debug.Stats tells of a bus's past
 * @rules: most match rules
 * @rules_of_one: most of one peer
 * @names: most names owned or queued for, unique ones included
 * @names_of_one: most of one peer
 * @stats_calls: calls of GetStats
 * @peer_stats_calls: calls of GetConnectionStats
 */
struct dg_bus_peaks {
	unsigned int rules;
	unsigned int rules_of_one;
	unsigned int names;
	unsigned int names_of_one;
	u32 stats_calls;
	u32 peer_stats_calls;
};

/**
 * struct dg_bus - a message bus
 * @ref: references: the list of buses, the controller, each peer
 * @node: in dg_net.buses, under its lock
 * @number: its place in time among the namespace's buses
 * @name: its name
 * @system: the name is DG_SYSTEM_BUS: one for all users of the namespace
 * @uid: the user that made it
 * @flags: &enum dbus_genl_bus_flags
 * @guid: its GUID
 * @machine_id: what GetMachineId tells; "" if its maker did not say
 * @controller: its controller, referenced, or NULL; under dg_net.lock
 * @lock: the bus's lock, of what follows up to @serial.  Held for reading by
 *	who sends to one peer, and for writing by broadcasts, calls of the
 *	driver, and whatever changes who is on the bus
 * @limits: written under @lock; see dg_limit()
 * @dead: no bus any more: nobody joins
 * @peers: peers that have said Hello, by id
 * @members: all peers, by dg_peer.node
 * @n_peers: how many
 * @silent: those of them that have not said Hello, by dg_peer.silent, oldest first
 * @n_silent: how many
 * @last_number: number of the peer that joined last
 * @changes: how often peers came, said Hello, and went
 * @last_id: the id given last
 * @registry: well-known names
 * @matches: match rules
 * @n_eavesdroppers: rules with eavesdrop='true' that count
 * @n_named: peers that have a unique name: those in @peers
 * @monitored: the rules of monitors, which are in no other table
 * @n_monitors: peers that are monitors
 * @peaks: the most that there were at a time, for Debug.Stats
 * @broadcast: number of the latest broadcast: see dg_peer.broadcast
 * @activation: what its controller starts, and what waits for it
 * @policy: who may do what; NULL until there is one: see policy_bus.h
 * @serial: serial of the driver's latest message
 * @replies_lock: of dg_peer.calls, @replies and @n_replies
 * @replies: calls that wait for their reply, oldest first
 * @n_replies: how many
 * @users_lock: of @users, @n_users
 * @users: struct dg_user
 * @n_users: how many
 * @queued_messages: messages in overflow queues
 * @queued_bytes: bytes charged for them
 * @unclaimed_fds: files of messages that wait to be claimed
 * @expiry_lock: of the next two
 * @expiry_armed: @expiry is to run
 * @expiry_due: when, in jiffies
 * @expiry: drops claims that have waited too long
 * @reply_expiry: the same of calls that wait for their reply
 * @hello_expiry: the same of peers that have not said Hello
 * @start_expiry: the same of services that are being started
 * @counters: what it has done
 */
struct dg_bus {
	struct kref ref;
	struct list_head node;
	unsigned long number;
	char name[DBUS_GENL_BUS_NAME_MAX + 1];
	bool system;
	kuid_t uid;
	u32 flags;
	char guid[DBUS_GENL_GUID_LEN + 1];
	char machine_id[DBUS_GENL_GUID_LEN + 1];
	struct dg_controller *controller;

	struct rw_semaphore lock;
	struct dg_limits limits;
	bool dead;
	struct xarray peers;
	struct list_head members;
	unsigned int n_peers;
	struct list_head silent;
	unsigned int n_silent;
	u64 last_number;
	unsigned int changes;
	u64 last_id;
	struct dg_registry registry;
	struct dg_match_table matches;
	unsigned int n_eavesdroppers;
	unsigned int n_named;
	struct dg_match_table monitored;
	unsigned int n_monitors;
	struct dg_bus_peaks peaks;
	u64 broadcast;
	struct dg_activation activation;
	struct dg_policy *policy;
	atomic_t serial;

	spinlock_t replies_lock;	/* see above */
	struct list_head replies;
	unsigned int n_replies;

	spinlock_t users_lock;		/* see above */
	struct list_head users;
	unsigned int n_users;

	atomic64_t queued_messages;
	atomic64_t queued_bytes;
	atomic64_t unclaimed_fds;
	spinlock_t expiry_lock;		/* see above */
	bool expiry_armed;
	unsigned long expiry_due;
	struct delayed_work expiry;
	struct delayed_work reply_expiry;
	struct delayed_work hello_expiry;
	struct delayed_work start_expiry;
	struct dg_counters counters;
};

int dg_net_register(void);
void dg_net_unregister(void);
struct dg_net *dg_net_of(struct net *net);

/**
 * struct dg_bus_params - what BUS_CREATE asks for
 * @name: name of the bus, valid
 * @uid: its user
 * @flags: &enum dbus_genl_bus_flags
 * @machine_id: 32 hexadecimal digits, or NULL
 */
struct dg_bus_params {
	const char *name;
	kuid_t uid;
	u32 flags;
	const char *machine_id;
};

bool dg_bus_is_system(const char *name);
struct dg_bus *dg_bus_create(struct net *net, struct sock *sk, u32 portid,
			     const struct dg_bus_params *params);
struct dg_bus *dg_bus_find(struct net *net, const char *name, kuid_t uid);
struct dg_bus *dg_bus_controlled(struct sock *sk, u32 portid);
void dg_bus_put(struct dg_bus *bus);
bool dg_bus_admits(const struct dg_bus *bus, kuid_t uid);
void dg_bus_destroy(struct net *net, struct dg_bus *bus);
void dg_bus_breathe(struct dg_bus *bus, unsigned int step);

/* Whom a bus name means now: both under the bus's lock, NULL if nobody. */
struct dg_peer *dg_bus_peer(struct dg_bus *bus, u64 id);
struct dg_peer *dg_bus_resolve(struct dg_bus *bus, const char *name);

u32 dg_bus_next_serial(struct dg_bus *bus);

#endif /* _DG_BUS_H */
