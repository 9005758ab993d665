// SPDX-License-Identifier: LGPL-2.1-or-later
// See unix_connect.h.
#include "transport/unix_connect.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/error.h"

namespace dg {

UniqueFd connect_unix(const std::string& name, UnixNamespace where, DBusError* error) noexcept {
  const bool abstract = where == UnixNamespace::Abstract;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // An abstract name starts with a NUL; a path ends with one.
  if (name.size() + 1 > sizeof address.sun_path) {
    set_error(error, DBUS_ERROR_BAD_ADDRESS,
              abstract ? "Abstract socket name too long\n" : "Socket name too long\n");
    return {};
  }
  std::memcpy(address.sun_path + (abstract ? 1 : 0), name.data(), name.size());
  socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);

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
