// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-message.h>: reading and writing by variable argument lists.
#include <dbus/dbus.h>

#include "base/check.h"
#include "message/args.h"
#include "message/iter.h"
#include "message/message.h"

extern "C" {

DBUS_EXPORT dbus_bool_t dbus_message_append_args_valist(DBusMessage* message, int first_arg_type,
                                                        va_list var_args) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  return dg::append_args(message, first_arg_type, var_args);
}

DBUS_EXPORT dbus_bool_t dbus_message_append_args(DBusMessage* message, int first_arg_type, ...) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  va_list var_args;
  va_start(var_args, first_arg_type);
  const dbus_bool_t ok = dbus_message_append_args_valist(message, first_arg_type, var_args);
  va_end(var_args);
  return ok;
}

DBUS_EXPORT dbus_bool_t dbus_message_get_args_valist(DBusMessage* message, DBusError* error,
                                                     int first_arg_type, va_list var_args) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(error == NULL || !dbus_error_is_set(error), FALSE);
  return dg::get_args(message, error, first_arg_type, var_args);
}

DBUS_EXPORT dbus_bool_t dbus_message_get_args(DBusMessage* message, DBusError* error,
                                              int first_arg_type, ...) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  va_list var_args;
  va_start(var_args, first_arg_type);
  const dbus_bool_t ok = dbus_message_get_args_valist(message, error, first_arg_type, var_args);
  va_end(var_args);
  return ok;
}

DBUS_EXPORT dbus_bool_t dbus_set_error_from_message(DBusError* error, DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(error == NULL || !dbus_error_is_set(error), FALSE);
  if (message->type() != DBUS_MESSAGE_TYPE_ERROR) return FALSE;
  const char* text = nullptr;
  dg::Reader iter;
  if (iter.init(message) && iter.type() == DBUS_TYPE_STRING) iter.get_basic(&text);
  dbus_set_error(error, message->error_name(), text ? "%s" : nullptr, text);
  return TRUE;
}

}  // extern "C"
