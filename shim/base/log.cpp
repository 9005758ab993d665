// SPDX-License-Identifier: LGPL-2.1-or-later
// Warnings, traces and failed checks, each written with one write() so that lines of several
// threads stay whole.
#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/check.h"

namespace dg {
namespace {

// Longer texts are cut: nothing said here is worth an allocation that may fail.
constexpr std::size_t max_line = 1024;

void write_all(const char* text, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t done = ::write(STDERR_FILENO, text, size);
    if (done <= 0) return;  // Nowhere left to complain.
    text += done;
    size -= static_cast<std::size_t>(done);
  }
}

[[gnu::format(printf, 2, 0)]] void say(const char* ending, const char* format,
                                       va_list args) noexcept {
  char line[max_line];
  int used =
      std::snprintf(line, sizeof line, "dbus[%lu]: ", static_cast<unsigned long>(::getpid()));
  const int wanted = std::vsnprintf(line + used, sizeof line - used, format, args);
  if (wanted < 0) return;
  std::size_t size = std::strlen(line);
  const std::size_t tail = std::strlen(ending);
  if (size + tail >= sizeof line) size = sizeof line - tail - 1;
  std::memcpy(line + size, ending, tail);
  write_all(line, size + tail);
}

[[gnu::format(printf, 2, 3)]] void sayf(const char* ending, const char* format, ...) noexcept {
  va_list args;
  va_start(args, format);
  say(ending, format, args);
  va_end(args);
}

bool wants_trace() noexcept {
  const char* value = std::getenv("DBUS_GENL_TRACE");
  return value && *value && std::strcmp(value, "0") != 0;
}

}  // namespace

bool trace_enabled() noexcept {
  // Read once: getenv isn't safe against an application that calls setenv in another thread.
  static std::atomic<int> state{-1};
  int now = state.load(std::memory_order_relaxed);
  if (now < 0) {
    now = wants_trace() ? 1 : 0;
    state.store(now, std::memory_order_relaxed);
  }
  return now == 1;
}

void trace(const char* format, ...) noexcept {
  if (!trace_enabled()) return;
  va_list args;
  va_start(args, format);
  say("\n", format, args);
  va_end(args);
}

void warn(const char* format, ...) noexcept {
  va_list args;
  va_start(args, format);
  say("\n", format, args);
  va_end(args);
}

void check_failed(const char* function, const char* condition, const char* file,
                  int line) noexcept {
  sayf("\nThis is normally a bug in some application using the D-Bus library.\n\n",
       "arguments to %s() were incorrect, assertion \"%s\" failed in file %s line %d.", function,
       condition, file, line);
}

}  // namespace dg
