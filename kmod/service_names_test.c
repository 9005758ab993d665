// SPDX-License-Identifier: GPL-2.0-only
/*
 * service_names_test.c - KUnit tests of service_names.c
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "service_names.h"

/* Loads a copy of @list; what fails is freed. */
static struct dg_service_names *load(struct kunit *test, const char *list,
				     size_t len, const char **why, u32 *which)
{
	struct dg_service_names *names;
	char *blob;

	blob = kvmalloc(len + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, blob);
	memcpy(blob, list, len);
	names = dg_service_names_load(blob, len, why, which);
	if (IS_ERR(names))
		kvfree(blob);
	return names;
}

static void names_are_found(struct kunit *test)
{
	static const char list[] = "t.B\0t.A\0org.example.Long_name-1\0t.AA";
	struct dg_service_names *names;
	const char *why;
	u32 which;

	names = load(test, list, sizeof(list), &why, &which);
	KUNIT_ASSERT_FALSE(test, IS_ERR(names));
	KUNIT_EXPECT_EQ(test, names->n, 4u);
	KUNIT_EXPECT_TRUE(test, dg_service_names_have(names, "t.A"));
	KUNIT_EXPECT_TRUE(test, dg_service_names_have(names, "t.AA"));
	KUNIT_EXPECT_TRUE(test, dg_service_names_have(names, "t.B"));
	KUNIT_EXPECT_TRUE(test, dg_service_names_have(names,
						      "org.example.Long_name-1"));
	KUNIT_EXPECT_FALSE(test, dg_service_names_have(names, "t.AAA"));
	KUNIT_EXPECT_FALSE(test, dg_service_names_have(names, "t."));
	KUNIT_EXPECT_FALSE(test, dg_service_names_have(names, ""));
	KUNIT_EXPECT_FALSE(test, dg_service_names_have(names, "z.Z"));
	KUNIT_EXPECT_STREQ(test, names->name[0], "org.example.Long_name-1");
	dg_service_names_free(names);
}

static void names_may_be_none(struct kunit *test)
{
	struct dg_service_names *names;
	const char *why;
	u32 which;

	names = load(test, "", 0, &why, &which);
	KUNIT_ASSERT_FALSE(test, IS_ERR(names));
	KUNIT_EXPECT_FALSE(test, dg_service_names_have(names, "t.A"));
	dg_service_names_free(names);
	KUNIT_EXPECT_FALSE(test, dg_service_names_have(NULL, "t.A"));
	dg_service_names_free(NULL);
}

static void names_that_are_none(struct kunit *test)
{
	static const struct {
		const char *list;
		size_t len;
		u32 which;
	} cases[] = {
		{ "t.A", 3, 0 },
		{ "\0", 1, 1 },
		{ "t.A\0\0t.B", 9, 2 },
		{ "t.A\0:1.5", 9, 2 },
		{ "t.A\0t", 6, 2 },
		{ "t.A\0t.B\0org.freedesktop.DBus", 29, 3 },
		{ "t.A\0t.B\0t.A", 12, 3 },
		{ "t.B\0t.B", 8, 2 },
		{ "t.\xc3\xa9", 5, 1 },
	};
	const char *why;
	unsigned int i;
	u32 which;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(load(test, cases[i].list,
						   cases[i].len, &why, &which)),
				(long)-EINVAL);
		KUNIT_EXPECT_NOT_NULL(test, why);
		KUNIT_EXPECT_EQ(test, which, cases[i].which);
	}
}

static struct kunit_case dg_service_names_cases[] = {
	KUNIT_CASE(names_are_found),
	KUNIT_CASE(names_may_be_none),
	KUNIT_CASE(names_that_are_none),
	{ }
};

static struct kunit_suite dg_service_names_suite = {
	.name = "dbus_genl_service_names",
	.test_cases = dg_service_names_cases,
};

kunit_test_suite(dg_service_names_suite);
