// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages to and from the D-Bus wire format, for sockets and dbus_message_marshal/demarshal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "message/message.h"
#include "message/validate.h"

namespace dg {

// Appends the header, padded to a multiple of 8, in native byte order; the body follows as it is
// (message.body()). message.wire_header() gives the same without a copy. False without memory.
bool wire_header(const DBusMessage& message, std::vector<std::byte>& out);

// The size of the first message in the bytes; 0 when more are needed to tell (16 are enough).
// *invalid is set to why when these can't be the start of a message of at most max_size bytes.
std::size_t wire_message_size(std::span<const std::byte> bytes, std::size_t max_size,
                              Validity* invalid) noexcept;

// Takes bytes as they come from a stream, from an untrusted peer, and makes messages of them.
// Everything the specification asks for is checked; a stream with one wrong message in it is dead,
// for good.
class WireLoader {
 public:
  WireLoader() noexcept = default;
  WireLoader(const WireLoader&) = delete;
  WireLoader& operator=(const WireLoader&) = delete;
  ~WireLoader();

  // Appends bytes, and descriptors that arrived with them. False without memory: nothing was taken.
  bool feed(const void* bytes, std::size_t size) noexcept;
  bool feed(const void* bytes, std::size_t size, std::vector<UniqueFd>&& fds) noexcept;
  // The same without a copy: read(2) into what prepare() returns (at least `size` bytes; empty
  // without memory), then commit() as many as came.
  std::span<std::byte> prepare(std::size_t size) noexcept;
  void commit(std::size_t size) noexcept { used_ += size; }
  bool feed_fds(std::vector<UniqueFd>&& fds) noexcept;
  // So many can be fed without memory.
  bool reserve_fds(std::size_t count) noexcept;

  // The next complete message, locked, with one reference for the caller. Null: more bytes are
  // needed (`missing()` tells how many at least), the stream is corrupted(), or memory is out
  // (out_of_memory(); call again later).
  [[nodiscard]] DBusMessage* pop() noexcept;
  bool corrupted() const noexcept { return invalid_ != Validity::Valid; }
  Validity validity() const noexcept { return invalid_; }
  const char* reason() const noexcept { return validity_text(invalid_); }
  bool out_of_memory() const noexcept { return out_of_memory_; }
  // Bytes that are certainly needed before pop() can return the next message.
  std::size_t missing() const noexcept;
  // Bytes and descriptors fed and not yet popped.
  std::size_t buffered() const noexcept { return used_ - start_; }
  std::size_t buffered_fds() const noexcept { return fds_.size(); }

  // Applies to messages whose start hasn't been looked at yet. At most DBUS_MAXIMUM_MESSAGE_LENGTH,
  // its default.
  void set_max_size(long size) noexcept;
  long max_size() const noexcept { return max_size_; }
  void set_max_fds(long fds) noexcept;
  long max_fds() const noexcept { return max_fds_; }

  // The message that is the first `size` of the bytes, as wire_message_size() told. So many
  // descriptors are to be had for it; they aren't put in yet. Null and *invalid set, or null and
  // Valid without memory.
  static DBusMessage* load(std::span<const std::byte> bytes, std::size_t size,
                           std::size_t available_fds, Validity* invalid) noexcept;

 private:
  std::byte* bytes_ = nullptr;
  std::size_t capacity_ = 0, start_ = 0, used_ = 0;
  std::vector<UniqueFd> fds_;
  long max_size_ = DBUS_MAXIMUM_MESSAGE_LENGTH;
  long max_fds_ = DBUS_MAXIMUM_MESSAGE_UNIX_FDS;
  Validity invalid_ = Validity::Valid;
  bool out_of_memory_ = false;
};

// The whole message, in the byte order that it came in if nobody has looked at its body.
// `out` has room for message.wire_size() bytes.
void wire_marshal(DBusMessage& message, std::byte* out) noexcept;

}  // namespace dg
