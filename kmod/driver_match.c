// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver_match.c - AddMatch and RemoveMatch
 */
#include <linux/err.h>
#include <linux/slab.h>

#include "bus.h"
#include "driver.h"
#include "peer.h"
#include "quota.h"

/* The rule of a text in a call; NULL if *@err says what became of the call. */
struct dg_match_rule *dg_call_rule(struct dg_call *call, const char *text,
				   u32 len, int *err)
{
	struct dg_match_rule *rule;
	char *why;

	rule = dg_match_parse(text, len, &why);
	if (!IS_ERR(rule))
		return rule;

	*err = PTR_ERR(rule);
	if (why && (*err == -EINVAL || *err == -E2BIG))
		*err = dg_call_error(call,
				     *err == -EINVAL ?
					     DG_ERROR("MatchRuleInvalid") :
					     DG_ERROR("LimitsExceeded"),
				     "%s", why);
	else
		*err = -ENOMEM;
	kfree(why);
	return NULL;
}

/* The rule that is a call's argument. */
static struct dg_match_rule *dg_call_rule_arg(struct dg_call *call, int *err)
{
	const char *text = "";
	u32 len = 0;

	WARN_ON_ONCE(dg_body_iter_string(&call->args, &text, &len));
	return dg_call_rule(call, text, len, err);
}

/* Match rules that one peer may have. */
u32 dg_max_rules(const struct dg_bus *bus)
{
	return dg_limit(&bus->limits,
			DBUS_GENL_LIMIT_A_MAX_MATCH_RULES_PER_CONNECTION);
}

int dg_call_too_many_rules(struct dg_call *call, u32 max)
{
	return dg_call_error(call, DG_ERROR("LimitsExceeded"),
			     "Connection \"%s\" is not allowed to add more match rules (increase limits in configuration file if required; max_match_rules_per_connection=%u)",
			     call->peer->unique, max);
}

int dg_call_holds_too_much(struct dg_call *call)
{
	return dg_call_error(call, DG_ERROR("LimitsExceeded"),
			     "User %u is not allowed to have more match rules, names and pending calls",
			     from_kuid_munged(current_user_ns(),
					      call->peer->cred->euid));
}

int dg_driver_add_match(struct dg_call *call)
{
	struct dg_peer *peer = call->peer;
	struct dg_bus *bus = call->bus;
	u32 max = dg_max_rules(bus);
	struct dg_match_rule *rule;
	int err;

	if (peer->rules.n_rules >= max)
		return dg_call_too_many_rules(call, max);
	if (dg_user_holds_too_much(peer->user))
		return dg_call_holds_too_much(call);

	rule = dg_call_rule_arg(call, &err);
	if (!rule)
		return err;

	if (dg_match_eavesdrops(rule)) {
		if (dg_call_unprivileged(call, &err)) {
			dg_match_rule_free(rule);
			return err;
		}
		peer->n_eavesdropping++;
		bus->n_eavesdroppers++;
	}
	dg_match_table_insert(&bus->matches, &peer->rules, rule);
	dg_stats_note_peaks(peer);
	call->committed = true;
	return 0;
}

int dg_driver_remove_match(struct dg_call *call)
{
	struct dg_peer *peer = call->peer;
	struct dg_bus *bus = call->bus;
	struct dg_match_rule *rule;
	int err;

	rule = dg_call_rule_arg(call, &err);
	if (!rule)
		return err;

	if (dg_match_table_remove(&bus->matches, &peer->rules, rule)) {
		err = dg_call_error(call, DG_ERROR("MatchRuleNotFound"),
				    "The given match rule wasn't found and can't be removed");
	} else {
		if (dg_match_eavesdrops(rule)) {
			peer->n_eavesdropping--;
			bus->n_eavesdroppers--;
		}
		call->committed = true;
		err = 0;
	}
	dg_match_rule_free(rule);
	return err;
}
