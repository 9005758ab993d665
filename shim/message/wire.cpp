// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message/wire.h"

#include <algorithm>
#include <new>

#include "message/values.h"

namespace dg {
namespace {

constexpr std::size_t kFixedHeader = 16;
constexpr char kNativeOrder =
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? DBUS_LITTLE_ENDIAN : DBUS_BIG_ENDIAN;
constexpr char kForeignOrder =
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? DBUS_BIG_ENDIAN : DBUS_LITTLE_ENDIAN;
// The variable part, with its length, begins here.
constexpr std::size_t kFieldsAt = 12;
constexpr std::string_view kFieldsSignature = "a(yv)";

// The type that the specification gives a field; 0 for fields that it doesn't have.
char field_type(int field) noexcept {
  switch (field) {
    case DBUS_HEADER_FIELD_PATH:
    case DBUS_HEADER_FIELD_CONTAINER_INSTANCE:
      return DBUS_TYPE_OBJECT_PATH;
    case DBUS_HEADER_FIELD_INTERFACE:
    case DBUS_HEADER_FIELD_MEMBER:
    case DBUS_HEADER_FIELD_ERROR_NAME:
    case DBUS_HEADER_FIELD_DESTINATION:
    case DBUS_HEADER_FIELD_SENDER:
      return DBUS_TYPE_STRING;
    case DBUS_HEADER_FIELD_REPLY_SERIAL:
    case DBUS_HEADER_FIELD_UNIX_FDS:
      return DBUS_TYPE_UINT32;
    case DBUS_HEADER_FIELD_SIGNATURE:
      return DBUS_TYPE_SIGNATURE;
    default:
      return 0;
  }
}

Validity check_field(int field, const DBusMessage& message) noexcept {
  const std::string_view text =
      field_type(field) == DBUS_TYPE_UINT32 ? std::string_view() : message.field(field);
  bool ok = true;
  switch (field) {
    case DBUS_HEADER_FIELD_PATH:
      if (text == DBUS_PATH_LOCAL) return Validity::UsesLocalPath;
      break;  // the grammar of paths and signatures was checked with the values
    case DBUS_HEADER_FIELD_INTERFACE:
      if (text == DBUS_INTERFACE_LOCAL) return Validity::UsesLocalInterface;
      if (!is_valid_interface(text)) return Validity::BadInterface;
      break;
    case DBUS_HEADER_FIELD_MEMBER:
      if (!is_valid_member(text)) return Validity::BadMember;
      break;
    case DBUS_HEADER_FIELD_ERROR_NAME:
      if (!is_valid_error_name(text)) return Validity::BadErrorName;
      break;
    case DBUS_HEADER_FIELD_DESTINATION:
      if (!is_valid_bus_name(text)) return Validity::BadDestination;
      break;
    case DBUS_HEADER_FIELD_SENDER:
      if (!is_valid_bus_name(text)) return Validity::BadSender;
      break;
    case DBUS_HEADER_FIELD_REPLY_SERIAL:
      ok = message.reply_serial() != 0;
      break;
    default:
      break;
  }
  return ok ? Validity::Valid : Validity::BadSerial;
}

Validity check_required_fields(const DBusMessage& message) noexcept {
  const auto need = [&message](int field, Validity missing) {
    return message.has_field(field) ? Validity::Valid : missing;
  };
  Validity validity = Validity::Valid;
  switch (message.type()) {
    case DBUS_MESSAGE_TYPE_SIGNAL:
      validity = need(DBUS_HEADER_FIELD_INTERFACE, Validity::MissingInterface);
      [[fallthrough]];
    case DBUS_MESSAGE_TYPE_METHOD_CALL:
      if (validity == Validity::Valid)
        validity = need(DBUS_HEADER_FIELD_PATH, Validity::MissingPath);
      if (validity == Validity::Valid)
        validity = need(DBUS_HEADER_FIELD_MEMBER, Validity::MissingMember);
      return validity;
    case DBUS_MESSAGE_TYPE_ERROR:
      validity = need(DBUS_HEADER_FIELD_ERROR_NAME, Validity::MissingErrorName);
      [[fallthrough]];
    case DBUS_MESSAGE_TYPE_METHOD_RETURN:
      if (validity == Validity::Valid)
        validity = need(DBUS_HEADER_FIELD_REPLY_SERIAL, Validity::MissingReplySerial);
      return validity;
    default:
      return Validity::Valid;
  }
}

}  // namespace

bool wire_header(const DBusMessage& message, std::vector<std::byte>& out) {
  try {
    // Locking completes the header; a message on its way out is locked, and completing one that
    // isn't does no harm.
    const std::span<const std::byte> header = const_cast<DBusMessage&>(message).wire_header();
    out.insert(out.end(), header.begin(), header.end());
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void wire_marshal(DBusMessage& message, std::byte* out) noexcept {
  const std::span<const std::byte> header = message.wire_header();
  const std::span<const std::byte> body = message.body();
  std::memcpy(out, header.data(), header.size());
  if (!body.empty()) std::memcpy(out + header.size(), body.data(), body.size());
  if (!message.came_foreign()) return;
  swap_values(message.signature(), out + header.size(), 0, false);
  swap_values(kFieldsSignature, out, kFieldsAt, false);
  swap_values("uu", out, 4, false);
  out[0] = std::byte{kForeignOrder};
}

std::size_t wire_message_size(std::span<const std::byte> bytes, std::size_t max_size,
                              Validity* invalid) noexcept {
  *invalid = Validity::Valid;
  if (bytes.size() < kFixedHeader) return 0;
  const char order = static_cast<char>(bytes[0]);
  if (order != kNativeOrder && order != kForeignOrder) {
    *invalid = Validity::BadByteOrder;
    return 0;
  }
  const bool foreign = order != kNativeOrder;
  const std::size_t fields = load_u32(bytes.data() + kFieldsAt, foreign);
  const std::size_t body = load_u32(bytes.data() + 4, foreign);
  if (fields > max_size) {
    *invalid = Validity::BadFieldsLength;
  } else if (body > max_size) {
    *invalid = Validity::BadBodyLength;
  } else if (align_up(kFixedHeader + fields, 8) + body > max_size) {
    *invalid = Validity::MessageTooLong;
  }
  return *invalid == Validity::Valid ? align_up(kFixedHeader + fields, 8) + body : 0;
}

DBusMessage* WireLoader::load(std::span<const std::byte> all, std::size_t size,
                              std::size_t available_fds, Validity* invalid) noexcept {
  const std::span<const std::byte> bytes = all.first(size);
  const auto fail = [invalid](Validity why) -> DBusMessage* {
    *invalid = why;
    return nullptr;
  };
  *invalid = Validity::Valid;
  const bool foreign = static_cast<char>(bytes[0]) != kNativeOrder;
  const std::size_t end = kFixedHeader + load_u32(bytes.data() + kFieldsAt, foreign);
  const std::size_t header_size = align_up(end, 8);

  std::size_t values_end;
  // Against all bytes that there are, as libdbus: a field that doesn't end where the fields do is
  // invalid in any case, only the reason differs.
  Validity validity = validate_values(kFieldsSignature, all, kFieldsAt, foreign, &values_end);
  if (validity != Validity::Valid) return fail(validity);
  for (std::size_t i = end; i < header_size; ++i)
    if (bytes[i] != std::byte{0}) return fail(Validity::AlignmentPaddingNotNul);
  if (bytes[1] == std::byte{DBUS_MESSAGE_TYPE_INVALID}) return fail(Validity::BadMessageType);
  if (bytes[3] != std::byte{DBUS_MAJOR_PROTOCOL_VERSION}) return fail(Validity::BadProtocolVersion);
  if (load_u32(bytes.data() + 8, foreign) == 0) return fail(Validity::BadSerial);

  auto message = Ref<DBusMessage>::adopt(DBusMessage::allocate());
  if (!message || !message->header_.append(bytes.data(), header_size)) return nullptr;
  std::byte* const header = message->header_.data();
  if (foreign) {
    header[0] = std::byte{kNativeOrder};
    swap_values("uu", header, 4, true);
    swap_values(kFieldsSignature, header, kFieldsAt, true);
  }
  message->seal_header(end);

  for (std::size_t at = kFixedHeader; at < end;) {
    const int field = std::to_integer<int>(header[at]);
    if (field == DBUS_HEADER_FIELD_INVALID) return fail(Validity::BadHeaderFieldCode);
    if (const char type = field_type(field)) {
      if (header[at + 1] != std::byte{1} || static_cast<char>(header[at + 2]) != type)
        return fail(Validity::FieldHasWrongType);
      if (message->at_[field]) return fail(Validity::FieldAppearsTwice);
      message->at_[field] = static_cast<std::uint32_t>(at);
      validity = check_field(field, *message);
      if (validity != Validity::Valid) return fail(validity);
    }
    at = align_up(skip_value("(yv)", header, at, end), 8);
  }
  validity = check_required_fields(*message);
  if (validity != Validity::Valid) return fail(validity);

  const std::span<const std::byte> body = bytes.subspan(header_size);
  validity = validate_body(message->field(DBUS_HEADER_FIELD_SIGNATURE), body, foreign);
  if (validity != Validity::Valid) return fail(validity);
  if (message->unix_fds_field() > available_fds) return fail(Validity::MissingFds);
  if (!message->body_.append(body.data(), body.size())) return nullptr;
  if (foreign) {
    swap_values(message->field(DBUS_HEADER_FIELD_SIGNATURE), message->body_.data(), 0, true);
    message->came_foreign_.store(true, std::memory_order_relaxed);
  }
  return message.release();
}

// --- WireLoader

WireLoader::~WireLoader() { std::free(bytes_); }

std::span<std::byte> WireLoader::prepare(std::size_t size) noexcept {
  if (capacity_ - used_ < size && start_ > 0) {
    std::memmove(bytes_, bytes_ + start_, used_ - start_);
    used_ -= start_;
    start_ = 0;
  }
  if (capacity_ - used_ < size) {
    const std::size_t capacity = std::max({used_ + size, capacity_ * 2, std::size_t{2048}});
    void* memory = std::realloc(bytes_, capacity);
    if (!memory) return {};
    bytes_ = static_cast<std::byte*>(memory);
    capacity_ = capacity;
  }
  return {bytes_ + used_, capacity_ - used_};
}

bool WireLoader::feed(const void* bytes, std::size_t size) noexcept {
  if (size == 0) return true;
  const std::span<std::byte> room = prepare(size);
  if (room.empty()) return false;
  std::memcpy(room.data(), bytes, size);
  commit(size);
  return true;
}

bool WireLoader::feed(const void* bytes, std::size_t size, std::vector<UniqueFd>&& fds) noexcept {
  if (size > 0 && prepare(size).empty()) return false;
  return feed_fds(std::move(fds)) && feed(bytes, size);
}

bool WireLoader::feed_fds(std::vector<UniqueFd>&& fds) noexcept {
  if (!reserve_fds(fds.size())) return false;
  for (UniqueFd& fd : fds) fds_.push_back(std::move(fd));
  fds.clear();
  return true;
}

bool WireLoader::reserve_fds(std::size_t count) noexcept {
  try {
    fds_.reserve(fds_.size() + count);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

std::size_t WireLoader::missing() const noexcept {
  if (corrupted()) return 0;
  const std::span<const std::byte> bytes{bytes_ + start_, used_ - start_};
  if (bytes.size() < kFixedHeader) return kFixedHeader - bytes.size();
  Validity invalid;
  const std::size_t size = wire_message_size(bytes, static_cast<std::size_t>(max_size_), &invalid);
  return size > bytes.size() ? size - bytes.size() : 0;
}

DBusMessage* WireLoader::pop() noexcept {
  out_of_memory_ = false;
  if (corrupted() || used_ == start_) return nullptr;
  const std::span<const std::byte> bytes{bytes_ + start_, used_ - start_};
  const std::size_t size = wire_message_size(bytes, static_cast<std::size_t>(max_size_), &invalid_);
  if (size == 0 || size > bytes.size()) return nullptr;
  auto message = Ref<DBusMessage>::adopt(load(bytes, size, fds_.size(), &invalid_));
  if (!message) {
    out_of_memory_ = !corrupted();
    return nullptr;
  }
  const std::size_t fds = message->unix_fds_field();
  if (fds > static_cast<std::size_t>(max_fds_)) {
    invalid_ = Validity::TooManyFds;
    return nullptr;
  }
  if (fds > 0) {
    try {
      message->fds_.reserve(fds);
    } catch (const std::bad_alloc&) {
      out_of_memory_ = true;
      return nullptr;
    }
    const auto last = fds_.begin() + static_cast<std::ptrdiff_t>(fds);
    std::move(fds_.begin(), last, std::back_inserter(message->fds_));
    fds_.erase(fds_.begin(), last);
  }
  start_ += size;
  if (start_ == used_) {
    start_ = used_ = 0;
    // One big message shall not hold its memory for ever.
    if (capacity_ > 256 * 1024) {
      std::free(bytes_);
      bytes_ = nullptr;
      capacity_ = 0;
    }
  }
  message->lock();
  return message.release();
}

void WireLoader::set_max_size(long size) noexcept {
  max_size_ = std::clamp(size, 0L, long{DBUS_MAXIMUM_MESSAGE_LENGTH});
}

void WireLoader::set_max_fds(long fds) noexcept {
  max_fds_ = std::clamp(fds, 0L, long{DBUS_MAXIMUM_MESSAGE_UNIX_FDS});
}

}  // namespace dg
