// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks values in wire format from an untrusted peer against their signature.
#include <dbus/dbus-protocol.h>

#include <algorithm>

#include "message/validate.h"
#include "message/values.h"

namespace dg {
namespace {

// Containers within containers, variants among them; the specification's limit on a message.
constexpr int kMaximumDepth = 2 * DBUS_MAXIMUM_TYPE_RECURSION_DEPTH;

struct ValueChecker {
  const std::byte* bytes;
  std::size_t size;
  bool foreign;

  // All of these advance *at, which is where the value's padding begins.
  // So many bytes at least must follow the padding. Here and below the order of the checks is
  // libdbus's, so that of two mistakes the same is reported.
  Validity align(std::size_t* at, std::size_t alignment, std::size_t need) const noexcept {
    const std::size_t aligned = align_up(*at, alignment);
    if (aligned + need > size) return Validity::NotEnoughData;
    for (; *at < aligned; ++*at)
      if (bytes[*at] != std::byte{0}) return Validity::AlignmentPaddingNotNul;
    return Validity::Valid;
  }

  Validity check_boolean(std::size_t at) const noexcept {
    return load_u32(bytes + at, foreign) <= 1 ? Validity::Valid : Validity::BooleanNotZeroOrOne;
  }

  Validity check_text(char code, std::size_t* at) const noexcept {
    std::size_t length;
    if (code == DBUS_TYPE_SIGNATURE) {
      if (*at >= size) return Validity::NotEnoughData;
      length = std::to_integer<std::size_t>(bytes[(*at)++]);
    } else {
      const Validity validity = align(at, 4, 4);
      if (validity != Validity::Valid) return validity;
      length = load_u32(bytes + *at, foreign);
      *at += 4;
    }
    const bool is_signature = code == DBUS_TYPE_SIGNATURE;
    if (length > size - *at || (is_signature && length == size - *at))
      return is_signature ? Validity::SignatureLengthOutOfBounds : Validity::LengthOutOfBounds;
    const std::string_view text(reinterpret_cast<const char*>(bytes) + *at, length);
    if (code == DBUS_TYPE_STRING && !is_valid_utf8(text)) return Validity::BadUtf8;
    if (code == DBUS_TYPE_OBJECT_PATH && !is_valid_path(text)) return Validity::BadPath;
    if (is_signature) {
      const Validity validity = validate_signature(text);
      if (validity != Validity::Valid) return validity;
    }
    *at += length;
    if (*at == size) return Validity::NotEnoughData;
    if (bytes[*at] != std::byte{0})
      return is_signature ? Validity::SignatureMissingNul : Validity::StringMissingNul;
    ++*at;
    return Validity::Valid;
  }

  Validity check_variant(std::size_t* at, int depth) const noexcept {
    if (*at >= size) return Validity::NotEnoughData;
    const std::size_t length = std::to_integer<std::size_t>(bytes[(*at)++]);
    if (length >= size - *at) return Validity::VariantSignatureLengthOutOfBounds;
    const std::string_view inner(reinterpret_cast<const char*>(bytes) + *at, length);
    bool exactly_one;
    if (validate_single_signature(inner, &exactly_one) != Validity::Valid)
      return Validity::VariantSignatureBad;
    *at += length;
    if (bytes[*at] != std::byte{0}) return Validity::VariantSignatureMissingNul;
    ++*at;
    if (inner.empty()) return Validity::VariantSignatureEmpty;
    const char* p = inner.data();
    Validity validity = align(at, alignment(*p), 0);
    if (validity == Validity::Valid) validity = check(&p, at, depth + 1);
    if (validity != Validity::Valid || exactly_one) return validity;
    return Validity::VariantSignatureSpecifiesMultipleValues;
  }

  Validity check_array(const char** signature, std::size_t* at, int depth) const noexcept {
    Validity validity = align(at, 4, 4);
    if (validity != Validity::Valid) return validity;
    const std::uint32_t length = load_u32(bytes + *at, foreign);
    *at += 4;
    const char* const element = *signature;
    *signature = skip_type(element);
    validity = align(at, alignment(*element), 0);
    if (validity != Validity::Valid) return validity;
    if (length > size - *at) return Validity::LengthOutOfBounds;
    if (length > DBUS_MAXIMUM_ARRAY_LENGTH) return Validity::ArrayTooLong;
    const std::size_t end = *at + length;
    if (*element == DBUS_TYPE_BOOLEAN) {
      if (length % 4) return Validity::ArrayElementsMisfit;
      for (; *at < end; *at += 4)
        if ((validity = check_boolean(*at)) != Validity::Valid) return validity;
      return Validity::Valid;
    }
    if (const std::size_t element_size = fixed_size(*element)) {
      if (length % element_size) return Validity::ArrayElementsMisfit;
      *at = end;
      return Validity::Valid;
    }
    while (*at < end) {
      const char* p = element;
      if ((validity = check(&p, at, depth + 1)) != Validity::Valid) return validity;
    }
    return *at == end ? Validity::Valid : Validity::ArrayElementsMisfit;
  }

  // One complete type: *signature moves behind it.
  Validity check(const char** signature, std::size_t* at, int depth) const noexcept {
    if (depth > kMaximumDepth) return Validity::NestedTooDeeply;
    const char code = *(*signature)++;
    switch (code) {
      case DBUS_TYPE_STRING:
      case DBUS_TYPE_OBJECT_PATH:
      case DBUS_TYPE_SIGNATURE:
        return check_text(code, at);
      case DBUS_TYPE_VARIANT:
        return check_variant(at, depth);
      case DBUS_TYPE_ARRAY:
        return check_array(signature, at, depth);
      case DBUS_STRUCT_BEGIN_CHAR:
      case DBUS_DICT_ENTRY_BEGIN_CHAR: {
        Validity validity = align(at, 8, 0);
        while (validity == Validity::Valid && **signature != DBUS_STRUCT_END_CHAR &&
               **signature != DBUS_DICT_ENTRY_END_CHAR)
          validity = check(signature, at, depth + 1);
        ++*signature;
        return validity;
      }
      default: {
        const std::size_t value_size = fixed_size(code);
        Validity validity = align(at, value_size, 1);
        if (validity != Validity::Valid) return validity;
        if (size - *at < value_size) return Validity::NotEnoughData;
        if (code == DBUS_TYPE_BOOLEAN) validity = check_boolean(*at);
        *at += value_size;
        return validity;
      }
    }
  }
};

}  // namespace

Validity validate_values(std::string_view signature, std::span<const std::byte> bytes,
                         std::size_t start, bool foreign, std::size_t* end) noexcept {
  const ValueChecker checker{bytes.data(), bytes.size(), foreign};
  const char* p = signature.data();
  const char* const last = p + signature.size();
  *end = start;
  while (p < last) {
    const Validity validity = checker.check(&p, end, 0);
    if (validity != Validity::Valid) return validity;
  }
  return Validity::Valid;
}

Validity validate_body(std::string_view signature, std::span<const std::byte> body,
                       bool foreign) noexcept {
  std::size_t end;
  const Validity validity = validate_values(signature, body, 0, foreign, &end);
  if (validity != Validity::Valid) return validity;
  return end == body.size() ? Validity::Valid : Validity::TooMuchData;
}

}  // namespace dg
