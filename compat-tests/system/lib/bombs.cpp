// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * bombs.cpp - match rules, names, pending calls and fds of one user's many connections
 *
 * bombs CONNECTIONS
 *
 * Each connection is within its limits; together they hold what the module lets a user have
 * (DG_ACCOUNT_HELD_MAX), if there are 36 of them. Meanwhile another user's rules, names,
 * calls and fds are accepted; what is held is bounded in memory, and charged to the cgroup of who
 * holds it; and all of it goes with the connections.
 */
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <deque>

#include "../../../kmod/limits.h"
#include "files.h"
#include "kernel_memory.h"
#include "settle.h"
#include "shared_bus.h"

using namespace dg::test;

namespace {

constexpr uint32_t ALICE = 30001, BOB = 30002;
constexpr unsigned CALLS_OF = 2, NAMES_OF = 4;  // connections; those that are left add rules

struct Shared {
  std::atomic<bool> filled{false};
  char refusals[3][200] = {};  // of a rule, a name, a call
};
Shared* shared;

// Lets a connection's refusals, replies and signals not pile up.
void read_all(Peer& peer) {
  while (peer.receive(0)) {
  }
}

uint64_t held() {
  Stats s = stats();
  return s[DBUS_GENL_STATS_A_MATCHES] + s[DBUS_GENL_STATS_A_NAME_OWNERS] +
         s[DBUS_GENL_STATS_A_REPLIES];
}

void note(char (&to)[200], const std::string& text) { text.copy(to, sizeof to - 1); }

[[noreturn]] void alice(const Cgroup& group, unsigned connections) {
  group.enter();
  if (setgid(ALICE) || setuid(ALICE)) _exit(97);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_DUMPABLE, 1);
  std::deque<Peer> peers(connections);
  Peer deaf;
  deaf.takes_fds = true;
  if (deaf.join(SHARED_BUS).empty()) _exit(3);
  for (unsigned i = 0; i < connections; ++i) {
    Peer& peer = peers[i];
    peer.takes_fds = true;
    if (peer.join(SHARED_BUS).empty()) _exit(3);
    if (connections > 8 && i < CALLS_OF) {
      for (unsigned n = 0; n < DG_REPLIES_PER_PEER_MAX; ++n) {
        Message m = call(deaf.name(), "/", "bomb.I", "M");
        peer.send(m, false);
      }
      read_all(peer);
      continue;
    }
    const bool names = connections > 8 ? i < CALLS_OF + NAMES_OF : i == 0;
    const unsigned most = names ? DG_NAMES_PER_PEER_MAX : DG_MATCHES_PER_PEER_MAX;
    for (unsigned n = 0; n < most; ++n) {
      const std::string number = std::to_string(i) + "x" + std::to_string(n);
      Message m =
          names ? driver_call("RequestName", Args().s("bomb.N" + number).u(0))
                : driver_call("AddMatch", Args().s("interface='bomb.I',arg0='" + number + "'"));
      m.flags = NO_REPLY;
      peer.send(m, false);
      if (n % 64 == 63) read_all(peer);
    }
    read_all(peer);
  }
  Peer& last = peers.back();
  note(shared->refusals[0], last.ask("AddMatch", Args().s("interface='bomb.J'")));
  note(shared->refusals[1], last.ask("RequestName", Args().s("bomb.More").u(0)));
  auto refused = last.call(call(peers[0].name(), "/", "bomb.I", "M"), 500);
  note(shared->refusals[2], refused ? refused->error_name : "pending");
  // And fds, as many as wait for anybody.
  const std::vector<int> fds(16, open("/dev/null", O_RDONLY));
  for (Peer& to_one : peers)
    for (int n = 0; n < 40; ++n) {
      Message m = to(to_one, fds);
      deaf.send(m, false);
      read_all(deaf);
    }
  shared->filled = true;
  for (;;) pause();
}

// Of Bob: everything that Alice has too much of.
void bob() {
  Peer a, b;
  a.takes_fds = b.takes_fds = true;
  if (a.join(SHARED_BUS).empty() || b.join(SHARED_BUS).empty()) _exit(1);
  for (int i = 0; i < 50; ++i) {
    const std::string number = std::to_string(i);
    if (!a.ask("AddMatch", Args().s("interface='bob.I',arg0='" + number + "'")).empty()) _exit(2);
    if (a.ask("RequestName", Args().s("bob.N" + number).u(0)) != "u1") _exit(3);
    Message m = call(a.name(), "/", "bob.I", "M");
    if (b.send(m)) _exit(4);
    m = to(a, {STDIN_FILENO, STDERR_FILENO});
    if (b.send(m)) _exit(5);
  }
  unsigned calls = 0, fds = 0;
  while (auto m = a.receive(calls + fds < 100 ? 10000 : 0)) {
    if (m->type != CALL) continue;
    if (m->fds.empty()) {
      ++calls;
      Message reply = reply_to(*m);
      a.send(reply);
      continue;
    }
    Claim c = a.claim(*m);
    fds += c.fds.size() == 2;
    c.close();
  }
  if (calls != 50 || fds != 50) _exit(6);
  unsigned replies = 0;
  while (replies < 50)
    if (auto m = b.receive(10000); !m || m->type != RETURN)
      _exit(7);
    else
      ++replies;
}

}  // namespace

int main(int argc, char** argv) {
  const auto connections = static_cast<unsigned>(argc > 1 ? std::atoi(argv[1]) : 40);
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  shared = shared_memory<Shared>();
  const Stats before = stats();
  {
    Bus bus;
    open_shared_bus(tap, bus);
    Cgroup group("alice");
    if (!group.works()) tap.bail("no cgroup with memory.stat");
    write_file("/proc/sys/vm/drop_caches", "2");
    flush_charges();
    const int64_t unreclaimable = meminfo("SUnreclaim");
    const uint64_t had = held();
    const int64_t start = now_ms();
    const pid_t pid = fork();
    if (!pid) alice(group, connections);
    if (!comes_true([] { return shared->filled.load(); }, 500000)) tap.bail("no bomb");
    const uint64_t all = held() - had;
    auto charged = group.stat();
    const int64_t more = meminfo("SUnreclaim") - unreclaimable;
    tap.note(
        "%llu rules, names and calls, %llu fds in %lld ms; slabs: %lld bytes charged to her, "
        "%lld more in all",
        static_cast<unsigned long long>(all), static_cast<unsigned long long>(unclaimed()),
        static_cast<long long>(now_ms() - start),
        static_cast<long long>(charged["slab_unreclaimable"]), static_cast<long long>(more));
    // Places of unique names are none.
    if (connections >= 36) {
      tap.ok(all <= DG_ACCOUNT_HELD_MAX && all > DG_ACCOUNT_HELD_MAX - 64,
             "%u connections together hold what a user may: %llu of %d", connections,
             static_cast<unsigned long long>(all), DG_ACCOUNT_HELD_MAX);
      for (auto& refusal : shared->refusals)
        tap.ok(std::string(refusal).find("LimitsExceeded") != std::string::npos, "… then: %s",
               refusal);
    } else {
      tap.ok(all >= DG_NAMES_PER_PEER_MAX + DG_MATCHES_PER_PEER_MAX - 64,
             "%u connections hold what each may: %llu", connections,
             static_cast<unsigned long long>(all));
    }
    tap.ok(charged["slab_unreclaimable"] > static_cast<int64_t>(all) * 64,
           "charged to her own cgroup");
    tap.ok(more < static_cast<int64_t>(all) * 2048 + (64 << 20), "at most 2 KiB for each");
    const pid_t other = spawn_as(BOB, bob);
    const int status = ended(other);
    tap.ok(status == 0, "another user has rules, names, calls and fds as ever (status %d)", status);
    end_process(pid);
    tap.ok(comes_true([&] { return held() == had && unclaimed() == 0; }, 60000),
           "when she has gone nothing of it is left (%llu)",
           static_cast<unsigned long long>(held() - had));
    // The bus's tables, which she made grow, stay with it.
    bus.close();
    int64_t left = 0;
    const bool none = comes_true(
        [&] {
          write_file("/proc/sys/vm/drop_caches", "2");
          flush_charges();
          left = group.stat()["slab_unreclaimable"];
          return left < 4096 + charge_error();
        },
        10000);
    tap.ok(none, "nor, with the bus, charged for (%lld bytes)", static_cast<long long>(left));
  }
  nothing_left(tap, before);
  return tap.finish();
}
