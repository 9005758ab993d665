// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * order.cpp - total order: any two receivers agree on the order of what both got
 *
 * order [MESSAGES]: senders on both processors broadcast, and send to single receivers, numbered
 * messages, as fast as they can, while other processes come, take a name from each other, leave and
 * are killed, receivers and monitors come and go, and the bus's maker replaces its policy and its
 * limits. Each receiver and each monitor keeps a log; the logs are compared.
 */
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>

#include "peer.h"
#include "policy_attrs.h"
#include "settle.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr char BUS[] = "order";
constexpr unsigned CHURNED = 6, VISITED = 10, WATCHED = 6, REPLACED = 20;
constexpr unsigned SENDERS = 6, RECEIVERS = 6, VISITORS = 3, CHURNERS = 4, MONITORS = 3;

// What a message is known by: its sender's id and number; of the driver's, the peer's id and
// whether it came or went.
using Event = uint64_t;
using Log = std::vector<Event>;
constexpr Event DRIVER = Event{1} << 63;

Event event(uint64_t sender, uint32_t number) { return sender << 32 | number; }

void run_on(unsigned processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor % 2, &set);
  sched_setaffinity(0, sizeof set, &set);
}

class Race {
 public:
  Race(Tap& tap, Bus& bus, unsigned messages) : tap_(tap), bus_(bus), messages_(messages) {}

  void run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < RECEIVERS; ++i) threads.emplace_back([this, i] { receive(i); });
    while (ready_ < RECEIVERS) usleep(1000);
    for (unsigned i = 0; i < VISITORS; ++i) threads.emplace_back([this, i] { visit(i); });
    for (unsigned i = 0; i < MONITORS; ++i) threads.emplace_back([this, i] { monitor(i); });
    threads.emplace_back([this] { churn(); });
    threads.emplace_back([this] { control(); });
    for (unsigned i = 0; i < SENDERS; ++i) threads.emplace_back([this, i] { send(i); });
    for (std::thread& t : threads) t.join();
    compare();
  }

 private:
  // --- threads

  void send(unsigned index) {
    run_on(index);
    Peer peer;
    if (peer.join(BUS).empty()) return problem("a sender can't join");
    std::mt19937 random(index);
    bool last = false;
    for (uint32_t i = 1; !last; ++i) {
      // Not before the others have done their part.
      last =
          i >= messages_ && (i >= 20 * messages_ || (churned_ >= CHURNED && visited_ >= VISITED &&
                                                     watched_ >= WATCHED && replaced_ >= REPLACED));
      Message m = signal("/o", last || random() % 4 ? "ord.All" : "ord.Even", last ? "End" : "S",
                         Args().u(i));
      if (!last && random() % 10 < 3) {
        const unsigned to = static_cast<unsigned>(random() % RECEIVERS);
        m.destination = unique_name(ids_[to]);
        ++expected_[to];
      } else {
        for (unsigned r = 0; r < RECEIVERS; ++r)
          if (r % 2 == 0 || m.interface == "ord.All") ++expected_[r];
      }
      if (peer.send(m, false)) problem("a send fails");
      // Answers would be refusals.
      if (i % 64 == 0)
        while (auto answer = peer.receive(0)) problem("a sender gets " + answer->error_name);
    }
    while (peer.receive(0)) continue;
    if (!peer.send_errors.empty())
      problem("refused: " + std::to_string(-peer.send_errors[0].second));
    // Its end would be an event behind its last message: fine, but not before.
    while (!over()) usleep(10000);
  }

  static bool joined(Peer& peer, bool even) {
    if (peer.sock.open(4 << 20) || peer.join(BUS).empty()) return false;
    peer.ask("AddMatch", Args().s("interface='ord.All'"));
    if (even) peer.ask("AddMatch", Args().s("interface='ord.Even'"));
    peer.ask("AddMatch", Args().s("member='NameOwnerChanged',sender='org.freedesktop.DBus'"));
    return true;
  }
  // Whether it was of the race.
  static bool note(const Message& m, Log& log) {
    if (m.interface.rfind("ord.", 0) == 0) {
      log.push_back(event(m.sender, m.u32_arg()));
      return true;
    }
    // Of names, unique ones come and go once.
    const std::string name = m.member == "NameOwnerChanged" ? m.string_arg() : "";
    if (name.rfind(":1.", 0) == 0)
      log.push_back(DRIVER | std::strtoull(name.c_str() + 3, nullptr, 10) << 1 | had_owner(m));
    return false;
  }

  void receive(unsigned index) {
    run_on(index / 2);
    Peer peer;
    if (!joined(peer, index % 2 == 0)) return problem("a receiver can't join");
    ids_[index] = peer.id;
    ++ready_;
    Log log;
    unsigned ends = 0, got = 0;
    while (ends < SENDERS) {
      auto m = peer.receive(60000);
      if (!m) {
        problem("nothing comes any more");
        break;
      }
      got += note(*m, log);
      ends += m->member == "End";
    }
    ++finished_;
    got_[index] = got;
    keep(std::move(log), index);
  }

  void visit(unsigned index) {
    std::mt19937 random(100 + index);
    while (!over()) {
      Peer peer;
      if (!joined(peer, true)) return problem("a visitor can't join");
      // Some see what is sent to others alone.
      if (index == 0) peer.ask("AddMatch", Args().s("eavesdrop='true',interface='ord.All'"));
      Log log;
      for (uint32_t n = 20 + static_cast<uint32_t>(random() % 100); log.size() < n && !over();)
        if (auto m = peer.receive(100)) note(*m, log);
      keep(std::move(log), RECEIVERS);
      ++visited_;
    }
  }

  // The first stays to the end. The others come and go, and one of them sees everything.
  void monitor(unsigned index) {
    run_on(index);
    std::mt19937 random(200 + index);
    std::vector<std::string> rules;
    if (index != 1)
      rules = {"interface='ord.All'", "interface='ord.Even'",
               "member='NameOwnerChanged',sender='org.freedesktop.DBus'"};
    while (!over()) {
      Peer peer;
      if (peer.sock.open(4 << 20) || peer.join(BUS).empty()) return problem("a monitor can't join");
      auto reply = peer.call(call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                  "org.freedesktop.DBus.Monitoring", "BecomeMonitor",
                                  Args().as(rules).u(0)));
      if (!reply || reply->type != RETURN) return problem("BecomeMonitor is refused");
      Log log;
      const uint32_t n = index ? 20 + static_cast<uint32_t>(random() % 100) : ~0u;
      while (log.size() < n && !over())
        if (auto m = peer.receive(100)) note(*m, log);
      if (!index)
        while (auto m = peer.receive(0)) note(*m, log);
      if (peer.disconnected) return problem("a monitor is disconnected");
      ++watched_;
      std::lock_guard lock(mutex_);
      monitored_.push_back(std::move(log));
    }
  }

  // Policies that make no difference to the race; limits that nobody reaches.
  void control() {
    GenlSocket sock;
    if (sock.open()) return problem("no socket");
    while (!over()) {
      const Attrs denied =
          rule_attrs(DBUS_GENL_RULE_SEND, false)
              .str(DBUS_GENL_RULE_A_INTERFACE, replaced_ % 2 ? "ord.Never" : "ord.Neither");
      const Attrs policy =
          open_section().append(context_section(DBUS_GENL_CONTEXT_MANDATORY, {denied}));
      Attrs limits, values;
      values.u32(DBUS_GENL_LIMIT_A_MAX_REPLIES_PER_CONNECTION, 1000 + replaced_ % 7)
          .u32(DBUS_GENL_LIMIT_A_REPLY_TIMEOUT, replaced_ % 3 ? 0 : 600000);
      limits.str(DBUS_GENL_BUS_A_NAME, BUS).nested(DBUS_GENL_BUS_A_LIMITS, values);
      if (bus_.sock.request(DBUS_GENL_CMD_POLICY_SET, policy_request(policy)).error ||
          sock.request(DBUS_GENL_CMD_LIMITS_SET, limits).error)
        return problem("POLICY_SET or LIMITS_SET is refused");
      ++replaced_;
      usleep(5000);
    }
  }

  void churn() {
    std::mt19937 random(7);
    pid_t pids[CHURNERS] = {};
    while (!over()) {
      for (pid_t& pid : pids) {
        if (pid > 0 && random() % 3) {
          if (random() % 2) kill(pid, SIGKILL);
          waitpid(pid, nullptr, 0);
          ++churned_;
          pid = 0;
        }
        if (pid == 0 && (pid = fork()) == 0) {
          execl("/proc/self/exe", "order", "churner", nullptr);
          _exit(127);
        }
      }
      usleep(20000 + static_cast<useconds_t>(random() % 30000));
    }
    for (pid_t pid : pids) {
      if (pid <= 0) continue;
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }

  bool over() const { return finished_ == RECEIVERS; }
  void problem(const std::string& what) {
    std::lock_guard lock(mutex_);
    if (problem_.empty()) problem_ = what;
  }
  void keep(Log log, unsigned index) {
    std::lock_guard lock(mutex_);
    (index < RECEIVERS ? logs_ : visits_).push_back(std::move(log));
  }
  // NameOwnerChanged's second string: empty for who comes.
  static bool had_owner(const Message& m) {
    const size_t at = (sizeof(uint32_t) + m.string_arg().size() + 1 + 3) & ~size_t{3};
    uint32_t length = 0;
    if (at + sizeof length <= m.body.size()) std::memcpy(&length, &m.body[at], sizeof length);
    return length > 0;
  }

  // --- afterwards

  void compare() {
    tap_.ok(problem_.empty(), "%u senders of %u messages or more, %u receivers: %s", SENDERS,
            messages_, RECEIVERS, problem_.empty() ? "to the end" : problem_.c_str());
    std::string missing;
    for (unsigned i = 0; i < RECEIVERS; ++i)
      if (got_[i] != expected_[i])
        missing += " " + std::to_string(got_[i]) + " of " + std::to_string(expected_[i]);
    tap_.ok(missing.empty(), "each receiver got all that was for it%s", missing.c_str());
    tap_.ok(churned_ >= CHURNED && visits_.size() >= VISITED && watched_ >= WATCHED &&
                replaced_ >= REPLACED,
            "meanwhile %u processes went, %zu receivers and %u monitors came and went, and policy "
            "and limits were replaced %u times",
            churned_.load(), visits_.size(), watched_.load(), replaced_.load());

    std::vector<Log> all = logs_;
    all.insert(all.end(), visits_.begin(), visits_.end());
    const size_t receivers = all.size();
    all.insert(all.end(), monitored_.begin(), monitored_.end());
    unsigned disorder = 0, twice = 0, drivers = 0;
    for (const Log& log : all) {
      std::unordered_map<uint64_t, uint32_t> last;
      for (Event e : log) {
        if (e & DRIVER) {
          ++drivers;
          continue;
        }
        uint32_t& number = last[e >> 32];
        const auto n = static_cast<uint32_t>(e);
        twice += n == number;
        disorder += n < number;
        number = n;
      }
    }
    tap_.ok(twice == 0 && disorder == 0,
            "each sender's messages come in its order: %u twice, %u not", twice, disorder);
    size_t common = 0, pairs = 0, wrong = 0, seen = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      std::unordered_map<Event, size_t> at;
      for (size_t n = 0; n < all[i].size(); ++n) at[all[i][n]] = n;
      // Each receiver with all, and each visit with those that were there at some of the same time.
      for (size_t k = i + 1; k < all.size(); ++k) {
        size_t before = 0;
        bool any = false;
        for (Event e : all[k]) {
          auto found = at.find(e);
          if (found == at.end()) continue;
          ++common;
          seen += i < receivers && k >= receivers;
          wrong += any && found->second <= before;
          before = found->second;
          any = true;
        }
        pairs += any;
      }
    }
    tap_.ok(
        wrong == 0 && common > size_t{RECEIVERS} * messages_ && drivers > 20 &&
            seen > size_t{RECEIVERS} * messages_,
        "%zu pairs of receivers agree on the order of %zu messages that both got (%zu not), the "
        "driver's too (%u), and monitors with receivers (%zu)",
        pairs, common, wrong, drivers, seen);
  }

  Tap& tap_;
  Bus& bus_;
  const unsigned messages_;
  std::atomic<uint64_t> ids_[RECEIVERS] = {};
  std::atomic<unsigned> expected_[RECEIVERS] = {};
  unsigned got_[RECEIVERS] = {};
  std::atomic<unsigned> ready_{0}, finished_{0}, churned_{0}, visited_{0}, watched_{0},
      replaced_{0};
  std::mutex mutex_;
  std::vector<Log> logs_, visits_, monitored_;
  std::string problem_;
};

// Takes the name from whoever has it, until it is killed or has had enough.
int churner() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Peer peer;
  if (peer.join(BUS).empty()) return 1;
  for (int i = 0; i < 20; ++i) {
    peer.ask("RequestName", Args().s("ord.Name").u(3));
    peer.ask("AddMatch", Args().s("interface='ord.All',arg0='" + std::to_string(i) + "'"));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && !std::strcmp(argv[1], "churner")) return churner();
  Tap tap;
  const Stats before = stats();
  {
    Bus bus;
    if (bus.create(BUS).error) tap.bail("can't make the bus");
    Race(tap, bus, argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 1000).run();
  }
  nothing_left(tap, before, 20000);
  return tap.finish();
}
