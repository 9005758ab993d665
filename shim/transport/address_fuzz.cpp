// SPDX-License-Identifier: LGPL-2.1-or-later
// Differential: addresses. The installed libdbus and ours agree on what is an address (and why
// not), on what is in it, and on escaping. Text is not only given by users: a server may say where
// it is.
#include <dbus/dbus.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

#include "test/stock_libdbus.h"

namespace {

struct Api {
  decltype(&::dbus_parse_address) parse;
  decltype(&::dbus_address_entries_free) free_entries;
  decltype(&::dbus_address_entry_get_method) method;
  decltype(&::dbus_address_entry_get_value) value;
  decltype(&::dbus_address_escape_value) escape;
  decltype(&::dbus_address_unescape_value) unescape;
  decltype(&::dbus_free) free;
  decltype(&::dbus_error_free) free_error;
};

const Api& ours() {
  static const Api api{dbus_parse_address,
                       dbus_address_entries_free,
                       dbus_address_entry_get_method,
                       dbus_address_entry_get_value,
                       dbus_address_escape_value,
                       dbus_address_unescape_value,
                       dbus_free,
                       dbus_error_free};
  return api;
}

const Api& stock() {
  static const Api api{STOCK(dbus_parse_address),
                       STOCK(dbus_address_entries_free),
                       STOCK(dbus_address_entry_get_method),
                       STOCK(dbus_address_entry_get_value),
                       STOCK(dbus_address_escape_value),
                       STOCK(dbus_address_unescape_value),
                       STOCK(dbus_free),
                       STOCK(dbus_error_free)};
  return api;
}

std::string take(const Api& api, char* text, DBusError* error) {
  std::string result = text ? text : "null";
  api.free(text);
  if (error && error->name) {
    result += std::string(" ") + error->name + ": " + error->message;
    api.free_error(error);
  }
  return result + "\n";
}

// The words that may be keys.
std::set<std::string> words(const std::string& text) {
  std::set<std::string> all{"path", "guid", "host"};
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && !std::strchr(":,;=", text[i])) continue;
    all.insert(text.substr(start, i - start));
    start = i + 1;
  }
  return all;
}

std::string verdict(const Api& api, const std::string& text) {
  std::string result;
  DBusAddressEntry** entries = nullptr;
  int count = 0;
  DBusError error = DBUS_ERROR_INIT;
  if (api.parse(text.c_str(), &entries, &count, &error)) {
    for (int i = 0; i < count; ++i) {
      result += std::string("entry ") + api.method(entries[i]) + "\n";
      for (const std::string& key : words(text))
        if (const char* value = api.value(entries[i], key.c_str()))
          result += "  " + key + "=" + value + "\n";
    }
    api.free_entries(entries);
  } else {
    result += take(api, nullptr, &error);
  }
  result += take(api, api.escape(text.c_str()), nullptr);
  char* const unescaped = api.unescape(text.c_str(), &error);
  return result + take(api, unescaped, &error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(std::string(reinterpret_cast<const char*>(data), size).c_str());
  const std::string expected = verdict(stock(), text), found = verdict(ours(), text);
  if (expected == found) return 0;
  std::fprintf(stderr, "the text:    %s\n--- the installed libdbus\n%s\n--- ours\n%s\n",
               text.c_str(), expected.c_str(), found.c_str());
  std::abort();
}
