// SPDX-License-Identifier: LGPL-2.1-or-later
// The attributes of <policy>, <allow>, <deny> and <limit>. Functions throw std::runtime_error with
// what is wrong, without the place.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "policy/bus_config.h"

namespace dg {

using XmlAttributes = std::map<std::string, std::string>;
using Warn = std::function<void(const std::string& what)>;

// Whether some texts, in an array, have one among them.
template <typename Texts>
bool has(const Texts& texts, std::string_view text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

XmlAttributes read_attributes(const char** attributes);
// Without its rules; nothing if it is for a user or group that there isn't.
std::optional<PolicySection> read_section(const XmlAttributes& given, const Warn& warn);
// Nothing if it can't ever match.
std::optional<PolicyRule> read_rule(const std::string& element, const XmlAttributes& given,
                                    const PolicySection& section, const Warn& warn);
uint64_t read_limit(const std::string& name, const std::string& text);

}  // namespace dg
