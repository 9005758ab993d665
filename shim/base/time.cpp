// SPDX-License-Identifier: LGPL-2.1-or-later
// The monotonic clock.
#include "base/time.h"

#include <time.h>

namespace dg {

std::int64_t monotonic_ms() noexcept {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

}  // namespace dg
