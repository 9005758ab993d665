// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * tap.h - what a system test prints: the Test Anything Protocol
 *
 * A check that fails prints where and why and the program goes on, so that one
 * run shows everything that is wrong; finish() prints the plan and gives the
 * exit status.
 */
#pragma once

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace dg::test {

class Tap {
 public:
  // One check.  Returns its outcome, so that what depends on it can be left out.
  [[gnu::format(printf, 3, 4)]] bool ok(bool outcome, const char* fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    std::printf("%sok %d - ", outcome ? "" : "not ", ++count_);
    std::vprintf(fmt, ap);
    std::printf("\n");
    va_end(ap);
    std::fflush(stdout);
    if (!outcome) ++failed_;
    return outcome;
  }

  [[gnu::format(printf, 2, 3)]] void note(const char* fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    std::printf("# ");
    std::vprintf(fmt, ap);
    std::printf("\n");
    va_end(ap);
    std::fflush(stdout);
  }

  // For what leaves no sense in going on (no module, no memory).
  [[noreturn, gnu::format(printf, 2, 3)]] void bail(const char* fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    std::printf("Bail out! ");
    std::vprintf(fmt, ap);
    std::printf("\n");
    va_end(ap);
    std::fflush(stdout);
    std::_Exit(99);
  }

  int finish() {
    std::printf("1..%d\n", count_);
    if (failed_) std::printf("# %d of %d failed\n", failed_, count_);
    std::fflush(stdout);
    return failed_ ? 1 : 0;
  }

  int failed() const { return failed_; }

 private:
  int count_ = 0;
  int failed_ = 0;
};

}  // namespace dg::test
