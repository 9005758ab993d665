// SPDX-License-Identifier: LGPL-2.1-or-later
// SHA-1 (FIPS 180-4), for DBUS_COOKIE_SHA1 alone.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace dg {

using Sha1Digest = std::array<uint8_t, 20>;

Sha1Digest sha1(std::string_view bytes) noexcept;

}  // namespace dg
