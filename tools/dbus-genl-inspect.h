// SPDX-License-Identifier: LGPL-2.1-or-later
// What is on one bus, as the kernel tells its user and administrators: peers, what their
// users are charged, names, match rules.
// Each reads it and prints it, for people or as JSON; false with `error` set if the kernel refuses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "transport/genl_socket.h"

namespace dg {

// A number that the kernel tells.
struct Count {
  int attribute;
  const char* key;   // in JSON
  const char* text;  // for people
};

struct Inspected {
  std::string bus;
  std::optional<uint32_t> uid;  // without one it is the caller's own bus
  bool json = false;
};

bool show_peers(GenlSocket& socket, const Inspected& what, GenlError* error);
bool show_users(GenlSocket& socket, const Inspected& what, GenlError* error);
bool show_names(GenlSocket& socket, const Inspected& what, GenlError* error);
bool show_rules(GenlSocket& socket, const Inspected& what, GenlError* error);

}  // namespace dg
