// SPDX-License-Identifier: LGPL-2.1-or-later
// The requests about buses, apart from messages on them: join, create, destroy, list, count. The
// library uses CONNECT and the list; tools/ use the others too. Functions return false with `error`
// set; they may throw std::bad_alloc.
#pragma once

#include <linux/dbus_genl.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "transport/genl_socket.h"

namespace dg {

// Indexed by enum dbus_genl_stats_attr.
using GenlStats = std::array<uint64_t, DBUS_GENL_STATS_A_MAX + 1>;

struct GenlBus {
  std::string name;
  uint32_t uid = 0;
  std::string guid;
  uint32_t flags = 0;  // enum dbus_genl_bus_flags
  GenlStats stats{};
};

struct GenlPeer {
  std::string guid;
  uint32_t max_message_size = 0;
  uint32_t max_fds = 0;
  uint32_t max_body_fd_size = 0;  // 0: bodies travel inline only
};

// Without a uid it is the caller's own bus.
bool genl_connect(GenlSocket& socket, const std::string& name, std::optional<uint32_t> uid,
                  GenlPeer* peer, GenlError* error);
// The socket becomes the controller. machine_id: what the bus says of itself, "" for nothing.
bool genl_bus_create(GenlSocket& socket, const std::string& name, uint32_t flags,
                     const std::string& machine_id, GenlBus* bus, GenlError* error);
bool genl_bus_destroy(GenlSocket& socket, const std::string& name, std::optional<uint32_t> uid,
                      GenlError* error);
bool genl_bus_list(GenlSocket& socket, std::vector<GenlBus>* buses, GenlError* error);
bool genl_stats(GenlSocket& socket, GenlStats* stats, GenlError* error);

// One line that tells a person what went wrong and, without the module, how to get it.
std::string genl_error_text(const GenlError& error);

}  // namespace dg
