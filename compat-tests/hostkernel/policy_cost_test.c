// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * policy_cost_test.c - a verdict meets only rules that could apply
 *
 * Linked with --wrap of what a verdict does with a rule, and of what it hashes to
 * find it: both are counted, with few rules and with many that can't apply.  So
 * are the comparisons with users at the console, to find a peer's class.
 */
#include <kunit/test.h>
#include <linux/dbus_genl.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/netlink.h>
#include <stdlib.h>

#include "policy.h"

static unsigned int looked_at, hashed, compared;

bool __real_dg_policy_rule_matches(const struct dg_policy_rule *rule,
				   const struct dg_policy_ask *ask);
bool __wrap_dg_policy_rule_matches(const struct dg_policy_rule *rule,
				   const struct dg_policy_ask *ask);
bool __real_dg_policy_rule_takes(const struct dg_policy_rule *rule,
				 const char *name);
bool __wrap_dg_policy_rule_takes(const struct dg_policy_rule *rule,
				 const char *name);
u32 __real_dg_policy_hash_text(const struct dg_policy *policy, const char *s,
			       size_t n);
u32 __wrap_dg_policy_hash_text(const struct dg_policy *policy, const char *s,
			       size_t n);
int __real_dg_policy_compare_users(const void *a, const void *b);
int __wrap_dg_policy_compare_users(const void *a, const void *b);

int __wrap_dg_policy_compare_users(const void *a, const void *b)
{
	compared++;
	return __real_dg_policy_compare_users(a, b);
}

bool __wrap_dg_policy_rule_matches(const struct dg_policy_rule *rule,
				   const struct dg_policy_ask *ask)
{
	looked_at++;
	return __real_dg_policy_rule_matches(rule, ask);
}

/* Of rules of OWN, which aren't asked whether they match, too. */
bool __wrap_dg_policy_rule_takes(const struct dg_policy_rule *rule,
				 const char *name)
{
	looked_at++;
	return __real_dg_policy_rule_takes(rule, name);
}

u32 __wrap_dg_policy_hash_text(const struct dg_policy *policy, const char *s,
			       size_t n)
{
	hashed++;
	return __real_dg_policy_hash_text(policy, s, n);
}

/* A blob under construction; a nest is closed when what is in it is there. */
struct blob {
	u8 *data;
	size_t len, size;
};

static size_t put(struct blob *b, u16 type, const void *data, size_t n)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + n, .nla_type = type };
	size_t at = b->len;

	if (b->len + NLA_ALIGN(NLA_HDRLEN + n) > b->size)
		abort();
	memcpy(b->data + at, &attr, sizeof(attr));
	if (n)
		memcpy(b->data + at + NLA_HDRLEN, data, n);
	b->len += NLA_ALIGN(NLA_HDRLEN + n);
	return at;
}

static void close_nest(struct blob *b, size_t at)
{
	u16 len = b->len - at;

	memcpy(b->data + at, &len, sizeof(len));
}

static void put_u8(struct blob *b, u16 type, u8 value)
{
	put(b, type, &value, sizeof(value));
}

/**
 * struct texts - what a rule demands; each is a format for a number, or NULL
 * @kind: &enum dbus_genl_rule_kind
 * @prefix: @name is one
 */
struct texts {
	u8 kind;
	const char *name;
	bool prefix;
	const char *interface;
	const char *member;
	const char *path;
	const char *error;
};

static void put_text(struct blob *b, u16 type, const char *format,
		     unsigned int number)
{
	char text[128];

	if (!format)
		return;
	scnprintf(text, sizeof(text), format, number);
	put(b, type, text, strlen(text) + 1);
}

static void put_rule(struct blob *b, const struct texts *t, bool allow,
		     unsigned int number)
{
	size_t at = put(b, DBUS_GENL_SECTION_A_RULE, NULL, 0);

	put_u8(b, DBUS_GENL_RULE_A_KIND, t->kind);
	put_u8(b, DBUS_GENL_RULE_A_ALLOW, allow);
	put_text(b, DBUS_GENL_RULE_A_NAME, t->name, number);
	if (t->prefix)
		put(b, DBUS_GENL_RULE_A_PREFIX, NULL, 0);
	put_text(b, DBUS_GENL_RULE_A_INTERFACE, t->interface, number);
	put_text(b, DBUS_GENL_RULE_A_MEMBER, t->member, number);
	put_text(b, DBUS_GENL_RULE_A_PATH, t->path, number);
	put_text(b, DBUS_GENL_RULE_A_ERROR, t->error, number);
	close_nest(b, at);
}

/* @n rules, of which a message can meet number 7 alone, that allows. */
static struct dg_policy *make_policy(struct kunit *test, const struct texts *t,
				     unsigned int n)
{
	enum { SECTION_RULES = 300 };
	struct blob b = { .size = DBUS_GENL_POLICY_MAX };
	struct dg_policy_complaint complaint = { };
	struct dg_policy *policy;
	size_t section = 0;
	unsigned int i;

	b.data = kvmalloc(b.size, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, b.data != NULL);
	for (i = 0; i < n; i++) {
		if (i % SECTION_RULES == 0) {
			section = put(&b, DBUS_GENL_POLICY_A_SECTION, NULL, 0);
			put_u8(&b, DBUS_GENL_SECTION_A_CONTEXT,
			       DBUS_GENL_CONTEXT_DEFAULT);
		}
		put_rule(&b, t, i == 7, i);
		if (i % SECTION_RULES == SECTION_RULES - 1 || i == n - 1)
			close_nest(&b, section);
	}
	policy = dg_policy_load(b.data, b.len, &init_user_ns, &complaint);
	KUNIT_ASSERT_FALSE(test, IS_ERR(policy));
	return policy;
}

static bool no_group(const void *data, kgid_t gid)
{
	return false;
}

/*
 * Longest bucket; rules of one hash, one after the other, are one in it: there are
 * many that a message which lacks what they demand meets, all of them.
 */
static unsigned int longest_chain(const struct dg_policy_index *index)
{
	unsigned int i, longest = 0;

	for (i = 0; i < (1U << index->bits); i++) {
		const struct dg_policy_node *node = index->buckets[i];
		unsigned int n = 0;

		for (; node; node = node->next)
			n += !node->next || node->next->hash != node->hash;
		longest = max(longest, n);
	}
	return longest;
}

/* One verdict on what meets number 7: what it costs among @n rules. */
static void verdict(struct kunit *test, const struct texts *t, unsigned int n,
		    const struct dg_msg *msg, const struct dg_owner *other)
{
	static const struct dg_policy_who nobody = {
		.uid = KUIDT_INIT(1000),
		.in_group = no_group,
	};
	const struct dg_policy_ask ask = {
		.msg = msg,
		.other = { .unique = ":1.7", .owner = other },
		.requested_reply = true,
	};
	struct dg_policy *policy = make_policy(test, t, n);
	enum dg_policy_kind kind = t->kind == DBUS_GENL_RULE_OWN ?
					   DG_POLICY_OWN :
				   t->kind == DBUS_GENL_RULE_SEND ?
					   DG_POLICY_SEND :
					   DG_POLICY_RECEIVE;
	struct dg_policy_class *class = dg_policy_class_get(policy, &nobody);
	bool may;

	KUNIT_ASSERT_FALSE(test, IS_ERR(class));
	KUNIT_EXPECT_EQ(test, class->index[kind].n_rules, n);
	looked_at = 0;
	hashed = 0;
	may = kind == DG_POLICY_OWN ? dg_policy_may_own(class, "o.n7.x") :
				      dg_policy_may(class, kind, &ask);
	KUNIT_EXPECT_TRUE(test, may);
	/* The table has a bucket for each, and the hash is good enough. */
	KUNIT_EXPECT_LE(test, longest_chain(&class->index[kind]), 32U);
	dg_policy_class_put(class);
	dg_policy_put(policy);
}

static void check(struct kunit *test, const struct texts *t, u8 type)
{
	const struct dg_msg msg = {
		.type = type,
		.serial = 1,
		.reply_serial = type == DG_MSG_ERROR,
		.path = type == DG_MSG_ERROR ? NULL : "/n7",
		.interface = type == DG_MSG_ERROR ? NULL : "i.n7",
		.member = type == DG_MSG_ERROR ? NULL : "M7",
		.error_name = type == DG_MSG_ERROR ? "e.n7" : NULL,
		.destination = ":1.7",
		.signature = "",
	};
	unsigned int few_looked_at, few_hashed;
	struct dg_name_change change;
	struct dg_registry names;
	struct dg_owner other;

	KUNIT_ASSERT_EQ(test, dg_registry_init(&names), 0);
	dg_owner_init(&other, 8, NULL);
	dg_registry_request(&names, &other, "o.n7.x", 0, &change);
	dg_registry_request(&names, &other, "o.other", 0, &change);

	verdict(test, t, 10, &msg, &other);
	few_looked_at = looked_at;
	few_hashed = hashed;
	KUNIT_EXPECT_NE(test, few_looked_at, 0U);
	KUNIT_EXPECT_LE(test, few_looked_at, 2U);
	verdict(test, t, 10000, &msg, &other);
	KUNIT_EXPECT_EQ_MSG(test, looked_at, few_looked_at,
			    "rules looked at, of 10 and of 10,000");
	KUNIT_EXPECT_EQ_MSG(test, hashed, few_hashed,
			    "texts hashed, of 10 and of 10,000");

	dg_registry_drop(&names, &other, NULL, NULL);
	dg_registry_destroy(&names);
}

static void cost_send(struct kunit *test)
{
	static const struct texts rules[] = {
		{ DBUS_GENL_RULE_SEND, .name = "o.n%u.x" },
		{ DBUS_GENL_RULE_SEND, .name = ":1.%u" },
		{ DBUS_GENL_RULE_SEND, .name = "o.n%u", .prefix = true },
		{ DBUS_GENL_RULE_SEND, .interface = "i.n%u" },
		{ DBUS_GENL_RULE_SEND, .member = "M%u" },
		{ DBUS_GENL_RULE_SEND, .path = "/n%u" },
		/* As services' files have them: all for one interface. */
		{ DBUS_GENL_RULE_SEND, .name = "o.n%u.x", .interface = "i.n7" },
		{ DBUS_GENL_RULE_SEND, .name = "o.n7.x", .interface = "i.n7",
		  .member = "M%u" },
		{ DBUS_GENL_RULE_SEND, .name = "o.n7", .prefix = true,
		  .interface = "i.n7", .member = "M7", .path = "/n%u" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		check(test, &rules[i], DG_MSG_CALL);
}

static void cost_receive(struct kunit *test)
{
	static const struct texts rules[] = {
		{ DBUS_GENL_RULE_RECEIVE, .name = "o.n%u.x" },
		{ DBUS_GENL_RULE_RECEIVE, .interface = "i.n%u",
		  .member = "M7" },
		{ DBUS_GENL_RULE_RECEIVE, .name = "o.n7.x", .path = "/n%u" },
	};
	static const struct texts error = { DBUS_GENL_RULE_RECEIVE,
					    .error = "e.n%u" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		check(test, &rules[i], DG_MSG_SIGNAL);
	check(test, &error, DG_MSG_ERROR);
}

static void cost_own(struct kunit *test)
{
	static const struct texts rules[] = {
		{ DBUS_GENL_RULE_OWN, .name = "o.n%u.x" },
		{ DBUS_GENL_RULE_OWN, .name = "o.n%u", .prefix = true },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		check(test, &rules[i], DG_MSG_CALL);
}

/*
 * What it takes to judge what goes to one who waits for 20 names behind @n_before
 * others, and to count the @n_rules that say so: steps of loops, and rules looked
 * at.
 */
static void cost_of_names(struct kunit *test, unsigned int n_before,
			  unsigned int n_rules, unsigned long *steps,
			  unsigned int *looked)
{
	enum { NAMES = 20 };
	static const struct texts rules = { DBUS_GENL_RULE_SEND,
					    .name = "o.n%u.x" };
	static const struct dg_policy_who nobody = {
		.uid = KUIDT_INIT(1000),
		.in_group = no_group,
	};
	const struct dg_msg msg = {
		.type = DG_MSG_CALL, .serial = 1, .path = "/x",
		.interface = "i.n", .member = "M", .destination = ":1.7",
		.signature = "",
	};
	struct dg_policy_ask ask = { .msg = &msg, .other.unique = ":1.7" };
	struct dg_owner *owners = kvcalloc(n_before + 1, sizeof(*owners),
					   GFP_KERNEL);
	struct dg_policy *policy = make_policy(test, &rules, n_rules);
	struct dg_policy_class *class = dg_policy_class_get(policy, &nobody);
	struct dg_name_change change;
	struct dg_registry names;
	unsigned int i, k;
	char text[32];

	KUNIT_ASSERT_FALSE(test, IS_ERR(class));
	KUNIT_ASSERT_EQ(test, dg_registry_init(&names), 0);
	for (i = 0; i <= n_before; i++) {
		dg_owner_init(&owners[i], i + 1, NULL);
		for (k = 0; k < NAMES; k++) {
			scnprintf(text, sizeof(text), "o.n%u.x", k);
			dg_registry_request(&names, &owners[i], text, 0,
					    &change);
		}
	}
	ask.other.owner = &owners[n_before];

	host_steps = 0;
	KUNIT_EXPECT_TRUE(test, dg_policy_may(class, DG_POLICY_SEND, &ask) ==
					(n_rules == 8));
	*steps = host_steps;
	looked_at = 0;
	KUNIT_EXPECT_EQ(test, dg_policy_count(class, DG_POLICY_SEND, &ask),
			(int)min_t(unsigned int, NAMES, n_rules));
	*looked = looked_at;
	host_fail_alloc(1);
	KUNIT_EXPECT_EQ(test, dg_policy_count(class, DG_POLICY_SEND, &ask),
			-ENOMEM);
	host_fail_alloc(0);

	for (i = 0; i <= n_before; i++)
		dg_registry_drop(&names, &owners[i], NULL, NULL);
	dg_registry_destroy(&names);
	dg_policy_class_put(class);
	dg_policy_put(policy);
	kvfree(owners);
}

/*
 * How long the queues are that somebody waits in makes no difference; and to
 * count rules costs as much as there are, not times the names.
 */
static void cost_names(struct kunit *test)
{
	unsigned long first, last;
	unsigned int looked;

	cost_of_names(test, 0, 8, &first, &looked);
	KUNIT_EXPECT_NE(test, first, 0UL);
	KUNIT_EXPECT_LE(test, looked, 2 * 8U);
	cost_of_names(test, 200, 8, &last, &looked);
	KUNIT_EXPECT_EQ(test, last, first);
	cost_of_names(test, 0, 1000, &last, &looked);
	KUNIT_EXPECT_LE(test, looked, 2 * 1000U);
}

/* Who is at the console is looked up once, in order, however many ask for it. */
static void cost_console(struct kunit *test)
{
	enum { BITS = 12, N = 1 << BITS };
	struct blob b = { .size = DBUS_GENL_POLICY_MAX };
	struct dg_policy_complaint complaint = { };
	struct dg_policy *policy;
	u32 users[N], i;

	b.data = kvmalloc(b.size, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, b.data != NULL);
	for (i = 0; i < N; i++) {
		size_t section = put(&b, DBUS_GENL_POLICY_A_SECTION, NULL, 0);

		put_u8(&b, DBUS_GENL_SECTION_A_AT_CONSOLE, i & 1);
		close_nest(&b, section);
		users[i] = 2 * (N - i);
	}
	put(&b, DBUS_GENL_POLICY_A_CONSOLE, users, sizeof(users));
	policy = dg_policy_load(b.data, b.len, &init_user_ns, &complaint);
	KUNIT_ASSERT_FALSE(test, IS_ERR(policy));

	/* The even ones are there. */
	for (i = 2; i < 2 * N + 2; i += 111) {
		const struct dg_policy_who who = { .uid = KUIDT_INIT(i),
						   .in_group = no_group };
		struct dg_policy_class *class;

		compared = 0;
		class = dg_policy_class_get(policy, &who);
		KUNIT_ASSERT_FALSE(test, IS_ERR(class));
		KUNIT_EXPECT_NE(test, compared, 0U);
		KUNIT_EXPECT_LE(test, compared, BITS + 1U);
		/* at_console true comes before false. */
		KUNIT_EXPECT_EQ(test, !(class->sections[0] & 1), i % 2);
		dg_policy_class_put(class);
	}
	dg_policy_put(policy);
}

static struct kunit_case cost_cases[] = {
	KUNIT_CASE(cost_send),
	KUNIT_CASE(cost_receive),
	KUNIT_CASE(cost_own),
	KUNIT_CASE(cost_names),
	KUNIT_CASE(cost_console),
	{}
};

static struct kunit_suite cost_suite = {
	.name = "policy_cost",
	.test_cases = cost_cases,
};

kunit_test_suite(cost_suite);
