/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What dbus_bus_* return and say: sharing, names, rules, misuse, a connection that is over. */
#include "transcript.h"

static const char* address(void) { return getenv("DBUS_SESSION_BUS_ADDRESS"); }

static void sharing(void) {
  DBusConnection* first = dbus_bus_get(DBUS_BUS_SESSION, NULL);
  DBusConnection* second = dbus_bus_get(DBUS_BUS_SESSION, NULL);
  DBusConnection* starter = dbus_bus_get(DBUS_BUS_STARTER, NULL);
  DBusConnection* opened = dbus_connection_open(address(), NULL);
  DBusConnection* alone = dbus_bus_get_private(DBUS_BUS_SESSION, NULL);
  SHOW(first == second);
  SHOW(first == starter);
  SHOW(first == opened);
  SHOW(first == alone);
  SHOW_TEXT(dbus_bus_get_unique_name(first));
  SHOW_TEXT(dbus_bus_get_unique_name(alone));
  dbus_connection_close(alone);
  dbus_connection_unref(alone);
  dbus_connection_unref(opened);
  dbus_connection_unref(starter);
  dbus_connection_unref(second);
  /* It outlives the application's references. */
  dbus_connection_unref(first);
  first = dbus_bus_get(DBUS_BUS_SESSION, NULL);
  SHOW_TEXT(dbus_bus_get_unique_name(first));
  /* dbus_shutdown() closes it, which would end the program. */
  dbus_connection_set_exit_on_disconnect(first, FALSE);
  dbus_connection_unref(first);
}

static void registering(void) {
  DBusConnection* connection = dbus_connection_open_private(address(), NULL);
  SHOW_TEXT(dbus_bus_get_unique_name(connection));
  SHOW(dbus_bus_name_has_owner(connection, "a.b", &error));
  SHOW(dbus_connection_get_is_connected(connection));
  dbus_connection_close(connection);
  dbus_connection_unref(connection);

  connection = dbus_connection_open_private(address(), NULL);
  SHOW(dbus_bus_register(connection, &error));
  SHOW(dbus_bus_register(connection, &error));
  SHOW(dbus_bus_get_unique_name(connection) == dbus_bus_get_unique_name(connection));
  dbus_connection_close(connection);
  dbus_connection_unref(connection);

  /* Who says Hello without dbus_bus_register() tells the library the name. */
  connection = dbus_connection_open_private(address(), NULL);
  SHOW(dbus_bus_set_unique_name(connection, ":1.77"));
  SHOW_TEXT(dbus_bus_get_unique_name(connection));
  SHOW(dbus_bus_register(connection, &error));
  SHOW(dbus_bus_set_unique_name(connection, NULL));
  dbus_connection_close(connection);
  dbus_connection_unref(connection);
}

static void names(DBusConnection* a, DBusConnection* b) {
  dbus_uint32_t reply = 77;
  SHOW(dbus_bus_request_name(a, "a.b", 0, &error));
  SHOW(dbus_bus_request_name(a, "a.b", 0, &error));
  SHOW(dbus_bus_request_name(b, "a.b", 0, &error));
  SHOW(dbus_bus_request_name(b, "a.b", DBUS_NAME_FLAG_DO_NOT_QUEUE, &error));
  SHOW(dbus_bus_request_name(a, ":1.5", 0, &error));
  SHOW(dbus_bus_request_name(a, DBUS_SERVICE_DBUS, 0, &error));
  SHOW(dbus_bus_name_has_owner(a, "a.b", &error));
  SHOW(dbus_bus_name_has_owner(a, "no.one", &error));
  SHOW(dbus_bus_name_has_owner(a, DBUS_SERVICE_DBUS, &error));
  SHOW(dbus_bus_get_unix_user(a, "a.b", &error) == getuid());
  SHOW(dbus_bus_get_unix_user(a, "no.one", &error));
  SHOW(dbus_bus_release_name(b, "a.b", &error));
  SHOW(dbus_bus_release_name(a, "a.b", &error));
  SHOW(dbus_bus_release_name(a, "a.b", &error));
  SHOW(dbus_bus_release_name(a, ":1.0", &error));
  SHOW(dbus_bus_start_service_by_name(a, "no.such", 0, &reply, &error));
  SHOW(reply);
  char* id = dbus_bus_get_id(a, NULL);
  SHOW(strlen(id));
  dbus_free(id);
}

static void rules(DBusConnection* a) {
  SHOW_VOID(dbus_bus_add_match(a, "type='signal'", &error));
  SHOW_VOID(dbus_bus_add_match(a, "bogus", &error));
  SHOW_VOID(dbus_bus_remove_match(a, "type='signal'", &error));
  SHOW_VOID(dbus_bus_remove_match(a, "type='signal'", &error));
  SHOW_VOID(dbus_bus_remove_match(a, "bogus", &error));
  SHOW_VOID(dbus_bus_add_match(a, "type='signal',member='X'", NULL));
  SHOW_VOID(dbus_bus_add_match(a, "bogus", NULL));
  dbus_connection_flush(a);
  SHOW_VOID(dbus_bus_remove_match(a, "type='signal',member='X'", &error));
}

static void misuse(DBusConnection* a) {
  SHOW(dbus_bus_get(9, &error));
  SHOW(dbus_bus_get_unique_name(NULL));
  SHOW(dbus_bus_register(NULL, &error));
  SHOW(dbus_bus_request_name(NULL, "a.b", 0, &error));
  SHOW(dbus_bus_request_name(a, NULL, 0, &error));
  SHOW(dbus_bus_request_name(a, "ab", 0, &error));
  SHOW(dbus_bus_release_name(a, NULL, &error));
  SHOW(dbus_bus_release_name(a, "ab", &error));
  SHOW(dbus_bus_name_has_owner(NULL, "x.y", &error));
  SHOW(dbus_bus_name_has_owner(a, "ab", &error));
  SHOW(dbus_bus_get_unix_user(NULL, "x.y", &error));
  SHOW(dbus_bus_get_unix_user(a, "ab", &error));
  SHOW(dbus_bus_get_id(NULL, &error));
  SHOW(dbus_bus_start_service_by_name(NULL, "x.y", 0, NULL, &error));
  SHOW(dbus_bus_start_service_by_name(a, NULL, 0, NULL, &error));
  SHOW(dbus_bus_start_service_by_name(a, "bad", 0, NULL, &error));
  SHOW_VOID(dbus_bus_add_match(a, NULL, &error));
  SHOW_VOID(dbus_bus_remove_match(a, NULL, &error));
}

static void after_the_end(DBusConnection* a) {
  dbus_connection_set_exit_on_disconnect(a, FALSE);
  dbus_connection_close(a);
  SHOW(dbus_bus_register(a, &error));
  SHOW(dbus_bus_request_name(a, "a.b", 0, &error));
  SHOW(dbus_bus_release_name(a, "a.b", &error));
  SHOW(dbus_bus_name_has_owner(a, "a.b", &error));
  SHOW(dbus_bus_get_unix_user(a, "a.b", &error));
  SHOW(dbus_bus_get_id(a, &error));
  SHOW_VOID(dbus_bus_add_match(a, "type='signal'", &error));
  SHOW_VOID(dbus_bus_add_match(a, "type='signal'", NULL));
  SHOW(dbus_bus_start_service_by_name(a, "x.y", 0, NULL, &error));
  dbus_connection_unref(a);

  DBusConnection* closed = dbus_connection_open_private(address(), NULL);
  dbus_connection_close(closed);
  SHOW(dbus_bus_register(closed, &error));
  dbus_connection_unref(closed);
}

int main(void) {
  transcript_start();
  sharing();
  registering();
  DBusConnection* a = dbus_bus_get_private(DBUS_BUS_SESSION, NULL);
  DBusConnection* b = dbus_bus_get_private(DBUS_BUS_SESSION, NULL);
  names(a, b);
  rules(a);
  misuse(a);
  after_the_end(a);
  dbus_connection_close(b);
  dbus_connection_unref(b);
  dbus_shutdown();
  return 0;
}
