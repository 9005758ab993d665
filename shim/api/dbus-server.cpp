// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-server.h>: listening for peers.
#include <dbus/dbus.h>

#include "api/dbus-connection-thunks.h"
#include "base/check.h"
#include "base/memory.h"
#include "server/server.h"

extern "C" {

DBusServer* dbus_server_listen(const char* address, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(address != NULL, NULL);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), NULL);
  return DBusServer::listen(address, error);
}

DBusServer* dbus_server_ref(DBusServer* server) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, NULL);
  server->ref();
  return server;
}

void dbus_server_unref(DBusServer* server) {
  DG_RETURN_IF_FAIL(server != NULL);
  server->unref();
}

void dbus_server_disconnect(DBusServer* server) {
  DG_RETURN_IF_FAIL(server != NULL);
  server->disconnect();
}

dbus_bool_t dbus_server_get_is_connected(DBusServer* server) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, FALSE);
  return server->is_connected();
}

char* dbus_server_get_address(DBusServer* server) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, NULL);
  return dg::mem::strdup(server->address().c_str());
}

char* dbus_server_get_id(DBusServer* server) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, NULL);
  return dg::mem::strdup(server->guid().c_str());
}

void dbus_server_set_new_connection_function(DBusServer* server, DBusNewConnectionFunction function,
                                             void* data, DBusFreeFunction free_data_function) {
  DG_RETURN_IF_FAIL(server != NULL);
  server->set_new_connection_function(function, data, free_data_function);
}

dbus_bool_t dbus_server_set_watch_functions(DBusServer* server, DBusAddWatchFunction add_function,
                                            DBusRemoveWatchFunction remove_function,
                                            DBusWatchToggledFunction toggled_function, void* data,
                                            DBusFreeFunction free_data_function) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, FALSE);
  return dg::guarded(false, [&] {
    return server->set_watch_functions(
        {add_function, remove_function, toggled_function, data, free_data_function});
  });
}

dbus_bool_t dbus_server_set_timeout_functions(DBusServer* server,
                                              DBusAddTimeoutFunction add_function,
                                              DBusRemoveTimeoutFunction remove_function,
                                              DBusTimeoutToggledFunction toggled_function,
                                              void* data, DBusFreeFunction free_data_function) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, FALSE);
  return dg::guarded(false, [&] {
    return server->set_timeout_functions(
        {add_function, remove_function, toggled_function, data, free_data_function});
  });
}

dbus_bool_t dbus_server_set_auth_mechanisms(DBusServer* server, const char** mechanisms) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, FALSE);
  return dg::guarded(false, [&] {
    server->set_auth_mechanisms(mechanisms);
    return true;
  });
}

dbus_bool_t dbus_server_allocate_data_slot(dbus_int32_t* slot_p) {
  DG_RETURN_VAL_IF_FAIL(slot_p != NULL, FALSE);
  return dg::server_slots.allocate(slot_p);
}

void dbus_server_free_data_slot(dbus_int32_t* slot_p) {
  DG_RETURN_IF_FAIL(slot_p != NULL);
  DG_RETURN_IF_FAIL(*slot_p >= 0);
  dg::server_slots.free(slot_p);
}

dbus_bool_t dbus_server_set_data(DBusServer* server, int slot, void* data,
                                 DBusFreeFunction free_data_func) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, FALSE);
  if (!dg::server_slots.in_use(slot)) return FALSE;
  return server->set_data(slot, data, free_data_func);
}

void* dbus_server_get_data(DBusServer* server, int slot) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, NULL);
  return server->data(slot);
}

}  // extern "C"
