// SPDX-License-Identifier: LGPL-2.1-or-later
// Connecting TCP sockets, for tcp: and nonce-tcp: addresses.
#pragma once

#include <dbus/dbus.h>

#include <string>

#include "base/unique_fd.h"

namespace dg {

// Tries every address that the name has. family: "ipv4", "ipv6", or null for both. Connected,
// non-blocking, close-on-exec; empty with `error` set as libdbus sets it.
UniqueFd connect_tcp(const std::string& host, const std::string& port, const char* family,
                     DBusError* error) noexcept;

// The file's first bytes, as many as a nonce has, written to the socket.
bool send_nonce(int fd, const char* nonce_file, DBusError* error) noexcept;

}  // namespace dg
