// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * faults_traffic.cpp - traffic of several processes while their allocations fail in the kernel at
 * random, 1 % of them and 10 %
 *
 * faults_traffic [SECONDS]: each process joins, takes names, adds rules, calls the others,
 * broadcasts, passes fds and bodies in memfds, and starts anew, all of it in spite of refusals.
 * Another is a monitor, and one replaces the bus's policy by turns, which fails for them as well.
 * What arrives is what was sent, in its sender's order. When the failures stop, each process goes
 * on with the connection that it has, one whole policy is in force, and nothing is left of them in
 * the end.
 */
#include <linux/netlink.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <iterator>
#include <new>
#include <random>

#include "faults.h"
#include "files.h"
#include "policy_attrs.h"

using namespace dg::test;

namespace {

constexpr char BUS[] = "traffic";
constexpr unsigned PROCESSES = 4, PATIENCE_S = 400;

struct Shared {
  std::atomic<bool> stop;
  std::atomic<uint64_t> ids[PROCESSES];
  std::atomic<uint32_t> done, refused, arrived, claimed, wrong, disorder, memory;
  std::atomic<uint32_t> seen, replaced, kept, denied;
};

// The text that belongs to a number.
std::string text_of(uint32_t number) {
  return std::string(number % 700, static_cast<char>('a' + number % 26));
}

// What comes with a number, against what was sent.
class Numbers {
 public:
  explicit Numbers(Shared& shared) : shared_(shared) {}
  void check(const Message& m) {
    const uint32_t number = m.u32_arg();
    Message expected;
    expected.with(Args().u(number).s(text_of(number)));
    shared_.wrong += m.body != expected.body || m.signature != "us";
    // A sender's id is never another's, and it counts up as long as it is the same process.
    uint32_t& last = last_[m.sender];
    shared_.disorder += number <= last;
    last = number;
  }

 private:
  Shared& shared_;
  std::map<uint64_t, uint32_t> last_;
};

// The two policies, by the interface that they deny.
constexpr const char* DENIED[] = {"t.X", "t.Y"};

Attrs policy(unsigned which) {
  return policy_request(open_section().append(context_section(
      DBUS_GENL_CONTEXT_MANDATORY,
      {rule_attrs(DBUS_GENL_RULE_SEND, false).str(DBUS_GENL_RULE_A_INTERFACE, DENIED[which])})));
}

// How many of the two are denied now.
int denied_now(Peer& peer) {
  int n = 0;
  for (const char* interface : DENIED) {
    auto reply = peer.call(call(peer.name(), "/o", interface, "Probe"), 200);
    n += reply && reply->error_name == "org.freedesktop.DBus.Error.AccessDenied";
  }
  return n;
}

class Client {
 public:
  Client(Shared& shared, unsigned index)
      : shared_(shared), index_(index), random_(index + 1), numbers_(shared) {}

  void turn() {
    if (!joined_) return join();
    listen();
    switch (pick(12)) {
      case 0:
        return driver("RequestName", Args().s(name()).u(pick(8)));
      case 1:
        return driver("ReleaseName", Args().s(name()));
      case 2:
        return driver("AddMatch", Args().s(rule()));
      case 3:
        return driver("RemoveMatch", Args().s(rule()));
      case 4:
        return driver("ListNames", Args());
      case 5:
      case 6:
        return send(signal("/o", pick(2) ? "t.A" : "t.B", "Tell"));
      case 7:
        return with_fds();
      case 8:
        return with_large_body();
      case 9:
        if (pick(20) == 0) joined_ = false;
        return;
      default: {
        Message m = call(unique_name(shared_.ids[pick(PROCESSES)]), "/o",
                         pick(2) ? "t.C" : DENIED[pick(2)], "Tell");
        m.flags = pick(2) ? NO_REPLY : 0;
        return send(std::move(m));
      }
    }
  }

  // Without failures again: what there is works.
  bool works() {
    peer_.send_errors.clear();
    if (!joined_) join();
    if (!joined_) return false;
    for (int i = 0; i < 3; ++i)
      if (auto reply = peer_.call(driver_call("GetNameOwner", Args().s(peer_.name())), 30000))
        return reply->type == RETURN && reply->string_arg() == peer_.name();
    return false;
  }

 private:
  uint32_t pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  std::string name() { return "t.Name" + std::to_string(pick(3)); }
  std::string rule() {
    static const char* const rules[] = {"type='signal'", "interface='t.A'",
                                        "interface='t.B',path='/o'", "arg0namespace='t'"};
    return rules[pick(4)];
  }
  void count(bool ok) { ++(ok ? shared_.done : shared_.refused); }

  void join() {
    peer_ = Peer();
    peer_.takes_fds = true;
    joined_ = !peer_.connect(BUS).error && !peer_.hello().empty();
    count(joined_);
    shared_.ids[index_] = peer_.id;
  }
  void driver(const char* member, const Args& args) {
    auto reply = peer_.call(driver_call(member, args), 200);
    count(reply && reply->type == RETURN);
  }
  void send(Message m, bool keep_body = false) {
    ++number_;
    if (!keep_body) m.with(Args().u(number_).s(text_of(number_)));
    count(peer_.send(m, false) == 0);
  }
  void with_fds() {
    int fd = memfd_create("passed", MFD_CLOEXEC);
    if (fd < 0) return;
    Message m = pick(2) ? signal("/o", "t.A", "Fds")
                        : call(unique_name(shared_.ids[pick(PROCESSES)]), "/o", "t.C", "Fds");
    m.flags = NO_REPLY;
    send(carrying(m, {fd, fd}), true);
    close(fd);
  }
  void with_large_body() {
    const std::string bytes = say("large", 70000);
    int fd = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
        fcntl(fd, F_ADD_SEALS, SEALS) == 0) {
      Message m = pick(2) ? signal("/o", "t.B", "Large")
                          : call(unique_name(shared_.ids[pick(PROCESSES)]), "/o", "t.C", "Large");
      send(with_body(m, "say", fd), true);
    }
    if (fd >= 0) close(fd);
  }

  void listen() {
    while (auto m = peer_.receive(0)) {
      ++shared_.arrived;
      if (!m->fds.empty() || m->body_fd != -1) {
        Claim claim = peer_.claim(*m);
        shared_.claimed += claim.answered && !claim.error;
        claim.close();
      }
      if (m->type == CALL && !(m->flags & NO_REPLY)) {
        Message reply = reply_to(*m);
        count(peer_.send(reply, false) == 0);
      }
      if (m->member == "Tell") numbers_.check(*m);
      shared_.denied += m->error_name == "org.freedesktop.DBus.Error.AccessDenied";
    }
    shared_.refused += static_cast<uint32_t>(peer_.send_errors.size());
    peer_.send_errors.clear();
    if (peer_.disconnected) joined_ = false;
  }

  Shared& shared_;
  const unsigned index_;
  std::mt19937 random_;
  Peer peer_;
  bool joined_ = false;
  uint32_t number_ = 0;
  Numbers numbers_;
};

// Sees what the others do.
class Watcher {
 public:
  explicit Watcher(Shared& shared) : shared_(shared), numbers_(shared) {}

  void turn() {
    if (!watches_) {
      // So many requests in a row that one would always fail; they are others' to try.
      while (!FaultInjection::mark_task(false)) continue;
      join();
      while (!FaultInjection::mark_task(true)) continue;
      return;
    }
    while (auto m = peer_.receive(20)) {
      ++shared_.seen;
      if (m->member == "Tell") numbers_.check(*m);
      if (shared_.stop) return;
    }
    if (peer_.disconnected || ++turns_ % 50 == 0) watches_ = false;
  }
  bool works() {
    for (int i = 0; i < 3 && !watches_; ++i) join();
    Peer other;
    if (!watches_ || other.join(BUS).empty()) return false;
    other.ask("GetId");
    while (auto m = peer_.receive(5000))
      if (m->member == "GetId" && m->sender == other.id) return true;
    return false;
  }

 private:
  void join() {
    peer_ = Peer();
    peer_.takes_fds = true;
    watches_ = false;
    if (peer_.connect(BUS).error || peer_.hello().empty()) return;
    auto reply =
        peer_.call(call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                        "org.freedesktop.DBus.Monitoring", "BecomeMonitor", Args().as({}).u(0)),
                   200);
    watches_ = reply && reply->type == RETURN;
  }

  Shared& shared_;
  Peer peer_;
  bool watches_ = false;
  unsigned turns_ = 0;
  Numbers numbers_;
};

// Replaces the policy, through the socket of the bus's maker.
class Controller {
 public:
  Controller(Shared& shared, Bus& bus) : shared_(shared), bus_(bus) {}

  void turn() {
    ++(set() ? shared_.replaced : shared_.kept);
    // What couldn't be told is not waited for.
    while (bus_.sock.receive(0)) continue;
    usleep(2000);
  }
  bool works() { return set(); }

 private:
  bool set() {
    const uint32_t seq = bus_.sock.next_seq();
    if (bus_.sock.send(DBUS_GENL_CMD_POLICY_SET, policy(++turns_ % 2), NLM_F_ACK, seq))
      return false;
    auto answer = bus_.sock.receive(200);
    return answer && answer->is_error() && answer->seq == seq && !answer->error;
  }

  Shared& shared_;
  Bus& bus_;
  unsigned turns_ = 0;
};

// Takes turns, which fail, until the time is over; then it must work.
template <typename Role>
[[noreturn]] void process(Shared& shared, Role role) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Its own memory is there already: what fails is to be the kernel's work for it.
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  free(malloc(8 << 20));
  mlockall(MCL_CURRENT);
  if (!FaultInjection::mark_task(true)) _exit(3);
  while (!shared.stop) {
    try {
      role.turn();
    } catch (const std::bad_alloc&) {
      ++shared.memory;
    }
  }
  while (!FaultInjection::mark_task(false)) continue;
  _exit(role.works() ? 0 : 1);
}

void round(Tap& tap, int percent, unsigned seconds) {
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) tap.bail("mmap");
  Shared& shared = *new (memory) Shared();
  Bus bus;
  if (bus.create(BUS).error) tap.bail("can't make the bus");
  if (bus.sock.request(DBUS_GENL_CMD_POLICY_SET, policy(0)).error) tap.bail("no policy");
  FaultInjection::probability(percent);
  pid_t pids[PROCESSES + 2];
  for (unsigned i = 0; i < PROCESSES; ++i)
    if ((pids[i] = fork()) == 0) process(shared, Client(shared, i));
  if ((pids[PROCESSES] = fork()) == 0) process(shared, Watcher(shared));
  if ((pids[PROCESSES + 1] = fork()) == 0) process(shared, Controller(shared, bus));
  // For so long, and until there was enough to see.
  auto enough = [&] {
    return shared.done > 150 && shared.refused > 50 && shared.arrived > 50 && shared.claimed > 3 &&
           shared.seen > 50 && shared.replaced > 20 && shared.kept > 0 && shared.denied > 3;
  };
  for (unsigned i = 0; i < seconds || (i < PATIENCE_S && !enough()); ++i) sleep(1);
  FaultInjection::probability(0);
  shared.stop = true;
  unsigned well = 0;
  for (pid_t pid : pids) {
    int status = -1;
    waitpid(pid, &status, 0);
    well += status == 0;
    if (status != 0) tap.note("a process ended with %#x", static_cast<unsigned>(status));
  }
  tap.ok(enough(), "%d %%: %u requests accepted, %u refused, %u messages arrived, files of %u",
         percent, shared.done.load(), shared.refused.load(), shared.arrived.load(),
         shared.claimed.load());
  tap.ok(shared.seen > 50 && shared.replaced > 20 && shared.kept > 0,
         "%d %%: a monitor saw %u; %u policies, %u that failed; %u messages denied", percent,
         shared.seen.load(), shared.replaced.load(), shared.kept.load(), shared.denied.load());
  tap.ok(shared.wrong == 0 && shared.disorder == 0,
         "%d %%: all that arrived is what was sent (%u not), in its order (%u not)", percent,
         shared.wrong.load(), shared.disorder.load());
  tap.ok(well == std::size(pids), "%d %%: %u of %zu processes go on when the failures stop",
         percent, well, std::size(pids));
  Peer fresh;
  tap.ok(!fresh.join(BUS).empty(), "%d %%: a new one too", percent);
  const int denied = denied_now(fresh);
  tap.ok(denied == 1, "%d %%: one of two policies is in force, as a whole (%d)", percent, denied);
  munmap(memory, sizeof(Shared));
}

}  // namespace

int main(int argc, char** argv) {
  Tap tap;
  FaultInjection injection(tap);
  const auto seconds = static_cast<unsigned>(argc > 1 ? std::atoi(argv[1]) : 10);
  const Stats before = stats();
  for (int percent : {1, 10}) round(tap, percent, seconds);
  nothing_left(tap, before);
  return tap.finish();
}
