// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy.c - verdicts: which of a class's rules match, and what the last says
 *
 * What rules mean is dbus-daemon 1.14's, as observed: see enum
 * dbus_genl_rule_attr.  A message is looked up once for each set of texts that
 * any rule demands (policy_class.c); a set that has the other party's name once
 * for each of its names, or of their beginnings.
 */
#include <linux/bitops.h>
#include <linux/string.h>

#include "names.h"
#include "policy.h"

/* Whether a name is @prefix, or begins with it and a '.'. */
static bool dg_name_within(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncmp(name, prefix, n) && (!name[n] || name[n] == '.');
}

static bool dg_text_meets(const char *wanted, const char *text, bool lenient)
{
	if (!wanted)
		return true;
	return text ? !strcmp(wanted, text) : lenient;
}

static bool dg_is_broadcast(const struct dg_msg *msg)
{
	return msg->type == DG_MSG_SIGNAL && !msg->destination;
}

/* Whether a rule takes a reply, which is requested or not. */
static bool dg_rule_takes_reply(const struct dg_policy_rule *rule,
				bool requested)
{
	if (rule->allow)
		return requested || !rule->requested_reply || rule->eavesdrop;
	return !requested || rule->requested_reply;
}

/* All but the name of who is at the other end. */
static bool dg_rule_matches(const struct dg_policy_rule *rule,
			    const struct dg_policy_ask *ask)
{
	const struct dg_msg *msg = ask->msg;

	if (rule->type && rule->type != msg->type)
		return false;
	if (dg_is_reply(msg) &&
	    !dg_rule_takes_reply(rule, ask->requested_reply))
		return false;
	if (rule->kind == DG_POLICY_RECEIVE &&
	    (rule->allow ? ask->eavesdropping && !rule->eavesdrop :
			   rule->eavesdrop && !ask->eavesdropping))
		return false;
	if (rule->broadcast != 2 && rule->broadcast != dg_is_broadcast(msg))
		return false;
	if (ask->n_fds < rule->min_fds || ask->n_fds > rule->max_fds)
		return false;
	return dg_text_meets(rule->interface, msg->interface, !rule->allow) &&
	       dg_text_meets(rule->member, msg->member, true) &&
	       dg_text_meets(rule->path, msg->path, true) &&
	       dg_text_meets(rule->error, msg->error_name, true);
}

static bool dg_rule_takes_name(const struct dg_policy_rule *rule,
			       const char *name)
{
	if (!rule->name)
		return true;
	if (!name)
		return false;
	return rule->by & DG_BY_PREFIX ? dg_name_within(name, rule->name) :
					 !strcmp(rule->name, name);
}

/**
 * struct dg_search - a verdict under way
 * @policy: the policy
 * @index: the rules
 * @ask: the question; NULL: may @name be owned?
 * @found: the latest rule that matches, NULL if none does
 */
struct dg_search {
	const struct dg_policy *policy;
	const struct dg_policy_index *index;
	const struct dg_policy_ask *ask;
	const struct dg_policy_rule *found;
};

static void dg_search_bucket(struct dg_search *search, u32 hash,
			     const char *name)
{
	const struct dg_policy_index *index = search->index;
	const struct dg_policy_node *node;

	node = index->buckets[hash >> (32 - index->bits)];
	for (; node; node = node->next) {
		const struct dg_policy_rule *rule =
			&search->policy->rules[node->rule];

		if (node->hash == hash && rule > search->found &&
		    (!search->ask || dg_rule_matches(rule, search->ask)) &&
		    dg_rule_takes_name(rule, name))
			search->found = rule;
	}
}

static u32 dg_hash_more(const struct dg_policy *policy, u32 hash,
			const char *text)
{
	return dg_policy_hash_join(policy, hash,
				   dg_policy_hash_text(policy, text,
						       text ? strlen(text) : 0));
}

/* The hash of what a message has of a set, but for names. */
static u32 dg_hash_fields(const struct dg_search *search, u8 by)
{
	const struct dg_policy *policy = search->policy;
	const struct dg_msg *msg;
	u32 hash = by;

	if (!(by & ~DG_BY_ANY_NAME))
		return hash;

	msg = search->ask->msg;
	if (by & DG_BY_INTERFACE)
		hash = dg_hash_more(policy, hash, msg->interface);
	if (by & DG_BY_MEMBER)
		hash = dg_hash_more(policy, hash, msg->member);
	if (by & DG_BY_PATH)
		hash = dg_hash_more(policy, hash, msg->path);
	if (by & DG_BY_ERROR)
		hash = dg_hash_more(policy, hash, msg->error_name);
	return hash;
}

/**
 * struct dg_set_search - the same, for one set of DG_BY_*
 * @search: the search
 * @by: the set; it has a name
 * @fields: hash of the rest of it
 */
struct dg_set_search {
	struct dg_search *search;
	u8 by;
	u32 fields;
};

static int dg_search_name(struct dg_set_search *set, const char *name)
{
	const struct dg_policy *policy = set->search->policy;
	size_t i;
	u32 hash;

	if (set->by & DG_BY_NAME) {
		dg_search_bucket(set->search,
				 dg_hash_more(policy, set->fields, name), name);
		return 0;
	}
	for (i = 0;; i++) {
		if (name[i] && name[i] != '.')
			continue;
		hash = dg_policy_hash_text(policy, name, i);
		dg_search_bucket(set->search,
				 dg_policy_hash_join(policy, set->fields, hash),
				 name);
		if (!name[i])
			return 0;
	}
}

static int dg_search_place(void *data, const struct dg_place_info *place)
{
	return dg_search_name(data, place->name);
}

/* Looks everything up; of names, those of @party. */
static void dg_search_all(struct dg_search *search,
			  const struct dg_policy_party *party)
{
	unsigned int by;

	for (by = 0; by < DG_BY_SETS; by++) {
		struct dg_set_search set = { .search = search, .by = by };

		if (!(search->index->by & (1ULL << by)))
			continue;
		set.fields = dg_hash_fields(search, by);
		if (!(by & DG_BY_ANY_NAME)) {
			dg_search_bucket(search, set.fields, NULL);
			continue;
		}
		dg_search_name(&set, party->unique);
		if (party->owner)
			dg_registry_for_each_place(party->owner, 0,
						   dg_search_place, &set);
	}
}

/* Whether a peer may own a name, or queue for it. */
bool dg_policy_may_own(const struct dg_policy_class *class, const char *name)
{
	struct dg_policy_party party = { .unique = name };
	struct dg_search search = {
		.policy = class->policy,
		.index = &class->index[DG_POLICY_OWN],
	};

	dg_search_all(&search, &party);
	return search.found && search.found->allow;
}

/**
 * dg_policy_may() - whether a message may be sent, or received
 * @class: of who sends it, or receives it
 * @kind: DG_POLICY_SEND or DG_POLICY_RECEIVE
 * @ask: the question
 *
 * Return: whether it may.
 */
bool dg_policy_may(const struct dg_policy_class *class,
		   enum dg_policy_kind kind, const struct dg_policy_ask *ask)
{
	struct dg_search search = {
		.policy = class->policy,
		.index = &class->index[kind],
		.ask = ask,
	};

	dg_search_all(&search, &ask->other);
	return search.found && search.found->allow;
}

static int dg_name_taken(void *data, const struct dg_place_info *place)
{
	return dg_rule_takes_name(data, place->name);
}

static bool dg_party_has(const struct dg_policy_party *party,
			 struct dg_policy_rule *rule)
{
	return dg_rule_takes_name(rule, party->unique) ||
	       (party->owner &&
		dg_registry_for_each_place(party->owner, 0, dg_name_taken,
					    rule));
}

/**
 * dg_policy_count() - how many rules match, of those that count
 * @class: as for dg_policy_may()
 * @kind: likewise
 * @ask: likewise
 *
 * For the text of a refusal alone: it looks at every rule of the class.
 *
 * Return: the number.
 */
unsigned int dg_policy_count(const struct dg_policy_class *class,
			     enum dg_policy_kind kind,
			     const struct dg_policy_ask *ask)
{
	const struct dg_policy_index *index = &class->index[kind];
	unsigned int n = 0;
	u32 i;

	for (i = 0; i < index->n_rules; i++) {
		struct dg_policy_rule *rule =
			&class->policy->rules[index->rules[i]];

		n += dg_rule_matches(rule, ask) &&
		     dg_party_has(&ask->other, rule);
	}
	return n;
}
