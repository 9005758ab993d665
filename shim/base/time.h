// SPDX-License-Identifier: LGPL-2.1-or-later
// The clock that time-outs are measured with.
#pragma once

#include <cstdint>

namespace dg {

// Milliseconds of CLOCK_MONOTONIC.
std::int64_t monotonic_ms() noexcept;

}  // namespace dg
