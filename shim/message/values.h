// SPDX-License-Identifier: LGPL-2.1-or-later
// Walking over values in wire format that are known to be valid: skipping them and turning their
// byte order round.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace dg {

constexpr std::size_t align_up(std::size_t position, std::size_t alignment) noexcept {
  return (position + alignment - 1) & ~(alignment - 1);
}

template <typename T>
T load_native(const std::byte* bytes) noexcept {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

inline std::uint32_t load_u32(const std::byte* bytes, bool foreign) noexcept {
  const auto value = load_native<std::uint32_t>(bytes);
  return foreign ? __builtin_bswap32(value) : value;
}

// Where the value of the first complete type in `signature`, which begins (with its padding) at
// bytes[position], ends. Never beyond `size`, whatever the bytes are.
std::size_t skip_value(const char* signature, const std::byte* bytes, std::size_t position,
                       std::size_t size) noexcept;

// Turns round the values of the signature from bytes[position] on; they are foreign before if
// `from_foreign`, and after if not. Returns where they end.
std::size_t swap_values(std::string_view signature, std::byte* bytes, std::size_t position,
                        bool from_foreign) noexcept;

}  // namespace dg
