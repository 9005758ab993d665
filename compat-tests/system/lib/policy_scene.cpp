// SPDX-License-Identifier: LGPL-2.1-or-later
// policy_scene.cpp - see policy_scene.h
#include "policy_scene.h"

#include <map>
#include <optional>
#include <regex>

#include "tap.h"

namespace dg::test {

namespace {

const char kDriver[] = "org.freedesktop.DBus";

// Processes' ids and command lines differ by nature.
std::string without_processes(const std::string& text) {
  static const std::regex process("pid=[0-9]+ comm=\"[^\"]*\"( label=\"[^\"]*\")?");
  return std::regex_replace(text, process, "process");
}

class Actors {
 public:
  Actors(PolicyStage& stage, const Scene& scene) : stage_(stage), scene_(scene) {}

  Transcript run() {
    for (unsigned i = 0; i < scene_.peers.size(); i++) {
      names_.push_back(stage_.connect(i, scene_.peers[i]));
      say("peer " + std::to_string(i) + (names_[i].empty() ? " is refused" : " connects"));
    }
    for (unsigned i = 0; i < scene_.sends.size(); i++) {
      const PolicySend& send = scene_.sends[i];
      if (names_[send.from].empty()) {
        serials_.push_back(0);
        continue;
      }
      // What one sends arrives before the next peer says anything.
      if (last_ && *last_ != send.from) settle(*last_);
      last_ = send.from;
      // A call of who may not connect has not been made.
      uint32_t answers = send.reply_to >= 0 ? serials_[static_cast<unsigned>(send.reply_to)] : 0;
      if (!answers) answers = send.no_call;
      serials_.push_back(stage_.send(send.from, send, resolve(send.destination), answers));
      sent_[{names_[send.from], serials_.back()}] = i;
    }
    if (last_) settle(*last_);
    for (unsigned i = 0; i < scene_.peers.size(); i++)
      if (!names_[i].empty()) hear(i, stage_.sync(i));
    return std::move(lines_);
  }

 private:
  void say(std::string line) { lines_.push_back(std::move(line)); }

  std::string resolve(const std::string& destination) const {
    if (destination.empty() || destination[0] != '@') return destination;
    const std::string& name = names_[std::stoul(destination.substr(1))];
    return name.empty() ? ":1.999" : name;
  }

  void settle(unsigned peer) {
    if (!names_[peer].empty()) hear(peer, stage_.sync(peer));
  }

  std::string which(const std::string& peer, uint32_t serial) const {
    auto found = sent_.find({peer, serial});
    return found == sent_.end() ? "serial " + std::to_string(serial)
                                : "#" + std::to_string(found->second);
  }

  void hear(unsigned peer, const std::vector<Received>& all) {
    static const char* const types[] = {"?", "call", "return", "error", "signal"};
    for (const Received& m : all) {
      std::string line = "peer " + std::to_string(peer) + " gets ";
      if (m.sender != kDriver) {
        line += which(m.sender, m.serial);
      } else {
        line += std::string("the driver's ") + types[m.type < 5 ? m.type : 0];
        if (m.reply_serial) line += " to " + which(names_[peer], m.reply_serial);
        if (!m.member.empty()) line += " " + m.member;
        if (!m.error_name.empty()) line += " " + m.error_name;
        if (m.type >= 3) line += " \"" + without_processes(m.text) + "\"";
      }
      say(std::move(line));
    }
  }

  PolicyStage& stage_;
  const Scene& scene_;
  Transcript lines_;
  std::optional<unsigned> last_;  // who sent last
  std::vector<std::string> names_;
  std::vector<uint32_t> serials_;
  std::map<std::pair<std::string, uint32_t>, unsigned> sent_;
};

}  // namespace

Transcript act(PolicyStage& stage, const Scene& scene) { return Actors(stage, scene).run(); }

PolicySend to_driver(unsigned from, const std::string& member) {
  PolicySend send;
  send.from = from;
  send.destination = kDriver;
  send.path = "/org/freedesktop/DBus";
  send.interface = kDriver;
  send.member = member;
  return send;
}

void die(const std::string& what) { Tap().bail("%s", what.c_str()); }

namespace {

std::string describe(const Scene& scene, std::size_t n) {
  const PolicySend& send = scene.sends[n];
  return "#" + std::to_string(n) + ": peer " + std::to_string(send.from) + ", type " +
         std::to_string(send.type) + " to \"" + send.destination + "\" path " + send.path +
         " interface " + send.interface + " member " + send.member + " error " + send.error_name +
         " fds " + std::to_string(send.n_fds) + " reply to " + std::to_string(send.reply_to) + "\n";
}

// What the message answers and what else answers that, for a verdict may depend on it, and what
// became of each.
std::string story(const Scene& scene, std::size_t n, const Transcript& theirs,
                  const Transcript& ours) {
  const int call = scene.sends[n].reply_to;
  std::string text;
  for (std::size_t k = 0; k < scene.sends.size(); ++k) {
    const bool related =
        k == n || (call >= 0 && (static_cast<int>(k) == call || scene.sends[k].reply_to == call));
    if (!related) continue;
    text += describe(scene, k);
    const std::regex mentions("#" + std::to_string(k) + "\\b");
    for (const auto& [whose, lines] :
         {std::pair("  dbus-daemon: ", &theirs), std::pair("  here:        ", &ours)})
      for (const std::string& line : *lines)
        if (std::regex_search(line, mentions)) text += whose + line + "\n";
  }
  return text;
}

}  // namespace

std::string difference(const Scene& scene, const Transcript& theirs, const Transcript& ours) {
  std::size_t i = 0;
  while (i < theirs.size() && i < ours.size() && theirs[i] == ours[i]) i++;
  if (i == theirs.size() && i == ours.size()) return "";
  std::string text = scene.policy;
  auto tell = [&](const char* whose, const Transcript& lines) {
    text += std::string(whose) + (i < lines.size() ? lines[i] : "(nothing more)") + "\n";
  };
  tell("dbus-daemon: ", theirs);
  tell("here:        ", ours);
  static const std::regex number("#([0-9]+)");
  for (const Transcript* lines : {&theirs, &ours}) {
    std::smatch found;
    if (i < lines->size() && std::regex_search((*lines)[i], found, number)) {
      text += story(scene, std::stoul(found[1]), theirs, ours);
      break;
    }
  }
  return text;
}

}  // namespace dg::test
