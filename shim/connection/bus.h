// SPDX-License-Identifier: LGPL-2.1-or-later
// The bus at the other end of a connection: where the system's and the session's are, the
// connection to each that a process shares, and what is said to the bus itself.
#pragma once

#include <dbus/dbus.h>

#include <string>

namespace dg {

// The address of a well-known bus: the environment's, else the kernel's bus if there is one, else
// the classic socket's. Programs that run with more rights than their caller has don't look at the
// environment.
std::string default_bus_address(DBusBusType type);

// dbus_bus_get() and dbus_bus_get_private(): connects, says Hello, and makes the process exit when
// the bus dies.
DBusConnection* bus_get(DBusBusType type, bool shared, DBusError* error);
// A connection that is over isn't shared any more: to be called when its Disconnected signal is
// dispatched.
void bus_forget(DBusConnection* connection) noexcept;

bool bus_register(DBusConnection* connection, DBusError* error);
// The connection's own name; null before Hello. It lives as long as the connection.
const char* bus_unique_name(DBusConnection* connection) noexcept;
// False without memory. A name that is already known is replaced only by nothing: the second call
// does nothing.
bool bus_set_unique_name(DBusConnection* connection, const char* unique_name) noexcept;

// A blocking call of a method of the bus with arguments as dbus_message_append_args() takes them.
// Null with the error set, also when the reply is one.
DBusMessage* bus_call(DBusConnection* connection, const char* member, DBusError* error,
                      int first_type, ...) noexcept;
// The same without waiting: false without memory.
bool bus_tell(DBusConnection* connection, const char* member, const char* argument) noexcept;

}  // namespace dg
