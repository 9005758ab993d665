// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * churn.cpp - 500 clients connect, take names, add rules, call each other and
 * are killed at random points; three rounds; nothing of them may be left
 *
 * churn [--clients N] [--rounds N] [--seed N] [--pause MS]
 *
 * Each client is a process of its own and one of several users, on that user's
 * bus (root's is "system").  It does at random what leaves something in the bus: names and places
 * in queues, match rules, calls that wait for their reply, messages that nobody reads.  The parent
 * kills each with SIGKILL at a random time after its start, so some die before CONNECT, some in the
 * middle of a SEND, some long after.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <random>
#include <thread>

#include "peer.h"
#include "tap.h"

using namespace dg::test;

namespace {

enum Phase : uint8_t { STARTED, CONNECTED, REGISTERED, BUSY, PHASES };
const char* const phase_names[PHASES] = {"before CONNECT", "after CONNECT", "after Hello",
                                         "with names, rules and calls"};

uint32_t pause_ms = 800;

// Shared with the clients: how far each one got.
struct Shared {
  std::atomic<uint8_t> phase[4096];
  std::atomic<uint32_t> operations;
  std::atomic<uint32_t> failures;  // of CONNECT and Hello
};

constexpr uint32_t USERS = 5;

// Root, who has the system bus, and users with a bus of their own.
uint32_t uid_of(uint32_t i) { return i ? 20000 + i : 0; }
const char* bus_of(uint32_t i) { return i ? "churn" : "system"; }

[[noreturn]] void client(Shared* shared, uint32_t index, uint32_t seed) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpriority(PRIO_PROCESS, 0, 10);
  uint32_t uid = uid_of(index % USERS);
  if (setgid(uid) || setuid(uid)) _exit(3);
  std::mt19937 random(seed);
  auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  auto reached = [&](Phase p) { shared->phase[index].store(p); };

  Peer peer;
  if (peer.connect(bus_of(index % USERS)).error) {
    ++shared->failures;
    _exit(4);
  }
  reached(CONNECTED);
  if (peer.hello().empty()) {
    ++shared->failures;
    _exit(5);
  }
  reached(REGISTERED);
  bool reads = pick(3) != 0;  // a third never read again
  std::string own = "churn.Own" + std::to_string(index);
  for (uint32_t step = 0;; ++step) {
    Message m;
    switch (pick(10)) {
      case 0:
        m = driver_call("RequestName", Args().s(own + "." + char('a' + char(pick(8)))).u(0));
        break;
      case 1:  // contended: queues and replacements
        m = driver_call("RequestName",
                        Args().s("churn.Shared" + std::to_string(pick(5))).u(pick(8)));
        break;
      case 2:
        m = driver_call("ReleaseName", Args().s("churn.Shared" + std::to_string(pick(5))));
        break;
      case 3:
        m = driver_call("AddMatch", Args().s("type='signal',interface='churn.I" +
                                             std::to_string(pick(4)) + "'"));
        break;
      case 4:
        m = driver_call("AddMatch",
                        Args().s("arg0='" + std::to_string(step) + "',path_namespace='/churn'"));
        break;
      case 5:
        m = driver_call("RemoveMatch", Args().s("type='signal',interface='churn.I" +
                                                std::to_string(pick(4)) + "'"));
        break;
      case 6:  // a call that somebody who doesn't answer gets
        m = call("churn.Shared" + std::to_string(pick(5)), "/churn", "churn.I", "Call",
                 Args().s(std::string(pick(3000), 'x')));
        break;
      case 7:
        m = call("churn.Own" + std::to_string(pick(500)) + ".a", "/churn", "churn.I", "Call");
        break;
      case 8:
        m = call("churn.Shared" + std::to_string(pick(5)), "/churn", "churn.I", "Big",
                 Args().s(std::string(60000, 'x')));
        break;
      default:
        m = signal("/churn/x", "churn.I" + std::to_string(pick(4)), "S",
                   Args().s(std::to_string(pick(50))));
    }
    peer.send(m, false);
    ++shared->operations;
    if (step >= 5) reached(BUSY);
    // Some 1,000 operations a second of all by default: the parent, who kills, must have its share.
    if (step > 5) usleep(pick(pause_ms) * 1000);
    while (reads)
      if (!peer.receive(0)) break;
  }
}

// Reads all NameOwnerChanged of unique names: who came must have gone.
class Witness {
 public:
  bool start(uint32_t i) {
    {
      Become user(uid_of(i));
      if (peer_.join(bus_of(i)).empty()) return false;
    }
    return peer_
               .ask("AddMatch",
                    Args().s("type='signal',member='NameOwnerChanged',arg0namespace='churn'"))
               .empty() &&
           peer_.ask("AddMatch", Args().s("type='signal',member='NameOwnerChanged',arg1=''"))
               .empty() &&
           peer_.ask("AddMatch", Args().s("type='signal',member='NameOwnerChanged',arg2=''"))
               .empty();
  }
  // At most so many, since while clients work there is always one more.
  void read(int timeout_ms, int most = 50) {
    while (auto m = most-- > 0 ? peer_.receive(timeout_ms) : std::nullopt) {
      if (m->member != "NameOwnerChanged") continue;
      std::string name = m->string_arg();
      bool lost =
          m->body.size() >= 5 && m->body[m->body.size() - 2] == 0;  // the third string is empty
      bool gained = !lost && m->text().find("\" \"\" \"") != std::string::npos;
      if (gained) ++balance_[name];
      if (lost) --balance_[name];
      if (gained || lost) ++changes_;
    }
  }
  size_t changes() const { return changes_; }
  std::string unbalanced() const {
    std::string out;
    for (auto& [name, n] : balance_)
      if (n) out += name + " ";
    return out;
  }
  Peer& peer() { return peer_; }

 private:
  Peer peer_;
  std::map<std::string, int> balance_;
  size_t changes_ = 0;
};

void round(Tap& tap, Shared* shared, std::vector<Witness>& witnesses, int number, uint32_t clients,
           std::mt19937& random) {
  const Stats before = stats();
  std::memset(static_cast<void*>(shared), 0, sizeof *shared);
  struct Life {
    pid_t pid;
    int64_t end;
  };
  std::vector<Life> alive;
  uint32_t phases[PHASES] = {};
  uint64_t most_peers = 0, most_queued = 0;
  uint32_t started = 0, died_alone = 0, index_of_pid = 0;
  std::map<pid_t, uint32_t> index;
  int64_t next_note = now_ms() + 10000;
  const int64_t patience = now_ms() + 300000;
  bool ending = false;
  auto at_work = [&] {
    return static_cast<uint32_t>(std::count(shared->phase, shared->phase + clients, BUSY));
  };

  // All of them come, and most are at work, before the first goes; then the end of each is random.
  while (started < clients || !alive.empty()) {
    for (int i = 0; i < 25 && started < clients; ++i, ++started) {
      auto seed = static_cast<uint32_t>(random());
      pid_t pid = fork();
      if (pid < 0) tap.bail("fork: %s", std::strerror(errno));
      if (!pid) client(shared, started, seed);
      index[pid] = started;
      alive.push_back({pid, 0});
      // One in ten dies at its birth, and so perhaps before CONNECT.
      if (random() % 10 == 0) alive.back().end = now_ms() + static_cast<int64_t>(random() % 30);
    }
    if (started == clients && !ending && (at_work() >= clients * 3 / 5 || now_ms() > patience)) {
      ending = true;
      for (auto& life : alive)
        if (!life.end) life.end = now_ms() + static_cast<int64_t>(random() % 6000);
    }
    Stats s = stats();
    most_peers = std::max(most_peers, s[DBUS_GENL_STATS_A_PEERS]);
    most_queued = std::max(most_queued, s[DBUS_GENL_STATS_A_QUEUED_BYTES]);
    int64_t now = now_ms();
    if (now > next_note) {
      tap.note("round %d: %u started, %zu alive, %llu peers", number, started, alive.size(),
               static_cast<unsigned long long>(s[DBUS_GENL_STATS_A_PEERS]));
      next_note = now + 10000;
    }
    for (size_t i = 0; i < alive.size();) {
      if (!alive[i].end || alive[i].end > now) {
        ++i;
        continue;
      }
      index_of_pid = index[alive[i].pid];
      // Its end must not wait for its turn among hundreds.
      setpriority(PRIO_PROCESS, static_cast<id_t>(alive[i].pid), -20);
      kill(alive[i].pid, SIGKILL);
      int status = 0;
      waitpid(alive[i].pid, &status, 0);
      if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) ++died_alone;
      ++phases[shared->phase[index_of_pid].load()];
      alive[i] = alive.back();
      alive.pop_back();
    }
    for (auto& witness : witnesses) witness.read(1);
  }

  for (int p = 0; p < PHASES; ++p)
    tap.note("round %d: %u killed %s", number, phases[p], phase_names[p]);
  tap.note("round %d: %u operations; at most %llu peers, %llu bytes queued", number,
           shared->operations.load(), static_cast<unsigned long long>(most_peers),
           static_cast<unsigned long long>(most_queued));
  tap.ok(died_alone == 0 && shared->failures == 0,
         "round %d: every client ended by SIGKILL alone (%u did not, %u failed to join)", number,
         died_alone, shared->failures.load());
  tap.ok(phases[BUSY] >= clients / 2 && most_peers >= clients / 2,
         "round %d: most of the clients were at work together", number);

  // A process that is waited for has closed its sockets; what runs later is small.
  Stats after;
  for (int64_t end = now_ms() + 60000; now_ms() < end;) {
    for (auto& witness : witnesses) witness.read(10);
    after = stats();
    if (same_gauges(before, after)) break;
  }
  if (!tap.ok(same_gauges(before, after),
              "round %d: no peer, name, place, rule, reply, byte or user is left", number)) {
    tap.note("before: %s", gauges_text(before).c_str());
    tap.note("after:  %s", gauges_text(after).c_str());
  }
  for (uint32_t i = 0; i < USERS; ++i) {
    Witness& witness = witnesses[i];
    std::string names = witness.peer().ask("ListNames");
    std::string expected = "as[\"org.freedesktop.DBus\",\"" + witness.peer().name() + "\"]";
    tap.ok(names == expected,
           "round %d, user %u: ListNames has the driver and the witness alone: %.200s", number,
           uid_of(i), names.c_str());
    witness.read(500, 1000000);
    std::string left = witness.unbalanced();
    tap.ok(witness.changes() > clients / USERS && left.empty(),
           "round %d, user %u: each name that came has gone, in %zu NameOwnerChanged; not: %.200s",
           number, uid_of(i), witness.changes(), left.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  uint32_t clients = 500, seed = static_cast<uint32_t>(time(nullptr));
  int rounds = 3;
  for (int i = 1; i + 1 < argc; i += 2) {
    auto n = static_cast<uint32_t>(std::strtoul(argv[i + 1], nullptr, 0));
    if (!std::strcmp(argv[i], "--clients"))
      clients = std::min<uint32_t>(n, 4096);
    else if (!std::strcmp(argv[i], "--rounds"))
      rounds = static_cast<int>(n);
    else if (!std::strcmp(argv[i], "--pause"))
      pause_ms = std::max(1u, n);
    else if (!std::strcmp(argv[i], "--seed"))
      seed = n;
  }
  Tap tap;
  tap.note("seed %u (--seed repeats it)", seed);
  if (!family_id()) tap.bail("no family dbus");
  auto* shared = static_cast<Shared*>(
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  setpriority(PRIO_PROCESS, 0, -20);
  std::mt19937 random(seed);
  const Stats at_first = stats();
  {
    Bus buses[USERS];
    std::vector<Witness> witnesses(USERS);
    for (uint32_t i = 0; i < USERS; ++i) {
      Become user(uid_of(i));
      Answer a = buses[i].create(bus_of(i));
      if (a.error) tap.bail("BUS_CREATE %s: errno %d %s", bus_of(i), -a.error, a.extack.c_str());
    }
    for (uint32_t i = 0; i < USERS; ++i)
      if (!witnesses[i].start(i)) tap.bail("a witness can't join its bus");
    for (int i = 1; i <= rounds; ++i) round(tap, shared, witnesses, i, clients, random);
  }
  Stats at_last = stats();
  for (int i = 0; i < 600 && !same_gauges(at_first, at_last); ++i) {
    usleep(100000);
    at_last = stats();
  }
  if (!tap.ok(same_gauges(at_first, at_last), "the bus, too, has left nothing"))
    tap.note("before: %s; after: %s", gauges_text(at_first).c_str(), gauges_text(at_last).c_str());
  return tap.finish();
}
