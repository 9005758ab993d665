// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver_stats.c - org.freedesktop.DBus.Debug.Stats
 *
 * dbus-daemon's keys, as far as there is here what they tell of;
 * docs/differences.md says which are left out.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/skbuff.h>

#include "bus.h"
#include "driver.h"
#include "names.h"
#include "peer.h"

/* A rule's text, apostrophes written as '\'' and keys added, is not longer. */
#define DG_RULE_TEXT_MAX	(8 * DG_MATCH_RULE_MAX)

/* Of a peer, its unique name included. */
static unsigned int dg_n_names(const struct dg_peer *peer)
{
	return peer->owner.n_places + 1;
}

static unsigned int dg_n_rules(const struct dg_peer *peer)
{
	return peer->rules.n_rules + peer->monitored.n_rules;
}

static unsigned int dg_bus_n_names(const struct dg_bus *bus)
{
	return bus->registry.n_places + bus->n_named;
}

static unsigned int dg_bus_n_rules(const struct dg_bus *bus)
{
	return bus->matches.n_rules + bus->monitored.n_rules;
}

void dg_stats_note_peaks(struct dg_peer *peer)
{
	struct dg_bus *bus = peer->bus;
	struct dg_bus_peaks *peaks = &bus->peaks;

	lockdep_assert_held_write(&bus->lock);

	peer->peak_rules = max(peer->peak_rules, dg_n_rules(peer));
	peer->peak_names = max(peer->peak_names, dg_n_names(peer));
	peaks->rules = max(peaks->rules, dg_bus_n_rules(bus));
	peaks->rules_of_one = max(peaks->rules_of_one, peer->peak_rules);
	peaks->names = max(peaks->names, dg_bus_n_names(bus));
	peaks->names_of_one = max(peaks->names_of_one, peer->peak_names);
}

static void dg_put_entry_string(struct dg_body_writer *out, const char *key,
				const char *value)
{
	dg_body_open_struct(out);
	dg_body_put_string(out, key);
	dg_body_open_variant(out, "s");
	dg_body_put_string(out, value);
	dg_body_close_variant(out);
	dg_body_close_struct(out);
}

int dg_driver_get_stats(struct dg_call *call)
{
	struct dg_body_writer *out = &call->out;
	struct dg_bus *bus = call->bus;
	struct dg_bus_peaks *peaks = &bus->peaks;
	unsigned int active = bus->n_named + bus->n_monitors;

	dg_body_open_array(out, '{');
	dg_put_entry_u32(out, "Serial", peaks->stats_calls++);
	dg_put_entry_u32(out, "ActiveConnections", active);
	dg_put_entry_u32(out, "IncompleteConnections", bus->n_peers - active);
	dg_put_entry_u32(out, "MatchRules", dg_bus_n_rules(bus));
	dg_put_entry_u32(out, "PeakMatchRules", peaks->rules);
	dg_put_entry_u32(out, "PeakMatchRulesPerConnection",
			 peaks->rules_of_one);
	dg_put_entry_u32(out, "BusNames", dg_bus_n_names(bus));
	dg_put_entry_u32(out, "PeakBusNames", peaks->names);
	dg_put_entry_u32(out, "PeakBusNamesPerConnection", peaks->names_of_one);
	dg_body_close_array(out);
	return 0;
}

/* What waits for a peer in the bus; what is in its socket has been sent. */
static void dg_put_outgoing(struct dg_body_writer *out, struct dg_queue *queue)
{
	struct dg_queue_count now, peak;
	u32 messages;

	mutex_lock(&queue->lock);
	messages = skb_queue_len(&queue->waiting);
	now = queue->now;
	peak = queue->peak;
	mutex_unlock(&queue->lock);

	dg_put_entry_u32(out, "OutgoingMessages", messages);
	dg_put_entry_u32(out, "OutgoingBytes", now.bytes);
	dg_put_entry_u32(out, "OutgoingFDs", now.fds);
	dg_put_entry_u32(out, "PeakOutgoingBytes", peak.bytes);
	dg_put_entry_u32(out, "PeakOutgoingFDs", peak.fds);
}

int dg_driver_get_connection_stats(struct dg_call *call)
{
	struct dg_body_writer *out = &call->out;
	struct dg_subject subject;
	struct dg_peer *peer;
	int err;

	if (!dg_call_subject(call, &subject, "statistics", &err))
		return err;
	peer = subject.peer;
	if (!peer)
		return dg_call_error(call, DG_ERROR("InvalidArgs"),
				     "GetConnectionStats is not meaningful for the message bus \"%s\" itself",
				     DG_DRIVER_NAME);

	dg_body_open_array(out, '{');
	dg_put_entry_u32(out, "Serial", call->bus->peaks.peer_stats_calls++);
	dg_put_entry_u32(out, "MatchRules", dg_n_rules(peer));
	dg_put_entry_u32(out, "PeakMatchRules", peer->peak_rules);
	dg_put_entry_u32(out, "BusNames", dg_n_names(peer));
	dg_put_entry_u32(out, "PeakBusNames", peer->peak_names);
	dg_put_entry_string(out, "UniqueName", peer->unique);
	dg_put_outgoing(out, &peer->queue);
	dg_body_close_array(out);
	return 0;
}

/**
 * struct dg_rule_lister - writes a peer's rules
 * @out: where to
 * @text: room for one
 */
struct dg_rule_lister {
	struct dg_body_writer *out;
	char *text;
};

static int dg_list_rule(void *data, const struct dg_match_rule *rule,
			u64 number)
{
	struct dg_rule_lister *lister = data;

	WARN_ON_ONCE(dg_match_format(rule, lister->text, DG_RULE_TEXT_MAX) >=
		     DG_RULE_TEXT_MAX);
	dg_body_put_string(lister->out, lister->text);
	return lister->out->err;
}

int dg_driver_get_all_match_rules(struct dg_call *call)
{
	struct dg_rule_lister lister = { .out = &call->out };
	struct dg_peer *peer;
	unsigned long id;

	lister.text = kvmalloc(DG_RULE_TEXT_MAX, GFP_KERNEL);
	if (!lister.text)
		return -ENOMEM;

	dg_body_open_array(&call->out, '{');
	xa_for_each(&call->bus->peers, id, peer) {
		dg_body_open_struct(&call->out);
		dg_body_put_string(&call->out, peer->unique);
		dg_body_open_array(&call->out, 's');
		dg_match_owner_for_each(&peer->rules, U64_MAX, dg_list_rule,
					&lister);
		dg_body_close_array(&call->out);
		dg_body_close_struct(&call->out);
	}
	dg_body_close_array(&call->out);
	kvfree(lister.text);
	return 0;
}
