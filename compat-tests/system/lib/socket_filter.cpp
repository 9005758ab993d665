// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * socket_filter.cpp - receivers with a socket filter of their own
 *
 * socket_filter [ROUNDS]
 *
 * A filter may shorten what comes, and the buffer's size change at any moment: what waits is
 * charged as long as it does, and no longer. What a filter doesn't want is gone, with its files.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "files.h"
#include "settle.h"

using namespace dg::test;

namespace {

constexpr char BUS[] = "filter";

// Takes the first `bytes` of everything.
void keep(Tap& tap, Peer& peer, uint32_t bytes) {
  sock_filter code = BPF_STMT(BPF_RET | BPF_K, bytes);
  const sock_fprog program = {1, &code};
  if (setsockopt(peer.sock.fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program))
    tap.bail("SO_ATTACH_FILTER");
}

void buffer(Peer& peer, int bytes) {
  setsockopt(peer.sock.fd(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

void pull(Peer& peer) { peer.sock.send(DBUS_GENL_CMD_PULL, Attrs(), 0, peer.sock.next_seq()); }

uint64_t queued() { return stats()[DBUS_GENL_STATS_A_QUEUED_BYTES]; }

// Reads and pulls until nothing waits.
bool read_all(Peer& peer) {
  return comes_true([&] {
    pull(peer);
    peer.sock.discard();
    return queued() == 0 && stats()[DBUS_GENL_STATS_A_QUEUED_MESSAGES] == 0;
  });
}

void shortened(Tap& tap, unsigned rounds) {
  Peer from, deaf;
  deaf.auto_pull = false;
  if (from.join(BUS).empty() || deaf.join(BUS).empty()) tap.bail("can't join");
  keep(tap, deaf, 200);
  std::atomic<bool> stop{false};
  std::thread toggles([&] {
    while (!stop) {
      buffer(deaf, 1);
      buffer(deaf, 30000);
    }
  });
  uint64_t most = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    for (unsigned i = 0; i < 20; ++i) {
      // In pages, of which none are left when it has been shortened.
      Message m = call(deaf.name(), "/o", "f.F", "M", Args().s(std::string(5000, 'x')));
      m.flags = NO_REPLY;
      from.send(m, false);
    }
    if (round % 64 == 0) most = std::max(most, queued());
    for (unsigned i = 0; i < 6; ++i) {
      pull(deaf);
      deaf.sock.discard();
    }
    from.sock.discard();
  }
  stop = true;
  toggles.join();
  buffer(deaf, 100000);
  tap.ok(most > 0, "a receiver with a filter has had messages wait: %llu bytes",
         static_cast<unsigned long long>(most));
  const bool nothing = read_all(deaf);
  tap.ok(nothing, "once it has read them nothing is charged (%llu bytes)",
         static_cast<unsigned long long>(queued()));
}

void unwanted(Tap& tap) {
  Peer from, deaf;
  from.takes_fds = deaf.takes_fds = true;
  deaf.auto_pull = false;
  if (from.join(BUS).empty() || deaf.join(BUS).empty()) tap.bail("can't join");
  const int body = memfd(say("body", 100000));
  const int file = memfd("file");
  auto send_files = [&] {
    Message m = to(deaf, {file}), large = with_body(to(deaf, {}, "Large"), "say", body);
    m.flags = large.flags = NO_REPLY;
    return from.send(m) == 0 && from.send(large) == 0;
  };
  tap.ok(send_files() && unclaimed() == 2, "files of two messages wait to be claimed");
  buffer(deaf, 4096);
  for (int i = 0; i < 10; ++i) {
    Message m = call(deaf.name(), "/o", "f.F", "M", Args().s(std::string(1000, 'x')));
    m.flags = NO_REPLY;
    from.send(m);
  }
  tap.ok(send_files() && unclaimed() == 4 && queued() > 0, "and of two that wait themselves");
  keep(tap, deaf, 0);
  deaf.sock.discard();
  tap.ok(read_all(deaf), "it wants nothing any more: nothing waits");
  tap.ok(unclaimed() == 2, "nor do the files of what it hasn't read (%llu)",
         static_cast<unsigned long long>(unclaimed()));
  tap.ok(send_files() && unclaimed() == 2, "and what is sent to it from then on is gone at once");
  close(body);
  close(file);
}

}  // namespace

int main(int argc, char** argv) {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  {
    Bus bus;
    if (bus.create(BUS).error) tap.bail("can't make the bus");
    shortened(tap, argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 2000);
    unwanted(tap);
  }
  nothing_left(tap, before);
  return tap.finish();
}
