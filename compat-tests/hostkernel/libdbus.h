/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libdbus.h - the stock libdbus and dbus-daemon, asked for what is right
 *
 * Apart from the kernel's stand-ins, whose headers libdbus's would not mix
 * with.  Whatever fails here that has no business to fail ends the program.
 */
#ifndef HOSTKERNEL_LIBDBUS_H
#define HOSTKERNEL_LIBDBUS_H

#include <stdbool.h>
#include <stddef.h>

/* Validation, in this process */

enum oracle_grammar {
	ORACLE_PATH,
	ORACLE_INTERFACE,
	ORACLE_MEMBER,
	ORACLE_ERROR_NAME,
	ORACLE_BUS_NAME,
	ORACLE_UTF8,
	ORACLE_SIGNATURE,
	ORACLE_SIGNATURE_SINGLE,
	ORACLE_GRAMMARS
};

bool oracle_valid(enum oracle_grammar grammar, const char *s);

/* Whether a message with this body is valid; @sig must be. */
bool oracle_body_valid(const char *sig, const void *body, unsigned int len);

/* A bus of our own */

struct oracle_bus;
struct oracle_peer;

/* NULL if there is no dbus-daemon on this machine. */
struct oracle_bus *oracle_bus_start(void);
void oracle_bus_stop(struct oracle_bus *bus);

struct oracle_peer *oracle_connect(struct oracle_bus *bus);
/* Hang up; the peer's name can still be read. */
void oracle_close(struct oracle_peer *peer);
void oracle_disconnect(struct oracle_peer *peer);
const char *oracle_name(const struct oracle_peer *peer);

unsigned int oracle_request_name(struct oracle_peer *peer, const char *name,
				 unsigned int flags);
unsigned int oracle_release_name(struct oracle_peer *peer, const char *name);

/* Calls @fn with the owner and those who queue; not if nobody owns it. */
void oracle_queued(struct oracle_peer *peer, const char *name,
		   void (*fn)(void *data, const char *owner), void *data);

/* NULL, or the error: "name: text"; the caller frees it. */
char *oracle_add_match(struct oracle_peer *peer, const char *rule);
char *oracle_remove_match(struct oracle_peer *peer, const char *rule);

/* @args: a text for each 's', 'o' or 'g' of @sig; a 'u' is 7. Its serial. */
unsigned int oracle_signal(struct oracle_peer *peer, const char *path,
			   const char *interface, const char *member,
			   const char *destination, const char *sig,
			   const char *const *args);

/* Until the daemon has handled all that @peer sent, and @peer has its own. */
void oracle_sync(struct oracle_peer *peer);

/*
 * What @peer received: calls @fn with each signal's sender, serial, member,
 * and first three arguments if they are strings (NULL if not).  Waits for the
 * first if @wait.
 */
struct oracle_signal {
	const char *sender;
	unsigned int serial;
	const char *member;
	const char *args[3];
};

void oracle_received(struct oracle_peer *peer, bool wait,
		     void (*fn)(void *data, const struct oracle_signal *signal),
		     void *data);

#endif
