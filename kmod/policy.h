/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy.h - a bus's policy: who may join, own, send and receive what
 *
 * What dbus-daemon reads from its XML configuration, the controller uploads as
 * a blob (uapi/linux/dbus_genl.h, "A policy").  policy_load.c checks the blob
 * and makes a struct dg_policy of it, which never changes: another one takes its
 * place.  policy_class.c picks from it the rules for one kind of peer, a struct
 * dg_policy_class, and indexes them; policy.c gives verdicts.
 *
 * The caller's lock: held for writing around what lists classes and puts those
 * that are listed, for reading around what finds them and around verdicts.
 * Building one takes long, and is done without it where that is possible.
 */
#ifndef _DG_POLICY_H
#define _DG_POLICY_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/siphash.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "message.h"
#include "registry.h"

struct nlattr;
struct user_namespace;

/* What is decided by a rule of its own kind. */
enum dg_policy_kind {
	DG_POLICY_OWN,
	DG_POLICY_SEND,
	DG_POLICY_RECEIVE,
	DG_POLICY_INDEXED,	/* how many are looked up in an index */

	DG_POLICY_CONNECT_USER = DG_POLICY_INDEXED,
	DG_POLICY_CONNECT_GROUP,
};

/* The things of a message or name that a rule can be found by. */
#define DG_BY_NAME	0x01	/* NAME */
#define DG_BY_PREFIX	0x02	/* NAME with PREFIX */
#define DG_BY_INTERFACE	0x04
#define DG_BY_MEMBER	0x08
#define DG_BY_PATH	0x10
#define DG_BY_ERROR	0x20
#define DG_BY_ANY_NAME	(DG_BY_NAME | DG_BY_PREFIX)
#define DG_BY_SETS	0x40	/* how many sets of them there are */

/**
 * struct dg_policy_rule - allow or deny
 * @kind: &enum dg_policy_kind
 * @by: DG_BY_* that it demands
 * @allow: the verdict
 * @type: type of the message, 0: any
 * @broadcast: 0: only what is no broadcast; 1: only broadcasts; 2: either
 * @eavesdrop: see dg_policy_rule_matches()
 * @requested_reply: likewise
 * @any: of CONNECT_*: any user or group
 * @unmapped: of CONNECT_*: nobody in the controller's user namespace is it
 * @uid: of CONNECT_USER
 * @gid: of CONNECT_GROUP
 * @min_fds: files that the message has at least
 * @max_fds: and at most
 * @name: the name to own, of who receives, of who sends; NULL: any; as follow
 * @interface: the message's
 * @member: likewise
 * @path: likewise
 * @error: name of the error
 */
struct dg_policy_rule {
	u8 kind;
	u8 by;
	bool allow;
	u8 type;
	u8 broadcast;
	bool eavesdrop;
	bool requested_reply;
	bool any;
	bool unmapped;
	kuid_t uid;
	kgid_t gid;
	u32 min_fds;
	u32 max_fds;
	const char *name;
	const char *interface;
	const char *member;
	const char *path;
	const char *error;
};

/* Whose rules a section has, in the order in which they are applied. */
enum dg_policy_rank {
	DG_RANK_DEFAULT,
	DG_RANK_GROUP,
	DG_RANK_USER,
	DG_RANK_AT_CONSOLE,
	DG_RANK_NOT_AT_CONSOLE,
	DG_RANK_MANDATORY,
};

/**
 * struct dg_policy_section - rules for some peers
 * @rank: &enum dg_policy_rank
 * @unmapped: it is for nobody: see dg_policy_rule.unmapped
 * @id: the user or group, as the kernel knows it
 * @attr: its nest in the blob
 * @order: its place in the blob
 * @first: number of its first rule
 * @n: how many it has
 */
struct dg_policy_section {
	u8 rank;
	bool unmapped;
	u32 id;
	const struct nlattr *attr;
	u32 order;
	u32 first;
	u32 n;
};

/**
 * struct dg_policy - a policy
 * @ref: of its bus, and of each of its classes
 * @text: the blob, which the rules' strings are in
 * @sections: in the order in which they are applied
 * @n_sections: how many
 * @rules: all rules, by section as the blob had them
 * @n_rules: how many
 * @console: users at the console, ascending
 * @n_console: how many
 * @classes: struct dg_policy_class, of which no two have the same sections
 * @key: secret of their indexes' hash
 */
struct dg_policy {
	struct kref ref;
	const void *text;
	struct dg_policy_section *sections;
	u32 n_sections;
	struct dg_policy_rule *rules;
	u32 n_rules;
	kuid_t *console;
	u32 n_console;
	struct list_head classes;
	hsiphash_key_t key;
};

/**
 * struct dg_policy_complaint - what is wrong with a blob
 * @why: a text, static
 * @section: which section, counted from 1; 0: the blob itself
 * @rule: which of its rules, counted from 1; 0: the section itself
 */
struct dg_policy_complaint {
	const char *why;
	u32 section;
	u32 rule;
};

struct dg_policy *dg_policy_load(const void *blob, size_t len,
				 struct user_namespace *ns,
				 struct dg_policy_complaint *complaint);
void dg_policy_put(struct dg_policy *policy);

/**
 * struct dg_policy_who - whom a policy is asked about
 * @uid: the user
 * @in_group: whether it is in a group
 * @data: for @in_group
 */
struct dg_policy_who {
	kuid_t uid;
	bool (*in_group)(const void *data, kgid_t gid);
	const void *data;
};

/* Whether it may join the bus; @otherwise: if no rule says so. */
bool dg_policy_may_connect(const struct dg_policy *policy,
			   const struct dg_policy_who *who, bool otherwise);

struct dg_policy_node;

/**
 * struct dg_policy_index - a class's rules of one kind
 * @rules: their numbers, ascending: a later one overrides an earlier one
 * @n_rules: how many
 * @by: which sets of DG_BY_* any of them has, a bit for each
 * @buckets: hash table of @nodes
 * @bits: log2 of its size
 * @nodes: the rules' places in it
 */
struct dg_policy_index {
	u32 *rules;
	u32 n_rules;
	u64 by;
	struct dg_policy_node **buckets;
	unsigned int bits;
	struct dg_policy_node *nodes;
};

/**
 * struct dg_policy_class - the rules for those whom the same sections are for
 * @ref: of its peers, and of who is about to be one
 * @node: in dg_policy.classes, or in no list
 * @policy: the policy, referenced
 * @index: its rules by &enum dg_policy_kind
 * @sections: which sections, a bit for each
 */
struct dg_policy_class {
	struct kref ref;
	struct list_head node;
	struct dg_policy *policy;
	struct dg_policy_index index[DG_POLICY_INDEXED];
	unsigned long sections[];
};

/* To find the class of a peer or make it, all of it under the lock. */
struct dg_policy_class *dg_policy_class_get(struct dg_policy *policy,
					    const struct dg_policy_who *who);
/* The same in steps, of which the longest needs no lock. */
struct dg_policy_class *dg_policy_class_new(struct dg_policy *policy,
					    const struct dg_policy_who *who);
struct dg_policy_class *dg_policy_class_find(const struct dg_policy_class *like);
int dg_policy_class_build(struct dg_policy_class *class);
struct dg_policy_class *dg_policy_class_list(struct dg_policy_class *class);

void dg_policy_class_put(struct dg_policy_class *class);

/**
 * struct dg_policy_party - who is at a message's other end
 * @unique: its unique name, or DG_DRIVER_NAME
 * @owner: its well-known names, and those that it queues for; NULL: none
 */
struct dg_policy_party {
	const char *unique;
	const struct dg_owner *owner;
};

/**
 * struct dg_policy_ask - may it be sent, or received?
 * @msg: the message
 * @n_fds: its files, a body that is one not counted
 * @other: SEND: who would receive it; RECEIVE: who sends it
 * @requested_reply: it is a reply that the receiver waits for
 * @eavesdropping: the receiver is not whom it is addressed to
 */
struct dg_policy_ask {
	const struct dg_msg *msg;
	unsigned int n_fds;
	struct dg_policy_party other;
	bool requested_reply;
	bool eavesdropping;
};

bool dg_policy_may_own(const struct dg_policy_class *class, const char *name);
bool dg_policy_may(const struct dg_policy_class *class,
		   enum dg_policy_kind kind, const struct dg_policy_ask *ask);
int dg_policy_count(const struct dg_policy_class *class,
		    enum dg_policy_kind kind, const struct dg_policy_ask *ask);

/* policy_rule.c for policy_load.c and policy_class.c: to sort, and to search */
int dg_policy_compare_users(const void *a, const void *b);

/* policy_rule.c for policy.c */
bool dg_policy_rule_matches(const struct dg_policy_rule *rule,
			    const struct dg_policy_ask *ask);
bool dg_policy_rule_takes(const struct dg_policy_rule *rule, const char *name);

/* policy.c for policy_class.c: a rule's place in an index. */
struct dg_policy_node {
	struct dg_policy_node *next;
	u32 hash;
	u32 rule;
};

u32 dg_policy_hash_text(const struct dg_policy *policy, const char *s,
			size_t n);
u32 dg_policy_hash_join(const struct dg_policy *policy, u32 a, u32 b);

#endif /* _DG_POLICY_H */
