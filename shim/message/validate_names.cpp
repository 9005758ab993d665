// SPDX-License-Identifier: LGPL-2.1-or-later
// The grammar of names and paths, and UTF-8.
#include <dbus/dbus-protocol.h>

#include <cstring>

#include "message/validate.h"

namespace dg {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
// The first character of an element.
bool is_initial(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}
bool is_name_char(char c) noexcept { return is_initial(c) || is_digit(c); }

// Names of two or more elements between dots, none of them empty, of characters that `first` and
// `other` allow.
template <typename First, typename Other>
bool is_dotted(std::string_view name, First first, Other other) noexcept {
  bool at_start = true, dotted = false;
  for (const char c : name) {
    if (c == '.') {
      if (at_start) return false;
      dotted = at_start = true;
    } else if (at_start) {
      if (!first(c)) return false;
      at_start = false;
    } else if (!other(c)) {
      return false;
    }
  }
  return dotted && !at_start;
}

}  // namespace

bool is_valid_path(std::string_view path) noexcept {
  if (path.empty() || path[0] != '/') return false;
  if (path.size() == 1) return true;
  char previous = '/';
  for (const char c : path.substr(1)) {
    if (c == '/' ? previous == '/' : !is_name_char(c)) return false;
    previous = c;
  }
  return previous != '/';
}

bool is_valid_interface(std::string_view name) noexcept {
  return name.size() <= DBUS_MAXIMUM_NAME_LENGTH && is_dotted(name, is_initial, is_name_char);
}

bool is_valid_member(std::string_view name) noexcept {
  if (name.empty() || name.size() > DBUS_MAXIMUM_NAME_LENGTH || !is_initial(name[0])) return false;
  for (const char c : name)
    if (!is_name_char(c)) return false;
  return true;
}

bool is_valid_error_name(std::string_view name) noexcept { return is_valid_interface(name); }

bool is_valid_bus_name(std::string_view name) noexcept {
  if (name.size() > DBUS_MAXIMUM_NAME_LENGTH) return false;
  const auto initial = [](char c) { return is_initial(c) || c == '-'; };
  const auto other = [](char c) { return is_name_char(c) || c == '-'; };
  if (name.empty() || name[0] != ':') return is_dotted(name, initial, other);
  // Unique names are made by buses, and libdbus is less strict with them: only after a dot
  // something must follow.
  for (std::size_t i = 1; i < name.size(); ++i)
    if (name[i] == '.' ? i + 1 == name.size() || !other(name[i + 1]) : !other(name[i]))
      return false;
  return true;
}

bool is_valid_utf8(std::string_view text) noexcept {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const unsigned char* const end = p + text.size();
  while (p < end) {
    // Most text is ASCII: eight characters at a time.
    std::uint64_t word;
    while (end - p >= 8) {
      std::memcpy(&word, p, 8);
      const std::uint64_t zero = (word - 0x0101010101010101u) & ~word;
      if ((word | zero) & 0x8080808080808080u) break;
      p += 8;
    }
    if (p == end) break;
    const unsigned c = *p;
    if (c < 0x80) {
      if (c == 0) return false;
      ++p;
      continue;
    }
    const int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || end - p <= more) return false;
    std::uint32_t code = c & (0x3fu >> more);
    for (int i = 1; i <= more; ++i) {
      if ((p[i] & 0xc0) != 0x80) return false;
      code = (code << 6) | (p[i] & 0x3f);
    }
    static constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (code < kLeast[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    p += more + 1;
  }
  return true;
}

}  // namespace dg
