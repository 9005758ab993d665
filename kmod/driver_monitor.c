// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver_monitor.c - BecomeMonitor: from now on a peer sees what the bus does
 *
 * route.c lets monitors see each message, by the rules that are put into
 * dg_bus.monitored here; dg_peer_become_monitor() takes from the peer what a
 * monitor does not have.
 */
#include "bus.h"
#include "driver.h"
#include "limits.h"
#include "peer.h"
#include "quota.h"

/*
 * Match rules that one monitor may have, beside its own of before.  dbus-daemon
 * does not bind them by max_match_rules_per_connection: so a bus that allows
 * few rules still lets it be watched with as many as any by default.
 */
static u32 dg_max_monitored(const struct dg_bus *bus)
{
	return max_t(u32, dg_max_rules(bus), DG_MATCHES_PER_PEER_MAX);
}

/* Adds a rule; false: it is refused, and *@err is what the method returns. */
static bool dg_monitor_add(struct dg_call *call, const char *text, u32 len,
			   int *err)
{
	struct dg_peer *peer = call->peer;
	struct dg_bus *bus = call->bus;
	u32 max = dg_max_monitored(bus);
	struct dg_match_rule *rule;

	if (peer->monitored.n_rules >= max) {
		*err = dg_call_too_many_rules(call, max);
		return false;
	}
	if (dg_user_holds_too_much(peer->user)) {
		*err = dg_call_holds_too_much(call);
		return false;
	}
	rule = dg_call_rule(call, text, len, err);
	if (!rule)
		return false;
	/* MATCH_GET goes by the numbers of both tables' rules. */
	bus->monitored.last_number = bus->matches.last_number;
	dg_match_table_insert(&bus->monitored, &peer->monitored, rule);
	bus->matches.last_number = bus->monitored.last_number;
	return true;
}

static bool dg_monitor_add_all(struct dg_call *call,
			       struct dg_body_iter *rules, int *err)
{
	const char *text;
	u32 len;

	while (dg_body_iter_next_string(rules, &text, &len))
		if (!dg_monitor_add(call, text, len, err))
			return false;
	/* No rules are one that everything meets. */
	return call->peer->monitored.n_rules || dg_monitor_add(call, "", 0, err);
}

int dg_driver_become_monitor(struct dg_call *call)
{
	struct dg_body_iter rules = { };
	u32 flags = 0;
	int err;

	WARN_ON_ONCE(dg_body_iter_strings(&call->args, &rules) ||
		     dg_body_iter_u32(&call->args, &flags));
	if (flags)
		return dg_call_error(call, DG_ERROR("InvalidArgs"),
				     "BecomeMonitor does not support any flags yet");

	if (!dg_monitor_add_all(call, &rules, &err)) {
		dg_match_table_remove_all(&call->bus->monitored,
					  &call->peer->monitored);
		return err;
	}
	dg_stats_note_peaks(call->peer);
	call->committed = true;
	return 0;
}

/* What it loses it hears of after the reply. */
void dg_driver_become_monitor_after(struct dg_call *call)
{
	dg_peer_become_monitor(call->peer);
}
