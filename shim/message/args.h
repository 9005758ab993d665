// SPDX-License-Identifier: LGPL-2.1-or-later
// dbus_message_get_args and dbus_message_append_args: values by variable argument lists.
#pragma once

#include <dbus/dbus.h>

#include <cstdarg>

#include "message/message.h"

namespace dg {

// On false the error is set, except for misuse, and nothing is left to the caller to free.
bool get_args(DBusMessage* message, DBusError* error, int first_type, va_list args) noexcept;
// On false the message is as it was before the argument that failed.
bool append_args(DBusMessage* message, int first_type, va_list args) noexcept;

}  // namespace dg
