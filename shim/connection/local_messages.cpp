// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages that the library makes itself (local_messages.h).
#include "connection/local_messages.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace dg {

const char no_reply_text[] =
    "Did not receive a reply. Possible causes include: the remote application did not send a "
    "reply, the message bus security policy blocked the reply, the reply timeout expired, or the "
    "network connection was broken.";

Ref<DBusMessage> make_local_error(std::uint32_t reply_serial, const char* name,
                                  const char* text) noexcept {
  auto message = Ref<DBusMessage>::adopt(DBusMessage::create(DBUS_MESSAGE_TYPE_ERROR));
  if (!message || !message->set_error_name(name) || !message->set_reply_serial(reply_serial) ||
      !dbus_message_append_args(message.get(), DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID))
    return nullptr;
  message->set_flag(DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, true);
  message->lock();
  return message;
}

Ref<DBusMessage> make_disconnected() noexcept {
  auto message = Ref<DBusMessage>::adopt(
      dbus_message_new_signal(DBUS_PATH_LOCAL, DBUS_INTERFACE_LOCAL, "Disconnected"));
  if (message) message->lock();
  return message;
}

Ref<DBusMessage> make_error_reply(DBusMessage* call, const char* name, const char* format,
                                  ...) noexcept {
  va_list args;
  va_start(args, format);
  char* text = nullptr;
  const int length = vasprintf(&text, format, args);
  va_end(args);
  if (length < 0) return nullptr;
  auto reply = Ref<DBusMessage>::adopt(dbus_message_new_error(call, name, text));
  std::free(text);
  return reply;
}

void trace_message(const DBusConnection* connection, const char* what,
                   const DBusMessage& message) noexcept {
  auto text = [](const char* value) { return value ? value : "-"; };
  trace("connection %p: %s %s serial %u reply to %u, %s to %s, %s %s.%s error %s, %zu bytes",
        static_cast<const void*>(connection), what, dbus_message_type_to_string(message.type()),
        message.serial(), message.reply_serial(), text(message.sender()),
        text(message.destination()), text(message.path()), text(message.interface()),
        text(message.member()), text(message.error_name()), message.wire_size());
}

}  // namespace dg
