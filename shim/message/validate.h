// SPDX-License-Identifier: LGPL-2.1-or-later
// What the specification allows: names, paths, signatures, text, and values of a signature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace dg {

// Why something isn't valid. Signature reasons first, then values, then messages.
enum class Validity : std::uint8_t {
  Valid,
  UnknownTypecode,
  MissingArrayElementType,
  SignatureTooLong,
  ExceededMaximumArrayRecursion,
  ExceededMaximumStructRecursion,
  ExceededMaximumDictEntryRecursion,
  StructEndedButNotStarted,
  StructStartedButNotEnded,
  StructHasNoFields,
  DictEntryEndedButNotStarted,
  DictEntryStartedButNotEnded,
  DictEntryHasNoFields,
  DictEntryHasOnlyOneField,
  DictEntryHasTooManyFields,
  DictEntryNotInsideArray,
  DictKeyMustBeBasicType,
  NotEnoughData,
  TooMuchData,
  AlignmentPaddingNotNul,
  BooleanNotZeroOrOne,
  LengthOutOfBounds,
  StringMissingNul,
  SignatureMissingNul,
  SignatureLengthOutOfBounds,
  BadUtf8,
  BadPath,
  ArrayTooLong,
  ArrayElementsMisfit,
  VariantSignatureBad,
  VariantSignatureEmpty,
  VariantSignatureSpecifiesMultipleValues,
  VariantSignatureMissingNul,
  VariantSignatureLengthOutOfBounds,
  NestedTooDeeply,
  BadByteOrder,
  BadMessageType,
  BadProtocolVersion,
  BadFieldsLength,
  BadBodyLength,
  MessageTooLong,
  BadSerial,
  BadHeaderFieldCode,
  FieldHasWrongType,
  FieldAppearsTwice,
  BadInterface,
  BadMember,
  BadErrorName,
  BadDestination,
  BadSender,
  MissingPath,
  MissingInterface,
  MissingMember,
  MissingErrorName,
  MissingReplySerial,
  UsesLocalPath,
  UsesLocalInterface,
  TooManyFds,
  MissingFds,
};

// English, for logs and error messages; constant.
const char* validity_text(Validity validity) noexcept;

// Names. Each false for "".
bool is_valid_path(std::string_view path) noexcept;
bool is_valid_interface(std::string_view name) noexcept;
bool is_valid_member(std::string_view name) noexcept;
bool is_valid_error_name(std::string_view name) noexcept;
bool is_valid_bus_name(std::string_view name) noexcept;
bool is_valid_utf8(std::string_view text) noexcept;

// Type codes.
bool is_type(int code) noexcept;  // any of the specification's types, STRUCT and DICT_ENTRY too
bool is_basic_type(int code) noexcept;
bool is_container_type(int code) noexcept;
bool is_fixed_type(int code) noexcept;
bool is_string_type(int code) noexcept;  // STRING, OBJECT_PATH, SIGNATURE
// Of a fixed type: bytes, which is also its alignment. 0 for others.
std::size_t fixed_size(int code) noexcept;
// The alignment of a value that starts with this character of a signature ('(' and 'r' both do).
std::size_t alignment(int code) noexcept;

// A signature of any number of complete types.
Validity validate_signature(std::string_view signature) noexcept;
// Exactly one complete type. *exactly_one is false when the signature is valid but has none or
// several.
Validity validate_single_signature(std::string_view signature, bool* exactly_one) noexcept;
// The end of the complete type that starts at p, in a signature that is valid.
const char* skip_type(const char* p) noexcept;

// Values of a valid signature, the first of which begins (with its padding) at bytes[start];
// alignment counts from bytes[0]. *end is where they end. foreign: of the other byte order.
Validity validate_values(std::string_view signature, std::span<const std::byte> bytes,
                         std::size_t start, bool foreign, std::size_t* end) noexcept;
// The values of a message's body, which must end where the bytes end.
Validity validate_body(std::string_view signature, std::span<const std::byte> body,
                       bool foreign) noexcept;

}  // namespace dg
