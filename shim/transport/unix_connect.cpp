// SPDX-License-Identifier: LGPL-2.1-or-later
// See unix_connect.h.
#include "transport/unix_connect.h"

#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/error.h"

namespace dg {

namespace {

// libdbus's, less than what Linux has room for.
constexpr std::size_t kMaxName = 99;

}  // namespace

socklen_t unix_address(const std::string& name, UnixNamespace where, sockaddr_un* address,
                       DBusError* error) noexcept {
  const bool abstract = where == UnixNamespace::Abstract;
  *address = {};
  address->sun_family = AF_UNIX;
  // An abstract name starts with a NUL; a path ends with one.
  static_assert(kMaxName < sizeof address->sun_path);
  if (name.size() + (abstract ? 1 : 0) > kMaxName) {
    set_error(error, DBUS_ERROR_BAD_ADDRESS,
              abstract ? "Abstract socket name too long\n" : "Socket name too long\n");
    return 0;
  }
  std::memcpy(address->sun_path + (abstract ? 1 : 0), name.data(), name.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
}

UniqueFd connect_unix(const std::string& name, UnixNamespace where, DBusError* error) noexcept {
  sockaddr_un address;
  const socklen_t length = unix_address(name, where, &address, error);
  if (length == 0) return {};

  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) {
    set_error(error, error_name_from_errno(errno), "Failed to create socket: %s", strerror(errno));
    return {};
  }
  int result;
  do {
    result = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length);
  } while (result < 0 && errno == EINTR);
  if (result < 0) {
    int cause = errno;
    set_error(error, error_name_from_errno(cause), "Failed to connect to socket %s: %s",
              name.c_str(), strerror(cause));
    return {};
  }
  if (::fcntl(fd.get(), F_SETFL, O_RDWR | O_NONBLOCK) < 0) {
    set_error(error, error_name_from_errno(errno), "Failed to set the socket non-blocking: %s",
              strerror(errno));
    return {};
  }
  return fd;
}

}  // namespace dg
