// SPDX-License-Identifier: LGPL-2.1-or-later
// MessageBuilder: makes a received message from fields that somebody trustworthy has validated (the
// kernel). Nothing is checked again. Once a step is out of memory the others do nothing and
// finish() returns null.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "message/message.h"

namespace dg {

class MessageBuilder {
 public:
  MessageBuilder() noexcept = default;
  MessageBuilder(const MessageBuilder&) = delete;
  MessageBuilder& operator=(const MessageBuilder&) = delete;
  ~MessageBuilder();

  // Drops what was begun before.
  void start(int type, std::uint8_t flags, std::uint32_t serial) noexcept;
  // Need no terminating zero. A null data() is the same as not calling.
  void set_path(std::string_view v) noexcept { set(DBUS_HEADER_FIELD_PATH, 'o', v); }
  void set_interface(std::string_view v) noexcept { set(DBUS_HEADER_FIELD_INTERFACE, 's', v); }
  void set_member(std::string_view v) noexcept { set(DBUS_HEADER_FIELD_MEMBER, 's', v); }
  void set_error_name(std::string_view v) noexcept { set(DBUS_HEADER_FIELD_ERROR_NAME, 's', v); }
  void set_destination(std::string_view v) noexcept { set(DBUS_HEADER_FIELD_DESTINATION, 's', v); }
  void set_sender(std::string_view v) noexcept { set(DBUS_HEADER_FIELD_SENDER, 's', v); }
  void set_container_instance(std::string_view v) noexcept {
    set(DBUS_HEADER_FIELD_CONTAINER_INSTANCE, 'o', v);
  }
  void set_signature(std::string_view v) noexcept;  // "" is none
  void set_reply_serial(std::uint32_t serial) noexcept;
  // The body, in native byte order. A copy is made; or the caller fills what reserve_body() returns
  // (null: no memory, or size 0), an address that is a multiple of 8.
  void set_body(const void* bytes, std::size_t size) noexcept;
  std::byte* reserve_body(std::size_t size) noexcept;
  // Also sets the field UNIX_FDS.
  void adopt_fds(std::vector<UniqueFd>&& fds) noexcept;
  // The message, locked, with one reference for the caller.
  [[nodiscard]] DBusMessage* finish() noexcept;

 private:
  void set(int field, char type, std::string_view value) noexcept;

  DBusMessage* message_ = nullptr;
  bool failed_ = true;  // until start()
};

}  // namespace dg
