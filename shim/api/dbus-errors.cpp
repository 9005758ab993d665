// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-errors.h>. dbus_set_error_from_message is with the messages (dbus-message.h declares
// it).
#include <dbus/dbus.h>

#include <cstdarg>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"

extern "C" {

void dbus_error_init(DBusError* error) {
  DG_RETURN_IF_FAIL(error != NULL);
  *error = DBusError DBUS_ERROR_INIT;
}

void dbus_error_free(DBusError* error) {
  DG_RETURN_IF_FAIL(error != NULL);
  if (!error->dummy1) {
    dg::mem::free(const_cast<char*>(error->name));
    dg::mem::free(const_cast<char*>(error->message));
  }
  dbus_error_init(error);
}

void dbus_set_error_const(DBusError* error, const char* name, const char* message) {
  DG_RETURN_IF_FAIL((error) == NULL || !dbus_error_is_set((error)));
  DG_RETURN_IF_FAIL(name != NULL);
  dg::set_error_const(error, name, message);
}

void dbus_move_error(DBusError* src, DBusError* dest) {
  DG_RETURN_IF_FAIL((dest) == NULL || !dbus_error_is_set((dest)));
  if (!src) return;
  if (dest) {
    dbus_error_free(dest);
    *dest = *src;
    dbus_error_init(src);
  } else {
    dbus_error_free(src);
  }
}

dbus_bool_t dbus_error_has_name(const DBusError* error, const char* name) {
  DG_RETURN_VAL_IF_FAIL(error != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(name != NULL, FALSE);
  return error->name && std::strcmp(error->name, name) == 0;
}

dbus_bool_t dbus_error_is_set(const DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(error != NULL, FALSE);
  return error->name != nullptr;
}

void dbus_set_error(DBusError* error, const char* name, const char* format, ...) {
  if (!error) return;
  DG_RETURN_IF_FAIL((error) == NULL || !dbus_error_is_set((error)));
  DG_RETURN_IF_FAIL(name != NULL);
  va_list args;
  va_start(args, format);
  dg::set_error_va(error, name, format, args);
  va_end(args);
}

}  // extern "C"
