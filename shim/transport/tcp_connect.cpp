// SPDX-License-Identifier: LGPL-2.1-or-later
// See tcp_connect.h.
#include "transport/tcp_connect.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace dg {

namespace {

// Returns 0, or the errno of what failed.
int connect_one(const addrinfo& address, UniqueFd* connected) noexcept {
  UniqueFd fd(::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, address.ai_protocol));
  if (!fd) return errno;
  int result;
  do {
    result = ::connect(fd.get(), address.ai_addr, address.ai_addrlen);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return errno;
  // Messages are written whole: waiting for more to send would only delay them.
  const int on = 1;
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::fcntl(fd.get(), F_SETFL, O_RDWR | O_NONBLOCK) < 0) return errno;
  *connected = std::move(fd);
  return 0;
}

}  // namespace

AddrInfo find_addresses(const std::string& host, const std::string& port, const char* family,
                        bool to_listen, DBusError* error) noexcept {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | (to_listen ? AI_PASSIVE : 0);
  if (family && std::strcmp(family, "ipv4") == 0) {
    hints.ai_family = AF_INET;
  } else if (family && std::strcmp(family, "ipv6") == 0) {
    hints.ai_family = AF_INET6;
  } else if (family) {
    set_error(error, DBUS_ERROR_BAD_ADDRESS, "Unknown address family %s", family);
    return nullptr;
  }
  addrinfo* found;
  const int problem =
      ::getaddrinfo(host == "*" ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (problem != 0) {
    set_error(error, DBUS_ERROR_FAILED, "Failed to lookup host/port: \"%s:%s\": %s (%d)",
              host.c_str(), port.c_str(), ::gai_strerror(problem), problem);
    return nullptr;
  }
  return AddrInfo(found);
}

NumericAddress numeric_address(const sockaddr* address, socklen_t length) noexcept {
  NumericAddress numeric;
  (void)::getnameinfo(address, length, numeric.host, sizeof numeric.host, numeric.port,
                      sizeof numeric.port, NI_NUMERICHOST | NI_NUMERICSERV);
  return numeric;
}

void TcpFailures::add(const char* verb, const addrinfo& address, int cause) {
  const NumericAddress numeric = numeric_address(address.ai_addr, address.ai_addrlen);
  const char* name = error_name_from_errno(cause);
  name_ = !name_ || std::strcmp(name_, name) == 0 ? name : DBUS_ERROR_FAILED;
  if (count_++ > 0) texts_ += "; ";
  texts_ += std::string("Failed to ") + verb + " socket \"" + numeric.host + "\" port " +
            numeric.port + ": " + strerror(cause);
}

void TcpFailures::report(const char* verb, const std::string& host, const std::string& port,
                         DBusError* error) const {
  if (count_ == 1) {
    set_error(error, name_, "%s", texts_.c_str());
  } else if (count_ > 1) {
    set_error(error, name_, "Failed to %s \"%s\":%s (%s)", verb, host.c_str(), port.c_str(),
              texts_.c_str());
  }
}

UniqueFd connect_tcp(const std::string& host, const std::string& port, const char* family,
                     DBusError* error) {
  const AddrInfo list = find_addresses(host, port, family, false, error);
  TcpFailures failures;
  for (const addrinfo* address = list.get(); address; address = address->ai_next) {
    UniqueFd fd;
    int cause = connect_one(*address, &fd);
    if (cause == 0) return fd;
    failures.add("connect to", *address, cause);
  }
  failures.report("connect to", host, port, error);
  return {};
}

bool send_nonce(int fd, const char* nonce_file, DBusError* error) noexcept {
  UniqueFd file(::open(nonce_file, O_RDONLY | O_CLOEXEC));
  if (!file) {
    set_error(error, error_name_from_errno(errno), "Failed to open %s for read: %s", nonce_file,
              strerror(errno));
    return false;
  }
  char nonce[kNonceSize] = {};
  ssize_t n = ::read(file.get(), nonce, sizeof nonce);
  if (n < 0) {
    set_error(error, error_name_from_errno(errno), "Failed to read %s: %s", nonce_file,
              strerror(errno));
    return false;
  }
  // So little fits into a new socket's buffer.
  if (::send(fd, nonce, sizeof nonce, MSG_NOSIGNAL) != ssize_t{sizeof nonce}) {
    set_error(error, error_name_from_errno(errno), "Failed to send the nonce: %s", strerror(errno));
    return false;
  }
  return true;
}

}  // namespace dg
