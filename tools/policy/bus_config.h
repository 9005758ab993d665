// SPDX-License-Identifier: LGPL-2.1-or-later
// What dbus-daemon's configuration files (dbus-daemon(1), CONFIGURATION FILE) say, as far as a bus
// in the kernel can have it: policy and limits. Elements about sockets, services and the daemon's
// own process are checked for their place and passed over.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace dg {

// One line: file, line, what is wrong.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// <allow> or <deny>; what is absent matches everything.
struct PolicyRule {
  uint8_t kind = 0;  // enum dbus_genl_rule_kind
  bool allow = false;
  std::optional<uint32_t> id;
  std::optional<std::string> name;
  bool prefix = false;
  uint8_t type = 0;
  std::optional<std::string> interface, member, path, error;
  std::optional<bool> broadcast, requested_reply, eavesdrop;
  std::optional<uint32_t> min_fds, max_fds;
};

// <policy>
struct PolicySection {
  uint16_t whose = 0;  // DBUS_GENL_SECTION_A_CONTEXT, _USER, _GROUP or _AT_CONSOLE
  uint32_t value = 0;  // of that attribute
  std::vector<PolicyRule> rules;
};

struct BusConfig {
  std::string type;
  std::vector<PolicySection> policy;
  std::map<std::string, uint64_t> limits;   // by dbus-daemon's names; the last one counts
  std::map<std::string, std::string> auth;  // mechanisms, and where they stand: "FILE:LINE: "
  std::vector<std::string> warnings;        // as one-line texts: what was passed over, and why
};

// Reads a file and what it includes. Throws ConfigError.
BusConfig read_bus_config(const std::string& file);

// POLICY_SET's blob (linux/dbus_genl.h, "A policy"), with these users at the console. Throws
// std::length_error if it can't be one.
std::vector<uint8_t> policy_blob(const std::vector<PolicySection>& policy,
                                 const std::vector<uint32_t>& console_users = {});

// Who is at the console: as dbus-daemon has it on Debian, users that logind knows to have a session
// on a seat. It asks when somebody connects; this tells who is there now.
std::vector<uint32_t> console_users();

}  // namespace dg
