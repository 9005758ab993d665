// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * charges.cpp - what cgroups are charged for what waits, and when they may make who pays wait
 *
 * What waits in the kernel is charged to the cgroup of who sent it. A cgroup at memory.max, of
 * files that it can give back, has nothing refused. One that is above memory.high is throttled, but
 * never while its task holds a lock of the bus's, which others wait for: that's seen by looking at
 * where in the kernel it sleeps.
 */
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>

#include "../../../kmod/limits.h"
#include "files.h"
#include "kernel_memory.h"
#include "settle.h"
#include "shared_bus.h"

using namespace dg::test;

namespace {

constexpr uint32_t ALICE = 30001, BOB = 30002;

struct Shared {
  std::atomic<unsigned> step{0};
  std::atomic<unsigned> done{0}, refused{0}, errors{0};
};
Shared* shared;

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Of a cgroup: what isn't its programs' own memory, nor files.
int64_t kernel_bytes(const Cgroup& group) {
  flush_charges();
  auto stat = group.stat();
  return std::stoll(text_of(group.path() + "/memory.current")) - stat["anon"] - stat["file"];
}

uint64_t queued() { return stats()[DBUS_GENL_STATS_A_QUEUED_BYTES]; }

// Alice does something in her cgroup, then waits to be ended.
template <class F>
pid_t alice(const Cgroup& group, F f) {
  shared->done = 0;
  const pid_t pid = fork();
  if (pid) return pid;
  group.enter();
  if (setgid(ALICE) || setuid(ALICE)) _exit(97);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_DUMPABLE, 1);
  f();
  shared->done = 1;
  for (;;) pause();
}

bool is_done(int timeout_ms = 300000) {
  return comes_true([] { return shared->done == 1; }, timeout_ms);
}

// Several SENDs in one sendmsg.
class Batch {
 public:
  explicit Batch(Peer& peer) : peer_(peer) {}
  void add(Message m) {
    m.serial = ++serial_;
    const Bytes one = genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(m), 0, m.serial);
    if (bytes_.size() + one.size() > 150000) send();
    bytes_.insert(bytes_.end(), one.begin(), one.end());
  }
  void send() {
    if (!bytes_.empty() && peer_.sock.send_bytes(bytes_)) ++shared->errors;
    bytes_.clear();
  }

 private:
  Peer& peer_;
  Bytes bytes_;
  uint32_t serial_ = 1000;
};

Peer& joined(Peer& peer) {
  peer.takes_fds = true;
  if (peer.join(SHARED_BUS).empty()) _exit(3);
  return peer;
}

// Of alice's process: it has come so far, and waits for the word.
void ready() {
  shared->step = 1;
  while (shared->step == 1) usleep(1000);
}

void wait_ready() {
  comes_true([] { return shared->step == 1; }, 60000);
}

// --- what waits is charged

void waiting(Tap& tap) {
  constexpr uint64_t ENOUGH = 6 << 20;
  for (size_t size : {200, 3000, 60000})
    for (bool to_all : {false, true}) {
      Bus bus;
      open_shared_bus(tap, bus);
      Cgroup group("waiting");
      if (!group.works()) tap.bail("no cgroup with memory.stat");
      Peer deaf;
      {
        const Become user(BOB);
        if (deaf.join(SHARED_BUS).empty()) tap.bail("can't join");
      }
      deaf.ask("AddMatch", Args().s("interface='charges.I'"));
      const std::string name = deaf.name();
      shared->step = 0;
      const pid_t pid = alice(group, [&] {
        Peer peer;
        joined(peer);
        ready();
        const Args args = Args().s(std::string(size, 'c'));
        Message m =
            to_all ? signal("/", "charges.I", "M", args) : call(name, "/", "charges.I", "M", args);
        m.flags = NO_REPLY;
        // Half of a queue is for broadcasts.
        for (unsigned n = 0; queued() < ENOUGH && n < 30000; ++n)
          for (unsigned i = 0; i < 8; ++i) {
            Message again = m;
            peer.send(again, false);
          }
      });
      wait_ready();
      const int64_t before = kernel_bytes(group);
      shared->step = 2;
      if (!is_done()) tap.bail("she doesn't fill it");
      const auto waits = static_cast<int64_t>(queued());
      const int64_t charged = kernel_bytes(group) - before;
      // Pages of other things, and what may wait uncharged.
      constexpr int64_t SLACK = 2 * DG_ACCOUNT_UNCHARGED_MAX + (1 << 20);
      tap.ok(waits >= static_cast<int64_t>(ENOUGH) && charged > waits - waits / 8 - SLACK,
             "%s of %zu bytes: %lld wait, %lld are charged to who sent them",
             to_all ? "broadcasts" : "calls", size, static_cast<long long>(waits),
             static_cast<long long>(charged));
      end_process(pid);
    }
}

// The same of what the driver answers.
void answers(Tap& tap) {
  Bus bus;
  open_shared_bus(tap, bus);
  Cgroup group("answers");
  shared->step = 0;
  const pid_t pid = alice(group, [] {
    static Peer peer;  // it's hers until she ends
    joined(peer).auto_pull = false;
    ready();
    Batch batch(peer);
    for (unsigned i = 0; i < 1000; ++i)
      batch.add(call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                     "org.freedesktop.DBus.Introspectable", "Introspect"));
    batch.send();
  });
  wait_ready();
  const int64_t before = kernel_bytes(group);
  shared->step = 2;
  if (!is_done()) tap.bail("she doesn't ask");
  const auto waits = static_cast<int64_t>(queued());
  const int64_t charged = kernel_bytes(group) - before;
  tap.ok(waits > 3 << 20 && charged > waits - waits / 8 - (1 << 20),
         "answers of the driver: %lld wait, %lld are charged to who asked",
         static_cast<long long>(waits), static_cast<long long>(charged));
  end_process(pid);
}

// --- a cgroup at its memory.max

Message rule(unsigned n) {
  return driver_call("AddMatch", Args().s("interface='charges.I',arg0='" + std::to_string(n) +
                                          std::string(300, 'r') + "'"));
}

// A file's pages, more than there is room for, and which can be given back.
void read_much() {
  const int fd = open("/usr/bin/qemu-system-x86_64", O_RDONLY);
  std::string buffer(1 << 16, '\0');
  for (int n = 0; n < 400 && read(fd, buffer.data(), buffer.size()) > 0; ++n) continue;
  close(fd);
}

void full(Tap& tap) {
  Bus bus;
  open_shared_bus(tap, bus);
  Cgroup group("full");
  shared->refused = shared->errors = 0;
  write_file(group.path() + "/memory.max", std::to_string(16 << 20));
  const pid_t pid = alice(group, [] {
    read_much();
    Peer peer;
    joined(peer);
    for (unsigned n = 0; n < 3000; ++n) {
      auto reply = peer.call(rule(n), 20000);
      shared->refused += !reply || reply->type != RETURN;
    }
    shared->errors += static_cast<unsigned>(peer.send_errors.size());
  });
  const bool done = is_done();
  const std::string events = text_of(group.path() + "/memory.events");
  const auto at = events.find("\nmax ");
  const long reached = at == std::string::npos ? 0 : std::atol(events.c_str() + at + 5);
  tap.ok(done && reached > 0 && shared->refused == 0 && shared->errors == 0,
         "in a cgroup full of files, at its memory.max %ld times, no rule of 3000 is refused "
         "(%u, %u errors)",
         reached, shared->refused.load(), shared->errors.load());
  end_process(pid);
}

// --- a cgroup above its memory.high

// Where in the kernel a task sleeps because of that: how often it was seen to, and under locks.
class Watch {
 public:
  explicit Watch(pid_t pid) : path_("/proc/" + std::to_string(pid) + "/stack") {}
  // It's empty while the task runs.
  bool works() const {
    return comes_true([&] { return !text_of(path_).empty(); });
  }
  void look() {
    const std::string stack = text_of(path_);
    if (stack.find("over_high") == std::string::npos &&
        stack.find("try_to_free_mem_cgroup") == std::string::npos)
      return;
    ++seen;
    for (const char* locked : {"dg_route", "dg_queue", "dg_peer_join", "dg_activation"})
      if (stack.find(locked) != std::string::npos) {
        ++under_locks;
        where = stack;
        return;
      }
  }
  unsigned seen = 0, under_locks = 0;
  std::string where;

 private:
  std::string path_;
};

struct Kind {
  const char* name;
  std::function<void(Batch&, Peer&)> act;
};

const Kind kinds[] = {
    {"match rules",
     [](Batch& batch, Peer&) {
       for (unsigned n = 0; n < 3000; ++n) batch.add(rule(n));
     }},
    {"names",
     [](Batch& batch, Peer&) {
       for (unsigned n = 0; n < 1000; ++n)
         batch.add(
             driver_call("RequestName",
                         Args().s("charges.N" + std::to_string(n) + std::string(200, 'n')).u(0)));
     }},
    {"lists that are files",
     [](Batch& batch, Peer& peer) {
       for (unsigned n = 0; n < 400; ++n)
         batch.add(
             driver_call("RequestName",
                         Args().s("charges.N" + std::to_string(n) + std::string(200, 'n')).u(0)));
       batch.send();
       while (peer.receive(0)) continue;
       for (unsigned n = 0; n < 300; ++n) batch.add(driver_call("ListNames"));
     }},
    {"calls that are not answered",
     [](Batch& batch, Peer& peer) {
       for (unsigned n = 0; n < 4000; ++n)
         batch.add(call(peer.name(), "/", "charges.I", "M", Args().s(std::string(500, 'x'))));
     }},
    {"broadcasts",
     [](Batch& batch, Peer& peer) {
       peer.ask("AddMatch", Args().s("interface='charges.I'"));
       for (unsigned n = 0; n < 4000; ++n)
         batch.add(signal("/", "charges.I", "M", Args().s(std::string(500, 'x'))));
     }},
};

void throttled(Tap& tap) {
  for (const Kind& kind : kinds) {
    Bus bus;
    open_shared_bus(tap, bus);
    Cgroup group("throttled");
    shared->step = 0;
    const pid_t pid = alice(group, [&] {
      Peer peer;
      joined(peer);
      ready();
      Batch batch(peer);
      kind.act(batch, peer);
      batch.send();
    });
    wait_ready();
    write_file(group.path() + "/memory.high", "0");
    Watch watch(pid);
    if (!watch.works()) tap.bail("no /proc/PID/stack");
    shared->step = 2;
    // Twenty seconds of it will do; she's throttled for longer.
    comes_true(
        [&] {
          watch.look();
          return shared->done == 1;
        },
        20000);
    write_file(group.path() + "/memory.high", "max");
    tap.ok(watch.seen > 0 && watch.under_locks == 0,
           "%s: throttled, but not while others wait (seen %u times, %u of them under locks)",
           kind.name, watch.seen, watch.under_locks);
    if (watch.under_locks) tap.note("%s", watch.where.substr(0, 1500).c_str());
    end_process(pid);
  }
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  shared = shared_memory<Shared>();
  const Stats before = stats();
  waiting(tap);
  answers(tap);
  full(tap);
  throttled(tap);
  nothing_left(tap, before, 30000);
  return tap.finish();
}
