// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy.c - verdicts: which of a class's rules match, and what the last says
 *
 * A message is looked up once for each set of texts that
 * any rule demands (policy_class.c); a set that has the other party's name once
 * for each of its names, or of their beginnings.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "policy.h"

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

		/* The latest is the first in its bucket. */
		if (rule <= search->found)
			return;
		if (node->hash == hash &&
		    (!search->ask ||
		     dg_policy_rule_matches(rule, search->ask)) &&
		    dg_policy_rule_takes(rule, name))
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

/* As in a dictionary in which '.' comes before all that names are made of. */
static int dg_name_order(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (*a == '.' ? 1 : (u8)*a) - (*b == '.' ? 1 : (u8)*b);
}

static int dg_name_compare(const void *a, const void *b)
{
	cond_resched();
	return dg_name_order(*(const char *const *)a, *(const char *const *)b);
}

/**
 * struct dg_party_names - all names of a party
 * @list: by dg_name_order()
 * @n: how many
 */
struct dg_party_names {
	const char **list;
	unsigned int n;
};

static int dg_party_add_place(void *data, const struct dg_place_info *place)
{
	struct dg_party_names *names = data;

	names->list[names->n++] = place->name;
	return 0;
}

/* For dg_party_names_free() if it returns 0; -ENOMEM. */
static int dg_party_names_get(struct dg_party_names *names,
			      const struct dg_policy_party *party)
{
	unsigned int n = 1 + (party->owner ? party->owner->n_places : 0);

	names->list = kvcalloc(n, sizeof(*names->list), GFP_KERNEL);
	if (!names->list)
		return -ENOMEM;

	names->list[0] = party->unique;
	names->n = 1;
	if (party->owner)
		dg_registry_for_each_place(party->owner, 0, dg_party_add_place,
					   names);
	sort(names->list, names->n, sizeof(*names->list), dg_name_compare,
	     NULL);
	return 0;
}

static void dg_party_names_free(struct dg_party_names *names)
{
	kvfree(names->list);
}

/*
 * Whether a rule means any of them.  The names within a prefix follow upon it,
 * so that the first that isn't before the rule's is one if there is any.
 */
static bool dg_party_has(const struct dg_party_names *names,
			 const struct dg_policy_rule *rule)
{
	unsigned int low = 0, high = names->n;

	while (rule->name && low < high) {
		unsigned int middle = (low + high) / 2;

		if (dg_name_order(names->list[middle], rule->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < names->n && dg_policy_rule_takes(rule, names->list[low]);
}

/**
 * dg_policy_count() - how many rules match, of those that count
 * @class: as for dg_policy_may()
 * @kind: likewise
 * @ask: likewise
 *
 * For the text of a refusal alone: it looks at every rule of the class.
 *
 * Return: the number; or -ENOMEM.
 */
int dg_policy_count(const struct dg_policy_class *class,
		    enum dg_policy_kind kind, const struct dg_policy_ask *ask)
{
	const struct dg_policy_index *index = &class->index[kind];
	struct dg_party_names names;
	int n = 0, err;
	u32 i;

	err = dg_party_names_get(&names, &ask->other);
	if (err)
		return err;
	for (i = 0; i < index->n_rules; i++) {
		const struct dg_policy_rule *rule =
			&class->policy->rules[index->rules[i]];

		n += dg_policy_rule_matches(rule, ask) &&
		     dg_party_has(&names, rule);
		cond_resched();
	}
	dg_party_names_free(&names);
	return n;
}
