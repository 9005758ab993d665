// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cstring>
#include <new>

#include "base/log.h"
#include "message/iter.h"
#include "message/validate.h"
#include "message/values.h"

namespace dg {
namespace {

constexpr std::size_t kMaximumBody = DBUS_MAXIMUM_MESSAGE_LENGTH;

}  // namespace

void Writer::init(DBusMessage* message) noexcept {
  message->forget_foreign();
  *this = Writer{};
  message_ = message;
  kind_ = IterKind::Writer;
  building_ = true;
}

const char* Writer::signature_base() const noexcept {
  return expected_in_ == SignatureIn::Body
             ? reinterpret_cast<const char*>(message_->body_buffer().data())
             : message_->signature();
}

// Whether the signature that is already fixed has this character next; warns if not, in libdbus's
// words.
bool Writer::expects(int code) const noexcept {
  const char* const base = signature_base();
  const int next = static_cast<unsigned char>(base[expected_]);
  if (next == code) return true;
  // libdbus counts the byte of the length before a variant's signature too.
  const unsigned byte = expected_ - whole_at_ + (expected_in_ == SignatureIn::Body ? 1 : 0);
  if (next == DBUS_TYPE_INVALID) {
    warn(
        "Array or variant type wasn't expecting any more values to be written into it, but a value "
        "%s was written.\nThe overall signature expected here was '%s' and we are on byte %u of "
        "that signature.",
        type_name(code), base + whole_at_, byte);
  } else {
    warn(
        "Array or variant type requires that type %s be written, but %s was written.\nThe overall "
        "signature expected here was '%s' and we are on byte %u of that signature.",
        type_name(next), type_name(code), base + whole_at_, byte);
  }
  return false;
}

// The value that follows has this signature (or, for a container, this begins it): true if it may.
bool Writer::accept(std::string_view signature) noexcept {
  if (!building_) return expects(static_cast<unsigned char>(signature[0]));
  if (std::strlen(message_->signature()) + signature.size() > DBUS_MAXIMUM_SIGNATURE_LENGTH) {
    warn("a message's signature can't be longer than %d characters", DBUS_MAXIMUM_SIGNATURE_LENGTH);
    return false;
  }
  return message_->append_signature(signature);
}

// A value of the type expected next has been written.
void Writer::advance() noexcept {
  if (building_ || container_ == DBUS_TYPE_ARRAY || kind_ == IterKind::Closed) return;
  const char* const next = signature_base() + expected_;
  expected_ += static_cast<std::uint32_t>(skip_type(next) - next);
}

// Pads with zeros and makes room. Null without memory or beyond what a message can have.
std::byte* Writer::grow_body(std::size_t alignment, std::size_t size) noexcept {
  auto& body = message_->body_buffer();
  const std::size_t old = body.size(), at = align_up(old, alignment);
  if (size > kMaximumBody || at + size > kMaximumBody || !body.resize(at + size)) return nullptr;
  std::memset(body.data() + old, 0, at - old);
  return body.data() + at;
}

bool Writer::append_text(int type, const char* text) noexcept {
  const std::size_t length = std::strlen(text);
  if (type == DBUS_TYPE_SIGNATURE) {
    std::byte* at = grow_body(1, 1 + length + 1);
    if (!at) return false;
    at[0] = static_cast<std::byte>(length);
    std::memcpy(at + 1, text, length + 1);
    return true;
  }
  if (length > kMaximumBody) return false;
  std::byte* at = grow_body(4, 4 + length + 1);
  if (!at) return false;
  const auto length32 = static_cast<std::uint32_t>(length);
  std::memcpy(at, &length32, 4);
  std::memcpy(at + 4, text, length + 1);
  return true;
}

bool Writer::append_fd(int fd) noexcept {
  auto& fds = message_->mutable_fds();
  const auto index = static_cast<std::uint32_t>(fds.size());
  try {
    fds.reserve(fds.size() + 1);
  } catch (const std::bad_alloc&) {
    return false;
  }
  UniqueFd own = dup_cloexec(fd);
  if (!own) return false;
  std::byte* at = grow_body(4, 4);
  if (!at || !message_->set_unix_fds_field(index + 1)) return false;
  std::memcpy(at, &index, 4);
  fds.push_back(std::move(own));
  return true;
}

bool Writer::append_basic(int type, const void* value) noexcept {
  if (!building_ && !expects(type)) return false;
  const std::uint32_t old_body = message_->body_buffer().size();
  const std::size_t old_fds = message_->fds().size();
  bool ok;
  if (is_string_type(type)) {
    ok = append_text(type, *static_cast<const char* const*>(value));
  } else if (type == DBUS_TYPE_UNIX_FD) {
    ok = append_fd(*static_cast<const int*>(value));
  } else {
    const std::size_t size = fixed_size(type);
    std::byte* at = grow_body(size, size);
    if (at) std::memcpy(at, value, size);
    ok = at != nullptr;
  }
  const char code = static_cast<char>(type);
  if (ok && building_) ok = accept({&code, 1});
  if (!ok) {
    message_->body_buffer().truncate(old_body);
    if (message_->fds().size() > old_fds) {
      message_->mutable_fds().resize(old_fds);
      message_->set_unix_fds_field(static_cast<std::uint32_t>(old_fds));
    }
    return false;
  }
  advance();
  return true;
}

bool Writer::append_fixed_array(int element_type, const void* elements, int count) noexcept {
  if (!expects(element_type)) return false;
  const std::size_t bytes = static_cast<std::size_t>(count) * fixed_size(element_type);
  if (bytes == 0) return true;
  std::byte* at = grow_body(fixed_size(element_type), bytes);
  if (!at) return false;
  std::memcpy(at, elements, bytes);
  return true;
}

bool Writer::open_container(int type, std::string_view contained, Writer* sub) noexcept {
  // The program may pass the same iterator twice, so that *sub is written last.
  Writer inner{};
  inner.message_ = message_;
  inner.kind_ = IterKind::Writer;
  inner.container_ = static_cast<std::uint8_t>(type);
  inner.saved_body_ = message_->body_buffer().size();
  inner.saved_fds_ = static_cast<std::uint32_t>(message_->fds().size());
  inner.saved_signature_ = static_cast<std::uint16_t>(std::strlen(message_->signature()));
  inner.building_ = false;
  inner.expected_in_ = expected_in_;
  inner.whole_at_ = whole_at_;

  bool ok = false;
  switch (type) {
    case DBUS_TYPE_STRUCT:
    case DBUS_TYPE_DICT_ENTRY: {
      const char begin =
          type == DBUS_TYPE_STRUCT ? DBUS_STRUCT_BEGIN_CHAR : DBUS_DICT_ENTRY_BEGIN_CHAR;
      if (building_ && type == DBUS_TYPE_DICT_ENTRY) {
        warn("dict entries can only be written into arrays of dict entries");
        return false;
      }
      inner.building_ = building_;
      inner.expected_ = expected_ + 1;
      ok = accept({&begin, 1}) && grow_body(8, 0);
      break;
    }
    case DBUS_TYPE_ARRAY: {
      if (building_) {
        char whole[DBUS_MAXIMUM_SIGNATURE_LENGTH + 1];
        if (contained.size() + 1 > sizeof whole) return false;
        whole[0] = DBUS_TYPE_ARRAY;
        contained.copy(whole + 1, contained.size());
        ok = accept({whole, contained.size() + 1});
        inner.expected_ = inner.saved_signature_ + 1u;
        inner.expected_in_ = SignatureIn::Header;
        inner.whole_at_ = 0;
      } else {
        if (!expects(DBUS_TYPE_ARRAY)) return false;
        const char* const element = signature_base() + expected_ + 1;
        if (contained !=
            std::string_view(element, static_cast<std::size_t>(skip_type(element) - element))) {
          warn(
              "Writing an array of '%.*s' but this is incompatible with the expected type of "
              "elements in the "
              "parent array",
              static_cast<int>(contained.size()), contained.data());
          return false;
        }
        ok = true;
        inner.expected_ = expected_ + 1;
      }
      ok = ok && grow_body(4, 4);
      if (ok) {
        inner.length_at_ = message_->body_buffer().size() - 4;
        std::memset(message_->body_buffer().data() + inner.length_at_, 0, 4);
        ok = grow_body(alignment(contained[0]), 0);
        inner.elements_at_ = message_->body_buffer().size();
      }
      break;
    }
    default: {  // variant
      const char code = DBUS_TYPE_VARIANT;
      ok = accept({&code, 1});
      std::byte* at = ok ? grow_body(1, 1 + contained.size() + 1) : nullptr;
      ok = at != nullptr;
      if (ok) {
        at[0] = static_cast<std::byte>(contained.size());
        contained.copy(reinterpret_cast<char*>(at) + 1, contained.size());
        at[1 + contained.size()] = std::byte{0};
        inner.expected_ = static_cast<std::uint32_t>(at + 1 - message_->body_buffer().data());
        inner.whole_at_ = inner.expected_;
        inner.expected_in_ = SignatureIn::Body;
      }
      break;
    }
  }
  if (!ok) {
    inner.rewind();
    return false;
  }
  *sub = inner;
  return true;
}

// The message is as it was before this container was opened.
void Writer::rewind() const noexcept {
  if (container_ == DBUS_TYPE_INVALID) return;  // the outermost level can't be abandoned
  message_->body_buffer().truncate(saved_body_);
  message_->truncate_signature(saved_signature_);
  if (message_->fds().size() > saved_fds_) {
    message_->mutable_fds().resize(saved_fds_);
    message_->set_unix_fds_field(saved_fds_);
  }
}

bool Writer::close_container(Writer* sub) noexcept {
  const Writer inner = *sub;
  *sub = Writer{};
  bool ok = true;
  switch (inner.container_) {
    case DBUS_TYPE_ARRAY: {
      auto& body = message_->body_buffer();
      const std::uint32_t length = body.size() - inner.elements_at_;
      ok = length <= DBUS_MAXIMUM_ARRAY_LENGTH;
      if (ok) std::memcpy(body.data() + inner.length_at_, &length, 4);
      break;
    }
    case DBUS_TYPE_STRUCT:
    case DBUS_TYPE_DICT_ENTRY: {
      const char end =
          inner.container_ == DBUS_TYPE_STRUCT ? DBUS_STRUCT_END_CHAR : DBUS_DICT_ENTRY_END_CHAR;
      Writer last = inner;
      ok = last.accept({&end, 1});
      if (ok && building_) {
        const Validity validity = validate_signature(
            std::string_view(message_->signature()).substr(inner.saved_signature_));
        ok = validity == Validity::Valid;
        if (!ok) warn("a struct was written that no message can have: %s", validity_text(validity));
      }
      break;
    }
    case DBUS_TYPE_VARIANT:
      ok = inner.signature_base()[inner.expected_] == '\0';
      if (!ok)
        warn("a variant was closed without a value of its type '%s'",
             inner.signature_base() + inner.whole_at_);
      break;
    default:
      break;
  }
  if (ok) {
    advance();
  } else {
    inner.rewind();
  }
  return ok;
}

void Writer::abandon_container(Writer* sub) noexcept {
  sub->rewind();
  *sub = Writer{};
}

}  // namespace dg
