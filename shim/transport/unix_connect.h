// SPDX-License-Identifier: LGPL-2.1-or-later
// Connecting AF_UNIX sockets.
#pragma once

#include <dbus/dbus.h>

#include <string>

#include "base/unique_fd.h"

namespace dg {

enum class UnixNamespace { Path, Abstract };

// Connected, non-blocking, close-on-exec; empty with `error` set as libdbus sets it. Waits as long
// as the listener's backlog is full.
UniqueFd connect_unix(const std::string& name, UnixNamespace where, DBusError* error) noexcept;

}  // namespace dg
