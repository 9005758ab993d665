// SPDX-License-Identifier: LGPL-2.1-or-later
// The connections that dbus_connection_open() shares within the process, by the server's GUID as
// the address names it. A connection opened without one is marked shared (the application must not
// close it) but never returned again, as in libdbus: nobody knows that it is the same server.
//
// The registry holds a reference of each until it is disconnected, or until dbus_shutdown.
#pragma once

#include <dbus/dbus.h>

namespace dg::registry {

DBusConnection* open_shared(const char* address, DBusError* error);
// Gives up the registry's reference. Without the connection's lock.
void remove(DBusConnection* connection) noexcept;
// The application dropped the last reference, the registry's included: forgets it without one.
void forget(DBusConnection* connection) noexcept;

}  // namespace dg::registry
