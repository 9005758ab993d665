// SPDX-License-Identifier: LGPL-2.1-or-later
// Connecting TCP sockets, for tcp: and nonce-tcp: addresses.
#pragma once

#include <dbus/dbus.h>
#include <netdb.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include "base/unique_fd.h"

namespace dg {

struct AddrInfoFree {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};
using AddrInfo = std::unique_ptr<addrinfo, AddrInfoFree>;

// All addresses of a host, "*" being every one; null with `error` set. family: "ipv4", "ipv6", or
// null for both.
AddrInfo find_addresses(const std::string& host, const std::string& port, const char* family,
                        bool to_listen, DBusError* error) noexcept;

// An address and port in figures.
struct NumericAddress {
  char host[NI_MAXHOST] = "";
  char port[NI_MAXSERV] = "";
};
NumericAddress numeric_address(const sockaddr* address, socklen_t length) noexcept;

// What went wrong with each of a host's addresses.
class TcpFailures {
 public:
  // verb: what was tried ("bind").
  void add(const char* verb, const addrinfo& address, int cause);
  // verb: how it reads of a host ("bind to"). Nothing when there is no failure.
  void report(const char* verb, const std::string& host, const std::string& port,
              DBusError* error) const;

 private:
  const char* name_ = nullptr;  // of the errors; Failed when they differ
  std::size_t count_ = 0;
  std::string texts_;
};

// Tries every address that the name has. Connected,
// non-blocking, close-on-exec; empty with `error` set as libdbus sets it.
UniqueFd connect_tcp(const std::string& host, const std::string& port, const char* family,
                     DBusError* error);

constexpr std::size_t kNonceSize = 16;

// The file's first bytes, as many as a nonce has, written to the socket.
bool send_nonce(int fd, const char* nonce_file, DBusError* error) noexcept;

}  // namespace dg
