// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-memory.h>.
#include <dbus/dbus.h>

#include "base/memory.h"

extern "C" {

void* dbus_malloc(size_t bytes) { return dg::mem::alloc(bytes); }

void* dbus_malloc0(size_t bytes) { return dg::mem::alloc0(bytes); }

void* dbus_realloc(void* memory, size_t bytes) { return dg::mem::realloc(memory, bytes); }

void dbus_free(void* memory) { dg::mem::free(memory); }

void dbus_free_string_array(char** str_array) { dg::mem::free_string_array(str_array); }

void dbus_shutdown(void) { dg::mem::run_shutdown(); }

}  // extern "C"
