/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the scenarios share (connection.c), and the lists of them (scenarios*.c). */
#ifndef SCENARIOS_H
#define SCENARIOS_H

#include <dbus/dbus.h>

struct scenario {
  const char* name;
  void (*run)(void);
};
extern const struct scenario scenarios[];
extern const struct scenario process_scenarios[];

/* The last ones added to the main loop. */
extern DBusWatch *last_reader, *last_writer;
extern DBusTimeout* last_timeout;
/* That many add functions succeed, the next fails; -1: none fails. */
extern int refuse_after;

/* All of these write down what they are called with. */
void free_name(void* name);
dbus_bool_t set_watches(DBusConnection* connection, const char* name);
dbus_bool_t set_timeouts(DBusConnection* connection, const char* name);
void set_loop(DBusConnection* connection);
DBusHandlerResult filter(DBusConnection* connection, DBusMessage* message, void* name);
void notified(DBusPendingCall* pending, void* name);

void dispatch_all(DBusConnection* connection);
DBusPendingCall* start_call(DBusConnection* connection, int timeout_ms, const char* name);
void block(DBusConnection* connection, int timeout_ms);

#endif
