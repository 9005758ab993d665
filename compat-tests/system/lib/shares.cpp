// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * shares.cpp - what one user's messages take of a receiver, a bus and the machine leaves others
 * theirs
 *
 * shares [MIB]
 *
 * Alice fills all that she can; Bob's receivers don't read; Carol, and Bob himself, go on sending
 * to them. MIB (256) is how much she fills on all her buses together: less than the module's bound
 * shows nothing of that, but is quicker.
 */
#include <fcntl.h>
#include <unistd.h>

#include <deque>

#include "../../../kmod/limits.h"
#include "files.h"
#include "policy_users.h"
#include "settle.h"
#include "shared_bus.h"

using namespace dg::test;

namespace {

constexpr uint32_t ALICE = 30001, BOB = 30002, CAROL = 30003;
const char* const LIMITS_EXCEEDED = "org.freedesktop.DBus.Error.LimitsExceeded";

// This process uses the sockets of all, so files are sent by processes of their own.
std::deque<Peer> peers;

Peer& join_as(Tap& tap, uint32_t uid, std::string_view bus = SHARED_BUS) {
  Peer& peer = peers.emplace_back();
  peer.auto_pull = false;
  peer.takes_fds = true;
  const BecomeUser user(uid, {uid});
  if (peer.join(bus, uid).empty()) tap.bail("user %u can't join", uid);
  return peer;
}

// How many were accepted before the first refusal, which is the bus's.
unsigned fill(Peer& from, Message m, unsigned most = 1000000) {
  for (unsigned n = 0; n < most; ++n) {
    if (from.send(m)) return 0;
    // Refusals are there at once.
    while (auto got = from.receive(0))
      if (got->type == ERROR) return got->error_name == LIMITS_EXCEEDED ? n : 0;
  }
  return most;
}

Message bulk(const Peer& to, uint32_t number, size_t bytes = 60000) {
  Message m = call(to.name(), "/s", "shares.I", "M", Args().u(number).s(std::string(bytes, 's')));
  m.flags = NO_REPLY;
  return m;
}

// From whom, how many.
std::map<uint64_t, unsigned> read_all(Peer& peer) {
  std::map<uint64_t, unsigned> got;
  peer.auto_pull = true;
  while (auto m = peer.receive(1000))
    if (m->interface == "shares.I") ++got[m->sender];
  return got;
}

void one_bus(Tap& tap) {
  Bus bus;
  open_shared_bus(tap, bus);
  Peer &alice = join_as(tap, ALICE), &carol = join_as(tap, CAROL), &bob = join_as(tap, BOB);
  Peer &deaf = join_as(tap, BOB), &other = join_as(tap, BOB), &third = join_as(tap, BOB);

  const unsigned first = fill(alice, bulk(deaf, 1));
  tap.ok(first > 100, "she fills what one receiver may hold of hers: %u of 60 KB", first);
  for (Peer* from : {&carol, &bob})
    tap.ok(fill(*from, bulk(deaf, 2), 20) == 20, "%s others' to it are accepted",
           from == &carol ? "a third user's" : "its own user's");
  const unsigned second = fill(alice, bulk(other, 3)), last = fill(alice, bulk(third, 4));
  tap.ok(second > 100 && last < 10,
         "she fills a second one's (%u), and then what she may have wait for that user (%u)",
         second, last);
  tap.ok(fill(carol, bulk(third, 5), 50) == 50, "others don't notice");
  Peer& reads = join_as(tap, CAROL);
  tap.ok(fill(alice, bulk(reads, 6), 50) == 50, "she herself may send to a third user");
  Peer& idle = join_as(tap, ALICE);
  tap.ok(fill(alice, bulk(idle, 7), 50) == 50, "and to herself");

  auto got = read_all(deaf);
  tap.ok(got[alice.id] == first && got[carol.id] == 20 && got[bob.id] == 20,
         "the receiver reads all that was accepted: %u hers, %u and %u", got[alice.id],
         got[carol.id], got[bob.id]);
  got = read_all(third);
  tap.ok(got[alice.id] == last && got[carol.id] == 50, "and so does another");
  tap.ok(fill(alice, bulk(deaf, 8), 50) == 50, "then there is room for her again");
  peers.clear();
}

// What the driver answers and nobody reads: bounded for each peer, and for all of a user's.
void unread_answers(Tap& tap) {
  Bus bus;
  open_shared_bus(tap, bus);
  Peer& names = join_as(tap, CAROL);
  // As long as a list can be that isn't a file.
  for (unsigned i = 0; i < 250; ++i)
    names.ask("RequestName", Args().s("shares.N" + std::to_string(i) + std::string(210, 'n')).u(0));
  auto ask = [](Peer& peer, unsigned most) {
    for (unsigned i = 0; i < most; ++i) {
      Message m = driver_call("ListNames");
      peer.send(m, false);
    }
  };
  auto queued = [] { return stats()[DBUS_GENL_STATS_A_QUEUED_BYTES]; };
  Peer& first = join_as(tap, ALICE);
  ask(first, 100);
  const uint64_t of_one = queued();
  tap.ok(of_one > DG_QUEUE_DRIVER_BYTES_MAX && of_one < DG_QUEUE_DRIVER_BYTES_MAX + (1 << 18),
         "a peer that reads no answers of the driver has %llu bytes of them wait",
         static_cast<unsigned long long>(of_one));
  constexpr unsigned OTHERS = 24;
  for (unsigned i = 0; i < OTHERS; ++i) ask(join_as(tap, ALICE), 100);
  const uint64_t all = queued();
  // Each may find that it must read once one has had to wait.
  tap.ok(all > DG_USER_DRIVER_BYTES_MAX && all < DG_USER_DRIVER_BYTES_MAX + OTHERS * (1 << 18),
         "%u of a user's not %u times that, but %llu bytes", OTHERS + 1, OTHERS + 1,
         static_cast<unsigned long long>(all));
  Peer& bob = join_as(tap, BOB);
  ask(bob, 20);
  tap.ok(queued() > all + (1 << 19), "which another user doesn't notice");
  bob.auto_pull = first.auto_pull = true;
  unsigned answers = 0;
  while (auto m = bob.receive(1000)) answers += m->type == RETURN;
  tap.ok(answers == 20, "nor that its answers had to wait (%u)", answers);
  while (first.receive(1000)) continue;
  tap.ok(first.ask("GetId").size() > 30, "and who has read everything may ask again");
  peers.clear();
}

// How many messages of 16 files wait, sent by a process of the user's that holds all ends.
unsigned fill_fds(Tap& tap, const std::vector<std::pair<std::string, unsigned>>& where,
                  uint32_t uid, std::vector<pid_t>& pids) {
  int result[2];
  if (pipe(result)) tap.bail("pipe");
  pids.push_back(spawn_as(uid, [&] {
    unsigned accepted = 0;
    const std::vector<int> fds(16, open("/dev/null", O_RDONLY));
    for (auto& [bus, receivers] : where) {
      Peer& from = peers.emplace_back();
      from.takes_fds = true;
      if (from.join(bus, uid).empty()) _exit(3);
      for (unsigned i = 0; i < receivers; ++i) {
        Peer& deaf = peers.emplace_back();
        deaf.takes_fds = true;
        deaf.auto_pull = false;
        if (deaf.join(bus, uid).empty()) _exit(3);
        accepted += fill(from, to(deaf, fds));
      }
    }
    if (write(result[1], &accepted, sizeof accepted) != sizeof accepted) _exit(4);
    pause();
  }));
  unsigned accepted = 0;
  close(result[1]);
  (void)!read(result[0], &accepted, sizeof accepted);
  close(result[0]);
  return accepted;
}

void all_buses(Tap& tap, unsigned mib) {
  const Stats before = stats();
  Bus shared;
  open_shared_bus(tap, shared);
  constexpr unsigned BUSES = 6;
  Bus buses[BUSES];
  std::vector<std::pair<std::string, unsigned>> where;
  {
    const BecomeUser user(ALICE, {ALICE});
    for (unsigned i = 0; i < BUSES; ++i) {
      where.emplace_back("alice" + std::to_string(i), 5);
      if (buses[i].create(where.back().first).error) tap.bail("a user's bus");
    }
  }
  Peer &bob = join_as(tap, BOB), &deaf = join_as(tap, BOB), &carol = join_as(tap, CAROL);

  const uint64_t most = uint64_t{mib} << 20;
  for (auto& [bus, receivers] : where) {
    Peer& from = join_as(tap, ALICE, bus);
    for (unsigned i = 0; i < receivers; ++i) {
      if (stats()[DBUS_GENL_STATS_A_QUEUED_BYTES] > most) break;
      fill(from, bulk(join_as(tap, ALICE, bus), 1));
    }
  }
  const uint64_t queued = stats()[DBUS_GENL_STATS_A_QUEUED_BYTES];
  if (most >= DG_ACCOUNT_BYTES_MAX)
    tap.ok(queued <= DG_ACCOUNT_BYTES_MAX && queued > DG_ACCOUNT_BYTES_MAX - (1 << 20),
           "on %u buses she may have 256 MiB in all, not for each: %llu bytes wait", BUSES,
           static_cast<unsigned long long>(queued));
  for (Peer* from : {&bob, &carol})
    tap.ok(fill(*from, bulk(deaf, 2), 50) == 50, "meanwhile %s sends what has to wait",
           from == &bob ? "another user" : "a third");
  tap.ok(read_all(deaf)[carol.id] == 50, "which arrives");
  peers.clear();
  tap.ok(comes_true([] { return stats()[DBUS_GENL_STATS_A_QUEUED_BYTES] == 0; }),
         "her peers' end frees it");

  std::vector<pid_t> pids;
  const unsigned fds = 16 * fill_fds(tap, where, ALICE, pids);
  tap.ok(fds == DG_ACCOUNT_FDS_MAX && unclaimed() == fds,
         "nor may she have more than %u files wait (%u)", DG_ACCOUNT_FDS_MAX, fds);
  const unsigned his = 16 * fill_fds(tap, {{SHARED_BUS, 1}}, BOB, pids);
  tap.ok(his == DG_QUEUE_FDS_MAX, "while another user's are accepted as ever (%u)", his);
  for (pid_t pid : pids) end_process(pid);
  shared.close();
  for (Bus& bus : buses) bus.close();
  nothing_left(tap, before);
}

}  // namespace

int main(int argc, char** argv) {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  one_bus(tap);
  unread_answers(tap);
  all_buses(tap, argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 256);
  nothing_left(tap, before);
  return tap.finish();
}
