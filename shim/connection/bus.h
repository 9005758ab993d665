// SPDX-License-Identifier: LGPL-2.1-or-later
// The bus at the other end of a connection: where the system's and the session's are, the
// connection to each that a process shares, and what is said to the bus itself. Only the
// connection's public functions are used.
#pragma once

#include <dbus/dbus.h>

#include <cstdint>
#include <string>

namespace dg {

// The address of a well-known bus: the environment's, else the kernel's bus if there is one, else
// the classic socket. May be several, ';' between them. False with the error set when there is
// none.
bool default_bus_address(DBusBusType type, std::string* address, DBusError* error);

// dbus_bus_get() and dbus_bus_get_private(): connects, says Hello, and leaves exit_on_disconnect
// on.
DBusConnection* bus_get(DBusBusType type, bool shared, DBusError* error);

bool bus_register(DBusConnection* connection, DBusError* error);
// The connection's own name; null before Hello. It lives as long as the connection.
const char* bus_unique_name(DBusConnection* connection);
bool bus_set_unique_name(DBusConnection* connection, const char* unique_name);

}  // namespace dg
