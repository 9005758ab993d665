// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusError: name and message are either both allocated or both constant; the first of the public
// struct's private bits says which (it is the one that DBUS_ERROR_INIT sets).
#include "base/error.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/memory.h"

namespace dg {
namespace {

// What an error set without a message says.
constexpr struct {
  const char* name;
  const char* message;
} default_messages[] = {
    {DBUS_ERROR_ACCESS_DENIED, "Permission denied"},
    {DBUS_ERROR_ADDRESS_IN_USE, "Address already in use"},
    {DBUS_ERROR_AUTH_FAILED, "Could not authenticate to server"},
    {DBUS_ERROR_BAD_ADDRESS, "Could not parse address"},
    {DBUS_ERROR_DISCONNECTED, "Disconnected."},
    {DBUS_ERROR_FAILED, "Unknown error"},
    {DBUS_ERROR_FILE_NOT_FOUND, "File doesn't exist."},
    {DBUS_ERROR_INVALID_ARGS, "Invalid arguments."},
    {DBUS_ERROR_IO_ERROR, "Error reading or writing data"},
    {DBUS_ERROR_LIMITS_EXCEEDED, "Resource limits exceeded"},
    {DBUS_ERROR_NOT_SUPPORTED, "Feature not supported"},
    {DBUS_ERROR_NO_MEMORY, "Not enough memory available"},
    {DBUS_ERROR_NO_NETWORK, "Network unavailable"},
    {DBUS_ERROR_NO_REPLY, "Did not get a reply message."},
    {DBUS_ERROR_NO_SERVER, "No server available at address"},
    {DBUS_ERROR_OBJECT_PATH_IN_USE, "Object path already in use"},
    {DBUS_ERROR_TIMEOUT, "Connection timed out"},
};

const char* default_message(const char* name) noexcept {
  for (const auto& entry : default_messages) {
    if (std::strcmp(entry.name, name) == 0) return entry.message;
  }
  return name;
}

char* format_message(const char* format, va_list args) noexcept {
  va_list counting;
  va_copy(counting, args);
  const int size = std::vsnprintf(nullptr, 0, format, counting);
  va_end(counting);
  if (size < 0) return nullptr;
  char* text = static_cast<char*>(mem::alloc(static_cast<std::size_t>(size) + 1));
  if (text) std::vsnprintf(text, static_cast<std::size_t>(size) + 1, format, args);
  return text;
}

}  // namespace

void set_error_va(DBusError* error, const char* name, const char* format, va_list args) noexcept {
  if (!error || error->name) return;
  mem::String own_name(mem::strdup(name));
  mem::String message(format ? format_message(format, args) : mem::strdup(default_message(name)));
  if (!own_name || !message) {
    set_oom(error);
    return;
  }
  error->name = own_name.release();
  error->message = message.release();
  error->dummy1 = 0;
}

void set_error(DBusError* error, const char* name, const char* format, ...) noexcept {
  va_list args;
  va_start(args, format);
  set_error_va(error, name, format, args);
  va_end(args);
}

void set_error_const(DBusError* error, const char* name, const char* message) noexcept {
  if (!error || error->name) return;
  error->name = name;
  error->message = message ? message : default_message(name);
  error->dummy1 = 1;
}

void set_oom(DBusError* error) noexcept { set_error_const(error, DBUS_ERROR_NO_MEMORY, nullptr); }

const char* error_name_from_errno(int error_number) noexcept {
  switch (error_number) {
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
    case EOPNOTSUPP:
      return DBUS_ERROR_NOT_SUPPORTED;
    case ENFILE:
    case EMFILE:
      return DBUS_ERROR_LIMITS_EXCEEDED;
    case EACCES:
    case EPERM:
      return DBUS_ERROR_ACCESS_DENIED;
    case ENOBUFS:
    case ENOMEM:
      return DBUS_ERROR_NO_MEMORY;
    case ECONNREFUSED:
      return DBUS_ERROR_NO_SERVER;
    case ETIMEDOUT:
      return DBUS_ERROR_TIMEOUT;
    case ENETUNREACH:
      return DBUS_ERROR_NO_NETWORK;
    case EADDRINUSE:
      return DBUS_ERROR_ADDRESS_IN_USE;
    case ENOENT:
      return DBUS_ERROR_FILE_NOT_FOUND;
    default:
      return DBUS_ERROR_FAILED;
  }
}

}  // namespace dg
