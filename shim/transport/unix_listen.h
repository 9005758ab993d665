// SPDX-License-Identifier: LGPL-2.1-or-later
// AF_UNIX sockets that listen.
#pragma once

#include <dbus/dbus.h>

#include <string>

#include "base/unique_fd.h"
#include "transport/unix_connect.h"

namespace dg {

// Listening, non-blocking, close-on-exec; empty with `error` set as libdbus sets it. A socket that
// has the path already is removed first, since it is what a server leaves that has died. Everybody
// may connect: authentication is what counts.
UniqueFd listen_unix(const std::string& name, UnixNamespace where, DBusError* error) noexcept;

// DIRECTORY/dbus-XXXXXXXXXX, where none is.
std::string random_socket_path(const std::string& directory);

}  // namespace dg
