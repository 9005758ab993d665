// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * match_fuzz.c - the kernel's parser of match rules with any text
 *
 * A rule that it makes equals itself made again; it is found in the table by
 * the messages that meet it and by no other; and it can be removed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "match.h"
#include "message.h"
#include "names.h"

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "match_fuzz: %s\n", what);
	abort();
}

static struct dg_msg msgs[] = {
	{ .sender = 1, .type = DG_MSG_SIGNAL, .serial = 1, .path = "/a/b",
	  .interface = "a.b", .member = "M", .signature = "sosus" },
	{ .sender = 2, .type = DG_MSG_CALL, .serial = 2, .path = "/",
	  .interface = "a.b", .member = "M", .destination = ":1.0",
	  .signature = "" },
	{ .sender = 0, .type = DG_MSG_SIGNAL, .serial = 3,
	  .path = "/org/freedesktop/DBus",
	  .interface = "org.freedesktop.DBus", .member = "NameOwnerChanged",
	  .signature = "sss" },
	{ .sender = 1, .type = DG_MSG_ERROR, .serial = 4, .reply_serial = 1,
	  .error_name = "a.E", .destination = "a.b", .signature = "s" },
};

/* The first owns a.b, for which the second waits, who owns a.c. */
static struct dg_registry names;
static struct dg_owner owners[3];

static void make_messages(void)
{
	static struct dg_body_writer w[ARRAY_SIZE(msgs)];
	struct dg_name_change change;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(owners); i++)
		dg_owner_init(&owners[i], i + 1, NULL);
	require(!dg_registry_init(&names), "no memory");
	dg_registry_request(&names, &owners[0], "a.b", 0, &change);
	dg_registry_request(&names, &owners[1], "a.b", 0, &change);
	dg_registry_request(&names, &owners[1], "a.c", 0, &change);
	for (i = 0; i < ARRAY_SIZE(msgs); i++) {
		dg_body_writer_init(&w[i]);
		switch (msgs[i].serial) {
		case 1:
			dg_body_put_string(&w[i], "a");
			dg_body_put_string(&w[i], "/a/b");
			dg_body_put_string(&w[i], "a.b");
			dg_body_put_u32(&w[i], 7);
			dg_body_put_string(&w[i], "");
			break;
		case 3:
			dg_body_put_string(&w[i], "a.b");
			dg_body_put_string(&w[i], "");
			dg_body_put_string(&w[i], ":1.0");
			break;
		case 4:
			dg_body_put_string(&w[i], "/a/");
			break;
		}
		require(!dg_body_validate(msgs[i].signature, w[i].data,
					  w[i].len, 0), "a bad message");
		msgs[i].body = w[i].data;
		msgs[i].body_len = w[i].len;
	}
}

static int count(void *data, const struct dg_match_rule *rule,
		 struct dg_match_owner *owner)
{
	(void)rule;
	(void)owner;
	++*(unsigned int *)data;
	return 0;
}

static void use(struct dg_match_rule *rule, const struct dg_match_rule *again)
{
	struct dg_match_owner owner;
	struct dg_match_table table;
	struct dg_match_ctx ctx;
	unsigned int i;

	require(dg_match_equal(rule, again) && dg_match_equal(again, rule),
		"it isn't equal to itself");
	require(dg_match_eavesdrops(rule) == dg_match_eavesdrops(again),
		"it eavesdrops or not");
	require(!dg_match_table_init(&table), "no memory");
	dg_match_owner_init(&owner, NULL);
	dg_match_table_insert(&table, &owner, rule);
	for (i = 0; i < ARRAY_SIZE(msgs); i++) {
		u64 from = msgs[i].sender;
		unsigned int found = 0;

		dg_match_ctx_init(&ctx, &msgs[i], &names,
				  from ? &owners[from - 1] : NULL,
				  msgs[i].destination ? &owners[0] : NULL);
		dg_match_table_for_each(&table, &ctx, count, &found);
		require(found == dg_match_applies(again, &ctx),
			"the table and the rule don't agree");
	}
	require(!dg_match_table_remove(&table, &owner, again) &&
		!owner.n_rules && !table.n_rules, "it can't be removed");
	require(dg_match_table_remove(&table, &owner, again) == -ENOENT,
		"it can be removed twice");
	dg_match_table_destroy(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_match_rule *rule, *again;
	long live;
	char *text, *why;

	if (!msgs[0].body)
		make_messages();
	/* AddMatch's argument: the body was validated before. */
	if (!dg_utf8_valid((const char *)data, size))
		return 0;
	live = host_allocs();
	text = malloc(size ? size : 1);
	memcpy(text, data, size);
	rule = dg_match_parse(text, size, &why);
	if (IS_ERR(rule)) {
		require(why && *why, "refused without a word");
		require(PTR_ERR(rule) == -EINVAL ||
			(PTR_ERR(rule) == -E2BIG && size > DG_MATCH_RULE_MAX),
			"an error that has no name");
		kfree(why);
	} else {
		require(!why, "a word of blame for a rule");
		again = dg_match_parse(text, size, &why);
		require(!IS_ERR(again), "not the same the second time");
		memset(text, 'x', size);	/* it must have copied */
		use(rule, again);
		dg_match_rule_free(again);
	}
	free(text);
	require(host_allocs() == live, "memory is lost");
	return 0;
}
