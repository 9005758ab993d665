// SPDX-License-Identifier: LGPL-2.1-or-later
// See sasl_mechanism.h.
#include "transport/sasl_mechanism.h"

namespace dg {

// The initial response has said all. A server that asks again (an empty DATA from one that
// ignored the initial response) is told once more; the server's own limit ends a loop of that.
std::optional<std::string> ExternalMechanism::respond(std::string_view) { return identity_; }

std::optional<std::string> AnonymousMechanism::respond(std::string_view) { return std::string(); }

}  // namespace dg
