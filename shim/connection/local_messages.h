// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages that the library makes itself.
#pragma once

#include <dbus/dbus.h>

#include <cstdint>

#include "base/refcount.h"
#include "message/message.h"

namespace dg {

// What libdbus says when no reply came.
extern const char no_reply_text[];

// All null without memory; locked, serial 0, no sender.
Ref<DBusMessage> make_local_error(std::uint32_t reply_serial, const char* name,
                                  const char* text) noexcept;
Ref<DBusMessage> make_disconnected() noexcept;
// An error reply with an error that printf made; null without memory.
[[gnu::format(printf, 3, 4)]] Ref<DBusMessage> make_error_reply(DBusMessage* call, const char* name,
                                                                const char* format, ...) noexcept;

// One line about a message, for DBUS_GENL_TRACE.
void trace_message(const DBusConnection* connection, const char* what,
                   const DBusMessage& message) noexcept;

}  // namespace dg
