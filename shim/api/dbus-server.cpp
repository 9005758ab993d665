// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-server.h>. Servers aren't done yet: dbus_server_listen() refuses, so that no program
// ever has a DBusServer, and the other functions can be called by mistake only. Their symbols are
// there for programs to load.
#include <dbus/dbus.h>

#include <new>
#include <vector>

#include "base/check.h"
#include "base/data_slot.h"
#include "base/error.h"
#include "base/log.h"
#include "transport/address.h"

namespace {

constinit dg::SlotAllocator slots;

}  // namespace

extern "C" {

DBusServer* dbus_server_listen(const char* address, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(address != NULL, nullptr);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), nullptr);
  try {
    std::vector<dg::AddressEntry> entries;
    if (!dg::parse_address(address, &entries, error)) return nullptr;
  } catch (const std::bad_alloc&) {
    dg::set_oom(error);
    return nullptr;
  }
  dg::not_implemented("dbus_server_listen");
  dg::set_error(error, DBUS_ERROR_NOT_SUPPORTED,
                "dbus-genl can't listen for connections of other programs yet (asked for \"%s\")",
                address);
  return nullptr;
}

DBusServer* dbus_server_ref(DBusServer* server) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, nullptr);
  dg::not_implemented("dbus_server_ref");
  return server;
}

void dbus_server_unref(DBusServer* server) {
  DG_RETURN_IF_FAIL(server != NULL);
  dg::not_implemented("dbus_server_unref");
}

void dbus_server_disconnect(DBusServer* server) {
  DG_RETURN_IF_FAIL(server != NULL);
  dg::not_implemented("dbus_server_disconnect");
}

dbus_bool_t dbus_server_get_is_connected(DBusServer* server) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, FALSE);
  return dg::not_implemented("dbus_server_get_is_connected");
}

char* dbus_server_get_address(DBusServer* server) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, nullptr);
  dg::not_implemented("dbus_server_get_address");
  return nullptr;
}

char* dbus_server_get_id(DBusServer* server) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, nullptr);
  dg::not_implemented("dbus_server_get_id");
  return nullptr;
}

void dbus_server_set_new_connection_function(DBusServer* server,
                                             DBusNewConnectionFunction /*function*/, void* /*data*/,
                                             DBusFreeFunction /*free_data_function*/) {
  DG_RETURN_IF_FAIL(server != NULL);
  dg::not_implemented("dbus_server_set_new_connection_function");
}

dbus_bool_t dbus_server_set_watch_functions(DBusServer* server, DBusAddWatchFunction /*add*/,
                                            DBusRemoveWatchFunction /*remove*/,
                                            DBusWatchToggledFunction /*toggled*/, void* /*data*/,
                                            DBusFreeFunction /*free_data_function*/) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, FALSE);
  return dg::not_implemented("dbus_server_set_watch_functions");
}

dbus_bool_t dbus_server_set_timeout_functions(DBusServer* server, DBusAddTimeoutFunction /*add*/,
                                              DBusRemoveTimeoutFunction /*remove*/,
                                              DBusTimeoutToggledFunction /*toggled*/,
                                              void* /*data*/,
                                              DBusFreeFunction /*free_data_function*/) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, FALSE);
  return dg::not_implemented("dbus_server_set_timeout_functions");
}

dbus_bool_t dbus_server_set_auth_mechanisms(DBusServer* server, const char** /*mechanisms*/) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, FALSE);
  return dg::not_implemented("dbus_server_set_auth_mechanisms");
}

dbus_bool_t dbus_server_allocate_data_slot(dbus_int32_t* slot_p) {
  DG_RETURN_VAL_IF_FAIL(slot_p != NULL, FALSE);
  return slots.allocate(slot_p);
}

void dbus_server_free_data_slot(dbus_int32_t* slot_p) {
  DG_RETURN_IF_FAIL(slot_p != NULL);
  DG_RETURN_IF_FAIL(*slot_p >= 0);
  slots.free(slot_p);
}

dbus_bool_t dbus_server_set_data(DBusServer* server, int /*slot*/, void* /*data*/,
                                 DBusFreeFunction /*free_data_func*/) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, FALSE);
  return dg::not_implemented("dbus_server_set_data");
}

void* dbus_server_get_data(DBusServer* server, int /*slot*/) {
  DG_RETURN_VAL_IF_FAIL(server != NULL, nullptr);
  dg::not_implemented("dbus_server_get_data");
  return nullptr;
}

}  // extern "C"
