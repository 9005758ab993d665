// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-address.h>.
#include <dbus/dbus.h>

#include <memory>
#include <new>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/address.h"

struct DBusAddressEntry : dg::AddressEntry {};

extern "C" {

void dbus_address_entries_free(DBusAddressEntry** entries) {
  if (!entries) return;
  for (DBusAddressEntry** entry = entries; *entry; ++entry) delete *entry;
  dg::mem::free(entries);
}

const char* dbus_address_entry_get_method(DBusAddressEntry* entry) {
  DG_RETURN_VAL_IF_FAIL(entry != NULL, NULL);
  return entry->method.c_str();
}

const char* dbus_address_entry_get_value(DBusAddressEntry* entry, const char* key) {
  DG_RETURN_VAL_IF_FAIL(entry != NULL, NULL);
  DG_RETURN_VAL_IF_FAIL(key != NULL, NULL);
  return entry->value(key);
}

dbus_bool_t dbus_parse_address(const char* address, DBusAddressEntry*** entry_result,
                               int* array_len, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(address != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(entry_result != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(array_len != NULL, FALSE);
  *entry_result = nullptr;
  *array_len = 0;
  // Null-terminated from the start, so that what is there can be freed at any time.
  DBusAddressEntry** array = nullptr;
  try {
    std::vector<dg::AddressEntry> parsed;
    if (!dg::parse_address(address, &parsed, error)) return FALSE;
    const std::size_t count = parsed.size();
    array = static_cast<DBusAddressEntry**>(dg::mem::alloc0((count + 1) * sizeof *array));
    if (!array) throw std::bad_alloc();
    for (std::size_t i = 0; i < count; ++i) array[i] = new DBusAddressEntry{std::move(parsed[i])};
    *entry_result = array;
    *array_len = static_cast<int>(count);
    return TRUE;
  } catch (const std::bad_alloc&) {
    dbus_address_entries_free(array);
    dg::set_oom(error);
    return FALSE;
  }
}

char* dbus_address_escape_value(const char* value) {
  DG_RETURN_VAL_IF_FAIL(value != NULL, NULL);
  try {
    return dg::mem::strndup(dg::escape_address_value(value));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

char* dbus_address_unescape_value(const char* value, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(value != NULL, NULL);
  try {
    std::string text;
    if (!dg::unescape_address_value(value, &text, error)) return nullptr;
    char* copy = dg::mem::strndup(text);
    if (!copy) dg::set_oom(error);
    return copy;
  } catch (const std::bad_alloc&) {
    dg::set_oom(error);
    return nullptr;
  }
}

}  // extern "C"
