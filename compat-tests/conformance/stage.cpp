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

const char* type_name(int type) {
  static const char* const names[] = {"?", "call", "return", "error", "signal"};
  return names[type >= 1 && type <= 4 ? type : 0];
}

// as["b","a"] becomes as["a","b"].
std::string sorted_list(const std::string& list) {
  std::vector<std::string> items;
  size_t at = 3;
  while (at < list.size() - 1) {
    size_t end = list.find_first_of(",]", at);
    items.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  std::sort(items.begin(), items.end());
  std::string out = "as[";
  for (auto& item : items) out += (out.size() > 3 ? "," : "") + item;
  return out + "]";
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

void Stage::drain(const std::string& id, Actor& actor, bool print) {
  uint32_t ping = 0;
  if (actor.registered) {
    ping = actor.client->send(
        call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping"));
    if (!ping) {
      if (print) line("  " + id + " can't send");
      return;
    }
  }
  // Who can't ping reads until silence: long after its own message, which has an answer or ends
  // the connection, short after another's.
  int patience = ping ? 30000 : actor.spoke ? 20000 : 300;
  actor.spoke = false;
  while (auto seen = actor.client->receive(patience)) {
    if (!ping) patience = 2000;
    if (ping && seen->reply_serial == ping) return;
    if (seen->type != SIGNAL || seen->sender != "org.freedesktop.DBus") actor.last = *seen;
    if (print) line("  " + id + " < " + describe(*seen));
  }
  if (print)
    line("  " + id +
         (actor.client->connected() ? (ping ? " got no answer to Ping" : " waits")
                                    : " is disconnected"));
  actor.registered = actor.registered && actor.client->connected();
}

void Stage::settle() {
  for (auto& [id, actor] : actors_) drain(id, actor, true);
}

uint32_t Stage::send(const std::string& actor, const Message& m) {
  std::string what = actor + " > " + type_name(m.type);
  if (m.flags) what += " flags=" + std::to_string(m.flags);
  if (!m.destination.empty()) what += " to " + m.destination;
  if (!m.path.empty()) what += " " + m.path;
  if (!m.interface.empty() || !m.member.empty()) what += " " + m.interface + "." + m.member;
  if (!m.error_name.empty()) what += " " + m.error_name;
  what += "(" + m.text() + ")";
  line(what);
  uint32_t serial = actors_.at(actor).client->send(m);
  actors_.at(actor).spoke = true;
  if (!serial) line("  " + actor + " can't send");
  settle();
  return serial;
}

void Stage::quietly(const std::string& actor, const Message& m) {
  actors_.at(actor).client->send(m);
  for (auto& [id, a] : actors_) drain(id, a, false);
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
  std::string body = s.type == RETURN && s.body.rfind("as[\"org.freedesktop.DBus\",", 0) == 0
                         ? sorted_list(s.body)
                         : s.body;
  out += " " + (s.signature.empty() ? std::string("-") : s.signature) + "(" + body + ")";
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
  static const std::regex process("pid=[0-9]+ comm=\\\\?\"[^\"]*\"");
  static const std::regex rules("[0-9]+ matched rules");
  text = std::regex_replace(text, process, "pid=<pid> comm=<comm>");
  text = std::regex_replace(text, rules, "<n> matched rules");
  // Interfaces that the driver in the kernel doesn't have yet: the rest of the description
  // must be the same.
  for (const char* missing : {"Monitoring", "Debug.Stats"}) {
    size_t at =
        text.find("  <interface name=\\\"org.freedesktop.DBus." + std::string(missing) + "\\\">");
    const std::string close = "</interface>\\n";
    size_t end = at == std::string::npos ? at : text.find(close, at);
    if (end != std::string::npos) text.erase(at, end + close.size() - at);
  }
  // And a signal of activation, which isn't there yet either.
  const std::string activation =
      "    <signal name=\\\"ActivatableServicesChanged\\\">\\n    </signal>\\n";
  if (size_t at = text.find(activation); at != std::string::npos) text.erase(at, activation.size());
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

void run_scenarios(const Connector& connect) {
  using Scenario = void (*)(Stage&);
  for (Scenario scenario : {names_scenarios, queries_scenarios, match_scenarios, delivery_scenarios,
                            driver_scenarios}) {
    Stage stage(connect);
    scenario(stage);
  }
}

}  // namespace dg::test
