// SPDX-License-Identifier: LGPL-2.1-or-later
// The interface org.freedesktop.DBus.Peer, which the library answers for every application, before
// any filter.
#pragma once

#include <dbus/dbus.h>

namespace dg {

// route: what has a destination is left to the application (a message bus routes it).
DBusHandlerResult handle_peer_message(DBusConnection* connection, DBusMessage* message, bool route);

}  // namespace dg
