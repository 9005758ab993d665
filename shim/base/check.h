// SPDX-License-Identifier: LGPL-2.1-or-later
// Argument checks of the public API: misuse prints what libdbus prints and returns what it returns.
// Unlike libdbus with its default DBUS_FATAL_WARNINGS, a failed check never aborts the application.
#pragma once

namespace dg {

[[gnu::cold]] void check_failed(const char* function, const char* condition, const char* file,
                                int line) noexcept;

}  // namespace dg

#define DG_RETURN_IF_FAIL(cond)                                \
  do {                                                         \
    if (!(cond)) [[unlikely]] {                                \
      ::dg::check_failed(__func__, #cond, __FILE__, __LINE__); \
      return;                                                  \
    }                                                          \
  } while (0)

#define DG_RETURN_VAL_IF_FAIL(cond, val)                       \
  do {                                                         \
    if (!(cond)) [[unlikely]] {                                \
      ::dg::check_failed(__func__, #cond, __FILE__, __LINE__); \
      return (val);                                            \
    }                                                          \
  } while (0)
