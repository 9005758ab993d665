// SPDX-License-Identifier: LGPL-2.1-or-later
// policy_made.cpp - scenes made by hand: who may become a monitor, who eavesdrops, who is at the
// console, on a bus of root's that other users join; and who joins whose bus
#include "policy_scene.h"

namespace dg::test {

namespace {

constexpr const char* kDriver = "org.freedesktop.DBus";

// Everybody joins, and may send and receive what is addressed to it.
constexpr const char* kJoin =
    "<policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>"
    "<allow send_type=\"*\"/><allow receive_type=\"*\"/></policy>\n";

// Root, users 1, 2, and 2 again in a group.
const std::vector<PeerSpec> kPeers = {{0, {0}}, {1, {1}}, {2, {2}}, {2, {2, 50}}};

PolicySend become_monitor(unsigned from, const std::string& path = "/org/freedesktop/DBus",
                          const std::string& interface = "org.freedesktop.DBus.Monitoring") {
  PolicySend send = to_driver(from, "BecomeMonitor");
  send.path = path;
  send.interface = interface;
  send.monitor = true;
  return send;
}

PolicySend with_text(PolicySend send, const std::string& text) {
  send.arg = text;
  send.has_arg = true;
  return send;
}

PolicySend own(unsigned from, const std::string& name) {
  PolicySend send = with_text(to_driver(from, "RequestName"), name);
  send.has_flag = true;
  return send;
}

PolicySend message(unsigned from, uint8_t type, const std::string& destination,
                   const std::string& interface = "i.one") {
  PolicySend send;
  send.from = from;
  send.type = type;
  send.flags = 1;
  send.destination = destination;
  send.path = "/p";
  send.interface = interface;
  send.member = "M";
  return send;
}

PolicySend reply(unsigned from, int to, const std::string& destination) {
  PolicySend send;
  send.from = from;
  send.type = 2;
  send.flags = 1;
  send.destination = destination;
  send.reply_to = to;
  return send;
}

// What goes between users 1 and 2, and a broadcast of each.
void traffic(Scene& scene) {
  for (const char* interface : {"i.one", "i.two"}) {
    scene.sends.push_back(message(1, 1, "@2", interface));
    PolicySend call = message(2, 1, "@1", interface);
    call.flags = 0;
    scene.sends.push_back(call);
    scene.sends.push_back(reply(1, static_cast<int>(scene.sends.size()) - 1, "@2"));
    scene.sends.push_back(message(1, 4, "@2", interface));
    scene.sends.push_back(message(1, 4, "", interface));
    scene.sends.push_back(message(2, 4, "", interface));
  }
  scene.sends.push_back(message(1, 1, "no.body"));
  scene.sends.push_back(reply(1, -1, "@2"));
  scene.sends.back().no_call = 4711;
  scene.sends.push_back(own(2, "a.b"));
}

// Each peer asks to become a monitor, and then goes on as what it is.
Scene monitors(const std::string& policy) {
  Scene scene{kJoin + policy, kPeers, {}, {}};
  for (unsigned peer : {1u, 2u, 3u}) {
    scene.sends.push_back(become_monitor(peer));
    scene.sends.push_back(become_monitor(peer, "/"));
    scene.sends.push_back(become_monitor(peer, "/org/freedesktop/DBus", ""));
    scene.sends.push_back(become_monitor(peer, "/org/freedesktop/DBus", kDriver));
    // Wrong arguments: which is said first?
    PolicySend wrong = with_text(become_monitor(peer), "x");
    wrong.monitor = false;
    scene.sends.push_back(wrong);
    scene.sends.push_back(with_text(to_driver(peer, "GetNameOwner"), "@1"));
  }
  traffic(scene);
  scene.sends.push_back(become_monitor(0));
  traffic(scene);
  scene.sends.push_back(become_monitor(1));
  return scene;
}

// Root listens, and so do users as far as they may.
Scene eavesdroppers(const std::string& policy) {
  Scene scene{kJoin + policy, kPeers, {}, {}};
  for (unsigned peer : {0u, 1u, 2u, 3u})
    for (const char* rule : {"eavesdrop='true'", "eavesdrop=true,interface='i.one'",
                             "eavesdrop='false',interface='i.two'", "interface='i.one'"})
      scene.sends.push_back(with_text(to_driver(peer, "AddMatch"), rule));
  traffic(scene);
  scene.sends.push_back(with_text(to_driver(1, "RemoveMatch"), "eavesdrop='true'"));
  return scene;
}

Scene at_console(const std::string& policy, std::vector<uint32_t> console) {
  Scene scene{kJoin + policy, kPeers, {}, std::move(console)};
  for (unsigned peer : {0u, 1u, 2u, 3u})
    for (const char* name : {"a.t", "a.f", "a.b"}) scene.sends.push_back(own(peer, name));
  traffic(scene);
  return scene;
}

// Whoever joins asks who is there.
Scene joins(uint32_t owner, const std::string& rules) {
  Scene scene;
  scene.policy =
      "<policy context=\"default\"><allow own=\"*\"/><allow send_type=\"*\"/>"
      "<allow receive_type=\"*\"/>" +
      rules + "</policy>\n";
  scene.peers = kPeers;
  scene.owner = owner;
  for (unsigned peer : {0u, 1u, 2u, 3u}) scene.sends.push_back(to_driver(peer, "ListNames"));
  return scene;
}

std::string section(const std::string& whose, const std::string& rules) {
  return "<policy " + whose + ">" + rules + "</policy>\n";
}

std::string by_default(const std::string& rules) { return section("context=\"default\"", rules); }

}  // namespace

std::vector<NamedScene> made_scenes() {
  const std::string all = "<allow send_type=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>";
  const std::string console =
      section("at_console=\"true\"", "<deny own=\"a.t\"/><deny send_interface=\"i.one\"/>") +
      section("at_console=\"false\"", "<deny own=\"a.f\"/><deny send_interface=\"i.two\"/>");
  std::vector<NamedScene> scenes = {
      {"BecomeMonitor by several users", monitors("")},
      {"BecomeMonitor, where all may eavesdrop", monitors(by_default(all))},
      {"BecomeMonitor, allowed in so many words",
       monitors(by_default("<allow send_destination=\"org.freedesktop.DBus\" "
                           "send_interface=\"org.freedesktop.DBus.Monitoring\"/>"))},
      {"BecomeMonitor, denied by policy",
       monitors(by_default("<deny send_destination=\"org.freedesktop.DBus\" "
                           "send_interface=\"org.freedesktop.DBus.Monitoring\"/>"))},
      {"monitors see what the policy refuses",
       monitors(by_default("<deny send_interface=\"i.one\"/><deny receive_interface=\"i.two\"/>"))},
      {"eavesdroppers, not allowed by the policy", eavesdroppers("")},
      {"eavesdroppers, all allowed", eavesdroppers(by_default(all))},
      {"eavesdroppers, one interface allowed",
       eavesdroppers(by_default("<allow receive_interface=\"i.one\" eavesdrop=\"true\"/>"))},
      {"eavesdroppers, one interface denied",
       eavesdroppers(by_default(all + "<deny receive_interface=\"i.one\" eavesdrop=\"true\"/>"))},
      {"eavesdroppers, denied all",
       eavesdroppers(by_default(all) +
                     by_default("<deny receive_type=\"*\" eavesdrop=\"true\"/>"))},
      {"eavesdroppers, some types allowed",
       eavesdroppers(by_default("<allow receive_type=\"signal\" eavesdrop=\"true\"/>"
                                "<allow receive_type=\"method_return\" eavesdrop=\"true\" "
                                "receive_requested_reply=\"true\"/>"))},
      {"eavesdroppers, by user",
       eavesdroppers(section("user=\"1\"", all) + section("group=\"50\"", all))},
      {"eavesdroppers, by the sender's rules",
       eavesdroppers(by_default(all) + section("user=\"1\"",
                                               "<deny send_interface=\"i.two\" eavesdrop=\"true\"/>"
                                               "<allow send_interface=\"i.one\" "
                                               "eavesdrop=\"false\"/>"))},
      {"nobody at the console", at_console(console, {})},
      {"a user at the console", at_console(console, {1})},
      {"all users at the console", at_console(console, {1, 2})},
      {"root at the console", at_console(console, {0})},
      {"the console against users and mandatory sections",
       at_console(section("user=\"1\"", "<allow own=\"a.t\"/><deny own=\"a.b\"/>") + console +
                      section("context=\"mandatory\"", "<allow send_interface=\"i.one\"/>"),
                  {1})},
  };
  for (const uint32_t owner : {0u, 1u}) {
    for (const char* rules : {"", "<allow user=\"root\"/>", "<allow user=\"*\"/>",
                              "<deny user=\"*\"/>", "<deny user=\"1\"/>",
                              "<allow user=\"*\"/><deny user=\"root\"/>", "<allow group=\"0\"/>"}) {
      scenes.push_back({"who joins whose bus", joins(owner, rules)});
    }
  }
  return scenes;
}

}  // namespace dg::test
