// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusMessage: one message, header and body.
//
// The header is kept in wire format, native byte order, in one buffer that is always complete but
// for its padding:
//
//   byte     'l' or 'B'            | offset 0
//   byte     type, flags, version  | 1, 2, 3
//   uint32   length of the body    | 4
//   uint32   serial                | 8
//   uint32   length of the fields  | 12
//   record   one per field, each starting at a multiple of 8, in the order in which they were first
//   set
//
// and a record is
//
//   byte     field code            | offset 0
//   byte     1, type code, 0       | 1, 2, 3: the variant's signature
//   's','o'  uint32 length, characters, 0   | characters at 8
//   'g'      byte length, characters, 0     | characters at 5
//   'u'      uint32                         | at 4
//
// so that a getter returns a pointer into it, and a socket transport writes it as it is. Records
// with codes that the specification doesn't know are kept and never looked at. `at_` has the offset
// of each known record.
//
// The body is in wire format too, native order, starting at an address that is a multiple of 8:
// iterators return pointers into it. Neither moves once the message is locked (that is, sent or
// received).
//
// References are atomic; everything else belongs to one thread until the message is locked, and is
// read-only then. Nothing here checks arguments for misuse: shim/api does.
#pragma once

#include <dbus/dbus.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/data_slot.h"
#include "base/refcount.h"
#include "base/unique_fd.h"
#include "message/buffer.h"

namespace dg {

class MessageBuilder;
class WireLoader;

// Counts the bytes and descriptors of the messages that are alive under it (a connection's received
// messages, for its max_received_size). Messages hold a reference; `changed` is called, on whatever
// thread drops a message, after its share has been taken off again.
class MessageCounter {
 public:
  MessageCounter() noexcept = default;
  MessageCounter(const MessageCounter&) = delete;
  MessageCounter& operator=(const MessageCounter&) = delete;

  void ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void unref() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  long bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  long fds() const noexcept { return fds_.load(std::memory_order_relaxed); }

 protected:
  virtual ~MessageCounter() = default;
  virtual void changed() noexcept {}

 private:
  friend struct ::DBusMessage;
  std::atomic<int> references_{1};
  std::atomic<long> bytes_{0};
  std::atomic<long> fds_{0};
};

}  // namespace dg

struct DBusMessage {
 public:
  // A new message, unlocked, with serial 0, one reference, no fields. Null without memory. Replies
  // and signals have no flags set: dbus_message_new_* set what libdbus sets.
  static DBusMessage* create(int type) noexcept;
  // A copy that is unlocked, has serial 0, no data slots, and duplicates of the descriptors. Null
  // without memory or descriptors.
  DBusMessage* copy() const noexcept;
  void ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void unref() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) finalize();
  }

  // --- header: fixed part
  int type() const noexcept { return byte_at(1); }
  std::uint8_t flags() const noexcept { return byte_at(2); }
  bool flag(std::uint8_t bit) const noexcept { return (flags() & bit) != 0; }
  void set_flag(std::uint8_t bit, bool on) noexcept;
  void set_flags(std::uint8_t flags) noexcept;
  std::uint32_t serial() const noexcept { return u32_at(8); }
  void set_serial(std::uint32_t serial) noexcept { put_u32(8, serial); }

  // --- header: fields. Null when absent (signature: ""). A pointer is valid until the header is
  // next changed.
  const char* path() const noexcept { return string_field(DBUS_HEADER_FIELD_PATH); }
  const char* interface() const noexcept { return string_field(DBUS_HEADER_FIELD_INTERFACE); }
  const char* member() const noexcept { return string_field(DBUS_HEADER_FIELD_MEMBER); }
  const char* error_name() const noexcept { return string_field(DBUS_HEADER_FIELD_ERROR_NAME); }
  const char* destination() const noexcept { return string_field(DBUS_HEADER_FIELD_DESTINATION); }
  const char* sender() const noexcept { return string_field(DBUS_HEADER_FIELD_SENDER); }
  const char* container_instance() const noexcept {
    return string_field(DBUS_HEADER_FIELD_CONTAINER_INSTANCE);
  }
  const char* signature() const noexcept;
  std::uint32_t reply_serial() const noexcept { return u32_field(DBUS_HEADER_FIELD_REPLY_SERIAL); }
  std::uint32_t unix_fds_field() const noexcept { return u32_field(DBUS_HEADER_FIELD_UNIX_FDS); }
  bool has_field(int field) const noexcept { return at_[field] != 0; }
  // The same with the length known: empty with a null data() when absent. Not for reply serial and
  // fds.
  std::string_view field(int field) const noexcept;

  // Setters: null unsets; false without memory (nothing changed then). The string may point into
  // this header.
  bool set_path(const char* v) noexcept { return set_string(DBUS_HEADER_FIELD_PATH, 'o', v); }
  bool set_interface(const char* v) noexcept {
    return set_string(DBUS_HEADER_FIELD_INTERFACE, 's', v);
  }
  bool set_member(const char* v) noexcept { return set_string(DBUS_HEADER_FIELD_MEMBER, 's', v); }
  bool set_error_name(const char* v) noexcept {
    return set_string(DBUS_HEADER_FIELD_ERROR_NAME, 's', v);
  }
  bool set_destination(const char* v) noexcept {
    return set_string(DBUS_HEADER_FIELD_DESTINATION, 's', v);
  }
  bool set_sender(const char* v) noexcept { return set_string(DBUS_HEADER_FIELD_SENDER, 's', v); }
  bool set_container_instance(const char* v) noexcept {
    return set_string(DBUS_HEADER_FIELD_CONTAINER_INSTANCE, 'o', v);
  }
  bool set_signature(std::string_view signature) noexcept;  // "" unsets
  bool set_reply_serial(std::uint32_t serial) noexcept {
    return set_u32(DBUS_HEADER_FIELD_REPLY_SERIAL, serial);
  }
  bool set_unix_fds_field(std::uint32_t count) noexcept;  // 0 unsets

  // --- what it is
  bool is_method_call(const char* interface, const char* member) const noexcept {
    return is(DBUS_MESSAGE_TYPE_METHOD_CALL, interface, member);
  }
  bool is_signal(const char* interface, const char* member) const noexcept {
    return is(DBUS_MESSAGE_TYPE_SIGNAL, interface, member);
  }
  bool is_error(const char* name) const noexcept;

  // --- life
  void lock() noexcept;
  bool locked() const noexcept { return locked_; }
  // Counts this message under `counter` until its last reference is gone. False without memory.
  bool count_under(dg::MessageCounter* counter) noexcept;

  // --- body
  std::span<const std::byte> body() const noexcept { return {body_.data(), body_.size()}; }
  // Loaders turn a message of the other byte order round before anyone sees it: always true, and
  // nothing to do.
  bool body_is_native_order() const noexcept { return true; }
  void body_to_native() noexcept {}
  // A message that was loaded in the other byte order and whose body nobody has looked at yet:
  // dbus_message_marshal() gives it back as it came, as libdbus does.
  bool came_foreign() const noexcept { return came_foreign_.load(std::memory_order_relaxed); }
  void forget_foreign() noexcept {
    if (came_foreign()) came_foreign_.store(false, std::memory_order_relaxed);
  }

  // --- descriptors; the header's UNIX_FDS field is their number
  std::span<const dg::UniqueFd> fds() const noexcept { return fds_; }
  std::vector<dg::UniqueFd>& mutable_fds() noexcept { return fds_; }

  // --- wire format
  // The header, padded to a multiple of 8: complete, so that header and body can be written one
  // after the other.
  std::span<const std::byte> wire_header() noexcept;
  // Bytes of header and body.
  std::size_t wire_size() const noexcept { return padded_header_size() + body_.size(); }

  // Data of the application. Not locked, as the rest: stock libdbus has no lock here either.
  dg::SlotList slots;

  // --- for shim/message only
  static constexpr std::size_t kInlineHeader = 288, kInlineBody = 256;
  dg::InlineBuffer<kInlineBody>& body_buffer() noexcept { return body_; }
  const dg::InlineBuffer<kInlineBody>& body_buffer() const noexcept { return body_; }
  // Grows or shrinks the signature at its end, by characters that were checked. At most 255 in all.
  bool append_signature(std::string_view more) noexcept;
  void truncate_signature(std::size_t length) noexcept;

 private:
  friend class dg::MessageBuilder;
  friend class dg::WireLoader;

  DBusMessage() noexcept = default;
  ~DBusMessage() = default;
  static DBusMessage* allocate() noexcept;
  static void drop_cache(void*) noexcept;
  void finalize() noexcept;

  std::uint8_t byte_at(std::size_t at) const noexcept {
    return std::to_integer<std::uint8_t>(header_.data()[at]);
  }
  std::uint32_t u32_at(std::size_t at) const noexcept {
    std::uint32_t value;
    std::memcpy(&value, header_.data() + at, sizeof value);
    return value;
  }
  void put_u32(std::size_t at, std::uint32_t value) noexcept {
    std::memcpy(header_.data() + at, &value, sizeof value);
  }
  const char* string_field(int field) const noexcept {
    return at_[field] ? reinterpret_cast<const char*>(header_.data()) + at_[field] + 8 : nullptr;
  }
  std::uint32_t u32_field(int field) const noexcept {
    return at_[field] ? u32_at(at_[field] + 4) : 0;
  }
  bool is(int type, const char* interface, const char* member) const noexcept;
  bool set_string(int field, char type, const char* value) noexcept;
  bool set_text(int field, char type, std::string_view value) noexcept;
  bool set_u32(int field, std::uint32_t value) noexcept;
  std::byte* place_record(int field, std::size_t size) noexcept;
  void remove_record(int field) noexcept;
  void seal_header(std::size_t end) noexcept;
  std::size_t record_size(std::size_t at) const noexcept;
  std::size_t padded_header_size() const noexcept {
    return (std::size_t{header_.size()} + 7) & ~std::size_t{7};
  }

  struct Counted {
    dg::Ref<dg::MessageCounter> counter;
    long bytes, fds;
  };

  std::atomic<int> references_{1};
  bool locked_ = false;
  std::atomic<bool> came_foreign_{false};
  std::uint32_t at_[DBUS_HEADER_FIELD_LAST + 1] = {};
  dg::InlineBuffer<kInlineHeader> header_;  // its size is the unpadded end of the last record
  dg::InlineBuffer<kInlineBody> body_;
  std::vector<dg::UniqueFd> fds_;
  Counted counted_ = {};  // nearly always the only one
  std::vector<Counted> more_counted_;
};
