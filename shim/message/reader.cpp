// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/log.h"
#include "message/iter.h"
#include "message/validate.h"
#include "message/values.h"

namespace dg {

const char* type_name(int code) noexcept {
  switch (code) {
    case DBUS_TYPE_INVALID:
      return "invalid";
    case DBUS_TYPE_BYTE:
      return "byte";
    case DBUS_TYPE_BOOLEAN:
      return "boolean";
    case DBUS_TYPE_INT16:
      return "int16";
    case DBUS_TYPE_UINT16:
      return "uint16";
    case DBUS_TYPE_INT32:
      return "int32";
    case DBUS_TYPE_UINT32:
      return "uint32";
    case DBUS_TYPE_INT64:
      return "int64";
    case DBUS_TYPE_UINT64:
      return "uint64";
    case DBUS_TYPE_DOUBLE:
      return "double";
    case DBUS_TYPE_STRING:
      return "string";
    case DBUS_TYPE_OBJECT_PATH:
      return "object_path";
    case DBUS_TYPE_SIGNATURE:
      return "signature";
    case DBUS_TYPE_UNIX_FD:
      return "unix_fd";
    case DBUS_TYPE_ARRAY:
      return "array";
    case DBUS_TYPE_VARIANT:
      return "variant";
    case DBUS_TYPE_STRUCT:
      return "struct";
    case DBUS_TYPE_DICT_ENTRY:
      return "dict_entry";
    case DBUS_STRUCT_BEGIN_CHAR:
      return "begin_struct";
    case DBUS_STRUCT_END_CHAR:
      return "end_struct";
    case DBUS_DICT_ENTRY_BEGIN_CHAR:
      return "begin_dict_entry";
    case DBUS_DICT_ENTRY_END_CHAR:
      return "end_dict_entry";
    default:
      return "unknown";
  }
}

namespace {

// The type code for a character of a signature.
int type_of(char c) noexcept {
  switch (c) {
    case DBUS_STRUCT_BEGIN_CHAR:
      return DBUS_TYPE_STRUCT;
    case DBUS_DICT_ENTRY_BEGIN_CHAR:
      return DBUS_TYPE_DICT_ENTRY;
    case DBUS_STRUCT_END_CHAR:
    case DBUS_DICT_ENTRY_END_CHAR:
      return DBUS_TYPE_INVALID;
    default:
      return c;
  }
}

}  // namespace

const char* Reader::at_signature() const noexcept {
  return signature_in_ == SignatureIn::Body ? reinterpret_cast<const char*>(bytes()) + signature_
                                            : message_->signature() + signature_;
}

bool Reader::init(DBusMessage* message) noexcept {
  message->forget_foreign();
  *this = Reader{};
  message_ = message;
  kind_ = IterKind::Reader;
  return type() != DBUS_TYPE_INVALID;
}

int Reader::type() const noexcept {
  return position_ < limit() ? type_of(*at_signature()) : DBUS_TYPE_INVALID;
}

int Reader::element_type() const noexcept {
  return type() == DBUS_TYPE_ARRAY ? type_of(at_signature()[1]) : DBUS_TYPE_INVALID;
}

bool Reader::next() noexcept {
  if (type() == DBUS_TYPE_INVALID) return false;
  const char* signature = at_signature();
  position_ = static_cast<std::uint32_t>(skip_value(signature, bytes(), position_, limit()));
  if (container_ != DBUS_TYPE_ARRAY)
    signature_ += static_cast<std::uint32_t>(skip_type(signature) - signature);
  return type() != DBUS_TYPE_INVALID;
}

bool Reader::has_next() const noexcept {
  Reader ahead = *this;
  return ahead.next();
}

std::string_view Reader::signature() const noexcept {
  const char* start = at_signature();
  if (type_of(*start) == DBUS_TYPE_INVALID) return "";
  return {start, static_cast<std::size_t>(skip_type(start) - start)};
}

void Reader::get_basic(void* value) const noexcept {
  const int code = type();
  const std::size_t at = align_up(position_, alignment(code));
  const std::byte* const start = bytes() + at;
  const std::size_t size = fixed_size(code);
  // A message that was built wrongly may end before its values do.
  if (at + (size ? size : 1) > limit()) return;
  switch (code) {
    case DBUS_TYPE_STRING:
    case DBUS_TYPE_OBJECT_PATH:
      *static_cast<const char**>(value) = reinterpret_cast<const char*>(start) + 4;
      return;
    case DBUS_TYPE_SIGNATURE:
      *static_cast<const char**>(value) = reinterpret_cast<const char*>(start) + 1;
      return;
    case DBUS_TYPE_UNIX_FD: {
      const auto index = load_native<std::uint32_t>(start);
      const auto fds = message_->fds();
      *static_cast<int*>(value) = index < fds.size() ? dup_cloexec(fds[index].get()).release() : -1;
      return;
    }
    default:
      std::memcpy(value, start, size);
      return;
  }
}

Reader Reader::recurse() const noexcept {
  Reader sub = *this;
  const int code = type();
  std::size_t at = align_up(position_, alignment(code));
  sub.container_ = static_cast<std::uint8_t>(code);
  switch (code) {
    case DBUS_TYPE_ARRAY: {
      const std::uint32_t length = at + 4 <= limit() ? load_native<std::uint32_t>(bytes() + at) : 0;
      ++sub.signature_;
      at = align_up(at + 4, alignment(at_signature()[1]));
      sub.start_ = static_cast<std::uint32_t>(at);
      sub.end_ = static_cast<std::uint32_t>(std::min(at + length, limit()));
      break;
    }
    case DBUS_TYPE_VARIANT:
      sub.signature_in_ = SignatureIn::Body;
      sub.signature_ = static_cast<std::uint32_t>(at + 1);
      at += 1 + std::to_integer<std::size_t>(bytes()[at]) + 1;
      break;
    default:  // struct, dict entry
      ++sub.signature_;
      break;
  }
  sub.position_ = static_cast<std::uint32_t>(at);
  return sub;
}

int Reader::element_count() const noexcept {
  Reader element = recurse();
  if (const std::size_t size = fixed_size(element_type()))
    return static_cast<int>((element.end_ - element.start_) / size);
  int count = 0;
  while (element.type() != DBUS_TYPE_INVALID) {
    ++count;
    element.next();
  }
  return count;
}

int Reader::array_bytes() const noexcept {
  return container_ == DBUS_TYPE_ARRAY ? static_cast<int>(end_ - start_) : 0;
}

void Reader::get_fixed_array(const void** elements, int* count) const noexcept {
  const std::size_t size = fixed_size(*at_signature());
  *count = size && position_ < limit() ? static_cast<int>((limit() - position_) / size) : 0;
  *elements = *count ? bytes() + position_ : nullptr;
}

}  // namespace dg
