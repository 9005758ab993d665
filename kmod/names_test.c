// SPDX-License-Identifier: GPL-2.0-only
/*
 * names_test.c - KUnit tests of names.c, utf8.c and signature.c
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/string.h>

#include "names.h"
#include "signature.h"

struct string_case {
	const char *text;
	bool valid;
};

static void check_strings(struct kunit *test, const char *what,
			  bool (*valid)(const char *s, size_t n),
			  const struct string_case *cases, size_t n)
{
	for (; n--; cases++)
		KUNIT_EXPECT_EQ_MSG(test,
				    valid(cases->text, strlen(cases->text)),
				    cases->valid, "%s \"%s\"", what,
				    cases->text);
}

#define CHECK_STRINGS(test, valid, cases) \
	check_strings(test, #valid, valid, cases, ARRAY_SIZE(cases))

static void test_path(struct kunit *test)
{
	static const struct string_case cases[] = {
		{ "/", true },
		{ "/a", true },
		{ "/_", true },
		{ "/0/1/2", true },
		{ "/org/freedesktop/DBus", true },
		{ "", false },
		{ "a", false },
		{ "a/b", false },
		{ "//", false },
		{ "/a/", false },
		{ "/a//b", false },
		{ "/a-b", false },
		{ "/a.b", false },
		{ "/\xc3\xa9", false },
	};

	CHECK_STRINGS(test, dg_path_valid, cases);
	KUNIT_EXPECT_FALSE(test, dg_path_valid("/a\0b", 4));
	/* What is behind the length is none of its business. */
	KUNIT_EXPECT_TRUE(test, dg_path_valid("/a/", 2));
}

static void test_interface(struct kunit *test)
{
	static const struct string_case cases[] = {
		{ "a.b", true },
		{ "_.__", true },
		{ "a1.b2.c3", true },
		{ "org.freedesktop.DBus", true },
		{ "", false },
		{ "a", false },
		{ ".", false },
		{ ".a", false },
		{ "a.", false },
		{ "a..b", false },
		{ "a.1b", false },
		{ "1a.b", false },
		{ "a-b.c", false },
		{ ":1.1", false },
		{ "a.\xc3\xa9", false },
	};

	CHECK_STRINGS(test, dg_interface_valid, cases);
	CHECK_STRINGS(test, dg_error_name_valid, cases);
}

static void test_member(struct kunit *test)
{
	static const struct string_case cases[] = {
		{ "a", true },
		{ "_", true },
		{ "Hello2", true },
		{ "", false },
		{ "2Hello", false },
		{ "a.b", false },
		{ "a-b", false },
		{ "a b", false },
	};

	CHECK_STRINGS(test, dg_member_valid, cases);
}

static void test_bus_name(struct kunit *test)
{
	static const struct string_case well_known[] = {
		{ "a.b", true },
		{ "a-b.-c", true },
		{ "_.b-", true },
		{ "", false },
		{ "a", false },
		{ "a.1", false },
		{ "1.a", false },
		{ "a..b", false },
		{ "a.b.", false },
		{ ".a.b", false },
		{ ":1.1", false },
	};
	static const struct string_case unique[] = {
		{ ":1.1", true },
		{ ":1", true },
		{ ":a-b.0", true },
		/* As in libdbus. */
		{ ":", true },
		{ ":.1", true },
		{ "", false },
		{ ":1.", false },
		{ ":1..1", false },
		{ ":..1", false },
		{ ":.", false },
		{ "1.1", false },
		{ ":1:1", false },
	};
	static const struct string_case namespaces[] = {
		{ "a", true },
		{ "a.b", true },
		{ "a-b", true },
		{ ":1.1", true },
		{ "", false },
		{ "1", false },
		{ "a.", false },
		{ ".a", false },
	};

	CHECK_STRINGS(test, dg_well_known_name_valid, well_known);
	CHECK_STRINGS(test, dg_unique_name_valid, unique);
	CHECK_STRINGS(test, dg_namespace_valid, namespaces);
	KUNIT_EXPECT_TRUE(test, dg_bus_name_valid(":1.1", 4));
	KUNIT_EXPECT_TRUE(test, dg_bus_name_valid("a.b", 3));
	KUNIT_EXPECT_FALSE(test, dg_bus_name_valid("a", 1));
}

/* 255 bytes are a name, 256 are not; paths have no such bound. */
static void test_name_length(struct kunit *test)
{
	char name[DG_NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	KUNIT_EXPECT_TRUE(test, dg_member_valid(name, DG_NAME_MAX));
	KUNIT_EXPECT_FALSE(test, dg_member_valid(name, DG_NAME_MAX + 1));
	KUNIT_EXPECT_TRUE(test, dg_namespace_valid(name, DG_NAME_MAX));
	KUNIT_EXPECT_FALSE(test, dg_namespace_valid(name, DG_NAME_MAX + 1));
	name[1] = '.';
	KUNIT_EXPECT_TRUE(test, dg_interface_valid(name, DG_NAME_MAX));
	KUNIT_EXPECT_FALSE(test, dg_interface_valid(name, DG_NAME_MAX + 1));
	KUNIT_EXPECT_TRUE(test, dg_well_known_name_valid(name, DG_NAME_MAX));
	KUNIT_EXPECT_FALSE(test,
			   dg_well_known_name_valid(name, DG_NAME_MAX + 1));
	name[0] = ':';
	KUNIT_EXPECT_TRUE(test, dg_unique_name_valid(name, DG_NAME_MAX));
	KUNIT_EXPECT_FALSE(test, dg_unique_name_valid(name, DG_NAME_MAX + 1));
	name[0] = '/';
	name[1] = 'a';
	KUNIT_EXPECT_TRUE(test, dg_path_valid(name, DG_NAME_MAX + 1));
}

static void test_unique_id(struct kunit *test)
{
	static const struct {
		const char *text;
		u64 id;
	} good[] = {
		{ ":1.0", 1 },
		{ ":1.1", 2 },
		{ ":1.10", 11 },
		{ ":1.4294967295", 1ULL << 32 },
		{ ":1.18446744073709551614", U64_MAX },
	};
	static const char * const bad[] = {
		"", ":", ":1", ":1.", ":1.x", ":1.01", ":1.00", ":1.1x", ":2.1",
		"1.1", ":1.+1", ":1.-1", ":1. 1", ":1.1.1",
		":1.18446744073709551615", ":1.18446744073709551616",
		":1.99999999999999999999", ":1.184467440737095516140",
	};
	char buf[DG_UNIQUE_NAME_SIZE];
	unsigned int i;
	u64 id;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		id = 0;
		KUNIT_EXPECT_TRUE_MSG(test,
				      dg_unique_name_parse(good[i].text, &id),
				      "%s", good[i].text);
		KUNIT_EXPECT_TRUE_MSG(test, id == good[i].id, "%s",
				      good[i].text);
		KUNIT_EXPECT_EQ(test, (size_t)dg_unique_name_format(buf, id),
				strlen(good[i].text));
		KUNIT_EXPECT_STREQ(test, (const char *)buf, good[i].text);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_TRUE_MSG(test, !dg_unique_name_parse(bad[i], &id),
				      "\"%s\"", bad[i]);
}

static void test_utf8(struct kunit *test)
{
	static const struct string_case cases[] = {
		{ "", true },
		{ "a", true },
		{ "\x01\x7f", true },
		{ "01234567", true },
		{ "0123456789abcdef0", true },
		{ "0123456\xc3\xa9", true },
		{ "\xc2\x80", true },
		{ "\xdf\xbf", true },
		{ "\xe0\xa0\x80", true },
		{ "\xed\x9f\xbf", true },
		{ "\xee\x80\x80", true },
		{ "\xef\xbf\xbd", true },
		{ "\xf0\x90\x80\x80", true },
		{ "\xf4\x8f\xbf\xbf", true },
		/* Noncharacters: U+FFFE, U+FFFF, U+FDD0. */
		{ "\xef\xbf\xbe\xef\xbf\xbf\xef\xb7\x90", true },
		{ "\x80", false },
		{ "\xbf", false },
		{ "01234567\x80", false },
		{ "0123456\x80", false },
		/* Overlong. */
		{ "\xc0\x80", false },
		{ "\xc1\xbf", false },
		{ "\xe0\x9f\xbf", false },
		{ "\xf0\x8f\xbf\xbf", false },
		/* Surrogates. */
		{ "\xed\xa0\x80", false },
		{ "\xed\xbf\xbf", false },
		/* Above U+10FFFF. */
		{ "\xf4\x90\x80\x80", false },
		{ "\xf5\x80\x80\x80", false },
		{ "\xff", false },
		/* Cut short, by the end or by another character. */
		{ "\xc3", false },
		{ "\xe2\x82", false },
		{ "\xf0\x9f\x98", false },
		{ "\xc3" "a", false },
		{ "\xe2\x82" "a", false },
		{ "\xf0\x9f\x98" "a", false },
		{ "\xf0\x9f" "a\x80", false },
	};

	CHECK_STRINGS(test, dg_utf8_valid, cases);
	KUNIT_EXPECT_FALSE(test, dg_utf8_valid("", 1));
	/* What is behind the length does not complete a sequence. */
	KUNIT_EXPECT_FALSE(test, dg_utf8_valid("\xc3\xa9", 1));
	KUNIT_EXPECT_FALSE(test, dg_utf8_valid("a\xf0\x9f\x98\x80", 4));
	KUNIT_EXPECT_FALSE(test, dg_utf8_valid("0123\0005678", 9));
	KUNIT_EXPECT_FALSE(test, dg_utf8_valid("012345678\0", 10));
}

static void test_signature(struct kunit *test)
{
	static const struct string_case cases[] = {
		{ "", true },
		{ "ybnqiuxtdsogvh", true },
		{ "as", true },
		{ "aaas", true },
		{ "(s)", true },
		{ "((s)i)a(ss)", true },
		{ "a{sv}", true },
		{ "a{sa{sv}}", true },
		{ "a{s(ii)}", true },
		{ "a{oas}u", true },
		{ "aa{us}", true },
		{ "(a{hv})", true },
		{ "a", false },
		{ "aa", false },
		{ "sa", false },
		{ "()", false },
		{ "(", false },
		{ ")", false },
		{ "(s", false },
		{ "s)", false },
		{ "(a)", false },
		{ "(sa)", false },
		{ "(()s)", false },
		{ "{ss}", false },
		{ "({ss})", false },
		{ "a{}", false },
		{ "a{s}", false },
		{ "a{sss}", false },
		{ "a{vs}", false },
		{ "a{ass}", false },
		{ "a{(s)s}", false },
		{ "a{a{ss}s}", false },
		{ "a{sa}", false },
		{ "a{ss)", false },
		{ "(ss}", false },
		{ "a{s{ss}}", false },
		{ "a{ss", false },
		{ "r", false },
		{ "e", false },
		{ "m", false },
		{ "z", false },
		{ "*", false },
		{ "s s", false },
		{ "\xf3", false },
	};

	CHECK_STRINGS(test, dg_signature_valid, cases);
	KUNIT_EXPECT_FALSE(test, dg_signature_valid("s\0s", 3));
	KUNIT_EXPECT_TRUE(test, dg_signature_valid_single("a{sv}", 5));
	KUNIT_EXPECT_FALSE(test, dg_signature_valid_single("", 0));
	KUNIT_EXPECT_FALSE(test, dg_signature_valid_single("ss", 2));
	KUNIT_EXPECT_FALSE(test, dg_signature_valid_single("a", 1));
}

/* @n times @open, an 'i', and @n times @close. */
static size_t nested(char *s, const char *open, const char *close,
		     unsigned int n)
{
	char *at = s;
	unsigned int i;

	for (i = 0; i < n; i++) {
		memcpy(at, open, strlen(open));
		at += strlen(open);
	}
	*at++ = 'i';
	for (i = 0; i < n; i++) {
		memcpy(at, close, strlen(close));
		at += strlen(close);
	}
	return at - s;
}

static void test_signature_limits(struct kunit *test)
{
	char s[DG_SIGNATURE_MAX + 1];
	unsigned int i;

	memset(s, 'i', sizeof(s));
	KUNIT_EXPECT_TRUE(test, dg_signature_valid(s, DG_SIGNATURE_MAX));
	KUNIT_EXPECT_FALSE(test, dg_signature_valid(s, DG_SIGNATURE_MAX + 1));

	KUNIT_EXPECT_TRUE(test, dg_signature_valid(s, nested(s, "a", "", 32)));
	KUNIT_EXPECT_FALSE(test, dg_signature_valid(s, nested(s, "a", "", 33)));
	KUNIT_EXPECT_TRUE(test, dg_signature_valid(s, nested(s, "(", ")", 32)));
	KUNIT_EXPECT_FALSE(test,
			   dg_signature_valid(s, nested(s, "(", ")", 33)));
	KUNIT_EXPECT_TRUE(test,
			  dg_signature_valid(s, nested(s, "a(", ")", 32)));
	KUNIT_EXPECT_FALSE(test,
			   dg_signature_valid(s, nested(s, "a(", ")", 33)));
	KUNIT_EXPECT_TRUE(test,
			  dg_signature_valid(s, nested(s, "a{s", "}", 32)));
	KUNIT_EXPECT_FALSE(test,
			   dg_signature_valid(s, nested(s, "a{s", "}", 33)));

	/* Depth counts, not number: 40 of each side by side. */
	for (i = 0; i < 40; i++)
		memcpy(s + 5 * i, "ai(i)", 5);
	KUNIT_EXPECT_TRUE(test, dg_signature_valid(s, 200));
	for (i = 0; i < 40; i++)
		memcpy(s + 5 * i, "a{ii}", 5);
	KUNIT_EXPECT_TRUE(test, dg_signature_valid(s, 200));
}

/* Each byte that there is: chars are not signed everywhere. */
static void test_type_codes(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 256; i++) {
		bool basic = i && strchr("ybnqiuxtdhsog", i);
		bool type = basic || (i && strchr("av({", i));
		char s[] = { i };

		KUNIT_EXPECT_EQ_MSG(test, dg_type_is_basic(i), basic, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, dg_type_alignment(i) != 0, type,
				    "%u", i);
		KUNIT_EXPECT_TRUE_MSG(test,
				      !dg_type_fixed_size(i) || basic,
				      "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, dg_signature_valid(s, 1),
				    basic || i == 'v', "%u", i);
	}
}

static void test_signature_skip(struct kunit *test)
{
	static const struct {
		const char *sig;
		unsigned int first;
	} cases[] = {
		{ "s", 1 }, { "su", 1 }, { "asu", 2 }, { "aasu", 3 },
		{ "(s)u", 3 }, { "a(s(ii))u", 8 }, { "a{sv}u", 5 },
		{ "a{sa{sv}}as", 9 }, { "vv", 1 }, { "((s)(a(s)))s", 11 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    (unsigned int)(dg_signature_skip(cases[i].sig) -
						   cases[i].sig),
				    cases[i].first, "%s", cases[i].sig);
}

static struct kunit_case names_cases[] = {
	KUNIT_CASE(test_path),
	KUNIT_CASE(test_interface),
	KUNIT_CASE(test_member),
	KUNIT_CASE(test_bus_name),
	KUNIT_CASE(test_name_length),
	KUNIT_CASE(test_unique_id),
	KUNIT_CASE(test_utf8),
	KUNIT_CASE(test_signature),
	KUNIT_CASE(test_signature_limits),
	KUNIT_CASE(test_type_codes),
	KUNIT_CASE(test_signature_skip),
	{}
};

static struct kunit_suite names_suite = {
	.name = "dbus_genl_names",
	.test_cases = names_cases,
};

kunit_test_suite(names_suite);

/* For all of dbus_genl_test.ko. */
MODULE_DESCRIPTION("KUnit tests of dbus_genl");
MODULE_LICENSE("GPL");
