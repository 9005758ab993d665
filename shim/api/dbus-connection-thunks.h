// SPDX-License-Identifier: LGPL-2.1-or-later
// What the thunks of <dbus/dbus-connection.h> have in common.
#pragma once

#include <new>

namespace dg {

// Runs something that may be out of memory, and returns what the public function returns then.
template <typename Result, typename Function>
Result guarded(Result failure, Function&& function) noexcept {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return failure;
  }
}

}  // namespace dg
