// SPDX-License-Identifier: LGPL-2.1-or-later
// See tcp_listen.h.
#include "transport/tcp_listen.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "transport/tcp_connect.h"

namespace dg {

namespace {

constexpr int kTcpBacklog = 30;

UniqueFd listen_one(const addrinfo& address, TcpFailures* failures) {
  UniqueFd fd(::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                       address.ai_protocol));
  const char* verb = "create";
  if (fd) {
    // A server that starts again needn't wait for its connections' last packets.
    const int on = 1;
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    verb = "bind";
    if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) == 0) {
      verb = "listen on";
      if (::listen(fd.get(), kTcpBacklog) == 0) return fd;
    }
  }
  failures->add(verb, address, errno);
  return {};
}

in_port_t& port_in(sockaddr* address) noexcept {
  return address->sa_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(address)->sin6_port
                                        : reinterpret_cast<sockaddr_in*>(address)->sin_port;
}

in_port_t port_of(int fd) noexcept {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  return ::getsockname(fd, plain, &length) == 0 ? port_in(plain) : in_port_t{0};
}

}  // namespace

bool listen_tcp(const std::string& host, const std::string& port, const char* family,
                TcpListening* listening, DBusError* error) {
  const AddrInfo list = find_addresses(host, port, family, true, error);
  bool ipv4 = false;
  bool ipv6 = false;
  in_port_t chosen = 0;
  TcpFailures failures;
  for (addrinfo* address = list.get(); address; address = address->ai_next) {
    in_port_t& asked = port_in(address->ai_addr);
    if (asked == 0) asked = chosen;
    UniqueFd fd = listen_one(*address, &failures);
    if (!fd) continue;
    (address->ai_family == AF_INET6 ? ipv6 : ipv4) = true;
    chosen = port_of(fd.get());
    listening->sockets.push_back(std::move(fd));
  }
  if (listening->sockets.empty()) {
    failures.report("bind to", host, port, error);
    return false;
  }
  listening->port = port == "0" ? std::to_string(ntohs(chosen)) : port;
  listening->family = ipv4 && ipv6 ? nullptr : ipv6 ? "ipv6" : "ipv4";
  return true;
}

NonceDirectory create_nonce_directory(DBusError* error) {
  const char* tmp = ::secure_getenv("TMPDIR");
  std::string path = std::string(tmp && *tmp ? tmp : "/tmp") + "/dbus_nonce-XXXXXX";
  if (!::mkdtemp(path.data())) {
    set_error(error, error_name_from_errno(errno), "Could not create %s: %s", path.c_str(),
              strerror(errno));
    path.clear();
  }
  return NonceDirectory(std::move(path));
}

bool create_nonce_file(const std::string& path, std::string* nonce, DBusError* error) {
  nonce->resize(kNonceSize);
  if (::getrandom(nonce->data(), kNonceSize, 0) != ssize_t{kNonceSize}) {
    set_error(error, error_name_from_errno(errno), "Failed to generate a nonce: %s",
              strerror(errno));
    return false;
  }
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd && ::write(fd.get(), nonce->data(), kNonceSize) == ssize_t{kNonceSize}) return true;
  set_error(error, error_name_from_errno(errno), "Could not write %s: %s", path.c_str(),
            strerror(errno));
  if (fd) (void)::unlink(path.c_str());
  return false;
}

}  // namespace dg
