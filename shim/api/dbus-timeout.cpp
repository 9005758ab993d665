// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-connection.h>: time-outs.
#include <dbus/dbus.h>

#include "api/dbus-connection-thunks.h"
#include "base/check.h"
#include "connection/timeout.h"

extern "C" {

int dbus_timeout_get_interval(DBusTimeout* timeout) {
  DG_RETURN_VAL_IF_FAIL(timeout != NULL, 0);
  return timeout->interval();
}

void* dbus_timeout_get_data(DBusTimeout* timeout) {
  DG_RETURN_VAL_IF_FAIL(timeout != NULL, NULL);
  return timeout->data();
}

void dbus_timeout_set_data(DBusTimeout* timeout, void* data, DBusFreeFunction free_data_function) {
  DG_RETURN_IF_FAIL(timeout != NULL);
  timeout->set_data(data, free_data_function);
}

dbus_bool_t dbus_timeout_handle(DBusTimeout* timeout) {
  DG_RETURN_VAL_IF_FAIL(timeout != NULL, FALSE);
  return dg::guarded(false, [&] { return timeout->handle(); });
}

dbus_bool_t dbus_timeout_get_enabled(DBusTimeout* timeout) {
  DG_RETURN_VAL_IF_FAIL(timeout != NULL, FALSE);
  return timeout->enabled();
}

}  // extern "C"
