// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A question about the kernel's buses that is asked before one is opened.
#pragma once

namespace dg {

// Is there a bus that this process could join: "system", "session" (its own
// user's) or NAME of its own user? False too when there is no module, or when
// netlink is forbidden. Costs a socket and two requests.
bool genl_bus_exists(const char* name) noexcept;

}  // namespace dg
