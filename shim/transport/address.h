// SPDX-License-Identifier: LGPL-2.1-or-later
// D-Bus server addresses, in text:
//
//   addresses := address (";" address)* [";"]         tried in order
//   address   := method ":" [pair ("," pair)* [","]]
//   pair      := key "=" escaped-value                 "%xx" for bytes outside [-0-9A-Za-z_/.\*]
#pragma once

#include <dbus/dbus.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dg {

struct AddressEntry {
  std::string method;
  std::vector<std::pair<std::string, std::string>> pairs;  // as written, values unescaped

  // The first value given for a key, or null.
  const char* value(std::string_view key) const noexcept;
};

// False with the error set (BadAddress, in libdbus's words) and nothing stored.
bool parse_address(std::string_view text, std::vector<AddressEntry>* entries, DBusError* error);

bool unescape_address_value(std::string_view escaped, std::string* value, DBusError* error);
std::string escape_address_value(std::string_view value);

// The socket that a user's session manager listens on, XDG_RUNTIME_DIR/bus, as an address. Empty if
// there is none, or if it isn't this user's.
std::string user_bus_address();

}  // namespace dg
