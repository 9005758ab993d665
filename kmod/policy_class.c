// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy_class.c - the rules of a policy that are for one kind of peer
 *
 * Peers that the same sections are for share a class, which goes with the last
 * of them.  Its rules are indexed by
 * all texts that they demand at once, as match rules are in match.c: a rule
 * lies in the table under the hash of these.  A rule that also takes a message
 * which lacks one of them lies there once more, under the hash with "absent" in
 * its place.  So a verdict looks at the rules whose texts are the message's,
 * and at those that demand none; how many there are besides doesn't matter.
 */
#include <linux/bitops.h>
#include <linux/bsearch.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "alloc.h"
#include "policy.h"

#define DG_BITS_MIN	2
#define DG_BITS_MAX	18

/* A header field that a message lacks. */
#define DG_HASH_ABSENT	0x5ca1ab1e

u32 dg_policy_hash_text(const struct dg_policy *policy, const char *s, size_t n)
{
	return s ? hsiphash(s, n, &policy->key) : DG_HASH_ABSENT;
}

/* The hash of what @a and @b are the hashes of, in this order. */
u32 dg_policy_hash_join(const struct dg_policy *policy, u32 a, u32 b)
{
	return hsiphash_2u32(a, b, &policy->key);
}

static bool dg_at_console(const struct dg_policy *policy, kuid_t uid)
{
	return policy->n_console &&
	       bsearch(&uid, policy->console, policy->n_console,
		       sizeof(*policy->console), dg_policy_compare_users);
}

static bool dg_section_is_for(const struct dg_policy_section *section,
			      const struct dg_policy_who *who, bool at_console)
{
	kgid_t gid;

	if (section->unmapped)
		return false;

	switch (section->rank) {
	case DG_RANK_USER:
		return __kuid_val(who->uid) == section->id;
	case DG_RANK_GROUP:
		gid = KGIDT_INIT(section->id);
		return who->in_group(who->data, gid);
	case DG_RANK_AT_CONSOLE:
	case DG_RANK_NOT_AT_CONSOLE:
		return at_console == (section->rank == DG_RANK_AT_CONSOLE);
	default:
		return true;
	}
}

/**
 * dg_policy_may_connect() - whether somebody may join the bus
 * @policy: the bus's policy
 * @who: who
 * @otherwise: if no rule says anything
 *
 * Return: whether it may.
 */
bool dg_policy_may_connect(const struct dg_policy *policy,
			   const struct dg_policy_who *who, bool otherwise)
{
	u32 i;

	/* Of several that match, the last counts: from the last on. */
	for (i = policy->n_rules; i-- > 0;) {
		const struct dg_policy_rule *rule = &policy->rules[i];
		bool user = rule->kind == DG_POLICY_CONNECT_USER;

		if (!user && rule->kind != DG_POLICY_CONNECT_GROUP)
			continue;
		if (rule->any ||
		    (!rule->unmapped &&
		     (user ? uid_eq(rule->uid, who->uid) :
			     who->in_group(who->data, rule->gid))))
			return rule->allow;
	}
	return otherwise;
}

/* A rule of SEND or RECEIVE that makes what is before it void. */
static bool dg_rule_is_last_word(const struct dg_policy_rule *rule)
{
	return (rule->kind == DG_POLICY_SEND ||
		rule->kind == DG_POLICY_RECEIVE) &&
	       !rule->by && !rule->type;
}

/* Which of its texts a message may lack and meet the rule all the same. */
static u8 dg_rule_lenient(const struct dg_policy_rule *rule)
{
	u8 lenient = DG_BY_MEMBER | DG_BY_PATH | DG_BY_ERROR;

	if (rule->kind == DG_POLICY_OWN)
		return 0;
	if (!rule->allow)
		lenient |= DG_BY_INTERFACE;
	/* These are always there. */
	if (rule->type == DG_MSG_CALL || rule->type == DG_MSG_SIGNAL)
		lenient &= ~(DG_BY_MEMBER | DG_BY_PATH);
	if (rule->type == DG_MSG_SIGNAL)
		lenient &= ~DG_BY_INTERFACE;
	if (rule->type == DG_MSG_ERROR)
		lenient &= ~DG_BY_ERROR;
	return rule->by & lenient;
}

/* How many subsets a set has, itself and the empty one included. */
static u32 dg_subsets(u8 set)
{
	return 1U << hweight8(set);
}

static u32 dg_hash_field(const struct dg_policy *policy, u32 hash, bool absent,
			 const char *text)
{
	if (absent)
		text = NULL;
	return dg_policy_hash_join(policy, hash,
				   dg_policy_hash_text(policy, text,
						       text ? strlen(text) : 0));
}

/* In the order of dg_policy_look_up() in policy.c. */
static u32 dg_rule_hash(const struct dg_policy *policy,
			const struct dg_policy_rule *rule, u8 absent)
{
	u32 hash = rule->by;

	if (rule->by & DG_BY_INTERFACE)
		hash = dg_hash_field(policy, hash, absent & DG_BY_INTERFACE,
				     rule->interface);
	if (rule->by & DG_BY_MEMBER)
		hash = dg_hash_field(policy, hash, absent & DG_BY_MEMBER,
				     rule->member);
	if (rule->by & DG_BY_PATH)
		hash = dg_hash_field(policy, hash, absent & DG_BY_PATH,
				     rule->path);
	if (rule->by & DG_BY_ERROR)
		hash = dg_hash_field(policy, hash, absent & DG_BY_ERROR,
				     rule->error);
	if (rule->by & DG_BY_ANY_NAME)
		hash = dg_hash_field(policy, hash, false, rule->name);
	return hash;
}

static void dg_index_insert(struct dg_policy_index *index,
			    struct dg_policy_node *node, u32 hash, u32 rule)
{
	struct dg_policy_node **bucket =
		&index->buckets[hash >> (32 - index->bits)];

	node->hash = hash;
	node->rule = rule;
	node->next = *bucket;
	*bucket = node;
}

/* Fills an index; @index->rules is there. */
static int dg_index_build(const struct dg_policy *policy,
			  struct dg_policy_index *index)
{
	struct dg_policy_node *node;
	u32 n_nodes = 0, i;

	for (i = 0; i < index->n_rules; i++)
		n_nodes += dg_subsets(dg_rule_lenient(
			&policy->rules[index->rules[i]]));

	index->bits = DG_BITS_MIN;
	while (index->bits < DG_BITS_MAX && (1U << index->bits) < n_nodes)
		index->bits++;
	index->nodes = dg_kvcalloc(n_nodes + 1, sizeof(*index->nodes));
	index->buckets = dg_kvcalloc(1U << index->bits,
				     sizeof(*index->buckets));
	if (!index->nodes || !index->buckets)
		return -ENOMEM;

	node = index->nodes;
	for (i = 0; i < index->n_rules; i++) {
		const struct dg_policy_rule *rule =
			&policy->rules[index->rules[i]];
		u8 lenient = dg_rule_lenient(rule), absent = lenient;

		index->by |= 1ULL << rule->by;
		/* Every subset of what may be absent. */
		for (;;) {
			dg_index_insert(index, node++,
					dg_rule_hash(policy, rule, absent),
					index->rules[i]);
			if (!absent)
				break;
			absent = (absent - 1) & lenient;
		}
	}
	return 0;
}

static void dg_class_release(struct kref *ref)
{
	struct dg_policy_class *class =
		container_of(ref, struct dg_policy_class, ref);
	unsigned int kind;

	if (!list_empty(&class->node))
		list_del(&class->node);
	for (kind = 0; kind < DG_POLICY_INDEXED; kind++) {
		kvfree(class->index[kind].rules);
		kvfree(class->index[kind].nodes);
		kvfree(class->index[kind].buckets);
	}
	dg_policy_put(class->policy);
	kvfree(class);
}

/**
 * dg_policy_class_build() - index the rules of a class
 * @class: from dg_policy_class_new(), not built yet
 *
 * This takes long if there are many rules.  It needs no lock.
 *
 * Return: 0 or -ENOMEM: @class is still to be put then.
 */
int dg_policy_class_build(struct dg_policy_class *class)
{
	const struct dg_policy *policy = class->policy;
	u32 count[DG_POLICY_INDEXED] = { };
	struct dg_policy_index *index;
	unsigned long i;
	unsigned int kind;
	u32 k;
	int err;

	for_each_set_bit(i, class->sections, policy->n_sections)
		for (k = 0; k < policy->sections[i].n; k++) {
			kind = policy->rules[policy->sections[i].first + k].kind;
			if (kind < DG_POLICY_INDEXED)
				count[kind]++;
		}
	for (kind = 0; kind < DG_POLICY_INDEXED; kind++) {
		index = &class->index[kind];
		index->rules = dg_kvcalloc(count[kind] + 1,
					   sizeof(*index->rules));
		if (!index->rules)
			return -ENOMEM;
	}

	for_each_set_bit(i, class->sections, policy->n_sections)
		for (k = 0; k < policy->sections[i].n; k++) {
			u32 number = policy->sections[i].first + k;

			kind = policy->rules[number].kind;
			if (kind >= DG_POLICY_INDEXED)
				continue;
			index = &class->index[kind];
			if (dg_rule_is_last_word(&policy->rules[number]))
				index->n_rules = 0;
			index->rules[index->n_rules++] = number;
		}
	for (kind = 0; kind < DG_POLICY_INDEXED; kind++) {
		err = dg_index_build(policy, &class->index[kind]);
		if (err)
			return err;
	}
	return 0;
}

static size_t dg_class_size(const struct dg_policy *policy)
{
	return BITS_TO_LONGS(policy->n_sections) * sizeof(long);
}

/**
 * dg_policy_class_new() - a class that says which sections are for a peer
 * @policy: its bus's policy; the caller has a reference, or the lock
 * @who: who the peer is
 *
 * It can be looked for, then.  To give verdicts it must be built.
 *
 * Return: the class, to be put; or ERR_PTR(-ENOMEM).
 */
struct dg_policy_class *dg_policy_class_new(struct dg_policy *policy,
					    const struct dg_policy_who *who)
{
	bool at_console = dg_at_console(policy, who->uid);
	struct dg_policy_class *class;
	u32 i;

	class = dg_kvcalloc(1, sizeof(*class) + dg_class_size(policy));
	if (!class)
		return ERR_PTR(-ENOMEM);
	kref_init(&class->ref);
	INIT_LIST_HEAD(&class->node);
	kref_get(&policy->ref);
	class->policy = policy;
	for (i = 0; i < policy->n_sections; i++)
		if (dg_section_is_for(&policy->sections[i], who, at_console))
			__set_bit(i, class->sections);
	return class;
}

/**
 * dg_policy_class_find() - a class that is there, for the same sections
 * @like: one from dg_policy_class_new(); the caller holds the lock
 *
 * Return: the class, to be put; NULL if there is none.
 */
struct dg_policy_class *dg_policy_class_find(const struct dg_policy_class *like)
{
	struct dg_policy_class *class;

	list_for_each_entry(class, &like->policy->classes, node) {
		if (memcmp(class->sections, like->sections,
			   dg_class_size(like->policy)))
			continue;
		kref_get(&class->ref);
		return class;
	}
	return NULL;
}

/**
 * dg_policy_class_list() - let others find a class
 * @class: the class, built; the caller holds the lock for writing
 *
 * Return: @class; or the one for the same sections that has been there already,
 * in its place.
 */
struct dg_policy_class *dg_policy_class_list(struct dg_policy_class *class)
{
	struct dg_policy_class *other;

	if (!list_empty(&class->node))
		return class;

	other = dg_policy_class_find(class);
	if (other) {
		dg_policy_class_put(class);
		return other;
	}
	list_add_tail(&class->node, &class->policy->classes);
	return class;
}

/**
 * dg_policy_class_get() - the class of a peer
 * @policy: the bus's policy; the caller holds the lock for writing
 * @who: who the peer is
 *
 * Return: the class, to be put; or ERR_PTR(-ENOMEM), and nothing has changed.
 */
struct dg_policy_class *dg_policy_class_get(struct dg_policy *policy,
					    const struct dg_policy_who *who)
{
	struct dg_policy_class *class, *other;
	int err;

	class = dg_policy_class_new(policy, who);
	if (IS_ERR(class))
		return class;

	other = dg_policy_class_find(class);
	if (other) {
		dg_policy_class_put(class);
		return other;
	}
	err = dg_policy_class_build(class);
	if (err) {
		dg_policy_class_put(class);
		return ERR_PTR(err);
	}
	list_add_tail(&class->node, &policy->classes);
	return class;
}

/* NULL is nothing.  The caller holds the lock for writing, if it is listed. */
void dg_policy_class_put(struct dg_policy_class *class)
{
	if (class)
		kref_put(&class->ref, dg_class_release);
}
