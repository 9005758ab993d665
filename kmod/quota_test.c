// SPDX-License-Identifier: GPL-2.0-only
/*
 * quota_test.c - KUnit tests of share.h
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "share.h"

static void share_own(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, dg_share_allows(100, 0, 0, 100, true));
	KUNIT_EXPECT_FALSE(test, dg_share_allows(100, 0, 0, 101, true));
	KUNIT_EXPECT_TRUE(test, dg_share_allows(100, 60, 20, 40, true));
	KUNIT_EXPECT_FALSE(test, dg_share_allows(100, 60, 20, 61, true));
}

static void share_other(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, dg_share_allows(100, 0, 0, 50, false));
	KUNIT_EXPECT_FALSE(test, dg_share_allows(100, 0, 0, 51, false));
	KUNIT_EXPECT_FALSE(test, dg_share_allows(100, 50, 50, 1, false));
	/* What waits elsewhere is not there to be shared. */
	KUNIT_EXPECT_TRUE(test, dg_share_allows(100, 60, 0, 20, false));
	KUNIT_EXPECT_FALSE(test, dg_share_allows(100, 60, 0, 21, false));
}

/* A limit that was lowered, and a total that counts some things once only. */
static void share_odd(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, dg_share_allows(10, 60, 0, 1, false));
	KUNIT_EXPECT_FALSE(test, dg_share_allows(10, 60, 60, 1, true));
	KUNIT_EXPECT_FALSE(test, dg_share_allows(100, 10, 60, 1, false));
	KUNIT_EXPECT_TRUE(test, dg_share_allows(100, 10, 49, 1, false));
	KUNIT_EXPECT_FALSE(test, dg_share_allows(0, 0, 0, 1, true));
}

/* However many never read, who sends has something left for the next. */
static void share_never_used_up(struct kunit *test)
{
	u64 max = 64 << 20, total = 0, here;
	unsigned int user;

	for (user = 0; user < 10; user++) {
		for (here = 0; dg_share_allows(max, total, here, 1024, false);
		     here += 1024)
			total += 1024;
		KUNIT_EXPECT_GT(test, here, 0ULL);
	}
	KUNIT_EXPECT_LT(test, total, max);
	KUNIT_EXPECT_TRUE(test, dg_share_allows(max, total, 0, 1024, false));
}

static struct kunit_case dg_quota_cases[] = {
	KUNIT_CASE(share_own),
	KUNIT_CASE(share_other),
	KUNIT_CASE(share_odd),
	KUNIT_CASE(share_never_used_up),
	{ }
};

static struct kunit_suite dg_quota_suite = {
	.name = "dbus_genl_quota",
	.test_cases = dg_quota_cases,
};

kunit_test_suite(dg_quota_suite);
