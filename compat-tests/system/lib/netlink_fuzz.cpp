// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * netlink_fuzz.cpp - requests at random, most of them nearly right, from several sockets
 *
 * netlink_fuzz [SECONDS [SEED]]: half of the time as an unprivileged user, half as root who makes
 * and destroys buses. A request is one of the contract's, of a call of the driver with a body that
 * fits or not, of a message to another socket, of a policy by its grammar, or of services and what
 * becomes of them; then some of its attributes, those inside others too, are dropped, doubled,
 * swapped, cut or changed. That the kernel says nothing is for tools/vm to see; here it must go on
 * serving a witness, and nothing may be left when the sockets are closed.
 */
#include <linux/netlink.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>

#include "files.h"
#include "policy_attrs.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr unsigned SOCKETS = 8;
constexpr uint32_t USER = 20001;
const char* const kServices[] = {"s.One", "s.Two", "a.b", "f.Name"};

struct Field {
  uint16_t type;
  std::string payload;
  int claimed = -1;  // the length that its header says
};
using Fields = std::vector<Field>;

class Fuzzer {
 public:
  // `own` is a bus to join for who makes none.
  Fuzzer(uint32_t seed, Bus* own) : random_(seed), own_(own), controls_(!own) {}
  ~Fuzzer() {
    for (int fd : files_) close(fd);
    if (policy_file_ >= 0) close(policy_file_);
  }

  void turn() {
    if (files_.empty()) files_ = {memfd(say("sealed", 70000)), memfd("open", 0), sparse(1 << 20)};
    if (one_in(1500)) repair();
    GenlSocket& sock = socks_[pick(SOCKETS)];
    if (sock.fd() < 0 || one_in(400)) {
      sock.close();
      if (sock.open(one_in(4) ? 4096 : 0)) return;
      // Most are to be peers, or little else would be tried.
      if (controls_ && one_in(4))
        send(sock, DBUS_GENL_CMD_BUS_CREATE, fields_of(DBUS_GENL_CMD_BUS_CREATE));
      else if (!one_in(4))
        join(sock);
      return;
    }
    const uint8_t cmd = command();
    // These are for the bus's maker; of several, for the one that has been asked last.
    GenlSocket* maker = own_ && (cmd == DBUS_GENL_CMD_POLICY_SET || starts(cmd)) ? &own_->sock
                        : starts(cmd) && cmd != DBUS_GENL_CMD_ACTIVATABLE_SET    ? last_asked_
                                                                                 : nullptr;
    if (one_in(4)) maker = nullptr;
    GenlSocket& by = maker ? *maker : sock;
    Fields fields = one_in(40) ? some_fields() : fields_of(cmd);
    while (one_in(3) && !fields.empty()) mutate(fields);
    send(by, cmd, fields);
    if (maker) listen(by);
    if (one_in(8)) listen(sock);
  }

  unsigned sent = 0, accepted = 0, refused = 0, messages = 0, claims = 0, monitors = 0,
           requested = 0;
  std::map<int, unsigned> errors;
  // By command: requests that were acknowledged, or dumps that came to their end; and others.
  unsigned done[DBUS_GENL_CMD_MAX + 1] = {}, failed[DBUS_GENL_CMD_MAX + 1] = {};

 private:
  uint32_t pick(size_t n) { return static_cast<uint32_t>(random_() % n); }
  bool one_in(uint32_t n) { return pick(n) == 0; }
  template <typename T, size_t N>
  const T& of(const T (&table)[N]) {
    return table[pick(N)];
  }
  template <typename T>
  static std::string raw(T v) {
    return std::string(reinterpret_cast<const char*>(&v), sizeof v);
  }
  static std::string z(std::string s) { return s + '\0'; }
  uint32_t number() {
    static constexpr uint32_t odd[] = {0, 1, 2, 3, 255, 256, 65535, 65536, 1u << 26, 1u << 31, ~0u};
    return one_in(3) ? of(odd) : pick(40);
  }

  uint8_t command() {
    static constexpr uint8_t usual[] = {DBUS_GENL_CMD_SEND,     DBUS_GENL_CMD_SEND,
                                        DBUS_GENL_CMD_SEND,     DBUS_GENL_CMD_SEND,
                                        DBUS_GENL_CMD_FD_CLAIM, DBUS_GENL_CMD_PULL};
    static constexpr uint8_t others[] = {
        DBUS_GENL_CMD_POLICY_SET, DBUS_GENL_CMD_POLICY_SET, DBUS_GENL_CMD_LIMITS_SET,
        DBUS_GENL_CMD_BUS_GET,    DBUS_GENL_CMD_PEER_GET,   DBUS_GENL_CMD_NAME_GET,
        DBUS_GENL_CMD_MATCH_GET,  DBUS_GENL_CMD_STATS_GET,  DBUS_GENL_CMD_ACTIVATABLE_SET,
        DBUS_GENL_CMD_ACTIVATE,   DBUS_GENL_CMD_RELOAD,     DBUS_GENL_CMD_ENVIRONMENT};
    if (!one_in(6)) return of(usual);
    if (one_in(2)) return of(others);
    if (controls_ && one_in(2))
      return !one_in(10) ? DBUS_GENL_CMD_BUS_CREATE : DBUS_GENL_CMD_BUS_DESTROY;
    return static_cast<uint8_t>(one_in(20) ? pick(256) : pick(DBUS_GENL_CMD_MAX + 2));
  }

  std::string bus() { return "fuzz" + std::to_string(pick(3)); }
  void join(GenlSocket& sock) {
    send(sock, DBUS_GENL_CMD_CONNECT, connect());
    send(sock, DBUS_GENL_CMD_SEND, driver("Hello", ""));
    Fields match = driver("AddMatch", "");
    match.push_back({DBUS_GENL_MSG_A_SIGNATURE, z("s")});
    match.push_back({DBUS_GENL_MSG_A_BODY, raw(uint32_t{13}) + z("type='signal'")});
    std::erase_if(match, [](const Field& f) {
      return f.type == DBUS_GENL_MSG_A_BODY && f.payload.size() != 18;
    });
    send(sock, DBUS_GENL_CMD_SEND, match);
    if (!joining_) listen(sock);
  }
  std::string joined() { return controls_ ? bus() : "user"; }
  Fields connect() {
    Fields fields = {{DBUS_GENL_BUS_A_NAME, z(joined())},
                     {DBUS_GENL_BUS_A_FLAGS, raw(uint32_t{DBUS_GENL_PEER_FDS})}};
    if (one_in(3)) fields.push_back({DBUS_GENL_BUS_A_PIDFD, raw(one_in(3) ? number() : pidfd_)});
    return fields;
  }
  std::string name() {
    static const std::string names[] = {
        "a.b",  "a.b.c", "f.Name", "org.freedesktop.DBus", ":1.0", "a", "", "s.One", "s.Two",
        ".a.b", "a..b",  "a.1b",   std::string(256, 'n')};
    return live_.empty() || one_in(4) ? of(names) : live_[pick(live_.size())];
  }
  std::string path() {
    static const std::string paths[] = {"/",   "/o", "/o/p", "/org/freedesktop/DBus",     "//",
                                        "/o/", "o",  "",     "/" + std::string(9000, 'p')};
    return one_in(5) ? of(paths) : "/o";
  }
  std::string rule() {
    static const char* const keys[] = {
        "type",           "sender",        "interface", "member", "path",
        "path_namespace", "destination",   "arg0",      "arg63",  "arg64",
        "arg1path",       "arg0namespace", "eavesdrop", "x",      ""};
    static const char* const values[] = {"signal", "method_call", "a.b", "M",   "/o", "true",
                                         "",       "x\\'y",       "'",   "a''b"};
    static const char* const good[] = {
        "type='signal'",      "type='method_call'",  "interface='a.b'",
        "member='M'",         "path='/o'",           "path_namespace='/o'",
        "arg0='x'",           "arg0namespace='a.b'", "arg1path='/o/'",
        "arg63='y'",          "eavesdrop='true'",    "sender='org.freedesktop.DBus'",
        "destination=':1.0'", "sender='f.Name'"};
    std::string text;
    if (!one_in(3)) {
      for (uint32_t n = pick(4); n; --n) text += std::string(of(good)) + (n > 1 ? "," : "");
      return text;
    }
    for (uint32_t i = pick(5); i <= 4; ++i)
      text += std::string(of(keys)) + (one_in(20) ? "" : "=") + (one_in(10) ? "" : "'") +
              of(values) + (one_in(20) ? "" : "'") + (one_in(20) ? " " : ",");
    if (!one_in(8) && !text.empty()) text.pop_back();
    return text;
  }

  // A signature, and a body that it fits.
  std::string signature(unsigned depth = 0) {
    static const std::string basic[] = {"y", "b", "n", "q", "i", "u", "x",
                                        "t", "d", "s", "o", "g", "h"};
    std::string text;
    for (uint32_t i = pick(3); i < 3; ++i) {
      const uint32_t kind = depth > 4 ? 0 : pick(8);
      if (kind == 1)
        text += "a" + (one_in(3) ? std::string("a") : "") + of(basic);
      else if (kind == 2)
        text += "(" + signature(depth + 1) + of(basic) + ")";
      else if (kind == 3)
        text += "a{" + of(basic) + "v}";
      else if (kind == 4)
        text += "v";
      else
        text += of(basic);
    }
    return text;
  }
  void align(std::string& body, size_t n) {
    while (body.size() % n) body += '\0';
  }
  void value(std::string& body, const std::string& s, size_t& at, unsigned depth) {
    const char c = s[at++];
    auto fixed = [&](size_t n) {
      align(body, n);
      for (size_t i = 0; i < n; ++i) body += static_cast<char>(pick(3));
    };
    auto text = [&](const std::string& t, bool long_length) {
      if (long_length)
        align(body, 4), body += raw(static_cast<uint32_t>(t.size()));
      else
        body += static_cast<char>(t.size());
      body += z(t);
    };
    switch (c) {
      case 'y':
        return fixed(1);
      case 'n':
      case 'q':
        return fixed(2);
      case 'b':
        align(body, 4);
        body += raw(uint32_t{pick(2)});
        return;
      case 'h':
        align(body, 4);
        body += raw(uint32_t{pick(3)});
        return;
      case 'i':
      case 'u':
        return fixed(4);
      case 'x':
      case 't':
      case 'd':
        return fixed(8);
      case 's':
        return text(one_in(2) ? name() : std::string(pick(40), 'x'), true);
      case 'o':
        return text(one_in(2) ? "/o" : path(), true);
      case 'g':
        return text("a{sv}", false);
      case 'v': {
        const std::string inner = depth > 6 ? "y" : "s";
        text(inner, false);
        size_t inside = 0;
        return value(body, inner, inside, depth + 1);
      }
      case '(':
      case '{':
        align(body, 8);
        while (at < s.size() && s[at] != ')' && s[at] != '}') value(body, s, at, depth + 1);
        ++at;
        return;
      case 'a': {
        align(body, 4);
        const size_t length_at = body.size();
        body += raw(uint32_t{0});
        const char e = s[at];
        if (std::strchr("xtd({", e)) align(body, 8);
        const size_t start = body.size(), element = at;
        size_t end = element;
        for (uint32_t n = pick(3) + 1; n; --n) {
          end = element;
          value(body, s, end, depth + 1);
        }
        at = end;
        const auto size = static_cast<uint32_t>(body.size() - start);
        std::memcpy(&body[length_at], &size, sizeof size);
        return;
      }
      default:
        return;
    }
  }
  std::string body(const std::string& signature) {
    std::string bytes;
    for (size_t at = 0; at < signature.size();) value(bytes, signature, at, 0);
    return bytes;
  }

  Fields message(uint8_t type, const std::string& signature, const std::string& bytes) {
    Fields f = {{DBUS_GENL_MSG_A_SENDER, raw(uint64_t{0})}, {DBUS_GENL_MSG_A_TYPE, raw(type)}};
    if (one_in(3)) f.push_back({DBUS_GENL_MSG_A_FLAGS, raw(static_cast<uint8_t>(pick(8)))});
    f.push_back({DBUS_GENL_MSG_A_SERIAL, raw(++serial_)});
    if (!signature.empty()) f.push_back({DBUS_GENL_MSG_A_SIGNATURE, z(signature)});
    if (!bytes.empty()) f.push_back({DBUS_GENL_MSG_A_BODY, bytes});
    return f;
  }
  Fields driver(const std::string& member, const std::string& s,
                const std::string& interface = "org.freedesktop.DBus") {
    std::string bytes;
    size_t at = 0;
    if ((member == "AddMatch" || member == "RemoveMatch") && !one_in(8)) {
      const std::string text = rule();
      bytes = raw(static_cast<uint32_t>(text.size())) + z(text);
    } else if (member == "BecomeMonitor" && !one_in(8)) {
      std::vector<std::string> rules;
      while (one_in(2)) rules.push_back(rule());
      const Bytes args = Args().as(rules).u(one_in(10)).body();
      bytes.assign(args.begin(), args.end());
    } else {
      while (at < s.size()) value(bytes, s, at, 0);
    }
    Fields f = message(CALL, s, bytes);
    f.insert(f.begin() + 2, {{DBUS_GENL_MSG_A_DESTINATION, z("org.freedesktop.DBus")},
                             {DBUS_GENL_MSG_A_PATH, z("/org/freedesktop/DBus")},
                             {DBUS_GENL_MSG_A_MEMBER, z(member)}});
    if (!one_in(4)) f.insert(f.begin() + 2, {DBUS_GENL_MSG_A_INTERFACE, z(interface)});
    if (member == "BecomeMonitor") becoming_ = serial_;
    return f;
  }
  Fields send_fields() {
    static const struct {
      const char *member, *signature, *interface;
    } methods[] = {{"Hello", "", ""},
                   {"RequestName", "su", ""},
                   {"ReleaseName", "s", ""},
                   {"GetNameOwner", "s", ""},
                   {"NameHasOwner", "s", ""},
                   {"ListNames", "", ""},
                   {"ListQueuedOwners", "s", ""},
                   {"AddMatch", "s", ""},
                   {"RemoveMatch", "s", ""},
                   {"StartServiceByName", "su", ""},
                   {"GetConnectionCredentials", "s", ""},
                   {"GetConnectionUnixUser", "s", ""},
                   {"GetId", "", ""},
                   {"ReloadConfig", "", ""},
                   {"ListActivatableNames", "", ""},
                   {"UpdateActivationEnvironment", "a{ss}", ""},
                   {"Introspect", "", ".Introspectable"},
                   {"Get", "ss", ".Properties"},
                   {"GetAll", "s", ".Properties"},
                   {"Set", "ssv", ".Properties"},
                   {"Ping", "", ".Peer"},
                   {"GetMachineId", "", ".Peer"},
                   {"GetStats", "", ".Debug.Stats"},
                   {"GetConnectionStats", "s", ".Debug.Stats"},
                   {"GetAllMatchRules", "", ".Debug.Stats"},
                   {"BecomeMonitor", "asu", ".Monitoring"}};
    if (one_in(2)) {
      const auto& method = of(methods);
      return driver(method.member, one_in(10) ? signature() : method.signature,
                    std::string("org.freedesktop.DBus") + (one_in(10) ? "" : method.interface));
    }
    const auto type = static_cast<uint8_t>(one_in(20) ? pick(one_in(2) ? 8 : 256) : 1 + pick(4));
    const std::string s = one_in(3) ? "" : signature();
    const bool large = one_in(12);
    Fields f = message(type, large ? "say" : s, large ? "" : body(s));
    if (large) f.push_back({DBUS_GENL_MSG_A_BODY_FD, raw(fd())});
    f.insert(f.begin() + 2, {{DBUS_GENL_MSG_A_PATH, z(path())},
                             {DBUS_GENL_MSG_A_INTERFACE, z(one_in(8) ? name() : "a.b")},
                             {DBUS_GENL_MSG_A_MEMBER, z(one_in(9) ? name() : "M")}});
    if (!one_in(3)) f.push_back({DBUS_GENL_MSG_A_DESTINATION, z(name())});
    if (type == RETURN || type == ERROR || one_in(20))
      f.push_back({DBUS_GENL_MSG_A_REPLY_SERIAL, raw(one_in(4) ? number() : serial_ - pick(30))});
    if (type == ERROR) f.push_back({DBUS_GENL_MSG_A_ERROR_NAME, z(name())});
    if (one_in(6)) {
      std::string fds;
      for (uint32_t n = one_in(30) ? 300 : 1 + pick(3); n; --n) fds += raw(fd());
      f.push_back({DBUS_GENL_MSG_A_FDS, fds});
    }
    return f;
  }
  // A memfd, one of the sockets themselves, or nothing.
  int32_t fd() {
    if (one_in(12)) return static_cast<int32_t>(number());
    return one_in(6) ? socks_[pick(SOCKETS)].fd() : files_[pick(files_.size())];
  }

  // Of services that the bus's maker can start.
  static bool starts(uint8_t cmd) {
    return cmd == DBUS_GENL_CMD_ACTIVATABLE_SET || cmd == DBUS_GENL_CMD_ACTIVATE ||
           cmd == DBUS_GENL_CMD_RELOAD || cmd == DBUS_GENL_CMD_ENVIRONMENT;
  }
  Fields services() {
    std::string names;
    for (uint32_t n = pick(5); n; --n) names += z(one_in(20) ? name() : of(kServices));
    if (!one_in(4)) return {{DBUS_GENL_BUS_A_ACTIVATABLE, names}};
    return {{DBUS_GENL_BUS_A_ACTIVATABLE_FD, raw(fd())}};
  }
  // To what has been asked, which the fuzzer doesn't start: an error, or that it is done.
  Fields answer(uint8_t cmd) {
    const uint64_t id = asked_for_[cmd] + (one_in(10) ? pick(3) - 1 : 0);
    Fields f = {{DBUS_GENL_ACTIVATE_A_ID, raw(id)}};
    if (cmd == DBUS_GENL_CMD_ACTIVATE ? !one_in(6) : one_in(2)) {
      f.push_back({DBUS_GENL_ACTIVATE_A_ERROR_NAME, z(one_in(8) ? name() : "x.Y")});
      f.push_back({DBUS_GENL_ACTIVATE_A_ERROR_TEXT, z(one_in(8) ? "\xff" : "not today")});
    }
    return f;
  }

  Fields fields_of(uint8_t cmd) {
    switch (cmd) {
      case DBUS_GENL_CMD_ACTIVATABLE_SET:
        return services();
      case DBUS_GENL_CMD_ACTIVATE:
      case DBUS_GENL_CMD_RELOAD:
      case DBUS_GENL_CMD_ENVIRONMENT:
        return answer(cmd);
      case DBUS_GENL_CMD_CONNECT:
        return connect();
      case DBUS_GENL_CMD_SEND:
        return send_fields();
      case DBUS_GENL_CMD_FD_CLAIM:
        if (claimable_.empty()) return {};
        return {{DBUS_GENL_MSG_A_SENDER, raw(claimable_.back().first)},
                {DBUS_GENL_MSG_A_SERIAL, raw(claimable_.back().second)}};
      case DBUS_GENL_CMD_BUS_CREATE:
        return {{DBUS_GENL_BUS_A_NAME, z(bus())},
                {DBUS_GENL_BUS_A_MACHINE_ID, z(std::string(32, 'a'))}};
      case DBUS_GENL_CMD_BUS_DESTROY:
        return {{DBUS_GENL_BUS_A_NAME, z(bus())}};
      case DBUS_GENL_CMD_POLICY_SET:
        return policy();
      case DBUS_GENL_CMD_LIMITS_SET:
        return limits();
      case DBUS_GENL_CMD_PEER_GET:
      case DBUS_GENL_CMD_NAME_GET:
      case DBUS_GENL_CMD_MATCH_GET:
        if (one_in(10)) return {{DBUS_GENL_BUS_A_NAME, z("witness")}};
        return {{DBUS_GENL_BUS_A_NAME, z(joined())}};
      default:
        return {};
    }
  }

  // --- what is nested: each level may be mutated before it goes into the next

  std::string nest(Fields f) {
    while (one_in(12) && !f.empty()) mutate(f);
    const Bytes bytes = attrs_of(f).bytes();
    return std::string(bytes.begin(), bytes.end());
  }
  static uint16_t nested(uint16_t type) { return static_cast<uint16_t>(type | NLA_F_NESTED); }

  Fields policy_rule() {
    const auto kind = static_cast<uint8_t>(one_in(30) ? pick(256) : pick(5));
    Fields f = {{DBUS_GENL_RULE_A_KIND, raw(kind)},
                {DBUS_GENL_RULE_A_ALLOW, raw(static_cast<uint8_t>(!one_in(3)))}};
    auto flag = [&](uint16_t type) { f.push_back({type, raw(static_cast<uint8_t>(pick(2)))}); };
    switch (kind) {
      case DBUS_GENL_RULE_OWN:
        if (one_in(2)) f.push_back({DBUS_GENL_RULE_A_NAME, z(name())});
        if (f.size() > 2 && one_in(3)) f.push_back({DBUS_GENL_RULE_A_PREFIX, ""});
        return f;
      case DBUS_GENL_RULE_CONNECT_USER:
      case DBUS_GENL_RULE_CONNECT_GROUP:
        if (one_in(2)) f.push_back({DBUS_GENL_RULE_A_ID, raw(one_in(2) ? USER : number())});
        return f;
      default:
        if (one_in(3)) f.push_back({DBUS_GENL_RULE_A_NAME, z(name())});
        if (f.size() > 2 && kind == DBUS_GENL_RULE_SEND && one_in(4))
          f.push_back({DBUS_GENL_RULE_A_PREFIX, ""});
        if (one_in(3)) f.push_back({DBUS_GENL_RULE_A_TYPE, raw(static_cast<uint8_t>(1 + pick(4)))});
        if (one_in(3)) f.push_back({DBUS_GENL_RULE_A_INTERFACE, z(one_in(2) ? name() : "a.b")});
        if (one_in(4)) f.push_back({DBUS_GENL_RULE_A_MEMBER, z("M")});
        if (one_in(4)) f.push_back({DBUS_GENL_RULE_A_PATH, z(path())});
        if (one_in(8)) f.push_back({DBUS_GENL_RULE_A_ERROR, z(name())});
        if (one_in(6) && kind == DBUS_GENL_RULE_SEND) flag(DBUS_GENL_RULE_A_BROADCAST);
        if (one_in(5)) flag(DBUS_GENL_RULE_A_REQUESTED_REPLY);
        if (one_in(5)) flag(DBUS_GENL_RULE_A_EAVESDROP);
        if (one_in(8)) f.push_back({DBUS_GENL_RULE_A_MIN_FDS, raw(number())});
        if (one_in(8)) f.push_back({DBUS_GENL_RULE_A_MAX_FDS, raw(number())});
        return f;
    }
  }
  Fields policy_section() {
    Fields f;
    switch (pick(4)) {
      case 0:
        f = {{DBUS_GENL_SECTION_A_USER, raw(one_in(2) ? USER : number())}};
        break;
      case 1:
        f = {{DBUS_GENL_SECTION_A_GROUP, raw(one_in(2) ? USER : number())}};
        break;
      case 2:
        f = {{DBUS_GENL_SECTION_A_AT_CONSOLE, raw(static_cast<uint8_t>(pick(2)))}};
        break;
      default:
        f = {{DBUS_GENL_SECTION_A_CONTEXT, raw(static_cast<uint8_t>(pick(2)))}};
    }
    for (uint32_t n = one_in(40) ? 300 : pick(6); n; --n)
      f.push_back({nested(DBUS_GENL_SECTION_A_RULE), nest(policy_rule())});
    return f;
  }
  std::string policy_blob() {
    // Most let traffic pass, or little else would be tried.
    const Bytes open = open_section().bytes();
    const std::string let(open.begin(), open.end());
    Fields f;
    for (uint32_t n = one_in(60) ? 200 : pick(5); n; --n)
      f.push_back({nested(DBUS_GENL_POLICY_A_SECTION), nest(policy_section())});
    if (one_in(4)) {
      std::string users;
      for (uint32_t n = pick(5); n; --n) users += raw(one_in(2) ? USER : number());
      f.push_back({DBUS_GENL_POLICY_A_CONSOLE, users});
    }
    return (one_in(6) ? "" : let) + nest(f) + (one_in(3) ? "" : let);
  }
  Fields policy() {
    std::string blob = policy_blob();
    if (one_in(50)) blob.resize(pick(blob.size() + 1));
    if (one_in(3) || blob.size() > 60000) {
      if (one_in(8)) return {{DBUS_GENL_BUS_A_POLICY_FD, raw(fd())}};
      if (policy_file_ < 0) policy_file_ = memfd("", 0);
      if (ftruncate(policy_file_, 0) ||
          pwrite(policy_file_, blob.data(), blob.size(), 0) != static_cast<ssize_t>(blob.size()))
        return {};
      return {{DBUS_GENL_BUS_A_POLICY_FD, raw(int32_t{policy_file_})}};
    }
    return {{DBUS_GENL_BUS_A_POLICY, blob}};
  }
  Fields limits() {
    Fields inside;
    for (uint32_t n = 1 + pick(4); n; --n)
      inside.push_back({static_cast<uint16_t>(1 + pick(DBUS_GENL_LIMIT_A_MAX)),
                        raw(one_in(2) ? number() : 1u << pick(31))});
    return {{DBUS_GENL_BUS_A_NAME, z(joined())}, {nested(DBUS_GENL_BUS_A_LIMITS), nest(inside)}};
  }
  // Policies and limits that leave nothing to try are taken back.
  void repair() {
    Fields inside;
    for (uint16_t limit = 1; limit <= DBUS_GENL_LIMIT_A_MAX; ++limit)
      if (limit != DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT &&
          limit != DBUS_GENL_LIMIT_A_MAX_PENDING_SERVICE_STARTS)
        inside.push_back({limit, raw(uint32_t{1} << 16)});
    const Bytes values = attrs_of(inside).bytes(), open = open_section().bytes();
    const Fields request = {
        {DBUS_GENL_BUS_A_NAME, z(joined())},
        {nested(DBUS_GENL_BUS_A_LIMITS), std::string(values.begin(), values.end())}};
    send(socks_[0], DBUS_GENL_CMD_LIMITS_SET, request);
    if (own_)
      send(own_->sock, DBUS_GENL_CMD_POLICY_SET,
           {{DBUS_GENL_BUS_A_POLICY, std::string(open.begin(), open.end())}});
    if (own_) listen(own_->sock);
  }
  Fields some_fields() {
    Fields f;
    for (uint32_t n = pick(6); n; --n)
      f.push_back(
          {static_cast<uint16_t>(pick(24)), std::string(pick(12), static_cast<char>(pick(256)))});
    return f;
  }

  void mutate(Fields& f) {
    const size_t at = pick(f.size());
    Field& field = f[at];
    switch (pick(9)) {
      case 0:
        f.erase(f.begin() + static_cast<ptrdiff_t>(at));
        break;
      case 1:
        f.insert(f.begin() + pick(f.size()), Field(field));
        break;
      case 2:
        std::swap(field, f[pick(f.size())]);
        break;
      case 3:
        field.type = static_cast<uint16_t>(one_in(4) ? random_() : pick(20));
        break;
      case 4:
        field.claimed = static_cast<int>(one_in(2) ? pick(70000) : field.payload.size() + pick(9));
        break;
      case 5:
        field.payload.resize(pick(field.payload.size() + 1));
        break;
      case 6:
        field.payload += std::string(pick(one_in(50) ? 60000 : 9), static_cast<char>(pick(256)));
        break;
      default:
        if (!field.payload.empty())
          field.payload[pick(field.payload.size())] ^= static_cast<char>(1 << pick(8));
    }
  }

  static Attrs attrs_of(const Fields& fields, bool message = false) {
    Attrs a;
    for (const Field& f : fields) {
      if (message && f.type == DBUS_GENL_MSG_A_BODY && f.claimed < 0)
        a.body(f.payload.data(), f.payload.size());
      else
        a.lying(f.type,
                static_cast<uint16_t>(f.claimed < 0 ? NLA_HDRLEN + f.payload.size()
                                                    : static_cast<size_t>(f.claimed)),
                f.payload.data(), f.payload.size());
    }
    return a;
  }
  static bool is_dump(uint8_t cmd) {
    return cmd == DBUS_GENL_CMD_BUS_GET || cmd == DBUS_GENL_CMD_PEER_GET ||
           cmd == DBUS_GENL_CMD_NAME_GET || cmd == DBUS_GENL_CMD_MATCH_GET;
  }
  void send(GenlSocket& sock, uint8_t cmd, const Fields& fields) {
    const Attrs a = attrs_of(fields, cmd == DBUS_GENL_CMD_SEND);
    static constexpr uint16_t odd[] = {NLM_F_DUMP, 0x700, NLM_F_ECHO, NLM_F_ACK | 0x800};
    const uint16_t usual = is_dump(cmd) ? NLM_F_DUMP : one_in(5) ? 0 : NLM_F_ACK;
    // By it the answer is known; a refused SEND is told by its serial, but that isn't looked at.
    const uint32_t seq = ++seq_;
    asked_[seq % std::size(asked_)] = cmd;
    Bytes bytes =
        genl_bytes(cmd, a, one_in(20) ? of(odd) : usual, seq,
                   one_in(50) ? static_cast<uint8_t>(pick(256)) : uint8_t{DBUS_GENL_VERSION});
    if (one_in(100)) bytes.resize(pick(bytes.size() + 1));
    if (one_in(100))
      bytes.insert(bytes.end(), bytes.begin(), bytes.begin() + pick(bytes.size() + 1));
    if (one_in(100) && bytes.size() > 4) bytes[pick(4)] ^= static_cast<uint8_t>(1 << pick(8));
    ++sent;
    sock.send_bytes(bytes);
  }

  void listen(GenlSocket& sock) {
    bool lost = false;
    while (auto p = sock.receive(0)) {
      if (p->is_error()) ++(p->error ? refused : accepted);
      if (p->is_error() || p->type == NLMSG_DONE) {
        const uint8_t cmd = asked_[p->seq % std::size(asked_)];
        if (cmd <= DBUS_GENL_CMD_MAX) ++(p->error ? failed : done)[cmd];
        if (p->error) ++errors[-p->error];
        lost |= p->error == -ENOTCONN;
        continue;
      }
      if (p->cmd == DBUS_GENL_CMD_MESSAGE && becoming_ &&
          p->num(DBUS_GENL_MSG_A_REPLY_SERIAL) == becoming_ &&
          p->num(DBUS_GENL_MSG_A_TYPE) == RETURN) {
        ++monitors;
        becoming_ = 0;
      }
      if (starts(p->cmd)) {
        asked_for_[p->cmd] = p->num(DBUS_GENL_ACTIVATE_A_ID);
        last_asked_ = &sock;
        ++requested;
      }
      if (p->cmd == DBUS_GENL_CMD_MESSAGE) ++messages;
      if (p->cmd == DBUS_GENL_CMD_MESSAGE &&
          (p->has(DBUS_GENL_MSG_A_FDS) || p->has(DBUS_GENL_MSG_A_BODY_FD))) {
        claimable_.emplace_back(p->num(DBUS_GENL_MSG_A_SENDER),
                                static_cast<uint32_t>(p->num(DBUS_GENL_MSG_A_SERIAL)));
        if (claimable_.size() > 50) claimable_.erase(claimable_.begin());
      }
      if (const std::string text =
              p->cmd == DBUS_GENL_CMD_MESSAGE ? parse_message(*p).string_arg() : "";
          text.rfind(":1.", 0) == 0) {
        live_.push_back(text);
        if (live_.size() > SOCKETS) live_.erase(live_.begin());
      }
      if (p->cmd == DBUS_GENL_CMD_FD_CLAIM) {
        ++claims;
        Message got = parse_message(*p);
        for (int fd : got.fds) close(fd);
        if (got.body_fd >= 0) close(got.body_fd);
      }
    }
    // Its bus has gone, or it was a monitor and has sent.
    if (lost && !joining_ && one_in(2)) {
      joining_ = true;
      join(sock);
      joining_ = false;
    }
  }

  bool joining_ = false;
  std::mt19937 random_;
  Bus* const own_;
  const bool controls_;
  const uint32_t pidfd_ = static_cast<uint32_t>(syscall(SYS_pidfd_open, getpid(), 0));
  GenlSocket socks_[SOCKETS];
  std::vector<int> files_;
  std::vector<std::string> live_;  // unique names
  std::vector<std::pair<uint64_t, uint32_t>> claimable_;
  uint32_t serial_ = 100, seq_ = 0, becoming_ = 0;
  uint8_t asked_[4096] = {};
  std::map<uint8_t, uint64_t> asked_for_;  // of a controller: the last of each kind
  GenlSocket* last_asked_ = nullptr;
  int policy_file_ = -1;
};

void fuzz(Tap& tap, const char* who, bool controls, uint32_t seed, int seconds) {
  Bus witnessed;
  Peer witness;
  if (witnessed.create("witness").error || witness.join("witness").empty()) tap.bail("no witness");
  unsigned served = 0, asked = 0;
  auto race = [&](Bus* own) {
    Fuzzer fuzzer(seed, own);
    for (int64_t end = now_ms() + seconds * 1000; now_ms() < end;) {
      for (int i = 0; i < 300; ++i) fuzzer.turn();
      ++asked;
      served += witness.ask("GetNameOwner", Args().s(witness.name())).find(witness.name()) !=
                std::string::npos;
    }
    tap.ok(
        fuzzer.accepted > 100 && fuzzer.refused > 100 && fuzzer.messages > 100 && fuzzer.claims > 0,
        "%s: %u requests: %u answered with yes, %u with no; %u messages came, %u files claimed",
        who, fuzzer.sent, fuzzer.accepted, fuzzer.refused, fuzzer.messages, fuzzer.claims);
    std::string errors;
    for (auto [error, n] : fuzzer.errors)
      errors += std::string(" ") + strerrorname_np(error) + " " + std::to_string(n);
    tap.note("%s:%s", who, errors.c_str());
    const auto &done = fuzzer.done, &failed = fuzzer.failed;
    constexpr uint8_t kinds[] = {DBUS_GENL_CMD_POLICY_SET, DBUS_GENL_CMD_LIMITS_SET,
                                 DBUS_GENL_CMD_BUS_GET,    DBUS_GENL_CMD_PEER_GET,
                                 DBUS_GENL_CMD_NAME_GET,   DBUS_GENL_CMD_MATCH_GET};
    bool each = fuzzer.monitors > 0 && fuzzer.requested > 0 &&
                (controls || done[DBUS_GENL_CMD_ACTIVATE] > 0);
    for (const uint8_t cmd : kinds) each &= done[cmd] > 0;
    tap.ok(each && failed[DBUS_GENL_CMD_POLICY_SET] && failed[DBUS_GENL_CMD_LIMITS_SET],
           "%s: %u policies taken, %u not; limits %u and %u times; dumps of buses %u, peers %u, "
           "names %u, rules %u; %u monitors; services named %u times, and asked for %u times",
           who, done[DBUS_GENL_CMD_POLICY_SET], failed[DBUS_GENL_CMD_POLICY_SET],
           done[DBUS_GENL_CMD_LIMITS_SET], failed[DBUS_GENL_CMD_LIMITS_SET],
           done[DBUS_GENL_CMD_BUS_GET], done[DBUS_GENL_CMD_PEER_GET], done[DBUS_GENL_CMD_NAME_GET],
           done[DBUS_GENL_CMD_MATCH_GET], fuzzer.monitors, done[DBUS_GENL_CMD_ACTIVATABLE_SET],
           fuzzer.requested);
  };
  if (controls) {
    race(nullptr);
  } else {
    const Become user(USER);
    Bus own;
    if (own.create("user").error) tap.bail("a user's bus can't be made");
    race(&own);
  }
  tap.ok(asked && served == asked, "%s: another bus serves meanwhile (%u of %u)", who, served,
         asked);
}

std::set<int> numbers_of_fds() {
  std::set<int> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    all.insert(std::stoi(entry.path().filename()));
  return all;
}

// Files whose claim was answered into a socket that was then closed unread: nobody has their
// numbers. Sockets are among them, a bus's too.
unsigned close_all_but(const std::set<int>& keep) {
  unsigned closed = 0;
  for (int fd : numbers_of_fds())
    if (!keep.contains(fd)) closed += close(fd) == 0;
  return closed;
}

}  // namespace

int main(int argc, char** argv) {
  Tap tap;
  std::signal(SIGPIPE, SIG_IGN);
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 60;
  const auto seed = static_cast<uint32_t>(argc > 2 ? std::strtoul(argv[2], nullptr, 0) : 1);
  tap.note("seed %u", seed);
  const Stats before = stats();
  for (const bool controls : {false, true}) {
    const std::set<int> open = numbers_of_fds();
    fuzz(tap, controls ? "a controller" : "a user", controls, seed + controls, seconds / 2);
    tap.note("%u files had been claimed and their numbers not read", close_all_but(open));
  }
  // A bus that was made persistent by a mutation stays otherwise.
  for (int i = 0; i < 3; ++i)
    for (const uint32_t uid : {0u, USER}) Bus().destroy("fuzz" + std::to_string(i), uid);
  nothing_left(tap, before);
  return tap.finish();
}
