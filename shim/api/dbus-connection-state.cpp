// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-connection.h>: who is at the other end, who may be, and limits.
#include <dbus/dbus.h>

#include "api/dbus-connection-thunks.h"
#include "base/check.h"
#include "base/memory.h"
#include "connection/connection.h"

extern "C" {

dbus_bool_t dbus_connection_get_is_anonymous(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  return connection->is_anonymous();
}

char* dbus_connection_get_server_id(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, NULL);
  return dg::guarded<char*>(nullptr, [&] {
    const std::string id = connection->server_id();
    return id.empty() ? nullptr : dg::mem::strdup(id.c_str());
  });
}

dbus_bool_t dbus_connection_can_send_type(DBusConnection* connection, int type) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  if (!dbus_type_is_valid(type)) return FALSE;
  return connection->can_send_type(type);
}

dbus_bool_t dbus_connection_get_unix_user(DBusConnection* connection, unsigned long* uid) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(uid != NULL, FALSE);
  return connection->unix_user(uid);
}

dbus_bool_t dbus_connection_get_unix_process_id(DBusConnection* connection, unsigned long* pid) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(pid != NULL, FALSE);
  return connection->unix_process_id(pid);
}

// Solaris only, says the documentation.
dbus_bool_t dbus_connection_get_adt_audit_session_data(DBusConnection* connection, void** data,
                                                       dbus_int32_t* data_size) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(data != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(data_size != NULL, FALSE);
  *data = nullptr;
  *data_size = 0;
  return FALSE;
}

// Never known on UNIX, says the documentation.
dbus_bool_t dbus_connection_get_windows_user(DBusConnection* connection, char** windows_sid_p) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(windows_sid_p != NULL, FALSE);
  *windows_sid_p = nullptr;
  return FALSE;
}

void dbus_connection_set_unix_user_function(DBusConnection* connection,
                                            DBusAllowUnixUserFunction function, void* data,
                                            DBusFreeFunction free_data_function) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_unix_user_function(function, data, free_data_function);
}

void dbus_connection_set_windows_user_function(DBusConnection* connection,
                                               DBusAllowWindowsUserFunction function, void* data,
                                               DBusFreeFunction free_data_function) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_windows_user_function(function, data, free_data_function);
}

void dbus_connection_set_allow_anonymous(DBusConnection* connection, dbus_bool_t value) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_allow_anonymous(value);
}

void dbus_connection_set_route_peer_messages(DBusConnection* connection, dbus_bool_t value) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_route_peer_messages(value);
}

void dbus_connection_set_change_sigpipe(dbus_bool_t will_modify_sigpipe) {
  dg::change_sigpipe.store(will_modify_sigpipe);
}

void dbus_connection_set_max_message_size(DBusConnection* connection, long size) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_max_message_size(size);
}

long dbus_connection_get_max_message_size(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, 0);
  return connection->max_message_size();
}

void dbus_connection_set_max_message_unix_fds(DBusConnection* connection, long n) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_max_message_unix_fds(n);
}

long dbus_connection_get_max_message_unix_fds(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, 0);
  return connection->max_message_unix_fds();
}

void dbus_connection_set_max_received_size(DBusConnection* connection, long size) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_max_received_size(size);
}

long dbus_connection_get_max_received_size(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, 0);
  return connection->max_received_size();
}

void dbus_connection_set_max_received_unix_fds(DBusConnection* connection, long n) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_max_received_unix_fds(n);
}

long dbus_connection_get_max_received_unix_fds(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, 0);
  return connection->max_received_unix_fds();
}

long dbus_connection_get_outgoing_size(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, 0);
  return connection->outgoing_size();
}

long dbus_connection_get_outgoing_unix_fds(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, 0);
  return connection->outgoing_unix_fds();
}

}  // extern "C"
