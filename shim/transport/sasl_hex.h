// SPDX-License-Identifier: LGPL-2.1-or-later
// The hexadecimal form in which the authentication protocol carries its data.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dg {

std::string hex_encode(std::string_view bytes);
// Either case; nothing for an odd length or other characters.
std::optional<std::string> hex_decode(std::string_view text);

}  // namespace dg
