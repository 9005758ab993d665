// SPDX-License-Identifier: LGPL-2.1-or-later
// See dbus-genl-inspect.h. What programs chose (rules, names of processes) is escaped: it must be
// able neither to write to a terminal what it likes, nor to break the JSON.
#include "dbus-genl-inspect.h"

#include <fmt/core.h>
#include <linux/dbus_genl.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <new>
#include <tuple>
#include <utility>
#include <vector>

namespace dg {

namespace {

// Attributes of one message of a dump, by number.
class Fields {
 public:
  bool parse(nlmsghdr* message, uint8_t command, int max) {
    auto* header = static_cast<genlmsghdr*>(nlmsg_data(message));
    return header->cmd == command &&
           genlmsg_parse(message, 0, attributes_.data(), max, nullptr) >= 0;
  }
  // What is nested in an attribute; nothing if there is none.
  Fields inside(int attribute, int max) const {
    Fields nested;
    nlattr* value = attributes_[static_cast<std::size_t>(attribute)];
    if (value) (void)nla_parse_nested(nested.attributes_.data(), max, value, nullptr);
    return nested;
  }
  bool has(int attribute) const { return at(attribute) != nullptr; }
  uint64_t number(int attribute) const {
    const nlattr* value = at(attribute);
    if (!value) return 0;
    if (nla_len(value) == sizeof(uint64_t)) return nla_get_u64(value);
    return nla_len(value) == sizeof(uint32_t) ? nla_get_u32(value) : 0;
  }
  std::string text(int attribute) const {
    const nlattr* value = at(attribute);
    if (!value || nla_len(value) < 1) return {};
    return std::string(static_cast<const char*>(nla_data(value)),
                       static_cast<std::size_t>(nla_len(value)) - 1);
  }

 private:
  const nlattr* at(int attribute) const { return attributes_[static_cast<std::size_t>(attribute)]; }

  std::array<nlattr*, DBUS_GENL_PEER_A_MAX + 1> attributes_{};
};
static_assert(int{DBUS_GENL_NAME_A_MAX} <= int{DBUS_GENL_PEER_A_MAX} &&
              int{DBUS_GENL_QUOTA_A_MAX} <= int{DBUS_GENL_PEER_A_MAX} &&
              int{DBUS_GENL_CHARGE_A_MAX} <= int{DBUS_GENL_PEER_A_MAX} &&
              int{DBUS_GENL_MATCH_A_MAX} <= int{DBUS_GENL_PEER_A_MAX});

bool dump(GenlSocket& socket, const Inspected& what, uint8_t command, int max,
          const std::function<void(const Fields&)>& each, GenlError* error) {
  NlMsg request = socket.request(command, NLM_F_DUMP);
  if (!request || nla_put_string(request.get(), DBUS_GENL_BUS_A_NAME, what.bus.c_str()) < 0 ||
      (what.uid && nla_put_u32(request.get(), DBUS_GENL_BUS_A_UID, *what.uid) < 0)) {
    throw std::bad_alloc();
  }
  auto answer = [&](nlmsghdr* message) {
    Fields fields;
    if (!fields.parse(message, command, max)) return false;
    each(fields);
    return true;
  };
  return socket.transact(std::move(request), answer, error);
}

// UTF-8 stays so.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string unique_name(uint64_t id) { return fmt::format(":1.{}", id - 1); }

void print_json(const std::vector<std::string>& objects) {
  std::string json;
  for (const std::string& object : objects) json += (json.empty() ? "" : ", ") + object;
  fmt::print("[{}]\n", json);
}

// --- peers

struct Column {
  int attribute;
  const char* key;  // in JSON
  const char* head;
  int width;
};

constexpr Column kPeerColumns[] = {
    {DBUS_GENL_PEER_A_UID, "uid", "UID", 7},
    {DBUS_GENL_PEER_A_PID, "pid", "PID", 7},
    {DBUS_GENL_PEER_A_NAMES, "names", "NAMES", 5},
    {DBUS_GENL_PEER_A_MATCHES, "rules", "RULES", 5},
    {DBUS_GENL_PEER_A_CALLS, "calls", "CALLS", 5},
    {DBUS_GENL_PEER_A_OWED, "owed", "OWED", 5},
    {DBUS_GENL_PEER_A_QUEUED_MESSAGES, "queued_messages", "QUEUED", 6},
    {DBUS_GENL_PEER_A_QUEUED_BYTES, "queued_bytes", "BYTES", 9},
    {DBUS_GENL_PEER_A_UNREAD_BYTES, "unread_bytes", "UNREAD", 7},
    {DBUS_GENL_PEER_A_UNCLAIMED_FDS, "unclaimed_fds", "FDS", 4},
    {DBUS_GENL_PEER_A_SENT, "sent", "SENT", 9},
    {DBUS_GENL_PEER_A_RECEIVED, "received", "RECEIVED", 9},
    {DBUS_GENL_PEER_A_DROPPED, "dropped", "DROPPED", 8},
    {DBUS_GENL_PEER_A_REFUSED, "refused", "REFUSED", 8},
    {DBUS_GENL_PEER_A_OVERFLOWED, "overflowed", "OVERFLOWED", 10},
    {DBUS_GENL_PEER_A_EXPIRED, "expired", "EXPIRED", 7},
};

bool has_flag(const Fields& peer, uint32_t flag) {
  return (peer.number(DBUS_GENL_PEER_A_FLAGS) & flag) != 0;
}

std::string peer_title(const Fields& peer) {
  if (has_flag(peer, DBUS_GENL_PEER_MONITOR)) return "(monitor)";
  return peer.has(DBUS_GENL_PEER_A_NAME) ? peer.text(DBUS_GENL_PEER_A_NAME) : "(no Hello)";
}

std::string peer_json(const Fields& peer) {
  std::string json = fmt::format("{{\"number\": {}", peer.number(DBUS_GENL_PEER_A_NUMBER));
  if (peer.has(DBUS_GENL_PEER_A_NAME)) {
    json += fmt::format(", \"name\": \"{}\"", peer.text(DBUS_GENL_PEER_A_NAME));
  }
  for (const Column& column : kPeerColumns) {
    if (!peer.has(column.attribute)) continue;
    json += fmt::format(", \"{}\": {}", column.key, peer.number(column.attribute));
  }
  return json + fmt::format(", \"takes_fds\": {}, \"monitor\": {}, \"comm\": \"{}\"}}",
                            has_flag(peer, DBUS_GENL_PEER_FDS),
                            has_flag(peer, DBUS_GENL_PEER_MONITOR),
                            escaped(peer.text(DBUS_GENL_PEER_A_COMM)));
}

std::string peer_line(const Fields& peer) {
  std::string line = fmt::format("{:<10}", peer_title(peer));
  for (const Column& column : kPeerColumns) {
    line += peer.has(column.attribute)
                ? fmt::format(" {:>{}}", peer.number(column.attribute), column.width)
                : fmt::format(" {:>{}}", "-", column.width);
  }
  return line + "  " + escaped(peer.text(DBUS_GENL_PEER_A_COMM));
}

// --- users

constexpr Count kQuotas[] = {
    {DBUS_GENL_QUOTA_A_CONNECTIONS, "connections", "connections"},
    {DBUS_GENL_QUOTA_A_WAITING, "waiting", "what waits for services"},
    {DBUS_GENL_QUOTA_A_BYTES, "bytes", "bytes in overflow queues"},
    {DBUS_GENL_QUOTA_A_FDS, "fds", "files that wait to be claimed"},
    {DBUS_GENL_QUOTA_A_BODY_BYTES, "body_bytes", "bytes of bodies that are files"},
    {DBUS_GENL_QUOTA_A_DRIVER_BYTES, "driver_bytes", "the bus's own bytes for it"},
    {DBUS_GENL_QUOTA_A_ALL_BYTES, "all_bytes", "all buses: bytes in overflow queues"},
    {DBUS_GENL_QUOTA_A_ALL_FDS, "all_fds", "all buses: files"},
    {DBUS_GENL_QUOTA_A_ALL_BODY_BYTES, "all_body_bytes", "all buses: bytes of bodies"},
    {DBUS_GENL_QUOTA_A_ALL_HELD, "all_held", "all buses: rules, names, calls"},
};

struct Charge {
  uint64_t used;
  uint64_t most;
};

struct User {
  unsigned peers = 0;
  std::array<Charge, std::size(kQuotas)> charges{};  // as its last peer tells them
};

std::string user_json(uint64_t uid, const User& user) {
  std::string json = fmt::format("{{\"uid\": {}, \"peers\": {}", uid, user.peers);
  for (std::size_t i = 0; i < std::size(kQuotas); ++i) {
    json += fmt::format(", \"{}\": {{\"used\": {}, \"max\": {}}}", kQuotas[i].key,
                        user.charges[i].used, user.charges[i].most);
  }
  return json + "}";
}

void print_user(uint64_t uid, const User& user) {
  for (std::size_t i = 0; i < std::size(kQuotas); ++i) {
    fmt::print("{:<10} {:<36} {:>12} {:>12}\n", i ? "" : std::to_string(uid), kQuotas[i].text,
               user.charges[i].used, user.charges[i].most);
  }
}

// --- names and rules

struct Place {
  std::string name;
  uint64_t position;
  std::string owner;
  uint64_t flags;
};

std::string flags_text(uint64_t flags) {
  std::string text;
  if (flags & 1) text += " allow-replacement";
  if (flags & 2) text += " replace-existing";
  if (flags & 4) text += " do-not-queue";
  return text;
}

struct Rule {
  std::string owner;
  std::string text;
  unsigned count;
};

}  // namespace

bool show_peers(GenlSocket& socket, const Inspected& what, GenlError* error) {
  std::vector<std::string> peers;
  auto add = [&](const Fields& peer) {
    peers.push_back(what.json ? peer_json(peer) : peer_line(peer));
  };
  if (!dump(socket, what, DBUS_GENL_CMD_PEER_GET, DBUS_GENL_PEER_A_MAX, add, error)) return false;
  if (what.json) {
    print_json(peers);
    return true;
  }
  fmt::print("{:<10}", "PEER");
  for (const Column& column : kPeerColumns) fmt::print(" {:>{}}", column.head, column.width);
  fmt::print("  PROCESS\n");
  for (const std::string& peer : peers) fmt::print("{}\n", peer);
  return true;
}

bool show_users(GenlSocket& socket, const Inspected& what, GenlError* error) {
  std::map<uint64_t, User> users;
  auto add = [&](const Fields& peer) {
    User& user = users[peer.number(DBUS_GENL_PEER_A_UID)];
    const Fields quotas = peer.inside(DBUS_GENL_PEER_A_QUOTAS, DBUS_GENL_QUOTA_A_MAX);
    ++user.peers;
    for (std::size_t i = 0; i < std::size(kQuotas); ++i) {
      const Fields charge = quotas.inside(kQuotas[i].attribute, DBUS_GENL_CHARGE_A_MAX);
      user.charges[i] = {charge.number(DBUS_GENL_CHARGE_A_USED),
                         charge.number(DBUS_GENL_CHARGE_A_LIMIT)};
    }
  };
  if (!dump(socket, what, DBUS_GENL_CMD_PEER_GET, DBUS_GENL_PEER_A_MAX, add, error)) return false;
  std::vector<std::string> objects;
  if (!what.json) fmt::print("{:<10} {:<36} {:>12} {:>12}\n", "USER", "QUOTA", "USED", "MOST");
  for (const auto& [uid, user] : users) {
    if (what.json) {
      objects.push_back(user_json(uid, user));
    } else {
      print_user(uid, user);
    }
  }
  if (what.json) print_json(objects);
  return true;
}

bool show_names(GenlSocket& socket, const Inspected& what, GenlError* error) {
  std::vector<Place> places;
  auto add = [&](const Fields& place) {
    places.push_back({place.text(DBUS_GENL_NAME_A_NAME), place.number(DBUS_GENL_NAME_A_POSITION),
                      unique_name(place.number(DBUS_GENL_NAME_A_OWNER)),
                      place.number(DBUS_GENL_NAME_A_FLAGS)});
  };
  if (!dump(socket, what, DBUS_GENL_CMD_NAME_GET, DBUS_GENL_NAME_A_MAX, add, error)) return false;
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tie(a.name, a.position) < std::tie(b.name, b.position);
  });
  std::vector<std::string> objects;
  if (!what.json) fmt::print("{:<40} {:<10} FLAGS\n", "NAME", "PEER");
  for (const Place& place : places) {
    if (what.json) {
      objects.push_back(
          fmt::format("{{\"name\": \"{}\", \"position\": {}, \"peer\": \"{}\", \"flags\": {}}}",
                      place.name, place.position, place.owner, place.flags));
    } else {
      // Who waits for a name stands below its owner.
      fmt::print("{:<40} {:<10}{}\n", place.position ? "" : place.name, place.owner,
                 flags_text(place.flags));
    }
  }
  if (what.json) print_json(objects);
  return true;
}

bool show_rules(GenlSocket& socket, const Inspected& what, GenlError* error) {
  std::vector<Rule> rules;
  std::map<std::pair<std::string, std::string>, std::size_t> seen;
  auto add = [&](const Fields& rule) {
    std::string owner = unique_name(rule.number(DBUS_GENL_MATCH_A_OWNER));
    std::string text = escaped(rule.text(DBUS_GENL_MATCH_A_RULE));
    auto [at, fresh] = seen.emplace(std::pair(owner, text), rules.size());
    if (fresh) {
      rules.push_back({std::move(owner), std::move(text), 1});
    } else {
      rules[at->second].count++;
    }
  };
  if (!dump(socket, what, DBUS_GENL_CMD_MATCH_GET, DBUS_GENL_MATCH_A_MAX, add, error)) return false;
  std::vector<std::string> objects;
  if (!what.json) fmt::print("{:<10} {:>5}  RULE\n", "PEER", "COUNT");
  for (const Rule& rule : rules) {
    if (what.json) {
      objects.push_back(fmt::format("{{\"peer\": \"{}\", \"count\": {}, \"rule\": \"{}\"}}",
                                    rule.owner, rule.count, rule.text));
    } else {
      fmt::print("{:<10} {:>5}  {}\n", rule.owner, rule.count, rule.text);
    }
  }
  if (what.json) print_json(objects);
  return true;
}

}  // namespace dg
