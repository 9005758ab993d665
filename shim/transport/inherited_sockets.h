// SPDX-License-Identifier: LGPL-2.1-or-later
// Sockets that a service manager has opened and passed on (sd_listen_fds(3)), for systemd:.
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace dg {

// Those meant for this process, made close-on-exec and non-blocking; nobody gets them twice, nor a
// child. None is left over when there are none.
std::vector<UniqueFd> take_inherited_sockets();

// Where a listening socket listens, as an address; "" for what isn't one.
std::string address_of_socket(int fd);

}  // namespace dg
