// SPDX-License-Identifier: LGPL-2.1-or-later
// See unix_listen.h.
#include "transport/unix_listen.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/log.h"

namespace dg {

namespace {

// As many clients as libdbus lets wait.
constexpr int kBacklog = 30;

void remove_socket(const char* path) noexcept {
  struct stat status;
  if (::stat(path, &status) == 0 && S_ISSOCK(status.st_mode)) (void)::unlink(path);
}

}  // namespace

UniqueFd listen_unix(const std::string& name, UnixNamespace where, DBusError* error) noexcept {
  sockaddr_un address;
  const socklen_t length = unix_address(name, where, &address, error);
  if (length == 0) return {};
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) {
    set_error(error, error_name_from_errno(errno), "Failed to create socket: %s", strerror(errno));
    return {};
  }
  if (where == UnixNamespace::Path) remove_socket(name.c_str());
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) < 0) {
    const int cause = errno;
    set_error(error, error_name_from_errno(cause), "Failed to bind socket \"%s\": %s", name.c_str(),
              strerror(cause));
    return {};
  }
  if (::listen(fd.get(), kBacklog) < 0) {
    const int cause = errno;
    if (where == UnixNamespace::Path) (void)::unlink(name.c_str());
    set_error(error, error_name_from_errno(cause), "Failed to listen on socket \"%s\": %s",
              name.c_str(), strerror(cause));
    return {};
  }
  if (where == UnixNamespace::Path && ::chmod(name.c_str(), 0777) < 0) {
    warn("Could not set mode 0777 on socket %s", name.c_str());
  }
  return fd;
}

std::string random_socket_path(const std::string& directory) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  unsigned char random[10];
  // Not a secret: two servers must differ.
  if (::getrandom(random, sizeof random, 0) != ssize_t{sizeof random}) {
    throw std::bad_alloc();
  }
  std::string path = directory + "/dbus-";
  for (const unsigned char byte : random) path += kLetters[byte % kLetters.size()];
  return path;
}

}  // namespace dg
