// SPDX-License-Identifier: GPL-2.0-only
/*
 * match_parse.c - from the text of a match rule to the rule
 *
 *	rule  = [ pair *( "," pair ) ]
 *	pair  = [ space ] key [ space ] "=" value
 *	value = *( character / "\'" / "'" *( character but ' ) "'" )
 *
 * Outside of apostrophes \' is an apostrophe and any other backslash itself; a
 * comma ends the value unless a backslash is before it.  All of this, the
 * texts of the errors, and the oddities marked below are what dbus-daemon 1.14
 * was seen to do; compat-tests/hostkernel/ compares.  Two differences are
 * meant: dbus-daemon ignores what follows the 16th pair, and to it all values
 * of path_namespace are equal when a rule is to be removed.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "alloc.h"
#include "match_rule.h"
#include "names.h"

#define ARG_MAX_NUMBER	(DG_BODY_ARGS - 1)

/* What is left of the text, and where the values go, or NULL. */
struct scanner {
	const char *at;
	const char *end;
	char *out;
};

/* A pair; @value has a NUL if the scanner has an @out, else there is none. */
struct pair {
	const char *key;
	unsigned int key_len;
	const char *value;
	unsigned int value_len;
};

/* Refuse a rule: -EINVAL with a text, or -ENOMEM. */
static __printf(2, 3) int invalid(char **why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	*why = kvasprintf(GFP_KERNEL, format, ap);
	va_end(ap);
	return *why ? -EINVAL : -ENOMEM;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct scanner *s)
{
	while (s->at < s->end && is_space(*s->at))
		s->at++;
}

static void emit(struct scanner *s, struct pair *pair, char c)
{
	if (s->out)
		*s->out++ = c;
	pair->value_len++;
}

static int scan_value(struct scanner *s, struct pair *pair, char **why)
{
	bool quoted = false;

	pair->value = s->out;
	pair->value_len = 0;
	for (; s->at < s->end; s->at++) {
		char c = *s->at;
		char next = s->end - s->at > 1 ? s->at[1] : 0;

		if (c == '\'') {
			quoted = !quoted;
		} else if (quoted) {
			emit(s, pair, c);
		} else if (c == ',') {
			s->at++;
			break;
		} else if (c == '\\' && next) {
			if (next != '\'')
				emit(s, pair, c);
			emit(s, pair, next);
			s->at++;
		} else {
			emit(s, pair, c);
		}
	}
	if (quoted)
		return invalid(why, "Unbalanced quotation marks in match rule");
	if (s->out)
		*s->out++ = 0;
	return 1;
}

/* The next pair: 1; or 0 after the last; or an error. */
static int scan_pair(struct scanner *s, struct pair *pair, char **why)
{
	skip_space(s);
	if (s->at == s->end)
		return 0;
	pair->key = s->at;
	while (s->at < s->end && *s->at != '=' && !is_space(*s->at))
		s->at++;
	pair->key_len = s->at - pair->key;
	skip_space(s);
	if (s->at == s->end || *s->at != '=')
		return invalid(why, "Match rule has a key with no subsequent '=' character");
	/* An oddity: an empty key ends the rule, whatever follows. */
	if (!pair->key_len)
		return 0;
	s->at++;
	return scan_value(s, pair, why);
}

static bool key_is(const struct pair *pair, const char *key)
{
	return pair->key_len == strlen(key) &&
	       !memcmp(pair->key, key, pair->key_len);
}

static bool is_arg(const struct pair *pair)
{
	return pair->key_len >= 3 && !memcmp(pair->key, "arg", 3);
}

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : U32_MAX;
}

/**
 * scan_number() - the number in an arg key
 * @s: what follows "arg"
 * @n: how much that is
 * @number: set to the number
 *
 * An oddity: dbus-daemon takes all that strtoul() takes with base 0: "arg0x1f"
 * is arg31, "arg010" is arg8, and a sign or a form feed may come before it.
 *
 * Return: how many of the bytes it took; 0 if there is no number, or none of
 * 64 bits.
 */
static unsigned int scan_number(const char *s, unsigned int n, u64 *number)
{
	unsigned int i = 0, start, base = 10;
	bool negative = false;
	u64 value = 0;

	while (i < n && (s[i] == '\v' || s[i] == '\f'))
		i++;
	if (i < n && (s[i] == '-' || s[i] == '+'))
		negative = s[i++] == '-';
	if (i < n && s[i] == '0') {
		base = 8;
		if (n - i > 2 && (s[i + 1] | 0x20) == 'x' &&
		    digit_value(s[i + 2]) < 16) {
			base = 16;
			i += 2;
		}
	}
	for (start = i; i < n && digit_value(s[i]) < base; i++)
		if (check_mul_overflow(value, (u64)base, &value) ||
		    check_add_overflow(value, (u64)digit_value(s[i]), &value))
			return 0;
	if (i == start)
		return 0;
	*number = negative ? -value : value;
	return i;
}

/* Put an argument at its place in the sorted list. */
static int insert_arg(struct dg_match_rule *rule, const struct pair *pair,
		      unsigned int n, enum dg_match_arg_kind kind, char **why)
{
	unsigned int i = rule->n_args;

	while (i && rule->args[i - 1].n > n)
		i--;
	if (i && rule->args[i - 1].n == n)
		return invalid(why, "Argument %.*s matched more than once in match rule\n",
			       pair->key_len, pair->key);
	memmove(&rule->args[i + 1], &rule->args[i],
		(rule->n_args - i) * sizeof(rule->args[0]));
	rule->args[i].value = pair->value;
	rule->args[i].len = pair->value_len;
	rule->args[i].n = n;
	rule->args[i].kind = kind;
	rule->n_args++;
	return 0;
}

static int take_arg(struct dg_match_rule *rule, const struct pair *pair,
		    char **why)
{
	enum dg_match_arg_kind kind = DG_MATCH_ARG_STRING;
	unsigned int used, rest;
	const char *junk;
	u64 n;

	if (pair->key_len == 3)
		return invalid(why, "Key '%.*s' in match rule starts with 'arg' but lacks an arg number. Should be 'arg0' or 'arg7' for example.\n",
			       pair->key_len, pair->key);
	used = scan_number(pair->key + 3, pair->key_len - 3, &n);
	if (!used)
		return invalid(why, "Key '%.*s' in match rule starts with 'arg' but could not parse arg number. Should be 'arg0' or 'arg7' for example.\n",
			       pair->key_len, pair->key);

	junk = pair->key + 3 + used;
	rest = pair->key_len - 3 - used;
	if (key_is(pair, "arg0namespace"))
		kind = DG_MATCH_ARG_NAMESPACE;
	else if (rest == 4 && !memcmp(junk, "path", 4))
		kind = DG_MATCH_ARG_PATH;
	else if (rest)
		return invalid(why, "Key '%.*s' in match rule contains junk after argument number (%llu). Only 'arg%llupath' (for example) or 'arg0namespace' are valid",
			       pair->key_len, pair->key,
			       (unsigned long long)n, (unsigned long long)n);

	if (kind == DG_MATCH_ARG_NAMESPACE &&
	    !dg_namespace_valid(pair->value, pair->value_len))
		return invalid(why, "arg0namespace='%s' is not a valid prefix of a bus name",
			       pair->value);
	if (n > ARG_MAX_NUMBER)
		return invalid(why, "Key '%.*s' in match rule has arg number %llu but the maximum is %u.\n",
			       pair->key_len, pair->key, (unsigned long long)n,
			       ARG_MAX_NUMBER);
	return insert_arg(rule, pair, n, kind, why);
}

static int take_type(struct dg_match_rule *rule, const struct pair *pair,
		     char **why)
{
	static const char * const types[] = {
		[DG_MSG_CALL]	= "method_call",
		[DG_MSG_RETURN]	= "method_return",
		[DG_MSG_ERROR]	= "error",
		[DG_MSG_SIGNAL]	= "signal",
	};
	unsigned int i;

	if (rule->type)
		return invalid(why, "Key type specified twice in match rule\n");
	for (i = DG_MSG_CALL; i < ARRAY_SIZE(types); i++)
		if (!strcmp(pair->value, types[i]))
			rule->type = i;
	if (!rule->type)
		return invalid(why, "Invalid message type (%s) in match rule\n",
			       pair->value);
	return 0;
}

static int take_path(struct dg_match_rule *rule, const struct pair *pair,
		     bool is_namespace, char **why)
{
	if (rule->path)
		return invalid(why, "path or path_namespace specified twice in match rule\n");
	if (!dg_path_valid(pair->value, pair->value_len))
		return invalid(why, "Path '%s' is invalid\n", pair->value);
	rule->path = pair->value;
	rule->path_is_namespace = is_namespace;
	return 0;
}

static int take_eavesdrop(struct dg_match_rule *rule, const struct pair *pair,
			  char **why)
{
	/* An oddity: here, once more is fine, and the last one counts. */
	if (!strcmp(pair->value, "true"))
		rule->eavesdrop = true;
	else if (!strcmp(pair->value, "false"))
		rule->eavesdrop = false;
	else
		return invalid(why, "eavesdrop='%s' is invalid, it should be 'true' or 'false'\n",
			       pair->value);
	return 0;
}

/* One of the keys whose value is a name. */
static int take_name(const char **field, const struct pair *pair,
		     const char *what,
		     bool (*valid)(const char *s, size_t n), char **why)
{
	if (*field)
		return invalid(why, "Key %.*s specified twice in match rule\n",
			       pair->key_len, pair->key);
	if (!valid(pair->value, pair->value_len))
		return invalid(why, "%s name '%s' is invalid\n", what,
			       pair->value);
	*field = pair->value;
	return 0;
}

static int take_pair(struct dg_match_rule *rule, const struct pair *pair,
		     char **why)
{
	if (key_is(pair, "type"))
		return take_type(rule, pair, why);
	if (key_is(pair, "sender"))
		return take_name(&rule->sender, pair, "Sender",
				 dg_bus_name_valid, why);
	if (key_is(pair, "interface"))
		return take_name(&rule->interface, pair, "Interface",
				 dg_interface_valid, why);
	if (key_is(pair, "member"))
		return take_name(&rule->member, pair, "Member",
				 dg_member_valid, why);
	if (key_is(pair, "path"))
		return take_path(rule, pair, false, why);
	if (key_is(pair, "path_namespace"))
		return take_path(rule, pair, true, why);
	if (key_is(pair, "destination"))
		return take_name(&rule->destination, pair, "Destination",
				 dg_bus_name_valid, why);
	if (key_is(pair, "eavesdrop"))
		return take_eavesdrop(rule, pair, why);
	if (is_arg(pair))
		return take_arg(rule, pair, why);
	return invalid(why, "Unknown key \"%.*s\" in match rule", pair->key_len,
		       pair->key);
}

/* Scan it once without looking at it: how many arguments, or an error. */
static int count_args(const char *text, size_t len, char **why)
{
	struct scanner s = { .at = text, .end = text + len };
	struct pair pair;
	int err, n = 0;

	while ((err = scan_pair(&s, &pair, why)) > 0)
		n += is_arg(&pair);
	return err ?: n;
}

struct dg_match_rule *dg_match_parse(const char *text, size_t len, char **why)
{
	struct dg_match_rule *rule;
	struct scanner s;
	struct pair pair;
	int err, n_args;

	*why = NULL;
	if (len > DG_MATCH_RULE_MAX) {
		err = invalid(why, "Match rule text is %zu bytes, maximum is %d",
			      len, DG_MATCH_RULE_MAX);
		return ERR_PTR(err == -EINVAL ? -E2BIG : err);
	}
	n_args = count_args(text, len, why);
	if (n_args < 0)
		return ERR_PTR(n_args);

	/*
	 * No argument is there twice.  A value and its NUL take no more room
	 * than the pair did, which has a "=" at least besides.
	 */
	n_args = min(n_args, DG_BODY_ARGS);
	rule = dg_kzalloc(struct_size(rule, args, n_args) + len);
	if (!rule)
		return ERR_PTR(-ENOMEM);
	s.at = text;
	s.end = text + len;
	s.out = (char *)&rule->args[n_args];
	while ((err = scan_pair(&s, &pair, why)) > 0) {
		err = take_pair(rule, &pair, why);
		if (err)
			break;
	}
	if (err) {
		kfree(rule);
		return ERR_PTR(err);
	}
	if (rule->sender)
		dg_unique_name_parse(rule->sender, &rule->sender_id);
	if (rule->destination)
		dg_unique_name_parse(rule->destination, &rule->dest_id);
	return rule;
}

void dg_match_rule_free(struct dg_match_rule *rule)
{
	kfree(rule);
}
