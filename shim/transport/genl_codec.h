// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusMessage to and from the attributes of SEND and MESSAGE (linux/dbus_genl.h). No I/O.
#pragma once

#include <sys/uio.h>

#include "message/message.h"
#include "transport/genl_files.h"
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
  // With `body_file`, which has the body in it, the body is left out.
  Result encode(const DBusMessage& message, int body_file = -1) noexcept;

  // After Ok, until the next encode() or the message's end. For sendmsg.
  std::span<iovec> parts() noexcept { return {parts_, part_count_}; }
  // Of the attributes, which is what a bus's MAX_MESSAGE_SIZE bounds.
  std::size_t attributes_size() const noexcept { return attributes_size_; }

 private:
  bool grow(const DBusMessage& message) noexcept;
  bool put_header(const DBusMessage& message) noexcept;
  bool put_files(const DBusMessage& message, int body_file) noexcept;
  bool put_body(std::span<const std::byte> body) noexcept;
  bool put_text(int attribute, std::string_view text) noexcept;

  uint16_t family_;
  NlMsg buffer_;
  iovec parts_[3];
  std::size_t part_count_ = 0;
  std::size_t attributes_size_ = 0;
};

// What must be known of a MESSAGE before it can be decoded: whose files to claim, and whom to tell
// when that fails.
struct GenlMessageId {
  uint64_t sender = 0;
  uint32_t serial = 0;
  uint32_t reply_serial = 0;
  uint8_t type = 0;
  uint8_t flags = 0;
  std::size_t fds = 0;
  bool body_file = false;

  bool has_files() const noexcept { return fds > 0 || body_file; }
};
// False: `header` (whose command is MESSAGE) makes no sense.
bool read_message_id(nlmsghdr* header, GenlMessageId* id) noexcept;

// The answer to the FD_CLAIM of `id`, its descriptors owned by `files` from now on. False: it is
// something else. *error: an errno, 0 when the files are those that the message has.
bool read_claim(nlmsghdr* header, const GenlMessageId& id, GenlFiles* files, int* error) noexcept;

// A locked message with one reference for the caller, made of a MESSAGE and its files, which become
// the message's. Null: *why tells what is wrong with it, or is null when memory is out, and then
// `files` is as it was.
DBusMessage* decode_message(nlmsghdr* header, const GenlMessageId& id, GenlFiles& files,
                            std::size_t max_body, const char** why) noexcept;

// ":1.N", the driver's name, or what a monitor sees for a peer that hasn't said Hello.
std::string_view sender_name(uint64_t id, char (&buffer)[24]) noexcept;

}  // namespace dg
