// SPDX-License-Identifier: LGPL-2.1-or-later
// A client that has come to a listening socket.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transport/transport.h"

namespace dg {

// guid: the server's; mechanisms: none for all; nonce: what the client has to send first, or "".
// Null when the client has gone again, or without descriptors or memory.
std::unique_ptr<Transport> accept_transport(
    int listening, const std::string& guid,
    const std::optional<std::vector<std::string>>& mechanisms, const std::string& nonce) noexcept;

}  // namespace dg
