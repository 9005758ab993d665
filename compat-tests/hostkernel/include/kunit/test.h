/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test.h - as much of KUnit's interface as the tests in kmod/ need, on the host
 *
 * Suites register themselves before main(), which is in kunit_main.c, runs
 * them and prints TAP.  A failed expectation fails its case, a failed
 * assertion ends it as well.
 */
#ifndef HOSTKERNEL_KUNIT_TEST_H
#define HOSTKERNEL_KUNIT_TEST_H

#include <linux/bug.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

struct kunit {
	bool failed;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
	struct kunit_suite *next;
};

#define KUNIT_CASE(f) { .run_case = (f), .name = #f }

void host_register_suite(struct kunit_suite *suite);

#define kunit_test_suite(suite)                                        \
	__attribute__((constructor)) static void host_register_##suite(void) \
	{                                                              \
		host_register_suite(&suite);                           \
	}                                                              \
	_Static_assert(1, "")

/* Reports a failure; does not return if @fatal. */
void host_fail(struct kunit *test, bool fatal, const char *file, int line,
	       const char *format, ...) __printf(5, 6);

#define HOST_CHECK(test, fatal, ok, what, ...)                         \
	do {                                                           \
		if (!(ok))                                             \
			host_fail(test, fatal, __FILE__, __LINE__, what __VA_ARGS__); \
	} while (0)

#define HOST_COMPARE(test, fatal, l, op, r, ...)                       \
	do {                                                           \
		__typeof__(l) host_l = (l);                            \
		__typeof__(r) host_r = (r);                            \
		HOST_CHECK(test, fatal, host_l op host_r,              \
			   "%s is %lld, not " #op " %s, %lld ",        \
			   , #l, (long long)host_l, #r, (long long)host_r); \
	} while (0)

#define HOST_STREQ(test, fatal, l, r)                                  \
	do {                                                           \
		const char *host_l = (l), *host_r = (r);               \
		HOST_CHECK(test, fatal,                                \
			   host_l && host_r && !strcmp(host_l, host_r), \
			   "\"%s\" is not \"%s\"", , host_l ? host_l : "NULL", \
			   host_r ? host_r : "NULL");                  \
	} while (0)

/* The text of a _MSG macro, printed after the failure that it explains. */
#define HOST_CHECK_MSG(test, fatal, ok, what, format, ...)             \
	HOST_CHECK(test, fatal, ok, "%s: " format, , what, ##__VA_ARGS__)

#define KUNIT_FAIL(test, format, ...) \
	host_fail(test, false, __FILE__, __LINE__, format, ##__VA_ARGS__)

#define KUNIT_EXPECT_TRUE(test, c) HOST_CHECK(test, false, (c), "%s", , #c " is false")
#define KUNIT_EXPECT_FALSE(test, c) HOST_CHECK(test, false, !(c), "%s", , #c " is true")
#define KUNIT_EXPECT_NULL(test, p) HOST_CHECK(test, false, !(p), "%s", , #p " is not NULL")
#define KUNIT_EXPECT_NOT_NULL(test, p) HOST_CHECK(test, false, (p), "%s", , #p " is NULL")
#define KUNIT_ASSERT_TRUE(test, c) HOST_CHECK(test, true, (c), "%s", , #c " is false")
#define KUNIT_ASSERT_FALSE(test, c) HOST_CHECK(test, true, !(c), "%s", , #c " is true")
#define KUNIT_ASSERT_NOT_NULL(test, p) HOST_CHECK(test, true, (p), "%s", , #p " is NULL")
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p) \
	HOST_CHECK(test, true, (p) && !IS_ERR(p), "%s", , #p " is an error or NULL")

#define KUNIT_EXPECT_EQ(test, l, r) HOST_COMPARE(test, false, l, ==, r)
#define KUNIT_EXPECT_NE(test, l, r) HOST_COMPARE(test, false, l, !=, r)
#define KUNIT_EXPECT_LE(test, l, r) HOST_COMPARE(test, false, l, <=, r)
#define KUNIT_ASSERT_EQ(test, l, r) HOST_COMPARE(test, true, l, ==, r)
#define KUNIT_EXPECT_PTR_EQ(test, l, r) \
	HOST_CHECK(test, false, (const void *)(l) == (const void *)(r), "%s", , #l " is not " #r)
#define KUNIT_EXPECT_STREQ(test, l, r) HOST_STREQ(test, false, l, r)

#define KUNIT_EXPECT_TRUE_MSG(test, c, format, ...) \
	HOST_CHECK_MSG(test, false, (c), #c " is false", format, ##__VA_ARGS__)
#define KUNIT_EXPECT_EQ_MSG(test, l, r, format, ...)                   \
	HOST_CHECK_MSG(test, false, (l) == (r), #l " is not " #r, format, \
		       ##__VA_ARGS__)
#define KUNIT_ASSERT_EQ_MSG(test, l, r, format, ...)                   \
	HOST_CHECK_MSG(test, true, (l) == (r), #l " is not " #r, format, \
		       ##__VA_ARGS__)

#endif
