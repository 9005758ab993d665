/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a connection does, written down step by step: connection SCENARIO. Run with the installed
 * libdbus and with ours, the transcripts must be the same (compare.py). What is left out, since
 * libdbus deadlocks or loses messages there, is in the unit tests of shim/connection. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_server.h"
#include "scenarios.h"

/* --- what the application's functions write down */

static const char* watch_text(DBusWatch* watch) {
  static char text[60];

  snprintf(text, sizeof text, "%s watch, %s, fd %s",
           dbus_watch_get_flags(watch) == DBUS_WATCH_READABLE ? "read" : "write",
           dbus_watch_get_enabled(watch) ? "on" : "off",
           dbus_watch_get_unix_fd(watch) >= 0 ? "open" : "closed");
  return text;
}

DBusWatch *last_reader, *last_writer;
DBusTimeout* last_timeout;
int refuse_after = -1;

static dbus_bool_t add_watch(DBusWatch* watch, void* name) {
  printf("  %s: add %s\n", (char*)name, watch_text(watch));
  if (refuse_after >= 0 && refuse_after-- == 0) return FALSE;
  *(dbus_watch_get_flags(watch) == DBUS_WATCH_READABLE ? &last_reader : &last_writer) = watch;
  return TRUE;
}

static void remove_watch(DBusWatch* watch, void* name) {
  printf("  %s: remove %s\n", (char*)name, watch_text(watch));
}

static void toggle_watch(DBusWatch* watch, void* name) {
  printf("  %s: toggle %s\n", (char*)name, watch_text(watch));
}

static dbus_bool_t add_timeout(DBusTimeout* timeout, void* name) {
  printf("  %s: add time-out %d %s\n", (char*)name, dbus_timeout_get_interval(timeout),
         dbus_timeout_get_enabled(timeout) ? "on" : "off");
  last_timeout = timeout;
  return refuse_after < 0 || refuse_after-- != 0;
}

static void remove_timeout(DBusTimeout* timeout, void* name) {
  printf("  %s: remove time-out %d\n", (char*)name, dbus_timeout_get_interval(timeout));
}

static void toggle_timeout(DBusTimeout* timeout, void* name) {
  printf("  %s: toggle time-out %d\n", (char*)name, dbus_timeout_get_interval(timeout));
}

void free_name(void* name) { printf("  free %s\n", (char*)name); }

static void status_changed(DBusConnection* connection, DBusDispatchStatus status, void* data) {
  (void)data;
  printf("  status is now %d, asked %d\n", status, dbus_connection_get_dispatch_status(connection));
}

dbus_bool_t set_watches(DBusConnection* connection, const char* name) {
  return dbus_connection_set_watch_functions(connection, add_watch, remove_watch, toggle_watch,
                                             (void*)name, free_name);
}

dbus_bool_t set_timeouts(DBusConnection* connection, const char* name) {
  return dbus_connection_set_timeout_functions(connection, add_timeout, remove_timeout,
                                               toggle_timeout, (void*)name, free_name);
}

void set_loop(DBusConnection* connection) {
  dbus_connection_set_dispatch_status_function(connection, status_changed, "status", free_name);
  set_watches(connection, "watches");
  set_timeouts(connection, "time-outs");
}

DBusHandlerResult filter(DBusConnection* connection, DBusMessage* message, void* name) {
  char what[60];

  (void)connection;
  snprintf(what, sizeof what, "  filter %s", (char*)name);
  dbus_message_ref(message);
  show(what, message);
  return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

void notified(DBusPendingCall* pending, void* name) {
  printf("  %s is notified, completed %d\n", (char*)name, dbus_pending_call_get_completed(pending));
}

void dispatch_all(DBusConnection* connection) {
  while (dbus_connection_dispatch(connection) == DBUS_DISPATCH_DATA_REMAINS)
    ;
}

DBusPendingCall* start_call(DBusConnection* connection, int timeout_ms, const char* name) {
  DBusMessage* message = new_call();
  DBusPendingCall* pending = NULL;
  dbus_bool_t sent = dbus_connection_send_with_reply(connection, message, &pending, timeout_ms);

  printf("%s: sent %d serial %u pending %s\n", name, sent, dbus_message_get_serial(message),
         pending ? "yes" : "none");
  dbus_message_unref(message);
  if (pending) dbus_pending_call_set_notify(pending, notified, (void*)name, free_name);
  return pending;
}

void block(DBusConnection* connection, int timeout_ms) {
  DBusError error = DBUS_ERROR_INIT;
  DBusMessage* message = new_call();
  DBusMessage* reply =
      dbus_connection_send_with_reply_and_block(connection, message, timeout_ms, &error);

  printf("blocking call: %s, %s: %s\n", reply ? "reply" : "no reply", error.name ? error.name : "-",
         error.message ? error.message : "-");
  dbus_message_unref(message);
  if (reply) dbus_message_unref(reply);
  dbus_error_free(&error);
}

static const struct scenario* const lists[] = {scenarios, process_scenarios};

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (unsigned i = 0; argc == 2 && i < sizeof lists / sizeof *lists; ++i) {
    for (const struct scenario* each = lists[i]; each->name; ++each) {
      if (strcmp(argv[1], "--list") == 0) {
        printf("%s\n", each->name);
      } else if (strcmp(argv[1], each->name) == 0) {
        each->run();
        return 0;
      }
    }
  }
  if (argc == 2 && strcmp(argv[1], "--list") == 0) return 0;
  fprintf(stderr, "usage: %s --list | SCENARIO\n", argv[0]);
  return 2;
}
