// SPDX-License-Identifier: GPL-2.0-only
/*
 * match_text.c - the text of a match rule, for those who look at others' rules
 *
 * Made of what the rule says, in the order and spelling of dbus-daemon's
 * GetAllMatchRules, so it is not the text that AddMatch was given, but
 * AddMatch makes an equal rule of it.
 */
#include <linux/string.h>

#include "match_rule.h"

/* A text that grows in a buffer; it may be longer than that. */
struct text {
	char *buf;
	size_t size;
	size_t len;
};

static void put_char(struct text *text, char c)
{
	if (text->len < text->size)
		text->buf[text->len] = c;
	text->len++;
}

static void put(struct text *text, const char *s)
{
	while (*s)
		put_char(text, *s++);
}

/* Values that are NULL are not demanded. */
static void put_pair(struct text *text, const char *key, const char *value)
{
	if (!value)
		return;

	if (text->len)
		put_char(text, ',');
	put(text, key);
	put(text, "='");
	for (; *value; value++) {
		if (*value == '\'')
			put(text, "'\\''");
		else
			put_char(text, *value);
	}
	put_char(text, '\'');
}

static void put_arg(struct text *text, const struct dg_match_arg *arg)
{
	static const char *const suffix[] = {
		[DG_MATCH_ARG_STRING] = "",
		[DG_MATCH_ARG_PATH] = "path",
		[DG_MATCH_ARG_NAMESPACE] = "namespace",
	};
	char key[sizeof("arg63namespace")] = "arg";
	char *at = key + 3;

	if (arg->n >= 10)
		*at++ = '0' + arg->n / 10;
	*at++ = '0' + arg->n % 10;
	strcpy(at, suffix[arg->kind]);
	put_pair(text, key, arg->value);
}

size_t dg_match_format(const struct dg_match_rule *rule, char *buf, size_t size)
{
	static const char *const types[] = {
		[DG_MSG_CALL] = "method_call",
		[DG_MSG_RETURN] = "method_return",
		[DG_MSG_ERROR] = "error",
		[DG_MSG_SIGNAL] = "signal",
	};
	struct text text = { .buf = buf, .size = size };
	unsigned int i;

	put_pair(&text, "type", types[rule->type]);
	put_pair(&text, "interface", rule->interface);
	put_pair(&text, "member", rule->member);
	put_pair(&text, rule->path_is_namespace ? "path_namespace" : "path",
		 rule->path);
	put_pair(&text, "sender", rule->sender);
	put_pair(&text, "destination", rule->destination);
	put_pair(&text, "eavesdrop", rule->eavesdrop ? "true" : NULL);
	for (i = 0; i < rule->n_args; i++)
		put_arg(&text, &rule->args[i]);

	put_char(&text, '\0');
	if (size)
		buf[size - 1] = '\0';
	return text.len - 1;
}
