// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * match_cost_test.c - a message meets only rules that could want it
 *
 * Linked with --wrap=dg_match_applies, so that each rule that a look-up really
 * looks at is counted, and with --wrap=strcmp, as are the texts it is compared
 * with.
 */
#include <kunit/test.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "match.h"

bool __real_dg_match_applies(const struct dg_match_rule *rule,
			     struct dg_match_ctx *ctx);
bool __wrap_dg_match_applies(const struct dg_match_rule *rule,
			     struct dg_match_ctx *ctx);

int __real_strcmp(const char *a, const char *b);
int __wrap_strcmp(const char *a, const char *b);

static unsigned int looked_at, compared;

int __wrap_strcmp(const char *a, const char *b)
{
	compared++;
	return __real_strcmp(a, b);
}

bool __wrap_dg_match_applies(const struct dg_match_rule *rule,
			     struct dg_match_ctx *ctx)
{
	looked_at++;
	return __real_dg_match_applies(rule, ctx);
}

static int note(void *data, const struct dg_match_rule *rule,
		struct dg_match_owner *owner)
{
	(*(unsigned int *)data)++;
	return 0;
}

/*
 * 20,000 rules of the form @format with a number, of which the message meets
 * number 7 alone.
 */
static void check(struct kunit *test, const char *format, const char *arg0,
		  u64 sender_id)
{
	enum { RULES = 20000 };
	struct dg_body_writer body;
	struct dg_match_owner owner;
	struct dg_match_table table;
	struct dg_name_change change;
	struct dg_registry names;
	struct dg_match_ctx ctx;
	struct dg_owner sender;
	struct dg_msg msg = {
		.type = DG_MSG_SIGNAL, .serial = 1, .path = "/n7/x/y",
		.interface = "i.n7", .member = "M7", .signature = "s",
		.sender = sender_id,
	};
	unsigned int i, found = 0;
	char text[128], *why;

	KUNIT_ASSERT_EQ(test, dg_registry_init(&names), 0);
	dg_owner_init(&sender, sender_id, NULL);
	dg_registry_request(&names, &sender, "o.n7", 0, &change);
	dg_registry_request(&names, &sender, "o.other", 0, &change);
	dg_body_writer_init(&body);
	dg_body_put_string(&body, arg0);
	msg.body = body.data;
	msg.body_len = body.len;

	KUNIT_ASSERT_EQ(test, dg_match_table_init(&table), 0);
	dg_match_owner_init(&owner, NULL);
	for (i = 0; i < RULES; i++) {
		scnprintf(text, sizeof(text), format, i);
		dg_match_table_insert(&table, &owner,
				      dg_match_parse(text, strlen(text), &why));
	}
	looked_at = 0;
	dg_match_ctx_init(&ctx, &msg, &names, &sender, NULL);
	dg_match_table_for_each(&table, &ctx, note, &found);
	KUNIT_EXPECT_EQ_MSG(test, found, 1U, "%s", format);
	KUNIT_EXPECT_EQ_MSG(test, looked_at, 1U, "%s: %u looked at", format,
			    looked_at);

	dg_match_table_remove_all(&table, &owner);
	dg_match_table_destroy(&table);
	dg_body_writer_free(&body);
	dg_registry_drop(&names, &sender, NULL, NULL);
	dg_registry_destroy(&names);
}

static void test_one_key(struct kunit *test)
{
	check(test, "sender=':1.%u'", "", 8);
	check(test, "sender=o.n%u", "", 8);
	check(test, "interface=i.n%u", "", 8);
	check(test, "member=M%u", "", 8);
	check(test, "path=/n%u/x/y", "", 8);
	check(test, "path_namespace=/n%u", "", 8);
	check(test, "path_namespace=/n%u/x/y", "", 8);
	check(test, "arg0=n%u", "n7", 8);
	check(test, "arg0namespace=n%u", "n7.a.b", 8);
	check(test, "arg0namespace=n%u.a.b", "n7.a.b", 8);
}

/* All but one key fit all messages, as is usual. */
static void test_many_keys(struct kunit *test)
{
	check(test, "type=signal,sender=o.n%u,interface=i.n7,member=M7", "", 8);
	check(test, "type=signal,sender=o.n7,path_namespace=/n%u", "", 8);
	check(test, "type=signal,sender=':1.7',interface=i.n7,member=M7,arg0=n%u",
	      "n7", 8);
	check(test, "sender=o.n7,interface=i.n7,member=M7,arg0namespace=n%u",
	      "n7", 8);
	check(test, "interface=i.n7,member=M%u,path_namespace=/,arg0path=/",
	      "/", 8);
}

/*
 * What is compared when a message of a peer with @n_names names, or to it, is looked
 * up among rules that @format has but for the name, all in its bucket.
 */
static unsigned int compare(struct kunit *test, const char *format,
			    unsigned int n_names, bool sends)
{
	enum { RULES = 1000 };
	struct dg_match_owner owner;
	struct dg_match_table table;
	struct dg_name_change change;
	struct dg_registry names;
	struct dg_match_ctx ctx;
	struct dg_owner peer;
	struct dg_msg msg = {
		.type = DG_MSG_SIGNAL, .serial = 1, .path = "/x",
		.interface = "i.n", .member = "M", .signature = "",
		.sender = 8, .destination = sends ? NULL : ":1.7",
	};
	unsigned int i, found = 0;
	char text[128], *why;

	KUNIT_ASSERT_EQ(test, dg_registry_init(&names), 0);
	dg_owner_init(&peer, 8, NULL);
	for (i = 0; i < n_names; i++) {
		scnprintf(text, sizeof(text), "o.n%u", i);
		dg_registry_request(&names, &peer, text, 0, &change);
	}
	KUNIT_ASSERT_EQ(test, dg_match_table_init(&table), 0);
	dg_match_owner_init(&owner, NULL);
	for (i = 0; i < RULES; i++) {
		scnprintf(text, sizeof(text), format, i + n_names);
		dg_match_table_insert(&table, &owner,
				      dg_match_parse(text, strlen(text), &why));
	}
	/* One that it meets, so that it is seen to have looked. */
	scnprintf(text, sizeof(text), format, n_names - 1);
	dg_match_table_insert(&table, &owner,
			      dg_match_parse(text, strlen(text), &why));
	dg_match_ctx_init(&ctx, &msg, &names, &peer, sends ? NULL : &peer);
	looked_at = 0;
	compared = 0;
	dg_match_table_for_each(&table, &ctx, note, &found);
	KUNIT_EXPECT_EQ(test, found, 1U);
	KUNIT_EXPECT_EQ(test, looked_at, RULES + 1U);
	/* Keys of the rule, and the one name that there is. */
	KUNIT_EXPECT_LE(test, compared, 2 * looked_at);

	dg_match_table_remove_all(&table, &owner);
	dg_match_table_destroy(&table);
	dg_registry_drop(&names, &peer, NULL, NULL);
	dg_registry_destroy(&names);
	return compared;
}

/* A rule costs the same, however many names the peers of a message have. */
static void test_many_names(struct kunit *test)
{
	static const char *const sender = "sender=o.n%u,path_namespace=/x";
	static const char *const dest = "destination=o.n%u,path=/x";

	KUNIT_EXPECT_EQ(test, compare(test, sender, 1000, true),
			compare(test, sender, 10, true));
	KUNIT_EXPECT_EQ(test, compare(test, dest, 1000, false),
			compare(test, dest, 10, false));
}

static void note_gone(void *data, const struct dg_match_rule *rule,
		      struct dg_match_owner *owner)
{
	(*(unsigned int *)data)++;
}

/* Who goes costs as much as there are rules that name it. */
static void test_removal(struct kunit *test)
{
	enum { RULES = 20000 };
	struct dg_match_owner owner;
	struct dg_match_table table;
	unsigned int i, n = 0;
	char text[128], *why;

	KUNIT_ASSERT_EQ(test, dg_match_table_init(&table), 0);
	dg_match_owner_init(&owner, NULL);
	for (i = 0; i < RULES; i++) {
		scnprintf(text, sizeof(text), "%s=':1.%u'",
			  i % 2 ? "sender" : "destination", i / 2);
		dg_match_table_insert(&table, &owner,
				      dg_match_parse(text, strlen(text), &why));
	}
	host_steps = 0;
	for (i = 0; i < 100; i++)
		dg_match_table_remove_naming(&table, i + 1, note_gone, &n);
	KUNIT_EXPECT_EQ(test, n, 200U);
	/* And those that lie in the same place of the hash table. */
	KUNIT_EXPECT_LE(test, host_steps, 1000UL);
	dg_match_table_remove_all(&table, &owner);
	dg_match_table_destroy(&table);
}

static struct kunit_case cost_cases[] = {
	KUNIT_CASE(test_one_key),
	KUNIT_CASE(test_many_keys),
	KUNIT_CASE(test_many_names),
	KUNIT_CASE(test_removal),
	{}
};

static struct kunit_suite cost_suite = {
	.name = "match_cost",
	.test_cases = cost_cases,
};

kunit_test_suite(cost_suite);
