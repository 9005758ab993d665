// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-bus.h>.
#include <dbus/dbus.h>

#include <new>

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "connection/bus.h"
#include "message/validate.h"

namespace {

bool valid_name(const char* name) noexcept { return name && dg::is_valid_bus_name(name); }

DBusConnection* get(DBusBusType type, bool shared, DBusError* error) noexcept {
  try {
    return dg::bus_get(type, shared, error);
  } catch (const std::bad_alloc&) {
    dg::set_oom(error);
    return nullptr;
  }
}

// Takes one argument out of a reply, which may be null (the call failed then, and the error is
// set), and drops it.
bool take(DBusMessage* reply, DBusError* error, int type, void* value) noexcept {
  if (!reply) return false;
  const bool taken = dbus_message_get_args(reply, error, type, value, DBUS_TYPE_INVALID);
  dbus_message_unref(reply);
  return taken;
}

}  // namespace

extern "C" {

DBusConnection* dbus_bus_get(DBusBusType type, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(type >= DBUS_BUS_SESSION && type <= DBUS_BUS_STARTER, NULL);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), NULL);
  return get(type, true, error);
}

DBusConnection* dbus_bus_get_private(DBusBusType type, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(type >= DBUS_BUS_SESSION && type <= DBUS_BUS_STARTER, NULL);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), NULL);
  return get(type, false, error);
}

dbus_bool_t dbus_bus_register(DBusConnection* connection, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), FALSE);
  return dg::bus_register(connection, error);
}

dbus_bool_t dbus_bus_set_unique_name(DBusConnection* connection, const char* unique_name) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(unique_name != NULL, FALSE);
  return dg::bus_set_unique_name(connection, unique_name);
}

const char* dbus_bus_get_unique_name(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, NULL);
  return dg::bus_unique_name(connection);
}

unsigned long dbus_bus_get_unix_user(DBusConnection* connection, const char* name,
                                     DBusError* error) {
  // The same as DBUS_UID_UNSET, which isn't public.
  constexpr unsigned long unknown = ~0UL;
  DG_RETURN_VAL_IF_FAIL(connection != NULL, unknown);
  DG_RETURN_VAL_IF_FAIL(name != NULL, unknown);
  DG_RETURN_VAL_IF_FAIL(valid_name(name), unknown);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), unknown);
  dbus_uint32_t uid;
  DBusMessage* reply = dg::bus_call(connection, "GetConnectionUnixUser", error, DBUS_TYPE_STRING,
                                    &name, DBUS_TYPE_INVALID);
  return take(reply, error, DBUS_TYPE_UINT32, &uid) ? uid : unknown;
}

char* dbus_bus_get_id(DBusConnection* connection, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, NULL);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), NULL);
  DBusMessage* reply = dg::bus_call(connection, "GetId", error, DBUS_TYPE_INVALID);
  if (!reply) return nullptr;
  const char* id;
  char* copy = nullptr;
  if (dbus_message_get_args(reply, error, DBUS_TYPE_STRING, &id, DBUS_TYPE_INVALID)) {
    copy = dg::mem::strdup(id);
    if (!copy) dg::set_oom(error);
  }
  dbus_message_unref(reply);
  return copy;
}

int dbus_bus_request_name(DBusConnection* connection, const char* name, unsigned int flags,
                          DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, 0);
  DG_RETURN_VAL_IF_FAIL(name != NULL, 0);
  DG_RETURN_VAL_IF_FAIL(valid_name(name), 0);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), 0);
  dbus_uint32_t wire_flags = flags, result;
  DBusMessage* reply = dg::bus_call(connection, "RequestName", error, DBUS_TYPE_STRING, &name,
                                    DBUS_TYPE_UINT32, &wire_flags, DBUS_TYPE_INVALID);
  return take(reply, error, DBUS_TYPE_UINT32, &result) ? static_cast<int>(result) : -1;
}

int dbus_bus_release_name(DBusConnection* connection, const char* name, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, 0);
  DG_RETURN_VAL_IF_FAIL(name != NULL, 0);
  DG_RETURN_VAL_IF_FAIL(valid_name(name), 0);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), 0);
  dbus_uint32_t result;
  DBusMessage* reply =
      dg::bus_call(connection, "ReleaseName", error, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
  return take(reply, error, DBUS_TYPE_UINT32, &result) ? static_cast<int>(result) : -1;
}

dbus_bool_t dbus_bus_name_has_owner(DBusConnection* connection, const char* name,
                                    DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(name != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(valid_name(name), FALSE);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), FALSE);
  dbus_bool_t has_owner;
  DBusMessage* reply =
      dg::bus_call(connection, "NameHasOwner", error, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
  return take(reply, error, DBUS_TYPE_BOOLEAN, &has_owner) ? has_owner : FALSE;
}

dbus_bool_t dbus_bus_start_service_by_name(DBusConnection* connection, const char* name,
                                           dbus_uint32_t flags, dbus_uint32_t* result,
                                           DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(valid_name(name), FALSE);
  dbus_uint32_t answer;
  DBusMessage* reply = dg::bus_call(connection, "StartServiceByName", error, DBUS_TYPE_STRING,
                                    &name, DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID);
  if (!take(reply, error, DBUS_TYPE_UINT32, &answer)) return FALSE;
  if (result) *result = answer;
  return TRUE;
}

void dbus_bus_add_match(DBusConnection* connection, const char* rule, DBusError* error) {
  DG_RETURN_IF_FAIL(connection != NULL);
  DG_RETURN_IF_FAIL(rule != NULL);
  // Who doesn't want to know of errors doesn't wait for them either.
  if (!error) {
    dg::bus_tell(connection, "AddMatch", rule);
    return;
  }
  DBusMessage* reply =
      dg::bus_call(connection, "AddMatch", error, DBUS_TYPE_STRING, &rule, DBUS_TYPE_INVALID);
  if (reply) dbus_message_unref(reply);
}

void dbus_bus_remove_match(DBusConnection* connection, const char* rule, DBusError* error) {
  DG_RETURN_IF_FAIL(connection != NULL);
  DG_RETURN_IF_FAIL(rule != NULL);
  if (!error) {
    dg::bus_tell(connection, "RemoveMatch", rule);
    return;
  }
  DBusMessage* reply =
      dg::bus_call(connection, "RemoveMatch", error, DBUS_TYPE_STRING, &rule, DBUS_TYPE_INVALID);
  if (reply) dbus_message_unref(reply);
}

}  // extern "C"
