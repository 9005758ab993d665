// SPDX-License-Identifier: LGPL-2.1-or-later
// What the library says on stderr: warnings always, traces when DBUS_GENL_TRACE is set and neither
// empty nor "0".
#pragma once

namespace dg {

bool trace_enabled() noexcept;
[[gnu::format(printf, 1, 2)]] void trace(const char* format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void warn(const char* format, ...) noexcept;

}  // namespace dg
