// SPDX-License-Identifier: LGPL-2.1-or-later
// Connecting AF_UNIX sockets.
#pragma once

#include <dbus/dbus.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "base/unique_fd.h"

namespace dg {

enum class UnixNamespace { Path, Abstract };

// The address of a socket, and its length; 0 with `error` set when the name is too long.
socklen_t unix_address(const std::string& name, UnixNamespace where, sockaddr_un* address,
                       DBusError* error) noexcept;

// Connected, non-blocking, close-on-exec; empty with `error` set as libdbus sets it. Waits as long
// as the listener's backlog is full.
UniqueFd connect_unix(const std::string& name, UnixNamespace where, DBusError* error) noexcept;

}  // namespace dg
