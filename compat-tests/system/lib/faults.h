// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * faults.h - the kernel's fault injection: of one task's allocations, the nth or at random
 */
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "tap.h"

namespace dg::test {

inline bool write_text(const std::string& path, const std::string& text) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return written;
}

// Which allocations may fail: those that may sleep too, and single pages too. Quietly.
class FaultInjection {
 public:
  explicit FaultInjection(Tap& tap) {
    for (const char* kind : kinds()) {
      // The other two aren't there with each kind.
      set(kind, "ignore-gfp-highmem", "N");
      set(kind, "min-order", "0");
      if (!set(kind, "probability", "0") || !set(kind, "ignore-gfp-wait", "N") ||
          !set(kind, "verbose", "0") || !set(kind, "task-filter", "Y") ||
          !set(kind, "times", "-1") || !set(kind, "interval", "1"))
        tap.bail("this kernel has no %s", kind);
    }
    // Copies from and to user space are counted by fail-nth as well, and are named nowhere else.
    set("fail_usercopy", "verbose", "0");
  }
  ~FaultInjection() { probability(0); }
  FaultInjection(const FaultInjection&) = delete;

  // In percent, of the tasks with fails(true).
  static void probability(int percent) {
    for (const char* kind : kinds()) set(kind, "probability", std::to_string(percent));
  }
  static bool mark_task(bool fails) {
    return write_text("/proc/self/make-it-fail", fails ? "1" : "0");
  }

 private:
  static const char* const (&kinds())[2] {
    static const char* const all[] = {"failslab", "fail_page_alloc"};
    return all;
  }
  static bool set(const char* kind, const char* name, const std::string& value) {
    return write_text(std::string("/sys/kernel/debug/") + kind + "/" + name, value);
  }
};

// The nth place of this thread's system calls that can fail does.
class FailNth {
 public:
  FailNth() : fd_(::open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC)) {}
  ~FailNth() { ::close(fd_); }
  FailNth(const FailNth&) = delete;
  bool is_there() const { return fd_ >= 0; }

  // Runs f, with that, and tells whether there was an nth.
  template <typename F>
  bool run(unsigned nth, F&& f) {
    const std::string text = std::to_string(nth);
    if (::pwrite(fd_, text.data(), text.size(), 0) < 0) std::abort();
    f();
    char left[32] = {};
    // Reading is a system call like others, and may have the nth.
    while (::pread(fd_, left, sizeof left - 1, 0) < 0) continue;
    const bool failed = std::atoi(left) == 0;
    while (::pwrite(fd_, "0", 1, 0) < 0) continue;
    return failed;
  }

 private:
  const int fd_;
};

}  // namespace dg::test
