// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * registry_oracle.c - registry.c against dbus-daemon
 *
 * Four peers request and release three names with random flags, and hang up
 * now and then.  Replies, queues and the order of NameOwnerChanged must be the
 * same each time.
 */
#include <stdlib.h>

#include <linux/kernel.h>
#include <linux/slab.h>

#include "libdbus.h"
#include "registry.h"
#include "tap.h"

enum { PEERS = 4, NAMES = 3, STEPS = 4000 };

static const char *const names[NAMES] = { "a.one", "a.two", "a.three" };

/* A peer of the daemon, and its double. */
static struct peer {
	struct oracle_peer *theirs;
	struct dg_owner ours;
} peers[PEERS];

static struct oracle_bus *bus;
static struct oracle_peer *watcher;
static struct dg_registry reg;
static unsigned long long state = 7;
static int differences;

/* What happened, in text: what ours says and what theirs. */
static char ours[4096], theirs[4096], story[256];

static void say(char *log, const char *format, ...)
{
	size_t len = strlen(log);
	va_list ap;

	va_start(ap, format);
	vsnprintf(log + len, sizeof(ours) - len, format, ap);
	va_end(ap);
}

/* 'A' to 'D', or '-'. */
static char letter_of(const char *unique)
{
	unsigned int i;

	for (i = 0; i < PEERS; i++)
		if (!strcmp(unique, oracle_name(peers[i].theirs)))
			return 'A' + i;
	return '-';
}

static char letter(const struct dg_owner *owner)
{
	return owner ? 'A' + (container_of(owner, struct peer, ours) - peers) :
		       '-';
}

static void say_change(void *data, const struct dg_name_change *change)
{
	(void)data;
	if (dg_name_changed(change))
		say(ours, "%s:%c%c ", change->name, letter(change->from),
		    letter(change->to));
}

static void say_signal(void *data, const struct oracle_signal *signal)
{
	bool *gone = data;

	if (strcmp(signal->member, "NameOwnerChanged"))
		return;
	if (signal->args[0][0] == ':')
		*gone |= !signal->args[2][0];
	else
		say(theirs, "%s:%c%c ", signal->args[0],
		    letter_of(signal->args[1]), letter_of(signal->args[2]));
}

static int say_ours(void *data, struct dg_owner *owner)
{
	(void)data;
	say(ours, "%c", letter(owner));
	return 0;
}

static void say_theirs(void *data, const char *owner)
{
	(void)data;
	say(theirs, "%c", letter_of(owner));
}

static void connect_peer(struct peer *peer, u64 id)
{
	peer->theirs = oracle_connect(bus);
	dg_owner_init(&peer->ours, id, NULL);
}

static void step(u64 id)
{
	unsigned int p = tap_random(&state, PEERS), n = tap_random(&state, NAMES);
	unsigned int flags = tap_random(&state, 8), result;
	struct dg_name_change change;
	struct peer *peer = &peers[p];
	bool gone = false;

	ours[0] = theirs[0] = 0;
	switch (tap_random(&state, 40)) {
	case 0:
		sprintf(story, "%c hangs up", 'A' + p);
		dg_registry_drop(&reg, &peer->ours, say_change, NULL);
		/* The name behind letter_of() is wanted until it is gone. */
		oracle_close(peer->theirs);
		while (!gone)
			oracle_received(watcher, true, say_signal, &gone);
		oracle_disconnect(peer->theirs);
		connect_peer(peer, id);
		break;
	case 1 ... 10:
		sprintf(story, "%c releases %s", 'A' + p, names[n]);
		result = oracle_release_name(peer->theirs, names[n]);
		say(theirs, "%u ", result);
		say(ours, "%d ", dg_registry_release(&reg, &peer->ours,
						     names[n], &change));
		say_change(NULL, &change);
		break;
	default:
		sprintf(story, "%c requests %s with %u", 'A' + p, names[n],
			flags);
		result = oracle_request_name(peer->theirs, names[n], flags);
		say(theirs, "%u ", result);
		say(ours, "%d ", dg_registry_request(&reg, &peer->ours,
						     names[n], flags, &change));
		say_change(NULL, &change);
		break;
	}
	oracle_sync(watcher);
	oracle_received(watcher, false, say_signal, &gone);
	for (n = 0; n < NAMES; n++) {
		say(theirs, " %s=", names[n]);
		oracle_queued(watcher, names[n], say_theirs, NULL);
		say(ours, " %s=", names[n]);
		dg_registry_for_each_queued(&reg, names[n], say_ours, NULL);
	}
	if (!tap_same(&differences, !strcmp(ours, theirs)))
		printf("# %s:\n#   dbus-daemon %s\n#   we          %s\n", story,
		       theirs, ours);
}

int main(void)
{
	char *error;
	int i;

	bus = oracle_bus_start();
	if (!bus) {
		printf("1..0 # SKIP no dbus-daemon\n");
		return 0;
	}
	printf("1..1\n");
	watcher = oracle_connect(bus);
	error = oracle_add_match(watcher,
				 "type='signal',member='NameOwnerChanged'");
	if (error || dg_registry_init(&reg))
		return 1;
	for (i = 0; i < PEERS; i++)
		connect_peer(&peers[i], i + 1);
	for (i = 0; i < STEPS; i++)
		step(PEERS + 1 + i);

	for (i = 0; i < PEERS; i++) {
		dg_registry_drop(&reg, &peers[i].ours, NULL, NULL);
		oracle_disconnect(peers[i].theirs);
	}
	dg_registry_destroy(&reg);
	oracle_disconnect(watcher);
	oracle_bus_stop(bus);
	tap_same(&differences, !host_allocs());
	tap_end("names, queues and signals", differences);
	return tap_failed;
}
