// SPDX-License-Identifier: LGPL-2.1-or-later
// config_rule.cpp - see config_rule.h. Which combinations are refused is dbus-daemon 1.14's, as
// observed.
#include "policy/config_rule.h"

#include <grp.h>
#include <linux/dbus_genl.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace dg {

namespace {

constexpr uint32_t kMaxFds = 33554432;  // dbus-daemon's bound of min_fds and max_fds

// These may be what a long is, the others what an int is.
constexpr std::array<std::string_view, 6> kLongLimits = {
    "max_incoming_bytes",    "max_incoming_unix_fds", "max_outgoing_bytes",
    "max_outgoing_unix_fds", "max_message_size",      "max_message_unix_fds",
};

constexpr std::array<std::string_view, 11> kIntLimits = {
    "service_start_timeout",
    "auth_timeout",
    "pending_fd_timeout",
    "max_completed_connections",
    "max_incomplete_connections",
    "max_connections_per_user",
    "max_pending_service_starts",
    "max_names_per_connection",
    "max_match_rules_per_connection",
    "max_replies_per_connection",
    "reply_timeout",
};

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

// What a text begins with, as strtol() reads it: 010 is 8, and 0x10 is 16.
std::optional<long> number_at(const std::string& text, const char** rest) {
  char* end = nullptr;
  errno = 0;
  const long number = std::strtol(text.c_str(), &end, 0);
  if (errno || end == text.c_str()) return std::nullopt;
  *rest = end;
  return number;
}

// What comes behind the number doesn't matter.
std::optional<long> number_of(const std::string& text) {
  const char* rest = nullptr;
  return number_at(text, &rest);
}

// Of a user or group; of these a text is a name unless all of it is a number. -1 is no id, and
// what goes beyond 32 bits is nobody (dbus-daemon takes it for who has the rest of its bits).
std::optional<uint32_t> id_of(const std::string& text) {
  const char* rest = nullptr;
  const std::optional<long> number = number_at(text, &rest);
  if (!number || *rest || *number < 0 || *number >= UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

std::optional<uint32_t> user_of(const std::string& text) {
  if (auto number = id_of(text)) return number;
  const passwd* user = ::getpwnam(text.c_str());
  return user ? std::optional<uint32_t>(user->pw_uid) : std::nullopt;
}

std::optional<uint32_t> group_of(const std::string& text) {
  if (auto number = id_of(text)) return number;
  const group* group = ::getgrnam(text.c_str());
  return group ? std::optional<uint32_t>(group->gr_gid) : std::nullopt;
}

bool bool_of(const std::string& name, const std::string& value) {
  if (value != "true" && value != "false") {
    fail("bad value \"" + value + "\" of " + name + ": it must be true or false");
  }
  return value == "true";
}

uint32_t fds_of(const std::string& name, const std::string& value) {
  const std::optional<long> number = number_of(value);
  if (!number || *number < 0 || *number > kMaxFds) {
    fail("bad value \"" + value + "\" of " + name + ": it must be an integer from 0 to " +
         std::to_string(kMaxFds));
  }
  return static_cast<uint32_t>(*number);
}

uint8_t type_of(const std::string& value) {
  constexpr std::array<std::string_view, 5> names = {"*", "method_call", "method_return", "error",
                                                     "signal"};
  const auto found = std::find(names.begin(), names.end(), value);
  if (found == names.end()) fail("bad message type \"" + value + "\"");
  return static_cast<uint8_t>(found - names.begin());
}

// "*" matches everything, like nothing.
std::optional<std::string> text_of(const std::string& value) {
  return value == "*" ? std::nullopt : std::optional(value);
}

// What stands in a rule, sorted by what it is about.
class RuleReader {
 public:
  RuleReader(const std::string& element, const XmlAttributes& given, const Warn& warn)
      : element_(element), given_(given), warn_(warn) {
    rule_.allow = element == "allow";
  }

  std::optional<PolicyRule> read(const PolicySection& section) {
    for (const auto& [name, value] : given_) attribute(name, value);
    if (!send_ && !receive_ && !others_ && !rule_.eavesdrop) {
      fail("<" + element_ + "> must have one or more attributes");
    }
    const bool message = send_ || receive_ || rule_.eavesdrop || rule_.min_fds || rule_.max_fds;
    if (others_ + (message ? 1 : 0) > 1) {
      combination("own, own_prefix, user, group and the message-related attributes");
    }
    if (send_ && receive_) combination("send and receive attributes");
    if (destinations_ > 1) combination("send_destination and send_destination_prefix");
    // Neither can one with a prefix; that is no mistake to dbus-daemon.
    if (rule_.broadcast == true && rule_.name && !rule_.prefix) {
      fail("send_broadcast=\"true\" and a destination cannot match anything");
    }
    if (error_ && (interface_ || member_)) {
      combination("send_error or receive_error and a member or interface");
    }
    if (member_ && !interface_ && !path_) {
      fail("a member needs an interface or a path: not all messages have an interface");
    }
    if (message) rule_.kind = send_ ? DBUS_GENL_RULE_SEND : DBUS_GENL_RULE_RECEIVE;
    return nobody_ || !may_connect(section) ? std::nullopt : std::optional(std::move(rule_));
  }

 private:
  [[noreturn]] void combination(const std::string& what) const {
    fail("attributes that don't go together on <" + element_ + ">: " + what +
         " cannot be combined");
  }

  void attribute(const std::string& name, const std::string& value) {
    if (name == "log") {
      // dbus-daemon logs more, then, and doesn't look at the value; the kernel doesn't log.
    } else if (name == "eavesdrop") {
      rule_.eavesdrop = bool_of(name, value);
    } else if (name == "min_fds") {
      rule_.min_fds = fds_of(name, value);
    } else if (name == "max_fds") {
      rule_.max_fds = fds_of(name, value);
    } else if (name == "own" || name == "own_prefix") {
      others_++;
      rule_.kind = DBUS_GENL_RULE_OWN;
      rule_.prefix = name == "own_prefix";
      rule_.name = rule_.prefix ? std::optional(value) : text_of(value);
    } else if (name == "user" || name == "group") {
      others_++;
      connect(name == "user", value);
    } else if (name.starts_with("send_")) {
      send_ = true;
      message_attribute(name, name.substr(5), value);
    } else if (name.starts_with("receive_")) {
      receive_ = true;
      message_attribute(name, name.substr(8), value);
    } else {
      unknown(name);
    }
  }

  void message_attribute(const std::string& name, const std::string& what,
                         const std::string& value) {
    if (what == "interface") {
      interface_ = true;
      rule_.interface = text_of(value);
    } else if (what == "member") {
      member_ = true;
      rule_.member = text_of(value);
    } else if (what == "error") {
      error_ = true;
      rule_.error = text_of(value);
    } else if (what == "path") {
      path_ = true;
      rule_.path = text_of(value);
    } else if (what == "type") {
      rule_.type = type_of(value);
    } else if (what == "requested_reply") {
      rule_.requested_reply = bool_of(name, value);
    } else if (name == "send_broadcast") {
      rule_.broadcast = bool_of(name, value);
    } else if (name == "send_destination" || name == "receive_sender") {
      destinations_++;
      rule_.name = text_of(value);
    } else if (name == "send_destination_prefix") {
      destinations_++;
      rule_.name = value;
      rule_.prefix = true;
    } else {
      unknown(name);
    }
  }

  [[noreturn]] void unknown(const std::string& name) const {
    fail("attribute \"" + name + "\" is invalid on <" + element_ + ">");
  }

  void connect(bool user, const std::string& value) {
    rule_.kind = user ? DBUS_GENL_RULE_CONNECT_USER : DBUS_GENL_RULE_CONNECT_GROUP;
    connect_ = true;
    if (value == "*") return;
    rule_.id = user ? user_of(value) : group_of(value);
    nobody_ = !rule_.id;
    if (nobody_) {
      warn_(std::string("unknown ") + (user ? "user" : "group") + " \"" + value + "\" on <" +
            element_ + ">");
    }
  }

  // Who may connect is for the whole bus to say.
  bool may_connect(const PolicySection& section) const {
    if (!connect_) return true;
    switch (section.whose) {
      case DBUS_GENL_SECTION_A_USER:
        fail("<" + element_ + "> cannot be per-user: who may connect is for the whole bus to say");
      case DBUS_GENL_SECTION_A_GROUP:
        fail("<" + element_ + "> cannot be per-group: who may connect is for the whole bus to say");
      case DBUS_GENL_SECTION_A_AT_CONSOLE:
        warn_("<" + element_ + "> of users or groups means nothing below at_console");
        return false;
      default:
        return true;
    }
  }

  const std::string& element_;
  const XmlAttributes& given_;
  const Warn& warn_;
  PolicyRule rule_;
  bool send_ = false, receive_ = false, connect_ = false, nobody_ = false;
  bool interface_ = false, member_ = false, error_ = false, path_ = false;
  int others_ = 0, destinations_ = 0;
};

}  // namespace

XmlAttributes read_attributes(const char** attributes) {
  XmlAttributes given;
  for (; *attributes; attributes += 2) given[attributes[0]] = attributes[1];
  return given;
}

std::optional<PolicySection> read_section(const XmlAttributes& given, const Warn& warn) {
  for (const auto& [name, value] : given) {
    if (name != "context" && name != "user" && name != "group" && name != "at_console") {
      fail("attribute \"" + name + "\" is invalid on <policy>");
    }
  }
  if (given.size() != 1) {
    fail("<policy> must have exactly one of context, user, group, at_console");
  }
  const auto& [name, value] = *given.begin();
  PolicySection section;
  if (name == "context") {
    if (value != "default" && value != "mandatory") {
      fail("context of <policy> must be \"default\" or \"mandatory\", not \"" + value + "\"");
    }
    section.whose = DBUS_GENL_SECTION_A_CONTEXT;
    section.value = value == "default" ? DBUS_GENL_CONTEXT_DEFAULT : DBUS_GENL_CONTEXT_MANDATORY;
    return section;
  }
  if (name == "at_console") {
    section.whose = DBUS_GENL_SECTION_A_AT_CONSOLE;
    section.value = bool_of(name, value) ? 1 : 0;
    return section;
  }
  const bool user = name == "user";
  const std::optional<uint32_t> id = user ? user_of(value) : group_of(value);
  if (!id) {
    warn("unknown " + name + " \"" + value + "\" on <policy>: its rules are for nobody");
    return std::nullopt;
  }
  section.whose = user ? DBUS_GENL_SECTION_A_USER : DBUS_GENL_SECTION_A_GROUP;
  section.value = *id;
  return section;
}

std::optional<PolicyRule> read_rule(const std::string& element, const XmlAttributes& given,
                                    const PolicySection& section, const Warn& warn) {
  return RuleReader(element, given, warn).read(section);
}

uint64_t read_limit(const std::string& name, const std::string& text) {
  const bool is_long = has(kLongLimits, name);
  if (!is_long && !has(kIntLimits, name)) fail("there is no limit called \"" + name + "\"");
  const std::optional<long> number = number_of(text);
  if (!number) fail("<limit name=\"" + name + "\"> is not a number: \"" + text + "\"");
  if (*number < 0 || (!is_long && *number > INT_MAX)) {
    fail("<limit name=\"" + name + "\"> is out of range: " + text);
  }
  return static_cast<uint64_t>(*number);
}

}  // namespace dg
