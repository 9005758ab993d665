// SPDX-License-Identifier: LGPL-2.1-or-later
// policy_generate.cpp - scenes at random, always the same ones for a seed
#include <cstddef>

#include "policy_scene.h"

namespace dg::test {

namespace {

const char kDriver[] = "org.freedesktop.DBus";

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  unsigned below(unsigned n) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<unsigned>((state_ >> 33) % n);
  }
  bool one_in(unsigned n) { return below(n) == 0; }
  template <std::size_t N>
  const char* of(const char* const (&texts)[N]) {
    return texts[below(N)];
  }

 private:
  uint64_t state_;
};

// Few enough that rules and messages meet; some of a rule's are nobody's.
const char* const kNames[] = {"a.b", "a.b.c", "a.bc", "x.y"};
const char* const kRuleNames[] = {"a.b",     "a.b.c", "a.bc", "x.y",
                                  "no.body", ":1.0",  ":1.2", kDriver};
const char* const kPrefixes[] = {"a", "a.b", "a.b.c", "x", "x.y", "org"};
const char* const kInterfaces[] = {"i.one", "i.two", "org.freedesktop.DBus"};
const char* const kMembers[] = {"One", "Two", "GetId", "RequestName"};
const char* const kPaths[] = {"/", "/p", "/org/freedesktop/DBus"};
const char* const kErrors[] = {"e.One", "e.Two"};
const char* const kTypes[] = {"method_call", "method_return", "error", "signal"};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  Scene scene(unsigned n_sends) {
    // The users exist on every Debian: dbus-daemon refuses others.
    scene_.peers = {{0, {0}}, {1, {1, 50}}, {2, {2, 60, 50}}, {33, {33}}, {1, {1}}};
    policy();
    for (unsigned peer = 0; peer < scene_.peers.size(); peer++) opening(peer);
    while (scene_.sends.size() < n_sends) {
      const unsigned peer = random_.below(static_cast<unsigned>(scene_.peers.size()));
      for (unsigned i = 0; i < 8; i++) message(peer);
    }
    return std::move(scene_);
  }

 private:
  bool often() { return !random_.one_in(4); }

  void add(const std::string& attribute, const std::string& value) {
    rule_ += " " + attribute + "=\"" + value + "\"";
  }
  void add_bool(const std::string& attribute) {
    add(attribute, random_.one_in(2) ? "true" : "false");
  }

  // A name, an interface, … or "*".
  template <std::size_t N>
  void add_text(const std::string& attribute, const char* const (&texts)[N]) {
    add(attribute, random_.one_in(8) ? "*" : random_.of(texts));
  }

  void message_rule(const std::string& direction) {
    bool any = false;
    if (random_.one_in(3)) any = true, add_text(direction + "_type", kTypes);
    if (random_.one_in(2)) {
      any = true;
      if (direction == "receive")
        add_text("receive_sender", kRuleNames);
      else if (random_.one_in(3))
        add("send_destination_prefix", random_.of(kPrefixes));
      else
        add_text("send_destination", kRuleNames);
    }
    if (random_.one_in(6)) {
      any = true;
      add_text(direction + "_error", kErrors);
    } else {
      bool place = false;
      if (random_.one_in(3)) place = true, add_text(direction + "_interface", kInterfaces);
      if (random_.one_in(4)) place = true, add_text(direction + "_path", kPaths);
      if (place && random_.one_in(2)) add_text(direction + "_member", kMembers);
      any |= place;
    }
    // Without any of the above it would make all before it void; once in a while.
    if (!any) add_text(direction + "_type", kTypes);
    if (random_.one_in(5)) add_bool(direction + "_requested_reply");
    if (random_.one_in(5)) add_bool("eavesdrop");
    if (direction == "send" && random_.one_in(8)) {
      // dbus-daemon refuses a broadcast with a destination, but not with a prefix of one.
      const bool addressed = rule_.find("send_destination=\"") != std::string::npos &&
                             rule_.find("send_destination=\"*\"") == std::string::npos;
      addressed ? add("send_broadcast", "false") : add_bool("send_broadcast");
    }
    if (random_.one_in(8)) add("min_fds", std::to_string(random_.below(4)));
    if (random_.one_in(8)) add("max_fds", std::to_string(random_.below(4)));
  }

  void rule() {
    const bool allow = random_.below(5) < 2;
    rule_ = allow ? "<allow" : "<deny";
    switch (random_.below(8)) {
      case 0:
        if (random_.one_in(2))
          add_text("own", kNames);
        else
          add("own_prefix", random_.of(kPrefixes));
        break;
      case 1:
      case 2:
      case 3:
        message_rule("receive");
        break;
      default:
        message_rule("send");
    }
    scene_.policy += rule_ + "/>\n";
  }

  void section(const std::string& whose, unsigned n, const std::string& first = "") {
    scene_.policy += "<policy " + whose + ">\n" + first;
    for (unsigned i = 0; i < n; i++) rule();
    scene_.policy += "</policy>\n";
  }

  void policy() {
    // Of groups only those that the users have in the database too: dbus-daemon looks there.
    const char* const connects[] = {"<deny user=\"33\"/>", "<deny group=\"33\"/>",
                                    "<deny user=\"*\"/><allow user=\"1\"/><allow group=\"2\"/>"};
    section("context=\"default\"", random_.below(4),
            "<allow user=\"*\"/><allow send_type=\"*\" eavesdrop=\"true\"/>"
            "<allow eavesdrop=\"true\"/><allow own=\"*\"/>\n");
    if (often()) section("user=\"1\"", random_.below(5));
    if (often()) section("group=\"50\"", random_.below(4));
    if (often()) section("group=\"60\"", random_.below(4));
    if (often()) section("context=\"default\"", random_.below(6));
    if (random_.one_in(3)) section("user=\"0\"", random_.below(4));
    if (random_.one_in(4)) section("at_console=\"false\"", random_.below(3));
    if (random_.one_in(4)) section("at_console=\"true\"", random_.below(3));
    if (random_.one_in(2)) scene_.console = {random_.one_in(2) ? 1u : 2u};
    // What everything hangs on: Hello's reply, names, most of the time.
    std::string last;
    if (often())
      last += "<allow receive_sender=\"org.freedesktop.DBus\" receive_type=\"method_return\"/>";
    if (often())
      last +=
          "<allow send_destination=\"org.freedesktop.DBus\" send_interface=\"org.freedesktop.DBus\""
          " send_member=\"RequestName\"/>";
    if (random_.one_in(4)) last += random_.of(connects);
    section("context=\"mandatory\"", random_.below(3), last + "\n");
  }

  PolicySend& to_driver(unsigned from, const std::string& member) {
    return scene_.sends.emplace_back(test::to_driver(from, member));
  }

  // Names, and what it wants to hear.
  void opening(unsigned peer) {
    for (const char* name : kNames) {
      if (random_.one_in(3)) continue;
      PolicySend& send = to_driver(peer, "RequestName");
      send.arg = name;
      send.has_arg = send.has_flag = true;
      send.flag_arg = random_.one_in(2) ? 4 : 0;  // to queue or not; who owns it stays
    }
    PolicySend& send = to_driver(peer, "AddMatch");
    send.has_arg = true;
    send.arg = random_.one_in(3) ? "eavesdrop='true',interface='i.one'" : "type='signal'";
  }

  std::string destination() {
    switch (random_.below(6)) {
      case 0:
        return kDriver;
      case 1:
        return random_.one_in(4) ? "no.body" : random_.of(kNames);
      default:
        return "@" + std::to_string(random_.below(static_cast<unsigned>(scene_.peers.size())));
    }
  }

  void message(unsigned from) {
    PolicySend send;
    send.from = from;
    send.destination = destination();
    if (random_.one_in(5)) send.n_fds = random_.below(4);
    switch (random_.below(5)) {
      case 0:
      case 1: {
        send.type = 1;
        send.flags = random_.one_in(4) ? 1 : 0;
        break;
      }
      case 2:
        send.type = 4;
        if (random_.one_in(2)) send.destination = "";
        break;
      default:
        reply(send);
        return;
    }
    send.path = random_.of(kPaths);
    send.member = random_.of(kMembers);
    if (send.type == 4 || often()) send.interface = random_.of(kInterfaces);
    if (random_.one_in(20)) send.type = static_cast<uint8_t>(5 + random_.below(251));
    // The driver's own methods with wrong arguments say so; it is enough to be asked.
    scene_.sends.push_back(send);
  }

  // To a call that this peer may have got, or to none.
  void reply(PolicySend send) {
    send.type = random_.one_in(2) ? 2 : 3;
    if (send.type == 3) send.error_name = random_.of(kErrors);
    send.no_call = 100000;
    const std::string self = "@" + std::to_string(send.from);
    for (unsigned tries = 0; tries < 12 && often(); tries++) {
      const unsigned i = random_.below(static_cast<unsigned>(scene_.sends.size()));
      const PolicySend& call = scene_.sends[i];
      if (call.type != 1 || call.destination != self) continue;
      send.reply_to = static_cast<int>(i);
      send.destination = "@" + std::to_string(call.from);
      break;
    }
    // Unusual and legal: a call or a signal that replies, a reply with a call's fields.
    if (random_.one_in(6)) {
      send.type = random_.one_in(2) ? 1 : 4;
      send.path = random_.of(kPaths);
      send.member = random_.of(kMembers);
      send.interface = random_.of(kInterfaces);
    }
    if (random_.one_in(10)) send.interface = random_.of(kInterfaces);
    if (random_.one_in(10)) send.member = random_.of(kMembers);
    if (random_.one_in(10)) send.path = random_.of(kPaths);
    scene_.sends.push_back(send);
  }

  Random random_;
  Scene scene_;
  std::string rule_;
};

}  // namespace

Scene generate_scene(uint64_t seed, unsigned n_sends) { return Generator(seed).scene(n_sends); }

}  // namespace dg::test
