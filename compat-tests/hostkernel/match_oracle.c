// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * match_oracle.c - match rules against dbus-daemon
 *
 * Which texts are rules, and what the error says of others; which rules are
 * equal (RemoveMatch finds one by the text of the other); and which signals
 * meet a rule: a peer adds it, another sends, and what arrives is compared
 * with dg_match_applies().
 */
#include <stdlib.h>

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include "libdbus.h"
#include "match.h"
#include "message.h"
#include "names.h"
#include "tap.h"

static struct oracle_peer *sender, *receiver;
static unsigned long long state = 3;
static int differences;

static unsigned int below(unsigned int n)
{
	return tap_random(&state, n);
}

#define PICK(list) ((list)[below(ARRAY_SIZE(list))])

/* Pairs that are right, and some that are not. */
static const char *const pairs[] = {
	"type=signal", "type='signal'", "type=error", "type='method_call'",
	"type=foo", "type=''", "sender=o.first", "sender=':1.1'", "sender=x",
	"sender='org.freedesktop.DBus'", "interface=a.b", "interface='a.b.c'",
	"interface=a", "member=M", "member='Other'", "member=a.b", "path=/",
	"path='/a/b'", "path=a", "path=/a/", "path_namespace=/",
	"path_namespace='/a'", "path_namespace=/a/b", "path_namespace=a",
	"destination=o.first", "destination=':1.0'", "destination=x",
	"eavesdrop=true", "eavesdrop='false'", "eavesdrop=TRUE", "arg0=a",
	"arg0='a,b'", "arg0=a\\,b", "arg0='it'\\''s'", "arg0=a.b",
	"arg0path=/a/", "arg0path='/a/b'", "arg0namespace=a",
	"arg0namespace='a.b'", "arg0namespace=a..b", "arg1=x", "arg1path=/",
	"arg2=''", "arg63=z", "arg64=z", "arg01=x", "arg1namespace=a", "arg=a",
	"argx=a", "arg0x2=x", "arg1junk=x", "foo=bar", "Type=signal", "=",
	"=x", "arg2path=/a", "arg64path=a", "arg99999999999999999999=z",
};

/* What may be between pairs and around them. */
static const char *const separators[] = {
	",", ",", ",", ",", ",", ",", ", ", " ,", ",,", "", ",\t\n\r ", ",\v",
};

/* Bits of which anything may come. */
static const char *const bits[] = {
	"'", "\\", ",", "=", " ", "\t", "\n", "\r", "\v", "a", "arg", "0", "1",
	"path", "namespace", "type", "signal", "member", "x", "64", "-", "+",
	"\xc3\xa9", "\"", "sender", "/a", "a.b", ":1.1", "eavesdrop", "true",
};

static unsigned int count_equals(const char *s)
{
	unsigned int n = 0;

	for (; *s; s++)
		n += *s == '=';
	return n;
}

static void random_rule(char *text)
{
	unsigned int n;

	do {
		text[0] = 0;
		for (n = below(6); n--;) {
			strcat(text, PICK(pairs));
			if (n || !below(8))
				strcat(text, PICK(separators));
		}
		if (!below(4)) {
			for (n = below(12); n--;)
				strcat(text, PICK(bits));
		} else if (*text && !below(4)) {
			text[below(strlen(text))] = *PICK(bits);
		}
		/* After 16 pairs dbus-daemon stops reading, and a cut UTF-8
		 * character cannot be sent.
		 */
	} while (count_equals(text) > 16 || !oracle_valid(ORACLE_UTF8, text));
}

/* The rule, or the error in the words in which oracle_add_match() puts it. */
static struct dg_match_rule *parse(const char *text, char *error)
{
	struct dg_match_rule *rule;
	char *why;

	rule = dg_match_parse(text, strlen(text), &why);
	error[0] = 0;
	if (IS_ERR(rule)) {
		sprintf(error, "org.freedesktop.DBus.Error.%s: %s",
			PTR_ERR(rule) == -E2BIG ? "LimitsExceeded" :
						  "MatchRuleInvalid", why);
		rule = NULL;
	}
	kfree(why);
	return rule;
}

/* Add @text at the daemon and parse it here; the rule if both take it. */
static struct dg_match_rule *add(const char *text)
{
	char ours[2048], *theirs = oracle_add_match(receiver, text);
	struct dg_match_rule *rule = parse(text, ours);

	if (!tap_same(&differences, !strcmp(ours, theirs ? theirs : ""))) {
		tap_text("the rule ", text, strlen(text));
		tap_text("  we:          ", ours, strlen(ours));
		tap_text("  dbus-daemon: ", theirs ? theirs : "",
			 theirs ? strlen(theirs) : 0);
	}
	if (rule && theirs) {
		dg_match_rule_free(rule);
		rule = NULL;
	} else if (!rule && !theirs) {
		free(oracle_remove_match(receiver, text));
	}
	free(theirs);
	return rule;
}

static void test_parse(void)
{
	unsigned int i, good = 0, bad = 0;
	struct dg_match_rule *rule;
	char text[2048], *error;

	for (i = 0; i < 8000; i++) {
		random_rule(text);
		rule = add(text);
		if (rule) {
			good++;
			error = oracle_remove_match(receiver, text);
			tap_same(&differences, !error);
			free(error);
		} else {
			bad++;
		}
		dg_match_rule_free(rule);
	}
	for (i = 1020; i < 1028; i++) {
		memset(text, 'x', i);
		memcpy(text, "arg0=", 5);
		text[i] = 0;
		rule = add(text);
		if (rule)
			free(oracle_remove_match(receiver, text));
		dg_match_rule_free(rule);
	}
	printf("# %u were rules, %u were not\n", good, bad);
	tap_same(&differences, good > 1000 && bad > 1000);
}

/* The same pairs in another order, or with a few others. */
static void test_equal(void)
{
	unsigned int i, k, n, equal = 0, unequal = 0, meant = 0;
	struct dg_match_rule *a, *b;
	char text[2][2048], *error;
	const char *chosen[4];

	for (i = 0; i < 4000; i++) {
		n = 1 + below(4);
		for (k = 0; k < n; k++)
			chosen[k] = PICK(pairs);
		text[0][0] = text[1][0] = 0;
		for (k = 0; k < n; k++) {
			strcat(strcat(text[0], chosen[k]), ",");
			strcat(strcat(text[1], below(8) ? chosen[n - 1 - k] :
							  PICK(pairs)), ",");
		}
		a = parse(text[0], text[0] + 1024);
		b = parse(text[1], text[1] + 1024);
		if (a && b) {
			bool same = dg_match_equal(a, b);

			free(oracle_add_match(receiver, text[0]));
			error = oracle_remove_match(receiver, text[1]);
			/*
			 * One difference is meant: to dbus-daemon all rules
			 * with path_namespace are equal whatever its value, so
			 * that RemoveMatch can remove another rule than asked.
			 */
			if (!same && !error && strstr(text[0], "path_n") &&
			    strstr(text[1], "path_n"))
				meant++;
			else if (!tap_same(&differences, same == !error))
				printf("# %s and %s are %sequal to us\n",
				       text[0], text[1], same ? "" : "un");
			if (error)
				free(oracle_remove_match(receiver, text[0]));
			free(error);
			if (same)
				equal++;
			else
				unequal++;
		}
		dg_match_rule_free(a);
		dg_match_rule_free(b);
	}
	printf("# %u were equal, %u were not; %u path_namespaces differed\n",
	       equal, unequal, meant);
	tap_same(&differences, equal > 200 && unequal > 200);
}

enum { SIGNALS = 12 };

/* Serials of the signals that arrived. */
struct arrived {
	unsigned int serials[SIGNALS];
	unsigned int n;
};

static void note_arrival(void *data, const struct oracle_signal *signal)
{
	struct arrived *arrived = data;

	if (signal->sender && !strcmp(signal->sender, oracle_name(sender)) &&
	    arrived->n < SIGNALS)
		arrived->serials[arrived->n++] = signal->serial;
}

static bool has_arrived(const struct arrived *arrived, unsigned int serial)
{
	unsigned int i;

	for (i = 0; i < arrived->n; i++)
		if (arrived->serials[i] == serial)
			return true;
	return false;
}

/* A rule that is right and that the signals below often meet. */
static void likely_rule(char *text)
{
	static const char *const keys[][8] = {
		{ "type=signal,", "type=error,", "eavesdrop=true," },
		{ "sender=o.first,", "sender=o.second,", "sender=o.none,",
		  "sender=@," },
		{ "interface=a.b,", "interface=a.c,", "member=M,", "member=N," },
		{ "path=/a,", "path=/a/b,", "path_namespace=/a,",
		  "path_namespace=/,", "path_namespace=/a/b," },
		{ "arg0=a,", "arg0='',", "arg0=/a/,", "arg0path=/a/,",
		  "arg0path=/a/b,", "arg0namespace=a,", "arg0namespace=a.b,",
		  "arg0path=''," },
		{ "arg1=a,", "arg1path=/a,", "arg1path=/a/,", "arg2=a,",
		  "arg1path=/a/b/c," },
	};
	unsigned int i, k;

	text[0] = 0;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		k = below(ARRAY_SIZE(keys[0]));
		if (below(3) || !keys[i][k])
			continue;
		if (!strcmp(keys[i][k], "sender=@,"))
			sprintf(text + strlen(text), "sender='%s',",
				oracle_name(sender));
		else
			strcat(text, keys[i][k]);
	}
}

struct sent {
	struct dg_msg msg;
	struct dg_body_writer body;
	unsigned int serial;
};

static void send_signal(struct sent *sent, const struct dg_owner *owner)
{
	static const char *const sigs[] = { "", "s", "ss", "so", "us", "os",
					    "oss", "gs", "usss", "oo" };
	static const char *const paths[] = { "/", "/a", "/a/b", "/ab", "/a/b/c" };
	static const char *const strings[] = { "", "a", "a.b", "a.b.c", "a.bc",
					       "/a", "/a/", "/a/b", "/", "a.",
					       "/a/b/", "/a/b/c/d", "b" };
	const char *args[4], *sig, **arg = args;

	memset(sent, 0, sizeof(*sent));
	sent->msg.sender = owner->id;
	sent->msg.type = DG_MSG_SIGNAL;
	sent->msg.path = PICK(paths);
	sent->msg.interface = below(4) ? "a.b" : "a.c";
	sent->msg.member = below(4) ? "M" : "N";
	sent->msg.signature = PICK(sigs);
	dg_body_writer_init(&sent->body);
	for (sig = sent->msg.signature; *sig; sig++) {
		if (*sig == 'u') {
			dg_body_put_u32(&sent->body, 7);
			continue;
		}
		*arg = *sig == 's' ? PICK(strings) : *sig == 'o' ?
			PICK(paths) : "a{sv}";
		if (*sig == 'g')
			dg_body_put_signature(&sent->body, *arg);
		else
			dg_body_put_string(&sent->body, *arg);
		arg++;
	}
	sent->msg.body = sent->body.data;
	sent->msg.body_len = sent->body.len;
	sent->serial = oracle_signal(sender, sent->msg.path,
				     sent->msg.interface, sent->msg.member,
				     NULL, sent->msg.signature, args);
}

static void test_applies(void)
{
	unsigned int i, k, met = 0, missed = 0;
	struct dg_name_change change;
	struct dg_match_rule *rule;
	struct dg_match_ctx ctx;
	struct dg_registry reg;
	struct sent sent[SIGNALS];
	struct dg_owner owner, other;
	char text[1024], error[2048];

	/* It owns o.first, and waits for o.second. */
	if (dg_registry_init(&reg))
		return;
	dg_owner_init(&owner, 1, NULL);
	dg_owner_init(&other, 2, NULL);
	dg_registry_request(&reg, &owner, "o.first", 0, &change);
	dg_registry_request(&reg, &other, "o.second", 0, &change);
	dg_registry_request(&reg, &owner, "o.second", 0, &change);
	oracle_request_name(sender, "o.first", 0);
	oracle_request_name(receiver, "o.second", 0);
	oracle_request_name(sender, "o.second", 0);

	for (i = 0; i < 1500; i++) {
		struct arrived arrived = { .n = 0 };

		likely_rule(text);
		rule = parse(text, error);
		/* The unique name is not ours: see to it that it fits. */
		if (!rule || (strstr(text, "sender=':") &&
			      !dg_unique_name_parse(oracle_name(sender),
						    &owner.id))) {
			tap_same(&differences, false);
			continue;
		}
		free(oracle_add_match(receiver, text));
		for (k = 0; k < SIGNALS; k++)
			send_signal(&sent[k], &owner);
		oracle_sync(sender);
		oracle_sync(receiver);
		oracle_received(receiver, false, note_arrival, &arrived);
		for (k = 0; k < SIGNALS; k++) {
			bool ours, theirs = has_arrived(&arrived,
							sent[k].serial);

			dg_match_ctx_init(&ctx, &sent[k].msg, &reg, &owner, NULL);
			ours = dg_match_applies(rule, &ctx);
			if (theirs)
				met++;
			else
				missed++;
			if (!tap_same(&differences, ours == theirs))
				printf("# %s: %s \"%s\" of %s, %s.%s\n", text,
				       ours ? "only we deliver" :
					      "only dbus-daemon delivers",
				       sent[k].msg.signature, sent[k].msg.path,
				       sent[k].msg.interface,
				       sent[k].msg.member);
			dg_body_writer_free(&sent[k].body);
		}
		free(oracle_remove_match(receiver, text));
		dg_match_rule_free(rule);
	}
	printf("# %u signals met their rule, %u did not\n", met, missed);
	tap_same(&differences, met > 1000 && missed > 1000);
	dg_registry_drop(&reg, &owner, NULL, NULL);
	dg_registry_drop(&reg, &other, NULL, NULL);
	dg_registry_destroy(&reg);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{ "which texts are rules", test_parse },
		{ "which rules are equal", test_equal },
		{ "which signals meet them", test_applies },
	};
	struct oracle_bus *bus = oracle_bus_start();
	unsigned int i;

	if (!bus) {
		printf("1..0 # SKIP no dbus-daemon\n");
		return 0;
	}
	printf("1..%zu\n", ARRAY_SIZE(tests));
	sender = oracle_connect(bus);
	receiver = oracle_connect(bus);
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		differences = 0;
		tests[i].run();
		tap_same(&differences, !host_allocs());
		tap_end(tests[i].name, differences);
	}
	oracle_disconnect(sender);
	oracle_disconnect(receiver);
	oracle_bus_stop(bus);
	return tap_failed;
}
