// SPDX-License-Identifier: LGPL-2.1-or-later
// A bus's limits, by dbus-daemon's names: shown, and set with NAME=VALUE.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transport/genl_socket.h"

namespace dg {

// Sets those of `settings` if there are any, and prints all, as the kernel has them then. False
// with `error` set if the kernel refuses, or (its code is EINVAL) if a setting makes no sense.
bool limits_command(GenlSocket& socket, const std::string& bus, std::optional<uint32_t> uid,
                    const std::vector<std::string>& settings, bool json, GenlError* error);

}  // namespace dg
