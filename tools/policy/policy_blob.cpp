// SPDX-License-Identifier: LGPL-2.1-or-later
// policy_blob.cpp - a policy as POLICY_SET takes it: linux/dbus_genl.h, "A policy"
#include <linux/dbus_genl.h>
#include <linux/netlink.h>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "policy/bus_config.h"

namespace dg {

namespace {

class Nest {
 public:
  void put(uint16_t type, const void* data, std::size_t length) {
    const std::size_t whole = NLA_HDRLEN + length;
    if (whole > UINT16_MAX) throw std::length_error("a text of the policy is too long");
    const nlattr header{static_cast<uint16_t>(whole), type};
    append(&header, sizeof header);
    append(data, length);
    bytes_.resize(NLA_ALIGN(bytes_.size()));
  }
  void put(uint16_t type, uint8_t value) { put(type, &value, sizeof value); }
  void put(uint16_t type, uint32_t value) { put(type, &value, sizeof value); }
  void put(uint16_t type, const std::optional<std::string>& text) {
    if (text) put(type, text->c_str(), text->size() + 1);
  }
  void put(uint16_t type, std::optional<bool> value) {
    if (value) put(type, static_cast<uint8_t>(*value));
  }
  void put(uint16_t type, std::optional<uint32_t> value) {
    if (value) put(type, *value);
  }
  void put(uint16_t type, const Nest& inside) {
    put(static_cast<uint16_t>(type | NLA_F_NESTED), inside.bytes_.data(), inside.bytes_.size());
  }
  std::size_t size() const { return bytes_.size(); }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  void append(const void* data, std::size_t length) {
    const auto* bytes = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + length);
  }

  std::vector<uint8_t> bytes_;
};

Nest rule_nest(const PolicyRule& rule) {
  Nest nest;
  nest.put(DBUS_GENL_RULE_A_KIND, rule.kind);
  nest.put(DBUS_GENL_RULE_A_ALLOW, static_cast<uint8_t>(rule.allow));
  nest.put(DBUS_GENL_RULE_A_ID, rule.id);
  nest.put(DBUS_GENL_RULE_A_NAME, rule.name);
  if (rule.prefix) nest.put(DBUS_GENL_RULE_A_PREFIX, nullptr, 0);
  if (rule.type) nest.put(DBUS_GENL_RULE_A_TYPE, rule.type);
  nest.put(DBUS_GENL_RULE_A_INTERFACE, rule.interface);
  nest.put(DBUS_GENL_RULE_A_MEMBER, rule.member);
  nest.put(DBUS_GENL_RULE_A_PATH, rule.path);
  nest.put(DBUS_GENL_RULE_A_ERROR, rule.error);
  nest.put(DBUS_GENL_RULE_A_BROADCAST, rule.broadcast);
  nest.put(DBUS_GENL_RULE_A_REQUESTED_REPLY, rule.requested_reply);
  nest.put(DBUS_GENL_RULE_A_EAVESDROP, rule.eavesdrop);
  nest.put(DBUS_GENL_RULE_A_MIN_FDS, rule.min_fds);
  nest.put(DBUS_GENL_RULE_A_MAX_FDS, rule.max_fds);
  return nest;
}

Nest section_start(const PolicySection& section) {
  Nest nest;
  if (section.whose == DBUS_GENL_SECTION_A_USER || section.whose == DBUS_GENL_SECTION_A_GROUP) {
    nest.put(section.whose, section.value);
  } else {
    nest.put(section.whose, static_cast<uint8_t>(section.value));
  }
  return nest;
}

}  // namespace

std::vector<uint8_t> policy_blob(const std::vector<PolicySection>& policy,
                                 const std::vector<uint32_t>& console_users) {
  Nest blob;
  for (const PolicySection& section : policy) {
    Nest nest = section_start(section);
    for (const PolicyRule& rule : section.rules) {
      const Nest more = rule_nest(rule);
      if (nest.size() + NLA_HDRLEN + more.size() > DBUS_GENL_ATTR_MAX) {
        blob.put(DBUS_GENL_POLICY_A_SECTION, nest);
        nest = section_start(section);
      }
      nest.put(DBUS_GENL_SECTION_A_RULE, more);
    }
    blob.put(DBUS_GENL_POLICY_A_SECTION, nest);
  }
  if (!console_users.empty()) {
    blob.put(DBUS_GENL_POLICY_A_CONSOLE, console_users.data(),
             console_users.size() * sizeof(uint32_t));
  }
  if (blob.size() > DBUS_GENL_POLICY_MAX) throw std::length_error("the policy is too long");
  return blob.take();
}

namespace {

// What logind writes of a user; ONLINE_SEATS is what sd_uid_get_seats(3) tells.
bool has_seat(const std::filesystem::path& user) {
  constexpr std::string_view key = "ONLINE_SEATS=";
  std::ifstream file(user);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return line.find_first_not_of(" \"", key.size()) != line.npos;
  }
  return false;
}

}  // namespace

std::vector<uint32_t> console_users() {
  std::vector<uint32_t> users;
  std::error_code error;
  // Without it there is no logind, and nobody at the console.
  if (!std::filesystem::exists("/run/systemd/seats", error)) return users;
  for (const auto& entry : std::filesystem::directory_iterator("/run/systemd/users", error)) {
    const std::string name = entry.path().filename();
    uint32_t uid;
    const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), uid);
    // Names that are no number are of files that are being written.
    if (failed == std::errc() && end == name.data() + name.size() && has_seat(entry.path()))
      users.push_back(uid);
  }
  return users;
}

}  // namespace dg
