/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * match_rule.h - what a match rule is made of; for match_rule.c and match.c
 */
#ifndef _DG_MATCH_RULE_H
#define _DG_MATCH_RULE_H

#include "match.h"

/* How an argument is compared. */
enum dg_match_arg_kind {
	DG_MATCH_ARG_STRING,	/* argN: the same */
	DG_MATCH_ARG_PATH,	/* argNpath: the same, or one holds the other */
	DG_MATCH_ARG_NAMESPACE,	/* arg0namespace: the same, or within */
};

struct dg_match_arg {
	const char *value;
	u16 len;
	u8 n;
	u8 kind;
};

/**
 * struct dg_match_rule - one rule of one peer
 * @bucket: in its table's bucket
 * @by_sender: in the table's list of those with this @sender_id, if it has one
 * @by_dest: the same of @dest_id
 * @mine: in its owner's list
 * @owner: whose it is, once it is in a table
 * @number: its place in time among the table's
 * @hash: of what @class says, with the table's key
 * @class: which of its demands @hash is made of
 * @type: &enum dg_msg_type, or 0 for any
 * @eavesdrop: wants what is addressed to others
 * @path_is_namespace: @path is path_namespace's value
 * @sender_id: the peer that @sender names if that is a unique name, else 0
 * @dest_id: the same of @destination
 * @sender: NULL for any, as are @interface, @member, @path, @destination
 * @interface: text
 * @member: text
 * @path: text
 * @destination: text
 * @n_args: how many @args
 * @args: sorted by their numbers, which are all different
 *
 * The texts lie behind @args in the same piece of memory.
 */
struct dg_match_rule {
	struct hlist_node bucket;
	struct hlist_node by_sender;
	struct hlist_node by_dest;
	struct list_head mine;
	struct dg_match_owner *owner;
	u64 number;
	u32 hash;
	u8 class;
	u8 type;
	bool eavesdrop;
	bool path_is_namespace;
	u64 sender_id;
	u64 dest_id;
	const char *sender;
	const char *interface;
	const char *member;
	const char *path;
	const char *destination;
	unsigned int n_args;
	struct dg_match_arg args[];
};

#endif /* _DG_MATCH_RULE_H */
