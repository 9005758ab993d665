// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message/values.h"

#include <dbus/dbus-protocol.h>

#include <algorithm>

#include "message/validate.h"

namespace dg {
namespace {

// A message that was built wrongly (a container never closed) may not agree with its signature, and
// is read all the same: every position is bounded.
struct Skipper {
  const std::byte* bytes;
  std::size_t size;

  std::uint32_t length_at(std::size_t at) const noexcept {
    return at + 4 <= size ? load_native<std::uint32_t>(bytes + at) : 0;
  }
  std::size_t bound(std::size_t position) const noexcept { return std::min(position, size); }

  std::size_t skip(const char* signature, std::size_t position) const noexcept {
    const int code = *signature;
    const std::size_t at = align_up(position, alignment(code));
    switch (code) {
      case DBUS_TYPE_STRING:
      case DBUS_TYPE_OBJECT_PATH:
        return bound(at + 4 + length_at(at) + 1);
      case DBUS_TYPE_SIGNATURE:
        return at < size ? bound(at + 1 + std::to_integer<std::size_t>(bytes[at]) + 1) : size;
      case DBUS_TYPE_ARRAY:
        return bound(align_up(at + 4, alignment(signature[1])) + length_at(at));
      case DBUS_TYPE_VARIANT: {
        if (at >= size) return size;
        const std::size_t value = at + 1 + std::to_integer<std::size_t>(bytes[at]) + 1;
        if (value > size) return size;
        return skip(reinterpret_cast<const char*>(bytes) + at + 1, value);
      }
      case DBUS_STRUCT_BEGIN_CHAR:
      case DBUS_DICT_ENTRY_BEGIN_CHAR: {
        std::size_t p = at;
        for (const char* s = signature + 1;
             *s && *s != DBUS_STRUCT_END_CHAR && *s != DBUS_DICT_ENTRY_END_CHAR; s = skip_type(s))
          p = skip(s, p);
        return bound(p);
      }
      default:
        return bound(at + fixed_size(code));
    }
  }
};

struct Swapper {
  std::byte* bytes;
  bool from_foreign;

  std::uint32_t swap_u32(std::size_t at) const noexcept {
    const auto before = load_native<std::uint32_t>(bytes + at);
    const std::uint32_t after = __builtin_bswap32(before);
    std::memcpy(bytes + at, &after, sizeof after);
    return from_foreign ? after : before;
  }

  // One complete type; *signature moves behind it.
  std::size_t swap(const char** signature, std::size_t position) const noexcept {
    const int code = *(*signature)++;
    std::size_t at = align_up(position, alignment(code));
    switch (code) {
      case DBUS_TYPE_STRING:
      case DBUS_TYPE_OBJECT_PATH:
        return at + 4 + swap_u32(at) + 1;
      case DBUS_TYPE_SIGNATURE:
        return at + 1 + std::to_integer<std::size_t>(bytes[at]) + 1;
      case DBUS_TYPE_VARIANT: {
        const char* inner = reinterpret_cast<const char*>(bytes) + at + 1;
        return swap(&inner, at + 1 + std::to_integer<std::size_t>(bytes[at]) + 1);
      }
      case DBUS_TYPE_ARRAY: {
        const std::uint32_t length = swap_u32(at);
        const char* const element = *signature;
        *signature = skip_type(element);
        at = align_up(at + 4, alignment(*element));
        const std::size_t end = at + length;
        while (at < end) {
          const char* s = element;
          at = swap(&s, at);
        }
        return end;
      }
      case DBUS_STRUCT_BEGIN_CHAR:
      case DBUS_DICT_ENTRY_BEGIN_CHAR:
        while (**signature != DBUS_STRUCT_END_CHAR && **signature != DBUS_DICT_ENTRY_END_CHAR)
          at = swap(signature, at);
        ++*signature;
        return at;
      default: {
        const std::size_t size = fixed_size(code);
        std::reverse(bytes + at, bytes + at + size);
        return at + size;
      }
    }
  }
};

}  // namespace

std::size_t skip_value(const char* signature, const std::byte* bytes, std::size_t position,
                       std::size_t size) noexcept {
  return Skipper{bytes, size}.skip(signature, position);
}

std::size_t swap_values(std::string_view signature, std::byte* bytes, std::size_t position,
                        bool from_foreign) noexcept {
  const Swapper swapper{bytes, from_foreign};
  const char* p = signature.data();
  const char* const end = p + signature.size();
  while (p < end) position = swapper.swap(&p, position);
  return position;
}

}  // namespace dg
