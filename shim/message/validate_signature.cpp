// SPDX-License-Identifier: LGPL-2.1-or-later
// Type codes and signatures.
#include <dbus/dbus-protocol.h>

#include "message/validate.h"

namespace dg {

bool is_basic_type(int code) noexcept { return is_fixed_type(code) || is_string_type(code); }

bool is_string_type(int code) noexcept {
  return code == DBUS_TYPE_STRING || code == DBUS_TYPE_OBJECT_PATH || code == DBUS_TYPE_SIGNATURE;
}

bool is_container_type(int code) noexcept {
  return code == DBUS_TYPE_ARRAY || code == DBUS_TYPE_VARIANT || code == DBUS_TYPE_STRUCT ||
         code == DBUS_TYPE_DICT_ENTRY;
}

bool is_fixed_type(int code) noexcept { return fixed_size(code) != 0; }

bool is_type(int code) noexcept { return is_basic_type(code) || is_container_type(code); }

std::size_t fixed_size(int code) noexcept {
  switch (code) {
    case DBUS_TYPE_BYTE:
      return 1;
    case DBUS_TYPE_INT16:
    case DBUS_TYPE_UINT16:
      return 2;
    case DBUS_TYPE_BOOLEAN:
    case DBUS_TYPE_INT32:
    case DBUS_TYPE_UINT32:
    case DBUS_TYPE_UNIX_FD:
      return 4;
    case DBUS_TYPE_INT64:
    case DBUS_TYPE_UINT64:
    case DBUS_TYPE_DOUBLE:
      return 8;
    default:
      return 0;
  }
}

std::size_t alignment(int code) noexcept {
  switch (code) {
    case DBUS_TYPE_STRING:
    case DBUS_TYPE_OBJECT_PATH:
    case DBUS_TYPE_ARRAY:
      return 4;
    case DBUS_STRUCT_BEGIN_CHAR:
    case DBUS_DICT_ENTRY_BEGIN_CHAR:
    case DBUS_TYPE_STRUCT:
    case DBUS_TYPE_DICT_ENTRY:
      return 8;
    case DBUS_TYPE_VARIANT:
    case DBUS_TYPE_SIGNATURE:
      return 1;
    default:
      return fixed_size(code) ? fixed_size(code) : 1;
  }
}

const char* skip_type(const char* p) noexcept {
  while (*p == DBUS_TYPE_ARRAY) ++p;
  if (*p == '\0') return p;  // an array that was begun and never finished
  if (*p != DBUS_STRUCT_BEGIN_CHAR && *p != DBUS_DICT_ENTRY_BEGIN_CHAR) return p + 1;
  int depth = 0;
  do {
    if (*p == DBUS_STRUCT_BEGIN_CHAR || *p == DBUS_DICT_ENTRY_BEGIN_CHAR) ++depth;
    if (*p == DBUS_STRUCT_END_CHAR || *p == DBUS_DICT_ENTRY_END_CHAR) --depth;
    ++p;
  } while (depth > 0 && *p);
  return p;
}

namespace {

// One pass with a stack of what is open. Beyond the limits of depth nothing is ever pushed.
struct SignatureChecker {
  enum class Open : char { Struct, DictEntry };
  struct Level {
    Open open;
    std::uint8_t fields;
  };
  Level stack[2 * DBUS_MAXIMUM_TYPE_RECURSION_DEPTH];
  int depth = 0, arrays = 0, structs = 0, dict_entries = 0;
  std::size_t complete = 0;  // complete types at the outermost level

  // A complete type has just ended.
  void count_field() noexcept {
    if (depth == 0) {
      ++complete;
    } else if (stack[depth - 1].fields < 3) {
      ++stack[depth - 1].fields;
    }
  }

  Validity close(Open open) noexcept {
    const bool is_struct = open == Open::Struct;
    if (depth == 0 || stack[depth - 1].open != open)
      return is_struct ? Validity::StructEndedButNotStarted : Validity::DictEntryEndedButNotStarted;
    const int fields = stack[depth - 1].fields;
    --depth;
    --(is_struct ? structs : dict_entries);
    if (fields == 0)
      return is_struct ? Validity::StructHasNoFields : Validity::DictEntryHasNoFields;
    if (!is_struct && fields == 1) return Validity::DictEntryHasOnlyOneField;
    if (!is_struct && fields > 2) return Validity::DictEntryHasTooManyFields;
    count_field();
    return Validity::Valid;
  }

  Validity run(std::string_view signature) noexcept {
    if (signature.size() > DBUS_MAXIMUM_SIGNATURE_LENGTH) return Validity::SignatureTooLong;
    for (std::size_t i = 0; i < signature.size(); ++i) {
      const char c = signature[i];
      Validity validity = Validity::Valid;
      const bool is_key = i > 0 && signature[i - 1] == DBUS_DICT_ENTRY_BEGIN_CHAR;
      switch (c) {
        case DBUS_TYPE_ARRAY:
          if (++arrays > DBUS_MAXIMUM_TYPE_RECURSION_DEPTH)
            return Validity::ExceededMaximumArrayRecursion;
          if (i + 1 < signature.size() && (signature[i + 1] == DBUS_STRUCT_END_CHAR ||
                                           signature[i + 1] == DBUS_DICT_ENTRY_END_CHAR))
            return Validity::MissingArrayElementType;
          if (is_key) return Validity::DictKeyMustBeBasicType;
          if (i + 1 == signature.size()) return Validity::MissingArrayElementType;
          continue;  // counted as a field with its element
        case DBUS_STRUCT_BEGIN_CHAR:
          if (++structs > DBUS_MAXIMUM_TYPE_RECURSION_DEPTH)
            return Validity::ExceededMaximumStructRecursion;
          if (is_key) return Validity::DictKeyMustBeBasicType;
          stack[depth++] = {Open::Struct, 0};
          break;
        case DBUS_DICT_ENTRY_BEGIN_CHAR:
          if (i == 0 || signature[i - 1] != DBUS_TYPE_ARRAY)
            return Validity::DictEntryNotInsideArray;
          if (++dict_entries > DBUS_MAXIMUM_TYPE_RECURSION_DEPTH)
            return Validity::ExceededMaximumDictEntryRecursion;
          stack[depth++] = {Open::DictEntry, 0};
          break;
        case DBUS_STRUCT_END_CHAR:
          validity = close(Open::Struct);
          break;
        case DBUS_DICT_ENTRY_END_CHAR:
          validity = close(Open::DictEntry);
          break;
        case DBUS_TYPE_VARIANT:
          if (is_key) return Validity::DictKeyMustBeBasicType;
          count_field();
          break;
        default:
          if (!is_basic_type(static_cast<unsigned char>(c))) return Validity::UnknownTypecode;
          count_field();
          break;
      }
      if (validity != Validity::Valid) return validity;
      arrays = 0;
    }
    if (depth == 0) return Validity::Valid;
    return structs > 0 ? Validity::StructStartedButNotEnded : Validity::DictEntryStartedButNotEnded;
  }
};

}  // namespace

Validity validate_signature(std::string_view signature) noexcept {
  SignatureChecker checker;
  return checker.run(signature);
}

Validity validate_single_signature(std::string_view signature, bool* exactly_one) noexcept {
  SignatureChecker checker;
  const Validity validity = checker.run(signature);
  *exactly_one = validity == Validity::Valid && checker.complete == 1;
  return validity;
}

}  // namespace dg
