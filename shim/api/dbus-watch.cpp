// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-connection.h>: watches.
#include <dbus/dbus.h>

#include "api/dbus-connection-thunks.h"
#include "base/check.h"
#include "connection/watch.h"

extern "C" {

int dbus_watch_get_fd(DBusWatch* watch) { return dbus_watch_get_unix_fd(watch); }

int dbus_watch_get_unix_fd(DBusWatch* watch) {
  DG_RETURN_VAL_IF_FAIL(watch != NULL, -1);
  return watch->fd();
}

int dbus_watch_get_socket(DBusWatch* watch) {
  DG_RETURN_VAL_IF_FAIL(watch != NULL, -1);
  return watch->fd();
}

unsigned int dbus_watch_get_flags(DBusWatch* watch) {
  DG_RETURN_VAL_IF_FAIL(watch != NULL, 0);
  return watch->flags();
}

void* dbus_watch_get_data(DBusWatch* watch) {
  DG_RETURN_VAL_IF_FAIL(watch != NULL, NULL);
  return watch->data();
}

void dbus_watch_set_data(DBusWatch* watch, void* data, DBusFreeFunction free_data_function) {
  DG_RETURN_IF_FAIL(watch != NULL);
  watch->set_data(data, free_data_function);
}

dbus_bool_t dbus_watch_handle(DBusWatch* watch, unsigned int flags) {
  DG_RETURN_VAL_IF_FAIL(watch != NULL, FALSE);
  return dg::guarded(false, [&] { return watch->handle(flags); });
}

dbus_bool_t dbus_watch_get_enabled(DBusWatch* watch) {
  DG_RETURN_VAL_IF_FAIL(watch != NULL, FALSE);
  return watch->enabled();
}

}  // extern "C"
