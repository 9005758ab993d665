// SPDX-License-Identifier: LGPL-2.1-or-later
// See inherited_sockets.h.
#include "transport/inherited_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "transport/address.h"
#include "transport/tcp_connect.h"

namespace dg {

namespace {

// The first one, by the protocol.
constexpr int kFirstFd = 3;

std::optional<long> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (!text) return std::nullopt;
  long number;
  const char* end = text + std::strlen(text);
  auto [stop, problem] = std::from_chars(text, end, number);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::vector<UniqueFd> take_inherited_sockets() {
  std::vector<UniqueFd> sockets;
  const auto pid = number_in("LISTEN_PID");
  const auto count = number_in("LISTEN_FDS");
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  if (!pid || *pid != ::getpid() || !count) return sockets;
  // One that isn't open ends them: it is not trusted how many there are said to be.
  for (int fd = kFirstFd; fd - kFirstFd < *count; ++fd) {
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) break;
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0) (void)::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    sockets.emplace_back(fd);
  }
  return sockets;
}

std::string address_of_socket(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 || !listening ||
      ::getsockname(fd, plain, &length) < 0) {
    return {};
  }
  if (plain->sa_family == AF_UNIX) {
    const char* name = reinterpret_cast<const sockaddr_un*>(&address)->sun_path;
    const std::size_t space = length - offsetof(sockaddr_un, sun_path);
    if (space <= 1) return {};
    if (name[0] == '\0') {
      return "unix:abstract=" + escape_address_value({name + 1, space - 1});
    }
    return "unix:path=" + escape_address_value({name, ::strnlen(name, space)});
  }
  if (plain->sa_family != AF_INET && plain->sa_family != AF_INET6) return {};
  const NumericAddress numeric = numeric_address(plain, length);
  return std::string("tcp:family=") + (plain->sa_family == AF_INET ? "ipv4" : "ipv6") +
         ",port=" + numeric.port + ",host=" + escape_address_value(numeric.host);
}

}  // namespace dg
