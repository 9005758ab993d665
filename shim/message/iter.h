// SPDX-License-Identifier: LGPL-2.1-or-later
// What is in a DBusMessageIter: a Reader or a Writer. The memory is the caller's, who may copy or
// forget it, so that nothing here owns anything; and positions are offsets, so that a message may
// grow under an iterator.
#pragma once

#include <dbus/dbus.h>

#include <cstdint>
#include <string_view>

#include "message/message.h"

namespace dg {

// For messages to the user: "uint32", "begin_struct"…
const char* type_name(int code) noexcept;

enum class IterKind : std::uint32_t {
  Closed = 0,  // DBUS_MESSAGE_ITER_INIT_CLOSED is all zero
  Reader = 0x64677264,
  Writer = 0x64677772,
};

// Where a signature is kept that an iterator follows: the message's own, or that of a variant in
// the body.
enum class SignatureIn : std::uint8_t { Header, Body };

class Reader {
 public:
  static Reader& of(DBusMessageIter* iter) noexcept { return *reinterpret_cast<Reader*>(iter); }

  IterKind kind() const noexcept { return kind_; }
  // False when there is no value.
  bool init(DBusMessage* message) noexcept;
  // DBUS_TYPE_INVALID at the end.
  int type() const noexcept;
  int element_type() const noexcept;
  bool next() noexcept;
  bool has_next() const noexcept;
  // The complete type at the iterator, empty at the end.
  std::string_view signature() const noexcept;
  // Of a basic type. Strings aren't copied; a descriptor is a new duplicate, or -1.
  void get_basic(void* value) const noexcept;
  // Into an array, struct, dict entry or variant.
  Reader recurse() const noexcept;
  int element_count() const noexcept;
  // Within an array: its size in bytes.
  int array_bytes() const noexcept;
  // Within an array of a fixed type: the elements from here on.
  void get_fixed_array(const void** elements, int* count) const noexcept;
  int container() const noexcept { return container_; }
  DBusMessage* message() const noexcept { return message_; }

 private:
  const char* at_signature() const noexcept;
  const std::byte* bytes() const noexcept { return message_->body_buffer().data(); }
  std::size_t limit() const noexcept {
    return container_ == DBUS_TYPE_ARRAY ? end_ : message_->body_buffer().size();
  }

  DBusMessage* message_;
  IterKind kind_;
  std::uint32_t signature_;    // offset of the type at the iterator; in an array it stays
  std::uint32_t position_;     // offset in the body of the value's padding
  std::uint32_t start_, end_;  // of an array's elements
  SignatureIn signature_in_;
  std::uint8_t container_;  // type code, 0 outermost
};

class Writer {
 public:
  static Writer& of(DBusMessageIter* iter) noexcept { return *reinterpret_cast<Writer*>(iter); }

  IterKind kind() const noexcept { return kind_; }
  void init(DBusMessage* message) noexcept;
  // All false without memory, and after a warning when the value doesn't fit the signature: nothing
  // is written then.
  bool append_basic(int type, const void* value) noexcept;
  bool append_fixed_array(int element_type, const void* elements, int count) noexcept;
  // The signature must be that of one complete type; null for structs and dict entries.
  bool open_container(int type, std::string_view contained, Writer* sub) noexcept;
  // The container is closed in any case; on false all that was written into it is gone.
  bool close_container(Writer* sub) noexcept;
  void abandon_container(Writer* sub) noexcept;
  int container() const noexcept { return container_; }
  DBusMessage* message() const noexcept { return message_; }

 private:
  const char* signature_base() const noexcept;
  bool expects(int code) const noexcept;
  bool accept(std::string_view signature) noexcept;
  std::byte* grow_body(std::size_t alignment, std::size_t size) noexcept;
  bool append_text(int type, const char* text) noexcept;
  bool append_fd(int fd) noexcept;
  void advance() noexcept;
  void rewind() const noexcept;

  DBusMessage* message_;
  IterKind kind_;
  std::uint32_t expected_;   // offset of the type that must come next
  std::uint32_t whole_at_;   // where the signature begins that expected_ is in
  std::uint32_t length_at_;  // of an array: where its length is, and where its elements begin
  std::uint32_t elements_at_;
  std::uint32_t saved_body_, saved_fds_;  // sizes before the container was opened
  std::uint16_t saved_signature_;
  SignatureIn expected_in_;
  std::uint8_t container_;  // type code, 0 outermost
  // Outermost and in structs there, the signature is made as values are written; within arrays and
  // variants it is known before.
  bool building_;
};

// Whether the program gives what it may: false after saying so in libdbus's words. `elements`
// points to a pointer to them.
bool check_basic(int type, const void* value) noexcept;
bool check_unlocked(const DBusMessage& message) noexcept;
bool check_fixed_array(int element_type, const void* elements, int count) noexcept;

static_assert(sizeof(Reader) <= sizeof(DBusMessageIter) &&
              sizeof(Writer) <= sizeof(DBusMessageIter));

}  // namespace dg
