// SPDX-License-Identifier: LGPL-2.1-or-later
// TCP sockets that listen, for tcp: and nonce-tcp: addresses, and the nonce's file.
#pragma once

#include <dbus/dbus.h>
#include <unistd.h>

#include <string>
#include <utility>
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

// Clients of nonce-tcp: show that they can read this user's file, in a directory of its own, which
// goes with this.
class NonceDirectory {
 public:
  NonceDirectory() noexcept = default;
  explicit NonceDirectory(std::string path) noexcept : path_(std::move(path)) {}
  NonceDirectory(NonceDirectory&& other) noexcept { path_.swap(other.path_); }
  NonceDirectory& operator=(NonceDirectory&& other) noexcept {
    NonceDirectory old(std::move(*this));
    path_.swap(other.path_);
    return *this;
  }
  ~NonceDirectory() {
    if (!path_.empty()) (void)::rmdir(path_.c_str());
  }
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

// An empty path, with `error` set, when it can't be made.
NonceDirectory create_nonce_directory(DBusError* error);
// Leaves no file behind when it fails.
bool create_nonce_file(const std::string& path, std::string* nonce, DBusError* error);

}  // namespace dg
