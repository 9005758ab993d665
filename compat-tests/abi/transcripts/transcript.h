/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For programs whose whole output is compared between the installed libdbus and ours:
 * ../transcripts.py runs each with either, on a dbus-daemon of its own, and the outputs have to be
 * the same.
 */
#ifndef TRANSCRIPT_H
#define TRANSCRIPT_H

#include <dbus/dbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Unbuffered, since warnings go to the same file; and nothing may hang. */
static inline void transcript_start(void) {
  DBusError error = DBUS_ERROR_INIT;
  DBusConnection* connection;
  setvbuf(stdout, NULL, _IONBF, 0);
  alarm(300);
  connection = dbus_bus_get_private(DBUS_BUS_SESSION, &error);
  if (!connection) {
    printf("no bus: %s\n", error.message);
    exit(2);
  }
  dbus_connection_close(connection);
  dbus_connection_unref(connection);
}

/* Writes what an expression gave (as a number) and the error that it left in `error`. */
#define SHOW(expression)                                                       \
  do {                                                                         \
    DBusError error = DBUS_ERROR_INIT;                                         \
    const long result = (long)(expression);                                    \
    printf("%s = %ld%s%s%s%s\n", #expression, result, error.name ? " | " : "", \
           error.name ? error.name : "", error.name ? " | " : "",              \
           error.message ? error.message : "");                                \
    dbus_error_free(&error);                                                   \
  } while (0)

/* The same for what gives nothing. */
#define SHOW_VOID(expression) SHOW(((expression), 0))

/* The same for strings. */
#define SHOW_TEXT(expression)                                 \
  do {                                                        \
    const char* text = (expression);                          \
    printf("%s = %s\n", #expression, text ? text : "(null)"); \
  } while (0)

#endif
