// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * rmmod.cpp - the module goes when it may, comes back, and never takes clients down
 *
 * rmmod FILE.ko
 */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "peer.h"
#include "tap.h"

using namespace dg::test;

namespace {

int remove_module() { return syscall(SYS_delete_module, "dbus_genl", O_NONBLOCK) ? -errno : 0; }

int insert_module(const char* file) {
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int error = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
  close(fd);
  family_id(true);
  return error;
}

// Comes and goes as fast as it can, module or not.
[[noreturn]] void restless(uint32_t index) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string name = "restless" + std::to_string(index);
  for (;;) {
    if (!family_id(true)) continue;
    Bus bus;
    Peer a, b;
    if (bus.create(name).error || a.connect(name).error || b.connect(name).error) continue;
    for (Peer* p : {&a, &b})
      for (auto& m : {driver_call("Hello"), driver_call("RequestName", Args().s("rmmod.Name").u(0)),
                      driver_call("AddMatch", Args().s("type='signal'")), signal("/x", "r.I", "M"),
                      call("rmmod.Name", "/x", "r.I", "M")}) {
        Message copy = m;
        p->send(copy, false);
      }
  }
}

void serves(Tap& tap, const char* when) {
  Bus bus;
  Peer a, b;
  bool fine = !bus.create("rmmod").error && a.join("rmmod") == ":1.0" && b.join("rmmod") == ":1.1";
  Message m = call(":1.1", "/x", "r.I", "M", Args().s(when));
  fine = fine && a.send(m) == 0;
  auto got = b.receive(5000);
  tap.ok(fine && got && got->string_arg() == when, "%s, a bus serves", when);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  serves(tap, "at first");
  {
    Bus bus;
    Peer peer;
    if (bus.create("rmmod").error || peer.join("rmmod").empty()) tap.bail("can't join");
    int error = remove_module();
    tap.ok(error == -EWOULDBLOCK || error == -EBUSY, "with a client connected it is refused: %s",
           std::strerror(-error));
    tap.ok(peer.ask("NameHasOwner", Args().s(":1.0")) == "true", "and the client doesn't notice");
    peer.sock.close();
    error = remove_module();
    tap.ok(error == -EWOULDBLOCK || error == -EBUSY, "with a bus's controller alone, too: %s",
           std::strerror(-error));
  }
  int error = remove_module();
  tap.ok(error == 0, "without clients it goes: %s", std::strerror(-error));
  tap.ok(family_id(true) == 0, "and the family with it");
  error = insert_module(argv[1]);
  tap.ok(error == 0, "and comes back: %s", std::strerror(-error));
  serves(tap, "after that");

  // Sockets that were peers, or asked something, hold nothing.
  {
    Peer was;
    {
      Bus bus;
      bus.create("rmmod");
      was.join("rmmod");
    }
    was.receive(5000);
    error = remove_module();
    tap.ok(was.disconnected && error == 0, "a socket that was a peer doesn't hold it: %s",
           std::strerror(-error));
    insert_module(argv[1]);
    Bus bus;
    bus.create("rmmod");
    Answer a = was.connect("rmmod");
    tap.ok(!a.error && was.hello() == ":1.0",
           "and may be one again of the module that came back (%d %s)", a.error, a.extack.c_str());
  }
  {
    Bus bus;
    bus.create("kept", DBUS_GENL_BUS_PERSISTENT);
  }
  error = remove_module();
  tap.ok(error == 0, "a persistent bus goes with the module: %s", std::strerror(-error));
  insert_module(argv[1]);
  Stats s = stats();
  tap.ok(!s.empty() && s[DBUS_GENL_STATS_A_BUSES] == 0, "and isn't there after: %s",
         gauges_text(s).c_str());

  // In the middle of everything.
  pid_t pids[4];
  for (uint32_t i = 0; i < 4; ++i) {
    pids[i] = fork();
    if (!pids[i]) restless(i);
  }
  int removed = 0, refused = 0, odd = 0;
  for (int64_t end = now_ms() + 30000; now_ms() < end;) {
    error = remove_module();
    if (!error) {
      ++removed;
      error = insert_module(argv[1]);
      odd += error != 0;
      // So that sometimes somebody is there when it is to go again.
      usleep(static_cast<unsigned>(removed % 4) * 30000);
    } else if (error == -EWOULDBLOCK || error == -EBUSY) {
      ++refused;
      usleep(static_cast<unsigned>(refused % 7) * 300);
    } else {
      ++odd;
    }
  }
  for (pid_t pid : pids) {
    if (pid < 0) continue;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  tap.ok(odd == 0 && refused > 0,
         "while clients come and go: removed %d times, refused %d times, else %d", removed, refused,
         odd);
  if (!family_id(true)) insert_module(argv[1]);
  for (int i = 0; i < 600 && stats()[DBUS_GENL_STATS_A_BUSES]; ++i) usleep(100000);
  s = stats();
  bool empty = !s.empty();
  for (auto& [attr, value] : s) empty = empty && (attr > DBUS_GENL_STATS_A_USERS || value == 0);
  tap.ok(empty, "and nothing is left: %s", gauges_text(s).c_str());
  serves(tap, "at the end");
  return tap.finish();
}
