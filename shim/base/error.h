// SPDX-License-Identifier: LGPL-2.1-or-later
// Filling the public DBusError. All of these accept a null error (the caller isn't interested) and
// none replaces an error that is already set.
#pragma once

#include <dbus/dbus.h>

#include <cstdarg>

namespace dg {

// name is copied and the message is formatted; without memory the error becomes Error.NoMemory
// instead.
[[gnu::format(printf, 3, 4)]] void set_error(DBusError* error, const char* name, const char* format,
                                             ...) noexcept;
void set_error_va(DBusError* error, const char* name, const char* format, va_list args) noexcept;
// Neither string is copied: both must outlive the error (string literals).
void set_error_const(DBusError* error, const char* name, const char* message) noexcept;
// org.freedesktop.DBus.Error.NoMemory, without allocating.
void set_oom(DBusError* error) noexcept;
// The D-Bus error name that stands for an errno value (EACCES: Error.AccessDenied, else
// Error.Failed).
const char* error_name_from_errno(int error_number) noexcept;

// A DBusError that frees itself.
class ScopedError {
 public:
  ScopedError() noexcept { dbus_error_init(&error_); }
  ~ScopedError() { dbus_error_free(&error_); }
  ScopedError(const ScopedError&) = delete;
  ScopedError& operator=(const ScopedError&) = delete;
  DBusError* get() noexcept { return &error_; }
  DBusError* operator->() noexcept { return &error_; }
  bool is_set() const noexcept { return error_.name != nullptr; }

 private:
  DBusError error_;
};

}  // namespace dg
