// SPDX-License-Identifier: LGPL-2.1-or-later
// UniqueFd's system calls.
#include "base/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace dg {

void UniqueFd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old < 0) return;
  const int saved = errno;
  ::close(old);  // Not repeated on EINTR: Linux has released the number already.
  errno = saved;
}

UniqueFd dup_cloexec(int fd) noexcept { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

}  // namespace dg
