// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From a D-Bus address (the whole string: several, ';' between them, tried in
// order) to a Transport that is connected, but perhaps not authenticated yet.
#pragma once

#include <dbus/dbus.h>

#include <memory>

#include "transport/transport.h"

namespace dg {

// nullptr with `error` set (that of the first address) if none works.
std::unique_ptr<Transport> open_transport(const char* address, DBusError* error) noexcept;

}  // namespace dg
