// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * stage.h - actors on a bus, and the transcript of what they do and see
 *
 * After each step everything that it caused is waited for: each actor pings
 * the driver and reads up to the answer, which the bus sends after all that
 * came before (the order of a bus is total).  So transcripts are exact, and
 * nothing depends on timing.
 */
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client.h"

namespace dg::test {

class Stage {
 public:
  explicit Stage(const Connector& connect) : connect_(connect) {}

  // Begins a case: the unit of comparison, named in the TAP output.
  void test(const std::string& name);
  void line(const std::string& text);

  // Connects and registers; what Hello brings isn't printed.
  void enter(const std::string& actor);
  // Connects only.  Such an actor can't ping: what it sees is read until silence.
  void enter_unregistered(const std::string& actor);
  void registered(const std::string& actor) { actors_.at(actor).registered = true; }
  void leave(const std::string& actor);  // closes its connection
  void leave_all();

  // Sends, prints, and prints all that any actor saw of it.  Returns its serial.
  uint32_t send(const std::string& actor, const Message& m);
  void ask(const std::string& actor, const std::string& member, const Args& args = Args()) {
    send(actor, driver_call(member, args));
  }
  // Prints what has come to everybody since.
  void settle();
  // Sends what is answered once somebody outside of the stage has done something: waits for it.
  void outcome(const std::string& actor, const Message& m);
  // Waits until the actor sees a message of this member.
  void await(const std::string& actor, const std::string& member);
  // Makes the actor a monitor.  From then on it can't ping: what it sees is read up to the last
  // ping of the others, so rules let pings through, and they aren't printed.
  void monitor(const std::string& actor, const std::vector<std::string>& rules, uint8_t flags = 0);
  // Does it without printing.
  void quietly(const std::string& actor, const Message& m);
  // Of many, the last of which is done quietly, or printed.
  void without_waiting(const std::string& actor, const Message& m) {
    actors_.at(actor).client->send(m);
  }
  // What the actor saw last of this type (RETURN, ...), for replies to it.
  const Seen& last(const std::string& actor) const { return actors_.at(actor).last; }
  const std::string& name(const std::string& actor) const { return actors_.at(actor).name; }
  // In what is printed, each occurrence of text becomes label.
  void hide(const std::string& text, const std::string& label) {
    hidden_.emplace_back(text, label);
  }

 private:
  struct Actor {
    std::unique_ptr<Client> client;
    std::string name;
    bool registered = false;
    bool monitor = false;
    bool spoke = false;  // sent something since it was last read from
    Seen last;
  };
  void settle(bool print);
  void say(const std::string& actor, const Message& m);
  void drain(const std::string& id, Actor& actor, bool print);
  void watch(const std::string& id, Actor& actor, bool print);
  void show(const std::string& id, Actor& actor, const Seen& seen, bool print);
  std::string describe(const Seen& s) const;
  std::string hide_ids(std::string text) const;

  const Connector& connect_;
  std::map<std::string, Actor> actors_;
  using Ping = std::pair<std::string, uint32_t>;  // by whom, its serial
  std::set<Ping> pings_;
  std::optional<Ping> last_ping_;  // of this settle()
  std::vector<std::pair<std::string, std::string>> hidden_;
};

void names_scenarios(Stage& s);     // scenarios_names.cpp
void queries_scenarios(Stage& s);   // scenarios_queries.cpp
void match_scenarios(Stage& s);     // scenarios_match.cpp
void delivery_scenarios(Stage& s);  // scenarios_delivery.cpp
void driver_scenarios(Stage& s);    // scenarios_driver.cpp
void monitor_scenarios(Stage& s);   // scenarios_monitor.cpp
void stats_scenarios(Stage& s);     // scenarios_stats.cpp
void table_scenarios(Stage& s);     // scenarios_table.cpp
void unusual_scenarios(Stage& s);   // scenarios_unusual.cpp

void activation_scenarios(Stage& s);  // scenarios_activation.cpp; on a bus that starts services

}  // namespace dg::test
