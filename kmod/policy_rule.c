// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy_rule.c - whether one rule of a policy matches; and an order of users
 *
 * What rules mean is dbus-daemon 1.14's, as observed: see enum
 * dbus_genl_rule_attr.
 */
#include <linux/string.h>

#include "policy.h"

/* For sort() and bsearch(). */
int dg_policy_compare_users(const void *a, const void *b)
{
	const kuid_t *one = a, *two = b;

	if (uid_eq(*one, *two))
		return 0;
	return uid_lt(*one, *two) ? -1 : 1;
}

/* Whether a name is @prefix, or begins with it and a '.'. */
static bool dg_name_within(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncmp(name, prefix, n) && (!name[n] || name[n] == '.');
}

static bool dg_text_meets(const char *wanted, const char *text, bool lenient)
{
	if (!wanted)
		return true;
	return text ? !strcmp(wanted, text) : lenient;
}

/*
 * Whether a rule takes a reply, which is requested or not.  As with dbus-daemon
 * whatever says to which call it replies is one, a signal or a call too.
 */
static bool dg_rule_takes_reply(const struct dg_policy_rule *rule,
				bool requested)
{
	if (rule->allow)
		return requested || !rule->requested_reply || rule->eavesdrop;
	return !requested || rule->requested_reply;
}

/* Whether a rule means a message, but for the name of who is at its other end. */
bool dg_policy_rule_matches(const struct dg_policy_rule *rule,
			    const struct dg_policy_ask *ask)
{
	const struct dg_msg *msg = ask->msg;

	if (rule->type && rule->type != msg->type)
		return false;
	if (msg->reply_serial &&
	    !dg_rule_takes_reply(rule, ask->requested_reply))
		return false;
	if (rule->kind == DG_POLICY_RECEIVE &&
	    (rule->allow ? ask->eavesdropping && !rule->eavesdrop :
			   rule->eavesdrop && !ask->eavesdropping))
		return false;
	if (rule->broadcast != 2 && rule->broadcast != dg_is_broadcast(msg))
		return false;
	if (ask->n_fds < rule->min_fds || ask->n_fds > rule->max_fds)
		return false;
	return dg_text_meets(rule->interface, msg->interface, !rule->allow) &&
	       dg_text_meets(rule->member, msg->member, true) &&
	       dg_text_meets(rule->path, msg->path, true) &&
	       dg_text_meets(rule->error, msg->error_name, true);
}

/* And whether it means that name, or who has none. */
bool dg_policy_rule_takes(const struct dg_policy_rule *rule, const char *name)
{
	if (!rule->name)
		return true;
	if (!name)
		return false;
	return rule->by & DG_BY_PREFIX ? dg_name_within(name, rule->name) :
					 !strcmp(rule->name, name);
}
