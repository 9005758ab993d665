// SPDX-License-Identifier: LGPL-2.1-or-later
// From a D-Bus address (the whole string: several, ';' between them, tried in order) to sockets
// that listen, and from one of those to the Transport of a client that has come.
#pragma once

#include <dbus/dbus.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "transport/tcp_listen.h"
#include "transport/transport.h"

namespace dg {

class Listener {
 public:
  // False with `error` set (that of the first address that makes sense) if none works.
  static bool open(const char* address, Listener* listener, DBusError* error) noexcept;

  Listener() noexcept = default;
  Listener(Listener&& other) noexcept { *this = std::move(other); }
  Listener& operator=(Listener&& other) noexcept;
  ~Listener() { close(); }

  const std::vector<UniqueFd>& sockets() const noexcept { return sockets_; }
  // As clients need it, without the GUID; of inherited sockets several, ';' between them.
  const std::string& address() const noexcept { return address_; }

  // Null without memory, or when the client has gone again.
  std::unique_ptr<Transport> accept(
      int socket, const std::string& guid,
      const std::optional<std::vector<std::string>>& mechanisms) const noexcept;

  // Closes the sockets and removes what they left in the file system, unless another server has
  // taken its place. Idempotent.
  void close() noexcept;

 private:
  friend class ListenerOpener;
  struct File {
    std::string path;
    dev_t device;
    ino_t inode;
  };
  // Before it is made, and after: nothing in between may leave it behind.
  void expect_file(const std::string& path);
  void identify_files() noexcept;

  std::vector<UniqueFd> sockets_;
  std::string address_;
  std::string nonce_;
  NonceDirectory nonce_directory_;
  std::vector<File> files_;
};

}  // namespace dg
