// SPDX-License-Identifier: GPL-2.0-only
/*
 * body_test.c - KUnit tests of body.c, body_iter.c and body_write.c
 *
 * Bodies are written out byte by byte where it matters what is in them; those
 * are little-endian, as the machines that run the tests are.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "body.h"
#include "message.h"

struct body_case {
	const char *sig;
	const char *body;
	u32 len;
};

#define BODY(sig, bytes) { sig, bytes, sizeof(bytes) - 1 }

/*
 * Validate a body with two fds, in memory of just its size: a byte read behind
 * its end is seen by KASAN, or ASan on the host.
 */
static int check(struct kunit *test, const char *sig, const void *body, u32 len)
{
	u8 *copy = kmalloc(len ?: 1, GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	memcpy(copy, body, len);
	err = dg_body_validate(sig, copy, len, 2);
	kfree(copy);
	return err;
}

static const struct body_case good[] = {
	BODY("", ""),
	BODY("y", "\xff"),
	BODY("b", "\0\0\0\0"),
	BODY("b", "\1\0\0\0"),
	BODY("n", "\xff\xff"),
	BODY("u", "\xff\xff\xff\xff"),
	BODY("t", "\1\2\3\4\5\6\7\x8"),
	BODY("d", "\xff\xff\xff\xff\xff\xff\xff\xff"),
	BODY("h", "\1\0\0\0"),
	BODY("yu", "\1\0\0\0\2\0\0\0"),
	BODY("yt", "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"),
	BODY("s", "\0\0\0\0\0"),
	BODY("s", "\2\0\0\0\xc3\xa9\0"),
	BODY("ss", "\1\0\0\0a\0\0\0\1\0\0\0b\0"),
	BODY("o", "\1\0\0\0/\0"),
	BODY("g", "\0\0"),
	BODY("g", "\5a{sv}\0"),
	BODY("yg", "\1\1i\0"),
	BODY("ay", "\0\0\0\0"),
	BODY("ay", "\3\0\0\0\1\2\3"),
	BODY("ai", "\4\0\0\0\1\0\0\0"),
	BODY("ab", "\4\0\0\0\1\0\0\0"),
	BODY("ah", "\4\0\0\0\1\0\0\0"),
	/* Padding for the first element, though there is none. */
	BODY("ax", "\0\0\0\0\0\0\0\0"),
	BODY("a(i)", "\0\0\0\0\0\0\0\0"),
	BODY("a(i)", "\4\0\0\0\0\0\0\0\1\0\0\0"),
	BODY("a(y)", "\x9\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"),
	BODY("as", "\xe\0\0\0\1\0\0\0a\0\0\0\1\0\0\0b\0"),
	BODY("aas", "\4\0\0\0\0\0\0\0"),
	BODY("aay", "\xd\0\0\0\1\0\0\0x\0\0\0\1\0\0\0y"),
	BODY("a{yy}", "\2\0\0\0\0\0\0\0\1\2"),
	BODY("(yy)", "\1\2"),
	BODY("(y(y))", "\1\0\0\0\0\0\0\0\2"),
	BODY("v", "\1y\0\1"),
	BODY("v", "\1v\0\1y\0\1"),
	BODY("v", "\1u\0\0\1\0\0\0"),
	BODY("v", "\2ai\0\4\0\0\0\1\0\0\0"),
	BODY("av", "\4\0\0\0\1y\0\1"),
	BODY("vy", "\1y\0\1\2"),
	/* Arrays that end together. */
	BODY("aaay", "\x9\0\0\0\5\0\0\0\1\0\0\0x"),
	BODY("ayu", "\1\0\0\0x\0\0\0\1\0\0\0"),
};

static const struct body_case bad[] = {
	/* The signature: not one, or one that tells of something else. */
	BODY("z", ""),
	BODY("a", "\0\0\0\0"),
	BODY("(y", "\1"),
	BODY("", "\0"),
	BODY("y", ""),
	BODY("y", "\1\2"),
	BODY("u", "\1\0\0"),
	BODY("yy", "\1"),
	/* Values. */
	BODY("b", "\2\0\0\0"),
	BODY("b", "\1\0\0\1"),
	BODY("h", "\2\0\0\0"),
	BODY("ab", "\4\0\0\0\2\0\0\0"),
	BODY("ah", "\4\0\0\0\2\0\0\0"),
	/* Padding. */
	BODY("yu", "\1\0\0\1\2\0\0\0"),
	BODY("yu", "\1\0\0"),
	BODY("yn", "\1\1\1\1"),
	BODY("ax", "\0\0\0\0"),
	BODY("ax", "\0\0\0\0\0\0\0\1"),
	BODY("(y(y))", "\1\0\0\0\1\0\0\0\2"),
	/* Strings. */
	BODY("s", "\1\0\0\0a"),
	BODY("s", "\1\0\0\0ab"),
	BODY("s", "\2\0\0\0a\0"),
	BODY("s", "\2\0\0\0a\0\0"),
	BODY("s", "\xff\xff\xff\xff\0"),
	BODY("s", "\1\0\0\0\xff\0"),
	BODY("o", "\0\0\0\0\0"),
	BODY("o", "\1\0\0\0a\0"),
	BODY("g", "\0"),
	BODY("g", "\1s"),
	BODY("g", "\1ss"),
	BODY("g", "\1a\0"),
	BODY("g", "\xffs\0"),
	/* Arrays. */
	BODY("ay", "\1\0\0\0"),
	BODY("ay", "\xff\xff\xff\xff"),
	BODY("ai", "\3\0\0\0\1\0\0"),
	BODY("ai", "\5\0\0\0\1\0\0\0\1"),
	BODY("as", "\1\0\0\0\0"),
	BODY("as", "\4\0\0\0\0\0\0\0\0"),
	BODY("as", "\xd\0\0\0\1\0\0\0a\0\0\0\1\0\0\0b\0"),
	BODY("aay", "\4\0\0\0\1\0\0\0x"),
	BODY("a(y)", "\2\0\0\0\0\0\0\0\1\2"),
	BODY("aau", "\6\0\0\0\0\0\0\0\0\0"),
	/* Arrays that end behind the body, and something after them. */
	BODY("ayg", "\6\0\0\0\1"),
	BODY("ayv", "\6\0\0\0\1"),
	BODY("ayy", "\6\0\0\0\1"),
	BODY("ass", "\6\0\0\0\1"),
	/* Variants. */
	BODY("v", ""),
	BODY("v", "\0\0"),
	BODY("v", "\1y\0"),
	BODY("v", "\2yy\0\1\2"),
	BODY("v", "\1z\0\1"),
	BODY("v", "\1a\0\0\0\0\0"),
	BODY("v", "\1y\1\1"),
	BODY("v", "\1u\0\1\1\0\0\0"),
	BODY("av", "\3\0\0\0\1y\0\1"),
};

static void test_validate(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    check(test, good[i].sig, good[i].body,
					  good[i].len), 0,
				    "good[%u]: %s", i, good[i].sig);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    check(test, bad[i].sig, bad[i].body,
					  bad[i].len), -EINVAL,
				    "bad[%u]: %s", i, bad[i].sig);
}

/* No prefix of a body is a body of the same signature; nor is one more byte. */
static void test_validate_length(struct kunit *test)
{
	u8 longer[64] = { };
	unsigned int i;
	u32 len;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		for (len = 0; len < good[i].len; len++)
			KUNIT_EXPECT_EQ_MSG(test,
					    check(test, good[i].sig,
						  good[i].body, len),
					    -EINVAL, "%s cut to %u",
					    good[i].sig, len);
		memcpy(longer, good[i].body, good[i].len);
		longer[good[i].len] = 0;
		KUNIT_EXPECT_EQ_MSG(test,
				    dg_body_validate(good[i].sig, longer,
						     good[i].len + 1, 2),
				    -EINVAL, "%s and a byte", good[i].sig);
	}
}

/* An 'h' is below the number of fds, whatever that is. */
static void test_validate_fds(struct kunit *test)
{
	u32 n, index;

	for (n = 0; n < 4; n++)
		for (index = 0; index < 5; index++)
			KUNIT_EXPECT_EQ(test,
					dg_body_validate("h", &index,
							 sizeof(index), n),
					index < n ? 0 : -EINVAL);
}

/* Bodies may lie anywhere. */
static void test_validate_unaligned(struct kunit *test)
{
	unsigned int i, shift;
	u8 room[80];

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		for (shift = 1; shift < 8; shift++) {
			memcpy(room + shift, good[i].body, good[i].len);
			KUNIT_EXPECT_EQ(test,
					dg_body_validate(good[i].sig,
							 room + shift,
							 good[i].len, 2),
					0);
		}
	}
}

/* @n variants around a byte: "\1v\0" and so on, "\1y\0", "\7". */
static u32 nested_variants(u8 *body, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		body[3 * i] = 1;
		body[3 * i + 1] = i + 1 < n ? 'v' : 'y';
		body[3 * i + 2] = 0;
	}
	body[3 * n] = 7;
	return 3 * n + 1;
}

/* As many variants as may be, around an array of @n bytes of zeros. */
static int nested_arrays(u8 *body, const char *sig, u32 n)
{
	u32 len = nested_variants(body, DG_BODY_DEPTH_MAX) - 4;

	body[len++] = 2;
	memcpy(body + len, sig, 3);
	len += 3;
	while (len % 4)
		body[len++] = 0;
	memcpy(body + len, &n, sizeof(n));
	memset(body + len + sizeof(n), 0, n);
	return dg_body_validate("v", body, len + sizeof(n) + n, 0);
}

static void test_validate_depth(struct kunit *test)
{
	u8 body[3 * 66 + 1 + 16];
	u32 len;

	len = nested_variants(body, DG_BODY_DEPTH_MAX);
	KUNIT_EXPECT_EQ(test, dg_body_validate("v", body, len, 0), 0);
	/* A struct around them counts, too. */
	KUNIT_EXPECT_EQ(test, dg_body_validate("(v)", body, len, 0), -EINVAL);
	len = nested_variants(body, DG_BODY_DEPTH_MAX - 1);
	KUNIT_EXPECT_EQ(test, dg_body_validate("(v)", body, len, 0), 0);
	len = nested_variants(body, DG_BODY_DEPTH_MAX + 1);
	KUNIT_EXPECT_EQ(test, dg_body_validate("v", body, len, 0), -EINVAL);

	/* An array in the innermost: of strings it counts, unless empty. */
	KUNIT_EXPECT_EQ(test, nested_arrays(body, "as", 5), -EINVAL);
	KUNIT_EXPECT_EQ(test, nested_arrays(body, "as", 0), 0);
	KUNIT_EXPECT_EQ(test, nested_arrays(body, "ab", 4), 0);
}

/* The longest array that may be, and one byte more. */
static void test_validate_array_max(struct kunit *test)
{
	const u32 max = DG_BODY_ARRAY_MAX;
	u8 *body = kvmalloc(4 + max + 1, GFP_KERNEL);
	u32 len = max;

	KUNIT_ASSERT_NOT_NULL(test, body);
	memcpy(body, &len, sizeof(len));
	KUNIT_EXPECT_EQ(test, dg_body_validate("ay", body, 4 + len, 0), 0);
	len++;
	memcpy(body, &len, sizeof(len));
	KUNIT_EXPECT_EQ(test, dg_body_validate("ay", body, 4 + len, 0), -EINVAL);
	kvfree(body);
}

static void test_iter(struct kunit *test)
{
	static const char body[] =
		"\1\0\0\0a\0\0\0"		/* s */
		"\7\0\0\0"			/* u */
		"\1\0\0\0"			/* b */
		"\4\0\0\0\0\0\0\0"		/* aas */
		"\1v\0\1s\0\0\0"		/* v of v of s */
		"\1\0\0\0x\0\0\0"
		"\1\0\0\0/\0"			/* o */
		"\1i";				/* g */
	static const char sig[] = "subaasvog";
	struct dg_body_iter it;
	const char *s;
	bool b;
	u32 n;

	KUNIT_ASSERT_EQ(test, dg_body_validate(sig, body, sizeof(body), 0), 0);
	dg_body_iter_init(&it, sig, body, sizeof(body));
	KUNIT_EXPECT_EQ(test, dg_body_iter_u32(&it, &n), -EINVAL);
	KUNIT_EXPECT_EQ(test, dg_body_iter_string(&it, &s, &n), 0);
	KUNIT_EXPECT_STREQ(test, s, "a");
	KUNIT_EXPECT_EQ(test, n, 1U);
	KUNIT_EXPECT_EQ(test, dg_body_iter_string(&it, &s, &n), -EINVAL);
	KUNIT_EXPECT_EQ(test, dg_body_iter_bool(&it, &b), -EINVAL);
	KUNIT_EXPECT_EQ(test, dg_body_iter_u32(&it, &n), 0);
	KUNIT_EXPECT_EQ(test, n, 7U);
	KUNIT_EXPECT_EQ(test, dg_body_iter_bool(&it, &b), 0);
	KUNIT_EXPECT_TRUE(test, b);
	KUNIT_EXPECT_EQ(test, dg_body_iter_string(&it, &s, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, dg_body_iter_skip(&it), 0);
	KUNIT_EXPECT_EQ(test, dg_body_iter_type(&it), 'v');
	KUNIT_EXPECT_EQ(test, dg_body_iter_skip(&it), 0);
	KUNIT_EXPECT_EQ(test, dg_body_iter_string(&it, &s, NULL), 0);
	KUNIT_EXPECT_STREQ(test, s, "/");
	KUNIT_EXPECT_EQ(test, dg_body_iter_string(&it, &s, &n), 0);
	KUNIT_EXPECT_STREQ(test, s, "i");
	KUNIT_EXPECT_EQ(test, n, 1U);
	KUNIT_EXPECT_EQ(test, it.pos, it.len);
	KUNIT_EXPECT_EQ(test, dg_body_iter_type(&it), 0);
	KUNIT_EXPECT_EQ(test, dg_body_iter_skip(&it), -EINVAL);
	KUNIT_EXPECT_EQ(test, dg_body_iter_string(&it, &s, &n), -EINVAL);
}

/* Skipping any good value ends where it ends. */
static void test_iter_strings(struct kunit *test)
{
	static const char body[] =
		"\x17\0\0\0"				/* as, 23 bytes */
		"\1\0\0\0a\0\0\0"
		"\0\0\0\0\0\0\0\0"
		"\2\0\0\0bc\0\0"
		"\0\0\0\0"				/* as, empty */
		"\7\0\0";				/* u, with this NUL */
	struct dg_body_iter it, strings;
	const char *s;
	u32 n;

	KUNIT_ASSERT_EQ(test, dg_body_validate("asasu", body, sizeof(body), 0),
			0);
	dg_body_iter_init(&it, "asasu", body, sizeof(body));
	KUNIT_ASSERT_EQ(test, dg_body_iter_strings(&it, &strings), 0);
	KUNIT_EXPECT_TRUE(test, dg_body_iter_next_string(&strings, &s, &n));
	KUNIT_EXPECT_STREQ(test, s, "a");
	KUNIT_EXPECT_EQ(test, n, 1U);
	KUNIT_EXPECT_TRUE(test, dg_body_iter_next_string(&strings, &s, &n));
	KUNIT_EXPECT_STREQ(test, s, "");
	KUNIT_EXPECT_EQ(test, n, 0U);
	KUNIT_EXPECT_TRUE(test, dg_body_iter_next_string(&strings, &s, &n));
	KUNIT_EXPECT_STREQ(test, s, "bc");
	KUNIT_EXPECT_FALSE(test, dg_body_iter_next_string(&strings, &s, &n));
	KUNIT_ASSERT_EQ(test, dg_body_iter_strings(&it, &strings), 0);
	KUNIT_EXPECT_FALSE(test, dg_body_iter_next_string(&strings, &s, &n));
	KUNIT_EXPECT_EQ(test, dg_body_iter_strings(&it, &strings), -EINVAL);
	KUNIT_EXPECT_EQ(test, dg_body_iter_u32(&it, &n), 0);
	KUNIT_EXPECT_EQ(test, n, 7U);
	dg_body_iter_init(&it, "ay", "\0\0\0", 4);
	KUNIT_EXPECT_EQ(test, dg_body_iter_strings(&it, &strings), -EINVAL);
}

static void test_skip(struct kunit *test)
{
	struct dg_body_iter it;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		dg_body_iter_init(&it, good[i].sig, good[i].body, good[i].len);
		while (dg_body_iter_type(&it))
			KUNIT_ASSERT_EQ(test, dg_body_iter_skip(&it), 0);
		KUNIT_EXPECT_EQ_MSG(test, it.pos, good[i].len, "%s",
				    good[i].sig);
	}
}

static void test_args(struct kunit *test)
{
	static const char body[] =
		"\1\0\0\0a\0\0\0" "\7\0\0\0" "\1\0\0\0/\0" "\1y\0\1\0\0"
		"\1\0\0\0z";
	struct dg_msg msg = {
		.signature = "suovs", .body = body, .body_len = sizeof(body),
	};
	struct dg_body_args args;
	const char *s;
	u32 len;

	KUNIT_ASSERT_EQ(test,
			dg_body_validate(msg.signature, body, sizeof(body), 0),
			0);
	dg_body_args_init(&args, &msg);
	/* In any order, and more than once. */
	KUNIT_EXPECT_EQ(test, dg_body_args_get(&args, 4, &s, &len), 's');
	KUNIT_EXPECT_STREQ(test, s, "z");
	KUNIT_EXPECT_EQ(test, dg_body_args_get(&args, 0, &s, &len), 's');
	KUNIT_EXPECT_STREQ(test, s, "a");
	KUNIT_EXPECT_EQ(test, len, 1U);
	KUNIT_EXPECT_EQ(test, dg_body_args_get(&args, 1, &s, &len), 'u');
	KUNIT_EXPECT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, dg_body_args_get(&args, 2, &s, &len), 'o');
	KUNIT_EXPECT_STREQ(test, s, "/");
	KUNIT_EXPECT_EQ(test, dg_body_args_get(&args, 3, &s, &len), 'v');
	KUNIT_EXPECT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, dg_body_args_get(&args, 5, &s, &len), 0);
	KUNIT_EXPECT_EQ(test, dg_body_args_get(&args, 63, &s, &len), 0);
	KUNIT_EXPECT_EQ(test, dg_body_args_get(&args, 4, &s, &len), 's');
}

/* 64 arguments can be asked for, of 255. */
static void test_args_max(struct kunit *test)
{
	char sig[DG_SIGNATURE_MAX + 1];
	u8 body[DG_SIGNATURE_MAX] = { };
	struct dg_msg msg = {
		.signature = sig, .body = body, .body_len = sizeof(body),
	};
	struct dg_body_args args;
	const char *s;
	u32 len;

	memset(sig, 'y', DG_SIGNATURE_MAX);
	sig[DG_SIGNATURE_MAX] = 0;
	KUNIT_ASSERT_EQ(test, dg_body_validate(sig, body, sizeof(body), 0), 0);
	dg_body_args_init(&args, &msg);
	KUNIT_EXPECT_EQ(test,
			dg_body_args_get(&args, DG_BODY_ARGS - 1, &s, &len),
			'y');
	KUNIT_EXPECT_EQ(test, args.n, (unsigned int)DG_BODY_ARGS);
}

static void test_writer(struct kunit *test)
{
	static const char expect[] =
		"\1\0\0\0a\0"			/* s */
		"\1\0\2\0"			/* y q */
		"\0\0\x20\0\0\0"		/* a{sv}, 32 bytes of entries */
		"\1\0\0\0k\0\1u\0\0\0\0" "\x9\0\0\0"
		"\1\0\0\0l\0\1b\0\0\0\0" "\1\0\0";
	struct dg_body_writer w;

	dg_body_writer_init(&w);
	dg_body_put_string(&w, "a");
	dg_body_put_byte(&w, 1);
	dg_body_put_u16(&w, 2);
	dg_body_open_array(&w, '{');
	dg_body_open_struct(&w);
	dg_body_put_string(&w, "k");
	dg_body_open_variant(&w, "u");
	dg_body_put_u32(&w, 9);
	dg_body_close_variant(&w);
	dg_body_close_struct(&w);
	dg_body_open_struct(&w);
	dg_body_put_string(&w, "l");
	dg_body_open_variant(&w, "b");
	dg_body_put_bool(&w, true);
	dg_body_close_variant(&w);
	dg_body_close_struct(&w);
	dg_body_close_array(&w);
	KUNIT_EXPECT_EQ(test, w.err, 0);
	KUNIT_EXPECT_EQ(test, w.depth, 0U);
	KUNIT_EXPECT_EQ(test, dg_body_validate("syqa{sv}", w.data, w.len, 0), 0);
	KUNIT_ASSERT_EQ(test, w.len, (u32)sizeof(expect));
	KUNIT_EXPECT_EQ(test, memcmp(w.data, expect, sizeof(expect)), 0);
	dg_body_writer_free(&w);
}

/* More than the first allocation has room for; every kind of value. */
static void test_writer_grows(struct kunit *test)
{
	struct dg_body_writer w;
	struct dg_body_iter it;
	const char *s;
	unsigned int i;
	u32 n;

	dg_body_writer_init(&w);
	dg_body_open_array(&w, 's');
	for (i = 0; i < 1000; i++)
		dg_body_put_string_len(&w, "abcdef", i % 7);
	dg_body_close_array(&w);
	dg_body_put_signature(&w, "a{sv}");
	dg_body_put_u64(&w, U64_MAX);
	dg_body_open_array(&w, 'x');
	dg_body_close_array(&w);
	dg_body_open_array(&w, 'y');
	dg_body_put_bytes(&w, "xyz", 3);
	dg_body_close_array(&w);
	dg_body_put_u32(&w, 42);
	KUNIT_ASSERT_EQ(test, w.err, 0);
	KUNIT_EXPECT_EQ(test, dg_body_validate("asgtaxayu", w.data, w.len, 0),
			0);
	dg_body_iter_init(&it, "asgtaxayu", w.data, w.len);
	KUNIT_EXPECT_EQ(test, dg_body_iter_skip(&it), 0);
	KUNIT_EXPECT_EQ(test, dg_body_iter_string(&it, &s, NULL), 0);
	KUNIT_EXPECT_STREQ(test, s, "a{sv}");
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, dg_body_iter_skip(&it), 0);
	KUNIT_EXPECT_EQ(test, dg_body_iter_u32(&it, &n), 0);
	KUNIT_EXPECT_EQ(test, n, 42U);
	dg_body_writer_free(&w);
}

/* At once more than the room doubled has. */
static void test_writer_leaps(struct kunit *test)
{
	enum { LONG = 100000 };
	struct dg_body_writer w;
	u8 *bytes = kvmalloc(LONG, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	memset(bytes, 'x', LONG);
	dg_body_writer_init(&w);
	dg_body_put_byte(&w, 1);
	dg_body_open_array(&w, 'y');
	dg_body_put_bytes(&w, bytes, LONG);
	dg_body_close_array(&w);
	KUNIT_EXPECT_EQ(test, w.err, 0);
	KUNIT_EXPECT_EQ(test, w.len, 8U + LONG);
	KUNIT_EXPECT_EQ(test, dg_body_validate("yay", w.data, w.len, 0), 0);
	dg_body_writer_free(&w);
	kvfree(bytes);
}

/* Too long: the error stays, and what follows does nothing. */
static void test_writer_too_long(struct kunit *test)
{
	struct dg_body_writer w;
	u32 len;

	dg_body_writer_init(&w);
	dg_body_open_array(&w, 'y');
	dg_body_put_byte(&w, 1);
	len = w.len;
	dg_body_put_bytes(&w, NULL, DG_BODY_MAX);
	KUNIT_EXPECT_EQ(test, w.err, -EMSGSIZE);
	dg_body_put_byte(&w, 2);
	dg_body_put_string(&w, "a");
	dg_body_close_array(&w);
	KUNIT_EXPECT_EQ(test, w.err, -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, w.len, len);
	KUNIT_EXPECT_EQ(test, w.depth, 0U);
	dg_body_writer_free(&w);
}

/* Whatever a body is cut to, what is said to be valid of it is. */
static void test_valid_args(struct kunit *test)
{
	static const struct body_case cut[] = {
		BODY("sus", "\1\0\0\0a\0\0\0\7\0\0\0\1\0\0\0b\0"),
		BODY("sa{sv}y", "\1\0\0\0a\0\0\0\xa\0\0\0\0\0\0\0"
				"\1\0\0\0b\0\1y\0\7\5"),
		BODY("(yy)a(ss)h", "\1\2\0\0\0\0\0\0\1\0\0\0"),
	};
	char sig[16];
	u32 len, end;
	size_t i, n;
	u8 *copy;

	for (i = 0; i < ARRAY_SIZE(cut); i++) {
		for (len = 0; len <= cut[i].len; len++) {
			copy = kmalloc(len ?: 1, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, copy);
			memcpy(copy, cut[i].body, len);
			n = dg_body_valid_args(cut[i].sig, copy, len, 2, &end);
			KUNIT_ASSERT_TRUE(test, end <= len);
			memcpy(sig, cut[i].sig, n);
			sig[n] = '\0';
			KUNIT_EXPECT_EQ(test, dg_body_validate(sig, copy, end, 2),
					0);
			KUNIT_EXPECT_EQ(test, n == strlen(cut[i].sig),
					len == cut[i].len);
			kfree(copy);
		}
	}

	/* What is wrong ends it. */
	n = dg_body_valid_args("ubu", "\1\0\0\0\2\0\0\0\3\0\0\0", 12, 0, &end);
	KUNIT_EXPECT_EQ(test, n, 1UL);
	KUNIT_EXPECT_EQ(test, end, 4U);
	n = dg_body_valid_args("h", "\1\0\0\0", 4, 1, &end);
	KUNIT_EXPECT_EQ(test, n, 0UL);
	KUNIT_EXPECT_EQ(test, end, 0U);
	/* Without an argument, what is behind does not matter. */
	n = dg_body_valid_args("", "abcd", 4, 0, &end);
	KUNIT_EXPECT_EQ(test, n, 0UL);
}

static struct kunit_case body_cases[] = {
	KUNIT_CASE(test_validate),
	KUNIT_CASE(test_validate_length),
	KUNIT_CASE(test_validate_fds),
	KUNIT_CASE(test_validate_unaligned),
	KUNIT_CASE(test_validate_depth),
	KUNIT_CASE(test_validate_array_max),
	KUNIT_CASE(test_iter),
	KUNIT_CASE(test_iter_strings),
	KUNIT_CASE(test_skip),
	KUNIT_CASE(test_args),
	KUNIT_CASE(test_args_max),
	KUNIT_CASE(test_valid_args),
	KUNIT_CASE(test_writer),
	KUNIT_CASE(test_writer_grows),
	KUNIT_CASE(test_writer_leaps),
	KUNIT_CASE(test_writer_too_long),
	{}
};

static struct kunit_suite body_suite = {
	.name = "dbus_genl_body",
	.test_cases = body_cases,
};

kunit_test_suite(body_suite);
