// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message/message.h"

#include <algorithm>
#include <new>

#include "base/memory.h"
#include "message/values.h"

namespace {

constexpr char kNativeOrder =
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? DBUS_LITTLE_ENDIAN : DBUS_BIG_ENDIAN;
constexpr std::size_t kFixedHeader = 16;

// Messages come and go all the time: the last few that died are kept for the next ones. Slots
// instead of a linked list, so that taking and giving are single atomic exchanges. Not under the
// address sanitizer, which shall see every use after free.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kCached = 0;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr std::size_t kCached = 0;
#else
constexpr std::size_t kCached = 8;
#endif
#else
constexpr std::size_t kCached = 8;
#endif
constinit std::atomic<DBusMessage*> cache[kCached + 1] = {};  // the last one is never used
constinit std::atomic<bool> cache_registered{false};

}  // namespace

DBusMessage* DBusMessage::allocate() noexcept {
  for (std::size_t i = 0; i < kCached; ++i) {
    if (!cache[i].load(std::memory_order_relaxed)) continue;
    if (DBusMessage* message = cache[i].exchange(nullptr, std::memory_order_acquire)) {
      message->references_.store(1, std::memory_order_relaxed);
      return message;
    }
  }
  return new (std::nothrow) DBusMessage;
}

void DBusMessage::drop_cache(void*) noexcept {
  cache_registered.store(false, std::memory_order_relaxed);
  for (auto& slot : cache) delete slot.exchange(nullptr, std::memory_order_acquire);
}

// The last reference is gone.
void DBusMessage::finalize() noexcept {
  slots.clear();  // runs the application's functions, which may still look at the message
  if (counted_.counter) {
    const auto uncount = [](Counted& counted) {
      counted.counter->bytes_.fetch_sub(counted.bytes, std::memory_order_relaxed);
      counted.counter->fds_.fetch_sub(counted.fds, std::memory_order_relaxed);
      counted.counter->changed();
    };
    uncount(counted_);
    counted_.counter.reset();
    std::for_each(more_counted_.begin(), more_counted_.end(), uncount);
    more_counted_.clear();
  }
  header_.reset();
  body_.reset();
  fds_.clear();
  std::fill(std::begin(at_), std::end(at_), 0);
  locked_ = false;
  came_foreign_.store(false, std::memory_order_relaxed);

  if (kCached > 0 && !cache_registered.load(std::memory_order_relaxed) &&
      !cache_registered.exchange(true) &&
      !dg::mem::at_shutdown(&DBusMessage::drop_cache, nullptr)) {
    cache_registered.store(false, std::memory_order_relaxed);
    delete this;  // nobody would empty the cache
    return;
  }
  for (std::size_t i = 0; i < kCached; ++i) {
    DBusMessage* empty = nullptr;
    if (!cache[i].load(std::memory_order_relaxed) &&
        cache[i].compare_exchange_strong(empty, this, std::memory_order_release,
                                         std::memory_order_relaxed))
      return;
  }
  delete this;
}

DBusMessage* DBusMessage::create(int type) noexcept {
  DBusMessage* message = allocate();
  if (!message) return nullptr;
  std::byte* header = message->header_.data();
  std::memset(header, 0, kFixedHeader);
  header[0] = std::byte{kNativeOrder};
  header[1] = static_cast<std::byte>(type);
  header[3] = std::byte{DBUS_MAJOR_PROTOCOL_VERSION};
  message->header_.truncate(kFixedHeader);
  return message;
}

DBusMessage* DBusMessage::copy() const noexcept {
  auto copy = dg::Ref<DBusMessage>::adopt(allocate());
  if (!copy || !copy->header_.reserve(padded_header_size()) ||
      !copy->header_.append(header_.data(), header_.size()) ||
      !copy->body_.append(body_.data(), body_.size()))
    return nullptr;
  copy->seal_header(header_.size());
  std::copy(std::begin(at_), std::end(at_), copy->at_);
  copy->came_foreign_.store(came_foreign(), std::memory_order_relaxed);
  copy->set_serial(0);
  if (!fds_.empty()) {
    try {
      copy->fds_.reserve(fds_.size());
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
    for (const dg::UniqueFd& fd : fds_) {
      copy->fds_.push_back(dg::dup_cloexec(fd.get()));
      if (!copy->fds_.back()) return nullptr;
    }
  }
  return copy.release();
}

void DBusMessage::set_flag(std::uint8_t bit, bool on) noexcept {
  set_flags(static_cast<std::uint8_t>(on ? flags() | bit : flags() & ~bit));
}

void DBusMessage::set_flags(std::uint8_t flags) noexcept { header_.data()[2] = std::byte{flags}; }

void DBusMessage::lock() noexcept {
  if (locked_) return;
  wire_header();  // completes it, since nobody may write to it any more
  locked_ = true;
}

bool DBusMessage::count_under(dg::MessageCounter* counter) noexcept {
  Counted counted{dg::Ref<dg::MessageCounter>::share(counter), static_cast<long>(wire_size()),
                  static_cast<long>(fds_.size())};
  if (!counted_.counter) {
    counted_ = std::move(counted);
  } else {
    try {
      more_counted_.push_back(std::move(counted));
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  counter->bytes_.fetch_add(static_cast<long>(wire_size()), std::memory_order_relaxed);
  counter->fds_.fetch_add(static_cast<long>(fds_.size()), std::memory_order_relaxed);
  return true;
}

bool DBusMessage::is(int wanted, const char* interface, const char* member) const noexcept {
  if (type() != wanted || !this->member() || std::strcmp(this->member(), member) != 0) return false;
  // A call need not name the interface; it is then a call of this one too.
  return !this->interface() || std::strcmp(this->interface(), interface) == 0;
}

bool DBusMessage::is_error(const char* name) const noexcept {
  return type() == DBUS_MESSAGE_TYPE_ERROR && error_name() && std::strcmp(error_name(), name) == 0;
}

const char* DBusMessage::signature() const noexcept {
  const std::uint32_t at = at_[DBUS_HEADER_FIELD_SIGNATURE];
  return at ? reinterpret_cast<const char*>(header_.data()) + at + 5 : "";
}

std::string_view DBusMessage::field(int field) const noexcept {
  const std::uint32_t at = at_[field];
  if (!at) return {};
  const char* record = reinterpret_cast<const char*>(header_.data()) + at;
  if (record[2] == DBUS_TYPE_SIGNATURE) return {record + 5, static_cast<unsigned char>(record[4])};
  return {record + 8, u32_at(at + 4)};
}

std::span<const std::byte> DBusMessage::wire_header() noexcept {
  // Another thread may be reading a locked message's header: only what differs is written.
  if (u32_at(4) != body_.size()) put_u32(4, body_.size());
  if (u32_at(12) != header_.size() - kFixedHeader)
    put_u32(12, static_cast<std::uint32_t>(header_.size() - kFixedHeader));
  return {header_.data(), padded_header_size()};
}

// The last record ends at `end`; what pads it is zero. There is room for that.
void DBusMessage::seal_header(std::size_t end) noexcept {
  header_.truncate(end);
  std::memset(header_.data() + end, 0, padded_header_size() - end);
}

std::size_t DBusMessage::record_size(std::size_t at) const noexcept {
  switch (header_.data()[at + 2]) {
    case std::byte{DBUS_TYPE_UINT32}:
      return 8;
    case std::byte{DBUS_TYPE_SIGNATURE}:
      return 5 + byte_at(at + 4) + 1;
    default:
      return 8 + std::size_t{u32_at(at + 4)} + 1;
  }
}

// Makes the field's record, new or not, `size` bytes long, and keeps as much of its start as fits.
// Null without memory.
std::byte* DBusMessage::place_record(int field, std::size_t size) noexcept {
  using dg::align_up;
  if (!at_[field]) {
    const std::size_t at = padded_header_size();
    if (!header_.reserve(align_up(at + size, 8))) return nullptr;
    at_[field] = static_cast<std::uint32_t>(at);
    seal_header(at + size);
    return header_.data() + at;
  }
  const std::size_t at = at_[field];
  const std::size_t old_end = at + record_size(at), old_next = align_up(old_end, 8);
  const std::size_t new_end = at + size, new_next = align_up(new_end, 8);
  if (old_end == header_.size()) {
    if (!header_.reserve(new_next)) return nullptr;
    seal_header(new_end);
    return header_.data() + at;
  }
  const std::size_t tail = header_.size() - old_next;
  if (!header_.reserve(align_up(new_next + tail, 8))) return nullptr;
  if (new_next != old_next) {
    std::memmove(header_.data() + new_next, header_.data() + old_next, tail);
    for (std::uint32_t& other : at_)
      if (other > at) other = static_cast<std::uint32_t>(other - old_next + new_next);
  }
  std::memset(header_.data() + new_end, 0, new_next - new_end);
  seal_header(new_next + tail);
  return header_.data() + at;
}

void DBusMessage::remove_record(int field) noexcept {
  const std::size_t at = at_[field];
  if (!at) return;
  at_[field] = 0;
  const std::size_t end = at + record_size(at), next = dg::align_up(end, 8);
  if (end == header_.size()) {
    // The new end is where the record before it ends without padding, which may be one that we
    // don't know.
    std::size_t position = kFixedHeader;
    while (dg::align_up(position, 8) < at)
      position = dg::skip_value("(yv)", header_.data(), position, at);
    seal_header(position);
    return;
  }
  const std::size_t tail = header_.size() - next;
  std::memmove(header_.data() + at, header_.data() + next, tail);
  for (std::uint32_t& other : at_)
    if (other > at) other = static_cast<std::uint32_t>(other - next + at);
  seal_header(at + tail);
}

bool DBusMessage::set_string(int field, char type, const char* value) noexcept {
  if (!value) {
    remove_record(field);
    return true;
  }
  const std::string_view text(value);
  const auto* start = reinterpret_cast<const char*>(header_.data());
  if (value < start || value >= start + header_.size()) return set_text(field, type, text);
  // One of our own fields, which will move.
  const dg::mem::String own(dg::mem::strndup(text));
  return own && set_text(field, type, {own.get(), text.size()});
}

bool DBusMessage::set_text(int field, char type, std::string_view value) noexcept {
  const std::size_t characters = type == DBUS_TYPE_SIGNATURE ? 5 : 8;
  std::byte* record = place_record(field, characters + value.size() + 1);
  if (!record) return false;
  record[0] = static_cast<std::byte>(field);
  record[1] = std::byte{1};
  record[2] = static_cast<std::byte>(type);
  record[3] = std::byte{0};
  if (type == DBUS_TYPE_SIGNATURE) {
    record[4] = static_cast<std::byte>(value.size());
  } else {
    const auto length = static_cast<std::uint32_t>(value.size());
    std::memcpy(record + 4, &length, sizeof length);
  }
  if (!value.empty()) std::memcpy(record + characters, value.data(), value.size());
  record[characters + value.size()] = std::byte{0};
  return true;
}

bool DBusMessage::set_u32(int field, std::uint32_t value) noexcept {
  std::byte* record = place_record(field, 8);
  if (!record) return false;
  record[0] = static_cast<std::byte>(field);
  record[1] = std::byte{1};
  record[2] = std::byte{DBUS_TYPE_UINT32};
  record[3] = std::byte{0};
  std::memcpy(record + 4, &value, sizeof value);
  return true;
}

bool DBusMessage::set_unix_fds_field(std::uint32_t count) noexcept {
  if (count > 0) return set_u32(DBUS_HEADER_FIELD_UNIX_FDS, count);
  remove_record(DBUS_HEADER_FIELD_UNIX_FDS);
  return true;
}

bool DBusMessage::set_signature(std::string_view signature) noexcept {
  if (!signature.empty())
    return set_text(DBUS_HEADER_FIELD_SIGNATURE, DBUS_TYPE_SIGNATURE, signature);
  remove_record(DBUS_HEADER_FIELD_SIGNATURE);
  return true;
}

bool DBusMessage::append_signature(std::string_view more) noexcept {
  const std::size_t old = field(DBUS_HEADER_FIELD_SIGNATURE).size();
  if (!at_[DBUS_HEADER_FIELD_SIGNATURE]) return set_signature(more);
  std::byte* record = place_record(DBUS_HEADER_FIELD_SIGNATURE, 5 + old + more.size() + 1);
  if (!record) return false;
  record[4] = static_cast<std::byte>(old + more.size());
  std::memcpy(record + 5 + old, more.data(), more.size());
  record[5 + old + more.size()] = std::byte{0};
  return true;
}

void DBusMessage::truncate_signature(std::size_t length) noexcept {
  if (!at_[DBUS_HEADER_FIELD_SIGNATURE]) return;
  if (length == 0) return remove_record(DBUS_HEADER_FIELD_SIGNATURE);
  // Shrinking needs no memory.
  std::byte* record = place_record(DBUS_HEADER_FIELD_SIGNATURE, 5 + length + 1);
  record[4] = static_cast<std::byte>(length);
  record[5 + length] = std::byte{0};
}
