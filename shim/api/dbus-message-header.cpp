// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-message.h>: the header's fields.
#include <dbus/dbus.h>

#include <cstring>

#include "base/check.h"
#include "base/memory.h"
#include "message/message.h"
#include "message/validate.h"

namespace {

bool equal(const char* a, const char* b) { return std::strcmp(a, b) == 0; }
// Where null means that the field is absent.
bool equal_or_absent(const char* a, const char* b) { return a && b ? equal(a, b) : a == b; }

}  // namespace

extern "C" {

DBUS_EXPORT dbus_bool_t dbus_message_set_path(DBusMessage* message, const char* object_path) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(!message->locked(), FALSE);
  DG_RETURN_VAL_IF_FAIL(object_path == NULL || dg::is_valid_path(object_path), FALSE);
  return message->set_path(object_path);
}

DBUS_EXPORT const char* dbus_message_get_path(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  return message->path();
}

DBUS_EXPORT dbus_bool_t dbus_message_has_path(DBusMessage* message, const char* path) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  return equal_or_absent(message->path(), path);
}

DBUS_EXPORT dbus_bool_t dbus_message_get_path_decomposed(DBusMessage* message, char*** path) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(path != NULL, FALSE);
  *path = nullptr;
  std::string_view rest = message->field(DBUS_HEADER_FIELD_PATH);
  if (rest.empty()) return TRUE;
  rest.remove_prefix(1);
  std::size_t count = rest.empty() ? 0 : 1;
  for (const char c : rest) count += c == '/';
  auto** elements = static_cast<char**>(dg::mem::alloc0((count + 1) * sizeof(char*)));
  if (!elements) return FALSE;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t length = std::min(rest.find('/'), rest.size());
    elements[i] = dg::mem::strndup(rest.substr(0, length));
    if (!elements[i]) {
      dg::mem::free_string_array(elements);
      return FALSE;
    }
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
  *path = elements;
  return TRUE;
}

DBUS_EXPORT dbus_bool_t dbus_message_set_interface(DBusMessage* message, const char* iface) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(!message->locked(), FALSE);
  DG_RETURN_VAL_IF_FAIL(iface == NULL || dg::is_valid_interface(iface), FALSE);
  return message->set_interface(iface);
}

DBUS_EXPORT const char* dbus_message_get_interface(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  return message->interface();
}

DBUS_EXPORT dbus_bool_t dbus_message_has_interface(DBusMessage* message, const char* iface) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  return equal_or_absent(message->interface(), iface);
}

DBUS_EXPORT dbus_bool_t dbus_message_set_member(DBusMessage* message, const char* member) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(!message->locked(), FALSE);
  DG_RETURN_VAL_IF_FAIL(member == NULL || dg::is_valid_member(member), FALSE);
  return message->set_member(member);
}

DBUS_EXPORT const char* dbus_message_get_member(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  return message->member();
}

DBUS_EXPORT dbus_bool_t dbus_message_has_member(DBusMessage* message, const char* member) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  return equal_or_absent(message->member(), member);
}

DBUS_EXPORT dbus_bool_t dbus_message_set_error_name(DBusMessage* message, const char* error_name) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(!message->locked(), FALSE);
  DG_RETURN_VAL_IF_FAIL(error_name == NULL || dg::is_valid_error_name(error_name), FALSE);
  return message->set_error_name(error_name);
}

DBUS_EXPORT const char* dbus_message_get_error_name(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  return message->error_name();
}

DBUS_EXPORT dbus_bool_t dbus_message_set_destination(DBusMessage* message,
                                                     const char* destination) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(!message->locked(), FALSE);
  DG_RETURN_VAL_IF_FAIL(destination == NULL || dg::is_valid_bus_name(destination), FALSE);
  return message->set_destination(destination);
}

DBUS_EXPORT const char* dbus_message_get_destination(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  return message->destination();
}

DBUS_EXPORT dbus_bool_t dbus_message_has_destination(DBusMessage* message, const char* name) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(name != NULL, FALSE);
  return message->destination() && equal(message->destination(), name);
}

DBUS_EXPORT dbus_bool_t dbus_message_set_sender(DBusMessage* message, const char* sender) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(!message->locked(), FALSE);
  DG_RETURN_VAL_IF_FAIL(sender == NULL || dg::is_valid_bus_name(sender), FALSE);
  return message->set_sender(sender);
}

DBUS_EXPORT const char* dbus_message_get_sender(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  return message->sender();
}

DBUS_EXPORT dbus_bool_t dbus_message_has_sender(DBusMessage* message, const char* name) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(name != NULL, FALSE);
  return message->sender() && equal(message->sender(), name);
}

DBUS_EXPORT dbus_bool_t dbus_message_set_container_instance(DBusMessage* message,
                                                            const char* object_path) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(!message->locked(), FALSE);
  DG_RETURN_VAL_IF_FAIL(object_path == NULL || dg::is_valid_path(object_path), FALSE);
  return message->set_container_instance(object_path);
}

DBUS_EXPORT const char* dbus_message_get_container_instance(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  return message->container_instance();
}

DBUS_EXPORT const char* dbus_message_get_signature(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  return message->signature();
}

DBUS_EXPORT dbus_bool_t dbus_message_has_signature(DBusMessage* message, const char* signature) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(signature != NULL, FALSE);
  return equal(message->signature(), signature);
}

DBUS_EXPORT dbus_bool_t dbus_message_is_method_call(DBusMessage* message, const char* iface,
                                                    const char* method) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(iface != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(method != NULL, FALSE);
  return message->is_method_call(iface, method);
}

DBUS_EXPORT dbus_bool_t dbus_message_is_signal(DBusMessage* message, const char* iface,
                                               const char* signal_name) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(iface != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(signal_name != NULL, FALSE);
  return message->is_signal(iface, signal_name);
}

DBUS_EXPORT dbus_bool_t dbus_message_is_error(DBusMessage* message, const char* error_name) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(error_name != NULL, FALSE);
  return message->is_error(error_name);
}

}  // extern "C"
