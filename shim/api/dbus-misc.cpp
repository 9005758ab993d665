// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-misc.h>, and dbus_setenv().
#include <dbus/dbus.h>

#include <cstdlib>
#include <new>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/uuid.h"

extern "C" {

char* dbus_try_get_local_machine_id(DBusError* error) {
  try {
    std::string uuid;
    if (!dg::machine_id(false, &uuid, error)) return nullptr;
    char* copy = dg::mem::strndup(uuid);
    if (!copy) dg::set_oom(error);
    return copy;
  } catch (const std::bad_alloc&) {
    dg::set_oom(error);
    return nullptr;
  }
}

char* dbus_get_local_machine_id(void) {
  dg::ScopedError error;
  char* uuid = dbus_try_get_local_machine_id(error.get());
  if (!uuid && !dbus_error_has_name(error.get(), DBUS_ERROR_NO_MEMORY)) {
    dg::warn("%s", error->message);
  }
  return uuid;
}

void dbus_get_version(int* major_version_p, int* minor_version_p, int* micro_version_p) {
  // The interface that is implemented: that of the headers compiled against.
  if (major_version_p) *major_version_p = DBUS_MAJOR_VERSION;
  if (minor_version_p) *minor_version_p = DBUS_MINOR_VERSION;
  if (micro_version_p) *micro_version_p = DBUS_MICRO_VERSION;
}

dbus_bool_t dbus_setenv(const char* variable, const char* value) {
  if (!variable) return FALSE;
  return (value ? ::setenv(variable, value, 1) : ::unsetenv(variable)) == 0;
}

}  // extern "C"
