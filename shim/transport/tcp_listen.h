// SPDX-License-Identifier: LGPL-2.1-or-later
// TCP sockets that listen, for tcp: and nonce-tcp: addresses, and the nonce's file.
#pragma once

#include <dbus/dbus.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace dg {

struct TcpListening {
  std::vector<UniqueFd> sockets;  // non-blocking, close-on-exec
  std::string port;               // as a client needs it
  const char* family = nullptr;   // null when the sockets are of both
};

// On each address that `host` ("*": all) has and that can be listened on, all with the same port:
// if "0" is asked for, one that is free. family as connect_tcp(). False with `error` set when there
// is none.
bool listen_tcp(const std::string& host, const std::string& port, const char* family,
                TcpListening* listening, DBusError* error);

// Clients of nonce-tcp: show that they can read this user's file, in a directory of its own.
struct NonceFile {
  std::string nonce;
  std::string path;
  std::string directory;
};
bool create_nonce_file(NonceFile* file, DBusError* error);

}  // namespace dg
