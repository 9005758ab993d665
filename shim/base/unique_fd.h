// SPDX-License-Identifier: LGPL-2.1-or-later
// UniqueFd: the only way this library holds a file descriptor.
#pragma once

#include <utility>

namespace dg {

class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  // Closes what was held. errno is kept, so that an error path may report its cause afterwards.
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

// A duplicate with FD_CLOEXEC that is never 0, 1 or 2 (a program that closed its standard streams
// must not have a bus written to by printf). Empty with errno set on failure.
UniqueFd dup_cloexec(int fd) noexcept;

}  // namespace dg
