// SPDX-License-Identifier: GPL-2.0-only
/*
 * match_test.c - KUnit tests of match_parse.c, match_rule.c and match.c
 *
 * The tables hold what dbus-daemon 1.14 does; compat-tests/hostkernel/ asks a
 * running one about these and many more.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "match.h"
#include "names.h"

static struct dg_match_rule *parse(struct kunit *test, const char *text)
{
	struct dg_match_rule *rule;
	char *why = NULL;

	rule = dg_match_parse(text, strlen(text), &why);
	if (IS_ERR(rule)) {
		KUNIT_FAIL(test, "%s: %s", text, why);
		kfree(why);
		return NULL;
	}
	return rule;
}

static void test_parse_good(struct kunit *test)
{
	static const char * const rules[] = {
		"", "  ", "type='signal'", "type=signal", "type='signal',",
		"type='signal',  ", " type='signal'", "type ='signal'",
		"type='signal', member='x'", "type='method_call'",
		"type='method_return'", "type='error'",
		"sender=':1.1'", "sender='org.foo'", "sender=''a.b''",
		"sender='a'.b", "interface='a.b'", "member='a'", "path='/'",
		"path_namespace='/'", "destination='a.b'",
		"eavesdrop='true'", "eavesdrop=true,eavesdrop=false",
		"arg0='x'", "arg63='x'", "arg0=", "arg0='a,b'", "arg0=a\\,b",
		"arg0='a'\\''b'", "arg0=\\", "arg0path='x'", "arg0path=''",
		"arg1path='/'", "arg0namespace='a'", "arg0namespace=':1.1'",
		/* An empty key ends the rule. */
		"=", "= '", "=x,foo=bar", "path=/,=,,,",
		/* Numbers as strtoul() takes them. */
		"arg00=x", "arg+1=x", "arg-0=x", "arg0x3F=x", "arg077=x",
		"arg\v1=x", "arg-18446744073709551615=x",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		dg_match_rule_free(parse(test, rules[i]));
}

static void test_parse_bad(struct kunit *test)
{
#define NO_EQUALS "Match rule has a key with no subsequent '=' character"
#define UNBALANCED "Unbalanced quotation marks in match rule"
#define JUNK(n) " in match rule contains junk after argument number (" n	\
		"). Only 'arg" n "path' (for example) or 'arg0namespace' are valid"
#define ARG7 "Should be 'arg0' or 'arg7' for example.\n"
	static const struct {
		const char *rule;
		const char *why;
	} rules[] = {
		{ "type", NO_EQUALS },
		{ ",", NO_EQUALS },
		{ "a b='x'", NO_EQUALS },
		{ "type='signal',,", NO_EQUALS },
		/* What it is made of comes before what it says. */
		{ "foo=x,bar", NO_EQUALS },
		{ "type='signal", UNBALANCED },
		{ "arg0='\\''", UNBALANCED },
		{ "arg0=\\\\'", UNBALANCED },
		{ "foo='x',arg0='", UNBALANCED },
		{ "foo='bar'", "Unknown key \"foo\" in match rule" },
		{ "Type='signal'", "Unknown key \"Type\" in match rule" },
		{ ",type=signal", "Unknown key \",type\" in match rule" },
		{ "type=''", "Invalid message type () in match rule\n" },
		{ "type= 'signal'",
		  "Invalid message type ( signal) in match rule\n" },
		{ "type=signal,type=signal",
		  "Key type specified twice in match rule\n" },
		{ "sender=x", "Sender name 'x' is invalid\n" },
		{ "sender=a.b,sender=x",
		  "Key sender specified twice in match rule\n" },
		{ "interface=a", "Interface name 'a' is invalid\n" },
		{ "interface=a.b,interface=a.b",
		  "Key interface specified twice in match rule\n" },
		{ "member=a.b", "Member name 'a.b' is invalid\n" },
		{ "member='x' ", "Member name 'x ' is invalid\n" },
		{ "destination=x", "Destination name 'x' is invalid\n" },
		{ "path=x", "Path 'x' is invalid\n" },
		{ "path_namespace=/a/", "Path '/a/' is invalid\n" },
		{ "path=/a,path_namespace=/a",
		  "path or path_namespace specified twice in match rule\n" },
		{ "eavesdrop=TRUE",
		  "eavesdrop='TRUE' is invalid, it should be 'true' or 'false'\n" },
		{ "arg=x",
		  "Key 'arg' in match rule starts with 'arg' but lacks an arg number. "
		  ARG7 },
		{ "argpath=x",
		  "Key 'argpath' in match rule starts with 'arg' but could not parse arg number. "
		  ARG7 },
		{ "arg18446744073709551616=x",
		  "Key 'arg18446744073709551616' in match rule starts with 'arg' but could not parse arg number. "
		  ARG7 },
		{ "arg64=x",
		  "Key 'arg64' in match rule has arg number 64 but the maximum is 63.\n" },
		{ "arg-1=x",
		  "Key 'arg-1' in match rule has arg number 18446744073709551615 but the maximum is 63.\n" },
		{ "arg08=x", "Key 'arg08'" JUNK("0") },
		{ "arg1namespace=a", "Key 'arg1namespace'" JUNK("1") },
		{ "arg64junk=a", "Key 'arg64junk'" JUNK("64") },
		{ "arg1=x,arg1path=y",
		  "Argument arg1path matched more than once in match rule\n" },
		{ "arg01=x,arg1=y",
		  "Argument arg1 matched more than once in match rule\n" },
		{ "arg0namespace=a..b",
		  "arg0namespace='a..b' is not a valid prefix of a bus name" },
	};
	struct dg_match_rule *rule;
	unsigned int i;
	char *why;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		why = NULL;
		rule = dg_match_parse(rules[i].rule, strlen(rules[i].rule),
				      &why);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(rule), (long)-EINVAL, "%s",
				    rules[i].rule);
		KUNIT_EXPECT_STREQ(test, (const char *)why, rules[i].why);
		kfree(why);
	}
}

static void test_parse_length(struct kunit *test)
{
	char *text = kmalloc(DG_MATCH_RULE_MAX + 1, GFP_KERNEL);
	struct dg_match_rule *rule;
	char *why;

	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, 'x', DG_MATCH_RULE_MAX + 1);
	memcpy(text, "arg0=", 5);
	rule = dg_match_parse(text, DG_MATCH_RULE_MAX, &why);
	KUNIT_EXPECT_FALSE(test, IS_ERR(rule));
	KUNIT_EXPECT_NULL(test, why);
	if (!IS_ERR(rule))
		dg_match_rule_free(rule);
	rule = dg_match_parse(text, DG_MATCH_RULE_MAX + 1, &why);
	KUNIT_EXPECT_EQ(test, PTR_ERR(rule), (long)-E2BIG);
	KUNIT_EXPECT_STREQ(test, (const char *)why,
			   "Match rule text is 1025 bytes, maximum is 1024");
	kfree(why);
	kfree(text);
}

/* Every argument at once, in whatever order. */
static void test_parse_all_args(struct kunit *test)
{
	struct dg_match_rule *up, *down;
	char text[DG_BODY_ARGS * 8];
	unsigned int len, i;

	for (i = 0, len = 0; i < DG_BODY_ARGS; i++)
		len += scnprintf(text + len, sizeof(text) - len, "arg%u=,", i);
	up = parse(test, text);
	for (i = DG_BODY_ARGS, len = 0; i--;)
		len += scnprintf(text + len, sizeof(text) - len, "arg%u=,", i);
	down = parse(test, text);
	KUNIT_EXPECT_TRUE(test, up && down && dg_match_equal(up, down));
	dg_match_rule_free(up);
	dg_match_rule_free(down);
}

static void test_equal(struct kunit *test)
{
	static const struct {
		const char *a;
		const char *b;
		bool equal;
	} cases[] = {
		{ "", "", true },
		{ "type=signal,member=M", " member='M', type='signal'", true },
		{ "arg0=a,arg2=b", "arg2=b,arg0=a", true },
		{ "eavesdrop=false", "", true },
		{ "eavesdrop=true,eavesdrop=false", "eavesdrop=false", true },
		{ "arg0=it\\'s", "arg0='it'\\''s'", true },
		{ "arg0=a\\,b", "arg0='a\\,b'", true },
		{ "arg0x10=a", "arg16=a", true },
		{ "arg1=a", "arg-18446744073709551615=a", true },
		{ "path=/a,=,foo", "path=/a", true },
		{ "", "type=signal", false },
		{ "eavesdrop=true", "", false },
		{ "path=/a", "path_namespace=/a", false },
		{ "path_namespace=/", "", false },
		{ "arg0=a", "arg0path=a", false },
		{ "arg0=a", "arg0namespace=a", false },
		{ "arg0=a", "arg1=a", false },
		{ "arg0=a", "arg0=a,arg2=b", false },
		{ "arg0=a", "arg0=b", false },
		{ "sender=a.b", "destination=a.b", false },
		{ "interface=a.b", "interface=a.c", false },
		{ "member=a", "", false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dg_match_rule *a = parse(test, cases[i].a);
		struct dg_match_rule *b = parse(test, cases[i].b);

		KUNIT_EXPECT_TRUE_MSG(test,
				      a && b &&
				      dg_match_equal(a, b) == cases[i].equal &&
				      dg_match_equal(b, a) == cases[i].equal,
				      "%s, %s", cases[i].a, cases[i].b);
		dg_match_rule_free(a);
		dg_match_rule_free(b);
	}
}

/* A bus of two peers; the first sends, the second is addressed if need be. */
struct world {
	struct dg_registry names;
	struct dg_owner peers[2];
	struct dg_body_writer body;
	struct dg_msg msg;
	struct dg_match_ctx ctx;
};

/* :1.4 owns o.first and queues for o.second; :1.9 owns o.second. */
static struct world *world_new(struct kunit *test)
{
	struct world *w = kzalloc(sizeof(*w), GFP_KERNEL);
	struct dg_name_change change;

	KUNIT_ASSERT_NOT_NULL(test, w);
	KUNIT_ASSERT_EQ(test, dg_registry_init(&w->names), 0);
	dg_owner_init(&w->peers[0], 5, NULL);
	dg_owner_init(&w->peers[1], 10, NULL);
	dg_registry_request(&w->names, &w->peers[0], "o.first", 0, &change);
	dg_registry_request(&w->names, &w->peers[1], "o.second", 0, &change);
	dg_registry_request(&w->names, &w->peers[0], "o.second", 0, &change);
	dg_body_writer_init(&w->body);
	w->msg.sender = 5;
	w->msg.type = DG_MSG_SIGNAL;
	w->msg.serial = 1;
	w->msg.path = "/a/b";
	w->msg.interface = "i.face";
	w->msg.member = "Member";
	w->msg.signature = "";
	return w;
}

static void world_free(struct world *w)
{
	dg_body_writer_free(&w->body);
	dg_registry_drop(&w->names, &w->peers[0], NULL, NULL);
	dg_registry_drop(&w->names, &w->peers[1], NULL, NULL);
	dg_registry_destroy(&w->names);
	kfree(w);
}

/* Give the message arguments: strings, or what @sig says of one string each. */
static void world_args(struct world *w, const char *sig,
		       const char * const *args)
{
	dg_body_writer_free(&w->body);
	w->msg.signature = sig;
	for (; *sig; sig++)
		if (*sig == 'g')
			dg_body_put_signature(&w->body, *args++);
		else if (*sig == 'u')
			dg_body_put_u32(&w->body, 7);
		else
			dg_body_put_string(&w->body, *args++);
	w->msg.body = w->body.data;
	w->msg.body_len = w->body.len;
}

static int note(void *data, const struct dg_match_rule *rule,
		struct dg_match_owner *owner)
{
	(*(unsigned int *)data)++;
	return 0;
}

/* Whether the message meets the rule; and the table must say the same. */
static bool meets(struct kunit *test, struct world *w, const char *text)
{
	struct dg_match_rule *rule = parse(test, text);
	struct dg_match_owner owner;
	struct dg_match_table table;
	unsigned int found = 0;
	bool applies;

	if (!rule)
		return false;
	dg_match_owner_init(&owner, NULL);
	KUNIT_ASSERT_EQ(test, dg_match_table_init(&table), 0);
	dg_match_ctx_init(&w->ctx, &w->msg, &w->names,
			  w->msg.sender ? &w->peers[0] : NULL,
			  w->msg.destination &&
			  strcmp(w->msg.destination, DG_DRIVER_NAME) ?
			  &w->peers[1] : NULL);
	applies = dg_match_applies(rule, &w->ctx);
	dg_match_table_insert(&table, &owner, rule);
	dg_match_table_for_each(&table, &w->ctx, note, &found);
	KUNIT_EXPECT_EQ_MSG(test, found, (unsigned int)applies, "%s", text);
	dg_match_table_remove_all(&table, &owner);
	dg_match_table_destroy(&table);
	return applies;
}

static void test_applies_header(struct kunit *test)
{
	static const char * const yes[] = {
		"", "type=signal", "eavesdrop=true", "sender=':1.4'",
		"sender=o.first", "interface=i.face", "member=Member",
		"path=/a/b", "path_namespace=/a/b", "path_namespace=/a",
		"path_namespace=/",
		"type=signal,sender=o.first,interface=i.face,member=Member,path=/a/b",
		"sender=o.first,path_namespace=/a",
	};
	static const char * const no[] = {
		"type=error", "type=method_call", "sender=':1.5'",
		"sender=':1.04'", "sender=':2.4'", "sender=o.second",
		"sender=o.none", "sender=org.freedesktop.DBus",
		"interface=i.fac", "interface=i.face2", "member=member",
		"path=/a", "path=/a/b/c", "path=/", "path_namespace=/a/b/c",
		"path_namespace=/a/bc", "path_namespace=/b",
		"destination=':1.9'", "arg0=''", "arg0path='/'",
		"arg0namespace=a",
		"type=error,sender=o.first,interface=i.face,member=Member,path=/a/b",
		"sender=o.second,path_namespace=/a",
	};
	struct world *w = world_new(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(yes); i++)
		KUNIT_EXPECT_TRUE_MSG(test, meets(test, w, yes[i]), "%s",
				      yes[i]);
	for (i = 0; i < ARRAY_SIZE(no); i++)
		KUNIT_EXPECT_TRUE_MSG(test, !meets(test, w, no[i]), "%s",
				      no[i]);

	w->msg.path = "/ab";
	KUNIT_EXPECT_FALSE(test, meets(test, w, "path_namespace=/a"));
	w->msg.path = "/";
	KUNIT_EXPECT_TRUE(test, meets(test, w, "path_namespace=/"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "path_namespace=/a"));

	/* The driver's. */
	w->msg.sender = 0;
	KUNIT_EXPECT_TRUE(test, meets(test, w, "sender=org.freedesktop.DBus"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "sender=o.first"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "sender=':1.0'"));

	/* An error has none of these. */
	w->msg.type = DG_MSG_ERROR;
	w->msg.path = NULL;
	w->msg.interface = NULL;
	w->msg.member = NULL;
	KUNIT_EXPECT_TRUE(test, meets(test, w, "type=error"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "path=/a/b"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "path_namespace=/a"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "path_namespace=/"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "interface=i.face"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "member=Member"));
	world_free(w);
}

static void test_applies_destination(struct kunit *test)
{
	struct world *w = world_new(test);

	w->msg.destination = "o.second";
	KUNIT_EXPECT_TRUE(test, meets(test, w, "destination=o.second"));
	KUNIT_EXPECT_TRUE(test, meets(test, w, "destination=':1.9'"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "destination=o.first"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "destination=':1.4'"));
	w->msg.destination = DG_DRIVER_NAME;
	KUNIT_EXPECT_TRUE(test,
			  meets(test, w, "destination=org.freedesktop.DBus"));
	KUNIT_EXPECT_FALSE(test, meets(test, w, "destination=o.second"));
	w->msg.destination = NULL;
	KUNIT_EXPECT_FALSE(test, meets(test, w, "destination=o.second"));
	world_free(w);
}

/* Of monitors alone: a peer that has not said Hello sends, or is answered. */
static void test_applies_no_name(struct kunit *test)
{
	static const char * const no[] = {
		"sender=org.freedesktop.DBus", "sender=':not.active.yet'",
		"sender=':1.4'", "sender=o.first", "sender=':1.0'",
		"destination=':not.active.yet'", "destination=':1.9'",
		"destination=':x'",
	};
	struct world *w = world_new(test);
	unsigned int i;

	dg_registry_drop(&w->names, &w->peers[0], NULL, NULL);
	w->peers[0].id = 0;
	dg_registry_drop(&w->names, &w->peers[1], NULL, NULL);
	w->peers[1].id = 0;
	w->msg.destination = ":not.active.yet";
	for (i = 0; i < ARRAY_SIZE(no); i++)
		KUNIT_EXPECT_TRUE_MSG(test, !meets(test, w, no[i]), "%s",
				      no[i]);
	KUNIT_EXPECT_TRUE(test, meets(test, w, "type=signal,path=/a/b"));
	world_free(w);
}

static void test_applies_args(struct kunit *test)
{
	/* Of a message whose one argument is @arg of type @sig. */
	static const struct {
		const char *rule;
		const char *sig;
		const char *arg;
		bool meets;
	} cases[] = {
		{ "arg0=a", "s", "a", true },
		{ "arg0=''", "s", "", true },
		{ "arg0=a", "s", "ab", false },
		{ "arg0=ab", "s", "a", false },
		{ "arg0=a", "s", "", false },
		{ "arg0='it'\\''s'", "s", "it's", true },
		{ "arg0=it\\'s", "s", "it's", true },
		{ "arg0=a\\b", "s", "a\\b", true },
		{ "arg0='a\\'", "s", "a\\", true },
		{ "arg0=a\\\\b", "s", "a\\\\b", true },
		{ "arg0=a\\,b", "s", "a\\,b", true },
		{ "arg0='a,b=c'", "s", "a,b=c", true },
		{ "arg0= a ", "s", " a ", true },
		{ "arg0=/a", "o", "/a", false },
		{ "arg0=s", "g", "s", false },
		{ "arg1=a", "s", "a", false },
		{ "arg1=a", "us", "a", true },
		{ "arg0=a", "us", "a", false },
		{ "arg63=a", "s", "a", false },
		{ "arg0path=/a/b/", "s", "/a/b/", true },
		{ "arg0path=/a/b/", "s", "/a/b/c", true },
		{ "arg0path=/a/b/", "s", "/a/", true },
		{ "arg0path=/a/b/", "s", "/", true },
		{ "arg0path=/a/b/", "s", "/a", false },
		{ "arg0path=/a/b/", "s", "/a/b", false },
		{ "arg0path=/a/b/", "s", "", false },
		{ "arg0path=/a/b/", "s", "/a/bc", false },
		{ "arg0path=/a/b", "s", "/a/b", true },
		{ "arg0path=/a/b", "s", "/a/", true },
		{ "arg0path=/a/b", "s", "/", true },
		{ "arg0path=/a/b", "s", "/a/b/", false },
		{ "arg0path=/a/b", "s", "/a/b/c", false },
		{ "arg0path=/a/b", "s", "/a", false },
		{ "arg0path=''", "s", "", true },
		{ "arg0path=''", "s", "/", false },
		{ "arg0path=x/", "s", "x/y", true },
		{ "arg0path=/", "o", "/a", true },
		{ "arg0path=/a", "o", "/", true },
		{ "arg0path=s", "g", "s", false },
		{ "arg0namespace=a.b", "s", "a.b", true },
		{ "arg0namespace=a.b", "s", "a.b.c", true },
		{ "arg0namespace=a.b", "s", "a.b.", true },
		{ "arg0namespace=a.b", "s", "a.b..c", true },
		{ "arg0namespace=a.b", "s", "a.bc", false },
		{ "arg0namespace=a.b", "s", "a", false },
		{ "arg0namespace=a.b", "s", "", false },
		{ "arg0namespace=a", "s", "a", true },
		{ "arg0namespace=a", "s", "a.b.c.d", true },
		{ "arg0namespace=':1'", "s", ":1.1", true },
		{ "arg0namespace=a", "o", "/a", false },
		{ "arg1path=/a,arg0namespace=a", "ss", "a", false },
	};
	struct world *w = world_new(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char * const args[] = { cases[i].arg, cases[i].arg };

		world_args(w, cases[i].sig, args);
		KUNIT_EXPECT_EQ_MSG(test, meets(test, w, cases[i].rule),
				    cases[i].meets, "%s of %s \"%s\"",
				    cases[i].rule, cases[i].sig, cases[i].arg);
	}
	world_free(w);
}

/* The same rule twice is two rules; those of others stay. */
static void test_table_remove(struct kunit *test)
{
	struct world *w = world_new(test);
	struct dg_match_owner owners[2];
	struct dg_match_table table;
	struct dg_match_rule *same, *other;
	unsigned int i, found = 0;

	KUNIT_ASSERT_EQ(test, dg_match_table_init(&table), 0);
	for (i = 0; i < 2; i++) {
		dg_match_owner_init(&owners[i], NULL);
		dg_match_table_insert(&table, &owners[i],
				      parse(test, "member=Member"));
	}
	dg_match_table_insert(&table, &owners[0], parse(test, "member='Member'"));
	KUNIT_EXPECT_EQ(test, table.n_rules, 3U);
	KUNIT_EXPECT_EQ(test, owners[0].n_rules, 2U);

	same = parse(test, "member=Member");
	other = parse(test, "member=Other");
	KUNIT_EXPECT_EQ(test, dg_match_table_remove(&table, &owners[0], other),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, dg_match_table_remove(&table, &owners[0], same),
			0);
	KUNIT_EXPECT_EQ(test, dg_match_table_remove(&table, &owners[0], same),
			0);
	KUNIT_EXPECT_EQ(test, dg_match_table_remove(&table, &owners[0], same),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, owners[0].n_rules, 0U);
	KUNIT_EXPECT_EQ(test, owners[1].n_rules, 1U);

	dg_match_ctx_init(&w->ctx, &w->msg, &w->names, &w->peers[0], NULL);
	KUNIT_EXPECT_EQ(test,
			dg_match_table_for_each(&table, &w->ctx, note, &found),
			0);
	KUNIT_EXPECT_EQ(test, found, 1U);
	dg_match_table_remove_all(&table, &owners[1]);
	KUNIT_EXPECT_EQ(test, table.n_rules, 0U);
	KUNIT_EXPECT_TRUE(test, find_next_bit(table.used, DG_MATCH_CLASSES, 0)
				>= DG_MATCH_CLASSES);
	dg_match_table_destroy(&table);
	dg_match_rule_free(same);
	dg_match_rule_free(other);
	world_free(w);
}

static void note_gone(void *data, const struct dg_match_rule *rule,
		      struct dg_match_owner *owner)
{
	unsigned int *n = data;

	n[0]++;
	n[1] += dg_match_eavesdrops(rule);
}

/* What names a peer by its unique name goes, and nothing else. */
static void test_table_remove_naming(struct kunit *test)
{
	static const char * const rules[] = {
		"sender=':1.%u'", "destination=':1.%u'", "arg0=':1.%u'",
		"type=signal,sender=':1.%u',member=M,path_namespace=/a",
		"sender=':1.%u',destination=':1.%u'",
		"sender=':1.%u',destination=':1.4',eavesdrop=true",
		"sender=':1.4',destination=':1.%u'", "sender=o.n%u",
		"destination=o.n%u", "sender=':2.%u'",
	};
	enum { PEERS = 40 };
	struct dg_match_owner owners[2];
	struct dg_match_table table;
	unsigned int i, k, n[2];
	char text[128];

	KUNIT_ASSERT_EQ(test, dg_match_table_init(&table), 0);
	for (i = 0; i < 2; i++)
		dg_match_owner_init(&owners[i], NULL);
	/* Enough of them to grow the table. */
	for (i = 0; i < PEERS; i++) {
		for (k = 0; k < ARRAY_SIZE(rules); k++) {
			scnprintf(text, sizeof(text), rules[k], i + 100,
				  i + 100);
			dg_match_table_insert(&table, &owners[k % 2],
					      parse(test, text));
		}
	}
	KUNIT_EXPECT_LE(test, 7U, table.bits);

	for (i = 0; i < PEERS; i++) {
		memset(n, 0, sizeof(n));
		dg_match_table_remove_naming(&table, i + 101, note_gone, n);
		KUNIT_EXPECT_EQ(test, n[0], 6U);
		KUNIT_EXPECT_EQ(test, n[1], 1U);
		KUNIT_EXPECT_EQ(test, table.n_rules,
				(unsigned int)(PEERS * ARRAY_SIZE(rules) -
					       (i + 1) * 6));
		dg_match_table_remove_naming(&table, i + 101, note_gone, n);
		KUNIT_EXPECT_EQ(test, n[0], 6U);
	}
	memset(n, 0, sizeof(n));
	dg_match_table_remove_naming(&table, 5, note_gone, n);
	KUNIT_EXPECT_EQ(test, n[0], 0U);
	KUNIT_EXPECT_EQ(test, owners[0].n_rules + owners[1].n_rules,
			table.n_rules);
	KUNIT_EXPECT_EQ(test, table.n_rules, 4U * PEERS);
	for (i = 0; i < 2; i++)
		dg_match_table_remove_all(&table, &owners[i]);
	dg_match_table_destroy(&table);
}

static int stop(void *data, const struct dg_match_rule *rule,
		struct dg_match_owner *owner)
{
	(*(unsigned int *)data)++;
	return -EINTR;
}

static void test_table_stop(struct kunit *test)
{
	/* In buckets of each kind. */
	static const char * const rules[] = {
		"", "member=Member", "path_namespace=/a", "sender=o.first",
	};
	struct world *w = world_new(test);
	struct dg_match_owner owner;
	struct dg_match_table table;
	unsigned int i, found = 0;

	dg_match_ctx_init(&w->ctx, &w->msg, &w->names, &w->peers[0], NULL);
	KUNIT_ASSERT_EQ(test, dg_match_table_init(&table), 0);
	dg_match_owner_init(&owner, NULL);
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		dg_match_table_insert(&table, &owner, parse(test, rules[i]));
		found = 0;
		KUNIT_EXPECT_EQ(test,
				dg_match_table_for_each(&table, &w->ctx, stop,
							&found), -EINTR);
		KUNIT_EXPECT_EQ(test, found, 1U);
		dg_match_table_remove_all(&table, &owner);
	}
	dg_match_table_destroy(&table);
	world_free(w);
}

static u32 random_below(u32 *state, u32 n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 16) % n;
}

/* A rule of random keys whose values are often those of the messages below. */
static void random_rule(u32 *state, char *text, size_t size)
{
	static const char * const keys[][5] = {
		{ "type=signal,", "type=method_call," },
		{ "sender=o.first,", "sender=o.second,", "sender=':1.4',",
		  "sender=org.freedesktop.DBus," },
		{ "interface=i.face,", "interface=i.other," },
		{ "member=Member,", "member=Other," },
		{ "path=/a/b,", "path_namespace=/,", "path_namespace=/a,",
		  "path_namespace=/a/b,", "path=/c," },
		{ "arg0=a.b,", "arg0path=/a/,", "arg0namespace=a,",
		  "arg0namespace=a.b,", "arg0=c," },
		{ "arg1=x,", "arg1path=/x/,", "arg2=y," },
	};
	unsigned int i, k, len = 0;

	text[0] = 0;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (random_below(state, 3))
			continue;
		k = random_below(state, ARRAY_SIZE(keys[0]));
		if (keys[i][k])
			len += scnprintf(text + len, size - len, "%s",
					 keys[i][k]);
	}
}

static void random_msg(u32 *state, struct world *w)
{
	static const char * const paths[] = { "/", "/a", "/a/b", "/a/b/c", "/c" };
	static const char * const args[] = { "a", "a.b", "a.bc", "/a/b", "c", "x" };
	const char *body[2];
	unsigned int i;

	w->msg.sender = random_below(state, 4) ? 5 : 0;
	w->msg.interface = random_below(state, 3) ? "i.face" : "i.other";
	w->msg.member = random_below(state, 3) ? "Member" : "Other";
	w->msg.path = paths[random_below(state, ARRAY_SIZE(paths))];
	for (i = 0; i < 2; i++)
		body[i] = args[random_below(state, ARRAY_SIZE(args))];
	world_args(w, random_below(state, 5) ? "ss" : "", body);
}

/*
 * What the table finds is what asking each rule finds, with rules of all
 * classes, before, while and after it grows.
 */
static void test_table_random(struct kunit *test)
{
	enum { RULES = 600, MESSAGES = 40 };
	struct world *w = world_new(test);
	struct dg_match_owner owners[3];
	struct dg_match_rule **rules;
	struct dg_match_table table;
	unsigned int i, k, expect, found, classes = 0;
	char text[256];
	u32 state = 1;

	rules = kvcalloc(RULES, sizeof(*rules), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rules);
	KUNIT_ASSERT_EQ(test, dg_match_table_init(&table), 0);
	for (i = 0; i < 3; i++)
		dg_match_owner_init(&owners[i], NULL);

	for (i = 0; i < RULES; i++) {
		random_rule(&state, text, sizeof(text));
		rules[i] = parse(test, text);
		dg_match_table_insert(&table, &owners[i % 3], rules[i]);
		if (i % 50 != 49)
			continue;
		for (k = 0; k < MESSAGES; k++) {
			random_msg(&state, w);
			dg_match_ctx_init(&w->ctx, &w->msg, &w->names,
					  w->msg.sender ? &w->peers[0] : NULL,
					  NULL);
			for (expect = 0, found = 0; found <= i; found++)
				expect += dg_match_applies(rules[found],
							   &w->ctx);
			found = 0;
			dg_match_table_for_each(&table, &w->ctx, note, &found);
			KUNIT_EXPECT_EQ(test, found, expect);
		}
	}
	KUNIT_EXPECT_LE(test, 9U, table.bits);
	for (i = 0; i < DG_MATCH_CLASSES; i++)
		classes += !!table.n_class[i];
	KUNIT_EXPECT_LE(test, 40U, classes);

	/* Each third goes; the others are found as before. */
	for (i = 0; i < 3; i++) {
		random_msg(&state, w);
		dg_match_table_remove_all(&table, &owners[i]);
		dg_match_ctx_init(&w->ctx, &w->msg, &w->names,
				  w->msg.sender ? &w->peers[0] : NULL, NULL);
		for (expect = 0, k = 0; k < RULES; k++)
			if (k % 3 > i)
				expect += dg_match_applies(rules[k], &w->ctx);
		found = 0;
		dg_match_table_for_each(&table, &w->ctx, note, &found);
		KUNIT_EXPECT_EQ(test, found, expect);
	}
	KUNIT_EXPECT_EQ(test, table.n_rules, 0U);
	dg_match_table_destroy(&table);
	kvfree(rules);
	world_free(w);
}

static struct kunit_case match_cases[] = {
	KUNIT_CASE(test_parse_good),
	KUNIT_CASE(test_parse_bad),
	KUNIT_CASE(test_parse_length),
	KUNIT_CASE(test_parse_all_args),
	KUNIT_CASE(test_equal),
	KUNIT_CASE(test_applies_header),
	KUNIT_CASE(test_applies_destination),
	KUNIT_CASE(test_applies_no_name),
	KUNIT_CASE(test_applies_args),
	KUNIT_CASE(test_table_remove),
	KUNIT_CASE(test_table_remove_naming),
	KUNIT_CASE(test_table_stop),
	KUNIT_CASE(test_table_random),
	{}
};

static struct kunit_suite match_suite = {
	.name = "dbus_genl_match",
	.test_cases = match_cases,
};

kunit_test_suite(match_suite);
