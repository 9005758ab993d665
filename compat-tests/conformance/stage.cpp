// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * stage.cpp - actors on a bus, and the transcript of what they do and see
 */
#include "stage.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <regex>

namespace dg::test {

namespace {

std::string type_name(int type) {
  static const char* const names[] = {"call", "return", "error", "signal"};
  return type >= 1 && type <= 4 ? names[type - 1] : "type " + std::to_string(type);
}

std::string joined(std::vector<std::string> items) {
  std::sort(items.begin(), items.end());
  std::string out;
  for (auto& item : items) out += (out.empty() ? "" : ",") + item;
  return out;
}

// "b","a" becomes "a","b": strings that have no quotes in them. Not by std::regex, which recurses
// with each character.
std::string sorted_strings(const std::string& list) {
  std::vector<std::string> items;
  for (size_t at = list.find('"'); at != std::string::npos; at = list.find('"', at)) {
    size_t end = list.find('"', at + 1) + 1;
    items.push_back(list.substr(at, end - at));
    at = end;
  }
  return joined(items);
}

// As GetAllMatchRules gives it: a{sas}{"peer":as["rule",...],...}.
std::string sorted_rules(const std::string& map) {
  std::vector<std::string> entries;
  for (size_t at = map.find('{', 6) + 1, colon;
       (colon = map.find("\":as[", at)) != std::string::npos;) {
    size_t start = colon + 5, end = start;
    while (map[end] != ']') end = map[end] == '"' ? map.find('"', end + 1) + 1 : end + 1;
    entries.push_back(map.substr(at, start - at) + sorted_strings(map.substr(start, end - start)) +
                      "]");
    at = end + 2;
  }
  return "a{sas}{" + joined(entries) + "}";
}

// A body that is too long to be printed: its length and a hash.
std::string shortened(const std::string& body) {
  if (body.size() < 20000) return body;
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (unsigned char c : body) hash = (hash ^ c) * 1099511628211u;
  return body.substr(0, 60) + "... " + std::to_string(body.size()) + " characters, hash " +
         std::to_string(hash);
}

}  // namespace

void Stage::test(const std::string& name) {
  std::printf("== %s\n", name.c_str());
  std::fflush(stdout);
}

void Stage::line(const std::string& text) {
  std::printf("%s\n", hide_ids(text).c_str());
  std::fflush(stdout);
}

void Stage::enter_unregistered(const std::string& actor) {
  Actor a;
  a.client = connect_();
  if (!a.client) {
    std::fprintf(stderr, "can't connect\n");
    std::exit(2);
  }
  actors_[actor] = std::move(a);
}

void Stage::enter(const std::string& actor) {
  enter_unregistered(actor);
  Actor& a = actors_.at(actor);
  uint32_t serial = a.client->send(driver_call("Hello"));
  while (auto seen = a.client->receive(30000))
    if (seen->reply_serial == serial) {
      if (seen->body.size() > 2) a.name = seen->body.substr(1, seen->body.size() - 2);
      break;
    }
  if (a.name.empty()) {
    std::fprintf(stderr, "Hello failed\n");
    std::exit(2);
  }
  a.registered = true;
  drain(actor, a, false);
}

void Stage::leave(const std::string& actor) {
  line(actor + " leaves");
  actors_.erase(actor);
  // dbus-daemon may read others' pings before it notices; the kernel has done it when close() is.
  usleep(300000);
  settle();
}

void Stage::leave_all() { actors_.clear(); }

void Stage::monitor(const std::string& actor, const std::vector<std::string>& rules,
                    uint8_t flags) {
  Actor& a = actors_.at(actor);
  std::string text;
  for (auto& rule : rules) text += " " + quoted(rule);
  line(actor + " becomes a monitor:" + text);

  auto with_pings = rules;
  if (!rules.empty()) with_pings.push_back("interface='org.freedesktop.DBus.Peer',member='Ping'");
  Message m = call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                   "org.freedesktop.DBus.Monitoring", "BecomeMonitor", Args().as(with_pings).u(0));
  m.flags = flags;
  uint32_t serial = a.client->send(m);
  a.monitor = true;
  a.registered = false;
  // Until it is one, nobody's ping is for it to wait for. NameLost is all that it hears otherwise.
  while (auto seen = a.client->receive(30000)) {
    show(actor, a, *seen, true);
    if (seen->reply_serial == serial || (flags && seen->member == "NameLost")) break;
  }
  settle();
}

void Stage::show(const std::string& id, Actor& actor, const Seen& seen, bool print) {
  if (seen.type != SIGNAL || seen.sender != "org.freedesktop.DBus") actor.last = seen;
  if (print) line("  " + id + " < " + describe(seen));
}

// What a monitor sees, up to the last ping.
void Stage::watch(const std::string& id, Actor& actor, bool print) {
  while (auto seen = actor.client->receive(last_ping_ ? 30000 : 1000)) {
    if (seen->type == CALL && seen->interface == "org.freedesktop.DBus.Peer") {
      if (Ping(seen->sender, seen->serial) == last_ping_) return;
    } else if (!pings_.count(Ping(seen->destination, seen->reply_serial))) {
      show(id, actor, *seen, print);
    }
  }
  if (actor.client->connected()) {
    if (print && last_ping_) line("  " + id + " doesn't see the last ping");
    return;
  }
  if (print) line("  " + id + " is disconnected");
  actor.monitor = false;
}

void Stage::drain(const std::string& id, Actor& actor, bool print) {
  uint32_t ping = 0;
  if (actor.registered) {
    ping = actor.client->send(
        call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping"));
    if (!ping) {
      if (print) line("  " + id + " can't send");
      return;
    }
    last_ping_ = Ping(actor.name, ping);
    pings_.insert(*last_ping_);
  }
  // Who can't ping reads until silence: long after its own message, which has an answer or ends
  // the connection, short after another's.
  int patience = ping ? 30000 : actor.spoke ? 20000 : 300;
  actor.spoke = false;
  while (auto seen = actor.client->receive(patience)) {
    if (!ping) patience = 2000;
    if (ping && seen->reply_serial == ping) return;
    // What an eavesdropper sees of this.
    if (seen->type == CALL && pings_.count(Ping(seen->sender, seen->serial))) continue;
    show(id, actor, *seen, print);
  }
  if (print)
    line("  " + id +
         (actor.client->connected() ? (ping ? " got no answer to Ping" : " waits")
                                    : " is disconnected"));
  actor.registered = actor.registered && actor.client->connected();
}

void Stage::settle() { settle(true); }

// Who has just sent something pings first, so that others' pings come after what it sent.
void Stage::settle(bool print) {
  std::vector<std::string> order;
  for (auto& [id, actor] : actors_)
    if (!actor.monitor) order.insert(actor.spoke ? order.begin() : order.end(), id);
  last_ping_.reset();
  for (auto& id : order) drain(id, actors_.at(id), print);
  for (auto& [id, actor] : actors_)
    if (actor.monitor) watch(id, actor, print);
}

// Prints what an actor is about to send.
void Stage::say(const std::string& actor, const Message& m) {
  std::string what = actor + " > " + type_name(m.type);
  if (m.flags) what += " flags=" + std::to_string(m.flags);
  if (!m.destination.empty()) what += " to " + m.destination;
  if (!m.path.empty()) what += " " + m.path;
  if (!m.interface.empty() || !m.member.empty()) what += " " + m.interface + "." + m.member;
  if (!m.error_name.empty()) what += " " + m.error_name;
  what += "(" + m.text() + ")";
  line(what);
}

void Stage::outcome(const std::string& actor, const Message& m) {
  say(actor, m);
  Actor& a = actors_.at(actor);
  uint32_t serial = a.client->send(m);
  while (auto seen = a.client->receive(30000)) {
    show(actor, a, *seen, true);
    if (seen->reply_serial == serial) {
      settle();
      return;
    }
  }
  line("  " + actor + " gets no answer");
}

void Stage::await(const std::string& actor, const std::string& member) {
  Actor& a = actors_.at(actor);
  while (auto seen = a.client->receive(30000)) {
    show(actor, a, *seen, true);
    if (seen->member != member) continue;
    settle();
    return;
  }
  line("  " + actor + " doesn't see " + member);
}

uint32_t Stage::send(const std::string& actor, const Message& m) {
  say(actor, m);
  uint32_t serial = actors_.at(actor).client->send(m);
  actors_.at(actor).spoke = true;
  if (!serial) line("  " + actor + " can't send");
  // It can't ping: dbus-daemon may read others' pings before.
  if (actors_.at(actor).monitor) usleep(300000);
  settle();
  return serial;
}

void Stage::quietly(const std::string& actor, const Message& m) {
  actors_.at(actor).client->send(m);
  actors_.at(actor).spoke = true;
  settle(false);
}

std::string Stage::describe(const Seen& s) const {
  std::string out = type_name(s.type);
  if (s.flags) out += " flags=" + std::to_string(s.flags);
  out += " from " + s.sender;
  if (!s.destination.empty()) out += " to " + s.destination;
  if (!s.path.empty()) out += " " + s.path;
  if (!s.interface.empty() || !s.member.empty()) out += " " + s.interface + "." + s.member;
  if (!s.error_name.empty()) out += " " + s.error_name;
  // In which order ListNames tells the names, nobody promises.
  std::string body = s.body;
  if (s.type == RETURN && body.rfind("as[\"org.freedesktop.DBus\",", 0) == 0)
    body = "as[" + sorted_strings(body) + "]";
  // Nor that of match rules.
  if (s.signature == "a{sas}") body = sorted_rules(body);
  out += " " + (s.signature.empty() ? std::string("-") : s.signature) + "(" + shortened(body) + ")";
  if (!s.serial) out += " serial=0!";
  return out;
}

std::string Stage::hide_ids(std::string text) const {
  for (auto& [secret, label] : hidden_)
    for (size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos;
         at += label.size())
      text.replace(at, secret.size(), label);
  // Policy errors tell the process: dbus-daemon by its command line, the kernel by its name
  // (/proc/PID/comm), and how many rules matched depends on how they are written down.
  static const std::regex process("pid=[0-9]+ comm=\\\\?\"[^\"]*\"( label=\\\\?\"[^\"]*\")?");
  static const std::regex rules("[0-9]+ matched rules");
  text = std::regex_replace(text, process, "pid=<pid> comm=<comm>");
  text = std::regex_replace(text, rules, "<n> matched rules");
  // Statistics: of memory pools and of what has been read and not dispatched, which the kernel
  // hasn't; and of what waits in dbus-daemon or in the kernel, which isn't the same.
  static const std::regex absent("\"(ListMemPool|Incoming|PeakIncoming)[A-Za-z]*\":<u[0-9]+>,?");
  static const std::regex waiting("(\"(?:Peak)?Outgoing[A-Za-z]*\"):<u[0-9]+>");
  text = std::regex_replace(text, absent, "");
  text = std::regex_replace(text, waiting, "$1:<n>");
  // 32 hexadecimal digits are a GUID or machine id.
  size_t run = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && std::isxdigit(static_cast<unsigned char>(text[i]))) {
      ++run;
      continue;
    }
    if (run == 32) {
      text.replace(i - 32, 32, "<id>");
      i -= 28;
    }
    run = 0;
  }
  return text;
}

void run_activation_scenarios(const Connector& connect) {
  Stage stage(connect);
  activation_scenarios(stage);
}

void run_scenarios(const Connector& connect) {
  using Scenario = void (*)(Stage&);
  for (Scenario scenario :
       {names_scenarios, queries_scenarios, match_scenarios, delivery_scenarios, driver_scenarios,
        monitor_scenarios, stats_scenarios, table_scenarios, unusual_scenarios}) {
    Stage stage(connect);
    scenario(stage);
  }
}

}  // namespace dg::test
