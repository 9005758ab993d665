// SPDX-License-Identifier: LGPL-2.1-or-later
// Parsing and escaping of addresses.
#include "transport/address.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace dg {
namespace {

bool may_stay(unsigned char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != 0 && std::strchr("-_/.\\*", c));
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Cuts off what is before the separator, which is dropped.
std::string_view take_until(std::string_view* text, char separator) noexcept {
  const std::string_view part = text->substr(0, text->find(separator));
  text->remove_prefix(std::min(text->size(), part.size() + 1));
  return part;
}

bool parse_entry(std::string_view text, AddressEntry* entry, DBusError* error) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    set_error(error, DBUS_ERROR_BAD_ADDRESS, "Address does not contain a colon");
    return false;
  }
  entry->method = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  while (!text.empty()) {
    const std::string_view pair = take_until(&text, ',');
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == pair.size()) {
      set_error(error, DBUS_ERROR_BAD_ADDRESS,
                "'=' character not found or has no value following it");
      return false;
    }
    std::string value;
    if (!unescape_address_value(pair.substr(equals + 1), &value, error)) return false;
    entry->pairs.emplace_back(pair.substr(0, equals), std::move(value));
  }
  return true;
}

}  // namespace

const char* AddressEntry::value(std::string_view key) const noexcept {
  for (const auto& pair : pairs) {
    if (pair.first == key) return pair.second.c_str();
  }
  return nullptr;
}

bool parse_address(std::string_view text, std::vector<AddressEntry>* entries, DBusError* error) {
  if (text.empty()) {
    set_error(error, DBUS_ERROR_BAD_ADDRESS, "Empty address ''");
    return false;
  }
  std::vector<AddressEntry> parsed;
  while (!text.empty()) {
    if (!parse_entry(take_until(&text, ';'), &parsed.emplace_back(), error)) return false;
  }
  *entries = std::move(parsed);
  return true;
}

bool unescape_address_value(std::string_view escaped, std::string* value, DBusError* error) {
  std::string text;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const char c = escaped[i];
    if (c != '%') {
      if (!may_stay(static_cast<unsigned char>(c))) {
        set_error(error, DBUS_ERROR_BAD_ADDRESS,
                  "In D-Bus address, character '%c' should have been escaped\n", c);
        return false;
      }
      text += c;
      continue;
    }
    if (escaped.size() - i < 3) {
      set_error(error, DBUS_ERROR_BAD_ADDRESS,
                "In D-Bus address, percent character was not followed by two hex digits");
      return false;
    }
    const int high = hex_digit(escaped[i + 1]), low = hex_digit(escaped[i + 2]);
    if (high < 0 || low < 0) {
      set_error(error, DBUS_ERROR_BAD_ADDRESS,
                "In D-Bus address, percent character was followed by characters other than hex "
                "digits");
      return false;
    }
    text += static_cast<char>(high << 4 | low);
    i += 2;
  }
  *value = std::move(text);
  return true;
}

std::string escape_address_value(std::string_view value) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (may_stay(byte)) {
      text += c;
    } else {
      text += '%';
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  }
  return text;
}

std::string user_bus_address() {
  const char* directory = ::secure_getenv("XDG_RUNTIME_DIR");
  if (!directory || !*directory) return {};
  const std::string path = std::string(directory) + "/bus";
  struct stat status;
  // Not through a symbolic link: what is in the directory itself is the user's own.
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode) ||
      status.st_uid != ::getuid()) {
    return {};
  }
  return "unix:path=" + escape_address_value(path);
}

}  // namespace dg
