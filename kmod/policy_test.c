// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy_test.c - KUnit tests of policies: blobs, classes, verdicts
 */
#include <kunit/test.h>
#include <linux/dbus_genl.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "policy.h"

/* A blob under construction; nests are closed in reverse. */
struct blob {
	size_t len;
	u8 data[4096];
};

static size_t put(struct blob *b, u16 type, const void *data, size_t n)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + n, .nla_type = type };
	size_t at = b->len;

	memcpy(b->data + at, &attr, sizeof(attr));
	if (n)
		memcpy(b->data + at + NLA_HDRLEN, data, n);
	b->len += NLA_ALIGN(NLA_HDRLEN + n);
	return at;
}

static void put_u8(struct blob *b, u16 type, u8 value)
{
	put(b, type, &value, sizeof(value));
}

static void put_u32(struct blob *b, u16 type, u32 value)
{
	put(b, type, &value, sizeof(value));
}

static void put_text(struct blob *b, u16 type, const char *s)
{
	put(b, type, s, strlen(s) + 1);
}

static size_t open_nest(struct blob *b, u16 type)
{
	return put(b, type, NULL, 0);
}

static void close_nest(struct blob *b, size_t at)
{
	u16 len = b->len - at;

	memcpy(b->data + at, &len, sizeof(len));
}

static size_t open_context(struct blob *b, u8 context)
{
	size_t at = open_nest(b, DBUS_GENL_POLICY_A_SECTION);

	put_u8(b, DBUS_GENL_SECTION_A_CONTEXT, context);
	return at;
}

static size_t open_rule(struct blob *b, u8 kind, bool allow)
{
	size_t at = open_nest(b, DBUS_GENL_SECTION_A_RULE);

	put_u8(b, DBUS_GENL_RULE_A_KIND, kind);
	put_u8(b, DBUS_GENL_RULE_A_ALLOW, allow);
	return at;
}

/* A rule with one text, or none. */
static void put_rule(struct blob *b, u8 kind, bool allow, u16 type,
		     const char *text)
{
	size_t at = open_rule(b, kind, allow);

	if (text)
		put_text(b, type, text);
	close_nest(b, at);
}

static struct dg_policy *load(const struct blob *b,
			      struct dg_policy_complaint *complaint)
{
	void *copy = kvmalloc(b->len + 1, GFP_KERNEL);
	struct dg_policy *policy;

	if (!copy)
		return ERR_PTR(-ENOMEM);
	memcpy(copy, b->data, b->len);
	policy = dg_policy_load(copy, b->len, &init_user_ns, complaint);
	if (IS_ERR(policy))
		kvfree(copy);
	return policy;
}

static bool no_group(const void *data, kgid_t gid)
{
	return false;
}

/* In the one group whose number @data leads to. */
static bool one_group(const void *data, kgid_t gid)
{
	return gid_eq(gid, KGIDT_INIT(*(const u32 *)data));
}

static const struct dg_policy_who nobody = {
	.uid = KUIDT_INIT(1000),
	.in_group = no_group,
};

static const struct dg_msg a_call = {
	.type = DG_MSG_CALL,
	.serial = 1,
	.path = "/p",
	.interface = "i.f",
	.member = "M",
	.destination = ":1.1",
	.signature = "",
};

static bool may_send(const struct dg_policy_class *class,
		     const struct dg_msg *msg, const char *to)
{
	struct dg_policy_ask ask = { .msg = msg, .other = { .unique = to } };

	return dg_policy_may(class, DG_POLICY_SEND, &ask);
}

static void policy_empty(struct kunit *test)
{
	struct dg_policy_complaint complaint;
	struct blob *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct dg_policy_class *class;
	struct dg_policy *policy;

	KUNIT_ASSERT_TRUE(test, b != NULL);
	policy = load(b, &complaint);
	KUNIT_ASSERT_FALSE(test, IS_ERR(policy));
	class = dg_policy_class_get(policy, &nobody);
	KUNIT_ASSERT_FALSE(test, IS_ERR(class));
	KUNIT_EXPECT_FALSE(test, may_send(class, &a_call, ":1.1"));
	KUNIT_EXPECT_FALSE(test, dg_policy_may_own(class, "a.b"));
	KUNIT_EXPECT_TRUE(test, dg_policy_may_connect(policy, &nobody, true));
	KUNIT_EXPECT_FALSE(test, dg_policy_may_connect(policy, &nobody, false));
	dg_policy_class_put(class);
	dg_policy_put(policy);
	kfree(b);
}

/* Whatever says to which call it replies is one, and rules ask whether it may. */
static void policy_replies(struct kunit *test)
{
	static const u8 types[] = { DG_MSG_CALL, DG_MSG_RETURN, DG_MSG_ERROR,
				    DG_MSG_SIGNAL };
	struct dg_policy_complaint complaint;
	struct blob *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct dg_policy_class *class;
	struct dg_policy *policy;
	size_t section;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, b != NULL);
	section = open_context(b, DBUS_GENL_CONTEXT_DEFAULT);
	put_rule(b, DBUS_GENL_RULE_SEND, true, 0, NULL);
	close_nest(b, section);
	policy = load(b, &complaint);
	KUNIT_ASSERT_FALSE(test, IS_ERR(policy));
	class = dg_policy_class_get(policy, &nobody);
	KUNIT_ASSERT_FALSE(test, IS_ERR(class));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		struct dg_msg msg = a_call;
		struct dg_policy_ask ask = { .msg = &msg,
					     .other = { .unique = ":1.1" } };

		msg.type = types[i];
		KUNIT_EXPECT_TRUE(test, may_send(class, &msg, ":1.1"));
		msg.reply_serial = 7;
		KUNIT_EXPECT_FALSE(test, may_send(class, &msg, ":1.1"));
		ask.requested_reply = true;
		KUNIT_EXPECT_TRUE(test,
				  dg_policy_may(class, DG_POLICY_SEND, &ask));
	}
	dg_policy_class_put(class);
	dg_policy_put(policy);
	kfree(b);
}

static void policy_last_match(struct kunit *test)
{
	struct dg_policy_complaint complaint;
	struct blob *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct dg_msg msg = a_call;
	struct dg_policy_ask ask = { .msg = &msg,
				     .other = { .unique = ":1.1" } };
	struct dg_policy_class *class;
	struct dg_policy *policy;
	size_t section;

	KUNIT_ASSERT_TRUE(test, b != NULL);
	/* Mandatory comes last wherever it stands. */
	section = open_context(b, DBUS_GENL_CONTEXT_MANDATORY);
	put_rule(b, DBUS_GENL_RULE_SEND, false, DBUS_GENL_RULE_A_INTERFACE,
		 "i.bad");
	close_nest(b, section);
	section = open_context(b, DBUS_GENL_CONTEXT_DEFAULT);
	put_rule(b, DBUS_GENL_RULE_SEND, false, 0, NULL);
	put_rule(b, DBUS_GENL_RULE_SEND, true, DBUS_GENL_RULE_A_MEMBER, "M");
	put_rule(b, DBUS_GENL_RULE_SEND, false, DBUS_GENL_RULE_A_NAME, ":1.2");
	put_rule(b, DBUS_GENL_RULE_SEND, true, DBUS_GENL_RULE_A_INTERFACE,
		 "i.bad");
	close_nest(b, section);

	policy = load(b, &complaint);
	KUNIT_ASSERT_FALSE(test, IS_ERR(policy));
	class = dg_policy_class_get(policy, &nobody);
	KUNIT_ASSERT_FALSE(test, IS_ERR(class));
	KUNIT_EXPECT_TRUE(test, may_send(class, &msg, ":1.1"));
	KUNIT_EXPECT_EQ(test, dg_policy_count(class, DG_POLICY_SEND, &ask), 2);
	KUNIT_EXPECT_FALSE(test, may_send(class, &msg, ":1.2"));
	msg.interface = "i.bad";
	KUNIT_EXPECT_FALSE(test, may_send(class, &msg, ":1.1"));
	/* No interface: as good as the denied one, but not as the allowed. */
	msg.interface = NULL;
	KUNIT_EXPECT_FALSE(test, may_send(class, &msg, ":1.1"));
	KUNIT_EXPECT_EQ(test, dg_policy_count(class, DG_POLICY_SEND, &ask), 3);
	msg.interface = "i.f";
	msg.member = "N";
	KUNIT_EXPECT_FALSE(test, may_send(class, &msg, ":1.1"));
	dg_policy_class_put(class);
	dg_policy_put(policy);
	kfree(b);
}

/* Rules count that mean any name of the other party's, and once. */
static void policy_count_names(struct kunit *test)
{
	static const char *const names[] = { "a.b-c.d", "a.bc", "x.y",
					     "a.b.c.d", "a.b.c.e" };
	static const char *const yes[] = { "a.b.c.d", "a.b-c.d", "x.y" };
	static const char *const no[] = { "a.b", "a.b.c", "x.y.z", "a", "z" };
	static const char *const prefix[] = { "a", "a.b", "a.b.c", "a.b-c",
					      "a.b.c.e", "x.y" };
	static const char *const no_prefix[] = { "a.b-", "a.b.c.d.e", "x.y.z",
						 "y", "a.b.c.f" };
	struct dg_policy_complaint complaint;
	struct blob *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct dg_msg msg = a_call;
	struct dg_policy_ask ask = { .msg = &msg,
				     .other = { .unique = ":1.1" } };
	struct dg_policy_class *class;
	struct dg_name_change change;
	struct dg_registry registry;
	struct dg_policy *policy;
	struct dg_owner owner;
	size_t section, rule;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, b != NULL);
	section = open_context(b, DBUS_GENL_CONTEXT_DEFAULT);
	put_rule(b, DBUS_GENL_RULE_SEND, false, DBUS_GENL_RULE_A_NAME, ":1.1");
	for (i = 0; i < ARRAY_SIZE(yes); i++)
		put_rule(b, DBUS_GENL_RULE_SEND, false, DBUS_GENL_RULE_A_NAME,
			 yes[i]);
	for (i = 0; i < ARRAY_SIZE(no); i++)
		put_rule(b, DBUS_GENL_RULE_SEND, false, DBUS_GENL_RULE_A_NAME,
			 no[i]);
	for (i = 0; i < ARRAY_SIZE(prefix) + ARRAY_SIZE(no_prefix); i++) {
		rule = open_rule(b, DBUS_GENL_RULE_SEND, false);
		put_text(b, DBUS_GENL_RULE_A_NAME,
			 i < ARRAY_SIZE(prefix) ?
				 prefix[i] : no_prefix[i - ARRAY_SIZE(prefix)]);
		put(b, DBUS_GENL_RULE_A_PREFIX, NULL, 0);
		close_nest(b, rule);
	}
	close_nest(b, section);
	policy = load(b, &complaint);
	KUNIT_ASSERT_FALSE(test, IS_ERR(policy));
	class = dg_policy_class_get(policy, &nobody);
	KUNIT_ASSERT_FALSE(test, IS_ERR(class));

	KUNIT_EXPECT_EQ(test, dg_policy_count(class, DG_POLICY_SEND, &ask), 1);
	KUNIT_ASSERT_EQ(test, dg_registry_init(&registry), 0);
	dg_owner_init(&owner, 2, NULL);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		dg_registry_request(&registry, &owner, names[i], 0, &change);
	ask.other.owner = &owner;
	KUNIT_EXPECT_EQ(test, dg_policy_count(class, DG_POLICY_SEND, &ask),
			(int)(1 + ARRAY_SIZE(yes) + ARRAY_SIZE(prefix)));

	dg_registry_drop(&registry, &owner, NULL, NULL);
	dg_registry_destroy(&registry);
	dg_policy_class_put(class);
	dg_policy_put(policy);
	kfree(b);
}

static void policy_own(struct kunit *test)
{
	static const struct {
		const char *name;
		bool may;
	} cases[] = {
		{ "a.b", true },    { "a.b.c", false }, { "a.b.c.d", false },
		{ "a.bc", false },  { "a.b.d", true },	{ "a", false },
		{ "x.y", true },    { "x.y.z", false },
	};
	struct dg_policy_complaint complaint;
	struct blob *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct dg_policy_class *class;
	struct dg_policy *policy;
	size_t section, rule;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, b != NULL);
	section = open_context(b, DBUS_GENL_CONTEXT_DEFAULT);
	rule = open_rule(b, DBUS_GENL_RULE_OWN, true);
	put_text(b, DBUS_GENL_RULE_A_NAME, "a.b");
	put(b, DBUS_GENL_RULE_A_PREFIX, NULL, 0);
	close_nest(b, rule);
	rule = open_rule(b, DBUS_GENL_RULE_OWN, false);
	put_text(b, DBUS_GENL_RULE_A_NAME, "a.b.c");
	put(b, DBUS_GENL_RULE_A_PREFIX, NULL, 0);
	close_nest(b, rule);
	put_rule(b, DBUS_GENL_RULE_OWN, true, DBUS_GENL_RULE_A_NAME, "x.y");
	close_nest(b, section);

	policy = load(b, &complaint);
	KUNIT_ASSERT_FALSE(test, IS_ERR(policy));
	class = dg_policy_class_get(policy, &nobody);
	KUNIT_ASSERT_FALSE(test, IS_ERR(class));
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    dg_policy_may_own(class, cases[i].name),
				    cases[i].may, "%s", cases[i].name);
	dg_policy_class_put(class);
	dg_policy_put(policy);
	kfree(b);
}

/* Peers that the same sections are for share a class; it goes with the last. */
static void policy_classes(struct kunit *test)
{
	const u32 fifty = 50, sixty = 60;
	struct dg_policy_who in_fifty = { .uid = KUIDT_INIT(1),
					  .in_group = one_group,
					  .data = &fifty };
	struct dg_policy_who in_sixty = { .uid = KUIDT_INIT(2),
					  .in_group = one_group,
					  .data = &sixty };
	struct dg_policy_class *one, *two, *three;
	struct dg_policy_complaint complaint;
	struct blob *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct dg_policy *policy;
	size_t section, rule;

	KUNIT_ASSERT_TRUE(test, b != NULL);
	section = open_nest(b, DBUS_GENL_POLICY_A_SECTION);
	put_u32(b, DBUS_GENL_SECTION_A_GROUP, 50);
	put_rule(b, DBUS_GENL_RULE_OWN, true, DBUS_GENL_RULE_A_NAME, "a.b");
	close_nest(b, section);
	section = open_context(b, DBUS_GENL_CONTEXT_DEFAULT);
	rule = open_rule(b, DBUS_GENL_RULE_CONNECT_GROUP, true);
	put_u32(b, DBUS_GENL_RULE_A_ID, 50);
	close_nest(b, rule);
	rule = open_rule(b, DBUS_GENL_RULE_CONNECT_USER, false);
	put_u32(b, DBUS_GENL_RULE_A_ID, 2);
	close_nest(b, rule);
	close_nest(b, section);

	policy = load(b, &complaint);
	KUNIT_ASSERT_FALSE(test, IS_ERR(policy));
	one = dg_policy_class_get(policy, &nobody);
	two = dg_policy_class_get(policy, &in_fifty);
	three = dg_policy_class_get(policy, &in_sixty);
	KUNIT_ASSERT_FALSE(test, IS_ERR(one) || IS_ERR(two) || IS_ERR(three));
	KUNIT_EXPECT_PTR_EQ(test, one, three);
	KUNIT_EXPECT_TRUE(test, one != two);
	KUNIT_EXPECT_FALSE(test, dg_policy_may_own(one, "a.b"));
	KUNIT_EXPECT_TRUE(test, dg_policy_may_own(two, "a.b"));
	KUNIT_EXPECT_TRUE(test,
			  dg_policy_may_connect(policy, &in_fifty, false));
	KUNIT_EXPECT_FALSE(test,
			   dg_policy_may_connect(policy, &in_sixty, true));
	dg_policy_class_put(one);
	KUNIT_EXPECT_FALSE(test, list_empty(&policy->classes));
	dg_policy_class_put(two);
	dg_policy_class_put(three);
	KUNIT_EXPECT_TRUE(test, list_empty(&policy->classes));
	dg_policy_put(policy);
	kfree(b);
}

/*
 * As peers join: looked for, made without the lock, listed; and another may have
 * been first, or a new policy, which the old one outlives as long as need be.
 */
static void policy_class_steps(struct kunit *test)
{
	struct dg_policy_class *one, *two, *three;
	struct dg_policy_complaint complaint;
	struct blob *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct dg_policy *policy;
	size_t section;

	KUNIT_ASSERT_TRUE(test, b != NULL);
	section = open_context(b, DBUS_GENL_CONTEXT_DEFAULT);
	put_rule(b, DBUS_GENL_RULE_OWN, true, DBUS_GENL_RULE_A_NAME, "a.b");
	close_nest(b, section);
	policy = load(b, &complaint);
	KUNIT_ASSERT_FALSE(test, IS_ERR(policy));

	one = dg_policy_class_new(policy, &nobody);
	two = dg_policy_class_new(policy, &nobody);
	KUNIT_ASSERT_FALSE(test, IS_ERR(one) || IS_ERR(two));
	KUNIT_EXPECT_TRUE(test, !dg_policy_class_find(one));
	KUNIT_ASSERT_EQ(test, dg_policy_class_build(one), 0);
	KUNIT_ASSERT_EQ(test, dg_policy_class_build(two), 0);
	KUNIT_EXPECT_TRUE(test, !dg_policy_class_find(two));

	KUNIT_EXPECT_PTR_EQ(test, dg_policy_class_list(one), one);
	three = dg_policy_class_find(two);
	KUNIT_EXPECT_PTR_EQ(test, three, one);
	KUNIT_EXPECT_PTR_EQ(test, dg_policy_class_list(three), one);
	two = dg_policy_class_list(two);
	KUNIT_EXPECT_PTR_EQ(test, two, one);

	dg_policy_class_put(one);
	dg_policy_class_put(two);
	KUNIT_EXPECT_FALSE(test, list_empty(&policy->classes));
	dg_policy_put(policy);
	KUNIT_EXPECT_TRUE(test, dg_policy_may_own(three, "a.b"));
	dg_policy_class_put(three);
	kfree(b);
}

static void make_bad(struct blob *b, unsigned int what)
{
	size_t section, rule;

	if (what == 0) {
		put_u8(b, 9, 0);
		return;
	}
	section = open_nest(b, DBUS_GENL_POLICY_A_SECTION);
	if (what == 1)
		goto out;
	put_u8(b, DBUS_GENL_SECTION_A_CONTEXT,
	       what == 2 ? 2 : DBUS_GENL_CONTEXT_DEFAULT);
	if (what == 3)
		put_u32(b, DBUS_GENL_SECTION_A_USER, 1);
	if (what == 4)
		put_u8(b, 9, 0);
	rule = open_rule(b, what == 5 ? 9 : DBUS_GENL_RULE_SEND, true);
	switch (what) {
	case 6:
		put_u8(b, DBUS_GENL_RULE_A_ALLOW, 1);
		break;
	case 7:
		put_u32(b, DBUS_GENL_RULE_A_ID, 1);
		break;
	case 8:
		put(b, DBUS_GENL_RULE_A_PREFIX, NULL, 0);
		break;
	case 9:
		put(b, DBUS_GENL_RULE_A_NAME, "abc", 3);
		break;
	case 10:
		put(b, DBUS_GENL_RULE_A_NAME, "a\0c", 4);
		break;
	case 11:
		put_u8(b, DBUS_GENL_RULE_A_TYPE, 5);
		break;
	case 12:
		put_u8(b, DBUS_GENL_RULE_A_MIN_FDS, 5);
		break;
	case 13:
		put_text(b, DBUS_GENL_RULE_A_ERROR, "a.b");
		put_text(b, DBUS_GENL_RULE_A_INTERFACE, "a.b");
		break;
	case 14:
		put_u8(b, 63, 5);
		break;
	case 15:
		/* A header with nothing behind. */
		b->len -= 4;
		break;
	}
	close_nest(b, rule);
out:
	close_nest(b, section);
}

static void policy_bad(struct kunit *test)
{
	struct dg_policy_complaint complaint;
	struct blob *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct dg_policy *policy;
	unsigned int what;

	KUNIT_ASSERT_TRUE(test, b != NULL);
	for (what = 0; what <= 15; what++) {
		memset(b, 0, sizeof(*b));
		make_bad(b, what);
		policy = load(b, &complaint);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(policy), (long)-EINVAL,
				    "case %u", what);
		KUNIT_EXPECT_TRUE_MSG(test, complaint.why, "case %u", what);
		KUNIT_EXPECT_EQ_MSG(test, complaint.section, what ? 1 : 0,
				    "case %u", what);
		KUNIT_EXPECT_EQ_MSG(test, complaint.rule, what > 4 ? 1 : 0,
				    "case %u", what);
		if (!IS_ERR(policy))
			dg_policy_put(policy);
	}
	kfree(b);
}

/* Whoever gives the length: cut anywhere, it is refused or means less. */
static void policy_cut(struct kunit *test)
{
	struct dg_policy_complaint complaint;
	struct blob *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct dg_policy *policy;
	size_t section, whole;

	KUNIT_ASSERT_TRUE(test, b != NULL);
	section = open_context(b, DBUS_GENL_CONTEXT_DEFAULT);
	put_rule(b, DBUS_GENL_RULE_SEND, true, DBUS_GENL_RULE_A_NAME, "a.b");
	close_nest(b, section);
	whole = b->len;
	for (b->len = 1; b->len < whole; b->len++) {
		policy = load(b, &complaint);
		KUNIT_EXPECT_EQ(test, PTR_ERR(policy), (long)-EINVAL);
		if (!IS_ERR(policy))
			dg_policy_put(policy);
	}
	kfree(b);
}

static struct kunit_case policy_cases[] = {
	KUNIT_CASE(policy_empty),
	KUNIT_CASE(policy_replies),
	KUNIT_CASE(policy_last_match),
	KUNIT_CASE(policy_count_names),
	KUNIT_CASE(policy_own),
	KUNIT_CASE(policy_classes),
	KUNIT_CASE(policy_class_steps),
	KUNIT_CASE(policy_bad),
	KUNIT_CASE(policy_cut),
	{}
};

static struct kunit_suite policy_suite = {
	.name = "dbus_genl_policy",
	.test_cases = policy_cases,
};

kunit_test_suite(policy_suite);
