// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-syntax.h>
#include <dbus/dbus.h>

#include "base/check.h"
#include "base/error.h"
#include "message/validate.h"

namespace {

dbus_bool_t validate(const char* text, bool (*is_valid)(std::string_view), const char* what,
                     DBusError* error) {
  if (is_valid(text)) return TRUE;
  if (dg::is_valid_utf8(text)) {
    dg::set_error(error, DBUS_ERROR_INVALID_ARGS, "%s was not valid: '%s'", what, text);
  } else {
    dg::set_error(error, DBUS_ERROR_INVALID_ARGS, "%s was not valid UTF-8", what);
  }
  return FALSE;
}

}  // namespace

extern "C" {

DBUS_EXPORT dbus_bool_t dbus_validate_path(const char* path, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(path != NULL, FALSE);
  return validate(path, dg::is_valid_path, "Object path", error);
}

DBUS_EXPORT dbus_bool_t dbus_validate_interface(const char* name, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(name != NULL, FALSE);
  return validate(name, dg::is_valid_interface, "Interface name", error);
}

DBUS_EXPORT dbus_bool_t dbus_validate_member(const char* name, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(name != NULL, FALSE);
  return validate(name, dg::is_valid_member, "Member name", error);
}

DBUS_EXPORT dbus_bool_t dbus_validate_error_name(const char* name, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(name != NULL, FALSE);
  return validate(name, dg::is_valid_error_name, "Error name", error);
}

DBUS_EXPORT dbus_bool_t dbus_validate_bus_name(const char* name, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(name != NULL, FALSE);
  return validate(name, dg::is_valid_bus_name, "Bus name", error);
}

DBUS_EXPORT dbus_bool_t dbus_validate_utf8(const char* alleged_utf8, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(alleged_utf8 != NULL, FALSE);
  if (dg::is_valid_utf8(alleged_utf8)) return TRUE;
  dg::set_error_const(error, DBUS_ERROR_INVALID_ARGS, "String was not valid UTF-8");
  return FALSE;
}

}  // extern "C"
