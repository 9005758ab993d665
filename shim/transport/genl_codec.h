// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusMessage to and from the attributes of SEND and MESSAGE (linux/dbus_genl.h). No I/O.
#pragma once

#include <sys/uio.h>

#include "message/message.h"
#include "transport/genl_socket.h"

namespace dg {

// Makes SEND requests, one at a time, in a buffer that is kept from message to message. The body
// isn't copied: parts() leads into the message.
class GenlEncoder {
 public:
  explicit GenlEncoder(uint16_t family) noexcept : family_(family) {}

  enum class Result {
    Ok,
    NoMemory,
    TooLarge,  // a body or string beyond DBUS_GENL_ATTR_MAX
  };
  Result encode(const DBusMessage& message) noexcept;

  // After Ok, until the next encode() or the message's end. For sendmsg.
  std::span<iovec> parts() noexcept { return {parts_, part_count_}; }
  // Of the attributes, which is what a bus's MAX_MESSAGE_SIZE bounds.
  std::size_t attributes_size() const noexcept { return attributes_size_; }

 private:
  bool grow(const DBusMessage& message) noexcept;
  bool put_header(const DBusMessage& message) noexcept;
  bool put_body(std::span<const std::byte> body) noexcept;
  bool put_text(int attribute, std::string_view text) noexcept;

  uint16_t family_;
  NlMsg buffer_;
  iovec parts_[3];
  std::size_t part_count_ = 0;
  std::size_t attributes_size_ = 0;
};

// A locked message with one reference for the caller. Null: *malformed tells whether `header`
// (whose command is MESSAGE) makes no sense, or memory is out.
DBusMessage* decode_message(nlmsghdr* header, bool* malformed) noexcept;

}  // namespace dg
