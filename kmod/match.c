// SPDX-License-Identifier: GPL-2.0-only
/*
 * match.c - the table of a bus's match rules
 *
 * A rule demands some things of a message: that it come from this sender, have
 * that interface, and so on.  The set of those demands that can be hashed is
 * the rule's *class*, and the rule lies in the table under a hash of what it
 * demands.  A message is looked up once for each class that any rule has:
 * hash of what the message has of the class's things, one bucket, and there
 * are the rules that want just this, for dg_match_applies() to look at what
 * was not hashed.  Rules that want something else cost nothing.
 *
 * Three demands hold for more than one value: a well-known sender's name (a
 * peer may own several), path_namespace (a path is within several) and
 * arg0namespace.  A class has at most one of them, and is looked up with each
 * value that the message has: as many as the sender has names, or the path or
 * argument has elements.
 *
 * What cannot be hashed so: argN of N > 0, argNpath, type, destination.
 */
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "alloc.h"
#include "match_rule.h"
#include "names.h"

/* The members of a class; the last three are those of several values. */
#define BY_SENDER_ID	BIT(0)	/* sender= a unique name, or the driver */
#define BY_INTERFACE	BIT(1)
#define BY_MEMBER	BIT(2)
#define BY_PATH		BIT(3)
#define BY_ARG0		BIT(4)
#define BY_SENDER_NAME	BIT(5)	/* sender= a well-known name */
#define BY_PATH_NS	BIT(6)	/* path_namespace= other than "/" */
#define BY_ARG0_NS	BIT(7)

#define N_EXACT		5
#define EXACT		(BIT(N_EXACT) - 1)
#define SEVERAL		(BY_SENDER_NAME | BY_PATH_NS | BY_ARG0_NS)

#define BITS_MIN	4
#define BITS_MAX	20

static u32 hash_text(const struct dg_match_table *table, const char *s,
		     size_t n)
{
	return hsiphash(s, n, &table->key);
}

static u32 hash_id(const struct dg_match_table *table, u64 id)
{
	return hsiphash_2u32(lower_32_bits(id), upper_32_bits(id), &table->key);
}

/* The hash of what @a and @b are the hashes of, in this order. */
static u32 hash_pair(const struct dg_match_table *table, u32 a, u32 b)
{
	return hsiphash_2u32(a, b, &table->key);
}

/* One hash of a class and of the hashes of its exact demands. */
static u32 hash_exact(const struct dg_match_table *table, unsigned int class,
		      const u32 *exact)
{
	u32 hash = class;
	unsigned int i;

	for (i = 0; i < N_EXACT; i++)
		if (class & BIT(i))
			hash = hash_pair(table, hash, exact[i]);
	return hash;
}

/**
 * struct prefixes - goes through what a path or a name is within, outermost
 *	first, and hashes each from the one before
 * @s: the path without its first '/', or the name
 * @len: its length
 * @pos: where the next element begins
 * @sep: what is between the elements
 * @hash: of the elements before @pos
 */
struct prefixes {
	const char *s;
	size_t len;
	size_t pos;
	char sep;
	u32 hash;
};

static struct prefixes prefixes_init(const char *s, size_t len, char sep)
{
	struct prefixes p = { .s = s, .len = len, .sep = sep };

	return p;
}

/*
 * Take in one element more; false after the last.  No rule is longer than
 * DG_MATCH_RULE_MAX, so what is further in is not asked for.
 */
static bool prefixes_next(struct prefixes *p,
			  const struct dg_match_table *table)
{
	const char *sep;
	size_t n;

	if (p->pos > min_t(size_t, p->len, DG_MATCH_RULE_MAX))
		return false;
	sep = memchr(p->s + p->pos, p->sep, p->len - p->pos);
	n = sep ? sep - (p->s + p->pos) : p->len - p->pos;
	p->hash = hash_pair(table, p->hash, hash_text(table, p->s + p->pos, n));
	p->pos += n + 1;
	return true;
}

static u32 hash_whole(const struct dg_match_table *table, const char *s,
		      size_t len, char sep)
{
	struct prefixes p = prefixes_init(s, len, sep);

	while (prefixes_next(&p, table))
		;
	return p.hash;
}

/* Find a rule's class and hash. */
static void classify(const struct dg_match_table *table,
		     struct dg_match_rule *rule)
{
	const struct dg_match_arg *arg0 = NULL;
	unsigned int class = 0;
	u32 exact[N_EXACT], several = 0;

	if (rule->n_args && rule->args[0].n == 0)
		arg0 = &rule->args[0];

	if (rule->sender_id || (rule->sender &&
				!strcmp(rule->sender, DG_DRIVER_NAME))) {
		class |= BY_SENDER_ID;
		exact[0] = hash_id(table, rule->sender_id);
	}
	if (rule->interface) {
		class |= BY_INTERFACE;
		exact[1] = hash_text(table, rule->interface,
				     strlen(rule->interface));
	}
	if (rule->member) {
		class |= BY_MEMBER;
		exact[2] = hash_text(table, rule->member, strlen(rule->member));
	}
	if (rule->path && !rule->path_is_namespace) {
		class |= BY_PATH;
		exact[3] = hash_text(table, rule->path, strlen(rule->path));
	}
	if (arg0 && arg0->kind == DG_MATCH_ARG_STRING) {
		class |= BY_ARG0;
		exact[4] = hash_text(table, arg0->value, arg0->len);
	}

	/* One of several values: what tells rules best apart comes first. */
	if (rule->path_is_namespace && rule->path[1]) {
		class |= BY_PATH_NS;
		several = hash_whole(table, rule->path + 1,
				     strlen(rule->path + 1), '/');
	} else if (arg0 && arg0->kind == DG_MATCH_ARG_NAMESPACE) {
		class |= BY_ARG0_NS;
		several = hash_whole(table, arg0->value, arg0->len, '.');
	} else if (rule->sender && !(class & BY_SENDER_ID)) {
		class |= BY_SENDER_NAME;
		several = hash_text(table, rule->sender, strlen(rule->sender));
	}

	rule->class = class;
	rule->hash = hash_exact(table, class, exact);
	if (class & SEVERAL)
		rule->hash = hash_pair(table, rule->hash, several);
}

static struct hlist_head *bucket_of(const struct dg_match_table *table,
				    u32 hash)
{
	return &table->buckets[hash >> (32 - table->bits)];
}

/* The place of an id in by_sender and by_dest. */
static u32 place_of_id(const struct dg_match_table *table, u64 id)
{
	return hash_id(table, id) >> (32 - table->bits);
}

static void add_to_buckets(struct dg_match_table *table,
			   struct dg_match_rule *rule)
{
	hlist_add_head(&rule->bucket, bucket_of(table, rule->hash));
	if (rule->sender_id)
		hlist_add_head(&rule->by_sender,
			       &table->by_sender[place_of_id(table,
							     rule->sender_id)]);
	if (rule->dest_id)
		hlist_add_head(&rule->by_dest,
			       &table->by_dest[place_of_id(table,
							   rule->dest_id)]);
}

/* False, and nothing has changed, if there is no memory. */
static bool make_buckets(struct dg_match_table *table, unsigned int bits)
{
	struct hlist_head *buckets;

	buckets = dg_kvcalloc(3 * BIT(bits), sizeof(*buckets));
	if (!buckets)
		return false;
	table->buckets = buckets;
	table->by_sender = buckets + BIT(bits);
	table->by_dest = table->by_sender + BIT(bits);
	table->bits = bits;
	return true;
}

int dg_match_table_init(struct dg_match_table *table)
{
	memset(table, 0, sizeof(*table));
	if (!make_buckets(table, BITS_MIN))
		return -ENOMEM;
	get_random_bytes(&table->key, sizeof(table->key));
	return 0;
}

void dg_match_table_destroy(struct dg_match_table *table)
{
	WARN_ON_ONCE(table->n_rules);
	kvfree(table->buckets);
	table->buckets = NULL;
}

void dg_match_owner_init(struct dg_match_owner *owner, atomic_t *held)
{
	INIT_LIST_HEAD(&owner->rules);
	owner->n_rules = 0;
	owner->held = held;
}

/* Twice as many buckets.  If there is no memory the chains just get longer. */
static void grow(struct dg_match_table *table)
{
	unsigned int i, n = BIT(table->bits);
	struct hlist_head *old = table->buckets;
	struct dg_match_rule *rule;
	struct hlist_node *next;

	if (!make_buckets(table, table->bits + 1))
		return;
	/* The old lists aren't looked at any more, just left. */
	for (i = 0; i < n; i++) {
		hlist_for_each_entry_safe(rule, next, &old[i], bucket)
			add_to_buckets(table, rule);
		cond_resched();
	}
	kvfree(old);
}

void dg_match_table_insert(struct dg_match_table *table,
			   struct dg_match_owner *owner,
			   struct dg_match_rule *rule)
{
	if (table->n_rules >= BIT(table->bits) && table->bits < BITS_MAX)
		grow(table);
	classify(table, rule);
	add_to_buckets(table, rule);
	table->n_rules++;
	if (!table->n_class[rule->class]++)
		__set_bit(rule->class, table->used);

	rule->owner = owner;
	rule->number = ++table->last_number;
	table->changes++;
	list_add(&rule->mine, &owner->rules);
	owner->n_rules++;
	if (owner->held)
		atomic_inc(owner->held);
}

static void remove_rule(struct dg_match_table *table,
			struct dg_match_rule *rule)
{
	hlist_del(&rule->bucket);
	if (rule->sender_id)
		hlist_del(&rule->by_sender);
	if (rule->dest_id)
		hlist_del(&rule->by_dest);
	table->n_rules--;
	table->changes++;
	if (!--table->n_class[rule->class])
		__clear_bit(rule->class, table->used);
	list_del(&rule->mine);
	rule->owner->n_rules--;
	if (rule->owner->held)
		atomic_dec(rule->owner->held);
	dg_match_rule_free(rule);
}

int dg_match_table_remove(struct dg_match_table *table,
			  struct dg_match_owner *owner,
			  const struct dg_match_rule *rule)
{
	struct dg_match_rule *mine;

	list_for_each_entry(mine, &owner->rules, mine) {
		cond_resched();
		if (dg_match_equal(mine, rule)) {
			remove_rule(table, mine);
			return 0;
		}
	}
	return -ENOENT;
}

void dg_match_table_remove_all(struct dg_match_table *table,
			       struct dg_match_owner *owner)
{
	struct dg_match_rule *rule, *next;

	list_for_each_entry_safe(rule, next, &owner->rules, mine) {
		remove_rule(table, rule);
		cond_resched();
	}
}

void dg_match_table_remove_naming(struct dg_match_table *table, u64 id,
				  void (*gone)(void *data,
					       const struct dg_match_rule *rule,
					       struct dg_match_owner *owner),
				  void *data)
{
	u32 place = place_of_id(table, id);
	struct dg_match_rule *rule;
	struct hlist_node *next;

	hlist_for_each_entry_safe(rule, next, &table->by_sender[place],
				  by_sender) {
		cond_resched();
		if (rule->sender_id != id)
			continue;
		gone(data, rule, rule->owner);
		remove_rule(table, rule);
	}
	hlist_for_each_entry_safe(rule, next, &table->by_dest[place],
				  by_dest) {
		cond_resched();
		if (rule->dest_id != id)
			continue;
		gone(data, rule, rule->owner);
		remove_rule(table, rule);
	}
}

int dg_match_owner_for_each(const struct dg_match_owner *owner, u64 before,
			    int (*fn)(void *data,
				      const struct dg_match_rule *rule,
				      u64 number),
			    void *data)
{
	struct dg_match_rule *rule;
	int ret;

	list_for_each_entry(rule, &owner->rules, mine) {
		if (rule->number >= before)
			continue;
		ret = fn(data, rule, rule->number);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * struct search - a message on its way through the table
 * @table: the table
 * @ctx: the message
 * @fn: for the caller of dg_match_table_for_each()
 * @data: for @fn
 * @has: what the message can be looked up by
 * @exact: hashes of its exact values
 * @arg0: its first argument, if that is a string
 * @arg0_len: length of @arg0
 * @class: the class that is being looked up
 * @hash: of @class and its exact values
 */
struct search {
	const struct dg_match_table *table;
	struct dg_match_ctx *ctx;
	int (*fn)(void *data, const struct dg_match_rule *rule,
		  struct dg_match_owner *owner);
	void *data;
	unsigned int has;
	u32 exact[N_EXACT];
	const char *arg0;
	u32 arg0_len;
	unsigned int class;
	u32 hash;
};

static int search_bucket(struct search *s, u32 hash)
{
	struct dg_match_rule *rule;
	int ret;

	hlist_for_each_entry(rule, bucket_of(s->table, hash), bucket) {
		/* As many as users like: the bus's lock is one that sleeps. */
		cond_resched();
		if (rule->hash != hash || rule->class != s->class ||
		    !dg_match_applies(rule, s->ctx))
			continue;
		ret = s->fn(s->data, rule, rule->owner);
		if (ret)
			return ret;
	}
	return 0;
}

static int search_sender_name(void *data, const char *name)
{
	struct search *s = data;
	u32 hash;

	cond_resched();
	hash = hash_text(s->table, name, strlen(name));

	return search_bucket(s, hash_pair(s->table, s->hash, hash));
}

static int search_prefixes(struct search *s, struct prefixes p)
{
	int ret;

	while (prefixes_next(&p, s->table)) {
		ret = search_bucket(s, hash_pair(s->table, s->hash, p.hash));
		if (ret)
			return ret;
	}
	return 0;
}

static int search_class(struct search *s)
{
	const char *path = s->ctx->msg->path;

	s->hash = hash_exact(s->table, s->class, s->exact);
	switch (s->class & SEVERAL) {
	case BY_SENDER_NAME:
		return dg_registry_for_each_owned(s->ctx->sender,
						  search_sender_name, s);
	case BY_PATH_NS:
		return search_prefixes(s, prefixes_init(path + 1,
							strlen(path + 1), '/'));
	case BY_ARG0_NS:
		return search_prefixes(s, prefixes_init(s->arg0, s->arg0_len,
							'.'));
	default:
		return search_bucket(s, s->hash);
	}
}

/* Hash what the message has. */
static void search_init(struct search *s)
{
	const struct dg_match_table *table = s->table;
	const struct dg_msg *msg = s->ctx->msg;

	s->has = BY_SENDER_ID;
	s->exact[0] = hash_id(table, s->ctx->sender ? s->ctx->sender->id : 0);
	if (s->ctx->sender)
		s->has |= BY_SENDER_NAME;
	if (msg->interface) {
		s->has |= BY_INTERFACE;
		s->exact[1] = hash_text(table, msg->interface,
					strlen(msg->interface));
	}
	if (msg->member) {
		s->has |= BY_MEMBER;
		s->exact[2] = hash_text(table, msg->member,
					strlen(msg->member));
	}
	if (msg->path) {
		s->has |= BY_PATH | BY_PATH_NS;
		s->exact[3] = hash_text(table, msg->path, strlen(msg->path));
	}
	if (dg_body_args_get(&s->ctx->args, 0, &s->arg0, &s->arg0_len) == 's') {
		s->has |= BY_ARG0 | BY_ARG0_NS;
		/* No rule is longer, so none wants a longer argument. */
		if (s->arg0_len > DG_MATCH_RULE_MAX)
			s->has &= ~BY_ARG0;
		else
			s->exact[4] = hash_text(table, s->arg0, s->arg0_len);
	}
}

int dg_match_table_for_each(const struct dg_match_table *table,
			    struct dg_match_ctx *ctx,
			    int (*fn)(void *data,
				      const struct dg_match_rule *rule,
				      struct dg_match_owner *owner),
			    void *data)
{
	struct search s = { .table = table, .ctx = ctx, .fn = fn, .data = data };
	int ret;

	search_init(&s);
	for_each_set_bit(s.class, table->used, DG_MATCH_CLASSES) {
		if (s.class & ~s.has)
			continue;
		ret = search_class(&s);
		if (ret)
			return ret;
	}
	return 0;
}
