// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * departure.cpp - peers that go with much to be done
 *
 * Killed in the middle of a sendmsg() with thousands of requests, it does no more of them.  With a
 * thousand names, and calls that wait for it, it gives them up in dbus-daemon's order; who goes on
 * with the bus meanwhile has its turn between them, and a bus that goes in the middle of that
 * leaves nothing.
 */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>

#include "peer.h"
#include "settle.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr const char* BUS = "departure";
constexpr int NAMES = 1000;
constexpr int CALLS = 300;

std::string name_of(int n) { return "departure.N" + std::to_string(n); }

// A process that does this until it is killed; what it says first can be waited for.
struct Child {
  pid_t pid;
  int ready;
  void wait_ready() const {
    char c;
    if (read(ready, &c, 1) != 1) std::_Exit(99);
  }
  void kill() {
    ::kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    close(ready);
  }
};

Child start(const std::function<void(const std::function<void()>& ready)>& what) {
  int ends[2];
  if (pipe(ends)) std::_Exit(99);
  pid_t pid = fork();
  if (!pid) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    what([&] { (void)!write(ends[1], "r", 1); });
    _exit(0);
  }
  close(ends[1]);
  return {pid, ends[0]};
}

void join(Peer& peer) {
  if (peer.join(BUS).empty()) _exit(4);
}

// One sendmsg() of so many signals as fit.
void killed_amid(Tap& tap) {
  constexpr uint32_t SIGNALS = 1500;
  Peer reader;
  if (reader.join(BUS).empty()) tap.bail("join");
  // Which make each of them take a while.
  for (int i = 0; i < 400; ++i)
    reader.ask("AddMatch", Args().s("interface='d.I',arg1='x" + std::to_string(i) + "'"));
  reader.ask("AddMatch", Args().s("interface='d.I'"));

  Child child = start([&](auto& ready) {
    Peer peer;
    join(peer);
    Bytes all;
    for (uint32_t i = 1; i <= SIGNALS; ++i) {
      Message m = signal("/d", "d.I", "S", Args().u(i));
      m.serial = i + 100;
      Bytes one = genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(m), 0, m.serial);
      all.insert(all.end(), one.begin(), one.end());
    }
    ready();
    if (peer.sock.send_bytes(all)) _exit(5);
    pause();
  });
  child.wait_ready();
  auto first = reader.receive(30000);
  child.kill();
  uint32_t got = first.has_value();
  // All of them are there: the process is.
  reader.ask("GetId");
  while (auto m = reader.receive(0)) got += m->member == "S";
  tap.ok(got >= 1 && got < SIGNALS, "killed amid its sendmsg(), a task does no more: %u of %u", got,
         SIGNALS);
}

// Owns NAMES, and calls wait for it; ends when it is killed.
Child start_owner() {
  return start([](auto& ready) {
    Peer peer;
    join(peer);
    for (int i = 0; i < NAMES; ++i)
      if (peer.ask("RequestName", Args().s(name_of(i)).u(0)) != "u1") _exit(5);
    ready();
    while (true) pause();
  });
}

// Has the bus for writing all the time.
Child start_busy() {
  return start([](auto& ready) {
    Peer peer;
    join(peer);
    ready();
    for (uint32_t i = 0;; ++i) {
      Message m = signal("/d", "d.Busy", "S", Args().u(i));
      peer.send(m);
    }
  });
}

struct Departure {
  bool in_order = false;
  int amid = 0;     // others' signals between the names
  int answers = 0;  // calls that waited and got NoReply
  bool gone = false;
};

Departure depart(Tap& tap) {
  Peer watcher, caller;
  Child owner = start_owner();
  owner.wait_ready();
  if (watcher.join(BUS).empty() || caller.join(BUS).empty()) tap.bail("join");
  auto last = caller.call(driver_call("GetNameOwner", Args().s(name_of(0))));
  const std::string unique = last ? last->string_arg() : "";
  watcher.ask("AddMatch", Args().s("member='NameOwnerChanged',arg1='" + unique + "'"));
  watcher.ask("AddMatch", Args().s("interface='d.Busy'"));
  for (int i = 0; i < CALLS; ++i) {
    Message m = call(name_of(i), "/d", "d.I", "Call");
    if (caller.send(m)) tap.bail("SEND");
  }

  Child busy = start_busy();
  busy.wait_ready();
  for (int i = 0; i < 20; ++i) watcher.receive(10000);
  owner.kill();

  int next = NAMES, amid = 0, wrong = 0;
  while (auto m = watcher.receive(30000)) {
    if (m->member == "S") {
      amid += next < NAMES;
      continue;
    }
    const std::string name = m->string_arg();
    const std::string expected = next ? name_of(--next) : unique;
    if (name != expected && !wrong++) tap.note("%s in place of %s", name.c_str(), expected.c_str());
    if (name == unique) break;
  }
  busy.kill();
  int answers = 0;
  for (; answers < CALLS; ++answers) {
    auto m = caller.receive(30000);
    if (!m || m->error_name != "org.freedesktop.DBus.Error.NoReply") break;
  }
  return {next == 0 && !wrong, amid, answers,
          caller.ask("NameHasOwner", Args().s(name_of(0))) == "false" &&
              caller.ask("NameHasOwner", Args().s(unique)) == "false"};
}

// Again until somebody has been there in time: who runs when is the scheduler's.
void in_order(Tap& tap) {
  constexpr int ROUNDS = 20;
  Departure all{true, 0, CALLS, true};
  for (int i = 0; i < ROUNDS && !all.amid; ++i) {
    const Departure one = depart(tap);
    all.in_order &= one.in_order;
    all.amid += one.amid;
    all.answers = std::min(all.answers, one.answers);
    all.gone &= one.gone;
  }
  tap.ok(all.in_order, "its names go, the newest first and the unique one last");
  tap.ok(all.amid > 0, "others' signals come between them: %d", all.amid);
  tap.ok(all.answers == CALLS, "each call that waited for it gets NoReply: %d of %d", all.answers,
         CALLS);
  tap.ok(all.gone, "nobody has them any more");
}

// The bus is destroyed while its peer's names go; several times, at different moments.
void bus_goes_too(Tap& tap, Bus& bus) {
  int done = 0;
  for (int round = 0; round < 10; ++round) {
    Child owner = start_owner();
    owner.wait_ready();
    Child busy = start_busy();
    busy.wait_ready();
    Child end = start([&](auto& ready) {
      ready();
      usleep(static_cast<useconds_t>(round) * 3000);
      Bus other;
      if (other.destroy(BUS).error) _exit(5);
    });
    end.wait_ready();
    owner.kill();
    int status = 1;
    waitpid(end.pid, &status, 0);
    close(end.ready);
    busy.kill();
    done += status == 0;
    bus.close();
    bus = Bus();
    if (bus.create(BUS).error) tap.bail("BUS_CREATE");
  }
  tap.ok(done == 10, "a bus is destroyed amid the end of a peer: %d times", done);
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  {
    Bus bus;
    if (bus.create(BUS).error) tap.bail("BUS_CREATE");
    killed_amid(tap);
    in_order(tap);
    bus_goes_too(tap, bus);
  }
  nothing_left(tap, before);
  return tap.finish();
}
