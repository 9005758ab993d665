// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * policy_attrs.h - policies as POLICY_SET takes them, put together attribute by attribute
 */
#pragma once

#include <initializer_list>

#include "netlink.h"

namespace dg::test {

inline Attrs rule_attrs(uint8_t kind, bool allow) {
  Attrs rule;
  rule.u8(DBUS_GENL_RULE_A_KIND, kind).u8(DBUS_GENL_RULE_A_ALLOW, allow);
  return rule;
}

inline void put_rules(Attrs& section, std::initializer_list<Attrs> rules) {
  for (const Attrs& rule : rules) section.nested(DBUS_GENL_SECTION_A_RULE, rule);
}

// For everybody, in front of all others or behind them.
inline Attrs context_section(uint8_t context, std::initializer_list<Attrs> rules) {
  Attrs section, out;
  section.u8(DBUS_GENL_SECTION_A_CONTEXT, context);
  put_rules(section, rules);
  return out.nested(DBUS_GENL_POLICY_A_SECTION, section);
}

// For a user, or a group: whose is DBUS_GENL_SECTION_A_USER or _GROUP.
inline Attrs id_section(uint16_t whose, uint32_t id, std::initializer_list<Attrs> rules) {
  Attrs section, out;
  section.u32(whose, id);
  put_rules(section, rules);
  return out.nested(DBUS_GENL_POLICY_A_SECTION, section);
}

// All may join, own, send and receive everything.
inline Attrs open_section() {
  return context_section(DBUS_GENL_CONTEXT_DEFAULT, {rule_attrs(DBUS_GENL_RULE_CONNECT_USER, true),
                                                     rule_attrs(DBUS_GENL_RULE_OWN, true),
                                                     rule_attrs(DBUS_GENL_RULE_SEND, true),
                                                     rule_attrs(DBUS_GENL_RULE_RECEIVE, true)
                                                         .u8(DBUS_GENL_RULE_A_EAVESDROP, 1)
                                                         .u8(DBUS_GENL_RULE_A_REQUESTED_REPLY, 0)});
}

inline Attrs policy_request(const Attrs& policy) {
  return Attrs().raw(DBUS_GENL_BUS_A_POLICY, policy.bytes().data(), policy.bytes().size());
}

}  // namespace dg::test
