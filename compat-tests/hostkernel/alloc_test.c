// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * alloc_test.c - fail each allocation of the pure parts of kmod/ in turn
 *
 * Every scenario is run once for each allocation that it makes, with that one
 * failing, until it runs through.  Whatever fails must say so with -ENOMEM,
 * leave things as they were, and lose nothing (the runner counts, too).
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/slab.h>

#include "body.h"
#include "match.h"
#include "registry.h"

/* Run @step with its first, second, … allocation failing. */
#define FAIL_EACH(n, step)                                             \
	for (n = 1; host_fail_alloc(n), (step), host_alloc_failed(); n++)

static void test_match_parse(struct kunit *test)
{
	static const struct {
		const char *text;
		long err;
		unsigned long allocs;
	} cases[] = {
		{ "type=signal,arg0=a,arg1path=/b", 0, 1 },
		{ "", 0, 1 },
		/* The text of the error is one, the rule another. */
		{ "foo", -EINVAL, 1 },
		{ "foo=x", -EINVAL, 2 },
		{ "arg0=x,arg0=y", -EINVAL, 2 },
	};
	struct dg_match_rule *rule;
	unsigned long n;
	unsigned int i;
	char *why;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		FAIL_EACH(n, rule = dg_match_parse(cases[i].text,
						   strlen(cases[i].text), &why)) {
			KUNIT_EXPECT_EQ(test, PTR_ERR(rule), (long)-ENOMEM);
			KUNIT_EXPECT_NULL(test, why);
		}
		KUNIT_EXPECT_EQ(test, n - 1, cases[i].allocs);
		if (cases[i].err)
			KUNIT_EXPECT_EQ(test, PTR_ERR(rule), cases[i].err);
		else
			dg_match_rule_free(rule);
		kfree(why);
	}
	host_fail_alloc(0);
}

static void test_match_parse_too_long(struct kunit *test)
{
	static char text[DG_MATCH_RULE_MAX + 1];
	struct dg_match_rule *rule;
	unsigned long n;
	char *why;

	FAIL_EACH(n, rule = dg_match_parse(text, sizeof(text), &why)) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(rule), (long)-ENOMEM);
		KUNIT_EXPECT_NULL(test, why);
	}
	KUNIT_EXPECT_EQ(test, n, 2UL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(rule), (long)-E2BIG);
	kfree(why);
	host_fail_alloc(0);
}

/* A table that cannot grow works on, and grows when it can again. */
static void test_match_table(struct kunit *test)
{
	struct dg_match_owner owner;
	struct dg_match_table table;
	struct dg_match_rule *rule;
	unsigned int i, bits;
	unsigned long n;
	char *why;
	int err;

	FAIL_EACH(n, err = dg_match_table_init(&table))
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	KUNIT_EXPECT_EQ(test, n, 2UL);
	host_fail_alloc(0);
	KUNIT_ASSERT_EQ(test, err, 0);

	dg_match_owner_init(&owner, NULL);
	bits = table.bits;
	for (i = 0; i < 1U << bits; i++)
		dg_match_table_insert(&table, &owner,
				      dg_match_parse("", 0, &why));
	rule = dg_match_parse("member=x", 8, &why);
	host_fail_alloc(1);
	dg_match_table_insert(&table, &owner, rule);
	KUNIT_EXPECT_TRUE(test, host_alloc_failed());
	KUNIT_EXPECT_EQ(test, table.bits, bits);
	KUNIT_EXPECT_EQ(test, table.n_rules, i + 1);
	host_fail_alloc(0);
	dg_match_table_insert(&table, &owner, dg_match_parse("", 0, &why));
	KUNIT_EXPECT_EQ(test, table.bits, bits + 1);
	KUNIT_EXPECT_EQ(test, owner.n_rules, i + 2);
	dg_match_table_remove_all(&table, &owner);
	dg_match_table_destroy(&table);
}

static int count(void *data, struct dg_owner *owner)
{
	(*(unsigned int *)data)++;
	return 0;
}

/* A name that is free, one that is taken, one that is taken away. */
static void test_registry_request(struct kunit *test)
{
	static const struct {
		u32 first, second;
		unsigned long allocs;
	} cases[] = {
		{ 0, 0, 1 },
		{ DG_NAME_ALLOW_REPLACEMENT, DG_NAME_REPLACE_EXISTING, 1 },
		{ DG_NAME_ALLOW_REPLACEMENT | DG_NAME_DO_NOT_QUEUE,
		  DG_NAME_REPLACE_EXISTING, 1 },
		{ 0, DG_NAME_DO_NOT_QUEUE, 0 },
	};
	struct dg_name_change change;
	struct dg_registry reg;
	struct dg_owner a, b;
	unsigned int i, queued;
	unsigned long n;
	int ret;

	FAIL_EACH(n, ret = dg_registry_init(&reg))
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	KUNIT_EXPECT_EQ(test, n, 2UL);

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		dg_owner_init(&a, 1, NULL);
		dg_owner_init(&b, 2, NULL);
		FAIL_EACH(n, ret = dg_registry_request(&reg, &a, "a.b",
						       cases[i].first,
						       &change)) {
			KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
			KUNIT_EXPECT_FALSE(test, dg_name_changed(&change));
			KUNIT_EXPECT_EQ(test, reg.n_names + reg.n_places +
					a.n_places, 0U);
			KUNIT_EXPECT_NULL(test, dg_registry_lookup(&reg, "a.b"));
		}
		KUNIT_EXPECT_EQ(test, n, 3UL);
		KUNIT_EXPECT_EQ(test, ret, DG_REQUEST_PRIMARY_OWNER);

		FAIL_EACH(n, ret = dg_registry_request(&reg, &b, "a.b",
						       cases[i].second,
						       &change)) {
			KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
			KUNIT_EXPECT_FALSE(test, dg_name_changed(&change));
			KUNIT_EXPECT_EQ(test, b.n_places, 0U);
			KUNIT_EXPECT_PTR_EQ(test,
					    dg_registry_lookup(&reg, "a.b"),
					    &a);
			queued = 0;
			dg_registry_for_each_queued(&reg, "a.b", count,
						    &queued);
			KUNIT_EXPECT_EQ(test, queued, 1U);
		}
		KUNIT_EXPECT_EQ(test, n - 1, cases[i].allocs);

		/* Giving up needs no memory. */
		host_fail_alloc(1);
		dg_registry_drop(&reg, &a, NULL, NULL);
		dg_registry_drop(&reg, &b, NULL, NULL);
		KUNIT_EXPECT_FALSE(test, host_alloc_failed());
		host_fail_alloc(0);
	}
	dg_registry_destroy(&reg);
}

static void test_registry_grow(struct kunit *test)
{
	struct dg_name_change change;
	struct dg_registry reg;
	struct dg_owner owner;
	char name[] = "a.b000";
	unsigned int i, bits;

	KUNIT_ASSERT_EQ(test, dg_registry_init(&reg), 0);
	dg_owner_init(&owner, 1, NULL);
	bits = reg.bits;
	for (i = 0; i <= 1U << bits; i++) {
		name[3] = '0' + i / 10;
		name[4] = '0' + i % 10;
		/* The place, the name, and then the table. */
		host_fail_alloc(3);
		KUNIT_EXPECT_EQ(test,
				dg_registry_request(&reg, &owner, name, 0,
						    &change),
				DG_REQUEST_PRIMARY_OWNER);
	}
	KUNIT_EXPECT_TRUE(test, host_alloc_failed());
	KUNIT_EXPECT_EQ(test, reg.bits, bits);
	KUNIT_EXPECT_EQ(test, reg.n_names, i);
	host_fail_alloc(0);
	KUNIT_EXPECT_EQ(test, dg_registry_request(&reg, &owner, "c.d", 0,
						  &change),
			DG_REQUEST_PRIMARY_OWNER);
	KUNIT_EXPECT_EQ(test, reg.bits, bits + 1);
	KUNIT_EXPECT_PTR_EQ(test, dg_registry_lookup(&reg, name), &owner);
	dg_registry_drop(&reg, &owner, NULL, NULL);
	dg_registry_destroy(&reg);
}

static int write_body(void)
{
	struct dg_body_writer w;
	unsigned int i;
	int err;

	dg_body_writer_init(&w);
	dg_body_open_array(&w, '{');
	for (i = 0; i < 100; i++) {
		dg_body_open_struct(&w);
		dg_body_put_string(&w, "key");
		dg_body_open_variant(&w, "as");
		dg_body_open_array(&w, 's');
		dg_body_put_string(&w, "value");
		dg_body_close_array(&w);
		dg_body_close_variant(&w);
		dg_body_close_struct(&w);
	}
	dg_body_close_array(&w);
	err = w.err ?: dg_body_validate("a{sv}", w.data, w.len, 0);
	dg_body_writer_free(&w);
	return err;
}

static void test_writer(struct kunit *test)
{
	unsigned long n;
	int err;

	FAIL_EACH(n, err = write_body())
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	KUNIT_EXPECT_EQ(test, err, 0);
	/* It doubles: 256 bytes, 512, and so on up to 4 KiB. */
	KUNIT_EXPECT_EQ(test, n - 1, 5UL);
	host_fail_alloc(0);
}

static struct kunit_case alloc_cases[] = {
	KUNIT_CASE(test_match_parse),
	KUNIT_CASE(test_match_parse_too_long),
	KUNIT_CASE(test_match_table),
	KUNIT_CASE(test_registry_request),
	KUNIT_CASE(test_registry_grow),
	KUNIT_CASE(test_writer),
	{}
};

static struct kunit_suite alloc_suite = {
	.name = "alloc",
	.test_cases = alloc_cases,
};

kunit_test_suite(alloc_suite);
