/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * match.h - match rules, and the table that finds those a message meets
 *
 * match_rule.c knows what one rule says: its text and whether a message meets
 * it.  match.c keeps the rules of a bus by hashes of what they demand, so that
 * a message costs only as much as the rules that want its very sender,
 * interface, member, path and first argument.
 */
#ifndef _DG_MATCH_H
#define _DG_MATCH_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/siphash.h>
#include <linux/types.h>

#include "body.h"
#include "message.h"
#include "registry.h"

/* Longest text of a rule, as in dbus-daemon (dbus-protocol.h has it too). */
#define DG_MATCH_RULE_MAX	1024

struct dg_match_rule;

/**
 * dg_match_parse() - make a rule of its text
 * @text: what AddMatch or RemoveMatch was given: valid UTF-8
 * @len: bytes of it
 * @why: set to the text of the error reply, in dbus-daemon's words, with
 *	-EINVAL and -E2BIG; the caller must kfree() it.  Else set to NULL.
 *
 * Return: the rule, for dg_match_table_insert() or dg_match_rule_free(), or
 * ERR_PTR: -EINVAL for MatchRuleInvalid, -E2BIG for LimitsExceeded, -ENOMEM.
 */
struct dg_match_rule *dg_match_parse(const char *text, size_t len, char **why);

/* Free a rule that is in no table; NULL is nothing. */
void dg_match_rule_free(struct dg_match_rule *rule);

/* Whether two rules say the same; the order of keys does not matter. */
bool dg_match_equal(const struct dg_match_rule *a,
		    const struct dg_match_rule *b);

/* eavesdrop='true': wants also what is addressed to others. */
bool dg_match_eavesdrops(const struct dg_match_rule *rule);

/**
 * dg_match_format() - the text of a rule
 * @rule: the rule
 * @buf: where to; may be NULL if @size is 0
 * @size: bytes there
 *
 * Return: length of the whole text, which is cut if that isn't below @size.
 */
size_t dg_match_format(const struct dg_match_rule *rule, char *buf,
		       size_t size);

/**
 * struct dg_match_ctx - what rules need to know about a message
 * @msg: the message; its body is valid
 * @names: the names that peers own
 * @sender: the sender's names; NULL if it is the driver
 * @dest: the names of the peer it is addressed to; NULL if there is none
 * @args: the message's arguments; dg_match_ctx_init() makes it
 *
 * A rule's sender= and destination= name peers by any name that they own at
 * the moment.  It is a good part of a KiB: mind the stack.
 */
struct dg_match_ctx {
	const struct dg_msg *msg;
	const struct dg_registry *names;
	const struct dg_owner *sender;
	const struct dg_owner *dest;
	struct dg_body_args args;
};

void dg_match_ctx_init(struct dg_match_ctx *ctx, const struct dg_msg *msg,
		       const struct dg_registry *names,
		       const struct dg_owner *sender,
		       const struct dg_owner *dest);

/**
 * dg_match_applies() - whether a message meets a rule
 * @rule: the rule
 * @ctx: the message
 *
 * Compares everything but eavesdrop=: whether a peer may see what is addressed
 * to another is the caller's to decide, with dg_match_eavesdrops().
 */
bool dg_match_applies(const struct dg_match_rule *rule,
		      struct dg_match_ctx *ctx);

/**
 * struct dg_match_owner - a peer's rules
 * @rules: newest first
 * @n_rules: how many; what a limit counts
 * @held: counts them too, with what else its user holds; or NULL
 */
struct dg_match_owner {
	struct list_head rules;
	unsigned int n_rules;
	atomic_t *held;
};

void dg_match_owner_init(struct dg_match_owner *owner, atomic_t *held);

/*
 * A rule's class: the set of what its place in the table is hashed from.
 * match.c has the members.
 */
#define DG_MATCH_CLASSES	256

/**
 * struct dg_match_table - the rules of a bus
 * @buckets: hash table of the rules
 * @by_sender: hash table of those whose sender= is a unique name, by its id
 * @by_dest: the same of destination=
 * @bits: log2 of the size of each; they are one piece of memory
 * @n_rules: rules
 * @last_number: number of the rule inserted last; each has its own
 * @changes: how often rules came and went
 * @key: secret of the hash
 * @used: the classes that have rules
 * @n_class: how many rules each has
 *
 * The caller's lock: held for writing to insert and remove, for reading to
 * look up.
 */
struct dg_match_table {
	struct hlist_head *buckets;
	struct hlist_head *by_sender;
	struct hlist_head *by_dest;
	unsigned int bits;
	unsigned int n_rules;
	u64 last_number;
	unsigned int changes;
	hsiphash_key_t key;
	DECLARE_BITMAP(used, DG_MATCH_CLASSES);
	unsigned int n_class[DG_MATCH_CLASSES];
};

/* -ENOMEM, or 0. */
int dg_match_table_init(struct dg_match_table *table);

/* Every rule must have been removed. */
void dg_match_table_destroy(struct dg_match_table *table);

/*
 * Takes over @rule.  The same rule may be inserted more than once, and must
 * then be removed as often.  Cannot fail: dg_match_parse() got all it needs.
 */
void dg_match_table_insert(struct dg_match_table *table,
			   struct dg_match_owner *owner,
			   struct dg_match_rule *rule);

/* Remove and free one rule of @owner equal to @rule: 0, or -ENOENT. */
int dg_match_table_remove(struct dg_match_table *table,
			  struct dg_match_owner *owner,
			  const struct dg_match_rule *rule);

/* Remove and free all rules of @owner. */
void dg_match_table_remove_all(struct dg_match_table *table,
			       struct dg_match_owner *owner);

/**
 * dg_match_table_remove_naming() - remove and free the rules that name a peer
 * @table: the rules
 * @id: the peer's; rules whose sender= or destination= is its unique name go,
 *	whosever they are
 * @gone: called with each while it is still there
 * @data: for @gone
 *
 * Costs as much as there are such rules.
 */
void dg_match_table_remove_naming(struct dg_match_table *table, u64 id,
				  void (*gone)(void *data,
					       const struct dg_match_rule *rule,
					       struct dg_match_owner *owner),
				  void *data);

/**
 * dg_match_owner_for_each() - the rules of a peer, newest first
 * @owner: the peer's
 * @before: only those with numbers below this
 * @fn: called with each and its number; stops at what isn't 0
 * @data: for @fn
 *
 * Return: what @fn returned last, 0 if there is no such rule.
 */
int dg_match_owner_for_each(const struct dg_match_owner *owner, u64 before,
			    int (*fn)(void *data,
				      const struct dg_match_rule *rule,
				      u64 number),
			    void *data);

/**
 * dg_match_table_for_each() - every rule that a message meets
 * @table: the rules
 * @ctx: the message
 * @fn: called with each rule that dg_match_applies() to it, and its owner, in
 *	no order: a peer with several such rules is met as often, and the
 *	caller must see to it that it gets one copy; stops at what isn't 0
 * @data: for @fn
 *
 * Return: what @fn returned last, 0 if there is no such rule.
 */
int dg_match_table_for_each(const struct dg_match_table *table,
			    struct dg_match_ctx *ctx,
			    int (*fn)(void *data,
				      const struct dg_match_rule *rule,
				      struct dg_match_owner *owner),
			    void *data);

#endif /* _DG_MATCH_H */
