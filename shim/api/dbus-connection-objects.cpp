// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-connection.h>: object paths.
#include <dbus/dbus.h>

#include "api/dbus-connection-thunks.h"
#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "connection/connection.h"

using dg::ScopedError;

namespace {

dbus_bool_t register_path(DBusConnection* connection, const char* path,
                          const DBusObjectPathVTable* vtable, void* user_data, bool fallback,
                          DBusError* error) noexcept {
  try {
    return connection->register_path(path, vtable, user_data, fallback, error);
  } catch (const std::bad_alloc&) {
    dg::set_oom(error);
    return FALSE;
  }
}

// The two without an error in their arguments say it on stderr.
dbus_bool_t register_or_warn(DBusConnection* connection, const char* path,
                             const DBusObjectPathVTable* vtable, void* user_data, bool fallback) {
  ScopedError error;
  if (register_path(connection, path, vtable, user_data, fallback, error.get())) return TRUE;
  if (dbus_error_has_name(error.get(), DBUS_ERROR_OBJECT_PATH_IN_USE))
    dg::warn("%s", error->message);
  return FALSE;
}

}  // namespace

extern "C" {

dbus_bool_t dbus_connection_try_register_object_path(DBusConnection* connection, const char* path,
                                                     const DBusObjectPathVTable* vtable,
                                                     void* user_data, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path[0] == '/', FALSE);
  DG_RETURN_VAL_IF_FAIL(vtable != NULL, FALSE);
  return register_path(connection, path, vtable, user_data, false, error);
}

dbus_bool_t dbus_connection_register_object_path(DBusConnection* connection, const char* path,
                                                 const DBusObjectPathVTable* vtable,
                                                 void* user_data) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path[0] == '/', FALSE);
  DG_RETURN_VAL_IF_FAIL(vtable != NULL, FALSE);
  return register_or_warn(connection, path, vtable, user_data, false);
}

dbus_bool_t dbus_connection_try_register_fallback(DBusConnection* connection, const char* path,
                                                  const DBusObjectPathVTable* vtable,
                                                  void* user_data, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path[0] == '/', FALSE);
  DG_RETURN_VAL_IF_FAIL(vtable != NULL, FALSE);
  return register_path(connection, path, vtable, user_data, true, error);
}

dbus_bool_t dbus_connection_register_fallback(DBusConnection* connection, const char* path,
                                              const DBusObjectPathVTable* vtable, void* user_data) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path[0] == '/', FALSE);
  DG_RETURN_VAL_IF_FAIL(vtable != NULL, FALSE);
  return register_or_warn(connection, path, vtable, user_data, true);
}

// True for a path that isn't registered too, after a warning: as libdbus.
dbus_bool_t dbus_connection_unregister_object_path(DBusConnection* connection, const char* path) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path[0] == '/', FALSE);
  if (!connection->unregister_path(path)) dg::ObjectTree::warn_unregistered(path);
  return TRUE;
}

dbus_bool_t dbus_connection_get_object_path_data(DBusConnection* connection, const char* path,
                                                 void** data_p) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(data_p != NULL, FALSE);
  *data_p = connection->path_data(path);
  return TRUE;
}

dbus_bool_t dbus_connection_list_registered(DBusConnection* connection, const char* parent_path,
                                            char*** child_entries) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(parent_path != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(parent_path[0] == '/', FALSE);
  DG_RETURN_VAL_IF_FAIL(child_entries != NULL, FALSE);
  *child_entries = connection->list_registered(parent_path);
  return *child_entries != nullptr;
}

}  // extern "C"
