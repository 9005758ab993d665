// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-connection.h>: the functions that an application's main loop gives a connection.
#include <dbus/dbus.h>

#include "api/dbus-connection-thunks.h"
#include "base/check.h"
#include "connection/connection.h"

extern "C" {

dbus_bool_t dbus_connection_set_watch_functions(DBusConnection* connection,
                                                DBusAddWatchFunction add_function,
                                                DBusRemoveWatchFunction remove_function,
                                                DBusWatchToggledFunction toggled_function,
                                                void* data, DBusFreeFunction free_data_function) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  return dg::guarded(false, [&] {
    return connection->set_watch_functions(
        {add_function, remove_function, toggled_function, data, free_data_function});
  });
}

dbus_bool_t dbus_connection_set_timeout_functions(DBusConnection* connection,
                                                  DBusAddTimeoutFunction add_function,
                                                  DBusRemoveTimeoutFunction remove_function,
                                                  DBusTimeoutToggledFunction toggled_function,
                                                  void* data, DBusFreeFunction free_data_function) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  return dg::guarded(false, [&] {
    return connection->set_timeout_functions(
        {add_function, remove_function, toggled_function, data, free_data_function});
  });
}

void dbus_connection_set_wakeup_main_function(DBusConnection* connection,
                                              DBusWakeupMainFunction wakeup_main_function,
                                              void* data, DBusFreeFunction free_data_function) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_wakeup_main_function(wakeup_main_function, data, free_data_function);
}

void dbus_connection_set_dispatch_status_function(DBusConnection* connection,
                                                  DBusDispatchStatusFunction function, void* data,
                                                  DBusFreeFunction free_data_function) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_dispatch_status_function(function, data, free_data_function);
}

dbus_bool_t dbus_connection_get_unix_fd(DBusConnection* connection, int* fd) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(fd != NULL, FALSE);
  const int found = connection->fd();
  if (found < 0) return FALSE;
  *fd = found;
  return TRUE;
}

dbus_bool_t dbus_connection_get_socket(DBusConnection* connection, int* fd) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(fd != NULL, FALSE);
  const int found = connection->fd();
  if (found < 0) return FALSE;
  *fd = found;
  return TRUE;
}

}  // extern "C"
